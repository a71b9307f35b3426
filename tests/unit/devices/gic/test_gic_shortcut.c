/*
 * What is served by the shortest way is served as by the long one.
 *
 * Two GICs get the same random operations.  In one of them, somebody else takes the lock of each vCPU
 * between any two operations, so that nothing is ever left to a shortcut.  Outputs, registers and list
 * registers have to be the same.
 *
 * VML_GIC_REF_OPS says how many operations, VML_GIC_REF_SEED where the numbers start.
 */
#include "ref_run.h"
#include "rig.h"
#include <vml/gic_lr.h>

enum { CPUS = 3, SPIS = 64, SPARE = 90, LINES = 9, LRS = 4 };

/* SPIs, then PPIs of vCPU 0 and 1. */
static const uint32_t intids[LINES] = {32, 33, 34, 63, 64, 27, 30, 27, 30};
static const uint32_t cpus[LINES] = {0, 0, 0, 0, 0, 0, 0, 1, 1};

static struct rig rigs[2]; /* the second one is disturbed */
static struct vml_gic_lrs lrs[2][CPUS];
static bool resident[CPUS];
static uint64_t random_state;

static uint32_t below(uint32_t bound)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(((z ^ z >> 31) >> 32) * bound >> 32);
}

/* An SPI of its own for each vCPU: whoever links it takes the lock. */
static void disturb(void)
{
    for (uint32_t c = 0; c < CPUS; c++) {
        assert_int_equal(vml_gic_lr_link(&rigs[1].gic, SPARE + c, 0, 0), VML_OK);
    }
}

static void make(uint64_t seed, bool told)
{
    random_state = seed;
    for (uint32_t i = 0; i < 2; i++) {
        struct rig *r = &rigs[i];

        rig_init(r, 3, CPUS, SPIS);
        if (!told) {
            r->gic.config.output = NULL;
        }
        linux_v3(r);
        for (uint32_t n = 0; n < LINES; n++) {
            if (intids[n] >= 32) {
                wr(&r->gic.gicd, 0, 0x6000 + intids[n] * 8, 8, n == 4 ? 2 : n & 1);
            }
        }
        wr(&r->gic.gicd, 0, 0x104, 4, 0xffffffff);
        wr(&r->gic.gicd, 0, 0x108, 4, 0xffffffff);
        for (uint32_t c = 0; c < CPUS; c++) {
            wr(&r->gic.gicr, c, c * VML_GICR_SIZE + 0x10100, 4, 0xffffffff);
            wr(&r->gic.gicd, 0, 0x6000 + (SPARE + c) * 8, 8, c);
            lrs[i][c] = (struct vml_gic_lrs){.count = LRS};
        }
    }
    for (uint32_t c = 0; c < CPUS; c++) {
        resident[c] = false;
    }
}

static void same(uint32_t op)
{
    struct vml_gic *a = &rigs[0].gic, *b = &rigs[1].gic;

    for (uint32_t c = 0; c < CPUS; c++) {
        uint64_t base = c * VML_GICR_SIZE + 0x10000;

        if (irq(&rigs[0], c) != irq(&rigs[1], c)) {
            fail_msg("operation %u: output of vCPU %u", op, c);
        }
        assert_int_equal(fiq(&rigs[0], c), fiq(&rigs[1], c));
        assert_int_equal(rd(&a->gicr, c, base + 0x200, 4), rd(&b->gicr, c, base + 0x200, 4));
        assert_int_equal(rd(&a->gicr, c, base + 0x300, 4), rd(&b->gicr, c, base + 0x300, 4));
    }
    for (uint32_t w = 1; w <= SPIS / 32; w++) {
        assert_int_equal(rd(&a->gicd, 0, 0x200 + w * 4, 4), rd(&b->gicd, 0, 0x200 + w * 4, 4));
        assert_int_equal(rd(&a->gicd, 0, 0x300 + w * 4, 4), rd(&b->gicd, 0, 0x300 + w * 4, 4));
    }
    assert_int_equal(rigs[0].told, rigs[1].told);
    assert_int_equal(rigs[0].told_cpu, rigs[1].told_cpu);
    assert_memory_equal(rigs[0].told_level, rigs[1].told_level, sizeof(rigs[0].told_level));
}

