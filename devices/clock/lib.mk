SRCS := src/clock.c src/convert.c src/host.c src/virtual.c
NEEDS := irq_controller platform_api
