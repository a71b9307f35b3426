/*
 * The kernel's GICv3 and ITS, to and from the library's: register by register, in the order that
 * Documentation/virt/kvm/devices/arm-vgic-v3.rst and arm-vgic-its.rst want.
 *
 * What is not a register of the architecture: the kernel's ISPENDR is the latch alone, and the wires'
 * levels are beside it.
 */
#include "core.h"

#include <vml/gic_its.h>

enum {
    GICD_CTLR = 0x0000,
    GICD_IIDR = 0x0008,
    GICD_IROUTER = 0x6000,
    GICR_CTLR = 0x0000,
    GICR_WAKER = 0x0014,
    GICR_PROPBASER = 0x0070,
    GICR_PENDBASER = 0x0078,
    GICR_SGI_FRAME = 0x10000,
    /* Of a word of interrupts, in the distributor and in a redistributor's SGI frame. */
    IGROUPR = 0x0080,
    ISENABLER = 0x0100,
    ICENABLER = 0x0180,
    ISPENDR = 0x0200,
    ISACTIVER = 0x0300,
    ICACTIVER = 0x0380,
    IPRIORITYR = 0x0400,
    ICFGR = 0x0c00,
    GITS_CTLR = 0x0000,
    GITS_IIDR = 0x0004,
    GITS_CBASER = 0x0080,
    GITS_CWRITER = 0x0088,
    GITS_CREADR = 0x0090,
    GITS_BASER = 0x0100,
};
enum { GROUP0 = 1, GROUP1 = 2, ENABLE_LPIS = 1, MAX_APRS = 4 };
#define GITS_IIDR_REVISION UINT64_C(0xf000)

#define ICC(crm, op2)      VML_SYSREG(3, 0, 12, crm, op2)
#define ICC_PMR            VML_SYSREG(3, 0, 4, 6, 0)
#define ICC_BPR0           ICC(8, 3)
#define ICC_AP0R(n)        ICC(8, 4 + (n))
#define ICC_AP1R(n)        ICC(9, n)
#define ICC_BPR1           ICC(12, 3)
#define ICC_CTLR           ICC(12, 4)
#define ICC_IGRPEN0        ICC(12, 6)
#define ICC_IGRPEN1        ICC(12, 7)
#define CTLR_CBPR          UINT64_C(1)
#define CTLR_EOIMODE       UINT64_C(2)

/* A copy under way: the first thing that fails is logged, and nothing is done after it. */
struct copy {
    struct vml_kvm_machine *machine;
    struct vml_gic *gic;
    struct vml_its *its;
    enum vml_status status;
};

static bool failed(const struct copy *c)
{
    return c->status != VML_OK;
}

static void check(struct copy *c, int error, const char *what, uint64_t attr)
{
    if (error != 0 && !failed(c)) {
        vml_log(VML_LOG_ERROR, "kvm: the kernel's GICv3: %s %#llx refused (error %d)", what,
                (unsigned long long)attr, -error);
        c->status = kvm_status(error);
    }
}

static void refuse(struct copy *c, enum vml_status status, const char *why)
{
    if (!failed(c)) {
        vml_log(VML_LOG_ERROR, "kvm: the kernel's GICv3: %s", why);
        c->status = status;
    }
}

/* ---- the kernel's registers ---- */

static const char *const group_names[] = {
    [ABI_VGIC_GRP_DIST_REGS] = "GICD register",   [ABI_VGIC_GRP_CTRL] = "control",
    [ABI_VGIC_GRP_REDIST_REGS] = "GICR register", [ABI_VGIC_GRP_CPU_SYSREGS] = "ICC register",
    [ABI_VGIC_GRP_LEVEL_INFO] = "levels",         [ABI_VGIC_GRP_ITS_REGS] = "GITS register",
};

static uint32_t get32(struct copy *c, uint32_t group, uint64_t attr)
{
    uint32_t value = 0;

    if (!failed(c)) {
        check(c, kvm_get_attr(c->machine, c->machine->gic_fd, group, attr, &value),
              group_names[group], attr);
    }
    return value;
}

static void put32(struct copy *c, uint32_t group, uint64_t attr, uint32_t value)
{
    if (!failed(c)) {
        check(c, kvm_set_attr(c->machine, c->machine->gic_fd, group, attr, &value),
              group_names[group], attr);
    }
}

