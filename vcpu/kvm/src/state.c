/* Saved state, identification, timers. */
#include "core.h"

#define SPSR_EL1     VML_SYSREG(3, 0, 4, 0, 0)
#define ELR_EL1      VML_SYSREG(3, 0, 4, 0, 1)
#define INPUT_SERROR 4u

/* Registers with which the guest cannot reach anything under KVM read as zero. */
static enum vml_status get_row(struct vml_kvm *cpu, uint32_t sysreg, uint64_t *value)
{
    int error;

    *value = 0;
    if (sysreg == SPSR_EL1) {
        error = kvm_get_reg(cpu, ABI_REG_SPSR_EL1, value);
    } else if (sysreg == ELR_EL1) {
        error = kvm_get_reg(cpu, ABI_REG_ELR_EL1, value);
    } else {
        error = kvm_get_sysreg(cpu, sysreg, value);
        error = error == -ABI_ENOENT ? 0 : error;
    }
    return kvm_status(error);
}

static enum vml_status set_row(struct vml_kvm *cpu, const struct vml_arm_state_reg *row,
                               uint64_t value)
{
    int error;

    if (row->sysreg == SPSR_EL1) {
        error = kvm_set_reg(cpu, ABI_REG_SPSR_EL1, &value);
    } else if (row->sysreg == ELR_EL1) {
        error = kvm_set_reg(cpu, ABI_REG_ELR_EL1, &value);
    } else {
        error = kvm_set_sysreg(cpu, row->sysreg, value);
        error = error == -ABI_ENOENT && value == 0 ? 0 : error;
    }
    if (error != 0) {
        vml_log(VML_LOG_ERROR, "kvm: %s cannot be %#llx (error %d)", row->name,
                (unsigned long long)value, -error);
    }
    return kvm_status(error);
}

enum vml_status vml_kvm_ids(struct vml_kvm *cpu, struct vml_arm_ids *ids)
{
    const struct vml_kvm_system *system = cpu->machine->config.system;

    memset(ids, 0, sizeof(*ids));
    for (uint32_t i = 0; vml_arm_id_reg(i); i++) {
        const struct vml_arm_state_reg *row = vml_arm_id_reg(i);
        uint64_t value;

        if (row->offset == offsetof(struct vml_arm_ids, CNTFRQ_EL0)) {
            value = system->CNTFRQ_EL0;
        } else if (row->offset == offsetof(struct vml_arm_ids, DCZID_EL0)) {
            value = system->DCZID_EL0;
        } else if (get_row(cpu, row->sysreg, &value) != VML_OK) {
            return VML_ERR_IO;
        }
        memcpy((char *)ids + row->offset, &value, sizeof(value));
    }
    if (cpu->machine->config.irq_controller) {
        /* There are no GIC system registers; the kernel says so only from the first run on, or never. */
        ids->ID_AA64PFR0_EL1 &= ~VML_MASK64(27, 24);
    }
    return VML_OK;
}

static enum vml_status get_sysregs(struct vml_kvm *cpu, struct vml_arm_sysregs_state *sys)
{
    enum vml_status status = VML_OK;

    for (uint32_t i = 0; vml_arm_state_reg(i) && status == VML_OK; i++) {
        const struct vml_arm_state_reg *row = vml_arm_state_reg(i);
        uint64_t value;

        status = get_row(cpu, row->sysreg, &value);
        memcpy((char *)sys + row->offset, &value, sizeof(value));
    }
    return status;
}

static enum vml_status set_sysregs(struct vml_kvm *cpu, const struct vml_arm_sysregs_state *sys)
{
    enum vml_status status = VML_OK;

    for (uint32_t i = 0; vml_arm_state_reg(i) && status == VML_OK; i++) {
        const struct vml_arm_state_reg *row = vml_arm_state_reg(i);
        uint64_t value;

        memcpy(&value, (const char *)sys + row->offset, sizeof(value));
        status = set_row(cpu, row, value);
    }
    return status;
}

enum vml_status vml_kvm_get_state(struct vml_kvm *cpu, struct vml_arm_state *state)
{
    struct vml_arm_regs regs;
    struct abi_vcpu_events events = {0};
    enum vml_status status;

    kvm_complete(cpu);
    memset(state, 0, sizeof(*state));
    memset(&regs, 0, sizeof(regs));
    status = vml_kvm_ids(cpu, &state->ids);
    if (status == VML_OK) {
        status = get_sysregs(cpu, &state->sys);
    }
    if (status != VML_OK) {
        return status;
    }
    if (kvm_get_general(cpu, &regs) != 0 || kvm_get_vectors(cpu, state->v) != 0 ||
        kvm_get_reg(cpu, ABI_REG_FPCR, &state->fpcr) != 0 ||
        kvm_get_reg(cpu, ABI_REG_FPSR, &state->fpsr) != 0 ||
        kvm_cpu_ioctl(cpu, ABI_GET_VCPU_EVENTS, &events) != 0) {
        return VML_ERR_IO;
    }
    memcpy(state->x, regs.x, sizeof(state->x));
    state->sp_el0 = regs.sp_el0;
    state->sp_el1 = regs.sp_el1;
    state->pc = regs.pc;
    state->pstate = (uint32_t)regs.pstate;
    /* The event register cannot be read: one wake-up too many does no harm, one too few would. */
    state->event = true;
    state->inputs = events.serror_pending ? INPUT_SERROR : 0;
    return VML_OK;
}

