/* The SP805 from DDI 0270, on a virtual clock whose ticks are WDOGCLK's. */
#include "test.h"
#include <vml/sp805.h>

enum { LOAD = 0x00, VALUE = 0x04, CONTROL = 0x08, INTCLR = 0x0c, RIS = 0x10, MIS = 0x14 };
enum { LOCK = 0xc00, ITCR = 0xf00, ITOP = 0xf04, INTEN = 1, RESEN = 2 };

struct rig {
    struct vml_sp805 watchdog;
    struct vml_virtual_clock clock;
    bool level, resets_device;
    unsigned changes, expired;
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
    r->changes++;
}

static void expired(void *context)
{
    struct rig *r = context;

    no_lock_is_held(r);
    r->expired++;
    if (r->resets_device) {
        r->watchdog.device.ops->reset(&r->watchdog.device);
    }
}

static struct rig *make(void)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_sp805_config config = {
        .irq = {&ops, r, 0, 0}, .clock = &r->clock.clock, .expired = expired, .context = r};

    assert_int_equal(vml_virtual_clock_init(&r->clock, 1000), VML_OK);
    assert_int_equal(vml_sp805_init(&r->watchdog, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_sp805_destroy(&r->watchdog);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static uint32_t rd(struct rig *r, uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 4};

    assert_int_equal(r->watchdog.device.ops->access(&r->watchdog.device, &a), VML_BUS_OK);
    return (uint32_t)a.value;
}

static void wr(struct rig *r, uint32_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(r->watchdog.device.ops->access(&r->watchdog.device, &a), VML_BUS_OK);
}

static void to(struct rig *r, uint64_t ticks)
{
    vml_virtual_clock_advance(&r->clock, ticks);
}

static void reset_values_and_identification(void **state)
{
    static const uint8_t id[] = {0x05, 0x18, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct rig *r = make();
    struct vml_access bad = {.offset = LOAD, .size = 2};
    struct vml_sp805_config config = {.clock = NULL};
    struct vml_sp805 other;
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_sp805_regs, &row), VML_OK);
    assert_int_equal(rd(r, LOAD), 0xffffffff);
    assert_int_equal(rd(r, VALUE), 0xffffffff);
    assert_int_equal(rd(r, CONTROL), 0);
    assert_int_equal(rd(r, RIS), 0);
    assert_int_equal(rd(r, MIS), 0);
    assert_int_equal(rd(r, LOCK), 0);
    assert_int_equal(rd(r, INTCLR), 0);
    assert_int_equal(rd(r, ITCR), 0);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(rd(r, 0xfe0 + 4 * i), id[i]);
    }
    assert_int_equal(r->watchdog.device.ops->access(&r->watchdog.device, &bad), VML_BUS_FAULT);
    assert_int_equal(vml_sp805_init(&other, &config), VML_ERR_INVALID);
    config.clock = &r->clock.clock;
    config.frequency_hz = UINT64_C(1) << 32;
    assert_int_equal(vml_sp805_init(&other, &config), VML_ERR_INVALID);
    end(r);
}

/* INTEN: "set HIGH to enable the counter and the interrupt". */
static void counts_only_with_inten(void **state)
{
    struct rig *r = make();

    wr(r, LOAD, 100);
    wr(r, CONTROL, RESEN);
    to(r, 1000);
    assert_int_equal(rd(r, VALUE), 100);
    assert_int_equal(r->expired, 0);
    wr(r, CONTROL, RESEN | INTEN);
    to(r, 1030);
    assert_int_equal(rd(r, VALUE), 70);
    wr(r, CONTROL, RESEN);
    to(r, 2000);
    assert_int_equal(rd(r, VALUE), 70);
    /* "reloads the counter [...] when the interrupt is enabled, after previously being disabled" */
    wr(r, CONTROL, INTEN);
    assert_int_equal(rd(r, VALUE), 100);
    /* and not when it is enabled already */
    to(r, 2010);
    wr(r, CONTROL, INTEN | RESEN);
    assert_int_equal(rd(r, VALUE), 90);
    end(r);
}

