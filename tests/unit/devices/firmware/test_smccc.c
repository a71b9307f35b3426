/* DEN0028, DEN0098, DEN0057, and KVM's hypervisor calls. */
#include "machine.h"

static int setup(void **state)
{
    machine_make();
    return 0;
}

static int teardown(void **state)
{
    machine_destroy();
    return 0;
}

static void test_version(void **state)
{
    assert_int_equal(call0(VML_SMCCC_VERSION), 0x10004);
    m.config.version = 0x10001;
    machine_remake();
    assert_int_equal(call0(VML_SMCCC_VERSION), 0x10001);
    /* 1.0 has no SMCCC_VERSION call: that is how it is told apart. */
    m.config.version = 0x10000;
    machine_remake();
    assert_int_equal(call0(VML_SMCCC_VERSION), VML_SMCCC_NOT_SUPPORTED);
}

static void test_config_is_validated(void **state)
{
    struct vml_smccc smccc;
    struct vml_smccc_config config = m.config;

    config.version = 0x10008;
    assert_int_equal(vml_smccc_init(&smccc, &config), VML_ERR_INVALID);
    config.version = 2;
    assert_int_equal(vml_smccc_init(&smccc, &config), VML_ERR_INVALID);
    config = m.config;
    config.conduits = 0;
    assert_int_equal(vml_smccc_init(&smccc, &config), VML_ERR_INVALID);
    config.conduits = 4;
    assert_int_equal(vml_smccc_init(&smccc, &config), VML_ERR_INVALID);
    config = m.config;
    config.soc_version = 0x80000000;
    assert_int_equal(vml_smccc_init(&smccc, &config), VML_ERR_INVALID);
    config = m.config;
    config.soc_name = "no ID";
    assert_int_equal(vml_smccc_init(&smccc, &config), VML_ERR_INVALID);
}

static void test_unknown_calls_change_nothing_but_x0(void **state)
{
    static const uint32_t fids[] = {0x00000000, 0x8400ffff, 0x84000020, 0x82000000, 0x83001234,
                                    0xb2000000, 0x80000003, 0xc0000005, 0xc0000006, 0xc0000002,
                                    0xc0000000, 0xc4000000, 0x86000000, 0x8600ff01, 0xc5000020,
                                    0x8000ff01, 0xffffffff};

    for (size_t i = 0; i < sizeof(fids) / sizeof(fids[0]); i++) {
        assert_int_equal(call_by(0, fids[i], UINT64_C(0x1111222233334444), UINT64_MAX, 7),
                         VML_SMCCC_NOT_SUPPORTED);
        assert_int_equal(last.x[1], UINT64_C(0x1111222233334444));
        assert_int_equal(last.x[2], UINT64_MAX);
        assert_int_equal(last.x[3], 7);
        assert_int_equal(last.action, VML_SMCCC_RETURN);
    }
}

static char said[512];
static unsigned lines;

static void listen(void *context, enum vml_log_level level, const char *line)
{
    assert_int_equal(level, VML_LOG_INFO);
    assert_true(strlen(line) < sizeof(said));
    memcpy(said, line, strlen(line) + 1);
    lines++;
}

static void test_levels_say_what_is_called(void **state)
{
    struct vml_debug debug;

    vml_debug_init(&debug);
    vml_log_set_sink(listen, NULL);
    lines = 0;
    m.cpu[0].config.debug = &debug;
    (void)call1(0x82001234, 5);
    assert_int_equal(lines, 0);
    vml_debug_set_level(&debug, VML_DEBUG_CONDENSED);
    (void)call0(VML_SMCCC_VERSION);
    assert_int_equal(lines, 0);
    (void)call1(0x82001234, 5);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(said, "vCPU 0 calls 0x82001234 (0x5, ...): no such call"));
    vml_debug_set_level(&debug, VML_DEBUG_DETAILED);
    (void)call0(VML_SMCCC_VERSION);
    assert_int_equal(lines, 2);
    assert_non_null(strstr(said, "answer 0x10004"));
    vml_log_set_sink(NULL, NULL);
    m.cpu[0].config.debug = NULL;
}

