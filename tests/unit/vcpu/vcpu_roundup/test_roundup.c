/* One thread: what does not wait. */
#include "test.h"

#include <vml/roundup.h>

static struct vml_cpu cpus[2];
static struct vml_cpu *pointers[2] = {&cpus[0], &cpus[1]};
static struct vml_cpu *sorted[2];
static struct vml_cpu_set set;
static const struct vml_cpu_start start = {.entry = 4};

static int setup(void **state)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct vml_cpu_config config = {.index = i, .mpidr = i, .host_cpu = UINT32_MAX};

        assert_int_equal(vml_cpu_init(&cpus[i], &config), VML_OK);
    }
    assert_int_equal(vml_cpu_set_init(&set, pointers, sorted, 2), VML_OK);
    return 0;
}

static int teardown(void **state)
{
    vml_cpu_set_destroy(&set);
    vml_cpu_destroy(&cpus[0]);
    vml_cpu_destroy(&cpus[1]);
    return 0;
}

static void test_vcpus_that_are_off_are_rounded_up_as_they_are(void **state)
{
    assert_false(vml_rounded_up(&set));
    vml_roundup(&set, NULL);
    assert_true(vml_rounded_up(&set));
    vml_roundup(&set, NULL);
    vml_resume(&set, NULL);
    assert_true(vml_rounded_up(&set));
    vml_resume(&set, NULL);
    assert_false(vml_rounded_up(&set));
}

static void test_an_active_vcpu_is_recalled_and_waited_for(void **state)
{
    assert_int_equal(vml_cpu_start(&cpus[0], &start), VML_OK);
    assert_int_equal(vml_cpu_wait_on(&cpus[0]), VML_OK);
    assert_int_equal(vml_cpu_enter(&cpus[0]), VML_OK);
    assert_int_equal(vml_roundup_until(&set, NULL, 0), VML_ERR_TIMEOUT);
    assert_false(vml_rounded_up(&set));
    assert_true(vml_cpu_has_requests(&cpus[0]));
    /* Nothing is in force any more: the vCPU goes on, in emulation as well. */
    vml_cpu_exit(&cpus[0]);
    assert_int_equal(vml_roundup_until(&set, NULL, 0), VML_ERR_TIMEOUT);
    assert_int_equal(vml_cpu_enter(&cpus[0]), VML_OK);
    assert_false(vml_cpu_has_requests(&cpus[0]));
    vml_cpu_park(&cpus[0]);
    assert_int_equal(vml_roundup_until(&set, NULL, 0), VML_OK);
    vml_resume(&set, NULL);
}

static void test_from_a_vcpus_own_thread(void **state)
{
    assert_int_equal(vml_cpu_start(&cpus[0], &start), VML_OK);
    assert_int_equal(vml_cpu_wait_on(&cpus[0]), VML_OK);
    assert_int_equal(vml_cpu_enter(&cpus[0]), VML_OK);
    vml_cpu_exit(&cpus[0]);
    vml_roundup(&set, &cpus[0]);
    assert_true(vml_rounded_up(&set));
    vml_roundup(&set, &cpus[0]);
    vml_resume(&set, &cpus[0]);
    assert_true(vml_rounded_up(&set));
    vml_resume(&set, &cpus[0]);
    assert_false(vml_rounded_up(&set));
    assert_int_equal(vml_roundup_until(&set, NULL, 0), VML_ERR_TIMEOUT);
    assert_int_equal(vml_cpu_enter(&cpus[0]), VML_OK);
}

static void test_exit_and_stop_get_through_a_round_up(void **state)
{
    assert_int_equal(vml_cpu_start(&cpus[0], &start), VML_OK);
    assert_int_equal(vml_cpu_wait_on(&cpus[0]), VML_OK);
    vml_cpu_park(&cpus[0]);
    vml_roundup(&set, NULL);
    vml_cpu_recall(&cpus[0], VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_cpu_enter(&cpus[0]), VML_ERR_AGAIN);
    assert_true(vml_rounded_up(&set));
    assert_int_equal(vml_cpu_take_requests(&cpus[0], ~0u), VML_CPU_REQUEST_EXIT);
    vml_cpu_stop(&cpus[0]);
    assert_int_equal(vml_cpu_enter(&cpus[0]), VML_ERR_STATE);
    assert_true(vml_rounded_up(&set));
    vml_resume(&set, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_vcpus_that_are_off_are_rounded_up_as_they_are),
        T(test_an_active_vcpu_is_recalled_and_waited_for),
        T(test_from_a_vcpus_own_thread),
        T(test_exit_and_stop_get_through_a_round_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
