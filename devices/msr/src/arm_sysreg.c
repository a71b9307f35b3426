/*
 * The device of the Arm system registers. There is no lock: a vCPU's registers are accessed by
 * its own thread only, and what they share is constant.
 *
 * A register is found in two steps without a search: op0, op1 and CRn choose a group, CRm and op2 a
 * row of it.
 */
#include "arm_sysreg.h"

#define TAG     VML_STATE_TAG('A', 'S', 'R', 'G')
#define VERSION 1

#define PMCR_E  UINT64_C(0x1)
#define PMCR_C  UINT64_C(0x4)
#define CYCLES  UINT64_C(0x80000000)

#define PLAIN   0x8000u

static struct vml_arm_sysregs *regs_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_arm_sysregs, device);
}

static const struct vml_arm_sysreg *rows(void)
{
    uint32_t count;

    return vml_arm_sysreg_table(&count);
}

/* Row + 1, and PLAIN where a read is just the stored value; or 0. */
static inline uint32_t entry(const struct vml_arm_sysregs *regs, uint64_t sysreg)
{
    return regs->row[regs->group[sysreg >> 10 & 511]][sysreg >> 3 & 127];
}

/* Row + 1, or 0. */
static inline uint32_t find(const struct vml_arm_sysregs *regs, uint64_t sysreg)
{
    return entry(regs, sysreg) & ~PLAIN;
}

/* The stored value of a register that the table certainly has. */
static uint64_t *value_of(struct vml_arm_sysregs *regs, uint32_t cpu, uint32_t sysreg)
{
    uint32_t row = find(regs, sysreg);

    return &regs->state[cpu].value[row ? row - 1 : 0];
}

static uint64_t now(const struct vml_arm_sysregs *regs)
{
    return regs->config.clock ? vml_clock_now(regs->config.clock) : 0;
}

static bool counting(struct vml_arm_sysregs *regs, uint32_t cpu)
{
    return find(regs, PMCR_EL0) && (*value_of(regs, cpu, PMCR_EL0) & PMCR_E) &&
           (*value_of(regs, cpu, PMCNTENSET_EL0) & CYCLES);
}

/* While the cycle counter counts, the time at which it was 0 is stored, else its value. */
static void switch_counter(struct vml_arm_sysregs *regs, uint32_t cpu, bool before)
{
    uint64_t *cycles = value_of(regs, cpu, PMCCNTR_EL0);

    if (before != counting(regs, cpu)) {
        *cycles = now(regs) - *cycles;
    }
}

static uint64_t read_cache(const struct vml_arm_sysregs *regs, uint64_t select)
{
    for (unsigned i = 0; i < VML_ARM_CACHES; i++) {
        if (regs->model.caches[i].ccsidr && regs->model.caches[i].select == select) {
            return regs->model.caches[i].ccsidr;
        }
    }
    return 0; /* no such cache: UNKNOWN */
}

static uint64_t read_other(struct vml_arm_sysregs *regs, uint32_t cpu, uint32_t sysreg)
{
    switch (sysreg) {
    case CCSIDR_EL1:
        return read_cache(regs, *value_of(regs, cpu, CSSELR_EL1));
    case DBGCLAIMSET_EL1:
        return 0xff;
    case PMINTENCLR_EL1:
        return *value_of(regs, cpu, PMINTENSET_EL1);
    case PMCNTENCLR_EL0:
        return *value_of(regs, cpu, PMCNTENSET_EL0);
    case PMOVSCLR_EL0:
        return *value_of(regs, cpu, PMOVSSET_EL0);
    case PMCCNTR_EL0:
        return counting(regs, cpu) ? now(regs) - *value_of(regs, cpu, PMCCNTR_EL0)
                                   : *value_of(regs, cpu, PMCCNTR_EL0);
    default:
        return *value_of(regs, cpu, sysreg);
    }
}

