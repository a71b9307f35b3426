/* The kernel's GICv3 and ITS, to and from the library's. */
#include "fake_gic.h"
#include "fixture.h"

#include <vml/state.h>

enum {
    SPIS = 64,
    LPIS = 8192,
    LPI = 8192,
    PROP = RAM + 0x10000, /* each 64 KiB */
    PEND = RAM + 0x20000, /* of two vCPUs */
    DEVICES = RAM + 0x40000,
    COLLECTIONS = RAM + 0x50000,
    ITT = RAM + 0x60000,
    QUEUE = RAM + 0x70000,
    DEVICE_ID = 3,
};
#define ICC(crm, op2) VML_SYSREG(3, 0, 12, crm, op2)
#define ICC_PMR       VML_SYSREG(3, 0, 4, 6, 0)
#define VALID         VML_BIT64(63)
#define MPIDR1        (UINT64_C(1) << 32) /* vCPU 1 in an attribute */

/* The library's GIC and ITS, which stand for the kernel's. */
struct carrier {
    struct vml_gic gic;
    struct vml_its its;
    void *storage;
};

static struct carrier a, b;

static void make(struct carrier *c, uint32_t spis)
{
    struct vml_gic_config config = {
        .version = 3, .cpus = 2, .spis = spis, .lpis = LPIS, .memory = &fx.as};
    struct vml_its_config its = {.gic = &c->gic, .base = fx.gic.its_base};

    config.mpidrs = (const uint64_t[]){0, 1};
    config.storage_size = vml_gic_storage_size(&config);
    c->storage = aligned_alloc(VML_CACHE_LINE_SIZE, (config.storage_size + 4095) / 4096 * 4096);
    config.storage = c->storage;
    assert_int_equal(vml_gic_init(&c->gic, &config), VML_OK);
    assert_int_equal(vml_its_init(&c->its, &its), VML_OK);
}

static int begin(void **state)
{
    (void)fixture_begin(state);
    fx.config.irq_controller = NULL;
    fx.config.gic = &fx.gic;
    make(&a, SPIS);
    make(&b, SPIS);
    return 0;
}

static int end(void **state)
{
    free(a.storage);
    free(b.storage);
    return fixture_end(state);
}

static uint8_t *memory(uint64_t address)
{
    return (uint8_t *)fx.regions[0].host + (address - RAM);
}

static uint64_t load(uint64_t address)
{
    return vml_load_le64(memory(address));
}

static void store(uint64_t address, uint64_t value)
{
    vml_store_le64(memory(address), value);
}

static void access_to(struct vml_device *device, bool write, uint64_t offset, uint8_t size,
                      uint64_t *value)
{
    struct vml_access access = {.offset = offset, .size = size, .value = *value, .write = write};

    assert_int_equal(device->ops->access(device, &access), VML_BUS_OK);
    *value = access.value;
}

static void put(struct vml_device *device, uint64_t offset, uint8_t size, uint64_t value)
{
    access_to(device, true, offset, size, &value);
}

static uint64_t get(struct vml_device *device, uint64_t offset, uint8_t size)
{
    uint64_t value = 0;

    access_to(device, false, offset, size, &value);
    return value;
}

static void put_icc(struct carrier *c, uint32_t cpu, uint64_t sysreg, uint64_t value)
{
    assert_int_equal(vml_gic_icc_write(&c->gic, cpu, sysreg, value), VML_BUS_OK);
}

static uint64_t get_icc(struct carrier *c, uint32_t cpu, uint64_t sysreg)
{
    uint64_t value;

    assert_int_equal(vml_gic_icc_read(&c->gic, cpu, sysreg, &value), VML_BUS_OK);
    return value;
}

static uint32_t dist(uint64_t offset)
{
    return (uint32_t)*fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, offset);
}

static uint32_t redist(uint64_t attr)
{
    return (uint32_t)*fake_gic_reg(ABI_VGIC_GRP_REDIST_REGS, attr);
}

static uint64_t icc(uint64_t mpidr, uint64_t sysreg)
{
    return *fake_gic_reg(ABI_VGIC_GRP_CPU_SYSREGS, mpidr | sysreg >> 3);
}

