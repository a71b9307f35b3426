#include "bench.h"

#include <vml/psci.h>

static struct vml_cpu cpu;
static struct vml_cpu *pointers[] = {&cpu};
static struct vml_cpu *sorted[1];
static struct vml_cpu_set set;
static struct vml_lifecycle lifecycle;
static struct vml_psci psci;
static struct vml_smccc smccc;

static void run(uint64_t iterations, uint32_t fid)
{
    struct vml_cpu_config cpu_config = {.index = 0};
    struct vml_lifecycle_config life = {.cpus = &set};
    struct vml_psci_config psci_config = {.cpus = &set, .lifecycle = &lifecycle};
    struct vml_smccc_config config = {.conduits = VML_SMCCC_HVC, .psci = &psci};
    struct vml_smccc_call call = {.cpu = &cpu, .conduit = VML_SMCCC_HVC};

    if (vml_cpu_init(&cpu, &cpu_config) != VML_OK ||
        vml_cpu_set_init(&set, pointers, sorted, 1) != VML_OK ||
        vml_lifecycle_init(&lifecycle, &life) != VML_OK ||
        vml_psci_init(&psci, &psci_config) != VML_OK || vml_smccc_init(&smccc, &config) != VML_OK) {
        abort();
    }
    for (uint64_t i = 0; i < iterations; i++) {
        call.x[0] = fid;
        call.x[1] = 0;
        call.x[2] = 0;
        if (vml_smccc_handle(&smccc, &call) != VML_OK) {
            abort();
        }
    }
}

static void version(uint64_t iterations)
{
    run(iterations, VML_PSCI_VERSION);
}

static void affinity_info(uint64_t iterations)
{
    run(iterations, VML_PSCI_AFFINITY_INFO | VML_SMCCC_SMC64);
}

static const struct bench_case cases[] = {
    {"PSCI_VERSION", version},
    {"AFFINITY_INFO of one vCPU", affinity_info},
};
BENCH_MAIN(cases)