static void enter(uint32_t c)
{
    for (uint32_t i = 0; i < 2; i++) {
        vml_gic_lr_fill(&rigs[i].gic, c, &lrs[i][c]);
    }
    assert_int_equal(lrs[0][c].used, lrs[1][c].used);
    assert_int_equal(lrs[0][c].hcr, lrs[1][c].hcr);
    assert_int_equal(lrs[0][c].vmcr, lrs[1][c].vmcr);
    assert_int_equal(lrs[0][c].ap0r, lrs[1][c].ap0r);
    assert_int_equal(lrs[0][c].ap1r, lrs[1][c].ap1r);
    assert_memory_equal(lrs[0][c].lr, lrs[1][c].lr, lrs[0][c].used * sizeof(uint64_t));
    resident[c] = true;
}

/* What the guest does with one list register. */
static void run(uint32_t c, uint32_t n, uint32_t what)
{
    struct vml_gic_lrs *l = &lrs[0][c];
    uint32_t level = l->lr[n] >> 51 & 31, state = (uint32_t)(l->lr[n] >> 62);
    uint32_t *apr = l->lr[n] >> 60 & 1 ? &l->ap1r : &l->ap0r;

    if (state == 2 || state == 3) {
        if (what < 2 && (l->ap0r | l->ap1r) == VML_BIT32(level)) { /* ends it */
            l->lr[n] &= ~VML_BIT64(63);
            *apr &= ~VML_BIT32(level);
        }
    } else if (what < 2) { /* takes and ends it */
        l->lr[n] &= ~(UINT64_C(3) << 62);
    } else if (what == 2 && (l->ap0r | l->ap1r) == 0) { /* takes it */
        l->lr[n] = (l->lr[n] & ~(UINT64_C(3) << 62)) | VML_BIT64(63);
        *apr |= VML_BIT32(level);
    }
}

static void leave(uint32_t c)
{
    uint32_t which = below(8);

    for (uint32_t n = 0; n < lrs[0][c].used; n++) {
        run(c, n, below(5));
    }
    if (which == 0) { /* the guest changes its priority mask, or disables a group */
        lrs[0][c].vmcr ^= below(2) ? VML_BIT32(31) : VML_BIT32(1);
    }
    lrs[1][c].vmcr = lrs[0][c].vmcr;
    lrs[1][c].ap0r = lrs[0][c].ap0r;
    lrs[1][c].ap1r = lrs[0][c].ap1r;
    memcpy(lrs[1][c].lr, lrs[0][c].lr, sizeof(lrs[0][c].lr));
    for (uint32_t i = 0; i < 2; i++) {
        vml_gic_lr_fold(&rigs[i].gic, c, &lrs[i][c]);
        assert_int_equal(lrs[i][c].used, 0);
    }
    resident[c] = false;
}

/* Acknowledges and ends through the emulated interface. */
static void serve(uint32_t c)
{
    uint64_t a = icc(&rigs[0], c, IAR1), b = icc(&rigs[1], c, IAR1);
    bool ends = below(4) != 0;

    assert_int_equal(a, b);
    for (uint32_t i = 0; i < 2 && a < 1020 && ends; i++) {
        icc_write(&rigs[i], c, EOIR1, a);
    }
}

/* Whatever else happens to a wire's interrupt, but seldom. Nothing is in a list register while its
 * link, its route or its trigger changes. */
