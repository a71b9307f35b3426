/* Translation, its faults, and TLB maintenance (DDI 0487, D8). */
#include "test.h"

#include "guest.h"

#define VA       UINT64_C(0x80000000)
#define LDR      0xf9400020u /* ldr x0, [x1] */
#define STR      0xf9000020u /* str x0, [x1] */
#define LDTR     0xf8400820u /* ldtr x0, [x1] */
#define LDP      0xa9400820u /* ldp x0, x2, [x1] */
#define TLBI_ALL 0xd508871fu /* tlbi vmalle1 */

#define VALID    UINT64_C(3)
#define AF       (UINT64_C(1) << 10)
#define NG       (UINT64_C(1) << 11)
#define EL0      (UINT64_C(1) << 6)
#define RO       (UINT64_C(1) << 7)
#define DEVICE   (UINT64_C(1) << 2)
#define PXN      (UINT64_C(1) << 53)
#define UXN      (UINT64_C(1) << 54)
#define DBM      (UINT64_C(1) << 51)

static struct guest g;
static struct vml_a64_registers r;

static int setup(void **state)
{
    (void)state;
    guest_make(&g, 1, true);
    guest_map(&g);
    memset(&r, 0, sizeof(r));
    r.pc = GUEST_RAM;
    r.pstate = 0x3c5;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    guest_end(&g);
    return 0;
}

static bool access_at(uint32_t instruction, uint64_t va, uint32_t pstate)
{
    r.pc = GUEST_RAM;
    r.x[0] = 0x1122334455667788;
    r.x[1] = va;
    r.pstate = pstate;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    return guest_step(&g, instruction);
}

static void expect_fault(uint32_t ec, uint32_t iss, uint64_t far)
{
    assert_int_equal(guest_sysreg(&g, ESR) >> 26, ec);
    assert_int_equal(guest_sysreg(&g, ESR) & 0x1ffffff, iss);
    assert_int_equal(guest_sysreg(&g, FAR), far);
}

static void set_leaf(uint32_t page, uint64_t descriptor)
{
    guest_write64(&g, guest_leaf_at(page), descriptor);
    (void)access_at(TLBI_ALL, 0, 0x3c5);
}

static void a_page_is_where_its_leaf_says(void **state)
{
    (void)state;
    set_leaf(3, (GUEST_RAM + 0x5000) | VALID | AF);
    assert_false(access_at(STR, VA + 0x3010, 0x3c5));
    assert_int_equal(guest_read64(&g, GUEST_RAM + 0x5010), 0x1122334455667788);
    assert_false(access_at(LDR, VA + 0x3010, 0x3c5));
}

static void missing_entries_fault_at_their_level(void **state)
{
    (void)state;
    assert_true(access_at(LDR, VA + 0x4000, 0x3c5));
    expect_fault(0x25, 0x07, VA + 0x4000);
    assert_true(access_at(STR, VA + 0x200000, 0x3c5));
    expect_fault(0x25, 0x46, VA + 0x200000);
    assert_true(access_at(LDR, UINT64_C(0x100000000), 0x3c5));
    expect_fault(0x25, 0x05, UINT64_C(0x100000000));
    assert_true(access_at(LDR, UINT64_C(0x8000000000), 0));
    expect_fault(0x24, 0x04, UINT64_C(0x8000000000));
    assert_true(access_at(LDR, UINT64_C(0x0001000000000000), 0x3c5)); /* beyond T0SZ */
    expect_fault(0x25, 0x04, UINT64_C(0x0001000000000000));
    assert_true(access_at(LDR, UINT64_C(0xffff000000000000), 0x3c5)); /* EPD1 */
    expect_fault(0x25, 0x04, UINT64_C(0xffff000000000000));
}

static void access_flag_and_permissions(void **state)
{
    (void)state;
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID);
    assert_true(access_at(LDR, VA, 0x3c5));
    expect_fault(0x25, 0x0b, VA);
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF | RO);
    assert_false(access_at(LDR, VA, 0x3c5));
    assert_true(access_at(STR, VA, 0x3c5));
    expect_fault(0x25, 0x4f, VA);
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF);
    assert_true(access_at(LDR, VA, 0));
    expect_fault(0x24, 0x0f, VA);
    assert_true(access_at(LDTR, VA, 0x3c5)); /* as EL0, reported as EL1 */
    expect_fault(0x25, 0x0f, VA);
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF | EL0);
    assert_false(access_at(LDR, VA, 0));
    assert_false(access_at(LDTR, VA, 0x3c5));
}

