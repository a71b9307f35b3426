/*
 * Four vCPUs that start and stop each other by PSCI. The engine is a mock: what would be guest code
 * is guest(), and its "HVC" is a function call; all that surrounds it is what any engine does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vml/psci.h>

#define CPUS      4
#define BOOT      UINT64_C(0x40080000)
#define SECONDARY UINT64_C(0x40081000)

struct mock {
    struct vml_cpu cpu;
    struct vml_thread thread;
    uint64_t pc; /* the mock's registers: where it is, and X0 */
    uint64_t x0;
};

static struct mock mocks[CPUS];
static struct vml_cpu *pointers[CPUS];
static struct vml_cpu *sorted[CPUS];
static struct vml_cpu_set set;
static struct vml_lifecycle lifecycle;
static struct vml_psci psci;
static struct vml_smccc smccc;
static _Atomic uint32_t secondaries;

static void check(enum vml_status status, const char *what)
{
    if (status != VML_OK) {
        fprintf(stderr, "%s: %s\n", what, vml_status_name(status));
        exit(1);
    }
}

static struct mock *mock_of(struct vml_cpu *cpu)
{
    return VML_CONTAINER_OF(cpu, struct mock, cpu);
}

/* The trap handler's part: registers in, the call, registers out, the action. */
static int64_t hvc(struct mock *mock, uint32_t fid, uint64_t x1, uint64_t x2, uint64_t x3)
{
    struct vml_smccc_call call = {.cpu = &mock->cpu, .conduit = VML_SMCCC_HVC};

    call.x[0] = fid;
    call.x[1] = x1;
    call.x[2] = x2;
    call.x[3] = x3;
    vml_cpu_exit(&mock->cpu);
    check(vml_smccc_handle(&smccc, &call), "HVC");
    return (int64_t)call.x[0];
}

/* What the guest does on a vCPU, until it makes a call that does not return. */
static void guest(struct mock *mock)
{
    uint32_t index = mock->cpu.config.index;

    if (mock->pc == SECONDARY) {
        printf("vCPU %" PRIu32 ": started with context %" PRIu64 "\n", index, mock->x0);
        atomic_fetch_add(&secondaries, 1);
        (void)hvc(mock, VML_PSCI_CPU_OFF, 0, 0, 0);
        return;
    }
    printf("vCPU %" PRIu32 ": PSCI %" PRIi64 ".%" PRIi64 "\n", index,
           hvc(mock, VML_PSCI_VERSION, 0, 0, 0) >> 16,
           hvc(mock, VML_PSCI_VERSION, 0, 0, 0) & 0xffff);
    for (uint64_t i = 1; i < CPUS; i++) {
        int64_t result = hvc(mock, VML_PSCI_CPU_ON | VML_SMCCC_SMC64, i, SECONDARY, i * 100);

        printf("vCPU 0: CPU_ON of %" PRIu64 ": %" PRIi64 "\n", i, result);
    }
    for (uint64_t i = 1; i < CPUS; i++) {
        while (hvc(mock, VML_PSCI_AFFINITY_INFO, i, 0, 0) != 1) {
            vml_thread_yield();
        }
    }
    printf("vCPU 0: the others are off again\n");
    (void)hvc(mock, VML_PSCI_SYSTEM_OFF, 0, 0, 0);
}

static void start(struct vml_cpu *cpu, const struct vml_cpu_start *how)
{
    mock_of(cpu)->pc = how->entry;
    mock_of(cpu)->x0 = how->context;
}

static const struct vml_cpu_ops ops = {.start = start};

static void engine(void *context)
{
    struct mock *mock = context;

    while (vml_cpu_wait_on(&mock->cpu) == VML_OK) {
        while (vml_cpu_enter(&mock->cpu) == VML_OK) {
            guest(mock);
        }
    }
}

static enum vml_lifecycle_action event(void *context, const struct vml_lifecycle_event *e)
{
    (void)context;
    if (e->kind == VML_LIFECYCLE_OFF) {
        printf("the machine powers off\n");
    }
    return VML_LIFECYCLE_ACT;
}

int main(void)
{
    struct vml_lifecycle_config life = {.cpus = &set, .boot.entry = BOOT, .event = event};
    struct vml_psci_config psci_config = {.cpus = &set, .lifecycle = &lifecycle};
    struct vml_smccc_config config = {.conduits = VML_SMCCC_HVC, .psci = &psci};

    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_cpu_config cpu = {.index = i, .mpidr = i, .host_cpu = UINT32_MAX, .ops = &ops};

        check(vml_cpu_init(&mocks[i].cpu, &cpu), "vCPU");
        pointers[i] = &mocks[i].cpu;
    }
    check(vml_cpu_set_init(&set, pointers, sorted, CPUS), "vCPUs");
    check(vml_lifecycle_init(&lifecycle, &life), "lifecycle");
    check(vml_psci_init(&psci, &psci_config), "PSCI");
    check(vml_smccc_init(&smccc, &config), "SMCCC");
    for (uint32_t i = 0; i < CPUS; i++) {
        check(vml_thread_create(&mocks[i].thread, "vcpu", engine, &mocks[i]), "thread");
    }
    check(vml_lifecycle_boot(&lifecycle), "boot");
    check(vml_cpus_wait_off(&set, VML_TIME_NEVER), "power off");
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_recall(&mocks[i].cpu, VML_CPU_REQUEST_EXIT);
        vml_thread_join(&mocks[i].thread);
        vml_cpu_destroy(&mocks[i].cpu);
    }
    vml_cpu_set_destroy(&set);
    return atomic_load(&secondaries) == CPUS - 1 ? 0 : 1;
}
