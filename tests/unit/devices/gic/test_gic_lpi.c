/* LPIs in the redistributors, from IHI 0069 5.1, 12.9.38 and 12.11. */
#include "its_rig.h"
#include <vml/gic_lr.h>

static void test_identification(void **state)
{
    struct its_rig t;
    uint64_t typer;

    (void)state;
    its_rig_make(&t, 2, 16384);
    typer = rd(&t.r.gic.gicd, 0, 4, 4);
    assert_int_equal(typer >> 17 & 1, 1);                /* LPIS */
    assert_int_equal(typer >> 19 & 31, 15);              /* 16 bits of INTID */
    assert_int_equal(typer >> 11 & 31, 13);              /* 2^14 LPIs */
    assert_int_equal(gicr(&t, 1, GICR_TYPER, 8) & 9, 9); /* PLPIS, DirectLPI */
    assert_int_equal(gicr(&t, 0, 0, 4) & 7, 6);          /* CES, IR, not enabled */
    assert_int_equal(gicr(&t, 0, SYNCR, 4), 0);
    its_rig_free(&t);
    its_rig_make(&t, 1, VML_GIC_MAX_LPIS);
    assert_int_equal(rd(&t.r.gic.gicd, 0, 4, 4) >> 11 & 31, 0); /* as many as IDbits allow */
    its_rig_free(&t);
}

static void test_without_lpis_there_is_nothing(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, 3, 1, 32);
    wr(&r.gic.gicr, 0, PROPBASER, 8, UINT64_MAX);
    wr(&r.gic.gicr, 0, PENDBASER, 8, UINT64_MAX);
    wr(&r.gic.gicr, 0, 0, 4, 1);
    wr(&r.gic.gicr, 0, SETLPIR, 8, LPI);
    wr(&r.gic.gicr, 0, INVALLR, 8, 0);
    assert_int_equal(rd(&r.gic.gicr, 0, PROPBASER, 8), 0);
    assert_int_equal(rd(&r.gic.gicr, 0, PENDBASER, 8), 0);
    assert_int_equal(rd(&r.gic.gicr, 0, 0, 4), 0);
    assert_int_equal(rd(&r.gic.gicr, 0, GICR_TYPER, 8) & 9, 0);
    assert_int_equal(rd(&r.gic.gicd, 0, 4, 4) >> 17 & 1, 0);
    vml_gic_lpi_write_back(&r.gic);
    rig_free(&r);
}

static void test_configuration_is_checked(void **state)
{
    struct vml_as as;
    struct vml_gic_config c = {.version = 3, .cpus = 1, .lpis = 4, .memory = &as};

    (void)state;
    assert_int_not_equal(vml_gic_storage_size(&c), 0);
    c.lpis = 2;
    assert_int_equal(vml_gic_storage_size(&c), 0);
    c.lpis = 12;
    assert_int_equal(vml_gic_storage_size(&c), 0);
    c.lpis = 65536;
    assert_int_equal(vml_gic_storage_size(&c), 0);
    c.lpis = VML_GIC_MAX_LPIS;
    assert_int_not_equal(vml_gic_storage_size(&c), 0);
    c.memory = NULL;
    assert_int_equal(vml_gic_storage_size(&c), 0);
    c.memory = &as;
    c.version = 2;
    assert_int_equal(vml_gic_storage_size(&c), 0);
}

static void test_an_lpi_end_to_end(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 2, 1024);
    configure(&t, LPI + 5, 0xa1);
    enable_lpis(&t, 1);
    gicr_write(&t, 1, SETLPIR, 8, LPI + 5);
    assert_true(irq(&t.r, 1));
    assert_false(irq(&t.r, 0));
    assert_int_equal(icc(&t.r, 1, HPPIR1), LPI + 5);
    assert_int_equal(icc(&t.r, 1, IAR0), 1023);
    assert_int_equal(icc(&t.r, 1, IAR1), LPI + 5);
    assert_int_equal(icc(&t.r, 1, RPR), 0xa0);
    assert_false(irq(&t.r, 1));
    /* No active state: pending again while it is handled, taken after the priority drop. */
    gicr_write(&t, 1, SETLPIR, 4, LPI + 5);
    assert_false(irq(&t.r, 1));
    icc_write(&t.r, 1, EOIR1, LPI + 5);
    assert_true(irq(&t.r, 1));
    assert_int_equal(take(&t, 1), LPI + 5);
    assert_int_equal(icc(&t.r, 1, RPR), 0xff);
    assert_int_equal(icc(&t.r, 1, IAR1), 1023);
    its_rig_free(&t);
}

