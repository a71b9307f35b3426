/* One thread: what each call answers, and the state machine. */
#include "test.h"

#include <vml/cpu.h>

#define CPUS 4

static struct vml_cpu cpus[CPUS];
static struct vml_cpu *pointers[CPUS];
static struct vml_cpu *sorted[CPUS];
static struct vml_cpu_set set;
static unsigned recalls;
static unsigned starts;
static struct vml_cpu_start last_start;

static void recall(struct vml_cpu *cpu)
{
    recalls++;
}

static void started(struct vml_cpu *cpu, const struct vml_cpu_start *start)
{
    starts++;
    last_start = *start;
}

static unsigned dumps;

static void dump(struct vml_cpu *cpu)
{
    assert_true(atomic_load(&cpu->active)); /* nobody else may change the registers meanwhile */
    dumps++;
}

static const struct vml_cpu_ops ops = {.recall = recall, .start = started, .dump = dump};
static const struct vml_cpu_start start_a = {.entry = 0x1000, .context = 7, .mode = 1};
static const struct vml_cpu_start start_b = {.entry = 0x2000, .context = 8, .mode = 0};

static int setup(void **state)
{
    static const uint64_t mpidr[CPUS] = {VML_MPIDR(0, 0, 1, 0), VML_MPIDR(0, 0, 0, 1),
                                         VML_MPIDR(1, 0, 0, 0), VML_MPIDR(0, 0, 0, 0)};

    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_cpu_config config = {
            .index = i, .mpidr = mpidr[i], .host_cpu = UINT32_MAX, .ops = &ops};

        assert_int_equal(vml_cpu_init(&cpus[i], &config), VML_OK);
        pointers[i] = &cpus[i];
    }
    assert_int_equal(vml_cpu_set_init(&set, pointers, sorted, CPUS), VML_OK);
    recalls = 0;
    starts = 0;
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

static void bring_up(struct vml_cpu *cpu)
{
    assert_int_equal(vml_cpu_start(cpu, &start_a), VML_OK);
    assert_int_equal(vml_cpu_wait_on(cpu), VML_OK);
}

static void test_init_refuses_bits_that_are_no_affinity(void **state)
{
    struct vml_cpu cpu;
    struct vml_cpu_config config = {.mpidr = UINT64_C(1) << 31};

    assert_int_equal(vml_cpu_init(&cpu, &config), VML_ERR_INVALID);
    config.mpidr = UINT64_C(1) << 40;
    assert_int_equal(vml_cpu_init(&cpu, &config), VML_ERR_INVALID);
}

static void test_set_refuses_wrong_indexes_and_equal_affinities(void **state)
{
    struct vml_cpu_set other;
    struct vml_cpu *swapped[2] = {&cpus[1], &cpus[0]};
    struct vml_cpu *space[2];

    assert_int_equal(vml_cpu_set_init(&other, swapped, space, 2), VML_ERR_INVALID);
    assert_int_equal(vml_cpu_set_init(&other, swapped, space, 0), VML_ERR_INVALID);
    cpus[1].config.mpidr = cpus[0].config.mpidr;
    assert_int_equal(vml_cpu_set_init(&other, pointers, space, 2), VML_ERR_OVERLAP);
}

static void test_lookup_by_affinity(void **state)
{
    assert_ptr_equal(vml_cpu_by_affinity(&set, 0), &cpus[3]);
    assert_ptr_equal(vml_cpu_by_affinity(&set, 1), &cpus[1]);
    assert_ptr_equal(vml_cpu_by_affinity(&set, 0x100), &cpus[0]);
    assert_ptr_equal(vml_cpu_by_affinity(&set, UINT64_C(1) << 32), &cpus[2]);
    /* Bits 31:24 and 63:40 are no affinity: U, MT, RES1. */
    assert_ptr_equal(vml_cpu_by_affinity(&set, UINT64_C(0xc1000001)), &cpus[1]);
    assert_null(vml_cpu_by_affinity(&set, 2));
    assert_null(vml_cpu_by_affinity(&set, VML_MPIDR_AFFINITY_MASK));
}

static void test_state_machine(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    assert_int_equal(vml_cpu_state(cpu), VML_CPU_OFF);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_STATE);
    assert_int_equal(vml_cpu_start(cpu, &start_a), VML_OK);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON_PENDING);
    assert_int_equal(starts, 0);
    assert_int_equal(vml_cpu_start(cpu, &start_b), VML_ERR_BUSY);
    assert_int_equal(vml_cpu_wait_on(cpu), VML_OK);
    assert_int_equal(starts, 1);
    assert_int_equal(last_start.entry, 0x1000);
    assert_int_equal(last_start.context, 7);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON);
    assert_int_equal(vml_cpu_start(cpu, &start_b), VML_ERR_STATE);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON);
    vml_cpu_exit(cpu);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_EMULATING);
    assert_int_equal(vml_cpu_start(cpu, &start_b), VML_ERR_STATE);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON);
}

