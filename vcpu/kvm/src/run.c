/*
 * The run loop, recall, and interrupt lines.
 *
 * Recall against entry: the owner clears immediate_exit, says that it is running, and then looks at
 * the requests; whoever recalls has set a request, sets immediate_exit, and then looks whether the
 * owner is running. One of the two sees the other: the owner does not enter, or enters with
 * immediate_exit set and comes back at once, or is in the kernel and is kicked.
 */
#include "core.h"

void kvm_recall(struct vml_cpu *base)
{
    struct vml_kvm *cpu = vml_kvm_of(base);
    const struct vml_kvm_system *system = cpu->machine->config.system;

    __atomic_store_n(&kvm_run_page(cpu)->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (atomic_load(&cpu->running)) {
        system->kick(system->context, atomic_load(&cpu->thread));
    }
}

void kvm_complete(struct vml_kvm *cpu)
{
    if (!cpu->completing) {
        return;
    }
    __atomic_store_n(&kvm_run_page(cpu)->immediate_exit, 1, __ATOMIC_SEQ_CST);
    (void)kvm_cpu_ioctl(cpu, ABI_RUN, NULL);
    cpu->completing = false;
}

/* ---- interrupt lines ---- */

static void set_line(struct vml_kvm *cpu, enum vml_irq_output output, bool level)
{
    uint32_t index = cpu->cpu.config.index, bit = 1u << output;
    struct abi_irq_level line = {
        .irq = (index >> 8) << ABI_IRQ_VCPU2_SHIFT |
               (uint32_t)ABI_IRQ_TYPE_CPU << ABI_IRQ_TYPE_SHIFT |
               (index & 0xff) << ABI_IRQ_VCPU_SHIFT | (uint32_t)output,
        .level = level,
    };

    if (((cpu->lines & bit) != 0) == level) {
        return;
    }
    if (kvm_vm_ioctl(cpu->machine, ABI_IRQ_LINE, &line) == 0) {
        cpu->lines ^= bit;
    }
}

/*
 * Any number of threads: the first one works for those that come meanwhile, so that the kernel hears
 * of levels in their order, and nobody waits.
 */
void kvm_look_at_lines(struct vml_kvm *cpu)
{
    struct vml_irq_controller *controller = cpu->machine->config.irq_controller;
    uint32_t seen;

    if (!controller || atomic_fetch_add(&cpu->line_work, 1) != 0) {
        return;
    }
    do {
        uint32_t index = cpu->cpu.config.index;

        seen = atomic_load(&cpu->line_work);
        if (atomic_exchange(&cpu->lines_lost, 0)) {
            cpu->lines = 0;
        }
        set_line(cpu, VML_IRQ_OUTPUT_IRQ,
                 controller->ops->pending(controller, index, VML_IRQ_OUTPUT_IRQ));
        set_line(cpu, VML_IRQ_OUTPUT_FIQ,
                 controller->ops->pending(controller, index, VML_IRQ_OUTPUT_FIQ));
    } while (!atomic_compare_exchange_strong(&cpu->line_work, &seen, 0));
}

void vml_kvm_irq_output(void *context, uint32_t index, enum vml_irq_output output, bool level)
{
    struct vml_kvm_machine *machine = context;

    (void)output;
    (void)level;
    if (index < machine->count) {
        /* The kernel lets the guest see it: the vCPU need not leave. */
        kvm_look_at_lines(machine->config.cpus[index]);
    }
}

/* The timers and the PMU are the kernel's, which tells their levels at each exit. */
static void pass_device_levels(struct vml_kvm *cpu)
{
    static const struct {
        uint64_t bit;
        uint32_t intid;
    } devices[] = {
        {ABI_DEVICE_VTIMER, VML_TIMER_VIRTUAL_INTID},
        {ABI_DEVICE_PTIMER, VML_TIMER_PHYSICAL_INTID},
        {ABI_DEVICE_PMU, 23},
    };
    struct vml_irq_controller *controller = cpu->machine->config.irq_controller;
    uint64_t levels = kvm_run_page(cpu)->device_irq_level;
    uint64_t changed = cpu->device_levels_known ? levels ^ cpu->device_levels : UINT64_MAX;

    if (!controller || changed == 0) {
        return;
    }
    cpu->device_levels = levels;
    cpu->device_levels_known = true;
    for (unsigned i = 0; i < VML_ARRAY_SIZE(devices); i++) {
        if (changed & devices[i].bit) {
            struct vml_irq irq = vml_irq_wire(controller, devices[i].intid, cpu->cpu.config.index);

            vml_irq_set(&irq, (levels & devices[i].bit) != 0);
        }
    }
}

/* ---- running ---- */

/* Makes the vCPU active; true: run; false: `*why`. */
static bool become_active(struct vml_kvm *cpu, enum vml_kvm_exit *why)
{
    enum vml_status status = vml_cpu_activate(&cpu->cpu);

    if (status != VML_OK) {
        *why = status == VML_ERR_STATE ? VML_KVM_EXIT_OFF : VML_KVM_EXIT_REQUEST;
    }
    return status == VML_OK;
}

static void set_stepping(struct vml_kvm *cpu, bool on)
{
    struct abi_guest_debug debug = {.control =
                                        on ? ABI_GUESTDBG_ENABLE | ABI_GUESTDBG_SINGLESTEP : 0};

    if (cpu->stepping != on && kvm_cpu_ioctl(cpu, ABI_SET_GUEST_DEBUG, &debug) == 0) {
        cpu->stepping = on;
    }
}

static void serve_requests(struct vml_kvm *cpu)
{
    uint32_t requests = vml_cpu_take_requests(&cpu->cpu, ~(uint32_t)VML_CPU_REQUEST_EXIT);

    if (requests & VML_CPU_REQUEST_IRQ) {
        kvm_look_at_lines(cpu);
    }
    if (requests & VML_CPU_REQUEST_RECONFIGURE) {
        set_stepping(cpu, (vml_cpu_features(&cpu->cpu) & VML_CPU_SINGLE_STEP) != 0);
    }
}

/* One stay in the guest. @return 0: look at the exit; else an error number */
static int enter_guest(struct vml_kvm *cpu)
{
    int result = -ABI_EINTR;

    __atomic_store_n(&kvm_run_page(cpu)->immediate_exit, 0, __ATOMIC_SEQ_CST);
    atomic_store(&cpu->running, 1);
    if (atomic_load(&cpu->cpu.requests) == 0) {
        result = kvm_cpu_ioctl(cpu, ABI_RUN, NULL);
        cpu->completing = false;
        vml_cpu_exit(&cpu->cpu);
        pass_device_levels(cpu);
    }
    atomic_store(&cpu->running, 0);
    return result;
}

static enum vml_kvm_exit failed(struct vml_kvm *cpu, int error)
{
    vml_log(VML_LOG_ERROR, "kvm: vCPU %u cannot run (error %d, exit %u)", cpu->cpu.config.index,
            -error, (unsigned)kvm_run_page(cpu)->exit_reason);
    kvm_dump(&cpu->cpu);
    return VML_KVM_EXIT_ERROR;
}

enum vml_kvm_exit vml_kvm_run(struct vml_kvm *cpu)
{
    const struct vml_kvm_system *system = cpu->machine->config.system;
    enum vml_kvm_exit why = VML_KVM_EXIT_ERROR;

    atomic_store(&cpu->thread, system->thread(system->context));
    while (become_active(cpu, &why)) {
        enum kvm_next next = KVM_NEXT_RUN;
        int error;

        serve_requests(cpu);
        error = enter_guest(cpu);
        if (error == 0) {
            next = kvm_handle_exit(cpu);
        }
        if ((error != 0 && error != -ABI_EINTR && error != -ABI_EAGAIN) ||
            next == KVM_NEXT_FAILED) {
            why = failed(cpu, error);
            vml_cpu_park(&cpu->cpu);
            break;
        }
        if (next == KVM_NEXT_STEPPED) {
            why = VML_KVM_EXIT_STEP;
            vml_cpu_park(&cpu->cpu);
            break;
        }
    }
    return why;
}

/* A machine of which a vCPU cannot run is off. */
static void power_off(struct vml_kvm *cpu)
{
    struct vml_lifecycle_event event = {.kind = VML_LIFECYCLE_OFF, .cpu = &cpu->cpu};
    struct vml_kvm_machine *machine = cpu->machine;

    vml_cpu_stop(&cpu->cpu);
    if (machine->config.lifecycle) {
        (void)vml_lifecycle_raise(machine->config.lifecycle, &event);
        return;
    }
    for (uint32_t i = 0; i < machine->count; i++) {
        vml_cpu_stop(&machine->config.cpus[i]->cpu);
    }
}

void vml_kvm_thread(struct vml_kvm *cpu)
{
    for (;;) {
        switch (vml_kvm_run(cpu)) {
        case VML_KVM_EXIT_OFF:
            if (vml_cpu_wait_on(&cpu->cpu) != VML_OK) {
                (void)vml_cpu_take_requests(&cpu->cpu, VML_CPU_REQUEST_EXIT);
                return;
            }
            break;
        case VML_KVM_EXIT_REQUEST:
            return;
        case VML_KVM_EXIT_ERROR:
            power_off(cpu);
            break;
        default:
            break;
        }
    }
}
