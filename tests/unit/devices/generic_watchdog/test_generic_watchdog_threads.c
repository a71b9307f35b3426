/* A clock that one thread advances against a guest that refreshes on two vCPUs: signal 0 is right in the
 * end. */
#include "test.h"
#include <stdatomic.h>
#include <vml/generic_watchdog.h>

enum { WCS = 0x00, WOR = 0x08, WRR = 0x1000, EN = 1, WS0 = 2, WS1 = 4, ROUNDS = 3000 };

static struct vml_virtual_clock clock;
static struct vml_timer timer;
static struct vml_generic_watchdog watchdog;
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
        (void)go(WOR, true, i % 16 + 1);
        (void)go(WCS, true, i % 5 ? EN : 0);
        (void)go(WRR, true, 1);
        (void)go(WCS, false, 0);
    }
    atomic_fetch_add(&done, 1);
}

static void the_signal_is_right_in_the_end(void **state)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct vml_timer_config of_timer = {.clock = &clock.clock};
    struct vml_generic_watchdog_config config = {
        .irq = {&ops, NULL, 0, 0}, .timer = &timer, .expired = expired};
    struct vml_thread threads[3];
    uint32_t before;

    assert_int_equal(vml_virtual_clock_init(&clock, 1000), VML_OK);
    assert_int_equal(vml_timer_init(&timer, &of_timer), VML_OK);
    assert_int_equal(vml_generic_watchdog_init(&watchdog, &config), VML_OK);
    assert_int_equal(vml_thread_create(&threads[0], "clock", advance, NULL), VML_OK);
    for (unsigned i = 1; i < 3; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "guest", guest, NULL), VML_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&level), (go(WCS, false, 0) & WS0) != 0);
    /* and what is armed is right, too */
    (void)go(WOR, true, 5);
    (void)go(WCS, true, EN);
    (void)go(WRR, true, 1);
    assert_false(atomic_load(&level));
    before = atomic_load(&expirations);
    vml_virtual_clock_advance(&clock, clock.ticks + 6);
    assert_true(atomic_load(&level));
    assert_int_equal(atomic_load(&expirations), before);
    vml_virtual_clock_advance(&clock, clock.ticks + 6);
    assert_int_equal(atomic_load(&expirations), before + 1);
    vml_generic_watchdog_destroy(&watchdog);
    vml_timer_destroy(&timer);
    vml_clock_destroy(&clock.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_signal_is_right_in_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
