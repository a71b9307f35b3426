/* GICv3 from IHI 0069: distributor, redistributors, ICC registers. */
#include "rig.h"

enum { SPI = 33 };

static void test_identification(void **state)
{
    struct rig r;
    uint64_t typer;

    (void)state;
    rig_up(&r, 4);
    typer = rd(&r.gic.gicd, 0, 4, 4);
    assert_int_equal(typer & 31, 31);
    assert_int_equal(typer >> 19 & 31, 9);
    assert_int_equal(rd(&r.gic.gicd, 0, 0, 4), 0x53);
    assert_int_equal(rd(&r.gic.gicd, 0, 0xffe8, 4) & 0xf0, 0x30);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t t = rd(&r.gic.gicr, 0, (uint64_t)i * VML_GICR_SIZE + 8, 8);

        assert_int_equal(t >> 32, i);
        assert_int_equal(t >> 8 & 0xffff, i);
        assert_int_equal(t >> 4 & 1, i == 3);
        assert_int_equal(rd(&r.gic.gicr, 0, (uint64_t)i * VML_GICR_SIZE + 12, 4), i);
        assert_int_equal(rd(&r.gic.gicr, 0, (uint64_t)i * VML_GICR_SIZE + 0xffe8, 4) & 0xf0, 0x30);
    }
    assert_int_equal(icc(&r, 0, SRE), 7);
    assert_int_equal(icc(&r, 0, CTLR) >> 8 & 7, 4);
    assert_int_equal(icc(&r, 0, RPR), 0xff);
    rig_free(&r);
}

static void test_level_spi_end_to_end(void **state)
{
    struct rig r;
    struct vml_irq wire;

    (void)state;
    rig_up(&r, 1);
    rig_enable_spi(&r, SPI);
    wire = vml_irq_wire(&r.gic.controller, SPI, 0);
    vml_irq_set(&wire, true);
    assert_true(irq(&r, 0) && r.told == 1 && r.told_level[VML_IRQ_OUTPUT_IRQ]);
    assert_false(fiq(&r, 0));
    assert_int_equal(icc(&r, 0, HPPIR1), SPI);
    assert_int_equal(icc(&r, 0, HPPIR0), 1023);
    assert_int_equal(icc(&r, 0, IAR0), 1023);
    assert_int_equal(icc(&r, 0, IAR1), SPI);
    assert_int_equal(rig_spi_bit(&r, 0x300, SPI), 1);
    assert_int_equal(rig_spi_bit(&r, 0x200, SPI), 1); /* active and pending: the wire is up */
    assert_int_equal(icc(&r, 0, RPR), 0xa0);
    assert_false(irq(&r, 0));
    assert_int_equal(icc(&r, 0, IAR1), 1023);
    icc_write(&r, 0, EOIR1, SPI);
    assert_true(irq(&r, 0));
    assert_int_equal(icc(&r, 0, IAR1), SPI);
    vml_irq_set(&wire, false);
    icc_write(&r, 0, EOIR1, SPI);
    assert_false(irq(&r, 0));
    assert_int_equal(rig_spi_bit(&r, 0x300, SPI), 0);
    assert_int_equal(icc(&r, 0, IAR1), 1023);
    rig_free(&r);
}

static void test_edge_spi(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    rig_enable_spi(&r, 40);
    vml_gic_pulse(&r.gic, 40, 0);
    assert_false(irq(&r, 0)); /* level-sensitive: an edge is nothing */
    wr(&r.gic.gicd, 0, 0xc00 + 40 / 16 * 4, 4, 2u << 40 % 16 * 2);
    assert_int_equal(rd(&r.gic.gicd, 0, 0xc00 + 40 / 16 * 4, 4), 2u << 40 % 16 * 2);
    vml_gic_pulse(&r.gic, 40, 0);
    assert_int_equal(icc(&r, 0, IAR1), 40);
    assert_int_equal(rig_spi_bit(&r, 0x200, 40), 0);
    vml_gic_pulse(&r.gic, 40, 0);
    assert_int_equal(rig_spi_bit(&r, 0x200, 40), 1);
    assert_false(irq(&r, 0));
    icc_write(&r, 0, EOIR1, 40);
    assert_int_equal(icc(&r, 0, IAR1), 40);
    icc_write(&r, 0, EOIR1, 40);
    vml_gic_set_level(&r.gic, 40, 0, true); /* rising edge only */
    vml_gic_set_level(&r.gic, 40, 0, false);
    assert_int_equal(icc(&r, 0, IAR1), 40);
    icc_write(&r, 0, EOIR1, 40);
    assert_false(irq(&r, 0));
    rig_free(&r);
}

