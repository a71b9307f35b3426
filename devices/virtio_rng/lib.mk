SRCS := src/virtio_rng.c
NEEDS := virtio
