SRCS := src/vswitch.c
NEEDS := virtio_net clock vmm_debug
