SRCS := src/user_net.c
NEEDS := virtio_net platform_api
HOSTED := 1
LIBS := -lslirp
