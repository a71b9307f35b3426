SRCS := src/ns16550.c src/line.c src/state.c
NEEDS := base chardev clock device irq_controller platform_api state
