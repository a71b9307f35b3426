#include "ref_run.h"
#include "ref_gic.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vml/gic.h>
#include <vml/vbus.h>

enum { EPISODE = 1500, HOT = 10, STACK = 8, STATE_SIZE = 1 << 16, CHECK_EVERY = 64 };

enum kind { ACCESS, LEVEL, PULSE, MESSAGE, TAKE, END, DEACTIVATE, RESET, SAVE };

/* Self-contained, so that an episode without some of its operations still means something. */
struct op {
    enum kind kind;
    enum ref_frame frame;
    uint32_t cpu, size, intid;
    bool flag; /* write; level; group 1 */
    uint64_t offset, value;
};

struct machine {
    const struct ref_setup *setup;
    struct vml_gic *gic;
    struct vml_gic gics[2]; /* the one in use, and the one that a saved state goes to */
    void *storage[2];
    struct ref_gic ref;
    bool told[REF_CPUS][2];
    bool lock_held;
    uint32_t taken[REF_CPUS][STACK], depth[REF_CPUS];
    uint8_t *image;
    char why[160];
};

static const uint64_t clusters[REF_CPUS] = {
    0x0, 0x1, 0x100, 0x10f, 0x300020107, 0x10010, UINT64_C(0xff00ffff1f), 0xfe};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((next_random(state) >> 32) * bound >> 32);
}

/* ----------------------------------------------------------------------------- the machine */

static void told(void *context, uint32_t cpu, enum vml_irq_output output, bool level)
{
    struct machine *m = context;

    m->told[cpu][output] = level;
    if (!vml_mutex_try_lock(&m->gic->route_lock)) {
        m->lock_held = true;
        return;
    }
    vml_mutex_unlock(&m->gic->route_lock);
}

static bool make_gic(struct machine *m, uint32_t which)
{
    struct vml_gic_config config = {.version = m->setup->version,
                                    .cpus = m->setup->cpus,
                                    .spis = m->setup->spis,
                                    .mpidrs = m->setup->clusters ? clusters : NULL,
                                    .output = told,
                                    .context = m};

    config.storage_size = vml_gic_storage_size(&config);
    if (!m->storage[which]) {
        m->storage[which] =
            aligned_alloc(VML_CACHE_LINE_SIZE, (config.storage_size + 4095) / 4096 * 4096);
    }
    config.storage = m->storage[which];
    return vml_gic_init(&m->gics[which], &config) == VML_OK;
}

static bool restart(struct machine *m)
{
    m->gic = &m->gics[0];
    memset(m->told, 0, sizeof(m->told));
    memset(m->depth, 0, sizeof(m->depth));
    ref_init(&m->ref, m->setup->version, m->setup->cpus, m->setup->spis,
             m->setup->clusters ? clusters : NULL);
    return make_gic(m, 0);
}

static bool differs(struct machine *m, const char *what, uint64_t at, uint64_t library,
                    uint64_t model)
{
    snprintf(m->why, sizeof(m->why), "%s %#" PRIx64 ": library %#" PRIx64 ", model %#" PRIx64, what,
             at, library, model);
    return false;
}

static uint64_t library_access(struct machine *m, enum ref_frame frame, uint32_t cpu,
                               uint64_t offset, uint32_t size, bool write, uint64_t value)
{
    struct vml_device *devices[] = {&m->gic->gicd, &m->gic->gicc, &m->gic->gicr, &m->gic->icc};
    struct vml_access a = {.offset = frame == REF_ICC ? offset << 3 : offset, /* VML_SYSREG() */
                           .cpu = cpu,
                           .size = (uint8_t)size,
                           .write = write,
                           .value = value};

    if (devices[frame]->ops->access(devices[frame], &a) != VML_BUS_OK) {
        return UINT64_C(0xfa017);
    }
    return write ? 0 : a.value;
}

/* ICC_CTLR_EL1's constants are not the model's. */
static uint64_t comparable(enum ref_frame frame, uint64_t offset, uint64_t value)
{
    return frame == REF_ICC && offset == (3u << 14 | 12u << 7 | 12u << 3 | 4) ? value & 3 : value;
}

