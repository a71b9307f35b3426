/* System registers: the CPU's own, those of the SYSREG bus, and PSTATE as registers. */
#include "test.h"

#include "guest.h"

#define CNTKCTL     VML_SYSREG(3, 0, 14, 1, 0)
#define CONTEXTIDR  VML_SYSREG(3, 0, 13, 0, 1)
#define OSLSR       VML_SYSREG(2, 0, 1, 1, 4)

#define MRS_CNTVCT  0xd53be040u /* mrs x0, cntvct_el0 */
#define MRS_CNTPCT  0xd53be020u /* mrs x0, cntpct_el0 */
#define MRS_CNTFRQ  0xd53be000u /* mrs x0, cntfrq_el0 */
#define MRS_BUS     0xd53bf000u /* mrs x0, s3_3_c15_c0_0 */
#define MSR_BUS     0xd51bf000u /* msr s3_3_c15_c0_0, x0 */
#define MRS_BUS_EL1 0xd538f000u /* mrs x0, s3_0_c15_c0_0 */
#define MRS_DAIF    0xd53b4220u /* mrs x0, daif */
#define MSR_DAIF    0xd51b4220u /* msr daif, x0 */
#define DAIFSET     0xd50342dfu /* msr daifset, #2 */
#define MRS_FPCR    0xd53b4400u /* mrs x0, fpcr */
#define MSR_FPCR    0xd51b4400u /* msr fpcr, x0 */
#define MRS_FPSR    0xd53b4420u /* mrs x0, fpsr */
#define MSR_FPSR    0xd51b4420u /* msr fpsr, x0 */
#define MRS_PAN     0xd5384260u /* mrs x0, pan */
#define MRS_UAO     0xd5384280u /* mrs x0, uao */
#define MRS_DIT     0xd53b42a0u /* mrs x0, dit */
#define MRS_SSBS    0xd53b42c0u /* mrs x0, ssbs */
#define MSR_DIT_1   0xd503415fu /* msr dit, #1 */
#define MSR_SSBS_1  0xd503413fu /* msr ssbs, #1 */
#define MSR_UAO_1   0xd500417fu /* msr uao, #1 */
#define MSR_PAN_1   0xd500419fu /* msr pan, #1 */
#define MSR_SPSEL_0 0xd50040bfu /* msr spsel, #0 */
#define MRS_SPSEL   0xd5384200u /* mrs x0, spsel */
#define MRS_EL      0xd5384240u /* mrs x0, currentel */

#define EL0         0u
#define EL1         0x3c5u

static struct guest g;
static struct vml_a64_registers r;

