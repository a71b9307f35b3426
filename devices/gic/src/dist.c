/* GICD, for both versions. */
#include "fields.h"
#include "lpi.h"

static struct vml_gic *gic_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_gic, gicd);
}

GIC_READ_HOOK(gic_read_constant)
{
    VML_UNUSED(device, index, access);
    return reg->reset;
}

static GIC_READ_HOOK(read_ctlr)
{
    struct vml_gic *gic = gic_of(device);

    VML_UNUSED(reg, index, access);
    return LOAD(&gic->enabled_groups) | (gic->config.version == 3 ? CTLR_ARE | CTLR_DS : 0);
}

static GIC_WRITE_HOOK(write_ctlr)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t before;

    VML_UNUSED(reg, index, access);
    if (mask & 3) {
        before = atomic_exchange_explicit(&gic->enabled_groups, (uint32_t)value & 3,
                                          memory_order_seq_cst);
        gic_update_all(gic);
        if (before & ~value) {
            gic_recall_all(gic);
        }
    }
}

/* IHI 0069H 12.9.38: ITLinesNumber; No1N is 0, A3V and RSS 1, MBIS 1, 10 bits of INTID
 * without LPIs. */
static GIC_READ_HOOK(read_typer)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t lines = (gic->intids + 31) / 32 - 1;

    VML_UNUSED(reg, index, access);
    if (gic->config.version == 2) {
        return lines | (gic->config.cpus - 1) << 5;
    }
    lines |= 1u << 16 | 1u << 24 | 1u << 26;
    if (gic->config.espis != 0) { /* ESPI, ESPI_range */
        lines |= 1u << 8 | (gic->config.espis / 32 - 1) << 27;
    }
    return gic->config.lpis == 0 ? lines | 9u << 19 : lines | gic_lpi_typer(gic);
}

/* GICv2 */

static GIC_READ_HOOK(read_itargetsr)
{
    struct vml_gic *gic = gic_of(device);

    VML_UNUSED(reg);
    if (gic->config.cpus == 1 || !gic_is_implemented(gic, index)) {
        return 0; /* IHI 0048B 4.3.12: RAZ/WI on a uniprocessor */
    }
    return index < 32 ? VML_BIT32(gic_access_cpu(gic, access)) : LOAD(&gic->route[index]);
}

static GIC_WRITE_HOOK(write_itargetsr)
{
    struct vml_gic *gic = gic_of(device);

    VML_UNUSED(reg, mask, access);
    if (gic->config.cpus != 1) {
        gic_set_route(gic, index, value & (VML_BIT32(gic->config.cpus) - 1));
    }
}

static GIC_WRITE_HOOK(write_sgir)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t from = gic_access_cpu(gic, access), targets;

    VML_UNUSED(reg, index, mask);
    switch (VML_FIELD64(value, 25, 24)) {
    case 0:
        targets = (uint32_t)VML_FIELD64(value, 23, 16);
        break;
    case 1:
        targets = 0xff & ~VML_BIT32(from);
        break;
    case 2:
        targets = VML_BIT32(from);
        break;
    default:
        return;
    }
    gic_send_sgi_v2(gic, from, targets, (uint32_t)(value & 15));
}

static GIC_READ_HOOK(read_sgi_sources)
{
    struct vml_gic *gic = gic_of(device);

    VML_UNUSED(reg);
    return LOAD(&gic->cpus[gic_access_cpu(gic, access)].sgi_sources[index]);
}

static GIC_WRITE_HOOK(write_cpendsgir)
{
    struct vml_gic *gic = gic_of(device);

    VML_UNUSED(reg);
    gic_clear_sgi_v2(gic, gic_access_cpu(gic, access), index, (uint32_t)(value & mask));
}

static GIC_WRITE_HOOK(write_spendsgir)
{
    struct vml_gic *gic = gic_of(device);

    VML_UNUSED(reg);
    gic_set_sgi_v2(gic, gic_access_cpu(gic, access), index, (uint32_t)(value & mask));
}

/* GICv3 */

/* IHI 0069H 12.9.36: a message holds a level-sensitive SPI up until it is cleared. */
static void message(struct vml_device *device, uint64_t value, bool set)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t intid = (uint32_t)(value & 0x1fff), number = gic_number(gic, intid);
    uint32_t bit = VML_BIT32(number % 32);

    if (gic_is_private(number) || !gic_is_implemented(gic, number)) {
        return;
    }
    if (!(LOAD(&gic->irqs[number / 32].edge) & bit)) {
        vml_gic_set_level(gic, intid, 0, set);
    } else {
        gic_set_field(gic, 0, number / 32, FIELD_PENDING, bit, set);
    }
}

