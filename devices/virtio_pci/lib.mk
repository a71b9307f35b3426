SRCS := src/virtio_pci.c src/common.c
NEEDS := pci virtio device state vmm_debug
