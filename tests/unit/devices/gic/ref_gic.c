#include "ref_gic.h"
#include <string.h>

#define SYSREG(op0, op1, crn, crm, op2)                                                            \
    ((uint64_t)(op0) << 14 | (uint64_t)(op1) << 11 | (uint64_t)(crn) << 7 | (uint64_t)(crm) << 3 | \
     (uint64_t)(op2))

enum { SPURIOUS = 1023, GROUP1_TO_GROUP0_READ = 1022, IDLE = 0x100, TAKE0 = 1, TAKE1 = 2 };

bool ref_is_private(uint32_t intid)
{
    return intid < 32 || (intid >= REF_EPPI && intid < REF_EPPI + REF_EPPIS);
}

static bool exists(const struct ref_gic *g, uint32_t intid)
{
    return intid < g->intids || (intid >= REF_EPPI && intid < REF_EPPI + g->eppis) ||
           (intid >= REF_ESPI && intid < REF_ESPI + g->espis);
}

uint32_t ref_next(const struct ref_gic *g, uint32_t intid)
{
    do {
        intid++;
    } while (intid < REF_INTIDS && !exists(g, intid));
    return intid < REF_INTIDS ? intid : REF_NONE;
}

struct ref_irq *ref_irq_of(struct ref_gic *g, uint32_t intid, uint32_t cpu)
{
    if (!exists(g, intid)) {
        return NULL;
    }
    if (!ref_is_private(intid)) {
        return &g->spis[intid];
    }
    return intid < 32 ? &g->cpu[cpu].irqs[intid] : &g->cpu[cpu].eppis[intid - REF_EPPI];
}

static const struct ref_irq *look(const struct ref_gic *g, uint32_t intid, uint32_t cpu)
{
    return ref_irq_of((struct ref_gic *)g, intid, cpu);
}

void ref_init(struct ref_gic *g, uint32_t version, uint32_t cpus, uint32_t spis, uint32_t eppis,
              uint32_t espis, const uint64_t *mpidrs)
{
    memset(g, 0, sizeof(*g));
    g->version = version;
    g->cpus = cpus;
    g->intids = 32 + spis;
    g->eppis = eppis;
    g->espis = espis;
    for (uint32_t c = 0; c < cpus; c++) {
        g->cpu[c].affinity = mpidrs ? mpidrs[c] : c;
        g->cpu[c].bpr0 = 2; /* five priority bits: IHI 0069H 4.8.2 */
        g->cpu[c].bpr1 = 3;
        g->cpu[c].asleep = true;
        for (uint32_t i = 0; i < 16; i++) {
            g->cpu[c].irqs[i].edge = true;
        }
    }
}

/* ------------------------------------------------------------------------------ interrupts */

/* IHI 0048B 3.2.4 and figure 4-10: latched, or level-sensitive and asserted. */
bool ref_is_pending(const struct ref_irq *irq)
{
    return irq->latch || irq->sources != 0 || (irq->level && !irq->edge);
}

void ref_set_level(struct ref_gic *g, uint32_t intid, uint32_t cpu, bool level)
{
    struct ref_irq *irq = intid >= 16 ? ref_irq_of(g, intid, cpu) : NULL;

    if (irq) {
        if (irq->edge && level && !irq->level) {
            irq->latch = true; /* a rising edge */
        }
        irq->level = level;
    }
}

void ref_pulse(struct ref_gic *g, uint32_t intid, uint32_t cpu)
{
    struct ref_irq *irq = intid >= 16 ? ref_irq_of(g, intid, cpu) : NULL;

    if (irq && irq->edge) {
        irq->latch = true;
    }
}

void ref_set_pending(struct ref_gic *g, uint32_t intid, uint32_t cpu)
{
    struct ref_irq *irq = ref_irq_of(g, intid, cpu);

    if (irq && !(g->version == 2 && intid < 16)) {
        irq->latch = true;
    }
}

/* 1-of-N: awake, the group enabled, not opted out (IHI 0069H 3.3.1); version 2: the group enabled. */
static bool takes_part(const struct ref_gic *g, uint32_t cpu, bool group1)
{
    const struct ref_cpu *c = &g->cpu[cpu];

    if (!(group1 ? c->enable1 : c->enable0)) {
        return false;
    }
    return g->version == 2 || (!c->asleep && !(group1 ? c->dpg1ns : c->dpg0));
}

