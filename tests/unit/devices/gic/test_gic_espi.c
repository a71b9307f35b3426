/* The extended SPI range of GICv3.1, from IHI 0069 2.2.1 and 12.9. */
#include "rig.h"
#include <vml/gic_lr.h>

enum { ESPI = 4096, ESPIS = 64 };

static void make(struct rig *r, uint32_t cpus, uint32_t spis, uint32_t espis)
{
    rig_make(r, (struct vml_gic_config){.version = 3, .cpus = cpus, .spis = spis, .espis = espis});
    linux_v3(r);
    for (uint32_t n = 0; n < espis; n += 32) {
        wr(&r->gic.gicd, 0, 0x1000 + n / 8, 4, UINT32_MAX); /* group 1 */
    }
    for (uint32_t n = 0; n < espis; n += 4) {
        wr(&r->gic.gicd, 0, 0x2000 + n, 4, 0xa0a0a0a0);
    }
}

static void enable(struct rig *r, uint32_t intid)
{
    wr(&r->gic.gicd, 0, 0x1200 + (intid - ESPI) / 32 * 4, 4, 1u << intid % 32);
}

static uint64_t bit_of(struct rig *r, uint32_t base, uint32_t intid)
{
    return rd(&r->gic.gicd, 0, base + (intid - ESPI) / 32 * 4, 4) >> intid % 32 & 1;
}

static void test_identification(void **state)
{
    struct rig r;

    (void)state;
    make(&r, 1, 32, ESPIS);
    assert_int_equal(rd(&r.gic.gicd, 0, 4, 4) >> 8 & 1, 1);
    assert_int_equal(rd(&r.gic.gicd, 0, 4, 4) >> 27, ESPIS / 32 - 1);
    assert_int_equal(rd(&r.gic.gicd, 0, 4, 4) & 31, 1); /* ITLinesNumber is of the others */
    assert_int_equal(icc(&r, 0, CTLR) >> 19 & 1, 1);    /* ExtRange */
    rig_free(&r);
    rig_init(&r, 3, 1, 32);
    assert_int_equal(rd(&r.gic.gicd, 0, 4, 4) >> 8 & 1, 0);
    assert_int_equal(icc(&r, 0, CTLR) >> 19 & 1, 0);
    rig_free(&r);
}

static void test_configuration_is_checked(void **state)
{
    struct vml_gic_config c = {.version = 3, .cpus = 1, .espis = 1024};

    (void)state;
    assert_int_not_equal(vml_gic_storage_size(&c), 0);
    c.espis = 1056;
    assert_int_equal(vml_gic_storage_size(&c), 0);
    c.espis = 33;
    assert_int_equal(vml_gic_storage_size(&c), 0);
    c.espis = 32;
    c.version = 2;
    assert_int_equal(vml_gic_storage_size(&c), 0);
}

static void test_end_to_end(void **state)
{
    struct rig r;
    struct vml_irq wire;

    (void)state;
    make(&r, 1, 988, 1024);
    for (uint32_t intid = ESPI; intid < ESPI + 1024; intid += 341) { /* the last one, too */
        enable(&r, intid);
        wire = vml_irq_wire(&r.gic.controller, intid, 0);
        vml_irq_set(&wire, true);
        assert_true(irq(&r, 0));
        assert_int_equal(bit_of(&r, 0x1600, intid), 1);
        assert_int_equal(icc(&r, 0, HPPIR1), intid);
        assert_int_equal(icc(&r, 0, IAR1), intid);
        assert_int_equal(bit_of(&r, 0x1a00, intid), 1);
        icc_write(&r, 0, EOIR1, intid);
        assert_int_equal(bit_of(&r, 0x1c00, intid), 0);
        assert_int_equal(icc(&r, 0, IAR1), intid); /* the wire is still up */
        vml_irq_set(&wire, false);
        icc_write(&r, 0, CTLR, 2); /* EOImode */
        icc_write(&r, 0, EOIR1, intid);
        assert_int_equal(icc(&r, 0, RPR), 0xff);
        assert_int_equal(bit_of(&r, 0x1a00, intid), 1);
        icc_write(&r, 0, DIR, intid);
        assert_int_equal(bit_of(&r, 0x1a00, intid), 0);
        icc_write(&r, 0, CTLR, 0);
    }
    assert_int_equal(icc(&r, 0, IAR1), 1023);
    rig_free(&r);
}

