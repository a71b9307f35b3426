/* GICR: a redistributor's RD and SGI frames for each vCPU. */
#include "lpi.h"
#include <vml/regs.h>

static struct vml_gic *gic_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_gic, gicr);
}

/* Each of the arrays in the SGI frame begins at a multiple of 0x80; that of the extended PPIs goes on
 * where that of the others ends.  Returns where in the two of them an element is. */
static uint32_t element(const struct vml_reg *reg, uint32_t index)
{
    return reg->offset % 0x80 / reg->width + index;
}

/* The word with the interrupts of an element, `per_word` elements a word. */
static uint32_t word_of(const struct vml_reg *reg, uint32_t index, uint32_t per_word)
{
    uint32_t word = element(reg, index) / per_word;

    return word == 0 ? 0 : FIRST_EPPI / 32 + word - 1;
}

static uint32_t intid_of(const struct vml_reg *reg, uint32_t index)
{
    uint32_t n = element(reg, index);

    return n < 32 ? n : FIRST_EPPI + n - 32;
}

#define FIELD_READ(name, field)                                                                    \
    static GIC_READ_HOOK(name)                                                                     \
    {                                                                                              \
        return gic_get_field(gic_of(device), access->cpu, word_of(reg, index, 1), field);          \
    }
#define FIELD_WRITE_ONES(name, field, set)                                                         \
    static GIC_WRITE_HOOK(name)                                                                    \
    {                                                                                              \
        gic_set_field(gic_of(device), access->cpu, word_of(reg, index, 1), field,                  \
                      (uint32_t)(value & mask), set);                                              \
    }
#define FIELD_WRITE(name, field)                                                                   \
    static GIC_WRITE_HOOK(name)                                                                    \
    {                                                                                              \
        uint32_t word = word_of(reg, index, 1);                                                    \
                                                                                                   \
        gic_set_field(gic_of(device), access->cpu, word, field, (uint32_t)(value & mask), true);   \
        gic_set_field(gic_of(device), access->cpu, word, field, (uint32_t)(~value & mask), false); \
    }

FIELD_READ(read_group, FIELD_GROUP)
FIELD_WRITE(write_group, FIELD_GROUP)
FIELD_READ(read_enabled, FIELD_ENABLED)
FIELD_WRITE_ONES(write_isenabler, FIELD_ENABLED, true)
FIELD_WRITE_ONES(write_icenabler, FIELD_ENABLED, false)
FIELD_READ(read_pending, FIELD_PENDING)
FIELD_WRITE_ONES(write_ispendr, FIELD_PENDING, true)
FIELD_WRITE_ONES(write_icpendr, FIELD_PENDING, false)
FIELD_READ(read_active, FIELD_ACTIVE)
FIELD_WRITE_ONES(write_isactiver, FIELD_ACTIVE, true)
FIELD_WRITE_ONES(write_icactiver, FIELD_ACTIVE, false)
FIELD_READ(read_grpmod, FIELD_GRPMOD)
FIELD_WRITE(write_grpmod, FIELD_GRPMOD)

static GIC_READ_HOOK(read_icfgr)
{
    uint32_t word = word_of(reg, index, 2);

    return gic_spread_edges(gic_get_field(gic_of(device), access->cpu, word, FIELD_EDGE) >>
                            index % 2 * 16);
}

static GIC_WRITE_HOOK(write_icfgr)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t word = word_of(reg, index, 2);

    gic_set_field(gic, access->cpu, word, FIELD_EDGE,
                  gic_gather_edges((uint32_t)(value & mask)) << index % 2 * 16, true);
    gic_set_field(gic, access->cpu, word, FIELD_EDGE,
                  gic_gather_edges((uint32_t)(~value & mask)) << index % 2 * 16, false);
}

static GIC_READ_HOOK(read_priority)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t intid = intid_of(reg, index);

    return gic_is_implemented(gic, intid) ? gic_priority(gic, &gic->cpus[access->cpu], intid) : 0;
}

static GIC_WRITE_HOOK(write_priority)
{
    (void)mask;
    gic_set_priority(gic_of(device), access->cpu, intid_of(reg, index), (uint8_t)value);
}

static GIC_READ_HOOK(read_ctlr)
{
    (void)reg;
    (void)index;
    return LOAD(&gic_of(device)->cpus[access->cpu].gicr_ctlr) |
           gic_lpi_ctlr(gic_of(device), access->cpu);
}