static void test_split_end_needs_no_deactivation(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, 64);
    configure(&t, LPI, 0xa1);
    enable_lpis(&t, 0);
    icc_write(&t.r, 0, CTLR, 2); /* EOImode */
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    assert_int_equal(icc(&t.r, 0, IAR1), LPI);
    icc_write(&t.r, 0, EOIR1, LPI);
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    assert_int_equal(icc(&t.r, 0, IAR1), LPI);
    icc_write(&t.r, 0, DIR, LPI); /* ignored */
    assert_int_equal(icc(&t.r, 0, RPR), 0xa0);
    its_rig_free(&t);
}

static void test_priorities_decide(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, 64);
    configure(&t, LPI + 1, 0xc1);
    configure(&t, LPI + 2, 0x81);
    configure(&t, LPI + 3, 0xa1);
    configure(&t, LPI + 4, 0xa1);
    configure(&t, LPI + 6, 0xf1); /* masked by PMR */
    enable_lpis(&t, 0);
    for (uint32_t n = 1; n <= 6; n++) {
        gicr_write(&t, 0, SETLPIR, 8, LPI + n); /* 5 is disabled */
    }
    vml_gic_set_pending(&t.r.gic, 3, 0); /* an SGI of priority 0xa0 */
    assert_int_equal(take(&t, 0), LPI + 2);
    assert_int_equal(take(&t, 0), 3);
    assert_int_equal(take(&t, 0), LPI + 3);
    assert_int_equal(take(&t, 0), LPI + 4);
    assert_int_equal(icc(&t.r, 0, IAR1), LPI + 1);
    gicr_write(&t, 0, SETLPIR, 8, LPI + 2); /* preempts */
    assert_true(irq(&t.r, 0));
    assert_int_equal(take(&t, 0), LPI + 2);
    assert_int_equal(icc(&t.r, 0, RPR), 0xc0);
    icc_write(&t.r, 0, EOIR1, LPI + 1);
    assert_int_equal(take(&t, 0), 1023);
    icc_write(&t.r, 0, PMR, 0xff);
    assert_int_equal(take(&t, 0), LPI + 6);
    its_rig_free(&t);
}

static void test_of_one_priority_the_first_comes_first(void **state)
{
    struct its_rig t;
    static const uint32_t order[] = {40, 3, 22, 63, 0};

    (void)state;
    its_rig_make(&t, 1, 64);
    memset(ram(&t, PROP), 0xa1, 64);
    enable_lpis(&t, 0);
    for (uint32_t i = 0; i < 5; i++) {
        gicr_write(&t, 0, SETLPIR, 8, LPI + order[i]);
        gicr_write(&t, 0, SETLPIR, 8, LPI + order[0]); /* once only */
    }
    gicr_write(&t, 0, CLRLPIR, 8, LPI + order[2]); /* out of the middle */
    assert_int_equal(take(&t, 0), LPI + 40);
    assert_int_equal(take(&t, 0), LPI + 3);
    assert_int_equal(take(&t, 0), LPI + 63);
    gicr_write(&t, 0, CLRLPIR, 8, LPI);
    assert_false(irq(&t.r, 0));
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

static void test_nothing_before_enable(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 2, 64);
    memset(ram(&t, PROP), 0xa1, 64);
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    enable_lpis(&t, 0);
    assert_int_equal(take(&t, 0), 1023);
    gicr_write(&t, 1, SETLPIR, 8, LPI); /* the other one's is not enabled */
    assert_int_equal(take(&t, 1), 1023);
    gicr_write(&t, 0, SETLPIR, 8, LPI + 64); /* there is none */
    gicr_write(&t, 0, SETLPIR, 8, 40);
    gicr_write(&t, 0, SETLPIR, 8, UINT32_MAX);
    gicr_write(&t, 0, SETLPIR + 4, 4, LPI); /* the upper word */
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

static void test_id_bits_limit_them(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, VML_GIC_MAX_LPIS);
    memset(ram(&t, PROP), 0xa1, 0xe000);
    gicr_write(&t, 0, PROPBASER, 8, PROP | 13); /* 14 bits: up to 16383 */
    gicr_write(&t, 0, PENDBASER, 8, PEND);
    gicr_write(&t, 0, 0, 4, 1);
    gicr_write(&t, 0, SETLPIR, 8, 16384);
    assert_int_equal(take(&t, 0), 1023);
    gicr_write(&t, 0, SETLPIR, 8, 16383);
    assert_int_equal(take(&t, 0), 16383);
    gicr_write(&t, 0, 0, 4, 0);
    gicr_write(&t, 0, PROPBASER, 8, PROP | 12); /* 13 bits: no LPI has so few */
    gicr_write(&t, 0, 0, 4, 1);
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    assert_int_equal(take(&t, 0), 1023);
    gicr_write(&t, 0, 0, 4, 0);
    gicr_write(&t, 0, PROPBASER, 8, PROP | 31); /* more than there are: 16 */
    gicr_write(&t, 0, 0, 4, 1);
    gicr_write(&t, 0, SETLPIR, 8, 65535);
    assert_int_equal(take(&t, 0), 65535);
    its_rig_free(&t);
}

