/**
 * @file
 * @brief The architectural state of an Armv8-A vCPU at EL1 and EL0, neutral to the engine that runs it.
 *
 * An engine that saves its vCPUs in this form can restore what another engine saved: the record is
 * the one that vml_a64_save() writes.  What an engine cannot tell it writes so that the other does no
 * harm: an event register that reads as set costs a wake-up for nothing.
 *
 * The timers and the interrupt controller are not in it: they have records of their own.
 * @defgroup vml_arm_state Armv8-A vCPU state
 * @{
 */
#ifndef VML_ARM_STATE_H
#define VML_ARM_STATE_H

#include <vml/base.h>
#include <vml/state.h>
#include <vml/vbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Breakpoints in the state. */
#define VML_ARM_STATE_BREAKPOINTS 6u
/** @brief Watchpoints in the state. */
#define VML_ARM_STATE_WATCHPOINTS 4u

/** @brief What kind of CPU the state belongs to: its identification registers. */
struct vml_arm_ids {
    uint64_t MIDR_EL1;         /**< implementer, part, revision */
    uint64_t REVIDR_EL1;       /**< revision ID */
    uint64_t CTR_EL0;          /**< cache type */
    uint64_t CLIDR_EL1;        /**< cache levels */
    uint64_t DCZID_EL0;        /**< DC ZVA block size */
    uint64_t CNTFRQ_EL0;       /**< system counter frequency in Hz */
    uint64_t ID_AA64PFR0_EL1;  /**< processor features 0 */
    uint64_t ID_AA64PFR1_EL1;  /**< processor features 1 */
    uint64_t ID_AA64DFR0_EL1;  /**< debug features 0 */
    uint64_t ID_AA64ISAR0_EL1; /**< instruction set attributes 0 */
    uint64_t ID_AA64ISAR1_EL1; /**< instruction set attributes 1 */
    uint64_t ID_AA64ISAR2_EL1; /**< instruction set attributes 2 */
    uint64_t ID_AA64MMFR0_EL1; /**< memory model features 0 */
    uint64_t ID_AA64MMFR1_EL1; /**< memory model features 1 */
    uint64_t ID_AA64MMFR2_EL1; /**< memory model features 2 */
};

/** @brief System registers that the guest writes, as the architecture names them. */
struct vml_arm_sysregs_state {
    uint64_t SCTLR_EL1;                         /**< system control */
    uint64_t ACTLR_EL1;                         /**< auxiliary control */
    uint64_t CPACR_EL1;                         /**< FP access */
    uint64_t TTBR0_EL1;                         /**< lower translation table */
    uint64_t TTBR1_EL1;                         /**< upper translation table */
    uint64_t TCR_EL1;                           /**< translation control */
    uint64_t AFSR0_EL1;                         /**< auxiliary fault status 0 */
    uint64_t AFSR1_EL1;                         /**< auxiliary fault status 1 */
    uint64_t ESR_EL1;                           /**< exception syndrome */
    uint64_t FAR_EL1;                           /**< fault address */
    uint64_t PAR_EL1;                           /**< result of AT */
    uint64_t MAIR_EL1;                          /**< memory attributes */
    uint64_t AMAIR_EL1;                         /**< auxiliary memory attributes */
    uint64_t VBAR_EL1;                          /**< vectors */
    uint64_t CONTEXTIDR_EL1;                    /**< context ID */
    uint64_t TPIDR_EL0;                         /**< thread ID */
    uint64_t TPIDRRO_EL0;                       /**< thread ID, read-only at EL0 */
    uint64_t TPIDR_EL1;                         /**< thread ID of EL1 */
    uint64_t ELR_EL1;                           /**< exception link */
    uint64_t SPSR_EL1;                          /**< saved PSTATE */
    uint64_t CSSELR_EL1;                        /**< cache selected */
    uint64_t CNTKCTL_EL1;                       /**< timer access of EL0 */
    uint64_t MDSCR_EL1;                         /**< debug control */
    uint64_t OSLSR_EL1;                         /**< OS lock; what OSLAR_EL1 set */
    uint64_t OSDLR_EL1;                         /**< OS double lock */
    uint64_t DBGPRCR_EL1;                       /**< debug power */
    uint64_t DBGCLAIM_EL1;                      /**< claim tags */
    uint64_t MDCCINT_EL1;                       /**< debug comms interrupt */
    uint64_t OSDTRRX_EL1;                       /**< OS lock receive */
    uint64_t OSDTRTX_EL1;                       /**< OS lock transmit */
    uint64_t OSECCR_EL1;                        /**< OS lock exception catch */
    uint64_t DBGBVR[VML_ARM_STATE_BREAKPOINTS]; /**< DBGBVRn_EL1 */
    uint64_t DBGBCR[VML_ARM_STATE_BREAKPOINTS]; /**< DBGBCRn_EL1 */
    uint64_t DBGWVR[VML_ARM_STATE_WATCHPOINTS]; /**< DBGWVRn_EL1 */
    uint64_t DBGWCR[VML_ARM_STATE_WATCHPOINTS]; /**< DBGWCRn_EL1 */
};

