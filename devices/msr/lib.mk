SRCS := src/arm_trap.c src/arm_operation.c src/arm_inject.c src/arm_cpu_model.c src/arm_sysreg.c \
	src/arm_sysreg_table.c src/x86_cpuid.c src/x86_msr.c
NEEDS := base clock device state vbus
