/* LPIs in list registers, and commands about them: IHI 0069 5.3, CLEAR, DISCARD, MOVALL, MOVI. */
#include "its_rig.h"
#include <vml/gic_lr.h>

enum { LRS = 4 };

/* What its guest does with list register `i`: LPIs have no active state. */
static void take_lr(struct vml_gic_lrs *lrs, uint32_t i)
{
    lrs->lr[i] = lr_with_state(lrs->lr[i], LR_INVALID);
}

static void test_moved_while_in_a_list_register(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = 4};
    unsigned told;

    (void)state;
    its_up_with_device(&t, 2);
    assert_int_equal(msi(&t, 1), VML_OK);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    told = t.r.told;
    q_movi(&t, DEVICE, 1, 1);
    submit(&t);
    assert_false(irq(&t.r, 1));
    assert_int_equal(t.r.told, told + 1); /* vCPU 0 shall fold */
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(take(&t, 1), LPI + 1);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(take(&t, 1), LPI + 1);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

/* A message to the new target while the old one's list register has the LPI: that one folds first. */
static void test_message_while_in_another_list_register(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = 4};
    unsigned told;

    (void)state;
    its_up_with_device(&t, 2);
    assert_int_equal(msi(&t, 1), VML_OK);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    q_movi(&t, DEVICE, 1, 1);
    submit(&t);
    take_lr(&lrs, 0); /* vCPU 0 takes it before it leaves the guest */
    told = t.r.told;
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(t.r.told, told + 1);
    assert_int_equal(t.r.told_cpu, 0);
    assert_false(irq(&t.r, 1));
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(t.r.told_cpu, 1);
    assert_int_equal(take(&t, 1), LPI + 1);
    assert_int_equal(take(&t, 1), 1023);
    its_rig_free(&t);
}

/* What is discarded or cleared while it is in a list register does not come back from there. */
static void test_discarded_while_in_a_list_register(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = 4};
    unsigned told;

    (void)state;
    its_up_with_device(&t, 1);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(msi(&t, 2), VML_OK);
    assert_int_equal(msi(&t, 3), VML_OK);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 3);
    told = t.r.told;
    q_discard(&t, DEVICE, 1);
    q_clear(&t, DEVICE, 2);
    submit(&t);
    assert_int_equal(t.r.told, told + 2);
    q_clear(&t, DEVICE, 3);
    q_int(&t, DEVICE, 3); /* and again */
    submit(&t);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(take(&t, 0), LPI + 3);
    assert_int_equal(take(&t, 0), 1023);
    assert_int_equal(msi(&t, 2), VML_OK); /* it is as any other again */
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(take(&t, 0), LPI + 2);
    its_rig_free(&t);
}

/* "Moves all pending interrupts": those that wait go at once, those in list registers when they are
 * folded. What the guest has taken by then does not go anywhere. */
static void test_movall_while_in_list_registers(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = LRS};
    unsigned told;

    (void)state;
    its_up_with_device(&t, 2);
    for (uint32_t n = 0; n < 6; n++) {
        assert_int_equal(msi(&t, n), VML_OK);
    }
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, 4);
    told = t.r.told;
    q_movall(&t, 0, 1);
    submit(&t);
    assert_int_equal(t.r.told, told + 1 + 4); /* vCPU 1 has one; vCPU 0 shall fold, for each */
    assert_int_equal(t.r.told_cpu, 0);
    assert_int_equal(take(&t, 1), LPI + 4);
    assert_int_equal(take(&t, 1), LPI + 5);
    assert_int_equal(take(&t, 1), 1023);
    take_lr(&lrs, 1);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(t.r.told_cpu, 1);
    assert_false(irq(&t.r, 0));
    assert_int_equal(take(&t, 1), LPI + 0);
    assert_int_equal(take(&t, 1), LPI + 2);
    assert_int_equal(take(&t, 1), LPI + 3);
    assert_int_equal(take(&t, 1), 1023);
    for (uint32_t n = 0; n < 6; n++) { /* the collection has not moved: new ones come to vCPU 0 */
        assert_int_equal(msi(&t, n), VML_OK);
        assert_int_equal(take(&t, 0), LPI + n);
    }
    its_rig_free(&t);
}

/* On from where it was moved to, before the list register is folded: it goes to where it was moved to
 * last. Others stay where they are. */
