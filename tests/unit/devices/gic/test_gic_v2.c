/* GICv2 from IHI 0048: banked distributor registers, SGIs by source, the GICC frame. */
#include "rig.h"
#include <vml/gicv2m.h>

enum { G_CTLR = 0, G_PMR = 4, G_BPR = 8, G_IAR = 0xc, G_EOIR = 0x10, G_RPR = 0x14, G_HPPIR = 0x18 };
enum {
    G_ABPR = 0x1c,
    G_AIAR = 0x20,
    G_AEOIR = 0x24,
    G_AHPPIR = 0x28,
    G_APR = 0xd0,
    G_DIR = 0x1000
};

/* Does what Linux's irq-gic.c does on the way up. */
static void up(struct rig *r, uint32_t cpus)
{
    struct vml_gic *g;

    rig_init(r, 2, cpus, 224);
    g = &r->gic;
    wr(&g->gicd, 0, 0, 4, 0);
    for (uint32_t i = 32; i < 256; i += 4) {
        wr(&g->gicd, 0, 0x800 + i, 4, 0x01010101);
        wr(&g->gicd, 0, 0x400 + i, 4, 0xa0a0a0a0);
    }
    wr(&g->gicd, 0, 0, 4, 1);
    for (uint32_t c = 0; c < cpus; c++) {
        wr(&g->gicd, c, 0x180, 4, 0xffff0000);
        wr(&g->gicd, c, 0x100, 4, 0x0000ffff);
        for (uint32_t i = 0; i < 32; i += 4) {
            wr(&g->gicd, c, 0x400 + i, 4, 0xa0a0a0a0);
        }
        wr(&g->gicc, c, G_PMR, 4, 0xf0);
        wr(&g->gicc, c, G_CTLR, 4, 1);
    }
}

static uint64_t gicc(struct rig *r, uint32_t cpu, uint64_t offset)
{
    return rd(&r->gic.gicc, cpu, offset, 4);
}

static void test_identification(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 4);
    assert_int_equal(rd(&r.gic.gicd, 0, 4, 4), 7 | 3 << 5);
    assert_int_equal(rd(&r.gic.gicd, 0, 0xfe8, 4) & 0xf0, 0x20);
    assert_int_equal(gicc(&r, 0, 0xfc) >> 16 & 15, 2);
    for (uint32_t c = 0; c < 4; c++) { /* Linux: gic_get_cpumask() */
        assert_int_equal(rd(&r.gic.gicd, c, 0x800, 4), 0x01010101u << c);
    }
    rig_free(&r);
}

static void test_spi_end_to_end(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 2);
    wr(&r.gic.gicd, 0, 0x104, 4, 2);
    vml_gic_set_level(&r.gic, 33, 0, true);
    assert_true(irq(&r, 0) && !irq(&r, 1));
    assert_int_equal(gicc(&r, 0, G_HPPIR), 33);
    assert_int_equal(gicc(&r, 0, G_IAR), 33);
    assert_int_equal(gicc(&r, 0, G_RPR), 0xa0);
    assert_int_equal(gicc(&r, 0, G_IAR), 1023);
    vml_gic_set_level(&r.gic, 33, 0, false);
    wr(&r.gic.gicc, 0, G_EOIR, 4, 33);
    assert_int_equal(gicc(&r, 0, G_RPR), 0xff);
    assert_false(irq(&r, 0));
    wr(&r.gic.gicd, 0, 0x800 + 33, 1, 2); /* byte access */
    vml_gic_set_level(&r.gic, 33, 0, true);
    assert_true(irq(&r, 1) && !irq(&r, 0));
    wr(&r.gic.gicd, 0, 0x800 + 33, 1, 0xfc); /* vCPUs that are not there */
    assert_int_equal(rd(&r.gic.gicd, 0, 0x800 + 33, 1), 0);
    assert_false(irq(&r, 1));
    rig_free(&r);
}

