/*
 * Mock engines on threads against several callers of round-up.  What the guest does is a count that
 * is not atomic: whoever has the world rounded up reads and writes it, so that the thread sanitizer
 * sees any progress that is not ordered, and the count itself any progress at all.
 */
#include "test.h"

#include <vml/roundup.h>

#define CPUS   3
#define ROUNDS 200

static struct vml_cpu cpus[CPUS];
static struct vml_cpu *pointers[CPUS];
static struct vml_cpu *sorted[CPUS];
static struct vml_cpu_set set;
static struct vml_thread threads[CPUS];
static uint64_t guest_work[CPUS];
static _Atomic uint32_t ask_own;    /* vCPU 0 shall round up itself */
static _Atomic uint64_t seen_moves; /* progress seen while rounded up */
static _Atomic uint32_t wakes[CPUS];

static int setup(void **state)
{
    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_cpu_config config = {.index = i, .mpidr = i, .host_cpu = UINT32_MAX};

        assert_int_equal(vml_cpu_init(&cpus[i], &config), VML_OK);
        pointers[i] = &cpus[i];
        guest_work[i] = 0;
        atomic_store(&wakes[i], 0);
    }
    assert_int_equal(vml_cpu_set_init(&set, pointers, sorted, CPUS), VML_OK);
    atomic_store(&seen_moves, 0);
    atomic_store(&ask_own, 0);
    return 0;
}

static int teardown(void **state)
{
    vml_cpu_set_destroy(&set);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_destroy(&cpus[i]);
    }
    return 0;
}

/* The world stands: look twice, and touch it. */
static void inspect(void)
{
    uint64_t before[CPUS];

    for (uint32_t i = 0; i < CPUS; i++) {
        before[i] = guest_work[i];
    }
    vml_thread_yield();
    for (uint32_t i = 0; i < CPUS; i++) {
        if (guest_work[i] != before[i]) {
            atomic_fetch_add(&seen_moves, 1);
        }
        guest_work[i] = before[i];
    }
    if (!vml_rounded_up(&set)) {
        atomic_fetch_add(&seen_moves, 1);
    }
}

static _Atomic uint32_t inspecting;

/* Several callers may have the world rounded up at once: they share it among themselves. */
static void inspect_alone(void)
{
    if (atomic_exchange(&inspecting, 1) == 0) {
        inspect();
        atomic_store(&inspecting, 0);
    }
}

static void engine(void *context)
{
    struct vml_cpu *cpu = context;
    uint32_t index = cpu->config.index;

    while (vml_cpu_wait_on(cpu) == VML_OK) {
        while (vml_cpu_enter(cpu) == VML_OK) {
            (void)vml_cpu_take_requests(cpu, VML_CPU_REQUEST_IRQ);
            /* Guest code, until recalled or some instructions have run */
            for (unsigned n = 0; n < 50 && !vml_cpu_has_requests(cpu); n++) {
                guest_work[index]++;
            }
            vml_cpu_exit(cpu);
            guest_work[index]++;
            if (index == 0 && atomic_exchange(&ask_own, 0)) {
                vml_roundup(&set, cpu);
                inspect_alone();
                vml_roundup(&set, cpu);
                vml_resume(&set, cpu);
                inspect_alone();
                vml_resume(&set, cpu);
                guest_work[index]++;
            }
            if (index == 1) {
                if (vml_cpu_wait(cpu, VML_TIME_NEVER) == VML_OK) {
                    atomic_fetch_add(&wakes[index], 1);
                }
            }
        }
        if (vml_cpu_take_requests(cpu, VML_CPU_REQUEST_EXIT)) {
            return;
        }
    }
}

static void start_all(void)
{
    static const struct vml_cpu_start start = {.entry = 0};

    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "vcpu", engine, &cpus[i]), VML_OK);
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(vml_cpu_start(&cpus[i], &start), VML_OK);
    }
}

static void end_all(void)
{
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_stop(&cpus[i]);
    }
    assert_int_equal(vml_cpus_wait_off(&set, VML_TIME_NEVER), VML_OK);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_recall(&cpus[i], VML_CPU_REQUEST_EXIT);
        vml_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&seen_moves), 0);
    assert_int_equal(atomic_load(&set.roundups), 0);
}

