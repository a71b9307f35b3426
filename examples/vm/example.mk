NEEDS := a64 arm_state linux_kvm kvm gic timer clock pl011 pl031 pl061 flash fw_cfg firmware lifecycle loader msr \
	simple_as vbus vmm_debug virtio pci virtio_pci virtio_block virtio_net virtio_console virtio_rng vswitch \
	posix_backends gdb_stub vcpu_roundup slirp_backend trace_json
EXAMPLE_LIBS := -lfdt -linih -lz
