/* CPU models, and the system registers that trap, as a guest sees them. */
#include "test.h"
#include <vml/arm_sysreg.h>

enum { CPUS = 2 };

#define R(op0, op1, crn, crm, op2) ((uint32_t)VML_SYSREG(op0, op1, crn, crm, op2))

struct rig {
    struct vml_arm_sysregs regs;
    struct vml_arm_sysreg_cpu state[CPUS];
    struct vml_virtual_clock clock;
    unsigned vm, set_way, unknown;
    uint32_t last;
    uint64_t before, after;
};

static void on_vm(void *context, uint32_t cpu, uint32_t sysreg, uint64_t before, uint64_t after)
{
    struct rig *r = context;

    r->vm++;
    r->last = sysreg;
    r->before = before;
    r->after = after;
}

static void on_set_way(void *context, uint32_t cpu, uint32_t sysreg, uint64_t value)
{
    struct rig *r = context;

    r->set_way++;
    r->last = sysreg;
    r->after = value;
}

static void on_unknown(void *context, const struct vml_access *access, uint32_t sysreg)
{
    struct rig *r = context;

    r->unknown++;
    r->last = sysreg;
}

static const struct vml_arm_sysreg_hooks hooks = {on_vm, on_set_way, on_unknown};

static struct rig *make(const struct vml_arm_cpu_model *model, enum vml_arm_sysreg_policy policy)
{
    static const uint64_t mpidr[CPUS] = {0, 1};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_arm_sysregs_config config = {.model = model,
                                            .cpus = CPUS,
                                            .mpidr = mpidr,
                                            .state = r->state,
                                            .clock = &r->clock.clock,
                                            .unknown = policy,
                                            .hooks = &hooks,
                                            .context = r};

    assert_int_equal(vml_virtual_clock_init(&r->clock, 1000), VML_OK);
    assert_int_equal(vml_arm_sysregs_init(&r->regs, &config), VML_OK);
    return r;
}

static enum vml_bus_result go(struct rig *r, uint32_t cpu, bool write, uint32_t sysreg,
                              uint64_t *value)
{
    struct vml_access a = {
        .offset = sysreg, .size = 8, .write = write, .cpu = cpu, .value = write ? *value : 0};
    enum vml_bus_result result = r->regs.device.ops->access(&r->regs.device, &a);

    *value = a.value;
    return result;
}

static uint64_t rd(struct rig *r, uint32_t sysreg)
{
    uint64_t v = 0;

    assert_int_equal(go(r, 0, false, sysreg, &v), VML_BUS_OK);
    return v;
}

static void wr(struct rig *r, uint32_t sysreg, uint64_t v)
{
    assert_int_equal(go(r, 0, true, sysreg, &v), VML_BUS_OK);
}

static bool undefined(struct rig *r, bool write, uint32_t sysreg)
{
    uint64_t v = 0;

    return go(r, 0, write, sysreg, &v) == VML_BUS_FAULT;
}

