/* Making a machine: capabilities, memory, vCPUs, the kernel's interrupt controller. */
#include "fixture.h"

static enum vml_status try_machine(void)
{
    return vml_kvm_machine_init(&fx.machine, &fx.config);
}

static void fail_at(uint32_t request, int error, unsigned skip)
{
    fake.fail_request = request;
    fake.fail_error = error;
    fake.fail_skip = skip;
}

static void test_configuration_is_checked(void **state)
{
    struct vml_kvm_machine_config config = fx.config;

    config.system = NULL;
    assert_int_equal(vml_kvm_machine_init(&fx.machine, &config), VML_ERR_INVALID);
    config = fx.config;
    config.memory = NULL;
    assert_int_equal(vml_kvm_machine_init(&fx.machine, &config), VML_ERR_INVALID);
    config = fx.config;
    config.max_cpus = 0;
    assert_int_equal(vml_kvm_machine_init(&fx.machine, &config), VML_ERR_INVALID);
    config = fx.config;
    config.irq_controller = NULL;
    assert_int_equal(vml_kvm_machine_init(&fx.machine, &config), VML_ERR_INVALID);
}

static void test_no_kvm(void **state)
{
    fake.open_result = -ABI_ENOENT;
    assert_int_equal(try_machine(), VML_ERR_UNSUPPORTED);
    fake.open_result = -ABI_EACCES;
    assert_int_equal(try_machine(), VML_ERR_ACCESS);
    fake.open_result = -5;
    assert_int_equal(try_machine(), VML_ERR_IO);
}

static void test_what_cannot_be_done_without(void **state)
{
    static const uint32_t needed[] = {ABI_CAP_IMMEDIATE_EXIT, ABI_CAP_PSCI_0_2, ABI_CAP_MP_STATE,
                                      ABI_CAP_USER_IRQ};

    for (unsigned i = 0; i < VML_ARRAY_SIZE(needed); i++) {
        fake.missing[needed[i]] = true;
        assert_int_equal(try_machine(), VML_ERR_UNSUPPORTED);
        assert_int_equal(fake.fds, 0);
        fake.missing[needed[i]] = false;
    }
    fake.api_version = 11;
    assert_int_equal(try_machine(), VML_ERR_UNSUPPORTED);
    fake.api_version = 12;
    fake.mmap_size = 300;
    assert_int_equal(try_machine(), VML_ERR_UNSUPPORTED);
    fake.mmap_size = 4096;
    fail_at(ABI_CREATE_VM, ABI_ENOMEM, 0);
    assert_int_equal(try_machine(), VML_ERR_NO_MEMORY);
}

static void test_address_bits(void **state)
{
    fx.config.ipa_bits = 45;
    assert_int_equal(try_machine(), VML_ERR_UNSUPPORTED);
    fx.config.ipa_bits = 44;
    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(fake.vm_type, 44);
    vml_kvm_machine_destroy(&fx.machine);
    /* 40 bits are type 0, which older kernels have, too. */
    fake.ipa_bits = 0;
    fx.config.ipa_bits = 0;
    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(fake.vm_type, 0);
    vml_kvm_machine_destroy(&fx.machine);
    fx.config.ipa_bits = 41;
    assert_int_equal(try_machine(), VML_ERR_UNSUPPORTED);
}

/* All calls but those of the Arm architecture go to the machine's firmware. */
static void test_calls_are_forwarded(void **state)
{
    uint64_t next = 0;

    assert_int_equal(try_machine(), VML_OK);
    assert_true(fx.machine.firmware);
    assert_int_equal(fake.filter_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fake.filters[i].action, ABI_SMCCC_FWD_TO_USER);
        assert_true(fake.filters[i].base == next);
        next = (uint64_t)fake.filters[i].base + fake.filters[i].nr_functions;
        assert_true(next == 0x80000000 || next == 0xc0000000 || next == 0x100000000);
        next += 0x10000;
    }
    assert_true(next == 0x100010000);
    /* The kernel's PSCI is not asked for suspend events. */
    assert_int_equal(fake.enabled_count, 1);
    assert_int_equal(fake.enabled[0], ABI_CAP_NISV_TO_USER);
}

