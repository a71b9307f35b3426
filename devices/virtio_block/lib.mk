SRCS := src/virtio_block.c src/request.c
NEEDS := virtio
