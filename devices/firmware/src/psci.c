/* DEN0022: which calls there are, and what PSCI_FEATURES tells of them. */
#include "psci_private.h"

#define TAG_PSCI VML_STATE_TAG('P', 'S', 'C', 'I')
/* 2 added the place of the trusted OS. */
#define VERSION 2

static int64_t psci_version(struct vml_psci *psci, struct vml_smccc_call *call)
{
    (void)call;
    return psci->config.version;
}

static int64_t psci_migrate_info_type(struct vml_psci *psci, struct vml_smccc_call *call)
{
    (void)call;
    switch (psci->config.trusted_os) {
    case VML_PSCI_TOS_UP_MIGRATE:
        return 0;
    case VML_PSCI_TOS_UP_NO_MIGRATE:
        return 1;
    default:
        return 2;
    }
}

/* PSCI_FEATURES: flags of CPU_SUSPEND, types of SYSTEM_OFF2, 0 for every other call. */
static int64_t psci_features(struct vml_psci *psci, struct vml_smccc_call *call)
{
    uint32_t fid = (uint32_t)call->x[1];
    uint32_t options = psci->config.options;
    const struct psci_row *row;

    if (fid == VML_SMCCC_VERSION) {
        return psci->config.smccc_1_1 ? VML_PSCI_SUCCESS : VML_PSCI_NOT_SUPPORTED;
    }
    row = psci_find(psci, fid);
    if (!row) {
        return VML_PSCI_NOT_SUPPORTED;
    }
    switch (row->fid) {
    case VML_PSCI_CPU_SUSPEND:
        return ((options & VML_PSCI_OPTION_OS_INITIATED) ? 1 : 0) |
               ((options & VML_PSCI_OPTION_EXTENDED_STATE) ? 2 : 0);
    case VML_PSCI_SYSTEM_OFF2:
        return 1; /* HIBERNATE_OFF */
    default:
        return VML_PSCI_SUCCESS;
    }
}

#define OPTION(name) VML_PSCI_OPTION_##name

/* By identifier, so that a call is found without a search. */
static const struct psci_row calls[] = {
    {VML_PSCI_VERSION, false, VML_PSCI_0_2, 0, psci_version},
    {VML_PSCI_CPU_SUSPEND, true, VML_PSCI_0_2, 0, psci_cpu_suspend},
    {VML_PSCI_CPU_OFF, false, VML_PSCI_0_2, 0, psci_cpu_off},
    {VML_PSCI_CPU_ON, true, VML_PSCI_0_2, 0, psci_cpu_on},
    {VML_PSCI_AFFINITY_INFO, true, VML_PSCI_0_2, 0, psci_affinity_info},
    {VML_PSCI_MIGRATE, true, VML_PSCI_0_2, PSCI_TOS, psci_migrate},
    {VML_PSCI_MIGRATE_INFO_TYPE, false, VML_PSCI_0_2, 0, psci_migrate_info_type},
    {VML_PSCI_MIGRATE_INFO_UP_CPU, true, VML_PSCI_0_2, PSCI_TOS, psci_migrate_info_up_cpu},
    {VML_PSCI_SYSTEM_OFF, false, VML_PSCI_0_2, 0, psci_system_off},
    {VML_PSCI_SYSTEM_RESET, false, VML_PSCI_0_2, 0, psci_system_reset},
    {VML_PSCI_FEATURES, false, VML_PSCI_1_0, 0, psci_features},
    {VML_PSCI_CPU_FREEZE, false, VML_PSCI_1_0, OPTION(CPU_FREEZE), psci_cpu_off},
    {VML_PSCI_CPU_DEFAULT_SUSPEND, true, VML_PSCI_1_0, OPTION(CPU_DEFAULT_SUSPEND),
     psci_cpu_default_suspend},
    {VML_PSCI_NODE_HW_STATE, true, VML_PSCI_1_0, OPTION(NODE_HW_STATE), psci_node_hw_state},
    {VML_PSCI_SYSTEM_SUSPEND, true, VML_PSCI_1_0, OPTION(SYSTEM_SUSPEND), psci_system_suspend},
    {VML_PSCI_SET_SUSPEND_MODE, false, VML_PSCI_1_0, OPTION(OS_INITIATED), psci_set_suspend_mode},
    {VML_PSCI_STAT_RESIDENCY, true, VML_PSCI_1_0, OPTION(STAT), psci_stat_residency},
    {VML_PSCI_STAT_COUNT, true, VML_PSCI_1_0, OPTION(STAT), psci_stat_count},
    {VML_PSCI_SYSTEM_RESET2, true, VML_PSCI_1_1, OPTION(SYSTEM_RESET2) | OPTION(VENDOR_RESET),
     psci_system_reset2},
    {VML_PSCI_MEM_PROTECT, false, VML_PSCI_1_1, OPTION(MEM_PROTECT), psci_mem_protect},
    {VML_PSCI_MEM_PROTECT_CHECK_RANGE, true, VML_PSCI_1_1, OPTION(MEM_PROTECT),
     psci_mem_protect_check_range},
    {VML_PSCI_SYSTEM_OFF2, true, VML_PSCI_1_3, OPTION(SYSTEM_OFF2), psci_system_off2},
};

