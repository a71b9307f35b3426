NEEDS := vbus virtio_rng