static void end(struct rig *r)
{
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static void models_by_name(void **state)
{
    static const char *const names[] = {"cortex-a53", "cortex-a57", "cortex-a72", "max"};

    for (uint32_t i = 0; i < 4; i++) {
        assert_ptr_equal(vml_arm_cpu_model_find(names[i]), vml_arm_cpu_model_at(i));
        assert_string_equal(vml_arm_cpu_model_at(i)->name, names[i]);
    }
    assert_null(vml_arm_cpu_model_at(4));
    assert_null(vml_arm_cpu_model_find("cortex-a5"));
    assert_null(vml_arm_cpu_model_find("cortex-a533"));
    assert_string_equal(vml_arm_id_name(VML_ARM_ID_AA64PFR0_EL1), "ID_AA64PFR0_EL1");
    assert_string_equal(vml_arm_id_name(VML_ARM_ID_COUNT), "?");
    assert_int_equal(vml_arm_id_sysreg(VML_ARM_CTR_EL0), R(3, 3, 0, 0, 1));
    assert_int_equal(vml_arm_id_sysreg(VML_ARM_ID_COUNT), 0);
}

static void the_guest_reads_the_model(void **state)
{
    for (uint32_t m = 0; m < 4; m++) {
        const struct vml_arm_cpu_model *model = vml_arm_cpu_model_at(m);
        struct rig *r = make(model, VML_ARM_SYSREG_UNDEFINED);
        uint64_t v;

        for (unsigned id = 0; id < VML_ARM_ID_COUNT; id++) {
            uint32_t sysreg = vml_arm_id_sysreg((enum vml_arm_id)id);

            assert_int_equal(rd(r, sysreg), model->id[id]);
            assert_true(undefined(r, true, sysreg));
            assert_string_equal(vml_arm_sysreg_name(sysreg), vml_arm_id_name((enum vml_arm_id)id));
        }
        /* Reserved identification registers are zero, not UNDEFINED. */
        for (unsigned crm = 1; crm < 8; crm++) {
            for (unsigned op2 = 0; op2 < 8; op2++) {
                assert_int_equal(go(r, 0, false, R(3, 0, 0, crm, op2), &v), VML_BUS_OK);
            }
        }
        for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
            assert_int_equal(go(r, cpu, false, R(3, 0, 0, 0, 5), &v), VML_BUS_OK);
            assert_int_equal(v, 0x80000000u | cpu);
        }
        assert_int_equal(go(r, CPUS, false, R(3, 0, 0, 0, 0), &v), VML_BUS_FAULT);
        end(r);
    }
}

static void caches(void **state)
{
    struct rig *r = make(vml_arm_cpu_model_find("cortex-a57"), VML_ARM_SYSREG_UNDEFINED);

    assert_int_equal(rd(r, R(3, 1, 0, 0, 0)), 0x701fe00a);
    wr(r, R(3, 2, 0, 0, 0), 1);
    assert_int_equal(rd(r, R(3, 1, 0, 0, 0)), 0x201fe012);
    wr(r, R(3, 2, 0, 0, 0), 0xfffffff2);
    assert_int_equal(rd(r, R(3, 2, 0, 0, 0)), 2);
    assert_int_equal(rd(r, R(3, 1, 0, 0, 0)), 0x70ffe07a);
    wr(r, R(3, 2, 0, 0, 0), 8);
    assert_int_equal(rd(r, R(3, 1, 0, 0, 0)), 0);
    end(r);
}

/* Hidden means hidden: each field of it, and the registers. */
static void a_hidden_feature_disappears_consistently(void **state)
{
    for (uint32_t m = 0; m < 4; m++) {
        for (unsigned f = 0; f < VML_ARM_FEATURE_COUNT; f++) {
            struct vml_arm_cpu_model model = *vml_arm_cpu_model_at(m), twice;

            assert_int_equal(vml_arm_cpu_model_hide(&model, (enum vml_arm_feature)f), VML_OK);
            assert_false(vml_arm_cpu_model_has(&model, (enum vml_arm_feature)f));
            twice = model;
            assert_int_equal(vml_arm_cpu_model_hide(&twice, (enum vml_arm_feature)f), VML_OK);
            assert_memory_equal(&twice, &model, sizeof(model));
        }
    }
    struct vml_arm_cpu_model model = *vml_arm_cpu_model_find("cortex-a72");

    assert_true(vml_arm_cpu_model_has(&model, VML_ARM_FEATURE_PMU));
    assert_int_equal(vml_arm_cpu_model_hide(&model, VML_ARM_FEATURE_PMU), VML_OK);
    assert_int_equal(vml_arm_cpu_model_hide(&model, VML_ARM_FEATURE_AARCH32), VML_OK);
    assert_int_equal(vml_arm_cpu_model_hide(&model, VML_ARM_FEATURE_EL2), VML_OK);
    struct rig *r = make(&model, VML_ARM_SYSREG_UNDEFINED);

    assert_int_equal(rd(r, R(3, 0, 0, 5, 0)), 0x10305006);
    assert_int_equal(rd(r, R(3, 0, 0, 4, 0)), 0x1011);
    assert_int_equal(rd(r, R(3, 0, 0, 1, 2)), 0);
    assert_int_equal(rd(r, R(3, 0, 0, 2, 0)), 0);
    assert_true(undefined(r, false, R(3, 3, 9, 12, 0)));
    assert_true(undefined(r, true, R(3, 3, 9, 13, 0)));
    end(r);

    /* Half precision conversions are older than the arithmetic, and stay. */
    model = *vml_arm_cpu_model_find("cortex-a53");
    assert_int_equal(vml_arm_cpu_model_hide(&model, VML_ARM_FEATURE_FP16), VML_OK);
    assert_int_equal(model.id[VML_ARM_MVFR1_EL1], 0x12111111);
    model.id[VML_ARM_MVFR1_EL1] = 0x13211111;
    assert_int_equal(vml_arm_cpu_model_hide(&model, VML_ARM_FEATURE_FP16), VML_OK);
    assert_int_equal(model.id[VML_ARM_MVFR1_EL1], 0x12111111);

    model = *vml_arm_cpu_model_find("max");
    assert_true(vml_arm_cpu_model_has(&model, VML_ARM_FEATURE_FP16));
    assert_int_equal(vml_arm_cpu_model_hide(&model, VML_ARM_FEATURE_FP), VML_OK);
    assert_int_equal(VML_FIELD64(model.id[VML_ARM_ID_AA64PFR0_EL1], 23, 16), 0xff);
    assert_false(vml_arm_cpu_model_has(&model, VML_ARM_FEATURE_CRYPTO));
    assert_false(vml_arm_cpu_model_has(&model, VML_ARM_FEATURE_DOTPROD));
    assert_true(vml_arm_cpu_model_has(&model, VML_ARM_FEATURE_LSE));
    assert_int_equal(vml_arm_cpu_model_hide(&model, VML_ARM_FEATURE_COUNT), VML_ERR_INVALID);
    assert_false(vml_arm_cpu_model_has(&model, VML_ARM_FEATURE_COUNT));
}