static void test_stop_takes_effect_at_enter(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    vml_cpu_stop(cpu);
    assert_int_equal(recalls, 1);
    assert_true(vml_cpu_has_requests(cpu));
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON);
    assert_int_equal(vml_cpu_start(cpu, &start_b), VML_ERR_STATE);
    vml_cpu_exit(cpu);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_STATE);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_OFF);
    assert_false(vml_cpu_has_requests(cpu));
    assert_int_equal(vml_cpus_wait_off(&set, 0), VML_OK);
    /* Nothing of it is left for the next life. */
    assert_int_equal(vml_cpu_start(cpu, &start_b), VML_OK);
    assert_int_equal(vml_cpu_wait_on(cpu), VML_OK);
    assert_int_equal(last_start.entry, 0x2000);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
}

static void test_stop_of_an_off_vcpu_is_nothing(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    vml_cpu_stop(cpu);
    bring_up(cpu);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
}

static void test_stop_takes_a_pending_start_back(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    assert_int_equal(vml_cpu_start(cpu, &start_a), VML_OK);
    assert_int_equal(vml_cpus_wait_off(&set, 0), VML_ERR_TIMEOUT);
    vml_cpu_stop(cpu);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_OFF);
    assert_int_equal(vml_cpus_wait_off(&set, 0), VML_OK);
    assert_int_equal(vml_cpu_start(cpu, &start_b), VML_OK);
}

static void test_wait_off_counts_every_vcpu(void **state)
{
    bring_up(&cpus[0]);
    bring_up(&cpus[1]);
    vml_cpu_stop(&cpus[0]);
    assert_int_equal(vml_cpu_enter(&cpus[0]), VML_ERR_STATE);
    assert_int_equal(vml_cpus_wait_off(&set, vml_platform_time_ns() + 1000), VML_ERR_TIMEOUT);
    vml_cpu_stop(&cpus[1]);
    assert_int_equal(vml_cpu_enter(&cpus[1]), VML_ERR_STATE);
    assert_int_equal(vml_cpus_wait_off(&set, 0), VML_OK);
}

static void test_requests_are_taken_once(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    assert_false(vml_cpu_has_requests(cpu));
    vml_cpu_recall(cpu, VML_CPU_REQUEST_IRQ | VML_CPU_REQUEST_ENGINE);
    assert_int_equal(recalls, 1);
    vml_cpu_recall(cpu, VML_CPU_REQUEST_IRQ);
    assert_int_equal(recalls, 1);
    assert_true(vml_cpu_has_requests(cpu));
    /* They do not keep the vCPU from entering: the engine serves them. */
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_int_equal(vml_cpu_take_requests(cpu, VML_CPU_REQUEST_IRQ), VML_CPU_REQUEST_IRQ);
    assert_int_equal(vml_cpu_take_requests(cpu, VML_CPU_REQUEST_IRQ), 0);
    assert_int_equal(vml_cpu_take_requests(cpu, ~0u), VML_CPU_REQUEST_ENGINE);
    assert_false(vml_cpu_has_requests(cpu));
    vml_cpu_recall(cpu, VML_CPU_REQUEST_IRQ);
    assert_int_equal(recalls, 2);
}

static void test_the_models_requests_cannot_be_taken(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    vml_cpu_recall(cpu, VML_CPU_REQUEST_ROUNDUP);
    assert_int_equal(vml_cpu_take_requests(cpu, ~0u), VML_CPU_REQUEST_ROUNDUP);
    assert_true(vml_cpu_has_requests(cpu));
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_false(vml_cpu_has_requests(cpu));
}

