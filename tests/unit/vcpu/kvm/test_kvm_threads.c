/* vCPUs on threads: recalled, rounded up, stopped, with interrupts from elsewhere meanwhile. */
#include "fixture.h"

enum { CPUS = 3, ROUNDS = 200 };

static struct vml_thread threads[CPUS];
static _Atomic uint32_t kicked[CPUS];
static _Atomic uint32_t in_guest[CPUS];
static _Atomic uint32_t standing; /* nobody may be in the guest */
static _Atomic uint64_t entries;
static _Thread_local uint64_t thread_number;

/* The guest runs until it is kicked, or finds that it is not to run at all. */
static int guest(struct fake *f, unsigned cpu, struct abi_run *page)
{
    atomic_store(&in_guest[cpu], 1);
    atomic_fetch_add(&entries, 1);
    assert_int_equal(atomic_load(&standing), 0);
    while (!atomic_exchange(&kicked[cpu], 0) &&
           !__atomic_load_n(&page->immediate_exit, __ATOMIC_SEQ_CST)) {
        vml_thread_yield();
    }
    atomic_store(&in_guest[cpu], 0);
    page->exit_reason = ABI_EXIT_INTR;
    return -ABI_EINTR;
}

static uint64_t number_of(void *context)
{
    return thread_number;
}

static void kick(void *context, uint64_t number)
{
    if (number >= 1 && number <= CPUS) {
        atomic_store(&kicked[number - 1], 1);
    }
}

static void vcpu(void *context)
{
    struct vml_kvm *kvm = context;

    thread_number = kvm->cpu.config.index + 1;
    vml_kvm_thread(kvm);
}

static int begin(void **state)
{
    (void)fixture_begin(state);
    fake.system.thread = number_of;
    fake.system.kick = kick;
    fixture_machine(CPUS);
    fake.run = guest;
    atomic_store(&standing, 0);
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "vcpu", vcpu, &fx.kvms[i]), VML_OK);
        fixture_start(i, RAM);
    }
    return 0;
}

static int end(void **state)
{
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_recall(fx.cpus[i], VML_CPU_REQUEST_EXIT);
        vml_thread_join(&threads[i]);
    }
    return fixture_end(state);
}

static void test_roundup(void **state)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        vml_roundup(&fx.set, NULL);
        atomic_store(&standing, 1);
        for (unsigned k = 0; k < CPUS; k++) {
            assert_int_equal(atomic_load(&in_guest[k]), 0);
        }
        atomic_store(&standing, 0);
        vml_resume(&fx.set, NULL);
    }
}

static void test_stop_and_start(void **state)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (uint32_t k = 0; k < CPUS; k++) {
            vml_cpu_stop(fx.cpus[k]);
        }
        assert_int_equal(vml_cpus_wait_off(&fx.set, VML_TIME_NEVER), VML_OK);
        for (uint32_t k = 0; k < CPUS; k++) {
            fixture_start(k, RAM);
        }
    }
}

static void test_requests_are_never_lost(void **state)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        vml_cpu_recall(fx.cpus[0], VML_CPU_REQUEST_IRQ);
        while (vml_cpu_has_requests(fx.cpus[0])) {
            vml_thread_yield();
        }
    }
}

/* ---- lines ---- */

static _Atomic uint32_t told; /* the level that the kernel was told last */
static _Atomic uint32_t tellers;
static _Atomic bool disorder;
static int (*real_ioctl)(void *context, int fd, uint32_t request, uintptr_t argument);

static int line_ioctl(void *context, int fd, uint32_t request, uintptr_t argument)
{
    if (request != ABI_IRQ_LINE) {
        return real_ioctl(context, fd, request, argument);
    }
    if (atomic_fetch_add(&tellers, 1) != 0) {
        atomic_store(&disorder, true);
    }
    atomic_store(&told, ((struct abi_irq_level *)argument)->level);
    atomic_fetch_sub(&tellers, 1);
    return 0;
}

static void raise_and_lower(void *context)
{
    for (unsigned i = 0; i < 5 * ROUNDS; i++) {
        atomic_store(&fx.pending[0], i & 1);
        vml_kvm_irq_output(&fx.machine, 0, VML_IRQ_OUTPUT_IRQ, i & 1);
    }
    atomic_store(&fx.pending[0], 1);
    vml_kvm_irq_output(&fx.machine, 0, VML_IRQ_OUTPUT_IRQ, true);
}

/* However calls overtake each other, one thread at a time tells the kernel, and the last level stays. */
static void test_lines_from_two_threads(void **state)
{
    struct vml_thread other;

    (void)fixture_begin(state);
    fixture_machine(1);
    real_ioctl = fake.system.ioctl;
    fake.system.ioctl = line_ioctl;
    assert_int_equal(vml_thread_create(&other, "irq", raise_and_lower, NULL), VML_OK);
    raise_and_lower(NULL);
    vml_thread_join(&other);
    atomic_store(&fx.pending[0], 1);
    vml_kvm_irq_output(&fx.machine, 0, VML_IRQ_OUTPUT_IRQ, true);
    assert_int_equal(atomic_load(&told), 1);
    assert_false(atomic_load(&disorder));
    (void)fixture_end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_roundup, begin, end),
        cmocka_unit_test_setup_teardown(test_stop_and_start, begin, end),
        cmocka_unit_test_setup_teardown(test_requests_are_never_lost, begin, end),
        cmocka_unit_test(test_lines_from_two_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
