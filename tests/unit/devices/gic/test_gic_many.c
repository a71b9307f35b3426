/* As many vCPUs as there may be, in clusters of clusters, with their redistributors in two regions. */
#include "its_rig.h"

enum { CPUS = VML_GIC_MAX_CPUS, FIRST = 123, SPI = 40, PPI = 27 };

static uint64_t affinities[CPUS];

/* Aff2 0 to 7, Aff1 0 to 15, Aff0 0 to 3; not in the order of the indexes. */
static uint64_t affinity(uint32_t cpu)
{
    uint32_t n = cpu ^ 0x155;

    return (uint64_t)(n >> 6) << 16 | (uint64_t)(n >> 2 & 15) << 8 | (n & 3);
}

static void make_many(struct rig *r)
{
    for (uint32_t i = 0; i < CPUS; i++) {
        affinities[i] = affinity(i);
    }
    rig_make(
        r, (struct vml_gic_config){
               .version = 3, .cpus = CPUS, .spis = 64, .mpidrs = affinities, .first_gicrs = FIRST});
    linux_v3(r);
    wr(&r->gic.gicd, 0, 0x100 + SPI / 32 * 4, 4, 1u << SPI % 32);
}

/* The vCPU whose IRQ is asserted; CPUS: nobody's. More than one is an error. */
static uint32_t whose(struct rig *r)
{
    uint32_t found = CPUS;

    for (uint32_t i = 0; i < CPUS; i++) {
        if (irq(r, i)) {
            assert_int_equal(found, CPUS);
            found = i;
        }
    }
    return found;
}

static void test_redistributors_tell_who_they_are(void **state)
{
    struct rig r;

    make_many(&r);
    for (uint32_t i = 0; i < CPUS; i++) {
        uint64_t typer = rd(&r.gic.gicr, i, (uint64_t)i * VML_GICR_SIZE + GICR_TYPER, 8);

        assert_int_equal(typer >> 32, affinity(i));
        assert_int_equal(typer >> 8 & 0xffff, i);
        /* Last: of each of the two regions. */
        assert_int_equal(typer >> 4 & 1, i == FIRST - 1 || i == CPUS - 1);
    }
    rig_free(&r);
}

static void test_each_vcpu_gets_its_own(void **state)
{
    struct rig r;

    make_many(&r);
    for (uint32_t i = 0; i < CPUS; i++) {
        uint64_t a = affinity(i);
        uint32_t sender = (i + 1) % CPUS;

        wr(&r.gic.gicd, 0, 0x6000 + SPI * 8, 8, a);
        vml_gic_set_level(&r.gic, SPI, 0, true);
        assert_int_equal(whose(&r), i);
        assert_int_equal(icc(&r, i, IAR1), SPI);
        vml_gic_set_level(&r.gic, SPI, 0, false);
        icc_write(&r, i, EOIR1, SPI);
        wr(&r.gic.gicr, i, (uint64_t)i * VML_GICR_SIZE + 0x10100, 4, 1u << PPI);
        vml_gic_set_level(&r.gic, PPI, i, true);
        assert_int_equal(whose(&r), i);
        assert_int_equal(icc(&r, i, IAR1), PPI);
        vml_gic_set_level(&r.gic, PPI, i, false);
        icc_write(&r, i, EOIR1, PPI);
        /* ICC_SGI1R_EL1: Aff2 in 39:32, INTID in 27:24, Aff1 in 23:16, TargetList of Aff0 */
        icc_write(&r, sender, SGI1R,
                  (a >> 16 & 0xff) << 32 | UINT64_C(9) << 24 | (a >> 8 & 0xff) << 16 |
                      1u << (a & 0xff));
        assert_int_equal(whose(&r), i);
        assert_int_equal(icc(&r, i, IAR1), 9);
        icc_write(&r, i, EOIR1, 9);
        assert_int_equal(whose(&r), CPUS);
    }
    wr(&r.gic.gicd, 0, 0x6000 + SPI * 8, 8, 0x80000); /* Aff2 8: nobody */
    vml_gic_set_level(&r.gic, SPI, 0, true);
    assert_int_equal(whose(&r), CPUS);
    wr(&r.gic.gicd, 0, 0x6000 + SPI * 8, 8, UINT64_C(1) << 31); /* anybody */
    assert_int_equal(whose(&r), 0);
    rig_free(&r);
}

static void test_one_tells_all_others(void **state)
{
    struct rig r;

    make_many(&r);
    icc_write(&r, 300, SGI1R, UINT64_C(1) << 40 | UINT64_C(2) << 24);
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(irq(&r, i), i != 300);
        if (i != 300) {
            assert_int_equal(icc(&r, i, IAR1), 2);
            icc_write(&r, i, EOIR1, 2);
        }
    }
    assert_int_equal(whose(&r), CPUS);
    rig_free(&r);
}

static void test_all_of_them_are_saved(void **state)
{
    const size_t room = 8 << 20;
    uint8_t *image = malloc(room), *again = malloc(room);
    struct rig a, b;
    size_t size;

    make_many(&a);
    make_many(&b);
    for (uint32_t i = 0; i < CPUS; i += 7) {
        vml_gic_set_pending(&a.gic, 3, i);
    }
    (void)icc(&a, 7, IAR1);
    size = rig_save(&a, image, room);
    assert_int_equal(rig_restore(&b, image, size), VML_OK);
    assert_int_equal(rig_save(&b, again, room), size);
    assert_memory_equal(image, again, size);
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(irq(&b, i), i % 7 == 0 && i != 7);
    }
    icc_write(&b, 7, EOIR1, 3);
    assert_int_equal(icc(&b, 511, IAR1), 3); /* the last: 511 is 7 * 73 */
    rig_free(&a);
    rig_free(&b);
    free(image);
    free(again);
}

/* An embedder's own bound of the commands of one access. */
static void test_its_has_the_budget_it_was_given(void **state)
{
    struct its_rig t;
    struct vml_its_config config;

    its_rig_make(&t, 1, 1024);
    config = t.its.config;
    config.budget = 3;
    assert_int_equal(vml_its_init(&t.its, &config), VML_OK);
    gits_write(&t, CBASER, 8, VALID | QUEUE);
    gits_write(&t, GITS_CTLR, 4, 1);
    for (unsigned i = 0; i < 10; i++) {
        queue(&t, 0x05, 0, 0, 0); /* SYNC */
    }
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_int_equal(t.its.creadr, 3 * 32);
    (void)gits(&t, CREADR, 8);
    assert_int_equal(t.its.creadr, 6 * 32);
    (void)gits(&t, CREADR, 8);
    (void)gits(&t, CREADR, 8);
    assert_int_equal(t.its.creadr, 10 * 32);
    its_rig_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redistributors_tell_who_they_are),
        cmocka_unit_test(test_each_vcpu_gets_its_own),
        cmocka_unit_test(test_one_tells_all_others),
        cmocka_unit_test(test_all_of_them_are_saved),
        cmocka_unit_test(test_its_has_the_budget_it_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
