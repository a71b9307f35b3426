SRCS := src/pl031.c
NEEDS := amba base clock device irq_controller platform_api state
