/* Running, budgets, halting, code that changes, saved state, the model. */
#include "test.h"

#include "guest.h"
#include "programs.h"

static struct guest g;
static struct vml_a64_registers r;

static int setup(void **state)
{
    (void)state;
    guest_make(&g, 1, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    guest_end(&g);
    return 0;
}

static void get(void)
{
    vml_a64_get_registers(&g.cpu[0], &r);
}

static void an_off_vcpu_does_not_run(void **state)
{
    (void)state;
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_OFF);
    assert_true(vml_a64_is_idle(&g.cpu[0]));
}

static void the_budget_ends_at_a_taken_branch_and_is_counted(void **state)
{
    static const uint32_t words[] = {0x91000400, 0x91000400, 0x91000400, 0x17fffffd};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words); /* three additions and a branch back */
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_a64_run(&g.cpu[0], 10001), VML_A64_EXIT_BUDGET);
    get();
    assert_in_range(vml_a64_instructions(&g.cpu[0]), 10001, 10004);
    assert_int_equal(r.x[0], vml_a64_instructions(&g.cpu[0]) / 4 * 3);
    assert_int_equal(r.pc, GUEST_RAM);
}

/* The same program by single steps and by run() leaves the same state. */
static void superinstructions_are_what_they_replace(void **state)
{
    struct vml_a64_registers stepped;
    uint64_t count;

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, mixed_loop);
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    get();
    r.sp = GUEST_RAM + 0x8000;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    stepped = r;
    assert_int_equal(vml_a64_run(&g.cpu[0], 5000), VML_A64_EXIT_BUDGET);
    count = vml_a64_instructions(&g.cpu[0]);
    get();
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &stepped), VML_OK);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(vml_a64_step_state(&g.cpu[0]), VML_A64_STEP_DONE);
    }
    vml_a64_get_registers(&g.cpu[0], &stepped);
    assert_memory_equal(&stepped, &r, sizeof(r));
}

/* Three additions and a branch back: a debugger stops it before any of them. */
static void a_debuggers_breakpoint_exits_before_the_instruction(void **state)
{
    static const uint32_t words[] = {0x91000400, 0x91000400, 0x91000400, 0x17fffffd};
    static const uint64_t at[] = {GUEST_RAM + 4, GUEST_RAM + 0x100c};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BUDGET); /* it is decoded */
    vml_a64_set_breakpoints(&g.machine, at, 2);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t before;

        get();
        before = r.x[0];
        assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BREAK);
        get();
        assert_int_equal(r.pc, GUEST_RAM + 4);
        assert_int_equal(r.x[0], before + (i == 0 ? 1 : 2));
        assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BREAK); /* it is still there */
        get();
        assert_int_equal(r.pc, GUEST_RAM + 4);
        if (i == 1) { /* either way past it */
            assert_int_equal(vml_a64_step_state(&g.cpu[0]), VML_A64_STEP_DONE);
        } else {
            vml_a64_pass(&g.cpu[0]);
            assert_int_equal(vml_a64_run(&g.cpu[0], 1), VML_A64_EXIT_BUDGET);
        }
        get();
        assert_int_equal(r.pc, GUEST_RAM + 8);
    }
    assert_int_equal(guest_read64(&g, GUEST_RAM), UINT64_C(0x9100040091000400));
    vml_a64_set_breakpoints(&g.machine, NULL, 0);
    assert_int_equal(vml_a64_run(&g.cpu[0], 1000), VML_A64_EXIT_BUDGET);
}

/* The other is at the same place of another page, and so is what looks like one. */
static void what_only_looks_like_a_breakpoint_is_executed(void **state)
{
    static const uint32_t words[] = {0x91000400, 0x91000400, 0x91000400, 0x17fffffd};
    static const uint64_t at[] = {GUEST_RAM + 0x1004, GUEST_RAM + 0x100c};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    vml_a64_set_breakpoints(&g.machine, at, 2);
    assert_int_equal(vml_a64_run(&g.cpu[0], 10001), VML_A64_EXIT_BUDGET);
    get();
    assert_in_range(vml_a64_instructions(&g.cpu[0]), 10001, 10004);
    assert_int_equal(r.x[0], (vml_a64_instructions(&g.cpu[0]) * 3 + 2) / 4);
}

