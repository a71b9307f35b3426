#include "fake.h"

#include "fake_gic.h"

#define FD_KVM  10
#define FD_VM   11
#define FD_GIC  12
#define FD_ITS  13
#define FD_VCPU 20

struct fake fake;

static struct fake_reg *find(struct fake_cpu *cpu, uint64_t id)
{
    for (unsigned i = 0; i < cpu->reg_count; i++) {
        if (cpu->regs[i].id == id) {
            return &cpu->regs[i];
        }
    }
    return NULL;
}

uint64_t *fake_reg(unsigned cpu, uint64_t id)
{
    struct fake_reg *reg = find(&fake.cpus[cpu], id);

    assert_non_null(reg);
    return reg->value;
}

void fake_add_reg(struct fake_cpu *cpu, uint64_t id, uint64_t value)
{
    assert_true(cpu->reg_count < FAKE_REGS);
    cpu->regs[cpu->reg_count++] = (struct fake_reg){.id = id, .value = {value, 0}};
}

void fake_remove_reg(unsigned cpu, uint64_t id)
{
    struct fake_reg *reg = find(&fake.cpus[cpu], id);

    assert_non_null(reg);
    reg->id = 0;
}

/* As arm64's KVM: registers that the guest cannot reach are not there. */
static void add_registers(struct fake_cpu *cpu)
{
    static const uint32_t absent[] = {
        VML_SYSREG(2, 0, 0, 0, 2),  VML_SYSREG(2, 0, 0, 3, 2), VML_SYSREG(2, 0, 0, 6, 2),
        VML_SYSREG(2, 0, 1, 3, 4),  VML_SYSREG(2, 0, 1, 4, 4), VML_SYSREG(2, 0, 7, 9, 6),
        VML_SYSREG(3, 0, 4, 0, 0),  VML_SYSREG(3, 0, 4, 0, 1), VML_SYSREG(3, 3, 0, 0, 7),
        VML_SYSREG(3, 3, 14, 0, 0),
    };
    const struct vml_arm_state_reg *row;

    for (unsigned i = 0; i < 31; i++) {
        fake_add_reg(cpu, ABI_REG_X(i), 0);
    }
    fake_add_reg(cpu, ABI_REG_SP_EL0, 0);
    fake_add_reg(cpu, ABI_REG_SP_EL1, 0);
    fake_add_reg(cpu, ABI_REG_PC, 0);
    fake_add_reg(cpu, ABI_REG_PSTATE, 0x3c5);
    fake_add_reg(cpu, ABI_REG_ELR_EL1, 0);
    fake_add_reg(cpu, ABI_REG_SPSR_EL1, 0);
    for (unsigned i = 0; i < 32; i++) {
        fake_add_reg(cpu, ABI_REG_V(i), 0);
    }
    fake_add_reg(cpu, ABI_REG_FPCR, 0);
    fake_add_reg(cpu, ABI_REG_FPSR, 0);
    for (unsigned table = 0; table < 2; table++) {
        for (unsigned i = 0; (row = table ? vml_arm_id_reg(i) : vml_arm_state_reg(i)); i++) {
            bool there = true;

            for (unsigned k = 0; k < VML_ARRAY_SIZE(absent); k++) {
                there = there && row->sysreg != absent[k];
            }
            if (there) {
                fake_add_reg(cpu, ABI_REG_SYS(row->sysreg), table ? 0x100 + i : 0);
            }
        }
    }
    fake_add_reg(cpu, ABI_REG_SYS(VML_SYSREG(3, 0, 0, 0, 5)), 0x80000000);
    fake_add_reg(cpu, ABI_REG_TIMER_CTL, 0);
    fake_add_reg(cpu, ABI_REG_TIMER_CVAL, 0);
    fake_add_reg(cpu, ABI_REG_TIMER_CNT, 0);
    fake_add_reg(cpu, ABI_REG_PTIMER_CTL, 0);
    fake_add_reg(cpu, ABI_REG_PTIMER_CVAL, 0);
    fake_add_reg(cpu, ABI_REG_PTIMER_CNT, 0);
}

static size_t reg_size(uint64_t id)
{
    return (size_t)1 << (id >> 52 & 15);
}

static bool is_id(uint64_t id)
{
    for (unsigned i = 0; vml_arm_id_reg(i); i++) {
        if (id == ABI_REG_SYS(vml_arm_id_reg(i)->sysreg)) {
            return true;
        }
    }
    return id == ABI_REG_SYS(VML_SYSREG(3, 0, 0, 0, 5));
}

