/* A clock that one thread advances against a guest that enables, reads and clears interrupts on another:
 * the wire is right in the end. */
#include "test.h"
#include <stdatomic.h>
#include <vml/mc146818.h>

enum { HZ = 32768, A = 0x0a, B = 0x0b, C = 0x0c, ROUNDS = 5000 };

static struct vml_virtual_clock clock;
static struct vml_mc146818 rtc;
static _Atomic bool level;
static _Atomic bool done;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    atomic_store(&level, on);
}

static uint8_t port(uint32_t offset, bool write, uint8_t value)
{
    struct vml_access a = {.offset = offset, .size = 1, .write = write, .value = value};

    assert_int_equal(rtc.device.ops->access(&rtc.device, &a), VML_BUS_OK);
    return (uint8_t)a.value;
}

static uint8_t rd(uint8_t index)
{
    (void)port(0, true, index);
    return port(1, false, 0);
}

static void wr(uint8_t index, uint8_t value)
{
    (void)port(0, true, index);
    (void)port(1, true, value);
}

static void advance(void *context)
{
    for (uint64_t tick = 4; !atomic_load(&done); tick += 4) {
        vml_virtual_clock_advance(&clock, tick);
    }
}

static void guest(void *context)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        wr(A, (uint8_t)(0x20 | (3 + i % 4)));        /* 8192 to 1024 a second */
        wr(B, (uint8_t)(0x02 | (i % 3 ? 0x40 : 0))); /* periodic interrupts */
        (void)rd(0);
        (void)rd(C);
    }
    atomic_store(&done, true);
}

static void the_wire_is_right_in_the_end(void **state)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct vml_mc146818_config config = {
        .irq = {&ops, NULL, 8, 0}, .clock = &clock.clock, .epoch_s = 1709251198};
    struct vml_thread threads[2];

    assert_int_equal(vml_virtual_clock_init(&clock, HZ), VML_OK);
    assert_int_equal(vml_mc146818_init(&rtc, &config), VML_OK);
    assert_int_equal(vml_thread_create(&threads[0], "clock", advance, NULL), VML_OK);
    assert_int_equal(vml_thread_create(&threads[1], "guest", guest, NULL), VML_OK);
    vml_thread_join(&threads[0]);
    vml_thread_join(&threads[1]);
    wr(A, 0x26);
    wr(B, 0x42);
    (void)rd(C);
    assert_false(atomic_load(&level));
    vml_virtual_clock_advance(&clock, clock.ticks + HZ / 1024 + 1);
    assert_true(atomic_load(&level));
    assert_int_equal(rd(C) & 0xc0, 0xc0);
    assert_false(atomic_load(&level));
    vml_mc146818_destroy(&rtc);
    vml_clock_destroy(&clock.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_wire_is_right_in_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