static GIC_WRITE_HOOK(write_ctlr)
{
    struct vml_gic *gic = gic_of(device);
    _Atomic uint32_t *ctlr = &gic->cpus[access->cpu].gicr_ctlr;
    uint32_t now = (uint32_t)(value & mask) & (GICR_DPG0 | GICR_DPG1NS | GICR_DPG1S);

    (void)reg;
    (void)index;
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

    (void)reg;
    (void)index;
    return gic->cpus[cpu].affinity << 32 | (uint64_t)cpu << 8 | 1u << 5 | (last ? 1u << 4 : 0) |
           (gic->config.lpis != 0 ? GICR_TYPER_LPIS : 0) | (uint64_t)(gic->config.eppis / 32) << 27;
}

static GIC_READ_HOOK(read_waker)
{
    (void)reg;
    (void)index;
    return LOAD(&gic_of(device)->cpus[access->cpu].waker);
}

/* ChildrenAsleep follows ProcessorSleep at once. */
static GIC_WRITE_HOOK(write_waker)
{
    struct vml_gic *gic = gic_of(device);
    _Atomic uint32_t *waker = &gic->cpus[access->cpu].waker;
    uint32_t now = value & mask & WAKER_SLEEP ? WAKER_SLEEP | WAKER_ASLEEP : 0;

    (void)reg;
    (void)index;
    if (atomic_exchange_explicit(waker, now, memory_order_relaxed) != now) {
        gic_reroute_shared(gic);
    }
}

#define NONE VML_REG_NO_STATE
#define HOOKS(name, offset, count, width, sizes, read, write)                                      \
    {                                                                                              \
        name, offset, count, 0, width, sizes, VML_REG_RW, 0, UINT64_MAX, NONE, read, write         \
    }
#define CONSTANT(name, offset, value)                                                              \
    {                                                                                              \
        name, offset, 1, 0, 4, VML_SIZE_4, VML_REG_RO, value, 0, NONE, gic_read_constant, NULL     \
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
    HOOKS("GICR_IGROUPR0", 0x10080, 1, 4, VML_SIZE_4, read_group, write_group),
    HOOKS("GICR_IGROUPRnE", 0x10084, 2, 4, VML_SIZE_4, read_group, write_group),
    HOOKS("GICR_ISENABLER0", 0x10100, 1, 4, VML_SIZE_4, read_enabled, write_isenabler),
    HOOKS("GICR_ISENABLERnE", 0x10104, 2, 4, VML_SIZE_4, read_enabled, write_isenabler),
    HOOKS("GICR_ICENABLER0", 0x10180, 1, 4, VML_SIZE_4, read_enabled, write_icenabler),
    HOOKS("GICR_ICENABLERnE", 0x10184, 2, 4, VML_SIZE_4, read_enabled, write_icenabler),
    HOOKS("GICR_ISPENDR0", 0x10200, 1, 4, VML_SIZE_4, read_pending, write_ispendr),
    HOOKS("GICR_ISPENDRnE", 0x10204, 2, 4, VML_SIZE_4, read_pending, write_ispendr),
    HOOKS("GICR_ICPENDR0", 0x10280, 1, 4, VML_SIZE_4, read_pending, write_icpendr),
    HOOKS("GICR_ICPENDRnE", 0x10284, 2, 4, VML_SIZE_4, read_pending, write_icpendr),
    HOOKS("GICR_ISACTIVER0", 0x10300, 1, 4, VML_SIZE_4, read_active, write_isactiver),
    HOOKS("GICR_ISACTIVERnE", 0x10304, 2, 4, VML_SIZE_4, read_active, write_isactiver),
    HOOKS("GICR_ICACTIVER0", 0x10380, 1, 4, VML_SIZE_4, read_active, write_icactiver),
    HOOKS("GICR_ICACTIVERnE", 0x10384, 2, 4, VML_SIZE_4, read_active, write_icactiver),
    HOOKS("GICR_IPRIORITYR", 0x10400, 32, 1, VML_SIZE_14, read_priority, write_priority),
    HOOKS("GICR_IPRIORITYRnE", 0x10420, 64, 1, VML_SIZE_14, read_priority, write_priority),
    HOOKS("GICR_ICFGR", 0x10c00, 2, 4, VML_SIZE_4, read_icfgr, write_icfgr),
    HOOKS("GICR_ICFGRnE", 0x10c08, 4, 4, VML_SIZE_4, read_icfgr, write_icfgr),
    HOOKS("GICR_IGRPMODR0", 0x10d00, 1, 4, VML_SIZE_4, read_grpmod, write_grpmod),
    HOOKS("GICR_IGRPMODRnE", 0x10d04, 2, 4, VML_SIZE_4, read_grpmod, write_grpmod),
    /* RAZ/WI while GICD_CTLR.DS is 1 */
    {"GICR_NSACR", 0x10e00, 1, 0, 4, VML_SIZE_4, VML_REG_RAZ, 0, 0, NONE, NULL, NULL},
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
