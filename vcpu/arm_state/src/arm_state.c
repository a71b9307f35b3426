/* The record of a vCPU, and the table of its registers. */
#include <vml/arm_state.h>

#define TAG       VML_STATE_TAG('A', '6', '4', 'C')
#define ID_WORDS  (sizeof(struct vml_arm_ids) / sizeof(uint64_t))
#define SYS_WORDS (sizeof(struct vml_arm_sysregs_state) / sizeof(uint64_t))
/* FPCR and FPSR: the bits that A64 without FEAT_AFP and FEAT_EBF16 has. */
#define FPCR_KNOWN 0x07c80000u
#define FPSR_KNOWN 0x0800009fu
/* NZCV, DIT, UAO, PAN, SS, IL, SSBS, DAIF and the mode. */
#define PSTATE_KNOWN (0xf1f01000u | 0x3c0u | 0x0fu)
#define PSTATE_SP    1u
#define PSTATE_MODE  0x1fu

#define SYS(op0, op1, crn, crm, op2, member)                                                       \
    {                                                                                              \
        (uint32_t) VML_SYSREG(op0, op1, crn, crm, op2),                                            \
            (uint32_t)offsetof(struct vml_arm_sysregs_state, member), #member                      \
    }
#define ID(op0, op1, crn, crm, op2, member)                                                        \
    {                                                                                              \
        (uint32_t) VML_SYSREG(op0, op1, crn, crm, op2),                                            \
            (uint32_t)offsetof(struct vml_arm_ids, member), #member                                \
    }

static const struct vml_arm_state_reg sys_regs[] = {
    SYS(3, 0, 1, 0, 0, SCTLR_EL1),       SYS(3, 0, 1, 0, 1, ACTLR_EL1),
    SYS(3, 0, 1, 0, 2, CPACR_EL1),       SYS(3, 0, 2, 0, 0, TTBR0_EL1),
    SYS(3, 0, 2, 0, 1, TTBR1_EL1),       SYS(3, 0, 2, 0, 2, TCR_EL1),
    SYS(3, 0, 4, 0, 0, SPSR_EL1),        SYS(3, 0, 4, 0, 1, ELR_EL1),
    SYS(3, 0, 5, 1, 0, AFSR0_EL1),       SYS(3, 0, 5, 1, 1, AFSR1_EL1),
    SYS(3, 0, 5, 2, 0, ESR_EL1),         SYS(3, 0, 6, 0, 0, FAR_EL1),
    SYS(3, 0, 7, 4, 0, PAR_EL1),         SYS(3, 0, 10, 2, 0, MAIR_EL1),
    SYS(3, 0, 10, 3, 0, AMAIR_EL1),      SYS(3, 0, 12, 0, 0, VBAR_EL1),
    SYS(3, 0, 13, 0, 1, CONTEXTIDR_EL1), SYS(3, 0, 13, 0, 4, TPIDR_EL1),
    SYS(3, 0, 14, 1, 0, CNTKCTL_EL1),    SYS(3, 2, 0, 0, 0, CSSELR_EL1),
    SYS(3, 3, 13, 0, 2, TPIDR_EL0),      SYS(3, 3, 13, 0, 3, TPIDRRO_EL0),
    SYS(2, 0, 0, 0, 2, OSDTRRX_EL1),     SYS(2, 0, 0, 2, 0, MDCCINT_EL1),
    SYS(2, 0, 0, 2, 2, MDSCR_EL1),       SYS(2, 0, 0, 3, 2, OSDTRTX_EL1),
    SYS(2, 0, 0, 6, 2, OSECCR_EL1),      SYS(2, 0, 1, 1, 4, OSLSR_EL1),
    SYS(2, 0, 1, 3, 4, OSDLR_EL1),       SYS(2, 0, 1, 4, 4, DBGPRCR_EL1),
    SYS(2, 0, 7, 9, 6, DBGCLAIM_EL1),    SYS(2, 0, 0, 0, 4, DBGBVR[0]),
    SYS(2, 0, 0, 1, 4, DBGBVR[1]),       SYS(2, 0, 0, 2, 4, DBGBVR[2]),
    SYS(2, 0, 0, 3, 4, DBGBVR[3]),       SYS(2, 0, 0, 4, 4, DBGBVR[4]),
    SYS(2, 0, 0, 5, 4, DBGBVR[5]),       SYS(2, 0, 0, 0, 5, DBGBCR[0]),
    SYS(2, 0, 0, 1, 5, DBGBCR[1]),       SYS(2, 0, 0, 2, 5, DBGBCR[2]),
    SYS(2, 0, 0, 3, 5, DBGBCR[3]),       SYS(2, 0, 0, 4, 5, DBGBCR[4]),
    SYS(2, 0, 0, 5, 5, DBGBCR[5]),       SYS(2, 0, 0, 0, 6, DBGWVR[0]),
    SYS(2, 0, 0, 1, 6, DBGWVR[1]),       SYS(2, 0, 0, 2, 6, DBGWVR[2]),
    SYS(2, 0, 0, 3, 6, DBGWVR[3]),       SYS(2, 0, 0, 0, 7, DBGWCR[0]),
    SYS(2, 0, 0, 1, 7, DBGWCR[1]),       SYS(2, 0, 0, 2, 7, DBGWCR[2]),
    SYS(2, 0, 0, 3, 7, DBGWCR[3]),
};
_Static_assert(VML_ARRAY_SIZE(sys_regs) == SYS_WORDS, "every register has a row");