/* A register that the kernel might not keep as it is: which would be another machine. */
static void put_kept(struct copy *c, uint32_t group, uint64_t attr, uint32_t value)
{
    uint32_t kept;

    put32(c, group, attr, value);
    kept = get32(c, group, attr);
    if (!failed(c) && kept != value) {
        vml_log(VML_LOG_ERROR, "kvm: the kernel's GICv3: %s %#llx is %#x and cannot be %#x",
                group_names[group], (unsigned long long)attr, kept, value);
        c->status = VML_ERR_UNSUPPORTED;
    }
}

static uint64_t get64(struct copy *c, int fd, uint32_t group, uint64_t attr)
{
    uint64_t value = 0;

    if (!failed(c)) {
        check(c, kvm_get_attr(c->machine, fd, group, attr, &value), group_names[group], attr);
    }
    return value;
}

static void put64(struct copy *c, int fd, uint32_t group, uint64_t attr, uint64_t value)
{
    if (!failed(c)) {
        check(c, kvm_set_attr(c->machine, fd, group, attr, &value), group_names[group], attr);
    }
}

static void control(struct copy *c, int fd, uint64_t attr)
{
    if (!failed(c)) {
        check(c, kvm_set_attr(c->machine, fd, ABI_VGIC_GRP_CTRL, attr, NULL),
              group_names[ABI_VGIC_GRP_CTRL], attr);
    }
}

/* A vCPU in an attribute: Aff3 to Aff0 in bits 63:32. */
static uint64_t affinity(const struct copy *c, uint32_t cpu)
{
    uint64_t mpidr = c->machine->config.cpus[cpu]->cpu.config.mpidr;

    return VML_FIELD64(mpidr, 39, 32) << 56 | (mpidr & 0xffffff) << 32;
}

static uint64_t get_icc(struct copy *c, uint32_t cpu, uint64_t sysreg)
{
    return get64(c, c->machine->gic_fd, ABI_VGIC_GRP_CPU_SYSREGS, affinity(c, cpu) | sysreg >> 3);
}

static void put_icc(struct copy *c, uint32_t cpu, uint64_t sysreg, uint64_t value)
{
    put64(c, c->machine->gic_fd, ABI_VGIC_GRP_CPU_SYSREGS, affinity(c, cpu) | sysreg >> 3, value);
}

static uint64_t get_its(struct copy *c, uint64_t offset)
{
    return get64(c, c->machine->its_fd, ABI_VGIC_GRP_ITS_REGS, offset);
}

static void put_its(struct copy *c, uint64_t offset, uint64_t value)
{
    put64(c, c->machine->its_fd, ABI_VGIC_GRP_ITS_REGS, offset, value);
}

/* ---- the library's registers ---- */

static uint64_t read_reg(struct vml_device *device, uint64_t offset, uint8_t size)
{
    struct vml_access access = {.offset = offset, .size = size};

    (void)device->ops->access(device, &access);
    return access.value;
}

static void write_reg(struct vml_device *device, uint64_t offset, uint8_t size, uint64_t value)
{
    struct vml_access access = {.offset = offset, .size = size, .value = value, .write = true};

    (void)device->ops->access(device, &access);
}

static uint64_t read_icc(const struct copy *c, uint32_t cpu, uint64_t sysreg)
{
    uint64_t value = 0;

    (void)vml_gic_icc_read(c->gic, cpu, sysreg, &value);
    return value;
}

static void write_icc(const struct copy *c, uint32_t cpu, uint64_t sysreg, uint64_t value)
{
    (void)vml_gic_icc_write(c->gic, cpu, sysreg, value);
}

/* ---- 32 interrupts ---- */

/* Where the registers of INTIDs 32 * index and up are, on both sides. */
struct word {
    uint32_t index;
    uint32_t cpu; /* whose, for index 0 */
    uint32_t group;
    uint64_t base; /* of attributes */
    struct vml_device *device;
    uint64_t offset; /* in `device` */
};

static struct word word_of(const struct copy *c, uint32_t index, uint32_t cpu)
{
    if (index != 0) {
        return (struct word){index, 0, ABI_VGIC_GRP_DIST_REGS, 0, &c->gic->gicd, 0};
    }
    return (struct word){0,
                         cpu,
                         ABI_VGIC_GRP_REDIST_REGS,
                         affinity(c, cpu) | GICR_SGI_FRAME,
                         &c->gic->gicr,
                         (uint64_t)cpu * VML_GICR_SIZE + GICR_SGI_FRAME};
}

/* The register of a word that has so many bits for each of its interrupts; `n`: which of those 32 bits. */
static uint32_t offset_of(const struct word *w, uint32_t reg, uint32_t bits, uint32_t n)
{
    return reg + w->index * 4 * bits + n * 4;
}

