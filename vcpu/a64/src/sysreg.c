/*
 * The CPU's own system registers, and SYS instructions.  What is not found here is asked for on the
 * SYSREG bus, and is UNDEFINED when nobody is there.
 */
#include "core.h"

enum {
    EL0_READ = 1,  /* EL0 may read it */
    EL0_WRITE = 2, /* EL0 may write it */
    READ_ONLY = 4, /* MSR is UNDEFINED */
    FLUSH = 8,     /* a change drops the TLB */
    VM = 16,       /* trapped by VML_CPU_TRAP_VM_REGS */
    CONTEXT = 32,  /* a change may alter traps or debug */
    HOOK = 64,     /* a64_msr() has more to do, or other rules */
};

struct row {
    uint32_t encoding;
    uint32_t offset; /* in struct a64_core */
    uint32_t flags;
    uint64_t mask; /* writable bits */
    uint64_t ones; /* bits that read as one */
};

#define SYS(member)                  (uint32_t) offsetof(struct a64_core, sys.member)
#define MODEL(member)                (uint32_t) offsetof(struct a64_core, model.member)
#define ENC(op0, op1, crn, crm, op2) (uint32_t) VML_SYSREG(op0, op1, crn, crm, op2)
#define ALL                          UINT64_MAX
#define SCTLR_MASK                                                                                 \
    (A64_SCTLR_M | A64_SCTLR_A | A64_SCTLR_C | A64_SCTLR_SA | A64_SCTLR_SA0 | A64_SCTLR_UMA |      \
     1u << 12 | A64_SCTLR_DZE | A64_SCTLR_UCT | A64_SCTLR_NTWI | A64_SCTLR_NTWE | A64_SCTLR_WXN |  \
     A64_SCTLR_SPAN | A64_SCTLR_UCI | A64_SCTLR_DSSBS)
#define SCTLR_ONES UINT64_C(0x30500980)

