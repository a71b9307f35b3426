SRCS := src/access_control.c
NEEDS := base device