/* As a guest does: SPIs 33 (edge) and 40 (level), PPI 27 and SGI 3, on two vCPUs. */
static void make_state(struct carrier *c)
{
    struct vml_gic *gic = &c->gic;

    put(&gic->gicd, 0x000, 4, 3);
    put(&gic->gicd, 0x084, 4, 0xffffffff);
    put(&gic->gicd, 0x088, 4, 0xfffffffe); /* INTID 64 is in group 0 */
    put(&gic->gicd, 0xc08, 4, 2 << 2);     /* INTID 33 is edge-triggered */
    put(&gic->gicd, 0x420, 4, 0xa0b0c0d8);
    put(&gic->gicd, 0x104, 4, 0x102);
    put(&gic->gicd, 0x6000 + 8 * 33, 8, 1); /* to vCPU 1 */
    vml_gic_set_level(gic, 40, 0, true);
    vml_gic_pulse(gic, 33, 0);
    put(&gic->gicd, 0x208, 4, 0x10); /* INTID 68: latched without its wire */
    put(&gic->gicd, 0x304, 4, 0x8);  /* INTID 35: active */
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t at = (uint64_t)i * VML_GICR_SIZE;

        put(&gic->gicr, at + 0x14, 4, 0);
        put(&gic->gicr, at + 0x10080, 4, 0xffffffff);
        put(&gic->gicr, at + 0x10100, 4, 0x0800ffff);
        put(&gic->gicr, at + 0x10418, 4, 0xa0000000 | i << 3);
        put_icc(c, i, ICC_PMR, 0xf0);
        put_icc(c, i, ICC(8, 3), 3);
        put_icc(c, i, ICC(12, 3), 5);
        put_icc(c, i, ICC(12, 6), 1);
        put_icc(c, i, ICC(12, 7), 1);
        put_icc(c, i, ICC(12, 4), 2 * i);
    }
    vml_gic_set_level(gic, 27, 1, true);
    vml_gic_set_pending(gic, 3, 1);
    put_icc(c, 1, ICC(9, 0), 0x00100000);
    put_icc(c, 0, ICC(8, 4), 0x00000400);
}

/* Device 3 with two events, collections 0 and 1, LPI 8193 pending on vCPU 1. */
static void make_lpis(struct carrier *c)
{
    struct vml_its_registers registers = {
        .enabled = true,
        .cbaser = VALID | QUEUE,
        .cwriter = 0x40,
        .creadr = 0x40,
        .baser = {VALID | DEVICES | 2 << 8, VALID | COLLECTIONS | 2 << 8}};

    memory(PROP)[0] = memory(PROP)[1] = 0xa1;
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t at = (uint64_t)i * VML_GICR_SIZE;

        put(&c->gic.gicr, at + 0x70, 8, PROP | 15);
        put(&c->gic.gicr, at + 0x78, 8, PEND + i * 0x10000);
        put(&c->gic.gicr, at, 4, 1);
    }
    vml_its_set_registers(&c->its, &registers);
    store(DEVICES + DEVICE_ID * 8, VALID | ITT | 4);
    store(COLLECTIONS, VALID | 0);
    store(COLLECTIONS + 8, VALID | 1);
    store(ITT, VALID | (uint64_t)LPI << 16 | 0);
    store(ITT + 5 * 8, VALID | (uint64_t)(LPI + 1) << 16 | 1);
    assert_int_equal(vml_its_msi(&c->its, DEVICE_ID, 5), VML_OK);
}

static size_t state_of(struct carrier *c, uint8_t *bytes, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, bytes, size);
    c->gic.gicd.ops->save(&c->gic.gicd, &w);
    c->its.device.ops->save(&c->its.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static void assert_same_state(void)
{
    static uint8_t one[65536], other[65536];
    size_t size = state_of(&a, one, sizeof(one));

    assert_int_equal(state_of(&b, other, sizeof(other)), size);
    assert_memory_equal(one, other, size);
}

static void test_there_and_back(void **state)
{
    fixture_machine(2);
    make_state(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &b.gic, &b.its), VML_OK);
    assert_same_state();
    assert_int_equal(get_icc(&b, 1, ICC(12, 2)), 3); /* and what comes first */
    /* What was in the library's GIC before is gone. */
    vml_gic_reset(&a.gic);
    vml_gic_set_level(&a.gic, 50, 0, true);
    put(&a.gic.gicd, 0x104, 4, 0xffffffff);
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_same_state();
}

