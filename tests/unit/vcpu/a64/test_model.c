/* The CPU model: what the ID registers advertise is what executes. */
#include "test.h"

#include "guest.h"

#define PFR0       VML_SYSREG(3, 0, 0, 4, 0)
#define DFR0       VML_SYSREG(3, 0, 0, 5, 0)
#define ISAR0      VML_SYSREG(3, 0, 0, 6, 0)
#define MMFR0      VML_SYSREG(3, 0, 0, 7, 0)
#define MMFR1      VML_SYSREG(3, 0, 0, 7, 1)
#define CTR        VML_SYSREG(3, 3, 0, 0, 1)
#define MIDR       VML_SYSREG(3, 0, 0, 0, 0)

#define FMOV       0x1e6e1000u /* fmov d0, #1.0 */
#define LDR_Q      0x3dc00020u /* ldr q0, [x1] */
#define MRS_FPCR   0xd53b4400u /* mrs x0, fpcr */
#define MRS_DBGBCR 0xd53000a0u /* mrs x0, dbgbcr0_el1; the number is in bits 11:8 */
#define LDR        0xf9400020u /* ldr x0, [x1] */
#define STR        0xf9000020u /* str x0, [x1] */

static struct guest g;
static struct vml_arm_ids model;
static struct vml_a64_registers r;

static int setup(void **state)
{
    (void)state;
    vml_a64_model_max(&model);
    return 0;
}

static bool undefined(uint32_t instruction)
{
    r.pc = GUEST_RAM;
    r.pstate = 0x3c5;
    r.x[1] = GUEST_RAM + 0x1000;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    if (!guest_step(&g, instruction)) {
        return false;
    }
    assert_int_equal(guest_sysreg(&g, ESR), 1u << 25);
    return true;
}

/* Whether a vCPU of the model is refused. */
static bool refused(void)
{
    static struct vml_a64 cpu;
    struct vml_a64_config config = {.machine = &g.machine, .model = &model, .code_pages = 8};
    enum vml_status status;

    guest_make(&g, 1, true);
    g.machine.count = 0;
    config.storage = g.storage[0];
    config.storage_size = vml_a64_storage_size(8);
    status = vml_a64_init(&cpu, &config);
    if (status == VML_OK) {
        vml_a64_destroy(&cpu);
    }
    g.machine.count = 1;
    guest_end(&g);
    assert_true(status == VML_OK || status == VML_ERR_UNSUPPORTED);
    return status != VML_OK;
}

static void fields_are_lowered_to_what_there_is(void **state)
{
    (void)state;
    /* A Cortex-A57's: AArch32 at EL0 and EL1, EL2 and EL3 are not here. */
    assert_true(vml_a64_model_limit(&model, PFR0, 0x2222));
    assert_int_equal(model.ID_AA64PFR0_EL1, 0x0011);
    assert_true(vml_a64_model_limit(&model, MMFR0, 0x1124));
    assert_int_equal(model.ID_AA64MMFR0_EL1, 0x0024);
    assert_true(vml_a64_model_limit(&model, DFR0, 0x10305106)); /* no PMU */
    assert_int_equal(model.ID_AA64DFR0_EL1, 0x10305006);
    assert_true(vml_a64_model_limit(&model, ISAR0, 0x11120));
    assert_int_equal(model.ID_AA64ISAR0_EL1, 0x11120);
    assert_true(vml_a64_model_limit(&model, MIDR, 0x411fd070));
    assert_int_equal(model.MIDR_EL1, 0x411fd070);
    assert_false(refused());
    assert_true(vml_a64_model_limit(&model, PFR0, UINT64_C(1) << 24 | 0x11)); /* a GICv3 */
    assert_int_equal(model.ID_AA64PFR0_EL1, UINT64_C(1) << 24 | 0x11);
    assert_false(refused());
}

static void a_feature_that_is_hidden_stays_hidden(void **state)
{
    (void)state;
    assert_true(vml_a64_model_limit(&model, PFR0, 0xff0011)); /* no FP */
    assert_int_equal(model.ID_AA64PFR0_EL1, 0xff0011);
    assert_true(vml_a64_model_limit(&model, MMFR0, UINT64_C(0xf0100024))); /* no 4 KiB granule */
    assert_int_equal(model.ID_AA64MMFR0_EL1, UINT64_C(0xf0100024));
    assert_false(refused());
}

static void what_is_none_of_its_registers_is_not_taken(void **state)
{
    struct vml_arm_ids before = model;

    (void)state;
    assert_false(vml_a64_model_limit(&model, VML_SYSREG(3, 0, 0, 4, 4), UINT64_MAX)); /* ZFR0 */
    assert_false(vml_a64_model_limit(&model, VML_SYSREG(3, 0, 0, 1, 0), UINT64_MAX)); /* PFR0 */
    assert_memory_equal(&before, &model, sizeof(model));
}

static void caches_are_as_they_have_to_be(void **state)
{
    (void)state;
    assert_true(vml_a64_model_limit(&model, CTR, 0xb444c005 | 1u << 29));
    assert_int_equal(model.CTR_EL0, 0x9444c004); /* IC IVAU is needed, each 64 bytes */
    assert_false(refused());
    model.CTR_EL0 |= 1u << 29;
    assert_true(refused());
    model.CTR_EL0 = 0x8444c005;
    assert_true(refused());
}