static void write_other(struct vml_arm_sysregs *regs, uint32_t cpu,
                        const struct vml_arm_sysreg *row, uint64_t value)
{
    bool before = counting(regs, cpu);
    uint64_t *pmcr;

    switch (row->sysreg) {
    case DBGCLAIMSET_EL1:
        *value_of(regs, cpu, DBGCLAIMCLR_EL1) |= value & row->write_mask;
        return;
    case DBGCLAIMCLR_EL1:
        *value_of(regs, cpu, DBGCLAIMCLR_EL1) &= ~(value & row->write_mask);
        return;
    case PMINTENSET_EL1:
    case PMOVSSET_EL0:
        *value_of(regs, cpu, row->sysreg) |= value & row->write_mask;
        return;
    case PMINTENCLR_EL1:
        *value_of(regs, cpu, PMINTENSET_EL1) &= ~(value & row->write_mask);
        return;
    case PMOVSCLR_EL0:
        *value_of(regs, cpu, PMOVSSET_EL0) &= ~(value & row->write_mask);
        return;
    case PMCNTENSET_EL0:
        *value_of(regs, cpu, PMCNTENSET_EL0) |= value & row->write_mask;
        break;
    case PMCNTENCLR_EL0:
        *value_of(regs, cpu, PMCNTENSET_EL0) &= ~(value & row->write_mask);
        break;
    case PMCR_EL0:
        pmcr = value_of(regs, cpu, PMCR_EL0);
        *pmcr = (*pmcr & ~row->write_mask) | (value & row->write_mask);
        switch_counter(regs, cpu, before);
        if (value & PMCR_C) {
            *value_of(regs, cpu, PMCCNTR_EL0) = counting(regs, cpu) ? now(regs) : 0;
        }
        return;
    case PMCCNTR_EL0:
        *value_of(regs, cpu, PMCCNTR_EL0) = before ? now(regs) - value : value;
        return;
    default:
        return;
    }
    switch_counter(regs, cpu, before);
}

static void write_only(struct vml_arm_sysregs *regs, uint32_t cpu, uint32_t sysreg, uint64_t value)
{
    const struct vml_arm_sysreg_hooks *hooks = regs->config.hooks;
    uint64_t *status;

    switch (sysreg) {
    case OSLAR_EL1:
        status = value_of(regs, cpu, OSLSR_EL1);
        *status = (*status & ~UINT64_C(2)) | (value & 1) << 1;
        break;
    case DC_ISW:
    case DC_CSW:
    case DC_CISW:
        if (hooks && hooks->set_way) {
            hooks->set_way(regs->config.context, cpu, sysreg, value);
        }
        break;
    default:
        break;
    }
}

static VML_COLD enum vml_bus_result access_unknown(struct vml_arm_sysregs *regs,
                                                   struct vml_access *access)
{
    const struct vml_arm_sysreg_hooks *hooks = regs->config.hooks;

    if (hooks && hooks->unknown) {
        hooks->unknown(regs->config.context, access, (uint32_t)access->offset);
    }
    if (regs->config.unknown == VML_ARM_SYSREG_UNDEFINED) {
        return VML_BUS_FAULT;
    }
    access->value = access->write ? access->value : 0;
    return VML_BUS_OK;
}

static enum vml_bus_result write(struct vml_arm_sysregs *regs, const struct vml_arm_sysreg *row,
                                 uint64_t *stored, const struct vml_access *access)
{
    const struct vml_arm_sysreg_hooks *hooks = regs->config.hooks;
    uint64_t before = *stored;
    uint64_t after = (row->reset & ~row->write_mask) | (access->value & row->write_mask);

    switch (row->kind) {
    case VML_ARM_SYSREG_RAZ:
        return VML_BUS_OK;
    case VML_ARM_SYSREG_RW:
        *stored = after;
        return VML_BUS_OK;
    case VML_ARM_SYSREG_VM:
        *stored = after;
        if (hooks && hooks->vm) {
            hooks->vm(regs->config.context, access->cpu, row->sysreg, before, after);
        }
        return VML_BUS_OK;
    case VML_ARM_SYSREG_WO:
        write_only(regs, access->cpu, row->sysreg, access->value);
        return VML_BUS_OK;
    case VML_ARM_SYSREG_OTHER:
        if (row->write_mask == 0) {
            return VML_BUS_FAULT;
        }
        write_other(regs, access->cpu, row, access->value);
        return VML_BUS_OK;
    default:
        /* MSR of a read-only register is UNDEFINED. */
        return VML_BUS_FAULT;
    }
}