static void test_kernels_firmware(void **state)
{
    fake.no_filter = true;
    assert_int_equal(try_machine(), VML_OK);
    assert_false(fx.machine.firmware);
    assert_int_equal(fake.filter_count, 0);
    assert_int_equal(fake.enabled[1], ABI_CAP_SYSTEM_SUSPEND);
    vml_kvm_machine_destroy(&fx.machine);
    /* Refused half way: then none of it counts. */
    fake.no_filter = false;
    fail_at(ABI_SET_DEVICE_ATTR, ABI_EINVAL, 1);
    assert_int_equal(try_machine(), VML_OK);
    assert_false(fx.machine.firmware);
    vml_kvm_machine_destroy(&fx.machine);
    /* Not wanted: nothing is forwarded. */
    fake.filter_count = 0;
    fx.config.smccc = NULL;
    assert_int_equal(try_machine(), VML_OK);
    assert_false(fx.machine.firmware);
    assert_int_equal(fake.filter_count, 0);
}

static void test_optional_capabilities(void **state)
{
    fake.missing[ABI_CAP_NISV_TO_USER] = true;
    fake.missing[ABI_CAP_SYSTEM_SUSPEND] = true;
    fx.config.smccc = NULL;
    assert_int_equal(try_machine(), VML_OK);
    assert_false(fx.machine.has.nisv);
    assert_int_equal(fake.enabled_count, 0);
    vml_kvm_machine_destroy(&fx.machine);
    fake.missing[ABI_CAP_NISV_TO_USER] = false;
    fail_at(ABI_ENABLE_CAP, ABI_EINVAL, 0);
    assert_int_equal(try_machine(), VML_OK);
    assert_false(fx.machine.has.nisv);
}

static void test_memory_becomes_slots(void **state)
{
    const struct abi_memory_region *rom = &fake.slots[0], *ram = &fake.slots[1];

    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(fake.slot_calls, 2);
    assert_int_equal(rom->guest_phys_addr, 0);
    assert_int_equal(rom->memory_size, ROM_SIZE);
    assert_int_equal(rom->flags, ABI_MEM_READONLY);
    assert_int_equal(ram->guest_phys_addr, RAM);
    assert_int_equal(ram->memory_size, RAM_SIZE);
    assert_int_equal(ram->flags, 0);
    assert_true(ram->userspace_addr == (uintptr_t)fx.regions[0].host);
    /* Nothing changed: nothing is said. */
    assert_int_equal(vml_kvm_memory_changed(&fx.machine), VML_OK);
    assert_int_equal(fake.slot_calls, 2);
    /* One goes, and its slot is used again. */
    assert_int_equal(vml_as_remove(&fx.as, &fx.regions[1]), VML_OK);
    assert_int_equal(vml_kvm_memory_changed(&fx.machine), VML_OK);
    assert_int_equal(rom->memory_size, 0);
    fx.regions[2] =
        (struct vml_as_region){"more", RAM + RAM_SIZE, 0x4000, fx.regions[0].host, 0, NULL};
    assert_int_equal(vml_as_add(&fx.as, &fx.regions[2]), VML_OK);
    assert_int_equal(vml_kvm_memory_changed(&fx.machine), VML_OK);
    assert_int_equal(rom->guest_phys_addr, RAM + RAM_SIZE);
    assert_int_equal(rom->memory_size, 0x4000);
}

/* A flash that leaves read array mode is no memory for a while; a ROM may become RAM. */
static void test_kind_of_memory_changes(void **state)
{
    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(vml_as_remove(&fx.as, &fx.regions[1]), VML_OK);
    fx.regions[1].flags = 0;
    assert_int_equal(vml_as_add(&fx.as, &fx.regions[1]), VML_OK);
    fake.slot_calls = 0;
    assert_int_equal(vml_kvm_memory_changed(&fx.machine), VML_OK);
    assert_int_equal(fake.slot_calls, 2); /* gone, and there again */
    assert_int_equal(fake.slots[0].flags, 0);
    assert_int_equal(fake.slots[0].memory_size, ROM_SIZE);
}

static void test_memory_is_refused(void **state)
{
    fail_at(ABI_SET_MEMORY_REGION, ABI_EEXIST, 1);
    assert_int_equal(try_machine(), VML_ERR_OVERLAP);
    assert_int_equal(fake.fds, 0);
    for (uint32_t i = 2; i < 34; i++) {
        fx.regions[i] = (struct vml_as_region){
            "page", UINT64_C(0x80000000) + i * 0x2000, 0x1000, fx.regions[0].host, 0, NULL};
        assert_int_equal(vml_as_add(&fx.as, &fx.regions[i]), VML_OK);
    }
    assert_int_equal(try_machine(), VML_ERR_NO_SPACE);
    fx.machine.config.system = NULL;
    assert_int_equal(fake.fds, 0);
}