static int setup(void **state)
{
    (void)state;
    guest_make(&g, 1, true);
    memset(&r, 0, sizeof(r));
    guest_set_sysreg(&g, CPACR, 3u << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    guest_end(&g);
    return 0;
}

/* Executes at a PSTATE with X0; true for an exception. */
static bool go(uint32_t instruction, uint32_t pstate, uint64_t x0)
{
    bool exception;

    r.pc = GUEST_RAM + 0x100;
    r.pstate = pstate;
    r.x[0] = x0;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    exception = guest_step(&g, instruction);
    vml_a64_get_registers(&g.cpu[0], &r);
    return exception;
}

static void expect_class(uint32_t ec)
{
    assert_int_equal(guest_sysreg(&g, ESR) >> 26, ec);
}

static uint64_t count(void *context, uint32_t cpu, bool virtual_count)
{
    assert_ptr_equal(context, &g);
    assert_int_equal(cpu, 0);
    return virtual_count ? 1111 : 2222;
}

static void the_counter_hook_is_what_counters_read(void **state)
{
    (void)state;
    g.machine.config.counter = count;
    assert_false(go(MRS_CNTVCT, EL1, 0));
    assert_int_equal(r.x[0], 1111);
    assert_false(go(MRS_CNTPCT, EL1, 0));
    assert_int_equal(r.x[0], 2222);
}

/* CNTKCTL_EL1: EL0PCTEN and EL0VCTEN; either lets EL0 read the frequency. */
static void el0_reads_the_counters_that_it_may(void **state)
{
    (void)state;
    g.machine.config.counter = count;
    for (uint64_t control = 0; control < 4; control++) {
        guest_set_sysreg(&g, CNTKCTL, control);
        assert_int_equal(go(MRS_CNTPCT, EL0, 0), !(control & 1));
        assert_int_equal(go(MRS_CNTVCT, EL0, 0), !(control & 2));
        if (!(control & 2)) {
            expect_class(0x18);
        }
        assert_int_equal(go(MRS_CNTFRQ, EL0, 0), control == 0);
    }
}

static void the_bus_serves_what_the_cpu_has_not(void **state)
{
    (void)state;
    assert_false(go(MSR_BUS, EL1, 0x1234567890));
    assert_true(g.last.write);
    assert_int_equal(g.last.size, 8);
    assert_false(go(MRS_BUS, EL1, 0));
    assert_int_equal(r.x[0], 0x1234567890);
    assert_false(go(MRS_BUS, EL0, 0)); /* op1 is 3: EL0 may */
    assert_int_equal(r.x[0], 0x1234567890);
    assert_true(go(MRS_BUS_EL1, EL1, 0)); /* nobody is there */
    expect_class(0);
    assert_true(go(MRS_BUS_EL1, EL0, 0));
    expect_class(0);
    g.machine.config.sysreg = NULL;
    assert_true(go(MRS_BUS, EL1, 0));
    expect_class(0);
}

static void a_register_may_be_answered_later(void **state)
{
    static const uint32_t words[] = {MRS_BUS, 0x14000000};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    g.device_waits = true;
    g.device_value = 0x66;
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_YIELD);
    vml_a64_get_registers(&g.cpu[0], &r);
    assert_int_equal(r.pc, GUEST_RAM);
    g.device_waits = false;
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BUDGET);
    vml_a64_get_registers(&g.cpu[0], &r);
    assert_int_equal(r.x[0], 0x66);
}

static void el0_reaches_daif_when_uma_lets_it(void **state)
{
    (void)state;
    assert_true(go(MRS_DAIF, EL0, 0));
    expect_class(0x18);
    assert_true(go(DAIFSET, EL0, 0));
    expect_class(0x18);
    guest_set_sysreg(&g, SCTLR, 1 << 9);
    assert_false(go(MSR_DAIF, EL0, 0x3c0));
    assert_int_equal(r.pstate, 0x3c0);
    assert_false(go(MRS_DAIF, 0x80, 0));
    assert_int_equal(r.x[0], 0x80);
    assert_false(go(DAIFSET, EL0, 0));
    assert_int_equal(r.pstate, 0x80);
}

static void fpcr_and_fpsr_have_the_bits_that_there_are(void **state)
{
    (void)state;
    assert_false(go(MSR_FPCR, EL1, UINT64_MAX));
    assert_false(go(MRS_FPCR, EL1, 0));
    assert_int_equal(r.x[0], 0x07c80000); /* AHP, DN, FZ, RMode, FZ16; no traps */
    assert_false(go(MSR_FPSR, EL1, UINT64_MAX));
    assert_false(go(MRS_FPSR, EL1, 0));
    assert_int_equal(r.x[0], 0x0800009f); /* QC, IDC, IXC, UFC, OFC, DZC, IOC */
    guest_set_sysreg(&g, CPACR, 1u << 20);
    assert_true(go(MRS_FPCR, EL0, 0));
    expect_class(0x07);
    assert_true(go(MSR_FPSR, EL0, 0));
    expect_class(0x07);
}

struct pstate_field {
    uint32_t set, read, bit;
    bool el0;
};