enum vml_status vml_kvm_set_state(struct vml_kvm *cpu, const struct vml_arm_state *state)
{
    struct abi_vcpu_events events = {.serror_pending = (state->inputs & INPUT_SERROR) != 0};
    struct vml_arm_regs regs;
    uint64_t v[32][2];
    enum vml_status status;

    kvm_complete(cpu);
    /* The interrupt controller may have been restored, too. */
    cpu->device_levels_known = false;
    memset(&regs, 0, sizeof(regs));
    memcpy(regs.x, state->x, sizeof(regs.x));
    memcpy(v, state->v, sizeof(v));
    regs.sp_el0 = state->sp_el0;
    regs.sp_el1 = state->sp_el1;
    regs.pc = state->pc;
    regs.pstate = state->pstate;
    status = set_sysregs(cpu, &state->sys);
    if (status != VML_OK) {
        return status;
    }
    if (kvm_set_general(cpu, &regs) != 0 || kvm_set_vectors(cpu, v) != 0 ||
        kvm_set_reg(cpu, ABI_REG_FPCR, &state->fpcr) != 0 ||
        kvm_set_reg(cpu, ABI_REG_FPSR, &state->fpsr) != 0 ||
        kvm_cpu_ioctl(cpu, ABI_SET_VCPU_EVENTS, &events) != 0) {
        return VML_ERR_IO;
    }
    return VML_OK;
}

enum vml_status vml_kvm_save(struct vml_kvm *cpu, struct vml_state_writer *w)
{
    struct vml_arm_state state;
    enum vml_status status = vml_kvm_get_state(cpu, &state);

    if (status == VML_OK) {
        vml_arm_state_save(&state, w);
    }
    return status;
}

static enum vml_status same_ids(struct vml_kvm *cpu, const struct vml_arm_ids *theirs)
{
    struct vml_arm_ids ours;
    enum vml_status status = vml_kvm_ids(cpu, &ours);

    for (uint32_t i = 0; status == VML_OK && vml_arm_id_reg(i); i++) {
        const struct vml_arm_state_reg *row = vml_arm_id_reg(i);
        uint64_t here, there;

        memcpy(&here, (const char *)&ours + row->offset, sizeof(here));
        memcpy(&there, (const char *)theirs + row->offset, sizeof(there));
        if (here != there) {
            vml_log(VML_LOG_ERROR, "kvm: %s is %#llx here and %#llx in the image", row->name,
                    (unsigned long long)here, (unsigned long long)there);
            status = VML_ERR_UNSUPPORTED;
        }
    }
    return status;
}

enum vml_status vml_kvm_restore(struct vml_kvm *cpu, struct vml_state_reader *r)
{
    struct vml_arm_state state;
    enum vml_status status = vml_arm_state_restore(&state, r);

    if (status == VML_OK) {
        status = same_ids(cpu, &state.ids);
    }
    if (status != VML_OK) {
        vml_state_fail(r, status);
        return status;
    }
    return vml_kvm_set_state(cpu, &state);
}

/* ---- timers ---- */

/*
 * The physical timer: before Linux 6.4 the kernel does not give it away (ENOENT).  It counts as
 * disabled then, which it is in guests that have the virtual one.
 */
static enum vml_status get_physical(struct vml_kvm *cpu, uint64_t id, uint64_t *value)
{
    int error = kvm_get_reg(cpu, id, value);

    if (error == -ABI_ENOENT) {
        *value = 0;
        return VML_OK;
    }
    return error == 0 ? VML_OK : VML_ERR_IO;
}

/* The kernel's physical count less that of a timer of the library, and CNTVOFF as the latter sees it. */
static enum vml_status count_differences(struct vml_kvm_machine *machine,
                                         struct vml_timer *const *timers, uint64_t *physical,
                                         uint64_t *offset)
{
    struct vml_kvm *first = machine->count ? machine->config.cpus[0] : NULL;
    uint64_t cntpct, cntvct, here;

    if (!first || !timers) {
        return VML_ERR_INVALID;
    }
    here = vml_timer_physical_count(timers[0]);
    if (kvm_get_reg(first, ABI_REG_TIMER_CNT, &cntvct) != 0 ||
        get_physical(first, ABI_REG_PTIMER_CNT, &cntpct) != VML_OK) {
        return VML_ERR_IO;
    }
    *physical = cntpct - here;
    *offset = here - cntvct;
    return VML_OK;
}

