/* DEN0022: calls about one vCPU. */
#include "psci_private.h"

/* Highest affinity level. */
#define MAX_LEVEL 3u

/* Fields of CPU_SUSPEND's power_state: original and extended format. */
#define ORIGINAL_RESERVED UINT32_C(0xfcfe0000)
#define ORIGINAL_TYPE     UINT32_C(0x00010000)
#define ORIGINAL_LEVEL(s) (((s) >> 24) & 3u)
#define EXTENDED_RESERVED UINT32_C(0xb0000000)
#define EXTENDED_TYPE     UINT32_C(0x40000000)

/* What NODE_HW_STATE answers. */
enum hw_state { HW_ON = 0, HW_OFF = 1, HW_STANDBY = 2 };

/* What AFFINITY_INFO answers. */
enum affinity_state { AFFINITY_ON = 0, AFFINITY_OFF = 1, AFFINITY_ON_PENDING = 2 };

int64_t psci_check_entry(const struct vml_psci *psci, uint64_t entry)
{
    const struct vml_psci_config *config = &psci->config;

    /* An A64 instruction is a word, aligned. */
    if (!(entry & 3u) && (!config->as || vml_as_find(config->as, entry)) &&
        (!config->entry_allowed || config->entry_allowed(config->context, entry))) {
        return VML_PSCI_SUCCESS;
    }
    return config->version == VML_PSCI_0_2 ? VML_PSCI_INVALID_PARAMETERS : VML_PSCI_INVALID_ADDRESS;
}

int64_t psci_restart_at(struct vml_psci *psci, struct vml_smccc_call *call, uint64_t entry,
                        uint64_t context)
{
    int64_t result = psci_check_entry(psci, entry);

    if (result == VML_PSCI_SUCCESS) {
        call->action = VML_SMCCC_RESTART;
        call->start = (struct vml_cpu_start){
            .entry = entry,
            .context = context,
            .timer_offset = psci->config.timer_offset,
            .mode = 1,
        };
    }
    return result;
}

/* The vCPU that a target_cpu argument names, or NULL: bits that are no affinity must be zero. */
static struct vml_cpu *target(const struct vml_psci *psci, uint64_t mpidr)
{
    return mpidr & ~VML_MPIDR_AFFINITY_MASK ? NULL : vml_cpu_by_affinity(psci->config.cpus, mpidr);
}

/* The affinity bits from a level upwards. */
static uint64_t level_mask(uint32_t level)
{
    static const uint64_t masks[] = {
        UINT64_C(0xff00ffffff),
        UINT64_C(0xff00ffff00),
        UINT64_C(0xff00ff0000),
        UINT64_C(0xff00000000),
    };

    return masks[level];
}

/* Index of a power state among those that there are, or -1. */
static int64_t state_index(const struct vml_psci *psci, uint32_t state)
{
    for (uint32_t i = 0; i < psci->config.power_state_count; i++) {
        if (psci->config.power_states[i] == state) {
            return i;
        }
    }
    return -1;
}

static bool state_valid(const struct vml_psci *psci, uint32_t state)
{
    bool extended = psci->config.options & VML_PSCI_OPTION_EXTENDED_STATE;

    if (state & (extended ? EXTENDED_RESERVED : ORIGINAL_RESERVED)) {
        return false;
    }
    return !psci->config.power_states || state_index(psci, state) >= 0;
}

/* In OS-initiated mode a node goes down only with the last of its vCPUs (4.2.3). */
static bool last_of_node(const struct vml_psci *psci, const struct vml_cpu *self, uint32_t level)
{
    const struct vml_cpu_set *cpus = psci->config.cpus;
    uint64_t mask = level_mask(level);

    for (uint32_t i = 0; i < cpus->count; i++) {
        const struct vml_cpu *cpu = cpus->by_index[i];
        enum vml_cpu_state state = vml_cpu_state(cpu);

        if (cpu != self && ((cpu->config.mpidr ^ self->config.mpidr) & mask) == 0 &&
            state != VML_CPU_OFF && state != VML_CPU_SUSPENDED) {
            return false;
        }
    }
    return true;
}

