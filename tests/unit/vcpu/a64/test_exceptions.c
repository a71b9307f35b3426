/* Exception entry and return, and what each exception class reports (DDI 0487, D1.3, D19.2.37). */
#include "test.h"

#include "guest.h"

#define EC(esr)  ((esr) >> 26)
#define ISS(esr) ((esr)&0x1ffffff)

static struct guest g;
static struct vml_a64_registers r;

static void get(void)
{
    vml_a64_get_registers(&g.cpu[0], &r);
}

static void put(void)
{
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
}

static int setup(void **state)
{
    (void)state;
    guest_make(&g, 1, true);
    memset(&r, 0, sizeof(r));
    r.pc = GUEST_RAM;
    r.pstate = 0x3c5;
    put();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    guest_end(&g);
    return 0;
}

static void at_el0(void)
{
    get();
    r.pstate = 0;
    put();
}

static void svc_enters_the_vector_of_the_level_it_came_from(void **state)
{
    (void)state;
    assert_true(guest_step(&g, 0xd4000861)); /* svc #0x43 */
    get();
    assert_int_equal(r.pc, GUEST_VBAR + 0x200);
    assert_int_equal(guest_sysreg(&g, ELR), GUEST_RAM + 4);
    assert_int_equal(guest_sysreg(&g, SPSR), 0x3c5);
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x15);
    assert_int_equal(ISS(guest_sysreg(&g, ESR)), 0x43);

    r.pstate = 0x3c4; /* EL1 with SP_EL0 */
    r.pc = GUEST_RAM;
    put();
    assert_true(guest_step(&g, 0xd4000001));
    get();
    assert_int_equal(r.pc, GUEST_VBAR);

    r.pstate = 0x60000000;
    r.pc = GUEST_RAM + 8;
    put();
    assert_true(guest_step(&g, 0xd4000001));
    get();
    assert_int_equal(r.pc, GUEST_VBAR + 0x400);
    assert_int_equal(r.pstate & 0xf00003ff, 0x600003c5); /* flags stay, DAIF are set */
    assert_int_equal(guest_sysreg(&g, SPSR), 0x60000000);
}

static void eret_restores_level_flags_and_stack(void **state)
{
    (void)state;
    guest_set_sysreg(&g, VML_SYSREG(3, 0, 4, 1, 0), 0x1110); /* SP_EL0 */
    guest_set_sysreg(&g, VML_SYSREG(3, 4, 4, 1, 0), 0x2220); /* SP_EL1 */
    guest_set_sysreg(&g, SPSR, 0xa0000000);
    guest_set_sysreg(&g, ELR, GUEST_RAM + 0x100);
    assert_false(guest_step(&g, 0xd69f03e0));
    get();
    assert_int_equal(r.pc, GUEST_RAM + 0x100);
    assert_int_equal(r.pstate, 0xa0000000);
    assert_int_equal(r.sp, 0x1110);
    assert_true(guest_step(&g, 0xd4000001));
    get();
    assert_int_equal(r.sp, 0x2220);
}

static void an_illegal_return_sets_il_and_the_next_instruction_traps(void **state)
{
    (void)state;
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    guest_set_sysreg(&g, VBAR, GUEST_VBAR);
    guest_set_sysreg(&g, SPSR, 0x3c9); /* EL2 */
    guest_set_sysreg(&g, ELR, GUEST_RAM + 0x40);
    assert_false(guest_step(&g, 0xd69f03e0));
    get();
    assert_int_equal(r.pc, GUEST_RAM + 0x40);
    assert_int_equal(r.pstate & 0xf, 5);
    assert_true(r.pstate >> 20 & 1);
    vml_cpu_request_features(&g.cpu[0].cpu, VML_CPU_BY_VMM, VML_CPU_SINGLE_STEP);
    assert_int_equal(vml_a64_run(&g.cpu[0], 1), VML_A64_EXIT_STEP);
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x0e);
    assert_int_equal(guest_sysreg(&g, ELR), GUEST_RAM + 0x40);
}

static void what_is_unallocated_or_privileged_is_undefined(void **state)
{
    static const uint32_t words[] = {
        0x00000000, /* udf #0 */
        0xd4400000, /* hlt #0 */
        0xd4a00001, /* dcps1 */
        0xd53ce000, /* mrs x0, cntvoff_el2 */
        0xd5380420, /* mrs, unallocated outside of the ID space */
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        r.pc = GUEST_RAM + 16 * i;
        r.pstate = 0x3c5;
        put();
        assert_true(guest_step(&g, words[i]));
        assert_int_equal(guest_sysreg(&g, ESR), 0x02000000);
        assert_int_equal(guest_sysreg(&g, ELR), GUEST_RAM + 16 * i);
    }
    at_el0();
    assert_true(guest_step(&g, 0xd5381000)); /* mrs x0, sctlr_el1 */
    assert_int_equal(guest_sysreg(&g, ESR), 0x02000000);
    at_el0();
    assert_true(guest_step(&g, 0xd69f03e0)); /* eret */
    assert_int_equal(guest_sysreg(&g, ESR), 0x02000000);
    at_el0();
    assert_true(guest_step(&g, 0xd4000002)); /* hvc */
    assert_int_equal(guest_sysreg(&g, ESR), 0x02000000);
}

