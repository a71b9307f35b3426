include vcpu/a64/simd.mk
SRCS := src/a64.c src/state.c src/machine.c src/turns.c src/decode.c src/decode_register.c src/decode_branch.c \
	src/decode_memory.c src/flags.c src/exec.c src/break.c src/code.c src/mmu.c src/memory.c src/atomic.c \
	src/vector.c src/exception.c src/sysreg.c src/model.c $(SIMD_SRCS)
NEEDS := arm_state cpu_model vbus simple_as state irq_controller