static void test_slot_does_not_go(void **state)
{
    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(vml_as_remove(&fx.as, &fx.regions[1]), VML_OK);
    fail_at(ABI_SET_MEMORY_REGION, ABI_EINVAL, 0);
    assert_int_equal(vml_kvm_memory_changed(&fx.machine), VML_ERR_IO);
}

static void test_no_readonly_memory(void **state)
{
    fake.missing[ABI_CAP_READONLY_MEM] = true;
    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(fake.slot_calls, 1);
    assert_int_equal(fake.slots[0].guest_phys_addr, RAM);
}

static void test_dirty_pages(void **state)
{
    static _Atomic uint64_t dirty[VML_AS_DIRTY_WORDS(RAM_SIZE)];
    uint64_t bitmap[VML_AS_DIRTY_WORDS(RAM_SIZE)], taken[VML_AS_DIRTY_WORDS(RAM_SIZE)];

    assert_int_equal(vml_as_remove(&fx.as, &fx.regions[0]), VML_OK);
    fx.regions[0].dirty = dirty;
    assert_int_equal(vml_as_add(&fx.as, &fx.regions[0]), VML_OK);
    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(vml_kvm_collect_dirty(&fx.machine, bitmap, 0), VML_OK); /* not tracked */
    vml_as_track(&fx.as, true);
    assert_int_equal(vml_kvm_memory_changed(&fx.machine), VML_OK);
    assert_int_equal(fake.slots[1].flags, ABI_MEM_LOG_DIRTY_PAGES);
    assert_int_equal(fake.slots[0].flags, ABI_MEM_READONLY);
    fake.dirty_bits = 0x8000000000000005;
    assert_int_equal(vml_kvm_collect_dirty(&fx.machine, bitmap, 1), VML_ERR_NO_SPACE);
    assert_int_equal(vml_kvm_collect_dirty(&fx.machine, bitmap, VML_ARRAY_SIZE(bitmap)), VML_OK);
    assert_int_equal(vml_as_take_dirty(&fx.as, &fx.regions[0], taken), VML_OK);
    assert_true(taken[0] == 0x8000000000000005);
    assert_int_equal(taken[1], 0);
    fail_at(ABI_GET_DIRTY_LOG, ABI_ENOENT, 0);
    assert_int_equal(vml_kvm_collect_dirty(&fx.machine, bitmap, VML_ARRAY_SIZE(bitmap)),
                     VML_ERR_UNSUPPORTED);
    vml_as_track(&fx.as, false);
    assert_int_equal(vml_kvm_memory_changed(&fx.machine), VML_OK);
    assert_int_equal(fake.slots[1].flags, 0);
}

/* ---- vCPUs ---- */

static enum vml_status try_vcpu(uint32_t index, uint64_t mpidr, const struct vml_arm_ids *ids)
{
    struct vml_kvm_config config = {
        .cpu = {.index = index, .mpidr = mpidr}, .machine = &fx.machine, .ids = ids};

    return vml_kvm_init(&fx.kvms[index], &config);
}

static void test_vcpus_are_made_in_order(void **state)
{
    fx.config.max_cpus = 1;
    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(vml_kvm_machine_ready(&fx.machine), VML_ERR_STATE);
    assert_int_equal(try_vcpu(1, 1, NULL), VML_ERR_INVALID);
    assert_int_equal(try_vcpu(0, 0, NULL), VML_OK);
    assert_ptr_equal(vml_kvm_of(&fx.kvms[0].cpu), &fx.kvms[0]);
    assert_int_equal(fake.cpus[0].init.target, 5);
    assert_int_equal(fake.cpus[0].init.features[0], 1u << ABI_VCPU_PSCI_0_2);
    assert_int_equal(try_vcpu(1, 1, NULL), VML_ERR_NO_SPACE);
    assert_int_equal(vml_kvm_machine_ready(&fx.machine), VML_OK);
    assert_int_equal(try_vcpu(1, 1, NULL), VML_ERR_INVALID);
}