static void interrupts_then_resets(void **state)
{
    struct rig *r = make();

    wr(r, LOAD, 100);
    wr(r, CONTROL, INTEN | RESEN);
    to(r, 99);
    assert_false(r->level);
    to(r, 100);
    assert_true(r->level);
    assert_int_equal(rd(r, VALUE), 0);
    assert_int_equal(rd(r, MIS), 1);
    to(r, 101);
    assert_int_equal(rd(r, VALUE), 100);
    to(r, 200);
    assert_int_equal(r->expired, 0);
    to(r, 201);
    assert_int_equal(r->expired, 1);
    /* "the counter stops", and the reset is asked for once */
    to(r, 5000);
    assert_int_equal(rd(r, VALUE), 0);
    assert_int_equal(r->expired, 1);
    r->watchdog.device.ops->reset(&r->watchdog.device);
    assert_false(r->level);
    assert_int_equal(rd(r, LOAD), 0xffffffff);
    wr(r, LOAD, 10);
    wr(r, CONTROL, INTEN | RESEN);
    to(r, 5021);
    assert_int_equal(r->expired, 2);
    end(r);
}

/* An embedder that resets the machine from inside the hook. */
static void may_be_reset_from_the_hook(void **state)
{
    struct rig *r = make();

    r->resets_device = true;
    wr(r, LOAD, 10);
    wr(r, CONTROL, INTEN | RESEN);
    to(r, 100);
    assert_int_equal(r->expired, 1);
    assert_false(r->level);
    assert_int_equal(rd(r, CONTROL), 0);
    end(r);
}

static void a_guest_that_clears_the_interrupt_lives(void **state)
{
    struct rig *r = make();

    wr(r, LOAD, 100);
    wr(r, CONTROL, INTEN | RESEN);
    for (uint64_t t = 150; t < 2000; t += 150) {
        to(r, t);
        assert_true(r->level);
        wr(r, INTCLR, 0);
        assert_false(r->level);
        assert_int_equal(rd(r, VALUE), 100);
    }
    /* a write of WDOGLOAD feeds it too */
    wr(r, LOAD, 200);
    to(r, 2140);
    assert_int_equal(rd(r, VALUE), 10);
    assert_int_equal(r->expired, 0);
    end(r);
}

static void without_resen_it_only_interrupts(void **state)
{
    struct rig *r = make();
    unsigned changes;

    wr(r, LOAD, 9);
    wr(r, CONTROL, INTEN);
    to(r, 9);
    assert_true(r->level);
    assert_int_equal(vml_clock_next(&r->clock.clock), VML_CLOCK_NEVER);
    changes = r->changes;
    to(r, 1000004);
    assert_int_equal(rd(r, VALUE), 5);
    assert_int_equal(r->changes, changes);
    assert_int_equal(r->expired, 0);
    wr(r, CONTROL, 0);
    assert_false(r->level);
    assert_int_equal(rd(r, RIS), 1);
    assert_int_equal(rd(r, MIS), 0);
    /* RESEN set late: the next time it reaches zero */
    wr(r, CONTROL, INTEN | RESEN);
    to(r, 1000012);
    assert_int_equal(r->expired, 0);
    to(r, 1000013);
    assert_int_equal(r->expired, 1);
    end(r);
}

/* How a driver restarts the machine: a load of 0, with everything enabled. */
static void a_load_of_zero_resets_at_once(void **state)
{
    struct rig *r = make();

    wr(r, LOAD, 0);
    assert_false(r->level);
    wr(r, CONTROL, INTEN | RESEN);
    assert_true(r->level);
    to(r, 1);
    assert_int_equal(r->expired, 1);
    end(r);
    r = make();
    wr(r, CONTROL, INTEN);
    wr(r, LOAD, 0);
    assert_true(r->level);
    end(r);
}