static bool same_access(struct machine *m, enum ref_frame frame, uint32_t cpu, uint64_t offset,
                        uint32_t size, bool write, uint64_t value)
{
    static const char *const names[] = {"GICD", "GICC", "GICR", "ICC"};
    uint64_t a = library_access(m, frame, cpu, offset, size, write, value);
    uint64_t b = ref_access(&m->ref, frame, cpu, offset, size, write, value);

    a = comparable(frame, offset, a);
    return write || a == b || differs(m, names[frame], offset, a, b);
}

static bool same_outputs(struct machine *m)
{
    for (uint32_t c = 0; c < m->setup->cpus; c++) {
        for (uint32_t o = 0; o < 2; o++) {
            bool a = vml_gic_pending(m->gic, c, (enum vml_irq_output)o);
            bool b = ref_output(&m->ref, c, o == VML_IRQ_OUTPUT_FIQ);

            if (a != b) {
                return differs(m, o == VML_IRQ_OUTPUT_FIQ ? "FIQ of vCPU" : "IRQ of vCPU", c, a, b);
            }
            if (m->told[c][o] != a) {
                return differs(m, "output told of vCPU", c, m->told[c][o], a);
            }
        }
    }
    return !m->lock_held || differs(m, "callback with a lock held", 0, 1, 0);
}

static bool same_distributor(struct machine *m, uint32_t cpu)
{
    static const uint32_t arrays[] = {0x80, 0x100, 0x200, 0x300};
    uint32_t v3 = m->setup->version == 3, first = cpu == 0 || !v3 ? 0 : 1024;
    uint32_t last = cpu == 0 ? m->ref.intids : 32;

    for (uint32_t i = first; i < last; i += 32) {
        for (uint32_t n = 0; n < 4; n++) {
            if (!same_access(m, REF_GICD, cpu, arrays[n] + i / 8, 4, false, 0)) {
                return false;
            }
        }
    }
    for (uint32_t i = first; i < last; i += 4) {
        if (!same_access(m, REF_GICD, cpu, 0x400 + i, 4, false, 0) ||
            (!v3 && !same_access(m, REF_GICD, cpu, 0x800 + i, 4, false, 0)) ||
            (i % 16 == 0 && !same_access(m, REF_GICD, cpu, 0xc00 + i / 4, 4, false, 0)) ||
            (!v3 && i < 16 && !same_access(m, REF_GICD, cpu, 0xf10 + i, 4, false, 0))) {
            return false;
        }
    }
    for (uint32_t i = 32; v3 && i < last; i++) {
        if (!same_access(m, REF_GICD, cpu, 0x6000 + i * 8, 8, false, 0)) {
            return false;
        }
    }
    return same_access(m, REF_GICD, cpu, 0, 4, false, 0);
}

