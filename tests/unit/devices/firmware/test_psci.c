/* DEN0022 1.3, call by call. */
#include "machine.h"

#define SMC64 VML_SMCCC_SMC64

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
    static const uint32_t versions[] = {VML_PSCI_0_2, VML_PSCI_1_0, VML_PSCI_1_1, VML_PSCI_1_2,
                                        VML_PSCI_1_3};

    assert_int_equal(call0(VML_PSCI_VERSION), VML_PSCI_1_3);
    for (size_t i = 0; i < 5; i++) {
        m.psci_config.version = versions[i];
        machine_remake();
        assert_int_equal(call0(VML_PSCI_VERSION), versions[i]);
    }
}

static void test_calls_appear_with_their_version(void **state)
{
    static const struct {
        uint32_t fid;
        uint32_t version;
        bool has_64;
    } rows[] = {
        {VML_PSCI_FEATURES, VML_PSCI_1_0, false},
        {VML_PSCI_CPU_FREEZE, VML_PSCI_1_0, false},
        {VML_PSCI_CPU_DEFAULT_SUSPEND, VML_PSCI_1_0, true},
        {VML_PSCI_NODE_HW_STATE, VML_PSCI_1_0, true},
        {VML_PSCI_SYSTEM_SUSPEND, VML_PSCI_1_0, true},
        {VML_PSCI_SET_SUSPEND_MODE, VML_PSCI_1_0, false},
        {VML_PSCI_SYSTEM_RESET2, VML_PSCI_1_1, true},
        {VML_PSCI_MEM_PROTECT, VML_PSCI_1_1, false},
        {VML_PSCI_MEM_PROTECT_CHECK_RANGE, VML_PSCI_1_1, true},
        {VML_PSCI_SYSTEM_OFF2, VML_PSCI_1_3, true},
        {VML_PSCI_CPU_SUSPEND, VML_PSCI_0_2, true},
        {VML_PSCI_CPU_OFF, VML_PSCI_0_2, false},
        {VML_PSCI_CPU_ON, VML_PSCI_0_2, true},
        {VML_PSCI_AFFINITY_INFO, VML_PSCI_0_2, true},
        {VML_PSCI_MIGRATE_INFO_TYPE, VML_PSCI_0_2, false},
        {VML_PSCI_SYSTEM_OFF, VML_PSCI_0_2, false},
        {VML_PSCI_SYSTEM_RESET, VML_PSCI_0_2, false},
        {VML_PSCI_VERSION, VML_PSCI_0_2, false},
    };
    static const uint32_t versions[] = {VML_PSCI_1_0, VML_PSCI_1_1, VML_PSCI_1_2, VML_PSCI_1_3};

    for (size_t v = 0; v < 4; v++) {
        m.psci_config.version = versions[v];
        machine_remake();
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            bool there = versions[v] >= rows[i].version;

            assert_int_equal(call1(VML_PSCI_FEATURES, rows[i].fid) >= 0, there);
            assert_int_equal(call1(VML_PSCI_FEATURES, rows[i].fid | SMC64) >= 0,
                             there && rows[i].has_64);
        }
    }
    m.psci_config.version = VML_PSCI_0_2;
    machine_remake();
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_VERSION), VML_PSCI_NOT_SUPPORTED);
    assert_int_equal(call1(VML_PSCI_SYSTEM_SUSPEND, ENTRY), VML_PSCI_NOT_SUPPORTED);
}

