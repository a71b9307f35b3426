/* CPUID and MSRs as a 64-bit x86 guest sees them. */
#include "test.h"
#include <vml/vbus.h>
#include <vml/x86_msr.h>

enum { CPUS = 2 };

struct rig {
    struct vml_x86_msrs msrs;
    struct vml_x86_msr_cpu state[CPUS];
    struct vml_virtual_clock clock;
    unsigned told, unknown;
    uint32_t last;
    uint64_t value;
};

static void written(void *context, uint32_t cpu, uint32_t msr, uint64_t value)
{
    struct rig *r = context;

    r->told++;
    r->last = msr;
    r->value = value;
}

static void unknown(void *context, const struct vml_access *access, uint32_t msr)
{
    struct rig *r = context;

    r->unknown++;
    r->last = msr;
}

static struct rig *make(const struct vml_x86_cpu_model *model, enum vml_x86_msr_policy policy)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_x86_msrs_config config = {.model = model,
                                         .cpus = CPUS,
                                         .state = r->state,
                                         .clock = &r->clock.clock,
                                         .unknown = policy,
                                         .written = written,
                                         .unknown_access = unknown,
                                         .context = r};

    assert_int_equal(vml_virtual_clock_init(&r->clock, 1000), VML_OK);
    vml_virtual_clock_advance(&r->clock, 500);
    assert_int_equal(vml_x86_msrs_init(&r->msrs, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static enum vml_bus_result go(struct rig *r, uint32_t cpu, bool write, uint32_t msr, uint64_t *v)
{
    struct vml_access a = {
        .offset = msr, .size = 8, .write = write, .cpu = cpu, .value = write ? *v : 0};
    enum vml_bus_result result = r->msrs.device.ops->access(&r->msrs.device, &a);

    *v = a.value;
    return result;
}

static uint64_t rd(struct rig *r, uint32_t msr)
{
    uint64_t v = 0;

    assert_int_equal(go(r, 0, false, msr, &v), VML_BUS_OK);
    return v;
}

static enum vml_bus_result wr(struct rig *r, uint32_t msr, uint64_t v)
{
    return go(r, 0, true, msr, &v);
}

static bool faults(struct rig *r, uint32_t msr)
{
    uint64_t v;

    return go(r, 0, false, msr, &v) == VML_BUS_FAULT;
}

static void reset_values(void **state)
{
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);
    uint64_t v;

    assert_int_equal(rd(r, 0x10), 0);
    assert_int_equal(rd(r, 0x1b), 0xfee00900);
    assert_int_equal(go(r, 1, false, 0x1b, &v), VML_BUS_OK);
    assert_int_equal(v, 0xfee00800);
    assert_int_equal(rd(r, 0x277), 0x0007040600070406u);
    assert_int_equal(rd(r, 0xfe), 0x508);
    assert_int_equal(rd(r, 0xc0000080), 0);
    assert_int_equal(rd(r, 0x8b) >> 32, 1);
    assert_int_equal(go(r, CPUS, false, 0x10, &v), VML_BUS_FAULT);
    end(r);
}

static void table_is_in_order(void **state)
{
    uint32_t count;
    const struct vml_x86_msr *table = vml_x86_msr_table(&count);

    for (uint32_t i = 1; i < count; i++) {
        assert_true(table[i - 1].number < table[i].number);
    }
    assert_string_equal(vml_x86_msr_name(0xc0000080), "IA32_EFER");
    assert_string_equal(vml_x86_msr_name(0xc0000085), "?");
    assert_string_equal(vml_x86_msr_name(0xffffffff), "?");
}

static void time_stamp_counter(void **state)
{
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);

    vml_virtual_clock_advance(&r->clock, 600);
    assert_int_equal(rd(r, 0x10), 100);
    assert_int_equal(vml_x86_msrs_tsc(&r->msrs, 1), 100);
    assert_int_equal(wr(r, 0x10, 1000), VML_BUS_OK);
    assert_int_equal(rd(r, 0x3b), 900);
    assert_int_equal(wr(r, 0x3b, 400), VML_BUS_OK);
    assert_int_equal(rd(r, 0x10), 500);
    vml_virtual_clock_advance(&r->clock, 610);
    assert_int_equal(rd(r, 0x10), 510);
    assert_int_equal(vml_x86_msrs_tsc(&r->msrs, 1), 110);
    end(r);
}

