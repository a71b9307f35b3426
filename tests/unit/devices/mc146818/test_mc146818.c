/* The MC146818 from its data sheet, and dates that are known. */
#include "test.h"
#include <vml/mc146818.h>

enum { HZ = 1000000, A = 0x0a, B = 0x0b, C = 0x0c, D = 0x0d };
/* 2024-02-29 23:59:58, a Thursday */
#define LEAP_DAY UINT64_C(1709251198)

struct rig {
    struct vml_mc146818 rtc;
    struct vml_virtual_clock clock;
    bool level;
    unsigned changes;
};

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct rig *r = controller;

    assert_true(vml_mutex_try_lock(&r->rtc.lock));
    vml_mutex_unlock(&r->rtc.lock);
    r->level = level;
    r->changes++;
}

static struct rig *make(uint64_t epoch)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_mc146818_config config = {
        .irq = {&ops, r, 8, 0}, .clock = &r->clock.clock, .epoch_s = epoch};

    assert_int_equal(vml_virtual_clock_init(&r->clock, HZ), VML_OK);
    assert_int_equal(vml_mc146818_init(&r->rtc, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_mc146818_destroy(&r->rtc);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static uint8_t port(struct rig *r, uint32_t offset, bool write, uint8_t value)
{
    struct vml_access a = {.offset = offset, .size = 1, .write = write, .value = value};

    assert_int_equal(r->rtc.device.ops->access(&r->rtc.device, &a), VML_BUS_OK);
    return (uint8_t)a.value;
}

static uint8_t rd(struct rig *r, uint8_t index)
{
    (void)port(r, 0, true, index);
    return port(r, 1, false, 0);
}

static void wr(struct rig *r, uint8_t index, uint8_t value)
{
    (void)port(r, 0, true, index);
    (void)port(r, 1, true, value);
}

static void to(struct rig *r, uint64_t microseconds)
{
    vml_virtual_clock_advance(&r->clock, microseconds);
}

/* century, year, month, day, weekday, hours, minutes, seconds */
static void shows(struct rig *r, const uint8_t expected[8])
{
    static const uint8_t index[] = {0x32, 9, 8, 7, 6, 4, 2, 0};

    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(rd(r, index[i]), expected[i]);
    }
}

static void dates(void **state)
{
    static const struct {
        uint64_t second;
        uint8_t shown[8];
    } cases[] = {
        {0, {0x19, 0x70, 0x01, 0x01, 5, 0x00, 0x00, 0x00}},
        {951782399, {0x20, 0x00, 0x02, 0x28, 2, 0x23, 0x59, 0x59}},
        {951782400, {0x20, 0x00, 0x02, 0x29, 3, 0x00, 0x00, 0x00}},
        {951868800, {0x20, 0x00, 0x03, 0x01, 4, 0x00, 0x00, 0x00}},
        {LEAP_DAY, {0x20, 0x24, 0x02, 0x29, 5, 0x23, 0x59, 0x58}},
        {4102444799, {0x20, 0x99, 0x12, 0x31, 5, 0x23, 0x59, 0x59}},
        {4102444800, {0x21, 0x00, 0x01, 0x01, 6, 0x00, 0x00, 0x00}},
        {4107542400, {0x21, 0x00, 0x03, 0x01, 2, 0x00, 0x00, 0x00}},
    };

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        struct rig *r = make(cases[i].second);

        shows(r, cases[i].shown);
        end(r);
    }
}

static void the_clock_runs(void **state)
{
    struct rig *r = make(LEAP_DAY);
    struct vml_mc146818_config none = {.epoch_s = 0};
    struct vml_mc146818 other;
    struct vml_access bad = {.offset = 0, .size = 2};
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_mc146818_regs, &row), VML_OK);
    to(r, 2 * HZ - 1);
    shows(r, (const uint8_t[]){0x20, 0x24, 0x02, 0x29, 5, 0x23, 0x59, 0x59});
    to(r, 2 * HZ);
    shows(r, (const uint8_t[]){0x20, 0x24, 0x03, 0x01, 6, 0x00, 0x00, 0x00});
    assert_int_equal(rd(r, D), 0x80);
    assert_int_equal(port(r, 0, false, 0), D);
    assert_int_equal(r->rtc.device.ops->access(&r->rtc.device, &bad), VML_BUS_FAULT);
    assert_int_equal(vml_mc146818_init(&other, &none), VML_ERR_INVALID);
    end(r);
}

