SRCS := src/cross_vm.c
NEEDS := base device irq_controller platform_api state
