/**
 * @file
 * @brief An engine that runs A64 guests by Linux's KVM on arm64, behind the same abstract vCPU as the
 * software CPU.
 *
 * The order of the calls, which are those of the software CPU but for the first and the fourth:
 *
 *     vml_kvm_machine_init()      opens KVM; maps the regions of `memory`
 *     vml_kvm_init()              each vCPU, in the order of their indexes
 *     vml_cpu_set_init()          as for any engine
 *     vml_kvm_machine_ready()     all vCPUs are made: the kernel's GIC, if it is used, is put together
 *     vml_cpu_start() or vml_lifecycle_boot(), and vml_kvm_thread() on a thread for each vCPU
 *
 * Interrupt controllers: with `irq_controller` it is that one, in user space: give it
 * vml_kvm_irq_output() as its output function. The timers, which the kernel runs, drive its lines 27
 * (virtual), 30 (physical) and 23 (PMU) then. Without, it is the kernel's GICv3, with an ITS where
 * `its_base` is not 0; `irqs` of the machine is the controller that devices' wires lead to.
 *
 * Firmware: with `smccc`, calls of the guest go there as far as the kernel forwards them, which
 * `firmware` of the machine tells: those of the Arm architecture range it always keeps to itself.
 * Where it forwards none, and without `smccc`, PSCI is the kernel's: then all vCPUs count as on as
 * soon as one of them has been started, and what the guest does to its machine is told to `lifecycle`.
 *
 * What an engine on any hardware cannot have: instruction budgets, deterministic turns, and the traps
 * VML_CPU_TRAP_VM_REGS and VML_CPU_TRAP_HYPERCALL.  The virtual count begins at 0 when the machine is
 * made, whatever the start's `timer_offset`.
 *
 * Nothing here makes a system call: struct vml_kvm_system is what is asked of Linux, and
 * platform/linux_kvm has it.
 *
 * Threads: a vCPU is run by one thread at a time, its owner. vml_kvm_irq_output(), the wires of
 * `irqs`, vml_kvm_irqfd(), vml_kvm_ioeventfd() and vml_cpu_recall() may be called from any thread;
 * everything else only by the owner, or while the vCPU is not being run.
 * @defgroup vml_kvm KVM engine
 * @{
 */
#ifndef VML_KVM_H
#define VML_KVM_H

#include <stdatomic.h>
#include <vml/arm_state.h>
#include <vml/cpu.h>
#include <vml/gic.h>
#include <vml/gic_its.h>
#include <vml/irq_controller.h>
#include <vml/lifecycle.h>
#include <vml/simple_as.h>
#include <vml/smccc.h>
#include <vml/timer.h>
#include <vml/vbus.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vml_kvm;
struct vml_kvm_machine;

/** @brief What the engine asks of the operating system. Results below 0 are negative error numbers, as
 * the kernel returns them. Callable from any thread. */
struct vml_kvm_system {
    /** Opens /dev/kvm. @return a descriptor */
    int (*open)(void *context);
    /** Closes a descriptor. */
    void (*close)(void *context, int fd);
    /** The system call of this name. @param argument a number or an address */
    int (*ioctl)(void *context, int fd, uint32_t request, uintptr_t argument);
    /** Maps the beginning of a vCPU's descriptor. @return NULL: could not */
    void *(*map)(void *context, int fd, size_t size);
    /** Takes a mapping back. */
    void (*unmap)(void *context, void *address, size_t size);
    /** A number of the calling thread, for kick(). */
    uint64_t (*thread)(void *context);
    /** Interrupts the system call that a thread is in, if any; the thread may have ended. */
    void (*kick)(void *context, uint64_t thread);
    void *context;       /**< given to all */
    uint64_t CNTFRQ_EL0; /**< the host's: guests read the register itself */
    uint64_t DCZID_EL0;  /**< the host's */
};

/** @brief The kernel's GICv3. */
struct vml_kvm_gic_config {
    uint64_t gicd_base; /**< guest physical address of the distributor, 64 KiB */
    uint64_t gicr_base; /**< of the redistributors, 128 KiB each */
    uint64_t its_base;  /**< of the ITS, 128 KiB; 0: none */
    uint32_t spis;      /**< SPIs: 32 to 960, a multiple of 32 */
};

