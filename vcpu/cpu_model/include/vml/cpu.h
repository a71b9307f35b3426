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
 *
 * An engine's loop, and all that it owes to round-up, stop, pause and reset:
 *
 *     while (vml_cpu_wait_on(cpu) == VML_OK) {
 *         while (vml_cpu_enter(cpu) == VML_OK) {
 *             ...take and serve requests; run guest code until it exits or is recalled...
 *             vml_cpu_exit(cpu);
 *             ...emulate; for WFI: vml_cpu_wait()...
 *         }
 *         ...VML_ERR_AGAIN: leave the loops after vml_cpu_take_requests(cpu, VML_CPU_REQUEST_EXIT)
 *     }
 *
 * Between a vml_cpu_enter() that succeeded and the next call that waits or fails the vCPU is
 * *active*: it may make guest progress, natively or in emulation, and a round-up waits for it.
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
    VML_CPU_REQUEST_PAUSE = 1u << 6,       /**< a requester asks for VML_CPU_PAUSED */
    VML_CPU_REQUEST_ENGINE = 1u << 8,      /**< and above: the engine's own */
};

/** @brief The requests that vml_cpu_enter() serves itself; nobody else can clear them. */
#define VML_CPU_REQUESTS_OF_MODEL                                                                  \
    (VML_CPU_REQUEST_ROUNDUP | VML_CPU_REQUEST_STOP | VML_CPU_REQUEST_RESET | VML_CPU_REQUEST_PAUSE)

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
    VML_CPU_DUMP_REGS = 1u << 2,      /**< the registers are printed whenever it stops to make guest
                                           progress: it waits, is rounded up, paused or stopped, or its
                                           engine returns (so after each instruction of a single step) */
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
    uint32_t host_cpu;             /**< host CPU that its thread is to be bound to, or UINT32_MAX;
                                        who makes the thread does it: vml_thread_bind() */
    const struct vml_cpu_ops *ops; /**< the engine's; may be NULL */
    struct vml_debug *debug;       /**< may be NULL */
};

struct vml_cpu_set;

/** @brief A vCPU. Members are private to cpu_model, vcpu_roundup and engines. */
struct vml_cpu {
    struct vml_cpu_config config;                  /**< as given */
    struct vml_cpu_set *set;                       /**< the VM's vCPUs */
    _Atomic uint32_t requests;                     /**< enum vml_cpu_request bits */
    _Atomic uint32_t power;                        /**< OFF, ON_PENDING, ON or SUSPENDED; changed
                                                        under `lock` */
    _Atomic uint32_t emulating;                    /**< ON means EMULATING; owner writes */
    _Atomic uint32_t active;                       /**< may make guest progress; owner writes */
    _Atomic uint32_t waiting;                      /**< owner looks at `wake`; owner writes */
    _Atomic uint32_t woken;                        /**< a wake-up that no wait has consumed */
    _Atomic uint32_t features[VML_CPU_REQUESTERS]; /**< enum vml_cpu_feature bits */
    uint32_t roundups;                             /**< round-ups by this vCPU; owner's */
    struct vml_mutex lock;                         /**< of power, `start` and features */
    struct vml_cpu_start start;                    /**< valid in ON_PENDING */
    struct vml_signal wake;                        /**< what the owner waits in */
};

/** @brief All vCPUs of a VM, found by index and by affinity. */
struct vml_cpu_set {
    struct vml_cpu **by_index;    /**< caller's storage: `count` pointers */
    struct vml_cpu **by_affinity; /**< caller's storage: `count` pointers, sorted by MPIDR */
    uint32_t count;               /**< vCPUs */
    _Atomic uint32_t roundups;    /**< round-ups that are in force */
    _Atomic uint32_t on;          /**< vCPUs that are not OFF */
    struct vml_signal inactive;   /**< a vCPU became inactive while a round-up is in force */
    struct vml_signal off;        /**< the last vCPU went off */
};

/** @brief Makes a vCPU ready, OFF.
 * @return VML_ERR_INVALID for affinity bits outside of VML_MPIDR_AFFINITY_MASK */