static __attribute__((noinline)) enum vml_bus_result access_slow(struct vml_arm_sysregs *regs,
                                                                 struct vml_access *access)
{
    uint32_t found = find(regs, access->offset);
    const struct vml_arm_sysreg *row;

    if (access->cpu >= regs->cpus || access->size != 8) {
        return VML_BUS_FAULT;
    }
    if (!found) {
        return access_unknown(regs, access);
    }
    row = &rows()[found - 1];
    if (access->write) {
        return write(regs, row, &regs->state[access->cpu].value[found - 1], access);
    }
    if (row->kind == VML_ARM_SYSREG_WO) {
        return VML_BUS_FAULT;
    }
    access->value = read_other(regs, access->cpu, row->sysreg);
    return VML_BUS_OK;
}

static enum vml_bus_result sysreg_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_arm_sysregs *regs = regs_of(device);

    if (VML_LIKELY(!access->write && access->cpu < regs->cpus)) {
        uint32_t found = entry(regs, access->offset);

        if (VML_LIKELY(found & PLAIN)) {
            access->value = regs->state[access->cpu].value[(found & ~PLAIN) - (size_t)1];
            return VML_BUS_OK;
        }
    }
    return access_slow(regs, access);
}

static uint64_t reset_value(const struct vml_arm_sysregs *regs, uint32_t cpu,
                            const struct vml_arm_sysreg *row)
{
    if (row->id != VML_ARM_ID_COUNT) {
        return regs->model.id[row->id];
    }
    if (row->sysreg == MPIDR_EL1) {
        /* Bit 31 is RES1. */
        return regs->config.mpidr[cpu] | UINT64_C(0x80000000);
    }
    return row->reset;
}

static void reset_cpu(struct vml_arm_sysregs *regs, uint32_t cpu)
{
    uint32_t count;
    const struct vml_arm_sysreg *row = vml_arm_sysreg_table(&count);

    for (uint32_t i = 0; i < count; i++) {
        if (row[i].sysreg != MPIDR_EL1 || regs->config.mpidr) {
            regs->state[cpu].value[i] = reset_value(regs, cpu, &row[i]);
        }
    }
}

static void sysreg_reset(struct vml_device *device)
{
    struct vml_arm_sysregs *regs = regs_of(device);

    for (uint32_t cpu = 0; cpu < regs->cpus; cpu++) {
        reset_cpu(regs, cpu);
    }
}

static bool is_saved(const struct vml_arm_sysreg *row)
{
    return row->kind != VML_ARM_SYSREG_WO && row->kind != VML_ARM_SYSREG_RAZ;
}

static void sysreg_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_arm_sysregs *regs = regs_of(device);
    uint32_t count;
    const struct vml_arm_sysreg *row = vml_arm_sysreg_table(&count);

    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u32(w, regs->cpus);
    vml_state_put_u32(w, count);
    for (uint32_t cpu = 0; cpu < regs->cpus; cpu++) {
        for (uint32_t i = 0; i < count; i++) {
            if (row[i].sysreg == PMCCNTR_EL0 && find(regs, PMCCNTR_EL0)) {
                vml_state_put_u64(w, read_other(regs, cpu, PMCCNTR_EL0));
            } else if (is_saved(&row[i])) {
                vml_state_put_u64(w, regs->state[cpu].value[i]);
            }
        }
    }
    vml_state_end(w);
}

/* True when a register can have this value: identification as configured, other bits as at
 * reset. */
