/* Registers from outside; saved state. */
#include "core.h"

#define PSTATE_KNOWN                                                                               \
    (A64_PSTATE_SP | A64_PSTATE_EL1 | A64_PSTATE_F | A64_PSTATE_I | A64_PSTATE_A | A64_PSTATE_D |  \
     A64_PSTATE_SSBS | A64_PSTATE_IL | A64_PSTATE_SS | A64_PSTATE_PAN | A64_PSTATE_UAO |           \
     A64_PSTATE_DIT | A64_PSTATE_NZCV)
#define TAG         VML_STATE_TAG('A', '6', '4', 'C')
#define SYS_WORDS   (sizeof(struct a64_sysregs) / sizeof(uint64_t))
#define MODEL_WORDS (sizeof(struct vml_arm_ids) / sizeof(uint64_t))

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

    if (encoding == VML_SYSREG(3, 0, 4, 1, 0)) {
        which = 0;
    } else if (encoding == VML_SYSREG(3, 4, 4, 1, 0)) {
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
    uint64_t words[SYS_WORDS], model[MODEL_WORDS];

    memcpy(words, &core->sys, sizeof(words));
    memcpy(model, &core->model, sizeof(model));
    vml_state_begin(w, TAG, 1);
    for (unsigned i = 0; i < MODEL_WORDS; i++) {
        vml_state_put_u64(w, model[i]);
    }
    for (unsigned i = 0; i < 31; i++) {
        vml_state_put_u64(w, core->regs.x[i]);
    }
    vml_state_put_u64(w, core->regs.x[A64_X_SP]);
    vml_state_put_u64(w, core->sp_banked[0]);
    vml_state_put_u64(w, core->sp_banked[1]);
    vml_state_put_u64(w, core->regs.pc);
    vml_state_put_u32(w, a64_get_pstate(core));
    vml_state_put_u32(w, core->regs.fpcr);
    vml_state_put_u32(w, core->regs.fpsr);
    for (unsigned i = 0; i < 32; i++) {
        vml_state_put_u64(w, core->regs.v[i].d[0]);
        vml_state_put_u64(w, core->regs.v[i].d[1]);
    }
    for (unsigned i = 0; i < SYS_WORDS; i++) {
        vml_state_put_u64(w, words[i]);
    }
    vml_state_put_u64(w, core->instructions);
    vml_state_put_u32(w, core->event);
    /* A pending access is made anew. */
    vml_state_put_u32(w, core->halted == A64_HALTED_BUS ? A64_HALTED_NOT : core->halted);
    vml_state_put_u32(w, core->stepped);
    vml_state_put_u32(w, atomic_load(&cpu->inputs));
    vml_state_end(w);
}

struct image {
    struct a64_regs regs;
    uint64_t banked[2];
    uint64_t words[SYS_WORDS];
    uint64_t instructions;
    uint32_t pstate, event, halted, stepped, inputs;
};

static void read_image(struct vml_state_reader *r, struct image *image, const uint64_t *model)
{
    for (unsigned i = 0; i < MODEL_WORDS; i++) {
        if (vml_state_get_u64(r) != model[i]) {
            vml_state_fail(r, VML_ERR_CORRUPT);
        }
    }
    for (unsigned i = 0; i < 31; i++) {
        image->regs.x[i] = vml_state_get_u64(r);
    }
    image->regs.x[A64_X_SP] = vml_state_get_u64(r);
    image->banked[0] = vml_state_get_u64(r);
    image->banked[1] = vml_state_get_u64(r);
    image->regs.pc = vml_state_get_u64(r);
    image->pstate = vml_state_get_u32(r);
    image->regs.fpcr = vml_state_get_u32(r);
    image->regs.fpsr = vml_state_get_u32(r);
    for (unsigned i = 0; i < 32; i++) {
        image->regs.v[i].d[0] = vml_state_get_u64(r);
        image->regs.v[i].d[1] = vml_state_get_u64(r);
    }
    for (unsigned i = 0; i < SYS_WORDS; i++) {
        image->words[i] = vml_state_get_u64(r);
    }
    image->instructions = vml_state_get_u64(r);
    image->event = vml_state_get_u32(r);
    image->halted = vml_state_get_u32(r);
    image->stepped = vml_state_get_u32(r);
    image->inputs = vml_state_get_u32(r);
}

enum vml_status vml_a64_restore(struct vml_a64 *cpu, struct vml_state_reader *r)
{
    struct a64_core *core = cpu->core;
    struct image image;
    uint64_t model[MODEL_WORDS];
    enum vml_status status;

    memset(&image, 0, sizeof(image));
    memcpy(model, &core->model, sizeof(model));
    (void)vml_state_enter(r, TAG, 1);
    read_image(r, &image, model);
    vml_state_leave(r);
    if (!pstate_valid(image.pstate) || image.event > 1 || image.halted > A64_HALTED_WFE ||
        image.stepped > 1 || image.inputs > 7 || (image.regs.fpcr & ~0x07c80000u) != 0 ||
        (image.regs.fpsr & ~0x0800009fu) != 0) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    a64_set_pstate(core, image.pstate);
    core->regs = image.regs;
    a64_flags_set(core, image.pstate);
    core->sp_banked[0] = image.banked[0];
    core->sp_banked[1] = image.banked[1];
    memcpy(&core->sys, image.words, sizeof(core->sys));
    core->instructions = image.instructions;
    core->event = image.event;
    core->halted = image.halted;
    core->stepped = image.stepped;
    core->monitor_pa = A64_NO_PAGE;
    atomic_store(&cpu->inputs, image.inputs);
    vml_cpu_recall(&cpu->cpu, VML_CPU_REQUEST_IRQ);
    a64_tlb_flush(core);
    a64_code_flush(core);
    a64_select_context(core);
    return VML_OK;
}