/* A lower value is more urgent; the comparison must not be inverted. */
static void test_lower_priority_value_first(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    rig_enable_spi(&r, 50);
    rig_enable_spi(&r, 60);
    rig_enable_spi(&r, 1019);
    wr(&r.gic.gicd, 0, 0x400 + 50, 1, 0xc0);
    wr(&r.gic.gicd, 0, 0x400 + 60, 1, 0x47);
    wr(&r.gic.gicd, 0, 0x400 + 1019, 1, 0x80);
    assert_int_equal(rd(&r.gic.gicd, 0, 0x400 + 60, 1), 0x40);
    vml_gic_set_level(&r.gic, 50, 0, true);
    vml_gic_set_level(&r.gic, 1019, 0, true);
    assert_int_equal(icc(&r, 0, IAR1), 1019);
    assert_false(irq(&r, 0)); /* 0xc0 does not preempt 0x80 */
    vml_gic_set_level(&r.gic, 60, 0, true);
    assert_true(irq(&r, 0)); /* 0x40 does */
    assert_int_equal(icc(&r, 0, IAR1), 60);
    assert_int_equal(icc(&r, 0, RPR), 0x40);
    assert_int_equal(icc(&r, 0, AP1R0), 1u << 8 | 1u << 16);
    vml_gic_set_level(&r.gic, 60, 0, false);
    vml_gic_set_level(&r.gic, 1019, 0, false);
    icc_write(&r, 0, EOIR1, 60);
    assert_int_equal(icc(&r, 0, RPR), 0x80);
    assert_false(irq(&r, 0));
    icc_write(&r, 0, EOIR1, 1019);
    assert_int_equal(icc(&r, 0, IAR1), 50);
    rig_free(&r);
}

static void test_priority_mask_and_binary_point(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    rig_enable_spi(&r, 50);
    rig_enable_spi(&r, 51);
    wr(&r.gic.gicd, 0, 0x400 + 50, 2 - 1, 0x60);
    wr(&r.gic.gicd, 0, 0x400 + 51, 1, 0x40);
    vml_gic_set_level(&r.gic, 50, 0, true);
    icc_write(&r, 0, PMR, 0x60); /* must be strictly higher than the mask */
    assert_false(irq(&r, 0));
    assert_int_equal(icc(&r, 0, IAR1), 1023);
    icc_write(&r, 0, PMR, 0x6f);
    assert_int_equal(icc(&r, 0, PMR), 0x68);
    assert_true(irq(&r, 0));
    icc_write(&r, 0, BPR1, 6); /* group priority is bits 7:6: 0x40 for both */
    assert_int_equal(icc(&r, 0, BPR1), 6);
    assert_int_equal(icc(&r, 0, IAR1), 50);
    assert_int_equal(icc(&r, 0, RPR), 0x40);
    vml_gic_set_level(&r.gic, 51, 0, true);
    assert_false(irq(&r, 0));
    icc_write(&r, 0, BPR1, 0);
    assert_int_equal(icc(&r, 0, BPR1), 3);
    icc_write(&r, 0, BPR0, 0);
    assert_int_equal(icc(&r, 0, BPR0), 2);
    icc_write(&r, 0, CTLR, 1);
    assert_int_equal(icc(&r, 0, BPR1), 3);
    icc_write(&r, 0, BPR1, 7);
    assert_int_equal(icc(&r, 0, BPR1), 3);
    rig_free(&r);
}

