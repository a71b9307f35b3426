/* The device tree that the guest finds its machine by. */
#ifndef VM_DEVICE_TREE_H
#define VM_DEVICE_TREE_H

#include <stddef.h>
#include <stdint.h>

enum { VM_FDT_MAX = 1 << 20 };

/* What the tree describes. */
struct vm_fdt_config {
    unsigned cpus;
    const uint64_t *mpidr;      /* one per vCPU */
    const char *cpu_compatible; /* such as "arm,cortex-a57" */
    unsigned gic;               /* 2 or 3 */
    uint64_t ram_base;
    uint64_t ram_size;
    const char *bootargs;
    uint64_t initrd; /* 0 for none */
    uint64_t initrd_size;
    unsigned virtio_slots; /* transports that are there: slot 0 upwards */
    int pci;               /* nonzero: the PCI Express host bridge is there */
    int flash;             /* nonzero: the flash banks and fw_cfg are there */
    uint8_t seed[64];      /* entropy for the guest: 32 bytes rng-seed, 8 bytes kaslr-seed */
};

/* Writes a tree into `buffer`; returns 0 or a negative libfdt error. */
int vm_fdt_generate(void *buffer, size_t size, const struct vm_fdt_config *config);

/*
 * Patches a tree that the user gave: memory, bootargs, initrd and seeds.  `buffer` holds the tree and
 * has `size` bytes of room.  Returns 0 or a negative libfdt error.
 */
int vm_fdt_patch(void *buffer, size_t size, const struct vm_fdt_config *config);

#endif
