SRCS := src/status.c
NEEDS :=
