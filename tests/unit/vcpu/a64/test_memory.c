/* Loads and stores beyond the plain ones: across pages, to devices and ROM, tracked, ordered, literal. */
#include "test.h"

#include "guest.h"

#define VA        UINT64_C(0x80000000)
#define PAGE_A    (GUEST_RAM + 0x5000)
#define PAGE_B    (GUEST_RAM + 0x9000)
#define LEAF      (3 | 1 << 10)
#define READ_ONLY (1 << 7)

#define LDR_X     0xf9400020u /* ldr x0, [x1] */
#define STR_X     0xf9000020u /* str x0, [x1] */
#define STRH      0x79000020u /* strh w0, [x1] */
#define STRB      0x39000020u /* strb w0, [x1] */
#define LDRH      0x79400020u /* ldrh w0, [x1] */
#define LDP_X     0xa9400820u /* ldp x0, x2, [x1] */
#define STP_X     0xa9000820u /* stp x0, x2, [x1] */
#define LDR_Q     0x3dc00020u /* ldr q0, [x1] */
#define STR_Q     0x3d800020u /* str q0, [x1] */
#define ST1       0x4c002020u /* st1 {v0.16b-v3.16b}, [x1] */
#define LD1       0x4c402024u /* ld1 {v4.16b-v7.16b}, [x1] */
#define ST4       0x4c000020u /* st4 {v0.16b-v3.16b}, [x1] */
#define LD4       0x4c400024u /* ld4 {v4.16b-v7.16b}, [x1] */
#define LDADD     0xf8200022u /* ldadd x0, x2, [x1] */
#define LDXR      0xc85f7c20u /* ldxr x0, [x1] */
#define STXR      0xc8027c20u /* stxr w2, x0, [x1] */
#define LDAR      0xc8dffc20u /* ldar x0, [x1] */
#define STLR      0xc89ffc20u /* stlr x0, [x1] */
#define DC_ZVA    0xd50b7421u /* dc zva, x1 */

static struct guest g;
static struct vml_a64_registers r;
static _Atomic uint64_t dirty[VML_AS_DIRTY_WORDS(GUEST_SIZE)];

static int setup(void **state)
{
    (void)state;
    guest_make(&g, 1, true);
    guest_map(&g);
    memset(&r, 0, sizeof(r));
    r.pc = GUEST_RAM;
    r.pstate = 0x3c5;
    guest_set_sysreg(&g, CPACR, 3u << 20);
    guest_write64(&g, guest_leaf_at(1), PAGE_A | LEAF);
    guest_write64(&g, guest_leaf_at(2), PAGE_B | LEAF);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    guest_end(&g);
    return 0;
}

/* Executes with X0, X1 and what else is in `r`; true for an exception. */
static bool go(uint32_t instruction, uint64_t x0, uint64_t x1)
{
    bool exception;

    r.pc = GUEST_RAM + 0x100;
    r.pstate = 0x3c5;
    r.x[0] = x0;
    r.x[1] = x1;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    exception = guest_step(&g, instruction);
    vml_a64_get_registers(&g.cpu[0], &r);
    return exception;
}

static void expect_fault(uint32_t iss, uint64_t far)
{
    assert_int_equal(guest_sysreg(&g, ESR), 0x25u << 26 | 1u << 25 | iss);
    assert_int_equal(guest_sysreg(&g, FAR), far);
}

