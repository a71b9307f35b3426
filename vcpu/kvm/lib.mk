SRCS := src/machine.c src/run.c src/exits.c src/nisv.c src/registers.c src/state.c src/gic.c
NEEDS := arm_state cpu_model firmware irq_controller lifecycle msr simple_as state timer vbus
