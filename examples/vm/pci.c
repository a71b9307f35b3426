/*
 * The PCI Express host bridge, which the machine has if a device asks for it.  Messages go to the ITS,
 * with a GICv2 to the GICv2m frame.
 */
#include "machine.h"

static const struct vml_pci_ops bridge_ops = {0};

void vm_pci_add(struct vm *vm, struct vml_pci_function *function)
{
    const uint16_t id = VML_PCI_ID(0, vm->pci.devices++, 0);

    vm_check(vml_pci_host_add(&vm->pci.host, function, id), function->device.name);
}

/* Who takes messages: vml's ITS or GICv2m frame, or the kernel's GIC with its own ITS. */
static struct vml_irq_controller *message_controller(struct vm *vm)
{
    if (vm->irqs == &vm->gic.controller) {
        return vm->options.gic == 2 ? &vm->v2m.controller : &vm->its.controller;
    }
    if (!vm->irqs->ops->wire.msi) {
        vm_fail("devices on PCI need an ITS, which this kernel has not: --accel a64, or --gic 2");
    }
    return vm->irqs;
}

void vm_pci_create(struct vm *vm)
{
    struct vm_pci *pci = &vm->pci;
    struct vml_pci_host_config config = {
        .name = "pcie",
        .buses = VM_PCI_BUSES,
        .windows = {{.base = VM_PCI_BASE, .size = VM_PCI_SIZE},
                    {.base = VM_PCI_HIGH_BASE, .size = VM_PCI_HIGH_SIZE},
                    {.base = VM_PCI_IO_BASE, .size = VM_PCI_IO_SIZE, .io = true}},
        .functions = pci->functions,
        .map = pci->map,
        .max_functions = VM_PCI_DEVICES,
    };
    /* The generic host bridge of QEMU, which takes no driver. */
    const struct vml_pci_function_config bridge = {
        .name = "pcie bridge",
        .ops = &bridge_ops,
        .vendor_id = 0x1b36,
        .device_id = 0x0008,
        .subsystem_vendor_id = 0x1af4,
        .subsystem_id = 0x1100,
        .class_code = 0x060000,
    };

    if (vm->options.pci_devices == 0) {
        return;
    }
    for (unsigned i = 0; i < VML_ARRAY_SIZE(config.intx); i++) {
        config.intx[i] = vml_irq_wire(vm->irqs, VM_SPI + VM_SPI_PCI + i, 0);
    }
    config.msi = vml_irq_wire(message_controller(vm), 0, 0);
    vm_check(vml_pci_host_init(&pci->host, &config), "pcie");
    vm_add_range(vm, &vm->mmio, VM_PCI_BASE, VM_PCI_SIZE, &pci->host.windows[0].device, 0);
    vm_add_range(vm, &vm->mmio, VM_PCI_IO_BASE, VM_PCI_IO_SIZE, &pci->host.windows[2].device, 0);
    vm_add_range(vm, &vm->mmio, VM_PCI_ECAM_BASE, VML_PCI_ECAM_SIZE(VM_PCI_BUSES), &pci->host.ecam,
                 0);
    vm_add_range(vm, &vm->mmio, VM_PCI_HIGH_BASE, VM_PCI_HIGH_SIZE, &pci->host.windows[1].device,
                 0);
    vm_check(vml_pci_function_init(&pci->bridge, &bridge), "pcie bridge");
    vm_pci_add(vm, &pci->bridge);
}

void vm_pci_destroy(struct vm *vm)
{
    if (vm->pci.devices != 0) {
        vml_pci_function_destroy(&vm->pci.bridge);
        vml_pci_host_destroy(&vm->pci.host);
    }
}