static void reserved_bits_and_addresses(void **state)
{
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);

    assert_int_equal(wr(r, 0xc0000080, 2), VML_BUS_FAULT);
    assert_int_equal(wr(r, 0xc0000080, 0xd01), VML_BUS_OK);
    assert_int_equal(rd(r, 0xc0000080), 0x901); /* LMA is the CPU's */
    assert_int_equal(r->last, 0xc0000080);
    assert_int_equal(wr(r, 0xc0000082, 0x0000800000000000u), VML_BUS_FAULT);
    assert_int_equal(wr(r, 0xc0000082, 0x00007fffffffffffu), VML_BUS_OK);
    assert_int_equal(wr(r, 0xc0000100, 0xffff800000000000u), VML_BUS_OK);
    assert_int_equal(rd(r, 0xc0000100), 0xffff800000000000u);
    assert_int_equal(wr(r, 0xc0000084, UINT64_C(1) << 32), VML_BUS_FAULT);
    assert_int_equal(wr(r, 0xfe, 0), VML_BUS_FAULT);
    assert_int_equal(wr(r, 0x3a, 5), VML_BUS_FAULT); /* locked */
    assert_int_equal(wr(r, 0x48, 8), VML_BUS_FAULT);
    assert_int_equal(wr(r, 0x48, 1), VML_BUS_OK);
    assert_true(faults(r, 0x49));
    assert_int_equal(wr(r, 0x49, 1), VML_BUS_OK);
    assert_int_equal(r->value, 1);
    assert_int_equal(wr(r, 0x8b, 0), VML_BUS_OK);
    assert_int_equal(rd(r, 0x8b) >> 32, 1);
    assert_int_equal(wr(r, 0x1a0, 0), VML_BUS_OK);
    assert_int_equal(rd(r, 0x1a0), 0x1800);
    end(r);
}

static void memory_types(void **state)
{
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);

    for (unsigned type = 0; type < 10; type++) {
        bool mtrr = type == 0 || type == 1 || (type >= 4 && type <= 6);

        assert_int_equal(wr(r, 0x277, (uint64_t)type << 56),
                         mtrr || type == 7 ? VML_BUS_OK : VML_BUS_FAULT);
        assert_int_equal(wr(r, 0x250, (uint64_t)type << 8), mtrr ? VML_BUS_OK : VML_BUS_FAULT);
        assert_int_equal(wr(r, 0x200, 0x80000000u | type), mtrr ? VML_BUS_OK : VML_BUS_FAULT);
        assert_int_equal(wr(r, 0x2ff, 0xc00 | type), mtrr ? VML_BUS_OK : VML_BUS_FAULT);
    }
    assert_int_equal(wr(r, 0x201, 0xff80000800u), VML_BUS_OK);
    assert_int_equal(wr(r, 0x201, 0x1ff80000800u), VML_BUS_FAULT);
    assert_int_equal(wr(r, 0x200, 0x80000100), VML_BUS_FAULT);
    assert_int_equal(wr(r, 0x2ff, 0x100), VML_BUS_FAULT);
    assert_true(faults(r, 0x210));
    end(r);
}

/* SDM 3A, figure 11-27. */
static void apic_modes(void **state)
{
    enum { OFF = 0, XAPIC = 0x800, X2APIC = 0xc00, BAD = 0x400 };
    static const struct {
        uint32_t from, to;
        bool good;
    } cases[] = {
        {XAPIC, OFF, true},   {XAPIC, X2APIC, true}, {X2APIC, XAPIC, false}, {X2APIC, OFF, true},
        {OFF, X2APIC, false}, {OFF, XAPIC, true},    {XAPIC, BAD, false},    {OFF, BAD, false},
    };
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        r->msrs.device.ops->reset(&r->msrs.device);
        if (cases[i].from != XAPIC) {
            assert_int_equal(wr(r, 0x1b, 0xfee00000 | cases[i].from), VML_BUS_OK);
        }
        assert_int_equal(wr(r, 0x1b, 0xfee00000 | cases[i].to) == VML_BUS_OK, cases[i].good);
        assert_int_equal(rd(r, 0x1b) & 0x100, 0x100);
    }
    end(r);
    struct vml_x86_cpu_model model = *vml_x86_cpu_model_at(0);

    assert_int_equal(vml_x86_cpu_model_hide(&model, VML_X86_FEATURE_X2APIC), VML_OK);
    r = make(&model, VML_X86_MSR_GP);
    assert_int_equal(wr(r, 0x1b, 0xfee00c00), VML_BUS_FAULT);
    end(r);
}

