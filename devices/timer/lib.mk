SRCS := src/timer.c src/timer_device.c
NEEDS := clock irq_controller device state vbus vmm_debug