/* Where the guest's own debug exceptions make every instruction a slow one. */
static void breakpoints_are_heeded_beside_the_guests_own(void **state)
{
    static const uint32_t words[] = {0x91000400, 0x91000400, 0x91000400, 0x17fffffd};
    static const uint64_t at[] = {GUEST_RAM + 8};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    guest_set_sysreg(&g, OSLAR, 0);
    guest_set_sysreg(&g, DBGBVR0, GUEST_RAM + 0x8000);
    guest_set_sysreg(&g, DBGBCR0, 0x1e7);
    guest_set_sysreg(&g, MDSCR, 1u << 15 | 1u << 13);
    get();
    r.pstate &= ~0x200u; /* D */
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    vml_a64_set_breakpoints(&g.machine, at, 1);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BREAK);
    get();
    assert_int_equal(r.pc, GUEST_RAM + 8);
    assert_int_equal(r.x[0], 2);
}

static void a_debugger_translates_without_leaving_a_trace(void **state)
{
    const uint64_t va = UINT64_C(0x80003123), leaf = guest_leaf_at(3);
    const uint64_t desc =
        (GUEST_RAM + 0x5000) | 1 << 7 | 3; /* not accessed yet, not to be written */
    uint64_t pa = 0;

    (void)state;
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    assert_int_equal(vml_a64_translate(&g.cpu[0], GUEST_RAM + 5, &pa), VML_OK); /* the MMU is off */
    assert_int_equal(pa, GUEST_RAM + 5);
    assert_int_equal(vml_a64_translate(&g.cpu[0], UINT64_C(1) << 50, &pa), VML_ERR_NOT_FOUND);
    guest_map(&g);
    guest_write64(&g, leaf, desc);
    assert_int_equal(vml_a64_translate(&g.cpu[0], va, &pa), VML_OK);
    assert_int_equal(pa, GUEST_RAM + 0x5123);
    assert_int_equal(guest_read64(&g, leaf), desc);
    guest_write64(&g, leaf, 0);
    assert_int_equal(vml_a64_translate(&g.cpu[0], va, &pa), VML_ERR_NOT_FOUND);
}

static void changed_code_is_seen_after_its_maintenance(void **state)
{
    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, modify_code);
    g.firmware_stops = true;
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_a64_run(&g.cpu[0], 1000), VML_A64_EXIT_OFF);
    get();
    assert_int_equal(r.x[5], 1);
    assert_int_equal(g.firmware_x0, 2);
}

static void more_code_than_the_cache_holds_still_runs(void **state)
{
    /* Each page adds one and goes to the next; the last goes back to the first. */
    static const uint32_t words[] = {0x91000400, 0x140003ff};

    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        LOAD_WORDS(&g, GUEST_RAM + 0x1000 * i, words);
    }
    {
        static const uint32_t back[] = {0x91000400, 0x17ff83ff};
        LOAD_WORDS(&g, GUEST_RAM + 0x1000 * 32, back);
    }
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 660);
    get();
    assert_int_equal(r.x[0], 330);
}

static void wfi_halts_and_an_input_ends_it(void **state)
{
    static const uint32_t words[] = {0xd503207f, 0x91000400, 0x14000000};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_HALTED);
    assert_true(vml_a64_is_idle(&g.cpu[0]));
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_HALTED);
    vml_a64_set_input(&g.cpu[0], VML_A64_INPUT_IRQ, true); /* masked: wakes all the same */
    assert_false(vml_a64_is_idle(&g.cpu[0]));
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BUDGET);
    get();
    assert_int_equal(r.x[0], 1);
}

static void a_firmware_call_may_wait(void **state)
{
    static const uint32_t words[] = {0xd4000002, 0x91000400, 0x14000000}; /* hvc; add; b . */

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    g.firmware_waits = true;
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_HALTED);
    get();
    assert_int_equal(r.x[0], 0x1234); /* the result is there already */
    assert_int_equal(r.pc, GUEST_RAM + 4);
    vml_a64_set_input(&g.cpu[0], VML_A64_INPUT_IRQ, true);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BUDGET);
    get();
    assert_int_equal(r.x[0], 0x1235);
}

