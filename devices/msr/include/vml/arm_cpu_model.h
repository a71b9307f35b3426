/**
 * @file
 * @brief What CPU a guest sees: identification registers by name, and features that are hidden
 * whole.
 *
 * A model is a value: take a named one, hide features, set fields, and give it to whoever
 * answers the guest's reads.  Hiding a feature clears every field that tells of it, in all
 * registers, so that no guest finds it by another way.
 * @addtogroup vml_msr
 * @{
 */
#ifndef VML_ARM_CPU_MODEL_H
#define VML_ARM_CPU_MODEL_H

#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Identification registers of a model. */
enum vml_arm_id {
    VML_ARM_MIDR_EL1,
    VML_ARM_REVIDR_EL1,
    VML_ARM_AIDR_EL1,
    VML_ARM_CTR_EL0,
    VML_ARM_DCZID_EL0,
    VML_ARM_CLIDR_EL1,
    VML_ARM_ID_PFR0_EL1,
    VML_ARM_ID_PFR1_EL1,
    VML_ARM_ID_PFR2_EL1,
    VML_ARM_ID_DFR0_EL1,
    VML_ARM_ID_DFR1_EL1,
    VML_ARM_ID_AFR0_EL1,
    VML_ARM_ID_MMFR0_EL1,
    VML_ARM_ID_MMFR1_EL1,
    VML_ARM_ID_MMFR2_EL1,
    VML_ARM_ID_MMFR3_EL1,
    VML_ARM_ID_MMFR4_EL1,
    VML_ARM_ID_MMFR5_EL1,
    VML_ARM_ID_ISAR0_EL1,
    VML_ARM_ID_ISAR1_EL1,
    VML_ARM_ID_ISAR2_EL1,
    VML_ARM_ID_ISAR3_EL1,
    VML_ARM_ID_ISAR4_EL1,
    VML_ARM_ID_ISAR5_EL1,
    VML_ARM_ID_ISAR6_EL1,
    VML_ARM_MVFR0_EL1,
    VML_ARM_MVFR1_EL1,
    VML_ARM_MVFR2_EL1,
    VML_ARM_ID_AA64PFR0_EL1,
    VML_ARM_ID_AA64PFR1_EL1,
    VML_ARM_ID_AA64PFR2_EL1,
    VML_ARM_ID_AA64ZFR0_EL1,
    VML_ARM_ID_AA64SMFR0_EL1,
    VML_ARM_ID_AA64FPFR0_EL1,
    VML_ARM_ID_AA64DFR0_EL1,
    VML_ARM_ID_AA64DFR1_EL1,
    VML_ARM_ID_AA64AFR0_EL1,
    VML_ARM_ID_AA64AFR1_EL1,
    VML_ARM_ID_AA64ISAR0_EL1,
    VML_ARM_ID_AA64ISAR1_EL1,
    VML_ARM_ID_AA64ISAR2_EL1,
    VML_ARM_ID_AA64MMFR0_EL1,
    VML_ARM_ID_AA64MMFR1_EL1,
    VML_ARM_ID_AA64MMFR2_EL1,
    VML_ARM_ID_AA64MMFR3_EL1,
    VML_ARM_ID_AA64MMFR4_EL1,
    VML_ARM_ID_COUNT, /**< how many there are */
};

