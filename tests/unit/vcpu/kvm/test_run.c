/* The run loop and every kind of exit. */
#include "fixture.h"

#define PSCI_VERSION UINT64_C(0x84000000)
#define PSCI_CPU_OFF UINT64_C(0x84000002)

/* What the fake guest does, one after the other; NULL behind the last: the vCPU is told to exit. */
typedef int (*step_fn)(struct abi_run *page);
static const step_fn *script;

static int next_step(struct fake *f, unsigned cpu, struct abi_run *page)
{
    step_fn step = *script;

    page->exit_reason = ABI_EXIT_INTR;
    if (!step) {
        vml_cpu_recall(fx.cpus[cpu], VML_CPU_REQUEST_EXIT);
        return -ABI_EINTR;
    }
    script++;
    return step(page);
}

static enum vml_kvm_exit run_script(const step_fn *steps)
{
    script = steps;
    fake.run = next_step;
    return vml_kvm_run(&fx.kvms[0]);
}

static int mmio(struct abi_run *page, uint64_t address, uint32_t len, bool write, uint64_t value)
{
    page->exit_reason = ABI_EXIT_MMIO;
    page->exit.mmio.phys_addr = address;
    page->exit.mmio.len = len;
    page->exit.mmio.is_write = write;
    memcpy(page->exit.mmio.data, &value, 8);
    return 0;
}

static int begin_one(void **state)
{
    (void)fixture_begin(state);
    fixture_machine(1);
    return 0;
}

static int begin_two(void **state)
{
    (void)fixture_begin(state);
    fixture_machine(2);
    return 0;
}

/* ---- starting, stopping ---- */

static int check_start(struct abi_run *page)
{
    assert_int_equal(*fake_reg(0, ABI_REG_PC), RAM);
    assert_int_equal(*fake_reg(0, ABI_REG_X(0)), 0x1234);
    assert_int_equal(*fake_reg(0, ABI_REG_X(5)), 0);
    assert_int_equal(*fake_reg(0, ABI_REG_PSTATE), 0x3c5);
    assert_int_equal(fake.cpus[0].mp_state, ABI_MP_RUNNABLE);
    assert_int_equal(page->immediate_exit, 0);
    return 0;
}

static void test_start(void **state)
{
    static const step_fn steps[] = {check_start, NULL};

    assert_int_equal(vml_kvm_run(&fx.kvms[0]), VML_KVM_EXIT_OFF);
    *fake_reg(0, ABI_REG_X(5)) = 99;
    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fake.cpus[0].inits, 2);
}

static void test_start_at_el0(void **state)
{
    static const step_fn steps[] = {NULL};
    struct vml_cpu_start start = {.entry = RAM, .mode = 0};

    assert_int_equal(vml_cpu_start(fx.cpus[0], &start), VML_OK);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(*fake_reg(0, ABI_REG_PSTATE), 0x3c0);
}

/* With the kernel's PSCI all vCPUs are on as soon as one is, and the kernel keeps the others. */
static void test_kernels_psci_has_the_others(void **state)
{
    static const step_fn steps[] = {NULL};

    fake.no_filter = true;
    fixture_machine(3);
    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    for (uint32_t i = 1; i < 3; i++) {
        assert_int_equal(vml_cpu_state(fx.cpus[i]), VML_CPU_ON_PENDING);
        script = steps;
        assert_int_equal(vml_kvm_run(&fx.kvms[i]), VML_KVM_EXIT_REQUEST);
        assert_int_equal(fake.cpus[i].mp_state, ABI_MP_STOPPED);
        assert_int_equal(*fake_reg(i, ABI_REG_PC), 0);
    }
    assert_int_equal(fake.cpus[0].mp_state, ABI_MP_RUNNABLE);
}

static void test_own_psci_leaves_the_others(void **state)
{
    static const step_fn steps[] = {NULL};

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(vml_cpu_state(fx.cpus[1]), VML_CPU_OFF);
}