static void configure(uint32_t n)
{
    uint32_t what = below(12), intid = intids[n], value = below(256), bit = intid % 32;
    uint32_t link = what == 0 && below(2) ? 32 + n : 0;

    for (uint32_t c = 0; c < CPUS && what < 3; c++) {
        if (resident[c]) {
            leave(c);
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct vml_gic *g = &rigs[i].gic;
        struct vml_device *d = intid < 32 ? &g->gicr : &g->gicd;
        uint64_t base = intid < 32 ? cpus[n] * VML_GICR_SIZE + 0x10000 : 0;

        switch (what) {
        case 0:
            assert_int_equal(vml_gic_lr_link(g, intid, cpus[n], link), VML_OK);
            break;
        case 1:
            if (intid >= 32) {
                wr(d, 0, 0x6000 + intid * 8, 8, value % CPUS);
            }
            break;
        case 2:
            wr(d, cpus[n], base + 0xc00 + intid / 16 * 4, 4,
               value & 1 ? VML_BIT32(intid % 16 * 2 + 1) : 0);
            break;
        case 3:
        case 4:
            wr(d, cpus[n], base + 0x400 + intid, 1, value);
            break;
        case 5:
            wr(d, cpus[n], base + (value & 1 ? 0x100 : 0x180) + intid / 32 * 4, 4, VML_BIT32(bit));
            break;
        case 6:
            wr(d, cpus[n], base + 0x100 + intid / 32 * 4, 4, UINT32_MAX);
            break;
        case 7:
            wr(d, cpus[n], base + (value & 1 ? 0x200 : 0x280) + intid / 32 * 4, 4, VML_BIT32(bit));
            break;
        case 8:
            wr(d, cpus[n], base + 0x380 + intid / 32 * 4, 4, VML_BIT32(bit));
            break;
        case 9:
            wr(d, cpus[n], base + 0x80 + intid / 32 * 4, 4, value & 1 ? UINT32_MAX : 0xf0f0f0f0);
            break;
        case 10:
            wr(&g->gicd, 0, 0, 4, value & 1 ? 0x12 : 0x13);
            break;
        default:
            vml_gic_set_pending(g, intid, cpus[n]);
            break;
        }
    }
}

static void operate(void)
{
    uint32_t what = below(1000), n = below(LINES), c = below(CPUS);

    if (what < 350) {
        for (uint32_t i = 0; i < 2; i++) {
            vml_gic_set_level(&rigs[i].gic, intids[n], cpus[n], true);
        }
    } else if (what < 500) {
        for (uint32_t i = 0; i < 2; i++) {
            vml_gic_set_level(&rigs[i].gic, intids[n], cpus[n], false);
        }
    } else if (what < 950) {
        if (resident[c]) {
            leave(c);
        } else {
            enter(c);
        }
    } else if (what < 980) {
        if (!resident[c]) {
            serve(c);
        }
    } else if (what < 990) {
        configure(n);
    } else if (!resident[c]) { /* a rest: nothing active, and the interface as it began */
        for (uint32_t i = 0; i < 2; i++) {
            struct vml_gic *g = &rigs[i].gic;

            icc_write(&rigs[i], c, AP0R0, 0);
            icc_write(&rigs[i], c, AP1R0, 0);
            icc_write(&rigs[i], c, PMR, 0xf8);
            icc_write(&rigs[i], c, IGRPEN1, 1);
            wr(&g->gicr, c, c * VML_GICR_SIZE + 0x10380, 4, UINT32_MAX);
            for (uint32_t w = 1; w <= SPIS / 32; w++) {
                wr(&g->gicd, c, 0x380 + w * 4, 4, UINT32_MAX);
            }
        }
    }
}

static void compare(uint64_t seed, bool told)
{
    uint64_t operations = ref_from_environment("VML_GIC_REF_OPS", 60000);

    for (uint64_t done = 0; done < operations; done += 2000) {
        make(seed + done, told);
        for (uint32_t op = 0; op < 2000; op++) {
            disturb();
            operate();
            same(op);
        }
        rig_free(&rigs[0]);
        rig_free(&rigs[1]);
    }
}

static void test_shortcuts_are_told(void **state)
{
    (void)state;
    compare(ref_from_environment("VML_GIC_REF_SEED", 1), true);
}

static void test_shortcuts_without_callback(void **state)
{
    (void)state;
    compare(ref_from_environment("VML_GIC_REF_SEED", 1) + 1000000, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shortcuts_are_told),
        cmocka_unit_test(test_shortcuts_without_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