uint32_t ref_target(const struct ref_gic *g, uint32_t intid)
{
    const struct ref_irq *irq = &g->spis[intid];
    const uint64_t affinities = UINT64_C(0xff00ffffff);
    uint32_t first = REF_NONE;

    if (g->version == 2 && g->cpus == 1) {
        return 0; /* IHI 0048B 4.3.12: on a uniprocessor all go to it */
    }
    if (g->version == 3 && !(irq->route & UINT64_C(0x80000000))) {
        for (uint32_t c = 0; c < g->cpus; c++) {
            if ((g->cpu[c].affinity & affinities) == (irq->route & affinities)) {
                return c;
            }
        }
        return REF_NONE;
    }
    for (uint32_t c = g->cpus; c-- > 0;) {
        if (g->version == 3 || (irq->route >> c & 1)) {
            if (takes_part(g, c, irq->group1)) {
                first = c;
            }
        }
    }
    for (uint32_t c = 0; g->version == 2 && first == REF_NONE && c < g->cpus; c++) {
        if (irq->route >> c & 1) {
            first = c;
        }
    }
    return first;
}

/* ---------------------------------------------------------------------------- CPU interface */

uint32_t ref_highest_pending(const struct ref_gic *g, uint32_t cpu)
{
    const struct ref_cpu *c = &g->cpu[cpu];
    uint32_t best = SPURIOUS;

    for (uint32_t i = 0; i != REF_NONE; i = ref_next(g, i)) {
        const struct ref_irq *irq = look(g, i, cpu), *than;

        if (!ref_is_pending(irq) || irq->active || !irq->enabled) {
            continue;
        }
        if (irq->group1 ? !(g->enable1 && c->enable1) : !(g->enable0 && c->enable0)) {
            continue;
        }
        if (!ref_is_private(i) && ref_target(g, i) != cpu) {
            continue;
        }
        than = best == SPURIOUS ? NULL : look(g, best, cpu);
        if (!than || irq->priority < than->priority ||
            (irq->priority == than->priority && !irq->group1 && than->group1)) {
            best = i;
        }
    }
    return best;
}

/* The group priority field: IHI 0069H table 4-3, IHI 0048B table 3-2. */
static uint32_t group_priority(const struct ref_cpu *c, bool group1, uint32_t priority)
{
    static const uint32_t fields[] = {0xfe, 0xfc, 0xf8, 0xf0, 0xe0, 0xc0, 0x80, 0x00};

    if (!group1 || c->cbpr) {
        return priority & fields[c->bpr0];
    }
    return priority & fields[c->bpr1 - 1];
}

static uint32_t running(const struct ref_cpu *c)
{
    for (uint32_t level = 0; level < 32; level++) {
        if ((c->apr0 | c->apr1) >> level & 1) {
            return level * 8;
        }
    }
    return IDLE;
}

uint32_t ref_running(const struct ref_gic *g, uint32_t cpu, bool *group1)
{
    uint32_t priority = running(&g->cpu[cpu]);

    *group1 = priority != IDLE && !(g->cpu[cpu].apr0 >> priority / 8 & 1);
    return priority;
}

/* Whether the highest priority pending interrupt is signalled: it passes the mask and preempts. */
static bool is_signalled(const struct ref_gic *g, uint32_t cpu, uint32_t intid)
{
    const struct ref_cpu *c = &g->cpu[cpu];
    const struct ref_irq *irq;

    if (intid == SPURIOUS) {
        return false;
    }
    irq = look(g, intid, cpu);
    return irq->priority < c->pmr && group_priority(c, irq->group1, irq->priority) < running(c);
}

enum ref_output ref_output(const struct ref_gic *g, uint32_t cpu)
{
    uint32_t intid = ref_highest_pending(g, cpu);

    if (!is_signalled(g, cpu, intid)) {
        return REF_NOTHING;
    }
    return !look(g, intid, cpu)->group1 && (g->version == 3 || g->cpu[cpu].fiqen) ? REF_FIQ
                                                                                  : REF_IRQ;
}