/* A lower value is more urgent. */
static void test_lower_priority_value_first(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 1);
    wr(&r.gic.gicd, 0, 0x104, 4, 0xffffffff);
    wr(&r.gic.gicd, 0, 0x400 + 40, 1, 0xc0);
    wr(&r.gic.gicd, 0, 0x400 + 41, 1, 0x40);
    wr(&r.gic.gicd, 0, 0x400 + 42, 1, 0x80);
    vml_gic_set_level(&r.gic, 40, 0, true);
    vml_gic_set_level(&r.gic, 42, 0, true);
    assert_int_equal(gicc(&r, 0, G_IAR), 42);
    assert_false(irq(&r, 0)); /* 0xc0 does not preempt 0x80 */
    vml_gic_set_level(&r.gic, 41, 0, true);
    assert_true(irq(&r, 0)); /* 0x40 does */
    assert_int_equal(gicc(&r, 0, G_IAR), 41);
    assert_int_equal(gicc(&r, 0, G_RPR), 0x40);
    vml_gic_set_level(&r.gic, 41, 0, false);
    vml_gic_set_level(&r.gic, 42, 0, false);
    wr(&r.gic.gicc, 0, G_EOIR, 4, 41);
    assert_int_equal(gicc(&r, 0, G_RPR), 0x80);
    wr(&r.gic.gicc, 0, G_EOIR, 4, 42);
    assert_int_equal(gicc(&r, 0, G_IAR), 40);
    rig_free(&r);
}

static void test_sgi_banked_by_source(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 4);
    wr(&r.gic.gicd, 3, 0xf00, 4, 2u << 16 | 7); /* to vCPU 1 */
    wr(&r.gic.gicd, 2, 0xf00, 4, 1u << 24 | 7); /* to all others */
    assert_true(irq(&r, 0) && irq(&r, 1) && !irq(&r, 2) && irq(&r, 3));
    assert_int_equal(rd(&r.gic.gicd, 1, 0xf10 + 7, 1), 0xc);
    assert_int_equal(gicc(&r, 1, G_HPPIR), 7 | 2 << 10);
    assert_int_equal(gicc(&r, 1, G_IAR), 7 | 2 << 10);
    assert_int_equal(rd(&r.gic.gicd, 1, 0x200, 4), 1 << 7); /* the other source's */
    wr(&r.gic.gicc, 1, G_EOIR, 4, 7 | 2 << 10);
    assert_int_equal(gicc(&r, 1, G_IAR), 7 | 3 << 10);
    wr(&r.gic.gicc, 1, G_EOIR, 4, 7 | 3 << 10);
    assert_false(irq(&r, 1));
    wr(&r.gic.gicd, 1, 0xf00, 4, 2u << 24 | 9); /* to itself */
    assert_int_equal(rd(&r.gic.gicd, 1, 0xf28, 4), 1 << 9);
    wr(&r.gic.gicd, 1, 0xf10 + 9, 1, 0xff);
    assert_false(irq(&r, 1));
    wr(&r.gic.gicd, 1, 0xf20 + 9, 1, 0x8);
    assert_int_equal(gicc(&r, 1, G_IAR), 9 | 3 << 10);
    wr(&r.gic.gicd, 1, 0x200, 4, 0xffff); /* SGIs are not set by ISPENDR */
    assert_int_equal(rd(&r.gic.gicd, 1, 0x200, 4) & 0xffff, 0);
    wr(&r.gic.gicd, 1, 0xf00, 4, 3u << 24 | 9); /* reserved filter */
    assert_int_equal(rd(&r.gic.gicd, 1, 0xf10 + 9, 1), 0);
    rig_free(&r);
}