static void an_access_may_cross_into_a_page_that_is_elsewhere(void **state)
{
    (void)state;
    assert_false(go(STR_X, 0x8877665544332211, VA + 0x1ffd));
    assert_int_equal(guest_read64(&g, PAGE_A + 0xff8), UINT64_C(0x3322110000000000));
    assert_int_equal(guest_read64(&g, PAGE_B), UINT64_C(0x8877665544));
    assert_false(go(LDR_X, 0, VA + 0x1ffd));
    assert_int_equal(r.x[0], 0x8877665544332211);
    assert_false(go(STRH, 0xabcd, VA + 0x1fff));
    assert_false(go(LDRH, 0, VA + 0x1fff));
    assert_int_equal(r.x[0], 0xabcd);
    r.x[2] = 0x1111;
    assert_false(go(STP_X, 0x2222, VA + 0x1ff8));
    assert_int_equal(guest_read64(&g, PAGE_A + 0xff8), 0x2222);
    assert_int_equal(guest_read64(&g, PAGE_B), 0x1111);
    r.x[2] = 0;
    assert_false(go(LDP_X, 0, VA + 0x1ff8));
    assert_int_equal(r.x[2], 0x1111);
    r.v[0][0] = 0x0123456789abcdef;
    r.v[0][1] = 0xfedcba9876543210;
    assert_false(go(STR_Q, 0, VA + 0x1ff7));
    r.v[0][0] = r.v[0][1] = 0;
    assert_false(go(LDR_Q, 0, VA + 0x1ff7));
    assert_int_equal(r.v[0][0], 0x0123456789abcdef);
    assert_int_equal(r.v[0][1], 0xfedcba9876543210);
}

static void structures_may_cross_too(void **state)
{
    static const uint32_t pairs[][2] = {{ST1, LD1}, {ST4, LD4}};

    (void)state;
    for (unsigned p = 0; p < 2; p++) {
        for (unsigned i = 0; i < 4; i++) {
            r.v[i][0] = 0x0101010101010101 * (i + 1);
            r.v[i][1] = 0x1010101010101010 * (i + 1);
            r.v[i + 4][0] = r.v[i + 4][1] = 0;
        }
        assert_false(go(pairs[p][0], 0, VA + 0x1fe1));
        assert_false(go(pairs[p][1], 0, VA + 0x1fe1));
        assert_memory_equal(r.v[0], r.v[4], 64);
        assert_true(go(pairs[p][0], 0, VA + 0x2fe1)); /* page 3 is not there */
        expect_fault(0x47, VA + 0x3000);
        assert_true(go(pairs[p][1], 0, VA + 0x2fe1));
        expect_fault(0x07, VA + 0x3000);
    }
}

static void nothing_is_stored_when_the_second_page_refuses(void **state)
{
    (void)state;
    guest_write64(&g, guest_leaf_at(2), PAGE_B | LEAF | READ_ONLY);
    guest_write64(&g, PAGE_A + 0xff8, 7);
    assert_true(go(STR_X, UINT64_MAX, VA + 0x1ffc));
    expect_fault(0x4f, VA + 0x2000);
    assert_int_equal(guest_read64(&g, PAGE_A + 0xff8), 7);
    assert_false(go(LDR_X, 0, VA + 0x1ffc));
}

static void wide_accesses_to_a_device_are_two(void **state)
{
    (void)state;
    g.device_value = 0x77;
    assert_false(go(LDP_X, 0, GUEST_UART));
    assert_int_equal(r.x[0], 0x77);
    assert_int_equal(r.x[2], 0x77);
    assert_int_equal(g.accesses, 2);
    assert_int_equal(g.last.size, 8);
    assert_int_equal(g.last.offset % 16, 8);
    r.x[2] = 0x99;
    assert_false(go(STP_X, 0x88, GUEST_UART));
    assert_int_equal(g.device_value, 0x99);
    assert_int_equal(g.accesses, 4);
    r.v[0][1] = 0x55;
    assert_false(go(STR_Q, 0, GUEST_UART));
    assert_int_equal(g.device_value, 0x55);
    assert_true(go(LDP_X, 0, GUEST_UART + 0x7f8)); /* the second one's fault */
    expect_fault(0x10, GUEST_UART + 0x800);
}

static void ordered_accesses_reach_a_device_and_atomics_do_not(void **state)
{
    (void)state;
    g.device_value = 0x42;
    assert_false(go(LDAR, 0, GUEST_UART));
    assert_int_equal(r.x[0], 0x42);
    assert_false(go(STLR, 0x43, GUEST_UART));
    assert_int_equal(g.device_value, 0x43);
    assert_true(go(LDADD, 1, GUEST_UART));
    expect_fault(0x75, GUEST_UART); /* unsupported exclusive or atomic */
    assert_true(go(LDXR, 1, GUEST_UART));
    expect_fault(0x35, GUEST_UART);
    assert_true(go(LDAR, 0, GUEST_UART + 0x800));
    expect_fault(0x10, GUEST_UART + 0x800);
}

