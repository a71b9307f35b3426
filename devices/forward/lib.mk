SRCS := src/forward.c
NEEDS := base device platform_api state
