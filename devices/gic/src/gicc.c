/* GICC: GICv2's memory-mapped CPU interface. */
#include "gic.h"
#include <vml/regs.h>

enum {
    CTLR_GROUPS = 3,
    CTLR_WRITABLE = GICC_ACKCTL | GICC_FIQEN | GICC_CBPR | 0x1e0 | GICC_EOIMODE,
    INTID_MASK = 0x3ff,
    BOTH_GROUPS = TAKE_GROUP0 | TAKE_GROUP1,
};

static struct vml_gic *gic_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_gic, gicc);
}

/* What an access of the vCPU means is the same for all: begin a hook. */
#define READ(name)                                                                                 \
    static uint32_t name(struct vml_gic *gic, uint32_t cpu);                                       \
    static GIC_READ_HOOK(name##_hook)                                                              \
    {                                                                                              \
        (void)reg;                                                                                 \
        (void)index;                                                                               \
        return name(gic_of(device), access->cpu);                                                  \
    }                                                                                              \
    static uint32_t name(struct vml_gic *gic, uint32_t cpu)
#define WRITE(name)                                                                                \
    static void name(struct vml_gic *gic, uint32_t cpu, uint32_t value);                           \
    static GIC_WRITE_HOOK(name##_hook)                                                             \
    {                                                                                              \
        (void)reg;                                                                                 \
        (void)index;                                                                               \
        name(gic_of(device), access->cpu, (uint32_t)(value & mask));                               \
    }                                                                                              \
    static void name(struct vml_gic *gic, uint32_t cpu, uint32_t value)

READ(read_ctlr)
{
    return gic->cpus[cpu].ctlr | LOAD(&gic->cpus[cpu].enabled_groups);
}

WRITE(write_ctlr)
{
    gic_set_cpu_ctlr(gic, cpu, value & CTLR_WRITABLE);
    gic_set_cpu_groups(gic, cpu, value & CTLR_GROUPS);
}

READ(read_pmr)
{
    return gic->cpus[cpu].pmr;
}

WRITE(write_pmr)
{
    gic_set_pmr(gic, cpu, value);
}

READ(read_bpr)
{
    return gic->cpus[cpu].bpr[0];
}

WRITE(write_bpr)
{
    gic_set_bpr(gic, cpu, 0, value);
}

READ(read_abpr)
{
    return gic->cpus[cpu].bpr[1];
}

WRITE(write_abpr)
{
    gic_set_bpr(gic, cpu, 1, value);
}

/* IHI 0048B 4.4.4: group 1 only with AckCtl. */
READ(read_iar)
{
    return gic_acknowledge(gic, cpu, gic->cpus[cpu].ctlr & GICC_ACKCTL ? BOTH_GROUPS : TAKE_GROUP0);
}

READ(read_aiar)
{
    return gic_acknowledge(gic, cpu, TAKE_GROUP1);
}

static bool deactivates(const struct vml_gic *gic, uint32_t cpu)
{
    return !(gic->cpus[cpu].ctlr & GICC_EOIMODE);
}

WRITE(write_eoir)
{
    gic_end(gic, cpu, value & INTID_MASK, BOTH_GROUPS, deactivates(gic, cpu));
}

WRITE(write_aeoir)
{
    gic_end(gic, cpu, value & INTID_MASK, TAKE_GROUP1, deactivates(gic, cpu));
}

WRITE(write_dir)
{
    if (!deactivates(gic, cpu)) {
        gic_deactivate(gic, cpu, value & INTID_MASK);
    }
}

READ(read_rpr)
{
    uint32_t running = gic->cpus[cpu].running;

    return running == IDLE_PRIORITY ? 0xff : running;
}

READ(read_hppir)
{
    uint32_t group, intid = gic_highest_pending(gic, cpu, &group);

    return group == 1 && !(gic->cpus[cpu].ctlr & GICC_ACKCTL) ? 1022 : intid;
}

READ(read_ahppir)
{
    uint32_t group, intid = gic_highest_pending(gic, cpu, &group);

    return group == 1 ? intid : VML_GIC_SPURIOUS;
}

READ(read_apr)
{
    return gic->cpus[cpu].apr[0];
}

WRITE(write_apr)
{
    gic_set_apr(gic, cpu, 0, value);
}

READ(read_nsapr)
{
    return gic->cpus[cpu].apr[1];
}

WRITE(write_nsapr)
{
    gic_set_apr(gic, cpu, 1, value);
}

#define ROW(name, offset, read, write)                                                             \
    {                                                                                              \
        name, offset, 1, 0, 4, VML_SIZE_4, VML_REG_RW, 0, UINT64_MAX, VML_REG_NO_STATE, read,      \
            write                                                                                  \
    }

static const struct vml_reg rows[] = {
    ROW("GICC_CTLR", 0x00, read_ctlr_hook, write_ctlr_hook),
    ROW("GICC_PMR", 0x04, read_pmr_hook, write_pmr_hook),
    ROW("GICC_BPR", 0x08, read_bpr_hook, write_bpr_hook),
    ROW("GICC_IAR", 0x0c, read_iar_hook, gic_ignore_write),
    ROW("GICC_EOIR", 0x10, gic_read_constant, write_eoir_hook),
    ROW("GICC_RPR", 0x14, read_rpr_hook, gic_ignore_write),
    ROW("GICC_HPPIR", 0x18, read_hppir_hook, gic_ignore_write),
    ROW("GICC_ABPR", 0x1c, read_abpr_hook, write_abpr_hook),
    ROW("GICC_AIAR", 0x20, read_aiar_hook, gic_ignore_write),
    ROW("GICC_AEOIR", 0x24, gic_read_constant, write_aeoir_hook),
    ROW("GICC_AHPPIR", 0x28, read_ahppir_hook, gic_ignore_write),
    ROW("GICC_APR0", 0xd0, read_apr_hook, write_apr_hook),
    ROW("GICC_NSAPR0", 0xe0, read_nsapr_hook, write_nsapr_hook),
    {"GICC_IIDR", 0xfc, 1, 0, 4, VML_SIZE_4, VML_REG_RO, 0x0002043b, 0, VML_REG_NO_STATE,
     gic_read_constant, NULL},
    ROW("GICC_DIR", 0x1000, gic_read_constant, write_dir_hook),
};

const struct vml_reg_table vml_gicc_regs = {rows, VML_ARRAY_SIZE(rows), VML_GICC_SIZE, true};

static enum vml_bus_result gicc_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_gic *gic = gic_of(device);

    if (gic->config.version != 2 || access->cpu >= gic->config.cpus) {
        return VML_BUS_FAULT; /* it is the interface of who accesses it */
    }
    return vml_regs_access(&vml_gicc_regs, device, NULL, access);
}

const struct vml_device_ops gic_gicc_ops = {gicc_access, NULL, NULL, NULL, NULL};