/* A kernel's GIC that has been used is not added to. */
static void test_what_was_there_goes(void **state)
{
    fixture_machine(2);
    for (uint32_t word = 1; word < 3; word++) {
        *fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, 0x100 + 4 * word) = 0xffffffff;
        *fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, 0x200 + 4 * word) = 0xffffffff;
        *fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, 0x300 + 4 * word) = 0xffffffff;
        *fake_gic_reg(ABI_VGIC_GRP_LEVEL_INFO, 32 * word) = 0xffffffff;
    }
    make_state(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &b.gic, &b.its), VML_OK);
    assert_same_state();
}

static void test_registers_are_the_kernels(void **state)
{
    fixture_machine(2);
    make_state(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(dist(0x000), 2); /* the one enable */
    assert_int_equal(dist(0x084), 0xffffffff);
    assert_int_equal(dist(0x088), 0xfffffffe);
    assert_int_equal(dist(0x104), 0x102);
    assert_int_equal(dist(0x304), 0x8);
    assert_int_equal(dist(0x420), 0xa0b0c0d8);
    assert_int_equal(dist(0xc08), 2 << 2);
    assert_int_equal(dist(0x6000 + 8 * 33), 1);
    /* The latch alone; the wires' levels apart from it. */
    assert_int_equal(dist(0x204), 1 << 1);
    assert_int_equal(dist(0x208), 1 << 4);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_LEVEL_INFO, 32), 1 << 8);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_LEVEL_INFO, MPIDR1), 1 << 27);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_LEVEL_INFO, 0), 0);
    assert_int_equal(redist(MPIDR1 | 0x10200), 1 << 3);
    assert_int_equal(redist(0x10200), 0);
    assert_int_equal(redist(MPIDR1 | 0x10418), 0xa0000008);
    assert_int_equal(icc(MPIDR1, ICC_PMR), 0xf0);
    assert_int_equal(icc(MPIDR1, ICC(8, 3)), 3);
    assert_int_equal(icc(MPIDR1, ICC(12, 3)), 5);
    assert_int_equal(icc(MPIDR1, ICC(12, 4)), 2);
    assert_int_equal(icc(0, ICC(12, 4)), 0);
    assert_int_equal(icc(0, ICC(12, 7)), 1);
    assert_int_equal(icc(MPIDR1, ICC(9, 0)), 0x00100000);
    assert_int_equal(icc(0, ICC(8, 4)), 0x400);
}

/* A level-sensitive input that is high, and latched too; low, and latched. */
static void test_latch_and_level(void **state)
{
    fixture_machine(2);
    *fake_gic_reg(ABI_VGIC_GRP_LEVEL_INFO, 32) = 0x3;
    *fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, 0x204) = 0x6;
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(vml_gic_levels(&a.gic, 32, 0), 0x3);
    assert_int_equal(vml_gic_latched(&a.gic, 32, 0), 0x6);
    vml_gic_set_level(&a.gic, 32, 0, false);
    vml_gic_set_level(&a.gic, 33, 0, false);
    assert_int_equal(get(&a.gic.gicd, 0x204, 4), 0x6);
    /* An edge-triggered one whose wire is high has latched nothing by that. */
    *fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, 0xc08) = 0x2;
    *fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, 0x204) = 0;
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(get(&a.gic.gicd, 0x204, 4), 0x2);
}

