/* The virtio devices of the machine: each on a transport of its own, MMIO or PCI, with its back end. */
#include "virtio.h"

#include <stdlib.h>
#include <string.h>

static const struct vm_virtio_type *const types[] = {
    [VM_DEVICE_BLOCK] = &vm_virtio_block_type,
    [VM_DEVICE_NET] = &vm_virtio_net_type,
    [VM_DEVICE_CONSOLE] = &vm_virtio_console_type,
    [VM_DEVICE_RNG] = &vm_virtio_rng_type,
};

static void create_mmio(struct vm *vm, struct vm_virtio *v)
{
    const unsigned slot = vm->mmio_count++;
    const struct vml_virtio_mmio_config config = {
        .name = v->options->name,
        .dev = v->dev,
        .irq = vml_irq_wire(vm->irqs, VM_SPI + VM_SPI_VIRTIO + slot, 0),
        .vendor_id = 0x006c6d76, /* "vml" */
    };

    vm_check(vml_virtio_mmio_init(&v->mmio, &config), v->options->name);
    vm_add_range(vm, &vm->mmio, VM_VIRTIO_BASE + slot * VM_VIRTIO_STRIDE, VML_VIRTIO_MMIO_SIZE,
                 &v->mmio.device, 0);
    v->state = &v->mmio.device;
}

static void create_pci(struct vm *vm, struct vm_virtio *v)
{
    const uint32_t queues = v->dev->setup.queue_count;
    const uint32_t vectors = queues + 1; /* and one for changes of the configuration */
    struct vml_virtio_pci_config config = {
        .name = v->options->name, .dev = v->dev, .vector_count = vectors};

    v->vectors = calloc(1, vectors * sizeof(*config.vectors) + queues * sizeof(uint16_t));
    if (!v->vectors) {
        vm_fail("out of memory");
    }
    config.vectors = v->vectors;
    config.queue_vectors = (uint16_t *)(config.vectors + vectors);
    vm_check(vml_virtio_pci_init(&v->pci, &config), v->options->name);
    vm_pci_add(vm, &v->pci.function);
    v->state = &v->pci.function.device;
}

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

        v->options = &vm->options.devices[i];
        v->type = types[v->options->type];
        v->dev = v->type->create(vm, v, &platform);
        if (v->options->pci) {
            create_pci(vm, v);
        } else {
            create_mmio(vm, v);
        }
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

        if (v->options->pci) {
            vml_virtio_pci_destroy(&v->pci);
        } else {
            vml_virtio_mmio_destroy(&v->mmio);
        }
        v->type->destroy(vm, v);
        free(v->device);
        free(v->vectors);
    }
}

void vm_virtio_pause(struct vm *vm, bool pause)
{
    for (unsigned i = 0; i < vm->virtio_count; i++) {
        if (pause) {
            vml_virtio_drain(vm->virtio[i].dev);
        } else {
            vml_virtio_resume(vm->virtio[i].dev);
        }
    }
}