static bool same_redistributor(struct machine *m, uint32_t cpu)
{
    static const uint32_t offsets[] = {0x0,     0x14,    0x10080, 0x10100, 0x10200,
                                       0x10300, 0x10c00, 0x10c04, 0x10d00};
    uint64_t base = (uint64_t)cpu * 0x20000;

    for (uint32_t n = 0; n < sizeof(offsets) / sizeof(offsets[0]); n++) {
        if (!same_access(m, REF_GICR, cpu, base + offsets[n], 4, false, 0)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < 32; i += 4) {
        if (!same_access(m, REF_GICR, cpu, base + 0x10400 + i, 4, false, 0)) {
            return false;
        }
    }
    return true;
}

#define ICC_ENC(crn, crm, op2) (3u << 14 | (crn) << 7 | (crm) << 3 | (op2))

static bool same_interface(struct machine *m, uint32_t cpu)
{
    static const uint32_t v2[] = {0x0, 0x4, 0x8, 0x14, 0x18, 0x1c, 0x28, 0xd0, 0xe0};
    static const uint32_t v3[] = {ICC_ENC(4, 6, 0),   ICC_ENC(12, 8, 2),  ICC_ENC(12, 8, 3),
                                  ICC_ENC(12, 8, 4),  ICC_ENC(12, 9, 0),  ICC_ENC(12, 11, 3),
                                  ICC_ENC(12, 12, 2), ICC_ENC(12, 12, 3), ICC_ENC(12, 12, 4),
                                  ICC_ENC(12, 12, 5), ICC_ENC(12, 12, 6), ICC_ENC(12, 12, 7)};
    bool is_v2 = m->setup->version == 2;
    uint32_t count = is_v2 ? sizeof(v2) / sizeof(v2[0]) : sizeof(v3) / sizeof(v3[0]);

    for (uint32_t n = 0; n < count; n++) {
        if (!same_access(m, is_v2 ? REF_GICC : REF_ICC, cpu, is_v2 ? v2[n] : v3[n], 4, false, 0)) {
            return false;
        }
    }
    return true;
}

static bool same_registers(struct machine *m)
{
    for (uint32_t c = 0; c < m->setup->cpus; c++) {
        if (!same_interface(m, c) || !same_distributor(m, c) ||
            (m->setup->version == 3 && !same_redistributor(m, c))) {
            return false;
        }
    }
    return true;
}

/* -------------------------------------------------------------------------- the operations */

static bool take(struct machine *m, uint32_t cpu, bool group1)
{
    bool v2 = m->setup->version == 2;
    enum ref_frame frame = v2 ? REF_GICC : REF_ICC;
    uint64_t offset = v2 ? (group1 ? 0x20 : 0x0c) : ICC_ENC(12, group1 ? 12 : 8, 0);
    uint64_t a = library_access(m, frame, cpu, offset, 4, false, 0);
    uint64_t b = ref_access(&m->ref, frame, cpu, offset, 4, false, 0);

    if ((b & 0x3ff) < 1020 && m->depth[cpu] < STACK) {
        m->taken[cpu][m->depth[cpu]++] = (uint32_t)b;
    }
    return a == b || differs(m, "acknowledge", offset, a, b);
}

/* Ends what was taken last; the operation's own INTID where nothing is. */
static uint32_t pop(struct machine *m, const struct op *op)
{
    if (op->value % 16 == 0 || m->depth[op->cpu] == 0) {
        return op->intid;
    }
    return m->taken[op->cpu][--m->depth[op->cpu]];
}

static bool end(struct machine *m, const struct op *op)
{
    bool v2 = m->setup->version == 2;
    uint32_t intid = pop(m, op);
    uint64_t offset = v2 ? (op->flag ? 0x24 : 0x10) : ICC_ENC(12, op->flag ? 12 : 8, 1);

    return same_access(m, v2 ? REF_GICC : REF_ICC, op->cpu, offset, 4, true, intid);
}

static bool deactivate(struct machine *m, const struct op *op)
{
    bool v2 = m->setup->version == 2;

    return same_access(m, v2 ? REF_GICC : REF_ICC, op->cpu, v2 ? 0x1000 : ICC_ENC(12, 11, 1), 4,
                       true, op->intid);
}

static bool reset(struct machine *m)
{
    static struct ref_gic old;

    old = m->ref;
    ref_init(&m->ref, m->setup->version, m->setup->cpus, m->setup->spis,
             m->setup->clusters ? clusters : NULL);
    for (uint32_t i = 16; i < old.intids; i++) {
        for (uint32_t c = 0; c < (i < 32 ? old.cpus : 1); c++) {
            ref_irq_of(&m->ref, i, c)->level = ref_irq_of(&old, i, c)->level;
        }
    }
    vml_gic_reset(m->gic);
    return true;
}

/* Goes on with a fresh controller that has the saved state. */
static bool save(struct machine *m)
{
    struct vml_gic *from = m->gic;
    uint32_t to = from == &m->gics[0] ? 1 : 0;
    struct vml_state_writer w;
    struct vml_state_reader r;

    vml_state_writer_init(&w, m->image, STATE_SIZE);
    from->gicd.ops->save(&from->gicd, &w);
    if (vml_state_write_status(&w) != VML_OK) {
        return differs(m, "save", 0, (uint64_t)vml_state_write_status(&w), 0);
    }
    m->gic = &m->gics[to];
    if (!make_gic(m, to)) {
        return false;
    }
    memset(m->told, 0, sizeof(m->told));
    vml_state_reader_init(&r, m->image, w.used);
    if (m->gic->gicd.ops->restore(&m->gic->gicd, &r) != VML_OK) {
        return differs(m, "restore", 0, 1, 0);
    }
    return true;
}

static bool execute(struct machine *m, const struct op *op)
{
    switch (op->kind) {
    case ACCESS:
        return same_access(m, op->frame, op->cpu, op->offset, op->size, op->flag, op->value);
    case LEVEL:
        vml_gic_set_level(m->gic, op->intid, op->cpu, op->flag);
        ref_set_level(&m->ref, op->intid, op->cpu, op->flag);
        return true;
    case PULSE:
        vml_gic_pulse(m->gic, op->intid, op->cpu);
        ref_pulse(&m->ref, op->intid, op->cpu);
        return true;
    case MESSAGE:
        vml_gic_set_pending(m->gic, op->intid, op->cpu);
        ref_set_pending(&m->ref, op->intid, op->cpu);
        return true;
    case TAKE:
        return take(m, op->cpu, op->flag);
    case END:
        return end(m, op);
    case DEACTIVATE:
        return deactivate(m, op);
    case RESET:
        return reset(m);
    case SAVE:
        return save(m);
    }
    return true;
}

/* Returns the index of the operation after which they differ, or `count`. */
static uint32_t run(struct machine *m, const struct op *ops, uint32_t count, uint32_t every)
{
    if (!restart(m)) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!execute(m, &ops[i]) || !same_outputs(m) ||
            (i % every == every - 1 && !same_registers(m))) {
            return i;
        }
    }
    return count == 0 || same_registers(m) ? count : count - 1;
}