static uint32_t lowest_source(const struct ref_irq *irq)
{
    for (uint32_t c = 0; c < 8; c++) {
        if (irq->sources >> c & 1) {
            return c;
        }
    }
    return 0;
}

static uint32_t acknowledge(struct ref_gic *g, uint32_t cpu, uint32_t groups)
{
    struct ref_cpu *c = &g->cpu[cpu];
    uint32_t intid = ref_highest_pending(g, cpu), level, source;
    struct ref_irq *irq;

    if (!is_signalled(g, cpu, intid)) {
        return SPURIOUS;
    }
    irq = ref_irq_of(g, intid, cpu);
    if (!(groups & (irq->group1 ? TAKE1 : TAKE0))) {
        /* IHI 0048B table 3-8: only a read of GICC_IAR tells that there is one of group 1 */
        return g->version == 2 && irq->group1 ? GROUP1_TO_GROUP0_READ : SPURIOUS;
    }
    irq->active = true;
    irq->latch = false;
    level = group_priority(c, irq->group1, irq->priority) / 8;
    if (irq->group1) {
        c->apr1 |= 1u << level;
    } else {
        c->apr0 |= 1u << level;
    }
    if (irq->sources != 0) {
        source = lowest_source(irq);
        irq->sources &= (uint8_t) ~(1u << source);
        irq->active_source = (uint8_t)source;
        return intid | source << 10;
    }
    return intid;
}

/* Priority drop: the most urgent active priority, if it is of one of `groups`. */
static bool drop(struct ref_cpu *c, uint32_t groups)
{
    for (uint32_t level = 0; level < 32; level++) {
        uint32_t bit = 1u << level;

        if (c->apr0 & bit) {
            c->apr0 &= groups & TAKE0 ? ~bit : UINT32_MAX;
            return (groups & TAKE0) != 0;
        }
        if (c->apr1 & bit) {
            c->apr1 &= groups & TAKE1 ? ~bit : UINT32_MAX;
            return (groups & TAKE1) != 0;
        }
    }
    return false;
}

static void end(struct ref_gic *g, uint32_t cpu, uint32_t intid, uint32_t groups)
{
    struct ref_irq *irq = ref_irq_of(g, intid, cpu);

    if (irq && drop(&g->cpu[cpu], groups) && !g->cpu[cpu].eoimode) {
        irq->active = false;
    }
}

static void deactivate(struct ref_gic *g, uint32_t cpu, uint32_t intid)
{
    struct ref_irq *irq = ref_irq_of(g, intid, cpu);

    if (irq && g->cpu[cpu].eoimode) {
        irq->active = false;
    }
}

/* ---------------------------------------------------- registers that are arrays of fields */

enum array {
    NO_ARRAY,
    IGROUPR,
    ISENABLER,
    ICENABLER,
    ISPENDR,
    ICPENDR,
    ISACTIVER,
    ICACTIVER,
    IPRIORITYR,
    ITARGETSR,
    ICFGR,
    IGRPMODR,
    CPENDSGIR,
    SPENDSGIR
};

struct place {
    enum array array;
    uint32_t first, bits; /* offset of the first byte; bits for each interrupt */
    uint32_t intid;       /* of the first element */
};

/* IHI 0048B table 4-1, IHI 0069H tables 12-25 and 12-29. */
static struct place find_array(const struct ref_gic *g, enum ref_frame frame, uint64_t offset)
{
    static const struct {
        uint32_t from, to, bits, in_v2, in_v3;
        enum array array;
    } map[] = {
        {0x080, 0x100, 1, 1, 1, IGROUPR},   {0x100, 0x180, 1, 1, 1, ISENABLER},
        {0x180, 0x200, 1, 1, 1, ICENABLER}, {0x200, 0x280, 1, 1, 1, ISPENDR},
        {0x280, 0x300, 1, 1, 1, ICPENDR},   {0x300, 0x380, 1, 1, 1, ISACTIVER},
        {0x380, 0x400, 1, 1, 1, ICACTIVER}, {0x400, 0x7fc, 8, 1, 1, IPRIORITYR},
        {0x800, 0xbfc, 8, 1, 0, ITARGETSR}, {0xc00, 0xd00, 2, 1, 1, ICFGR},
        {0xd00, 0xd80, 1, 0, 1, IGRPMODR},  {0xf10, 0xf20, 8, 1, 0, CPENDSGIR},
        {0xf20, 0xf30, 8, 1, 0, SPENDSGIR},
    };