static void test_nobody_moves(void **state)
{
    start_all();
    for (unsigned i = 0; i < ROUNDS; i++) {
        vml_roundup(&set, NULL);
        inspect_alone();
        vml_resume(&set, NULL);
        vml_cpu_wake(&cpus[1]);
    }
    end_all();
}

static void rounder(void *context)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        vml_roundup(&set, NULL);
        inspect_alone();
        vml_resume(&set, NULL);
    }
}

static void test_several_callers_and_a_vcpu_at_once(void **state)
{
    struct vml_thread others[2];

    start_all();
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vml_thread_create(&others[i], "rounder", rounder, NULL), VML_OK);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_store(&ask_own, 1);
        vml_cpu_wake(&cpus[1]);
        vml_cpu_recall(&cpus[i % CPUS], VML_CPU_REQUEST_IRQ);
        vml_thread_yield();
    }
    for (unsigned i = 0; i < 2; i++) {
        vml_thread_join(&others[i]);
    }
    end_all();
}

static void test_start_and_stop_under_roundups(void **state)
{
    static const struct vml_cpu_start start = {.entry = 0};
    struct vml_thread other;

    start_all();
    assert_int_equal(vml_thread_create(&other, "rounder", rounder, NULL), VML_OK);
    for (unsigned i = 0; i < ROUNDS; i++) {
        enum vml_status status;

        vml_cpu_stop(&cpus[2]);
        while ((status = vml_cpu_start(&cpus[2], &start)) == VML_ERR_STATE) {
            vml_thread_yield();
        }
        assert_true(status == VML_OK || status == VML_ERR_BUSY);
    }
    vml_thread_join(&other);
    end_all();
}

static void test_no_wake_up_is_lost(void **state)
{
    start_all();
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        uint32_t before = atomic_load(&wakes[1]);

        vml_roundup(&set, NULL);
        vml_cpu_wake(&cpus[1]);
        vml_resume(&set, NULL);
        while (atomic_load(&wakes[1]) == before) {
            vml_thread_yield();
        }
    }
    end_all();
}

static void test_a_pause_holds_one_vcpu(void **state)
{
    start_all();
    for (unsigned i = 0; i < ROUNDS; i++) {
        vml_cpu_request_features(&cpus[2], VML_CPU_BY_VMM, VML_CPU_PAUSED);
        vml_roundup(&set, NULL);
        inspect_alone();
        vml_resume(&set, NULL);
        vml_cpu_request_features(&cpus[2], VML_CPU_BY_VMM, 0);
    }
    end_all();
}

static _Atomic uint32_t winners;
static _Atomic uint32_t losers;

static void starter(void *context)
{
    static const struct vml_cpu_start start = {.entry = 0};
    enum vml_status status = vml_cpu_start(&cpus[2], &start);

    atomic_fetch_add(status == VML_OK ? &winners : &losers, 1);
}

static void test_exactly_one_start_succeeds(void **state)
{
    for (unsigned round = 0; round < 50; round++) {
        struct vml_thread callers[4];

        atomic_store(&winners, 0);
        atomic_store(&losers, 0);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(vml_thread_create(&callers[i], "starter", starter, NULL), VML_OK);
        }
        for (unsigned i = 0; i < 4; i++) {
            vml_thread_join(&callers[i]);
        }
        assert_int_equal(atomic_load(&winners), 1);
        assert_int_equal(atomic_load(&losers), 3);
        vml_cpu_stop(&cpus[2]);
    }
}

static void wait_off_thread(void *context)
{
    if (vml_cpus_wait_off(&set, VML_TIME_NEVER) != VML_OK) {
        atomic_fetch_add(&seen_moves, 1);
    }
}

static void test_many_wait_for_off(void **state)
{
    struct vml_thread waiters[2];

    start_all();
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vml_thread_create(&waiters[i], "waiter", wait_off_thread, NULL), VML_OK);
    }
    end_all();
    for (unsigned i = 0; i < 2; i++) {
        vml_thread_join(&waiters[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_nobody_moves),
        T(test_several_callers_and_a_vcpu_at_once),
        T(test_start_and_stop_under_roundups),
        T(test_no_wake_up_is_lost),
        T(test_a_pause_holds_one_vcpu),
        T(test_exactly_one_start_succeeds),
        T(test_many_wait_for_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