static void test_exit_request_leaves_every_wait(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    vml_cpu_recall(cpu, VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_cpu_wait_on(cpu), VML_ERR_AGAIN);
    assert_int_equal(vml_cpu_take_requests(cpu, VML_CPU_REQUEST_EXIT), VML_CPU_REQUEST_EXIT);
    bring_up(cpu);
    vml_cpu_recall(cpu, VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_cpu_wait(cpu, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_AGAIN);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON);
    assert_int_equal(vml_cpu_take_requests(cpu, VML_CPU_REQUEST_EXIT), VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    /* A pause gives way, too. */
    vml_cpu_request_features(cpu, VML_CPU_BY_VMM, VML_CPU_PAUSED);
    vml_cpu_recall(cpu, VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_AGAIN);
}

static void test_wait_times_out_and_remembers_wake_ups(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    assert_int_equal(vml_cpu_wait(cpu, vml_platform_time_ns() + 1000), VML_ERR_TIMEOUT);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON);
    vml_cpu_wake(cpu);
    vml_cpu_wake(cpu);
    assert_int_equal(vml_cpu_wait(cpu, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_cpu_wait(cpu, 0), VML_ERR_TIMEOUT);
    vml_cpu_recall(cpu, VML_CPU_REQUEST_IRQ);
    assert_int_equal(vml_cpu_wait(cpu, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_cpu_wait(cpu, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_cpu_take_requests(cpu, ~0u), VML_CPU_REQUEST_IRQ);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
}

static void test_wake_up_does_not_outlive_the_vcpu(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    vml_cpu_wake(cpu);
    vml_cpu_stop(cpu);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_STATE);
    bring_up(cpu);
    assert_int_equal(vml_cpu_wait(cpu, 0), VML_ERR_TIMEOUT);
}

static void test_a_wake_up_between_start_and_its_taking_is_kept(void **state)
{
    assert_int_equal(vml_cpu_start(&cpus[0], &start_a), VML_OK);
    vml_cpu_wake(&cpus[0]);
    assert_int_equal(vml_cpu_wait_on(&cpus[0]), VML_OK);
    assert_int_equal(vml_cpu_wait(&cpus[0], VML_TIME_NEVER), VML_OK);
}

static void test_stop_wakes_a_waiter(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    vml_cpu_stop(cpu);
    assert_int_equal(vml_cpu_wait(cpu, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_STATE);
}

static void test_features_are_the_union_of_requesters(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    vml_cpu_request_features(cpu, VML_CPU_BY_VMM, VML_CPU_SINGLE_STEP);
    assert_int_equal(recalls, 1);
    assert_int_equal(vml_cpu_take_requests(cpu, ~0u), VML_CPU_REQUEST_RECONFIGURE);
    vml_cpu_request_features(cpu, VML_CPU_BY_INTROSPECTION,
                             VML_CPU_SINGLE_STEP | VML_CPU_TRAP_VM_REGS);
    assert_int_equal(vml_cpu_features(cpu), VML_CPU_SINGLE_STEP | VML_CPU_TRAP_VM_REGS);
    assert_int_equal(recalls, 2);
    /* The union stays as it is: nothing to tell. */
    vml_cpu_request_features(cpu, VML_CPU_BY_VMM, 0);
    assert_int_equal(recalls, 2);
    assert_int_equal(vml_cpu_features(cpu), VML_CPU_SINGLE_STEP | VML_CPU_TRAP_VM_REGS);
    vml_cpu_request_features(cpu, VML_CPU_BY_INTROSPECTION, 0);
    assert_int_equal(vml_cpu_features(cpu), 0);
    assert_int_equal(recalls, 3);
}

static void test_registers_are_printed_at_each_stop(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    dumps = 0;
    bring_up(cpu);
    vml_cpu_park(cpu);
    assert_int_equal(dumps, 0); /* nobody has asked */
    vml_cpu_request_features(cpu, VML_CPU_BY_INTROSPECTION, VML_CPU_DUMP_REGS);
    (void)vml_cpu_take_requests(cpu, ~0u);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK); /* goes on, and did not stop between */
    assert_int_equal(dumps, 0);
    vml_cpu_park(cpu);
    assert_int_equal(dumps, 1);
    vml_cpu_park(cpu); /* stands already */
    assert_int_equal(dumps, 1);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_int_equal(vml_cpu_wait(cpu, 0), VML_ERR_TIMEOUT);
    assert_int_equal(dumps, 2);
    vml_cpu_recall(cpu, VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_AGAIN);
    assert_int_equal(dumps, 3);
    (void)vml_cpu_take_requests(cpu, ~0u);
    vml_cpu_request_features(cpu, VML_CPU_BY_INTROSPECTION, 0);
    (void)vml_cpu_take_requests(cpu, ~0u);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    vml_cpu_park(cpu);
    assert_int_equal(dumps, 3);
}

static void test_progress_is_traced(void **state)
{
    struct vml_trace_ring rings[CPUS + 1];
    struct vml_trace_event events[(CPUS + 1) * 8];
    struct vml_trace_event got[8];
    struct vml_debug debug;
    struct vml_cpu *cpu = &cpus[1];

    vml_debug_init(&debug);
    assert_int_equal(vml_debug_set_rings(&debug, rings, events, CPUS, 8), VML_OK);
    vml_debug_set_tracing(&debug, true);
    bring_up(cpu);
    vml_cpu_park(cpu);
    cpu->config.debug = &debug;
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    vml_cpu_recall(cpu, VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_AGAIN);
    (void)vml_cpu_take_requests(cpu, ~0u);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_int_equal(vml_cpu_wait(cpu, 0), VML_ERR_TIMEOUT);
    assert_int_equal(vml_trace_read(&debug, 1, got, 8), 5);
    assert_int_equal(got[0].kind, VML_TRACE_CPU_ENTER);
    assert_int_equal(got[1].kind, VML_TRACE_CPU_EXIT);
    assert_true(got[1].a == VML_CPU_REQUEST_EXIT && got[1].b == VML_CPU_ON);
    assert_int_equal(got[2].kind, VML_TRACE_CPU_ENTER);
    assert_int_equal(got[3].kind, VML_TRACE_CPU_EXIT);
    assert_true(got[3].b == VML_CPU_SUSPENDED);
    assert_int_equal(got[4].kind, VML_TRACE_CPU_ENTER);
    cpu->config.debug = NULL;
}

static void test_pause_ends_when_the_last_requester_gives_up(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    vml_cpu_request_features(cpu, VML_CPU_BY_VMM, VML_CPU_PAUSED);
    vml_cpu_request_features(cpu, VML_CPU_BY_INTROSPECTION, VML_CPU_PAUSED);
    vml_cpu_request_features(cpu, VML_CPU_BY_VMM, 0);
    assert_true(vml_cpu_take_requests(cpu, ~0u) & VML_CPU_REQUEST_PAUSE);
    vml_cpu_request_features(cpu, VML_CPU_BY_INTROSPECTION, 0);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
}

static void test_stop_of_a_paused_vcpu(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    vml_cpu_request_features(cpu, VML_CPU_BY_VMM, VML_CPU_PAUSED);
    vml_cpu_stop(cpu);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_STATE);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_OFF);
}

