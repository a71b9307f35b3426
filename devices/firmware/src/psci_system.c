/* DEN0022: calls about the machine. */
#include "psci_private.h"

#define VENDOR_RESET  UINT32_C(0x80000000)
#define WARM_RESET    UINT32_C(0)
#define HIBERNATE_OFF UINT32_C(1)

bool psci_others_off(const struct vml_psci *psci, const struct vml_cpu *self)
{
    const struct vml_cpu_set *cpus = psci->config.cpus;

    for (uint32_t i = 0; i < cpus->count; i++) {
        if (cpus->by_index[i] != self && vml_cpu_state(cpus->by_index[i]) != VML_CPU_OFF) {
            return false;
        }
    }
    return true;
}

/* The vCPU stops, whatever the embedder makes of the event and when: these calls do not return. */
static int64_t end_with(struct vml_psci *psci, struct vml_smccc_call *call,
                        enum vml_lifecycle_kind kind, uint32_t type, uint64_t cookie)
{
    struct vml_lifecycle_event event = {
        .kind = kind,
        .type = type,
        .cookie = cookie,
        .cpu = call->cpu,
    };

    call->action = VML_SMCCC_NO_RETURN;
    vml_cpu_stop(call->cpu);
    (void)vml_lifecycle_raise(psci->config.lifecycle, &event);
    return VML_PSCI_SUCCESS;
}

int64_t psci_system_off(struct vml_psci *psci, struct vml_smccc_call *call)
{
    return end_with(psci, call, VML_LIFECYCLE_OFF, 0, 0);
}

/* SYSTEM_OFF2: guests that were written to the draft give type 0. */
int64_t psci_system_off2(struct vml_psci *psci, struct vml_smccc_call *call)
{
    if (call->x[1] > HIBERNATE_OFF || call->x[2] != 0) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    return end_with(psci, call, VML_LIFECYCLE_HIBERNATE, HIBERNATE_OFF, 0);
}

int64_t psci_system_reset(struct vml_psci *psci, struct vml_smccc_call *call)
{
    return end_with(psci, call, VML_LIFECYCLE_RESET, 0, 0);
}

int64_t psci_system_reset2(struct vml_psci *psci, struct vml_smccc_call *call)
{
    uint32_t type = (uint32_t)call->x[1];
    uint32_t option =
        (type & VENDOR_RESET) ? VML_PSCI_OPTION_VENDOR_RESET : VML_PSCI_OPTION_SYSTEM_RESET2;

    if (!(psci->config.options & option) || (!(type & VENDOR_RESET) && type != WARM_RESET)) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    return end_with(psci, call, VML_LIFECYCLE_RESET, type, call->x[2]);
}

int64_t psci_system_suspend(struct vml_psci *psci, struct vml_smccc_call *call)
{
    struct vml_lifecycle_event event = {.kind = VML_LIFECYCLE_SUSPEND, .cpu = call->cpu};
    int64_t result;

    if (!psci_others_off(psci, call->cpu)) {
        return VML_PSCI_DENIED;
    }
    result = psci_restart_at(psci, call, call->x[1], call->x[2]);
    if (result == VML_PSCI_SUCCESS) {
        (void)vml_lifecycle_raise(psci->config.lifecycle, &event);
    }
    return result;
}

/* PSCI_SET_SUSPEND_MODE: back to platform-coordinated mode only while no other vCPU is on. */
int64_t psci_set_suspend_mode(struct vml_psci *psci, struct vml_smccc_call *call)
{
    uint64_t mode = call->x[1];

    if (mode > 1) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    if (mode == 0 && atomic_load(&psci->os_initiated) && !psci_others_off(psci, call->cpu)) {
        return VML_PSCI_DENIED;
    }
    atomic_store(&psci->os_initiated, (uint32_t)mode);
    return VML_PSCI_SUCCESS;
}

/* MEM_PROTECT: the answer is the state before, 0 or 1. */
int64_t psci_mem_protect(struct vml_psci *psci, struct vml_smccc_call *call)
{
    if (call->x[1] > 1) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    return atomic_exchange(&psci->mem_protect, (uint32_t)call->x[1]);
}

int64_t psci_mem_protect_check_range(struct vml_psci *psci, struct vml_smccc_call *call)
{
    struct vml_as *as = psci->config.as;
    uint64_t at = call->x[1];
    uint64_t left = call->x[2];

    if (left == 0 || vml_range_wraps(at, left)) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    if (!as) {
        return VML_PSCI_DENIED;
    }
    while (left) {
        const struct vml_as_region *region = vml_as_find(as, at);
        uint64_t part;

        /* Each step passes a region, and there are finitely many. */
        if (!region || (region->flags & VML_AS_READONLY)) {
            return VML_PSCI_DENIED;
        }
        part = vml_min_u64(left, region->size - (at - region->base));
        at += part;
        left -= part;
    }
    return VML_PSCI_SUCCESS;
}
