SRCS := src/virtio_console.c src/control.c
NEEDS := virtio chardev
