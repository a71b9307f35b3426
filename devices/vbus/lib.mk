SRCS := src/vbus.c src/access.c
NEEDS := device vmm_debug
