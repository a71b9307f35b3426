/* Model-specific registers: Intel SDM volume 4. No lock: a vCPU's registers are its own
 * thread's. */
#include <vml/x86_msr.h>

#define TAG          VML_STATE_TAG('X', 'M', 'S', 'R')
#define VERSION      1

#define ALL          UINT64_MAX
#define NONE         VML_X86_FEATURE_COUNT
#define ADDRESS_MAX  VML_MASK64(39, 0) /* physical addresses have 40 bits: leaf 0x80000008 */

#define TSC          0x10u
#define APIC_BASE    0x1bu
#define FEATURE_CTL  0x3au
#define TSC_ADJUST   0x3bu
#define MTRR_PHYS    0x200u
#define PAT          0x277u
#define MTRR_DEFAULT 0x2ffu
#define EFER         0xc0000080u

#define APIC_BSP     0x100u
#define APIC_X2APIC  0x400u
#define APIC_ENABLE  0x800u

#define EFER_SCE     0x001u
#define EFER_LMA     0x400u
#define EFER_NXE     0x800u

#define ROW(id, msr, how, needs, at_reset, mask)                                                   \
    {                                                                                              \
        .name = (id), .number = (msr), .kind = VML_X86_MSR_##how, .feature = (needs),              \
        .reset = (at_reset), .write_mask = (mask)                                                  \
    }
#define F(name) VML_X86_FEATURE_##name
/* 0x06: types of all ranges are checked besides the reserved bits */
#define MTRR_PAIR(n)                                                                               \
    ROW("IA32_MTRR_PHYSBASE" #n, MTRR_PHYS + 2 * n, OTHER, F(MTRR), 0, ADDRESS_MAX & ~0xf00ull),   \
        ROW("IA32_MTRR_PHYSMASK" #n, MTRR_PHYS + 2 * n + 1, RW, F(MTRR), 0,                        \
            ADDRESS_MAX & ~0x7ffull)
#define MTRR_FIXED(id, msr) ROW("IA32_MTRR_FIX" id, msr, OTHER, F(MTRR), 0, ALL)

static const struct vml_x86_msr table[] = {
    ROW("IA32_TIME_STAMP_COUNTER", TSC, OTHER, NONE, 0, ALL),
    ROW("MSR_KVM_WALL_CLOCK", 0x11, HOOK, F(KVMCLOCK), 0, ALL),
    ROW("MSR_KVM_SYSTEM_TIME", 0x12, HOOK, F(KVMCLOCK), 0, ALL),
    ROW("IA32_PLATFORM_ID", 0x17, RO, NONE, 0, 0),
    ROW("IA32_APIC_BASE", APIC_BASE, OTHER, NONE, 0xfee00000 | APIC_ENABLE,
        (ADDRESS_MAX & ~0xfffull) | APIC_BSP | APIC_X2APIC | APIC_ENABLE),
    ROW("IA32_FEATURE_CONTROL", FEATURE_CTL, OTHER, NONE, 1, 0xff07),
    ROW("IA32_TSC_ADJUST", TSC_ADJUST, OTHER, F(TSC_ADJUST), 0, ALL),
    ROW("IA32_SPEC_CTRL", 0x48, RW, F(SPEC_CTRL), 0, 7),
    ROW("IA32_PRED_CMD", 0x49, WO, F(SPEC_CTRL), 0, 1),
    /* The guest writes 0 and executes CPUID before it reads the revision: bits 63:32. */
    ROW("IA32_BIOS_UPDT_TRIG", 0x79, WO, NONE, 0, ALL),
    ROW("IA32_BIOS_SIGN_ID", 0x8b, OTHER, NONE, UINT64_C(1) << 32, ALL),
    ROW("MSR_PLATFORM_INFO", 0xce, RO, NONE, 0, 0),
    /* 8 variable ranges, fixed ranges, write-combining */
    ROW("IA32_MTRRCAP", 0xfe, RO, F(MTRR), 0x508, 0),
    ROW("IA32_ARCH_CAPABILITIES", 0x10a, RO, F(ARCH_CAPS), 0, 0),
    ROW("IA32_SYSENTER_CS", 0x174, RW, NONE, 0, 0xffffffff),
    ROW("IA32_SYSENTER_ESP", 0x175, ADDRESS, NONE, 0, ALL),
    ROW("IA32_SYSENTER_EIP", 0x176, ADDRESS, NONE, 0, ALL),
    ROW("IA32_MCG_CAP", 0x179, RO, F(MCE), 0, 0),
    ROW("IA32_MCG_STATUS", 0x17a, RW, F(MCE), 0, 7),
    /* fast strings; no branch trace and no PEBS */
    ROW("IA32_MISC_ENABLE", 0x1a0, OTHER, NONE, 0x1801, 0x1),
    MTRR_PAIR(0),
    MTRR_PAIR(1),
    MTRR_PAIR(2),
    MTRR_PAIR(3),
    MTRR_PAIR(4),
    MTRR_PAIR(5),
    MTRR_PAIR(6),
    MTRR_PAIR(7),
    MTRR_FIXED("64K_00000", 0x250),
    MTRR_FIXED("16K_80000", 0x258),
    MTRR_FIXED("16K_A0000", 0x259),
    MTRR_FIXED("4K_C0000", 0x268),
    MTRR_FIXED("4K_C8000", 0x269),
    MTRR_FIXED("4K_D0000", 0x26a),
    MTRR_FIXED("4K_D8000", 0x26b),
    MTRR_FIXED("4K_E0000", 0x26c),
    MTRR_FIXED("4K_E8000", 0x26d),
    MTRR_FIXED("4K_F0000", 0x26e),
    MTRR_FIXED("4K_F8000", 0x26f),
    ROW("IA32_PAT", PAT, OTHER, F(PAT), UINT64_C(0x0007040600070406), ALL),
    ROW("IA32_MTRR_DEF_TYPE", MTRR_DEFAULT, OTHER, F(MTRR), 0, 0xcff),
    ROW("MSR_RAPL_POWER_UNIT", 0x606, RO, NONE, 0, 0),
    ROW("IA32_TSC_DEADLINE", 0x6e0, HOOK, F(TSC_DEADLINE), 0, ALL),
    ROW("MSR_KVM_WALL_CLOCK_NEW", 0x4b564d00, HOOK, F(KVMCLOCK), 0, ALL),
    ROW("MSR_KVM_SYSTEM_TIME_NEW", 0x4b564d01, HOOK, F(KVMCLOCK), 0, ALL),
    ROW("IA32_EFER", EFER, OTHER, NONE, 0, 0xd01),
    ROW("IA32_STAR", 0xc0000081, RW, F(SYSCALL), 0, ALL),
    ROW("IA32_LSTAR", 0xc0000082, ADDRESS, F(SYSCALL), 0, ALL),
    ROW("IA32_CSTAR", 0xc0000083, ADDRESS, F(SYSCALL), 0, ALL),
    ROW("IA32_FMASK", 0xc0000084, RW, F(SYSCALL), 0, 0xffffffff),
    ROW("IA32_FS_BASE", 0xc0000100, ADDRESS, NONE, 0, ALL),
    ROW("IA32_GS_BASE", 0xc0000101, ADDRESS, NONE, 0, ALL),
    ROW("IA32_KERNEL_GS_BASE", 0xc0000102, ADDRESS, NONE, 0, ALL),
    ROW("IA32_TSC_AUX", 0xc0000103, RW, F(RDTSCP), 0, 0xffffffff),
};

_Static_assert(VML_ARRAY_SIZE(table) <= VML_X86_MSR_MAX, "the state has room for every row");

const struct vml_x86_msr *vml_x86_msr_table(uint32_t *count)
{
    *count = VML_ARRAY_SIZE(table);
    return table;
}

static struct vml_x86_msrs *msrs_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_x86_msrs, device);
}