static void test_start_fails(void **state)
{
    static const uint32_t requests[] = {ABI_ARM_VCPU_INIT, ABI_SET_ONE_REG, ABI_SET_MP_STATE};
    static const step_fn steps[] = {NULL};

    for (unsigned i = 0; i < VML_ARRAY_SIZE(requests); i++) {
        fixture_start(0, RAM);
        fake.fail_request = requests[i];
        fake.fail_error = ABI_EINVAL;
        /* It is logged; what the kernel then makes of KVM_RUN decides. */
        assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
        assert_int_equal(fake.fail_request, 0);
        vml_cpu_stop(fx.cpus[0]);
        assert_int_equal(run_script(steps), VML_KVM_EXIT_OFF);
    }
}

static int step_eagain(struct abi_run *page)
{
    return -ABI_EAGAIN;
}

static int step_eintr(struct abi_run *page)
{
    return -ABI_EINTR;
}

static int step_stop(struct abi_run *page)
{
    vml_cpu_stop(fx.cpus[0]);
    assert_int_equal(page->immediate_exit, 1);
    assert_int_equal(atomic_load(&fake.kicks), 1);
    return -ABI_EINTR;
}

static void test_interrupted_runs_go_on(void **state)
{
    static const step_fn steps[] = {step_eintr, step_eagain, step_eintr, step_stop};

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_OFF);
    assert_int_equal(vml_cpu_state(fx.cpus[0]), VML_CPU_OFF);
    assert_int_equal(fake.cpus[0].runs, 4);
}

/* Nobody is kicked who is not in the kernel. */
static void test_recall_before_running(void **state)
{
    static const step_fn steps[] = {NULL};

    fixture_start(0, RAM);
    vml_cpu_recall(fx.cpus[0], VML_CPU_REQUEST_IRQ | VML_CPU_REQUEST_ENGINE);
    assert_int_equal(atomic_load(&fake.kicks), 0);
    assert_int_equal(fake.cpus[0].page.run.immediate_exit, 1);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    /* The requests were taken: the guest ran. */
    assert_int_equal(fake.cpus[0].runs, 1);
    assert_int_equal(fake.cpus[0].immediate_runs, 0);
}

/* ---- devices ---- */

static int read_32(struct abi_run *page)
{
    return mmio(page, DEVICE + 8, 4, false, 0);
}

static int check_read_32(struct abi_run *page)
{
    uint32_t value;

    memcpy(&value, page->exit.mmio.data, 4);
    assert_int_equal(value, 0x55667788);
    return mmio(page, DEVICE + 0xff8, 8, true, UINT64_C(0x8877665544332211));
}

static void test_mmio(void **state)
{
    static const step_fn steps[] = {read_32, check_read_32, NULL};

    fixture_start(0, RAM);
    fx.value = UINT64_C(0x1122334455667788);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fx.accesses, 2);
    assert_int_equal(fx.last.offset, 0xff8);
    assert_true(fx.last.write);
    assert_int_equal(fx.last.size, 8);
    assert_true(fx.last.value == UINT64_C(0x8877665544332211));
    assert_int_equal(fx.last.cpu, 0);
}

static int write_8(struct abi_run *page)
{
    return mmio(page, DEVICE, 1, true, UINT64_C(0xaabbccddeeff0099));
}

static void test_small_write_has_no_more_than_its_bytes(void **state)
{
    static const step_fn steps[] = {write_8, NULL};

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fx.last.value, 0x99);
}

static int write_3(struct abi_run *page)
{
    return mmio(page, DEVICE, 3, true, 0);
}

static void test_size_that_there_is_not(void **state)
{
    static const step_fn steps[] = {write_3, NULL};

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_ERROR);
    assert_int_equal(fx.accesses, 0);
}

static int read_hole(struct abi_run *page)
{
    *fake_reg(0, ABI_REG_PC) = RAM + 0x100;
    *fake_reg(0, ABI_REG_X(1)) = 0x77;
    return mmio(page, DEVICE + 0x100000, 4, false, 0);
}

