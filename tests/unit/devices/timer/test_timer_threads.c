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

static void linger(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    atomic_store(&level, on);
    for (uint32_t i = 0; on && i < 2000; i++) { /* as if another thread ran instead */
        vml_thread_yield();
    }
}

static void pass_deadline(void *context)
{
    vml_virtual_clock_advance(&clock, 10);
}

/* A vCPU whose interrupt comes before the clock's thread has returned from raising it: when the write
 * that ends it returns, the output is low. */
static void test_the_output_has_followed_when_a_write_returns(void **state)
{
    static const struct vml_irq_ops lingering = {.set_level = linger};
    struct vml_timer_config config = {
        .clock = &clock.clock,
        .irq = {[VML_TIMER_VIRTUAL] = {&lingering, NULL, VML_TIMER_VIRTUAL_INTID, 0}},
    };
    struct vml_thread thread;

    for (uint32_t how = 0; how < 3; how++) {
        atomic_store(&level, 0);
        assert_int_equal(vml_virtual_clock_init(&clock, 1000), VML_OK);
        assert_int_equal(vml_timer_init(&timer, &config), VML_OK);
        vml_timer_write_cval(&timer, VML_TIMER_VIRTUAL, 10);
        vml_timer_write_ctl(&timer, VML_TIMER_VIRTUAL, VML_TIMER_CTL_ENABLE);
        assert_int_equal(vml_thread_create(&thread, "clock", pass_deadline, NULL), VML_OK);
        while (!atomic_load(&level)) {
            vml_thread_yield();
        }
        if (how == 0) {
            vml_timer_write_ctl(&timer, VML_TIMER_VIRTUAL, 0);
        } else if (how == 1) {
            vml_timer_write_cval(&timer, VML_TIMER_VIRTUAL, 100);
        } else {
            vml_timer_write_tval(&timer, VML_TIMER_VIRTUAL, 100);
        }
        assert_int_equal(atomic_load(&level), 0);
        vml_thread_join(&thread);
        assert_int_equal(atomic_load(&level), 0);
        vml_timer_write_ctl(&timer, VML_TIMER_VIRTUAL, 0);
        vml_timer_destroy(&timer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_output_is_right_in_the_end),
        cmocka_unit_test(test_the_output_has_followed_when_a_write_returns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