/** @brief What the vCPUs of a machine share. */
struct vml_kvm_machine_config {
    const struct vml_kvm_system *system;       /**< kept */
    struct vml_as *memory;                     /**< RAM and ROM; at most VML_KVM_SLOTS regions */
    struct vml_vbus *mmio;                     /**< devices; NULL: none */
    struct vml_irq_controller *irq_controller; /**< in user space; NULL: the kernel's GICv3 */
    const struct vml_kvm_gic_config *gic;      /**< of the kernel's; NULL with `irq_controller` */
    struct vml_smccc *smccc;                   /**< firmware; NULL: the kernel's */
    struct vml_lifecycle *lifecycle; /**< told of the kernel's PSCI SYSTEM_*; may be NULL */
    uint32_t ipa_bits;               /**< of guest physical addresses; 0: 40 */
    struct vml_kvm **cpus;           /**< storage for `max_cpus` pointers; kept */
    uint32_t max_cpus;               /**< the most vCPUs */
};

/** @brief Regions of memory that a machine can have. */
#define VML_KVM_SLOTS 32u

/** @brief A region as the kernel knows it. Private. */
struct vml_kvm_slot {
    uint64_t base;  /**< guest physical address */
    uint64_t size;  /**< bytes; 0: not used */
    void *host;     /**< where it is */
    uint32_t flags; /**< as given to the kernel */
};

/** @brief What the kernel has of what the engine can do without. */
struct vml_kvm_capabilities {
    bool user_irq;     /**< timers of a machine whose interrupt controller is in user space */
    bool smccc_filter; /**< calls of the guest to user space */
    bool irqfd;        /**< interrupts by eventfd; needs the kernel's GIC */
    bool ioeventfd;    /**< writes of the guest to eventfd */
    bool nisv;         /**< aborts whose syndrome does not describe the access */
    bool inject_abort; /**< aborts for accesses that nobody answers */
    bool suspend;      /**< SYSTEM_SUSPEND of the kernel's PSCI */
    bool readonly;     /**< ROM */
    bool guest_debug;  /**< single step */
};

/** @brief What the vCPUs of a machine share. Members are private but `irqs`, `firmware` and `has`. */
struct vml_kvm_machine {
    struct vml_kvm_machine_config config;     /**< as given */
    struct vml_kvm_gic_config gic;            /**< as given */
    struct vml_irq_controller kernel_gic;     /**< the kernel's, as a controller */
    struct vml_irq_controller *irqs;          /**< who the devices' wires lead to */
    bool firmware;                            /**< calls of the guest go to config.smccc */
    struct vml_kvm_capabilities has;          /**< what the kernel has */
    int kvm_fd;                               /**< of /dev/kvm */
    int vm_fd;                                /**< of the machine */
    int gic_fd;                               /**< of the kernel's GIC, or below 0 */
    int its_fd;                               /**< of the kernel's ITS, or below 0 */
    size_t run_size;                          /**< bytes that a vCPU shares with the kernel */
    uint32_t count;                           /**< vCPUs */
    bool ready;                               /**< the kernel's GIC works */
    struct vml_kvm_slot slots[VML_KVM_SLOTS]; /**< memory */
};

/** @brief Opens KVM and makes a machine without vCPUs. What the kernel lacks, and what is done instead, is
 * logged, one line each.
 * @return VML_ERR_INVALID for missing members; VML_ERR_UNSUPPORTED where there is no KVM, it is not
 * arm64's, or it lacks what the configuration cannot do without; VML_ERR_ACCESS when this process may
 * not use it; VML_ERR_NO_SPACE for too many regions; VML_ERR_IO for what the kernel refuses */
VML_MUST_CHECK enum vml_status vml_kvm_machine_init(struct vml_kvm_machine *machine,
                                                    const struct vml_kvm_machine_config *config);
/** @brief All vCPUs are made: puts the kernel's GIC together. Needed with any interrupt controller. */
VML_MUST_CHECK enum vml_status vml_kvm_machine_ready(struct vml_kvm_machine *machine);
/** @brief Ends its use. Its vCPUs are destroyed. */
void vml_kvm_machine_destroy(struct vml_kvm_machine *machine);
/** @brief Regions were added to or removed from the memory, or dirty tracking was switched: tells the
 * kernel. No vCPU runs.
 * @return VML_ERR_NO_SPACE, VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_kvm_memory_changed(struct vml_kvm_machine *machine);
/** @brief Marks in `memory` the pages that guests have written since the last time, while dirty tracking
 * is on and the kernel has been told so by vml_kvm_memory_changed().
 * @param bitmap storage, VML_AS_DIRTY_WORDS() words of the largest region
 * @param words of it
 * @return VML_ERR_NO_SPACE, VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_kvm_collect_dirty(struct vml_kvm_machine *machine,
                                                     uint64_t *bitmap, size_t words);

/** @brief How a vCPU is made. */
struct vml_kvm_config {
    struct vml_cpu_config cpu;       /**< index, affinity, debug; `ops` is ignored */
    struct vml_kvm_machine *machine; /**< which machine */
    /** What the guest is to find in its identification registers; NULL: what the kernel offers. */
    const struct vml_arm_ids *ids;
    /** Called with what the kernel offers (with `ids`: with those): lowers what the guest is to find, for
     * a machine that is to go on elsewhere. What the kernel does not let be lowered stays. NULL: none. */
    void (*limit)(void *context, struct vml_arm_ids *ids);
    void *context; /**< given to `limit` */
};

