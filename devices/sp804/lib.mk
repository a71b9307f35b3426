SRCS := src/sp804.c src/counter.c
NEEDS := amba base clock device irq_controller platform_api state
