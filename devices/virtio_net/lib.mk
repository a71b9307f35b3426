SRCS := src/virtio_net.c src/transmit.c src/receive.c src/control.c
NEEDS := virtio