static void test_vcpu_is_refused(void **state)
{
    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(try_vcpu(0, VML_BIT64(60), NULL), VML_ERR_INVALID);
    fail_at(ABI_CREATE_VCPU, ABI_EEXIST, 0);
    assert_int_equal(try_vcpu(0, 0, NULL), VML_ERR_OVERLAP);
    fake.no_map = true;
    assert_int_equal(try_vcpu(0, 0, NULL), VML_ERR_NO_MEMORY);
    fake.no_map = false;
    fake.cpu_count = 0;
    fail_at(ABI_ARM_VCPU_INIT, ABI_EINVAL, 0);
    assert_int_equal(try_vcpu(0, 0, NULL), VML_ERR_IO);
    fake.cpu_count = 0;
    fail_at(ABI_ARM_PREFERRED, ABI_ENODEV, 0);
    assert_int_equal(try_vcpu(0, 0, NULL), VML_ERR_UNSUPPORTED);
    assert_int_equal(fx.machine.count, 0);
    assert_false(fake.cpus[0].mapped);
}

static void test_affinity(void **state)
{
    uint64_t mpidr = ABI_REG_SYS(VML_SYSREG(3, 0, 0, 0, 5));

    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(try_vcpu(0, 0x100, NULL), VML_OK);
    assert_int_equal(*fake_reg(0, mpidr), 0x80000100);
    fake.read_only_ids = true;
    assert_int_equal(try_vcpu(1, 0x101, NULL), VML_ERR_UNSUPPORTED);
}

static void test_identification(void **state)
{
    struct vml_arm_ids ids, now;

    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(try_vcpu(0, 0, NULL), VML_OK);
    assert_int_equal(vml_kvm_ids(&fx.kvms[0], &ids), VML_OK);
    assert_int_equal(ids.CNTFRQ_EL0, 62500000);
    assert_int_equal(ids.DCZID_EL0, 4);
    assert_int_equal(ids.MIDR_EL1, 0x100);
    assert_int_equal(ids.ID_AA64MMFR2_EL1, 0x10e);
    /* What the kernel offers, but for one that it lets be changed. */
    ids.ID_AA64ISAR0_EL1 = 0x1234;
    assert_int_equal(try_vcpu(1, 1, &ids), VML_OK);
    assert_int_equal(vml_kvm_ids(&fx.kvms[1], &now), VML_OK);
    assert_memory_equal(&now, &ids, sizeof(now));
    /* One that it does not. */
    fake.read_only_ids = true;
    assert_int_equal(try_vcpu(2, 2, &ids), VML_ERR_UNSUPPORTED);
    fake.read_only_ids = false;
    fake.cpu_count = 2;
    ids.CNTFRQ_EL0 = 1000000000;
    assert_int_equal(try_vcpu(2, 2, &ids), VML_ERR_UNSUPPORTED);
    fake.cpu_count = 2;
    fail_at(ABI_GET_ONE_REG, ABI_EINVAL, 0);
    assert_int_equal(try_vcpu(2, 2, &ids), VML_ERR_IO);
}

static void lower(void *context, struct vml_arm_ids *ids)
{
    *(uint64_t *)context = ids->ID_AA64MMFR2_EL1;
    ids->ID_AA64MMFR2_EL1 = 0x100;
}

/* A machine that is to go on elsewhere shows less, as far as the kernel lets it. */
static void test_identification_is_lowered(void **state)
{
    uint64_t offered = 0;
    struct vml_kvm_config config = {.cpu = {.index = 0, .mpidr = 0},
                                    .machine = &fx.machine,
                                    .limit = lower,
                                    .context = &offered};
    struct vml_arm_ids ids;

    assert_int_equal(try_machine(), VML_OK);
    assert_int_equal(vml_kvm_init(&fx.kvms[0], &config), VML_OK);
    assert_int_equal(offered, 0x10e);
    assert_int_equal(vml_kvm_ids(&fx.kvms[0], &ids), VML_OK);
    assert_int_equal(ids.ID_AA64MMFR2_EL1, 0x100);
    fake.read_only_ids = true;
    config.cpu = (struct vml_cpu_config){.index = 1, .mpidr = 1};
    assert_int_equal(vml_kvm_init(&fx.kvms[1], &config), VML_OK);
    assert_int_equal(vml_kvm_ids(&fx.kvms[1], &ids), VML_OK);
    assert_int_equal(ids.ID_AA64MMFR2_EL1, 0x10e);
}

