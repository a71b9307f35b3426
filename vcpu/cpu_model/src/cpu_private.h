/*
 * Ordering.  Two pairs of flags are stored on one side and loaded on the other (Dekker), so each
 * access to them outside of the fast path is sequentially consistent:
 *
 *   active   (owner)          against  set->roundups    (who rounds up)
 *   waiting  (owner)          against  requests, woken, power, set->roundups  (who wakes)
 *
 * Lock order: none; `lock` of a vCPU is a leaf, and no signal is set under it.
 */
#ifndef VML_CPU_PRIVATE_H
#define VML_CPU_PRIVATE_H

#include <vml/cpu.h>

/* Wakes the owner if it waits. What it waits for has been stored before, seq_cst. */
static inline void cpu_poke(struct vml_cpu *cpu)
{
    if (atomic_load(&cpu->waiting)) {
        vml_signal_set(&cpu->wake);
    }
}

/* Changes the power state and traces it. With the lock held. Returns true when the last vCPU of the
 * set went off: the caller then calls cpu_tell_off() without the lock. */
bool cpu_set_power(struct vml_cpu *cpu, enum vml_cpu_state power);

/* Tells those who wait for all vCPUs to be off. */
void cpu_tell_off(struct vml_cpu_set *set);

#endif