/* "Set for at least 244 microseconds before an update", and never while the time is being set. */
static void update_in_progress(void **state)
{
    struct rig *r = make(LEAP_DAY);

    to(r, HZ - 300);
    assert_int_equal(rd(r, A), 0x26);
    to(r, HZ - 244);
    assert_int_equal(rd(r, A), 0xa6);
    wr(r, B, 0x82);
    assert_int_equal(rd(r, A), 0x26);
    wr(r, B, 0x02);
    to(r, HZ);
    assert_int_equal(rd(r, A), 0x26);
    wr(r, A, 0xff);
    assert_int_equal(rd(r, A), 0x7f);
    end(r);
}

static void binary_and_twelve_hours(void **state)
{
    struct rig *r = make(LEAP_DAY);

    wr(r, B, 0x06);
    shows(r, (const uint8_t[]){20, 24, 2, 29, 5, 23, 59, 58});
    wr(r, B, 0x00);
    assert_int_equal(rd(r, 4), 0x91); /* 11 PM */
    to(r, 2 * HZ);
    assert_int_equal(rd(r, 4), 0x12); /* midnight is 12 AM */
    wr(r, 4, 0x92);
    assert_int_equal(rd(r, 4), 0x92); /* noon is 12 PM */
    wr(r, B, 0x02);
    assert_int_equal(rd(r, 4), 0x12);
    wr(r, B, 0x04);
    wr(r, 4, 0x81);
    wr(r, B, 0x06);
    assert_int_equal(rd(r, 4), 13);
    end(r);
}

/* SET: the registers stand while the guest writes them, and the time begins with what they show. */
static void the_time_is_set(void **state)
{
    static const uint8_t index[] = {0x32, 9, 8, 7, 4, 2, 0};
    static const uint8_t value[] = {0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59};
    struct rig *r = make(LEAP_DAY);

    wr(r, B, 0x82);
    for (unsigned i = 0; i < sizeof(index); i++) {
        wr(r, index[i], value[i]);
        to(r, (i + 1) * 10 * HZ);
    }
    assert_int_equal(rd(r, 0), 0x59);
    wr(r, B, 0x02);
    shows(r, (const uint8_t[]){0x19, 0x99, 0x12, 0x31, 6, 0x23, 0x59, 0x59});
    to(r, 71 * HZ);
    shows(r, (const uint8_t[]){0x20, 0x00, 0x01, 0x01, 7, 0x00, 0x00, 0x00});
    /* and one register at a time, while it runs */
    wr(r, 2, 0x30);
    shows(r, (const uint8_t[]){0x20, 0x00, 0x01, 0x01, 7, 0x00, 0x30, 0x00});
    /* nonsense is some time, and nothing else */
    wr(r, 8, 0xff);
    wr(r, 7, 0x00);
    wr(r, 0x32, 0x00);
    to(r, 72 * HZ);
    assert_int_equal(rd(r, 0), 0x01);
    end(r);
}

