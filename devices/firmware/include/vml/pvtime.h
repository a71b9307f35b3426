/**
 * @file
 * @brief Paravirtualised time (DEN0057): stolen time, in a structure in guest memory for each vCPU.
 * @addtogroup vml_firmware
 * @{
 */
#ifndef VML_PVTIME_H
#define VML_PVTIME_H

#include <vml/simple_as.h>
#include <vml/smccc.h>
#include <vml/state.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Function identifiers
 * @{ */
#define VML_PV_TIME_FEATURES UINT32_C(0xc5000020) /**< PV_TIME_FEATURES */
#define VML_PV_TIME_ST       UINT32_C(0xc5000021) /**< PV_TIME_ST */
/** @} */

/** @brief Bytes of a vCPU's structure, which is aligned to as much. */
#define VML_PV_TIME_SIZE 64u

/** @brief Stolen time of a machine. */
struct vml_pvtime {
    struct vml_as *as;   /**< the guest's memory */
    uint64_t base;       /**< guest address of the structures, by vCPU index */
    uint32_t cpus;       /**< of them */
    uint64_t *stolen_ns; /**< one per vCPU: what has been added up; its owner's */
};

/** @brief Makes it ready and writes the structures.
 * @param pvtime filled
 * @param as the guest's memory; the structures are outside of what the guest takes for RAM
 * @param base aligned to VML_PV_TIME_SIZE
 * @param cpus vCPUs
 * @param stolen_ns storage: one per vCPU
 * @return VML_ERR_INVALID (alignment), VML_ERR_RANGE (no memory there) */
VML_MUST_CHECK enum vml_status vml_pvtime_init(struct vml_pvtime *pvtime, struct vml_as *as,
                                               uint64_t base, uint32_t cpus, uint64_t *stolen_ns);

/** @brief Owner of a vCPU: adds time in which it was runnable and did not run, before it enters. */
void vml_pvtime_add(struct vml_pvtime *pvtime, uint32_t cpu, uint64_t ns);

/** @brief Writes one record: what each vCPU has lost so far. */
void vml_pvtime_save(const struct vml_pvtime *pvtime, struct vml_state_writer *w);
/** @brief Reads one record, of as many vCPUs, and writes the structures: stolen time goes on where it was,
 * since a guest may not see it go back.
 * @return the reader's status; after an error nothing is changed */
VML_MUST_CHECK enum vml_status vml_pvtime_restore(struct vml_pvtime *pvtime,
                                                  struct vml_state_reader *r);

/** @brief Serves a call. @return false when there is no such call */
bool vml_pvtime_call(struct vml_pvtime *pvtime, uint32_t fid, struct vml_smccc_call *call);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
