/* The SP804 from DDI 0271, on a virtual clock whose ticks are TIMCLK's. */
#include "test.h"
#include <vml/sp804.h>

enum {
    LOAD = 0x00,
    VALUE = 0x04,
    CONTROL = 0x08,
    INTCLR = 0x0c,
    RIS = 0x10,
    MIS = 0x14,
    BGLOAD = 0x18
};
enum { SECOND = 0x20, ITCR = 0xf00, ITOP = 0xf04 };
enum {
    ONE_SHOT = 1,
    SIZE_32 = 2,
    BY_16 = 4,
    BY_256 = 8,
    INT = 0x20,
    PERIODIC = 0x40,
    ENABLE = 0x80
};

struct rig {
    struct vml_sp804 timers;
    struct vml_virtual_clock clock;
    bool level[3];
    unsigned changes;
};

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct rig *r = controller;

    assert_true(vml_mutex_try_lock(&r->timers.lock));
    vml_mutex_unlock(&r->timers.lock);
    r->level[line] = level;
    r->changes++;
}

static struct rig *make(uint64_t clock_hz, uint64_t hz)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_sp804_config config = {.irq = {{&ops, r, 0, 0}, {&ops, r, 1, 0}},
                                      .combined = {&ops, r, 2, 0},
                                      .clock = &r->clock.clock,
                                      .frequency_hz = hz};

    assert_int_equal(vml_virtual_clock_init(&r->clock, clock_hz), VML_OK);
    assert_int_equal(vml_sp804_init(&r->timers, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_sp804_destroy(&r->timers);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static uint32_t rd(struct rig *r, uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 4};

    assert_int_equal(r->timers.device.ops->access(&r->timers.device, &a), VML_BUS_OK);
    return (uint32_t)a.value;
}

static void wr(struct rig *r, uint32_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(r->timers.device.ops->access(&r->timers.device, &a), VML_BUS_OK);
}

static void to(struct rig *r, uint64_t ticks)
{
    vml_virtual_clock_advance(&r->clock, ticks);
}

static void reset_values_and_identification(void **state)
{
    static const uint8_t id[] = {0x04, 0x18, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct rig *r = make(1000, 0);
    struct vml_access bad = {.offset = LOAD, .size = 8};
    struct vml_sp804_config config = {.clock = NULL};
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_sp804_regs, &row), VML_OK);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(rd(r, SECOND * i + LOAD), 0);
        assert_int_equal(rd(r, SECOND * i + VALUE), 0xffffffff);
        assert_int_equal(rd(r, SECOND * i + CONTROL), 0x20);
        assert_int_equal(rd(r, SECOND * i + INTCLR), 0);
        assert_int_equal(rd(r, SECOND * i + RIS), 0);
        assert_int_equal(rd(r, SECOND * i + MIS), 0);
        assert_int_equal(rd(r, SECOND * i + BGLOAD), 0);
    }
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(rd(r, 0xfe0 + 4 * i), id[i]);
    }
    wr(r, CONTROL, 0xffffff7f);
    assert_int_equal(rd(r, CONTROL), 0x6f);
    assert_int_equal(r->timers.device.ops->access(&r->timers.device, &bad), VML_BUS_FAULT);
    assert_int_equal(vml_sp804_init(&r->timers, &config), VML_ERR_INVALID);
    config.clock = &r->clock.clock;
    config.frequency_hz = UINT64_C(1) << 32;
    assert_int_equal(vml_sp804_init(&r->timers, &config), VML_ERR_INVALID);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static void counts_only_while_enabled(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, LOAD, 100);
    assert_int_equal(rd(r, VALUE), 100);
    to(r, 50);
    assert_int_equal(rd(r, VALUE), 100);
    wr(r, CONTROL, ENABLE | SIZE_32);
    to(r, 60);
    assert_int_equal(rd(r, VALUE), 90);
    wr(r, CONTROL, SIZE_32);
    to(r, 90);
    assert_int_equal(rd(r, VALUE), 90);
    wr(r, CONTROL, ENABLE | SIZE_32);
    to(r, 95);
    assert_int_equal(rd(r, VALUE), 85);
    assert_int_equal(rd(r, SECOND + VALUE), 0xffffffff);
    end(r);
}