static void test_conduits(void **state)
{
    struct vml_smccc_call call = {.cpu = &m.cpu[0], .conduit = VML_SMCCC_SMC};

    call.x[0] = VML_SMCCC_VERSION;
    assert_int_equal(vml_smccc_handle(&m.smccc, &call), VML_ERR_UNSUPPORTED);
    m.config.conduits = VML_SMCCC_HVC | VML_SMCCC_SMC;
    machine_remake();
    assert_int_equal(vml_smccc_handle(&m.smccc, &call), VML_OK);
    assert_int_equal(call.x[0], 0x10004);
    assert_int_equal(call0(VML_SMCCC_VERSION), 0x10004);
}

static void test_upper_half_of_x0_is_not_looked_at(void **state)
{
    struct vml_smccc_call call = {.cpu = &m.cpu[0], .conduit = VML_SMCCC_HVC};

    call.x[0] = UINT64_C(0xffffffff00000000) | VML_SMCCC_VERSION;
    assert_int_equal(vml_smccc_handle(&m.smccc, &call), VML_OK);
    assert_int_equal(call.x[0], 0x10004);
}

static void test_sve_hint_is_no_part_of_the_identifier(void **state)
{
    assert_int_equal(call0(VML_PSCI_VERSION | 0x10000), VML_PSCI_1_3);
    m.config.version = 0x10002;
    machine_remake();
    assert_int_equal(call0(VML_PSCI_VERSION | 0x10000), VML_SMCCC_NOT_SUPPORTED);
}

static void test_arch_features(void **state)
{
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, VML_SMCCC_VERSION), 0);
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, VML_SMCCC_ARCH_FEATURES), 0);
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, 0x80001234), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, VML_SMCCC_ARCH_SOC_ID),
                     VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, VML_PV_TIME_FEATURES), VML_SMCCC_NOT_SUPPORTED);
}

static void test_workarounds(void **state)
{
    static const uint32_t fids[] = {VML_SMCCC_ARCH_WORKAROUND_1, VML_SMCCC_ARCH_WORKAROUND_2,
                                    VML_SMCCC_ARCH_WORKAROUND_3, VML_SMCCC_ARCH_WORKAROUND_4};
    static const int not_required[] = {1, VML_SMCCC_NOT_REQUIRED, 1, VML_SMCCC_NOT_SUPPORTED};

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, fids[i]), VML_SMCCC_NOT_SUPPORTED);
        assert_int_equal(call0(fids[i]), VML_SMCCC_NOT_SUPPORTED);
        m.config.workarounds[i] = VML_SMCCC_WORKAROUND_NOT_REQUIRED;
        machine_remake();
        assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, fids[i]), not_required[i]);
        assert_int_equal(call0(fids[i]), 0);
        m.config.workarounds[i] = VML_SMCCC_WORKAROUND_AVAILABLE;
        machine_remake();
        assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, fids[i]), 0);
        assert_int_equal(call0(fids[i]), 0);
    }
}

static void test_soc_id(void **state)
{
    assert_int_equal(call1(VML_SMCCC_ARCH_SOC_ID, 0), VML_SMCCC_NOT_SUPPORTED);
    m.config.soc_id = true;
    m.config.soc_version = 0x043b0001;
    m.config.soc_revision = 7;
    machine_remake();
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, VML_SMCCC_ARCH_SOC_ID), 0);
    assert_int_equal(call1(VML_SMCCC_ARCH_SOC_ID, 0), 0x043b0001);
    assert_int_equal(call1(VML_SMCCC_ARCH_SOC_ID, 1), 7);
    assert_int_equal(call1(VML_SMCCC_ARCH_SOC_ID, 2), VML_SMCCC_INVALID_PARAMETER);
    m.config.version = 0x10001;
    machine_remake();
    assert_int_equal(call1(VML_SMCCC_ARCH_SOC_ID, 0), VML_SMCCC_NOT_SUPPORTED);
}

