SRCS :=
NEEDS := device vmm_debug