static int one_reg(struct fake_cpu *cpu, const struct abi_one_reg *argument, bool set)
{
    struct fake_reg *reg = find(cpu, argument->id);
    void *memory = (void *)(uintptr_t)argument->addr;

    if (!reg) {
        return -ABI_ENOENT;
    }
    if (!set) {
        memcpy(memory, reg->value, reg_size(reg->id));
        return 0;
    }
    if (is_id(reg->id) && fake.read_only_ids) {
        return -ABI_EINVAL;
    }
    memset(reg->value, 0, sizeof(reg->value));
    memcpy(reg->value, memory, reg_size(reg->id));
    return 0;
}

static int run(struct fake_cpu *cpu)
{
    struct abi_run *page = &cpu->page.run;

    cpu->runs++;
    if (__atomic_load_n(&page->immediate_exit, __ATOMIC_SEQ_CST)) {
        cpu->immediate_runs++;
        return -ABI_EINTR;
    }
    return fake.run(&fake, (unsigned)(cpu - fake.cpus), page);
}

static int cpu_ioctl(struct fake_cpu *cpu, uint32_t request, uintptr_t argument)
{
    void *memory = (void *)argument;

    switch (request) {
    case ABI_RUN:
        return run(cpu);
    case ABI_GET_ONE_REG:
    case ABI_SET_ONE_REG:
        return one_reg(cpu, memory, request == ABI_SET_ONE_REG);
    case ABI_ARM_VCPU_INIT:
        if (cpu->inits++ == 0) {
            add_registers(cpu);
        }
        cpu->init = *(struct abi_vcpu_init *)memory;
        for (unsigned i = 0; i < 31; i++) {
            *find(cpu, ABI_REG_X(i))->value = 0;
        }
        return 0;
    case ABI_SET_MP_STATE:
        cpu->mp_state = ((struct abi_mp_state *)memory)->mp_state;
        return 0;
    case ABI_SET_VCPU_EVENTS:
        cpu->events = *(struct abi_vcpu_events *)memory;
        return 0;
    case ABI_GET_VCPU_EVENTS:
        *(struct abi_vcpu_events *)memory = cpu->events;
        return 0;
    case ABI_SET_GUEST_DEBUG:
        cpu->debug = ((struct abi_guest_debug *)memory)->control;
        return 0;
    default:
        return -ABI_ENOTTY;
    }
}

static int device_attr(int fd, const struct abi_device_attr *attr)
{
    struct fake_attr *entry = &fake.attrs[fake.attr_count];

    if (fd == FD_VM) {
        assert_true(fake.filter_count < VML_ARRAY_SIZE(fake.filters));
        memcpy(&fake.filters[fake.filter_count++], (void *)(uintptr_t)attr->addr,
               sizeof(struct abi_smccc_filter));
        return 0;
    }
    assert_true(fake.attr_count < FAKE_LOG);
    fake.attr_count++;
    *entry = (struct fake_attr){.fd = fd, .group = attr->group, .attr = attr->attr};
    if (attr->addr != 0) {
        memcpy(&entry->value, (void *)(uintptr_t)attr->addr,
               attr->group == ABI_VGIC_GRP_NR_IRQS ? 4 : 8);
    }
    return 0;
}

static int gic_ioctl(int fd, uint32_t request, const struct abi_device_attr *attr)
{
    if (fake_gic_has(attr->group, attr->attr)) {
        bool of_its =
            attr->group == ABI_VGIC_GRP_ITS_REGS ||
            (attr->group == ABI_VGIC_GRP_CTRL && attr->attr != ABI_VGIC_CTRL_SAVE_PENDING_TABLES);

        assert_int_equal(fd, of_its ? FD_ITS : FD_GIC);
        return fake_gic_attr(attr, request == ABI_SET_DEVICE_ATTR);
    }
    assert_int_equal(request, ABI_SET_DEVICE_ATTR);
    return device_attr(fd, attr);
}

static int create_device(struct abi_create_device *device)
{
    fake.fds++;
    device->fd = device->type == ABI_DEV_VGIC_V3 ? FD_GIC : FD_ITS;
    return 0;
}

static int create_vcpu(uint32_t id)
{
    assert_int_equal(id, fake.cpu_count);
    assert_true(id < FAKE_CPUS);
    fake.fds++;
    return FD_VCPU + (int)fake.cpu_count++;
}

