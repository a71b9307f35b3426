/* The virtio devices of the machine: each on a transport of its own, with its back end. */
#include "virtio.h"

#include <stdlib.h>
#include <string.h>

static const struct vm_virtio_type *const types[] = {
    [VM_DEVICE_BLOCK] = &vm_virtio_block_type,
    [VM_DEVICE_NET] = &vm_virtio_net_type,
    [VM_DEVICE_CONSOLE] = &vm_virtio_console_type,
    [VM_DEVICE_RNG] = &vm_virtio_rng_type,
};

void vm_virtio_create(struct vm *vm)
{
    for (unsigned i = 0; i < vm->options.device_count; i++) {
        struct vm_virtio *v = &vm->virtio[i];
        const struct vml_virtio_platform platform = {
            .as = &vm->as,
            .debug = &vm->debug,
            .trace_id = i,
            /* What is to match a queue's number is that number alone. */
            .features_off = vm_engine_takes_notifications(vm) ? VML_VIRTIO_F_NOTIFICATION_DATA : 0,
        };
        struct vml_virtio_mmio_config config = {
            .name = vm->options.devices[i].name,
            .irq = vml_irq_wire(vm->irqs, VM_SPI + VM_SPI_VIRTIO + i, 0),
            .vendor_id = 0x006c6d76, /* "vml" */
        };

        v->options = &vm->options.devices[i];
        v->type = types[v->options->type];
        config.dev = v->type->create(vm, v, &platform);
        vm_check(vml_virtio_mmio_init(&v->mmio, &config), v->options->name);
        vm_add_range(vm, &vm->mmio, VM_VIRTIO_BASE + i * VM_VIRTIO_STRIDE, VML_VIRTIO_MMIO_SIZE,
                     &v->mmio.device, 0);
        vm->virtio_count++;
    }
}

void vm_virtio_start(struct vm *vm)
{
    for (unsigned i = 0; i < vm->virtio_count; i++) {
        if (vm->virtio[i].type->start) {
            vm->virtio[i].type->start(vm, &vm->virtio[i]);
        }
    }
}

void vm_virtio_stop(struct vm *vm)
{
    for (unsigned i = 0; i < vm->virtio_count; i++) {
        if (vm->virtio[i].type->stop) {
            vm->virtio[i].type->stop(vm, &vm->virtio[i]);
        }
    }
}

void vm_virtio_destroy(struct vm *vm)
{
    for (unsigned i = 0; i < vm->virtio_count; i++) {
        struct vm_virtio *v = &vm->virtio[i];

        vml_virtio_mmio_destroy(&v->mmio);
        v->type->destroy(vm, v);
        free(v->device);
    }
}

void vm_virtio_pause(struct vm *vm, bool pause)
{
    for (unsigned i = 0; i < vm->virtio_count; i++) {
        struct vml_virtio *dev = vm->virtio[i].mmio.config.dev;

        if (pause) {
            vml_virtio_drain(dev);
        } else {
            vml_virtio_resume(dev);
        }
    }
}