/* Which fields tell of a feature, from the description of each register. */
static void hiding_clears_the_fields_of_a_feature_and_no_others(void **state)
{
    static const struct {
        uint8_t feature, id;
        uint64_t cleared;
    } cases[] = {
        {VML_ARM_FEATURE_EL2, VML_ARM_ID_AA64PFR0_EL1, UINT64_C(0xf000000f00)}, /* SEL2, EL2 */
        {VML_ARM_FEATURE_EL2, VML_ARM_ID_AA64MMFR0_EL1,
         UINT64_C(0xf000fff00000000)}, /* FGT, TGran*_2 */
        /* HCX, TWED, XNX, VH, VMIDBits */
        {VML_ARM_FEATURE_EL2, VML_ARM_ID_AA64MMFR1_EL1, UINT64_C(0xf0ff0000ff0)},
        {VML_ARM_FEATURE_EL2, VML_ARM_ID_AA64MMFR2_EL1,
         UINT64_C(0xf000f000f000000)},                                        /* EVT, FWB, NV */
        {VML_ARM_FEATURE_EL2, VML_ARM_ID_AA64MMFR4_EL1, UINT64_C(0xff00000)}, /* E2H0, NV_frac */
        {VML_ARM_FEATURE_EL2, VML_ARM_ID_PFR1_EL1, 0xf000},
        /* HPMN0, MTPMU, PMUVer */
        {VML_ARM_FEATURE_PMU, VML_ARM_ID_AA64DFR0_EL1, UINT64_C(0xf00f000000000f00)},
        /* DPFZS, EBEP, PMICNTR, SPMU */
        {VML_ARM_FEATURE_PMU, VML_ARM_ID_AA64DFR1_EL1, UINT64_C(0xff00ff00000000)},
        {VML_ARM_FEATURE_PMU, VML_ARM_ID_DFR0_EL1, 0xf000000},
        {VML_ARM_FEATURE_PMU, VML_ARM_ID_DFR1_EL1, 0xff},
        /* ExtTrcBuff, BRBE, TraceBuffer, TraceFilt, TraceVer; ITE */
        {VML_ARM_FEATURE_TRACE, VML_ARM_ID_AA64DFR0_EL1, UINT64_C(0xff0ff00000000f0)},
        {VML_ARM_FEATURE_TRACE, VML_ARM_ID_AA64DFR1_EL1, UINT64_C(0xf00000000000)},
        /* MTEX, MTE_frac, MTE; MTEFAR, MTESTOREONLY, MTEPERM */
        {VML_ARM_FEATURE_MTE, VML_ARM_ID_AA64PFR1_EL1, UINT64_C(0xf00f0000000f00)},
        {VML_ARM_FEATURE_MTE, VML_ARM_ID_AA64PFR2_EL1, 0xfff},
    };

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        struct vml_arm_cpu_model model = *vml_arm_cpu_model_find("max");

        model.id[cases[i].id] = UINT64_MAX;
        assert_int_equal(vml_arm_cpu_model_hide(&model, (enum vml_arm_feature)cases[i].feature),
                         VML_OK);
        assert_int_equal(model.id[cases[i].id], ~cases[i].cleared);
    }
}