/* 1.6: X1 to X17 of the 64-bit call are the name, its first byte lowest in X1. */
static void test_soc_name(void **state)
{
    const uint32_t soc_id_64 = VML_SMCCC_ARCH_SOC_ID | VML_SMCCC_SMC64;
    char longest[VML_SMCCC_SOC_NAME_MAX + 2];
    struct vml_smccc smccc;

    assert_int_equal(call1(soc_id_64, 0), VML_SMCCC_NOT_SUPPORTED);
    m.config.soc_id = true;
    m.config.soc_version = 0x043b0001;
    m.config.version = 0x10006;
    machine_remake();
    assert_int_equal(call1(soc_id_64, 0), 0x043b0001);
    assert_int_equal(call1(soc_id_64, 2), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call1(soc_id_64, 3), VML_SMCCC_INVALID_PARAMETER);
    m.config.soc_name = "ABCDEFGHIJ";
    m.config.version = 0;
    machine_remake();
    assert_int_equal(call0(VML_SMCCC_VERSION), 0x10006);
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, soc_id_64), 0);
    assert_int_equal(call1(VML_SMCCC_ARCH_SOC_ID, 2), VML_SMCCC_INVALID_PARAMETER);
    m.results = 18;
    assert_int_equal(call3(soc_id_64, 2, 7, 7), 0);
    assert_int_equal(last.x[1], UINT64_C(0x4847464544434241));
    assert_int_equal(last.x[2], 0x4a49);
    for (unsigned i = 3; i < 18; i++) {
        assert_int_equal(last.x[i], 0);
    }
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = 0;
    m.config.soc_name = longest;
    assert_int_equal(vml_smccc_init(&smccc, &m.config), VML_ERR_INVALID);
    longest[VML_SMCCC_SOC_NAME_MAX] = 0;
    machine_remake();
    assert_int_equal(call1(soc_id_64, 2), 0);
    assert_int_equal(last.x[17], UINT64_C(0x0078787878787878));
    m.config.version = 0x10005;
    m.results = 0;
    machine_remake();
    assert_int_equal(call1(soc_id_64, 2), VML_SMCCC_NOT_SUPPORTED);
}

static int64_t clean(void *context, uint64_t base, uint64_t length, bool dry_run)
{
    uint64_t *seen = context;

    seen[0] = base;
    seen[1] = length;
    seen[2] = dry_run;
    return base == 0 ? VML_SMCCC_BUSY : VML_SMCCC_SUCCESS;
}

static void test_clean_inv_memregion(void **state)
{
    uint64_t seen[3] = {0};
    const struct vml_smccc_clean config = {.clean = clean,
                                           .context = seen,
                                           .global = true,
                                           .latency_us = 500,
                                           .rate_limit = UINT64_C(0x100000002),
                                           .break_even = UINT64_C(0x200000000)};
    const uint32_t fid = VML_SMCCC_ARCH_CLEAN_INV_MEMREGION;
    const uint32_t attributes = VML_SMCCC_ARCH_CLEAN_INV_MEMREGION_ATTRIBUTES;

    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, fid), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call3(fid, 0x1000, 0x1000, 0), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call0(attributes), VML_SMCCC_NOT_SUPPORTED);
    m.config.clean = &config;
    machine_remake();
    assert_int_equal(call0(VML_SMCCC_VERSION), 0x10007);
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, fid), 0);
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, attributes), 0);
    assert_int_equal(call3(fid, UINT64_C(0x1234567890), 0x1001, 0), 0);
    assert_int_equal(seen[0], UINT64_C(0x1234567890));
    assert_int_equal(seen[1], 0x1001);
    assert_int_equal(seen[2], 0);
    assert_int_equal(last.x[1], UINT64_C(0x1234567890));
    assert_int_equal(call3(fid, 0x5000, 1, 1), 0);
    assert_int_equal(seen[2], 1);
    assert_int_equal(call3(fid, 0, 1, 0), VML_SMCCC_BUSY);
    seen[0] = 77;
    assert_int_equal(call3(fid, 0x1000, 0, 0), VML_SMCCC_INVALID_PARAMETER);
    assert_int_equal(call3(fid, 0x1000, 1, 2), VML_SMCCC_INVALID_PARAMETER);
    assert_int_equal(call3(fid, UINT64_MAX, 2, 0), VML_SMCCC_INVALID_PARAMETER);
    assert_int_equal(seen[0], 77);
    m.results = 5;
    assert_int_equal(call0(attributes), 0);
    assert_int_equal(last.x[1], 1);
    assert_int_equal(last.x[2], 500);
    assert_int_equal(last.x[3], UINT64_C(0x100000002));
    assert_int_equal(last.x[4], UINT64_C(0x200000000));
    m.results = 0;
    assert_int_equal(call0(0xc0000007), VML_SMCCC_NOT_SUPPORTED);
    m.config.version = 0x10006;
    machine_remake();
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, fid), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call3(fid, 0x1000, 0x1000, 0), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call0(attributes), VML_SMCCC_NOT_SUPPORTED);
}