    static const struct {
        uint32_t from, to, bits;
        enum array array;
    } extended[] = {
        {0x1000, 0x1080, 1, IGROUPR},   {0x1200, 0x1280, 1, ISENABLER},
        {0x1400, 0x1480, 1, ICENABLER}, {0x1600, 0x1680, 1, ISPENDR},
        {0x1800, 0x1880, 1, ICPENDR},   {0x1a00, 0x1a80, 1, ISACTIVER},
        {0x1c00, 0x1c80, 1, ICACTIVER}, {0x2000, 0x2400, 8, IPRIORITYR},
        {0x3000, 0x3100, 2, ICFGR},     {0x3400, 0x3480, 1, IGRPMODR},
    };

    for (uint32_t i = 0; frame == REF_GICD && i < sizeof(extended) / sizeof(extended[0]); i++) {
        if (g->version == 3 && offset >= extended[i].from && offset < extended[i].to) {
            return (struct place){extended[i].array, extended[i].from, extended[i].bits, REF_ESPI};
        }
    }
    for (uint32_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        uint32_t gicr_bytes = (4 + g->eppis / 8) * map[i].bits;
        uint32_t to = frame == REF_GICR ? map[i].from + gicr_bytes : map[i].to;

        if (offset >= map[i].from && offset < to &&
            (g->version == 2 ? map[i].in_v2 : map[i].in_v3)) {
            return (struct place){map[i].array, map[i].from, map[i].bits, 0};
        }
    }
    return (struct place){NO_ARRAY, 0, 1, 0};
}

/* The INTID of the element at an offset.  In a redistributor those of extended PPIs come after 31. */
static uint32_t intid_at(enum ref_frame frame, struct place p, uint32_t offset)
{
    uint32_t n = (offset - p.first) * 8 / p.bits;

    return frame == REF_GICR && n >= 32 ? REF_EPPI + n - 32 : p.intid + n;
}

bool ref_array(const struct ref_gic *g, enum ref_frame frame, uint64_t offset, uint32_t size,
               uint32_t *first, uint32_t *count)
{
    struct place p;

    if (frame == REF_GICD && g->version == 3 && offset >= 0x6000) {
        *first = offset < 0x8000 ? (uint32_t)(offset - 0x6000) / 8
                                 : REF_ESPI + (uint32_t)(offset - 0x8000) / 8;
        *count = 1;
        return true;
    }
    p = find_array(g, frame, frame == REF_GICR ? offset % 0x20000 - 0x10000 : offset);
    *first = intid_at(frame, p, (uint32_t)(frame == REF_GICR ? offset % 0x10000 : offset));
    *count = size * 8 / p.bits;
    return p.array != NO_ARRAY;
}

static uint32_t read_element(const struct ref_gic *g, enum array array, uint32_t intid,
                             uint32_t cpu)
{
    const struct ref_irq *irq = look(g, intid, cpu);

    switch (array) {
    case IGROUPR:
        return irq->group1;
    case ISENABLER:
    case ICENABLER:
        return irq->enabled;
    case ISPENDR:
    case ICPENDR:
        return ref_is_pending(irq);
    case ISACTIVER:
    case ICACTIVER:
        return irq->active;
    case IPRIORITYR:
        return irq->priority;
    case ITARGETSR:
        if (g->cpus == 1) {
            return 0;
        }
        return intid < 32 ? 1u << cpu : (uint32_t)irq->route;
    case ICFGR:
        return irq->edge ? 2 : 0;
    case IGRPMODR:
        return irq->grpmod;
    case CPENDSGIR:
    case SPENDSGIR:
        return irq->sources;
    case NO_ARRAY:
        break;
    }
    return 0;
}

