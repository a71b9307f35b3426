SRCS := src/virtio_net.c src/transmit.c src/receive.c src/hash.c src/control.c src/rss.c \
	src/coalesce.c
NEEDS := virtio clock
