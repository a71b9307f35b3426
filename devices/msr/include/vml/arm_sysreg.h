/**
 * @file
 * @brief AArch64 system registers that trap: identification, virtual memory control, debug, the
 * performance monitors, and cache maintenance by set and way.
 *
 * One device serves all vCPUs on a SYSREG bus.  It has a row for each register; the rows of a
 * feature that the CPU model does not show are not there, so that such a register is UNDEFINED.
 * Registers of the GIC and of the timers are other devices on the same bus.
 *
 * Threads: each vCPU accesses its own registers from its own thread. See vml_arm_sysregs_get().
 * @addtogroup vml_msr
 * @{
 */
#ifndef VML_ARM_SYSREG_H
#define VML_ARM_SYSREG_H

#include <vml/arm_cpu_model.h>
#include <vml/clock.h>
#include <vml/device.h>
#include <vml/vbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Registers in the table, at most. */
#define VML_ARM_SYSREG_MAX 320u
/** @brief Groups of 128 encodings (op0, op1, CRn) that have registers, at most. */
#define VML_ARM_SYSREG_GROUPS 32u
/** @brief How a register behaves. */
enum vml_arm_sysreg_kind {
    VML_ARM_SYSREG_RO,    /**< constant */
    VML_ARM_SYSREG_RW,    /**< stored, within its mask */
    VML_ARM_SYSREG_RAZ,   /**< reads as zero, writes ignored */
    VML_ARM_SYSREG_WO,    /**< written only; a read is UNDEFINED */
    VML_ARM_SYSREG_VM,    /**< stored, and the embedder is told: virtual memory control */
    VML_ARM_SYSREG_OTHER, /**< see the architecture */
};

/** @brief One register. */
struct vml_arm_sysreg {
    const char *name;    /**< as the architecture spells it */
    uint32_t sysreg;     /**< VML_SYSREG() */
    uint8_t kind;        /**< enum vml_arm_sysreg_kind */
    uint8_t feature;     /**< enum vml_arm_feature that it needs, or VML_ARM_FEATURE_COUNT */
    uint8_t id;          /**< enum vml_arm_id whose value it has, or VML_ARM_ID_COUNT */
    uint64_t reset;      /**< value at reset */
    uint64_t write_mask; /**< bits that a write changes; the others keep their reset value */
};

/** @brief What an access without a register comes to. */
enum vml_arm_sysreg_policy {
    VML_ARM_SYSREG_UNDEFINED, /**< VML_BUS_FAULT: inject an UNDEFINED exception */
    VML_ARM_SYSREG_IGNORE,    /**< reads as zero, writes ignored */
};

/** @brief Hooks. Each is called on the accessing vCPU's thread, no lock held; each may be NULL. */
struct vml_arm_sysreg_hooks {
    /** A virtual memory control register was written: SCTLR, TTBR, TCR, MAIR... Compare SCTLR_EL1.M
     * in `before` and `after` to notice that the MMU goes on. */
    void (*vm)(void *context, uint32_t cpu, uint32_t sysreg, uint64_t before, uint64_t after);
    /** DC ISW, CSW or CISW: clean the guest's memory, or trap the registers above until the caches
     * go on, as hypervisors do. */
    void (*set_way)(void *context, uint32_t cpu, uint32_t sysreg, uint64_t value);
    /** There is no such register; the policy decides what it comes to. */
    void (*unknown)(void *context, const struct vml_access *access, uint32_t sysreg);
};

/** @brief The values of one vCPU. */
struct vml_arm_sysreg_cpu {
    uint64_t value[VML_ARM_SYSREG_MAX]; /**< by row */
};

/** @brief How the device is made. Copied. */
struct vml_arm_sysregs_config {
    const char *name;                      /**< for traces; NULL: "arm_sysregs" */
    const struct vml_arm_cpu_model *model; /**< copied */
    uint32_t cpus;                         /**< vCPUs */
    const uint64_t *mpidr;                 /**< affinity of each; copied */
    struct vml_arm_sysreg_cpu *state;      /**< one for each; kept */
    struct vml_clock *clock;               /**< what PMCCNTR_EL0 counts by; NULL: it stands still */
    enum vml_arm_sysreg_policy unknown;    /**< see there */
    const struct vml_arm_sysreg_hooks *hooks; /**< kept; may be NULL */
    void *context;                            /**< given to the hooks */
};

/** @brief The device. The embedder supplies the storage; members are private. */
struct vml_arm_sysregs {
    struct vml_device device;                 /**< register its ranges on a bus */
    struct vml_arm_sysreg_cpu *state;         /**< as configured */
    uint32_t cpus;                            /**< as configured */
    uint8_t group[1u << 9];                   /**< by op0, op1, CRn; 0: none */
    uint16_t row[VML_ARM_SYSREG_GROUPS][128]; /**< by CRm, op2: row + 1 and a flag, or 0 */
    struct vml_arm_sysregs_config config;     /**< as given */
    struct vml_arm_cpu_model model;           /**< as given */
};

/** @brief Makes the device in its reset state.
 * @return VML_ERR_INVALID without a model, vCPUs, affinities or storage */
VML_MUST_CHECK enum vml_status vml_arm_sysregs_init(struct vml_arm_sysregs *regs,
                                                    const struct vml_arm_sysregs_config *config);
/** @brief The table. @param count gets its rows */
const struct vml_arm_sysreg *vml_arm_sysreg_table(uint32_t *count);
/** @brief The `index`th part of the SYSREG space that this device serves, as a bus range.
 *
 * With a bus that holds all of them, other devices' registers (CRn 12, CRn 14) lie between.
 * @return false behind the last */
bool vml_arm_sysregs_range(struct vml_arm_sysregs *regs, uint32_t index,
                           struct vml_bus_range *range);
/** @brief Number of ranges that vml_arm_sysregs_range() gives. */
#define VML_ARM_SYSREG_RANGES 7u
/** @brief Reads a register for a debugger or an engine; the vCPU does not run, or it is its thread.
 * @return VML_ERR_RANGE, VML_ERR_NOT_FOUND */
VML_MUST_CHECK enum vml_status vml_arm_sysregs_get(struct vml_arm_sysregs *regs, uint32_t cpu,
                                                   uint32_t sysreg, uint64_t *value);
/** @brief Writes the stored value of a register, without hooks. See vml_arm_sysregs_get(). */
VML_MUST_CHECK enum vml_status vml_arm_sysregs_set(struct vml_arm_sysregs *regs, uint32_t cpu,
                                                   uint32_t sysreg, uint64_t value);
/** @brief The name of a register; "?" for none of the table. */
const char *vml_arm_sysreg_name(uint32_t sysreg);
/** @brief The register of a name, or UINT32_MAX. */
uint32_t vml_arm_sysreg_by_name(const char *name);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
