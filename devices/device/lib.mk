SRCS := src/regs.c src/table.c
NEEDS := state