/* More bits of priority on the host: more registers of active priorities, further apart. */
static void test_bits_of_priority(void **state)
{
    fixture_machine(2);
    for (uint32_t bits = 6; bits <= 7; bits++) {
        uint32_t shift = bits - 5;

        fake_gic_reset();
        fake_gic.priority_bits = bits;
        make_state(&a);
        put_icc(&a, 0, ICC(9, 0), 0x80000801);
        assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
        assert_int_equal(icc(0, ICC(9, 0)), 1 | (bits == 6 ? 1 << 22 : 0));
        assert_int_equal(icc(0, ICC(9, 1)), bits == 6 ? 1u << 30 : 1u << 12);
        assert_int_equal(icc(0, ICC(9, 3)), bits == 6 ? 0 : 1u << 28);
        assert_int_equal(icc(0, ICC(8, 4)), bits == 6 ? 0x400u << 10 : 0);
        assert_int_equal(icc(0, ICC(8, 5)), bits == 6 ? 0 : 1u << (10 << shift) % 32);
        assert_int_equal(vml_kvm_gic_get(&fx.machine, &b.gic, &b.its), VML_OK);
        assert_same_state();
    }
}

/* With ICC_CTLR_EL1.CBPR, group 1's binary point is hidden; it must not get lost. */
static void test_common_binary_point(void **state)
{
    fixture_machine(2);
    make_state(&a);
    put_icc(&a, 1, ICC(12, 4), 3);
    assert_int_equal(get_icc(&a, 1, ICC(12, 3)), 4);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(icc(MPIDR1, ICC(12, 3)), 5);
    assert_int_equal(icc(MPIDR1, ICC(12, 4)), 3);
    assert_int_equal(get_icc(&a, 1, ICC(12, 4)) & 3, 3);
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &b.gic, &b.its), VML_OK);
    assert_int_equal(icc(MPIDR1, ICC(12, 4)), 3);
    assert_same_state();
    put_icc(&b, 1, ICC(12, 4), 0);
    assert_int_equal(get_icc(&b, 1, ICC(12, 3)), 5);
}

/* ---- LPIs and the ITS ---- */

/* The last write of a register, as a place in the order of all. */
static unsigned written(uint32_t group, uint64_t attr)
{
    for (unsigned i = fake_gic.log_count; i-- > 0;) {
        if (fake_gic.log[i].group == group && fake_gic.log[i].attr == attr) {
            return i;
        }
    }
    fail_msg("group %u, attribute %llx is not written", group, (unsigned long long)attr);
    return 0;
}

/* arm-vgic-v3.rst: GICD_IIDR first; arm-vgic-its.rst, "ITS Restore Sequence". */
static void test_order(void **state)
{
    enum { R = ABI_VGIC_GRP_REDIST_REGS, I = ABI_VGIC_GRP_ITS_REGS, C = ABI_VGIC_GRP_CTRL };
    unsigned tables;

    fixture_machine(2);
    make_lpis(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(written(ABI_VGIC_GRP_DIST_REGS, 8), 0);
    for (uint64_t mpidr = 0; mpidr <= MPIDR1; mpidr += MPIDR1) {
        assert_true(written(R, mpidr | 0x70) < written(R, mpidr));
        assert_true(written(R, mpidr | 0x78) < written(R, mpidr));
        assert_true(written(R, mpidr) < written(I, 0x80));
    }
    tables = written(C, ABI_VGIC_CTRL_ITS_RESTORE_TABLES);
    assert_true(written(I, 0x80) < written(I, 0x88));
    assert_true(written(I, 0x80) < written(I, 0x90));
    assert_true(written(I, 0x88) < tables && written(I, 0x90) < tables);
    assert_true(written(I, 0x100) < tables && written(I, 0x108) < tables);
    assert_true(written(I, 0x004) < tables);
    assert_int_equal(written(I, 0x000), fake_gic.log_count - 1);
    assert_true(tables < written(I, 0x000));
}

static void at_restore(uint64_t control)
{
    assert_int_equal(control, ABI_VGIC_CTRL_ITS_RESTORE_TABLES);
    /* arm-vgic-its.rst, "ITS Table ABI REV0". */
    assert_true(load(DEVICES + DEVICE_ID * 8) == (VALID | ITT >> 8 << 5 | 4));
    assert_true(load(ITT) == (UINT64_C(5) << 48 | (uint64_t)LPI << 16));
    assert_true(load(ITT + 5 * 8) == ((uint64_t)(LPI + 1) << 16 | 1));
    assert_true(load(COLLECTIONS) == VALID);
    assert_true(load(COLLECTIONS + 8) == (VALID | 1 << 16 | 1));
    /* The LPI that is pending is in the table of its vCPU, for the kernel to read. */
    assert_int_equal(memory(PEND + 0x10000)[LPI / 8], 2);
    assert_int_equal(memory(PEND)[LPI / 8], 0);
    fake_gic.control = NULL;
}

static void test_lpis_there(void **state)
{
    fixture_machine(2);
    make_lpis(&a);
    fake_gic.control = at_restore;
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_null(fake_gic.control);
    assert_int_equal(redist(0x70), PROP | 15);
    assert_int_equal(redist(0x78), PEND);
    assert_int_equal(redist(MPIDR1 | 0x78), PEND + 0x10000);
    assert_int_equal(redist(MPIDR1), 1);
    assert_true(*fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0x80) == (VALID | QUEUE));
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0x88), 0x40);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0x90), 0x40);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0), 1);
}

