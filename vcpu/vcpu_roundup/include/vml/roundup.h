/**
 * @file
 * @brief Stop the world, resume the world.
 *
 * While a round-up is in force no vCPU of the set makes guest progress, neither natively nor in
 * emulation: device state and guest memory stand still as far as the guest is concerned. Saving,
 * restoring, resetting and changing the memory map are done in this state.
 *
 * Round-ups count: several callers may have one in force at a time, and the world goes on when each
 * of them has resumed it. A vCPU's owner that rounds the others up counts as rounded up itself until
 * it resumes; two of them that do so at the same time both get through.
 *
 * A vCPU that is OFF or SUSPENDED is not disturbed: it is rounded up as it is, and a start, a
 * wake-up or a deadline that arrives takes effect after the last resume.
 *
 * The protocol is in tests/model/roundup.pml, where a model checker goes through all of its
 * interleavings.
 * @defgroup vml_vcpu_roundup Round-up
 * @{
 */
#ifndef VML_ROUNDUP_H
#define VML_ROUNDUP_H

#include <vml/cpu.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Stops the world, and waits until it stands.
 *
 * Not with a lock held that a vCPU may wait for in emulation. May be nested.
 * @param set the VM's vCPUs
 * @param self the vCPU whose owner calls, or NULL for a thread that is no vCPU's owner */
void vml_roundup(struct vml_cpu_set *set, struct vml_cpu *self);

/** @brief As vml_roundup(), but gives up at a time; then nothing is in force and the world goes on.
 * @param set the VM's vCPUs
 * @param self as for vml_roundup()
 * @param deadline_ns on the platform's clock
 * @return VML_OK; VML_ERR_TIMEOUT when a vCPU did not stop (an engine that does not heed its recall) */
VML_MUST_CHECK enum vml_status vml_roundup_until(struct vml_cpu_set *set, struct vml_cpu *self,
                                                 uint64_t deadline_ns);

/** @brief Takes back one vml_roundup() of the same caller. With `self`, returns when no round-up of
 * anybody is in force, because guest progress follows.
 * @param set the VM's vCPUs
 * @param self what was given to vml_roundup() */
void vml_resume(struct vml_cpu_set *set, struct vml_cpu *self);

/** @brief True while a round-up is in force, or being brought about. For assertions of functions that
 * want the caller to have rounded up: to anybody else the answer may be out of date. */
static inline bool vml_rounded_up(const struct vml_cpu_set *set)
{
    return atomic_load_explicit(&set->roundups, memory_order_relaxed) != 0;
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
