SRCS := src/timer_frames.c
NEEDS := base device state timer
