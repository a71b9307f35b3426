/* The machine, its memory, its vCPUs. */
#include "core.h"

#define DEFAULT_IPA_BITS 40u

enum vml_status kvm_status(int error)
{
    switch (error < 0 ? -error : 0) {
    case 0:
        return VML_OK;
    case ABI_EACCES:
    case ABI_EPERM:
        return VML_ERR_ACCESS;
    case ABI_ENOMEM:
        return VML_ERR_NO_MEMORY;
    case ABI_EBUSY:
        return VML_ERR_BUSY;
    case ABI_EEXIST:
        return VML_ERR_OVERLAP;
    case ABI_ENOENT:
    case ABI_ENODEV:
    case ABI_ENXIO:
    case ABI_ENOTTY:
        return VML_ERR_UNSUPPORTED;
    default:
        return VML_ERR_IO;
    }
}

int kvm_vm_ioctl(struct vml_kvm_machine *machine, uint32_t request, const void *argument)
{
    const struct vml_kvm_system *system = machine->config.system;

    return system->ioctl(system->context, machine->vm_fd, request, (uintptr_t)argument);
}

int kvm_cpu_ioctl(struct vml_kvm *cpu, uint32_t request, const void *argument)
{
    const struct vml_kvm_system *system = cpu->machine->config.system;

    return system->ioctl(system->context, cpu->fd, request, (uintptr_t)argument);
}

static int system_ioctl(struct vml_kvm_machine *machine, uint32_t request, uintptr_t argument)
{
    const struct vml_kvm_system *system = machine->config.system;

    return system->ioctl(system->context, machine->kvm_fd, request, argument);
}

static void close_fd(struct vml_kvm_machine *machine, int *fd)
{
    const struct vml_kvm_system *system = machine->config.system;

    if (*fd >= 0) {
        system->close(system->context, *fd);
    }
    *fd = -1;
}

static bool has(struct vml_kvm_machine *machine, uint32_t capability)
{
    return system_ioctl(machine, ABI_CHECK_EXTENSION, capability) > 0;
}

static enum vml_status open_kvm(struct vml_kvm_machine *machine)
{
    const struct vml_kvm_system *system = machine->config.system;
    int version, size;

    machine->kvm_fd = system->open(system->context);
    if (machine->kvm_fd < 0) {
        vml_log(VML_LOG_ERROR, "kvm: /dev/kvm cannot be opened (error %d)", -machine->kvm_fd);
        return kvm_status(machine->kvm_fd);
    }
    version = system_ioctl(machine, ABI_GET_API_VERSION, 0);
    size = system_ioctl(machine, ABI_GET_VCPU_MMAP_SIZE, 0);
    if (version != ABI_API_VERSION || size < (int)sizeof(struct abi_run)) {
        vml_log(VML_LOG_ERROR, "kvm: the kernel's interface is not the one that is known: %d",
                version);
        return VML_ERR_UNSUPPORTED;
    }
    machine->run_size = (size_t)size;
    machine->has = (struct vml_kvm_capabilities){
        .user_irq = has(machine, ABI_CAP_USER_IRQ),
        .irqfd = has(machine, ABI_CAP_IRQFD),
        .ioeventfd = has(machine, ABI_CAP_IOEVENTFD),
        .nisv = has(machine, ABI_CAP_NISV_TO_USER),
        .inject_abort = has(machine, ABI_CAP_INJECT_EXT_DABT),
        .suspend = has(machine, ABI_CAP_SYSTEM_SUSPEND),
        .readonly = has(machine, ABI_CAP_READONLY_MEM),
        .guest_debug = has(machine, ABI_CAP_SET_GUEST_DEBUG),
    };
    if (!has(machine, ABI_CAP_IMMEDIATE_EXIT) || !has(machine, ABI_CAP_PSCI_0_2) ||
        !has(machine, ABI_CAP_MP_STATE)) {
        vml_log(VML_LOG_ERROR, "kvm: the kernel is too old: no immediate exit, PSCI or MP state");
        return VML_ERR_UNSUPPORTED;
    }
    if (machine->config.irq_controller && !machine->has.user_irq) {
        vml_log(VML_LOG_ERROR, "kvm: the kernel has no KVM_CAP_ARM_USER_IRQ: the interrupt "
                               "controller cannot be in user space; use the kernel's");
        return VML_ERR_UNSUPPORTED;
    }
    return VML_OK;
}