/* The kernel has completed the access before it is told of the abort, and that is undone. */
static int check_abort(struct abi_run *page)
{
    assert_int_equal(fake.cpus[0].events.ext_dabt_pending, 1);
    assert_int_equal(fake.cpus[0].immediate_runs, 1);
    assert_int_equal(*fake_reg(0, ABI_REG_PC), RAM + 0x100);
    assert_int_equal(*fake_reg(0, ABI_REG_X(1)), 0x77);
    return -ABI_EINTR;
}

static void test_nobody_answers(void **state)
{
    static const step_fn steps[] = {read_hole, check_abort, NULL};

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    fx.answer = VML_BUS_FAULT;
    fx.machine.has.inject_abort = false;
    {
        static const step_fn again[] = {read_32, NULL};

        assert_int_equal(run_script(again), VML_KVM_EXIT_ERROR);
    }
}

static void test_no_bus(void **state)
{
    static const step_fn steps[] = {read_32, NULL};

    fx.machine.config.mmio = NULL;
    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fake.cpus[0].events.ext_dabt_pending, 1);
}

static void ask_for_exit(void)
{
    vml_cpu_recall(fx.cpus[0], VML_CPU_REQUEST_EXIT);
}

/* The result of a read is in the registers before anybody looks at them. */
static void test_state_has_the_last_access(void **state)
{
    static const step_fn steps[] = {read_32};
    struct vml_arm_state now;

    fixture_start(0, RAM);
    fx.inside = ask_for_exit;
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fake.cpus[0].runs, 1);
    assert_int_equal(vml_kvm_get_state(&fx.kvms[0], &now), VML_OK);
    assert_int_equal(fake.cpus[0].immediate_runs, 1);
    /* Once is enough. */
    assert_int_equal(vml_kvm_get_state(&fx.kvms[0], &now), VML_OK);
    assert_int_equal(fake.cpus[0].immediate_runs, 1);
}

/* ---- interrupts ---- */

static void test_lines_of_the_cpu(void **state)
{
    atomic_store(&fx.pending[0], 1);
    vml_kvm_irq_output(&fx.machine, 0, VML_IRQ_OUTPUT_IRQ, true);
    vml_kvm_irq_output(&fx.machine, 0, VML_IRQ_OUTPUT_IRQ, true); /* known already */
    vml_kvm_irq_output(&fx.machine, 9, VML_IRQ_OUTPUT_IRQ, true); /* nobody */
    assert_int_equal(fake.line_count, 1);
    assert_int_equal(fake.lines[0].irq, 0);
    assert_int_equal(fake.lines[0].level, 1);
    atomic_store(&fx.pending[1], 2);
    vml_kvm_irq_output(&fx.machine, 1, VML_IRQ_OUTPUT_FIQ, true);
    assert_int_equal(fake.lines[1].irq, 1u << 16 | 1);
    /* The level at the time of the call may be out of date: what is pending now counts. */
    atomic_store(&fx.pending[1], 0);
    vml_kvm_irq_output(&fx.machine, 1, VML_IRQ_OUTPUT_FIQ, true);
    assert_int_equal(fake.line_count, 3);
    assert_int_equal(fake.lines[2].level, 0);
}

/* A reset of the vCPU clears its lines in the kernel: they are told again. */
static void test_lines_after_a_start(void **state)
{
    static const step_fn steps[] = {NULL};

    atomic_store(&fx.pending[0], 1);
    vml_kvm_irq_output(&fx.machine, 0, VML_IRQ_OUTPUT_IRQ, true);
    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fake.line_count, 2);
    assert_int_equal(fake.lines[1].level, 1);
}

static int timers_high(struct abi_run *page)
{
    page->device_irq_level = ABI_DEVICE_VTIMER | ABI_DEVICE_PMU;
    return -ABI_EINTR;
}

static int timers_low(struct abi_run *page)
{
    assert_int_equal(fx.wires[0], 1u << 27 | 1u << 23);
    page->device_irq_level = ABI_DEVICE_PTIMER;
    return -ABI_EINTR;
}

