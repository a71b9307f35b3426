/* Exception entry and return (DDI 0487, D1.3), PSTATE, and what debug exceptions need. */
#include "core.h"

static void select_sp(struct a64_core *core, uint32_t pstate)
{
    unsigned from = (core->pstate & A64_PSTATE_SP) ? 1 : 0;
    unsigned to = (pstate & A64_PSTATE_SP) ? 1 : 0;

    core->sp_banked[from] = core->regs.x[A64_X_SP];
    core->regs.x[A64_X_SP] = core->sp_banked[to];
}

/* D2.4: whether debug exceptions are taken from the present state. */
static bool debug_enabled(const struct a64_core *core, uint32_t pstate)
{
    if ((core->sys.OSLSR_EL1 & 2) || (core->sys.OSDLR_EL1 & 1)) {
        return false;
    }
    return !(pstate & A64_PSTATE_EL1) ||
           ((core->sys.MDSCR_EL1 >> 13 & 1) && !(pstate & A64_PSTATE_D));
}

static void select_debug(struct a64_core *core)
{
    bool on = debug_enabled(core, core->pstate);
    bool monitor = on && (core->sys.MDSCR_EL1 >> 15 & 1);
    uint32_t watching = 0;

    core->software_step = on && (core->sys.MDSCR_EL1 & 1);
    core->breaking = 0;
    for (unsigned i = 0; i < VML_ARM_STATE_BREAKPOINTS; i++) {
        core->breaking |= monitor && (core->sys.DBGBCR[i] & 1);
    }
    for (unsigned i = 0; i < VML_ARM_STATE_WATCHPOINTS; i++) {
        watching |= monitor && (core->sys.DBGWCR[i] & 1);
    }
    if (watching != core->watching) {
        core->watching = watching;
        a64_tlb_flush(core);
    }
    core->debug_active = core->software_step || core->breaking || (core->pstate & A64_PSTATE_IL);
}

void a64_select_context(struct a64_core *core)
{
    enum a64_context context = A64_CONTEXT_EL0, unprivileged = A64_CONTEXT_EL0;
    uint32_t fpen = core->sys.CPACR_EL1 >> 20 & 3;

    if (core->el != 0) {
        context = (core->pstate & A64_PSTATE_PAN) ? A64_CONTEXT_EL1_PAN : A64_CONTEXT_EL1;
        if (core->pstate & A64_PSTATE_UAO) {
            unprivileged = context;
        }
    }
    core->tlb = core->tlbs[context];
    core->tlb_unprivileged = core->tlbs[unprivileged];
    core->ftlb = core->ftlbs[core->el != 0];
    core->fp_trapped = !(core->features & A64_FEAT_FP) || (core->el == 0 ? fpen != 3 : !(fpen & 1));
    select_debug(core);
}

void a64_set_pstate(struct a64_core *core, uint32_t pstate)
{
    select_sp(core, pstate);
    core->pstate = pstate & ~A64_PSTATE_NZCV;
    core->el = (pstate & A64_PSTATE_EL1) ? 1 : 0;
    a64_select_context(core);
}

uint32_t a64_get_pstate(struct a64_core *core)
{
    return core->pstate | a64_flags_get(core);
}

static void enter_vector(struct a64_core *core, uint64_t vector, uint64_t pc)
{
    uint32_t old = a64_get_pstate(core);
    uint32_t new = A64_PSTATE_EL1 | A64_PSTATE_SP | A64_PSTATE_D | A64_PSTATE_A | A64_PSTATE_I |
                   A64_PSTATE_F | (old & (A64_PSTATE_DIT | A64_PSTATE_PAN));

    if (core->el == 0) {
        vector += 0x400;
    } else if (old & A64_PSTATE_SP) {
        vector += 0x200;
    }
    if ((core->features & A64_FEAT_PAN) && !(core->sys.SCTLR_EL1 & A64_SCTLR_SPAN)) {
        new |= A64_PSTATE_PAN;
    }
    if ((core->features & A64_FEAT_SSBS) && (core->sys.SCTLR_EL1 & A64_SCTLR_DSSBS)) {
        new |= A64_PSTATE_SSBS;
    }
    core->sys.SPSR_EL1 = old;
    core->sys.ELR_EL1 = pc;
    a64_set_pstate(core, new);
    core->regs.pc = core->sys.VBAR_EL1 + vector;
    core->monitor_pa = A64_NO_PAGE;
    core->took_exception = 1;
}

