SRCS := src/generic_watchdog.c
NEEDS := amba base clock device irq_controller platform_api state timer