static const struct pstate_field fields[] = {
    {MSR_DIT_1, MRS_DIT, 1u << 24, true},
    {MSR_SSBS_1, MRS_SSBS, 1u << 12, true},
    {MSR_UAO_1, MRS_UAO, 1u << 23, false},
    {MSR_PAN_1, MRS_PAN, 1u << 22, false},
};

static void pstate_fields_by_immediate_and_by_register(void **state)
{
    (void)state;
    for (size_t i = 0; i < VML_ARRAY_SIZE(fields); i++) {
        const struct pstate_field *f = &fields[i];

        assert_false(go(f->set, EL1, 0));
        assert_int_equal(r.pstate, EL1 | f->bit);
        assert_false(go(f->read, EL1 | f->bit, 0));
        assert_int_equal(r.x[0], f->bit);
        assert_false(go(f->read & ~(1u << 21), EL1 | f->bit, 0)); /* MSR of 0 */
        assert_int_equal(r.pstate, EL1);
        assert_false(go(f->read & ~(1u << 21), EL1, f->bit));
        assert_int_equal(r.pstate, EL1 | f->bit);
        assert_int_equal(go(f->set, EL0, 0), !f->el0);
        assert_int_equal(go(f->read, EL0, 0), !f->el0);
    }
    assert_false(go(MSR_SPSEL_0, EL1, 0));
    assert_int_equal(r.pstate, EL1 & ~1u);
    assert_false(go(MRS_SPSEL, EL1, 0));
    assert_int_equal(r.x[0], 1);
    assert_false(go(MRS_EL, EL1, 0));
    assert_int_equal(r.x[0], 4);
    assert_true(go(MRS_EL, EL0, 0));
}

static void pstate_fields_that_the_model_has_not(void **state)
{
    struct vml_arm_ids model;

    (void)state;
    guest_end(&g);
    vml_a64_model_v8_0(&model);
    guest_make_model(&g, 1, true, &model);
    for (size_t i = 0; i < VML_ARRAY_SIZE(fields); i++) {
        assert_true(go(fields[i].set, EL1, 0));
        expect_class(0);
        assert_true(go(fields[i].read, EL1, 0));
        expect_class(0);
        assert_true(go(fields[i].read & ~(1u << 21), EL1, 0));
        expect_class(0);
    }
}

static void the_os_lock_is_set_and_cleared(void **state)
{
    (void)state;
    assert_int_equal(guest_sysreg(&g, OSLSR), 10);
    guest_set_sysreg(&g, OSLAR, 0);
    assert_int_equal(guest_sysreg(&g, OSLSR), 8);
    guest_set_sysreg(&g, OSLAR, 1);
    assert_int_equal(guest_sysreg(&g, OSLSR), 10);
}

/* Every register that can be written from outside keeps what its mask lets through, and is saved. */
static void writable_bits_are_kept(void **state)
{
    static const struct {
        uint64_t encoding, mask;
    } rows[] = {
        {TTBR0, ~UINT64_C(1)}, {TTBR1, ~UINT64_C(1)},    {MAIR, UINT64_MAX},
        {ELR, UINT64_MAX},     {SPSR, 0xffffffff},       {FAR, UINT64_MAX},
        {ESR, 0xffffffff},     {VBAR, ~UINT64_C(0x7ff)}, {CONTEXTIDR, 0xffffffff},
    };

    (void)state;
    for (size_t i = 0; i < VML_ARRAY_SIZE(rows); i++) {
        guest_set_sysreg(&g, rows[i].encoding, UINT64_MAX);
        assert_int_equal(guest_sysreg(&g, rows[i].encoding), rows[i].mask);
        guest_set_sysreg(&g, rows[i].encoding, 0);
        assert_int_equal(guest_sysreg(&g, rows[i].encoding), 0);
    }
}

