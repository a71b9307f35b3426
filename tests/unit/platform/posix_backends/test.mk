NEEDS := virtio_block virtio_console virtio_net
