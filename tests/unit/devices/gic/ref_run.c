/* Making operations up, and making failures short. */
#include "ref_machine.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EPISODE = 1500, HOT = 10, CHECK_EVERY = 64 };

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

/* --------------------------------------------------------------------- making operations up */

struct generator {
    const struct ref_setup *setup;
    uint64_t random;
    uint32_t hot[HOT];
};

/* Mostly few interrupts, so that they meet. */
static uint32_t some_intid(struct generator *g)
{
    if (below(&g->random, 16) != 0) {
        return g->hot[below(&g->random, HOT)];
    }
    if (g->setup->eppis + g->setup->espis == 0 || below(&g->random, 2)) {
        return below(&g->random, 40 + g->setup->spis);
    }
    return below(&g->random, 2) ? REF_EPPI - 4 + below(&g->random, g->setup->eppis + 8)
                                : REF_ESPI - 4 + below(&g->random, g->setup->espis + 8);
}

/* Where a register is that has `bits` for an interrupt: in a redistributor, or in the distributor, where
 * extended SPIs have arrays of their own. */
struct where {
    enum ref_frame frame;
    uint64_t offset; /* of the byte that has the interrupt */
};

static struct where register_of(uint32_t cpu, bool v3, uint32_t intid, uint32_t base, uint32_t bits)
{
    uint32_t n = intid;

    if (v3 && ref_is_private(intid)) {
        n = intid < 32 ? intid : intid - REF_EPPI + 32;
        return (struct where){REF_GICR, cpu * UINT64_C(0x20000) + 0x10000 + base + n * bits / 8};
    }
    if (intid >= REF_ESPI) {
        n = intid - REF_ESPI;
        base = base < 0x400   ? 0x1000 + (base - 0x80) * 4
               : base < 0xc00 ? 0x2000
               : base < 0xd00 ? 0x3000
                              : 0x3400;
    }
    return (struct where){REF_GICD, base + n * bits / 8};
}

static uint64_t route_of(uint32_t intid)
{
    return intid < REF_ESPI ? 0x6000 + intid * UINT64_C(8)
                            : 0x8000 + (intid - REF_ESPI) * UINT64_C(8);
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
    return g->setup->clusters ? ref_clusters[c] : c;
}

static struct ref_op access_op(struct generator *g, enum ref_frame frame, uint64_t offset,
                               uint32_t size, uint64_t value)
{
    return (struct ref_op){.kind = OP_ACCESS,
                           .frame = frame,
                           .cpu = below(&g->random, g->setup->cpus),
                           .size = size,
                           .flag = below(&g->random, 4) != 0,
                           .offset = offset,
                           .value = value};
}

/* An access to what the distributor, or for INTIDs 0 to 31 a redistributor, has for an interrupt. */
static struct ref_op interrupt_register(struct generator *g)
{
    static const uint32_t arrays[] = {0x080, 0x100, 0x100, 0x100, 0x180,
                                      0x200, 0x280, 0x300, 0x380};
    uint32_t intid = some_intid(g), n = below(&g->random, 14),
             cpu = below(&g->random, g->setup->cpus);
    bool v3 = g->setup->version == 3;
    struct where at;

    if (n < 9) {
        at = register_of(cpu, v3, intid, arrays[n], 1);
        return access_op(g, at.frame, at.offset / 4 * 4, 4, some_word(g, intid % 32));
    }
    if (n < 11) {
        at = register_of(cpu, v3, intid, 0x400, 8);
        if (below(&g->random, 2)) {
            return access_op(g, at.frame, at.offset, 1, some_priority(g));
        }
        return access_op(g, at.frame, at.offset / 4 * 4, 4, next_random(&g->random));
    }
    if (n == 11) {
        at = register_of(cpu, v3, intid, 0xc00, 2);
        return access_op(g, at.frame, at.offset / 4 * 4, 4, some_word(g, intid % 16 * 2 + 1));
    }
    if (v3) {
        if (ref_is_private(intid) || (intid >= REF_ESPI && below(&g->random, 4) == 0)) {
            at = register_of(cpu, v3, intid, 0xd00, 1);
            return access_op(g, at.frame, at.offset / 4 * 4, 4, next_random(&g->random));
        }
        if (below(&g->random, 4) == 0) {
            return access_op(g, REF_GICD, route_of(intid) + below(&g->random, 2) * 4, 4,
                             some_route(g));
        }
        return access_op(g, REF_GICD, route_of(intid), 8, some_route(g));
    }
    if (below(&g->random, 3) == 0) {
        return access_op(g, REF_GICD, 0x800 + intid / 4 * 4, 4, next_random(&g->random));
    }
    /* bytes after GICD_ITARGETSR's are of GICD_ICFGR, which has no byte accesses */
    return access_op(g, REF_GICD, 0x800 + (intid < 1020 ? intid : 1019), 1,
                     next_random(&g->random) & 0xff);
}