static unsigned saves;

/* The kernel saves what it has: an LPI that became pending meanwhile, and an event more. */
static void at_save(uint64_t control)
{
    saves++;
    if (control == ABI_VGIC_CTRL_SAVE_PENDING_TABLES) {
        assert_int_equal(saves, 1);
        memory(PEND)[LPI / 8] = 1;
        memory(PEND + 0x10000)[LPI / 8] = 0;
        return;
    }
    assert_int_equal(control, ABI_VGIC_CTRL_ITS_SAVE_TABLES);
    store(ITT + 5 * 8, UINT64_C(1) << 48 | (uint64_t)(LPI + 1) << 16 | 1);
    store(ITT + 6 * 8, (uint64_t)(LPI + 2) << 16 | 0);
}

static void test_lpis_back(void **state)
{
    fixture_machine(2);
    make_lpis(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    saves = 0;
    fake_gic.control = at_save;
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &b.gic, &b.its), VML_OK);
    assert_int_equal(saves, 2);
    for (uint32_t i = 0; i < 2; i++) { /* the guest takes what is pending */
        put(&b.gic.gicd, 0, 4, 3);
        put_icc(&b, i, ICC_PMR, 0xf0);
        put_icc(&b, i, ICC(12, 7), 1);
    }
    assert_int_equal(get_icc(&b, 0, ICC(12, 0)), LPI);
    assert_int_equal(get_icc(&b, 1, ICC(12, 0)), 1023);
    assert_int_equal(vml_its_msi(&b.its, DEVICE_ID, 5), VML_OK);
    assert_int_equal(get_icc(&b, 1, ICC(12, 0)), LPI + 1);
    assert_int_equal(vml_its_msi(&b.its, DEVICE_ID, 6), VML_OK);
    assert_int_equal(vml_its_msi(&b.its, DEVICE_ID, 7), VML_ERR_NOT_FOUND);
}

/* A vCPU that the guest has not brought up does not take the one GICR_PROPBASER away. */
static void test_one_vcpu_has_lpis(void **state)
{
    fixture_machine(2);
    put(&a.gic.gicr, 0x70, 8, PROP | 15);
    put(&a.gic.gicr, 0x78, 8, PEND);
    put(&a.gic.gicr, 0, 4, 1);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(redist(0x70), PROP | 15);
    assert_int_equal(redist(0), 1);
    assert_int_equal(redist(MPIDR1), 0);
}