static void every_ones_model_becomes_one_to_run(void **state)
{
    static const uint64_t of_features[] = {DFR0,
                                           ISAR0,
                                           MMFR1,
                                           VML_SYSREG(3, 0, 0, 4, 1),
                                           VML_SYSREG(3, 0, 0, 6, 1),
                                           VML_SYSREG(3, 0, 0, 6, 2),
                                           VML_SYSREG(3, 0, 0, 7, 2)};
    struct vml_arm_ids most;

    (void)state;
    vml_a64_model_max(&most);
    for (size_t i = 0; i < VML_ARRAY_SIZE(of_features); i++) {
        assert_true(vml_a64_model_limit(&model, of_features[i], UINT64_MAX));
    }
    assert_memory_equal(&most, &model, sizeof(most));
    assert_false(refused());
}

static void promises_that_are_not_kept_are_refused(void **state)
{
    (void)state;
    model.ID_AA64PFR0_EL1 |= 0x2200; /* EL2 */
    assert_true(refused());
    vml_a64_model_max(&model);
    model.ID_AA64PFR0_EL1 |= UINT64_C(0x0f0000); /* FP without Advanced SIMD, the wrong way round */
    assert_true(refused());
    vml_a64_model_max(&model);
    model.ID_AA64MMFR0_EL1 = UINT64_C(0xff000024); /* no granule at all */
    assert_true(refused());
    vml_a64_model_max(&model);
    model.ID_AA64DFR0_EL1 = 0x20301006; /* three context-aware breakpoints of two */
    assert_true(refused());
    vml_a64_model_max(&model);
    model.DCZID_EL0 = 10;
    assert_true(refused());
}

static void without_floating_point(void **state)
{
    (void)state;
    model.ID_AA64PFR0_EL1 |= 0xff0000;
    guest_make_model(&g, 1, true, &model);
    guest_set_sysreg(&g, CPACR, 3u << 20);
    assert_int_equal(guest_sysreg(&g, CPACR), 0);
    assert_true(undefined(FMOV));
    assert_true(undefined(LDR_Q));
    assert_true(undefined(MRS_FPCR));
    assert_false(undefined(LDR));
    guest_end(&g);
}

static void with_fewer_breakpoints(void **state)
{
    (void)state;
    assert_true(vml_a64_model_limit(&model, DFR0, 0x30001006)); /* two, and one watchpoint */
    assert_int_equal(model.ID_AA64DFR0_EL1, 0x10001006);
    guest_make_model(&g, 1, true, &model);
    assert_false(undefined(MRS_DBGBCR));
    assert_false(undefined(MRS_DBGBCR | 1 << 8));
    assert_true(undefined(MRS_DBGBCR | 2 << 8));
    assert_false(undefined(MRS_DBGBCR | 2 << 5)); /* dbgwcr0_el1 */
    assert_true(undefined(MRS_DBGBCR | 2 << 5 | 1 << 8));
    guest_end(&g);
}

static void a_granule_that_is_not_there_is_as_one_that_is(void **state)
{
    (void)state;
    model.ID_AA64MMFR0_EL1 = 0x0f000024; /* 4 KiB alone */
    guest_make_model(&g, 1, true, &model);
    guest_map(&g);
    guest_write64(&g, guest_leaf_at(0), (GUEST_RAM + 0x3000) | 3 | 1 << 10);
    guest_write64(&g, GUEST_RAM + 0x3008, 0x99);
    for (uint64_t tg = 0; tg < 4; tg++) {
        guest_set_sysreg(&g, TCR, (guest_sysreg(&g, TCR) & ~UINT64_C(0xc000)) | tg << 14);
        r.pc = GUEST_RAM;
        r.pstate = 0x3c5;
        r.x[1] = UINT64_C(0x80000008);
        assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
        assert_false(guest_step(&g, LDR));
        vml_a64_get_registers(&g.cpu[0], &r);
        assert_int_equal(r.x[0], 0x99);
    }
    guest_end(&g);
}

/* HAFDBS 1: hardware sets the access flag, and leaves the dirty state to software. */
static void the_access_flag_alone(void **state)
{
    uint64_t leaf = (GUEST_RAM + 0x3000) | 3 | 1 << 7 | UINT64_C(1) << 51;

    (void)state;
    assert_true(vml_a64_model_limit(&model, MMFR1, 1));
    assert_int_equal(model.ID_AA64MMFR1_EL1, 1);
    guest_make_model(&g, 1, true, &model);
    guest_map(&g);
    guest_write64(&g, guest_leaf_at(0), leaf);
    guest_set_sysreg(&g, TCR, guest_sysreg(&g, TCR) | UINT64_C(3) << 39);
    r.pc = GUEST_RAM;
    r.pstate = 0x3c5;
    r.x[1] = UINT64_C(0x80000000);
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    assert_false(guest_step(&g, LDR));
    assert_int_equal(guest_read64(&g, guest_leaf_at(0)), leaf | 1 << 10);
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    assert_true(guest_step(&g, STR));
    assert_int_equal(guest_sysreg(&g, ESR) & 0x3f, 0x0f);
    guest_end(&g);
}

#define CASE(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(fields_are_lowered_to_what_there_is),
        CASE(a_feature_that_is_hidden_stays_hidden),
        CASE(what_is_none_of_its_registers_is_not_taken),
        CASE(caches_are_as_they_have_to_be),
        CASE(every_ones_model_becomes_one_to_run),
        CASE(promises_that_are_not_kept_are_refused),
        CASE(without_floating_point),
        CASE(with_fewer_breakpoints),
        CASE(a_granule_that_is_not_there_is_as_one_that_is),
        CASE(the_access_flag_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