static struct ref_op sgi_register(struct generator *g)
{
    uint32_t intid = g->hot[below(&g->random, 3)], cpu = below(&g->random, g->setup->cpus);
    uint64_t a = g->setup->clusters ? ref_clusters[cpu] : cpu;
    struct ref_op op;

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

static struct ref_op interface_register(struct generator *g)
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
    struct ref_op op;

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
static struct ref_op other_register(struct generator *g)
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

static struct ref_op some_op(struct generator *g)
{
    uint32_t n = below(&g->random, 1000);
    struct ref_op op = {.cpu = below(&g->random, g->setup->cpus),
                        .intid = some_intid(g),
                        .flag = below(&g->random, 2) != 0,
                        .value = next_random(&g->random)};

    if (n < 250) {
        op.kind = OP_TAKE;
    } else if (n < 440) {
        op.kind = OP_END;
    } else if (n < 500) {
        op.kind = OP_DEACTIVATE;
    } else if (n < 620) {
        op.kind = OP_LEVEL;
    } else if (n < 680) {
        op.kind = OP_PULSE;
    } else if (n < 700) {
        op.kind = OP_MESSAGE;
    } else if (n < 780) {
        return sgi_register(g);
    } else if (n < 920) {
        return interrupt_register(g);
    } else if (n < 975) {
        return interface_register(g);
    } else if (n < 995) {
        return other_register(g);
    } else if (n < 999) {
        op.kind = OP_SAVE;
    } else {
        op.kind = OP_RESET;
    }
    return op;
}

static struct ref_op write_op(enum ref_frame frame, uint32_t cpu, uint64_t offset, uint32_t size,
                              uint64_t value)
{
    return (struct ref_op){.kind = OP_ACCESS,
                           .frame = frame,
                           .cpu = cpu,
                           .size = size,
                           .flag = true,
                           .offset = offset,
                           .value = value};
}

/* Something to start from: enabled throughout, so that interrupts flow. */
static uint32_t prologue(struct generator *g, struct ref_op *ops)
{
    uint32_t n = 0, cpus = g->setup->cpus;
    bool v3 = g->setup->version == 3;

    ops[n++] = write_op(REF_GICD, 0, 0, 4, 3);
    for (uint32_t i = 0; i < HOT; i++) {
        uint32_t intid = g->hot[i], c = below(&g->random, cpus);
        struct where at = register_of(0, v3, intid, 0x100, 1);

        if (!ref_is_private(intid)) {
            ops[n++] = write_op(REF_GICD, 0, at.offset / 4 * 4, 4, UINT64_C(1) << intid % 32);
            ops[n++] = write_op(REF_GICD, 0, register_of(0, v3, intid, 0x400, 8).offset, 1,
                                some_priority(g));
            ops[n++] = v3 ? write_op(REF_GICD, 0, route_of(intid), 8, some_route(g))
                          : write_op(REF_GICD, 0, 0x800 + intid, 1, 1u << c);
        }
    }
    for (uint32_t c = 0; c < cpus; c++) {
        if (v3) {
            ops[n++] = write_op(REF_GICR, c, c * UINT64_C(0x20000) + 0x14, 4, 0);
            ops[n++] =
                write_op(REF_GICR, c, c * UINT64_C(0x20000) + 0x10080, 4, next_random(&g->random));
            for (uint32_t word = 0; word < 1 + g->setup->eppis / 32; word++) {
                ops[n++] = write_op(REF_GICR, c, c * UINT64_C(0x20000) + 0x10100 + word * 4, 4,
                                    0xffffffff);
            }
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

static void episode(struct generator *g, struct ref_op *ops)
{
    uint32_t n;

    for (uint32_t i = 0; i < HOT; i++) {
        g->hot[i] = i < 3                 ? below(&g->random, 16)
                    : i < 5               ? 16 + below(&g->random, 16)
                    : g->setup->spis == 0 ? below(&g->random, 32)
                    : i == 5              ? 31 + g->setup->spis
                                          : 32 + below(&g->random, g->setup->spis);
        if (g->setup->eppis != 0 && (i == 6 || i == 7)) {
            g->hot[i] =
                REF_EPPI + (i == 6 ? g->setup->eppis - 1 : below(&g->random, g->setup->eppis));
        }
        if (g->setup->espis != 0 && (i == 8 || i == 9)) {
            g->hot[i] =
                REF_ESPI + (i == 8 ? g->setup->espis - 1 : below(&g->random, g->setup->espis));
        }
    }
    n = prologue(g, ops);
    while (n < EPISODE) {
        ops[n++] = some_op(g);
    }
}

/* ------------------------------------------------------------------------------- shrinking */

static void print_op(const struct ref_op *op)
{
    static const char *const frames[] = {"GICD", "GICC", "GICR", "ICC"};
    static const char *const kinds[] = {"access", "level",      "pulse", "message", "take",
                                        "end",    "deactivate", "reset", "save"};

    if (op->kind == OP_ACCESS) {
        printf("  vCPU %u %s %s %#" PRIx64 ", %u bytes", op->cpu, op->flag ? "writes" : "reads",
               frames[op->frame], op->offset, op->size);
        printf(op->flag ? ": %#" PRIx64 "\n" : "\n", op->value);
        return;
    }
    printf("  %s: vCPU %u INTID %u flag %u%s\n", kinds[op->kind], op->cpu, op->intid, op->flag,
           op->kind == OP_END && op->value % 16 != 0 ? " (what was taken last)" : "");
}

/* Leaves out what the difference does not need: halves, quarters, ... single operations. */
static uint32_t shrink(struct machine *m, struct ref_op *ops, uint32_t count, uint32_t every)
{
    struct ref_op *fewer = malloc(count * sizeof(*fewer));

    for (uint32_t chunk = count; chunk > 0;) {
        bool any = false;

        for (uint32_t at = 0; at < count;) {
            uint32_t gone = count - at < chunk ? count - at : chunk, left = count - gone, failed;

            memcpy(fewer, ops, at * sizeof(*ops));
            memcpy(fewer + at, ops + at + gone, (left - at) * sizeof(*ops));
            failed = machine_run(m, fewer, left, every);
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

static void report(const struct ref_setup *setup, struct machine *m, struct ref_op *ops,
                   uint32_t count)
{
    uint32_t every = 1;

    printf("%s: library and model differ: %s\n", setup->name, machine_why(m));
    if (machine_run(m, ops, count, 1) == count) {
        every = UINT32_MAX; /* to compare all registers stops the guests: that can hide it */
    }
    count = shrink(m, ops, count, every);
    (void)machine_run(m, ops, count, every);
    printf("shortest trace found (%u operations), after which %s:\n", count, machine_why(m));
    for (uint32_t i = 0; i < count; i++) {
        print_op(&ops[i]);
    }
}

bool ref_run(const struct ref_setup *setup, uint64_t operations, uint64_t seed)
{
    struct machine *m = machine_new(setup);
    struct ref_op *ops = malloc((EPISODE + 200) * sizeof(*ops));
    struct generator g = {.setup = setup};
    bool same = true;

    for (uint64_t done = 0; same && done < operations; done += EPISODE) {
        uint32_t failed;

        g.random = seed + done;
        episode(&g, ops);
        failed = machine_run(m, ops, EPISODE, CHECK_EVERY);
        if (failed < EPISODE) {
            report(setup, m, ops, failed + 1);
            same = false;
        }
    }
    machine_free(m);
    free(ops);
    return same;
}

uint64_t ref_from_environment(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value ? strtoull(value, NULL, 0) : otherwise;
}
