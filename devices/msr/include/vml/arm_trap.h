/**
 * @file
 * @brief Arm traps: from ESR_EL2 to an access on a bus, and back into the guest's registers.
 *
 * Nothing here touches the CPU that it runs on: the syndrome, the fault address and, where the
 * syndrome does not describe the access, the instruction are arguments.  Arm ARM DDI 0487,
 * ESR_EL2.
 * @defgroup vml_msr System registers and traps
 * @{
 */
#ifndef VML_ARM_TRAP_H
#define VML_ARM_TRAP_H

#include <vml/vbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief ESR_ELx.EC: exception classes that a hypervisor meets. */
enum vml_arm_ec {
    VML_ARM_EC_UNKNOWN = 0x00,
    VML_ARM_EC_WFX = 0x01,       /**< WFI, WFE, WFIT, WFET */
    VML_ARM_EC_CP15_RT = 0x03,   /**< MCR, MRC of coproc 15 */
    VML_ARM_EC_CP15_RRT = 0x04,  /**< MCRR, MRRC of coproc 15 */
    VML_ARM_EC_CP14_RT = 0x05,   /**< MCR, MRC of coproc 14 */
    VML_ARM_EC_CP14_DT = 0x06,   /**< LDC, STC */
    VML_ARM_EC_FP = 0x07,        /**< FP, Advanced SIMD, SVE access */
    VML_ARM_EC_VMRS = 0x08,      /**< VMRS of an ID register */
    VML_ARM_EC_PAUTH = 0x09,     /**< pointer authentication */
    VML_ARM_EC_CP14_RRT = 0x0c,  /**< MRRC of coproc 14 */
    VML_ARM_EC_BTI = 0x0d,       /**< branch target */
    VML_ARM_EC_ILLEGAL = 0x0e,   /**< illegal execution state */
    VML_ARM_EC_SVC32 = 0x11,     /**< SVC, AArch32 */
    VML_ARM_EC_HVC32 = 0x12,     /**< HVC, AArch32 */
    VML_ARM_EC_SMC32 = 0x13,     /**< SMC, AArch32 */
    VML_ARM_EC_SVC64 = 0x15,     /**< SVC */
    VML_ARM_EC_HVC64 = 0x16,     /**< HVC */
    VML_ARM_EC_SMC64 = 0x17,     /**< SMC */
    VML_ARM_EC_SYSREG = 0x18,    /**< MSR, MRS, SYS */
    VML_ARM_EC_SVE = 0x19,       /**< SVE access */
    VML_ARM_EC_ERET = 0x1a,      /**< ERET, under nested virtualisation */
    VML_ARM_EC_IABT_LOW = 0x20,  /**< instruction abort from a lower level */
    VML_ARM_EC_IABT = 0x21,      /**< instruction abort */
    VML_ARM_EC_PC_ALIGN = 0x22,  /**< PC alignment */
    VML_ARM_EC_DABT_LOW = 0x24,  /**< data abort from a lower level */
    VML_ARM_EC_DABT = 0x25,      /**< data abort */
    VML_ARM_EC_SP_ALIGN = 0x26,  /**< SP alignment */
    VML_ARM_EC_FP32 = 0x28,      /**< floating-point exception, AArch32 */
    VML_ARM_EC_FP64 = 0x2c,      /**< floating-point exception */
    VML_ARM_EC_SERROR = 0x2f,    /**< SError */
    VML_ARM_EC_BREAK_LOW = 0x30, /**< breakpoint from a lower level */
    VML_ARM_EC_STEP_LOW = 0x32,  /**< software step from a lower level */
    VML_ARM_EC_WATCH_LOW = 0x34, /**< watchpoint from a lower level */
    VML_ARM_EC_BKPT32 = 0x38,    /**< BKPT */
    VML_ARM_EC_BRK64 = 0x3c,     /**< BRK */
};

/** @brief What to do about a trap. */
enum vml_arm_trap_kind {
    VML_ARM_TRAP_OTHER,             /**< see `ec` */
    VML_ARM_TRAP_WAIT,              /**< WFI or WFE */
    VML_ARM_TRAP_SYSREG,            /**< an AArch64 system register or SYS instruction */
    VML_ARM_TRAP_COPROCESSOR,       /**< an AArch32 coprocessor register */
    VML_ARM_TRAP_HVC,               /**< a hypervisor call */
    VML_ARM_TRAP_SMC,               /**< a secure monitor call; the PC is at it, not after it */
    VML_ARM_TRAP_FP,                /**< FP, SIMD or SVE registers are not the guest's at present */
    VML_ARM_TRAP_DATA_ABORT,        /**< a load or store */
    VML_ARM_TRAP_INSTRUCTION_ABORT, /**< a fetch */
    VML_ARM_TRAP_DEBUG,             /**< breakpoint, watchpoint, step, BRK */
};