VML_MUST_CHECK enum vml_status vml_cpu_init(struct vml_cpu *cpu,
                                            const struct vml_cpu_config *config);
/** @brief Ends its use; it is OFF and no thread runs it. */
void vml_cpu_destroy(struct vml_cpu *cpu);

/** @brief Joins vCPUs to a set, before any of them is used.
 * @param cpus pointers to `count` vCPUs, cpus[i]->config.index == i; kept
 * @param by_affinity storage for `count` pointers; kept
 * @return VML_ERR_INVALID for wrong indexes, VML_ERR_OVERLAP for equal affinities */
VML_MUST_CHECK enum vml_status vml_cpu_set_init(struct vml_cpu_set *set, struct vml_cpu **cpus,
                                                struct vml_cpu **by_affinity, uint32_t count);
/** @brief Ends a set's use; its vCPUs are OFF and nobody waits in it. */
void vml_cpu_set_destroy(struct vml_cpu_set *set);
/** @brief The vCPU with this affinity (bits outside of the mask are ignored), or NULL. */
struct vml_cpu *vml_cpu_by_affinity(const struct vml_cpu_set *set, uint64_t mpidr);

/** @brief The state now; of another thread's vCPU it may be out of date on return. */
static inline enum vml_cpu_state vml_cpu_state(const struct vml_cpu *cpu)
{
    uint32_t power = atomic_load_explicit(&cpu->power, memory_order_acquire);

    if (power == VML_CPU_ON && atomic_load_explicit(&cpu->emulating, memory_order_relaxed)) {
        return VML_CPU_EMULATING;
    }
    return (enum vml_cpu_state)power;
}

/** @brief OFF to ON_PENDING, and wakes the engine.
 * @return VML_OK; VML_ERR_STATE when it is on; VML_ERR_BUSY when a start is pending. Exactly one of
 * several concurrent callers succeeds (PSCI CPU_ON relies on it). */
VML_MUST_CHECK enum vml_status vml_cpu_start(struct vml_cpu *cpu,
                                             const struct vml_cpu_start *start);
/** @brief Any state to OFF. A start that is pending is taken back at once; a vCPU that runs or waits
 * is recalled and is OFF when its next vml_cpu_enter() has returned VML_ERR_STATE: vml_cpu_state()
 * and vml_cpus_wait_off() tell. So it is, too, for the owner itself, which therefore must not make
 * further guest progress after this call. */
void vml_cpu_stop(struct vml_cpu *cpu);
/** @brief Throws away what a vCPU was doing: OFF, or with `start` ON_PENDING, whatever it was before.
 * Its next vml_cpu_enter() returns VML_ERR_STATE. Only while the machine is rounded up, and for the
 * vCPU that did that, or while no thread runs the vCPU.
 * @param start how it begins anew, or NULL */
void vml_cpu_reset(struct vml_cpu *cpu, const struct vml_cpu_start *start);

/** @brief Sets request bits and recalls the vCPU (wakes it when it waits). Costs one atomic operation
 * when the bits are set already. */
void vml_cpu_recall(struct vml_cpu *cpu, uint32_t requests);
/** @brief Owner: takes the request bits in `mask` and clears them, but for those of
 * VML_CPU_REQUESTS_OF_MODEL, which stay until vml_cpu_enter() has served them. */
uint32_t vml_cpu_take_requests(struct vml_cpu *cpu, uint32_t mask);
/** @brief True when any request is pending: one relaxed load, for engines' loops. */
static inline bool vml_cpu_has_requests(const struct vml_cpu *cpu)
{
    return atomic_load_explicit(&cpu->requests, memory_order_relaxed) != 0;
}

/** @brief Owner: waits in OFF until a start arrives (and no round-up is in force), and takes it: the
 * state is ON then, and `start` of the engine's ops has been called.
 * @return VML_OK; VML_ERR_AGAIN when recalled with VML_CPU_REQUEST_EXIT */
