/**
 * @file
 * @brief The abstract vCPU: identity, power state, pending work. Engines embed it.
 *
 * Power state:
 *
 *     OFF --start--> ON_PENDING --engine takes it--> ON <--> SUSPENDED (waits for a wake-up)
 *      ^-------------- stop -----------------------'  ^--> EMULATING (in the VMM on the guest's behalf)
 *
 * and each of them can be rounded up on top: see vcpu_roundup.  `recall` makes a running vCPU leave
 * guest code; why is a set of request bits, consumed by the engine.
 *
 * Threads: "owner" is the thread that runs the vCPU; everything else may be called from any thread.
 * @defgroup vml_cpu_model vCPU model
 * @{
 */
#ifndef VML_CPU_H
#define VML_CPU_H

#include <stdatomic.h>
#include <vml/arch.h>
#include <vml/base.h>
#include <vml/debug.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Affinity bits of an MPIDR_EL1: Aff3 (39:32), Aff2, Aff1, Aff0 (23:0). */
#define VML_MPIDR_AFFINITY_MASK UINT64_C(0xff00ffffff)
/** @brief Builds an affinity from its levels. */
#define VML_MPIDR(aff3, aff2, aff1, aff0)                                                          \
    ((uint64_t)(aff3) << 32 | (uint64_t)(aff2) << 16 | (uint64_t)(aff1) << 8 | (uint64_t)(aff0))

/** @brief Power state of a vCPU. */
enum vml_cpu_state {
    VML_CPU_OFF,        /**< not started, or stopped */
    VML_CPU_ON_PENDING, /**< started; its engine has not taken the start yet */
    VML_CPU_ON,         /**< runs guest code, or is about to */
    VML_CPU_EMULATING,  /**< outside of guest code, working for the guest */
    VML_CPU_SUSPENDED,  /**< waits for an interrupt, an event or a deadline */
};

/** @brief Why a vCPU was recalled; bits. */
enum vml_cpu_request {
    VML_CPU_REQUEST_IRQ = 1u << 0,         /**< its interrupt inputs changed: look again */
    VML_CPU_REQUEST_ROUNDUP = 1u << 1,     /**< stop making guest progress */
    VML_CPU_REQUEST_RECONFIGURE = 1u << 2, /**< its requested features changed */
    VML_CPU_REQUEST_STOP = 1u << 3,        /**< somebody stopped it */
    VML_CPU_REQUEST_RESET = 1u << 4,       /**< machine reset */
    VML_CPU_REQUEST_EXIT = 1u << 5,        /**< return to the engine's caller */
    VML_CPU_REQUEST_ENGINE = 1u << 8,      /**< and above: the engine's own */
};

/** @brief Who asks for a feature. Requests of different requesters are ORed. */
enum vml_cpu_requester {
    VML_CPU_BY_VMM,           /**< the VMM */
    VML_CPU_BY_INTROSPECTION, /**< a debugger or an introspection tool */
    VML_CPU_REQUESTERS,       /**< how many there are */
};

/** @brief Features that requesters ask of a vCPU; bits. */
enum vml_cpu_feature {
    VML_CPU_SINGLE_STEP = 1u << 0,    /**< exit after each instruction */
    VML_CPU_TRAP_VM_REGS = 1u << 1,   /**< exit on writes of SCTLR, TTBR, TCR, MAIR... */
    VML_CPU_DUMP_REGS = 1u << 2,      /**< the register dump hook is called at each exit */
    VML_CPU_PAUSED = 1u << 3,         /**< make no guest progress */
    VML_CPU_TRAP_HYPERCALL = 1u << 4, /**< exit on HVC and SMC before firmware sees them */
};

/** @brief How execution begins. */
struct vml_cpu_start {
    uint64_t entry;        /**< guest address of the first instruction */
    uint64_t context;      /**< X0 (RDI) at entry */
    uint64_t timer_offset; /**< CNTVOFF: virtual count = physical count - this */
    uint32_t mode; /**< the engine's mode: for A64 the exception level, 1 or 0; 1 is usual */
};

struct vml_cpu;

/** @brief What an engine gives its vCPUs. Members may be NULL where the engine polls. */
struct vml_cpu_ops {
    /** Makes the vCPU leave guest code soon. Any thread; must not block, and takes no lock that is
     * held around guest code. Request bits are already set. */
    void (*recall)(struct vml_cpu *cpu);
    /** Owner: puts the registers into their reset state and applies the start. */
    void (*start)(struct vml_cpu *cpu, const struct vml_cpu_start *start);
    /** Owner: prints the registers through vml_log(). */
    void (*dump)(struct vml_cpu *cpu);
};

/** @brief What a vCPU is. */
struct vml_cpu_config {
    uint32_t index;                /**< 0 to the number of vCPUs - 1 */
    uint64_t mpidr;                /**< affinity; VML_MPIDR() */
    uint32_t host_cpu;             /**< host CPU that its thread is bound to, or UINT32_MAX */
    const struct vml_cpu_ops *ops; /**< the engine's; may be NULL */
    struct vml_debug *debug;       /**< may be NULL */
};

struct vml_cpu_set;

/** @brief A vCPU. Members are private to cpu_model, vcpu_roundup and engines. */
struct vml_cpu {
    struct vml_cpu_config config;                  /**< as given */
    struct vml_cpu_set *set;                       /**< the VM's vCPUs */
    _Atomic uint32_t requests;                     /**< enum vml_cpu_request bits */
    _Atomic uint32_t state;                        /**< enum vml_cpu_state; changed under `lock` */
    _Atomic uint32_t features[VML_CPU_REQUESTERS]; /**< enum vml_cpu_feature bits */
    struct vml_mutex lock;                         /**< of state changes and `start` */
    struct vml_cpu_start start;                    /**< valid in ON_PENDING */
    struct vml_signal wake;                        /**< what SUSPENDED and OFF wait in */
    _Atomic uint32_t rounded_up;                   /**< makes no guest progress: see vcpu_roundup */
};