static void write_element(struct ref_gic *g, enum array array, uint32_t intid, uint32_t cpu,
                          uint32_t value)
{
    struct ref_irq *irq = ref_irq_of(g, intid, cpu);
    uint32_t present = (1u << g->cpus) - 1;
    bool sgi_v2 = g->version == 2 && intid < 16;

    switch (array) {
    case IGROUPR:
        irq->group1 = value & 1;
        break;
    case ISENABLER:
        irq->enabled |= value & 1;
        break;
    case ICENABLER:
        irq->enabled &= !(value & 1);
        break;
    case ISPENDR: /* IHI 0048B 4.3.7: for SGIs read-only */
        irq->latch |= !sgi_v2 && (value & 1);
        break;
    case ICPENDR:
        irq->latch &= !(value & 1);
        break;
    case ISACTIVER:
        irq->active |= value & 1;
        break;
    case ICACTIVER:
        irq->active &= !(value & 1);
        break;
    case IPRIORITYR:
        irq->priority = value & 0xf8;
        break;
    case ITARGETSR:
        if (intid >= 32 && g->cpus > 1) {
            irq->route = value & present;
        }
        break;
    case ICFGR:
        irq->edge = intid < 16 || (value & 2);
        break;
    case IGRPMODR:
        irq->grpmod = value & 1;
        break;
    case CPENDSGIR:
        irq->sources &= (uint8_t)~value;
        break;
    case SPENDSGIR:
        irq->sources |= (uint8_t)(value & present);
        break;
    case NO_ARRAY:
        break;
    }
}

/* Which sizes an array takes: words; bytes too where an interrupt has a byte. Others: no access. */
static uint64_t access_array(struct ref_gic *g, enum ref_frame frame, struct place p, uint32_t cpu,
                             uint64_t offset, uint32_t size, bool write, uint64_t value)
{
    uint32_t first = intid_at(frame, p, (uint32_t)offset), count = size * 8 / p.bits;
    uint64_t read = 0;

    for (uint32_t n = 0; n < count; n++) {
        uint32_t intid = first + n;
        uint32_t mask = (1u << p.bits) - 1;

        /* IHI 0069H 12.9: with affinity routing INTIDs 0 to 31 are in the redistributors */
        if (!exists(g, intid) || (frame == REF_GICD && g->version == 3 && intid < 32)) {
            continue;
        }
        if (write) {
            write_element(g, p.array, intid, cpu, (uint32_t)(value >> n * p.bits) & mask);
        } else {
            read |= (uint64_t)read_element(g, p.array, intid, cpu) << n * p.bits;
        }
    }
    return read;
}

/* ---------------------------------------------------------------------- software interrupts */

static void sgi_v2(struct ref_gic *g, uint32_t from, uint32_t value)
{
    uint32_t filter = value >> 24 & 3, list = value >> 16 & 0xff;

    for (uint32_t c = 0; c < g->cpus; c++) {
        bool wanted = filter == 0   ? (list >> c & 1) != 0
                      : filter == 1 ? c != from
                      : filter == 2 ? c == from
                                    : false;

        if (wanted) {
            g->cpu[c].irqs[value & 15].sources |= (uint8_t)(1u << from);
        }
    }
}

/* IHI 0069H 12.2.19 and table 8-14: with one security state SGI1R generates what its target has
 * configured it as, SGI0R and ASGI1R only what is of group 0. */
static void sgi_v3(struct ref_gic *g, uint32_t from, uint64_t value, bool only_group0)
{
    uint32_t intid = value >> 24 & 15, range = value >> 44 & 15;

    for (uint32_t c = 0; c < g->cpus; c++) {
        uint64_t a = g->cpu[c].affinity;
        bool wanted;

        if (value >> 40 & 1) {
            wanted = c != from;
        } else {
            wanted = (a >> 32 & 0xff) == (value >> 48 & 0xff) &&
                     (a >> 16 & 0xff) == (value >> 32 & 0xff) &&
                     (a >> 8 & 0xff) == (value >> 16 & 0xff) && (a & 0xff) / 16 == range &&
                     (value >> (a & 15) & 1);
        }
        if (wanted && !(only_group0 && g->cpu[c].irqs[intid].group1)) {
            g->cpu[c].irqs[intid].latch = true;
        }
    }
}

