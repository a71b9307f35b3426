NEEDS := virtio_console virtio_net vswitch