static void test_reset(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    bring_up(cpu);
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    vml_cpu_exit(cpu);
    vml_cpu_stop(cpu);
    vml_cpu_wake(cpu);
    vml_cpu_park(cpu);
    vml_cpu_reset(cpu, &start_b);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON_PENDING);
    vml_cpu_unpark(cpu);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_STATE);
    assert_int_equal(vml_cpu_wait_on(cpu), VML_OK);
    assert_int_equal(last_start.entry, 0x2000);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON);
    assert_false(vml_cpu_has_requests(cpu));
    assert_int_equal(vml_cpu_enter(cpu), VML_OK);
    assert_int_equal(vml_cpu_wait(cpu, 0), VML_ERR_TIMEOUT);
    vml_cpu_park(cpu);
    vml_cpu_reset(cpu, NULL);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_OFF);
    assert_int_equal(vml_cpu_enter(cpu), VML_ERR_STATE);
    assert_int_equal(vml_cpus_wait_off(&set, 0), VML_OK);
    vml_cpu_reset(cpu, NULL);
    assert_int_equal(vml_cpus_wait_off(&set, 0), VML_OK);
}

/* What an engine's run call begins with: a start is taken, an OFF vCPU and an exit end the call. */
static void test_activate(void **state)
{
    struct vml_cpu *cpu = &cpus[0];

    assert_int_equal(vml_cpu_activate(cpu), VML_ERR_STATE);
    assert_int_equal(vml_cpu_start(cpu, &start_a), VML_OK);
    assert_int_equal(vml_cpu_activate(cpu), VML_OK);
    assert_int_equal(starts, 1);
    assert_int_equal(last_start.entry, start_a.entry);
    assert_int_equal(vml_cpu_state(cpu), VML_CPU_ON);
    assert_int_equal(vml_cpu_activate(cpu), VML_OK);
    vml_cpu_recall(cpu, VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_cpu_activate(cpu), VML_ERR_AGAIN);
    assert_int_equal(vml_cpu_activate(cpu), VML_OK); /* the request was taken */
    vml_cpu_stop(cpu);
    assert_int_equal(vml_cpu_activate(cpu), VML_ERR_STATE);
    assert_int_equal(starts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_init_refuses_bits_that_are_no_affinity),
        T(test_set_refuses_wrong_indexes_and_equal_affinities),
        T(test_lookup_by_affinity),
        T(test_state_machine),
        T(test_stop_takes_effect_at_enter),
        T(test_stop_of_an_off_vcpu_is_nothing),
        T(test_stop_takes_a_pending_start_back),
        T(test_wait_off_counts_every_vcpu),
        T(test_requests_are_taken_once),
        T(test_the_models_requests_cannot_be_taken),
        T(test_exit_request_leaves_every_wait),
        T(test_wait_times_out_and_remembers_wake_ups),
        T(test_wake_up_does_not_outlive_the_vcpu),
        T(test_a_wake_up_between_start_and_its_taking_is_kept),
        T(test_stop_wakes_a_waiter),
        T(test_features_are_the_union_of_requesters),
        T(test_registers_are_printed_at_each_stop),
        T(test_progress_is_traced),
        T(test_pause_ends_when_the_last_requester_gives_up),
        T(test_stop_of_a_paused_vcpu),
        T(test_reset),
        T(test_activate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