/* --------------------------------------------------------------------- making operations up */

struct generator {
    const struct ref_setup *setup;
    uint64_t random;
    uint32_t hot[HOT];
};

/* Mostly few interrupts, so that they meet. */
static uint32_t some_intid(struct generator *g)
{
    return below(&g->random, 16) == 0 ? below(&g->random, 40 + g->setup->spis)
                                      : g->hot[below(&g->random, HOT)];
}

static uint64_t some_priority(struct generator *g)
{
    static const uint8_t few[] = {0x00, 0x08, 0x40, 0x80, 0x88, 0xa0, 0xf0, 0xf8};

    return below(&g->random, 8) == 0 ? below(&g->random, 256) : few[below(&g->random, 8)];
}

static uint64_t some_word(struct generator *g, uint32_t bit)
{
    switch (below(&g->random, 4)) {
    case 0:
        return next_random(&g->random) & 0xffffffff;
    case 1:
        return below(&g->random, 2) ? 0xffffffff : 0;
    default:
        return UINT64_C(1) << bit;
    }
}

static uint64_t some_route(struct generator *g)
{
    uint32_t c = below(&g->random, g->setup->cpus + 1);

    if (below(&g->random, 3) == 0) {
        return UINT64_C(0x80000000);
    }
    if (c == g->setup->cpus) {
        return next_random(&g->random);
    }
    return g->setup->clusters ? clusters[c] : c;
}

static struct op access_op(struct generator *g, enum ref_frame frame, uint64_t offset,
                           uint32_t size, uint64_t value)
{
    return (struct op){.kind = ACCESS,
                       .frame = frame,
                       .cpu = below(&g->random, g->setup->cpus),
                       .size = size,
                       .flag = below(&g->random, 4) != 0,
                       .offset = offset,
                       .value = value};
}

/* An access to what the distributor, or for INTIDs 0 to 31 a redistributor, has for an interrupt. */
static struct op interrupt_register(struct generator *g)
{
    static const uint32_t arrays[] = {0x080, 0x100, 0x100, 0x100, 0x180,
                                      0x200, 0x280, 0x300, 0x380};
    uint32_t intid = some_intid(g), n = below(&g->random, 14),
             cpu = below(&g->random, g->setup->cpus);
    bool v3 = g->setup->version == 3;
    enum ref_frame frame = v3 && intid < 32 ? REF_GICR : REF_GICD;
    uint64_t base = frame == REF_GICR ? cpu * UINT64_C(0x20000) + 0x10000 : 0;

