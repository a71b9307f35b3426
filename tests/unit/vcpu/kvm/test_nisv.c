/* Accesses that the syndrome does not describe, with the guest's translation on and off. */
#include "fixture.h"

#define ESR_WRITE    UINT64_C(0x40)
#define SCTLR        ABI_REG_SYS(VML_SYSREG(3, 0, 1, 0, 0))
#define TTBR0        ABI_REG_SYS(VML_SYSREG(3, 0, 2, 0, 0))
#define TTBR1        ABI_REG_SYS(VML_SYSREG(3, 0, 2, 0, 1))
#define TCR          ABI_REG_SYS(VML_SYSREG(3, 0, 2, 0, 2))

#define STP_X1_X2_16 0xa9810861u /* stp x1, x2, [x3, #16]! */
#define LDR_Q5       0x3dc00065u /* ldr q5, [x3] */
#define LDAXR        0xc85ffc61u /* ldaxr x1, [x3]: an exclusive, which no device answers */
#define CODE         (RAM + 0x10000)

static uint64_t iss, ipa;

static int exit_nisv(struct fake *f, unsigned cpu, struct abi_run *page)
{
    page->exit_reason = ABI_EXIT_ARM_NISV;
    page->exit.nisv.esr_iss = iss;
    page->exit.nisv.fault_ipa = ipa;
    vml_cpu_recall(fx.cpus[0], VML_CPU_REQUEST_EXIT);
    return 0;
}

static int begin(void **state)
{
    struct vml_cpu_start start = {.entry = CODE, .mode = 1};

    (void)fixture_begin(state);
    fixture_machine(1);
    fake.run = exit_nisv;
    /* The start is taken before the registers are set by the test. */
    assert_int_equal(vml_cpu_start(fx.cpus[0], &start), VML_OK);
    assert_int_equal(vml_cpu_wait_on(fx.cpus[0]), VML_OK);
    return 0;
}

static void code_at(uint64_t pa, uint32_t instruction)
{
    assert_int_equal(vml_as_write(&fx.as, pa, &instruction, 4), VML_OK);
}

static enum vml_kvm_exit access_with(uint64_t pc, uint64_t x3, bool write)
{
    *fake_reg(0, ABI_REG_PC) = pc;
    *fake_reg(0, ABI_REG_X(3)) = x3;
    (void)vml_cpu_take_requests(fx.cpus[0], VML_CPU_REQUEST_EXIT); /* of a run that failed */
    iss = 7 | (write ? ESR_WRITE : 0);                             /* translation fault, level 3 */
    return vml_kvm_run(&fx.kvms[0]);
}

static bool aborted(void)
{
    bool yes = fake.cpus[0].events.ext_dabt_pending != 0;

    fake.cpus[0].events.ext_dabt_pending = 0;
    return yes;
}

static void test_store_pair_without_translation(void **state)
{
    code_at(CODE, STP_X1_X2_16);
    *fake_reg(0, ABI_REG_X(1)) = 0x1111;
    *fake_reg(0, ABI_REG_X(2)) = 0x2222;
    ipa = DEVICE + 0x20;
    assert_int_equal(access_with(CODE, DEVICE + 0x10, true), VML_KVM_EXIT_REQUEST);
    assert_false(aborted());
    assert_int_equal(fx.accesses, 2);
    assert_int_equal(fx.last.value, 0x2222);
    assert_int_equal(*fake_reg(0, ABI_REG_PC), CODE + 4);
    assert_int_equal(*fake_reg(0, ABI_REG_X(3)), DEVICE + 0x20);
}

static void test_vector_load(void **state)
{
    code_at(CODE, LDR_Q5);
    fx.value = UINT64_C(0x123456789abcdef0);
    ipa = DEVICE;
    assert_int_equal(access_with(CODE, DEVICE, false), VML_KVM_EXIT_REQUEST);
    assert_false(aborted());
    assert_true(fake_reg(0, ABI_REG_V(5))[0] == fx.value);
    assert_true(fake_reg(0, ABI_REG_V(5))[1] == fx.value);
}

