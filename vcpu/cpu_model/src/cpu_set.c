#include "cpu_private.h"

enum vml_status vml_cpu_set_init(struct vml_cpu_set *set, struct vml_cpu **cpus,
                                 struct vml_cpu **by_affinity, uint32_t count)
{
    if (count == 0) {
        return VML_ERR_INVALID;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t mpidr = cpus[i]->config.mpidr;
        uint32_t at = i;

        if (cpus[i]->config.index != i) {
            return VML_ERR_INVALID;
        }
        while (at > 0 && by_affinity[at - 1]->config.mpidr >= mpidr) {
            if (by_affinity[at - 1]->config.mpidr == mpidr) {
                return VML_ERR_OVERLAP;
            }
            by_affinity[at] = by_affinity[at - 1];
            at--;
        }
        by_affinity[at] = cpus[i];
    }
    memset(set, 0, sizeof(*set));
    set->by_index = cpus;
    set->by_affinity = by_affinity;
    set->count = count;
    atomic_init(&set->roundups, 0);
    atomic_init(&set->on, 0);
    vml_signal_init(&set->inactive);
    vml_signal_init(&set->off);
    for (uint32_t i = 0; i < count; i++) {
        cpus[i]->set = set;
    }
    return VML_OK;
}

void vml_cpu_set_destroy(struct vml_cpu_set *set)
{
    vml_signal_destroy(&set->off);
    vml_signal_destroy(&set->inactive);
}

struct vml_cpu *vml_cpu_by_affinity(const struct vml_cpu_set *set, uint64_t mpidr)
{
    uint32_t low = 0;
    uint32_t high = set->count;

    mpidr &= VML_MPIDR_AFFINITY_MASK;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t at = set->by_affinity[middle]->config.mpidr;

        if (at == mpidr) {
            return set->by_affinity[middle];
        }
        if (at < mpidr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void cpu_tell_off(struct vml_cpu_set *set)
{
    vml_signal_set(&set->off);
}

enum vml_status vml_cpus_wait_off(struct vml_cpu_set *set, uint64_t deadline_ns)
{
    enum vml_status status = VML_OK;

    while (atomic_load(&set->on) != 0 && status == VML_OK) {
        status = vml_signal_wait_until(&set->off, deadline_ns);
    }
    if (atomic_load(&set->on) != 0) {
        return VML_ERR_TIMEOUT;
    }
    /* A signal wakes one: whoever leaves passes it on to the next. */
    vml_signal_set(&set->off);
    return VML_OK;
}
