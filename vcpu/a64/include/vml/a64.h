/**
 * @file
 * @brief A software Armv8-A CPU: runs A64 guests at EL0 and EL1 on any host.
 *
 * Instructions are decoded once into a cached form, by physical page, and executed by threaded
 * dispatch; loads and stores hit a software TLB that ends in a host pointer.  Interrupts, requests and
 * budgets are looked at between blocks.
 *
 * What a machine's vCPUs share (memory, buses, firmware, the exclusive monitors, TLB and instruction
 * cache broadcasts) is in struct vml_a64_machine.  EL2 and EL3 are not implemented: HVC and SMC call
 * the machine's firmware hook.  AArch32 is not implemented.
 *
 * An access that a device answers with VML_BUS_PENDING is made again, when the vCPU has been recalled or
 * woken (single_thread: at each of its turns), until it is answered; until then the vCPU takes no
 * interrupt.  Of an instruction with several accesses all are made again.
 *
 * Threads: a vCPU is run by one thread at a time, its owner.  vml_a64_set_input(), vml_a64_irq_output()
 * and vml_cpu_recall() may be called from any thread; everything else only by the owner, or while the
 * vCPU is not being run.
 * @defgroup vml_a64 Software Armv8-A CPU
 * @{
 */
#ifndef VML_A64_H
#define VML_A64_H

#include <stdatomic.h>
#include <vml/arm_state.h>
#include <vml/cpu.h>
#include <vml/irq_controller.h>
#include <vml/simple_as.h>
#include <vml/state.h>
#include <vml/vbus.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vml_a64;
struct vml_a64_machine;

/** @brief Plain Armv8.0-A with CRC32 and the cryptographic instructions.
 *
 * What a model's ID registers advertise is what executes: instructions of a feature that is not
 * advertised are UNDEFINED.  Values that advertise what this engine does not have are refused. */
void vml_a64_model_v8_0(struct vml_arm_ids *model);
/** @brief Everything that this engine has. */
void vml_a64_model_max(struct vml_arm_ids *model);
/** @brief Makes a register of a model as much of `value` as this engine has: each field is lowered to
 * that. So a CPU model that is described elsewhere becomes one to run, register by register.
 * @param model changed; begin with vml_a64_model_v8_0()
 * @param encoding VML_SYSREG() of an ID register
 * @param value what the other model has there
 * @return false when there is no such register: it reads as zero, or is the engine's own affair */
bool vml_a64_model_limit(struct vml_arm_ids *model, uint64_t encoding, uint64_t value);

/** @brief What a firmware call came to. */
enum vml_a64_call_result {
    VML_A64_CALL_DONE,      /**< x[] holds the results */
    VML_A64_CALL_UNDEFINED, /**< the instruction is UNDEFINED */
    VML_A64_CALL_WAIT,      /**< as DONE, and then it waits as WFI does: a suspended vCPU */
};

/** @brief A firmware call (HVC or SMC). The vCPU may be stopped, others started, from inside.
 * @param context as configured
 * @param cpu the calling vCPU
 * @param smc true for SMC, false for HVC
 * @param imm the instruction's immediate
 * @param x X0 to X17: arguments, and results */
typedef enum vml_a64_call_result (*vml_a64_firmware_fn)(void *context, struct vml_a64 *cpu,
                                                        bool smc, uint16_t imm, uint64_t x[18]);

/** @brief Reads the system counter for MRS CNTPCT_EL0 or CNTVCT_EL0.
 * @param context as configured
 * @param cpu index of the vCPU
 * @param virtual_count CNTVCT_EL0 */
typedef uint64_t (*vml_a64_counter_fn)(void *context, uint32_t cpu, bool virtual_count);

