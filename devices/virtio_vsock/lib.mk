SRCS := src/virtio_vsock.c src/connection.c
NEEDS := virtio
