SRCS := src/lifecycle.c
NEEDS := cpu_model vcpu_roundup vbus