static bool embedder(void *context, struct vml_smccc_call *call)
{
    if ((uint32_t)call->x[0] == 0x82000002) {
        return false;
    }
    call->x[0] = 42;
    call->x[1] = call->x[2] + 1;
    call->x[5] = 0;
    return true;
}

static void test_ranges_of_the_embedder(void **state)
{
    static const struct vml_smccc_range ranges[] = {
        {0x82000001, 0x82000003, embedder, NULL},
        {VML_PSCI_VERSION, VML_PSCI_VERSION, embedder, NULL},
    };

    m.config.ranges = ranges;
    m.config.range_count = 2;
    machine_remake();
    assert_int_equal(call0(0x82000000), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call2(0x82000001, 0, UINT64_C(0x700000005)), 42);
    assert_int_equal(last.x[1], 6);
    assert_int_equal(call0(0x82000002), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call0(0x82000003), 42);
    assert_int_equal(call0(0x82000004), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call0(VML_PSCI_VERSION), 42);
}

/* ---- KVM */

static bool ptp_works;

static bool ptp(void *context, struct vml_cpu *cpu, bool physical, uint64_t *wall_ns,
                uint64_t *count)
{
    *wall_ns = UINT64_C(0x1122334455667788);
    *count = physical ? UINT64_C(0xaaaaaaaabbbbbbbb) : UINT64_C(0x99aabbccddeeff00);
    return ptp_works;
}

static void test_kvm(void **state)
{
    assert_int_equal(call0(VML_SMCCC_HYP_UID), VML_SMCCC_NOT_SUPPORTED);
    m.config.kvm = true;
    machine_remake();
    assert_int_equal(call0(VML_SMCCC_HYP_UID), 0xb66fb428);
    assert_int_equal(last.x[1], 0xe911c52e);
    assert_int_equal(last.x[2], 0x564bcaa9);
    assert_int_equal(last.x[3], 0x743a004d);
    assert_int_equal(call0(VML_SMCCC_KVM_FEATURES), 1);
    assert_int_equal(call0(VML_SMCCC_KVM_PTP), VML_SMCCC_NOT_SUPPORTED);
    m.config.ptp = ptp;
    machine_remake();
    ptp_works = true;
    assert_int_equal(call3(VML_SMCCC_KVM_FEATURES, 1, 1, 1), 3);
    assert_int_equal(last.x[1] | last.x[2] | last.x[3], 0);
    assert_int_equal(call1(VML_SMCCC_KVM_PTP, 0), 0x11223344);
    assert_int_equal(last.x[1], 0x55667788);
    assert_int_equal(last.x[2], 0x99aabbcc);
    assert_int_equal(last.x[3], 0xddeeff00);
    assert_int_equal(call1(VML_SMCCC_KVM_PTP, 1), 0x11223344);
    assert_int_equal(last.x[2], 0xaaaaaaaa);
    assert_int_equal(call1(VML_SMCCC_KVM_PTP, 2), VML_SMCCC_NOT_SUPPORTED);
    ptp_works = false;
    assert_int_equal(call1(VML_SMCCC_KVM_PTP, 0), VML_SMCCC_NOT_SUPPORTED);
}

/* ---- TRNG */