static void lock_register(void **state)
{
    struct rig *r = make();
    struct vml_access bad = {.offset = LOAD, .size = 8, .write = true};

    wr(r, LOCK, 1);
    assert_int_equal(rd(r, LOCK), 1);
    wr(r, LOAD, 5);
    wr(r, CONTROL, 3);
    wr(r, ITCR, 1);
    assert_int_equal(rd(r, LOAD), 0xffffffff);
    assert_int_equal(rd(r, CONTROL), 0);
    assert_int_equal(rd(r, ITCR), 0);
    assert_int_equal(r->watchdog.device.ops->access(&r->watchdog.device, &bad), VML_BUS_FAULT);
    wr(r, LOCK, 0x1acce550);
    assert_int_equal(rd(r, LOCK), 1);
    wr(r, LOCK, VML_SP805_UNLOCK);
    assert_int_equal(rd(r, LOCK), 0);
    wr(r, LOAD, 5);
    assert_int_equal(rd(r, LOAD), 5);
    /* locked, it goes on, and cannot be fed */
    wr(r, CONTROL, INTEN | RESEN);
    wr(r, LOCK, 0);
    to(r, 5);
    wr(r, INTCLR, 1);
    assert_true(r->level);
    to(r, 11);
    assert_int_equal(r->expired, 1);
    end(r);
}

static void integration_test_registers(void **state)
{
    struct rig *r = make();

    wr(r, ITOP, 3);
    assert_int_equal(r->expired, 0);
    wr(r, ITCR, 1);
    assert_true(r->level);
    assert_int_equal(r->expired, 1);
    wr(r, ITOP, 0);
    assert_false(r->level);
    wr(r, ITOP, 2);
    assert_int_equal(r->expired, 2);
    wr(r, ITCR, 0);
    end(r);
}

static size_t save(struct rig *r, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    r->watchdog.device.ops->save(&r->watchdog.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct rig *r, const uint8_t *image, size_t size)
{
    struct vml_state_reader reader;

    vml_state_reader_init(&reader, image, size);
    return r->watchdog.device.ops->restore(&r->watchdog.device, &reader);
}

static void save_and_restore(void **state)
{
    uint8_t image[128], before[128], after[128];
    struct rig *r = make(), *s = make();
    size_t n, m;

    wr(r, LOAD, 100);
    wr(r, CONTROL, INTEN | RESEN);
    wr(r, LOCK, 1);
    to(r, 130);
    n = save(r, image, sizeof(image));
    m = save(s, before, sizeof(before));
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_not_equal(restore(s, image, cut), VML_OK);
        assert_int_equal(save(s, after, sizeof(after)), m);
        assert_memory_equal(after, before, m);
    }
    /* Time that passed while nobody ran does not count. */
    to(s, 1000000);
    assert_int_equal(restore(s, image, n), VML_OK);
    assert_int_equal(save(s, after, sizeof(after)), n);
    assert_memory_equal(after, image, n);
    assert_true(s->level);
    assert_int_equal(rd(s, LOCK), 1);
    assert_int_equal(rd(s, VALUE), 71);
    to(s, 1000070);
    assert_int_equal(s->expired, 0);
    to(s, 1000071);
    assert_int_equal(s->expired, 1);
    /* Saved between the request and the reset: it is asked for again. */
    n = save(s, image, sizeof(image));
    assert_int_equal(restore(r, image, n), VML_OK);
    assert_int_equal(r->expired, 1);
    end(s);
    end(r);
}

static void images_that_are_refused(void **state)
{
    uint8_t image[128], bad[128];
    struct rig *r = make();
    size_t n = save(r, image, sizeof(image));
    unsigned refused = 0;

    for (size_t i = 0; i < n; i++) {
        memcpy(bad, image, n);
        bad[i] ^= 0xff;
        refused += restore(r, bad, n) != VML_OK;
        assert_int_equal(rd(r, RIS) & ~1u, 0);
        assert_int_equal(rd(r, LOCK) & ~1u, 0);
        assert_int_equal(rd(r, CONTROL) & ~3u, 0);
    }
    assert_true(refused > 16);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values_and_identification),
        cmocka_unit_test(counts_only_with_inten),
        cmocka_unit_test(interrupts_then_resets),
        cmocka_unit_test(may_be_reset_from_the_hook),
        cmocka_unit_test(a_guest_that_clears_the_interrupt_lives),
        cmocka_unit_test(without_resen_it_only_interrupts),
        cmocka_unit_test(a_load_of_zero_resets_at_once),
        cmocka_unit_test(lock_register),
        cmocka_unit_test(integration_test_registers),
        cmocka_unit_test(save_and_restore),
        cmocka_unit_test(images_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