static struct vml_psci_stat *stat_of(const struct vml_psci *psci, const struct vml_cpu *cpu,
                                     uint32_t state)
{
    int64_t index = psci->config.stats ? state_index(psci, state) : -1;

    if (index < 0) {
        return NULL;
    }
    return &psci->config
                .stats[(size_t)cpu->config.index * psci->config.power_state_count + (size_t)index];
}

static void count_entry(struct vml_psci *psci, struct vml_cpu *cpu, uint32_t state)
{
    struct vml_psci_stat *stat = stat_of(psci, cpu, state);

    if (stat && psci->config.clock) {
        atomic_fetch_add(&stat->count, 1);
        stat->since = vml_clock_now(psci->config.clock) + 1;
    }
}

void vml_psci_woke(struct vml_psci *psci, const struct vml_cpu *cpu)
{
    const struct vml_psci_config *config = &psci->config;
    size_t first = (size_t)cpu->config.index * config->power_state_count;

    if (!config->stats || !config->clock) {
        return;
    }
    for (uint32_t i = 0; i < config->power_state_count; i++) {
        struct vml_psci_stat *stat = &config->stats[first + i];

        if (stat->since) {
            uint64_t ticks = vml_clock_now(config->clock) - (stat->since - 1);

            atomic_fetch_add(&stat->residency_us,
                             vml_clock_ticks_to_ns(config->clock, ticks) / 1000);
            stat->since = 0;
        }
    }
}

int64_t psci_cpu_suspend(struct vml_psci *psci, struct vml_smccc_call *call)
{
    uint32_t state = (uint32_t)call->x[1];
    bool extended = psci->config.options & VML_PSCI_OPTION_EXTENDED_STATE;
    bool power_down = state & (extended ? EXTENDED_TYPE : ORIGINAL_TYPE);
    uint32_t level = extended ? 0 : ORIGINAL_LEVEL(state);

    if (!state_valid(psci, state)) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    if (atomic_load(&psci->os_initiated) && level != 0 && !last_of_node(psci, call->cpu, level)) {
        return VML_PSCI_DENIED;
    }
    if (power_down) {
        int64_t result = psci_restart_at(psci, call, call->x[2], call->x[3]);

        if (result != VML_PSCI_SUCCESS) {
            return result;
        }
    } else {
        /* Standby: the entry point is ignored. */
        call->action = VML_SMCCC_WAIT;
    }
    count_entry(psci, call->cpu, state);
    return VML_PSCI_SUCCESS;
}

int64_t psci_cpu_default_suspend(struct vml_psci *psci, struct vml_smccc_call *call)
{
    return psci_restart_at(psci, call, call->x[1], call->x[2]);
}

/* CPU_FREEZE, too: interrupts that are still targeted at the vCPU do not wake it either. */
int64_t psci_cpu_off(struct vml_psci *psci, struct vml_smccc_call *call)
{
    /* A trusted OS that runs here only would be gone. */
    if (psci->config.trusted_os && atomic_load(&psci->tos_cpu) == call->cpu->config.index) {
        return VML_PSCI_DENIED;
    }
    vml_cpu_stop(call->cpu);
    call->action = VML_SMCCC_NO_RETURN;
    return VML_PSCI_SUCCESS;
}

int64_t psci_migrate(struct vml_psci *psci, struct vml_smccc_call *call)
{
    const struct vml_psci_config *config = &psci->config;
    const struct vml_cpu *to = target(psci, call->x[1]);
    uint32_t from = call->cpu->config.index;

    if (config->trusted_os != VML_PSCI_TOS_UP_MIGRATE) {
        return VML_PSCI_DENIED;
    }
    /* It is called on the vCPU that it leaves. */
    if (atomic_load(&psci->tos_cpu) != from) {
        return VML_PSCI_NOT_PRESENT;
    }
    if (!to) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    if (config->migrate && !config->migrate(config->context, from, to->config.index)) {
        return VML_PSCI_INTERNAL_FAILURE;
    }
    atomic_store(&psci->tos_cpu, to->config.index);
    return VML_PSCI_SUCCESS;
}