static void test_timers_of_the_kernel(void **state)
{
    static const step_fn steps[] = {timers_high, timers_low, NULL};

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fx.wires[0], 1u << 30);
}

static int timer_stays(struct abi_run *page)
{
    page->device_irq_level = ABI_DEVICE_VTIMER;
    return -ABI_EINTR;
}

/* A restored interrupt controller has its levels from elsewhere: they are told again. */
static void test_timers_after_a_restore(void **state)
{
    static const step_fn steps[] = {timer_stays, NULL}, again[] = {timer_stays, NULL};
    struct vml_arm_state now;

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(vml_kvm_get_state(&fx.kvms[0], &now), VML_OK);
    assert_int_equal(vml_kvm_set_state(&fx.kvms[0], &now), VML_OK);
    fx.wires[0] = 1u << 30;
    assert_int_equal(run_script(again), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fx.wires[0], 1u << 27);
}

/* ---- firmware ---- */

static int call_version(struct abi_run *page)
{
    *fake_reg(0, ABI_REG_X(0)) = PSCI_VERSION;
    *fake_reg(0, ABI_REG_X(4)) = 0x44;
    page->exit_reason = ABI_EXIT_HYPERCALL;
    page->exit.hypercall.flags = 0;
    return 0;
}

static int check_version(struct abi_run *page)
{
    assert_int_equal(*fake_reg(0, ABI_REG_X(0)), VML_PSCI_1_3);
    assert_int_equal(*fake_reg(0, ABI_REG_X(4)), 0x44);
    *fake_reg(0, ABI_REG_X(0)) = PSCI_VERSION;
    page->exit_reason = ABI_EXIT_HYPERCALL;
    page->exit.hypercall.flags = ABI_HYPERCALL_EXIT_SMC;
    return 0;
}

/* SMC is not what this machine's firmware is called by. */
static int check_smc(struct abi_run *page)
{
    assert_true(*fake_reg(0, ABI_REG_X(0)) == UINT64_MAX);
    *fake_reg(0, ABI_REG_X(0)) = PSCI_CPU_OFF;
    page->exit_reason = ABI_EXIT_HYPERCALL;
    page->exit.hypercall.flags = 0;
    return 0;
}

static void test_calls(void **state)
{
    static const step_fn steps[] = {call_version, check_version, check_smc};

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_OFF);
    assert_int_equal(vml_cpu_state(fx.cpus[0]), VML_CPU_OFF);
}

static int call_suspend(struct abi_run *page)
{
    *fake_reg(0, ABI_REG_X(0)) = 0xc4000001;
    *fake_reg(0, ABI_REG_X(1)) = 0; /* standby */
    page->exit_reason = ABI_EXIT_HYPERCALL;
    page->exit.hypercall.flags = 0;
    return 0;
}

static int check_suspended(struct abi_run *page)
{
    assert_int_equal(fake.cpus[0].mp_state, ABI_MP_SUSPENDED);
    assert_int_equal(*fake_reg(0, ABI_REG_X(0)), 0);
    *fake_reg(0, ABI_REG_X(0)) = 0xc4000001;
    *fake_reg(0, ABI_REG_X(1)) = 1u << 16; /* power down */
    *fake_reg(0, ABI_REG_X(2)) = RAM + 0x40;
    *fake_reg(0, ABI_REG_X(3)) = 0x99;
    page->exit_reason = ABI_EXIT_HYPERCALL;
    return 0;
}

static int check_restarted(struct abi_run *page)
{
    assert_int_equal(fake.cpus[0].mp_state, ABI_MP_SUSPENDED);
    assert_int_equal(*fake_reg(0, ABI_REG_PC), RAM + 0x40);
    assert_int_equal(*fake_reg(0, ABI_REG_X(0)), 0x99);
    page->exit_reason = ABI_EXIT_SYSTEM_EVENT;
    page->exit.system_event.type = ABI_SYSTEM_EVENT_WAKEUP;
    return 0;
}