static void test_features_tells_the_truth(void **state)
{
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_CPU_SUSPEND), 1);
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_SYSTEM_OFF2), 1);
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_SMCCC_VERSION), 0);
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_MIGRATE), VML_PSCI_NOT_SUPPORTED);
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_MIGRATE_INFO_UP_CPU),
                     VML_PSCI_NOT_SUPPORTED);
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_STAT_COUNT), VML_PSCI_NOT_SUPPORTED);
    assert_int_equal(call1(VML_PSCI_FEATURES, 0x84000016), VML_PSCI_NOT_SUPPORTED);
    assert_int_equal(call1(VML_PSCI_FEATURES, 0x12345678), VML_PSCI_NOT_SUPPORTED);
    m.psci_config.options = VML_PSCI_OPTION_EXTENDED_STATE;
    m.psci_config.smccc_1_1 = false;
    machine_remake();
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_CPU_SUSPEND), 2);
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_SMCCC_VERSION), VML_PSCI_NOT_SUPPORTED);
    for (uint32_t fid = VML_PSCI_CPU_FREEZE; fid <= VML_PSCI_SYSTEM_OFF2; fid++) {
        assert_int_equal(call1(VML_PSCI_FEATURES, fid), VML_PSCI_NOT_SUPPORTED);
        assert_int_equal(call2(fid, 0, 0), VML_PSCI_NOT_SUPPORTED);
        assert_int_equal(call2(fid | SMC64, 0, 0), VML_PSCI_NOT_SUPPORTED);
    }
    assert_int_equal(m.event_count, 0);
}

static void test_migration_is_not_needed(void **state)
{
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_TYPE), 2);
    assert_int_equal(call0(VML_PSCI_MIGRATE), VML_PSCI_NOT_SUPPORTED);
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_UP_CPU | SMC64), VML_PSCI_NOT_SUPPORTED);
}

static void test_cpu_on(void **state)
{
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 0x101, ENTRY, 0x1122334455667788),
                     VML_PSCI_SUCCESS);
    assert_int_equal(vml_cpu_state(&m.cpu[3]), VML_CPU_ON_PENDING);
    assert_int_equal(m.cpu[3].start.entry, ENTRY);
    assert_int_equal(m.cpu[3].start.context, 0x1122334455667788);
    assert_int_equal(m.cpu[3].start.timer_offset, 0x77);
    assert_int_equal(m.cpu[3].start.mode, 1);
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 0x101, ENTRY, 0), VML_PSCI_ON_PENDING);
    machine_bring_up(3);
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 0x101, ENTRY, 0), VML_PSCI_ALREADY_ON);
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 0x000, ENTRY, 0), VML_PSCI_ALREADY_ON);
}

static void test_cpu_on_32_cuts_its_arguments(void **state)
{
    assert_int_equal(call3(VML_PSCI_CPU_ON, UINT64_C(0xffffffff00000001),
                           UINT64_C(0xeeeeeeee00000000) + ENTRY, UINT64_MAX),
                     VML_PSCI_SUCCESS);
    assert_int_equal(m.cpu[1].start.entry, ENTRY);
    assert_int_equal(m.cpu[1].start.context, UINT32_MAX);
    /* Registers that are no results are as they were. */
    assert_int_equal(last.x[1], UINT64_C(0xffffffff00000001));
    assert_int_equal(last.x[3], UINT64_MAX);
}

static void test_cpu_on_of_nobody(void **state)
{
    static const uint64_t targets[] = {2, 0x102, 0x200, 4, UINT64_C(1) << 32, 0x10000};

    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, targets[i], ENTRY, 0),
                         VML_PSCI_INVALID_PARAMETERS);
    }
    /* Bits that are no affinity must be zero, bit 31 of MPIDR_EL1 among them. */
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 0x80000001, ENTRY, 0),
                     VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(vml_cpu_state(&m.cpu[1]), VML_CPU_OFF);
}

static bool below_8k(void *context, uint64_t entry)
{
    return entry < RAM_BASE + 0x2000;
}