static void test_groups_and_ackctl(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 1);
    wr(&r.gic.gicd, 0, 0x104, 4, 6);
    wr(&r.gic.gicd, 0, 0x84, 4, 2); /* 33 in group 1, 34 in group 0 */
    vml_gic_set_level(&r.gic, 33, 0, true);
    assert_false(irq(&r, 0));
    wr(&r.gic.gicd, 0, 0, 4, 3);
    wr(&r.gic.gicc, 0, G_CTLR, 4, 3 | 8);
    assert_true(irq(&r, 0) && !fiq(&r, 0));
    assert_int_equal(gicc(&r, 0, G_IAR), 1022);
    assert_int_equal(gicc(&r, 0, G_HPPIR), 1022);
    assert_int_equal(gicc(&r, 0, G_AHPPIR), 33);
    assert_int_equal(gicc(&r, 0, G_AIAR), 33);
    assert_int_equal(gicc(&r, 0, 0xe0), 1u << 20);
    wr(&r.gic.gicc, 0, G_AEOIR, 4, 33);
    wr(&r.gic.gicc, 0, G_CTLR, 4, 3 | 8 | 4);
    assert_int_equal(gicc(&r, 0, G_IAR), 33);
    wr(&r.gic.gicc, 0, G_EOIR, 4, 33);
    vml_gic_set_level(&r.gic, 34, 0, true); /* one priority: group 0 first, as FIQ */
    assert_true(fiq(&r, 0) && !irq(&r, 0));
    assert_int_equal(gicc(&r, 0, G_AIAR), 1023);
    assert_int_equal(gicc(&r, 0, G_AHPPIR), 1023);
    assert_int_equal(gicc(&r, 0, G_IAR), 34);
    assert_int_equal(gicc(&r, 0, G_APR), 1u << 20);
    wr(&r.gic.gicc, 0, G_AEOIR, 4, 34); /* not of group 1 */
    assert_int_equal(gicc(&r, 0, G_RPR), 0xa0);
    rig_free(&r);
}

static void test_split_eoi(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 1);
    wr(&r.gic.gicd, 0, 0x104, 4, 2);
    wr(&r.gic.gicc, 0, G_CTLR, 4, 1 | 1 << 9);
    assert_int_equal(gicc(&r, 0, G_CTLR), 1 | 1 << 9);
    vml_gic_set_level(&r.gic, 33, 0, true);
    assert_int_equal(gicc(&r, 0, G_IAR), 33);
    wr(&r.gic.gicc, 0, G_EOIR, 4, 33);
    assert_int_equal(gicc(&r, 0, G_RPR), 0xff);
    assert_false(irq(&r, 0));
    wr(&r.gic.gicc, 0, G_DIR, 4, 33);
    assert_true(irq(&r, 0));
    rig_free(&r);
}

static void test_binary_points(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 1);
    wr(&r.gic.gicc, 0, G_BPR, 4, 0);
    wr(&r.gic.gicc, 0, G_ABPR, 4, 0);
    assert_int_equal(gicc(&r, 0, G_BPR), 2);
    assert_int_equal(gicc(&r, 0, G_ABPR), 3);
    wr(&r.gic.gicc, 0, G_BPR, 4, 7);
    wr(&r.gic.gicd, 0, 0x104, 4, 6);
    wr(&r.gic.gicd, 0, 0x400 + 34, 1, 0);
    vml_gic_set_level(&r.gic, 33, 0, true);
    assert_int_equal(gicc(&r, 0, G_IAR), 33);
    assert_int_equal(gicc(&r, 0, G_RPR), 0); /* no group priority at all */
    vml_gic_set_level(&r.gic, 34, 0, true);
    assert_false(irq(&r, 0));
    wr(&r.gic.gicc, 0, G_APR, 4, 0);
    assert_true(irq(&r, 0));
    rig_free(&r);
}

/* Without the Security Extensions NSACR is RAZ/WI. */
static void test_nsacr(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 1);
    for (uint32_t i = 0; i < 64; i++) {
        wr(&r.gic.gicd, 0, 0xe00 + i * 4, 4, 0xffffffff);
        assert_int_equal(rd(&r.gic.gicd, 0, 0xe00 + i * 4, 4), 0);
    }
    rig_free(&r);
}

/* A 1-N interrupt goes to a target whose interface takes it. */
static void test_several_targets(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 4);
    wr(&r.gic.gicd, 0, 0x104, 4, 2);
    wr(&r.gic.gicd, 0, 0x800 + 33, 1, 0xe);
    vml_gic_set_level(&r.gic, 33, 0, true);
    assert_true(irq(&r, 1) && !irq(&r, 2));
    wr(&r.gic.gicc, 1, G_CTLR, 4, 0);
    assert_true(!irq(&r, 1) && irq(&r, 2));
    assert_int_equal(gicc(&r, 2, G_IAR), 33);
    wr(&r.gic.gicc, 1, G_CTLR, 4, 1);
    wr(&r.gic.gicc, 2, G_EOIR, 4, 33);
    assert_true(irq(&r, 1) && !irq(&r, 2));
    rig_free(&r);
}