static void el0_accesses_that_sctlr_traps_report_the_register(void **state)
{
    (void)state;
    at_el0();
    assert_true(guest_step(&g, 0xd53b0023)); /* mrs x3, ctr_el0 */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x18);
    at_el0();
    assert_true(guest_step(&g, 0xd53b4227)); /* mrs x7, daif */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x18);
    at_el0();
    assert_true(guest_step(&g, 0xd50b7420)); /* dc zva, x0 */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x18);
    at_el0();
    assert_true(guest_step(&g, 0xd50b7520)); /* ic ivau, x0 */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x18);
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) | 1 << 15 | 1 << 9);
    at_el0();
    assert_false(guest_step(&g, 0xd53b0023));
    get();
    assert_int_not_equal(r.x[3], 0);
    assert_false(guest_step(&g, 0xd53b4227));
}

static void wfi_at_el0_traps_unless_allowed(void **state)
{
    (void)state;
    at_el0();
    assert_true(guest_step(&g, 0xd503207f));
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x01);
    assert_int_equal(ISS(guest_sysreg(&g, ESR)) & 1, 0);
    at_el0();
    assert_true(guest_step(&g, 0xd503205f));
    assert_int_equal(ISS(guest_sysreg(&g, ESR)) & 1, 1);
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) | 1 << 16);
    at_el0();
    assert_false(guest_step(&g, 0xd503207f));
}

static void fp_is_trapped_as_cpacr_says(void **state)
{
    (void)state;
    assert_true(guest_step(&g, 0x1e604000)); /* fmov d0, d0 */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x07);
    assert_int_equal(ISS(guest_sysreg(&g, ESR)), 1 << 24 | 0xe << 20);
    guest_set_sysreg(&g, CPACR, 1 << 20);
    at_el0();
    assert_true(guest_step(&g, 0x3dc00000)); /* ldr q0, [x0] */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x07);
    assert_false(guest_step(&g, 0x1e604000)); /* at EL1 now */
    guest_set_sysreg(&g, CPACR, 3 << 20);
    at_el0();
    assert_false(guest_step(&g, 0x1e604000));
}

static void brk_reports_its_immediate_and_its_own_address(void **state)
{
    (void)state;
    assert_true(guest_step(&g, 0xd4207d00)); /* brk #0x3e8 */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x3c);
    assert_int_equal(ISS(guest_sysreg(&g, ESR)), 0x3e8);
    assert_int_equal(guest_sysreg(&g, ELR), GUEST_RAM);
}

static void misaligned_pc_and_sp_are_faults(void **state)
{
    (void)state;
    r.pc = GUEST_RAM + 2;
    put();
    assert_int_equal(vml_a64_step_state(&g.cpu[0]), VML_A64_STEP_EXCEPTION);
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x22);
    assert_int_equal(guest_sysreg(&g, FAR), GUEST_RAM + 2);

    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) | 1 << 3);
    r.pc = GUEST_RAM;
    r.sp = GUEST_RAM + 0x1008;
    put();
    assert_true(guest_step(&g, 0xf94003e0)); /* ldr x0, [sp] */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x26);
    guest_set_sysreg(&g, SCTLR, guest_sysreg(&g, SCTLR) & ~UINT64_C(8));
    put();
    assert_false(guest_step(&g, 0xf94003e0));
}

static void hvc_and_smc_reach_the_firmware(void **state)
{
    (void)state;
    r.x[0] = 77;
    put();
    assert_false(guest_step(&g, 0xd4000002)); /* hvc #0 */
    assert_int_equal(g.firmware_calls, 1);
    assert_int_equal(g.firmware_x0, 77);
    assert_false(g.firmware_smc);
    get();
    assert_int_equal(r.x[0], 0x1234);
    assert_int_equal(r.pc, GUEST_RAM + 4);
    assert_false(guest_step(&g, 0xd4000003)); /* smc #0 */
    assert_true(g.firmware_smc);
    assert_true(guest_step(&g, 0xd41bd5a2)); /* hvc #0xdead */
    assert_int_equal(guest_sysreg(&g, ESR), 0x02000000);
}