static int vm_ioctl(uint32_t request, uintptr_t argument)
{
    void *memory = (void *)argument;

    switch (request) {
    case ABI_CREATE_VCPU:
        return create_vcpu((uint32_t)argument);
    case ABI_SET_MEMORY_REGION:
        fake.slot_calls++;
        fake.slots[((struct abi_memory_region *)memory)->slot] =
            *(struct abi_memory_region *)memory;
        return 0;
    case ABI_GET_DIRTY_LOG:
        *(uint64_t *)(uintptr_t)((struct abi_dirty_log *)memory)->dirty_bitmap = fake.dirty_bits;
        return 0;
    case ABI_IRQ_LINE:
        assert_true(fake.line_count < FAKE_LOG);
        fake.lines[fake.line_count++] = *(struct abi_irq_level *)memory;
        return 0;
    case ABI_ENABLE_CAP:
        assert_true(fake.enabled_count < VML_ARRAY_SIZE(fake.enabled));
        fake.enabled[fake.enabled_count++] = ((struct abi_enable_cap *)memory)->cap;
        return 0;
    case ABI_HAS_DEVICE_ATTR:
        return fake.no_filter ? -ABI_ENXIO : 0;
    case ABI_SET_DEVICE_ATTR:
        return device_attr(FD_VM, memory);
    case ABI_CREATE_DEVICE:
        return create_device(memory);
    case ABI_ARM_PREFERRED:
        ((struct abi_vcpu_init *)memory)->target = 5;
        return 0;
    case ABI_SIGNAL_MSI:
        fake.msi = *(struct abi_msi *)memory;
        return fake.msi_result;
    case ABI_IRQFD:
        fake.irqfd = *(struct abi_irqfd *)memory;
        return 0;
    case ABI_IOEVENTFD:
        fake.ioeventfd = *(struct abi_ioeventfd *)memory;
        return 0;
    default:
        return -ABI_ENOTTY;
    }
}

static int kvm_ioctl(uint32_t request, uintptr_t argument)
{
    switch (request) {
    case ABI_GET_API_VERSION:
        return fake.api_version;
    case ABI_GET_VCPU_MMAP_SIZE:
        return fake.mmap_size;
    case ABI_CHECK_EXTENSION:
        if (argument == ABI_CAP_IPA_SIZE) {
            return fake.ipa_bits;
        }
        return !fake.missing[argument];
    case ABI_CREATE_VM:
        fake.vm_type = (uint32_t)argument;
        fake.fds++;
        return FD_VM;
    default:
        return -ABI_ENOTTY;
    }
}

static int do_ioctl(void *context, int fd, uint32_t request, uintptr_t argument)
{
    assert_ptr_equal(context, &fake);
    if (request == fake.fail_request && fake.fail_error != 0) {
        if (fake.fail_skip == 0) {
            fake.fail_request = 0;
            return -fake.fail_error;
        }
        fake.fail_skip--;
    }
    if (fd >= FD_VCPU) {
        assert_true((unsigned)(fd - FD_VCPU) < fake.cpu_count);
        return cpu_ioctl(&fake.cpus[fd - FD_VCPU], request, argument);
    }
    switch (fd) {
    case FD_KVM:
        return kvm_ioctl(request, argument);
    case FD_VM:
        return vm_ioctl(request, argument);
    case FD_GIC:
    case FD_ITS:
        return gic_ioctl(fd, request, (const struct abi_device_attr *)argument);
    default:
        fail();
        return -ABI_EINVAL;
    }
}

static int open_kvm(void *context)
{
    if (fake.open_result >= 0) {
        fake.fds++;
    }
    return fake.open_result;
}

static void close_fd(void *context, int fd)
{
    assert_true(fd >= FD_KVM);
    fake.fds--;
}

static void *map(void *context, int fd, size_t size)
{
    struct fake_cpu *cpu = &fake.cpus[fd - FD_VCPU];

    assert_int_equal(size, fake.mmap_size);
    if (fake.no_map) {
        return NULL;
    }
    cpu->mapped = true;
    return &cpu->page;
}

static void unmap(void *context, void *address, size_t size)
{
    for (unsigned i = 0; i < FAKE_CPUS; i++) {
        if (address == &fake.cpus[i].page) {
            fake.cpus[i].mapped = false;
        }
    }
}

static uint64_t thread(void *context)
{
    return 4711;
}

static void kick(void *context, uint64_t id)
{
    assert_int_equal(id, 4711);
    atomic_fetch_add(&fake.kicks, 1);
}

static int no_run(struct fake *f, unsigned cpu, struct abi_run *page)
{
    fail_msg("vCPU %u runs", cpu);
    return 0;
}

void fake_reset(void)
{
    memset(&fake, 0, sizeof(fake));
    fake_gic_reset();
    fake.system = (struct vml_kvm_system){.open = open_kvm,
                                          .close = close_fd,
                                          .ioctl = do_ioctl,
                                          .map = map,
                                          .unmap = unmap,
                                          .thread = thread,
                                          .kick = kick,
                                          .context = &fake,
                                          .CNTFRQ_EL0 = 62500000,
                                          .DCZID_EL0 = 4};
    fake.open_result = FD_KVM;
    fake.api_version = ABI_API_VERSION;
    fake.mmap_size = 4096;
    fake.ipa_bits = 44;
    fake.msi_result = 1;
    fake.run = no_run;
}