static void alarms(void **state)
{
    struct rig *r = make(LEAP_DAY - 58); /* 23:59:00 */

    wr(r, 5, 0x00);
    wr(r, 3, 0x01);
    wr(r, 1, 0x30);
    wr(r, B, 0x22);
    to(r, 149 * HZ);
    assert_false(r->level);
    to(r, 150 * HZ);
    assert_true(r->level);
    assert_int_equal(rd(r, C) & 0xb0, 0xb0); /* IRQF, AF, and UF, which is not enabled */
    assert_false(r->level);
    assert_int_equal(rd(r, C), 0x00);
    /* a day later, and not before */
    to(r, (150 + 86399) * (uint64_t)HZ);
    assert_false(r->level);
    to(r, (150 + 86400) * (uint64_t)HZ);
    assert_true(r->level);
    (void)rd(r, C);
    /* every hour, every minute, every second: registers of 0xc0 and up match all */
    wr(r, 5, 0xff);
    to(r, (150 + 90000) * (uint64_t)HZ);
    assert_true(r->level);
    (void)rd(r, C);
    wr(r, 3, 0xc0);
    to(r, (150 + 90060) * (uint64_t)HZ);
    assert_true(r->level);
    (void)rd(r, C);
    wr(r, 1, 0xff);
    to(r, (150 + 90061) * (uint64_t)HZ);
    assert_true(r->level);
    (void)rd(r, C);
    /* a time that there is not */
    wr(r, 5, 0x25);
    assert_int_equal(vml_clock_next(&r->clock.clock), VML_CLOCK_NEVER);
    to(r, 500000 * (uint64_t)HZ);
    assert_false(r->level);
    end(r);
}

static void updates(void **state)
{
    struct rig *r = make(LEAP_DAY);

    wr(r, B, 0x12);
    to(r, HZ - 1);
    assert_false(r->level);
    to(r, HZ);
    assert_true(r->level);
    /* nobody looks: nothing more is asked of the host */
    assert_int_equal(vml_clock_next(&r->clock.clock), VML_CLOCK_NEVER);
    to(r, 100 * HZ);
    assert_int_equal(r->changes, 1);
    assert_int_equal(rd(r, C) & 0x90, 0x90);
    to(r, 101 * HZ);
    assert_true(r->level);
    wr(r, B, 0x92); /* SET clears UIE */
    assert_int_equal(rd(r, B), 0x82);
    assert_false(r->level);
    end(r);
}

/* RS 6: 1024 Hz. */
static void periodic(void **state)
{
    struct rig *r = make(LEAP_DAY);
    unsigned seen = 0;

    wr(r, B, 0x42);
    for (uint64_t t = 100; t <= HZ; t += 100) {
        to(r, t);
        if (r->level) {
            seen++;
            assert_int_equal(rd(r, C) & 0xe0, 0xc0);
        }
    }
    assert_int_equal(seen, 1024);
    wr(r, A, 0x20);
    (void)rd(r, C);
    to(r, 2 * HZ);
    assert_false(r->level);
    /* 1 and 2 are 256 and 128 Hz, 3 is 8192 Hz, 15 is 2 Hz */
    static const uint16_t rates[][2] = {{1, 256}, {2, 128}, {3, 8192}, {8, 256}, {15, 2}};

    for (size_t i = 0; i < VML_ARRAY_SIZE(rates); i++) {
        uint64_t start = (uint64_t)(3 + i) * HZ;

        to(r, start);
        wr(r, A, (uint8_t)(0x20 | rates[i][0]));
        (void)rd(r, C);
        uint64_t next = vml_clock_next(&r->clock.clock);

        assert_true(next > start && (next - start - 1) * rates[i][1] <= HZ);
    }
    end(r);
}

static void memory(void **state)
{
    struct rig *r = make(LEAP_DAY);

    wr(r, 0x0e, 0x11);
    wr(r, 0x7f, 0x22);
    assert_int_equal(rd(r, 0x0e), 0x11);
    assert_int_equal(rd(r, 0xff), 0x22); /* bit 7 of the index is not the clock's */
    assert_int_equal(vml_mc146818_set(&r->rtc, 0x34, 0x55), VML_OK);
    assert_int_equal(rd(r, 0x34), 0x55);
    assert_int_equal(vml_mc146818_set(&r->rtc, D, 0), VML_ERR_RANGE);
    assert_int_equal(vml_mc146818_set(&r->rtc, 0x32, 0), VML_ERR_RANGE);
    assert_int_equal(vml_mc146818_set(&r->rtc, 0x80, 0), VML_ERR_RANGE);
    wr(r, D, 0);
    wr(r, C, 0xff);
    assert_int_equal(rd(r, D), 0x80);
    assert_int_equal(rd(r, C), 0);
    end(r);
}