static void test_suspend(void **state)
{
    static const step_fn steps[] = {call_suspend, check_suspended, check_restarted, NULL};

    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(fx.told_count, 0);
}

static void test_call_without_firmware(void **state)
{
    static const step_fn steps[] = {call_version, NULL};

    fx.machine.config.smccc = NULL;
    fixture_start(0, RAM);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_ERROR);
}

static void test_registers_of_a_call_cannot_be_had(void **state)
{
    static const step_fn steps[] = {call_version, NULL};
    static const uint32_t requests[] = {ABI_GET_ONE_REG, ABI_SET_ONE_REG};

    fixture_start(0, RAM);
    {
        static const step_fn none[] = {NULL};

        assert_int_equal(run_script(none), VML_KVM_EXIT_REQUEST);
    }
    for (unsigned i = 0; i < VML_ARRAY_SIZE(requests); i++) {
        fake.fail_request = requests[i];
        fake.fail_error = ABI_EINVAL;
        assert_int_equal(run_script(steps), VML_KVM_EXIT_ERROR);
    }
}

static uint32_t event_type;

static int system_event(struct abi_run *page)
{
    page->exit_reason = ABI_EXIT_SYSTEM_EVENT;
    page->exit.system_event.type = event_type;
    return 0;
}

static void test_system_events(void **state)
{
    static const step_fn steps[] = {system_event, NULL};
    static const struct {
        uint32_t type;
        enum vml_lifecycle_kind kind;
    } events[] = {
        {ABI_SYSTEM_EVENT_SHUTDOWN, VML_LIFECYCLE_OFF},
        {ABI_SYSTEM_EVENT_RESET, VML_LIFECYCLE_RESET},
        {ABI_SYSTEM_EVENT_CRASH, VML_LIFECYCLE_OFF},
        {ABI_SYSTEM_EVENT_SUSPEND, VML_LIFECYCLE_SUSPEND},
    };

    fx.action = VML_LIFECYCLE_TAKEN;
    fixture_start(0, RAM);
    for (unsigned i = 0; i < VML_ARRAY_SIZE(events); i++) {
        event_type = events[i].type;
        assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
        assert_int_equal(fx.told.kind, events[i].kind);
        assert_ptr_equal(fx.told.cpu, fx.cpus[0]);
        assert_int_equal(fx.told_count, i + 1);
    }
    /* By default the machine goes off. */
    fx.action = VML_LIFECYCLE_ACT;
    event_type = ABI_SYSTEM_EVENT_SHUTDOWN;
    assert_int_equal(run_script(steps), VML_KVM_EXIT_OFF);
}

static void test_system_events_that_nobody_is_told_of(void **state)
{
    static const step_fn steps[] = {system_event, NULL};

    fx.machine.config.lifecycle = NULL;
    fixture_start(0, RAM);
    event_type = ABI_SYSTEM_EVENT_SUSPEND;
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    event_type = ABI_SYSTEM_EVENT_RESET;
    assert_int_equal(run_script(steps), VML_KVM_EXIT_OFF);
}

/* A reset by the kernel's PSCI begins anew, from inside of the vCPU that asked for it. */
static void test_reset(void **state)
{
    static const step_fn steps[] = {system_event, check_start, NULL};

    fixture_start(0, RAM + 0x500);
    fx.lifecycle.config.boot.context = 0x1234;
    event_type = ABI_SYSTEM_EVENT_RESET;
    assert_int_equal(run_script(steps), VML_KVM_EXIT_REQUEST);
    assert_int_equal(atomic_load(&fx.lifecycle.reboots), 1);
}

/* ---- debugging, errors ---- */

static int step_done(struct abi_run *page)
{
    assert_int_equal(fake.cpus[0].debug, ABI_GUESTDBG_ENABLE | ABI_GUESTDBG_SINGLESTEP);
    page->exit_reason = ABI_EXIT_DEBUG;
    return 0;
}