/** @brief What the vCPUs of a machine share. */
struct vml_a64_machine_config {
    struct vml_as *memory;   /**< RAM and ROM */
    struct vml_vbus *mmio;   /**< devices; NULL: none */
    struct vml_vbus *sysreg; /**< system registers that are not the CPU's own; NULL: none */
    struct vml_irq_controller *irq_controller; /**< asked for the inputs' levels; NULL: none */
    vml_a64_firmware_fn firmware;              /**< NULL: HVC and SMC are UNDEFINED */
    vml_a64_counter_fn counter;                /**< NULL: the counters are read on the SYSREG bus */
    /** CNTVOFF_EL2 of a vCPU that starts: vml_timer_set_virtual_offset() and the like. Its owner's
     * thread. NULL: starts leave it alone. */
    void (*set_timer_offset)(void *context, uint32_t cpu, uint64_t offset);
    void *context;         /**< given to `firmware`, `counter` and `set_timer_offset` */
    struct vml_a64 **cpus; /**< storage for `max_cpus` pointers; kept */
    uint32_t max_cpus;     /**< the most vCPUs */
    /** All vCPUs are run in turn by one thread: WFI and WFE end vml_a64_run() instead of waiting, and
     * nothing waits for another vCPU. */
    bool single_thread;
};

/** @brief Invalidations that a vCPU can be behind by before it drops everything. */
#define VML_A64_BROADCASTS 64u
/** @brief Granules that exclusive monitors are hashed to. */
#define VML_A64_MONITORS 256u

/** @brief A TLB or instruction cache invalidation on its way to all vCPUs. Private. */
struct vml_a64_broadcast {
    _Atomic uint64_t sequence; /**< its number + 1 once it is complete */
    _Atomic uint64_t kind;     /**< what to drop */
    _Atomic uint64_t argument; /**< address */
    _Atomic uint64_t pages;    /**< how much */
};

/** @brief What the vCPUs of a machine share. Members are private. */
struct vml_a64_machine {
    struct vml_a64_machine_config config;                          /**< as given */
    uint32_t count;                                                /**< vCPUs */
    uint32_t breakpoint_count;                                     /**< of `breakpoints` */
    const uint64_t *breakpoints;                                   /**< a debugger's */
    struct vml_mutex broadcast_lock;                               /**< of posting */
    VML_CACHE_ALIGNED _Atomic uint64_t broadcast_head;             /**< invalidations ever posted */
    struct vml_a64_broadcast broadcasts[VML_A64_BROADCASTS];       /**< the latest */
    VML_CACHE_ALIGNED _Atomic uint32_t monitors[VML_A64_MONITORS]; /**< versions of granules */
};

/** @brief Makes a machine without vCPUs. @return VML_ERR_INVALID for missing members */
VML_MUST_CHECK enum vml_status vml_a64_machine_init(struct vml_a64_machine *machine,
                                                    const struct vml_a64_machine_config *config);
/** @brief Ends its use. Its vCPUs are destroyed. */
void vml_a64_machine_destroy(struct vml_a64_machine *machine);

/** @brief How a vCPU is made. */
struct vml_a64_config {
    struct vml_cpu_config cpu;       /**< index, affinity, debug; `ops` is ignored */
    struct vml_a64_machine *machine; /**< which machine */
    const struct vml_arm_ids *model; /**< copied */
    void *storage;                   /**< VML_CACHE_LINE_SIZE aligned; kept while in use */
    size_t storage_size;             /**< at least vml_a64_storage_size(code_pages) */
    uint32_t
        code_pages; /**< 4 KiB pages of decoded code that are kept, at least 4; 1024 suits Linux */
};

/** @brief Bytes of storage that a vCPU needs. */
size_t vml_a64_storage_size(uint32_t code_pages);

struct a64_core;

/** @brief A vCPU. Members are private, but for `cpu`. */
struct vml_a64 {
    struct vml_cpu cpu;              /**< the abstract vCPU */
    struct vml_a64_machine *machine; /**< its machine */
    struct a64_core *core;           /**< in the storage */
    _Atomic uint32_t inputs;         /**< levels set by vml_a64_set_input() */
};

/** @brief Makes a vCPU, OFF, and adds it to its machine.
 *
 * The memory's regions must be there already, or be added while no vCPU runs and then be followed by
 * vml_a64_memory_changed().
 * @return VML_ERR_INVALID, VML_ERR_NO_SPACE (storage, or more vCPUs than the machine has room for),
 * VML_ERR_UNSUPPORTED (a model that this engine does not have) */
VML_MUST_CHECK enum vml_status vml_a64_init(struct vml_a64 *cpu,
                                            const struct vml_a64_config *config);
/** @brief Ends its use; nobody runs it. */
void vml_a64_destroy(struct vml_a64 *cpu);

/** @brief The vCPU that embeds this abstract vCPU. */
static inline struct vml_a64 *vml_a64_of(struct vml_cpu *cpu)
{
    return VML_CONTAINER_OF(cpu, struct vml_a64, cpu);
}

