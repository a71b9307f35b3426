/* The Generic Watchdog from the Base System Architecture's pseudocode, on a timer of a virtual
   clock. */
#include "test.h"
#include <vml/generic_watchdog.h>

enum { WCS = 0x00, WOR = 0x08, WCV = 0x10, IIDR = 0xfcc, WRR = 0x1000 };
enum { EN = 1, WS0 = 2, WS1 = 4 };

struct rig {
    struct vml_generic_watchdog watchdog;
    struct vml_virtual_clock clock;
    struct vml_timer timer;
    bool level;
    unsigned expired;
};

static void no_lock_is_held(struct rig *r)
{
    assert_true(vml_mutex_try_lock(&r->watchdog.lock));
    vml_mutex_unlock(&r->watchdog.lock);
}

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct rig *r = controller;

    no_lock_is_held(r);
    r->level = level;
}

static void expired(void *context)
{
    struct rig *r = context;

    no_lock_is_held(r);
    r->expired++;
}

static struct rig *make(void)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_timer_config timer = {.clock = &r->clock.clock};
    struct vml_generic_watchdog_config config = {
        .irq = {&ops, r, 0, 0}, .timer = &r->timer, .expired = expired, .context = r};

    assert_int_equal(vml_virtual_clock_init(&r->clock, 1000), VML_OK);
    assert_int_equal(vml_timer_init(&r->timer, &timer), VML_OK);
    assert_int_equal(vml_generic_watchdog_init(&r->watchdog, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_generic_watchdog_destroy(&r->watchdog);
    vml_timer_destroy(&r->timer);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static uint64_t rd(struct rig *r, uint32_t offset, uint8_t size)
{
    struct vml_access a = {.offset = offset, .size = size};

    assert_int_equal(r->watchdog.device.ops->access(&r->watchdog.device, &a), VML_BUS_OK);
    return a.value;
}

static void wr(struct rig *r, uint32_t offset, uint8_t size, uint64_t value)
{
    struct vml_access a = {.offset = offset, .size = size, .write = true, .value = value};

    assert_int_equal(r->watchdog.device.ops->access(&r->watchdog.device, &a), VML_BUS_OK);
}

static void to(struct rig *r, uint64_t ticks)
{
    vml_virtual_clock_advance(&r->clock, ticks);
}

static void reset_values_and_frames(void **state)
{
    struct rig *r = make();
    struct vml_access bad = {.offset = WCS, .size = 1};
    struct vml_generic_watchdog_config config = {.timer = NULL};
    struct vml_generic_watchdog other;
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_generic_watchdog_regs, &row), VML_OK);
    assert_int_equal(rd(r, WCS, 4), 0);
    /* bits 19:16: version 1, so WOR has 48 bits */
    assert_int_equal(rd(r, IIDR, 4) >> 16 & 15, 1);
    assert_int_equal(rd(r, 0x1000 + IIDR, 4), rd(r, IIDR, 4));
    assert_int_equal(rd(r, WRR, 4), 0);
    wr(r, WOR, 8, UINT64_MAX);
    assert_int_equal(rd(r, WOR, 8), UINT64_C(0xffffffffffff));
    wr(r, WOR + 4, 4, 0x12345678);
    wr(r, WOR, 4, 0x9abcdef0);
    assert_int_equal(rd(r, WOR, 8), UINT64_C(0x56789abcdef0));
    assert_int_equal(rd(r, WOR + 4, 4), 0x5678);
    wr(r, WCV, 4, 1);
    wr(r, WCV + 4, 4, 2);
    assert_int_equal(rd(r, WCV, 8), UINT64_C(0x200000001));
    assert_int_equal(r->watchdog.device.ops->access(&r->watchdog.device, &bad), VML_BUS_FAULT);
    assert_int_equal(vml_generic_watchdog_init(&other, &config), VML_ERR_INVALID);
    end(r);
}

static void signals_0_and_1(void **state)
{
    struct rig *r = make();

    to(r, 50);
    wr(r, WOR, 4, 100);
    wr(r, WCS, 4, EN);
    assert_int_equal(rd(r, WCV, 8), 150);
    to(r, 150);
    assert_false(r->level); /* the counter is to be greater */
    to(r, 151);
    assert_true(r->level);
    assert_int_equal(rd(r, WCS, 4), EN | WS0);
    assert_int_equal(rd(r, WCV, 8), 251);
    to(r, 251);
    assert_int_equal(r->expired, 0);
    to(r, 252);
    assert_int_equal(r->expired, 1);
    assert_int_equal(rd(r, WCS, 4), EN | WS0 | WS1);
    to(r, 10000);
    assert_int_equal(r->expired, 1);
    assert_int_equal(rd(r, WCV, 8), 251);
    r->watchdog.device.ops->reset(&r->watchdog.device);
    assert_false(r->level);
    assert_int_equal(rd(r, WCS, 4), 0);
    assert_int_equal(vml_clock_next(&r->clock.clock), VML_CLOCK_NEVER);
    end(r);
}

static void each_way_to_refresh(void **state)
{
    static const struct {
        uint32_t offset, value;
    } ways[] = {{WRR, 0}, {WCS, EN}, {WOR, 100}};

    for (size_t i = 0; i < VML_ARRAY_SIZE(ways); i++) {
        struct rig *r = make();

        wr(r, WOR, 4, 100);
        wr(r, WCS, 4, EN);
        to(r, 90);
        wr(r, ways[i].offset, 4, ways[i].value);
        assert_int_equal(rd(r, WCV, 8), 190);
        to(r, 191);
        assert_true(r->level);
        to(r, 200);
        wr(r, ways[i].offset, 4, ways[i].value);
        assert_false(r->level);
        assert_int_equal(rd(r, WCS, 4), EN);
        assert_int_equal(rd(r, WCV, 8), 300);
        /* from signal 1, too */
        to(r, 1000);
        assert_int_equal(r->expired, 1);
        wr(r, ways[i].offset, 4, ways[i].value);
        assert_int_equal(rd(r, WCS, 4), EN);
        to(r, 2000);
        assert_int_equal(r->expired, 2);
        end(r);
    }
}

