SRCS := src/machine.c src/run.c src/exits.c src/nisv.c src/registers.c src/state.c src/gic.c src/gic_state.c
NEEDS := arm_state cpu_model firmware gic irq_controller lifecycle msr simple_as state timer vbus
