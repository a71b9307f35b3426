/* Syndromes and instructions, encoded by hand from DDI 0487, become accesses and register
 * values. */
#include "test.h"
#include <vml/arm_trap.h>

enum { BASE = 0x09000000, EL1H = 5, EL0 = 0 };

struct dev {
    struct vml_device device;
    uint8_t bytes[64];
    unsigned accesses;
    enum vml_bus_result result;
};

static struct dev dev;
static struct vml_vbus bus, sysreg_bus;
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[2][(VML_BUS_STORAGE(2, 1) + 63) / 64 * 64];
static struct vml_bus_range ranges[2];
static uint64_t v[32][2];

static enum vml_bus_result dev_access(struct vml_device *device, struct vml_access *a)
{
    dev.accesses++;
    if (dev.result != VML_BUS_OK) {
        return dev.result;
    }
    assert_true(a->offset + a->size <= sizeof(dev.bytes));
    assert_int_equal(a->cpu, 0);
    if (a->write) {
        memcpy(dev.bytes + a->offset, &a->value, a->size);
    } else {
        a->value = 0;
        memcpy(&a->value, dev.bytes + a->offset, a->size);
    }
    return VML_BUS_OK;
}

static const struct vml_device_ops dev_ops = {.access = dev_access};

static int set_up(void **state)
{
    struct vml_vbus_config config = {
        .name = "mmio", .space = VML_SPACE_MMIO, .max_ranges = 2, .cpus = 1, .storage = storage[0]};

    memset(&dev, 0, sizeof(dev));
    dev.device = (struct vml_device){"dev", &dev_ops};
    for (unsigned i = 0; i < sizeof(dev.bytes); i++) {
        dev.bytes[i] = (uint8_t)(0x80 + i);
    }
    ranges[0] = (struct vml_bus_range){.base = BASE, .size = 64, .device = &dev.device};
    ranges[1] = (struct vml_bus_range){
        .base = VML_SYSREG(3, 3, 9, 12, 0), .size = 64, .device = &dev.device};
    assert_int_equal(vml_vbus_init(&bus, &config), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &ranges[0]), VML_OK);
    config.space = VML_SPACE_SYSREG;
    config.storage = storage[1];
    assert_int_equal(vml_vbus_init(&sysreg_bus, &config), VML_OK);
    assert_int_equal(vml_vbus_register(&sysreg_bus, &ranges[1]), VML_OK);
    return 0;
}

static struct vml_arm_regs make_regs(void)
{
    struct vml_arm_regs r = {.pc = 0x1000, .pstate = EL1H, .sp_el0 = BASE, .sp_el1 = BASE, .v = v};

    for (unsigned i = 0; i < 31; i++) {
        r.x[i] = 0x1111111100000000u + i;
    }
    for (unsigned i = 0; i < 32; i++) {
        v[i][0] = 0xa0a1a2a3a4a5a600u + i;
        v[i][1] = 0xb0b1b2b3b4b5b600u + i;
    }
    return r;
}

static struct vml_arm_trap abort_at(uint64_t address, uint32_t iss)
{
    struct vml_arm_trap t;

    vml_arm_trap_decode(&t, UINT64_C(0x24) << 26 | 1u << 25 | iss, address, address >> 12 << 4);
    return t;
}

static void run(struct vml_arm_regs *r, const struct vml_arm_trap *t, uint32_t insn)
{
    struct vml_arm_operation op;

    assert_int_equal(vml_arm_operation_begin(&op, t, r, insn, 0), VML_OK);
    assert_int_equal(vml_arm_operation_run(&op, &bus, &sysreg_bus), VML_BUS_OK);
    vml_arm_operation_finish(&op, r);
    assert_int_equal(r->pc, 0x1004);
}

/* ISS with ISV: SAS, SSE, SRT, SF, WnR. */
static uint32_t iss(unsigned sas, unsigned sse, unsigned srt, unsigned sf, unsigned wnr)
{
    return 1u << 24 | sas << 22 | sse << 21 | srt << 16 | sf << 15 | wnr << 6 | 7;
}

