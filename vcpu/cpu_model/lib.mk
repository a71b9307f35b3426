SRCS :=
NEEDS := vmm_debug
