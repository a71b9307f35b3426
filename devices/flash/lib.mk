SRCS := src/flash.c src/state.c
NEEDS := base device platform_api state