static void test_configuration_is_read_when_invalidated(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, 1024);
    enable_lpis(&t, 0);
    gicr_write(&t, 0, SETLPIR, 8, LPI + 9);
    assert_int_equal(take(&t, 0), 1023); /* disabled, and pending */
    configure(&t, LPI + 9, 0xa1);
    assert_false(irq(&t.r, 0));
    gicr_write(&t, 0, INVLPIR, 8, LPI + 8);
    assert_false(irq(&t.r, 0));
    gicr_write(&t, 0, INVLPIR, 8, LPI + 9);
    assert_true(irq(&t.r, 0));
    configure(&t, LPI + 9, 0xa0);
    gicr_write(&t, 0, INVALLR, 8, 0);
    assert_false(irq(&t.r, 0));
    configure(&t, LPI + 9, 0xb1);
    configure(&t, LPI + 1023, 0x91);
    gicr_write(&t, 0, SETLPIR, 8, LPI + 1023);
    gicr_write(&t, 0, INVALLR, 8, 0);
    assert_int_equal(icc(&t.r, 0, IAR1), LPI + 1023);
    assert_int_equal(icc(&t.r, 0, RPR), 0x90);
    icc_write(&t.r, 0, EOIR1, LPI + 1023);
    assert_int_equal(icc(&t.r, 0, IAR1), LPI + 9);
    assert_int_equal(icc(&t.r, 0, RPR), 0xb0); /* five bits of priority */
    its_rig_free(&t);
}

static void test_pending_table_is_loaded(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 2, 4096);
    memset(ram(&t, PROP), 0xa1, 4096);
    *ram(&t, pending_table(1) + 1024) = 0x05;
    *ram(&t, pending_table(1) + 1024 + 511) = 0x80;
    *ram(&t, pending_table(1) + 1024 + 512) = 0xff; /* beyond the LPIs that there are */
    *ram(&t, pending_table(1) + 1023) = 0xff;       /* not of LPIs */
    enable_lpis(&t, 0);
    assert_int_equal(take(&t, 0), 1023);
    enable_lpis(&t, 1);
    assert_int_equal(take(&t, 1), LPI);
    assert_int_equal(take(&t, 1), LPI + 2);
    assert_int_equal(take(&t, 1), LPI + 4095);
    assert_int_equal(take(&t, 1), 1023);
    its_rig_free(&t);
}

static void test_ptz_says_that_the_table_is_zero(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, 64);
    memset(ram(&t, PROP), 0xa1, 64);
    *ram(&t, PEND + 1024) = 1;
    gicr_write(&t, 0, PROPBASER, 8, PROP | 15);
    gicr_write(&t, 0, PENDBASER, 8, PEND | UINT64_C(1) << 62);
    assert_int_equal(gicr(&t, 0, PENDBASER, 8), PEND); /* PTZ is write-only */
    gicr_write(&t, 0, 0, 4, 1);
    assert_int_equal(take(&t, 0), 1023);
    gicr_write(&t, 0, SETLPIR, 8, LPI + 3);
    gicr_write(&t, 0, 0, 4, 0);
    assert_int_equal(*ram(&t, PEND + 1024), 8);
    gicr_write(&t, 0, 0, 4, 1); /* now the table has content */
    assert_int_equal(take(&t, 0), LPI + 3);
    its_rig_free(&t);
}