static void a_compare_value_of_the_guests(void **state)
{
    struct rig *r = make();

    wr(r, WOR, 4, 100);
    wr(r, WCS, 4, EN);
    wr(r, WCV, 8, 500);
    to(r, 500);
    assert_false(r->level);
    to(r, 501);
    assert_true(r->level);
    wr(r, WRR, 4, 1);
    /* In the past: at once, and the second signal an offset from now. */
    to(r, 550);
    wr(r, WCV, 8, 3);
    assert_true(r->level);
    assert_int_equal(r->expired, 0);
    assert_int_equal(rd(r, WCV, 8), 650);
    to(r, 651);
    assert_int_equal(r->expired, 1);
    /* The greatest value is never passed. */
    wr(r, WCS, 4, EN);
    wr(r, WCV, 8, UINT64_MAX);
    assert_int_equal(vml_clock_next(&r->clock.clock), VML_CLOCK_NEVER);
    assert_false(r->level);
    end(r);
}

static void disabled_it_is_silent(void **state)
{
    struct rig *r = make();

    wr(r, WOR, 4, 10);
    to(r, 1000);
    assert_false(r->level);
    wr(r, WCS, 4, EN);
    to(r, 1011);
    assert_true(r->level);
    wr(r, WCS, 4, 0);
    assert_false(r->level);
    assert_int_equal(rd(r, WCS, 4), 0);
    to(r, 5000);
    assert_int_equal(r->expired, 0);
    /* The signals are read-only. */
    wr(r, WCS, 4, WS0 | WS1);
    assert_int_equal(rd(r, WCS, 4), 0);
    end(r);
}

/* Long after: both signals, each once. */
static void nobody_looks_for_long(void **state)
{
    struct rig *r = make();

    wr(r, WOR, 8, 0);
    wr(r, WCS, 4, EN);
    to(r, UINT64_C(1) << 60);
    assert_true(r->level);
    assert_int_equal(r->expired, 1);
    assert_int_equal(rd(r, WCV, 8), 1);
    end(r);
}

static size_t save(struct rig *r, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    vml_timer_save(&r->timer, &w);
    r->watchdog.device.ops->save(&r->watchdog.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct rig *r, const uint8_t *image, size_t size)
{
    struct vml_state_reader reader;
    enum vml_status status;

    vml_state_reader_init(&reader, image, size);
    status = vml_timer_restore(&r->timer, &reader);
    return status == VML_OK ? r->watchdog.device.ops->restore(&r->watchdog.device, &reader)
                            : status;
}

static void save_and_restore(void **state)
{
    uint8_t image[256], before[256], after[256];
    struct rig *r = make(), *s = make();
    size_t n, m, timers;
    struct vml_state_writer w;

    wr(r, WOR, 4, 100);
    wr(r, WCS, 4, EN);
    to(r, 130);
    n = save(r, image, sizeof(image));
    vml_state_writer_init(&w, after, sizeof(after));
    vml_timer_save(&r->timer, &w);
    timers = w.used;
    m = save(s, before, sizeof(before));
    for (size_t cut = timers; cut < n; cut++) {
        struct vml_state_reader reader;

        vml_state_reader_init(&reader, image + timers, cut - timers);
        assert_int_not_equal(s->watchdog.device.ops->restore(&s->watchdog.device, &reader), VML_OK);
        assert_int_equal(save(s, after, sizeof(after)), m);
        assert_memory_equal(after, before, m);
    }
    /* Elsewhere, much later by the host's clock: the guest's count went on from 130. */
    to(s, 1000000);
    assert_int_equal(restore(s, image, n), VML_OK);
    assert_true(s->level);
    assert_int_equal(rd(s, WCV, 8), 201);
    to(s, 1000000 + 201 - 130);
    assert_int_equal(s->expired, 0);
    to(s, 1000000 + 202 - 130);
    assert_int_equal(s->expired, 1);
    end(s);
    end(r);
}

static void images_that_are_refused(void **state)
{
    static const uint32_t bad[] = {WS0, WS1, EN | WS1, 8};
    uint8_t image[128];
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct rig *r = make();

    for (size_t i = 0; i < VML_ARRAY_SIZE(bad); i++) {
        r->watchdog.state.WCS = bad[i];
        vml_state_writer_init(&w, image, sizeof(image));
        vml_state_begin(&w, VML_STATE_TAG('G', 'W', 'D', 'T'), 1);
        vml_regs_save(&vml_generic_watchdog_regs, &r->watchdog.state, &w);
        vml_state_end(&w);
        r->watchdog.state.WCS = 0;
        vml_state_reader_init(&reader, image, w.used);
        assert_int_equal(r->watchdog.device.ops->restore(&r->watchdog.device, &reader),
                         VML_ERR_CORRUPT);
        assert_int_equal(rd(r, WCS, 4), 0);
    }
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values_and_frames), cmocka_unit_test(signals_0_and_1),
        cmocka_unit_test(each_way_to_refresh),     cmocka_unit_test(a_compare_value_of_the_guests),
        cmocka_unit_test(disabled_it_is_silent),   cmocka_unit_test(nobody_looks_for_long),
        cmocka_unit_test(save_and_restore),        cmocka_unit_test(images_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