static void a_device_takes_no_misaligned_access(void **state)
{
    (void)state;
    assert_true(go(LDR_X, 0, GUEST_UART + 4));
    expect_fault(0x21, GUEST_UART + 4);
    assert_true(go(STR_X, 0, GUEST_UART + 1));
    expect_fault(0x61, GUEST_UART + 1);
    assert_int_equal(g.accesses, 0);
    assert_true(go(DC_ZVA, 0, GUEST_UART));
    expect_fault(0x61, GUEST_UART);
}

static void literals_are_relative_to_the_instruction(void **state)
{
    uint64_t at = GUEST_RAM + 0x100;

    (void)state;
    guest_write64(&g, at + 16, UINT64_C(0x1122334488776655));
    guest_write64(&g, at + 24, UINT64_C(0xaabbccdd));
    guest_write64(&g, at - 8, 0x5a);
    assert_false(go(0x18000080, 0, 0)); /* ldr w0 */
    assert_int_equal(r.x[0], 0x88776655);
    assert_false(go(0x58000080, 0, 0)); /* ldr x0 */
    assert_int_equal(r.x[0], 0x1122334488776655);
    assert_false(go(0x98000080, 0, 0)); /* ldrsw x0 */
    assert_int_equal(r.x[0], 0xffffffff88776655);
    assert_false(go(0x58ffffc0, 0, 0)); /* ldr x0, backwards */
    assert_int_equal(r.x[0], 0x5a);
    assert_false(go(0xd8000080, 0x1234, 0)); /* prfm */
    assert_int_equal(r.x[0], 0x1234);
    r.v[0][0] = r.v[0][1] = UINT64_MAX;
    assert_false(go(0x1c000080, 0, 0)); /* ldr s0 */
    assert_int_equal(r.v[0][0], 0x88776655);
    assert_int_equal(r.v[0][1], 0);
    assert_false(go(0x5c000080, 0, 0)); /* ldr d0 */
    assert_int_equal(r.v[0][0], 0x1122334488776655);
    assert_false(go(0x9c000080, 0, 0)); /* ldr q0 */
    assert_int_equal(r.v[0][1], 0xaabbccdd);
    assert_true(go(0xdc000080, 0, 0)); /* not allocated */
}

static void unscaled_ordered_accesses(void **state)
{
    uint64_t at = PAGE_A;

    (void)state;
    guest_write64(&g, at - 8, UINT64_C(0x8000000000000001));
    guest_write64(&g, at, UINT64_C(0x8000f10000009100));
    assert_false(go(0xd95f8020, 0, at)); /* ldapur x0, [x1, #-8] */
    assert_int_equal(r.x[0], 0x8000000000000001);
    assert_false(go(0x19405020, 0, at)); /* ldapurb w0, [x1, #5] */
    assert_int_equal(r.x[0], 0xf1);
    assert_false(go(0x19805020, 0, at)); /* ldapursb x0, [x1, #5] */
    assert_int_equal(r.x[0], 0xfffffffffffffff1);
    assert_false(go(0x19c05020, 0, at)); /* ldapursb w0, [x1, #5] */
    assert_int_equal(r.x[0], 0xfffffff1);
    assert_false(go(0x59802020, 0, at)); /* ldapursh x0, [x1, #2] */
    assert_int_equal(r.x[0], 0);
    assert_false(go(0x99804020, 0, at)); /* ldapursw x0, [x1, #4] */
    assert_int_equal(r.x[0], 0xffffffff8000f100);
    assert_false(go(0x99004020, 0x13572468, at)); /* stlur w0, [x1, #4] */
    assert_int_equal(guest_read64(&g, at), UINT64_C(0x1357246800009100));
    assert_false(go(0x191ff020, 0xee, at)); /* stlurb w0, [x1, #-1] */
    assert_int_equal(guest_read64(&g, at - 8), UINT64_C(0xee00000000000001));
    assert_false(go(0xd9008020, 5, at)); /* stlur x0, [x1, #8] */
    assert_int_equal(guest_read64(&g, at + 8), 5);
    assert_true(go(0xd9c08020, 0, at)); /* not allocated */
}