static void test_entry_points_are_validated(void **state)
{
    static const uint64_t bad[] = {RAM_BASE - 4,  RAM_BASE + RAM_SIZE, ENTRY + 1, ENTRY + 2, 0,
                                   UINT64_MAX - 3};

    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 1, bad[i], 0), VML_PSCI_INVALID_ADDRESS);
        assert_int_equal(call3(VML_PSCI_CPU_SUSPEND | SMC64, 0x10000, bad[i], 0),
                         VML_PSCI_INVALID_ADDRESS);
        assert_int_equal(call2(VML_PSCI_SYSTEM_SUSPEND | SMC64, bad[i], 0),
                         VML_PSCI_INVALID_ADDRESS);
        assert_int_equal(last.action, VML_SMCCC_RETURN);
    }
    assert_int_equal(m.event_count, 0);
    /* The last word of memory is one. */
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 1, RAM_BASE + RAM_SIZE - 4, 0),
                     VML_PSCI_SUCCESS);
    m.psci_config.entry_allowed = below_8k;
    machine_remake();
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 0x100, RAM_BASE + 0x2000, 0),
                     VML_PSCI_INVALID_ADDRESS);
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 0x100, RAM_BASE, 0), VML_PSCI_SUCCESS);
    m.psci_config.version = VML_PSCI_0_2;
    machine_remake();
    assert_int_equal(call3(VML_PSCI_CPU_ON | SMC64, 0x101, 0, 0), VML_PSCI_INVALID_PARAMETERS);
}

static void test_cpu_off(void **state)
{
    machine_bring_up(1);
    (void)call_by(1, VML_PSCI_CPU_OFF, 0, 0, 0);
    assert_int_equal(last.action, VML_SMCCC_NO_RETURN);
    assert_int_equal(vml_cpu_enter(&m.cpu[1]), VML_ERR_STATE);
    assert_int_equal(vml_cpu_state(&m.cpu[1]), VML_CPU_OFF);
    assert_int_equal(call3(VML_PSCI_CPU_ON, 1, ENTRY, 0), VML_PSCI_SUCCESS);
}

static void test_cpu_freeze_ends_with_cpu_on(void **state)
{
    machine_bring_up(1);
    (void)call_by(1, VML_PSCI_CPU_FREEZE, 0, 0, 0);
    assert_int_equal(last.action, VML_SMCCC_NO_RETURN);
    assert_int_equal(vml_cpu_enter(&m.cpu[1]), VML_ERR_STATE);
    assert_int_equal(call3(VML_PSCI_CPU_ON, 1, ENTRY, 0), VML_PSCI_SUCCESS);
}

static void test_affinity_info_of_every_vcpu(void **state)
{
    /* The first, the last, and the one behind: the bound is the number of vCPUs. */
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO | SMC64, 0x000, 0), 0);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO | SMC64, 0x101, 0), 1);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO | SMC64, 0x102, 0), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO | SMC64, CPUS, 0), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call3(VML_PSCI_CPU_ON, 0x101, ENTRY, 0), 0);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0x101, 0), 2);
    machine_bring_up(3);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0x101, 0), 0);
}

static void test_affinity_info_of_nodes(void **state)
{
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0x0ff, 1), 0); /* lower fields are ignored */
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0x100, 1), 1);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0x200, 1), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call3(VML_PSCI_CPU_ON, 0x101, ENTRY, 0), 0);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0x100, 1), 2);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0, 2), 0);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0x10000, 2), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0, 3), 0);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO, 0, 4), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO | SMC64, 0, UINT64_C(1) << 32),
                     VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call2(VML_PSCI_AFFINITY_INFO | SMC64, UINT64_C(1) << 32, 3),
                     VML_PSCI_INVALID_PARAMETERS);
}

static void test_cpu_suspend_standby(void **state)
{
    /* The entry point is not looked at. */
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND | SMC64, 0x0000ffff, 1, 0), VML_PSCI_SUCCESS);
    assert_int_equal(last.action, VML_SMCCC_WAIT);
}