static GIC_WRITE_HOOK(write_setspi)
{
    VML_UNUSED(reg, index, access);
    message(device, value & mask, true);
}

static GIC_WRITE_HOOK(write_clrspi)
{
    VML_UNUSED(reg, index, access);
    message(device, value & mask, false);
}

static uint32_t routed_number(const struct vml_reg *reg, uint32_t index)
{
    return index + (reg->offset < 0x8000 ? 32 : FIRST_ESPI);
}

static GIC_READ_HOOK(read_irouter)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t number = routed_number(reg, index);

    VML_UNUSED(access);
    return gic_is_implemented(gic, number) ? LOAD(&gic->route[number]) : 0;
}

static GIC_WRITE_HOOK(write_irouter)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t number = routed_number(reg, index);
    uint64_t old;

    VML_UNUSED(access);
    if (gic_is_implemented(gic, number)) {
        old = LOAD(&gic->route[number]);
        gic_set_route(gic, number, ((old & ~mask) | (value & mask)) & UINT64_C(0xff80ffffff));
    }
}

#define WRITES(name, offset, count, width, sizes, write)                                           \
    {                                                                                              \
        name, offset, count, 0, width, sizes, VML_REG_WO, 0, UINT64_MAX, NONE, gic_read_constant,  \
            write                                                                                  \
    }
#define COMMON_ROWS                                                                                \
    BITS("GICD_IGROUPR", 0x080, 32, group, group),                                                 \
        BITS("GICD_ISENABLER", 0x100, 32, enabled, isenabler),                                     \
        BITS("GICD_ICENABLER", 0x180, 32, enabled, icenabler),                                     \
        BITS("GICD_ISPENDR", 0x200, 32, pending, ispendr),                                         \
        BITS("GICD_ICPENDR", 0x280, 32, pending, icpendr),                                         \
        BITS("GICD_ISACTIVER", 0x300, 32, active, isactiver),                                      \
        BITS("GICD_ICACTIVER", 0x380, 32, active, icactiver),                                      \
        PRIORITIES("GICD_IPRIORITYR", 0x400, 1020)

static const struct vml_reg rows_v2[] = {
    HOOKS("GICD_CTLR", 0x000, 1, 4, VML_SIZE_4, read_ctlr, write_ctlr),
    HOOKS("GICD_TYPER", 0x004, 1, 4, VML_SIZE_4, read_typer, gic_ignore_write),
    CONSTANT("GICD_IIDR", 0x008, GIC_IIDR),
    COMMON_ROWS,
    HOOKS("GICD_ITARGETSR", 0x800, 1020, 1, VML_SIZE_14, read_itargetsr, write_itargetsr),
    BITS("GICD_ICFGR", 0xc00, 64, icfgr, icfgr),
    RAZ_WI("GICD_NSACR", 0xe00, 64), /* without the Security Extensions */
    WRITES("GICD_SGIR", 0xf00, 1, 4, VML_SIZE_4, write_sgir),
    HOOKS("GICD_CPENDSGIR", 0xf10, 16, 1, VML_SIZE_14, read_sgi_sources, write_cpendsgir),
    HOOKS("GICD_SPENDSGIR", 0xf20, 16, 1, VML_SIZE_14, read_sgi_sources, write_spendsgir),
    CONSTANT("GICD_PIDR4", 0xfd0, 0x04),
    CONSTANT("GICD_PIDR0", 0xfe0, 0x90),
    CONSTANT("GICD_PIDR1", 0xfe4, 0xb4),
    CONSTANT("GICD_PIDR2", 0xfe8, 0x2b),
    CONSTANT("GICD_CIDR0", 0xff0, 0x0d),
    CONSTANT("GICD_CIDR1", 0xff4, 0xf0),
    CONSTANT("GICD_CIDR2", 0xff8, 0x05),
    CONSTANT("GICD_CIDR3", 0xffc, 0xb1),
};