static void fields_can_be_set(void **state)
{
    struct vml_arm_cpu_model model = *vml_arm_cpu_model_find("cortex-a53");

    assert_int_equal(vml_arm_cpu_model_set(&model, VML_ARM_ID_AA64PFR0_EL1, 27, 24, 1), VML_OK);
    assert_int_equal(model.id[VML_ARM_ID_AA64PFR0_EL1], 0x01002222);
    assert_true(vml_arm_cpu_model_has(&model, VML_ARM_FEATURE_GIC));
    assert_int_equal(vml_arm_cpu_model_set(&model, VML_ARM_ID_AA64PFR0_EL1, 27, 24, 16),
                     VML_ERR_RANGE);
    assert_int_equal(vml_arm_cpu_model_set(&model, VML_ARM_ID_COUNT, 3, 0, 1), VML_ERR_RANGE);
    assert_int_equal(vml_arm_cpu_model_set(&model, VML_ARM_MIDR_EL1, 64, 0, 1), VML_ERR_RANGE);
    assert_int_equal(vml_arm_cpu_model_set(&model, VML_ARM_MIDR_EL1, 3, 4, 0), VML_ERR_RANGE);
    assert_int_equal(vml_arm_cpu_model_set(&model, VML_ARM_MIDR_EL1, 63, 0, UINT64_MAX), VML_OK);
}

static void virtual_memory_registers_tell(void **state)
{
    static const uint32_t regs[] = {R(3, 0, 1, 0, 0),  R(3, 0, 2, 0, 0), R(3, 0, 2, 0, 1),
                                    R(3, 0, 2, 0, 2),  R(3, 0, 5, 1, 0), R(3, 0, 5, 1, 1),
                                    R(3, 0, 5, 2, 0),  R(3, 0, 6, 0, 0), R(3, 0, 10, 2, 0),
                                    R(3, 0, 10, 3, 0), R(3, 0, 13, 0, 1)};
    struct rig *r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED);
    uint64_t v;

    for (unsigned i = 0; i < VML_ARRAY_SIZE(regs); i++) {
        uint64_t before = rd(r, regs[i]);

        wr(r, regs[i], 0x1234567800000001u + i);
        assert_int_equal(r->vm, i + 1);
        assert_int_equal(r->last, regs[i]);
        assert_int_equal(r->before, before);
        assert_int_equal(r->after, 0x1234567800000001u + i);
        assert_int_equal(rd(r, regs[i]), 0x1234567800000001u + i);
        /* of one vCPU */
        assert_int_equal(go(r, 1, false, regs[i], &v), VML_BUS_OK);
        assert_int_equal(v, before);
    }
    r->regs.device.ops->reset(&r->regs.device);
    assert_int_equal(rd(r, R(3, 0, 1, 0, 0)), 0x30d00800);
    assert_int_equal(rd(r, R(3, 0, 2, 0, 0)), 0);
    assert_int_equal(rd(r, R(3, 0, 0, 0, 5)), 0x80000000);
    end(r);
}

static void set_and_way(void **state)
{
    static const unsigned crm[] = {6, 10, 14};
    struct rig *r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED);

    for (unsigned i = 0; i < 3; i++) {
        wr(r, R(1, 0, 7, crm[i], 2), 0x42);
        assert_int_equal(r->set_way, i + 1);
        assert_int_equal(r->last, R(1, 0, 7, crm[i], 2));
        assert_true(undefined(r, false, R(1, 0, 7, crm[i], 2)));
    }
    end(r);
}