    if (n < 9) {
        return access_op(g, frame, base + arrays[n] + intid / 32 * 4, 4, some_word(g, intid % 32));
    }
    if (n < 11) {
        if (below(&g->random, 2)) {
            return access_op(g, frame, base + 0x400 + intid, 1, some_priority(g));
        }
        return access_op(g, frame, base + 0x400 + intid / 4 * 4, 4, next_random(&g->random));
    }
    if (n == 11) {
        return access_op(g, frame, base + 0xc00 + intid / 16 * 4, 4,
                         some_word(g, intid % 16 * 2 + 1));
    }
    if (v3) {
        if (intid < 32) {
            return access_op(g, frame, base + 0xd00, 4, next_random(&g->random));
        }
        if (below(&g->random, 4) == 0) {
            return access_op(g, REF_GICD, 0x6000 + intid * 8 + below(&g->random, 2) * 4, 4,
                             some_route(g));
        }
        return access_op(g, REF_GICD, 0x6000 + intid * 8, 8, some_route(g));
    }
    if (below(&g->random, 3) == 0) {
        return access_op(g, REF_GICD, 0x800 + intid / 4 * 4, 4, next_random(&g->random));
    }
    return access_op(g, REF_GICD, 0x800 + intid, 1, next_random(&g->random) & 0xff);
}

static struct op sgi_register(struct generator *g)
{
    uint32_t intid = g->hot[below(&g->random, 3)], cpu = below(&g->random, g->setup->cpus);
    uint64_t a = g->setup->clusters ? clusters[cpu] : cpu;
    struct op op;

    if (g->setup->version == 2) {
        switch (below(&g->random, 4)) {
        case 0:
            return access_op(g, REF_GICD, (below(&g->random, 2) ? 0xf10 : 0xf20) + intid, 1,
                             next_random(&g->random) & 0xff);
        case 1:
            return access_op(g, REF_GICD, (below(&g->random, 2) ? 0xf10 : 0xf20) + intid / 4 * 4, 4,
                             next_random(&g->random));
        default:
            return access_op(g, REF_GICD, 0xf00, 4,
                             below(&g->random, 4) << 24 | below(&g->random, 256) << 16 | intid);
        }
    }
    a = (a >> 32 & 0xff) << 48 | (a >> 16 & 0xff) << 32 | (a >> 8 & 0xff) << 16 |
        (a >> 4 & 15) << 44 |
        (uint64_t)(below(&g->random, 2) ? below(&g->random, 0x10000) : 1u << (a & 15));
    if (below(&g->random, 4) == 0) {
        a = UINT64_C(1) << 40;
    }
    op = access_op(g, REF_ICC, ICC_ENC(12, 11, 5 + below(&g->random, 3)), 8,
                   a | (uint64_t)intid << 24);
    op.flag = true; /* they cannot be read */
    return op;
}

static struct op interface_register(struct generator *g)
{
    static const uint32_t v2[] = {0x0,  0x0,  0x4,  0x4,  0x8,  0x1c,
                                  0xd0, 0xe0, 0x14, 0x18, 0x28, 0x30};
    static const uint32_t v3[] = {ICC_ENC(12, 12, 4), ICC_ENC(12, 12, 6), ICC_ENC(4, 6, 0),
                                  ICC_ENC(4, 6, 0),   ICC_ENC(12, 8, 3),  ICC_ENC(12, 12, 3),
                                  ICC_ENC(12, 8, 4),  ICC_ENC(12, 9, 0),  ICC_ENC(12, 12, 7),
                                  ICC_ENC(12, 12, 7), ICC_ENC(12, 12, 6), ICC_ENC(12, 12, 5)};
    uint32_t n = below(&g->random, 12);
    uint64_t value = n == 2 || n == 3 ? 0xf0 | some_priority(g) : next_random(&g->random);
    bool v2_is = g->setup->version == 2;
    struct op op;

    if (v2_is ? n < 2 : (n == 8 || n == 9 || n == 1)) {
        value |= below(&g->random, 3) ? 3 : 0; /* mostly enabled */
    }
    if (n == 6 || n == 7) { /* active priorities: seldom more than the guest's own */
        value = below(&g->random, 2) ? 0 : UINT64_C(1) << below(&g->random, 32);
    }
    op = access_op(g, v2_is ? REF_GICC : REF_ICC, v2_is ? v2[n] : v3[n], 4,
                   v2_is || n == 6 || n == 7 ? value & 0xffffffff : value);
    if (!v2_is && (n == 10 || n == 11)) {
        op.flag = false;
    }
    return op;
}

/* Whatever else there is: GICD_CTLR, GICR_WAKER, messages, offsets without a register. */
static struct op other_register(struct generator *g)
{
    uint64_t redistributor = below(&g->random, g->setup->cpus) * UINT64_C(0x20000);