static bool is_possible(const struct vml_arm_sysregs *regs, uint32_t cpu,
                        const struct vml_arm_sysreg *row, uint64_t value)
{
    uint64_t mask = row->write_mask;

    if (row->sysreg == OSLSR_EL1) {
        mask = 2;
    }
    if (row->sysreg == MPIDR_EL1) {
        return value == *value_of((struct vml_arm_sysregs *)(uintptr_t)regs, cpu, MPIDR_EL1);
    }
    return ((value ^ reset_value(regs, cpu, row)) & ~mask) == 0;
}

/* Reads an image: in the first pass to look at it, in the second to take it. */
static void read_image(struct vml_arm_sysregs *regs, struct vml_state_reader *r, bool take)
{
    uint32_t count;
    const struct vml_arm_sysreg *row = vml_arm_sysreg_table(&count);

    (void)vml_state_enter(r, TAG, VERSION);
    if (vml_state_get_u32(r) != regs->cpus || vml_state_get_u32(r) != count) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    for (uint32_t cpu = 0; cpu < regs->cpus; cpu++) {
        for (uint32_t i = 0; i < count; i++) {
            if (!is_saved(&row[i])) {
                continue;
            }
            uint64_t value = vml_state_get_u64(r);

            if (take) {
                regs->state[cpu].value[i] = value;
            } else if (!is_possible(regs, cpu, &row[i], value)) {
                vml_state_fail(r, VML_ERR_CORRUPT);
            }
        }
    }
    vml_state_leave(r);
}

static enum vml_status sysreg_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_arm_sysregs *regs = regs_of(device);
    struct vml_state_reader again = *r;
    enum vml_status status;

    read_image(regs, r, false);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    read_image(regs, &again, true);
    for (uint32_t cpu = 0; cpu < regs->cpus && find(regs, PMCCNTR_EL0); cpu++) {
        if (counting(regs, cpu)) {
            switch_counter(regs, cpu, false);
        }
    }
    return VML_OK;
}

/* Breakpoints and watchpoints that the model does not have are UNDEFINED. */
static bool is_shown(const struct vml_arm_cpu_model *model, const struct vml_arm_sysreg *row)
{
    uint64_t dfr0 = model->id[VML_ARM_ID_AA64DFR0_EL1];
    uint32_t crm = row->sysreg >> 6 & 15, op2 = row->sysreg >> 3 & 7;

    if (row->feature != VML_ARM_FEATURE_COUNT &&
        !vml_arm_cpu_model_has(model, (enum vml_arm_feature)row->feature)) {
        return false;
    }
    if (row->sysreg >> 10 == VML_SYSREG(2, 0, 0, 0, 0) >> 10 && op2 >= 4) {
        return crm <= VML_FIELD64(dfr0, op2 < 6 ? 15 : 23, op2 < 6 ? 12 : 20);
    }
    return true;
}

static enum vml_status build_index(struct vml_arm_sysregs *regs)
{
    uint32_t count, groups = 1;
    const struct vml_arm_sysreg *row = vml_arm_sysreg_table(&count);

    if (count > VML_ARM_SYSREG_MAX) {
        return VML_ERR_NO_SPACE;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *group = &regs->group[row[i].sysreg >> 10 & 511];

        if (!is_shown(&regs->model, &row[i])) {
            continue;
        }
        if (!*group) {
            if (groups >= VML_ARM_SYSREG_GROUPS) {
                return VML_ERR_NO_SPACE;
            }
            *group = (uint8_t)groups++;
        }
        bool plain = row[i].kind != VML_ARM_SYSREG_OTHER && row[i].kind != VML_ARM_SYSREG_WO;

        regs->row[*group][row[i].sysreg >> 3 & 127] = (uint16_t)((i + 1) | (plain ? PLAIN : 0));
    }
    return VML_OK;
}

