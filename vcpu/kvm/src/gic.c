/* The kernel's GICv3 and ITS, and eventfds. */
#include "core.h"

int kvm_set_attr(struct vml_kvm_machine *machine, int fd, uint32_t group, uint64_t attr,
                 const void *value)
{
    const struct vml_kvm_system *system = machine->config.system;
    struct abi_device_attr device = {
        .group = group, .attr = attr, .addr = (uint64_t)(uintptr_t)value};

    return system->ioctl(system->context, fd, ABI_SET_DEVICE_ATTR, (uintptr_t)&device);
}

int kvm_get_attr(struct vml_kvm_machine *machine, int fd, uint32_t group, uint64_t attr,
                 void *value)
{
    const struct vml_kvm_system *system = machine->config.system;
    struct abi_device_attr device = {
        .group = group, .attr = attr, .addr = (uint64_t)(uintptr_t)value};

    return system->ioctl(system->context, fd, ABI_GET_DEVICE_ATTR, (uintptr_t)&device);
}

static struct vml_kvm_machine *machine_of(void *controller)
{
    return VML_CONTAINER_OF(controller, struct vml_kvm_machine, kernel_gic);
}

/* The number of a line for KVM_IRQ_LINE; false for an SGI, which has no line. */
static bool line_number(uint32_t intid, uint32_t cpu, uint32_t *irq)
{
    if (intid < 16) {
        return false;
    }
    if (intid < 32) {
        *irq = (cpu >> 8) << ABI_IRQ_VCPU2_SHIFT |
               (uint32_t)ABI_IRQ_TYPE_PPI << ABI_IRQ_TYPE_SHIFT |
               (cpu & 0xff) << ABI_IRQ_VCPU_SHIFT | intid;
    } else {
        *irq = (uint32_t)ABI_IRQ_TYPE_SPI << ABI_IRQ_TYPE_SHIFT | (intid & 0xffff);
    }
    return true;
}

static void set_level(void *controller, uint32_t intid, uint32_t cpu, bool level)
{
    struct abi_irq_level line = {.level = level};

    if (line_number(intid, cpu, &line.irq)) {
        /* Refused for a line that the GIC does not have, which is what a GIC of ours does. */
        (void)kvm_vm_ioctl(machine_of(controller), ABI_IRQ_LINE, &line);
    }
}

/* A rise is what an edge-triggered input sees; one that is level-sensitive sees nothing that lasts. */
static void pulse(void *controller, uint32_t intid, uint32_t cpu)
{
    set_level(controller, intid, cpu, true);
    set_level(controller, intid, cpu, false);
}

static enum vml_status send_msi(void *controller, const struct vml_msi *msi)
{
    struct vml_kvm_machine *machine = machine_of(controller);
    struct abi_msi message = {
        .address_lo = (uint32_t)msi->address,
        .address_hi = (uint32_t)(msi->address >> 32),
        .data = msi->data,
        .flags = machine->its_fd >= 0 ? ABI_MSI_VALID_DEVID : 0,
        .devid = msi->device_id,
    };
    int result = kvm_vm_ioctl(machine, ABI_SIGNAL_MSI, &message);

    /* 0: the guest has the message blocked. */
    return result >= 0 ? VML_OK : VML_ERR_NOT_FOUND;
}

/* The kernel's GIC drives the vCPUs itself. */
static bool pending(struct vml_irq_controller *controller, uint32_t cpu, enum vml_irq_output output)
{
    (void)controller;
    (void)cpu;
    (void)output;
    return false;
}

static const struct vml_irq_controller_ops gic_ops = {
    .wire = {.set_level = set_level, .pulse = pulse, .msi = send_msi}, .pending = pending};
static const struct vml_irq_controller_ops gic_ops_no_msi = {
    .wire = {.set_level = set_level, .pulse = pulse}, .pending = pending};

static int create_device(struct vml_kvm_machine *machine, uint32_t type, int *fd)
{
    struct abi_create_device device = {.type = type};
    int error = kvm_vm_ioctl(machine, ABI_CREATE_DEVICE, &device);

    *fd = error == 0 ? (int)device.fd : -1;
    return error;
}

enum vml_status kvm_gic_create(struct vml_kvm_machine *machine)
{
    const struct vml_kvm_gic_config *gic = &machine->gic;
    int error;

