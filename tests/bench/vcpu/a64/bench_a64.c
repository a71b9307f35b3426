/*
 * Host instructions for guest work.  "mixed loop": one guest instruction of a loop of additions, a
 * shifted logic operation, a store and a load through the MMU, a compare and branches.
 */
#include <vml/a64.h>

#include "bench.h"

#include "../../../unit/vcpu/a64/programs.h"

#define RAM  UINT64_C(0x40000000)
#define SIZE 0x200000u

static uint8_t memory[SIZE] __attribute__((aligned(4096)));
static uint64_t as_storage[64];
static _Alignas(64) uint8_t bus_storage[4096];

struct bench {
    struct vml_as as;
    struct vml_as_region region;
    struct vml_vbus bus;
    struct vml_bus_range range;
    struct vml_device device;
    struct vml_a64_machine machine;
    struct vml_a64 *pointers[1];
    struct vml_a64 cpu;
    struct vml_cpu *by_index[1], *by_affinity[1];
    struct vml_cpu_set set;
};

static enum vml_bus_result device_access(struct vml_device *device, struct vml_access *access)
{
    (void)device;
    access->value = 1;
    return VML_BUS_OK;
}

static void must(enum vml_status status)
{
    if (status != VML_OK) {
        abort();
    }
}

static struct bench b;

static void make(const uint32_t *words, size_t count)
{
    static const struct vml_device_ops ops = {.access = device_access};
    struct vml_vbus_config bus_config = {
        .name = "mmio", .max_ranges = 1, .cpus = 1, .storage = bus_storage};
    struct vml_a64_machine_config machine_config = {
        .memory = &b.as, .mmio = &b.bus, .cpus = b.pointers, .max_cpus = 1, .single_thread = true};
    struct vml_arm_ids model;
    size_t size = vml_a64_storage_size(4);
    struct vml_a64_config config = {
        .machine = &b.machine, .model = &model, .storage_size = size, .code_pages = 4};
    struct vml_cpu_start start = {.entry = RAM, .mode = 1};
    struct vml_a64_registers registers;
    uint64_t table[3] = {0, 0, 0};

    b.region = (struct vml_as_region){.name = "ram", .base = RAM, .size = SIZE, .host = memory};
    b.device = (struct vml_device){"device", &ops};
    b.range = (struct vml_bus_range){.base = 0x09000000, .size = 0x1000, .device = &b.device};
    config.storage = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!config.storage) {
        abort();
    }
    vml_a64_model_max(&model);
    must(vml_as_init(&b.as, as_storage, 1));
    must(vml_as_add(&b.as, &b.region));
    must(vml_vbus_init(&b.bus, &bus_config));
    must(vml_vbus_register(&b.bus, &b.range));
    must(vml_a64_machine_init(&b.machine, &machine_config));
    must(vml_a64_init(&b.cpu, &config));
    b.by_index[0] = &b.cpu.cpu;
    must(vml_cpu_set_init(&b.set, b.by_index, b.by_affinity, 1));
    memcpy(memory, words, count * 4);
    /* Level 1: a Device block of 1 GiB, then RAM. */
    table[0] = 1 | 1 << 10 | 1 << 2;
    table[1] = RAM | 1 | 1 << 10 | 3 << 8;
    memcpy(memory + 0x10000, table, sizeof(table));
    must(vml_cpu_start(&b.cpu.cpu, &start));
    (void)vml_a64_run(&b.cpu, 0);
    must(vml_a64_set_sysreg(&b.cpu, VML_SYSREG(3, 0, 10, 2, 0), 0xff));
    must(vml_a64_set_sysreg(&b.cpu, VML_SYSREG(3, 0, 2, 0, 0), RAM + 0x10000));
    must(vml_a64_set_sysreg(&b.cpu, VML_SYSREG(3, 0, 2, 0, 2), UINT64_C(5) << 32 | 25 | 25 << 16));
    must(vml_a64_set_sysreg(&b.cpu, VML_SYSREG(3, 0, 1, 0, 0), 1));
    vml_a64_get_registers(&b.cpu, &registers);
    registers.sp = RAM + 0x8000;
    registers.x[1] = 0x09000000;
    must(vml_a64_set_registers(&b.cpu, &registers));
    (void)vml_a64_run(&b.cpu, 10000);
}

static void mixed(uint64_t iterations)
{
    make(mixed_loop, sizeof(mixed_loop) / sizeof(mixed_loop[0]));
    (void)vml_a64_run(&b.cpu, iterations);
}

/* A load from a device and a branch. */
static void device(uint64_t iterations)
{
    static const uint32_t words[] = {0xb9400020, 0x17ffffff};

    make(words, 2);
    (void)vml_a64_run(&b.cpu, 2 * iterations);
}

/* Two loads whose pages are in each other's way, found through three levels of tables; and a branch. */
static void miss(uint64_t iterations)
{
    static const uint32_t words[] = {0xf9400082, 0xf94000a2, 0x17fffffe};
    const uint64_t page = 3 | 1 << 10 | 3 << 8;
    struct vml_a64_registers registers;
    uint64_t entry;

    make(words, 3);
    entry = (RAM + 0x11000) | 3;
    memcpy(memory + 0x10000 + 2 * 8, &entry, 8);
    for (unsigned i = 0; i < 2; i++) { /* 4 MiB from each other */
        entry = (RAM + 0x12000 + i * 0x1000) | 3;
        memcpy(memory + 0x11000 + i * 16, &entry, 8);
        entry = (RAM + 0x14000 + i * 0x1000) | page;
        memcpy(memory + 0x12000 + i * 0x1000, &entry, 8);
    }
    vml_a64_get_registers(&b.cpu, &registers);
    registers.pc = RAM;
    registers.x[4] = UINT64_C(0x80000000);
    registers.x[5] = UINT64_C(0x80400000);
    must(vml_a64_set_registers(&b.cpu, &registers));
    (void)vml_a64_run(&b.cpu, 3 * iterations);
}

static const struct bench_case cases[] = {
    {"mixed loop, one guest instruction", mixed},
    {"load from a device and branch", device},
    {"two TLB misses and a branch", miss},
};
BENCH_MAIN(cases)