static void test_group_0_is_fiq(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    rig_enable_spi(&r, 50);
    vml_gic_set_level(&r.gic, 50, 0, true);
    assert_true(irq(&r, 0));
    wr(&r.gic.gicd, 0, 0x80 + 4, 4, ~(1u << 18));
    assert_false(irq(&r, 0));
    icc_write(&r, 0, IGRPEN0, 1);
    assert_true(fiq(&r, 0));
    assert_int_equal(icc(&r, 0, IAR1), 1023);
    assert_int_equal(icc(&r, 0, IAR0), 50);
    assert_int_equal(icc(&r, 0, AP0R0), 1u << 20);
    icc_write(&r, 0, EOIR1, 50); /* the wrong group's */
    assert_int_equal(icc(&r, 0, RPR), 0xa0);
    icc_write(&r, 0, EOIR0, 50);
    assert_int_equal(icc(&r, 0, RPR), 0xff);
    wr(&r.gic.gicd, 0, 0, 4, 2);
    assert_false(fiq(&r, 0));
    rig_free(&r);
}

static void test_split_eoi(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    rig_enable_spi(&r, 50);
    icc_write(&r, 0, CTLR, 2);
    vml_gic_set_level(&r.gic, 50, 0, true);
    assert_int_equal(icc(&r, 0, IAR1), 50);
    icc_write(&r, 0, EOIR1, 50);
    assert_int_equal(icc(&r, 0, RPR), 0xff);
    assert_int_equal(rig_spi_bit(&r, 0x300, 50), 1);
    assert_false(irq(&r, 0));
    icc_write(&r, 0, DIR, 50);
    assert_int_equal(rig_spi_bit(&r, 0x300, 50), 0);
    assert_true(irq(&r, 0));
    rig_free(&r);
}

static void test_routing_and_migration(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 20);
    rig_enable_spi(&r, 50);
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8, 0x101); /* index 17: Aff1 1, Aff0 1 */
    assert_int_equal(rd(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8), 0x101);
    vml_gic_set_level(&r.gic, 50, 0, true);
    assert_true(irq(&r, 17) && !irq(&r, 0));
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 4, 3);
    assert_true(irq(&r, 3) && !irq(&r, 17));
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8, 0x202); /* nobody */
    assert_false(irq(&r, 3));
    assert_int_equal(rig_spi_bit(&r, 0x200, 50), 1);
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8, 0x80000000); /* 1 of N */
    assert_true(irq(&r, 0));
    icc_write(&r, 0, IGRPEN1, 0);
    assert_true(!irq(&r, 0) && irq(&r, 1));
    assert_int_equal(icc(&r, 1, IAR1), 50);
    wr(&r.gic.gicd, 0, 0x6000 + 50 * 8, 8, 5); /* moved while active */
    icc_write(&r, 1, EOIR1, 50);
    assert_true(irq(&r, 5));
    rig_free(&r);
}

static void test_sgi(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 20);
    icc_write(&r, 0, SGI1R, UINT64_C(5) << 24 | 1u << 16 | 0xb); /* Aff1 1, list 0, 1, 3 */
    assert_true(irq(&r, 16) && irq(&r, 17) && irq(&r, 19) && !irq(&r, 18) && !irq(&r, 0));
    assert_int_equal(icc(&r, 17, IAR1), 5);
    icc_write(&r, 17, EOIR1, 5);
    assert_false(irq(&r, 17));
    icc_write(&r, 2, SGI1R, UINT64_C(1) << 40 | UINT64_C(3) << 24);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(irq(&r, i), i != 2);
    }
    icc_write(&r, 0, SGI0R, UINT64_C(6) << 24 | 4); /* group 0 only: not for a group 1 SGI */
    assert_false(irq(&r, 2));
    icc_write(&r, 0, SGI1R, UINT64_C(6) << 24 | UINT64_C(1) << 44 | 4); /* RS 1: Aff0 18 */
    assert_false(irq(&r, 2));
    rig_free(&r);
}

