SRCS := src/block_file.c src/char_host.c src/tap.c src/pcap.c
NEEDS := virtio_block virtio_net chardev platform_api
HOSTED := 1