/** @brief A decoded syndrome. Members that the kind does not have are zero. */
struct vml_arm_trap {
    enum vml_arm_trap_kind kind; /**< what it is */
    enum vml_arm_ec ec;          /**< exception class */
    uint32_t iss;                /**< ESR_EL2.ISS */
    bool wide_instruction;       /**< IL: the instruction has 32 bits */

    /* aborts */
    uint64_t ipa;         /**< guest physical address */
    uint64_t va;          /**< FAR_EL2 */
    uint8_t fsc;          /**< fault status code */
    bool translation;     /**< the code says: nothing is mapped there */
    bool permission;      /**< the code says: not allowed */
    bool table_walk;      /**< S1PTW: the access was a walk of the guest's tables */
    bool far_invalid;     /**< FnV */
    bool maintenance;     /**< CM: a cache maintenance instruction */
    bool isv;             /**< the syndrome describes the access: the next six are valid */
    bool write;           /**< WnR; also valid without `isv` */
    uint8_t size;         /**< bytes */
    uint8_t reg;          /**< register transferred; 31 is XZR */
    bool sign_extend;     /**< SSE */
    bool sixty_four;      /**< SF: the register has 64 bits */
    bool acquire_release; /**< AR */

    /* system and coprocessor registers */
    uint64_t sysreg;      /**< VML_SYSREG() */
    bool read;            /**< a read: into `reg` */
    uint8_t reg2;         /**< second register of MCRR and MRRC */
    uint8_t opc1;         /**< of a coprocessor access */
    uint8_t opc2;         /**< of a coprocessor access */
    uint8_t crn;          /**< of a coprocessor access */
    uint8_t crm;          /**< of a coprocessor access */
    bool condition_valid; /**< AArch32: `condition` must be evaluated */
    uint8_t condition;    /**< AArch32 condition code */

    uint16_t imm; /**< of HVC, SMC, SVC, BRK */
    bool event;   /**< WFE rather than WFI */
    bool timed;   /**< WFIT, WFET */
};

/** @brief The guest's registers as a trap finds and leaves them. */
struct vml_arm_regs {
    uint64_t x[31];   /**< X0 to X30 */
    uint64_t sp_el0;  /**< SP_EL0 */
    uint64_t sp_el1;  /**< SP_EL1 */
    uint64_t pc;      /**< ELR_EL2 */
    uint64_t pstate;  /**< SPSR_EL2 */
    uint64_t (*v)[2]; /**< V0 to V31, low half first; NULL: vector loads and stores are refused */
};

/** @brief The guest's EL1 registers that taking an exception uses. */
struct vml_arm_el1 {
    uint64_t SCTLR_EL1; /**< read: SPAN, DSSBS */
    uint64_t VBAR_EL1;  /**< read */
    uint64_t ESR_EL1;   /**< written */
    uint64_t FAR_EL1;   /**< written by aborts */
    uint64_t ELR_EL1;   /**< written */
    uint64_t SPSR_EL1;  /**< written */
};

/** @brief One bus access of a trapped instruction. */
struct vml_arm_part {
    struct vml_access access; /**< what to do; afterwards its result */
    uint64_t address;         /**< on the space's bus */
    uint8_t reg;              /**< where a read goes; 31 is XZR */
    uint8_t half;             /**< of a vector register: 0 low, 1 high */
};

/** @brief Parts of an instruction, at most: a pair of 128-bit registers. */
#define VML_ARM_PARTS 4u

/** @brief A trapped instruction on its way: begun, run, finished. */
struct vml_arm_operation {
    enum vml_space space;                     /**< VML_SPACE_MMIO or VML_SPACE_SYSREG */
    uint32_t count;                           /**< of `parts` */
    uint32_t done;                            /**< parts whose access is complete */
    struct vml_arm_part parts[VML_ARM_PARTS]; /**< in order of address */
    bool vector;                              /**< registers are V0 to V31 */
    bool sign_extend;                         /**< reads */
    bool sixty_four;                          /**< reads fill 64 bits */
    bool write_back;     /**< pre- or post-index: `base` becomes `base_value` */
    uint8_t base;        /**< 31 is SP */
    uint64_t base_value; /**< see `write_back` */
    uint8_t length;      /**< bytes of the instruction */
};