/** @brief The interrupt inputs; bits. */
enum vml_a64_input {
    VML_A64_INPUT_IRQ = 1u << 0,    /**< level */
    VML_A64_INPUT_FIQ = 1u << 1,    /**< level */
    VML_A64_INPUT_SERROR = 1u << 2, /**< pending until taken */
};
/** @brief Sets the level of inputs. Any thread. The controller's levels, if there is one, are ORed.
 * @param inputs enum vml_a64_input bits to change */
void vml_a64_set_input(struct vml_a64 *cpu, uint32_t inputs, bool level);
/** @brief A vml_irq_output_fn: makes a vCPU look at its interrupt controller again. Any thread.
 * @param context the struct vml_a64_machine */
void vml_a64_irq_output(void *context, uint32_t cpu, enum vml_irq_output output, bool level);

/** @brief Why vml_a64_run() returned. */
enum vml_a64_exit {
    VML_A64_EXIT_BUDGET,    /**< the instruction budget is used up */
    VML_A64_EXIT_OFF,       /**< the vCPU is OFF (or was never on) */
    VML_A64_EXIT_REQUEST,   /**< VML_CPU_REQUEST_EXIT, taken; or a reset request, not taken */
    VML_A64_EXIT_HALTED,    /**< single_thread: waits for an interrupt or an event */
    VML_A64_EXIT_YIELD,     /**< single_thread: YIELD or an idle WFE; others should run */
    VML_A64_EXIT_HYPERCALL, /**< VML_CPU_TRAP_HYPERCALL: PC is at the HVC or SMC, not executed */
    VML_A64_EXIT_VM_REG,    /**< VML_CPU_TRAP_VM_REGS: PC is at the MSR, not executed */
    VML_A64_EXIT_STEP,      /**< VML_CPU_SINGLE_STEP: one instruction or exception entry was done */
    VML_A64_EXIT_BREAK,     /**< vml_a64_set_breakpoints(): PC is at one of them, not executed */
};

/** @brief Runs guest code. Owner only.
 *
 * Takes a pending start.  Waits while rounded up or paused, and in WFI and WFE, unless the machine is
 * `single_thread`.
 * @param budget instructions after which it returns (at the next taken branch); UINT64_MAX: none */
enum vml_a64_exit vml_a64_run(struct vml_a64 *cpu, uint64_t budget);
/** @brief Deterministic running: all vCPUs of a `single_thread` machine in turn, time counted in
 * instructions. Two runs from one state, with the same inputs at the same times, are identical. */
struct vml_a64_turns {
    uint64_t quantum; /**< instructions of a turn; not 0 */
    uint64_t time;    /**< in instructions: a round of turns takes `quantum`; stands still in it */
    uint64_t until;   /**< time at which vml_a64_run_turns() returns */
    /** Tells the time after each round: vml_virtual_clock_advance() and the like. May be NULL. */
    void (*advance)(void *context, uint64_t time);
    /** The next deadline, in the same unit; UINT64_MAX: none. Asked when all vCPUs wait. May be NULL. */
    uint64_t (*next)(void *context);
    void *context; /**< given to both */
    uint32_t cpu;  /**< out: whose exit was returned */
};
/** @brief Runs all vCPUs in turn. When all wait, the time moves to the next deadline at once.
 * @return VML_A64_EXIT_BUDGET: it is `until`; VML_A64_EXIT_OFF: all are off; VML_A64_EXIT_HALTED: all
 * wait, and there is no deadline; REQUEST, HYPERCALL, VM_REG, STEP and BREAK as vml_a64_run() for `cpu`, in
 * the midst of a round, which the next call begins again */
enum vml_a64_exit vml_a64_run_turns(struct vml_a64_machine *machine, struct vml_a64_turns *turns);
/** @brief The body of a vCPU's thread: waits for starts and runs, until VML_CPU_REQUEST_EXIT. */
void vml_a64_thread(struct vml_a64 *cpu);
/** @brief Steps over the instruction at PC: what a debugger or a VM_REG/HYPERCALL exit's handler does
 * to go on. */
void vml_a64_skip(struct vml_a64 *cpu);
/** @brief Executes the instruction at PC although it would exit again with HYPERCALL, VM_REG or BREAK.
 */
