/* GICR: a redistributor's RD and SGI frames for each vCPU. */
#include "fields.h"
#include "lpi.h"

static struct vml_gic *gic_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_gic, gicr);
}

static GIC_READ_HOOK(read_ctlr)
{
    VML_UNUSED(reg, index);
    return LOAD(&gic_of(device)->cpus[access->cpu].gicr_ctlr) |
           gic_lpi_ctlr(gic_of(device), access->cpu);
}

static GIC_WRITE_HOOK(write_ctlr)
{
    struct vml_gic *gic = gic_of(device);
    _Atomic uint32_t *ctlr = &gic->cpus[access->cpu].gicr_ctlr;
    uint32_t now = (uint32_t)(value & mask) & (GICR_DPG0 | GICR_DPG1NS | GICR_DPG1S);

    VML_UNUSED(reg, index);
    if (atomic_exchange_explicit(ctlr, now, memory_order_relaxed) != now) {
        gic_reroute_shared(gic);
    }
    gic_lpi_enable(gic, access->cpu, (value & GICR_ENABLE_LPIS) != 0);
}

/* IHI 0069H 12.11.35: affinity, number, Last of its region, DPGS, PPInum. */
static GIC_READ_HOOK(read_typer)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t cpu = access->cpu;
    bool last = cpu + 1 == gic->config.cpus || cpu + 1 == gic->config.first_gicrs;

    VML_UNUSED(reg, index);
    return gic->cpus[cpu].affinity << 32 | (uint64_t)cpu << 8 | 1u << 5 | (last ? 1u << 4 : 0) |
           (gic->config.lpis != 0 ? GICR_TYPER_LPIS : 0) | (uint64_t)(gic->config.eppis / 32) << 27;
}

static GIC_READ_HOOK(read_waker)
{
    VML_UNUSED(reg, index);
    return LOAD(&gic_of(device)->cpus[access->cpu].waker);
}

/* ChildrenAsleep follows ProcessorSleep at once. */
static GIC_WRITE_HOOK(write_waker)
{
    struct vml_gic *gic = gic_of(device);
    _Atomic uint32_t *waker = &gic->cpus[access->cpu].waker;
    uint32_t now = value & mask & WAKER_SLEEP ? WAKER_SLEEP | WAKER_ASLEEP : 0;

    VML_UNUSED(reg, index);
    if (atomic_exchange_explicit(waker, now, memory_order_relaxed) != now) {
        gic_reroute_shared(gic);
    }
}

static const struct vml_reg rows[] = {
    HOOKS("GICR_CTLR", 0x0000, 1, 4, VML_SIZE_4, read_ctlr, write_ctlr),
    CONSTANT("GICR_IIDR", 0x0004, GIC_IIDR),
    HOOKS("GICR_TYPER", 0x0008, 1, 8, VML_SIZE_48, read_typer, gic_ignore_write),
    HOOKS("GICR_WAKER", 0x0014, 1, 4, VML_SIZE_4, read_waker, write_waker),
    HOOKS("GICR_SETLPIR", 0x0040, 1, 8, VML_SIZE_48, gic_read_constant, gic_write_setlpir),
    HOOKS("GICR_CLRLPIR", 0x0048, 1, 8, VML_SIZE_48, gic_read_constant, gic_write_clrlpir),
    HOOKS("GICR_PROPBASER", 0x0070, 1, 8, VML_SIZE_48, gic_read_propbaser, gic_write_propbaser),
    HOOKS("GICR_PENDBASER", 0x0078, 1, 8, VML_SIZE_48, gic_read_pendbaser, gic_write_pendbaser),
    HOOKS("GICR_INVLPIR", 0x00a0, 1, 8, VML_SIZE_48, gic_read_constant, gic_write_invlpir),
    HOOKS("GICR_INVALLR", 0x00b0, 1, 8, VML_SIZE_48, gic_read_constant, gic_write_invallr),
    CONSTANT("GICR_SYNCR", 0x00c0, 0),
    CONSTANT("GICR_PIDR4", 0xffd0, 0x44),
    CONSTANT("GICR_PIDR0", 0xffe0, 0x93),
    CONSTANT("GICR_PIDR1", 0xffe4, 0xb4),
    CONSTANT("GICR_PIDR2", 0xffe8, 0x3b),
    CONSTANT("GICR_CIDR0", 0xfff0, 0x0d),
    CONSTANT("GICR_CIDR1", 0xfff4, 0xf0),
    CONSTANT("GICR_CIDR2", 0xfff8, 0x05),
    CONSTANT("GICR_CIDR3", 0xfffc, 0xb1),
    BITS("GICR_IGROUPR0", 0x10080, 1, group, group),
    BITS("GICR_IGROUPRnE", 0x10084, 2, group, group),
    BITS("GICR_ISENABLER0", 0x10100, 1, enabled, isenabler),
    BITS("GICR_ISENABLERnE", 0x10104, 2, enabled, isenabler),
    BITS("GICR_ICENABLER0", 0x10180, 1, enabled, icenabler),
    BITS("GICR_ICENABLERnE", 0x10184, 2, enabled, icenabler),
    BITS("GICR_ISPENDR0", 0x10200, 1, pending, ispendr),
    BITS("GICR_ISPENDRnE", 0x10204, 2, pending, ispendr),
    BITS("GICR_ICPENDR0", 0x10280, 1, pending, icpendr),
    BITS("GICR_ICPENDRnE", 0x10284, 2, pending, icpendr),
    BITS("GICR_ISACTIVER0", 0x10300, 1, active, isactiver),
    BITS("GICR_ISACTIVERnE", 0x10304, 2, active, isactiver),
    BITS("GICR_ICACTIVER0", 0x10380, 1, active, icactiver),
    BITS("GICR_ICACTIVERnE", 0x10384, 2, active, icactiver),
    PRIORITIES("GICR_IPRIORITYR", 0x10400, 32),
    PRIORITIES("GICR_IPRIORITYRnE", 0x10420, 64),
    BITS("GICR_ICFGR", 0x10c00, 2, icfgr, icfgr),
    BITS("GICR_ICFGRnE", 0x10c08, 4, icfgr, icfgr),
    BITS("GICR_IGRPMODR0", 0x10d00, 1, grpmod, grpmod),
    BITS("GICR_IGRPMODRnE", 0x10d04, 2, grpmod, grpmod),
    /* RAZ/WI while GICD_CTLR.DS is 1 */
    RAZ_WI("GICR_NSACR", 0x10e00, 1),
};

const struct vml_reg_table vml_gicr_regs = {rows, VML_ARRAY_SIZE(rows), VML_GICR_SIZE, true};

static enum vml_bus_result gicr_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_gic *gic = gic_of(device);
    uint64_t cpu = access->offset / VML_GICR_SIZE;
    struct vml_access inner = *access;
    enum vml_bus_result result;

    if (gic->config.version != 3 || cpu >= gic->config.cpus) {
        return VML_BUS_FAULT;
    }
    inner.offset = access->offset % VML_GICR_SIZE;
    inner.cpu = (uint32_t)cpu; /* whose redistributor, not who accesses it */
    result = vml_regs_access(&vml_gicr_regs, device, NULL, &inner);
    access->value = inner.value;
    return result;
}

/* Reset and saved state belong to gicd. */
const struct vml_device_ops gic_gicr_ops = {gicr_access, NULL, NULL, NULL, NULL};
