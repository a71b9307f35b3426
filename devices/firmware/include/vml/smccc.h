/**
 * @file
 * @brief The SMC calling convention (DEN0028): calls of a guest, to the service that owns them.
 *
 * An engine that sees an HVC or SMC with immediate 0 fills a `vml_smccc_call` with X0 to X17, calls
 * vml_smccc_handle(), writes X0 to X17 back (all but the results hold what they held; only calls of
 * SMCCC 1.6 and later have results beyond X3), and does what the action says. Services are the Arm
 * architecture calls, PSCI, TRNG, paravirtualised time, a vendor hypervisor service, and ranges of
 * the embedder's; every other call gets NOT_SUPPORTED.
 * @defgroup vml_firmware Firmware
 * @{
 */
#ifndef VML_SMCCC_H
#define VML_SMCCC_H

#include <vml/cpu.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Function identifiers
 * @{ */
#define VML_SMCCC_VERSION           UINT32_C(0x80000000) /**< SMCCC_VERSION */
#define VML_SMCCC_ARCH_FEATURES     UINT32_C(0x80000001) /**< SMCCC_ARCH_FEATURES */
#define VML_SMCCC_ARCH_SOC_ID       UINT32_C(0x80000002) /**< also 64 from 1.6 on */
#define VML_SMCCC_ARCH_WORKAROUND_1 UINT32_C(0x80008000) /**< CVE-2017-5715 */
#define VML_SMCCC_ARCH_WORKAROUND_2 UINT32_C(0x80007fff) /**< CVE-2018-3639 */
#define VML_SMCCC_ARCH_WORKAROUND_3 UINT32_C(0x80003fff) /**< CVE-2022-23960 */
#define VML_SMCCC_ARCH_WORKAROUND_4 UINT32_C(0x80000004) /**< CVE-2024-7881 */
#define VML_SMCCC_HYP_UID           UINT32_C(0x8600ff01) /**< vendor hypervisor service UID */
#define VML_SMCCC_KVM_FEATURES      UINT32_C(0x86000000) /**< KVM: which calls there are */
#define VML_SMCCC_KVM_PTP           UINT32_C(0x86000001) /**< KVM: wall clock and counter */
#define VML_SMCCC_SMC64             UINT32_C(0x40000000) /**< the 64-bit variant of a call */

/** SMCCC_ARCH_CLEAN_INV_MEMREGION, 1.7 */
#define VML_SMCCC_ARCH_CLEAN_INV_MEMREGION UINT32_C(0xc0000005)
/** SMCCC_ARCH_CLEAN_INV_MEMREGION_ATTRIBUTES, 1.7 */
#define VML_SMCCC_ARCH_CLEAN_INV_MEMREGION_ATTRIBUTES UINT32_C(0xc0000006)
/** @} */

/** @name Results
 * @{ */
#define VML_SMCCC_SUCCESS           0  /**< done */
#define VML_SMCCC_NOT_SUPPORTED     -1 /**< no such call */
#define VML_SMCCC_NOT_REQUIRED      -2 /**< the workaround does nothing here */
#define VML_SMCCC_INVALID_PARAMETER -3 /**< an argument is not allowed */
#define VML_SMCCC_RATE_LIMITED      -4 /**< too many calls; the same one may succeed later */
#define VML_SMCCC_BUSY              -5 /**< the same call may succeed later */
/** @} */

/** @brief Longest name of a SoC, in bytes, its final zero not counted. */
#define VML_SMCCC_SOC_NAME_MAX 135u

/** @brief How a guest calls. */
enum vml_smccc_conduit {
    VML_SMCCC_HVC = 1, /**< HVC instruction */
    VML_SMCCC_SMC = 2, /**< SMC instruction */
};

/** @brief What the engine does after a call. */
enum vml_smccc_action {
    VML_SMCCC_RETURN,    /**< writes X0 to X3 back and goes on behind the instruction */
    VML_SMCCC_WAIT,      /**< the same, and before it goes on waits as for WFI */
    VML_SMCCC_RESTART,   /**< waits as for WFI, then begins anew as `start` of the call says */
    VML_SMCCC_NO_RETURN, /**< nothing: vml_cpu_enter() tells what has become of the vCPU */
};

/** @brief One call. */
struct vml_smccc_call {
    uint64_t x[18];                 /**< X0 to X17 at the call, and what they are after it */
    struct vml_cpu *cpu;            /**< the vCPU that calls, whose owner this thread is */
    enum vml_smccc_conduit conduit; /**< how it calls */
    enum vml_smccc_action action;   /**< out: what is to be done */
    struct vml_cpu_start start;     /**< out, with VML_SMCCC_RESTART */
};

/** @brief Calls that the embedder serves. Looked at before the services of this library. */
struct vml_smccc_range {
    uint32_t first; /**< first function identifier */
    uint32_t last;  /**< last function identifier */
    /** Serves a call; X0 to X7 of 32-bit calls are already cut to 32 bits. Sets results in X0 to
     * X3, and `action` if it is not VML_SMCCC_RETURN. False: the call is not its own after all. */
    bool (*call)(void *context, struct vml_smccc_call *call);
    void *context; /**< given to `call` */
};

/** @brief What a workaround query answers. */
enum vml_smccc_workaround {
    VML_SMCCC_WORKAROUND_NOT_SUPPORTED, /**< nothing is known */
    VML_SMCCC_WORKAROUND_NOT_REQUIRED,  /**< the vCPUs do not need it; calling it does nothing */
    VML_SMCCC_WORKAROUND_AVAILABLE,     /**< the host acts at every exit, so that calling it does */
};

/** @brief Cleaning and invalidating of ranges of guest memory, for guests that change what is
 * behind it without their CPUs: the call and what its ATTRIBUTES tell. */
struct vml_smccc_clean {
    /** Cleans and invalidates every cache. `length` is not 0 and the range does not wrap; other
     * checks are the embedder's. With `dry_run`, only says what the answer would be.
     * @return VML_SMCCC_SUCCESS, _INVALID_PARAMETER, _RATE_LIMITED or _BUSY */
    int64_t (*clean)(void *context, uint64_t base, uint64_t length, bool dry_run);
    void *context;       /**< given to `clean` */
    bool global;         /**< it cleans everything whatever the range is */
    uint32_t latency_us; /**< at most; 0: not told */
    uint64_t rate_limit; /**< calls a second; 0: no limit */
    uint64_t break_even; /**< bytes from which it is quicker than cleaning by address */
};

struct vml_psci;
struct vml_trng;
struct vml_pvtime;

/** @brief What a guest finds. Services that are NULL are not there. */
struct vml_smccc_config {
    uint32_t version;          /**< major << 16 | minor, 1.0 to 1.7; 0: the first, from 1.4 on, that
                                    has what is configured */
    uint32_t conduits;         /**< enum vml_smccc_conduit bits that are served */
    struct vml_psci *psci;     /**< power; its version must fit: 1.0 and up announce SMCCC */
    struct vml_trng *trng;     /**< entropy */
    struct vml_pvtime *pvtime; /**< stolen time */
    /** Whether SMCCC_ARCH_SOC_ID is there, and its two answers. */
    bool soc_id;
    uint32_t soc_version;  /**< JEP-106 code and SoC ID; bit 31 clear */
    uint32_t soc_revision; /**< bit 31 clear */
    /** SMCCC_ARCH_SOC_ID's name, 1.6: ASCII, up to VML_SMCCC_SOC_NAME_MAX bytes; NULL for none. */
    const char *soc_name;
    const struct vml_smccc_clean *clean;      /**< 1.7; NULL: no such calls; kept */
    enum vml_smccc_workaround workarounds[4]; /**< of workarounds 1 to 4 */
    bool kvm;                                 /**< answers with KVM's UID and features */
    /** KVM's PTP call: the wall clock and, at the same instant, the vCPU's virtual (or physical)
     * count. False: not now. NULL: there is no such call. */
    bool (*ptp)(void *context, struct vml_cpu *cpu, bool physical, uint64_t *wall_ns,
                uint64_t *count);
    void *context;                        /**< given to `ptp` */
    const struct vml_smccc_range *ranges; /**< the embedder's */
    uint32_t range_count;                 /**< of them */
};

/** @brief A machine's firmware. */
struct vml_smccc {
    struct vml_smccc_config config; /**< as given */
};

/** @brief Makes it ready.
 * @return VML_ERR_INVALID for a version outside of 1.0 to 1.7, for no conduit, for a SoC answer
 * with bit 31 set, or for a name that is too long or comes without `soc_id` */
VML_MUST_CHECK enum vml_status vml_smccc_init(struct vml_smccc *smccc,
                                              const struct vml_smccc_config *config);

/** @brief Serves one call. Any number of vCPUs at once.
 * @return VML_OK; VML_ERR_UNSUPPORTED for a conduit that is not served: the instruction is
 * UNDEFINED */
VML_MUST_CHECK enum vml_status vml_smccc_handle(struct vml_smccc *smccc,
                                                struct vml_smccc_call *call);

/** @brief Puts one result, a signed error code or a value, into X0. */
static inline void vml_smccc_result(struct vml_smccc_call *call, int64_t result)
{
    call->x[0] = (uint64_t)result;
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