static int not_stepping(struct abi_run *page)
{
    assert_int_equal(fake.cpus[0].debug, 0);
    return -ABI_EINTR;
}

static void test_single_step(void **state)
{
    static const step_fn steps[] = {step_done, step_done, not_stepping, NULL};

    fixture_start(0, RAM);
    vml_cpu_request_features(fx.cpus[0], VML_CPU_BY_VMM, VML_CPU_SINGLE_STEP);
    assert_int_equal(run_script(steps), VML_KVM_EXIT_STEP);
    assert_int_equal(vml_kvm_run(&fx.kvms[0]), VML_KVM_EXIT_STEP);
    vml_cpu_request_features(fx.cpus[0], VML_CPU_BY_VMM, 0);
    assert_int_equal(vml_kvm_run(&fx.kvms[0]), VML_KVM_EXIT_REQUEST);
}

static int fail_entry(struct abi_run *page)
{
    page->exit_reason = ABI_EXIT_FAIL_ENTRY;
    return 0;
}

static int run_error(struct abi_run *page)
{
    return -ABI_ENOMEM;
}

static void test_what_cannot_run(void **state)
{
    static const step_fn entry[] = {fail_entry}, error[] = {run_error};

    fixture_start(0, RAM);
    assert_int_equal(run_script(entry), VML_KVM_EXIT_ERROR);
    assert_int_equal(run_script(error), VML_KVM_EXIT_ERROR);
    /* Its registers cannot be shown either. */
    fake.fail_request = ABI_GET_ONE_REG;
    fake.fail_error = ABI_EINVAL;
    assert_int_equal(run_script(error), VML_KVM_EXIT_ERROR);
}

static int exit_then_error(struct abi_run *page)
{
    vml_cpu_recall(fx.cpus[0], VML_CPU_REQUEST_EXIT);
    return -ABI_ENOMEM;
}

/* The thread of a vCPU that cannot run powers the machine off. */
static void test_thread_powers_off(void **state)
{
    static const step_fn steps[] = {exit_then_error};

    fixture_start(0, RAM);
    script = steps;
    fake.run = next_step;
    vml_kvm_thread(&fx.kvms[0]);
    assert_int_equal(fx.told_count, 1);
    assert_int_equal(fx.told.kind, VML_LIFECYCLE_OFF);
    fx.machine.config.lifecycle = NULL;
    assert_int_equal(vml_kvm_run(&fx.kvms[0]), VML_KVM_EXIT_OFF);
    fixture_start(0, RAM);
    script = steps;
    vml_kvm_thread(&fx.kvms[0]);
    assert_int_equal(fx.told_count, 1);
}

#define ONE(fn) cmocka_unit_test_setup_teardown(fn, begin_one, fixture_end)
#define TWO(fn) cmocka_unit_test_setup_teardown(fn, begin_two, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(test_start),
        ONE(test_start_at_el0),
        cmocka_unit_test_setup_teardown(test_kernels_psci_has_the_others, fixture_begin,
                                        fixture_end),
        TWO(test_own_psci_leaves_the_others),
        ONE(test_start_fails),
        ONE(test_interrupted_runs_go_on),
        ONE(test_recall_before_running),
        ONE(test_mmio),
        ONE(test_small_write_has_no_more_than_its_bytes),
        ONE(test_size_that_there_is_not),
        ONE(test_nobody_answers),
        ONE(test_no_bus),
        ONE(test_state_has_the_last_access),
        TWO(test_lines_of_the_cpu),
        ONE(test_lines_after_a_start),
        ONE(test_timers_of_the_kernel),
        ONE(test_timers_after_a_restore),
        ONE(test_calls),
        ONE(test_suspend),
        ONE(test_call_without_firmware),
        ONE(test_registers_of_a_call_cannot_be_had),
        ONE(test_system_events),
        ONE(test_system_events_that_nobody_is_told_of),
        ONE(test_reset),
        ONE(test_single_step),
        ONE(test_what_cannot_run),
        ONE(test_thread_powers_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