static void described_loads(void **state)
{
    static const struct {
        unsigned sas, sse, sf;
        uint64_t want;
    } cases[] = {
        {0, 0, 0, 0x84},       {0, 1, 0, 0xffffff84},         {0, 1, 1, 0xffffffffffffff84},
        {1, 0, 0, 0x8584},     {1, 1, 0, 0xffff8584},         {1, 1, 1, 0xffffffffffff8584},
        {2, 0, 0, 0x87868584}, {2, 1, 1, 0xffffffff87868584},
    };

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        struct vml_arm_regs r = make_regs();
        struct vml_arm_trap t =
            abort_at(BASE + 4, iss(cases[i].sas, cases[i].sse, 3, cases[i].sf, 0));

        assert_int_equal(t.kind, VML_ARM_TRAP_DATA_ABORT);
        assert_true(t.translation);
        assert_int_equal(t.ipa, BASE + 4);
        run(&r, &t, 0);
        assert_int_equal(r.x[3], cases[i].want);
    }
    struct vml_arm_regs r = make_regs();
    struct vml_arm_trap t = abort_at(BASE + 8, iss(3, 0, 31, 1, 0));

    run(&r, &t, 0); /* into XZR */
    assert_int_equal(r.sp_el1, BASE);
}

static void described_stores(void **state)
{
    for (unsigned sas = 0; sas < 4; sas++) {
        struct vml_arm_regs r = make_regs();
        struct vml_arm_trap t = abort_at(BASE + 8, iss(sas, 0, 5, sas == 3, 1));
        uint8_t want[8];
        uint64_t value = 0x1111111100000005u;

        for (unsigned i = 0; i < 8; i++) {
            want[i] = (uint8_t)(0x88 + i);
        }
        set_up(state);
        memcpy(want, &value, 1u << sas);
        run(&r, &t, 0);
        assert_memory_equal(dev.bytes + 8, want, 8);
    }
    struct vml_arm_regs r = make_regs();
    struct vml_arm_trap t = abort_at(BASE, iss(2, 0, 31, 0, 1));

    run(&r, &t, 0); /* XZR */
    assert_int_equal(dev.bytes[0] | dev.bytes[3], 0);
}

static void undescribed(uint32_t insn, struct vml_arm_regs *r, uint64_t at, bool write)
{
    struct vml_arm_trap t = abort_at(at, (write ? 0x40 : 0) | 7);

    assert_false(t.isv);
    run(r, &t, insn);
}

static void post_and_pre_index(void **state)
{
    struct vml_arm_regs r = make_regs();

    r.x[1] = BASE + 4;
    undescribed(0xb8404420, &r, BASE + 4, false); /* ldr w0, [x1], #4 */
    assert_int_equal(r.x[0], 0x87868584);
    assert_int_equal(r.x[1], BASE + 8);
    r = make_regs();
    r.x[1] = BASE + 8;
    undescribed(0xf85f8c20, &r, BASE, false); /* ldr x0, [x1, #-8]! */
    assert_int_equal(r.x[0], 0x8786858483828180u);
    assert_int_equal(r.x[1], BASE);
    r = make_regs();
    undescribed(0x38001fe2, &r, BASE + 1, true); /* strb w2, [sp, #1]! */
    assert_int_equal(dev.bytes[1], 2);
    assert_int_equal(r.sp_el1, BASE + 1);
    assert_int_equal(r.sp_el0, BASE);
    r = make_regs();
    r.pstate = EL0;
    undescribed(0x38001fe2, &r, BASE + 1, true);
    assert_int_equal(r.sp_el0, BASE + 1);
    assert_int_equal(r.sp_el1, BASE);
    r = make_regs();
    r.x[1] = BASE + 2;
    undescribed(0x78c02420, &r, BASE + 2, false); /* ldrsh w0, [x1], #2 */
    assert_int_equal(r.x[0], 0xffff8382);
    r = make_regs();
    r.x[1] = BASE + 4;
    undescribed(0xb8804420, &r, BASE + 4, false); /* ldrsw x0, [x1], #4 */
    assert_int_equal(r.x[0], 0xffffffff87868584u);
}