static void test_trng(void **state)
{
    assert_int_equal(call0(VML_TRNG_VERSION), 0x10000);
    assert_int_equal(call1(VML_TRNG_FEATURES, VML_TRNG_RND32), 0);
    assert_int_equal(call1(VML_TRNG_FEATURES, VML_TRNG_RND64), 0);
    assert_int_equal(call1(VML_TRNG_FEATURES, 0x84000054), VML_TRNG_NOT_SUPPORTED);
    assert_int_equal(call0(VML_TRNG_GET_UUID), 0x11111111);
    assert_int_equal(last.x[3], 0x44444444);
    assert_int_equal(call0(VML_TRNG_VERSION | VML_SMCCC_SMC64), VML_SMCCC_NOT_SUPPORTED);
    m.config.trng = NULL;
    machine_remake();
    assert_int_equal(call0(VML_TRNG_VERSION), VML_SMCCC_NOT_SUPPORTED);
}

static void test_trng_gives_the_bits_asked_for(void **state)
{
    assert_int_equal(call1(VML_TRNG_RND64, 192), 0);
    assert_int_equal(last.x[1], UINT64_MAX);
    assert_int_equal(last.x[2], UINT64_MAX);
    assert_int_equal(last.x[3], UINT64_MAX);
    assert_int_equal(call1(VML_TRNG_RND64, 1), 0);
    assert_int_equal(last.x[1], 0);
    assert_int_equal(last.x[2], 0);
    assert_int_equal(last.x[3], 1);
    assert_int_equal(call1(VML_TRNG_RND64, 70), 0);
    assert_int_equal(last.x[1], 0);
    assert_int_equal(last.x[2], 0x3f);
    assert_int_equal(last.x[3], UINT64_MAX);
    assert_int_equal(call1(VML_TRNG_RND32, 96), 0);
    assert_int_equal(last.x[1], UINT32_MAX);
    assert_int_equal(last.x[3], UINT32_MAX);
    assert_int_equal(call1(VML_TRNG_RND32, 33), 0);
    assert_int_equal(last.x[1], 0);
    assert_int_equal(last.x[2], 1);
    assert_int_equal(last.x[3], UINT32_MAX);
    assert_int_equal(call1(VML_TRNG_RND32, 0), VML_TRNG_INVALID_PARAMETERS);
    assert_int_equal(call1(VML_TRNG_RND32, 97), VML_TRNG_INVALID_PARAMETERS);
    assert_int_equal(call1(VML_TRNG_RND64, 193), VML_TRNG_INVALID_PARAMETERS);
    assert_int_equal(call1(VML_TRNG_RND64, UINT64_MAX), VML_TRNG_INVALID_PARAMETERS);
}

static enum vml_status dry(void *context, void *buffer, size_t len)
{
    return VML_ERR_UNSUPPORTED;
}

static void test_trng_without_entropy(void **state)
{
    m.trng.entropy = dry;
    assert_int_equal(call1(VML_TRNG_RND64, 64), VML_TRNG_NO_ENTROPY);
    assert_int_equal(last.x[3], 0);
    m.trng.entropy = NULL;
    assert_int_equal(call1(VML_TRNG_RND64, 64), 0);
}

/* ---- stolen time */