/* Index of the row, or the number of rows. */
static uint32_t find(uint64_t msr)
{
    uint32_t low = 0, high = VML_ARRAY_SIZE(table);

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (table[middle].number < msr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < VML_ARRAY_SIZE(table) && table[low].number == msr ? low : VML_ARRAY_SIZE(table);
}

static bool is_shown(const struct vml_x86_msrs *msrs, const struct vml_x86_msr *row)
{
    return row->feature == NONE ||
           vml_x86_cpu_model_has(&msrs->model, (enum vml_x86_feature)row->feature);
}

static uint64_t *value_of(struct vml_x86_msrs *msrs, uint32_t cpu, uint32_t msr)
{
    return &msrs->config.state[cpu].value[find(msr)];
}

/* The TSC row holds the difference to the clock; TSC_ADJUST follows each change of it. */
uint64_t vml_x86_msrs_tsc(struct vml_x86_msrs *msrs, uint32_t cpu)
{
    return vml_clock_now(msrs->config.clock) + *value_of(msrs, cpu, TSC);
}

static bool is_canonical(uint64_t v)
{
    uint64_t top = v >> 47;

    return top == 0 || top == 0x1ffff;
}

/* Memory types: UC 0, WC 1, WT 4, WP 5, WB 6; in the PAT also UC- 7. */
static bool is_type(uint64_t type, bool pat)
{
    return type <= 1 || (type >= 4 && type <= 6) || (pat && type == 7);
}

static bool are_types(uint64_t v, bool pat)
{
    for (unsigned i = 0; i < 64; i += 8) {
        if (!is_type(v >> i & 0xff, pat)) {
            return false;
        }
    }
    return true;
}

static bool write_apic_base(struct vml_x86_msrs *msrs, uint64_t *stored, uint64_t v)
{
    uint64_t mode = APIC_X2APIC | APIC_ENABLE;

    /* x2APIC mode needs the APIC on, and is left only by switching it off (SDM 3A, states of the
     * x2APIC). */
    if ((v & mode) == APIC_X2APIC ||
        ((v & APIC_X2APIC) &&
         (!vml_x86_cpu_model_has(&msrs->model, VML_X86_FEATURE_X2APIC) || (*stored & mode) == 0)) ||
        ((*stored & APIC_X2APIC) && (v & mode) == APIC_ENABLE)) {
        return false;
    }
    *stored = (v & ~(uint64_t)APIC_BSP) | (*stored & APIC_BSP);
    return true;
}

static bool write_efer(struct vml_x86_msrs *msrs, uint64_t *stored, uint64_t v)
{
    const struct vml_x86_cpu_model *m = &msrs->model;

    if (((v & EFER_NXE) && !vml_x86_cpu_model_has(m, VML_X86_FEATURE_NX)) ||
        ((v & EFER_SCE) && !vml_x86_cpu_model_has(m, VML_X86_FEATURE_SYSCALL))) {
        return false;
    }
    /* LMA is the CPU's. */
    *stored = (v & ~(uint64_t)EFER_LMA) | (*stored & EFER_LMA);
    return true;
}

static bool write_other(struct vml_x86_msrs *msrs, uint32_t cpu, const struct vml_x86_msr *row,
                        uint64_t *stored, uint64_t v)
{
    uint64_t delta;

    switch (row->number) {
    case TSC:
        delta = v - vml_x86_msrs_tsc(msrs, cpu);
        *stored += delta;
        *value_of(msrs, cpu, TSC_ADJUST) += delta;
        return true;
    case TSC_ADJUST:
        *value_of(msrs, cpu, TSC) += v - *stored;
        *stored = v;
        return true;
    case APIC_BASE:
        return write_apic_base(msrs, stored, v);
    case EFER:
        return write_efer(msrs, stored, v);
    case FEATURE_CTL:
        if (*stored & 1) {
            return false; /* locked */
        }
        break;
    case 0x8b:
        return true; /* the revision stays */
    case 0x1a0:
        v = (row->reset & ~row->write_mask) | (v & row->write_mask);
        break;
    case PAT:
        if (!are_types(v, true)) {
            return false;
        }
        break;
    default:
        /* memory type ranges */
        if (row->number >= 0x250 && row->number <= 0x26f ? !are_types(v, false)
                                                         : !is_type(v & 0xff, false)) {
            return false;
        }
        break;
    }
    *stored = v;
    return true;
}

static void tell(const struct vml_x86_msrs *msrs, uint32_t cpu, uint32_t msr, uint64_t value)
{
    if (msrs->config.written) {
        msrs->config.written(msrs->config.context, cpu, msr, value);
    }
}

static enum vml_bus_result write(struct vml_x86_msrs *msrs, uint32_t cpu,
                                 const struct vml_x86_msr *row, uint64_t *stored, uint64_t v)
{
    /* Bits of MISC_ENABLE that are not kept are not reserved. */
    if (row->kind == VML_X86_MSR_RO || ((v & ~row->write_mask) && row->number != 0x1a0)) {
        return VML_BUS_FAULT;
    }
    if (row->kind == VML_X86_MSR_ADDRESS && !is_canonical(v)) {
        return VML_BUS_FAULT;
    }
    if (row->kind == VML_X86_MSR_OTHER) {
        if (!write_other(msrs, cpu, row, stored, v)) {
            return VML_BUS_FAULT;
        }
    } else if (row->kind != VML_X86_MSR_WO) {
        *stored = v;
    }
    tell(msrs, cpu, row->number, row->kind == VML_X86_MSR_WO ? v : *stored);
    return VML_BUS_OK;
}

static enum vml_bus_result msr_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_x86_msrs *msrs = msrs_of(device);
    uint32_t row = find(access->offset);
    uint64_t *stored;

    if (access->cpu >= msrs->config.cpus || access->size != 8) {
        return VML_BUS_FAULT;
    }
    if (row == VML_ARRAY_SIZE(table)) {
        if (msrs->config.unknown_access) {
            msrs->config.unknown_access(msrs->config.context, access, (uint32_t)access->offset);
        }
        access->value = access->write ? access->value : 0;
        return msrs->config.unknown == VML_X86_MSR_IGNORE ? VML_BUS_OK : VML_BUS_FAULT;
    }
    if (!is_shown(msrs, &table[row])) {
        return VML_BUS_FAULT;
    }
    stored = &msrs->config.state[access->cpu].value[row];
    if (access->write) {
        return write(msrs, access->cpu, &table[row], stored, access->value);
    }
    if (table[row].kind == VML_X86_MSR_WO) {
        return VML_BUS_FAULT;
    }
    access->value = table[row].number == TSC ? vml_x86_msrs_tsc(msrs, access->cpu) : *stored;
    return VML_BUS_OK;
}