/* VML_BUS_PENDING: the vCPU stays at the access, and takes no interrupt, until it is answered. */
static void a_device_may_answer_later(void **state)
{
    static const uint32_t words[] = {
        0xd50342ff, /* msr daifclr, #2 */
        0xf9400001, /* ldr x1, [x0] */
        0x91000421, /* add x1, x1, #1 */
        0x14000000, /* b . */
    };
    static const uint32_t handler[] = {0x14000000};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    LOAD_WORDS(&g, GUEST_VBAR + 0x280, handler);
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    get();
    r.x[0] = GUEST_UART;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    guest_set_sysreg(&g, VBAR, GUEST_VBAR);
    g.device_waits = true;
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_YIELD);
    vml_a64_set_input(&g.cpu[0], VML_A64_INPUT_IRQ, true);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_YIELD);
    assert_false(vml_a64_is_idle(&g.cpu[0]));
    assert_true(g.accesses >= 2);
    get();
    assert_int_equal(r.pc, GUEST_RAM + 4);
    assert_int_equal(r.x[1], 0);
    g.device_waits = false;
    g.device_value = 0x77;
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BUDGET);
    get();
    assert_in_range(r.x[1], 0x77, 0x78);
    assert_int_equal(r.pc, GUEST_VBAR + 0x280); /* the interrupt was not lost */
    assert_true(guest_sysreg(&g, ELR) >= GUEST_RAM + 8);
}

static void a_step_says_that_a_device_answers_later(void **state)
{
    (void)state;
    get();
    r.x[0] = GUEST_UART;
    r.x[1] = 5;
    r.pc = GUEST_RAM;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    g.device_waits = true;
    assert_int_equal(vml_a64_step_instruction(&g.cpu[0], 0xf9000001), VML_A64_STEP_PENDING);
    get();
    assert_int_equal(r.pc, GUEST_RAM);
    g.device_waits = false;
    assert_int_equal(vml_a64_step_instruction(&g.cpu[0], 0xf9000001), VML_A64_STEP_DONE);
    assert_int_equal(g.device_value, 5);
}

/* The access is made anew after a restore: it is not part of the state. */
static void a_pending_access_is_not_saved(void **state)
{
    static const uint32_t words[] = {0xf9400001, 0x14000000}; /* ldr x1, [x0]; b . */
    static uint8_t image[8192];
    struct vml_state_writer w;
    struct vml_state_reader reader;

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    (void)vml_a64_run(&g.cpu[0], 0);
    get();
    r.x[0] = GUEST_UART;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    g.device_waits = true;
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_YIELD);
    vml_state_writer_init(&w, image, sizeof(image));
    vml_a64_save(&g.cpu[0], &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    vml_state_reader_init(&reader, image, w.used);
    assert_int_equal(vml_a64_restore(&g.cpu[0], &reader), VML_OK);
    g.device_waits = false;
    g.device_value = 9;
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BUDGET);
    get();
    assert_int_equal(r.x[1], 9);
}

static void a_start_sets_the_timer_offset(void **state)
{
    struct vml_cpu_start start = {.entry = GUEST_RAM, .timer_offset = 0x1234, .mode = 1};

    (void)state;
    assert_int_equal(vml_cpu_start(&g.cpu[0].cpu, &start), VML_OK);
    (void)vml_a64_run(&g.cpu[0], 0);
    assert_int_equal(g.timer_offset[0], 0x1234);
}

static void a_request_ends_the_run(void **state)
{
    static const uint32_t words[] = {0x14000000};

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    vml_cpu_recall(&g.cpu[0].cpu, VML_CPU_REQUEST_EXIT);
    assert_int_equal(vml_a64_run(&g.cpu[0], UINT64_MAX), VML_A64_EXIT_REQUEST);
}

static void features_make_it_exit(void **state)
{
    static const uint32_t words[] = {
        0xd4000002, /* hvc #0 */
        0xd5182000, /* msr ttbr0_el1, x0 */
        0x14000000, /* b . */
    };

    (void)state;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    vml_cpu_request_features(&g.cpu[0].cpu, VML_CPU_BY_VMM,
                             VML_CPU_TRAP_HYPERCALL | VML_CPU_TRAP_VM_REGS);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_HYPERCALL);
    get();
    assert_int_equal(r.pc, GUEST_RAM);
    assert_int_equal(g.firmware_calls, 0);
    vml_a64_pass(&g.cpu[0]);
    (void)vml_a64_run(&g.cpu[0], 1);
    assert_int_equal(g.firmware_calls, 1);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_VM_REG);
    get();
    assert_int_equal(r.pc, GUEST_RAM + 4);
    vml_a64_skip(&g.cpu[0]);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_BUDGET);
    vml_cpu_request_features(&g.cpu[0].cpu, VML_CPU_BY_VMM, VML_CPU_SINGLE_STEP);
    assert_int_equal(vml_a64_run(&g.cpu[0], 100), VML_A64_EXIT_STEP);
}