/** @brief A vCPU. Members are private, but for `cpu`. */
struct vml_kvm {
    struct vml_cpu cpu;              /**< the abstract vCPU */
    struct vml_kvm_machine *machine; /**< its machine */
    int fd;                          /**< its descriptor */
    void *run;                       /**< what it shares with the kernel */
    _Atomic uint64_t thread;         /**< its owner, for kicks */
    _Atomic uint32_t running;        /**< its owner is in the kernel, or about to be */
    _Atomic uint32_t line_work;      /**< looks at the interrupt controller that are due */
    _Atomic uint32_t lines_lost;     /**< the kernel has forgotten the levels: all are low */
    uint32_t lines;                  /**< levels that the kernel was told */
    uint64_t device_levels;          /**< levels that the kernel told */
    bool device_levels_known;        /**< and the controller has been told of them */
    bool completing;                 /**< the kernel owes the registers the result of an access */
    bool stepping;                   /**< the kernel steps the guest */
};

/** @brief Makes a vCPU, OFF, and adds it to its machine.
 * @return VML_ERR_INVALID, VML_ERR_NO_SPACE, VML_ERR_IO; VML_ERR_UNSUPPORTED for identification
 * registers or an affinity that the kernel does not offer (which one is logged) */
VML_MUST_CHECK enum vml_status vml_kvm_init(struct vml_kvm *cpu,
                                            const struct vml_kvm_config *config);
/** @brief Ends its use; nobody runs it. */
void vml_kvm_destroy(struct vml_kvm *cpu);

/** @brief The vCPU that embeds this abstract vCPU. */
static inline struct vml_kvm *vml_kvm_of(struct vml_cpu *cpu)
{
    return VML_CONTAINER_OF(cpu, struct vml_kvm, cpu);
}

/** @brief Why vml_kvm_run() returned. */
enum vml_kvm_exit {
    VML_KVM_EXIT_OFF,     /**< the vCPU is OFF (or was never on) */
    VML_KVM_EXIT_REQUEST, /**< VML_CPU_REQUEST_EXIT, taken; or a reset request, not taken */
    VML_KVM_EXIT_STEP,    /**< VML_CPU_SINGLE_STEP: one instruction was done */
    VML_KVM_EXIT_ERROR,   /**< the kernel cannot run it; logged */
};

/** @brief Runs guest code. Owner only. Takes a pending start. Waits while rounded up or paused. */
enum vml_kvm_exit vml_kvm_run(struct vml_kvm *cpu);
/** @brief The body of a vCPU's thread: waits for starts and runs, until VML_CPU_REQUEST_EXIT. When the
 * kernel cannot run it the machine is powered off: `lifecycle` is told, or all vCPUs are stopped. */
void vml_kvm_thread(struct vml_kvm *cpu);

/** @brief A vml_irq_output_fn: tells the kernel the levels of a vCPU's inputs. Any thread.
 * @param context the struct vml_kvm_machine */
void vml_kvm_irq_output(void *context, uint32_t cpu, enum vml_irq_output output, bool level);

/** @brief Joins an eventfd to an SPI of the kernel's GIC, or parts them.
 * @param intid 32 and up
 * @return VML_ERR_UNSUPPORTED where there is none; VML_ERR_RANGE; VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_kvm_irqfd(struct vml_kvm_machine *machine, uint32_t intid,
                                             int eventfd, bool join);
/** @brief A write of the guest that the kernel turns into a signal of an eventfd. */
struct vml_kvm_ioeventfd {
    uint64_t address; /**< guest physical */
    uint32_t size;    /**< bytes: 1, 2, 4 or 8; 0: any */
    bool match;       /**< only of `value` */
    uint64_t value;   /**< see `match` */
    int eventfd;      /**< which is signalled */
};
/** @brief Joins an eventfd to writes of the guest, or parts them. The bus sees those writes no more.
 * @return VML_ERR_UNSUPPORTED, VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_kvm_ioeventfd(struct vml_kvm_machine *machine,
                                                 const struct vml_kvm_ioeventfd *what, bool join);

/** @brief What the guest finds in its identification registers. */
VML_MUST_CHECK enum vml_status vml_kvm_ids(struct vml_kvm *cpu, struct vml_arm_ids *ids);
/** @brief Reads all of the vCPU's state. It does not run. @return VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_kvm_get_state(struct vml_kvm *cpu, struct vml_arm_state *state);
/** @brief Writes it, but for `ids`. @return VML_ERR_IO, with the vCPU's state undefined */
VML_MUST_CHECK enum vml_status vml_kvm_set_state(struct vml_kvm *cpu,
                                                 const struct vml_arm_state *state);
