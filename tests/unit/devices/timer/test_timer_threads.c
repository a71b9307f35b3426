/* A clock that one thread advances against registers that two others write. */
#include "test.h"

#include <vml/timer.h>

#define ROUNDS 3000

static struct vml_virtual_clock clock;
static struct vml_timer timer;
static _Atomic int level;
static _Atomic uint32_t done;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    atomic_store(&level, on);
}

static const struct vml_irq_ops irq_ops = {.set_level = set_level};

static void advance(void *context)
{
    for (uint64_t tick = 1; atomic_load(&done) < 2; tick++) {
        vml_virtual_clock_advance(&clock, tick);
    }
}

static void rewrite(void *context)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        vml_timer_write_tval(&timer, VML_TIMER_VIRTUAL, i % 16);
        vml_timer_write_ctl(&timer, VML_TIMER_VIRTUAL, i % 4);
        (void)vml_timer_next(&timer);
    }
    atomic_fetch_add(&done, 1);
}

static void test_the_output_is_right_in_the_end(void **state)
{
    struct vml_timer_config config = {
        .clock = &clock.clock,
        .irq = {[VML_TIMER_VIRTUAL] = {&irq_ops, NULL, VML_TIMER_VIRTUAL_INTID, 0}},
    };
    struct vml_thread threads[3];

    assert_int_equal(vml_virtual_clock_init(&clock, 1000), VML_OK);
    assert_int_equal(vml_timer_init(&timer, &config), VML_OK);
    assert_int_equal(vml_thread_create(&threads[0], "clock", advance, NULL), VML_OK);
    assert_int_equal(vml_thread_create(&threads[1], "a", rewrite, NULL), VML_OK);
    assert_int_equal(vml_thread_create(&threads[2], "b", rewrite, NULL), VML_OK);
    for (unsigned i = 0; i < 3; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&level), vml_timer_next(&timer) == 0);
    vml_timer_write_ctl(&timer, VML_TIMER_VIRTUAL, VML_TIMER_CTL_ENABLE);
    vml_timer_write_tval(&timer, VML_TIMER_VIRTUAL, 5);
    assert_int_equal(atomic_load(&level), 0);
    vml_virtual_clock_advance(&clock, vml_timer_physical_count(&timer) + 5);
    assert_int_equal(atomic_load(&level), 1);
    vml_timer_destroy(&timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_output_is_right_in_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