static void test_disable_writes_the_table(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 2, 4096);
    memset(ram(&t, PROP), 0xa1, 4000); /* the last ones are disabled */
    *ram(&t, PEND + 1024) = 0xff;
    enable_lpis(&t, 0);
    enable_lpis(&t, 1);
    gicr_write(&t, 1, SETLPIR, 8, LPI + 100);
    gicr_write(&t, 0, SETLPIR, 8, LPI + 4095);
    assert_int_equal(take(&t, 0), LPI);
    vml_gic_lpi_write_back(&t.r.gic);
    assert_true(is_in_table(&t, 1, LPI + 100));
    disable_lpis(&t, 0);
    assert_int_equal(gicr(&t, 0, 0, 4) & 1, 0);
    assert_false(irq(&t.r, 0));
    assert_int_equal(*ram(&t, PEND + 1024), 0xfe);
    assert_true(is_in_table(&t, 0, LPI + 4095));
    assert_false(is_in_table(&t, 0, LPI + 100));
    assert_true(irq(&t.r, 1));
    configure(&t, LPI + 4095, 0x81);
    enable_lpis(&t, 0);
    assert_int_equal(take(&t, 0), LPI + 4095);
    for (uint32_t n = 1; n < 8; n++) {
        assert_int_equal(take(&t, 0), LPI + n);
    }
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

static void test_bases_are_fixed_while_enabled(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, 64);
    gicr_write(&t, 0, PROPBASER, 8, UINT64_MAX);
    assert_int_equal(gicr(&t, 0, PROPBASER, 8), 0x070fffffffffff9f);
    gicr_write(&t, 0, PENDBASER, 8, UINT64_MAX);
    assert_int_equal(gicr(&t, 0, PENDBASER, 8), 0x070fffffffff0f80);
    gicr_write(&t, 0, PROPBASER, 8, 0);
    gicr_write(&t, 0, PROPBASER + 4, 4, 0x12); /* by halves */
    gicr_write(&t, 0, PROPBASER, 4, 0x1000);
    assert_int_equal(gicr(&t, 0, PROPBASER, 8), 0x1200001000);
    enable_lpis(&t, 0);
    gicr_write(&t, 0, PROPBASER, 8, 0);
    gicr_write(&t, 0, PENDBASER, 8, 0);
    assert_int_equal(gicr(&t, 0, PROPBASER, 8) & 0xfffffffff000, PROP);
    assert_int_equal(gicr(&t, 0, PENDBASER, 8) & 0xffffffff0000, PEND);
    its_rig_free(&t);
}

static void test_tables_that_are_no_memory(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, VML_GIC_MAX_LPIS);
    gicr_write(&t, 0, PROPBASER, 8, NOWHERE | 15);
    gicr_write(&t, 0, PENDBASER, 8, 0x070fffffffff0000);
    gicr_write(&t, 0, 0, 4, 1);
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    gicr_write(&t, 0, INVALLR, 8, 0);
    gicr_write(&t, 0, INVLPIR, 8, LPI);
    assert_int_equal(take(&t, 0), 1023); /* an LPI without configuration is disabled */
    vml_gic_lpi_write_back(&t.r.gic);
    gicr_write(&t, 0, 0, 4, 0);
    assert_int_equal(gicr(&t, 0, 0, 4) & 9, 0);
    its_rig_free(&t);
}

/* One that is pending elsewhere stays there: see lpi.h. */
static void test_an_lpi_is_pending_in_one_place(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 2, 64);
    memset(ram(&t, PROP), 0xa1, 64);
    enable_lpis(&t, 0);
    enable_lpis(&t, 1);
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    gicr_write(&t, 1, SETLPIR, 8, LPI);
    gicr_write(&t, 1, CLRLPIR, 8, LPI); /* not pending here */
    assert_int_equal(take(&t, 1), 1023);
    assert_int_equal(take(&t, 0), LPI);
    gicr_write(&t, 1, SETLPIR, 8, LPI);
    assert_int_equal(take(&t, 0), 1023);
    assert_int_equal(take(&t, 1), LPI);
    its_rig_free(&t);
}