void vml_a64_pass(struct vml_a64 *cpu);

/** @brief Guest instructions executed since reset. From inside a device access or a counter read it is
 * exact. Owner only. */
uint64_t vml_a64_instructions(const struct vml_a64 *cpu);
/** @brief True while the vCPU would not leave WFI: no interrupt and no event is pending. */
bool vml_a64_is_idle(const struct vml_a64 *cpu);
/** @brief Regions were added to or removed from the memory, or code was loaded: drops what is cached
 * of it in all vCPUs. No vCPU runs. */
void vml_a64_memory_changed(struct vml_a64_machine *machine);

/** @brief The general-purpose and vector registers and PSTATE, for debuggers and tests. */
struct vml_a64_registers {
    uint64_t x[31];    /**< X0 to X30 */
    uint64_t sp;       /**< the current SP */
    uint64_t pc;       /**< PC */
    uint64_t v[32][2]; /**< V0 to V31, low half first */
    uint32_t pstate;   /**< as in an SPSR */
    uint32_t fpcr;     /**< FPCR */
    uint32_t fpsr;     /**< FPSR */
};
/** @brief Reads them. */
void vml_a64_get_registers(const struct vml_a64 *cpu, struct vml_a64_registers *registers);
/** @brief Writes them. @return VML_ERR_INVALID for a PSTATE that is not A64 at EL0 or EL1 */
VML_MUST_CHECK enum vml_status vml_a64_set_registers(struct vml_a64 *cpu,
                                                     const struct vml_a64_registers *registers);
/** @brief Reads a system register that is the CPU's own. @param encoding VML_SYSREG()
 * @return VML_ERR_NOT_FOUND for any other */
VML_MUST_CHECK enum vml_status vml_a64_get_sysreg(struct vml_a64 *cpu, uint64_t encoding,
                                                  uint64_t *value);
/** @brief Writes one, as MSR at EL1 would; read-only ones are refused with VML_ERR_ACCESS. */
VML_MUST_CHECK enum vml_status vml_a64_set_sysreg(struct vml_a64 *cpu, uint64_t encoding,
                                                  uint64_t value);

/** @brief Breakpoints of a debugger outside of the guest: all vCPUs of the machine exit with
 * VML_A64_EXIT_BREAK before they execute an instruction at one of these virtual addresses, in whatever
 * address space. Neither the guest's memory nor its debug registers are touched. Single steps go past
 * them. No vCPU runs.
 * @param addresses kept until the next call
 * @param count of them; 0: none, which costs nothing */
void vml_a64_set_breakpoints(struct vml_a64_machine *machine, const uint64_t *addresses,
                             uint32_t count);
/** @brief Where a virtual address leads, whatever its permissions, for debuggers. The guest's tables are
 * read and not changed. Owner only, or while the vCPU is not being run.
 * @param pa gets the physical address, the MMU on or off
 * @return VML_ERR_NOT_FOUND when nothing is mapped there */
VML_MUST_CHECK enum vml_status vml_a64_translate(struct vml_a64 *cpu, uint64_t va, uint64_t *pa);

/** @brief What one instruction did. */
enum vml_a64_step_result {
    VML_A64_STEP_DONE,      /**< it completed */
    VML_A64_STEP_EXCEPTION, /**< an exception was taken: ESR_EL1, FAR_EL1, ELR_EL1 tell */
    VML_A64_STEP_PENDING,   /**< a device answers VML_BUS_PENDING: nothing was done, step again */
};
/** @brief Executes one instruction at PC in the vCPU's present state, whatever its power state, and
 * no interrupt: for test harnesses and debuggers. Owner only. */
enum vml_a64_step_result vml_a64_step_state(struct vml_a64 *cpu);
/** @brief As vml_a64_step_state(), with the instruction given instead of fetched. */
enum vml_a64_step_result vml_a64_step_instruction(struct vml_a64 *cpu, uint32_t instruction);

/** @brief Writes one record with all architectural state of the vCPU. It does not run. */
void vml_a64_save(struct vml_a64 *cpu, struct vml_state_writer *w);
/** @brief Reads it; all or nothing. The model must be the same. */
VML_MUST_CHECK enum vml_status vml_a64_restore(struct vml_a64 *cpu, struct vml_state_reader *r);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
