SRCS := src/cpu.c src/cpu_wait.c src/cpu_set.c
NEEDS := vmm_debug