    switch (below(&g->random, 6)) {
    case 0:
        return access_op(g, REF_GICD, 0, 4,
                         below(&g->random, 3) ? 3 : next_random(&g->random) & 0xffffffff);
    case 1:
        return access_op(g, REF_GICD, 0xe00 + below(&g->random, 64) * 4, 4,
                         next_random(&g->random));
    case 2:
        return g->setup->version == 3
                   ? access_op(g, REF_GICR, redistributor + 0x14, 4, below(&g->random, 4) ? 0 : 2)
                   : access_op(g, REF_GICD, 0x40, 4, some_intid(g));
    case 3:
        return g->setup->version == 3
                   ? access_op(g, REF_GICR, redistributor, 4, below(&g->random, 8) << 24)
                   : access_op(g, REF_GICC, 0x40, 4, 0);
    default:
        return access_op(g, REF_GICD, below(&g->random, 2) ? 0x40 : 0x48, 4, some_intid(g));
    }
}

static struct op some_op(struct generator *g)
{
    uint32_t n = below(&g->random, 1000);
    struct op op = {.cpu = below(&g->random, g->setup->cpus),
                    .intid = some_intid(g),
                    .flag = below(&g->random, 2) != 0,
                    .value = next_random(&g->random)};

    if (n < 250) {
        op.kind = TAKE;
    } else if (n < 440) {
        op.kind = END;
    } else if (n < 500) {
        op.kind = DEACTIVATE;
    } else if (n < 620) {
        op.kind = LEVEL;
    } else if (n < 680) {
        op.kind = PULSE;
    } else if (n < 700) {
        op.kind = MESSAGE;
    } else if (n < 780) {
        return sgi_register(g);
    } else if (n < 920) {
        return interrupt_register(g);
    } else if (n < 975) {
        return interface_register(g);
    } else if (n < 995) {
        return other_register(g);
    } else if (n < 999) {
        op.kind = SAVE;
    } else {
        op.kind = RESET;
    }
    return op;
}

static struct op write_op(enum ref_frame frame, uint32_t cpu, uint64_t offset, uint32_t size,
                          uint64_t value)
{
    return (struct op){.kind = ACCESS,
                       .frame = frame,
                       .cpu = cpu,
                       .size = size,
                       .flag = true,
                       .offset = offset,
                       .value = value};
}

/* Something to start from: enabled throughout, so that interrupts flow. */
static uint32_t prologue(struct generator *g, struct op *ops)
{
    uint32_t n = 0, cpus = g->setup->cpus;
    bool v3 = g->setup->version == 3;

    ops[n++] = write_op(REF_GICD, 0, 0, 4, 3);
    for (uint32_t i = 0; i < HOT; i++) {
        uint32_t intid = g->hot[i], c = below(&g->random, cpus);

        if (intid >= 32) {
            ops[n++] = write_op(REF_GICD, 0, 0x100 + intid / 32 * 4, 4, UINT64_C(1) << intid % 32);
            ops[n++] = write_op(REF_GICD, 0, 0x400 + intid, 1, some_priority(g));
            ops[n++] = v3 ? write_op(REF_GICD, 0, 0x6000 + intid * 8, 8, some_route(g))
                          : write_op(REF_GICD, 0, 0x800 + intid, 1, 1u << c);
        }
    }
    for (uint32_t c = 0; c < cpus; c++) {
        if (v3) {
            ops[n++] = write_op(REF_GICR, c, c * UINT64_C(0x20000) + 0x14, 4, 0);
            ops[n++] =
                write_op(REF_GICR, c, c * UINT64_C(0x20000) + 0x10080, 4, next_random(&g->random));
            ops[n++] = write_op(REF_GICR, c, c * UINT64_C(0x20000) + 0x10100, 4, 0xffffffff);
            ops[n++] = write_op(REF_ICC, c, ICC_ENC(4, 6, 0), 8, 0xff);
            ops[n++] = write_op(REF_ICC, c, ICC_ENC(12, 12, 6), 8, 1);
            ops[n++] = write_op(REF_ICC, c, ICC_ENC(12, 12, 7), 8, 1);
            ops[n++] = write_op(REF_ICC, c, ICC_ENC(12, 12, 4), 8, below(&g->random, 4));
        } else {
            ops[n++] = write_op(REF_GICD, c, 0x80, 4, next_random(&g->random));
            ops[n++] = write_op(REF_GICD, c, 0x100, 4, 0xffffffff);
            ops[n++] = write_op(REF_GICC, c, 4, 4, 0xff);
            ops[n++] = write_op(REF_GICC, c, 0, 4, 3 | (below(&g->random, 0x400) & 0x21c));
        }
    }
    return n;
}

