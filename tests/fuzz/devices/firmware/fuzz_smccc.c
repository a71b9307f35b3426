/*
 * Calls with arguments of the fuzzer's, by four vCPUs whose engine does what the actions say. First
 * byte: version and options; then 26 bytes a call: vCPU, a choice of identifier, X1 to X3.
 */
#include <stdlib.h>
#include <string.h>

#include <vml/arch.h>
#include <vml/psci.h>
#include <vml/pvtime.h>
#include <vml/trng.h>

#define CPUS     4
#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x10000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static struct vml_cpu cpus[CPUS];
static struct vml_cpu *pointers[CPUS];
static struct vml_cpu *sorted[CPUS];
static struct vml_cpu_set set;
static _Alignas(4096) uint8_t ram[RAM_SIZE];

static enum vml_lifecycle_action event(void *context, const struct vml_lifecycle_event *e)
{
    return e->kind == VML_LIFECYCLE_RESET ? VML_LIFECYCLE_ACT : VML_LIFECYCLE_TAKEN;
}

static enum vml_status entropy(void *context, void *buffer, size_t len)
{
    memset(buffer, 0x5a, len);
    return VML_OK;
}

static int64_t clean_region(void *context, uint64_t base, uint64_t length, bool dry_run)
{
    CHECK(length != 0 && base + (length - 1) >= base);
    return dry_run ? VML_SMCCC_BUSY : VML_SMCCC_SUCCESS;
}

/* Only two calls have results beyond X3. */
static unsigned first_kept(const uint8_t *bytes)
{
    uint32_t fid = vml_load_le32(bytes) & ~UINT32_C(0x10000);

    if (fid == (VML_SMCCC_ARCH_SOC_ID | VML_SMCCC_SMC64)) {
        return 18;
    }
    return fid == VML_SMCCC_ARCH_CLEAN_INV_MEMREGION_ATTRIBUTES ? 5 : 4;
}

/* What an engine does until its vCPU waits or makes progress. */
static void run(struct vml_cpu *cpu)
{
    if (vml_cpu_enter(cpu) == VML_ERR_STATE && vml_cpu_state(cpu) == VML_CPU_ON_PENDING) {
        CHECK(vml_cpu_wait_on(cpu) == VML_OK);
        CHECK(vml_cpu_enter(cpu) == VML_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t versions[] = {0, VML_PSCI_0_2, VML_PSCI_1_0, VML_PSCI_1_1};
    static const uint32_t states[] = {0, 0x10000, 0x1010000};
    static struct vml_psci_stat stats[CPUS * 3];
    static uint64_t stolen[CPUS];
    _Alignas(8) uint8_t storage[VML_AS_STORAGE(1)];
    struct vml_as as;
    struct vml_as_region region = {.base = RAM_BASE, .size = RAM_SIZE, .host = ram};
    struct vml_virtual_clock clock;
    struct vml_lifecycle lifecycle;
    struct vml_lifecycle_config life = {.cpus = &set, .event = event};
    struct vml_trng trng = {.entropy = entropy};
    struct vml_pvtime pvtime;
    struct vml_psci psci;
    struct vml_smccc smccc;

    if (size < 2) {
        return 0;
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_cpu_config config = {.index = i, .mpidr = (i / 2) << 8 | (i % 2)};

        CHECK(vml_cpu_init(&cpus[i], &config) == VML_OK);
        pointers[i] = &cpus[i];
    }
    life.boot.entry = RAM_BASE;
    CHECK(vml_cpu_set_init(&set, pointers, sorted, CPUS) == VML_OK);
    CHECK(vml_virtual_clock_init(&clock, 1000000) == VML_OK);
    CHECK(vml_as_init(&as, storage, 1) == VML_OK && vml_as_add(&as, &region) == VML_OK);
    CHECK(vml_lifecycle_init(&lifecycle, &life) == VML_OK);
    CHECK(vml_pvtime_init(&pvtime, &as, RAM_BASE, CPUS, stolen) == VML_OK);
    struct vml_psci_config psci_config = {
        .cpus = &set,
        .lifecycle = &lifecycle,
        .version = versions[data[0] & 3],
        .options = (data[1] & 1) ? VML_PSCI_OPTIONS : (uint32_t)data[1] << 3,
        .as = (data[0] & 4) ? &as : NULL,
        .power_states = (data[0] & 8) || (data[1] & 1) || (data[1] & 4) ? states : NULL,
        .power_state_count = (data[0] & 8) || (data[1] & 1) || (data[1] & 4) ? 3 : 0,
        .stats = stats,
        .clock = &clock.clock,
        .trusted_os = (enum vml_psci_trusted_os)((data[0] >> 4) % 3),
        .trusted_os_cpu = (data[0] >> 6) % CPUS,
    };
    static const struct vml_smccc_clean clean = {.clean = clean_region, .break_even = 1};
    struct vml_smccc_config config = {
        .conduits = VML_SMCCC_HVC,
        .psci = &psci,
        .trng = &trng,
        .pvtime = &pvtime,
        .kvm = true,
        .soc_id = true,
        .soc_name = "fuzzed",
        .clean = &clean,
    };
    CHECK(vml_psci_init(&psci, &psci_config) == VML_OK);
    CHECK(vml_smccc_init(&smccc, &config) == VML_OK);
    CHECK(vml_lifecycle_boot(&lifecycle) == VML_OK);
    for (size_t at = 2; at + 30 <= size; at += 30) {
        struct vml_smccc_call call = {.conduit = VML_SMCCC_HVC};

        call.cpu = &cpus[data[at] % CPUS];
        run(call.cpu);
        if (vml_cpu_state(call.cpu) == VML_CPU_OFF) {
            continue;
        }
        memcpy(&call.x[0], data + at + 1, 4);
        memcpy(&call.x[1], data + at + 5, 24);
        for (unsigned i = 4; i < 18; i++) {
            call.x[i] = i;
        }
        CHECK(vml_smccc_handle(&smccc, &call) == VML_OK);
        for (unsigned i = first_kept(data + at + 1); i < 18; i++) {
            CHECK(call.x[i] == i);
        }
        switch (call.action) {
        case VML_SMCCC_RETURN:
            break;
        case VML_SMCCC_WAIT:
        case VML_SMCCC_RESTART:
            CHECK(call.action == VML_SMCCC_WAIT || !(call.start.entry & 3));
            vml_virtual_clock_advance(&clock, clock.ticks + data[at + 29]);
            vml_psci_woke(&psci, call.cpu);
            break;
        case VML_SMCCC_NO_RETURN:
            CHECK(vml_cpu_enter(call.cpu) == VML_ERR_STATE);
            break;
        }
        /* One thread plays them all: a reboot by another vCPU must not wait for this one. */
        vml_cpu_park(call.cpu);
    }
    vml_cpu_set_destroy(&set);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_destroy(&cpus[i]);
    }
    vml_clock_destroy(&clock.clock);
    return 0;
}
