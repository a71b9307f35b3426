/* Delivery through list registers, against a small model of the virtual CPU interface. */
#include "rig.h"
#include <vml/gic_lr.h>

enum { LRENPIE = 4, NPIE = 8, VGRP0EIE = 16, VGRP0DIE = 32, VGRP1EIE = 64, VGRP1DIE = 128 };
enum { TC = 1 << 10 };

static void enable(struct rig *r, uint32_t intid, uint8_t priority, bool edge)
{
    wr(&r->gic.gicd, 0, 0x400 + intid, 1, priority);
    if (edge) {
        wr(&r->gic.gicd, 0, 0xc00 + intid / 16 * 4, 4, 2u << intid % 16 * 2);
    }
    rig_enable_spi(r, intid);
}

static void test_level_interrupt_through_an_lr(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    enable(&r, 50, 0x80, false);
    vml_gic_set_level(&r.gic, 50, 0, true);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal(lrs.hcr, 1 | VGRP0EIE | VGRP1DIE);
    assert_int_equal(lrs.lr[0], UINT64_C(1) << 62 | UINT64_C(1) << 60 | UINT64_C(0x80) << 48 |
                                    UINT64_C(1) << 41 | 50);
    assert_int_equal(lrs.vmcr >> 24, 0xf0);
    assert_int_equal(lrs.vmcr & 3, 2);
    lrs.lr[0] = lr_with_state(lrs.lr[0], LR_ACTIVE);
    lrs.ap1r = 1u << 16;
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(rig_spi_bit(&r, 0x300, 50), 1);
    assert_int_equal(icc(&r, 0, RPR), 0x80); /* the interface came back */
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    /* The wire is still up: pending again when it has been ended, which a maintenance interrupt tells. */
    assert_int_equal(lr_state(lrs.lr[0]), LR_ACTIVE);
    assert_int_equal(lrs.lr[0] >> 41 & 1, 1);
    assert_int_equal(lrs.ap1r, 1u << 16);
    lrs.lr[0] = lr_with_state(lrs.lr[0], 0);
    lrs.ap1r = 0;
    vml_gic_set_level(&r.gic, 50, 0, false);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(rig_spi_bit(&r, 0x300, 50), 0);
    assert_int_equal(rig_spi_bit(&r, 0x200, 50), 0);
    assert_false(irq(&r, 0));
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 0);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    rig_free(&r);
}

static void test_edge_is_not_lost_or_doubled(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;
    unsigned told;

    (void)state;
    rig_up(&r, 1);
    enable(&r, 50, 0x80, true);
    vml_gic_pulse(&r.gic, 50, 0);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    vml_gic_lr_fold(&r.gic, 0, &lrs); /* not taken */
    assert_int_equal(rig_spi_bit(&r, 0x200, 50), 1);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    lrs.lr[0] = lr_with_state(lrs.lr[0], LR_ACTIVE);
    told = r.told;
    vml_gic_pulse(&r.gic, 50, 0); /* again while it is in the list register */
    assert_int_equal(r.told, told + 1);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lr_state(lrs.lr[0]), LR_PENDING | LR_ACTIVE);
    lrs.lr[0] = lr_with_state(lrs.lr[0], 0);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(rig_spi_bit(&r, 0x200, 50), 0);
    assert_int_equal(rig_spi_bit(&r, 0x300, 50), 0);
    rig_free(&r);
}

static void test_overflow_goes_by_priority(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    for (uint32_t i = 0; i < 6; i++) {
        enable(&r, 100 + i * 100, (uint8_t)(0xa0 - i * 0x10), false);
        vml_gic_set_level(&r.gic, 100 + i * 100, 0, true);
    }
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 4);
    assert_true((lrs.hcr & NPIE) != 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal((uint32_t)lrs.lr[i], 600 - i * 100);
        vml_gic_set_level(&r.gic, 600 - i * 100, 0, false);
        lrs.lr[i] = lr_with_state(lrs.lr[i], 0);
    }
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_true(irq(&r, 0));
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 2);
    assert_false((lrs.hcr & NPIE) != 0);
    assert_int_equal((uint32_t)lrs.lr[0], 200);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    rig_free(&r);
}

static void test_linked_interrupt(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    wr(&r.gic.gicr, 0, 0x10100, 4, 1u << 27);
    assert_int_equal(vml_gic_lr_link(&r.gic, 27, 0, 30), VML_OK);
    assert_int_equal(vml_gic_lr_link(&r.gic, 3, 0, 30), VML_ERR_RANGE);
    assert_int_equal(vml_gic_lr_link(&r.gic, 27, 0, 1020), VML_ERR_RANGE);
    vml_gic_set_level(&r.gic, 27, 0, true);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.lr[0] >> 61 & 1, 1);
    assert_int_equal(lrs.lr[0] >> 32 & 0x3ff, 30);
    lrs.lr[0] = lr_with_state(lrs.lr[0], LR_ACTIVE);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lr_state(lrs.lr[0]), LR_ACTIVE); /* never active and pending */
    lrs.lr[0] = lr_with_state(lrs.lr[0], 0);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10200, 4), 0); /* hardware says when it comes again */
    assert_false(irq(&r, 0));
    rig_free(&r);
}