static void interrupts_wait_for_their_mask_and_serror_comes_first(void **state)
{
    static const uint32_t words[] = {
        0xd503201f, /* nop */
        0xd50342ff, /* msr daifclr, #2 */
        0xd503201f, /* nop */
        0x14000000, /* b . */
    };
    static const uint32_t spin[] = {0x14000000};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    LOAD_WORDS(&g, GUEST_VBAR + 0x280, spin);
    LOAD_WORDS(&g, GUEST_VBAR + 0x380, spin);
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    guest_set_sysreg(&g, VBAR, GUEST_VBAR);
    vml_a64_set_input(&g.cpu[0], VML_A64_INPUT_IRQ, true);
    assert_int_equal(vml_a64_run(&g.cpu[0], 40), VML_A64_EXIT_BUDGET);
    get();
    assert_int_equal(r.pc, GUEST_VBAR + 0x280);
    /* Taken right behind the instruction that unmasked it. */
    assert_int_equal(guest_sysreg(&g, ELR), GUEST_RAM + 8);
    vml_a64_set_input(&g.cpu[0], VML_A64_INPUT_SERROR, true);
    r.pstate = 5;
    r.pc = GUEST_RAM;
    put();
    (void)vml_a64_run(&g.cpu[0], 10);
    get();
    assert_int_equal(r.pc, GUEST_VBAR + 0x380);
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x2f);
}

static void software_step_steps_once(void **state)
{
    static const uint32_t words[] = {0xd503201f, 0xd503201f, 0xd503201f, 0x14000000};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    guest_set_sysreg(&g, VBAR, GUEST_VBAR);
    guest_set_sysreg(&g, OSLAR, 0);
    guest_set_sysreg(&g, MDSCR, 1);
    guest_set_sysreg(&g, SPSR, 1 << 21); /* EL0, SS */
    guest_set_sysreg(&g, ELR, GUEST_RAM);
    assert_false(guest_step(&g, 0xd69f03e0));
    get();
    assert_true(r.pstate >> 21 & 1);
    guest_write64(&g, GUEST_VBAR + 0x400, 0x14000000);
    (void)vml_a64_run(&g.cpu[0], 5);
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x32);
    assert_int_equal(guest_sysreg(&g, ELR), GUEST_RAM + 4);
    assert_int_equal(guest_sysreg(&g, SPSR) >> 21 & 1, 0);
}

static void a_breakpoint_stops_before_its_instruction(void **state)
{
    static const uint32_t words[] = {0xd503201f, 0xd503201f, 0xd503201f, 0x14000000};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_write64(&g, GUEST_VBAR + 0x400, 0x14000000);
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    guest_set_sysreg(&g, VBAR, GUEST_VBAR);
    guest_set_sysreg(&g, OSLAR, 0);
    guest_set_sysreg(&g, MDSCR, 1 << 15);
    guest_set_sysreg(&g, DBGBVR0, GUEST_RAM + 8);
    guest_set_sysreg(&g, DBGBCR0, 0xf << 5 | 2 << 1 | 1);
    r.pstate = 0;
    r.pc = GUEST_RAM;
    put();
    (void)vml_a64_run(&g.cpu[0], 6);
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x30);
    assert_int_equal(guest_sysreg(&g, ELR), GUEST_RAM + 8);
}

static void a_watchpoint_reports_the_address(void **state)
{
    (void)state;
    guest_set_sysreg(&g, OSLAR, 0);
    guest_set_sysreg(&g, MDSCR, 1 << 15);
    guest_set_sysreg(&g, DBGWVR0, GUEST_RAM + 0x2000);
    guest_set_sysreg(&g, DBGWCR0, 0xff << 5 | 2 << 3 | 2 << 1 | 1); /* stores at EL0 */
    r.x[1] = GUEST_RAM + 0x2000;
    r.pstate = 0;
    put();
    assert_false(guest_step(&g, 0xf9400020)); /* ldr x0, [x1] */
    assert_true(guest_step(&g, 0x39001020));  /* strb w0, [x1, #4] */
    assert_int_equal(EC(guest_sysreg(&g, ESR)), 0x34);
    assert_int_equal(ISS(guest_sysreg(&g, ESR)), 0x62);
    assert_int_equal(guest_sysreg(&g, FAR), GUEST_RAM + 0x2004);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(svc_enters_the_vector_of_the_level_it_came_from),
        CASE(eret_restores_level_flags_and_stack),
        CASE(an_illegal_return_sets_il_and_the_next_instruction_traps),
        CASE(what_is_unallocated_or_privileged_is_undefined),
        CASE(el0_accesses_that_sctlr_traps_report_the_register),
        CASE(wfi_at_el0_traps_unless_allowed),
        CASE(fp_is_trapped_as_cpacr_says),
        CASE(brk_reports_its_immediate_and_its_own_address),
        CASE(misaligned_pc_and_sp_are_faults),
        CASE(hvc_and_smc_reach_the_firmware),
        CASE(interrupts_wait_for_their_mask_and_serror_comes_first),
        CASE(software_step_steps_once),
        CASE(a_breakpoint_stops_before_its_instruction),
        CASE(a_watchpoint_reports_the_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