/** @brief Decodes a syndrome. @param hpfar HPFAR_EL2; its FIPA field and the page offset of
 * FAR_EL2 make the guest physical address */
void vml_arm_trap_decode(struct vml_arm_trap *trap, uint64_t esr, uint64_t far, uint64_t hpfar);

/** @brief True when vml_arm_operation_begin() needs the instruction at the PC: for a data abort
 * whose syndrome does not describe the access. */
static inline bool vml_arm_needs_instruction(const struct vml_arm_trap *trap)
{
    return trap->kind == VML_ARM_TRAP_DATA_ABORT && !trap->isv;
}

/** @brief Turns a data abort or a system register trap into accesses.
 * @param instruction the A64 instruction at the PC; see vml_arm_needs_instruction()
 * @param cpu index of the vCPU
 * @return VML_OK; VML_ERR_UNSUPPORTED for what is no access (table walks, cache maintenance,
 * prefetches, exclusives, atomics), or where address and registers disagree: inject an abort */
VML_MUST_CHECK enum vml_status vml_arm_operation_begin(struct vml_arm_operation *op,
                                                       const struct vml_arm_trap *trap,
                                                       const struct vml_arm_regs *regs,
                                                       uint32_t instruction, uint32_t cpu);

/** @brief Where a load or store that vml_arm_operation_begin() decodes would access: for hypervisors that
 * are not told the virtual address of an abort whose syndrome does not describe the access.
 * @param regs the registers before the instruction
 * @param instruction the A64 instruction at the PC
 * @param va gets the address of the first byte, with its tag
 * @return VML_ERR_UNSUPPORTED for any other instruction */
VML_MUST_CHECK enum vml_status vml_arm_operation_address(const struct vml_arm_regs *regs,
                                                         uint32_t instruction, uint64_t *va);

/** @brief Makes the accesses that are not done yet.
 * @param mmio bus for VML_SPACE_MMIO; may be NULL
 * @param sysreg bus for VML_SPACE_SYSREG; may be NULL
 * @return VML_BUS_OK when all are done; VML_BUS_PENDING when one is completed later: see
 * vml_arm_operation_complete(); else inject what the result asks for */
enum vml_bus_result vml_arm_operation_run(struct vml_arm_operation *op, struct vml_vbus *mmio,
                                          struct vml_vbus *sysreg);

/** @brief Completes the access that is pending; then run the operation again.
 * @param value what was read; ignored for a write */
void vml_arm_operation_complete(struct vml_arm_operation *op, uint64_t value);

/** @brief Puts the results into the registers, and the PC behind the instruction. */
void vml_arm_operation_finish(const struct vml_arm_operation *op, struct vml_arm_regs *regs);

/** @brief Takes a synchronous external abort to EL1, for an access that no device answers.
 * @param fetch an instruction abort, else a data abort
 * @param write of a data abort */
void vml_arm_inject_abort(struct vml_arm_regs *regs, struct vml_arm_el1 *el1, uint64_t va,
                          bool fetch, bool write);

/** @brief Takes an exception of unknown reason to EL1: the instruction is UNDEFINED.
 * @param wide_instruction the instruction has 32 bits */
void vml_arm_inject_undefined(struct vml_arm_regs *regs, struct vml_arm_el1 *el1,
                              bool wide_instruction);

/** @brief Takes to EL1 what a trap comes to that nobody serves: an abort for an abort, else the
 * instruction is UNDEFINED. */
void vml_arm_inject(struct vml_arm_regs *regs, struct vml_arm_el1 *el1,
                    const struct vml_arm_trap *trap);

/** @brief Steps over the trapped instruction: WFI, WFE, SMC. */
static inline void vml_arm_skip(struct vml_arm_regs *regs, const struct vml_arm_trap *trap)
{
    regs->pc += trap->wide_instruction ? 4 : 2;
}

/** @brief The name of an exception class; "?" for one that is reserved. */
const char *vml_arm_ec_name(enum vml_arm_ec ec);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
