SRCS := src/regions.c src/lookup.c src/dirty.c
NEEDS := base platform_api
