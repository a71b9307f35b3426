/* Registers from outside; saved state. */
#include "core.h"

#define SP_EL0 VML_SYSREG(3, 0, 4, 1, 0)
#define SP_EL1 VML_SYSREG(3, 4, 4, 1, 0)
#define PSTATE_KNOWN                                                                               \
    (A64_PSTATE_SP | A64_PSTATE_EL1 | A64_PSTATE_F | A64_PSTATE_I | A64_PSTATE_A | A64_PSTATE_D |  \
     A64_PSTATE_SSBS | A64_PSTATE_IL | A64_PSTATE_SS | A64_PSTATE_PAN | A64_PSTATE_UAO |           \
     A64_PSTATE_DIT | A64_PSTATE_NZCV)

static bool pstate_valid(uint32_t pstate)
{
    uint32_t mode = pstate & 31;

    return (pstate & ~PSTATE_KNOWN) == 0 && (mode == 0 || mode == 4 || mode == 5);
}

void vml_a64_get_registers(const struct vml_a64 *cpu, struct vml_a64_registers *registers)
{
    struct a64_core *core = cpu->core;

    memset(registers, 0, sizeof(*registers));
    memcpy(registers->x, core->regs.x, sizeof(registers->x));
    memcpy(registers->v, core->regs.v, sizeof(registers->v));
    registers->sp = core->regs.x[A64_X_SP];
    registers->pc = core->regs.pc;
    registers->pstate = a64_get_pstate(core);
    registers->fpcr = core->regs.fpcr;
    registers->fpsr = core->regs.fpsr;
}

enum vml_status vml_a64_set_registers(struct vml_a64 *cpu,
                                      const struct vml_a64_registers *registers)
{
    struct a64_core *core = cpu->core;

    if (!pstate_valid(registers->pstate)) {
        return VML_ERR_INVALID;
    }
    a64_flags_set(core, registers->pstate);
    a64_set_pstate(core, registers->pstate);
    memcpy(core->regs.x, registers->x, sizeof(registers->x));
    memcpy(core->regs.v, registers->v, sizeof(registers->v));
    core->regs.x[A64_X_SP] = registers->sp;
    core->regs.pc = registers->pc;
    core->regs.fpcr = registers->fpcr & 0x07c80000u;
    core->regs.fpsr = registers->fpsr & 0x0800009fu;
    return VML_OK;
}

/* SP_EL0 and SP_EL1, whichever is selected. */
static uint64_t *stack_pointer(struct a64_core *core, uint64_t encoding)
{
    unsigned which;

    if (encoding == SP_EL0) {
        which = 0;
    } else if (encoding == SP_EL1) {
        which = 1;
    } else {
        return NULL;
    }
    return which == (core->pstate & A64_PSTATE_SP) ? &core->regs.x[A64_X_SP]
                                                   : &core->sp_banked[which];
}

enum vml_status vml_a64_get_sysreg(struct vml_a64 *cpu, uint64_t encoding, uint64_t *value)
{
    struct a64_core *core = cpu->core;
    uint32_t el = core->el, trapped = core->fp_trapped;
    uint64_t *sp = stack_pointer(core, encoding);
    enum a64_sys_result result;

    if (sp) {
        *value = *sp;
        return VML_OK;
    }
    core->el = 1;
    core->fp_trapped = 0;
    core->own_only = 1;
    result = a64_mrs(core, (uint32_t)encoding, value);
    core->own_only = 0;
    core->el = el;
    core->fp_trapped = trapped;
    return result == A64_SYS_OK ? VML_OK : VML_ERR_NOT_FOUND;
}

enum vml_status vml_a64_set_sysreg(struct vml_a64 *cpu, uint64_t encoding, uint64_t value)
{
    struct a64_core *core = cpu->core;
    uint32_t passing = core->passing;
    uint64_t *sp = stack_pointer(core, encoding), old;
    enum a64_sys_result result;

    if (sp) {
        *sp = value;
        return VML_OK;
    }
    core->el = 1;
    core->fp_trapped = 0;
    core->own_only = 1;
    core->passing = 1;
    result = a64_msr(core, (uint32_t)encoding, value);
    core->own_only = 0;
    core->passing = passing;
    core->el = (core->pstate & A64_PSTATE_EL1) ? 1 : 0;
    a64_select_context(core);
    if (result == A64_SYS_OK || result == A64_SYS_RESYNC) {
        return VML_OK;
    }
    return vml_a64_get_sysreg(cpu, encoding, &old) == VML_OK ? VML_ERR_ACCESS : VML_ERR_NOT_FOUND;
}

void vml_a64_save(struct vml_a64 *cpu, struct vml_state_writer *w)
{
    struct a64_core *core = cpu->core;
    struct vml_arm_state state = {
        .ids = core->model,
        .sp_el0 = *stack_pointer(core, SP_EL0),
        .sp_el1 = *stack_pointer(core, SP_EL1),
        .pc = core->regs.pc,
        .pstate = a64_get_pstate(core),
        .fpcr = core->regs.fpcr,
        .fpsr = core->regs.fpsr,
        .sys = core->sys,
        .instructions = core->instructions,
        .event = core->event != 0,
        /* A pending access is made anew. */
        .halted =
            core->halted == A64_HALTED_BUS ? VML_ARM_HALTED_NOT : (enum vml_arm_halted)core->halted,
        .stepped = core->stepped != 0,
        .inputs = atomic_load(&cpu->inputs),
    };

    memcpy(state.x, core->regs.x, sizeof(state.x));
    memcpy(state.v, core->regs.v, sizeof(state.v));
    vml_arm_state_save(&state, w);
}

enum vml_status vml_a64_restore(struct vml_a64 *cpu, struct vml_state_reader *r)
{
    struct a64_core *core = cpu->core;
    struct vml_arm_state state;
    enum vml_status status = vml_arm_state_restore(&state, r);

    if (status == VML_OK && memcmp(&state.ids, &core->model, sizeof(state.ids)) != 0) {
        vml_state_fail(r, VML_ERR_CORRUPT);
        status = VML_ERR_CORRUPT;
    }
    if (status != VML_OK) {
        return status;
    }
    memset(&core->regs, 0, sizeof(core->regs));
    memcpy(core->regs.x, state.x, sizeof(state.x));
    memcpy(core->regs.v, state.v, sizeof(state.v));
    core->regs.pc = state.pc;
    core->regs.fpcr = state.fpcr;
    core->regs.fpsr = state.fpsr;
    a64_set_pstate(core, state.pstate);
    a64_flags_set(core, state.pstate);
    *stack_pointer(core, SP_EL0) = state.sp_el0;
    *stack_pointer(core, SP_EL1) = state.sp_el1;
    core->sys = state.sys;
    core->instructions = state.instructions;
    core->event = state.event;
    core->halted = (uint32_t)state.halted;
    core->stepped = state.stepped;
    core->monitor_pa = A64_NO_PAGE;
    atomic_store(&cpu->inputs, state.inputs);
    vml_cpu_recall(&cpu->cpu, VML_CPU_REQUEST_IRQ);
    a64_tlb_flush(core);
    a64_code_flush(core);
    a64_select_context(core);
    return VML_OK;
}