    machine->gic = *machine->config.gic;
    if (gic->spis < 32 || gic->spis > 960 || gic->spis % 32 != 0) {
        return VML_ERR_INVALID;
    }
    error = create_device(machine, ABI_DEV_VGIC_V3, &machine->gic_fd);
    if (error != 0) {
        vml_log(VML_LOG_ERROR,
                "kvm: the kernel has no GICv3 here (error %d): take a GICv2 in user "
                "space",
                -error);
        return VML_ERR_UNSUPPORTED;
    }
    if (gic->its_base != 0 && create_device(machine, ABI_DEV_VGIC_ITS, &machine->its_fd) != 0) {
        vml_log(VML_LOG_WARNING, "kvm: the kernel has no ITS here: there are no MSIs");
    }
    machine->kernel_gic.name = "kvm-gicv3";
    machine->kernel_gic.ops = machine->its_fd >= 0 ? &gic_ops : &gic_ops_no_msi;
    machine->irqs = &machine->kernel_gic;
    return VML_OK;
}

enum vml_status kvm_gic_ready(struct vml_kvm_machine *machine)
{
    const struct vml_kvm_gic_config *gic = &machine->gic;
    /* Count of redistributors in bits 63:52. */
    uint64_t region = (uint64_t)machine->count << 52 | gic->gicr_base;
    uint32_t lines = 32 + gic->spis;
    int fd = machine->gic_fd, error;

    error = kvm_set_attr(machine, fd, ABI_VGIC_GRP_ADDR, ABI_VGIC_ADDR_V3_DIST, &gic->gicd_base);
    if (error == 0) {
        error =
            kvm_set_attr(machine, fd, ABI_VGIC_GRP_ADDR, ABI_VGIC_ADDR_V3_REDIST_REGION, &region);
    }
    if (error == 0) {
        error = kvm_set_attr(machine, fd, ABI_VGIC_GRP_NR_IRQS, 0, &lines);
    }
    if (error == 0) {
        error = kvm_set_attr(machine, fd, ABI_VGIC_GRP_CTRL, ABI_VGIC_CTRL_INIT, NULL);
    }
    if (error == 0 && machine->its_fd >= 0) {
        error = kvm_set_attr(machine, machine->its_fd, ABI_VGIC_GRP_ADDR, ABI_VGIC_ADDR_ITS,
                             &gic->its_base);
    }
    if (error == 0 && machine->its_fd >= 0) {
        error = kvm_set_attr(machine, machine->its_fd, ABI_VGIC_GRP_CTRL, ABI_VGIC_CTRL_INIT, NULL);
    }
    if (error != 0) {
        vml_log(VML_LOG_ERROR, "kvm: the kernel's GICv3 refuses its configuration (error %d)",
                -error);
    }
    return kvm_status(error);
}

enum vml_status vml_kvm_irqfd(struct vml_kvm_machine *machine, uint32_t intid, int eventfd,
                              bool join)
{
    struct abi_irqfd irqfd = {
        .fd = (uint32_t)eventfd, .gsi = intid - 32, .flags = join ? 0 : ABI_IRQFD_DEASSIGN};

    if (machine->gic_fd < 0 || !machine->has.irqfd) {
        return VML_ERR_UNSUPPORTED;
    }
    if (intid < 32 || intid >= 32 + machine->gic.spis) {
        return VML_ERR_RANGE;
    }
    return kvm_status(kvm_vm_ioctl(machine, ABI_IRQFD, &irqfd));
}

enum vml_status vml_kvm_ioeventfd(struct vml_kvm_machine *machine,
                                  const struct vml_kvm_ioeventfd *what, bool join)
{
    struct abi_ioeventfd ioeventfd = {
        .datamatch = what->value,
        .addr = what->address,
        .len = what->size,
        .fd = what->eventfd,
        .flags = (what->match ? ABI_IOEVENTFD_DATAMATCH : 0) | (join ? 0 : ABI_IOEVENTFD_DEASSIGN),
    };

    if (!machine->has.ioeventfd) {
        return VML_ERR_UNSUPPORTED;
    }
    return kvm_status(kvm_vm_ioctl(machine, ABI_IOEVENTFD, &ioeventfd));
}
