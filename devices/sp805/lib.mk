SRCS := src/sp805.c
NEEDS := amba base clock device irq_controller platform_api state
