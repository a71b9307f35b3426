/**
 * @file
 * @brief Power State Coordination Interface (DEN0022), 1.3 down to 0.2, on top of the vCPU model.
 * @addtogroup vml_firmware
 * @{
 */
#ifndef VML_PSCI_H
#define VML_PSCI_H

#include <vml/clock.h>
#include <vml/lifecycle.h>
#include <vml/simple_as.h>
#include <vml/smccc.h>
#include <vml/state.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Function identifiers, 32-bit calls; VML_SMCCC_SMC64 is added for those that have both
 * @{ */
#define VML_PSCI_VERSION                 UINT32_C(0x84000000) /**< PSCI_VERSION */
#define VML_PSCI_CPU_SUSPEND             UINT32_C(0x84000001) /**< CPU_SUSPEND, also 64 */
#define VML_PSCI_CPU_OFF                 UINT32_C(0x84000002) /**< CPU_OFF */
#define VML_PSCI_CPU_ON                  UINT32_C(0x84000003) /**< CPU_ON, also 64 */
#define VML_PSCI_AFFINITY_INFO           UINT32_C(0x84000004) /**< AFFINITY_INFO, also 64 */
#define VML_PSCI_MIGRATE                 UINT32_C(0x84000005) /**< MIGRATE, also 64 */
#define VML_PSCI_MIGRATE_INFO_TYPE       UINT32_C(0x84000006) /**< MIGRATE_INFO_TYPE */
#define VML_PSCI_MIGRATE_INFO_UP_CPU     UINT32_C(0x84000007) /**< MIGRATE_INFO_UP_CPU, also 64 */
#define VML_PSCI_SYSTEM_OFF              UINT32_C(0x84000008) /**< SYSTEM_OFF */
#define VML_PSCI_SYSTEM_RESET            UINT32_C(0x84000009) /**< SYSTEM_RESET */
#define VML_PSCI_FEATURES                UINT32_C(0x8400000a) /**< PSCI_FEATURES, 1.0 */
#define VML_PSCI_CPU_FREEZE              UINT32_C(0x8400000b) /**< CPU_FREEZE, 1.0 */
#define VML_PSCI_CPU_DEFAULT_SUSPEND     UINT32_C(0x8400000c) /**< also 64, 1.0 */
#define VML_PSCI_NODE_HW_STATE           UINT32_C(0x8400000d) /**< also 64, 1.0 */
#define VML_PSCI_SYSTEM_SUSPEND          UINT32_C(0x8400000e) /**< also 64, 1.0 */
#define VML_PSCI_SET_SUSPEND_MODE        UINT32_C(0x8400000f) /**< PSCI_SET_SUSPEND_MODE, 1.0 */
#define VML_PSCI_STAT_RESIDENCY          UINT32_C(0x84000010) /**< also 64, 1.0 */
#define VML_PSCI_STAT_COUNT              UINT32_C(0x84000011) /**< also 64, 1.0 */
#define VML_PSCI_SYSTEM_RESET2           UINT32_C(0x84000012) /**< also 64, 1.1 */
#define VML_PSCI_MEM_PROTECT             UINT32_C(0x84000013) /**< MEM_PROTECT, 1.1 */
#define VML_PSCI_MEM_PROTECT_CHECK_RANGE UINT32_C(0x84000014) /**< also 64, 1.1 */
#define VML_PSCI_SYSTEM_OFF2             UINT32_C(0x84000015) /**< also 64, 1.3 */
/** @} */

/** @name Return codes
 * @{ */
#define VML_PSCI_SUCCESS            0  /**< done */
#define VML_PSCI_NOT_SUPPORTED      -1 /**< no such call */
#define VML_PSCI_INVALID_PARAMETERS -2 /**< an argument is not allowed */
#define VML_PSCI_DENIED             -3 /**< not in this state */
#define VML_PSCI_ALREADY_ON         -4 /**< the vCPU is on */
#define VML_PSCI_ON_PENDING         -5 /**< another CPU_ON is under way */
#define VML_PSCI_INTERNAL_FAILURE   -6 /**< the host could not */
#define VML_PSCI_NOT_PRESENT        -7 /**< no such trusted OS */
#define VML_PSCI_DISABLED           -8 /**< the vCPU is disabled */
#define VML_PSCI_INVALID_ADDRESS    -9 /**< the entry point is no memory of the guest; 1.0 and up */
/** @} */

/** @name Versions
 * @{ */
#define VML_PSCI_0_2 UINT32_C(0x00000002) /**< 0.2 */
#define VML_PSCI_1_0 UINT32_C(0x00010000) /**< 1.0 */
#define VML_PSCI_1_1 UINT32_C(0x00010001) /**< 1.1 */
#define VML_PSCI_1_2 UINT32_C(0x00010002) /**< 1.2 */
#define VML_PSCI_1_3 UINT32_C(0x00010003) /**< 1.3 */
/** @} */

/** @brief Optional calls; bits. A call is also not there before the version that brought it. */
enum vml_psci_option {
    VML_PSCI_OPTION_CPU_FREEZE = 1u << 0,          /**< CPU_FREEZE */
    VML_PSCI_OPTION_CPU_DEFAULT_SUSPEND = 1u << 1, /**< CPU_DEFAULT_SUSPEND */
    VML_PSCI_OPTION_NODE_HW_STATE = 1u << 2,       /**< NODE_HW_STATE */
    VML_PSCI_OPTION_SYSTEM_SUSPEND = 1u << 3,      /**< SYSTEM_SUSPEND */
    VML_PSCI_OPTION_OS_INITIATED = 1u << 4,        /**< SET_SUSPEND_MODE */
    VML_PSCI_OPTION_STAT = 1u << 5,                /**< STAT_RESIDENCY and STAT_COUNT */
    VML_PSCI_OPTION_SYSTEM_RESET2 = 1u << 6,       /**< SYSTEM_RESET2, architectural warm reset */
    VML_PSCI_OPTION_VENDOR_RESET = 1u << 7,        /**< SYSTEM_RESET2 with vendor types */
    VML_PSCI_OPTION_MEM_PROTECT = 1u << 8,         /**< MEM_PROTECT and its range check */
    VML_PSCI_OPTION_SYSTEM_OFF2 = 1u << 9,         /**< SYSTEM_OFF2, hibernation */
    VML_PSCI_OPTION_EXTENDED_STATE = 1u << 10,     /**< power_state has the extended format */
    VML_PSCI_OPTIONS = (1u << 11) - 1,             /**< all of them */
};

/** @brief Whether there is a trusted OS that runs on one CPU only: the embedder's, or a pretended
 * one. */
enum vml_psci_trusted_os {
    VML_PSCI_TOS_NONE,          /**< none, or one that runs on all: nothing has to migrate */
    VML_PSCI_TOS_UP_MIGRATE,    /**< on one CPU, and MIGRATE moves it */
    VML_PSCI_TOS_UP_NO_MIGRATE, /**< on one CPU, where it stays */
};

/** @brief Statistics of one vCPU in one power state. Private. */
struct vml_psci_stat {
    _Atomic uint64_t residency_us; /**< time spent */
    _Atomic uint64_t count;        /**< times entered */
    uint64_t since;                /**< tick of the last entry + 1, or 0: not in it; the owner's */
};

/** @brief What a guest's PSCI is. */
struct vml_psci_config {
    struct vml_cpu_set *cpus;        /**< the machine's vCPUs */
    struct vml_lifecycle *lifecycle; /**< is told of SYSTEM_* calls */
    uint32_t version;                /**< VML_PSCI_0_2 to VML_PSCI_1_3; 0 means the newest */
    uint32_t options;                /**< enum vml_psci_option bits */
    bool smccc_1_1;                  /**< PSCI_FEATURES finds SMCCC_VERSION */
    uint64_t timer_offset;           /**< CNTVOFF of vCPUs that start */
    /** Entry points must be in a region of it; also what can be protected. NULL: not looked at. */
    struct vml_as *as;
    /** Further check of an entry point. NULL: none. */
    bool (*entry_allowed)(void *context, uint64_t entry);
    enum vml_psci_trusted_os trusted_os; /**< MIGRATE and MIGRATE_INFO_UP_CPU are there for one */
    uint32_t trusted_os_cpu;             /**< index of the vCPU that it is on at first */
    /** MIGRATE: moves it from one vCPU to another, by index. False: it could not. NULL: it always
     * can. */
    bool (*migrate)(void *context, uint32_t from, uint32_t to);
    void *context; /**< given to `entry_allowed` and `migrate` */
    /** The power_state values that there are; NULL: every well-formed one, and no statistics. */
    const uint32_t *power_states;
    uint32_t power_state_count; /**< of them */
    /** Statistics: cpus->count * power_state_count of them; needed for VML_PSCI_OPTION_STAT. */
    struct vml_psci_stat *stats;
    struct vml_clock *clock; /**< what residencies are measured with; needed likewise */
};

/** @brief A machine's PSCI. Members are private. */
struct vml_psci {
    struct vml_psci_config config; /**< as given */
    _Atomic uint32_t os_initiated; /**< suspend mode */
    _Atomic uint32_t mem_protect;  /**< memory is protected */
    _Atomic uint32_t tos_cpu;      /**< where the trusted OS is */
};

/** @brief Makes it ready.
 * @return VML_ERR_INVALID for no vCPUs, no lifecycle, an unknown version or option, a trusted OS on
 * a vCPU that there is not, or VML_PSCI_OPTION_STAT without what it needs */
VML_MUST_CHECK enum vml_status vml_psci_init(struct vml_psci *psci,
                                             const struct vml_psci_config *config);
/** @brief Back to the state after power-on: platform-coordinated; memory protection stays. */
void vml_psci_reset(struct vml_psci *psci);

/** @brief Serves a call that vml_smccc_handle() finds to be in PSCI's range.
 * @param fid the function identifier
 * @return false when there is no such call in this version and configuration */
bool vml_psci_call(struct vml_psci *psci, uint32_t fid, struct vml_smccc_call *call);

/** @brief Owner: the wait of VML_SMCCC_WAIT or VML_SMCCC_RESTART has ended. Engines call it for the
 * sake of the statistics; without VML_PSCI_OPTION_STAT there is no need. */
void vml_psci_woke(struct vml_psci *psci, const struct vml_cpu *cpu);

/** @brief True when the guest has asked that its memory be cleared before anything boots again:
 * what the embedder's reload hook does then. */
bool vml_psci_mem_protected(const struct vml_psci *psci);

/** @brief Writes one record. */
void vml_psci_save(const struct vml_psci *psci, struct vml_state_writer *w);
/** @brief Reads one record. @return the reader's status; after an error nothing is changed */
VML_MUST_CHECK enum vml_status vml_psci_restore(struct vml_psci *psci, struct vml_state_reader *r);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