/* IHI 0069H 12.9.4 GICD_CLRSPI_NSR and 12.9.36 GICD_SETSPI_NSR. */
static void message(struct ref_gic *g, uint32_t value, bool set)
{
    uint32_t intid = value & 0x1fff;

    if (ref_is_private(intid) || !exists(g, intid)) {
        return;
    }
    if (g->spis[intid].edge) {
        g->spis[intid].latch = set;
    } else {
        ref_set_level(g, intid, 0, set);
    }
}

/* --------------------------------------------------------------------------------- frames */

static uint64_t access_route(struct ref_gic *g, uint64_t offset, uint32_t size, bool write,
                             uint64_t value)
{
    const uint64_t fields = UINT64_C(0xff80ffffff);
    uint32_t intid =
        (uint32_t)(offset < 0x8000 ? offset / 8 - 0xc00 : offset / 8 - 0x1000 + REF_ESPI);
    uint32_t shift = offset % 8 * 8;
    uint64_t mask = size == 8 ? UINT64_MAX : UINT64_C(0xffffffff) << shift;
    struct ref_irq *irq;

    if (!exists(g, intid)) {
        return 0;
    }
    irq = &g->spis[intid];
    if (write) {
        irq->route = ((irq->route & ~mask) | (value << shift & mask)) & fields;
    }
    return (irq->route & mask) >> shift;
}

static uint64_t access_gicd(struct ref_gic *g, uint32_t cpu, uint64_t offset, uint32_t size,
                            bool write, uint64_t value)
{
    struct place p = find_array(g, REF_GICD, offset);

    if (p.array != NO_ARRAY) {
        return access_array(g, REF_GICD, p, cpu, offset, size, write, value);
    }
    if (offset == 0) {
        if (write) {
            g->enable0 = value & 1;
            g->enable1 = value >> 1 & 1;
        }
        return (uint64_t)g->enable0 | (uint64_t)g->enable1 << 1 | (g->version == 3 ? 0x50 : 0);
    }
    if (write && offset == 0xf00 && g->version == 2) {
        sgi_v2(g, cpu, (uint32_t)value);
    }
    if (write && (offset == 0x40 || offset == 0x48) && g->version == 3) {
        message(g, (uint32_t)value, offset == 0x40);
    }
    if (g->version == 3 && ((offset >= 0x6100 && offset < 0x6000 + 1020 * 8) ||
                            (offset >= 0x8000 && offset < 0x8000 + 1024 * 8))) {
        return access_route(g, offset, size, write, value);
    }
    return 0;
}

static uint64_t access_gicr(struct ref_gic *g, uint64_t offset, uint32_t size, bool write,
                            uint64_t value)
{
    struct ref_cpu *c = &g->cpu[offset / 0x20000];
    uint32_t cpu = (uint32_t)(offset / 0x20000);
    struct place p;

    offset %= 0x20000;
    if (offset >= 0x10000) {
        p = find_array(g, REF_GICR, offset - 0x10000);
        return p.array != NO_ARRAY
                   ? access_array(g, REF_GICR, p, cpu, offset - 0x10000, size, write, value)
                   : 0;
    }
    if (offset == 0) {
        if (write) {
            c->dpg0 = value >> 24 & 1;
            c->dpg1ns = value >> 25 & 1;
            c->dpg1s = value >> 26 & 1;
        }
        return (uint64_t)c->dpg0 << 24 | (uint64_t)c->dpg1ns << 25 | (uint64_t)c->dpg1s << 26;
    }
    if (offset == 0x14) {
        if (write) {
            c->asleep = value >> 1 & 1;
        }
        return c->asleep ? 6 : 0;
    }
    return 0;
}

static uint32_t hppir(const struct ref_gic *g, uint32_t cpu)
{
    uint32_t intid = ref_highest_pending(g, cpu);

    return intid < 16 ? intid | lowest_source(look(g, intid, cpu)) << 10 : intid;
}

static bool is_group1(const struct ref_gic *g, uint32_t cpu, uint32_t intid)
{
    const struct ref_irq *irq = look(g, g->version == 2 ? intid & 0x3ff : intid, cpu);

    return irq && irq->group1;
}