/* Ascending by encoding. */
static const struct row rows[] = {
    {ENC(2, 0, 0, 0, 2), SYS(OSDTRRX_EL1), 0, 0xffffffff, 0},
    {ENC(2, 0, 0, 2, 0), SYS(MDCCINT_EL1), 0, 3u << 29, 0},
    {ENC(2, 0, 0, 2, 2), SYS(MDSCR_EL1), CONTEXT, 0x0000f001 | 1u << 12, 0},
    {ENC(2, 0, 0, 3, 2), SYS(OSDTRTX_EL1), 0, 0xffffffff, 0},
    {ENC(2, 0, 0, 6, 2), SYS(OSECCR_EL1), 0, 0xffffffff, 0},
    {ENC(2, 0, 1, 1, 4), SYS(OSLSR_EL1), READ_ONLY, 0, 8},
    {ENC(2, 0, 1, 3, 4), SYS(OSDLR_EL1), CONTEXT, 1, 0},
    {ENC(2, 0, 1, 4, 4), SYS(DBGPRCR_EL1), 0, 1, 0},
    {ENC(2, 0, 7, 9, 6), SYS(DBGCLAIM_EL1), 0, 0, 0},
    {ENC(3, 0, 0, 0, 0), MODEL(MIDR_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 0, 6), MODEL(REVIDR_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 4, 0), MODEL(ID_AA64PFR0_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 4, 1), MODEL(ID_AA64PFR1_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 5, 0), MODEL(ID_AA64DFR0_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 6, 0), MODEL(ID_AA64ISAR0_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 6, 1), MODEL(ID_AA64ISAR1_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 6, 2), MODEL(ID_AA64ISAR2_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 7, 0), MODEL(ID_AA64MMFR0_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 7, 1), MODEL(ID_AA64MMFR1_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 0, 7, 2), MODEL(ID_AA64MMFR2_EL1), READ_ONLY, 0, 0},
    {ENC(3, 0, 1, 0, 0), SYS(SCTLR_EL1), FLUSH | VM, SCTLR_MASK, SCTLR_ONES},
    {ENC(3, 0, 1, 0, 1), SYS(ACTLR_EL1), 0, 0, 0},
    {ENC(3, 0, 1, 0, 2), SYS(CPACR_EL1), CONTEXT, 3u << 20, 0},
    {ENC(3, 0, 2, 0, 0), SYS(TTBR0_EL1), HOOK | VM, ALL & ~UINT64_C(1), 0},
    {ENC(3, 0, 2, 0, 1), SYS(TTBR1_EL1), HOOK | VM, ALL & ~UINT64_C(1), 0},
    {ENC(3, 0, 2, 0, 2), SYS(TCR_EL1), FLUSH | VM, UINT64_C(0x1f7ffffffbf), 0},
    {ENC(3, 0, 4, 0, 0), SYS(SPSR_EL1), 0, 0xffffffff, 0},
    {ENC(3, 0, 4, 0, 1), SYS(ELR_EL1), 0, ALL, 0},
    {ENC(3, 0, 5, 1, 0), SYS(AFSR0_EL1), VM, 0xffffffff, 0},
    {ENC(3, 0, 5, 1, 1), SYS(AFSR1_EL1), VM, 0xffffffff, 0},
    {ENC(3, 0, 5, 2, 0), SYS(ESR_EL1), VM, 0xffffffff, 0},
    {ENC(3, 0, 6, 0, 0), SYS(FAR_EL1), VM, ALL, 0},
    {ENC(3, 0, 7, 4, 0), SYS(PAR_EL1), 0, ALL, 0},
    {ENC(3, 0, 10, 2, 0), SYS(MAIR_EL1), FLUSH | VM, ALL, 0},
    {ENC(3, 0, 10, 3, 0), SYS(AMAIR_EL1), VM, ALL, 0},
    {ENC(3, 0, 12, 0, 0), SYS(VBAR_EL1), 0, ALL & ~UINT64_C(0x7ff), 0},
    {ENC(3, 0, 13, 0, 1), SYS(CONTEXTIDR_EL1), VM, 0xffffffff, 0},
    {ENC(3, 0, 13, 0, 4), SYS(TPIDR_EL1), 0, ALL, 0},
    {ENC(3, 0, 14, 1, 0), SYS(CNTKCTL_EL1), 0, 0x3ff, 0},
    {ENC(3, 1, 0, 0, 1), MODEL(CLIDR_EL1), READ_ONLY, 0, 0},
    {ENC(3, 2, 0, 0, 0), SYS(CSSELR_EL1), 0, 0xf, 0},
    {ENC(3, 3, 13, 0, 2), SYS(TPIDR_EL0), EL0_READ | EL0_WRITE, ALL, 0},
    {ENC(3, 3, 13, 0, 3), SYS(TPIDRRO_EL0), EL0_READ, ALL, 0},
    {ENC(3, 3, 14, 0, 0), MODEL(CNTFRQ_EL0), HOOK, ALL, 0},
};