enum vml_status vml_arm_sysregs_init(struct vml_arm_sysregs *regs,
                                     const struct vml_arm_sysregs_config *config)
{
    static const struct vml_device_ops ops = {.access = sysreg_access,
                                              .reset = sysreg_reset,
                                              .save = sysreg_save,
                                              .restore = sysreg_restore};
    enum vml_status status;

    if (!config->model || config->cpus == 0 || !config->mpidr || !config->state) {
        return VML_ERR_INVALID;
    }
    memset(regs, 0, sizeof(*regs));
    regs->device = (struct vml_device){config->name ? config->name : "arm_sysregs", &ops};
    regs->config = *config;
    regs->model = *config->model;
    regs->state = config->state;
    regs->cpus = config->cpus;
    status = build_index(regs);
    if (status != VML_OK) {
        return status;
    }
    sysreg_reset(&regs->device);
    /* The affinities are in the registers now, and stay there over a reset. */
    regs->config.mpidr = NULL;
    return VML_OK;
}

bool vml_arm_sysregs_range(struct vml_arm_sysregs *regs, uint32_t index,
                           struct vml_bus_range *range)
{
    static const struct {
        uint32_t from, to;
    } parts[VML_ARM_SYSREG_RANGES] = {
        {REG(1, 0, 7, 0, 0), REG(1, 0, 8, 0, 0)},   /* cache maintenance */
        {REG(2, 0, 0, 0, 0), REG(3, 0, 4, 0, 0)},   /* debug, identification, VM control */
        {REG(3, 0, 5, 0, 0), REG(3, 0, 12, 0, 0)},  /* faults, PMU, MAIR; before the GIC */
        {REG(3, 0, 12, 1, 1), REG(3, 0, 12, 1, 2)}, /* DISR */
        {REG(3, 0, 13, 0, 0), REG(3, 0, 14, 0, 0)}, /* CONTEXTIDR */
        {REG(3, 1, 0, 0, 0), REG(3, 3, 14, 0, 0)},  /* caches, EL0 identification, PMU */
        {REG(3, 3, 14, 15, 7), REG(3, 4, 0, 0, 0)}, /* PMCCFILTR */
    };

    if (index >= VML_ARM_SYSREG_RANGES) {
        return false;
    }
    *range = (struct vml_bus_range){.base = parts[index].from,
                                    .size = parts[index].to - parts[index].from,
                                    .device = &regs->device,
                                    .device_offset = parts[index].from};
    return true;
}

enum vml_status vml_arm_sysregs_get(struct vml_arm_sysregs *regs, uint32_t cpu, uint32_t sysreg,
                                    uint64_t *value)
{
    uint32_t found = find(regs, sysreg);

    if (cpu >= regs->cpus) {
        return VML_ERR_RANGE;
    }
    if (!found || rows()[found - 1].sysreg != sysreg) {
        return VML_ERR_NOT_FOUND;
    }
    *value = read_other(regs, cpu, sysreg);
    return VML_OK;
}

enum vml_status vml_arm_sysregs_set(struct vml_arm_sysregs *regs, uint32_t cpu, uint32_t sysreg,
                                    uint64_t value)
{
    uint32_t found = find(regs, sysreg);

    if (cpu >= regs->cpus) {
        return VML_ERR_RANGE;
    }
    if (!found || rows()[found - 1].sysreg != sysreg) {
        return VML_ERR_NOT_FOUND;
    }
    regs->state[cpu].value[found - 1] = value;
    return VML_OK;
}

const char *vml_arm_sysreg_name(uint32_t sysreg)
{
    uint32_t count;
    const struct vml_arm_sysreg *row = vml_arm_sysreg_table(&count);

    for (uint32_t i = 0; i < count; i++) {
        if (row[i].sysreg == sysreg) {
            return row[i].name;
        }
    }
    return "?";
}

uint32_t vml_arm_sysreg_by_name(const char *name)
{
    uint32_t count;
    const struct vml_arm_sysreg *row = vml_arm_sysreg_table(&count);

    for (uint32_t i = 0; i < count; i++) {
        const char *a = row[i].name, *b = name;

        while (*a && *a == *b) {
            a++;
            b++;
        }
        if (*a == *b) {
            return row[i].sysreg;
        }
    }
    return UINT32_MAX;
}