static void msr_reset(struct vml_device *device)
{
    struct vml_x86_msrs *msrs = msrs_of(device);

    for (uint32_t cpu = 0; cpu < msrs->config.cpus; cpu++) {
        for (uint32_t i = 0; i < VML_ARRAY_SIZE(table); i++) {
            msrs->config.state[cpu].value[i] = table[i].reset;
        }
        *value_of(msrs, cpu, TSC) = 0 - vml_clock_now(msrs->config.clock);
        *value_of(msrs, cpu, APIC_BASE) |= cpu == 0 ? APIC_BSP : 0;
    }
}

static void msr_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_x86_msrs *msrs = msrs_of(device);

    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u32(w, msrs->config.cpus);
    vml_state_put_u32(w, VML_ARRAY_SIZE(table));
    for (uint32_t cpu = 0; cpu < msrs->config.cpus; cpu++) {
        for (uint32_t i = 0; i < VML_ARRAY_SIZE(table); i++) {
            vml_state_put_u64(w, table[i].number == TSC ? vml_x86_msrs_tsc(msrs, cpu)
                                                        : msrs->config.state[cpu].value[i]);
        }
    }
    vml_state_end(w);
}

static bool is_possible(const struct vml_x86_msr *row, uint64_t v)
{
    if (row->kind == VML_X86_MSR_RO || row->kind == VML_X86_MSR_WO) {
        return v == row->reset;
    }
    if (row->kind == VML_X86_MSR_ADDRESS) {
        return is_canonical(v);
    }
    if (row->number >= MTRR_PHYS && row->number <= MTRR_DEFAULT && row->kind == VML_X86_MSR_OTHER) {
        bool eight = row->number == PAT || (row->number >= 0x250 && row->number <= 0x26f);

        return (v & ~row->write_mask) == 0 &&
               (eight ? are_types(v, row->number == PAT) : is_type(v & 0xff, false));
    }
    return ((v ^ row->reset) & ~row->write_mask) == 0;
}