static void test_reset(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, 64);
    memset(ram(&t, PROP), 0xa1, 64);
    enable_lpis(&t, 0);
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    assert_true(irq(&t.r, 0));
    vml_gic_reset(&t.r.gic);
    assert_false(irq(&t.r, 0));
    assert_int_equal(gicr(&t, 0, 0, 4) & 1, 0);
    assert_int_equal(gicr(&t, 0, PROPBASER, 8) | gicr(&t, 0, PENDBASER, 8), 0);
    linux_v3(&t.r);
    enable_lpis(&t, 0);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

static void test_list_registers(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = 2};
    unsigned told;

    (void)state;
    its_rig_make(&t, 1, 64);
    memset(ram(&t, PROP), 0xa1, 64);
    configure(&t, LPI + 2, 0x81);
    enable_lpis(&t, 0);
    for (uint32_t n = 0; n < 4; n++) {
        gicr_write(&t, 0, SETLPIR, 8, LPI + n);
    }
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 2);
    assert_true(lrs.lr[0] == (UINT64_C(0x5) << 60 | UINT64_C(0x80) << 48 | (LPI + 2)));
    assert_true(lrs.lr[1] == (UINT64_C(0x5) << 60 | UINT64_C(0xa0) << 48 | LPI));
    assert_int_equal(lrs.hcr & 8, 8); /* there are more */
    told = t.r.told;
    gicr_write(&t, 0, SETLPIR, 8, LPI + 2); /* again, while it is in a list register: recall */
    assert_int_equal(t.r.told, told + 1);
    lrs.lr[0] = LPI + 2; /* the guest took it, and has not ended it: no active state */
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal((uint32_t)lrs.lr[0], LPI + 2);
    assert_int_equal(lrs.used, 2);
    lrs.lr[0] = LPI + 2;
    lrs.lr[1] &= ~(UINT64_C(3) << 62);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 2);
    assert_int_equal(lrs.hcr & 8, 0);
    assert_true((uint32_t)lrs.lr[0] + (uint32_t)lrs.lr[1] != 0);
    lrs.lr[0] &= ~(UINT64_C(3) << 62);
    lrs.lr[1] &= ~(UINT64_C(3) << 62);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 0);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    its_rig_free(&t);
}

/* One that comes again while it is in a list register: its vCPU is called back. */
static void test_list_register_recall(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = 4};
    unsigned told;

    (void)state;
    its_rig_make(&t, 1, 64);
    memset(ram(&t, PROP), 0xa1, 64);
    enable_lpis(&t, 0);
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    told = t.r.told;
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    assert_int_equal(t.r.told, told + 1);
    assert_true(t.r.told_level[VML_IRQ_OUTPUT_IRQ]);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs); /* not taken in between: pending once */
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    lrs.lr[0] &= ~(UINT64_C(3) << 62);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

/* Disabled by the guest while it is in a list register: it comes back, and waits. */
static void test_list_register_of_a_disabled_lpi(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = 4};

    (void)state;
    its_rig_make(&t, 1, 64);
    memset(ram(&t, PROP), 0xa1, 64);
    enable_lpis(&t, 0);
    gicr_write(&t, 0, SETLPIR, 8, LPI);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    configure(&t, LPI, 0xa0);
    gicr_write(&t, 0, INVLPIR, 8, LPI);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 0);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    configure(&t, LPI, 0xa1);
    gicr_write(&t, 0, INVLPIR, 8, LPI);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    disable_lpis(&t, 0); /* all of them, meanwhile */
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 0);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    its_rig_free(&t);
}

enum { IMAGE = 32768 };

static void test_save_and_restore(void **state)
{
    static const uint32_t order[] = {7, 1, 900, 2};
    struct its_rig a, b;
    uint8_t *image = malloc(IMAGE), *again = malloc(IMAGE);
    size_t size;

    (void)state;
    its_rig_make(&a, 2, 1024);
    its_rig_make(&b, 2, 1024);
    memset(ram(&a, PROP), 0xa1, 900); /* 900 is disabled */
    enable_lpis(&a, 1);
    for (uint32_t i = 0; i < 4; i++) {
        gicr_write(&a, 1, SETLPIR, 8, LPI + order[i]);
    }
    configure(&a, LPI + 7, 0); /* not seen yet */
    size = save_device(&a.r.gic.gicd, image, IMAGE);
    assert_int_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    assert_int_equal(save_device(&b.r.gic.gicd, again, IMAGE), size);
    assert_memory_equal(image, again, size);
    assert_true(irq(&b.r, 1));
    memcpy(b.ram, a.ram, RAM_SIZE);
    configure(&a, LPI + 900, 0x81);
    configure(&b, LPI + 900, 0x81);
    gicr_write(&a, 1, INVLPIR, 8, LPI + 900);
    gicr_write(&b, 1, INVLPIR, 8, LPI + 900);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(take(&b, 1), take(&a, 1));
    }
    assert_int_equal(take(&a, 1), 1023);
    its_rig_free(&a);
    its_rig_free(&b);
    free(image);
    free(again);
}

