SRCS := src/pvpanic.c
NEEDS := base device