static void pairs(void **state)
{
    struct vml_arm_regs r = make_regs();

    r.x[2] = BASE;
    undescribed(0x29410440, &r, BASE + 8, false); /* ldp w0, w1, [x2, #8] */
    assert_int_equal(r.x[0], 0x8b8a8988);
    assert_int_equal(r.x[1], 0x8f8e8d8c);
    assert_int_equal(r.x[2], BASE);
    r = make_regs();
    r.x[2] = BASE;
    undescribed(0x69400440, &r, BASE, false); /* ldpsw x0, x1, [x2] */
    assert_int_equal(r.x[0], 0xffffffff83828180u);
    r = make_regs();
    r.x[2] = BASE + 16;
    undescribed(0xa9bf0440, &r, BASE, true); /* stp x0, x1, [x2, #-16]! */
    assert_int_equal(dev.bytes[0], 0);
    assert_int_equal(dev.bytes[8], 1);
    assert_int_equal(dev.bytes[15], 0x11);
    assert_int_equal(r.x[2], BASE);
    r = make_regs();
    r.x[2] = BASE;
    undescribed(0xa8c10440, &r, BASE, false); /* ldp x0, x1, [x2], #16 */
    assert_int_equal(r.x[2], BASE + 16);
    assert_int_equal(r.x[1], 0x1111111100000001u);
}

static void other_addressing(void **state)
{
    struct vml_arm_regs r = make_regs();

    r.x[1] = BASE;
    undescribed(0xb9400c20, &r, BASE + 12, false); /* ldr w0, [x1, #12] */
    assert_int_equal(r.x[0], 0x8f8e8d8c);
    r = make_regs();
    r.x[1] = BASE;
    r.x[2] = 2;
    undescribed(0xb8627820, &r, BASE + 8, false); /* ldr w0, [x1, x2, lsl #2] */
    assert_int_equal(r.x[0], 0x8b8a8988);
    r = make_regs();
    r.x[1] = BASE + 8;
    r.x[2] = 0x5555555500000000u | (uint32_t)-8;
    undescribed(0x3862c820, &r, BASE, false); /* ldrb w0, [x1, w2, sxtw] */
    assert_int_equal(r.x[0], 0x80);
    r = make_regs();
    r.x[1] = BASE;
    r.x[2] = 0x5555555500000004u;
    undescribed(0x38624820, &r, BASE + 4, false); /* ldrb w0, [x1, w2, uxtw] */
    assert_int_equal(r.x[0], 0x84);
    r = make_regs();
    r.x[1] = BASE + 0x10;
    undescribed(0xb85fc020, &r, BASE + 12, false); /* ldur w0, [x1, #-4] */
    r = make_regs();
    r.x[1] = BASE | UINT64_C(0x5a) << 56;
    undescribed(0x88dffc20, &r, BASE, false); /* ldar w0, [x1], tagged */
    assert_int_equal(r.x[0], 0x83828180);
    r = make_regs();
    r.pc = 0x1000;
    struct vml_arm_trap t = abort_at(0x1008, 7);

    t.ipa = BASE;
    run(&r, &t, 0x18000040); /* ldr w0, pc + 8 */
    assert_int_equal(r.x[0], 0x83828180);
}

static void vectors(void **state)
{
    struct vml_arm_regs r = make_regs();

    r.x[0] = BASE;
    undescribed(0x3dc00001, &r, BASE, false); /* ldr q1, [x0] */
    assert_int_equal(v[1][0], 0x8786858483828180u);
    assert_int_equal(v[1][1], 0x8f8e8d8c8b8a8988u);
    r = make_regs();
    r.x[0] = BASE;
    undescribed(0xad000801, &r, BASE, true); /* stp q1, q2, [x0] */
    assert_memory_equal(dev.bytes, v[1], 16);
    assert_memory_equal(dev.bytes + 16, v[2], 16);
    r = make_regs();
    r.x[0] = BASE + 32;
    undescribed(0xfc408403, &r, BASE + 32, false); /* ldr d3, [x0], #8 */
    assert_int_equal(v[3][0], 0xa7a6a5a4a3a2a1a0u);
    assert_int_equal(v[3][1], 0);
    assert_int_equal(r.x[0], BASE + 40);
    r = make_regs();
    r.v = NULL;
    r.x[0] = BASE;
    struct vml_arm_trap t = abort_at(BASE, 7);
    struct vml_arm_operation op;

    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0x3dc00001, 0), VML_ERR_UNSUPPORTED);
}