static const struct vml_reg rows_v3[] = {
    HOOKS("GICD_CTLR", 0x000, 1, 4, VML_SIZE_4, read_ctlr, write_ctlr),
    HOOKS("GICD_TYPER", 0x004, 1, 4, VML_SIZE_4, read_typer, gic_ignore_write),
    CONSTANT("GICD_IIDR", 0x008, GIC_IIDR),
    WRITES("GICD_SETSPI_NSR", 0x040, 1, 4, VML_SIZE_4, write_setspi),
    WRITES("GICD_CLRSPI_NSR", 0x048, 1, 4, VML_SIZE_4, write_clrspi),
    COMMON_ROWS,
    BITS("GICD_ICFGR", 0xc00, 64, icfgr, icfgr),
    BITS("GICD_IGRPMODR", 0xd00, 32, grpmod, grpmod),
    RAZ_WI("GICD_NSACR", 0xe00, 64), /* while GICD_CTLR.DS is 1 */
    BITS("GICD_IGROUPRnE", 0x1000, 32, group, group),
    BITS("GICD_ISENABLERnE", 0x1200, 32, enabled, isenabler),
    BITS("GICD_ICENABLERnE", 0x1400, 32, enabled, icenabler),
    BITS("GICD_ISPENDRnE", 0x1600, 32, pending, ispendr),
    BITS("GICD_ICPENDRnE", 0x1800, 32, pending, icpendr),
    BITS("GICD_ISACTIVERnE", 0x1a00, 32, active, isactiver),
    BITS("GICD_ICACTIVERnE", 0x1c00, 32, active, icactiver),
    PRIORITIES("GICD_IPRIORITYRnE", 0x2000, 1024),
    BITS("GICD_ICFGRnE", 0x3000, 64, icfgr, icfgr),
    BITS("GICD_IGRPMODRnE", 0x3400, 32, grpmod, grpmod),
    RAZ_WI("GICD_NSACRnE", 0x3600, 64), /* as GICD_NSACR */
    HOOKS("GICD_IROUTER", 0x6100, 988, 8, VML_SIZE_48, read_irouter, write_irouter),
    HOOKS("GICD_IROUTERnE", 0x8000, 1024, 8, VML_SIZE_48, read_irouter, write_irouter),
    CONSTANT("GICD_PIDR4", 0xffd0, 0x44),
    CONSTANT("GICD_PIDR0", 0xffe0, 0x92),
    CONSTANT("GICD_PIDR1", 0xffe4, 0xb4),
    CONSTANT("GICD_PIDR2", 0xffe8, 0x3b),
    CONSTANT("GICD_CIDR0", 0xfff0, 0x0d),
    CONSTANT("GICD_CIDR1", 0xfff4, 0xf0),
    CONSTANT("GICD_CIDR2", 0xfff8, 0x05),
    CONSTANT("GICD_CIDR3", 0xfffc, 0xb1),
};

const struct vml_reg_table vml_gicd_v2_regs = {rows_v2, VML_ARRAY_SIZE(rows_v2), VML_GICD_SIZE,
                                               true};
const struct vml_reg_table vml_gicd_regs = {rows_v3, VML_ARRAY_SIZE(rows_v3), VML_GICD_SIZE, true};

static __attribute__((noinline)) enum vml_bus_result access_table(struct vml_gic *gic,
                                                                  struct vml_access *access)
{
    return vml_regs_access(gic->config.version == 2 ? &vml_gicd_v2_regs : &vml_gicd_regs,
                           &gic->gicd, NULL, access);
}

_Static_assert(offsetof(struct vml_access, write) == offsetof(struct vml_access, size) + 1,
               "size and write are read together");

static inline bool is_word_read(const struct vml_access *access)
{
    const uint8_t read[2] = {4, false};

    return memcmp((const uint8_t *)access + offsetof(struct vml_access, size), read, 2) == 0;
}

/* A word of SPIs' bits is one load: those of 256 bytes of registers, IGROUPR to ICACTIVER, are one
 * member of vml_gic_word. */
static enum vml_bus_result gicd_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_gic *gic = gic_of(device);
    uint64_t index = access->offset >> 2 | access->offset << 62; /* huge if it is not aligned */
    uint32_t word = (uint32_t)index & 31;

    if (VML_LIKELY(is_word_read(access) && index - 0x20 < 0xe0 && word != 0)) {
        const struct vml_gic_word *w = &gic->irqs[word];

        access->value = index >> 6 == 2 ? gic_pending_bits(w) : LOAD(&w->group + (index >> 6));
        return VML_BUS_OK;
    }
    return access_table(gic, access);
}

static void gicd_reset(struct vml_device *device)
{
    vml_gic_reset(gic_of(device));
}

const struct vml_device_ops gic_gicd_ops = {gicd_access, gicd_reset, NULL, gic_save, gic_restore};
