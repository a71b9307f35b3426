/* Several vCPUs on threads: exclusives, atomics, ordering, broadcasts. */
#include "test.h"

#include "guest.h"
#include "programs.h"

#define COUNTER (GUEST_RAM + 0x4000)

static struct guest g;

static int setup(void **state)
{
    (void)state;
    guest_make(&g, 2, false);
    g.firmware_stops = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    guest_end(&g);
    return 0;
}

static void body(void *context)
{
    vml_a64_thread(context);
}

/* Runs both vCPUs until each has made its call. */
static void run_both(const uint32_t *first, size_t first_words, const uint32_t *second,
                     size_t second_words)
{
    struct vml_thread thread[2];

    guest_load(&g, GUEST_RAM, first, first_words);
    guest_load(&g, GUEST_RAM + 0x1000, second, second_words);
    guest_start(&g, 0, GUEST_RAM);
    guest_start(&g, 1, GUEST_RAM + 0x1000);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(vml_thread_create(&thread[i], "vcpu", body, &g.cpu[i]), VML_OK);
    }
    assert_int_equal(vml_cpus_wait_off(&g.set, vml_platform_time_ns() + UINT64_C(60000000000)),
                     VML_OK);
    for (uint32_t i = 0; i < 2; i++) {
        vml_cpu_recall(&g.cpu[i].cpu, VML_CPU_REQUEST_EXIT);
        vml_thread_join(&thread[i]);
    }
}
#define WORDS(a) (a), sizeof(a) / sizeof((a)[0])

static void exclusives_lose_no_increment(void **state)
{
    (void)state;
    run_both(WORDS(count_exclusive), WORDS(count_exclusive));
    assert_int_equal(guest_read64(&g, COUNTER), 40000);
}

static void atomics_lose_no_increment(void **state)
{
    (void)state;
    run_both(WORDS(count_atomic), WORDS(count_compare_swap));
    assert_int_equal(guest_read64(&g, COUNTER), 40000);
}

static void exclusives_and_atomics_see_each_other(void **state)
{
    (void)state;
    run_both(WORDS(count_exclusive), WORDS(count_atomic));
    assert_int_equal(guest_read64(&g, COUNTER), 40000);
}

/* The data is never older than the flag that was stored behind it with a barrier between. */
static void messages_arrive_in_order(void **state)
{
    struct vml_a64_registers registers;

    (void)state;
    run_both(WORDS(message_writer), WORDS(message_reader));
    assert_int_equal(g.firmware_calls, 2);
    /* The reader counts what came out of order in X7. */
    vml_a64_get_registers(&g.cpu[1], &registers);
    assert_int_equal(registers.x[7], 0);
}

static void two_that_wait_for_each_others_invalidations_both_go_on(void **state)
{
    (void)state;
    run_both(WORDS(invalidate), WORDS(invalidate));
    assert_int_equal(g.firmware_calls, 2);
}

/* WFI sleeps until an input comes, from any thread. */
static void wfi_wakes_for_an_interrupt(void **state)
{
    static const uint32_t sleeper[] = {
        0xd503207f, /* wfi */
        0xd4000002, /* hvc #0 */
    };
    struct vml_thread thread;

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, sleeper);
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_thread_create(&thread, "vcpu", body, &g.cpu[0]), VML_OK);
    while (vml_cpu_state(&g.cpu[0].cpu) != VML_CPU_SUSPENDED) {
        vml_thread_yield();
    }
    assert_int_equal(g.firmware_calls, 0);
    vml_a64_set_input(&g.cpu[0], VML_A64_INPUT_IRQ, true);
    assert_int_equal(vml_cpus_wait_off(&g.set, vml_platform_time_ns() + UINT64_C(60000000000)),
                     VML_OK);
    assert_int_equal(g.firmware_calls, 1);
    vml_cpu_recall(&g.cpu[0].cpu, VML_CPU_REQUEST_EXIT);
    vml_thread_join(&thread);
}

static void a_pending_access_sleeps_until_it_is_answered(void **state)
{
    static const uint32_t reader[] = {
        0xd2a12000, /* mov x0, #0x09000000 */
        0xf9400000, /* ldr x0, [x0] */
        0xd4000002, /* hvc #0 */
    };
    struct vml_thread thread;

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, reader);
    g.device_waits = true;
    g.device_value = 0x55;
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_thread_create(&thread, "vcpu", body, &g.cpu[0]), VML_OK);
    while (g.accesses == 0 || vml_cpu_state(&g.cpu[0].cpu) != VML_CPU_SUSPENDED) {
        vml_thread_yield();
    }
    assert_int_equal(g.firmware_calls, 0);
    g.device_waits = false;
    vml_cpu_recall(&g.cpu[0].cpu, VML_CPU_REQUEST_ENGINE);
    assert_int_equal(vml_cpus_wait_off(&g.set, vml_platform_time_ns() + UINT64_C(60000000000)),
                     VML_OK);
    assert_int_equal(g.firmware_x0, 0x55);
    assert_int_equal(g.accesses, 2);
    vml_cpu_recall(&g.cpu[0].cpu, VML_CPU_REQUEST_EXIT);
    vml_thread_join(&thread);
}

/* One that is held while it was in guest code does not hold up the others' invalidations. */
static void a_paused_vcpu_delays_nobody(void **state)
{
    static const uint32_t loop[] = {0x14000000};
    struct vml_thread thread[2];

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, loop);
    guest_load(&g, GUEST_RAM + 0x1000, invalidate, sizeof(invalidate) / 4);
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_thread_create(&thread[0], "loop", body, &g.cpu[0]), VML_OK);
    while (vml_cpu_state(&g.cpu[0].cpu) != VML_CPU_ON) {
        vml_thread_yield();
    }
    for (unsigned i = 0; i < 100; i++) { /* so that it is inside, most likely */
        vml_thread_yield();
    }
    vml_cpu_request_features(&g.cpu[0].cpu, VML_CPU_BY_VMM, VML_CPU_PAUSED);
    guest_start(&g, 1, GUEST_RAM + 0x1000);
    assert_int_equal(vml_thread_create(&thread[1], "invalidate", body, &g.cpu[1]), VML_OK);
    while (g.firmware_calls == 0) {
        vml_thread_yield();
    }
    vml_cpu_request_features(&g.cpu[0].cpu, VML_CPU_BY_VMM, 0);
    vml_cpu_stop(&g.cpu[0].cpu);
    assert_int_equal(vml_cpus_wait_off(&g.set, vml_platform_time_ns() + UINT64_C(60000000000)),
                     VML_OK);
    for (uint32_t i = 0; i < 2; i++) {
        vml_cpu_recall(&g.cpu[i].cpu, VML_CPU_REQUEST_EXIT);
        vml_thread_join(&thread[i]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(exclusives_lose_no_increment),
        CASE(atomics_lose_no_increment),
        CASE(exclusives_and_atomics_see_each_other),
        CASE(messages_arrive_in_order),
        CASE(two_that_wait_for_each_others_invalidations_both_go_on),
        CASE(wfi_wakes_for_an_interrupt),
        CASE(a_pending_access_sleeps_until_it_is_answered),
        CASE(a_paused_vcpu_delays_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