static void periodic(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, LOAD, 10);
    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32);
    to(r, 9);
    assert_false(r->level[0]);
    assert_int_equal(rd(r, VALUE), 1);
    to(r, 10);
    assert_true(r->level[0] && r->level[2] && !r->level[1]);
    assert_int_equal(rd(r, VALUE), 10);
    assert_int_equal(rd(r, RIS), 1);
    wr(r, INTCLR, 0); /* any value */
    assert_false(r->level[0] || r->level[2]);
    to(r, 19);
    assert_false(r->level[0]);
    to(r, 20);
    assert_true(r->level[0]);
    /* Several periods without anybody looking: one interrupt, and the phase stays. */
    to(r, 57);
    assert_int_equal(rd(r, VALUE), 3);
    wr(r, INTCLR, 1);
    assert_int_equal(rd(r, RIS), 0);
    to(r, 60);
    assert_true(r->level[0]);
    end(r);
}

/* "When the counter reaches 0, it halts until reprogrammed." */
static void one_shot(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, LOAD, 10);
    wr(r, CONTROL, ENABLE | ONE_SHOT | PERIODIC | INT | SIZE_32);
    to(r, 10);
    assert_true(r->level[0]);
    wr(r, INTCLR, 1);
    to(r, 1000);
    assert_int_equal(rd(r, VALUE), 0);
    assert_false(r->level[0]);
    wr(r, LOAD, 5);
    to(r, 1004);
    assert_false(r->level[0]);
    to(r, 1005);
    assert_true(r->level[0]);
    wr(r, INTCLR, 1);
    /* Cleared, it goes on in the mode that is set. */
    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32);
    to(r, 1010);
    assert_int_equal(rd(r, VALUE), 1);
    to(r, 1011);
    assert_true(r->level[0]);
    end(r);
}

static void free_running(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, LOAD, 3);
    wr(r, CONTROL, ENABLE | INT | SIZE_32);
    to(r, 3);
    assert_true(r->level[0]);
    assert_int_equal(rd(r, VALUE), 0);
    wr(r, INTCLR, 1);
    to(r, 4);
    assert_int_equal(rd(r, VALUE), 0xffffffff);
    to(r, UINT64_C(0x100000002));
    assert_int_equal(rd(r, VALUE), 1);
    assert_false(r->level[0]);
    to(r, UINT64_C(0x100000003));
    assert_true(r->level[0]);
    /* not only where somebody looked at zero: three times around and a bit */
    wr(r, INTCLR, 1);
    to(r, UINT64_C(0x400000005));
    assert_int_equal(rd(r, VALUE), 0xfffffffe);
    assert_int_equal(rd(r, RIS), 1);
    end(r);
}

/* "The most significant 16 bits [...] are not automatically set to 0 when in 16-bit timer mode." */
static void sixteen_bits(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, CONTROL, ENABLE | INT);
    to(r, 0x10);
    assert_int_equal(rd(r, VALUE), 0xffffffef);
    to(r, 0xffff);
    assert_true(r->level[0]);
    assert_int_equal(rd(r, VALUE), 0xffff0000);
    to(r, 0x10000);
    assert_int_equal(rd(r, VALUE), 0xffffffff);
    wr(r, LOAD, 0x20005);
    wr(r, INTCLR, 1);
    wr(r, CONTROL, ENABLE | INT | PERIODIC);
    to(r, 0x10005);
    assert_true(r->level[0]);
    assert_int_equal(rd(r, VALUE), 0x20005);
    end(r);
}