/* Each register of the range, in its first and its last element, and that nothing else changes. */
static void test_registers(void **state)
{
    struct rig r;
    static const uint16_t set[] = {0x1200, 0x1600, 0x1a00}, clear[] = {0x1400, 0x1800, 0x1c00};
    static const uint16_t plain[] = {0x1000, 0x3000, 0x3004, 0x3400};

    (void)state;
    make(&r, 1, 64, ESPIS);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t at = 0; at < ESPIS / 8; at += 4) {
            wr(&r.gic.gicd, 0, set[i] + at, 4, 0x80000001);
            assert_int_equal(rd(&r.gic.gicd, 0, set[i] + at, 4), 0x80000001);
            assert_int_equal(rd(&r.gic.gicd, 0, clear[i] + at, 4), 0x80000001);
            wr(&r.gic.gicd, 0, clear[i] + at, 4, 1);
            assert_int_equal(rd(&r.gic.gicd, 0, set[i] + at, 4), 0x80000000);
            wr(&r.gic.gicd, 0, clear[i] + at, 4, UINT32_MAX);
        }
        wr(&r.gic.gicd, 0, set[i] + ESPIS / 8, 4, UINT32_MAX); /* beyond */
        assert_int_equal(rd(&r.gic.gicd, 0, set[i] + ESPIS / 8, 4), 0);
        assert_int_equal(rd(&r.gic.gicd, 0, (set[i] & 0xf00) / 2 + 4, 4), 0);
    }
    for (uint32_t i = 0; i < 4; i++) {
        wr(&r.gic.gicd, 0, plain[i], 4, 0xaaaaaaaa);
        assert_int_equal(rd(&r.gic.gicd, 0, plain[i], 4), 0xaaaaaaaa);
    }
    wr(&r.gic.gicd, 0, 0x2000 + ESPIS - 1, 1, 0xff);
    assert_int_equal(rd(&r.gic.gicd, 0, 0x2000 + ESPIS - 1, 1), 0xf8);
    wr(&r.gic.gicd, 0, 0x2000 + ESPIS, 1, 0xff);
    assert_int_equal(rd(&r.gic.gicd, 0, 0x2000 + ESPIS, 1), 0);
    wr(&r.gic.gicd, 0, 0x8000 + 8 * (ESPIS - 1), 8, UINT64_MAX);
    assert_true(rd(&r.gic.gicd, 0, 0x8000 + 8 * (ESPIS - 1), 8) == 0xff80ffffff);
    wr(&r.gic.gicd, 0, 0x8000 + 8 * ESPIS, 8, UINT64_MAX);
    assert_int_equal(rd(&r.gic.gicd, 0, 0x8000 + 8 * ESPIS, 8), 0);
    rig_free(&r);
}

static void test_intids_between_are_not_there(void **state)
{
    static const uint32_t none[] = {96, 1020, 1024, 1024 + 5, 2047, 4095, ESPI + ESPIS, 5120, 8192};
    struct rig r;

    (void)state;
    make(&r, 1, 64, ESPIS);
    for (uint32_t n = 0; n < ESPIS; n += 32) {
        wr(&r.gic.gicd, 0, 0x1200 + n / 8, 4, UINT32_MAX);
    }
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(none); i++) {
        vml_gic_set_level(&r.gic, none[i], 0, true);
        vml_gic_pulse(&r.gic, none[i], 0);
        vml_gic_set_pending(&r.gic, none[i], 0);
        wr(&r.gic.gicd, 0, 0x40, 4, none[i]);
        assert_int_equal(vml_gic_lr_link(&r.gic, none[i], 0, 40), VML_ERR_RANGE);
    }
    assert_false(irq(&r, 0));
    vml_gic_set_pending(&r.gic, ESPI + 5, 0);
    assert_int_equal(icc(&r, 0, IAR1), ESPI + 5);
    icc_write(&r, 0, EOIR1, 1024 + 5); /* nobody's number */
    assert_int_equal(icc(&r, 0, RPR), 0xa0);
    icc_write(&r, 0, EOIR1, ESPI + 5);
    assert_int_equal(icc(&r, 0, RPR), 0xff);
    rig_free(&r);
}

static void test_priorities_and_order(void **state)
{
    struct rig r;

    (void)state;
    make(&r, 1, 64, ESPIS);
    enable(&r, ESPI + 1);
    enable(&r, ESPI + 2);
    wr(&r.gic.gicd, 0, 0x104, 4, 2); /* SPI 33 */
    wr(&r.gic.gicd, 0, 0x2000 + 2, 1, 0x80);
    vml_gic_set_pending(&r.gic, ESPI + 1, 0);
    vml_gic_set_pending(&r.gic, ESPI + 2, 0);
    vml_gic_set_pending(&r.gic, 33, 0);
    assert_int_equal(icc(&r, 0, IAR1), ESPI + 2);
    icc_write(&r, 0, EOIR1, ESPI + 2);
    assert_int_equal(icc(&r, 0, IAR1), 33);
    icc_write(&r, 0, EOIR1, 33);
    assert_int_equal(icc(&r, 0, IAR1), ESPI + 1);
    icc_write(&r, 0, EOIR1, ESPI + 1);
    rig_free(&r);
}