static const struct vml_arm_state_reg id_regs[] = {
    ID(3, 0, 0, 0, 0, MIDR_EL1),         ID(3, 0, 0, 0, 6, REVIDR_EL1),
    ID(3, 3, 0, 0, 1, CTR_EL0),          ID(3, 1, 0, 0, 1, CLIDR_EL1),
    ID(3, 3, 0, 0, 7, DCZID_EL0),        ID(3, 3, 14, 0, 0, CNTFRQ_EL0),
    ID(3, 0, 0, 4, 0, ID_AA64PFR0_EL1),  ID(3, 0, 0, 4, 1, ID_AA64PFR1_EL1),
    ID(3, 0, 0, 5, 0, ID_AA64DFR0_EL1),  ID(3, 0, 0, 6, 0, ID_AA64ISAR0_EL1),
    ID(3, 0, 0, 6, 1, ID_AA64ISAR1_EL1), ID(3, 0, 0, 6, 2, ID_AA64ISAR2_EL1),
    ID(3, 0, 0, 7, 0, ID_AA64MMFR0_EL1), ID(3, 0, 0, 7, 1, ID_AA64MMFR1_EL1),
    ID(3, 0, 0, 7, 2, ID_AA64MMFR2_EL1),
};
_Static_assert(VML_ARRAY_SIZE(id_regs) == ID_WORDS, "every register has a row");

const struct vml_arm_state_reg *vml_arm_state_reg(uint32_t index)
{
    return index < VML_ARRAY_SIZE(sys_regs) ? &sys_regs[index] : NULL;
}

const struct vml_arm_state_reg *vml_arm_id_reg(uint32_t index)
{
    return index < VML_ARRAY_SIZE(id_regs) ? &id_regs[index] : NULL;
}

void vml_arm_state_save(const struct vml_arm_state *state, struct vml_state_writer *w)
{
    uint64_t ids[ID_WORDS], words[SYS_WORDS];

    memcpy(ids, &state->ids, sizeof(ids));
    memcpy(words, &state->sys, sizeof(words));
    vml_state_begin(w, TAG, 1);
    for (unsigned i = 0; i < ID_WORDS; i++) {
        vml_state_put_u64(w, ids[i]);
    }
    for (unsigned i = 0; i < 31; i++) {
        vml_state_put_u64(w, state->x[i]);
    }
    vml_state_put_u64(w, (state->pstate & PSTATE_SP) ? state->sp_el1 : state->sp_el0);
    vml_state_put_u64(w, state->sp_el0);
    vml_state_put_u64(w, state->sp_el1);
    vml_state_put_u64(w, state->pc);
    vml_state_put_u32(w, state->pstate);
    vml_state_put_u32(w, state->fpcr);
    vml_state_put_u32(w, state->fpsr);
    for (unsigned i = 0; i < 32; i++) {
        vml_state_put_u64(w, state->v[i][0]);
        vml_state_put_u64(w, state->v[i][1]);
    }
    for (unsigned i = 0; i < SYS_WORDS; i++) {
        vml_state_put_u64(w, words[i]);
    }
    vml_state_put_u64(w, state->instructions);
    vml_state_put_u32(w, state->event);
    vml_state_put_u32(w, (uint32_t)state->halted);
    vml_state_put_u32(w, state->stepped);
    vml_state_put_u32(w, state->inputs);
    vml_state_end(w);
}

static bool valid(const struct vml_arm_state *state)
{
    uint32_t mode = state->pstate & PSTATE_MODE;

    return (state->pstate & ~PSTATE_KNOWN) == 0 && (mode == 0 || mode == 4 || mode == 5) &&
           (state->fpcr & ~FPCR_KNOWN) == 0 && (state->fpsr & ~FPSR_KNOWN) == 0 &&
           state->inputs <= 7;
}

static void get(struct vml_arm_state *state, struct vml_state_reader *r)
{
    uint64_t ids[ID_WORDS], words[SYS_WORDS], sp;
    uint32_t event, halted, stepped;

    for (unsigned i = 0; i < ID_WORDS; i++) {
        ids[i] = vml_state_get_u64(r);
    }
    for (unsigned i = 0; i < 31; i++) {
        state->x[i] = vml_state_get_u64(r);
    }
    sp = vml_state_get_u64(r);
    state->sp_el0 = vml_state_get_u64(r);
    state->sp_el1 = vml_state_get_u64(r);
    state->pc = vml_state_get_u64(r);
    state->pstate = vml_state_get_u32(r);
    /* The copy of the selected one is out of date. */
    *((state->pstate & PSTATE_SP) ? &state->sp_el1 : &state->sp_el0) = sp;
    state->fpcr = vml_state_get_u32(r);
    state->fpsr = vml_state_get_u32(r);
    for (unsigned i = 0; i < 32; i++) {
        state->v[i][0] = vml_state_get_u64(r);
        state->v[i][1] = vml_state_get_u64(r);
    }
    for (unsigned i = 0; i < SYS_WORDS; i++) {
        words[i] = vml_state_get_u64(r);
    }
    state->instructions = vml_state_get_u64(r);
    event = vml_state_get_u32(r);
    halted = vml_state_get_u32(r);
    stepped = vml_state_get_u32(r);
    state->inputs = vml_state_get_u32(r);
    if (event > 1 || halted > VML_ARM_HALTED_WFE || stepped > 1) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    state->event = event != 0;
    state->halted = (enum vml_arm_halted)halted;
    state->stepped = stepped != 0;
    memcpy(&state->ids, ids, sizeof(ids));
    memcpy(&state->sys, words, sizeof(words));
}

enum vml_status vml_arm_state_restore(struct vml_arm_state *state, struct vml_state_reader *r)
{
    struct vml_arm_state image;
    enum vml_status status;

    memset(&image, 0, sizeof(image));
    (void)vml_state_enter(r, TAG, 1);
    get(&image, r);
    vml_state_leave(r);
    if (!valid(&image)) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    status = vml_state_read_status(r);
    if (status == VML_OK) {
        *state = image;
    }
    return status;
}