static void zeroing_clears_its_block_alone(void **state)
{
    (void)state;
    memset(g.memory + (PAGE_A - GUEST_RAM), 0xff, 0x1000);
    for (unsigned i = 0; i < 2; i++) { /* the second time the page is in the TLB */
        uint64_t at = PAGE_A + 0x100 * (i + 1);

        assert_false(go(DC_ZVA, 0, VA + 0x1000 + (at & 0xfff) + 0x25));
        for (uint64_t b = at - 8; b < at + 72; b += 8) {
            assert_int_equal(guest_read64(&g, b), b >= at && b < at + 64 ? 0 : UINT64_MAX);
        }
    }
}

static void make_tracked(void)
{
    assert_int_equal(vml_as_remove(&g.as, &g.ram), VML_OK);
    memset((void *)dirty, 0, sizeof(dirty));
    g.ram.dirty = dirty;
    assert_int_equal(vml_as_add(&g.as, &g.ram), VML_OK);
    vml_a64_memory_changed(&g.machine);
}

static bool was_dirtied(uint64_t pa)
{
    uint64_t words[VML_AS_DIRTY_WORDS(GUEST_SIZE)];
    uint64_t page = (pa - GUEST_RAM) / VML_AS_PAGE_SIZE;
    bool others = false, it;

    assert_int_equal(vml_as_take_dirty(&g.as, &g.ram, words), VML_OK);
    it = words[page / 64] >> (page % 64) & 1;
    words[page / 64] &= ~(UINT64_C(1) << (page % 64));
    for (size_t i = 0; i < VML_ARRAY_SIZE(words); i++) {
        others |= words[i] != 0;
    }
    assert_false(others);
    return it;
}

/* A page that was written through the TLB before tracking began is seen as well. */
static void every_kind_of_store_marks_its_page_dirty(void **state)
{
    static const uint32_t stores[] = {STR_X, STRH, STRB, STP_X, STR_Q, STLR, LDADD, DC_ZVA, ST1};
    static const uint32_t loads[] = {LDR_X, LDP_X, LDR_Q, LDAR, LD1};

    (void)state;
    make_tracked();
    assert_false(go(STR_X, 1, PAGE_A));
    vml_as_track(&g.as, true);
    for (size_t i = 0; i < VML_ARRAY_SIZE(stores); i++) {
        assert_false(go(stores[i], 1, PAGE_A));
        assert_true(was_dirtied(PAGE_A));
    }
    for (size_t i = 0; i < VML_ARRAY_SIZE(loads); i++) {
        assert_false(go(loads[i], 1, PAGE_A));
        assert_false(was_dirtied(PAGE_A));
    }
    assert_false(go(LDXR, 0, PAGE_A));
    assert_false(go(STXR, 3, PAGE_A));
    assert_int_equal(r.x[2], 0);
    assert_true(was_dirtied(PAGE_A));
    vml_as_track(&g.as, false);
    assert_false(go(STR_X, 1, PAGE_A));
    assert_false(was_dirtied(PAGE_A));
}

static void rom_is_read_and_not_written(void **state)
{
    static const uint32_t stores[] = {STR_X, STP_X, STLR, LDADD, DC_ZVA};

    (void)state;
    guest_write64(&g, PAGE_A, 0x1234);
    assert_int_equal(vml_as_remove(&g.as, &g.ram), VML_OK);
    g.ram.flags = VML_AS_READONLY;
    assert_int_equal(vml_as_add(&g.as, &g.ram), VML_OK);
    vml_a64_memory_changed(&g.machine);
    for (size_t i = 0; i < VML_ARRAY_SIZE(stores); i++) {
        assert_true(go(stores[i], 1, PAGE_A));
        assert_int_equal(guest_sysreg(&g, ESR) & ~UINT64_C(0x40), 0x25u << 26 | 1u << 25 | 0x10);
    }
    assert_false(go(LDR_X, 0, PAGE_A));
    assert_int_equal(r.x[0], 0x1234);
}