/* Its deactivation trapped (HCR.TC): it has been served as if by the list register. */
static void test_linked_interrupt_deactivated_by_a_trap(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    icc_write(&r, 0, CTLR, 2); /* EOImode */
    wr(&r.gic.gicr, 0, 0x10100, 4, 1u << 27);
    assert_int_equal(vml_gic_lr_link(&r.gic, 27, 0, 30), VML_OK);
    assert_int_equal(vml_gic_lr_linked(&r.gic, 27, 0), 30);
    assert_int_equal(vml_gic_lr_linked(&r.gic, 26, 0), 0);
    assert_int_equal(vml_gic_lr_linked(&r.gic, 1020, 0), 0);
    vml_gic_set_level(&r.gic, 27, 0, true);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    lrs.lr[0] = lr_with_state(lrs.lr[0], LR_ACTIVE);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    icc_write(&r, 0, DIR, 27);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10200, 4), 0);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10300, 4), 0);
    vml_gic_set_level(&r.gic, 27, 0, true);
    assert_true(irq(&r, 0));
    rig_free(&r);
}

static void test_rerouted_while_listed(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_up(&r, 2);
    enable(&r, 50, 0x80, false);
    vml_gic_set_level(&r.gic, 50, 0, true);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8, 1);
    assert_false(irq(&r, 1)); /* vCPU 0 has it */
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_true(irq(&r, 1) && !irq(&r, 0));
    rig_free(&r);
}

static void test_more_active_than_list_registers(void **state)
{
    struct vml_gic_lrs lrs = {.count = 2};
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    for (uint32_t i = 0; i < 2; i++) {
        enable(&r, 40 + i, 0x80, true);
        vml_gic_pulse(&r.gic, 40 + i, 0);
    }
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    lrs.lr[0] = lr_with_state(lrs.lr[0], LR_ACTIVE);
    lrs.lr[1] = lr_with_state(lrs.lr[1], LR_ACTIVE);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_true((lrs.hcr & LRENPIE) != 0);
    lrs.hcr += 1u << 27; /* the guest ended the one that is in none */
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(rig_spi_bit(&r, 0x300, 40), 1);
    assert_int_equal(rig_spi_bit(&r, 0x300, 41), 0);
    rig_free(&r);
}

static void test_gich_layout_and_sgi_sources(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_init(&r, 2, 4, 32);
    wr(&r.gic.gicd, 0, 0, 4, 1);
    wr(&r.gic.gicc, 0, 0, 4, 1);
    wr(&r.gic.gicd, 0, 0x100, 4, 0xffff);
    wr(&r.gic.gicd, 0, 0x405, 1, 0x98);
    wr(&r.gic.gicd, 2, 0xf00, 4, 1u << 16 | 5);
    wr(&r.gic.gicd, 3, 0xf00, 4, 1u << 16 | 5);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal(lrs.lr[0], 1u << 28 | 0x13u << 23 | 1u << 19 | 2u << 10 | 5);
    vml_gic_lr_fold(&r.gic, 0, &lrs); /* not taken: both sources again */
    assert_int_equal(rd(&r.gic.gicd, 0, 0xf15, 1), 0xc);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    lrs.lr[0] &= ~(uint64_t)(3u << 28);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.lr[0], 1u << 28 | 0x13u << 23 | 3u << 10 | 5);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    rig_free(&r);
}

/* The same SGI from another vCPU, while its handler runs: this vCPU must leave and list it again. */
static void test_sgi_again_while_listed_is_told(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;
    unsigned told;

    (void)state;
    rig_up(&r, 2);
    icc_write(&r, 1, SGI1R, UINT64_C(5) << 24 | 1);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    lrs.lr[0] = lr_with_state(lrs.lr[0], LR_ACTIVE);
    told = r.told;
    icc_write(&r, 1, SGI1R, UINT64_C(5) << 24 | 1);
    assert_int_equal(r.told, told + 1);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lr_state(lrs.lr[0]), LR_PENDING | LR_ACTIVE);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    rig_free(&r);
}