/* A machine that has LPIs and an ITS already gets others. */
static void test_lpis_there_again(void **state)
{
    struct vml_its_registers none = {.enabled = false};
    unsigned reset, bases;

    fixture_machine(2);
    make_lpis(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    fake_gic.log_count = 0;
    vml_gic_reset(&a.gic);
    vml_its_set_registers(&a.its, &none);
    put(&a.gic.gicr, 0x70, 8, (PROP + 0x1000) | 13);
    put(&a.gic.gicr, 0x78, 8, PEND);
    put(&a.gic.gicr, 0, 4, 1);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(redist(0x70), (PROP + 0x1000) | 13);
    assert_int_equal(redist(MPIDR1 | 0x78), 0);
    assert_int_equal(redist(MPIDR1), 0);
    assert_int_equal(redist(0), 1);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0), 0);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0x100), 0);
    reset = written(ABI_VGIC_GRP_CTRL, ABI_VGIC_CTRL_ITS_RESET);
    bases = written(ABI_VGIC_GRP_REDIST_REGS, 0x70);
    assert_true(reset < bases);
    assert_int_equal(fake_gic.log[0].attr, 8);
}

/* Everything but the wires. */
static void test_reset(void **state)
{
    static uint8_t one[65536], other[65536];
    size_t size;

    fixture_machine(2);
    make_state(&a);
    make_lpis(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(vml_kvm_gic_reset(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_LEVEL_INFO, 32), 1 << 8);
    assert_int_equal(*fake_gic_reg(ABI_VGIC_GRP_LEVEL_INFO, MPIDR1), 1 << 27);
    assert_int_equal(dist(0), 0);
    assert_int_equal(dist(0x104), 0);
    assert_int_equal(dist(0x204), 0);
    assert_int_equal(dist(0x304), 0);
    assert_int_equal(redist(MPIDR1 | 0x10200), 0);
    assert_int_equal(icc(0, ICC_PMR), 0);
    assert_int_equal(icc(MPIDR1, ICC(9, 0)), 0);
    /* Nothing is in the kernel's that is not in one that is new, with these levels. */
    vml_gic_set_level(&b.gic, 40, 0, true);
    vml_gic_set_level(&b.gic, 27, 1, true);
    put(&b.gic.gicr, 0x14, 4, 0);
    put(&b.gic.gicr, VML_GICR_SIZE + 0x14, 4, 0);
    size = state_of(&b, one, sizeof(one));
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &a.gic, &a.its), VML_OK);
    assert_int_equal(state_of(&a, other, sizeof(other)), size);
    assert_memory_equal(one, other, size);
    fake.fail_request = ABI_GET_DEVICE_ATTR;
    fake.fail_error = ABI_EBUSY;
    assert_int_equal(vml_kvm_gic_reset(&fx.machine, &a.gic, &a.its), VML_ERR_BUSY);
    assert_int_equal(vml_kvm_gic_reset(&fx.machine, &a.gic, NULL), VML_ERR_INVALID);
}

static void test_no_its(void **state)
{
    fake.fail_request = ABI_CREATE_DEVICE;
    fake.fail_error = ABI_ENODEV;
    fake.fail_skip = 1;
    fixture_machine(2);
    make_state(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, NULL), VML_OK);
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &b.gic, &b.its), VML_OK);
    assert_same_state();
    make_lpis(&a);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_ERR_UNSUPPORTED);
}

/* ---- what does not fit ---- */

static void test_another_shape(void **state)
{
    struct vml_gic_config *config = &a.gic.config;

    assert_int_equal(vml_kvm_machine_init(&fx.machine, &fx.config), VML_OK);
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &a.gic, &a.its), VML_ERR_STATE);
    vml_kvm_machine_destroy(&fx.machine);
    fixture_machine(2);
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &a.gic, NULL), VML_ERR_INVALID);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &b.its), VML_ERR_INVALID);
    config->spis = 96;
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_ERR_INVALID);
    config->spis = SPIS;
    config->cpus = 1;
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_ERR_INVALID);
    config->cpus = 2;
    config->espis = 32;
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_ERR_INVALID);
    config->espis = 0;
    config->eppis = 32;
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_ERR_INVALID);
    config->eppis = 0;
    config->version = 2;
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_ERR_INVALID);
    config->version = 3;
    config->output = vml_kvm_irq_output;
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_ERR_INVALID);
    assert_int_equal(fake_gic.log_count, 0);
}

static void test_gic_in_user_space(void **state)
{
    fx.config.irq_controller = &fx.controller;
    fixture_machine(2);
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &a.gic, &a.its), VML_ERR_STATE);
    assert_int_equal(vml_kvm_gic_set(&fx.machine, &a.gic, &a.its), VML_ERR_STATE);
}

