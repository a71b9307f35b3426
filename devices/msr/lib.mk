SRCS := src/arm_trap.c src/arm_operation.c src/arm_inject.c
NEEDS := base device state vbus