static void test_cpu_suspend_power_down_restarts(void **state)
{
    (void)call3(VML_PSCI_CPU_SUSPEND | SMC64, 0x01010003, ENTRY, 0x55);
    assert_int_equal(last.action, VML_SMCCC_RESTART);
    assert_int_equal(last.start.entry, ENTRY);
    assert_int_equal(last.start.context, 0x55);
    assert_int_equal(last.start.timer_offset, 0x77);
    (void)call3(VML_PSCI_CPU_DEFAULT_SUSPEND | SMC64, ENTRY + 4, 0x66, 0);
    assert_int_equal(last.action, VML_SMCCC_RESTART);
    assert_int_equal(last.start.entry, ENTRY + 4);
    assert_int_equal(last.start.context, 0x66);
}

static void test_power_state_is_validated(void **state)
{
    static const uint32_t states[] = {0x1, 0x40010000};

    for (unsigned bit = 17; bit < 32; bit++) {
        if (bit != 24 && bit != 25) {
            assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, UINT32_C(1) << bit, ENTRY, 0),
                             VML_PSCI_INVALID_PARAMETERS);
        }
    }
    m.psci_config.options |= VML_PSCI_OPTION_EXTENDED_STATE;
    machine_remake();
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x0fffffff, ENTRY, 0), VML_PSCI_SUCCESS);
    assert_int_equal(last.action, VML_SMCCC_WAIT);
    (void)call3(VML_PSCI_CPU_SUSPEND, 0x40000000, ENTRY, 0);
    assert_int_equal(last.action, VML_SMCCC_RESTART);
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x80000000, ENTRY, 0),
                     VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x10000000, ENTRY, 0),
                     VML_PSCI_INVALID_PARAMETERS);
    m.psci_config.power_states = states;
    m.psci_config.power_state_count = 2;
    machine_remake();
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x1, ENTRY, 0), VML_PSCI_SUCCESS);
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x2, ENTRY, 0), VML_PSCI_INVALID_PARAMETERS);
}

static void test_os_initiated_mode(void **state)
{
    assert_int_equal(call1(VML_PSCI_SET_SUSPEND_MODE, 2), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call1(VML_PSCI_SET_SUSPEND_MODE, 1), VML_PSCI_SUCCESS);
    machine_bring_up(1);
    /* The cluster has another vCPU that runs: only the core may go down. */
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x01000000, 0, 0), VML_PSCI_DENIED);
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x00000000, 0, 0), VML_PSCI_SUCCESS);
    assert_int_equal(call1(VML_PSCI_SET_SUSPEND_MODE, 0), VML_PSCI_DENIED);
    vml_cpu_stop(&m.cpu[1]);
    assert_int_equal(vml_cpu_enter(&m.cpu[1]), VML_ERR_STATE);
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x01000000, 0, 0), VML_PSCI_SUCCESS);
    assert_int_equal(call1(VML_PSCI_SET_SUSPEND_MODE, 0), VML_PSCI_SUCCESS);
    assert_int_equal(call1(VML_PSCI_SET_SUSPEND_MODE, 1), VML_PSCI_SUCCESS);
    vml_psci_reset(&m.psci);
    machine_bring_up(1);
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x01000000, 0, 0), VML_PSCI_SUCCESS);
}

static void test_node_hw_state(void **state)
{
    assert_int_equal(call2(VML_PSCI_NODE_HW_STATE, 0x000, 0), 0);
    assert_int_equal(call2(VML_PSCI_NODE_HW_STATE, 0x101, 0), 1);
    assert_int_equal(call2(VML_PSCI_NODE_HW_STATE, 0x001, 1), 0);
    assert_int_equal(call2(VML_PSCI_NODE_HW_STATE, 0x101, 1), 1);
    assert_int_equal(call2(VML_PSCI_NODE_HW_STATE, 0x101, 3), 0);
    assert_int_equal(call2(VML_PSCI_NODE_HW_STATE, 0x101, 4), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call2(VML_PSCI_NODE_HW_STATE, 0x102, 0), VML_PSCI_INVALID_PARAMETERS);
}