static void test_routing(void **state)
{
    struct rig r;

    (void)state;
    make(&r, 3, 32, ESPIS);
    enable(&r, ESPI + 63);
    wr(&r.gic.gicd, 0, 0x3000 + 12, 4, UINT32_C(2) << 30); /* edge-triggered */
    wr(&r.gic.gicd, 0, 0x8000 + 8 * 63, 8, 2);
    vml_gic_pulse(&r.gic, ESPI + 63, 0);
    assert_true(irq(&r, 2) && !irq(&r, 0));
    wr(&r.gic.gicd, 0, 0x8000 + 8 * 63, 8, 1); /* moves while it is pending */
    assert_true(irq(&r, 1) && !irq(&r, 2));
    assert_int_equal(icc(&r, 1, IAR1), ESPI + 63);
    icc_write(&r, 1, EOIR1, ESPI + 63);
    wr(&r.gic.gicd, 0, 0x8000 + 8 * 63, 8, 0x80000000); /* 1 of N */
    icc_write(&r, 0, IGRPEN1, 0);
    wr(&r.gic.gicd, 0, 0x40, 4, ESPI + 63); /* GICD_SETSPI_NSR */
    assert_int_equal(icc(&r, 1, IAR1), ESPI + 63);
    icc_write(&r, 1, EOIR1, ESPI + 63);
    wr(&r.gic.gicd, 0, 0x40, 4, ESPI + 63);
    wr(&r.gic.gicd, 0, 0x48, 4, ESPI + 63); /* GICD_CLRSPI_NSR */
    assert_false(irq(&r, 0) || irq(&r, 1) || irq(&r, 2));
    rig_free(&r);
}

static void test_list_registers(void **state)
{
    struct rig r;
    struct vml_gic_lrs lrs = {.count = 4};

    (void)state;
    make(&r, 1, 32, ESPIS);
    enable(&r, ESPI + 40);
    assert_int_equal(vml_gic_lr_link(&r.gic, ESPI + 40, 0, 77), VML_OK);
    vml_gic_set_level(&r.gic, ESPI + 40, 0, true);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], ESPI + 40);
    assert_int_equal(lrs.lr[0] >> 32 & 0x3ff, 77);
    lrs.lr[0] ^= UINT64_C(3) << 62; /* acknowledged: active */
    lrs.ap1r = 1u << (0xa0 >> 3);
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(bit_of(&r, 0x1a00, ESPI + 40), 1);
    vml_gic_lr_fill(&r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], ESPI + 40);
    assert_int_equal(lrs.lr[0] >> 62, 2);
    lrs.lr[0] &= ~(UINT64_C(3) << 62);
    lrs.ap1r = 0;
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(bit_of(&r, 0x1a00, ESPI + 40), 0);
    assert_false(irq(&r, 0)); /* linked: the level has fallen with the deactivation */
    rig_free(&r);
}

static void test_save_and_restore(void **state)
{
    static uint8_t image[16384], again[16384];
    struct rig a, b;
    size_t size;

    (void)state;
    make(&a, 2, 32, ESPIS);
    make(&b, 2, 32, ESPIS);
    enable(&a, ESPI + 7);
    enable(&a, ESPI + 63);
    wr(&a.gic.gicd, 0, 0x8000 + 8 * 7, 8, 1);
    wr(&a.gic.gicd, 0, 0x2000 + 63, 1, 0x40);
    vml_gic_set_level(&a.gic, ESPI + 7, 0, true);
    vml_gic_set_pending(&a.gic, ESPI + 63, 0);
    assert_int_equal(icc(&a, 0, IAR1), ESPI + 63);
    size = rig_save(&a, image, sizeof(image));
    assert_int_equal(rig_restore(&b, image, size), VML_OK);
    assert_int_equal(rig_save(&b, again, sizeof(again)), size);
    assert_memory_equal(image, again, size);
    assert_int_equal(icc(&b, 1, IAR1), ESPI + 7);
    assert_int_equal(bit_of(&b, 0x1a00, ESPI + 63), 1);
    assert_int_equal(icc(&b, 0, RPR), 0x40);
    icc_write(&b, 0, EOIR1, ESPI + 63);
    assert_int_equal(bit_of(&b, 0x1a00, ESPI + 63), 0);
    rig_free(&b);
    make(&b, 2, 32, ESPIS + 32);
    assert_int_not_equal(rig_restore(&b, image, size), VML_OK);
    vml_gic_reset(&a.gic);
    assert_int_equal(bit_of(&a, 0x1200, ESPI + 7) | bit_of(&a, 0x1a00, ESPI + 63), 0);
    assert_int_equal(bit_of(&a, 0x1600, ESPI + 7), 1); /* the wire is as it was */
    rig_free(&a);
    rig_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identification),
        cmocka_unit_test(test_configuration_is_checked),
        cmocka_unit_test(test_end_to_end),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_intids_between_are_not_there),
        cmocka_unit_test(test_priorities_and_order),
        cmocka_unit_test(test_routing),
        cmocka_unit_test(test_list_registers),
        cmocka_unit_test(test_save_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