static enum vml_status create_vm(struct vml_kvm_machine *machine)
{
    uint32_t bits = machine->config.ipa_bits ? machine->config.ipa_bits : DEFAULT_IPA_BITS;
    int most = system_ioctl(machine, ABI_CHECK_EXTENSION, ABI_CAP_IPA_SIZE);

    /* A kernel without the capability has 40 bits, which type 0 stands for. */
    if (bits > (uint32_t)(most > 0 ? most : (int)DEFAULT_IPA_BITS)) {
        vml_log(VML_LOG_ERROR, "kvm: %u bits of guest address: the kernel has at most %d", bits,
                most > 0 ? most : (int)DEFAULT_IPA_BITS);
        return VML_ERR_UNSUPPORTED;
    }
    machine->vm_fd = system_ioctl(machine, ABI_CREATE_VM, bits == DEFAULT_IPA_BITS ? 0 : bits);
    if (machine->vm_fd < 0) {
        vml_log(VML_LOG_ERROR, "kvm: the kernel makes no machine (error %d)", -machine->vm_fd);
    }
    return kvm_status(machine->vm_fd);
}

static bool enable(struct vml_kvm_machine *machine, uint32_t capability)
{
    struct abi_enable_cap enable = {.cap = capability};

    return kvm_vm_ioctl(machine, ABI_ENABLE_CAP, &enable) == 0;
}