static void test_what_no_device_answers(void **state)
{
    code_at(CODE, LDAXR);
    ipa = DEVICE;
    assert_int_equal(access_with(CODE, DEVICE, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    assert_int_equal(*fake_reg(0, ABI_REG_PC), CODE);
    /* The registers are not those of the access. */
    code_at(CODE, LDR_Q5);
    assert_int_equal(access_with(CODE, DEVICE + 0x100, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    /* The device refuses. */
    fx.answer = VML_BUS_FAULT;
    assert_int_equal(access_with(CODE, DEVICE, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    /* The PC is nowhere. */
    assert_int_equal(access_with(0x80000000, DEVICE, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    assert_int_equal(fx.accesses, 1);
}

static void test_registers_cannot_be_had(void **state)
{
    code_at(CODE, LDR_Q5);
    ipa = DEVICE;
    fake.fail_request = ABI_GET_ONE_REG;
    fake.fail_error = ABI_EINVAL;
    assert_int_equal(access_with(CODE, DEVICE, false), VML_KVM_EXIT_ERROR);
    fake.fail_request = ABI_GET_ONE_REG;
    fake.fail_skip = 31 + 4 + 32; /* the translation's */
    assert_int_equal(access_with(CODE, DEVICE, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    fake.fail_request = ABI_SET_ONE_REG;
    fake.fail_skip = 40;
    assert_int_equal(access_with(CODE, DEVICE, false), VML_KVM_EXIT_ERROR);
}

/* ---- with translation ---- */

static void entry(uint64_t table, uint64_t index, uint64_t descriptor)
{
    assert_int_equal(vml_as_write(&fx.as, table + 8 * index, &descriptor, 8), VML_OK);
}

/*
 * Four levels of 4 KiB: code at 0x7f_0000_1000 (a page), the device at 0x4020_0000 (a block of 2 MiB,
 * of which it is the beginning of 0x0900_0000).
 */
static void make_4k(unsigned t0sz)
{
    uint64_t l0 = RAM + 0x1000, l1 = RAM + 0x2000, l2 = RAM + 0x3000, l3 = RAM + 0x4000;
    uint64_t m2 = RAM + 0x5000;

    entry(l0, 0, l1 | 3);
    entry(l1, 0x1fc, l2 | 3); /* 0x7f_0000_0000 */
    entry(l2, 0, l3 | 3);
    entry(l3, 1, CODE | 0x703);
    entry(l1, 1, m2 | 3); /* 0x4000_0000 */
    entry(m2, 1, DEVICE | 0x401);
    *fake_reg(0, SCTLR) = 1;
    *fake_reg(0, TTBR0) = t0sz == 16 ? l0 | UINT64_C(5) << 48 : l1;
    *fake_reg(0, TCR) = t0sz | 16u << 16 | UINT64_C(2) << 30;
}

static void test_four_levels(void **state)
{
    make_4k(16);
    code_at(CODE + 0x10, LDR_Q5);
    ipa = DEVICE + 0x30;
    assert_int_equal(access_with(UINT64_C(0x7f00001010), 0x40200030, false), VML_KVM_EXIT_REQUEST);
    assert_false(aborted());
    assert_int_equal(fx.accesses, 2);
    assert_int_equal(*fake_reg(0, ABI_REG_PC), UINT64_C(0x7f00001014));
}

static void test_three_levels(void **state)
{
    make_4k(25); /* 39 bits */
    code_at(CODE, LDR_Q5);
    ipa = DEVICE + 0x30;
    assert_int_equal(access_with(UINT64_C(0x7f00001000), 0x40200030, false), VML_KVM_EXIT_REQUEST);
    assert_false(aborted());
}

static void test_tagged_address(void **state)
{
    make_4k(16);
    code_at(CODE, LDR_Q5);
    ipa = DEVICE + 0x30;
    assert_int_equal(access_with(UINT64_C(0x7f00001000), UINT64_C(0xab00000040200030), false),
                     VML_KVM_EXIT_REQUEST);
    /* Without top-byte-ignore the walk only looks at the bits that are translated, and finds it. */
    assert_false(aborted());
    *fake_reg(0, TCR) |= UINT64_C(1) << 37;
    assert_int_equal(access_with(UINT64_C(0x7f00001000), UINT64_C(0xab00000040200030), false),
                     VML_KVM_EXIT_REQUEST);
    assert_false(aborted());
}

static void test_holes_in_the_tables(void **state)
{
    make_4k(16);
    code_at(CODE, LDR_Q5);
    ipa = DEVICE;
    /* Not valid; a table that is no memory; reserved at the last level. */
    assert_int_equal(access_with(UINT64_C(0x7f00002000), 0x40200000, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    entry(RAM + 0x1000, 0, 0x80000003);
    assert_int_equal(access_with(UINT64_C(0x7f00001000), 0x40200000, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    make_4k(16);
    entry(RAM + 0x4000, 1, CODE | 0x701);
    assert_int_equal(access_with(UINT64_C(0x7f00001000), 0x40200000, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    /* Sizes that there are not; 52-bit descriptors. */
    *fake_reg(0, TCR) = 60;
    assert_int_equal(access_with(UINT64_C(0x7f00001000), 0x40200000, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    *fake_reg(0, TCR) = 12;
    assert_int_equal(access_with(UINT64_C(0x7f00001000), 0x40200000, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    *fake_reg(0, TCR) = 16 | UINT64_C(3) << 14;
    assert_int_equal(access_with(UINT64_C(0x7f00001000), 0x40200000, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    *fake_reg(0, TCR) = 16 | UINT64_C(1) << 59;
    assert_int_equal(access_with(UINT64_C(0x7f00001000), 0x40200000, false), VML_KVM_EXIT_REQUEST);
    assert_true(aborted());
    assert_int_equal(fx.accesses, 0);
}

/* 64 KiB in the upper half, 42 bits: two levels; the device by a block of 512 MiB. */
static void test_64k_upper_half(void **state)
{
    uint64_t l2 = RAM + 0x20000, l3 = RAM + 0x30000, va = ~UINT64_C(0) << 42;

    entry(l2, 0, l3 | 3);
    entry(l3, 1, CODE | 3);
    entry(l2, 1, 0 | 1); /* 0 to 512 MiB */
    *fake_reg(0, SCTLR) = 1;
    *fake_reg(0, TTBR1) = l2;
    *fake_reg(0, TCR) = 16 | 22u << 16 | UINT64_C(3) << 30 | UINT64_C(1) << 38;
    code_at(CODE + 8, LDR_Q5);
    ipa = DEVICE + 0x40;
    assert_int_equal(access_with(va + 0x10008, va + 0x20000000 + DEVICE + 0x40, false),
                     VML_KVM_EXIT_REQUEST);
    assert_false(aborted());
    assert_int_equal(fx.accesses, 2);
    /* The tag is made of ones there. */
    assert_int_equal(access_with(va + 0x10008,
                                 ((va + 0x20000000 + DEVICE + 0x40) & ~VML_MASK64(63, 56)) |
                                     UINT64_C(0x12) << 56,
                                 false),
                     VML_KVM_EXIT_REQUEST);
    assert_false(aborted());
}

/* 16 KiB, 36 bits: two levels. */
static void test_16k(void **state)
{
    uint64_t l2 = RAM + 0x20000, l3 = RAM + 0x24000;

    entry(l2, 0, l3 | 3);
    entry(l3, 4, CODE | 3);
    entry(l2, 2, 0x08000000 | 1); /* 32 MiB */
    *fake_reg(0, SCTLR) = 1;
    *fake_reg(0, TTBR0) = l2;
    *fake_reg(0, TCR) = 28 | UINT64_C(2) << 14;
    code_at(CODE, LDR_Q5);
    ipa = DEVICE;
    assert_int_equal(access_with(0x10000, 0x04000000 + (DEVICE - 0x08000000), false),
                     VML_KVM_EXIT_REQUEST);
    assert_false(aborted());
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_pair_without_translation),
        TEST(test_vector_load),
        TEST(test_what_no_device_answers),
        TEST(test_registers_cannot_be_had),
        TEST(test_four_levels),
        TEST(test_three_levels),
        TEST(test_tagged_address),
        TEST(test_holes_in_the_tables),
        TEST(test_64k_upper_half),
        TEST(test_16k),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