static uint32_t kernel_word(struct copy *c, const struct word *w, uint32_t offset)
{
    return get32(c, w->group, w->base | offset);
}

static uint64_t level_attr(const struct copy *c, const struct word *w)
{
    return affinity(c, w->cpu) | w->index * 32;
}

/* Into a GIC that has been reset: all level-sensitive, so that levels are levels and latch nothing. */
static void get_levels(struct copy *c, const struct word *w)
{
    uint32_t levels = get32(c, ABI_VGIC_GRP_LEVEL_INFO, level_attr(c, w));

    for (uint32_t i = 0; i < 32; i++) {
        vml_gic_set_level(c->gic, w->index * 32 + i, w->cpu, (levels >> i & 1) != 0);
    }
}

static void get_word(struct copy *c, const struct word *w)
{
    static const struct {
        uint32_t reg, bits;
    } rows[] = {{IGROUPR, 1},   {ICFGR, 2},   {IPRIORITYR, 8},
                {ISENABLER, 1}, {ISPENDR, 1}, {ISACTIVER, 1}};

    get_levels(c, w);
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(rows); i++) {
        for (uint32_t n = 0; n < rows[i].bits; n++) {
            uint32_t offset = offset_of(w, rows[i].reg, rows[i].bits, n);

            write_reg(w->device, w->offset + offset, 4, kernel_word(c, w, offset));
        }
    }
}

static void set_word(struct copy *c, const struct word *w)
{
    /* What is only set, and what clears it; the latch is written as it is. */
    static const struct {
        uint32_t set, clear;
    } rows[] = {{ISENABLER, ICENABLER}, {ISACTIVER, ICACTIVER}};
    static const struct {
        uint32_t reg, bits;
    } kept[] = {{IGROUPR, 1}, {ICFGR, 2}, {IPRIORITYR, 8}};
    uint32_t intid = w->index * 32;

    for (uint32_t i = 0; i < VML_ARRAY_SIZE(kept); i++) {
        for (uint32_t n = 0; n < kept[i].bits; n++) {
            uint32_t offset = offset_of(w, kept[i].reg, kept[i].bits, n);

            put_kept(c, w->group, w->base | offset,
                     (uint32_t)read_reg(w->device, w->offset + offset, 4));
        }
    }
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(rows); i++) {
        uint32_t offset = offset_of(w, rows[i].set, 1, 0);

        put32(c, w->group, w->base | offset_of(w, rows[i].clear, 1, 0), UINT32_MAX);
        put32(c, w->group, w->base | offset, (uint32_t)read_reg(w->device, w->offset + offset, 4));
    }
    put32(c, ABI_VGIC_GRP_LEVEL_INFO, level_attr(c, w), vml_gic_levels(c->gic, intid, w->cpu));
    put32(c, w->group, w->base | offset_of(w, ISPENDR, 1, 0),
          vml_gic_latched(c->gic, intid, w->cpu));
}

/* ---- the distributor ---- */

static void get_distributor(struct copy *c)
{
    const uint32_t intids = 32 + c->machine->gic.spis;

    /* The kernel's one enable is that of both groups. */
    if (get32(c, ABI_VGIC_GRP_DIST_REGS, GICD_CTLR) & GROUP1) {
        write_reg(&c->gic->gicd, GICD_CTLR, 4, GROUP0 | GROUP1);
    }
    for (uint32_t intid = 32; intid < intids; intid++) {
        uint32_t offset = GICD_IROUTER + intid * 8;
        uint64_t route = get32(c, ABI_VGIC_GRP_DIST_REGS, offset);

        route |= (uint64_t)get32(c, ABI_VGIC_GRP_DIST_REGS, offset + 4) << 32;
        write_reg(&c->gic->gicd, offset, 8, route);
    }
    for (uint32_t index = 1; index * 32 < intids; index++) {
        struct word w = word_of(c, index, 0);

        get_word(c, &w);
    }
}