/* IHI 0048B chapter 5: who sent an active SGI is part of its name. */
static void test_active_sgi_keeps_its_source(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;
    unsigned told;

    (void)state;
    rig_init(&r, 2, 4, 32);
    wr(&r.gic.gicd, 0, 0, 4, 1);
    wr(&r.gic.gicc, 0, 0, 4, 1);
    wr(&r.gic.gicd, 0, 0x100, 4, 0xffff);
    wr(&r.gic.gicd, 2, 0xf00, 4, 1u << 16 | 5);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    lrs.lr[0] = (lrs.lr[0] & ~(uint64_t)(3u << 28)) | 2u << 28;
    lrs.ap0r = 1;
    told = r.told;
    wr(&r.gic.gicd, 3, 0xf00, 4, 1u << 16 | 5);
    assert_int_equal(r.told, told + 1);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1); /* active, from vCPU 2, and told when it has been ended */
    assert_int_equal(lrs.lr[0], 2u << 28 | 1u << 19 | 2u << 10 | 5);
    lrs.lr[0] &= ~(uint64_t)(3u << 28);
    lrs.ap0r = 0;
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(rd(&r.gic.gicd, 0, 0xf15, 1), 8);
    rig_free(&r);
}

/* A guest enables its groups without a trap: a maintenance interrupt, then 1-of-N counts it in. */
static void test_guest_enables_a_group(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_up(&r, 2);
    icc_write(&r, 0, IGRPEN1, 0);
    icc_write(&r, 1, IGRPEN1, 0);
    enable(&r, 50, 0x80, false);
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8, 0x80000000);
    vml_gic_set_level(&r.gic, 50, 0, true);
    vml_gic_lr_fill(&r.gic, 1, &lrs);
    assert_int_equal(lrs.used, 0);
    assert_int_equal(lrs.hcr, 1 | VGRP0EIE | VGRP1EIE);
    lrs.vmcr |= 2;
    vml_gic_lr_fold(&r.gic, 1, &lrs);
    vml_gic_lr_fill(&r.gic, 1, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal(lrs.hcr, 1 | VGRP0EIE | VGRP1DIE);
    vml_gic_lr_fold(&r.gic, 1, &lrs);
    rig_free(&r);
}

/* What the guest's interface does not take must not keep others out of the list registers. */
static void test_disabled_group_takes_no_list_register(void **state)
{
    struct vml_gic_lrs lrs = {.count = 2};
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    wr(&r.gic.gicd, 0, 0, 4, 3);
    for (uint32_t i = 0; i < 3; i++) {
        enable(&r, 40 + i, i == 2 ? 0x80 : 0x10, true);
        vml_gic_pulse(&r.gic, 40 + i, 0);
    }
    wr(&r.gic.gicd, 0, 0x84, 4, ~0x300u); /* 40 and 41 in group 0, which is disabled */
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], 42);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    rig_free(&r);
}

/* EOIcount says how many; the priority that was dropped says which. */
static void test_eoi_count_ends_the_dropped_priority(void **state)
{
    struct vml_gic_lrs lrs = {.count = 2};
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    for (uint32_t i = 0; i < 3; i++) { /* taken in the order 42, 41, 40: the last is most urgent */
        enable(&r, 42 - i, (uint8_t)(0xa0 - 0x20 * i), true);
        vml_gic_pulse(&r.gic, 42 - i, 0);
        assert_int_equal(icc(&r, 0, IAR1), 42 - i);
    }
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], 40);
    assert_int_equal(lrs.hcr & (LRENPIE | TC), LRENPIE | TC);
    lrs.lr[0] = lr_with_state(lrs.lr[0], 0); /* the guest ends 40 and then 41 */
    lrs.ap1r = 1u << (0xa0 >> 3);
    lrs.hcr += 1u << 27;
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(rd(&r.gic.gicd, 0, 0x304, 4), 1u << 10);
    assert_int_equal(icc(&r, 0, RPR), 0xa0);
    rig_free(&r);
}

/* An interrupt that is active when the state is saved has its list register afterwards. */
static void test_restored_active_is_listed(void **state)
{
    static uint8_t image[1 << 14];
    struct vml_gic_lrs lrs = {.count = 4};
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct rig a, b;

    (void)state;
    rig_init(&a, 3, 2, 64);
    linux_v3(&a);
    enable(&a, 50, 0x80, true);
    wr(&a.gic.gicd, 0, 0x6000 + 50 * 8, 8, 1);
    vml_gic_pulse(&a.gic, 50, 0);
    vml_gic_lr_fill(&a.gic, 1, &lrs);
    lrs.lr[0] = lr_with_state(lrs.lr[0], LR_ACTIVE);
    lrs.ap1r = 1u << 16;
    vml_gic_lr_fold(&a.gic, 1, &lrs);
    wr(&a.gic.gicd, 0, 0x6000 + 50 * 8, 8, 0); /* it stays active on vCPU 1 */
    vml_state_writer_init(&w, image, sizeof(image));
    a.gic.gicd.ops->save(&a.gic.gicd, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    rig_init(&b, 3, 2, 64);
    vml_state_reader_init(&reader, image, w.used);
    assert_int_equal(b.gic.gicd.ops->restore(&b.gic.gicd, &reader), VML_OK);
    vml_gic_lr_fill(&b.gic, 0, &lrs);
    assert_int_equal(lrs.used, 0);
    vml_gic_lr_fold(&b.gic, 0, &lrs);
    vml_gic_lr_fill(&b.gic, 1, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], 50);
    assert_int_equal(lr_state(lrs.lr[0]), LR_ACTIVE);
    vml_gic_lr_fold(&b.gic, 1, &lrs);
    rig_free(&a);
    rig_free(&b);
}