static void saved_state_comes_back(void **state)
{
    static uint8_t image[8192];
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct vml_a64_registers before, after;

    (void)state;
    guest_set_sysreg(&g, TTBR0, 0x12345000);
    get();
    for (unsigned i = 0; i < 31; i++) {
        r.x[i] = i * UINT64_C(0x0101010101010101);
    }
    r.v[31][1] = 77;
    r.pstate = 0x900003c4;
    r.fpcr = 1 << 24;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    vml_a64_get_registers(&g.cpu[0], &before);
    vml_state_writer_init(&w, image, sizeof(image));
    vml_a64_save(&g.cpu[0], &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);

    guest_set_sysreg(&g, TTBR0, 0);
    memset(&r, 0, sizeof(r));
    r.pstate = 0;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    vml_state_reader_init(&reader, image, w.used);
    assert_int_equal(vml_a64_restore(&g.cpu[0], &reader), VML_OK);
    vml_a64_get_registers(&g.cpu[0], &after);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(guest_sysreg(&g, TTBR0), 0x12345000);

    /* Every truncation is refused, and leaves the vCPU as it is. */
    for (size_t n = 0; n < w.used; n += 61) {
        vml_state_reader_init(&reader, image, n);
        assert_int_not_equal(vml_a64_restore(&g.cpu[0], &reader), VML_OK);
    }
    image[12] ^= 1; /* another model */
    vml_state_reader_init(&reader, image, w.used);
    assert_int_equal(vml_a64_restore(&g.cpu[0], &reader), VML_ERR_CORRUPT);
    vml_a64_get_registers(&g.cpu[0], &after);
    assert_memory_equal(&before, &after, sizeof(before));
}

/* Flash: its array is read-only memory, and what is written to it are commands for the device. A write
 * that nobody takes is an external abort. */
static void writes_to_read_only_memory_reach_a_device(void **state)
{
    static uint8_t rom[4096] __attribute__((aligned(4096)));
    struct vml_as_region region = {.name = "rom",
                                   .base = GUEST_UART,
                                   .size = sizeof(rom),
                                   .host = rom,
                                   .flags = VML_AS_READONLY};

    (void)state;
    assert_int_equal(vml_as_add(&g.as, &region), VML_OK);
    vml_a64_memory_changed(&g.machine);
    rom[0x10] = 0x5a;
    get();
    r.x[0] = 0x98;
    r.x[1] = GUEST_UART + 0x10;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    assert_false(guest_step(&g, 0xb9000020)); /* str w0, [x1] */
    assert_true(g.last.write);
    assert_int_equal(g.last.offset, 0x10);
    assert_int_equal(g.last.value, 0x98);
    assert_int_equal(rom[0x10], 0x5a);
    assert_false(guest_step(&g, 0x39400022)); /* ldrb w2, [x1] */
    get();
    assert_int_equal(r.x[2], 0x5a);
    r.x[1] = GUEST_UART + 0x900; /* the device refuses */
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    assert_true(guest_step(&g, 0xb9000020));
    assert_int_equal(guest_sysreg(&g, ESR) & 0x3f, 0x10);
    assert_int_equal(vml_as_remove(&g.as, &region), VML_OK);
    vml_a64_memory_changed(&g.machine);
}