int64_t psci_migrate_info_up_cpu(struct vml_psci *psci, struct vml_smccc_call *call)
{
    (void)call;
    return (int64_t)psci->config.cpus->by_index[atomic_load(&psci->tos_cpu)]->config.mpidr;
}

int64_t psci_cpu_on(struct vml_psci *psci, struct vml_smccc_call *call)
{
    struct vml_cpu *cpu = target(psci, call->x[1]);
    struct vml_cpu_start start = {
        .entry = call->x[2],
        .context = call->x[3],
        .timer_offset = psci->config.timer_offset,
        .mode = 1,
    };
    int64_t result;

    if (!cpu) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    result = psci_check_entry(psci, start.entry);
    if (result != VML_PSCI_SUCCESS) {
        return result;
    }
    switch (vml_cpu_start(cpu, &start)) {
    case VML_OK:
        return VML_PSCI_SUCCESS;
    case VML_ERR_STATE:
        return VML_PSCI_ALREADY_ON;
    case VML_ERR_BUSY:
        return VML_PSCI_ON_PENDING;
    default:
        return VML_PSCI_INTERNAL_FAILURE;
    }
}

/* A node is ON with any vCPU in it that is, OFF when all are, ON_PENDING between. */
int64_t psci_affinity_info(struct vml_psci *psci, struct vml_smccc_call *call)
{
    const struct vml_cpu_set *cpus = psci->config.cpus;
    int64_t answer = VML_PSCI_INVALID_PARAMETERS;
    uint64_t mask;

    if (call->x[2] > MAX_LEVEL || (call->x[1] & ~VML_MPIDR_AFFINITY_MASK)) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    mask = level_mask((uint32_t)call->x[2]);
    for (uint32_t i = 0; i < cpus->count; i++) {
        if ((cpus->by_index[i]->config.mpidr ^ call->x[1]) & mask) {
            continue;
        }
        switch (vml_cpu_state(cpus->by_index[i])) {
        case VML_CPU_OFF:
            if (answer != AFFINITY_ON_PENDING) {
                answer = AFFINITY_OFF;
            }
            break;
        case VML_CPU_ON_PENDING:
            answer = AFFINITY_ON_PENDING;
            break;
        default:
            return AFFINITY_ON;
        }
    }
    return answer;
}

int64_t psci_node_hw_state(struct vml_psci *psci, struct vml_smccc_call *call)
{
    const struct vml_cpu_set *cpus = psci->config.cpus;
    const struct vml_cpu *cpu = target(psci, call->x[1]);
    enum hw_state answer = HW_OFF;

    if (!cpu || call->x[2] > MAX_LEVEL) {
        return VML_PSCI_INVALID_PARAMETERS;
    }
    for (uint32_t i = 0; i < cpus->count; i++) {
        const struct vml_cpu *other = cpus->by_index[i];

        if ((other->config.mpidr ^ cpu->config.mpidr) & level_mask((uint32_t)call->x[2])) {
            continue;
        }
        switch (vml_cpu_state(other)) {
        case VML_CPU_OFF:
            break;
        case VML_CPU_SUSPENDED:
            answer = HW_STANDBY;
            break;
        default:
            return HW_ON;
        }
    }
    return answer;
}

/* PSCI_STAT_COUNT: a vCPU or a state that there is not has no statistics: 0. */
int64_t psci_stat_residency(struct vml_psci *psci, struct vml_smccc_call *call)
{
    const struct vml_cpu *cpu = target(psci, call->x[1]);
    struct vml_psci_stat *stat = cpu ? stat_of(psci, cpu, (uint32_t)call->x[2]) : NULL;

    return stat ? (int64_t)atomic_load(&stat->residency_us) : 0;
}

int64_t psci_stat_count(struct vml_psci *psci, struct vml_smccc_call *call)
{
    const struct vml_cpu *cpu = target(psci, call->x[1]);
    struct vml_psci_stat *stat = cpu ? stat_of(psci, cpu, (uint32_t)call->x[2]) : NULL;

    return stat ? (int64_t)atomic_load(&stat->count) : 0;
}
