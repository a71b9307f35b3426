/* The PL031 from DDI 0224C, on a virtual clock. */
#include "test.h"
#include <vml/pl031.h>

enum {
    DR = 0x00,
    MR = 0x04,
    LR = 0x08,
    CR = 0x0c,
    IMSC = 0x10,
    RIS = 0x14,
    MIS = 0x18,
    ICR = 0x1c
};
enum { HZ = 1000, EPOCH = 1700000000 };

struct rig {
    struct vml_pl031 rtc;
    struct vml_virtual_clock clock;
    bool level;
};

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct rig *r = controller;

    assert_true(vml_mutex_try_lock(&r->rtc.lock));
    vml_mutex_unlock(&r->rtc.lock);
    r->level = level;
}

static struct rig *make(uint64_t epoch)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_pl031_config config = {
        .irq = {&ops, r, 34, 0}, .clock = &r->clock.clock, .epoch_s = epoch};

    assert_int_equal(vml_virtual_clock_init(&r->clock, HZ), VML_OK);
    assert_int_equal(vml_pl031_init(&r->rtc, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_pl031_destroy(&r->rtc);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static uint32_t rd(struct rig *r, uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 4};

    assert_int_equal(r->rtc.device.ops->access(&r->rtc.device, &a), VML_BUS_OK);
    return (uint32_t)a.value;
}

static void wr(struct rig *r, uint32_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(r->rtc.device.ops->access(&r->rtc.device, &a), VML_BUS_OK);
}

static void reset_values_and_identification(void **state)
{
    static const uint8_t id[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct rig *r = make(EPOCH);
    struct vml_access bad = {.offset = DR, .size = 8};
    struct vml_pl031_config none = {0};
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_pl031_regs, &row), VML_OK);
    assert_int_equal(rd(r, DR), EPOCH);
    assert_int_equal(rd(r, MR), 0);
    assert_int_equal(rd(r, LR), 0);
    assert_int_equal(rd(r, CR), 1);
    assert_int_equal(rd(r, IMSC), 0);
    assert_int_equal(rd(r, RIS), 0);
    assert_int_equal(rd(r, ICR), 0);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(rd(r, 0xfe0 + 4 * i), id[i]);
    }
    assert_int_equal(r->rtc.device.ops->access(&r->rtc.device, &bad), VML_BUS_FAULT);
    end(r);
    r = calloc(1, sizeof(*r));
    assert_int_equal(vml_pl031_init(&r->rtc, &none), VML_ERR_INVALID);
    free(r);
}

static void counts_seconds_and_is_set_by_the_load_register(void **state)
{
    struct rig *r = make(EPOCH);

    vml_virtual_clock_advance(&r->clock, 1999);
    assert_int_equal(rd(r, DR), EPOCH + 1);
    vml_virtual_clock_advance(&r->clock, 2000);
    assert_int_equal(rd(r, DR), EPOCH + 2);
    wr(r, LR, 0xfffffffe);
    assert_int_equal(rd(r, DR), 0xfffffffe);
    assert_int_equal(rd(r, LR), 0xfffffffe);
    vml_virtual_clock_advance(&r->clock, 5000);
    assert_int_equal(rd(r, DR), 1);
    wr(r, CR, 0);
    vml_virtual_clock_advance(&r->clock, 6000);
    assert_int_equal(rd(r, DR), 2);
    end(r);
}

static void match_interrupt(void **state)
{
    struct rig *r = make(EPOCH);

    wr(r, IMSC, 1);
    wr(r, MR, EPOCH + 3);
    vml_virtual_clock_advance(&r->clock, 2999);
    assert_false(r->level);
    vml_virtual_clock_advance(&r->clock, 3000);
    assert_true(r->level);
    assert_int_equal(rd(r, MIS), 1);
    wr(r, IMSC, 0);
    assert_false(r->level);
    assert_int_equal(rd(r, RIS), 1);
    wr(r, ICR, 1);
    wr(r, IMSC, 1);
    assert_false(r->level);
    vml_virtual_clock_advance(&r->clock, 10000);
    assert_false(r->level);
    /* The present second matches at once; moving the counter moves the match. */
    wr(r, MR, EPOCH + 10);
    assert_true(r->level);
    wr(r, MR, EPOCH + 100);
    wr(r, ICR, 1);
    wr(r, LR, EPOCH + 98);
    vml_virtual_clock_advance(&r->clock, 12000);
    assert_true(r->level);
    end(r);
}

