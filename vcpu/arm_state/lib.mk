SRCS := src/arm_state.c
NEEDS := base state vbus
