/* A clock that one thread advances against registers that two others write. */
#include "test.h"
#include <stdatomic.h>
#include <vml/sp804.h>

#define ROUNDS 2000

static struct vml_virtual_clock clock;
static struct vml_sp804 timers;
static _Atomic bool level[3];
static _Atomic uint32_t done;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    atomic_store(&level[line], on);
}

static uint32_t rd(uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 4};

    assert_int_equal(timers.device.ops->access(&timers.device, &a), VML_BUS_OK);
    return (uint32_t)a.value;
}

static void wr(uint32_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(timers.device.ops->access(&timers.device, &a), VML_BUS_OK);
}

static void advance(void *context)
{
    for (uint64_t tick = 1; atomic_load(&done) < 2; tick++) {
        vml_virtual_clock_advance(&clock, tick);
    }
}

static void rewrite(void *context)
{
    uint32_t base = *(const uint32_t *)context;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        wr(base + 0x00, i % 16 + 1);
        wr(base + 0x08, i % 3 ? 0xe2 : 0xa2);
        wr(base + 0x0c, 1);
        (void)rd(base + 0x04);
    }
    atomic_fetch_add(&done, 1);
}

static void the_outputs_are_right_in_the_end(void **state)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    static const uint32_t bases[2] = {0x00, 0x20};
    struct vml_sp804_config config = {.irq = {{&ops, NULL, 0, 0}, {&ops, NULL, 1, 0}},
                                      .combined = {&ops, NULL, 2, 0},
                                      .clock = &clock.clock};
    struct vml_thread threads[3];

    assert_int_equal(vml_virtual_clock_init(&clock, 1000), VML_OK);
    assert_int_equal(vml_sp804_init(&timers, &config), VML_OK);
    assert_int_equal(vml_thread_create(&threads[0], "clock", advance, NULL), VML_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            vml_thread_create(&threads[1 + i], "guest", rewrite, (void *)(uintptr_t)&bases[i]),
            VML_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&level[0]), rd(0x14));
    assert_int_equal(atomic_load(&level[1]), rd(0x34));
    assert_int_equal(atomic_load(&level[2]), rd(0x14) | rd(0x34));
    /* and what is armed is right, too: an interrupt comes when it is due */
    wr(0x28, 0);
    wr(0x00, 5);
    wr(0x08, 0xe2);
    wr(0x0c, 1);
    assert_false(atomic_load(&level[2]));
    vml_virtual_clock_advance(&clock, clock.ticks + 5);
    assert_true(atomic_load(&level[0]) && atomic_load(&level[2]));
    vml_sp804_destroy(&timers);
    vml_clock_destroy(&clock.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_outputs_are_right_in_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
