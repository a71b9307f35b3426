SRCS := src/core.c src/route.c src/dist.c src/redist.c src/cpuif.c src/gicc.c src/icc.c src/state.c src/gicv2m.c src/lr.c \
	src/shortcut.c src/fields.c src/lpi.c src/lpi_table.c src/its.c src/its_table.c src/its_command.c src/its_kvm.c
NEEDS := vmm_debug device state irq_controller vbus simple_as platform_api arch_api base