static void read_image(struct vml_x86_msrs *msrs, struct vml_state_reader *r, bool take)
{
    (void)vml_state_enter(r, TAG, VERSION);
    if (vml_state_get_u32(r) != msrs->config.cpus ||
        vml_state_get_u32(r) != VML_ARRAY_SIZE(table)) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    for (uint32_t cpu = 0; cpu < msrs->config.cpus; cpu++) {
        for (uint32_t i = 0; i < VML_ARRAY_SIZE(table); i++) {
            uint64_t v = vml_state_get_u64(r);

            if (take) {
                msrs->config.state[cpu].value[i] =
                    table[i].number == TSC ? v - vml_clock_now(msrs->config.clock) : v;
            } else if (!is_possible(&table[i], v)) {
                vml_state_fail(r, VML_ERR_CORRUPT);
            }
        }
    }
    vml_state_leave(r);
}

static enum vml_status msr_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_x86_msrs *msrs = msrs_of(device);
    struct vml_state_reader again = *r;
    enum vml_status status;

    read_image(msrs, r, false);
    status = vml_state_read_status(r);
    if (status == VML_OK) {
        read_image(msrs, &again, true);
    }
    return status;
}

enum vml_status vml_x86_msrs_init(struct vml_x86_msrs *msrs,
                                  const struct vml_x86_msrs_config *config)
{
    static const struct vml_device_ops ops = {
        .access = msr_access, .reset = msr_reset, .save = msr_save, .restore = msr_restore};

    if (!config->model || !config->state || !config->clock || config->cpus == 0) {
        return VML_ERR_INVALID;
    }
    msrs->device = (struct vml_device){config->name ? config->name : "x86_msrs", &ops};
    msrs->config = *config;
    msrs->model = *config->model;
    msr_reset(&msrs->device);
    return VML_OK;
}

const char *vml_x86_msr_name(uint32_t msr)
{
    uint32_t row = find(msr);

    return row < VML_ARRAY_SIZE(table) ? table[row].name : "?";
}

enum vml_status vml_x86_msrs_get(struct vml_x86_msrs *msrs, uint32_t cpu, uint32_t msr,
                                 uint64_t *value)
{
    uint32_t row = find(msr);

    if (cpu >= msrs->config.cpus) {
        return VML_ERR_RANGE;
    }
    if (row == VML_ARRAY_SIZE(table)) {
        return VML_ERR_NOT_FOUND;
    }
    *value = msr == TSC ? vml_x86_msrs_tsc(msrs, cpu) : msrs->config.state[cpu].value[row];
    return VML_OK;
}