static enum vml_status try_set(void)
{
    return vml_kvm_gic_set(&fx.machine, &a.gic, &a.its);
}

static void test_what_the_kernel_cannot_have(void **state)
{
    struct vml_its_registers small = {.baser = {VALID | DEVICES | 1 << 8}};

    fixture_machine(2);
    put(&a.gic.gicd, 0, 4, 1); /* group 0 alone */
    assert_int_equal(try_set(), VML_ERR_UNSUPPORTED);
    put(&a.gic.gicd, 0, 4, 2);
    assert_int_equal(try_set(), VML_OK);
    put(&a.gic.gicr, VML_GICR_SIZE + 0x10c04, 4, 2); /* an edge-triggered PPI */
    assert_int_equal(try_set(), VML_ERR_UNSUPPORTED);
    put(&a.gic.gicr, VML_GICR_SIZE + 0x10c04, 4, 0);
    vml_its_set_registers(&a.its, &small); /* tables of 16 KiB pages */
    assert_int_equal(try_set(), VML_ERR_UNSUPPORTED);
    a.its.device.ops->reset(&a.its.device);
    *fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 4) = 0x4b00143b; /* layout 1 of the tables */
    assert_int_equal(try_set(), VML_ERR_UNSUPPORTED);
}

/* An LPI beyond those that the library's GIC has; tables that are not there. */
static void save_too_much(uint64_t control)
{
    if (control == ABI_VGIC_CTRL_ITS_SAVE_TABLES) {
        store(ITT + 5 * 8, (uint64_t)(LPI + LPIS) << 16);
    }
}

static void test_what_the_library_cannot_have(void **state)
{
    fixture_machine(2);
    make_lpis(&a);
    assert_int_equal(try_set(), VML_OK);
    fake_gic.control = save_too_much;
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &b.gic, &b.its), VML_ERR_UNSUPPORTED);
    fake_gic.control = NULL;
    *fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0x100) = VALID | 0x20000000 | 2 << 8;
    assert_int_equal(vml_kvm_gic_get(&fx.machine, &b.gic, &b.its), VML_ERR_RANGE);
}

/* Each system call that is made can fail. */
static void fail_each(uint32_t request, bool set)
{
    enum vml_status status = VML_ERR_BUSY;
    unsigned n;

    for (n = 0; status == VML_ERR_BUSY; n++) {
        fake_gic.log_count = 0;
        fake.fail_request = request;
        fake.fail_error = ABI_EBUSY;
        fake.fail_skip = n;
        status = set ? vml_kvm_gic_set(&fx.machine, &a.gic, &a.its)
                     : vml_kvm_gic_get(&fx.machine, &b.gic, &b.its);
    }
    assert_int_equal(status, VML_OK);
    assert_true(n > (request == ABI_SET_DEVICE_ATTR && !set ? 2 : 40));
    fake.fail_request = 0;
}

static void test_system_calls_fail(void **state)
{
    fixture_machine(2);
    make_state(&a);
    fail_each(ABI_SET_DEVICE_ATTR, true);
    fail_each(ABI_GET_DEVICE_ATTR, true);
    fail_each(ABI_GET_DEVICE_ATTR, false);
    fail_each(ABI_SET_DEVICE_ATTR, false);
    assert_same_state();
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_there_and_back),
        TEST(test_what_was_there_goes),
        TEST(test_registers_are_the_kernels),
        TEST(test_latch_and_level),
        TEST(test_bits_of_priority),
        TEST(test_common_binary_point),
        TEST(test_order),
        TEST(test_lpis_there),
        TEST(test_lpis_back),
        TEST(test_one_vcpu_has_lpis),
        TEST(test_lpis_there_again),
        TEST(test_reset),
        TEST(test_no_its),
        TEST(test_another_shape),
        TEST(test_gic_in_user_space),
        TEST(test_what_the_kernel_cannot_have),
        TEST(test_what_the_library_cannot_have),
        TEST(test_system_calls_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