/* The clock is asked to wake somebody only for an alarm that would be heard; what happened is seen. */
static void an_unused_alarm_wakes_nobody(void **state)
{
    struct rig *r = make(EPOCH);

    assert_true(vml_clock_next(&r->clock.clock) == VML_CLOCK_NEVER);
    wr(r, LR, 1000);
    wr(r, MR, 1010);
    assert_true(vml_clock_next(&r->clock.clock) == VML_CLOCK_NEVER);
    vml_virtual_clock_advance(&r->clock, 9 * HZ);
    assert_int_equal(rd(r, RIS), 0);
    vml_virtual_clock_advance(&r->clock, 11 * HZ);
    assert_int_equal(rd(r, RIS), 1);
    assert_false(r->level);
    wr(r, IMSC, 1); /* late, and told at once */
    assert_true(r->level);
    assert_true(vml_clock_next(&r->clock.clock) == VML_CLOCK_NEVER);
    wr(r, ICR, 1);
    assert_false(r->level);
    wr(r, MR, 1020);
    assert_int_equal(vml_clock_next(&r->clock.clock), 20 * HZ);
    wr(r, IMSC, 0);
    assert_true(vml_clock_next(&r->clock.clock) == VML_CLOCK_NEVER);
    wr(r, IMSC, 1);
    vml_virtual_clock_advance(&r->clock, 20 * HZ);
    assert_true(r->level);
    end(r);
}

static void reset_keeps_the_time(void **state)
{
    struct rig *r = make(EPOCH);

    wr(r, IMSC, 1);
    wr(r, MR, EPOCH);
    assert_true(r->level);
    vml_virtual_clock_advance(&r->clock, 7000);
    r->rtc.device.ops->reset(&r->rtc.device);
    assert_false(r->level);
    assert_int_equal(rd(r, DR), EPOCH + 7);
    assert_int_equal(rd(r, IMSC), 0);
    assert_int_equal(rd(r, MR), 0);
    end(r);
}

static void save_and_restore(void **state)
{
    uint8_t image[128], after[128], before[128];
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct rig *r = make(EPOCH), *s = make(EPOCH + 1000);
    size_t n;

    wr(r, LR, 5000);
    wr(r, IMSC, 1);
    wr(r, MR, 5500);
    vml_state_writer_init(&w, image, sizeof(image));
    r->rtc.device.ops->save(&r->rtc.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    n = w.used;
    vml_state_writer_init(&w, before, sizeof(before));
    s->rtc.device.ops->save(&s->rtc.device, &w);
    for (size_t cut = 0; cut < n; cut++) {
        vml_state_reader_init(&reader, image, cut);
        assert_int_not_equal(s->rtc.device.ops->restore(&s->rtc.device, &reader), VML_OK);
        vml_state_writer_init(&w, after, sizeof(after));
        s->rtc.device.ops->save(&s->rtc.device, &w);
        assert_memory_equal(after, before, w.used);
    }
    /* A thousand seconds later elsewhere: the time has gone on, and the alarm is overdue. */
    vml_state_reader_init(&reader, image, n);
    assert_int_equal(s->rtc.device.ops->restore(&s->rtc.device, &reader), VML_OK);
    assert_int_equal(rd(s, DR), 6000);
    assert_int_equal(rd(s, RIS), 1);
    assert_true(s->level);
    end(s);
    s = make(EPOCH + 100);
    vml_state_reader_init(&reader, image, n);
    assert_int_equal(s->rtc.device.ops->restore(&s->rtc.device, &reader), VML_OK);
    assert_false(s->level);
    vml_virtual_clock_advance(&s->clock, 400 * HZ);
    assert_true(s->level);
    end(s);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values_and_identification),
        cmocka_unit_test(counts_seconds_and_is_set_by_the_load_register),
        cmocka_unit_test(match_interrupt),
        cmocka_unit_test(an_unused_alarm_wakes_nobody),
        cmocka_unit_test(reset_keeps_the_time),
        cmocka_unit_test(save_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