static const struct row *find_row(uint32_t encoding)
{
    unsigned low = 0, high = VML_ARRAY_SIZE(rows);

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (rows[middle].encoding == encoding) {
            return &rows[middle];
        }
        if (rows[middle].encoding < encoding) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static uint64_t *storage(struct a64_core *core, const struct row *row)
{
    return (uint64_t *)(void *)((char *)core + row->offset);
}

uint32_t a64_sysreg_plain(uint32_t encoding)
{
    const struct row *row = find_row(encoding);

    return row && !(row->flags & (EL0_READ | HOOK)) ? row->offset : 0;
}

void a64_sysregs_reset(struct a64_core *core)
{
    memset(&core->sys, 0, sizeof(core->sys));
    for (unsigned i = 0; i < VML_ARRAY_SIZE(rows); i++) {
        *storage(core, &rows[i]) |= rows[i].ones;
    }
    if (!(core->features & A64_FEAT_PAN)) {
        core->sys.SCTLR_EL1 |= A64_SCTLR_SPAN;
    }
    core->sys.OSLSR_EL1 = 8 | 2; /* OS lock implemented, locked */
}

/* DBGBVRn, DBGBCRn, DBGWVRn, DBGWCRn: op0 2, CRn 0, CRm n. */
static uint64_t *debug_register(struct a64_core *core, uint32_t encoding, uint64_t *mask)
{
    uint32_t n = encoding >> 6 & 15, op2 = encoding >> 3 & 7;

    if ((encoding & ~(15u << 6 | 7u << 3)) != ENC(2, 0, 0, 0, 0) || op2 < 4) {
        return NULL;
    }
    if (n >= (op2 < 6 ? a64_breakpoints(core) : a64_watchpoints(core))) {
        return NULL;
    }
    switch (op2) {
    case 4:
        *mask = ALL; /* bits 1:0 too: it may hold a context ID */
        return &core->sys.DBGBVR[n];
    case 5:
        *mask = 0x00ffe1e7;
        return &core->sys.DBGBCR[n];
    case 6:
        *mask = ~UINT64_C(3);
        return &core->sys.DBGWVR[n];
    default:
        *mask = 0x1f1fffff;
        return &core->sys.DBGWCR[n];
    }
}

static bool in_id_space(uint32_t encoding)
{
    return encoding >= ENC(3, 0, 0, 1, 0) && encoding <= ENC(3, 0, 0, 7, 7);
}

/* Timer and counter registers at EL0: CNTKCTL_EL1 decides. */
static bool timer_allowed(const struct a64_core *core, uint32_t encoding)
{
    uint64_t control = core->sys.CNTKCTL_EL1;
    uint32_t crm = encoding >> 6 & 15, op2 = encoding >> 3 & 7;

    switch (crm) {
    case 0:
        return op2 == 0 ? control & 3 : op2 == 1 ? control & 1 : control & 2;
    case 2:
        return control >> 9 & 1;
    case 3:
        return control >> 8 & 1;
    default:
        return true;
    }
}

static enum a64_sys_result bus_access(struct a64_core *core, uint32_t encoding, bool write,
                                      uint64_t *value)
{
    struct vml_access access = {
        .value = *value, .cpu = core->owner->cpu.config.index, .size = 8, .write = write};
    enum vml_bus_result result;

    if (core->el == 0 && (encoding >> 14 & 7) != 3) {
        return A64_SYS_UNDEFINED;
    }
    if (core->el == 0 && (encoding >> 10 & 15) == 14 && !timer_allowed(core, encoding)) {
        return A64_SYS_TRAP;
    }
    if (!core->machine->config.sysreg || core->own_only) {
        return A64_SYS_UNDEFINED;
    }
    if (core->parallel) {
        a64_guest_leave(core);
    }
    result = vml_vbus_access(core->machine->config.sysreg, encoding, &access);
    if (core->parallel) {
        a64_guest_enter(core);
    }
    if (vml_cpu_has_requests(&core->owner->cpu)) {
        a64_attention(core);
    }
    *value = access.value;
    if (VML_UNLIKELY(result == VML_BUS_PENDING)) {
        core->halted = A64_HALTED_BUS;
        return A64_SYS_EXIT;
    }
    return result == VML_BUS_OK ? A64_SYS_OK : A64_SYS_UNDEFINED;
}

static enum a64_sys_result read_special(struct a64_core *core, uint32_t encoding, uint64_t *value)
{
    bool el0 = core->el == 0;

    switch (encoding) {
    case ENC(3, 3, 4, 2, 1): /* DAIF */
        if (el0 && !(core->sys.SCTLR_EL1 & A64_SCTLR_UMA)) {
            return A64_SYS_TRAP;
        }
        *value = core->pstate & 0x3c0;
        return A64_SYS_OK;
    case ENC(3, 3, 4, 4, 0): /* FPCR */
    case ENC(3, 3, 4, 4, 1): /* FPSR */
        if (!(core->features & A64_FEAT_FP)) {
            return A64_SYS_UNDEFINED;
        }
        if (core->fp_trapped) {
            return A64_SYS_FP;
        }
        *value = encoding == ENC(3, 3, 4, 4, 0) ? core->regs.fpcr : core->regs.fpsr;
        return A64_SYS_OK;
    case ENC(3, 3, 0, 0, 1): /* CTR_EL0 */
        if (el0 && !(core->sys.SCTLR_EL1 & A64_SCTLR_UCT)) {
            return A64_SYS_TRAP;
        }
        *value = core->model.CTR_EL0;
        return A64_SYS_OK;
    case ENC(3, 3, 0, 0, 7): /* DCZID_EL0 */
        *value = core->model.DCZID_EL0;
        if (el0 && !(core->sys.SCTLR_EL1 & A64_SCTLR_DZE)) {
            *value |= 1u << 4;
        }
        return A64_SYS_OK;
    case ENC(3, 3, 4, 2, 5): /* DIT */
        if (!(core->features & A64_FEAT_DIT)) {
            return A64_SYS_UNDEFINED;
        }
        *value = core->pstate & A64_PSTATE_DIT;
        return A64_SYS_OK;
    case ENC(3, 3, 4, 2, 6): /* SSBS */
        if (!(core->features & A64_FEAT_SSBS)) {
            return A64_SYS_UNDEFINED;
        }
        *value = core->pstate & A64_PSTATE_SSBS;
        return A64_SYS_OK;
    case ENC(2, 3, 0, 1, 0): /* MDCCSR_EL0 */
    case ENC(2, 3, 0, 5, 0): /* DBGDTRRX_EL0 */
    case ENC(2, 3, 0, 4, 0): /* DBGDTR_EL0 */
        if (el0 && (core->sys.MDSCR_EL1 >> 12 & 1)) {
            return A64_SYS_TRAP;
        }
        *value = 0;
        return A64_SYS_OK;
    default:
        break;
    }
    if (el0) {
        return A64_SYS_ABSENT;
    }
    switch (encoding) {
    case ENC(3, 0, 0, 0, 5): /* MPIDR_EL1 */
        *value = core->owner->cpu.config.mpidr | 1u << 31;
        return A64_SYS_OK;
    case ENC(3, 0, 4, 2, 0): /* SPSel */
        *value = core->pstate & A64_PSTATE_SP;
        return A64_SYS_OK;
    case ENC(3, 0, 4, 2, 2): /* CurrentEL */
        *value = core->el << 2;
        return A64_SYS_OK;
    case ENC(3, 0, 4, 2, 3): /* PAN */
        if (!(core->features & A64_FEAT_PAN)) {
            return A64_SYS_UNDEFINED;
        }
        *value = core->pstate & A64_PSTATE_PAN;
        return A64_SYS_OK;
    case ENC(3, 0, 4, 2, 4): /* UAO */
        if (!(core->features & A64_FEAT_UAO)) {
            return A64_SYS_UNDEFINED;
        }
        *value = core->pstate & A64_PSTATE_UAO;
        return A64_SYS_OK;
    case ENC(3, 0, 12, 1, 0):  /* ISR_EL1 */
        (void)a64_wakes(core); /* asks for the levels */
        *value = (core->lines & VML_A64_INPUT_FIQ ? 1u << 6 : 0) |
                 (core->lines & VML_A64_INPUT_IRQ ? 1u << 7 : 0) |
                 (core->lines & VML_A64_INPUT_SERROR ? 1u << 8 : 0);
        return A64_SYS_OK;
    case ENC(3, 1, 0, 0, 0): /* CCSIDR_EL1: 64-byte lines; sizes are for show */
        *value = (core->sys.CSSELR_EL1 >> 1) == 0 ? 0x701fe01au : 0x70ffe07au;
        return A64_SYS_OK;
    case ENC(3, 1, 0, 0, 7):  /* AIDR_EL1 */
    case ENC(2, 0, 1, 0, 0):  /* MDRAR_EL1 */
    case ENC(2, 0, 7, 14, 6): /* DBGAUTHSTATUS_EL1 */
        *value = 0;
        return A64_SYS_OK;
    case ENC(2, 0, 7, 8, 6): /* DBGCLAIMSET_EL1 */
        *value = 0xff;
        return A64_SYS_OK;
    default:
        return A64_SYS_ABSENT;
    }
}

enum a64_sys_result a64_mrs(struct a64_core *core, uint32_t encoding, uint64_t *value)
{
    const struct row *row = find_row(encoding);
    enum a64_sys_result result;
    uint64_t mask, *debug;

    *value = 0;
    if (encoding == ENC(3, 3, 14, 0, 0)) { /* CNTFRQ_EL0 */
        if (core->el == 0 && !timer_allowed(core, encoding)) {
            return A64_SYS_TRAP;
        }
        *value = core->model.CNTFRQ_EL0;
        return A64_SYS_OK;
    }
    if (core->machine->config.counter &&
        (encoding == ENC(3, 3, 14, 0, 1) || encoding == ENC(3, 3, 14, 0, 2))) {
        if (core->el == 0 && !timer_allowed(core, encoding)) {
            return A64_SYS_TRAP;
        }
        *value = core->machine->config.counter(core->machine->config.context,
                                               core->owner->cpu.config.index,
                                               encoding == ENC(3, 3, 14, 0, 2));
        return A64_SYS_OK;
    }
    if (row) {
        if (core->el == 0 && !(row->flags & EL0_READ)) {
            return A64_SYS_UNDEFINED;
        }
        *value = *storage(core, row);
        return A64_SYS_OK;
    }
    result = read_special(core, encoding, value);
    if (result != A64_SYS_ABSENT) {
        return result;
    }
    if (core->el != 0 && in_id_space(encoding)) {
        *value = 0;
        return A64_SYS_OK;
    }
    debug = debug_register(core, encoding, &mask);
    if (debug) {
        if (core->el == 0) {
            return A64_SYS_UNDEFINED;
        }
        *value = *debug;
        return A64_SYS_OK;
    }
    return bus_access(core, encoding, false, value);
}

static enum a64_sys_result set_pstate_bits(struct a64_core *core, uint32_t mask, uint32_t bits)
{
    a64_set_pstate(core, (core->pstate & ~mask) | (bits & mask));
    return A64_SYS_RESYNC;
}

static enum a64_sys_result write_daif(struct a64_core *core, uint32_t daif)
{
    core->pstate = (core->pstate & ~0x3c0u) | (daif & 0x3c0);
    if (core->sys.MDSCR_EL1 & 0xa001) {
        return set_pstate_bits(core, 0, 0);
    }
    return core->lines || vml_cpu_has_requests(&core->owner->cpu) ? A64_SYS_RESYNC : A64_SYS_OK;
}

static enum a64_sys_result write_special(struct a64_core *core, uint32_t encoding, uint64_t value)
{
    bool el0 = core->el == 0;

    switch (encoding) {
    case ENC(3, 3, 4, 2, 1): /* DAIF */
        if (el0 && !(core->sys.SCTLR_EL1 & A64_SCTLR_UMA)) {
            return A64_SYS_TRAP;
        }
        return write_daif(core, (uint32_t)value);
    case ENC(3, 3, 4, 4, 0): /* FPCR */
        if (!(core->features & A64_FEAT_FP)) {
            return A64_SYS_UNDEFINED;
        }
        if (core->fp_trapped) {
            return A64_SYS_FP;
        }
        core->regs.fpcr =
            (uint32_t)value & (0x07c00000u | (core->features & A64_FEAT_FP16 ? 1u << 19 : 0));
        return A64_SYS_OK;
    case ENC(3, 3, 4, 4, 1): /* FPSR */
        if (!(core->features & A64_FEAT_FP)) {
            return A64_SYS_UNDEFINED;
        }
        if (core->fp_trapped) {
            return A64_SYS_FP;
        }
        core->regs.fpsr = (uint32_t)value & 0x0800009fu;
        return A64_SYS_OK;
    case ENC(3, 3, 4, 2, 5): /* DIT */
        return core->features & A64_FEAT_DIT
                   ? set_pstate_bits(core, A64_PSTATE_DIT, (uint32_t)value)
                   : A64_SYS_UNDEFINED;
    case ENC(3, 3, 4, 2, 6): /* SSBS */
        return core->features & A64_FEAT_SSBS
                   ? set_pstate_bits(core, A64_PSTATE_SSBS, (uint32_t)value)
                   : A64_SYS_UNDEFINED;
    case ENC(2, 3, 0, 5, 0): /* DBGDTRTX_EL0 */
    case ENC(2, 3, 0, 4, 0): /* DBGDTR_EL0 */
        return el0 && (core->sys.MDSCR_EL1 >> 12 & 1) ? A64_SYS_TRAP : A64_SYS_OK;
    default:
        break;
    }
    if (el0) {
        return A64_SYS_ABSENT;
    }
    switch (encoding) {
    case ENC(3, 0, 4, 1, 0): /* SP_EL0 */
        if (!(core->pstate & A64_PSTATE_SP)) {
            return A64_SYS_UNDEFINED;
        }
        core->sp_banked[0] = value;
        return A64_SYS_OK;
    case ENC(3, 0, 4, 2, 0): /* SPSel */
        return set_pstate_bits(core, A64_PSTATE_SP, (uint32_t)value & 1);
    case ENC(3, 0, 4, 2, 3): /* PAN */
        return core->features & A64_FEAT_PAN
                   ? set_pstate_bits(core, A64_PSTATE_PAN, (uint32_t)value)
                   : A64_SYS_UNDEFINED;
    case ENC(3, 0, 4, 2, 4): /* UAO */
        return core->features & A64_FEAT_UAO
                   ? set_pstate_bits(core, A64_PSTATE_UAO, (uint32_t)value)
                   : A64_SYS_UNDEFINED;
    case ENC(2, 0, 1, 0, 4): /* OSLAR_EL1 */
        core->sys.OSLSR_EL1 = 8 | (value & 1 ? 2u : 0u);
        a64_select_context(core);
        return A64_SYS_RESYNC;
    case ENC(2, 0, 7, 8, 6): /* DBGCLAIMSET_EL1 */
        core->sys.DBGCLAIM_EL1 |= value & 0xff;
        return A64_SYS_OK;
    default:
        return A64_SYS_ABSENT;
    }
}

static enum a64_sys_result write_row(struct a64_core *core, const struct row *row, uint64_t value)
{
    uint64_t *where = storage(core, row);
    uint64_t old = *where;

    if (row->encoding == ENC(2, 0, 7, 9, 6)) { /* DBGCLAIMCLR_EL1 */
        *where &= ~(value & 0xff);
        return A64_SYS_OK;
    }
    *where = (value & row->mask) | row->ones;
    if (row->encoding == ENC(3, 0, 1, 0, 0) && !(core->features & A64_FEAT_PAN)) {
        *where |= A64_SCTLR_SPAN;
    }
    if (row->encoding == ENC(3, 0, 1, 0, 2) && !(core->features & A64_FEAT_FP)) {
        *where = 0;
    }
    if (*where == old) {
        return row->flags & CONTEXT ? A64_SYS_RESYNC : A64_SYS_OK;
    }
    if (row->flags & FLUSH) {
        a64_tlb_flush(core);
        return A64_SYS_RESYNC;
    }
    if (row->flags & HOOK) { /* TTBR0_EL1, TTBR1_EL1 */
        if (row->encoding == ENC(3, 0, 2, 0, 1) && ((old ^ value) & VML_MASK64(47, 1))) {
            a64_tlb_flush(core);
        } else {
            a64_tlb_flush_low(core);
        }
        return A64_SYS_OK;
    }
    if (row->flags & CONTEXT) {
        a64_select_context(core);
        return A64_SYS_RESYNC;
    }
    return A64_SYS_OK;
}

enum a64_sys_result a64_msr(struct a64_core *core, uint32_t encoding, uint64_t value)
{
    const struct row *row = find_row(encoding);
    enum a64_sys_result result;
    uint64_t mask, *debug;

    if (row) {
        if ((row->flags & READ_ONLY) || row->encoding == ENC(3, 3, 14, 0, 0) ||
            (core->el == 0 && !(row->flags & EL0_WRITE))) {
            return A64_SYS_UNDEFINED;
        }
        if ((row->flags & VM) && !core->passing &&
            (vml_cpu_features(&core->owner->cpu) & VML_CPU_TRAP_VM_REGS)) {
            core->run_exit = VML_A64_EXIT_VM_REG + 1;
            return A64_SYS_EXIT;
        }
        return write_row(core, row, value);
    }
    result = write_special(core, encoding, value);
    if (result != A64_SYS_ABSENT) {
        return result;
    }
    debug = debug_register(core, encoding, &mask);
    if (debug) {
        if (core->el == 0) {
            return A64_SYS_UNDEFINED;
        }
        *debug = value & mask;
        a64_select_context(core);
        return A64_SYS_RESYNC;
    }
    return bus_access(core, encoding, true, &value);
}

enum a64_sys_result a64_msr_immediate(struct a64_core *core, unsigned op1, unsigned op2,
                                      unsigned imm)
{
    uint32_t on = imm & 1 ? UINT32_MAX : 0;

    if (op1 == 3 && (op2 == 6 || op2 == 7)) { /* DAIFSet, DAIFClr */
        if (core->el == 0 && !(core->sys.SCTLR_EL1 & A64_SCTLR_UMA)) {
            return A64_SYS_TRAP;
        }
        return write_daif(core, op2 == 6 ? core->pstate | imm << 6 : core->pstate & ~(imm << 6));
    }
    if (op1 == 3 && op2 == 2 && (core->features & A64_FEAT_DIT)) {
        return set_pstate_bits(core, A64_PSTATE_DIT, on);
    }
    if (op1 == 3 && op2 == 1 && (core->features & A64_FEAT_SSBS)) {
        return set_pstate_bits(core, A64_PSTATE_SSBS, on);
    }
    if (op1 != 0 || core->el == 0) {
        return A64_SYS_UNDEFINED;
    }
    if (op2 == 5) {
        return set_pstate_bits(core, A64_PSTATE_SP, on);
    }
    if (op2 == 4 && (core->features & A64_FEAT_PAN)) {
        return set_pstate_bits(core, A64_PSTATE_PAN, on);
    }
    if (op2 == 3 && (core->features & A64_FEAT_UAO)) {
        return set_pstate_bits(core, A64_PSTATE_UAO, on);
    }
    return A64_SYS_UNDEFINED;
}

static enum a64_sys_result tlb_invalidate(struct a64_core *core, uint32_t encoding, uint64_t value)
{
    uint32_t crm = encoding >> 6 & 15, op2 = encoding >> 3 & 7;
    uint64_t va = (uint64_t)((int64_t)(value << 20) >> 8);
    bool by_va = op2 == 1 || op2 == 3 || op2 == 5 || op2 == 7;
    enum a64_broadcast_kind kind = by_va ? A64_BROADCAST_TLB_PAGE : A64_BROADCAST_TLB_ALL;

    if (core->el == 0 || (crm != 3 && crm != 7) || op2 == 4 || op2 == 6) {
        return A64_SYS_UNDEFINED;
    }
    if (by_va) {
        a64_tlb_flush_page(core, va, 1);
    } else {
        a64_tlb_flush(core);
    }
    if (crm == 3) {
        a64_broadcast(core, kind, va, 1);
    }
    return A64_SYS_OK;
}

/* Cache maintenance by address: only its faults are seen, and what IC means for decoded code. */
static enum a64_sys_result cache_address(struct a64_core *core, uint64_t va, bool code)
{
    struct a64_translation t = {0};
    enum a64_context context =
        core->el == 0 ? A64_CONTEXT_EL0 : A64_CONTEXT_EL1; /* PAN does not apply */

    if (!a64_walk(core, va, A64_READ, context, &t)) {
        a64_data_fault(core, va, true, t.fsc);
        core->fault.esr |= 1u << 8; /* CM */
        return A64_SYS_FAULT;
    }
    if (code) {
        uint64_t pa = t.pa & ~UINT64_C(63);

        a64_code_written(core, pa, 64);
        a64_broadcast(core, A64_BROADCAST_CODE_LINE, pa, 1);
    }
    return A64_SYS_OK;
}

enum a64_sys_result a64_sys(struct a64_core *core, uint32_t encoding, uint64_t value)
{
    bool el0 = core->el == 0;
    bool user = !el0 || (core->sys.SCTLR_EL1 & A64_SCTLR_UCI);

    switch (encoding) {
    case ENC(1, 0, 7, 1, 0): /* IC IALLUIS */
    case ENC(1, 0, 7, 5, 0): /* IC IALLU */
        if (el0) {
            return A64_SYS_UNDEFINED;
        }
        a64_code_flush(core);
        if (encoding == ENC(1, 0, 7, 1, 0)) {
            a64_broadcast(core, A64_BROADCAST_CODE_ALL, 0, 0);
        }
        return A64_SYS_OK;
    case ENC(1, 3, 7, 5, 1): /* IC IVAU */
        return user ? cache_address(core, value, true) : A64_SYS_TRAP;
    case ENC(1, 3, 7, 12, 1): /* DC CVAP */
        if (!(core->features & A64_FEAT_DPB)) {
            return A64_SYS_UNDEFINED;
        }
        return user ? cache_address(core, value, false) : A64_SYS_TRAP;
    case ENC(1, 3, 7, 10, 1): /* DC CVAC */
    case ENC(1, 3, 7, 11, 1): /* DC CVAU */
    case ENC(1, 3, 7, 14, 1): /* DC CIVAC */
        return user ? cache_address(core, value, false) : A64_SYS_TRAP;
    case ENC(1, 0, 7, 6, 1): /* DC IVAC */
        return el0 ? A64_SYS_UNDEFINED : cache_address(core, value, false);
    case ENC(1, 0, 7, 6, 2):  /* DC ISW */
    case ENC(1, 0, 7, 10, 2): /* DC CSW */
    case ENC(1, 0, 7, 14, 2): /* DC CISW */
        return el0 ? A64_SYS_UNDEFINED : A64_SYS_OK;
    case ENC(1, 0, 7, 8, 0): /* AT S1E1R, S1E1W, S1E0R, S1E0W */
    case ENC(1, 0, 7, 8, 1):
    case ENC(1, 0, 7, 8, 2):
    case ENC(1, 0, 7, 8, 3):
        if (el0) {
            return A64_SYS_UNDEFINED;
        }
        a64_address_translate(core, value, encoding >> 3 & 1 ? A64_WRITE : A64_READ,
                              encoding >> 4 & 1 ? A64_CONTEXT_EL0 : A64_CONTEXT_EL1);
        return A64_SYS_OK;
    default:
        if ((encoding >> 10 & 15) == 8 && (encoding >> 14 & 7) == 0) {
            return tlb_invalidate(core, encoding, value);
        }
        return A64_SYS_UNDEFINED;
    }
}

/* ISS of EC 0x18: the instruction is read again. */
uint32_t a64_sysreg_syndrome(struct a64_core *core, uint64_t pc, bool read)
{
    struct a64_translation t = {0};
    const uint8_t *host = NULL;
    uint32_t insn = core->step_insn;

    if (core->stepping != A64_STEP_GIVEN) {
        if (a64_walk(core, pc, A64_EXECUTE, core->el == 0 ? A64_CONTEXT_EL0 : A64_CONTEXT_EL1,
                     &t)) {
            host = vml_as_translate(core->machine->config.memory, t.pa, 4, VML_AS_READ);
        }
        insn = host ? vml_load_le32(host) : 0;
    }
    return A64_ESR(A64_EC_SYSREG, (insn >> 19 & 3) << 20 | (insn >> 5 & 7) << 17 |
                                      (insn >> 16 & 7) << 14 | (insn >> 12 & 15) << 10 |
                                      (insn & 31) << 5 | (insn >> 8 & 15) << 1 | read);
}
