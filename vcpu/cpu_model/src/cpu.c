#include "cpu_private.h"

enum vml_status vml_cpu_init(struct vml_cpu *cpu, const struct vml_cpu_config *config)
{
    if (config->mpidr & ~VML_MPIDR_AFFINITY_MASK) {
        return VML_ERR_INVALID;
    }
    memset(cpu, 0, sizeof(*cpu));
    cpu->config = *config;
    atomic_init(&cpu->requests, 0);
    atomic_init(&cpu->power, VML_CPU_OFF);
    atomic_init(&cpu->emulating, 0);
    atomic_init(&cpu->active, 0);
    atomic_init(&cpu->waiting, 0);
    atomic_init(&cpu->woken, 0);
    for (uint32_t i = 0; i < VML_CPU_REQUESTERS; i++) {
        atomic_init(&cpu->features[i], 0);
    }
    vml_mutex_init(&cpu->lock);
    vml_signal_init(&cpu->wake);
    return VML_OK;
}

void vml_cpu_destroy(struct vml_cpu *cpu)
{
    vml_signal_destroy(&cpu->wake);
    vml_mutex_destroy(&cpu->lock);
}

bool cpu_set_power(struct vml_cpu *cpu, enum vml_cpu_state power)
{
    uint32_t old = atomic_load_explicit(&cpu->power, memory_order_relaxed);
    bool last = false;

    if (old == VML_CPU_OFF && power != VML_CPU_OFF) {
        atomic_fetch_add(&cpu->set->on, 1);
    }
    atomic_store(&cpu->power, power);
    if (old != VML_CPU_OFF && power == VML_CPU_OFF) {
        last = atomic_fetch_sub(&cpu->set->on, 1) == 1;
    }
    vml_trace(cpu->config.debug, UINT32_MAX, VML_TRACE_CPU_STATE, old, power, cpu->config.index);
    return last;
}

enum vml_status vml_cpu_start(struct vml_cpu *cpu, const struct vml_cpu_start *start)
{
    enum vml_status status = VML_OK;

    vml_mutex_lock(&cpu->lock);
    switch (atomic_load_explicit(&cpu->power, memory_order_relaxed)) {
    case VML_CPU_OFF:
        cpu->start = *start;
        /* Of an earlier life. From here on wake-ups are for the new one. */
        atomic_store(&cpu->woken, 0);
        (void)cpu_set_power(cpu, VML_CPU_ON_PENDING);
        break;
    case VML_CPU_ON_PENDING:
        status = VML_ERR_BUSY;
        break;
    default:
        status = VML_ERR_STATE;
        break;
    }
    vml_mutex_unlock(&cpu->lock);
    if (status == VML_OK) {
        cpu_poke(cpu);
    }
    return status;
}

void vml_cpu_stop(struct vml_cpu *cpu)
{
    uint32_t power;
    bool last = false;

    vml_mutex_lock(&cpu->lock);
    power = atomic_load_explicit(&cpu->power, memory_order_relaxed);
    if (power == VML_CPU_ON_PENDING) {
        last = cpu_set_power(cpu, VML_CPU_OFF);
    } else if (power != VML_CPU_OFF) {
        /* Under the lock, so that a start which follows the owner's going off never sees it. */
        atomic_fetch_or(&cpu->requests, VML_CPU_REQUEST_STOP);
    }
    vml_mutex_unlock(&cpu->lock);
    if (last) {
        cpu_tell_off(cpu->set);
    }
    if (power == VML_CPU_ON || power == VML_CPU_SUSPENDED) {
        if (cpu->config.ops && cpu->config.ops->recall) {
            cpu->config.ops->recall(cpu);
        }
        cpu_poke(cpu);
    }
}

void vml_cpu_reset(struct vml_cpu *cpu, const struct vml_cpu_start *start)
{
    bool last = false;

    vml_mutex_lock(&cpu->lock);
    if (start) {
        cpu->start = *start;
        (void)cpu_set_power(cpu, VML_CPU_ON_PENDING);
    } else {
        last = cpu_set_power(cpu, VML_CPU_OFF);
    }
    atomic_fetch_and(&cpu->requests, ~(uint32_t)VML_CPU_REQUEST_STOP);
    atomic_fetch_or(&cpu->requests, VML_CPU_REQUEST_RESET);
    atomic_store(&cpu->woken, 0);
    vml_mutex_unlock(&cpu->lock);
    if (last) {
        cpu_tell_off(cpu->set);
    }
    cpu_poke(cpu);
}

void vml_cpu_recall(struct vml_cpu *cpu, uint32_t requests)
{
    uint32_t old = atomic_fetch_or(&cpu->requests, requests);

    /* Who set the bits before has recalled the vCPU, or is about to. */
    if ((old & requests) == requests) {
        return;
    }
    if (cpu->config.ops && cpu->config.ops->recall) {
        cpu->config.ops->recall(cpu);
    }
    cpu_poke(cpu);
}

uint32_t vml_cpu_take_requests(struct vml_cpu *cpu, uint32_t mask)
{
    uint32_t own = mask & ~(uint32_t)VML_CPU_REQUESTS_OF_MODEL;
    uint32_t now = atomic_load_explicit(&cpu->requests, memory_order_acquire);

    if (now & own) {
        now = atomic_fetch_and(&cpu->requests, ~own);
    }
    return now & mask;
}

void vml_cpu_request_features(struct vml_cpu *cpu, enum vml_cpu_requester requester,
                              uint32_t features)
{
    uint32_t before;
    uint32_t after;

    VML_ASSERT((uint32_t)requester < VML_CPU_REQUESTERS);
    vml_mutex_lock(&cpu->lock);
    before = vml_cpu_features(cpu);
    atomic_store(&cpu->features[requester], features);
    after = vml_cpu_features(cpu);
    if (!(after & VML_CPU_PAUSED)) {
        atomic_fetch_and(&cpu->requests, ~(uint32_t)VML_CPU_REQUEST_PAUSE);
    } else if (!(before & VML_CPU_PAUSED)) {
        atomic_fetch_or(&cpu->requests, VML_CPU_REQUEST_PAUSE);
    }
    vml_mutex_unlock(&cpu->lock);
    if (before == after) {
        return;
    }
    atomic_fetch_or(&cpu->requests, VML_CPU_REQUEST_RECONFIGURE);
    if (cpu->config.ops && cpu->config.ops->recall) {
        cpu->config.ops->recall(cpu);
    }
    cpu_poke(cpu);
}

uint32_t vml_cpu_features(const struct vml_cpu *cpu)
{
    uint32_t features = 0;

    for (uint32_t i = 0; i < VML_CPU_REQUESTERS; i++) {
        features |= atomic_load_explicit(&cpu->features[i], memory_order_acquire);
    }
    return features;
}