/* With one security state NSACR is RAZ/WI. */
static void test_nsacr(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    wr(&r.gic.gicd, 0, 0xe08, 4, 0xffffffff);
    assert_int_equal(rd(&r.gic.gicd, 0, 0xe08, 4), 0);
    wr(&r.gic.gicr, 0, 0x10e00, 4, 0xffffffff);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10e00, 4), 0);
    rig_free(&r);
}

/* IHI 0069H table 8-14, one security state: SGI1R generates what its target has configured. */
static void test_sgi1r_generates_either_group(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 2);
    wr(&r.gic.gicr, 0, 0x10080, 4, ~(1u << 6)); /* SGI 6 of vCPU 0 in group 0 */
    icc_write(&r, 1, SGI1R, UINT64_C(6) << 24 | 1);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10200, 4), 1u << 6);
    wr(&r.gic.gicr, 0, 0x10280, 4, 1u << 6);
    icc_write(&r, 1, ASGI1R, UINT64_C(6) << 24 | 1);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10200, 4), 1u << 6);
    icc_write(&r, 1, ASGI1R, UINT64_C(7) << 24 | 1); /* of group 1 */
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10200, 4), 1u << 6);
    rig_free(&r);
}

static void test_sgi_range_selector(void **state)
{
    static uint64_t mpidrs[64];
    struct vml_gic_config config = {.version = 3, .cpus = 64, .spis = 32, .mpidrs = mpidrs};
    struct rig r;

    (void)state;
    for (uint32_t i = 0; i < 64; i++) {
        mpidrs[i] =
            UINT64_C(0x0700000000) | (63 - i) | 0x80000000; /* MPIDR's RES1 is no affinity */
    }
    memset(&r, 0, sizeof(r));
    config.storage_size = vml_gic_storage_size(&config);
    config.storage = r.storage =
        aligned_alloc(VML_CACHE_LINE_SIZE, (config.storage_size + 127) / 128 * 128);
    assert_int_equal(vml_gic_init(&r.gic, &config), VML_OK);
    linux_v3(&r);
    icc_write(&r, 0, SGI1R, UINT64_C(7) << 48 | UINT64_C(3) << 44 | 1u << 15);
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(irq(&r, i), i == 0);
    }
    mpidrs[1] = mpidrs[0];
    assert_int_equal(vml_gic_init(&r.gic, &config), VML_ERR_INVALID);
    rig_free(&r);
}

static void test_ppi_is_private(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 4);
    wr(&r.gic.gicr, 0, 2 * VML_GICR_SIZE + 0x10100, 4, 1u << 27);
    vml_gic_set_level(&r.gic, 27, 2, true);
    vml_gic_set_level(&r.gic, 27, 3, true);
    vml_gic_set_level(&r.gic, 27, 4, true); /* no such vCPU */
    vml_gic_set_level(&r.gic, 3, 0, true);  /* SGIs have no wire */
    vml_gic_set_level(&r.gic, 1020, 0, true);
    assert_true(irq(&r, 2) && !irq(&r, 3));
    assert_int_equal(icc(&r, 2, IAR1), 27);
    assert_int_equal(rd(&r.gic.gicr, 0, 2 * VML_GICR_SIZE + 0x10300, 4), 1u << 27);
    assert_int_equal(rd(&r.gic.gicr, 0, 3 * VML_GICR_SIZE + 0x10300, 4), 0);
    assert_int_equal(rd(&r.gic.gicd, 0, 0x100, 4), 0); /* banked away */
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10c00, 4), 0xaaaaaaaa);
    wr(&r.gic.gicr, 0, 0x10c00, 4, 0);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x10c00, 4), 0xaaaaaaaa);
    rig_free(&r);
}