static void hidden_features_take_their_registers_along(void **state)
{
    static const struct {
        enum vml_x86_feature feature;
        uint32_t msr;
    } cases[] = {
        {VML_X86_FEATURE_TSC_DEADLINE, 0x6e0}, {VML_X86_FEATURE_MTRR, 0xfe},
        {VML_X86_FEATURE_PAT, 0x277},          {VML_X86_FEATURE_MCE, 0x179},
        {VML_X86_FEATURE_SYSCALL, 0xc0000081}, {VML_X86_FEATURE_RDTSCP, 0xc0000103},
        {VML_X86_FEATURE_TSC_ADJUST, 0x3b},    {VML_X86_FEATURE_SPEC_CTRL, 0x48},
        {VML_X86_FEATURE_ARCH_CAPS, 0x10a},    {VML_X86_FEATURE_KVMCLOCK, 0x4b564d01},
    };

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        struct vml_x86_cpu_model model = *vml_x86_cpu_model_at(1);
        struct rig *r = make(&model, VML_X86_MSR_IGNORE);

        assert_true(vml_x86_cpu_model_has(&model, cases[i].feature));
        assert_false(faults(r, cases[i].msr));
        end(r);
        assert_int_equal(vml_x86_cpu_model_hide(&model, cases[i].feature), VML_OK);
        assert_false(vml_x86_cpu_model_has(&model, cases[i].feature));
        r = make(&model, VML_X86_MSR_IGNORE);
        assert_true(faults(r, cases[i].msr));
        assert_int_equal(wr(r, cases[i].msr, 0), VML_BUS_FAULT);
        end(r);
    }
    struct vml_x86_cpu_model model = *vml_x86_cpu_model_at(0);

    assert_int_equal(vml_x86_cpu_model_hide(&model, VML_X86_FEATURE_NX), VML_OK);
    assert_int_equal(vml_x86_cpu_model_hide(&model, VML_X86_FEATURE_COUNT), VML_ERR_INVALID);
    struct rig *r = make(&model, VML_X86_MSR_GP);

    assert_int_equal(wr(r, 0xc0000080, 0x800), VML_BUS_FAULT);
    end(r);
}

static void unknown_registers(void **state)
{
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);

    assert_true(faults(r, 0xdead));
    assert_int_equal(wr(r, 0xdead, 1), VML_BUS_FAULT);
    assert_int_equal(r->unknown, 2);
    assert_int_equal(r->last, 0xdead);
    end(r);
    r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_IGNORE);
    assert_int_equal(rd(r, 0xdead), 0);
    assert_int_equal(wr(r, 0xdead, 1), VML_BUS_OK);
    end(r);
}

static void hooks(void **state)
{
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);
    static const uint32_t told[] = {0x11, 0x12, 0x6e0, 0x4b564d00, 0x4b564d01, 0x1b};

    for (size_t i = 0; i < VML_ARRAY_SIZE(told); i++) {
        assert_int_equal(wr(r, told[i], 0xfee00800), VML_BUS_OK);
        assert_int_equal(r->told, i + 1);
        assert_int_equal(r->last, told[i]);
    }
    end(r);
}

static void cpuid(struct vml_x86_cpu_model *m, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    struct vml_x86_cpuid_context c = {.apic_id = 3, .cpus = 6, .cr4 = 1u << 18, .xcr0 = 7};

    vml_x86_cpuid(m, &c, leaf, sub, out);
}