/* ISTATUS is not written. */
static uint32_t control(uint64_t value)
{
    return (uint32_t)value & (VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK);
}

static enum vml_status timer_get(struct vml_kvm *cpu, struct vml_timer *timer, uint64_t physical,
                                 uint64_t offset)
{
    uint64_t ctl[VML_TIMERS], cval[VML_TIMERS], cntkctl;

    if (kvm_get_reg(cpu, ABI_REG_TIMER_CTL, &ctl[VML_TIMER_VIRTUAL]) != 0 ||
        kvm_get_reg(cpu, ABI_REG_TIMER_CVAL, &cval[VML_TIMER_VIRTUAL]) != 0 ||
        get_physical(cpu, ABI_REG_PTIMER_CTL, &ctl[VML_TIMER_PHYSICAL]) != VML_OK ||
        get_physical(cpu, ABI_REG_PTIMER_CVAL, &cval[VML_TIMER_PHYSICAL]) != VML_OK ||
        kvm_get_sysreg(cpu, VML_CNTKCTL_EL1, &cntkctl) != 0) {
        return VML_ERR_IO;
    }
    vml_timer_set_virtual_offset(timer, offset);
    vml_timer_write_cval(timer, VML_TIMER_VIRTUAL, cval[VML_TIMER_VIRTUAL]);
    vml_timer_write_ctl(timer, VML_TIMER_VIRTUAL, control(ctl[VML_TIMER_VIRTUAL]));
    vml_timer_write_cval(timer, VML_TIMER_PHYSICAL, cval[VML_TIMER_PHYSICAL] - physical);
    vml_timer_write_ctl(timer, VML_TIMER_PHYSICAL, control(ctl[VML_TIMER_PHYSICAL]));
    return vml_timer_write(timer, VML_CNTKCTL_EL1, cntkctl);
}

enum vml_status vml_kvm_timers_get(struct vml_kvm_machine *machine, struct vml_timer *const *timers)
{
    uint64_t physical, offset;
    enum vml_status status = count_differences(machine, timers, &physical, &offset);

    for (uint32_t i = 0; i < machine->count && status == VML_OK; i++) {
        status = timer_get(machine->config.cpus[i], timers[i], physical, offset);
    }
    return status;
}

static enum vml_status set_physical_timer(struct vml_kvm *cpu, uint64_t ctl, uint64_t cval)
{
    int error = kvm_set_reg(cpu, ABI_REG_PTIMER_CVAL, &cval);

    if (error == 0) {
        error = kvm_set_reg(cpu, ABI_REG_PTIMER_CTL, &ctl);
    }
    if (error == -ABI_ENOENT && !(ctl & VML_TIMER_CTL_ENABLE)) {
        return VML_OK;
    }
    if (error != 0) {
        vml_log(VML_LOG_ERROR, "kvm: the physical timer cannot be restored (error %d)", -error);
    }
    return kvm_status(error);
}

static enum vml_status timer_set(struct vml_kvm *cpu, struct vml_timer *timer, uint64_t physical)
{
    uint64_t ctl[VML_TIMERS], cval[VML_TIMERS], cntkctl;

    for (unsigned i = 0; i < VML_TIMERS; i++) {
        ctl[i] = control(vml_timer_read_ctl(timer, (enum vml_timer_kind)i));
        cval[i] = vml_timer_read_cval(timer, (enum vml_timer_kind)i);
    }
    if (vml_timer_read(timer, VML_CNTKCTL_EL1, &cntkctl) != VML_OK ||
        kvm_set_reg(cpu, ABI_REG_TIMER_CVAL, &cval[VML_TIMER_VIRTUAL]) != 0 ||
        kvm_set_reg(cpu, ABI_REG_TIMER_CTL, &ctl[VML_TIMER_VIRTUAL]) != 0 ||
        kvm_set_sysreg(cpu, VML_CNTKCTL_EL1, cntkctl) != 0) {
        return VML_ERR_IO;
    }
    return set_physical_timer(cpu, ctl[VML_TIMER_PHYSICAL], cval[VML_TIMER_PHYSICAL] + physical);
}

enum vml_status vml_kvm_timers_set(struct vml_kvm_machine *machine, struct vml_timer *const *timers)
{
    uint64_t physical, offset, count;
    enum vml_status status = count_differences(machine, timers, &physical, &offset);

    if (status == VML_OK) {
        /* The kernel's virtual count is that of all vCPUs. */
        count = vml_timer_virtual_count(timers[0]);
        status = kvm_set_reg(machine->config.cpus[0], ABI_REG_TIMER_CNT, &count) == 0 ? VML_OK
                                                                                      : VML_ERR_IO;
    }
    for (uint32_t i = 0; i < machine->count && status == VML_OK; i++) {
        status = timer_set(machine->config.cpus[i], timers[i], physical);
    }
    return status;
}
