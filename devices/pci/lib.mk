SRCS := src/function.c src/config.c src/host.c src/msix.c src/state.c
NEEDS := base device irq_controller platform_api state vmm_debug
