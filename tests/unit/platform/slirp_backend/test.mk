NEEDS := virtio_net