static void os_lock_and_debug(void **state)
{
    struct rig *r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED);

    assert_int_equal(rd(r, R(2, 0, 1, 1, 4)), 0xa);
    wr(r, R(2, 0, 1, 0, 4), 0);
    assert_int_equal(rd(r, R(2, 0, 1, 1, 4)), 0x8);
    wr(r, R(2, 0, 1, 0, 4), 1);
    assert_int_equal(rd(r, R(2, 0, 1, 1, 4)), 0xa);
    assert_true(undefined(r, false, R(2, 0, 1, 0, 4)));
    assert_true(undefined(r, true, R(2, 0, 1, 1, 4)));
    wr(r, R(2, 0, 1, 3, 4), 0xff);
    assert_int_equal(rd(r, R(2, 0, 1, 3, 4)), 1);
    /* Six breakpoints and four watchpoints are what ID_AA64DFR0_EL1 tells of. */
    for (unsigned n = 0; n < 16; n++) {
        assert_int_equal(undefined(r, false, R(2, 0, 0, n, 4)), n > 5);
        assert_int_equal(undefined(r, false, R(2, 0, 0, n, 5)), n > 5);
        assert_int_equal(undefined(r, false, R(2, 0, 0, n, 6)), n > 3);
        assert_int_equal(undefined(r, false, R(2, 0, 0, n, 7)), n > 3);
    }
    wr(r, R(2, 0, 0, 2, 4), 0x400080);
    assert_int_equal(rd(r, R(2, 0, 0, 2, 4)), 0x400080);
    wr(r, R(2, 0, 7, 8, 6), 0x11);
    wr(r, R(2, 0, 7, 8, 6), 0x122);
    assert_int_equal(rd(r, R(2, 0, 7, 8, 6)), 0xff);
    assert_int_equal(rd(r, R(2, 0, 7, 9, 6)), 0x33);
    wr(r, R(2, 0, 7, 9, 6), 0x01);
    assert_int_equal(rd(r, R(2, 0, 7, 9, 6)), 0x32);
    /* MDSCR_EL1: bits 31, 28, 25:24, 20:16, 11:7 and 5:1 are reserved, or of later features. */
    wr(r, R(2, 0, 0, 2, 2), UINT64_MAX);
    assert_int_equal(rd(r, R(2, 0, 0, 2, 2)), 0x6ce0f041);
    end(r);
}

static void performance_monitors(void **state)
{
    struct rig *r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED);
    const uint32_t pmcr = R(3, 3, 9, 12, 0), ccntr = R(3, 3, 9, 13, 0);

    assert_int_equal(rd(r, pmcr) >> 11 & 31, 0);
    vml_virtual_clock_advance(&r->clock, 50);
    assert_int_equal(rd(r, ccntr), 0);
    wr(r, R(3, 3, 9, 12, 1), UINT64_MAX);
    assert_int_equal(rd(r, R(3, 3, 9, 12, 2)), 0x80000000);
    assert_int_equal(rd(r, ccntr), 0);
    wr(r, pmcr, 0x41);
    vml_virtual_clock_advance(&r->clock, 80);
    assert_int_equal(rd(r, ccntr), 30);
    wr(r, ccntr, 1000);
    vml_virtual_clock_advance(&r->clock, 90);
    assert_int_equal(rd(r, ccntr), 1010);
    wr(r, R(3, 3, 9, 12, 2), 0x80000000);
    vml_virtual_clock_advance(&r->clock, 100);
    assert_int_equal(rd(r, ccntr), 1010);
    wr(r, R(3, 3, 9, 12, 1), 0x80000000);
    vml_virtual_clock_advance(&r->clock, 105);
    assert_int_equal(rd(r, ccntr), 1015);
    wr(r, pmcr, 0x45);
    assert_int_equal(rd(r, pmcr), 0x41);
    assert_int_equal(rd(r, ccntr), 0);
    wr(r, R(3, 0, 9, 14, 1), UINT64_MAX);
    assert_int_equal(rd(r, R(3, 0, 9, 14, 2)), 0x80000000);
    wr(r, R(3, 0, 9, 14, 2), UINT64_MAX);
    assert_int_equal(rd(r, R(3, 0, 9, 14, 1)), 0);
    wr(r, R(3, 3, 9, 14, 3), UINT64_MAX);
    assert_int_equal(rd(r, R(3, 3, 9, 12, 3)), 0x80000000);
    wr(r, R(3, 3, 9, 12, 3), UINT64_MAX);
    assert_int_equal(rd(r, R(3, 3, 9, 14, 3)), 0);
    wr(r, R(3, 3, 9, 12, 4), 1);
    assert_true(undefined(r, false, R(3, 3, 9, 12, 4)));
    end(r);
}