static void a_start_at_el0(void **state)
{
    static const uint32_t words[] = {0x14000000};
    struct vml_cpu_start start = {.entry = GUEST_RAM, .context = 5, .mode = 0};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    assert_int_equal(vml_cpu_start(&g.cpu[0].cpu, &start), VML_OK);
    assert_int_equal(vml_a64_run(&g.cpu[0], 10), VML_A64_EXIT_BUDGET);
    vml_a64_get_registers(&g.cpu[0], &r);
    assert_int_equal(r.pstate & 0x1f, 0);
    assert_int_equal(r.x[0], 5);
}

static char logged[4096];

static void keep(void *context, enum vml_log_level level, const char *line)
{
    (void)context;
    (void)level;
    strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

static void the_dump_names_the_registers(void **state)
{
    (void)state;
    r.pc = 0x40001234;
    r.pstate = EL1;
    r.x[30] = 0xfeedface;
    r.sp = 0xabcdef0;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    logged[0] = 0;
    vml_log_set_sink(keep, NULL);
    vml_log_set_level(VML_LOG_DEBUG);
    g.cpu[0].cpu.config.ops->dump(&g.cpu[0].cpu);
    vml_log_set_sink(NULL, NULL);
    assert_non_null(strstr(logged, "PC 0000000040001234"));
    assert_non_null(strstr(logged, "SP 000000000abcdef0"));
    assert_non_null(strstr(logged, "00000000feedface"));
}

/* Branches that end in another page: compare and flags, each way. */
static void conditional_branches_leave_the_page(void **state)
{
    static const struct {
        uint32_t instruction, pstate;
        uint64_t x0;
    } taken[] = {
        {0x54010000, EL1 | 1u << 30, 0}, /* b.eq . + 0x2000 */
        {0xb4010000, EL1, 0},            /* cbz x0, . + 0x2000 */
        {0xb5010000, EL1, 1},            /* cbnz x0 */
        {0x36190000, EL1, 0},            /* tbz x0, #3 */
        {0x37190000, EL1, 8},            /* tbnz x0, #3 */
    };

    (void)state;
    for (size_t i = 0; i < VML_ARRAY_SIZE(taken); i++) {
        for (unsigned not_taken = 0; not_taken < 2; not_taken++) {
            uint32_t words[] = {taken[i].instruction, 0x14000000};
            uint32_t there[] = {0x14000000};

            guest_load(&g, GUEST_RAM, words, 2);
            guest_load(&g, GUEST_RAM + 0x2000, there, 1);
            vml_a64_memory_changed(&g.machine);
            guest_start(&g, 0, GUEST_RAM);
            (void)vml_a64_run(&g.cpu[0], 0);
            r.pc = GUEST_RAM;
            r.pstate = taken[i].pstate ^ (i == 0 && not_taken ? 1u << 30 : 0);
            r.x[0] = taken[i].x0 ^ (not_taken ? taken[i].x0 ? taken[i].x0 : 8 : 0);
            assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
            assert_int_equal(vml_a64_run(&g.cpu[0], 10), VML_A64_EXIT_BUDGET);
            vml_a64_get_registers(&g.cpu[0], &r);
            assert_int_equal(r.pc, not_taken ? GUEST_RAM + 4 : GUEST_RAM + 0x2000);
            vml_cpu_stop(&g.cpu[0].cpu);
            (void)vml_a64_run(&g.cpu[0], 0);
        }
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_counter_hook_is_what_counters_read),
        CASE(el0_reads_the_counters_that_it_may),
        CASE(the_bus_serves_what_the_cpu_has_not),
        CASE(a_register_may_be_answered_later),
        CASE(el0_reaches_daif_when_uma_lets_it),
        CASE(fpcr_and_fpsr_have_the_bits_that_there_are),
        CASE(pstate_fields_by_immediate_and_by_register),
        CASE(pstate_fields_that_the_model_has_not),
        CASE(the_os_lock_is_set_and_cleared),
        CASE(writable_bits_are_kept),
        CASE(a_start_at_el0),
        CASE(the_dump_names_the_registers),
        CASE(conditional_branches_leave_the_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