static void pan_blocks_el1_from_pages_of_el0(void **state)
{
    const uint32_t pan = 1 << 22;

    (void)state;
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF | EL0);
    assert_false(access_at(LDR, VA, 0x3c5));
    assert_true(access_at(LDR, VA, 0x3c5 | pan));
    expect_fault(0x25, 0x0f, VA);
    assert_false(access_at(LDTR, VA, 0x3c5 | pan));
    assert_false(access_at(LDR, VA, pan));
}

static void execute_permissions(void **state)
{
    (void)state;
    guest_write64(&g, GUEST_RAM + 0x5000, 0xd503201fd503201f);
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF | UXN);
    r.pc = VA;
    r.pstate = 0x3c5;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    assert_int_equal(vml_a64_step_state(&g.cpu[0]), VML_A64_STEP_DONE);
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF | PXN);
    r.pc = VA;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    assert_int_equal(vml_a64_step_state(&g.cpu[0]), VML_A64_STEP_EXCEPTION);
    expect_fault(0x21, 0x0f, VA);
    /* What EL0 can write, EL1 cannot execute. */
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF | EL0);
    r.pc = VA;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    assert_int_equal(vml_a64_step_state(&g.cpu[0]), VML_A64_STEP_EXCEPTION);
    /* WXN */
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF);
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) | 1 << 19);
    r.pc = VA;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    assert_int_equal(vml_a64_step_state(&g.cpu[0]), VML_A64_STEP_EXCEPTION);
    expect_fault(0x21, 0x0f, VA);
}

static void a_stale_entry_stays_until_tlbi(void **state)
{
    (void)state;
    guest_write64(&g, GUEST_RAM + 0x5000, 5);
    guest_write64(&g, GUEST_RAM + 0x6000, 6);
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF);
    assert_false(access_at(LDR, VA, 0x3c5));
    guest_write64(&g, guest_leaf_at(0), (GUEST_RAM + 0x6000) | VALID | AF);
    assert_false(access_at(0xd5088721, VA >> 12, 0x3c5)); /* tlbi vae1, x1 */
    assert_false(access_at(LDR, VA, 0x3c5));
    vml_a64_get_registers(&g.cpu[0], &r);
    assert_int_equal(r.x[0], 6);
}

static void an_access_that_crosses_pages_needs_both(void **state)
{
    (void)state;
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF);
    set_leaf(1, 0);
    assert_true(access_at(STR, VA + 0xffc, 0x3c5));
    expect_fault(0x25, 0x47, VA + 0x1000);
    assert_int_equal(guest_read64(&g, GUEST_RAM + 0x5ff8), 0);
    set_leaf(1, (GUEST_RAM + 0x8000) | VALID | AF);
    assert_false(access_at(STR, VA + 0xffc, 0x3c5));
    assert_int_equal(guest_read64(&g, GUEST_RAM + 0x5ff8), UINT64_C(0x5566778800000000));
    assert_int_equal(guest_read64(&g, GUEST_RAM + 0x8000), 0x11223344);
    assert_false(access_at(LDR, VA + 0xffc, 0x3c5));
    vml_a64_get_registers(&g.cpu[0], &r);
    assert_int_equal(r.x[0], 0x1122334455667788);
    assert_false(access_at(LDP, VA + 0xff8, 0x3c5));
}

static void device_memory_wants_alignment(void **state)
{
    (void)state;
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF | DEVICE);
    assert_false(access_at(LDR, VA + 8, 0x3c5));
    assert_true(access_at(LDR, VA + 4, 0x3c5));
    expect_fault(0x25, 0x21, VA + 4);
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF);
    assert_false(access_at(LDR, VA + 4, 0x3c5));
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) | 2);
    assert_true(access_at(LDR, VA + 4, 0x3c5));
    expect_fault(0x25, 0x21, VA + 4);
}

static void devices_and_holes(void **state)
{
    (void)state;
    g.device_value = 0x99;
    assert_false(access_at(LDR, GUEST_UART + 8, 0x3c5));
    vml_a64_get_registers(&g.cpu[0], &r);
    assert_int_equal(r.x[0], 0x99);
    assert_int_equal(g.last.offset, 8);
    assert_int_equal(g.last.size, 8);
    assert_false(access_at(0x39000020, GUEST_UART + 1, 0x3c5)); /* strb */
    assert_int_equal(g.last.value, 0x88);
    assert_int_equal(g.last.size, 1);
    assert_true(access_at(LDR, GUEST_UART + 0x800, 0x3c5));
    expect_fault(0x25, 0x10, GUEST_UART + 0x800);
    assert_true(access_at(STR, 0x1000, 0x3c5));
    expect_fault(0x25, 0x50, 0x1000);
}