static void the_address_is_the_instruction_s(void **state)
{
    struct vml_arm_regs r = make_regs();
    uint64_t va = 0;

    r.x[0] = BASE;
    assert_int_equal(vml_arm_operation_address(&r, 0xad000801, &va), VML_OK); /* stp q1, q2, [x0] */
    assert_true(va == BASE);
    assert_int_equal(vml_arm_operation_address(&r, 0xa9810801, &va),
                     VML_OK); /* stp .., [x0, #16]! */
    assert_true(va == BASE + 16);
    r.x[0] = UINT64_C(0xab00000000001000);
    assert_int_equal(vml_arm_operation_address(&r, 0xfc408403, &va), VML_OK); /* ldr d3, [x0], #8 */
    assert_true(va == UINT64_C(0xab00000000001000));
    assert_int_equal(vml_arm_operation_address(&r, 0x885f7c20, &va),
                     VML_ERR_UNSUPPORTED); /* ldxr */
    r.pstate |= 0x10;                      /* AArch32 */
    assert_int_equal(vml_arm_operation_address(&r, 0xad000801, &va), VML_ERR_UNSUPPORTED);
}

static void what_is_no_access_is_refused(void **state)
{
    static const uint32_t insns[] = {
        0x885f7c20, /* ldxr w0, [x1] */
        0x88007c22, /* stxr w0, w2, [x1] */
        0xb8200022, /* ldadd w0, w2, [x1] */
        0x88a07c22, /* cas w0, w2, [x1] */
        0xf9800020, /* prfm pldl1keep, [x1] */
        0xd8000000, /* prfm literal */
        0x69000440, /* stgp */
        0xe9000440, /* unallocated pair */
        0xd503201f, /* nop */
        0xb8e00020, /* ldaddal form with A and R */
        0xb8600020, /* register offset without option 1 */
        0x00000000,
    };
    struct vml_arm_regs r = make_regs();
    struct vml_arm_operation op;
    struct vml_arm_trap t;

    r.x[1] = BASE;
    r.x[2] = BASE;
    for (size_t i = 0; i < VML_ARRAY_SIZE(insns); i++) {
        for (unsigned write = 0; write < 2; write++) {
            t = abort_at(BASE, 7 | write << 6);
            assert_int_equal(vml_arm_operation_begin(&op, &t, &r, insns[i], 0),
                             VML_ERR_UNSUPPORTED);
        }
    }
    t = abort_at(BASE, iss(2, 0, 0, 0, 0) | 0x80); /* S1PTW */
    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0, 0), VML_ERR_UNSUPPORTED);
    t = abort_at(BASE, 0x140 | 7); /* CM */
    assert_true(t.maintenance);
    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0, 0), VML_ERR_UNSUPPORTED);
    /* registers that do not give the fault's address; a store that is said to be a load */
    t = abort_at(BASE + 4, 7);
    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0xb9400020, 0), VML_ERR_UNSUPPORTED);
    t = abort_at(BASE, 0x47);
    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0xb9400020, 0), VML_ERR_UNSUPPORTED);
    r.pstate = 0x10;
    t = abort_at(BASE, 7);
    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0xb9400020, 0), VML_ERR_UNSUPPORTED);
}

static void system_registers(void **state)
{
    struct vml_arm_regs r = make_regs();
    struct vml_arm_trap t;

    /* mrs x3, pmcr_el0: op0 3, op2 0, op1 3, CRn 9, Rt 3, CRm 12, read */
    vml_arm_trap_decode(&t,
                        UINT64_C(0x18) << 26 | 1u << 25 | 3u << 20 | 3u << 14 | 9u << 10 | 3u << 5 |
                            12u << 1 | 1,
                        0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_SYSREG);
    assert_int_equal(t.sysreg, VML_SYSREG(3, 3, 9, 12, 0));
    run(&r, &t, 0);
    assert_int_equal(r.x[3], 0x8786858483828180u);
    /* msr pmcntenset_el0, xzr */
    r = make_regs();
    vml_arm_trap_decode(&t,
                        UINT64_C(0x18) << 26 | 1u << 25 | 3u << 20 | 1u << 17 | 3u << 14 |
                            9u << 10 | 31u << 5 | 12u << 1,
                        0, 0);
    run(&r, &t, 0);
    assert_int_equal(dev.bytes[8], 0);
}