/* ---- the kernel's interrupt controller ---- */

static void kernel_gic(void)
{
    fx.config.irq_controller = NULL;
    fx.config.gic = &fx.gic;
}

static void assert_attr(unsigned i, uint32_t group, uint64_t attr, uint64_t value)
{
    assert_int_equal(fake.attrs[i].group, group);
    assert_int_equal(fake.attrs[i].attr, attr);
    assert_true(fake.attrs[i].value == value);
}

static void test_gic_is_put_together(void **state)
{
    kernel_gic();
    fixture_machine(2);
    assert_int_equal(fake.attr_count, 6);
    assert_attr(0, ABI_VGIC_GRP_ADDR, ABI_VGIC_ADDR_V3_DIST, 0x08000000);
    /* Two redistributors, in bits 63:52. */
    assert_attr(1, ABI_VGIC_GRP_ADDR, ABI_VGIC_ADDR_V3_REDIST_REGION,
                UINT64_C(2) << 52 | 0x080a0000);
    assert_attr(2, ABI_VGIC_GRP_NR_IRQS, 0, 96);
    assert_attr(3, ABI_VGIC_GRP_CTRL, ABI_VGIC_CTRL_INIT, 0);
    assert_attr(4, ABI_VGIC_GRP_ADDR, ABI_VGIC_ADDR_ITS, 0x08080000);
    assert_attr(5, ABI_VGIC_GRP_CTRL, ABI_VGIC_CTRL_INIT, 0);
    /* Only once. */
    assert_int_equal(vml_kvm_machine_ready(&fx.machine), VML_OK);
    assert_int_equal(fake.attr_count, 6);
}

static void test_gic_wires(void **state)
{
    struct vml_irq spi, ppi, sgi;
    struct vml_msi msi = {.address = UINT64_C(0x108090040), .data = 3, .device_id = 7};

    kernel_gic();
    fixture_machine(2);
    spi = vml_irq_wire(fx.machine.irqs, 33, 0);
    ppi = vml_irq_wire(fx.machine.irqs, 27, 1);
    sgi = vml_irq_wire(fx.machine.irqs, 5, 1);
    vml_irq_set(&spi, true);
    vml_irq_set(&ppi, false);
    vml_irq_set(&sgi, true); /* has no wire */
    vml_irq_pulse(&spi);
    assert_int_equal(fake.line_count, 4);
    assert_int_equal(fake.lines[0].irq, 1u << 24 | 33);
    assert_int_equal(fake.lines[0].level, 1);
    assert_int_equal(fake.lines[1].irq, 2u << 24 | 1u << 16 | 27);
    assert_int_equal(fake.lines[1].level, 0);
    assert_int_equal(fake.lines[2].level, 1);
    assert_int_equal(fake.lines[3].level, 0);
    assert_int_equal(vml_irq_msi(&spi, &msi), VML_OK);
    assert_int_equal(fake.msi.address_lo, 0x08090040);
    assert_int_equal(fake.msi.address_hi, 1);
    assert_int_equal(fake.msi.data, 3);
    assert_int_equal(fake.msi.devid, 7);
    assert_int_equal(fake.msi.flags, ABI_MSI_VALID_DEVID);
    fake.msi_result = 0; /* blocked by the guest */
    assert_int_equal(vml_irq_msi(&spi, &msi), VML_OK);
    fake.msi_result = -ABI_EINVAL;
    assert_int_equal(vml_irq_msi(&spi, &msi), VML_ERR_NOT_FOUND);
    assert_false(fx.machine.irqs->ops->pending(fx.machine.irqs, 0, VML_IRQ_OUTPUT_IRQ));
}

static void test_no_its(void **state)
{
    struct vml_msi msi = {0};
    struct vml_irq spi;

    kernel_gic();
    fail_at(ABI_CREATE_DEVICE, ABI_ENODEV, 1);
    fixture_machine(1);
    spi = vml_irq_wire(fx.machine.irqs, 33, 0);
    assert_int_equal(vml_irq_msi(&spi, &msi), VML_ERR_UNSUPPORTED);
    assert_int_equal(fake.attr_count, 4);
}

