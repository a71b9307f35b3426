/* A wire that several threads drive: it follows at once, and is right in the end. */
#include "test.h"

#include <stdatomic.h>
#include <vml/irq_driver.h>

static struct vml_mutex lock;
static struct vml_irq_driver driver;
static _Atomic bool wire;
static _Atomic bool linger;
static _Atomic bool inside;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    (void)controller;
    (void)line;
    (void)cpu;
    atomic_store(&wire, level);
    if (level && atomic_load(&linger)) {
        atomic_store(&inside, true);
        while (atomic_load(&linger)) { /* as if another thread had been given its time */
            vml_thread_yield();
        }
    }
}

static const struct vml_irq_ops ops = {.set_level = set_level};

static void drive(bool level)
{
    bool changed;

    vml_mutex_lock(&lock);
    changed = vml_irq_driver_set(&driver, level);
    vml_mutex_unlock(&lock);
    if (changed) {
        vml_irq_driver_send(&driver, &lock);
    }
}

static void raise_wire(void *context)
{
    (void)context;
    drive(true);
}

static int setup(void **state)
{
    const struct vml_irq irq = {.ops = &ops};

    (void)state;
    vml_mutex_init(&lock);
    vml_irq_driver_init(&driver, &irq);
    atomic_store(&wire, false);
    atomic_store(&inside, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vml_mutex_destroy(&lock);
    return 0;
}

/* The thread that raised the wire has not returned yet, and a vCPU ends the interrupt: the wire is low
 * when its write returns, and stays low when that thread goes on. */
static void a_wire_follows_while_another_thread_is_inside(void **state)
{
    struct vml_thread thread;

    (void)state;
    atomic_store(&linger, true);
    assert_int_equal(vml_thread_create(&thread, "raise", raise_wire, NULL), VML_OK);
    while (!atomic_load(&inside)) {
        vml_thread_yield();
    }
    assert_true(atomic_load(&wire));
    drive(false);
    assert_false(atomic_load(&wire));
    atomic_store(&linger, false);
    vml_thread_join(&thread);
    assert_false(atomic_load(&wire));
    assert_int_equal(driver.inside, 0);
}

static void toggle(void *context)
{
    unsigned seed = *(unsigned *)context;

    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * 1664525u + 1013904223u;
        drive(seed >> 31);
    }
}

static void a_wire_is_right_in_the_end(void **state)
{
    unsigned seeds[3] = {1, 2, 3};
    struct vml_thread threads[3];

    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 3; i++) {
            seeds[i] += 3;
            assert_int_equal(vml_thread_create(&threads[i], "toggle", toggle, &seeds[i]), VML_OK);
        }
        for (unsigned i = 0; i < 3; i++) {
            vml_thread_join(&threads[i]);
        }
        assert_int_equal(atomic_load(&wire), driver.level);
        assert_int_equal(driver.inside, 0);
    }
}

static void a_level_that_stays_is_not_sent_but_by_force(void **state)
{
    (void)state;
    drive(true);
    atomic_store(&wire, false); /* as a controller that was restored */
    drive(true);
    assert_false(atomic_load(&wire));
    vml_mutex_lock(&lock);
    assert_true(vml_irq_driver_force(&driver, true));
    vml_mutex_unlock(&lock);
    vml_irq_driver_send(&driver, &lock);
    assert_true(atomic_load(&wire));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wire_follows_while_another_thread_is_inside, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_wire_is_right_in_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_level_that_stays_is_not_sent_but_by_force, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