static void episode(struct generator *g, struct op *ops)
{
    uint32_t n;

    for (uint32_t i = 0; i < HOT; i++) {
        g->hot[i] = i < 3                 ? below(&g->random, 16)
                    : i < 5               ? 16 + below(&g->random, 16)
                    : g->setup->spis == 0 ? below(&g->random, 32)
                    : i == 5              ? 31 + g->setup->spis
                                          : 32 + below(&g->random, g->setup->spis);
    }
    n = prologue(g, ops);
    while (n < EPISODE) {
        ops[n++] = some_op(g);
    }
}

/* ------------------------------------------------------------------------------- shrinking */

static void print_op(const struct op *op)
{
    static const char *const frames[] = {"GICD", "GICC", "GICR", "ICC"};
    static const char *const kinds[] = {"access", "level",      "pulse", "message", "take",
                                        "end",    "deactivate", "reset", "save"};

    if (op->kind == ACCESS) {
        printf("  vCPU %u %s %s %#" PRIx64 ", %u bytes", op->cpu, op->flag ? "writes" : "reads",
               frames[op->frame], op->offset, op->size);
        printf(op->flag ? ": %#" PRIx64 "\n" : "\n", op->value);
        return;
    }
    printf("  %s: vCPU %u INTID %u flag %u%s\n", kinds[op->kind], op->cpu, op->intid, op->flag,
           op->kind == END && op->value % 16 != 0 ? " (what was taken last)" : "");
}

/* Leaves out what the difference does not need: halves, quarters, ... single operations. */
static uint32_t shrink(struct machine *m, struct op *ops, uint32_t count)
{
    struct op *fewer = malloc(count * sizeof(*fewer));

    for (uint32_t chunk = count; chunk > 0;) {
        bool any = false;

        for (uint32_t at = 0; at < count;) {
            uint32_t gone = count - at < chunk ? count - at : chunk, left = count - gone, failed;

            memcpy(fewer, ops, at * sizeof(*ops));
            memcpy(fewer + at, ops + at + gone, (left - at) * sizeof(*ops));
            failed = run(m, fewer, left, 1);
            if (failed < left) {
                count = failed + 1;
                memcpy(ops, fewer, count * sizeof(*ops));
                any = true;
            } else {
                at += gone;
            }
        }
        chunk = any && chunk == 1 ? 1 : chunk / 2;
    }
    free(fewer);
    return count;
}

static void report(struct machine *m, struct op *ops, uint32_t count)
{
    char first[sizeof(m->why)];

    memcpy(first, m->why, sizeof(first));
    count = shrink(m, ops, count);
    (void)run(m, ops, count, 1);
    printf("%s: library and model differ: %s\n", m->setup->name, first);
    printf("shortest trace found (%u operations), after which %s:\n", count, m->why);
    for (uint32_t i = 0; i < count; i++) {
        print_op(&ops[i]);
    }
}

bool ref_run(const struct ref_setup *setup, uint64_t operations, uint64_t seed)
{
    struct machine *m = calloc(1, sizeof(*m));
    struct op *ops = malloc((EPISODE + 200) * sizeof(*ops));
    struct generator g = {.setup = setup};
    bool same = true;

    m->setup = setup;
    m->image = malloc(STATE_SIZE);
    for (uint64_t done = 0; same && done < operations; done += EPISODE) {
        uint32_t failed;

        g.random = seed + done;
        episode(&g, ops);
        failed = run(m, ops, EPISODE, CHECK_EVERY);
        if (failed < EPISODE) {
            report(m, ops, failed + 1);
            same = false;
        }
    }
    free(m->storage[0]);
    free(m->storage[1]);
    free(m->image);
    free(ops);
    free(m);
    return same;
}

uint64_t ref_from_environment(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value ? strtoull(value, NULL, 0) : otherwise;
}