static void test_moved_several_times_while_in_a_list_register(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = LRS};

    (void)state;
    its_up_with_device(&t, 4);
    for (uint32_t n = 0; n < 4; n++) {
        assert_int_equal(msi(&t, n), VML_OK);
    }
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    q_movi(&t, DEVICE, 1, 1);
    q_movi(&t, DEVICE, 2, 3);
    q_movall(&t, 1, 2); /* of these the first only */
    submit(&t);
    q_movall(&t, 0, 1);
    q_movi(&t, DEVICE, 3, 0); /* and back */
    submit(&t);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(take(&t, 0), LPI + 3);
    assert_int_equal(take(&t, 0), 1023);
    assert_int_equal(take(&t, 1), LPI + 0);
    assert_int_equal(take(&t, 1), 1023);
    assert_int_equal(take(&t, 2), LPI + 1);
    assert_int_equal(take(&t, 2), 1023);
    assert_int_equal(take(&t, 3), LPI + 2);
    assert_int_equal(take(&t, 3), 1023);
    its_rig_free(&t);
}

/* Pending again while in a list register, and then moved: once there, whether or not it was taken. */
static void test_movall_of_what_came_again(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = LRS};

    (void)state;
    its_up_with_device(&t, 2);
    for (uint32_t taken = 0; taken < 2; taken++) {
        assert_int_equal(msi(&t, 1), VML_OK);
        vml_gic_lr_fill(&t.r.gic, 0, &lrs);
        assert_int_equal(msi(&t, 1), VML_OK);
        q_movall(&t, 0, 1);
        submit(&t);
        assert_false(irq(&t.r, 1));
        if (taken) {
            take_lr(&lrs, 0);
        }
        vml_gic_lr_fold(&t.r.gic, 0, &lrs);
        assert_false(irq(&t.r, 0));
        assert_int_equal(take(&t, 1), LPI + 1);
        assert_int_equal(take(&t, 1), 1023);
    }
    its_rig_free(&t);
}

/* CLEAR before MOVALL, or after it: nothing is left to come. */
static void test_movall_of_what_is_cleared(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = LRS};

    (void)state;
    its_up_with_device(&t, 2);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(msi(&t, 2), VML_OK);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    q_clear(&t, DEVICE, 1);
    q_movall(&t, 0, 1);
    q_clear(&t, DEVICE, 2);
    submit(&t);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(take(&t, 1), 1023);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

/* The first LPI, the last, and those where a step of the search ends. */
static void test_movall_finds_every_lpi(void **state)
{
    static const uint32_t lpis[] = {0, 255, 256, 511, 4096, 8190, 8191};
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = 16};

    (void)state;
    its_up(&t, 2);
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(lpis); i++) {
        gicr_write(&t, 0, SETLPIR, 8, LPI + lpis[i]);
    }
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    assert_int_equal(lrs.used, VML_ARRAY_SIZE(lpis));
    q_movall(&t, 0, 1);
    submit(&t);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_false(irq(&t.r, 0));
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(lpis); i++) {
        assert_int_equal(take(&t, 1), LPI + lpis[i]);
    }
    its_rig_free(&t);
}

/* In the middle of MOVALL the vCPU folds and fills: nothing stays behind, wherever the search is. */
static void test_world_switches_during_movall(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = 2};
    uint32_t steps = 0;

    (void)state;
    its_up(&t, 2);
    for (uint32_t when = 0; when < 40; when++) {
        for (uint32_t n = 0; n < 8; n++) {
            gicr_write(&t, 0, SETLPIR, 8, LPI + n * 1170);
        }
        vml_gic_lr_fill(&t.r.gic, 0, &lrs);
        assert_int_equal(lrs.used, 2);
        q_movall(&t, 0, 1);
        t.its.cwriter = t.cwriter;
        for (steps = 0; vml_its_run(&t.its, 1); steps++) {
            if (steps == when) {
                vml_gic_lr_fold(&t.r.gic, 0, &lrs);
                vml_gic_lr_fill(&t.r.gic, 0, &lrs);
            }
        }
        vml_gic_lr_fold(&t.r.gic, 0, &lrs);
        assert_false(irq(&t.r, 0));
        for (uint32_t n = 0; n < 8; n++) {
            assert_int_not_equal(take(&t, 1), 1023);
        }
        assert_int_equal(take(&t, 1), 1023);
    }
    assert_in_range(steps, 32, 60); /* so `when` went through all of them but the last few */
    its_rig_free(&t);
}