static void faults_and_pending_accesses(void **state)
{
    struct vml_arm_regs r = make_regs();
    struct vml_arm_operation op;
    struct vml_arm_trap t = abort_at(BASE, 7);

    r.x[2] = BASE;
    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0xa9400440, 0), VML_OK);
    dev.result = VML_BUS_PENDING;
    assert_int_equal(vml_arm_operation_run(&op, &bus, NULL), VML_BUS_PENDING);
    vml_arm_operation_complete(&op, 77);
    assert_int_equal(vml_arm_operation_run(&op, &bus, NULL), VML_BUS_PENDING);
    vml_arm_operation_complete(&op, 88);
    vml_arm_operation_complete(&op, 99);
    assert_int_equal(vml_arm_operation_run(&op, &bus, NULL), VML_BUS_OK);
    assert_int_equal(dev.accesses, 2);
    vml_arm_operation_finish(&op, &r);
    assert_int_equal(r.x[0], 77);
    assert_int_equal(r.x[1], 88);
    dev.result = VML_BUS_FAULT;
    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0xa9400440, 0), VML_OK);
    assert_int_equal(vml_arm_operation_run(&op, &bus, NULL), VML_BUS_FAULT);
    assert_int_equal(vml_arm_operation_run(&op, NULL, NULL), VML_BUS_NO_DEVICE);
    t.ipa = 0x1000;
    t.isv = true;
    t.size = 4;
    assert_int_equal(vml_arm_operation_begin(&op, &t, &r, 0, 0), VML_OK);
    assert_int_equal(vml_arm_operation_run(&op, &bus, NULL), VML_BUS_NO_DEVICE);
}

static void classes(void **state)
{
    struct vml_arm_trap t;

    vml_arm_trap_decode(&t, UINT64_C(0x01) << 26 | 1u << 25 | 1u << 24 | 0xeu << 20 | 1, 0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_WAIT);
    assert_true(t.event && !t.timed && t.condition_valid);
    assert_int_equal(t.condition, 0xe);
    vml_arm_trap_decode(&t, UINT64_C(0x16) << 26 | 1u << 25 | 0x1234, 0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_HVC);
    assert_int_equal(t.imm, 0x1234);
    vml_arm_trap_decode(&t, UINT64_C(0x17) << 26 | 1u << 25 | 9, 0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_SMC);
    assert_int_equal(t.imm, 9);
    vml_arm_trap_decode(&t, UINT64_C(0x13) << 26 | 9, 0, 0);
    assert_int_equal(t.imm, 0);
    vml_arm_trap_decode(&t, UINT64_C(0x07) << 26 | 1u << 25, 0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_FP);
    vml_arm_trap_decode(&t, UINT64_C(0x20) << 26 | 1u << 25 | 0xf, 0x5abc, 0x40 << 4);
    assert_int_equal(t.kind, VML_ARM_TRAP_INSTRUCTION_ABORT);
    assert_int_equal(t.ipa, 0x40abc);
    assert_int_equal(t.va, 0x5abc);
    assert_true(t.permission && !t.translation);
    vml_arm_trap_decode(&t, UINT64_C(0x3c) << 26 | 1u << 25 | 0xf000, 0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_DEBUG);
    assert_int_equal(t.imm, 0xf000);
    vml_arm_trap_decode(&t, UINT64_C(0x34) << 26, 0x99, 0);
    assert_int_equal(t.va, 0x99);
    vml_arm_trap_decode(&t, UINT64_C(0x32) << 26, 0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_DEBUG);
    vml_arm_trap_decode(&t, UINT64_C(0x15) << 26 | 3, 0, 0);
    assert_int_equal(t.imm, 3);
    vml_arm_trap_decode(&t, UINT64_C(0x2f) << 26, 0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_OTHER);
    /* mrc p15, opc1 1, r5, c2, c3, opc2 4; mrrc p15, opc1 9, r5, r6, c3 */
    vml_arm_trap_decode(&t,
                        UINT64_C(0x03) << 26 | 1u << 25 | 4u << 17 | 1u << 14 | 2u << 10 | 5u << 5 |
                            3u << 1 | 1,
                        0, 0);
    assert_int_equal(t.kind, VML_ARM_TRAP_COPROCESSOR);
    assert_true(t.opc1 == 1 && t.opc2 == 4 && t.crn == 2 && t.crm == 3 && t.reg == 5 && t.read);
    vml_arm_trap_decode(&t, UINT64_C(0x04) << 26 | 9u << 16 | 6u << 10 | 5u << 5 | 3u << 1, 0, 0);
    assert_true(t.opc1 == 9 && t.reg2 == 6 && t.reg == 5 && t.crm == 3 && t.write);
    assert_string_equal(vml_arm_ec_name(VML_ARM_EC_HVC64), "HVC");
    assert_string_equal(vml_arm_ec_name((enum vml_arm_ec)0x02), "?");
}

