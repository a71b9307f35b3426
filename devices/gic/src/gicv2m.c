/* The GICv2m frame. */
#include "gic.h"
#include <vml/gicv2m.h>
#include <vml/regs.h>

enum { SETSPI_NS = 0x40 };

static struct vml_gicv2m *frame_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_gicv2m, device);
}

bool vml_gicv2m_set_spi(struct vml_gicv2m *frame, uint32_t data)
{
    if (data < frame->first || data - frame->first >= frame->count) {
        return false;
    }
    vml_gic_pulse(frame->gic, data, 0);
    return true;
}

static enum vml_status take_msi(void *controller, const struct vml_msi *msi)
{
    struct vml_gicv2m *frame = VML_CONTAINER_OF(controller, struct vml_gicv2m, controller);

    return msi->address == frame->base + SETSPI_NS && vml_gicv2m_set_spi(frame, msi->data)
               ? VML_OK
               : VML_ERR_NOT_FOUND;
}

static GIC_READ_HOOK(read_typer)
{
    const struct vml_gicv2m *frame = frame_of(device);

    (void)reg;
    (void)index;
    (void)access;
    return frame->first << 16 | frame->count;
}

static GIC_WRITE_HOOK(write_setspi)
{
    (void)reg;
    (void)index;
    (void)access;
    (void)vml_gicv2m_set_spi(frame_of(device), (uint32_t)(value & mask));
}

#define NONE VML_REG_NO_STATE

static const struct vml_reg rows[] = {
    {"MSI_TYPER", 0x008, 1, 0, 4, VML_SIZE_4, VML_REG_RO, 0, 0, NONE, read_typer, NULL},
    {"MSI_SETSPI_NS", SETSPI_NS, 1, 0, 4, VML_SIZE_4, VML_REG_WO, 0, UINT32_MAX, NONE,
     gic_read_constant, write_setspi},
    {"MSI_IIDR", 0xfcc, 1, 0, 4, VML_SIZE_4, VML_REG_RO, GIC_IIDR, 0, NONE, gic_read_constant,
     NULL},
};

const struct vml_reg_table vml_gicv2m_regs = {rows, VML_ARRAY_SIZE(rows), VML_GICV2M_SIZE, true};

static enum vml_bus_result frame_access(struct vml_device *device, struct vml_access *access)
{
    return vml_regs_access(&vml_gicv2m_regs, device, NULL, access);
}

enum vml_status vml_gicv2m_init(struct vml_gicv2m *frame, struct vml_gic *gic, uint64_t base,
                                uint32_t first, uint32_t count)
{
    static const struct vml_device_ops device_ops = {frame_access, NULL, NULL, NULL, NULL};
    static const struct vml_irq_controller_ops ops = {{gic_no_level, gic_no_pulse, take_msi},
                                                      gic_not_pending};

    if (first < 32 || count == 0 || first >= gic->intids || count > gic->intids - first) {
        return VML_ERR_RANGE;
    }
    *frame =
        (struct vml_gicv2m){{"gicv2m", &device_ops}, {"gicv2m", &ops}, gic, base, first, count};
    return VML_OK;
}
