SRCS := src/pl061.c
NEEDS := amba base device irq_controller platform_api state