/** @brief All vCPUs of a VM, found by index and by affinity. */
struct vml_cpu_set {
    struct vml_cpu **by_index;    /**< caller's storage: `count` pointers */
    struct vml_cpu **by_affinity; /**< caller's storage: `count` pointers, sorted by MPIDR */
    uint32_t count;               /**< vCPUs */
    struct vml_mutex lock;        /**< of round-up */
    _Atomic uint32_t roundups;    /**< round-ups that are in force */
    _Atomic uint32_t on;          /**< vCPUs that are not OFF */
    struct vml_signal changed;    /**< a vCPU was rounded up or went off */
};

/** @brief Makes a vCPU ready, OFF.
 * @return VML_ERR_INVALID for affinity bits outside of VML_MPIDR_AFFINITY_MASK */
VML_MUST_CHECK enum vml_status vml_cpu_init(struct vml_cpu *cpu,
                                            const struct vml_cpu_config *config);
/** @brief Ends its use; it is OFF and no thread runs it. */
void vml_cpu_destroy(struct vml_cpu *cpu);

/** @brief Joins vCPUs to a set.
 * @param cpus pointers to `count` vCPUs, cpus[i]->config.index == i; kept
 * @param by_affinity storage for `count` pointers; kept
 * @return VML_ERR_INVALID for wrong indexes, VML_ERR_OVERLAP for equal affinities */
VML_MUST_CHECK enum vml_status vml_cpu_set_init(struct vml_cpu_set *set, struct vml_cpu **cpus,
                                                struct vml_cpu **by_affinity, uint32_t count);
/** @brief The vCPU with this affinity (bits outside of the mask are ignored), or NULL. */
struct vml_cpu *vml_cpu_by_affinity(const struct vml_cpu_set *set, uint64_t mpidr);

/** @brief The state now. */
static inline enum vml_cpu_state vml_cpu_state(const struct vml_cpu *cpu)
{
    return (enum vml_cpu_state)atomic_load_explicit(&cpu->state, memory_order_acquire);
}

/** @brief OFF to ON_PENDING, and wakes the engine.
 * @return VML_OK; VML_ERR_STATE when it is on; VML_ERR_BUSY when a start is pending. Exactly one of
 * several concurrent callers succeeds (PSCI CPU_ON relies on it). */
VML_MUST_CHECK enum vml_status vml_cpu_start(struct vml_cpu *cpu,
                                             const struct vml_cpu_start *start);
/** @brief Any state to OFF. The owner calls it for itself; from elsewhere the vCPU is recalled and
 * has stopped only when its state or vml_cpus_wait_off() says so. */
void vml_cpu_stop(struct vml_cpu *cpu);

/** @brief Sets request bits and recalls the vCPU (wakes it when it is SUSPENDED). */
void vml_cpu_recall(struct vml_cpu *cpu, uint32_t requests);
/** @brief Owner: takes the request bits in `mask` and clears them. */
uint32_t vml_cpu_take_requests(struct vml_cpu *cpu, uint32_t mask);
/** @brief True when any request is pending: one relaxed load, for engines' loops. */
static inline bool vml_cpu_has_requests(const struct vml_cpu *cpu)
{
    return atomic_load_explicit(&cpu->requests, memory_order_relaxed) != 0;
}

/** @brief Owner: waits in OFF until a start arrives, and takes it: the state is ON then, and `start`
 * of the engine's ops has been called.
 * @return VML_OK; VML_ERR_AGAIN when recalled with VML_CPU_REQUEST_EXIT */
VML_MUST_CHECK enum vml_status vml_cpu_wait_on(struct vml_cpu *cpu);
/** @brief Owner: waits (SUSPENDED) until woken, recalled, or `deadline_ns` on the platform's clock.
 * Requests that are already set return at once: no wake-up is lost.
 * @return VML_OK when woken, VML_ERR_TIMEOUT */
VML_MUST_CHECK enum vml_status vml_cpu_wait(struct vml_cpu *cpu, uint64_t deadline_ns);
/** @brief Wakes a vCPU that waits (SEV, an interrupt). Remembered when it does not wait. */
void vml_cpu_wake(struct vml_cpu *cpu);

/** @brief Owner: before entering guest code or beginning emulation. Waits while rounded up or paused.
 * @return VML_OK: go on; VML_ERR_STATE: it was stopped; VML_ERR_AGAIN: VML_CPU_REQUEST_EXIT is set */
VML_MUST_CHECK enum vml_status vml_cpu_enter(struct vml_cpu *cpu);
/** @brief Owner: has left guest code; emulation for the guest may follow (state EMULATING). */
void vml_cpu_exit(struct vml_cpu *cpu);

/** @brief Asks for features, or gives them up, on behalf of a requester; recalls the vCPU when the
 * union changed. */
void vml_cpu_request_features(struct vml_cpu *cpu, enum vml_cpu_requester requester,
                              uint32_t features);
/** @brief The union of all requesters' features. */
uint32_t vml_cpu_features(const struct vml_cpu *cpu);
/** @brief Waits until every vCPU is OFF. @return VML_OK or VML_ERR_TIMEOUT */
VML_MUST_CHECK enum vml_status vml_cpus_wait_off(struct vml_cpu_set *set, uint64_t deadline_ns);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