/* A step of the search counts as several commands. */
static void test_search_of_list_registers_is_bounded(void **state)
{
    struct its_rig t;
    uint32_t accesses = 0;

    (void)state;
    its_up(&t, 2);
    for (uint32_t n = 0; n < 16; n++) {
        q_movall(&t, 0, 1);
    }
    gits_write(&t, CWRITER, 8, t.cwriter);
    for (; t.its.creadr != t.cwriter && accesses < 1000; accesses++) {
        (void)gits(&t, CREADR, 8);
    }
    assert_in_range(accesses, 16, 64); /* 16 times 8192 LPIs, in 256 steps of 256 at 4 of 64 */
    its_rig_free(&t);
}

/* Saved in the middle of the search, and restored: goes on there. */
static void test_save_during_movall(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = LRS};
    uint8_t image[256];
    size_t size;

    (void)state;
    its_up(&t, 2);
    gicr_write(&t, 0, SETLPIR, 8, LPI + 8000);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    q_movall(&t, 0, 1);
    t.its.cwriter = t.cwriter;
    assert_true(vml_its_run(&t.its, 20));
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_true(irq(&t.r, 0)); /* not yet */
    size = save_device(&t.its.device, image, sizeof(image));
    t.its.device.ops->reset(&t.its.device);
    assert_int_equal(restore_device(&t.its.device, image, size), VML_OK);
    assert_true(t.its.progress > 8192);
    assert_false(vml_its_run(&t.its, 1000));
    assert_false(irq(&t.r, 0));
    assert_int_equal(take(&t, 1), LPI + 8000);
    its_rig_free(&t);
}

/* A message for a redistributor that takes no LPIs is ignored: what a list register has stays. */
static void test_message_to_where_lpis_are_disabled(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = LRS};

    (void)state;
    its_up_with_device(&t, 2);
    disable_lpis(&t, 1);
    assert_int_equal(msi(&t, 1), VML_OK);
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    q_mapc(&t, 0, 1, true);
    submit(&t);
    assert_int_equal(msi(&t, 1), VML_OK);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    assert_int_equal(take(&t, 0), LPI + 1);
    its_rig_free(&t);
}

/* The pending table of where it was moved to has what a list register may still have. */
static void test_pending_table_has_what_was_moved(void **state)
{
    struct its_rig t;
    struct vml_gic_lrs lrs = {.count = LRS};

    (void)state;
    its_up_with_device(&t, 2);
    for (uint32_t n = 1; n < 4; n++) {
        assert_int_equal(msi(&t, n), VML_OK);
    }
    vml_gic_lr_fill(&t.r.gic, 0, &lrs);
    q_movi(&t, DEVICE, 1, 1);
    q_movi(&t, DEVICE, 2, 1);
    q_clear(&t, DEVICE, 2);
    submit(&t);
    vml_gic_lpi_write_back(&t.r.gic);
    assert_true(is_in_table(&t, 1, LPI + 1) && !is_in_table(&t, 0, LPI + 1));
    assert_false(is_in_table(&t, 1, LPI + 2) || is_in_table(&t, 0, LPI + 2));
    assert_true(is_in_table(&t, 0, LPI + 3) && !is_in_table(&t, 1, LPI + 3));
    disable_lpis(&t, 1);
    vml_gic_lr_fold(&t.r.gic, 0, &lrs);
    enable_lpis(&t, 1);
    assert_int_equal(take(&t, 1), LPI + 1);
    assert_int_equal(take(&t, 1), 1023);
    assert_int_equal(take(&t, 0), LPI + 3);
    its_rig_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moved_while_in_a_list_register),
        cmocka_unit_test(test_message_while_in_another_list_register),
        cmocka_unit_test(test_discarded_while_in_a_list_register),
        cmocka_unit_test(test_movall_while_in_list_registers),
        cmocka_unit_test(test_moved_several_times_while_in_a_list_register),
        cmocka_unit_test(test_movall_of_what_came_again),
        cmocka_unit_test(test_movall_of_what_is_cleared),
        cmocka_unit_test(test_movall_finds_every_lpi),
        cmocka_unit_test(test_world_switches_during_movall),
        cmocka_unit_test(test_search_of_list_registers_is_bounded),
        cmocka_unit_test(test_save_during_movall),
        cmocka_unit_test(test_message_to_where_lpis_are_disabled),
        cmocka_unit_test(test_pending_table_has_what_was_moved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
