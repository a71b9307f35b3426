SRCS := src/park.c src/sync.c src/timer.c src/thread.c src/log.c src/memory.c
NEEDS := platform_api
HOSTED := 1
LIBS := -pthread