static void test_statistics(void **state)
{
    static const uint32_t states[] = {0x1, 0x10000};
    static struct vml_psci_stat stats[CPUS * 2];

    m.psci_config.options |= VML_PSCI_OPTION_STAT;
    assert_int_equal(vml_psci_init(&m.psci, &m.psci_config), VML_ERR_INVALID);
    m.psci_config.power_states = states;
    m.psci_config.power_state_count = 2;
    m.psci_config.stats = stats;
    m.psci_config.clock = &m.clock.clock;
    machine_remake();
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_STAT_COUNT | SMC64), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x1, 0, 0), VML_PSCI_SUCCESS);
        vml_virtual_clock_advance(&m.clock, (i + 1) * 1000);
        vml_psci_woke(&m.psci, &m.cpu[0]);
        vml_psci_woke(&m.psci, &m.cpu[0]);
    }
    assert_int_equal(call2(VML_PSCI_STAT_COUNT | SMC64, 0, 0x1), 3);
    assert_int_equal(call2(VML_PSCI_STAT_RESIDENCY | SMC64, 0, 0x1), 3000);
    assert_int_equal(call2(VML_PSCI_STAT_COUNT | SMC64, 0, 0x10000), 0);
    assert_int_equal(call2(VML_PSCI_STAT_COUNT | SMC64, 1, 0x1), 0);
    assert_int_equal(call2(VML_PSCI_STAT_COUNT | SMC64, 0x55, 0x1), 0);
    assert_int_equal(call2(VML_PSCI_STAT_RESIDENCY | SMC64, 0, 0x3), 0);
    /* A call that is refused is no entry. */
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x10000, 0, 0), VML_PSCI_INVALID_ADDRESS);
    assert_int_equal(call2(VML_PSCI_STAT_COUNT, 0, 0x10000), 0);
}

static void expect_event(enum vml_lifecycle_kind kind, uint32_t type, uint64_t cookie)
{
    assert_int_equal(last.action, VML_SMCCC_NO_RETURN);
    assert_int_equal(m.event_count, 1);
    assert_int_equal(m.events[0].kind, kind);
    assert_int_equal(m.events[0].type, type);
    assert_int_equal(m.events[0].cookie, cookie);
    assert_ptr_equal(m.events[0].cpu, &m.cpu[0]);
    /* It does not return to the guest, though the embedder has not acted yet. */
    assert_int_equal(vml_cpu_enter(&m.cpu[0]), VML_ERR_STATE);
    m.event_count = 0;
    machine_bring_up(0);
}

static void test_system_off_and_reset(void **state)
{
    (void)call0(VML_PSCI_SYSTEM_OFF);
    expect_event(VML_LIFECYCLE_OFF, 0, 0);
    (void)call0(VML_PSCI_SYSTEM_RESET);
    expect_event(VML_LIFECYCLE_RESET, 0, 0);
}

