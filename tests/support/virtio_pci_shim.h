/**
 * @file
 * @brief Lets the driver of virtio_driver.h, which knows MMIO registers, drive a device over PCI.
 */
#ifndef VML_TESTS_SUPPORT_VIRTIO_PCI_SHIM_H
#define VML_TESTS_SUPPORT_VIRTIO_PCI_SHIM_H

#include "virtio_driver.h"
#include <vml/virtio_pci.h>

struct vps {
    struct vml_device device; /**< for `vd.device` */
    struct vml_virtio_pci *pci;
};

/** @brief An access to BAR 0. */
static VD_UNUSED uint64_t vps_bar(struct vml_virtio_pci *pci, uint32_t offset, uint8_t size,
                                  bool write, uint64_t value)
{
    struct vml_access access = {.offset = offset, .size = size, .write = write, .value = value};

    VD_CHECK(vml_pci_bar_access(&pci->function, 0, &access) == VML_BUS_OK);
    return access.value;
}

static VD_UNUSED uint64_t vps_get(struct vml_virtio_pci *pci, uint32_t offset, uint8_t size)
{
    return vps_bar(pci, offset, size, false, 0);
}

static VD_UNUSED void vps_set(struct vml_virtio_pci *pci, uint32_t offset, uint8_t size,
                              uint64_t value)
{
    vps_bar(pci, offset, size, true, value);
}

static VD_UNUSED enum vml_bus_result vps_access(struct vml_device *device,
                                                struct vml_access *access)
{
    /* Registers of the MMIO transport, and fields of the common configuration. */
    static const struct {
        uint16_t mmio, field;
        uint8_t size;
    } map[] = {
        {0x10, 0x04, 4}, {0x14, 0x00, 4}, {0x20, 0x0c, 4}, {0x24, 0x08, 4}, {0x30, 0x16, 2},
        {0x34, 0x18, 2}, {0x38, 0x18, 2}, {0x44, 0x1c, 2}, {0x70, 0x14, 1}, {0x80, 0x20, 4},
        {0x84, 0x24, 4}, {0x90, 0x28, 4}, {0x94, 0x2c, 4}, {0xa0, 0x30, 4}, {0xa4, 0x34, 4},
    };
    struct vml_virtio_pci *pci = VML_CONTAINER_OF(device, struct vps, device)->pci;

    if (access->offset == VML_VIRTIO_MMIO_NOTIFY) {
        /* 4.1.5.2: to the queue's own address. */
        bool data = vml_virtio_has(pci->config.dev, VML_VIRTIO_F_NOTIFICATION_DATA);

        vps_set(pci, 0x16, 2, access->value & 0xffff);
        vps_set(pci,
                VML_VIRTIO_PCI_NOTIFY + VML_VIRTIO_PCI_MULTIPLIER * (uint32_t)vps_get(pci, 0x1e, 2),
                data ? 4 : 2, access->value);
        return VML_BUS_OK;
    }
    for (size_t i = 0; i < VML_ARRAY_SIZE(map); i++) {
        if (map[i].mmio == access->offset) {
            access->value = vps_bar(pci, map[i].field, map[i].size, access->write, access->value);
            return VML_BUS_OK;
        }
    }
    access->value = 0;
    return VML_BUS_OK;
}

static VD_UNUSED void vps_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_device *d = &VML_CONTAINER_OF(device, struct vps, device)->pci->function.device;

    d->ops->save(d, w);
}

static VD_UNUSED enum vml_status vps_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_device *d = &VML_CONTAINER_OF(device, struct vps, device)->pci->function.device;

    return d->ops->restore(d, r);
}

static VD_UNUSED void vps_init(struct vps *shim, struct vml_virtio_pci *pci, struct vd *vd)
{
    static const struct vml_device_ops ops = {
        .access = vps_access, .save = vps_save, .restore = vps_restore};

    shim->device = (struct vml_device){.name = "shim", .ops = &ops};
    shim->pci = pci;
    vd->device = &shim->device;
}

#endif