static void test_gic_is_refused(void **state)
{
    kernel_gic();
    fx.config.smccc = NULL;
    fail_at(ABI_CREATE_DEVICE, ABI_ENODEV, 0);
    assert_int_equal(try_machine(), VML_ERR_UNSUPPORTED);
    fx.gic.spis = 33;
    assert_int_equal(try_machine(), VML_ERR_INVALID);
    fx.gic.spis = 992;
    assert_int_equal(try_machine(), VML_ERR_INVALID);
    assert_int_equal(fake.fds, 0);
    fx.gic.spis = 64;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(try_machine(), VML_OK);
        fake.cpu_count = 0;
        assert_int_equal(try_vcpu(0, 0, NULL), VML_OK);
        fail_at(ABI_SET_DEVICE_ATTR, ABI_EINVAL, i);
        assert_int_equal(vml_kvm_machine_ready(&fx.machine), VML_ERR_IO);
        vml_kvm_destroy(&fx.kvms[0]);
        vml_kvm_machine_destroy(&fx.machine);
        fx.machine.count = 0;
    }
}

static void test_irqfd(void **state)
{
    kernel_gic();
    fixture_machine(1);
    assert_int_equal(vml_kvm_irqfd(&fx.machine, 31, 5, true), VML_ERR_RANGE);
    assert_int_equal(vml_kvm_irqfd(&fx.machine, 96, 5, true), VML_ERR_RANGE);
    assert_int_equal(vml_kvm_irqfd(&fx.machine, 95, 5, true), VML_OK);
    assert_int_equal(fake.irqfd.gsi, 63);
    assert_int_equal(fake.irqfd.fd, 5);
    assert_int_equal(fake.irqfd.flags, 0);
    assert_int_equal(vml_kvm_irqfd(&fx.machine, 95, 5, false), VML_OK);
    assert_int_equal(fake.irqfd.flags, ABI_IRQFD_DEASSIGN);
    fail_at(ABI_IRQFD, ABI_EBUSY, 0);
    assert_int_equal(vml_kvm_irqfd(&fx.machine, 95, 5, true), VML_ERR_BUSY);
}

static void test_irqfd_needs_the_kernels_gic(void **state)
{
    fixture_machine(1);
    assert_int_equal(vml_kvm_irqfd(&fx.machine, 95, 5, true), VML_ERR_UNSUPPORTED);
}

static void test_ioeventfd(void **state)
{
    struct vml_kvm_ioeventfd what = {
        .address = DEVICE + 0x50, .size = 4, .match = true, .value = 1, .eventfd = 6};

    fixture_machine(1);
    assert_int_equal(vml_kvm_ioeventfd(&fx.machine, &what, true), VML_OK);
    assert_int_equal(fake.ioeventfd.addr, DEVICE + 0x50);
    assert_int_equal(fake.ioeventfd.len, 4);
    assert_int_equal(fake.ioeventfd.datamatch, 1);
    assert_int_equal(fake.ioeventfd.fd, 6);
    assert_int_equal(fake.ioeventfd.flags, ABI_IOEVENTFD_DATAMATCH);
    what.match = false;
    assert_int_equal(vml_kvm_ioeventfd(&fx.machine, &what, false), VML_OK);
    assert_int_equal(fake.ioeventfd.flags, ABI_IOEVENTFD_DEASSIGN);
    fx.machine.has.ioeventfd = false;
    assert_int_equal(vml_kvm_ioeventfd(&fx.machine, &what, true), VML_ERR_UNSUPPORTED);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_begin, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_configuration_is_checked),
        TEST(test_no_kvm),
        TEST(test_what_cannot_be_done_without),
        TEST(test_address_bits),
        TEST(test_calls_are_forwarded),
        TEST(test_kernels_firmware),
        TEST(test_optional_capabilities),
        TEST(test_memory_becomes_slots),
        TEST(test_kind_of_memory_changes),
        TEST(test_memory_is_refused),
        TEST(test_slot_does_not_go),
        TEST(test_no_readonly_memory),
        TEST(test_dirty_pages),
        TEST(test_vcpus_are_made_in_order),
        TEST(test_vcpu_is_refused),
        TEST(test_affinity),
        TEST(test_identification),
        TEST(test_identification_is_lowered),
        TEST(test_gic_is_put_together),
        TEST(test_gic_wires),
        TEST(test_no_its),
        TEST(test_gic_is_refused),
        TEST(test_irqfd),
        TEST(test_irqfd_needs_the_kernels_gic),
        TEST(test_ioeventfd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
