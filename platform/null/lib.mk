SRCS := src/null.c src/format.c
NEEDS := platform_api arch_api