static void without_a_bus_devices_are_external_aborts(void **state)
{
    (void)state;
    g.machine.config.mmio = NULL;
    assert_true(go(LDR_X, 0, GUEST_UART));
    expect_fault(0x10, GUEST_UART);
}

/* Code that a store, a zeroing or an atomic changes in a page that was executed. */
static void what_changes_decoded_code(void **state)
{
    static const uint32_t words[] = {0x91000442, 0x14000000}; /* add x2, x2, #1; b . */
    static const uint32_t changes[] = {STR_X, LDADD, DC_ZVA, STLR};

    (void)state;
    for (size_t i = 0; i < VML_ARRAY_SIZE(changes); i++) {
        uint64_t at = PAGE_A + 0x200, value = UINT64_C(0x1400000091000842); /* add x2, x2, #2 */
        uint64_t old = UINT64_C(0x1400000091000442);

        LOAD_WORDS(&g, at, words);
        vml_a64_memory_changed(&g.machine);
        guest_start(&g, 0, at);
        assert_int_equal(vml_a64_run(&g.cpu[0], 10), VML_A64_EXIT_BUDGET);
        vml_a64_get_registers(&g.cpu[0], &r);
        assert_int_equal(r.x[2], 1);
        guest_map(&g);
        assert_false(go(changes[i], changes[i] == LDADD ? value - old : value, at));
        r.pc = at;
        r.x[2] = 0;
        assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
        if (changes[i] == DC_ZVA) { /* zero is UNDEFINED */
            assert_int_equal(vml_a64_step_state(&g.cpu[0]), VML_A64_STEP_EXCEPTION);
        } else {
            assert_int_equal(vml_a64_run(&g.cpu[0], 10), VML_A64_EXIT_BUDGET);
            vml_a64_get_registers(&g.cpu[0], &r);
            assert_int_equal(r.x[2], 2);
        }
        vml_cpu_stop(&g.cpu[0].cpu);
        (void)vml_a64_run(&g.cpu[0], 0);
    }
}

static void watchpoints_see_zeroing_and_atomics(void **state)
{
    static const uint32_t accesses[] = {STR_X, STP_X, LDADD, STLR, DC_ZVA};

    (void)state;
    guest_set_sysreg(&g, OSLAR, 0);
    guest_set_sysreg(&g, DBGWVR0, PAGE_A + 8);
    guest_set_sysreg(&g, DBGWCR0, 0xff << 5 | 2 << 3 | 1 << 1 | 1); /* stores at EL1 */
    guest_set_sysreg(&g, MDSCR, 1 << 15 | 1 << 13);
    for (size_t i = 0; i < VML_ARRAY_SIZE(accesses); i++) {
        uint64_t va = accesses[i] == DC_ZVA || accesses[i] == STP_X ? PAGE_A : PAGE_A + 8;

        r.pc = GUEST_RAM + 0x100;
        r.pstate = 0x1c5;
        r.x[1] = va;
        assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
        assert_true(guest_step(&g, accesses[i]));
        assert_int_equal(guest_sysreg(&g, ESR) >> 26, 0x35);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_access_may_cross_into_a_page_that_is_elsewhere),
        CASE(structures_may_cross_too),
        CASE(nothing_is_stored_when_the_second_page_refuses),
        CASE(wide_accesses_to_a_device_are_two),
        CASE(ordered_accesses_reach_a_device_and_atomics_do_not),
        CASE(a_device_takes_no_misaligned_access),
        CASE(literals_are_relative_to_the_instruction),
        CASE(unscaled_ordered_accesses),
        CASE(zeroing_clears_its_block_alone),
        CASE(every_kind_of_store_marks_its_page_dirty),
        CASE(rom_is_read_and_not_written),
        CASE(without_a_bus_devices_are_external_aborts),
        CASE(what_changes_decoded_code),
        CASE(watchpoints_see_zeroing_and_atomics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