static void unknown_registers(void **state)
{
    struct rig *r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED);
    uint64_t v = 5;

    assert_true(undefined(r, false, R(3, 7, 15, 15, 7)));
    assert_int_equal(r->unknown, 1);
    assert_int_equal(r->last, R(3, 7, 15, 15, 7));
    assert_true(undefined(r, true, R(3, 0, 1, 0, 3)));
    end(r);
    r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_IGNORE);
    assert_int_equal(go(r, 0, false, R(3, 7, 15, 15, 7), &v), VML_BUS_OK);
    assert_int_equal(v, 0);
    assert_int_equal(go(r, 0, true, R(3, 7, 15, 15, 7), &v), VML_BUS_OK);
    assert_int_equal(r->unknown, 2);
    end(r);
}

static void bad_configurations_are_refused(void **state)
{
    static struct vml_arm_sysregs regs;
    static struct vml_arm_sysreg_cpu cpu;
    static const uint64_t mpidr;
    const struct vml_arm_sysregs_config good = {
        .model = vml_arm_cpu_model_at(0), .cpus = 1, .mpidr = &mpidr, .state = &cpu};
    struct vml_arm_sysregs_config c = good;

    assert_int_equal(vml_arm_sysregs_init(&regs, &c), VML_OK);
    c.model = NULL;
    assert_int_equal(vml_arm_sysregs_init(&regs, &c), VML_ERR_INVALID);
    c = good;
    c.cpus = 0;
    assert_int_equal(vml_arm_sysregs_init(&regs, &c), VML_ERR_INVALID);
    c = good;
    c.mpidr = NULL;
    assert_int_equal(vml_arm_sysregs_init(&regs, &c), VML_ERR_INVALID);
    c = good;
    c.state = NULL;
    assert_int_equal(vml_arm_sysregs_init(&regs, &c), VML_ERR_INVALID);
}

/* Rows have different encodings, and each is in exactly one of the ranges for a bus. */
static void table_and_ranges(void **state)
{
    struct rig *r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED);
    uint32_t count;
    const struct vml_arm_sysreg *table = vml_arm_sysreg_table(&count);
    struct vml_bus_range range;

    for (uint32_t i = 0; i < count; i++) {
        unsigned in = 0;

        for (uint32_t k = 0; vml_arm_sysregs_range(&r->regs, k, &range); k++) {
            in += table[i].sysreg >= range.base && table[i].sysreg < range.base + range.size;
            assert_int_equal(range.base, range.device_offset);
        }
        assert_int_equal(in, 1);
        for (uint32_t k = 0; k < i; k++) {
            assert_int_not_equal(table[i].sysreg, table[k].sysreg);
        }
    }
    assert_false(vml_arm_sysregs_range(&r->regs, VML_ARM_SYSREG_RANGES, &range));
    /* The GIC's and the timers' are not. */
    static const uint32_t others[] = {R(3, 0, 4, 6, 0),  R(3, 0, 12, 12, 0), R(3, 0, 12, 8, 3),
                                      R(3, 3, 14, 0, 1), R(3, 3, 14, 3, 1),  R(3, 0, 14, 1, 0)};

    for (unsigned i = 0; i < VML_ARRAY_SIZE(others); i++) {
        for (uint32_t k = 0; vml_arm_sysregs_range(&r->regs, k, &range); k++) {
            assert_false(others[i] >= range.base && others[i] < range.base + range.size);
        }
    }
    end(r);
}