static void background_load_waits_for_zero(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, LOAD, 10);
    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32);
    to(r, 4);
    wr(r, BGLOAD, 100);
    assert_int_equal(rd(r, VALUE), 6);
    assert_int_equal(rd(r, LOAD), 100);
    assert_int_equal(rd(r, BGLOAD), 100);
    to(r, 10);
    assert_true(r->level[0]);
    assert_int_equal(rd(r, VALUE), 100);
    end(r);
}

/* "The minimum valid value for TimerXLoad is 1. If TimerXLoad is set to 0 then an interrupt is
 * generated immediately." No matter how short the period, the host works only when the guest does.
 * */
static void a_load_of_zero_interrupts_at_once_and_does_not_storm(void **state)
{
    struct rig *r = make(1000, 0);
    unsigned changes;

    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32);
    wr(r, LOAD, 0);
    assert_true(r->level[0]);
    assert_int_equal(vml_clock_next(&r->clock.clock), VML_CLOCK_NEVER);
    changes = r->changes;
    to(r, 1000000);
    assert_int_equal(r->changes, changes);
    wr(r, INTCLR, 1);
    assert_false(r->level[0]);
    to(r, 1000001);
    assert_true(r->level[0]);
    assert_int_equal(rd(r, VALUE), 0);
    end(r);
}

static void prescaler(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, LOAD, 10);
    wr(r, SECOND + LOAD, 10);
    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32 | BY_16);
    wr(r, SECOND + CONTROL, ENABLE | PERIODIC | INT | SIZE_32 | BY_256);
    to(r, 159);
    assert_int_equal(rd(r, VALUE), 1);
    to(r, 160);
    assert_true(r->level[0]);
    to(r, 167);
    assert_int_equal(rd(r, VALUE), 10); /* looking does not restart the prescaler */
    to(r, 176);
    assert_int_equal(rd(r, VALUE), 9);
    to(r, 2559);
    assert_false(r->level[1]);
    to(r, 2560);
    assert_true(r->level[1]);
    end(r);
}

static void timclk_of_its_own(void **state)
{
    struct rig *r = make(62500000, 1000000);

    wr(r, LOAD, 1000);
    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32);
    to(r, 62499);
    assert_false(r->level[0]);
    assert_int_equal(rd(r, VALUE), 1);
    to(r, 62500);
    assert_true(r->level[0]);
    end(r);
}

static void mask_and_both_timers(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, LOAD, 5);
    wr(r, CONTROL, ENABLE | PERIODIC | SIZE_32);
    wr(r, SECOND + LOAD, 7);
    wr(r, SECOND + CONTROL, ENABLE | PERIODIC | INT | SIZE_32);
    to(r, 7);
    assert_false(r->level[0]);
    assert_true(r->level[1] && r->level[2]);
    assert_int_equal(rd(r, RIS), 1);
    assert_int_equal(rd(r, MIS), 0);
    assert_int_equal(rd(r, SECOND + MIS), 1);
    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32);
    assert_true(r->level[0]);
    wr(r, SECOND + INTCLR, 1);
    assert_true(r->level[2]); /* still the other one */
    wr(r, INTCLR, 1);
    assert_false(r->level[2]);
    end(r);
}

static void integration_test_registers(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, ITOP, 3);
    assert_false(r->level[0]);
    wr(r, ITCR, 1);
    assert_true(r->level[0] && r->level[1] && r->level[2]);
    wr(r, ITOP, 2);
    assert_true(!r->level[0] && r->level[1] && r->level[2]);
    wr(r, ITCR, 0);
    assert_false(r->level[1] || r->level[2]);
    end(r);
}

static void reset_stops_and_lowers(void **state)
{
    struct rig *r = make(1000, 0);

    wr(r, LOAD, 5);
    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32);
    to(r, 5);
    assert_true(r->level[0]);
    r->timers.device.ops->reset(&r->timers.device);
    assert_false(r->level[0] || r->level[2]);
    assert_int_equal(vml_clock_next(&r->clock.clock), VML_CLOCK_NEVER);
    assert_int_equal(rd(r, VALUE), 0xffffffff);
    assert_int_equal(rd(r, CONTROL), 0x20);
    end(r);
}