static void reset_keeps_time_and_memory(void **state)
{
    struct rig *r = make(LEAP_DAY);

    wr(r, 0x40, 0x77);
    wr(r, B, 0x16);
    to(r, HZ);
    assert_true(r->level);
    r->rtc.device.ops->reset(&r->rtc.device);
    assert_false(r->level);
    assert_int_equal(rd(r, B), 0x06);
    assert_int_equal(rd(r, C), 0);
    assert_int_equal(rd(r, 0x40), 0x77);
    assert_int_equal(rd(r, 0), 59);
    end(r);
}

static size_t save(struct rig *r, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    r->rtc.device.ops->save(&r->rtc.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct rig *r, const uint8_t *image, size_t size)
{
    struct vml_state_reader reader;

    vml_state_reader_init(&reader, image, size);
    return r->rtc.device.ops->restore(&r->rtc.device, &reader);
}

static void save_and_restore(void **state)
{
    uint8_t image[256], before[256], after[256];
    struct rig *r = make(LEAP_DAY), *s = make(LEAP_DAY + 3600);
    size_t n, m;

    wr(r, B, 0x02);
    wr(r, 4, 0x12); /* the guest's clock is eleven hours behind */
    wr(r, 5, 0x12);
    wr(r, 3, 0x59);
    wr(r, 1, 0x59);
    wr(r, B, 0x22);
    (void)rd(r, C);
    wr(r, 0x50, 0xaa);
    n = save(r, image, sizeof(image));
    m = save(s, before, sizeof(before));
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_not_equal(restore(s, image, cut), VML_OK);
        assert_int_equal(save(s, after, sizeof(after)), m);
        assert_memory_equal(after, before, m);
    }
    /* An hour later elsewhere: the guest's clock has gone on, and its alarm is overdue. */
    assert_int_equal(restore(s, image, n), VML_OK);
    shows(s, (const uint8_t[]){0x20, 0x24, 0x02, 0x29, 5, 0x13, 0x59, 0x58});
    assert_int_equal(rd(s, 0x50), 0xaa);
    assert_true(s->level);
    end(s);
    s = make(LEAP_DAY);
    assert_int_equal(restore(s, image, n), VML_OK);
    assert_false(s->level);
    to(s, HZ);
    assert_true(s->level);
    end(s);
    end(r);
}

static void images_that_are_refused(void **state)
{
    static const struct {
        uint8_t index, value;
    } bad[] = {{A, 0x80}, {B, 0x90}, {C, 0x80}, {C, 0x01}, {D, 0x00}};
    uint8_t image[256];
    struct rig *r = make(LEAP_DAY);

    for (size_t i = 0; i < VML_ARRAY_SIZE(bad); i++) {
        uint8_t kept = r->rtc.state.bytes[bad[i].index];
        size_t n;

        r->rtc.state.bytes[bad[i].index] = bad[i].value;
        n = save(r, image, sizeof(image));
        r->rtc.state.bytes[bad[i].index] = kept;
        assert_int_equal(restore(r, image, n), VML_ERR_CORRUPT);
        assert_int_equal(r->rtc.state.bytes[bad[i].index], kept);
    }
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(the_clock_runs),
        cmocka_unit_test(update_in_progress),
        cmocka_unit_test(binary_and_twelve_hours),
        cmocka_unit_test(the_time_is_set),
        cmocka_unit_test(alarms),
        cmocka_unit_test(updates),
        cmocka_unit_test(periodic),
        cmocka_unit_test(memory),
        cmocka_unit_test(reset_keeps_time_and_memory),
        cmocka_unit_test(save_and_restore),
        cmocka_unit_test(images_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