/** @brief Features that can be hidden. */
enum vml_arm_feature {
    VML_ARM_FEATURE_AARCH32, /**< AArch32 at every level */
    VML_ARM_FEATURE_EL2,     /**< EL2, VHE and nested virtualisation */
    VML_ARM_FEATURE_EL3,     /**< EL3 */
    VML_ARM_FEATURE_FP,      /**< FP and Advanced SIMD, and all that needs them */
    VML_ARM_FEATURE_FP16,    /**< half precision arithmetic */
    VML_ARM_FEATURE_CRYPTO,  /**< AES, SHA, SM3, SM4 */
    VML_ARM_FEATURE_CRC32,   /**< CRC32 */
    VML_ARM_FEATURE_LSE,     /**< atomics */
    VML_ARM_FEATURE_RDM,     /**< SQRDMLAH */
    VML_ARM_FEATURE_DOTPROD, /**< SDOT, UDOT */
    VML_ARM_FEATURE_PAUTH,   /**< pointer authentication */
    VML_ARM_FEATURE_BTI,     /**< branch target identification */
    VML_ARM_FEATURE_MTE,     /**< memory tagging */
    VML_ARM_FEATURE_SSBS,    /**< speculative store bypass control */
    VML_ARM_FEATURE_RNG,     /**< RNDR */
    VML_ARM_FEATURE_SVE,     /**< SVE and SME */
    VML_ARM_FEATURE_SME,     /**< SME */
    VML_ARM_FEATURE_PMU,     /**< performance monitors */
    VML_ARM_FEATURE_SPE,     /**< statistical profiling */
    VML_ARM_FEATURE_TRACE,   /**< trace unit, filter and buffer */
    VML_ARM_FEATURE_RAS,     /**< error records */
    VML_ARM_FEATURE_MPAM,    /**< memory partitioning */
    VML_ARM_FEATURE_AMU,     /**< activity monitors */
    VML_ARM_FEATURE_GIC,     /**< GIC system registers */
    VML_ARM_FEATURE_LOR,     /**< limited ordering regions */
    VML_ARM_FEATURE_HAFDBS,  /**< hardware access flag and dirty state */
    VML_ARM_FEATURE_PAN,     /**< privileged access never */
    VML_ARM_FEATURE_UAO,     /**< user access override */
    VML_ARM_FEATURE_COUNT,   /**< how many there are */
};

/** @brief Cache geometries of a model, at most. */
#define VML_ARM_CACHES 4u

/** @brief One cache: what CCSIDR_EL1 reads when CSSELR_EL1 is `select`. */
struct vml_arm_cache {
    uint32_t select; /**< CSSELR_EL1: level in 3:1, instruction in bit 0 */
    uint32_t ccsidr; /**< CCSIDR_EL1 */
};

/** @brief What CPU a guest sees. A value. */
struct vml_arm_cpu_model {
    const char *name;                            /**< "cortex-a53" */
    const char *compatible;                      /**< for a device tree: "arm,cortex-a53" */
    uint64_t id[VML_ARM_ID_COUNT];               /**< by enum vml_arm_id */
    struct vml_arm_cache caches[VML_ARM_CACHES]; /**< zero `ccsidr`: none */
    uint64_t hidden;                             /**< enum vml_arm_feature bits, hidden so far */
};

/** @brief The models: cortex-a53, cortex-a57, cortex-a72, max. @param index from 0
 * @return NULL behind the last */
const struct vml_arm_cpu_model *vml_arm_cpu_model_at(uint32_t index);
/** @brief The model of a name, or NULL. */
const struct vml_arm_cpu_model *vml_arm_cpu_model_find(const char *name);
/** @brief Hides a feature and what needs it. @return VML_OK or VML_ERR_INVALID */
VML_MUST_CHECK enum vml_status vml_arm_cpu_model_hide(struct vml_arm_cpu_model *model,
                                                      enum vml_arm_feature feature);
/** @brief True when the model shows a feature (all of it that the architecture tells of). */
bool vml_arm_cpu_model_has(const struct vml_arm_cpu_model *model, enum vml_arm_feature feature);
/** @brief Sets a field of an identification register.
 * @return VML_ERR_RANGE for a bad register, field, or value that does not fit */
VML_MUST_CHECK enum vml_status vml_arm_cpu_model_set(struct vml_arm_cpu_model *model,
                                                     enum vml_arm_id id, unsigned hi, unsigned lo,
                                                     uint64_t value);
/** @brief VML_SYSREG() of an identification register. */
uint32_t vml_arm_id_sysreg(enum vml_arm_id id);
/** @brief Its name, "?" for none. */
const char *vml_arm_id_name(enum vml_arm_id id);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
