/* What is done about an exit. */
#include "core.h"

enum kvm_next kvm_inject_abort(struct vml_kvm *cpu)
{
    struct abi_vcpu_events events = {.ext_dabt_pending = 1};

    if (!cpu->machine->has.inject_abort || kvm_cpu_ioctl(cpu, ABI_SET_VCPU_EVENTS, &events) != 0) {
        vml_log(VML_LOG_ERROR,
                "kvm: the kernel injects no abort for an access that nobody answers");
        return KVM_NEXT_FAILED;
    }
    cpu->completing = true;
    return KVM_NEXT_RUN;
}

/*
 * Kernels of before the end of 2024 complete even an access that they are told to abort, and then take
 * the exception at the wrong vector.  So the access is completed first, what that did is undone, and then comes the abort.
 */
static enum kvm_next abort_mmio(struct vml_kvm *cpu)
{
    struct vml_arm_regs regs = {0};

    if (kvm_get_general(cpu, &regs) != 0) {
        return KVM_NEXT_FAILED;
    }
    cpu->completing = true;
    kvm_complete(cpu);
    return kvm_set_general(cpu, &regs) == 0 ? kvm_inject_abort(cpu) : KVM_NEXT_FAILED;
}

static enum kvm_next handle_mmio(struct vml_kvm *cpu)
{
    struct abi_run *run = kvm_run_page(cpu);
    struct vml_vbus *bus = cpu->machine->config.mmio;
    struct vml_access access = {.cpu = cpu->cpu.config.index,
                                .size = (uint8_t)run->exit.mmio.len,
                                .write = run->exit.mmio.is_write != 0};
    enum vml_bus_result result = VML_BUS_NO_DEVICE;

    if (run->exit.mmio.len > 8 || !vml_is_pow2(run->exit.mmio.len)) {
        return KVM_NEXT_FAILED;
    }
    if (access.write) {
        memcpy(&access.value, run->exit.mmio.data, access.size);
    }
    if (bus) {
        result = vml_vbus_access(bus, run->exit.mmio.phys_addr, &access);
    }
    if (result != VML_BUS_OK) {
        return abort_mmio(cpu);
    }
    if (!access.write) {
        memcpy(run->exit.mmio.data, &access.value, access.size);
    }
    cpu->completing = true;
    return KVM_NEXT_RUN;
}

/* The kernel's PSCI, on behalf of the guest. */
static enum kvm_next handle_system_event(struct vml_kvm *cpu)
{
    struct abi_run *run = kvm_run_page(cpu);
    struct vml_lifecycle *lifecycle = cpu->machine->config.lifecycle;
    struct vml_lifecycle_event event = {.cpu = &cpu->cpu};

    switch (run->exit.system_event.type) {
    case ABI_SYSTEM_EVENT_RESET:
        event.kind = VML_LIFECYCLE_RESET;
        break;
    case ABI_SYSTEM_EVENT_SUSPEND:
        event.kind = VML_LIFECYCLE_SUSPEND;
        break;
    case ABI_SYSTEM_EVENT_WAKEUP:
        return KVM_NEXT_RUN;
    default:
        event.kind = VML_LIFECYCLE_OFF;
        break;
    }
    if (lifecycle) {
        (void)vml_lifecycle_raise(lifecycle, &event);
    } else if (event.kind != VML_LIFECYCLE_SUSPEND) {
        for (uint32_t i = 0; i < cpu->machine->count; i++) {
            vml_cpu_stop(&cpu->machine->config.cpus[i]->cpu);
        }
    }
    return KVM_NEXT_RUN;
}

/* Waits as for WFI: the kernel, which has the timers, lets the vCPU sleep at its next entry. */
static void suspend(struct vml_kvm *cpu)
{
    struct abi_mp_state mp = {ABI_MP_SUSPENDED};

    /* Where there is no such state it does not wait, which the caller must expect in any case. */
    (void)kvm_cpu_ioctl(cpu, ABI_SET_MP_STATE, &mp);
}

static bool put_results(struct vml_kvm *cpu, const struct vml_smccc_call *call)
{
    for (uint32_t i = 0; i < 4; i++) {
        if (kvm_set_reg(cpu, ABI_REG_X(i), &call->x[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The PC is behind the instruction already. */
static enum kvm_next handle_call(struct vml_kvm *cpu)
{
    struct abi_run *run = kvm_run_page(cpu);
    struct vml_smccc_call call = {.cpu = &cpu->cpu};

    if (!cpu->machine->config.smccc) {
        return KVM_NEXT_FAILED;
    }
    call.conduit =
        (run->exit.hypercall.flags & ABI_HYPERCALL_EXIT_SMC) ? VML_SMCCC_SMC : VML_SMCCC_HVC;
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(call.x); i++) {
        if (kvm_get_reg(cpu, ABI_REG_X(i), &call.x[i]) != 0) {
            return KVM_NEXT_FAILED;
        }
    }
    if (vml_smccc_handle(cpu->machine->config.smccc, &call) != VML_OK) {
        /* The conduit is not served; the instruction cannot be made UNDEFINED any more. */
        vml_smccc_result(&call, VML_SMCCC_NOT_SUPPORTED);
        return put_results(cpu, &call) ? KVM_NEXT_RUN : KVM_NEXT_FAILED;
    }
    switch (call.action) {
    case VML_SMCCC_NO_RETURN:
        return KVM_NEXT_RUN;
    case VML_SMCCC_RESTART:
        kvm_start(&cpu->cpu, &call.start);
        suspend(cpu);
        return KVM_NEXT_RUN;
    case VML_SMCCC_WAIT:
        suspend(cpu);
        break;
    default:
        break;
    }
    return put_results(cpu, &call) ? KVM_NEXT_RUN : KVM_NEXT_FAILED;
}

enum kvm_next kvm_handle_exit(struct vml_kvm *cpu)
{
    struct abi_run *run = kvm_run_page(cpu);

    switch (run->exit_reason) {
    case ABI_EXIT_MMIO:
        return handle_mmio(cpu);
    case ABI_EXIT_ARM_NISV:
        return kvm_handle_nisv(cpu);
    case ABI_EXIT_HYPERCALL:
        return handle_call(cpu);
    case ABI_EXIT_SYSTEM_EVENT:
        return handle_system_event(cpu);
    case ABI_EXIT_DEBUG:
        return KVM_NEXT_STEPPED;
    case ABI_EXIT_INTR:
        return KVM_NEXT_RUN;
    default:
        return KVM_NEXT_FAILED;
    }
}