static void set_distributor(struct copy *c)
{
    const uint32_t intids = 32 + c->machine->gic.spis;
    uint32_t groups = (uint32_t)read_reg(&c->gic->gicd, GICD_CTLR, 4) & (GROUP0 | GROUP1);

    if (groups == GROUP0) {
        refuse(c, VML_ERR_UNSUPPORTED, "it has no enable of group 0 alone");
    }
    put32(c, ABI_VGIC_GRP_DIST_REGS, GICD_CTLR, groups & GROUP1);
    for (uint32_t intid = 32; intid < intids; intid++) {
        uint32_t offset = GICD_IROUTER + intid * 8;
        uint64_t route = read_reg(&c->gic->gicd, offset, 8);

        put32(c, ABI_VGIC_GRP_DIST_REGS, offset, (uint32_t)route);
        put32(c, ABI_VGIC_GRP_DIST_REGS, offset + 4, (uint32_t)(route >> 32));
    }
    for (uint32_t index = 1; index * 32 < intids; index++) {
        struct word w = word_of(c, index, 0);

        set_word(c, &w);
    }
}

/* ---- redistributors ---- */

static uint64_t get_base(struct copy *c, uint32_t cpu, uint32_t offset)
{
    uint64_t low = get32(c, ABI_VGIC_GRP_REDIST_REGS, affinity(c, cpu) | offset);

    return low | (uint64_t)get32(c, ABI_VGIC_GRP_REDIST_REGS, affinity(c, cpu) | (offset + 4))
                     << 32;
}

static void put_base(struct copy *c, uint32_t cpu, uint32_t offset)
{
    uint64_t value = read_reg(&c->gic->gicr, (uint64_t)cpu * VML_GICR_SIZE + offset, 8);

    /* The kernel has one GICR_PROPBASER: that of a vCPU without LPIs must not take it away. */
    if (value != 0) {
        put32(c, ABI_VGIC_GRP_REDIST_REGS, affinity(c, cpu) | offset, (uint32_t)value);
        put32(c, ABI_VGIC_GRP_REDIST_REGS, affinity(c, cpu) | (offset + 4),
              (uint32_t)(value >> 32));
    }
}

/* LPIs that are enabled, and what the ITS knows, are in the way of others. */
static void drop_lpis(struct copy *c)
{
    static const uint32_t offsets[] = {GICR_CTLR, GICR_PROPBASER, GICR_PROPBASER + 4,
                                       GICR_PENDBASER, GICR_PENDBASER + 4};

    if (c->machine->its_fd < 0) {
        return;
    }
    for (uint32_t cpu = 0; cpu < c->machine->count; cpu++) {
        for (uint32_t i = 0; i < VML_ARRAY_SIZE(offsets); i++) {
            put32(c, ABI_VGIC_GRP_REDIST_REGS, affinity(c, cpu) | offsets[i], 0);
        }
    }
    control(c, c->machine->its_fd, ABI_VGIC_CTRL_ITS_RESET);
}

static void get_redistributor(struct copy *c, uint32_t cpu)
{
    struct word w = word_of(c, 0, cpu);
    uint64_t at = (uint64_t)cpu * VML_GICR_SIZE;

    get_word(c, &w);
    write_reg(&c->gic->gicr, at + GICR_WAKER, 4, 0);
    if (c->machine->its_fd >= 0) {
        write_reg(&c->gic->gicr, at + GICR_PROPBASER, 8, get_base(c, cpu, GICR_PROPBASER));
        write_reg(&c->gic->gicr, at + GICR_PENDBASER, 8, get_base(c, cpu, GICR_PENDBASER));
        /* Reads the tables: pending LPIs are in memory by now. */
        write_reg(&c->gic->gicr, at + GICR_CTLR, 4,
                  get32(c, ABI_VGIC_GRP_REDIST_REGS, affinity(c, cpu) | GICR_CTLR) & ENABLE_LPIS);
    }
}

static void set_redistributor(struct copy *c, uint32_t cpu)
{
    uint64_t ctlr = read_reg(&c->gic->gicr, (uint64_t)cpu * VML_GICR_SIZE + GICR_CTLR, 4);
    struct word w = word_of(c, 0, cpu);

    if (c->machine->its_fd >= 0) {
        put_base(c, cpu, GICR_PROPBASER);
        put_base(c, cpu, GICR_PENDBASER);
        put32(c, ABI_VGIC_GRP_REDIST_REGS, affinity(c, cpu) | GICR_CTLR,
              (uint32_t)ctlr & ENABLE_LPIS);
    } else if (ctlr & ENABLE_LPIS) {
        refuse(c, VML_ERR_UNSUPPORTED, "it has no LPIs here");
    }
    set_word(c, &w);
}

/* ---- CPU interfaces ---- */

/*
 * Active priorities: of five bits of priority here, of as many as the host has there.  The guest's
 * priorities are multiples of 8 on both sides.
 */