static void test_system_reset2(void **state)
{
    (void)call2(VML_PSCI_SYSTEM_RESET2 | SMC64, 0, 0x1234567890);
    expect_event(VML_LIFECYCLE_RESET, 0, 0x1234567890);
    (void)call2(VML_PSCI_SYSTEM_RESET2, 0x80000005, 6);
    expect_event(VML_LIFECYCLE_RESET, 0x80000005, 6);
    assert_int_equal(call2(VML_PSCI_SYSTEM_RESET2, 1, 0), VML_PSCI_INVALID_PARAMETERS);
    m.psci_config.options &= ~(uint32_t)VML_PSCI_OPTION_VENDOR_RESET;
    machine_remake();
    assert_int_equal(call2(VML_PSCI_SYSTEM_RESET2, 0x80000005, 6), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(m.event_count, 0);
    assert_int_equal(vml_cpu_enter(&m.cpu[0]), VML_OK);
}

static void test_system_off2(void **state)
{
    (void)call2(VML_PSCI_SYSTEM_OFF2 | SMC64, 1, 0);
    expect_event(VML_LIFECYCLE_HIBERNATE, 1, 0);
    (void)call2(VML_PSCI_SYSTEM_OFF2 | SMC64, 0, 0);
    expect_event(VML_LIFECYCLE_HIBERNATE, 1, 0);
    assert_int_equal(call2(VML_PSCI_SYSTEM_OFF2 | SMC64, 2, 0), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call2(VML_PSCI_SYSTEM_OFF2 | SMC64, 1, 1), VML_PSCI_INVALID_PARAMETERS);
}

static void test_system_suspend(void **state)
{
    machine_bring_up(1);
    assert_int_equal(call2(VML_PSCI_SYSTEM_SUSPEND | SMC64, ENTRY, 5), VML_PSCI_DENIED);
    vml_cpu_stop(&m.cpu[1]);
    assert_int_equal(vml_cpu_enter(&m.cpu[1]), VML_ERR_STATE);
    (void)call2(VML_PSCI_SYSTEM_SUSPEND | SMC64, ENTRY, 5);
    assert_int_equal(last.action, VML_SMCCC_RESTART);
    assert_int_equal(last.start.entry, ENTRY);
    assert_int_equal(last.start.context, 5);
    assert_int_equal(m.event_count, 1);
    assert_int_equal(m.events[0].kind, VML_LIFECYCLE_SUSPEND);
    assert_int_equal(vml_cpu_enter(&m.cpu[0]), VML_OK);
}

static void test_mem_protect(void **state)
{
    assert_int_equal(call1(VML_PSCI_MEM_PROTECT, 1), 0);
    assert_true(vml_psci_mem_protected(&m.psci));
    assert_int_equal(call1(VML_PSCI_MEM_PROTECT, 1), 1);
    vml_psci_reset(&m.psci);
    assert_true(vml_psci_mem_protected(&m.psci));
    assert_int_equal(call1(VML_PSCI_MEM_PROTECT, 0), 1);
    assert_int_equal(call1(VML_PSCI_MEM_PROTECT, 2), VML_PSCI_INVALID_PARAMETERS);
    assert_false(vml_psci_mem_protected(&m.psci));
    assert_int_equal(call2(VML_PSCI_MEM_PROTECT_CHECK_RANGE | SMC64, RAM_BASE, RAM_SIZE), 0);
    assert_int_equal(call2(VML_PSCI_MEM_PROTECT_CHECK_RANGE | SMC64, RAM_BASE, RAM_SIZE + 1),
                     VML_PSCI_DENIED);
    assert_int_equal(call2(VML_PSCI_MEM_PROTECT_CHECK_RANGE | SMC64, RAM_BASE - 1, 2),
                     VML_PSCI_DENIED);
    assert_int_equal(call2(VML_PSCI_MEM_PROTECT_CHECK_RANGE | SMC64, RAM_BASE, 0),
                     VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call2(VML_PSCI_MEM_PROTECT_CHECK_RANGE | SMC64, RAM_BASE, UINT64_MAX),
                     VML_PSCI_INVALID_PARAMETERS);
    m.psci_config.as = NULL;
    machine_remake();
    assert_int_equal(call2(VML_PSCI_MEM_PROTECT_CHECK_RANGE, RAM_BASE, 1), VML_PSCI_DENIED);
}

static void test_config_is_validated(void **state)
{
    struct vml_psci psci;
    struct vml_psci_config config = m.psci_config;

    config.version = 0x10004;
    assert_int_equal(vml_psci_init(&psci, &config), VML_ERR_INVALID);
    config.version = 1;
    assert_int_equal(vml_psci_init(&psci, &config), VML_ERR_INVALID);
    config = m.psci_config;
    config.cpus = NULL;
    assert_int_equal(vml_psci_init(&psci, &config), VML_ERR_INVALID);
    config = m.psci_config;
    config.lifecycle = NULL;
    assert_int_equal(vml_psci_init(&psci, &config), VML_ERR_INVALID);
    config = m.psci_config;
    config.options = 1u << 31;
    assert_int_equal(vml_psci_init(&psci, &config), VML_ERR_INVALID);
}

static void test_save_and_restore(void **state)
{
    struct vml_state_writer w;
    struct vml_state_reader r;
    uint8_t image[64];
    uint8_t broken[64];

    assert_int_equal(call1(VML_PSCI_SET_SUSPEND_MODE, 1), 0);
    assert_int_equal(call1(VML_PSCI_MEM_PROTECT, 1), 0);
    vml_state_writer_init(&w, image, sizeof(image));
    vml_psci_save(&m.psci, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    machine_remake();
    for (size_t cut = 0; cut < w.used; cut++) {
        vml_state_reader_init(&r, image, cut);
        assert_int_not_equal(vml_psci_restore(&m.psci, &r), VML_OK);
    }
    memcpy(broken, image, sizeof(image));
    broken[w.used - 5] = 2; /* memory protection: true or false */
    vml_state_reader_init(&r, broken, w.used);
    assert_int_equal(vml_psci_restore(&m.psci, &r), VML_ERR_CORRUPT);
    m.psci.config.version = VML_PSCI_1_1;
    vml_state_reader_init(&r, image, w.used);
    assert_int_equal(vml_psci_restore(&m.psci, &r), VML_ERR_UNSUPPORTED);
    m.psci.config.version = VML_PSCI_1_3;
    m.psci.config.options = 0;
    vml_state_reader_init(&r, image, w.used);
    assert_int_equal(vml_psci_restore(&m.psci, &r), VML_ERR_UNSUPPORTED);
    assert_false(vml_psci_mem_protected(&m.psci));
    machine_remake();
    vml_state_reader_init(&r, image, w.used);
    assert_int_equal(vml_psci_restore(&m.psci, &r), VML_OK);
    assert_true(vml_psci_mem_protected(&m.psci));
    machine_bring_up(1);
    assert_int_equal(call3(VML_PSCI_CPU_SUSPEND, 0x01000000, 0, 0), VML_PSCI_DENIED);
}

static uint32_t moved_from, moved_to;
static bool moves;

static bool migrate(void *context, uint32_t from, uint32_t to)
{
    moved_from = from;
    moved_to = to;
    return moves;
}

/* A trusted OS that runs on one vCPU and can be moved: which it is, and that it stays on. */
static void test_trusted_os_migrates(void **state)
{
    uint8_t image[64];
    struct vml_state_writer w;
    struct vml_state_reader r;

    m.psci_config.trusted_os = VML_PSCI_TOS_UP_MIGRATE;
    m.psci_config.trusted_os_cpu = 0;
    m.psci_config.migrate = migrate;
    machine_remake();
    machine_bring_up(3);
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_TYPE), 0);
    assert_int_equal(call1(VML_PSCI_FEATURES, VML_PSCI_MIGRATE | SMC64), VML_PSCI_SUCCESS);
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_UP_CPU), 0x000);
    assert_int_equal(call0(VML_PSCI_CPU_OFF), VML_PSCI_DENIED);
    assert_int_equal(last.action, VML_SMCCC_RETURN);
    assert_int_equal(call_by(3, VML_PSCI_MIGRATE, 0x001, 0, 0), VML_PSCI_NOT_PRESENT);
    assert_int_equal(call1(VML_PSCI_MIGRATE, 0x102), VML_PSCI_INVALID_PARAMETERS);
    assert_int_equal(call1(VML_PSCI_MIGRATE, 0x101), VML_PSCI_INTERNAL_FAILURE);
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_UP_CPU | SMC64), 0x000);
    moves = true;
    assert_int_equal(call1(VML_PSCI_MIGRATE | SMC64, 0x101), VML_PSCI_SUCCESS);
    assert_int_equal(moved_from, 0);
    assert_int_equal(moved_to, 3);
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_UP_CPU | SMC64), 0x101);
    assert_int_equal(call_by(3, VML_PSCI_CPU_OFF, 0, 0, 0), VML_PSCI_DENIED);
    /* where it is, is saved; a machine without that many vCPUs refuses it */
    vml_state_writer_init(&w, image, sizeof(image));
    vml_psci_save(&m.psci, &w);
    vml_psci_reset(&m.psci);
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_UP_CPU), 0x000);
    vml_state_reader_init(&r, image, w.used);
    assert_int_equal(vml_psci_restore(&m.psci, &r), VML_OK);
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_UP_CPU), 0x101);
    m.set.count = 3;
    vml_psci_reset(&m.psci);
    vml_state_reader_init(&r, image, w.used);
    assert_int_equal(vml_psci_restore(&m.psci, &r), VML_ERR_CORRUPT);
    m.set.count = CPUS;
    (void)call0(VML_PSCI_MIGRATE_INFO_UP_CPU);
    vml_cpu_stop(&m.cpu[3]);
}

