SRCS := src/pl011.c src/fifo.c src/registers.c src/state.c
NEEDS := amba base chardev clock device irq_controller platform_api state