static uint32_t priority_shift(uint64_t ctlr)
{
    uint32_t bits = (uint32_t)VML_FIELD64(ctlr, 10, 8) + 1;

    return bits <= 5 ? 0 : (bits < 7 ? bits : 7) - 5;
}

static uint32_t get_active(struct copy *c, uint32_t cpu, uint64_t first, uint32_t shift)
{
    uint32_t active = 0;

    for (uint32_t n = 0; n < 1u << shift; n++) {
        uint32_t bits = (uint32_t)get_icc(c, cpu, first + n * 8);

        for (uint32_t i = 0; i < 32; i++) {
            active |= (bits >> i & 1) << ((n * 32 + i) >> shift);
        }
    }
    return active;
}

static void put_active(struct copy *c, uint32_t cpu, uint64_t first, uint32_t shift,
                       uint32_t active)
{
    uint32_t bits[MAX_APRS] = {0};

    for (uint32_t i = 0; i < 32; i++) {
        bits[(i << shift) / 32] |= (active >> i & 1) << (i << shift) % 32;
    }
    for (uint32_t n = 0; n < 1u << shift; n++) {
        put_icc(c, cpu, first + n * 8, bits[n]);
    }
}

/* With CBPR, group 1's binary point can neither be read nor written: CBPR comes last, and goes first. */
static void get_interface(struct copy *c, uint32_t cpu)
{
    static const uint64_t plain[] = {ICC_PMR, ICC_IGRPEN0, ICC_IGRPEN1, ICC_BPR0, ICC_BPR1};
    uint64_t ctlr = get_icc(c, cpu, ICC_CTLR);

    if (ctlr & CTLR_CBPR) {
        put_icc(c, cpu, ICC_CTLR, ctlr & ~CTLR_CBPR);
    }
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(plain); i++) {
        write_icc(c, cpu, plain[i], get_icc(c, cpu, plain[i]));
    }
    if (ctlr & CTLR_CBPR) {
        put_icc(c, cpu, ICC_CTLR, ctlr);
    }
    write_icc(c, cpu, ICC_CTLR, ctlr & (CTLR_CBPR | CTLR_EOIMODE));
    write_icc(c, cpu, ICC_AP0R(0), get_active(c, cpu, ICC_AP0R(0), priority_shift(ctlr)));
    write_icc(c, cpu, ICC_AP1R(0), get_active(c, cpu, ICC_AP1R(0), priority_shift(ctlr)));
}

static void set_interface(struct copy *c, uint32_t cpu)
{
    static const uint64_t plain[] = {ICC_PMR, ICC_IGRPEN0, ICC_IGRPEN1, ICC_BPR0, ICC_BPR1};
    uint64_t mine = read_icc(c, cpu, ICC_CTLR) & (CTLR_CBPR | CTLR_EOIMODE);
    uint64_t ctlr = get_icc(c, cpu, ICC_CTLR) & ~(CTLR_CBPR | CTLR_EOIMODE);

    /* The rest of ICC_CTLR_EL1 tells what the host's interface is. */
    put_icc(c, cpu, ICC_CTLR, ctlr);
    write_icc(c, cpu, ICC_CTLR, 0);
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(plain); i++) {
        put_icc(c, cpu, plain[i], read_icc(c, cpu, plain[i]));
    }
    write_icc(c, cpu, ICC_CTLR, mine);
    put_icc(c, cpu, ICC_CTLR, ctlr | mine);
    put_active(c, cpu, ICC_AP0R(0), priority_shift(ctlr), (uint32_t)read_icc(c, cpu, ICC_AP0R(0)));
    put_active(c, cpu, ICC_AP1R(0), priority_shift(ctlr), (uint32_t)read_icc(c, cpu, ICC_AP1R(0)));
}

/* ---- the ITS ---- */

static void convert(struct copy *c, enum vml_status status)
{
    if (status != VML_OK) {
        refuse(c, status, "the ITS's tables are not the same ones' on both sides");
    }
}

static void get_its_state(struct copy *c)
{
    struct vml_its_registers registers = {
        .enabled = (get_its(c, GITS_CTLR) & 1) != 0,
        .cbaser = get_its(c, GITS_CBASER),
        .cwriter = get_its(c, GITS_CWRITER),
        .creadr = get_its(c, GITS_CREADR),
        .baser = {get_its(c, GITS_BASER), get_its(c, GITS_BASER + 8)},
    };

    control(c, c->machine->its_fd, ABI_VGIC_CTRL_ITS_SAVE_TABLES);
    if (!failed(c)) {
        vml_its_set_registers(c->its, &registers);
        convert(c, vml_its_tables_from_kvm(c->its));
    }
}