static uint64_t rpr(const struct ref_cpu *c)
{
    return running(c) == IDLE ? 0xff : running(c);
}

static void set_bpr(uint8_t *bpr, uint64_t value, uint8_t least)
{
    *bpr = (value & 7) < least ? least : value & 7;
}

static uint64_t read_gicc(struct ref_gic *g, uint32_t cpu, uint64_t offset)
{
    struct ref_cpu *c = &g->cpu[cpu];
    uint32_t intid;

    switch (offset) {
    case 0x00:
        return (uint64_t)c->enable0 | (uint64_t)c->enable1 << 1 | (uint64_t)c->ackctl << 2 |
               (uint64_t)c->fiqen << 3 | (uint64_t)c->cbpr << 4 | (uint64_t)c->bypass << 5 |
               (uint64_t)c->eoimode << 9;
    case 0x04:
        return c->pmr;
    case 0x08:
        return c->bpr0;
    case 0x0c:
        return acknowledge(g, cpu, c->ackctl ? TAKE0 | TAKE1 : TAKE0);
    case 0x14:
        return rpr(c);
    case 0x18:
        intid = hppir(g, cpu);
        return is_group1(g, cpu, intid) && !c->ackctl ? GROUP1_TO_GROUP0_READ : intid;
    case 0x1c:
        return c->bpr1;
    case 0x20:
        return acknowledge(g, cpu, TAKE1);
    case 0x28:
        intid = hppir(g, cpu);
        return is_group1(g, cpu, intid) ? intid : SPURIOUS;
    case 0xd0:
        return c->apr0;
    case 0xe0:
        return c->apr1;
    default:
        return 0;
    }
}

static void write_gicc(struct ref_gic *g, uint32_t cpu, uint64_t offset, uint32_t value)
{
    struct ref_cpu *c = &g->cpu[cpu];

    switch (offset) {
    case 0x00:
        c->enable0 = value & 1;
        c->enable1 = value >> 1 & 1;
        c->ackctl = value >> 2 & 1;
        c->fiqen = value >> 3 & 1;
        c->cbpr = value >> 4 & 1;
        c->bypass = value >> 5 & 15;
        c->eoimode = value >> 9 & 1;
        break;
    case 0x04:
        c->pmr = value & 0xf8;
        break;
    case 0x08:
        set_bpr(&c->bpr0, value, 2);
        break;
    case 0x10:
        end(g, cpu, value & 0x3ff, TAKE0 | TAKE1);
        break;
    case 0x1c:
        set_bpr(&c->bpr1, value, 3);
        break;
    case 0x24:
        end(g, cpu, value & 0x3ff, TAKE1);
        break;
    case 0xd0:
        c->apr0 = value;
        break;
    case 0xe0:
        c->apr1 = value;
        break;
    case 0x1000:
        deactivate(g, cpu, value & 0x3ff);
        break;
    default:
        break;
    }
}

