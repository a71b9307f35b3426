/*
 * The world stands when `roundups` is not 0 and no vCPU is active. A vCPU that becomes active stores
 * `active` and then loads `roundups`; here it is the other way round; both sequentially consistent,
 * so at least one of the two sees the other. No lock is taken.
 */
#include <vml/roundup.h>

static bool all_inactive(const struct vml_cpu_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (atomic_load(&set->by_index[i]->active)) {
            return false;
        }
    }
    return true;
}

enum vml_status vml_roundup_until(struct vml_cpu_set *set, struct vml_cpu *self,
                                  uint64_t deadline_ns)
{
    enum vml_status status = VML_OK;

    atomic_fetch_add(&set->roundups, 1);
    if (self) {
        self->roundups++;
        vml_cpu_park(self);
    }
    for (uint32_t i = 0; i < set->count; i++) {
        struct vml_cpu *cpu = set->by_index[i];

        if (cpu != self && atomic_load(&cpu->active)) {
            vml_cpu_recall(cpu, VML_CPU_REQUEST_ROUNDUP);
        }
    }
    while (!all_inactive(set)) {
        if (status != VML_OK) {
            vml_resume(set, self);
            return status;
        }
        status = vml_signal_wait_until(&set->inactive, deadline_ns);
    }
    /* A signal wakes one: whoever leaves passes it on to the next. */
    vml_signal_set(&set->inactive);
    return VML_OK;
}

void vml_roundup(struct vml_cpu_set *set, struct vml_cpu *self)
{
    enum vml_status status = vml_roundup_until(set, self, VML_TIME_NEVER);

    VML_ASSERT(status == VML_OK);
}

void vml_resume(struct vml_cpu_set *set, struct vml_cpu *self)
{
    uint32_t before = atomic_fetch_sub(&set->roundups, 1);

    VML_ASSERT(before != 0);
    if (before == 1) {
        for (uint32_t i = 0; i < set->count; i++) {
            struct vml_cpu *cpu = set->by_index[i];

            if (atomic_load(&cpu->waiting)) {
                vml_signal_set(&cpu->wake);
            }
        }
    }
    if (self) {
        VML_ASSERT(self->roundups != 0);
        self->roundups--;
        if (self->roundups == 0) {
            vml_cpu_unpark(self);
        }
    }
}