static void an_abort_is_taken_to_el1(void **state)
{
    static const struct {
        uint64_t pstate;
        unsigned vector;
        uint64_t ec;
    } cases[] = {{0x60000000, 0x400, 0x24},
                 {0x60000005, 0x200, 0x25},
                 {0x60000004, 0x000, 0x25},
                 {0x60000010, 0x600, 0x24}};

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        struct vml_arm_regs r = make_regs();
        struct vml_arm_el1 e = {.VBAR_EL1 = 0x8000, .SCTLR_EL1 = UINT64_C(1) << 44};

        r.pstate = cases[i].pstate;
        vml_arm_inject_abort(&r, &e, 0x1234, false, true);
        assert_int_equal(e.ESR_EL1, cases[i].ec << 26 | 1u << 25 | 0x50);
        assert_int_equal(e.FAR_EL1, 0x1234);
        assert_int_equal(e.ELR_EL1, 0x1000);
        assert_int_equal(e.SPSR_EL1, cases[i].pstate);
        assert_int_equal(r.pc, 0x8000 + cases[i].vector);
        /* NZCV kept, DAIF and PAN (SPAN is 0) and SSBS set, EL1h */
        assert_int_equal(r.pstate, 0x60000000 | 0x400000 | 0x1000 | 0x3c0 | 5);
        r.pstate = cases[i].pstate;
        e.SCTLR_EL1 = 1u << 23;
        vml_arm_inject_abort(&r, &e, 8, true, true);
        assert_int_equal(e.ESR_EL1, (cases[i].ec - 4) << 26 | 1u << 25 | 0x10);
        assert_int_equal(r.pstate, 0x60000000 | 0x3c0 | 5);
    }
    struct vml_arm_regs r = make_regs();
    struct vml_arm_el1 e = {.VBAR_EL1 = 0x8000, .FAR_EL1 = 7};

    vml_arm_inject_undefined(&r, &e, true);
    assert_int_equal(e.ESR_EL1, 1u << 25);
    assert_int_equal(e.FAR_EL1, 7);
    assert_int_equal(r.pc, 0x8200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(described_loads, set_up),
        cmocka_unit_test_setup(described_stores, set_up),
        cmocka_unit_test_setup(post_and_pre_index, set_up),
        cmocka_unit_test_setup(pairs, set_up),
        cmocka_unit_test_setup(other_addressing, set_up),
        cmocka_unit_test_setup(vectors, set_up),
        cmocka_unit_test_setup(what_is_no_access_is_refused, set_up),
        cmocka_unit_test_setup(the_address_is_the_instruction_s, set_up),
        cmocka_unit_test_setup(system_registers, set_up),
        cmocka_unit_test_setup(faults_and_pending_accesses, set_up),
        cmocka_unit_test(classes),
        cmocka_unit_test(an_abort_is_taken_to_el1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