static size_t save(struct rig *r, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    r->timers.device.ops->save(&r->timers.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct rig *r, const uint8_t *image, size_t size)
{
    struct vml_state_reader reader;

    vml_state_reader_init(&reader, image, size);
    return r->timers.device.ops->restore(&r->timers.device, &reader);
}

static void save_and_restore(void **state)
{
    uint8_t image[256], before[256], after[256];
    struct rig *r = make(1000, 0), *s = make(1000, 0);
    size_t n, m;

    wr(r, LOAD, 100);
    wr(r, CONTROL, ENABLE | PERIODIC | INT | SIZE_32 | BY_16);
    wr(r, SECOND + LOAD, 5);
    wr(r, SECOND + CONTROL, ENABLE | ONE_SHOT | INT | SIZE_32);
    to(r, 165); /* 10 steps and 5 ticks; the second one has fired */
    n = save(r, image, sizeof(image));
    m = save(s, before, sizeof(before));
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_not_equal(restore(s, image, cut), VML_OK);
        assert_int_equal(save(s, after, sizeof(after)), m);
        assert_memory_equal(after, before, m);
    }
    /* At another time elsewhere: the count goes on from where it was, prescaler included. */
    to(s, 1000000);
    assert_int_equal(restore(s, image, n), VML_OK);
    assert_int_equal(save(s, after, sizeof(after)), n);
    assert_memory_equal(after, image, n);
    assert_true(s->level[1] && s->level[2] && !s->level[0]);
    assert_int_equal(rd(s, VALUE), 90);
    to(s, 1000000 + 10);
    assert_int_equal(rd(s, VALUE), 90);
    to(s, 1000000 + 11);
    assert_int_equal(rd(s, VALUE), 89);
    to(s, 1000000 + 1600 - 165);
    assert_true(s->level[0]);
    end(s);
    /* On a clock that has only begun, the prescaler begins too; nothing waits for ever. */
    s = make(1000, 0);
    assert_int_equal(restore(s, image, n), VML_OK);
    to(s, 90 * 16);
    assert_true(s->level[0]);
    end(s);
    end(r);
}

static void images_that_are_refused(void **state)
{
    uint8_t image[256], bad[256];
    struct rig *r = make(1000, 0);
    size_t n = save(r, image, sizeof(image));
    unsigned refused = 0;

    /* Of each byte, every one that does not give the same state again is refused or is taken whole.
       */
    for (size_t i = 0; i < n; i++) {
        memcpy(bad, image, n);
        bad[i] ^= 0xff;
        if (restore(r, bad, n) != VML_OK) {
            refused++;
        }
        (void)save(r, bad, sizeof(bad));
        assert_int_equal(rd(r, RIS) & ~1u, 0);
        assert_int_equal(rd(r, CONTROL) & ~0xefu, 0);
    }
    assert_true(refused > 16);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values_and_identification),
        cmocka_unit_test(counts_only_while_enabled),
        cmocka_unit_test(periodic),
        cmocka_unit_test(one_shot),
        cmocka_unit_test(free_running),
        cmocka_unit_test(sixteen_bits),
        cmocka_unit_test(background_load_waits_for_zero),
        cmocka_unit_test(a_load_of_zero_interrupts_at_once_and_does_not_storm),
        cmocka_unit_test(prescaler),
        cmocka_unit_test(timclk_of_its_own),
        cmocka_unit_test(mask_and_both_timers),
        cmocka_unit_test(integration_test_registers),
        cmocka_unit_test(reset_stops_and_lowers),
        cmocka_unit_test(save_and_restore),
        cmocka_unit_test(images_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
