/* Exceptions taken to EL1 on the guest's behalf: DDI 0487, AArch64.TakeException. */
#include <vml/arm_trap.h>

#define PSTATE_KEEP UINT64_C(0xf1400000) /* NZCV, DIT, PAN */
#define PSTATE_PAN  UINT64_C(0x00400000)
#define PSTATE_SSBS UINT64_C(0x00001000)
#define PSTATE_DAIF UINT64_C(0x000003c0)
#define PSTATE_EL1H UINT64_C(0x5)
#define SCTLR_SPAN  UINT64_C(0x00800000)
#define SCTLR_DSSBS (UINT64_C(1) << 44)
#define ESR_IL      (UINT64_C(1) << 25)

static bool from_el0(const struct vml_arm_regs *regs)
{
    return (regs->pstate & 0x10) || (regs->pstate & 0xc) == 0;
}

static void take(struct vml_arm_regs *regs, struct vml_arm_el1 *el1, uint64_t esr)
{
    uint64_t pstate = (regs->pstate & PSTATE_KEEP) | PSTATE_DAIF | PSTATE_EL1H;
    uint64_t vector;

    if (regs->pstate & 0x10) {
        vector = 0x600;
    } else if ((regs->pstate & 0xc) == 0) {
        vector = 0x400;
    } else {
        vector = regs->pstate & 1 ? 0x200 : 0;
    }
    if (!(el1->SCTLR_EL1 & SCTLR_SPAN)) {
        pstate |= PSTATE_PAN;
    }
    if (el1->SCTLR_EL1 & SCTLR_DSSBS) {
        pstate |= PSTATE_SSBS;
    }
    el1->ESR_EL1 = esr;
    el1->ELR_EL1 = regs->pc;
    el1->SPSR_EL1 = regs->pstate;
    regs->pc = el1->VBAR_EL1 + vector;
    regs->pstate = pstate;
}

void vml_arm_inject_abort(struct vml_arm_regs *regs, struct vml_arm_el1 *el1, uint64_t va,
                          bool fetch, bool write)
{
    uint64_t ec = fetch ? VML_ARM_EC_IABT_LOW : VML_ARM_EC_DABT_LOW;

    ec += from_el0(regs) ? 0 : 1;
    el1->FAR_EL1 = va;
    /* 0x10: synchronous external abort, not on a table walk */
    take(regs, el1, ec << 26 | ESR_IL | (!fetch && write ? 0x40u : 0) | 0x10);
}

void vml_arm_inject_undefined(struct vml_arm_regs *regs, struct vml_arm_el1 *el1,
                              bool wide_instruction)
{
    take(regs, el1, wide_instruction ? ESR_IL : 0);
}

void vml_arm_inject(struct vml_arm_regs *regs, struct vml_arm_el1 *el1,
                    const struct vml_arm_trap *trap)
{
    bool fetch = trap->kind == VML_ARM_TRAP_INSTRUCTION_ABORT;

    if (fetch || trap->kind == VML_ARM_TRAP_DATA_ABORT) {
        vml_arm_inject_abort(regs, el1, trap->va, fetch, trap->write);
    } else {
        vml_arm_inject_undefined(regs, el1, trap->wide_instruction);
    }
}