static void test_message_based_spi(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    rig_enable_spi(&r, 100);
    wr(&r.gic.gicd, 0, 0x40, 4, 100);
    assert_int_equal(icc(&r, 0, IAR1), 100);
    assert_int_equal(rig_spi_bit(&r, 0x200, 100), 1);
    wr(&r.gic.gicd, 0, 0x48, 4, 100);
    assert_int_equal(rig_spi_bit(&r, 0x200, 100), 0);
    wr(&r.gic.gicd, 0, 0x40, 4, 31);
    wr(&r.gic.gicd, 0, 0x40, 4, 1020);
    icc_write(&r, 0, EOIR1, 100);
    assert_false(irq(&r, 0));
    rig_free(&r);
}

static void test_waker_handshake(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, 3, 1, 32);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x14, 4), 6);
    wr(&r.gic.gicr, 0, 0x14, 4, 4);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x14, 4), 0);
    wr(&r.gic.gicr, 0, 0x14, 4, 2);
    assert_int_equal(rd(&r.gic.gicr, 0, 0x14, 4), 6);
    rig_free(&r);
}

static void test_special_intids_end_nothing(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r, 1);
    rig_enable_spi(&r, 50);
    vml_gic_set_level(&r.gic, 50, 0, true);
    assert_int_equal(icc(&r, 0, IAR1), 50);
    icc_write(&r, 0, EOIR1, 1023);
    icc_write(&r, 0, EOIR1, 0xffffff);
    icc_write(&r, 0, DIR, 0xffffff);
    assert_int_equal(icc(&r, 0, RPR), 0xa0);
    icc_write(&r, 0, EOIR1, 50);
    icc_write(&r, 0, EOIR1, 50); /* nothing runs */
    assert_int_equal(icc(&r, 0, RPR), 0xff);
    rig_free(&r);
}

static void test_undefined_registers(void **state)
{
    struct rig r;
    uint64_t v;
    struct vml_access a = {.offset = IAR1, .size = 8};

    (void)state;
    rig_up(&r, 1);
    assert_int_equal(vml_gic_icc_read(&r.gic, 0, EOIR1, &v), VML_BUS_FAULT);
    assert_int_equal(vml_gic_icc_write(&r.gic, 0, IAR1, 0), VML_BUS_FAULT);
    assert_int_equal(vml_gic_icc_read(&r.gic, 0, ICC(8, 5), &v), VML_BUS_FAULT);
    assert_int_equal(vml_gic_icc_read(&r.gic, 1, PMR, &v), VML_BUS_FAULT);
    assert_int_equal(r.gic.icc.ops->access(&r.gic.icc, &a), VML_BUS_OK);
    assert_int_equal(a.value, 1023);
    a = (struct vml_access){.offset = VML_GICR_SIZE, .size = 4};
    assert_int_equal(r.gic.gicr.ops->access(&r.gic.gicr, &a), VML_BUS_FAULT);
    rig_free(&r);
}

static void test_save_and_restore_mid_interrupt(void **state)
{
    static uint8_t image[1 << 17], again[1 << 17];
    struct rig a, b;
    size_t size;

    (void)state;
    rig_up(&a, 4);
    rig_init(&b, 3, 4, 988);
    rig_enable_spi(&a, 50);
    rig_enable_spi(&a, 51);
    rig_enable_spi(&a, 700);
    wr(&a.gic.gicd, 0, 0x6000 + 700 * 8, 8, 2);
    wr(&a.gic.gicd, 0, 0x400 + 51, 1, 0x20);
    vml_gic_set_level(&a.gic, 50, 0, true);
    assert_int_equal(icc(&a, 0, IAR1), 50);
    vml_gic_set_level(&a.gic, 51, 0, true);
    vml_gic_set_level(&a.gic, 700, 0, true);
    icc_write(&a, 0, SGI1R, UINT64_C(9) << 24 | 8);
    size = rig_save(&a, image, sizeof(image));
    assert_int_equal(rig_restore(&b, image, size), VML_OK);
    assert_int_equal(rig_save(&b, again, sizeof(again)), size);
    assert_memory_equal(image, again, size);
    assert_true(irq(&b, 0) && irq(&b, 2) && irq(&b, 3) && !irq(&b, 1));
    assert_int_equal(icc(&b, 0, IAR1), 51);
    icc_write(&b, 0, EOIR1, 51);
    assert_int_equal(icc(&b, 0, RPR), 0xa0);
    assert_int_equal(icc(&b, 2, IAR1), 700);
    assert_int_equal(icc(&b, 3, IAR1), 9);
    rig_free(&a);
    rig_free(&b);
}