/* Deactivated by a register, and taken by another vCPU: not active where it was any more. */
static void test_taken_elsewhere_afterwards(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_up(&r, 2);
    enable(&r, 50, 0x80, true);
    vml_gic_pulse(&r.gic, 50, 0);
    assert_int_equal(icc(&r, 0, IAR1), 50);
    wr(&r.gic.gicd, 0, 0x380 + 4, 4, 1u << 18);
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8, 1);
    vml_gic_pulse(&r.gic, 50, 0);
    assert_int_equal(icc(&r, 1, IAR1), 50);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 0);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    rig_free(&r);
}

/* Moved while active and pending: the pending part is another vCPU's. */
static void test_pending_again_for_another(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;

    (void)state;
    rig_up(&r, 2);
    enable(&r, 50, 0x80, true);
    vml_gic_pulse(&r.gic, 50, 0);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    lrs.lr[0] = lr_with_state(lrs.lr[0], LR_ACTIVE);
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8, 1);
    vml_gic_pulse(&r.gic, 50, 0);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lr_state(lrs.lr[0]), LR_ACTIVE);
    assert_int_equal(lrs.lr[0] >> 41 & 1, 1); /* so that vCPU 1 gets it at once */
    lrs.lr[0] = lr_with_state(lrs.lr[0], 0);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_true(irq(&r, 1) && !irq(&r, 0));
    rig_free(&r);
}

/* What has no list register must not make its vCPU leave for nothing that is new. */
static void test_overflow_is_told_once(void **state)
{
    struct vml_gic_lrs lrs = {.count = 2};
    struct rig r;
    unsigned told;

    (void)state;
    rig_up(&r, 1);
    for (uint32_t i = 0; i < 6; i++) {
        enable(&r, 40 + i, (uint8_t)(i == 5 ? 0x20 : 0x80), false);
    }
    for (uint32_t i = 0; i < 4; i++) {
        vml_gic_set_level(&r.gic, 40 + i, 0, true);
    }
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 2);
    told = r.told;
    vml_gic_set_level(&r.gic, 44, 0, true); /* as urgent as what waits */
    assert_int_equal(r.told, told);
    vml_gic_set_level(&r.gic, 45, 0, true);
    assert_int_equal(r.told, told + 1);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal((uint32_t)lrs.lr[0], 45);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    rig_free(&r);
}

/* Disabled, by itself or with its group, while in another vCPU's list register. */
static void test_disabling_recalls(void **state)
{
    struct vml_gic_lrs lrs = {.count = 4};
    struct rig r;
    unsigned told;

    (void)state;
    rig_up(&r, 2);
    enable(&r, 50, 0x80, true);
    vml_gic_pulse(&r.gic, 50, 0);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    told = r.told;
    wr(&r.gic.gicd, 1, 0x184, 4, 1u << 18);
    assert_int_equal(r.told, told + 1);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 0);
    told = r.told;
    wr(&r.gic.gicd, 1, 0, 4, 0);
    assert_int_equal(r.told, told + 1);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level_interrupt_through_an_lr),
        cmocka_unit_test(test_edge_is_not_lost_or_doubled),
        cmocka_unit_test(test_overflow_goes_by_priority),
        cmocka_unit_test(test_linked_interrupt),
        cmocka_unit_test(test_linked_interrupt_deactivated_by_a_trap),
        cmocka_unit_test(test_rerouted_while_listed),
        cmocka_unit_test(test_more_active_than_list_registers),
        cmocka_unit_test(test_gich_layout_and_sgi_sources),
        cmocka_unit_test(test_sgi_again_while_listed_is_told),
        cmocka_unit_test(test_active_sgi_keeps_its_source),
        cmocka_unit_test(test_guest_enables_a_group),
        cmocka_unit_test(test_disabled_group_takes_no_list_register),
        cmocka_unit_test(test_eoi_count_ends_the_dropped_priority),
        cmocka_unit_test(test_restored_active_is_listed),
        cmocka_unit_test(test_taken_elsewhere_afterwards),
        cmocka_unit_test(test_pending_again_for_another),
        cmocka_unit_test(test_overflow_is_told_once),
        cmocka_unit_test(test_disabling_recalls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