VML_MUST_CHECK enum vml_status vml_cpu_wait_on(struct vml_cpu *cpu);
/** @brief Owner: waits (SUSPENDED) until woken, recalled, or `deadline_ns` on the platform's clock.
 * Requests that are already set return at once: no wake-up is lost. The vCPU is not active while it
 * waits: a round-up neither waits for it nor wakes it. The state of the guest is to be complete at
 * the call (the PC behind the WFI), and vml_cpu_enter() is what follows.
 * @return VML_OK when woken, VML_ERR_TIMEOUT */
VML_MUST_CHECK enum vml_status vml_cpu_wait(struct vml_cpu *cpu, uint64_t deadline_ns);
/** @brief Wakes a vCPU that waits (SEV, an interrupt). Remembered when it does not wait. */
void vml_cpu_wake(struct vml_cpu *cpu);

/** @brief What vml_cpu_enter() does when it cannot go on at once; use vml_cpu_enter(). */
VML_MUST_CHECK enum vml_status vml_cpu_enter_slow(struct vml_cpu *cpu);

/** @brief Owner: before entering guest code or beginning emulation. Waits while rounded up or paused.
 *
 * With nothing pending it is two loads and a store, all of the vCPU's own lines. After anything but
 * VML_OK the vCPU is not active.
 * @return VML_OK: go on; VML_ERR_STATE: it was stopped or reset, vml_cpu_wait_on() comes next;
 * VML_ERR_AGAIN: VML_CPU_REQUEST_EXIT is set */
static inline VML_MUST_CHECK enum vml_status vml_cpu_enter(struct vml_cpu *cpu)
{
    uint32_t requests = atomic_load_explicit(&cpu->requests, memory_order_relaxed);

    /*
     * No barrier: a vCPU that is active already stays so, and whoever rounds up waits for it. A
     * request that arrives behind this load is what the recall op makes the engine leave for.
     */
    if (VML_UNLIKELY((requests & (VML_CPU_REQUESTS_OF_MODEL | VML_CPU_REQUEST_EXIT)) ||
                     !atomic_load_explicit(&cpu->active, memory_order_relaxed))) {
        return vml_cpu_enter_slow(cpu);
    }
    atomic_store_explicit(&cpu->emulating, 0, memory_order_relaxed);
    return VML_OK;
}

/** @brief Owner: vml_cpu_wait_on() for a start that is pending, else vml_cpu_enter(), until the vCPU is
 * active or need not be: what an engine's run call begins each round with.
 * @return VML_OK: it is active; VML_ERR_STATE: it is OFF; VML_ERR_AGAIN: VML_CPU_REQUEST_EXIT was set,
 * and is taken */
VML_MUST_CHECK enum vml_status vml_cpu_activate(struct vml_cpu *cpu);

/** @brief Owner: has left guest code; emulation for the guest may follow (state EMULATING). */
static inline void vml_cpu_exit(struct vml_cpu *cpu)
{
    atomic_store_explicit(&cpu->emulating, 1, memory_order_relaxed);
}

/** @brief Owner: will make no guest progress until its next vml_cpu_enter(): before an engine returns
 * to a caller who may never call it again. */
void vml_cpu_park(struct vml_cpu *cpu);
/** @brief Owner: the other half of vml_cpu_park() where vml_cpu_enter() does not fit: waits while a
 * round-up is in force, then is active. For vcpu_roundup. */
void vml_cpu_unpark(struct vml_cpu *cpu);

/** @brief Asks for features, or gives them up, on behalf of a requester; recalls the vCPU when the
 * union changed. */
void vml_cpu_request_features(struct vml_cpu *cpu, enum vml_cpu_requester requester,
                              uint32_t features);
/** @brief The union of all requesters' features. */
uint32_t vml_cpu_features(const struct vml_cpu *cpu);
/** @brief Waits until every vCPU is OFF. Any number of threads, none of them a vCPU's owner.
 * @return VML_OK or VML_ERR_TIMEOUT */
VML_MUST_CHECK enum vml_status vml_cpus_wait_off(struct vml_cpu_set *set, uint64_t deadline_ns);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