static void by_name_and_by_debugger(void **state)
{
    struct rig *r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED);
    uint32_t sctlr = vml_arm_sysreg_by_name("SCTLR_EL1");
    uint64_t v;

    assert_int_equal(sctlr, R(3, 0, 1, 0, 0));
    assert_int_equal(vml_arm_sysreg_by_name("SCTLR_EL11"), UINT32_MAX);
    assert_string_equal(vml_arm_sysreg_name(0), "?");
    assert_int_equal(vml_arm_sysregs_set(&r->regs, 1, sctlr, 7), VML_OK);
    assert_int_equal(vml_arm_sysregs_get(&r->regs, 1, sctlr, &v), VML_OK);
    assert_int_equal(v, 7);
    assert_int_equal(r->vm, 0);
    assert_int_equal(vml_arm_sysregs_get(&r->regs, 2, sctlr, &v), VML_ERR_RANGE);
    assert_int_equal(vml_arm_sysregs_set(&r->regs, 2, sctlr, 0), VML_ERR_RANGE);
    assert_int_equal(vml_arm_sysregs_get(&r->regs, 0, 8, &v), VML_ERR_NOT_FOUND);
    assert_int_equal(vml_arm_sysregs_set(&r->regs, 0, 8, 0), VML_ERR_NOT_FOUND);
    end(r);
}

static uint8_t image[8192], before[8192], after[8192];

static size_t save(struct rig *r, uint8_t *buffer)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, buffer, sizeof(image));
    r->regs.device.ops->save(&r->regs.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct rig *r, size_t size)
{
    struct vml_state_reader reader;

    vml_state_reader_init(&reader, image, size);
    return r->regs.device.ops->restore(&r->regs.device, &reader);
}

static void save_and_restore(void **state)
{
    struct rig *r = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED), *s;
    size_t n;

    wr(r, R(3, 0, 1, 0, 0), 0x30d5d91d);
    wr(r, R(2, 0, 1, 0, 4), 0);
    wr(r, R(3, 3, 9, 12, 1), 0x80000000);
    wr(r, R(3, 3, 9, 12, 0), 0x41);
    vml_virtual_clock_advance(&r->clock, 500);
    n = save(r, image);
    s = make(vml_arm_cpu_model_at(0), VML_ARM_SYSREG_UNDEFINED);
    vml_virtual_clock_advance(&s->clock, 9000);
    (void)save(s, before);
    for (size_t cut = 0; cut < n; cut += 5) {
        assert_int_not_equal(restore(s, cut), VML_OK);
        (void)save(s, after);
        assert_memory_equal(after, before, n);
    }
    assert_int_equal(restore(s, n), VML_OK);
    assert_int_equal(rd(s, R(3, 0, 1, 0, 0)), 0x30d5d91d);
    assert_int_equal(rd(s, R(2, 0, 1, 1, 4)), 8);
    assert_int_equal(rd(s, R(3, 3, 9, 13, 0)), 500);
    vml_virtual_clock_advance(&s->clock, 9010);
    assert_int_equal(rd(s, R(3, 3, 9, 13, 0)), 510);
    end(s);
    /* Of another CPU, and with a bit that cannot be. */
    s = make(vml_arm_cpu_model_at(1), VML_ARM_SYSREG_UNDEFINED);
    assert_int_equal(restore(s, n), VML_ERR_CORRUPT);
    end(s);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_by_name),
        cmocka_unit_test(the_guest_reads_the_model),
        cmocka_unit_test(caches),
        cmocka_unit_test(a_hidden_feature_disappears_consistently),
        cmocka_unit_test(hiding_clears_the_fields_of_a_feature_and_no_others),
        cmocka_unit_test(fields_can_be_set),
        cmocka_unit_test(virtual_memory_registers_tell),
        cmocka_unit_test(set_and_way),
        cmocka_unit_test(os_lock_and_debug),
        cmocka_unit_test(performance_monitors),
        cmocka_unit_test(unknown_registers),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(table_and_ranges),
        cmocka_unit_test(by_name_and_by_debugger),
        cmocka_unit_test(save_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