static void test_trusted_os_that_stays(void **state)
{
    struct vml_psci psci;

    m.psci_config.trusted_os = VML_PSCI_TOS_UP_NO_MIGRATE;
    m.psci_config.trusted_os_cpu = 2;
    machine_remake();
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_TYPE), 1);
    assert_int_equal(call0(VML_PSCI_MIGRATE_INFO_UP_CPU), 0x100);
    assert_int_equal(call1(VML_PSCI_MIGRATE, 0x101), VML_PSCI_DENIED);
    m.psci_config.trusted_os_cpu = CPUS;
    assert_int_equal(vml_psci_init(&psci, &m.psci_config), VML_ERR_INVALID);
    m.psci_config.trusted_os = (enum vml_psci_trusted_os)3;
    m.psci_config.trusted_os_cpu = 0;
    assert_int_equal(vml_psci_init(&psci, &m.psci_config), VML_ERR_INVALID);
}

/* An image of before there was a trusted OS. */
static void test_state_of_version_1(void **state)
{
    uint8_t image[64];
    struct vml_state_writer w;
    struct vml_state_reader r;

    vml_state_writer_init(&w, image, sizeof(image));
    vml_state_begin(&w, VML_STATE_TAG('P', 'S', 'C', 'I'), 1);
    vml_state_put_u32(&w, VML_PSCI_1_0);
    vml_state_put_bool(&w, true);
    vml_state_put_bool(&w, false);
    vml_state_end(&w);
    vml_state_reader_init(&r, image, w.used);
    assert_int_equal(vml_psci_restore(&m.psci, &r), VML_OK);
    assert_int_equal(atomic_load(&m.psci.os_initiated), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_version),
        T(test_calls_appear_with_their_version),
        T(test_features_tells_the_truth),
        T(test_migration_is_not_needed),
        T(test_cpu_on),
        T(test_cpu_on_32_cuts_its_arguments),
        T(test_cpu_on_of_nobody),
        T(test_entry_points_are_validated),
        T(test_cpu_off),
        T(test_cpu_freeze_ends_with_cpu_on),
        T(test_affinity_info_of_every_vcpu),
        T(test_affinity_info_of_nodes),
        T(test_cpu_suspend_standby),
        T(test_cpu_suspend_power_down_restarts),
        T(test_power_state_is_validated),
        T(test_os_initiated_mode),
        T(test_node_hw_state),
        T(test_statistics),
        T(test_system_off_and_reset),
        T(test_system_reset2),
        T(test_system_off2),
        T(test_system_suspend),
        T(test_mem_protect),
        T(test_config_is_validated),
        T(test_save_and_restore),
        T(test_trusted_os_migrates),
        T(test_trusted_os_that_stays),
        T(test_state_of_version_1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
