/* A clock that one thread advances against a guest that feeds the watchdog on two vCPUs: it is told of a
 * reset once at most, and the wire is right in the end. */
#include "test.h"
#include <stdatomic.h>
#include <vml/sp805.h>

enum { LOAD = 0x00, CONTROL = 0x08, INTCLR = 0x0c, RIS = 0x10, MIS = 0x14, ROUNDS = 3000 };

static struct vml_virtual_clock clock;
static struct vml_sp805 watchdog;
static _Atomic bool level;
static _Atomic uint32_t expirations;
static _Atomic uint32_t done;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    atomic_store(&level, on);
}

static void expired(void *context)
{
    atomic_fetch_add(&expirations, 1);
}

static uint32_t go(uint32_t offset, bool write, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = write, .value = value};

    assert_int_equal(watchdog.device.ops->access(&watchdog.device, &a), VML_BUS_OK);
    return (uint32_t)a.value;
}

static void advance(void *context)
{
    for (uint64_t tick = 1; atomic_load(&done) < 2; tick++) {
        vml_virtual_clock_advance(&clock, tick);
    }
}

static void guest(void *context)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        (void)go(LOAD, true, i % 16 + 1);
        (void)go(CONTROL, true, i % 3 ? 3 : 1);
        (void)go(INTCLR, true, 1);
        (void)go(RIS, false, 0);
    }
    atomic_fetch_add(&done, 1);
}

static void the_wire_is_right_in_the_end(void **state)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct vml_sp805_config config = {
        .irq = {&ops, NULL, 0, 0}, .clock = &clock.clock, .expired = expired};
    struct vml_thread threads[3];

    assert_int_equal(vml_virtual_clock_init(&clock, 1000), VML_OK);
    assert_int_equal(vml_sp805_init(&watchdog, &config), VML_OK);
    assert_int_equal(vml_thread_create(&threads[0], "clock", advance, NULL), VML_OK);
    for (unsigned i = 1; i < 3; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "guest", guest, NULL), VML_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_in_range(atomic_load(&expirations), 0, 1);
    assert_int_equal(atomic_load(&level), go(MIS, false, 0));
    /* and what is armed is right, too */
    watchdog.device.ops->reset(&watchdog.device);
    assert_false(atomic_load(&level));
    atomic_store(&expirations, 0);
    (void)go(LOAD, true, 5);
    (void)go(CONTROL, true, 3);
    vml_virtual_clock_advance(&clock, clock.ticks + 5);
    assert_true(atomic_load(&level));
    vml_virtual_clock_advance(&clock, clock.ticks + 10);
    assert_int_equal(atomic_load(&expirations), 1);
    vml_sp805_destroy(&watchdog);
    vml_clock_destroy(&clock.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_wire_is_right_in_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
