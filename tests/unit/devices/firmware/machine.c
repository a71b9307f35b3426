#include "machine.h"

struct machine m;
struct vml_smccc_call last;

static _Alignas(4096) uint8_t ram[RAM_SIZE];

static enum vml_lifecycle_action event(void *context, const struct vml_lifecycle_event *e)
{
    assert_true(m.event_count < 4);
    m.events[m.event_count++] = *e;
    return m.action;
}

static enum vml_status entropy(void *context, void *buffer, size_t len)
{
    memset(buffer, 0xff, len);
    return VML_OK;
}

void machine_remake(void)
{
    assert_int_equal(vml_psci_init(&m.psci, &m.psci_config), VML_OK);
    assert_int_equal(vml_smccc_init(&m.smccc, &m.config), VML_OK);
}

void machine_make(void)
{
    /* Clusters 0 and 1 of two each; the last is the cluster's second, so that no bound is loose. */
    static const uint64_t mpidr[CPUS] = {0x000, 0x001, 0x100, 0x101};
    struct vml_lifecycle_config lifecycle = {.cpus = &m.set, .event = event};

    memset(&m, 0, sizeof(m));
    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_cpu_config config = {.index = i, .mpidr = mpidr[i], .host_cpu = UINT32_MAX};

        assert_int_equal(vml_cpu_init(&m.cpu[i], &config), VML_OK);
        m.pointers[i] = &m.cpu[i];
    }
    assert_int_equal(vml_cpu_set_init(&m.set, m.pointers, m.sorted, CPUS), VML_OK);
    lifecycle.boot.entry = ENTRY;
    assert_int_equal(vml_lifecycle_init(&m.lifecycle, &lifecycle), VML_OK);
    assert_int_equal(vml_virtual_clock_init(&m.clock, 1000000), VML_OK);
    assert_int_equal(vml_as_init(&m.as, m.as_storage, 4), VML_OK);
    m.region = (struct vml_as_region){.base = RAM_BASE, .size = RAM_SIZE, .host = ram};
    assert_int_equal(vml_as_add(&m.as, &m.region), VML_OK);
    m.trng.entropy = entropy;
    m.trng.uuid[0] = 0x11111111;
    m.trng.uuid[3] = 0x44444444;
    m.psci_config = (struct vml_psci_config){
        .cpus = &m.set,
        .lifecycle = &m.lifecycle,
        .options = VML_PSCI_OPTIONS & ~(VML_PSCI_OPTION_STAT | VML_PSCI_OPTION_EXTENDED_STATE),
        .smccc_1_1 = true,
        .as = &m.as,
        .timer_offset = 0x77,
    };
    m.config = (struct vml_smccc_config){
        .conduits = VML_SMCCC_HVC,
        .psci = &m.psci,
        .trng = &m.trng,
    };
    m.action = VML_LIFECYCLE_TAKEN;
    machine_remake();
    machine_bring_up(0);
}

void machine_destroy(void)
{
    vml_cpu_set_destroy(&m.set);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_destroy(&m.cpu[i]);
    }
    vml_clock_destroy(&m.clock.clock);
}

void machine_bring_up(uint32_t cpu)
{
    struct vml_cpu_start start = {.entry = ENTRY};
    enum vml_status status = vml_cpu_start(&m.cpu[cpu], &start);

    assert_true(status == VML_OK || status == VML_ERR_BUSY);
    assert_int_equal(vml_cpu_wait_on(&m.cpu[cpu]), VML_OK);
}

int64_t call_by(uint32_t cpu, uint32_t fid, uint64_t x1, uint64_t x2, uint64_t x3)
{
    memset(&last, 0, sizeof(last));
    last.x[0] = fid;
    last.x[1] = x1;
    last.x[2] = x2;
    last.x[3] = x3;
    for (unsigned i = 4; i < 18; i++) {
        last.x[i] = UINT64_C(0xabcd000000000000) + i;
    }
    last.cpu = &m.cpu[cpu];
    last.conduit = VML_SMCCC_HVC;
    assert_int_equal(vml_smccc_handle(&m.smccc, &last), VML_OK);
    for (unsigned i = m.results ? m.results : 4; i < 18; i++) {
        assert_int_equal(last.x[i], UINT64_C(0xabcd000000000000) + i);
    }
    return (int64_t)last.x[0];
}
