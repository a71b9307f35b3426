/**
 * @file
 * @brief What x86 CPU a guest sees: CPUID leaves of a model, with features hidden whole.
 * @addtogroup vml_msr
 * @{
 */
#ifndef VML_X86_CPUID_H
#define VML_X86_CPUID_H

#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Leaves of a model, at most. */
#define VML_X86_LEAVES 24u

/** @brief The registers that CPUID fills. */
enum vml_x86_reg {
    VML_X86_EAX,
    VML_X86_EBX,
    VML_X86_ECX,
    VML_X86_EDX,
};

/** @brief Features that can be hidden. */
enum vml_x86_feature {
    VML_X86_FEATURE_X2APIC,       /**< x2APIC mode */
    VML_X86_FEATURE_TSC_DEADLINE, /**< APIC timer's deadline mode */
    VML_X86_FEATURE_MTRR,         /**< memory type ranges */
    VML_X86_FEATURE_PAT,          /**< page attribute table */
    VML_X86_FEATURE_MCE,          /**< machine check */
    VML_X86_FEATURE_XSAVE,        /**< XSAVE, and AVX, which needs it */
    VML_X86_FEATURE_AVX,          /**< AVX and AVX2 */
    VML_X86_FEATURE_NX,           /**< no-execute pages */
    VML_X86_FEATURE_SYSCALL,      /**< SYSCALL */
    VML_X86_FEATURE_RDTSCP,       /**< RDTSCP and TSC_AUX */
    VML_X86_FEATURE_TSC_ADJUST,   /**< IA32_TSC_ADJUST */
    VML_X86_FEATURE_SPEC_CTRL,    /**< IBRS, IBPB, STIBP, SSBD */
    VML_X86_FEATURE_ARCH_CAPS,    /**< IA32_ARCH_CAPABILITIES */
    VML_X86_FEATURE_RDRAND,       /**< RDRAND, RDSEED */
    VML_X86_FEATURE_VMX,          /**< VMX */
    VML_X86_FEATURE_KVMCLOCK,     /**< KVM's clock, and its leaves */
    VML_X86_FEATURE_COUNT,        /**< how many there are */
};

/** @brief One leaf. */
struct vml_x86_leaf {
    uint32_t leaf;    /**< EAX at CPUID */
    uint32_t subleaf; /**< ECX, where it counts */
    bool indexed;     /**< ECX counts */
    uint32_t reg[4];  /**< by enum vml_x86_reg */
};

/** @brief What CPU a guest sees. A value. */
struct vml_x86_cpu_model {
    const char *name;                           /**< "x86-64" */
    struct vml_x86_leaf leaves[VML_X86_LEAVES]; /**< `count` of them */
    uint32_t count;                             /**< of `leaves` */
};

/** @brief What of the answer depends on the vCPU. */
struct vml_x86_cpuid_context {
    uint32_t apic_id; /**< of the vCPU */
    uint32_t cpus;    /**< vCPUs of the machine, 1 or more; shown as one package of cores */
    uint64_t cr4;     /**< OSXSAVE is shown */
    uint64_t xcr0;    /**< what XSAVE's area is sized for */
};

/** @brief The models: x86-64 (a 64-bit CPU with SSE4.2), x86-64-v3 (and AVX2). @return NULL behind
 * the last */
const struct vml_x86_cpu_model *vml_x86_cpu_model_at(uint32_t index);
/** @brief The model of a name, or NULL. */
const struct vml_x86_cpu_model *vml_x86_cpu_model_find(const char *name);
/** @brief Hides a feature and what needs it. @return VML_OK or VML_ERR_INVALID */
VML_MUST_CHECK enum vml_status vml_x86_cpu_model_hide(struct vml_x86_cpu_model *model,
                                                      enum vml_x86_feature feature);
/** @brief True when the model shows a feature. */
bool vml_x86_cpu_model_has(const struct vml_x86_cpu_model *model, enum vml_x86_feature feature);
/** @brief Clears and sets bits of a leaf; a leaf that is not there is added.
 * @return VML_ERR_NO_SPACE, VML_ERR_INVALID for a bad register */
VML_MUST_CHECK enum vml_status vml_x86_cpu_model_mask(struct vml_x86_cpu_model *model,
                                                      uint32_t leaf, uint32_t subleaf,
                                                      enum vml_x86_reg reg, uint32_t clear,
                                                      uint32_t set);
/** @brief Answers CPUID. Leaves that there are not answer as the specification says: those above
 * the highest basic one as the highest, all others with zeroes.
 * @param out by enum vml_x86_reg */
void vml_x86_cpuid(const struct vml_x86_cpu_model *model,
                   const struct vml_x86_cpuid_context *context, uint32_t leaf, uint32_t subleaf,
                   uint32_t out[4]);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
