/* The kinds of virtio device that the machine can have. */
#ifndef VM_VIRTIO_H
#define VM_VIRTIO_H

#include "machine.h"

struct vm_virtio_type {
    const char *name;
    /* Makes the device, its back end not yet at work; fills v->device. */
    struct vml_virtio *(*create)(struct vm *vm, struct vm_virtio *v,
                                 const struct vml_virtio_platform *platform);
    void (*start)(struct vm *vm,
                  struct vm_virtio *v);               /* the back end begins to work; may be NULL */
    void (*stop)(struct vm *vm, struct vm_virtio *v); /* and ends; may be NULL */
    void (*destroy)(struct vm *vm, struct vm_virtio *v);
};

extern const struct vm_virtio_type vm_virtio_block_type;
extern const struct vm_virtio_type vm_virtio_net_type;
extern const struct vm_virtio_type vm_virtio_console_type;
extern const struct vm_virtio_type vm_virtio_rng_type;

#endif