static void test_corrupt_images_are_refused(void **state)
{
    struct its_rig a, b;
    uint8_t *image = malloc(IMAGE), *before = malloc(IMAGE), *after = malloc(IMAGE);
    size_t size, tail;

    (void)state;
    its_rig_make(&a, 1, 64);
    its_rig_make(&b, 1, 64);
    memset(ram(&a, PROP), 0xa1, 64);
    memset(ram(&b, PROP), 0x91, 64);
    enable_lpis(&a, 0);
    enable_lpis(&b, 0);
    gicr_write(&a, 0, SETLPIR, 8, LPI + 1);
    gicr_write(&b, 0, SETLPIR, 8, LPI + 2);
    size = save_device(&a.r.gic.gicd, image, IMAGE);
    assert_int_equal(save_device(&b.r.gic.gicd, before, IMAGE), size);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_not_equal(restore_device(&b.r.gic.gicd, image, cut), VML_OK);
    }
    tail = size - 2 - 2; /* the pending LPI, the end of the list */
    image[tail + 1] = 1; /* LPI 257 of 64 */
    assert_int_equal(restore_device(&b.r.gic.gicd, image, size), VML_ERR_CORRUPT);
    image[tail + 1] = 0;
    image[tail + 2] = 3; /* no end */
    image[tail + 3] = 0;
    assert_int_not_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    image[tail + 2] = 0xff;
    image[tail + 3] = 0xff;
    image[tail - 8 - 8 - 1] = 2; /* EnableLPIs is 0 or 1 */
    assert_int_not_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    image[tail - 8 - 8 - 1] = 0; /* disabled: then nothing is pending */
    assert_int_not_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    image[tail - 8 - 8 - 1] = 1;
    image[tail - 8 - 8] |= 0x60; /* a reserved bit of GICR_PROPBASER */
    assert_int_not_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    image[tail - 8 - 8] &= 0x9f;
    image[tail - 8 - 8 - 2] = 0x07; /* a configuration that is never stored so */
    assert_int_not_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    image[tail - 8 - 8 - 2] = 0xa1;
    assert_int_equal(save_device(&b.r.gic.gicd, after, IMAGE), size);
    assert_memory_equal(before, after, size);
    assert_int_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    its_rig_free(&b);
    its_rig_make(&b, 1, 128);
    assert_int_not_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    its_rig_free(&a);
    its_rig_free(&b);
    free(image);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identification),
        cmocka_unit_test(test_without_lpis_there_is_nothing),
        cmocka_unit_test(test_configuration_is_checked),
        cmocka_unit_test(test_an_lpi_end_to_end),
        cmocka_unit_test(test_split_end_needs_no_deactivation),
        cmocka_unit_test(test_priorities_decide),
        cmocka_unit_test(test_of_one_priority_the_first_comes_first),
        cmocka_unit_test(test_nothing_before_enable),
        cmocka_unit_test(test_id_bits_limit_them),
        cmocka_unit_test(test_configuration_is_read_when_invalidated),
        cmocka_unit_test(test_pending_table_is_loaded),
        cmocka_unit_test(test_ptz_says_that_the_table_is_zero),
        cmocka_unit_test(test_disable_writes_the_table),
        cmocka_unit_test(test_bases_are_fixed_while_enabled),
        cmocka_unit_test(test_tables_that_are_no_memory),
        cmocka_unit_test(test_an_lpi_is_pending_in_one_place),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_list_registers),
        cmocka_unit_test(test_list_register_recall),
        cmocka_unit_test(test_list_register_of_a_disabled_lpi),
        cmocka_unit_test(test_save_and_restore),
        cmocka_unit_test(test_corrupt_images_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
