SRCS := src/mc146818.c src/calendar.c
NEEDS := base clock device irq_controller platform_api state
