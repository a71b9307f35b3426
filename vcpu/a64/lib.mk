include vcpu/a64/simd.mk
SRCS := $(SIMD_SRCS)