/** @brief What a vCPU waits in; value of `halted`. */
enum vml_arm_halted {
    VML_ARM_HALTED_NOT = 0, /**< it runs */
    VML_ARM_HALTED_WFI = 1, /**< behind a WFI */
    VML_ARM_HALTED_WFE = 2, /**< behind a WFE */
};

/** @brief A vCPU's state. */
struct vml_arm_state {
    struct vml_arm_ids ids;           /**< whose it is */
    uint64_t x[31];                   /**< X0 to X30 */
    uint64_t sp_el0;                  /**< SP_EL0 */
    uint64_t sp_el1;                  /**< SP_EL1 */
    uint64_t pc;                      /**< PC */
    uint32_t pstate;                  /**< as in an SPSR; A64 at EL0 or EL1 */
    uint32_t fpcr;                    /**< FPCR */
    uint32_t fpsr;                    /**< FPSR */
    uint64_t v[32][2];                /**< V0 to V31, low half first */
    struct vml_arm_sysregs_state sys; /**< system registers */
    uint64_t instructions;            /**< executed since reset, where the engine counts; else 0 */
    bool event;                       /**< the event register of WFE */
    enum vml_arm_halted halted;       /**< waits */
    bool stepped;                     /**< a software step has been done, its exception is due */
    uint32_t inputs;                  /**< bit 0 IRQ, 1 FIQ, 2 a pending SError */
};

/** @brief A row of the table of registers: an address on a SYSREG bus and where it is in a struct. */
struct vml_arm_state_reg {
    uint32_t sysreg;  /**< VML_SYSREG() */
    uint32_t offset;  /**< bytes in struct vml_arm_sysregs_state or struct vml_arm_ids */
    const char *name; /**< as in the architecture */
};

/** @brief The registers of struct vml_arm_sysregs_state but for the debug arrays' rows above 0.
 * @param index from 0
 * @return NULL behind the last */
const struct vml_arm_state_reg *vml_arm_state_reg(uint32_t index);
/** @brief The registers of struct vml_arm_ids; CNTFRQ_EL0 and DCZID_EL0 among them.
 * @param index from 0
 * @return NULL behind the last */
const struct vml_arm_state_reg *vml_arm_id_reg(uint32_t index);

/** @brief Writes one record. */
void vml_arm_state_save(const struct vml_arm_state *state, struct vml_state_writer *w);
/** @brief Reads one record.
 * @param state written only when all of the record is valid
 * @return the reader's status; VML_ERR_CORRUPT for a state that no A64 vCPU can be in */
VML_MUST_CHECK enum vml_status vml_arm_state_restore(struct vml_arm_state *state,
                                                     struct vml_state_reader *r);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