const struct psci_row *psci_find(const struct vml_psci *psci, uint32_t fid)
{
    uint32_t index = (fid & ~VML_SMCCC_SMC64) - VML_PSCI_VERSION;
    const struct psci_row *row;

    if (index >= VML_ARRAY_SIZE(calls)) {
        return NULL;
    }
    row = &calls[index];
    if (psci->config.version < row->version ||
        (row->option && !(psci->config.options & row->option)) ||
        ((fid & VML_SMCCC_SMC64) && !row->has_64)) {
        return NULL;
    }
    return row;
}

bool vml_psci_call(struct vml_psci *psci, uint32_t fid, struct vml_smccc_call *call)
{
    const struct psci_row *row = psci_find(psci, fid);
    int64_t result;

    if (!row) {
        return false;
    }
    result = row->call(psci, call);
    if (call->action == VML_SMCCC_RETURN || call->action == VML_SMCCC_WAIT) {
        vml_smccc_result(call, result);
    }
    return true;
}

enum vml_status vml_psci_init(struct vml_psci *psci, const struct vml_psci_config *config)
{
    uint32_t version = config->version ? config->version : VML_PSCI_1_3;

    if (!config->cpus || !config->lifecycle ||
        (version != VML_PSCI_0_2 && (version < VML_PSCI_1_0 || version > VML_PSCI_1_3)) ||
        (config->options & ~(uint32_t)VML_PSCI_OPTIONS) ||
        (unsigned)config->trusted_os > VML_PSCI_TOS_UP_NO_MIGRATE ||
        (config->trusted_os && config->trusted_os_cpu >= config->cpus->count)) {
        return VML_ERR_INVALID;
    }
    if ((config->options & VML_PSCI_OPTION_STAT) &&
        (!config->power_states || !config->stats || !config->clock)) {
        return VML_ERR_INVALID;
    }
    psci->config = *config;
    psci->config.version = version;
    psci->config.options |= config->trusted_os ? PSCI_TOS : 0;
    atomic_init(&psci->os_initiated, 0);
    atomic_init(&psci->mem_protect, 0);
    atomic_init(&psci->tos_cpu, config->trusted_os_cpu);
    if (config->stats) {
        size_t count = (size_t)config->cpus->count * config->power_state_count;

        for (size_t i = 0; i < count; i++) {
            atomic_init(&config->stats[i].residency_us, 0);
            atomic_init(&config->stats[i].count, 0);
            config->stats[i].since = 0;
        }
    }
    return VML_OK;
}

void vml_psci_reset(struct vml_psci *psci)
{
    atomic_store(&psci->os_initiated, 0);
    atomic_store(&psci->tos_cpu, psci->config.trusted_os_cpu);
}

bool vml_psci_mem_protected(const struct vml_psci *psci)
{
    return atomic_load(&psci->mem_protect) != 0;
}

void vml_psci_save(const struct vml_psci *psci, struct vml_state_writer *w)
{
    vml_state_begin(w, TAG_PSCI, VERSION);
    vml_state_put_u32(w, psci->config.version);
    vml_state_put_bool(w, atomic_load(&psci->os_initiated) != 0);
    vml_state_put_bool(w, atomic_load(&psci->mem_protect) != 0);
    vml_state_put_u32(w, atomic_load(&psci->tos_cpu));
    vml_state_end(w);
}

enum vml_status vml_psci_restore(struct vml_psci *psci, struct vml_state_reader *r)
{
    enum vml_status status;
    bool os_initiated;
    bool mem_protect;
    uint32_t tos_cpu;
    uint16_t version = vml_state_enter(r, TAG_PSCI, VERSION);

    /* A guest that has found calls which are not here any more cannot go on. */
    if (vml_state_get_u32(r) > psci->config.version) {
        vml_state_fail(r, VML_ERR_UNSUPPORTED);
    }
    os_initiated = vml_state_get_bool(r);
    mem_protect = vml_state_get_bool(r);
    tos_cpu = version >= 2 ? vml_state_get_u32(r) : psci->config.trusted_os_cpu;
    if (psci->config.trusted_os && tos_cpu >= psci->config.cpus->count) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    if ((os_initiated && !(psci->config.options & VML_PSCI_OPTION_OS_INITIATED)) ||
        (mem_protect && !(psci->config.options & VML_PSCI_OPTION_MEM_PROTECT))) {
        vml_state_fail(r, VML_ERR_UNSUPPORTED);
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status == VML_OK) {
        atomic_store(&psci->os_initiated, os_initiated);
        atomic_store(&psci->mem_protect, mem_protect);
        atomic_store(&psci->tos_cpu, tos_cpu);
    }
    return status;
}