/* All function identifiers but those of the Arm architecture range, which cannot be had. */
static bool forward_calls(struct vml_kvm_machine *machine)
{
    static const struct abi_smccc_filter ranges[] = {
        {.base = 0, .nr_functions = 0x80000000u, .action = ABI_SMCCC_FWD_TO_USER},
        {.base = 0x80010000u, .nr_functions = 0x3fff0000u, .action = ABI_SMCCC_FWD_TO_USER},
        {.base = 0xc0010000u, .nr_functions = 0x3fff0000u, .action = ABI_SMCCC_FWD_TO_USER},
    };
    struct abi_device_attr attr = {.group = ABI_VM_SMCCC_CTRL, .attr = ABI_VM_SMCCC_FILTER};

    if (kvm_vm_ioctl(machine, ABI_HAS_DEVICE_ATTR, &attr) != 0) {
        return false;
    }
    for (unsigned i = 0; i < VML_ARRAY_SIZE(ranges); i++) {
        if (kvm_set_attr(machine, machine->vm_fd, ABI_VM_SMCCC_CTRL, ABI_VM_SMCCC_FILTER,
                         &ranges[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* What can be done without; what happens instead is said here, once. */
static void configure(struct vml_kvm_machine *machine)
{
    if (machine->has.nisv && !enable(machine, ABI_CAP_NISV_TO_USER)) {
        machine->has.nisv = false;
    }
    if (!machine->has.nisv) {
        vml_log(VML_LOG_WARNING, "kvm: no KVM_CAP_ARM_NISV_TO_USER: pair, vector and write-back "
                                 "accesses to devices get no answer");
    }
    machine->has.smccc_filter = machine->config.smccc && forward_calls(machine);
    machine->firmware = machine->config.smccc && machine->has.smccc_filter;
    if (machine->config.smccc && !machine->firmware) {
        vml_log(VML_LOG_WARNING,
                "kvm: the kernel forwards no firmware calls (Linux 6.4 and up do): "
                "PSCI is the kernel's");
    }
    if (!machine->firmware && machine->has.suspend) {
        machine->has.suspend = enable(machine, ABI_CAP_SYSTEM_SUSPEND);
    }
    if (!machine->has.readonly) {
        vml_log(VML_LOG_WARNING, "kvm: no KVM_CAP_READONLY_MEM: ROM goes through its device");
    }
}

enum vml_status vml_kvm_machine_init(struct vml_kvm_machine *machine,
                                     const struct vml_kvm_machine_config *config)
{
    enum vml_status status;

    if (!machine || !config || !config->system || !config->memory || !config->cpus ||
        config->max_cpus == 0 || (!config->irq_controller && !config->gic)) {
        return VML_ERR_INVALID;
    }
    memset(machine, 0, sizeof(*machine));
    machine->config = *config;
    machine->vm_fd = machine->gic_fd = machine->its_fd = -1;
    machine->irqs = config->irq_controller;
    status = open_kvm(machine);
    if (status == VML_OK) {
        status = create_vm(machine);
    }
    if (status == VML_OK) {
        configure(machine);
        status = vml_kvm_memory_changed(machine);
    }
    if (status == VML_OK && !config->irq_controller) {
        status = kvm_gic_create(machine);
    }
    if (status != VML_OK) {
        vml_kvm_machine_destroy(machine);
    }
    return status;
}

enum vml_status vml_kvm_machine_ready(struct vml_kvm_machine *machine)
{
    enum vml_status status = VML_OK;

    if (machine->count == 0) {
        return VML_ERR_STATE;
    }
    if (!machine->config.irq_controller && !machine->ready) {
        status = kvm_gic_ready(machine);
    }
    machine->ready = status == VML_OK;
    return status;
}

void vml_kvm_machine_destroy(struct vml_kvm_machine *machine)
{
    close_fd(machine, &machine->its_fd);
    close_fd(machine, &machine->gic_fd);
    close_fd(machine, &machine->vm_fd);
    close_fd(machine, &machine->kvm_fd);
}

/* ---- memory ---- */

static uint32_t slot_flags(const struct vml_kvm_machine *machine,
                           const struct vml_as_region *region)
{
    uint32_t flags = (region->flags & VML_AS_READONLY) ? ABI_MEM_READONLY : 0;

    if (region->dirty && vml_as_tracking(machine->config.memory)) {
        flags |= ABI_MEM_LOG_DIRTY_PAGES;
    }
    return flags;
}

static bool same_place(const struct vml_kvm_slot *slot, const struct vml_as_region *region)
{
    return region && slot->base == region->base && slot->size == region->size &&
           slot->host == region->host;
}

static enum vml_status set_slot(struct vml_kvm_machine *machine, struct vml_kvm_slot *slot,
                                uint64_t size, uint32_t flags)
{
    struct abi_memory_region region = {
        .slot = (uint32_t)(slot - machine->slots),
        .flags = flags,
        .guest_phys_addr = slot->base,
        .memory_size = size,
        .userspace_addr = (uint64_t)(uintptr_t)slot->host,
    };
    int error = kvm_vm_ioctl(machine, ABI_SET_MEMORY_REGION, &region);

    if (error != 0) {
        vml_log(VML_LOG_ERROR, "kvm: memory at %#llx, %#llx bytes: refused (error %d)",
                (unsigned long long)slot->base, (unsigned long long)slot->size, -error);
        slot->size = 0;
        return kvm_status(error);
    }
    slot->size = size;
    slot->flags = flags;
    return VML_OK;
}

/* Removes what is gone, or is another kind of memory now: only the tracking can be changed in place. */
static enum vml_status drop_slots(struct vml_kvm_machine *machine)
{
    for (uint32_t i = 0; i < VML_KVM_SLOTS; i++) {
        struct vml_kvm_slot *slot = &machine->slots[i];
        const struct vml_as_region *region;
        enum vml_status status;

        if (slot->size == 0) {
            continue;
        }
        region = vml_as_find(machine->config.memory, slot->base);
        if (same_place(slot, region) &&
            !((slot->flags ^ slot_flags(machine, region)) & ABI_MEM_READONLY)) {
            continue;
        }
        status = set_slot(machine, slot, 0, 0);
        if (status != VML_OK) {
            return status;
        }
    }
    return VML_OK;
}

static struct vml_kvm_slot *slot_for(struct vml_kvm_machine *machine,
                                     const struct vml_as_region *region)
{
    struct vml_kvm_slot *unused = NULL;

    for (uint32_t i = 0; i < VML_KVM_SLOTS; i++) {
        struct vml_kvm_slot *slot = &machine->slots[i];

        if (slot->size == 0) {
            unused = unused ? unused : slot;
        } else if (same_place(slot, region)) {
            return slot;
        }
    }
    return unused;
}

enum vml_status vml_kvm_memory_changed(struct vml_kvm_machine *machine)
{
    enum vml_status status = drop_slots(machine);
    const struct vml_as_region *region = vml_as_next(machine->config.memory, 0);

    while (status == VML_OK && region) {
        uint32_t flags = slot_flags(machine, region);
        uint64_t end = region->base + region->size;
        struct vml_kvm_slot *slot = slot_for(machine, region);

        if (!slot) {
            return VML_ERR_NO_SPACE;
        }
        if ((flags & ABI_MEM_READONLY) && !machine->has.readonly) {
            /* Every access goes to the bus. */
        } else if (slot->size == 0 || slot->flags != flags) {
            slot->base = region->base;
            slot->host = region->host;
            status = set_slot(machine, slot, region->size, flags);
        }
        region = end == 0 ? NULL : vml_as_next(machine->config.memory, end);
    }
    return status;
}

static void mark_dirty(struct vml_kvm_machine *machine, const struct vml_kvm_slot *slot,
                       const uint64_t *bitmap)
{
    for (uint64_t page = 0; page < slot->size / VML_AS_PAGE_SIZE; page++) {
        if (bitmap[page / 64] == 0) {
            page |= 63;
        } else if (bitmap[page / 64] >> page % 64 & 1) {
            vml_as_mark_dirty(machine->config.memory, slot->base + page * VML_AS_PAGE_SIZE,
                              VML_AS_PAGE_SIZE);
        }
    }
}

enum vml_status vml_kvm_collect_dirty(struct vml_kvm_machine *machine, uint64_t *bitmap,
                                      size_t words)
{
    for (uint32_t i = 0; i < VML_KVM_SLOTS; i++) {
        const struct vml_kvm_slot *slot = &machine->slots[i];
        struct abi_dirty_log log = {.slot = i, .dirty_bitmap = (uint64_t)(uintptr_t)bitmap};
        int error;

        if (slot->size == 0 || !(slot->flags & ABI_MEM_LOG_DIRTY_PAGES)) {
            continue;
        }
        if (words < VML_AS_DIRTY_WORDS(slot->size)) {
            return VML_ERR_NO_SPACE;
        }
        memset(bitmap, 0, words * sizeof(*bitmap));
        error = kvm_vm_ioctl(machine, ABI_GET_DIRTY_LOG, &log);
        if (error != 0) {
            return kvm_status(error);
        }
        mark_dirty(machine, slot, bitmap);
    }
    return VML_OK;
}

/* ---- vCPUs ---- */

/* Initializes the vCPU: all of its registers are in their reset state then. */
static int init_registers(struct vml_kvm *cpu)
{
    struct abi_vcpu_init init = {0};
    int error = kvm_vm_ioctl(cpu->machine, ABI_ARM_PREFERRED, &init);

    if (error == 0) {
        init.features[0] |= 1u << ABI_VCPU_PSCI_0_2;
        error = kvm_cpu_ioctl(cpu, ABI_ARM_VCPU_INIT, &init);
    }
    return error;
}

static enum vml_status set_ids(struct vml_kvm *cpu, const struct vml_arm_ids *wanted, bool strict)
{
    for (uint32_t i = 0; vml_arm_id_reg(i); i++) {
        const struct vml_arm_state_reg *reg = vml_arm_id_reg(i);
        struct vml_arm_ids ids;
        uint64_t want, now;

        memcpy(&want, (const char *)wanted + reg->offset, sizeof(want));
        /* The last word is the read after the write: a kernel may take part of a value. */
        for (unsigned attempt = 0; attempt < 2; attempt++) {
            enum vml_status status = vml_kvm_ids(cpu, &ids);

            if (status != VML_OK) {
                return status;
            }
            memcpy(&now, (const char *)&ids + reg->offset, sizeof(now));
            if (now == want || attempt != 0) {
                break;
            }
            (void)kvm_set_sysreg(cpu, reg->sysreg, want);
        }
        if (now != want && strict) {
            vml_log(VML_LOG_ERROR, "kvm: %s is %#llx here and cannot be %#llx", reg->name,
                    (unsigned long long)now, (unsigned long long)want);
            return VML_ERR_UNSUPPORTED;
        }
    }
    return VML_OK;
}

static enum vml_status set_affinity(struct vml_kvm *cpu)
{
    uint64_t sysreg = VML_SYSREG(3, 0, 0, 0, 5), want = cpu->cpu.config.mpidr, now = 0;

    if (want == kvm_default_mpidr(cpu->cpu.config.index)) {
        return VML_OK;
    }
    if (kvm_set_sysreg(cpu, sysreg, want | VML_BIT64(31)) != 0 ||
        kvm_get_sysreg(cpu, sysreg, &now) != 0 || (now & VML_MPIDR_AFFINITY_MASK) != want) {
        vml_log(VML_LOG_ERROR, "kvm: vCPU %u cannot have the affinity %#llx", cpu->cpu.config.index,
                (unsigned long long)want);
        return VML_ERR_UNSUPPORTED;
    }
    return VML_OK;
}

static enum vml_status make_vcpu(struct vml_kvm *cpu)
{
    struct vml_kvm_machine *machine = cpu->machine;
    const struct vml_kvm_system *system = machine->config.system;
    int error;

    cpu->fd =
        system->ioctl(system->context, machine->vm_fd, ABI_CREATE_VCPU, cpu->cpu.config.index);
    if (cpu->fd < 0) {
        vml_log(VML_LOG_ERROR, "kvm: no vCPU %u (error %d)", cpu->cpu.config.index, -cpu->fd);
        return kvm_status(cpu->fd);
    }
    cpu->run = system->map(system->context, cpu->fd, machine->run_size);
    if (!cpu->run) {
        return VML_ERR_NO_MEMORY;
    }
    error = init_registers(cpu);
    if (error != 0) {
        vml_log(VML_LOG_ERROR, "kvm: vCPU %u cannot be initialized (error %d)",
                cpu->cpu.config.index, -error);
        return kvm_status(error);
    }
    return set_affinity(cpu);
}

static void release(struct vml_kvm *cpu)
{
    const struct vml_kvm_system *system = cpu->machine->config.system;

    if (cpu->run) {
        system->unmap(system->context, cpu->run, cpu->machine->run_size);
        cpu->run = NULL;
    }
    close_fd(cpu->machine, &cpu->fd);
}

enum vml_status vml_kvm_init(struct vml_kvm *cpu, const struct vml_kvm_config *config)
{
    static const struct vml_cpu_ops ops = {
        .recall = kvm_recall, .start = kvm_start, .dump = kvm_dump};
    struct vml_kvm_machine *machine = config->machine;
    struct vml_cpu_config cpu_config = config->cpu;
    enum vml_status status;

    if (!machine || config->cpu.index != machine->count || machine->ready) {
        return VML_ERR_INVALID;
    }
    if (machine->count >= machine->config.max_cpus) {
        return VML_ERR_NO_SPACE;
    }
    memset(cpu, 0, sizeof(*cpu));
    cpu_config.ops = &ops;
    status = vml_cpu_init(&cpu->cpu, &cpu_config);
    if (status != VML_OK) {
        return status;
    }
    cpu->machine = machine;
    cpu->fd = -1;
    status = make_vcpu(cpu);
    if (status == VML_OK && config->ids) {
        status = set_ids(cpu, config->ids, true);
    }
    if (status == VML_OK && config->limit) {
        struct vml_arm_ids ids;

        status = vml_kvm_ids(cpu, &ids);
        if (status == VML_OK) {
            config->limit(config->context, &ids);
            status = set_ids(cpu, &ids, false);
        }
    }
    if (status != VML_OK) {
        release(cpu);
        vml_cpu_destroy(&cpu->cpu);
        return status;
    }
    machine->config.cpus[machine->count++] = cpu;
    return VML_OK;
}

void vml_kvm_destroy(struct vml_kvm *cpu)
{
    release(cpu);
    vml_cpu_destroy(&cpu->cpu);
}

/* ---- a vCPU begins ---- */

static void set_mp_state(struct vml_kvm *cpu, uint32_t state)
{
    struct abi_mp_state mp = {state};
    int error = kvm_cpu_ioctl(cpu, ABI_SET_MP_STATE, &mp);

    if (error != 0) {
        vml_log(VML_LOG_ERROR, "kvm: vCPU %u: MP state %u refused (error %d)",
                cpu->cpu.config.index, state, -error);
    }
}

/*
 * With the kernel's PSCI the kernel decides which vCPUs run: as soon as the first one begins, all the
 * others are in KVM_RUN, where the kernel keeps them stopped until the guest's CPU_ON.
 */
static void start_others(struct vml_kvm *cpu)
{
    static const struct vml_cpu_start stopped = {.mode = KVM_MODE_STOPPED};

    for (uint32_t i = 0; i < cpu->machine->count; i++) {
        struct vml_kvm *other = cpu->machine->config.cpus[i];

        /* One that is on already needs nothing. */
        if (other != cpu && vml_cpu_start(&other->cpu, &stopped) == VML_OK) {
            vml_log(VML_LOG_DEBUG, "kvm: vCPU %u waits for the guest's CPU_ON", i);
        }
    }
}

void kvm_start(struct vml_cpu *base, const struct vml_cpu_start *start)
{
    struct vml_kvm *cpu = vml_kvm_of(base);
    /* DAIF masked; EL1 with SP_EL1, or EL0. */
    uint64_t pstate = 0x3c0u | (start->mode == 0 ? 0u : 5u);
    uint64_t entry = start->entry, context = start->context;
    bool stopped = start->mode == KVM_MODE_STOPPED;
    int error;

    kvm_complete(cpu);
    error = init_registers(cpu);
    if (error == 0 && !stopped) {
        error = kvm_set_reg(cpu, ABI_REG_PC, &entry);
    }
    if (error == 0 && !stopped) {
        error = kvm_set_reg(cpu, ABI_REG_X(0), &context);
    }
    if (error == 0 && !stopped) {
        error = kvm_set_reg(cpu, ABI_REG_PSTATE, &pstate);
    }
    if (error != 0) {
        vml_log(VML_LOG_ERROR, "kvm: vCPU %u cannot be started (error %d)", base->config.index,
                -error);
    }
    set_mp_state(cpu, stopped ? ABI_MP_STOPPED : ABI_MP_RUNNABLE);
    cpu->device_levels_known = false;
    atomic_store(&cpu->lines_lost, 1);
    kvm_look_at_lines(cpu);
    if (!stopped && !cpu->machine->firmware) {
        start_others(cpu);
    }
}