static void test_uniprocessor_has_no_targets(void **state)
{
    struct rig r;

    (void)state;
    up(&r, 1);
    assert_int_equal(rd(&r.gic.gicd, 0, 0x820, 4), 0);
    wr(&r.gic.gicd, 0, 0x104, 4, 2);
    vml_gic_set_level(&r.gic, 33, 0, true);
    assert_true(irq(&r, 0));
    rig_free(&r);
}

static void test_refusals(void **state)
{
    struct rig r;
    struct vml_access a = {.offset = 0, .size = 4, .cpu = VML_CPU_NONE};

    (void)state;
    up(&r, 2);
    assert_int_equal(r.gic.gicc.ops->access(&r.gic.gicc, &a), VML_BUS_FAULT);
    a.cpu = 0;
    assert_int_equal(r.gic.gicr.ops->access(&r.gic.gicr, &a), VML_BUS_FAULT);
    assert_int_equal(r.gic.icc.ops->access(&r.gic.icc, &a), VML_BUS_FAULT);
    a.offset = 0x11000;
    assert_int_equal(r.gic.gicd.ops->access(&r.gic.gicd, &a), VML_BUS_FAULT);
    assert_int_equal(rd(&r.gic.gicd, 0, 0x40, 4), 0); /* no message-based SPIs */
    assert_int_equal(rd(&r.gic.gicd, 0, 0x17c, 4), 0);
    rig_free(&r);
}

static void test_v2m_message(void **state)
{
    struct rig r;
    struct vml_gicv2m frame;
    struct vml_irq wire;
    struct vml_msi msi = {.address = 0x8020040, .data = 81};

    (void)state;
    up(&r, 1);
    assert_int_equal(vml_gicv2m_init(&frame, &r.gic, 0x8020000, 80, 64), VML_OK);
    assert_int_equal(rd(&frame.device, 0, 8, 4), 80 << 16 | 64);
    wr(&r.gic.gicd, 0, 0xc00 + 80 / 16 * 4, 4, 0xaaaaaaaa);
    wr(&r.gic.gicd, 0, 0x100 + 80 / 32 * 4, 4, 3u << 16);
    wr(&frame.device, 0, 0x40, 4, 80);
    assert_int_equal(gicc(&r, 0, G_IAR), 80);
    wr(&r.gic.gicc, 0, G_EOIR, 4, 80);
    assert_int_equal(gicc(&r, 0, G_IAR), 1023);
    wire = vml_irq_wire(&frame.controller, 0, 0);
    assert_int_equal(vml_irq_msi(&wire, &msi), VML_OK);
    assert_int_equal(gicc(&r, 0, G_IAR), 81);
    wr(&r.gic.gicc, 0, G_EOIR, 4, 81);
    msi.data = 144; /* the first one that is not its own */
    assert_int_equal(vml_irq_msi(&wire, &msi), VML_ERR_NOT_FOUND);
    msi.data = 79;
    assert_int_equal(vml_irq_msi(&wire, &msi), VML_ERR_NOT_FOUND);
    msi.address = 0x8030040;
    msi.data = 81;
    assert_int_equal(vml_irq_msi(&wire, &msi), VML_ERR_NOT_FOUND);
    vml_irq_set(&wire, true);
    vml_irq_pulse(&wire);
    assert_false(frame.controller.ops->pending(&frame.controller, 0, VML_IRQ_OUTPUT_IRQ));
    assert_int_equal(gicc(&r, 0, G_IAR), 1023);
    assert_int_equal(vml_gicv2m_init(&frame, &r.gic, 0, 31, 1), VML_ERR_RANGE);
    assert_int_equal(vml_gicv2m_init(&frame, &r.gic, 0, 255, 2), VML_ERR_RANGE);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identification),
        cmocka_unit_test(test_spi_end_to_end),
        cmocka_unit_test(test_lower_priority_value_first),
        cmocka_unit_test(test_sgi_banked_by_source),
        cmocka_unit_test(test_groups_and_ackctl),
        cmocka_unit_test(test_split_eoi),
        cmocka_unit_test(test_binary_points),
        cmocka_unit_test(test_nsacr),
        cmocka_unit_test(test_several_targets),
        cmocka_unit_test(test_uniprocessor_has_no_targets),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_v2m_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