static void test_stolen_time(void **state)
{
    struct vml_pvtime pvtime;
    uint64_t stolen[CPUS];
    const uint64_t base = RAM_BASE + 0x4000;
    const uint8_t *seen = vml_as_translate(&m.as, base, 64 * CPUS, VML_AS_READ);

    assert_int_equal(vml_pvtime_init(&pvtime, &m.as, base + 8, CPUS, stolen), VML_ERR_INVALID);
    assert_int_equal(vml_pvtime_init(&pvtime, &m.as, RAM_BASE + RAM_SIZE - 64, 2, stolen),
                     VML_ERR_RANGE);
    assert_int_equal(vml_pvtime_init(&pvtime, &m.as, base, CPUS - 1, stolen), VML_OK);
    assert_int_equal(call1(VML_PV_TIME_FEATURES, VML_PV_TIME_ST), VML_SMCCC_NOT_SUPPORTED);
    m.config.pvtime = &pvtime;
    machine_remake();
    assert_int_equal(call1(VML_SMCCC_ARCH_FEATURES, VML_PV_TIME_FEATURES), 0);
    assert_int_equal(call1(VML_PV_TIME_FEATURES, VML_PV_TIME_FEATURES), 0);
    assert_int_equal(call1(VML_PV_TIME_FEATURES, VML_PV_TIME_ST), 0);
    assert_int_equal(call1(VML_PV_TIME_FEATURES, 0xc5000022), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(call0(VML_PV_TIME_ST), base);
    assert_int_equal(call_by(2, VML_PV_TIME_ST, 0, 0, 0), base + 128);
    assert_int_equal(call_by(3, VML_PV_TIME_ST, 0, 0, 0), VML_SMCCC_NOT_SUPPORTED);
    assert_int_equal(vml_load_le64(seen), 0);
    vml_pvtime_add(&pvtime, 2, 1000);
    vml_pvtime_add(&pvtime, 2, UINT64_C(0x100000000));
    assert_int_equal(vml_load_le64(seen + 128), 0); /* revision and attributes */
    assert_int_equal(vml_load_le64(seen + 128 + 8), UINT64_C(0x1000003e8));
    assert_int_equal(vml_load_le64(seen + 64 + 8), 0);
}

static void test_stolen_time_is_saved(void **state)
{
    struct vml_pvtime pvtime;
    uint64_t stolen[CPUS];
    const uint64_t base = RAM_BASE + 0x4000;
    const uint8_t *seen = vml_as_translate(&m.as, base, 64 * CPUS, VML_AS_READ);
    struct vml_state_writer w;
    struct vml_state_reader r;
    uint8_t image[128];

    assert_int_equal(vml_pvtime_init(&pvtime, &m.as, base, CPUS, stolen), VML_OK);
    vml_pvtime_add(&pvtime, 0, 5);
    vml_pvtime_add(&pvtime, CPUS - 1, 1000);
    vml_state_writer_init(&w, image, sizeof(image));
    vml_pvtime_save(&pvtime, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    assert_int_equal(vml_pvtime_init(&pvtime, &m.as, base, CPUS, stolen), VML_OK);
    for (size_t cut = 0; cut < w.used; cut++) {
        vml_state_reader_init(&r, image, cut);
        assert_int_not_equal(vml_pvtime_restore(&pvtime, &r), VML_OK);
        assert_true(stolen[0] == 0 && vml_load_le64(seen + 8) == 0);
    }
    /* Of a machine with another number of vCPUs. */
    assert_int_equal(vml_pvtime_init(&pvtime, &m.as, base, CPUS - 1, stolen), VML_OK);
    vml_state_reader_init(&r, image, w.used);
    assert_int_equal(vml_pvtime_restore(&pvtime, &r), VML_ERR_CORRUPT);
    assert_true(stolen[0] == 0);
    assert_int_equal(vml_pvtime_init(&pvtime, &m.as, base, CPUS, stolen), VML_OK);
    vml_state_reader_init(&r, image, w.used);
    assert_int_equal(vml_pvtime_restore(&pvtime, &r), VML_OK);
    assert_true(vml_load_le64(seen + 8) == 5);
    assert_true(vml_load_le64(seen + 64 * (CPUS - 1) + 8) == 1000);
    vml_pvtime_add(&pvtime, CPUS - 1, 1);
    assert_true(vml_load_le64(seen + 64 * (CPUS - 1) + 8) == 1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_version),
        T(test_config_is_validated),
        T(test_unknown_calls_change_nothing_but_x0),
        T(test_levels_say_what_is_called),
        T(test_conduits),
        T(test_upper_half_of_x0_is_not_looked_at),
        T(test_sve_hint_is_no_part_of_the_identifier),
        T(test_arch_features),
        T(test_workarounds),
        T(test_soc_id),
        T(test_soc_name),
        T(test_clean_inv_memregion),
        T(test_ranges_of_the_embedder),
        T(test_kvm),
        T(test_trng),
        T(test_trng_gives_the_bits_asked_for),
        T(test_trng_without_entropy),
        T(test_stolen_time),
        T(test_stolen_time_is_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