/** @brief Writes one record, which vml_a64_restore() reads too. It does not run.
 * @return also the writer's status */
VML_MUST_CHECK enum vml_status vml_kvm_save(struct vml_kvm *cpu, struct vml_state_writer *w);
/** @brief Reads one record, of vml_a64_save() too; nothing is changed by one that is not valid, or
 * whose identification registers are not this vCPU's (VML_ERR_UNSUPPORTED; which one is logged). */
VML_MUST_CHECK enum vml_status vml_kvm_restore(struct vml_kvm *cpu, struct vml_state_reader *r);
/** @brief Copies the kernel's timers into the library's, whose wires are not connected, so that they are
 * saved as those of any other engine. No vCPU runs. The virtual count goes on; the physical count is
 * the library's, and the deadline of the physical timer is moved accordingly.
 * @param timers one for each vCPU, by index */
VML_MUST_CHECK enum vml_status vml_kvm_timers_get(struct vml_kvm_machine *machine,
                                                  struct vml_timer *const *timers);
/** @brief Copies the library's timers, as restored, into the kernel's. No vCPU runs. The physical count is
 * the host's then; see vml_kvm_timers_get(). */
VML_MUST_CHECK enum vml_status vml_kvm_timers_set(struct vml_kvm_machine *machine,
                                                  struct vml_timer *const *timers);
/** @brief Copies the kernel's GICv3 into one of the library's, which is of the same size, has no output
 * function, and is on no bus: so that it is saved as that of any other engine. No vCPU runs.
 *
 * Pending LPIs and, with `its`, the ITS's tables go through guest memory, which is to be saved after this
 * call.  Not the same afterwards: GICD_IIDR and other identification; GICD_CTLR, where the kernel has one
 * enable for both groups; an edge-triggered input whose level is high counts as low; group modifiers
 * and GICR_WAKER, which the kernel does not have. LPIs that are pending without an event that leads to
 * them get lost on the way into the kernel.
 * @param machine with the kernel's GIC, which is ready
 * @param gic version 3, with the machine's vCPUs and SPIs, nothing extended, and LPIs if there is an ITS
 * @param its NULL where the machine has none
 * @return VML_ERR_INVALID for a GIC that is not so; VML_ERR_STATE without the kernel's, or before
 * vml_kvm_machine_ready(); VML_ERR_UNSUPPORTED for an LPI that `gic` does not have; VML_ERR_RANGE for ITS
 * tables that are not memory; VML_ERR_BUSY while a vCPU runs; VML_ERR_IO. What it was is logged */
VML_MUST_CHECK enum vml_status vml_kvm_gic_get(struct vml_kvm_machine *machine, struct vml_gic *gic,
                                               struct vml_its *its);
/** @brief Copies the library's GICv3, as restored, into the kernel's. No vCPU runs; guest memory and the
 * vCPUs are restored. `gic` is not the guest's any more: its ITS's tables are the kernel's.
 *
 * In a machine that has run, the active state of the timers' interrupts stays as it is until their vCPU
 * begins anew.
 * @return as vml_kvm_gic_get(); VML_ERR_UNSUPPORTED for a state that the kernel's GIC cannot have, such as
 * edge-triggered PPIs or group 0 enabled alone */
VML_MUST_CHECK enum vml_status vml_kvm_gic_set(struct vml_kvm_machine *machine, struct vml_gic *gic,
                                               struct vml_its *its);
/** @brief Puts the kernel's GICv3 and ITS into their reset state, and the library's, too; the wires' levels
 * stay. No vCPU runs, and no device changes its wire meanwhile. @return as vml_kvm_gic_set() */
VML_MUST_CHECK enum vml_status vml_kvm_gic_reset(struct vml_kvm_machine *machine,
                                                 struct vml_gic *gic, struct vml_its *its);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