void a64_raise(struct a64_core *core, uint64_t pc, uint32_t esr)
{
    enter_vector(core, 0, pc);
    core->sys.ESR_EL1 = esr;
}

void a64_raise_fault(struct a64_core *core, uint64_t pc)
{
    enter_vector(core, 0, pc);
    core->sys.ESR_EL1 = core->fault.esr;
    core->sys.FAR_EL1 = core->fault.far;
}

void a64_interrupt(struct a64_core *core, unsigned vector, uint64_t pc)
{
    enter_vector(core, vector, pc);
    if (vector == 0x180) {
        core->sys.ESR_EL1 = A64_ESR(A64_EC_SERROR, 0);
    }
}

/* AArch64.ExceptionReturn(). */
void a64_exception_return(struct a64_core *core)
{
    uint32_t spsr = (uint32_t)core->sys.SPSR_EL1;
    uint32_t keep = A64_PSTATE_D | A64_PSTATE_A | A64_PSTATE_I | A64_PSTATE_F | A64_PSTATE_IL;
    uint32_t mode = spsr & 31;
    uint32_t new;

    if (core->features & A64_FEAT_PAN) {
        keep |= A64_PSTATE_PAN;
    }
    if (core->features & A64_FEAT_UAO) {
        keep |= A64_PSTATE_UAO;
    }
    if (core->features & A64_FEAT_DIT) {
        keep |= A64_PSTATE_DIT;
    }
    if (core->features & A64_FEAT_SSBS) {
        keep |= A64_PSTATE_SSBS;
    }
    new = spsr &keep;
    core->regs.pc = core->sys.ELR_EL1;
    core->monitor_pa = A64_NO_PAGE;
    core->event = 1;                           /* an exception return is an event for WFE */
    if (mode != 0 && mode != 4 && mode != 5) { /* illegal: EL and SP stay */
        new |= A64_PSTATE_IL | (core->pstate & (A64_PSTATE_EL1 | A64_PSTATE_SP));
    } else {
        new |= mode;
        if ((spsr & A64_PSTATE_SS) && (core->sys.MDSCR_EL1 & 1) &&
            !debug_enabled(core, core->pstate) && debug_enabled(core, new)) {
            new |= A64_PSTATE_SS;
        }
    }
    a64_flags_set(core, spsr);
    a64_set_pstate(core, new);
}

bool a64_sp_checked(const struct a64_core *core)
{
    return (core->sys.SCTLR_EL1 & (core->el == 0 ? A64_SCTLR_SA0 : A64_SCTLR_SA)) != 0;
}

static uint32_t input_levels(struct a64_core *core)
{
    struct vml_irq_controller *controller = core->machine->config.irq_controller;
    uint32_t index = core->owner->cpu.config.index;
    uint32_t levels = atomic_load_explicit(&core->owner->inputs, memory_order_acquire);

    if (controller) {
        if (controller->ops->pending(controller, index, VML_IRQ_OUTPUT_IRQ)) {
            levels |= VML_A64_INPUT_IRQ;
        }
        if (controller->ops->pending(controller, index, VML_IRQ_OUTPUT_FIQ)) {
            levels |= VML_A64_INPUT_FIQ;
        }
    }
    core->lines = levels;
    return levels;
}

uint32_t a64_pending(struct a64_core *core)
{
    uint32_t levels = input_levels(core);

    if (core->pstate & A64_PSTATE_I) {
        levels &= ~(uint32_t)VML_A64_INPUT_IRQ;
    }
    if (core->pstate & A64_PSTATE_F) {
        levels &= ~(uint32_t)VML_A64_INPUT_FIQ;
    }
    if (core->pstate & A64_PSTATE_A) {
        levels &= ~(uint32_t)VML_A64_INPUT_SERROR;
    }
    return levels;
}

bool a64_wakes(struct a64_core *core)
{
    return input_levels(core) != 0;
}

/* PMC, HMC and SSC of a breakpoint's or watchpoint's control, for EL0 and EL1 in one security state. */
static bool mode_matches(const struct a64_core *core, uint64_t control)
{
    uint32_t pmc = control >> 1 & 3;

    return pmc >> (core->el == 0 ? 1 : 0) & 1;
}

unsigned a64_breakpoints(const struct a64_core *core)
{
    return (unsigned)(core->model.ID_AA64DFR0_EL1 >> 12 & 15) + 1;
}