static uint64_t read_icc(struct ref_gic *g, uint32_t cpu, uint64_t reg)
{
    struct ref_cpu *c = &g->cpu[cpu];
    uint32_t intid;

    switch (reg) {
    case SYSREG(3, 0, 4, 6, 0): /* ICC_PMR_EL1 */
        return c->pmr;
    case SYSREG(3, 0, 12, 8, 0): /* ICC_IAR0_EL1 */
        return acknowledge(g, cpu, TAKE0);
    case SYSREG(3, 0, 12, 12, 0): /* ICC_IAR1_EL1 */
        return acknowledge(g, cpu, TAKE1);
    case SYSREG(3, 0, 12, 8, 2): /* ICC_HPPIR0_EL1 */
        intid = ref_highest_pending(g, cpu);
        return is_group1(g, cpu, intid) ? SPURIOUS : intid;
    case SYSREG(3, 0, 12, 12, 2): /* ICC_HPPIR1_EL1 */
        intid = ref_highest_pending(g, cpu);
        return is_group1(g, cpu, intid) ? intid : SPURIOUS;
    case SYSREG(3, 0, 12, 8, 3): /* ICC_BPR0_EL1 */
        return c->bpr0;
    case SYSREG(3, 0, 12, 12, 3): /* ICC_BPR1_EL1: IHI 0069H 12.2.5, with CBPR */
        return !c->cbpr ? c->bpr1 : c->bpr0 < 7 ? c->bpr0 + 1u : 7;
    case SYSREG(3, 0, 12, 8, 4): /* ICC_AP0R0_EL1 */
        return c->apr0;
    case SYSREG(3, 0, 12, 9, 0): /* ICC_AP1R0_EL1 */
        return c->apr1;
    case SYSREG(3, 0, 12, 11, 3): /* ICC_RPR_EL1 */
        return rpr(c);
    case SYSREG(3, 0, 12, 12, 4): /* ICC_CTLR_EL1: CBPR and EOImode; the others are constants */
        return (uint64_t)c->cbpr | (uint64_t)c->eoimode << 1;
    case SYSREG(3, 0, 12, 12, 5): /* ICC_SRE_EL1 */
        return 7;
    case SYSREG(3, 0, 12, 12, 6): /* ICC_IGRPEN0_EL1 */
        return c->enable0;
    case SYSREG(3, 0, 12, 12, 7): /* ICC_IGRPEN1_EL1 */
        return c->enable1;
    default:
        return 0;
    }
}

static void write_icc(struct ref_gic *g, uint32_t cpu, uint64_t reg, uint64_t value)
{
    struct ref_cpu *c = &g->cpu[cpu];

    switch (reg) {
    case SYSREG(3, 0, 4, 6, 0):
        c->pmr = value & 0xf8;
        break;
    case SYSREG(3, 0, 12, 8, 1): /* ICC_EOIR0_EL1 */
        end(g, cpu, value & 0xffffff, TAKE0);
        break;
    case SYSREG(3, 0, 12, 12, 1): /* ICC_EOIR1_EL1 */
        end(g, cpu, value & 0xffffff, TAKE1);
        break;
    case SYSREG(3, 0, 12, 11, 1): /* ICC_DIR_EL1 */
        deactivate(g, cpu, value & 0xffffff);
        break;
    case SYSREG(3, 0, 12, 8, 3):
        set_bpr(&c->bpr0, value, 2);
        break;
    case SYSREG(3, 0, 12, 12, 3):
        if (!c->cbpr) {
            set_bpr(&c->bpr1, value, 3);
        }
        break;
    case SYSREG(3, 0, 12, 8, 4):
        c->apr0 = (uint32_t)value;
        break;
    case SYSREG(3, 0, 12, 9, 0):
        c->apr1 = (uint32_t)value;
        break;
    case SYSREG(3, 0, 12, 11, 5): /* ICC_SGI1R_EL1 */
        sgi_v3(g, cpu, value, false);
        break;
    case SYSREG(3, 0, 12, 11, 6): /* ICC_ASGI1R_EL1 */
    case SYSREG(3, 0, 12, 11, 7): /* ICC_SGI0R_EL1 */
        sgi_v3(g, cpu, value, true);
        break;
    case SYSREG(3, 0, 12, 12, 4):
        c->cbpr = value & 1;
        c->eoimode = value >> 1 & 1;
        break;
    case SYSREG(3, 0, 12, 12, 6):
        c->enable0 = value & 1;
        break;
    case SYSREG(3, 0, 12, 12, 7):
        c->enable1 = value & 1;
        break;
    default:
        break;
    }
}

uint64_t ref_access(struct ref_gic *g, enum ref_frame frame, uint32_t cpu, uint64_t offset,
                    uint32_t size, bool write, uint64_t value)
{
    switch (frame) {
    case REF_GICD:
        return access_gicd(g, cpu, offset, size, write, value);
    case REF_GICR:
        return access_gicr(g, offset, size, write, value);
    case REF_GICC:
        if (write) {
            write_gicc(g, cpu, offset, (uint32_t)value);
            return 0;
        }
        return read_gicc(g, cpu, offset);
    case REF_ICC:
        if (write) {
            write_icc(g, cpu, offset, value);
            return 0;
        }
        return read_icc(g, cpu, offset);
    }
    return 0;
}
