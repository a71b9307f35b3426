SRCS := src/debug.c src/trace.c
NEEDS := base arch_api platform_api
