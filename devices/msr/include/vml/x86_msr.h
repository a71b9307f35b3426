/**
 * @file
 * @brief The model-specific registers that a 64-bit x86 guest touches, on an MSR bus.
 *
 * VML_BUS_FAULT means: inject a general protection fault with error code 0, for a register that
 * there is not, one that the CPU model hides, a write of a read-only one, and reserved bits.
 *
 * Threads: each vCPU accesses its own registers from its own thread.
 * @addtogroup vml_msr
 * @{
 */
#ifndef VML_X86_MSR_H
#define VML_X86_MSR_H

#include <vml/clock.h>
#include <vml/device.h>
#include <vml/x86_cpuid.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Registers in the table, at most. */
#define VML_X86_MSR_MAX 80u

/** @brief How a register behaves. */
enum vml_x86_msr_kind {
    VML_X86_MSR_RO,      /**< constant */
    VML_X86_MSR_RW,      /**< stored; bits outside of its mask are reserved: a GP fault */
    VML_X86_MSR_WO,      /**< a command; a read is a GP fault */
    VML_X86_MSR_ADDRESS, /**< stored; a canonical address, else a GP fault */
    VML_X86_MSR_HOOK,    /**< stored, and the embedder is told */
    VML_X86_MSR_OTHER,   /**< see the SDM */
};

/** @brief One register. */
struct vml_x86_msr {
    const char *name;    /**< as the SDM spells it */
    uint32_t number;     /**< ECX at RDMSR */
    uint8_t kind;        /**< enum vml_x86_msr_kind */
    uint8_t feature;     /**< enum vml_x86_feature that it needs, or VML_X86_FEATURE_COUNT */
    uint64_t reset;      /**< value at reset */
    uint64_t write_mask; /**< bits that are not reserved */
};

/** @brief What an access without a register comes to. */
enum vml_x86_msr_policy {
    VML_X86_MSR_GP,     /**< a GP fault */
    VML_X86_MSR_IGNORE, /**< reads as zero, writes ignored */
};

/** @brief The values of one vCPU. */
struct vml_x86_msr_cpu {
    uint64_t value[VML_X86_MSR_MAX]; /**< by row */
};

/** @brief How the device is made. Copied. */
struct vml_x86_msrs_config {
    const char *name;                      /**< for traces; NULL: "x86_msrs" */
    const struct vml_x86_cpu_model *model; /**< copied */
    uint32_t cpus;                         /**< vCPUs; vCPU 0 is the bootstrap processor */
    struct vml_x86_msr_cpu *state;         /**< one for each; kept */
    struct vml_clock *clock;               /**< the TSC; not NULL */
    enum vml_x86_msr_policy unknown;       /**< see there */
    /** A register was written whose effect is the embedder's: APIC_BASE, TSC_DEADLINE, EFER,
     * FS_BASE, PRED_CMD, the KVM clock's... No lock held. May be NULL. */
    void (*written)(void *context, uint32_t cpu, uint32_t msr, uint64_t value);
    /** There is no such register; the policy decides what it comes to. May be NULL. */
    void (*unknown_access)(void *context, const struct vml_access *access, uint32_t msr);
    void *context; /**< given to both */
};

/** @brief The device. The embedder supplies the storage; members are private. */
struct vml_x86_msrs {
    struct vml_device device;          /**< register this on an MSR bus, from 0, 2^32 of them */
    struct vml_x86_msrs_config config; /**< as given */
    struct vml_x86_cpu_model model;    /**< as given */
};

/** @brief Makes the device in its reset state. @return VML_ERR_INVALID for missing members */
VML_MUST_CHECK enum vml_status vml_x86_msrs_init(struct vml_x86_msrs *msrs,
                                                 const struct vml_x86_msrs_config *config);
/** @brief The table, ascending. @param count gets its rows */
const struct vml_x86_msr *vml_x86_msr_table(uint32_t *count);
/** @brief The name of a register; "?" for none of the table. */
const char *vml_x86_msr_name(uint32_t msr);
/** @brief Reads the stored value of a register, for an engine. @return VML_ERR_RANGE,
 * VML_ERR_NOT_FOUND */
VML_MUST_CHECK enum vml_status vml_x86_msrs_get(struct vml_x86_msrs *msrs, uint32_t cpu,
                                                uint32_t msr, uint64_t *value);
/** @brief The TSC of a vCPU now. @param cpu below the number of vCPUs */
uint64_t vml_x86_msrs_tsc(struct vml_x86_msrs *msrs, uint32_t cpu);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