static void test_corrupt_image_changes_nothing(void **state)
{
    static uint8_t image[1 << 17], before[1 << 17], after[1 << 17];
    struct rig r;
    size_t size;

    (void)state;
    rig_up(&r, 2);
    rig_enable_spi(&r, 50);
    vml_gic_set_level(&r.gic, 50, 0, true);
    size = rig_save(&r, image, sizeof(image));
    memcpy(before, image, size);
    for (size_t cut = 0; cut < size; cut += 97) {
        assert_int_not_equal(rig_restore(&r, image, cut), VML_OK);
    }
    image[12] = 2; /* a GICv2's */
    assert_int_not_equal(rig_restore(&r, image, size), VML_OK);
    image[12] = 3;
    image[12 + 16 + 8] = 0x01; /* a priority mask that cannot be */
    assert_int_equal(rig_restore(&r, image, size), VML_ERR_CORRUPT);
    assert_int_equal(rig_save(&r, after, sizeof(after)), size);
    assert_memory_equal(before, after, size);
    rig_free(&r);
}

static void test_configuration_is_checked(void **state)
{
    static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[VML_GIC_STORAGE(1, 32)];
    struct vml_gic gic;
    struct vml_gic_config c = {
        .version = 3, .cpus = 1, .spis = 32, .storage = storage, .storage_size = sizeof(storage)};

    (void)state;
    assert_int_equal(vml_gic_init(&gic, &c), VML_OK);
    c.storage_size--;
    assert_int_equal(vml_gic_init(&gic, &c), VML_ERR_NO_SPACE);
    c.storage = storage + 8;
    assert_int_equal(vml_gic_init(&gic, &c), VML_ERR_INVALID);
    c.storage = storage;
    c.spis = 33;
    assert_int_equal(vml_gic_init(&gic, &c), VML_ERR_INVALID);
    c.spis = 32;
    c.cpus = 513;
    assert_int_equal(vml_gic_init(&gic, &c), VML_ERR_INVALID);
    c.cpus = 9;
    c.version = 2;
    assert_int_equal(vml_gic_init(&gic, &c), VML_ERR_INVALID);
    c.version = 4;
    assert_int_equal(vml_gic_storage_size(&c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identification),
        cmocka_unit_test(test_level_spi_end_to_end),
        cmocka_unit_test(test_edge_spi),
        cmocka_unit_test(test_lower_priority_value_first),
        cmocka_unit_test(test_priority_mask_and_binary_point),
        cmocka_unit_test(test_group_0_is_fiq),
        cmocka_unit_test(test_split_eoi),
        cmocka_unit_test(test_routing_and_migration),
        cmocka_unit_test(test_sgi),
        cmocka_unit_test(test_nsacr),
        cmocka_unit_test(test_sgi1r_generates_either_group),
        cmocka_unit_test(test_sgi_range_selector),
        cmocka_unit_test(test_ppi_is_private),
        cmocka_unit_test(test_message_based_spi),
        cmocka_unit_test(test_waker_handshake),
        cmocka_unit_test(test_special_intids_end_nothing),
        cmocka_unit_test(test_undefined_registers),
        cmocka_unit_test(test_save_and_restore_mid_interrupt),
        cmocka_unit_test(test_corrupt_image_changes_nothing),
        cmocka_unit_test(test_configuration_is_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