static void what_is_not_advertised_is_undefined(void **state)
{
    /* ldadd x0, x1, [x2]; aese; sb; ldapr x0, [x1]; setf8 w0; mrs dit */
    static const uint32_t words[] = {0xf8200041, 0xd50330ff, 0xf8bfc020, 0x3a00080d, 0xd53b42a0};
    struct vml_arm_ids model;
    struct vml_a64_config config = {.machine = &g.machine, .model = &model, .code_pages = 8};
    struct vml_a64 cpu;

    (void)state;
    g.machine.count = 0; /* a vCPU in the place of the first */
    vml_a64_model_v8_0(&model);
    config.storage = g.storage[0];
    config.storage_size = vml_a64_storage_size(8);
    assert_int_equal(vml_a64_init(&cpu, &config), VML_OK);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(vml_a64_step_instruction(&cpu, words[i]), VML_A64_STEP_EXCEPTION);
    }
    assert_int_equal(vml_a64_step_instruction(&cpu, 0x9ac34c41), VML_A64_STEP_DONE); /* crc32x */
    vml_a64_destroy(&cpu);

    g.machine.count = 0;
    model.ID_AA64PFR0_EL1 |= UINT64_C(1) << 32; /* SVE */
    assert_int_equal(vml_a64_init(&cpu, &config), VML_ERR_UNSUPPORTED);
    vml_a64_model_v8_0(&model);
    config.storage_size--;
    assert_int_equal(vml_a64_init(&cpu, &config), VML_ERR_NO_SPACE);
    g.machine.count = 1;
}

static void registers_from_outside(void **state)
{
    uint64_t value;

    (void)state;
    assert_int_equal(vml_a64_get_sysreg(&g.cpu[0], VML_SYSREG(3, 0, 12, 12, 0), &value),
                     VML_ERR_NOT_FOUND);
    assert_int_equal(vml_a64_set_sysreg(&g.cpu[0], VML_SYSREG(3, 0, 0, 0, 0), 1), VML_ERR_ACCESS);
    assert_int_equal(vml_a64_set_sysreg(&g.cpu[0], VML_SYSREG(3, 0, 12, 12, 0), 1),
                     VML_ERR_NOT_FOUND);
    get();
    r.pstate = 9; /* EL2 */
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_ERR_INVALID);
    r.pstate = 0x10; /* AArch32 */
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_ERR_INVALID);
}

/* Every system register and SYS encoding ends in one of the ways there are, at EL1 and EL0. */
static void every_system_encoding_is_served_or_refused(void **state)
{
    static const uint32_t kinds[] = {0xd5300000, 0xd5100000, 0xd5080000, 0xd5280000, 0xd5000000};

    (void)state;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (uint32_t el = 0; el < 2; el++) {
            for (uint32_t e = 0; e < (k < 2 ? 0x10000u : 0x4000u); e++) {
                /* SCTLR and what changes the stack or the debug state stay as they are. */
                if (k == 1 && ((e & 0xffff) >> 15) == 0 && (e >> 3 & 0xfff) != 0) {
                    continue;
                }
                get();
                r.pc = GUEST_RAM;
                r.pstate = el ? 0x3c5 : 0;
                assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
                if (vml_a64_step_instruction(&g.cpu[0], kinds[k] | e << 5 | 3) ==
                    VML_A64_STEP_EXCEPTION) {
                    uint32_t ec = (uint32_t)guest_sysreg(&g, ESR) >> 26;

                    assert_true(ec == 0 || ec == 0x18 || ec == 0x01 || ec == 0x07 || ec == 0x25 ||
                                ec == 0x24);
                }
                guest_set_sysreg(&g, SCTLR, 0);
                guest_set_sysreg(&g, VBAR, GUEST_VBAR);
                guest_set_sysreg(&g, MDSCR, 0);
            }
        }
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_off_vcpu_does_not_run),
        CASE(the_budget_ends_at_a_taken_branch_and_is_counted),
        CASE(superinstructions_are_what_they_replace),
        CASE(a_debuggers_breakpoint_exits_before_the_instruction),
        CASE(what_only_looks_like_a_breakpoint_is_executed),
        CASE(breakpoints_are_heeded_beside_the_guests_own),
        CASE(a_debugger_translates_without_leaving_a_trace),
        CASE(changed_code_is_seen_after_its_maintenance),
        CASE(more_code_than_the_cache_holds_still_runs),
        CASE(wfi_halts_and_an_input_ends_it),
        CASE(a_firmware_call_may_wait),
        CASE(a_device_may_answer_later),
        CASE(a_step_says_that_a_device_answers_later),
        CASE(a_pending_access_is_not_saved),
        CASE(a_start_sets_the_timer_offset),
        CASE(a_request_ends_the_run),
        CASE(features_make_it_exit),
        CASE(saved_state_comes_back),
        CASE(writes_to_read_only_memory_reach_a_device),
        CASE(what_is_not_advertised_is_undefined),
        CASE(registers_from_outside),
        CASE(every_system_encoding_is_served_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