static void a_walk_that_leaves_memory_is_an_external_abort(void **state)
{
    (void)state;
    guest_write64(&g, GUEST_TABLE + 0x2008, GUEST_UART | 3);
    assert_true(access_at(LDR, VA + 0x200000, 0x3c5));
    expect_fault(0x25, 0x17, VA + 0x200000);
    guest_write64(&g, GUEST_TABLE + 0x2008, (UINT64_C(1) << 45) | 3);
    assert_true(access_at(LDR, VA + 0x200000, 0x3c5));
    expect_fault(0x25, 0x02, VA + 0x200000); /* address size, level 2 */
}

static void hardware_updates_of_access_flag_and_dirty_state(void **state)
{
    (void)state;
    guest_set_sysreg(&g, TCR, guest_sysreg(&g, TCR) | UINT64_C(3) << 39);
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | RO | DBM);
    assert_false(access_at(LDR, VA, 0x3c5));
    assert_true(guest_read64(&g, guest_leaf_at(0)) & AF);
    assert_true(guest_read64(&g, guest_leaf_at(0)) & RO);
    assert_false(access_at(STR, VA, 0x3c5));
    assert_false(guest_read64(&g, guest_leaf_at(0)) & RO);
}

static void at_reports_in_par(void **state)
{
    (void)state;
    set_leaf(0, (GUEST_RAM + 0x5000) | VALID | AF | 3 << 8);
    assert_false(access_at(0xd5087801, VA + 0x123, 0x3c5)); /* at s1e1r, x1 */
    assert_int_equal(guest_sysreg(&g, PAR) & 0xfffffffff001, GUEST_RAM + 0x5000);
    assert_int_equal(guest_sysreg(&g, PAR) >> 56, 0xff);
    assert_false(access_at(0xd5087841, VA, 0x3c5)); /* at s1e0r: permission, level 3 */
    assert_int_equal(guest_sysreg(&g, PAR) & 0x7f, 0x0f << 1 | 1);
}

static void the_other_granules(void **state)
{
    (void)state;
    /* 64 KiB, 42 bits: level 2 with 512 MiB each, then level 3. */
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) & ~UINT64_C(1));
    guest_write64(&g, GUEST_TABLE + 4 * 8, (GUEST_TABLE + 0x10000) | 3);
    guest_write64(&g, GUEST_TABLE + 0x10000 + 8, (GUEST_RAM + 0x10000) | VALID | AF);
    guest_set_sysreg(&g, TCR, UINT64_C(5) << 32 | 22 | 1 << 14 | UINT64_C(1) << 23);
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) | 1);
    guest_write64(&g, GUEST_RAM + 0x1f008, 0x64);
    assert_false(access_at(LDR, VA + 0x1f008, 0x3c5));
    vml_a64_get_registers(&g.cpu[0], &r);
    assert_int_equal(r.x[0], 0x64);
    assert_true(access_at(LDR, VA + 0x20000, 0x3c5));
    expect_fault(0x25, 0x07, VA + 0x20000);
    /* 16 KiB, 36 bits: level 2 with 32 MiB each, then level 3. */
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) & ~UINT64_C(1));
    guest_write64(&g, GUEST_TABLE + 64 * 8, (GUEST_TABLE + 0x4000) | 3);
    guest_write64(&g, GUEST_TABLE + 0x4000 + 8, (GUEST_RAM + 0x14000) | VALID | AF);
    guest_set_sysreg(&g, TCR, UINT64_C(5) << 32 | 28 | 2 << 14 | UINT64_C(1) << 23);
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) | 1);
    guest_write64(&g, GUEST_RAM + 0x16010, 0x16);
    assert_false(access_at(LDR, VA + 0x6010, 0x3c5));
    vml_a64_get_registers(&g.cpu[0], &r);
    assert_int_equal(r.x[0], 0x16);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_page_is_where_its_leaf_says),
        CASE(missing_entries_fault_at_their_level),
        CASE(access_flag_and_permissions),
        CASE(pan_blocks_el1_from_pages_of_el0),
        CASE(execute_permissions),
        CASE(a_stale_entry_stays_until_tlbi),
        CASE(an_access_that_crosses_pages_needs_both),
        CASE(device_memory_wants_alignment),
        CASE(devices_and_holes),
        CASE(a_walk_that_leaves_memory_is_an_external_abort),
        CASE(hardware_updates_of_access_flag_and_dirty_state),
        CASE(at_reports_in_par),
        CASE(the_other_granules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