unsigned a64_watchpoints(const struct a64_core *core)
{
    return (unsigned)(core->model.ID_AA64DFR0_EL1 >> 20 & 15) + 1;
}

enum {
    BT_ADDRESS,
    BT_ADDRESS_LINKED,
    BT_CONTEXT,
    BT_CONTEXT_LINKED,
};

/* D2.8.3: the last CTX_CMPs + 1 breakpoints compare the context ID; of type `type` this one does. */
static bool context_matches(const struct a64_core *core, unsigned n, uint32_t type)
{
    unsigned count = a64_breakpoints(core);
    unsigned aware = (unsigned)(core->model.ID_AA64DFR0_EL1 >> 28 & 15) + 1;
    uint64_t control = core->sys.DBGBCR[n % VML_ARM_STATE_BREAKPOINTS];

    return n < count && n + aware >= count && (control & 1) && (control >> 20 & 15) == type &&
           (uint32_t)core->sys.DBGBVR[n] == (uint32_t)core->sys.CONTEXTIDR_EL1;
}

static bool linked_matches(const struct a64_core *core, uint64_t control)
{
    return context_matches(core, control >> 16 & 15, BT_CONTEXT_LINKED);
}

/* D2.8: an enabled breakpoint for an address, the context, or both. */
bool a64_breakpoint(const struct a64_core *core, uint64_t pc)
{
    for (unsigned i = 0; i < a64_breakpoints(core); i++) {
        uint64_t control = core->sys.DBGBCR[i];
        uint32_t type = control >> 20 & 15;
        uint64_t va = (uint64_t)((int64_t)(core->sys.DBGBVR[i] << 8) >> 8) & ~UINT64_C(3);
        uint64_t at = (uint64_t)((int64_t)(pc << 8) >> 8);

        if (!(control & 1) || !mode_matches(core, control)) {
            continue;
        }
        if (type == BT_CONTEXT ? context_matches(core, i, BT_CONTEXT)
                               : (type == BT_ADDRESS ||
                                  (type == BT_ADDRESS_LINKED && linked_matches(core, control))) &&
                                     (control >> 5 & 15) != 0 && va == at) {
            return true;
        }
    }
    return false;
}

/* D2.10: watchpoints by byte address select or by mask. */
bool a64_watchpoint(struct a64_core *core, uint64_t va, unsigned size, bool write)
{
    for (unsigned i = 0; i < a64_watchpoints(core); i++) {
        uint64_t control = core->sys.DBGWCR[i];
        uint32_t bas = control >> 5 & 0xff, mask = control >> 24 & 31;
        uint64_t base = core->sys.DBGWVR[i] & ~UINT64_C(7);
        bool hit = false;

        if (!(control & 1) || !(control >> 3 & (write ? 2 : 1)) || !mode_matches(core, control) ||
            ((control >> 20 & 1) && !linked_matches(core, control))) {
            continue;
        }
        if (mask >= 3) {
            uint64_t low = (UINT64_C(1) << mask) - 1;

            hit = (va & ~low) <= (base & ~low) ? ((va + size - 1) & ~low) >= (base & ~low) : false;
        } else {
            for (unsigned b = 0; b < 8; b++) {
                hit |= (bas >> b & 1) && base + b >= va && base + b < va + size;
            }
        }
        if (hit) {
            core->fault.far = va;
            core->fault.esr = A64_ESR(core->el == 0 ? A64_EC_WATCHPOINT_LOWER : A64_EC_WATCHPOINT,
                                      0x22u | (write ? 1u << 6 : 0));
            return true;
        }
    }
    return false;
}

void a64_reset(struct a64_core *core)
{
    memset(&core->regs, 0, sizeof(core->regs));
    core->flag_kind = A64_FLAGS_PACKED;
    core->sp_banked[0] = 0;
    core->sp_banked[1] = 0;
    core->pstate =
        A64_PSTATE_EL1 | A64_PSTATE_SP | A64_PSTATE_D | A64_PSTATE_A | A64_PSTATE_I | A64_PSTATE_F;
    core->el = 1;
    core->monitor_pa = A64_NO_PAGE;
    core->event = 0;
    core->halted = A64_HALTED_NOT;
    core->retrying = 0;
    core->passing = 0;
    a64_sysregs_reset(core);
    for (unsigned c = 0; c < A64_CONTEXTS; c++) {
        core->tlb_used[c] = 1;
    }
    a64_tlb_flush(core);
    a64_select_context(core);
}