static void cpuid_leaves(void **state)
{
    struct vml_x86_cpu_model m = *vml_x86_cpu_model_find("x86-64-v3");
    uint32_t out[4], highest[4];

    cpuid(&m, 0, 0, out);
    assert_int_equal(out[0], 0xd);
    assert_memory_equal(&out[1], "Genu", 4);
    assert_memory_equal(&out[3], "ineI", 4);
    assert_memory_equal(&out[2], "ntel", 4);
    cpuid(&m, 1, 0, out);
    assert_int_equal(out[1] >> 24, 3);
    assert_int_equal(out[1] >> 16 & 0xff, 6);
    assert_true(out[3] >> 28 & 1); /* HTT */
    assert_true(out[2] >> 27 & 1); /* OSXSAVE */
    assert_true(out[2] >> 31);     /* hypervisor */
    assert_true(out[2] >> 28 & 1); /* AVX */
    assert_false(out[2] >> 5 & 1); /* VMX */
    cpuid(&m, 0xb, 0, out);
    assert_int_equal(out[1], 1);
    assert_int_equal(out[2], 0x100);
    cpuid(&m, 0xb, 1, out);
    assert_int_equal(out[0], 3);
    assert_int_equal(out[1], 6);
    assert_int_equal(out[2], 0x201);
    assert_int_equal(out[3], 3);
    cpuid(&m, 0xb, 2, out);
    assert_int_equal(out[1], 0);
    assert_int_equal(out[2], 2);
    cpuid(&m, 0xd, 0, highest);
    assert_int_equal(highest[1], 0x340);
    cpuid(&m, 0x1234, 0, out);
    assert_memory_equal(out, highest, sizeof(out));
    cpuid(&m, 0x40000000, 0, out);
    assert_memory_equal(&out[1], "KVMKVMKVM\0\0\0", 12);
    cpuid(&m, 0x80000008, 0, out);
    assert_int_equal(out[0] & 0xff, 40);
    cpuid(&m, 0x80000001, 0, out);
    assert_true(out[3] >> 29 & 1); /* long mode */
    cpuid(&m, 0x40000055, 0, out);
    assert_int_equal(out[0] | out[1] | out[2] | out[3], 0);
    assert_null(vml_x86_cpu_model_find("x86"));
    assert_null(vml_x86_cpu_model_at(2));
}

static void cpuid_masks(void **state)
{
    struct vml_x86_cpu_model m = *vml_x86_cpu_model_find("x86-64-v3");
    uint32_t out[4];

    assert_int_equal(vml_x86_cpu_model_hide(&m, VML_X86_FEATURE_AVX), VML_OK);
    cpuid(&m, 7, 0, out);
    assert_false(out[1] >> 5 & 1);
    cpuid(&m, 0xd, 0, out);
    assert_int_equal(out[0], 3);
    assert_int_equal(out[2], 0x240);
    cpuid(&m, 0xd, 2, out);
    assert_int_equal(out[0], 0);
    m = *vml_x86_cpu_model_find("x86-64-v3");
    assert_int_equal(vml_x86_cpu_model_hide(&m, VML_X86_FEATURE_XSAVE), VML_OK);
    assert_false(vml_x86_cpu_model_has(&m, VML_X86_FEATURE_AVX));
    cpuid(&m, 1, 0, out);
    assert_false(out[2] >> 27 & 1);
    cpuid(&m, 0xd, 0, out);
    assert_int_equal(out[0] | out[1] | out[2], 0);
    assert_int_equal(vml_x86_cpu_model_mask(&m, 1, 0, VML_X86_ECX, 1, 1u << 5), VML_OK);
    assert_true(vml_x86_cpu_model_has(&m, VML_X86_FEATURE_VMX));
    assert_int_equal(vml_x86_cpu_model_mask(&m, 4, 1, VML_X86_EBX, 0, 7), VML_OK);
    cpuid(&m, 4, 1, out);
    assert_int_equal(out[1], 7);
    cpuid(&m, 4, 2, out);
    assert_int_equal(out[1], 0);
    assert_int_equal(vml_x86_cpu_model_mask(&m, 4, 1, (enum vml_x86_reg)4, 0, 7), VML_ERR_INVALID);
    for (uint32_t i = m.count; i < VML_X86_LEAVES; i++) {
        assert_int_equal(vml_x86_cpu_model_mask(&m, 0x20 + i, 0, VML_X86_EAX, 0, 1), VML_OK);
    }
    assert_int_equal(vml_x86_cpu_model_mask(&m, 0x99, 0, VML_X86_EAX, 0, 1), VML_ERR_NO_SPACE);
}