static void set_its_state(struct copy *c)
{
    struct vml_its_registers registers;
    uint64_t iidr = get_its(c, GITS_IIDR);

    if (!failed(c) && iidr & GITS_IIDR_REVISION) {
        refuse(c, VML_ERR_UNSUPPORTED, "the ITS's tables are of a layout that is not known");
    }
    if (!failed(c)) {
        convert(c, vml_its_tables_to_kvm(c->its));
    }
    vml_its_get_registers(c->its, &registers);
    put_its(c, GITS_CBASER, registers.cbaser);
    put_its(c, GITS_CREADR, registers.creadr & ~UINT64_C(1));
    put_its(c, GITS_CWRITER, registers.cwriter);
    put_its(c, GITS_BASER, registers.baser[0]);
    put_its(c, GITS_BASER + 8, registers.baser[1]);
    put_its(c, GITS_IIDR, iidr);
    control(c, c->machine->its_fd, ABI_VGIC_CTRL_ITS_RESTORE_TABLES);
    put_its(c, GITS_CTLR, registers.enabled);
}

/* ---- all of it ---- */

/* Whether the two can have the same state. */
static enum vml_status check_shape(const struct vml_kvm_machine *machine, const struct vml_gic *gic,
                                   const struct vml_its *its)
{
    const struct vml_gic_config *config = &gic->config;

    if (machine->gic_fd < 0 || !machine->ready) {
        return VML_ERR_STATE;
    }
    if (config->version != 3 || config->cpus != machine->count ||
        config->spis != machine->gic.spis || (config->eppis | config->espis) != 0 ||
        config->output || (machine->its_fd >= 0 && (!its || its->config.gic != gic))) {
        return VML_ERR_INVALID;
    }
    return VML_OK;
}

static void reset(const struct copy *c)
{
    vml_gic_reset(c->gic);
    if (c->its) {
        c->its->device.ops->reset(&c->its->device);
    }
}

enum vml_status vml_kvm_gic_get(struct vml_kvm_machine *machine, struct vml_gic *gic,
                                struct vml_its *its)
{
    struct copy c = {machine, gic, its, check_shape(machine, gic, its)};

    if (failed(&c)) {
        return c.status;
    }
    reset(&c);
    if (machine->its_fd >= 0) {
        control(&c, machine->gic_fd, ABI_VGIC_CTRL_SAVE_PENDING_TABLES);
    }
    get_distributor(&c);
    for (uint32_t i = 0; i < machine->count && !failed(&c); i++) {
        get_redistributor(&c, i);
        get_interface(&c, i);
    }
    if (machine->its_fd >= 0 && !failed(&c)) {
        get_its_state(&c);
    }
    return c.status;
}

enum vml_status vml_kvm_gic_set(struct vml_kvm_machine *machine, struct vml_gic *gic,
                                struct vml_its *its)
{
    struct copy c = {machine, gic, its, check_shape(machine, gic, its)};

    if (failed(&c)) {
        return c.status;
    }
    vml_gic_lpi_write_back(gic);
    /* To be written before anything else: the behaviour that follows is the one of this revision. */
    put32(&c, ABI_VGIC_GRP_DIST_REGS, GICD_IIDR, get32(&c, ABI_VGIC_GRP_DIST_REGS, GICD_IIDR));
    drop_lpis(&c);
    set_distributor(&c);
    for (uint32_t i = 0; i < machine->count && !failed(&c); i++) {
        set_redistributor(&c, i);
        set_interface(&c, i);
    }
    if (machine->its_fd >= 0 && !failed(&c)) {
        set_its_state(&c);
    }
    return c.status;
}

enum vml_status vml_kvm_gic_reset(struct vml_kvm_machine *machine, struct vml_gic *gic,
                                  struct vml_its *its)
{
    struct copy c = {machine, gic, its, check_shape(machine, gic, its)};

    if (failed(&c)) {
        return c.status;
    }
    reset(&c);
    for (uint32_t index = 1; index * 32 < 32 + machine->gic.spis; index++) {
        struct word w = word_of(&c, index, 0);

        get_levels(&c, &w);
    }
    for (uint32_t i = 0; i < machine->count; i++) {
        struct word w = word_of(&c, 0, i);

        get_levels(&c, &w);
    }
    return failed(&c) ? c.status : vml_kvm_gic_set(machine, gic, its);
}
