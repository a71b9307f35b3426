#include "bench.h"

#include <vml/cpu.h>

static struct vml_cpu cpu;
static struct vml_cpu *pointers[] = {&cpu};
static struct vml_cpu *sorted[1];
static struct vml_cpu_set set;

static void make(void)
{
    struct vml_cpu_config config = {.index = 0};
    struct vml_cpu_start start = {.entry = 0};

    if (vml_cpu_init(&cpu, &config) != VML_OK ||
        vml_cpu_set_init(&set, pointers, sorted, 1) != VML_OK ||
        vml_cpu_start(&cpu, &start) != VML_OK || vml_cpu_wait_on(&cpu) != VML_OK) {
        abort();
    }
}

static void enter_exit(uint64_t iterations)
{
    make();
    for (uint64_t i = 0; i < iterations; i++) {
        if (vml_cpu_enter(&cpu) != VML_OK) {
            abort();
        }
        vml_cpu_exit(&cpu);
    }
}

static void recall(uint64_t iterations)
{
    make();
    for (uint64_t i = 0; i < iterations; i++) {
        vml_cpu_recall(&cpu, VML_CPU_REQUEST_IRQ);
        if (!vml_cpu_take_requests(&cpu, VML_CPU_REQUEST_IRQ)) {
            abort();
        }
    }
}

static const struct bench_case cases[] = {
    {"enter and exit, nothing pending", enter_exit},
    {"recall and take", recall},
};
BENCH_MAIN(cases)