/* As a hypervisor has them: RDMSR and WRMSR are accesses of 8 bytes at the register's number. */
static void registers_on_a_bus(void **state)
{
    static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[VML_BUS_STORAGE(1, 2)];
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);
    struct vml_vbus bus;
    const struct vml_vbus_config config = {
        .name = "msr", .space = VML_SPACE_MSR, .max_ranges = 1, .cpus = 2, .storage = storage};
    struct vml_bus_range range = {.size = UINT64_C(1) << 32, .device = &r->msrs.device};
    struct vml_access a = {.size = 8, .write = true, .cpu = 1, .value = 0x1000};

    assert_int_equal(vml_vbus_init(&bus, &config), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &range), VML_OK);
    assert_int_equal(vml_vbus_access(&bus, 0xc0000082, &a), VML_BUS_OK); /* IA32_LSTAR */
    a = (struct vml_access){.size = 8, .cpu = 1};
    assert_int_equal(vml_vbus_access(&bus, 0xc0000082, &a), VML_BUS_OK);
    assert_int_equal(a.value, 0x1000);
    a = (struct vml_access){.size = 8, .cpu = 0};
    assert_int_equal(vml_vbus_access(&bus, 0xc0000082, &a), VML_BUS_OK);
    assert_int_equal(a.value, 0); /* each vCPU has its own */
    assert_int_equal(vml_vbus_access(&bus, 0x12345678, &a), VML_BUS_FAULT);
    assert_int_equal(vml_vbus_unregister(&bus, &range), VML_OK);
    end(r);
}

static void save_and_restore(void **state)
{
    static uint8_t image[4096], before[4096], after[4096];
    struct rig *r = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);
    struct rig *s = make(vml_x86_cpu_model_at(0), VML_X86_MSR_GP);
    struct vml_state_writer w;
    struct vml_state_reader reader;
    uint64_t v;
    size_t n;

    assert_int_equal(wr(r, 0x10, 7777), VML_BUS_OK);
    assert_int_equal(wr(r, 0xc0000082, 0xffffffff81000000u), VML_BUS_OK);
    vml_state_writer_init(&w, image, sizeof(image));
    r->msrs.device.ops->save(&r->msrs.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    n = w.used;
    vml_state_writer_init(&w, before, sizeof(before));
    s->msrs.device.ops->save(&s->msrs.device, &w);
    for (size_t cut = 0; cut <= n; cut++) {
        bool whole = cut == n;

        if (whole) {
            image[n - 1] = 0x12; /* the high byte of IA32_TSC_AUX, which has 32 bits */
        }
        vml_state_reader_init(&reader, image, cut);
        assert_int_not_equal(s->msrs.device.ops->restore(&s->msrs.device, &reader), VML_OK);
        vml_state_writer_init(&w, after, sizeof(after));
        s->msrs.device.ops->save(&s->msrs.device, &w);
        assert_memory_equal(after, before, n);
    }
    image[n - 1] = 0;
    vml_virtual_clock_advance(&s->clock, 100000);
    vml_state_reader_init(&reader, image, n);
    assert_int_equal(s->msrs.device.ops->restore(&s->msrs.device, &reader), VML_OK);
    assert_int_equal(rd(s, 0x10), 7777);
    assert_int_equal(vml_x86_msrs_get(&s->msrs, 0, 0xc0000082, &v), VML_OK);
    assert_int_equal(v, 0xffffffff81000000u);
    assert_int_equal(vml_x86_msrs_get(&s->msrs, 2, 0x10, &v), VML_ERR_RANGE);
    assert_int_equal(vml_x86_msrs_get(&s->msrs, 0, 0x1, &v), VML_ERR_NOT_FOUND);
    end(s);
    end(r);
}

static void bad_configurations_are_refused(void **state)
{
    static struct vml_x86_msrs msrs;
    struct vml_x86_msrs_config c = {.cpus = 1};

    assert_int_equal(vml_x86_msrs_init(&msrs, &c), VML_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values),
        cmocka_unit_test(table_is_in_order),
        cmocka_unit_test(time_stamp_counter),
        cmocka_unit_test(reserved_bits_and_addresses),
        cmocka_unit_test(memory_types),
        cmocka_unit_test(apic_modes),
        cmocka_unit_test(hidden_features_take_their_registers_along),
        cmocka_unit_test(unknown_registers),
        cmocka_unit_test(hooks),
        cmocka_unit_test(cpuid_leaves),
        cmocka_unit_test(cpuid_masks),
        cmocka_unit_test(registers_on_a_bus),
        cmocka_unit_test(save_and_restore),
        cmocka_unit_test(bad_configurations_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
