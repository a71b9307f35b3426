SRCS := src/roundup.c
NEEDS := cpu_model
