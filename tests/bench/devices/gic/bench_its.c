/* A message through an ITS: to the LPI's acknowledge and end; with and without the translation cache. */
#include "bench.h"

#include <vml/gic_its.h>
#include <vml/gic_lr.h>
#include <vml/vbus.h>

#define VALID (UINT64_C(1) << 63)

enum {
    RAM = 0x40000000,
    RAM_SIZE = 0x100000,
    DEVICES = 0x10000,
    COLLECTIONS = 0x20000,
    ITT = 0x30000,
    PROP = 0x40000,
    PEND = 0x60000,
    QUEUE = 0x70000,
    DEVICE = 8,
    CACHE = 1024,
};

static struct vml_gic gic;
static struct vml_its its;
static struct vml_as as;
static uint64_t as_storage[VML_AS_STORAGE(1) / 8 + 1];
static struct vml_as_region region;
static _Atomic uint64_t cache[CACHE];
static uint8_t *ram;
static uint64_t cwriter;

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void write_reg(struct vml_device *device, uint64_t offset, uint8_t size, uint64_t value)
{
    struct vml_access a = {.offset = offset, .size = size, .write = true, .value = value};

    must(device->ops->access(device, &a) == VML_BUS_OK);
}

static void command(uint64_t dw0, uint64_t dw1, uint64_t dw2)
{
    vml_store_le64(ram + QUEUE + cwriter, dw0);
    vml_store_le64(ram + QUEUE + cwriter + 8, dw1);
    vml_store_le64(ram + QUEUE + cwriter + 16, dw2);
    vml_store_le64(ram + QUEUE + cwriter + 24, 0);
    cwriter = (cwriter + 32) % 4096;
    write_reg(&its.device, 0x88, 8, cwriter);
}

static void make(uint32_t cpus, uint32_t cache_size)
{
    struct vml_gic_config config = {
        .version = 3, .cpus = cpus, .spis = 988, .lpis = VML_GIC_MAX_LPIS, .memory = &as};
    struct vml_its_config its_config = {.gic = &gic, .cache = cache, .cache_size = cache_size};
    uint32_t cpu = cpus - 1;
    uint64_t base = (uint64_t)cpu * VML_GICR_SIZE;

    cwriter = 0;
    ram = aligned_alloc(4096, RAM_SIZE);
    memset(ram, 0, RAM_SIZE);
    memset(ram + PROP, 0xa1, 0xe000);
    must(vml_as_init(&as, as_storage, 1) == VML_OK);
    region = (struct vml_as_region){.name = "ram", .base = RAM, .size = RAM_SIZE, .host = ram};
    must(vml_as_add(&as, &region) == VML_OK);
    config.storage_size = vml_gic_storage_size(&config);
    config.storage = aligned_alloc(VML_CACHE_LINE_SIZE, (config.storage_size + 4095) / 4096 * 4096);
    must(vml_gic_init(&gic, &config) == VML_OK);
    must(vml_its_init(&its, &its_config) == VML_OK);
    write_reg(&gic.gicd, 0, 4, 2);
    write_reg(&gic.gicr, base + 0x70, 8, (RAM + PROP) | 15);
    write_reg(&gic.gicr, base + 0x78, 8, RAM + PEND);
    write_reg(&gic.gicr, base, 4, 1);
    must(vml_gic_icc_write(&gic, cpu, VML_SYSREG(3, 0, 4, 6, 0), 0xf0) == VML_BUS_OK);
    must(vml_gic_icc_write(&gic, cpu, VML_SYSREG(3, 0, 12, 12, 7), 1) == VML_BUS_OK);
    write_reg(&its.device, 0x100, 8, VALID | (RAM + DEVICES) | 15);
    write_reg(&its.device, 0x108, 8, VALID | (RAM + COLLECTIONS));
    write_reg(&its.device, 0x80, 8, VALID | (RAM + QUEUE));
    write_reg(&its.device, 0, 4, 1);
    command(0x09, 0, VALID | (uint64_t)cpu << 16);
    command((uint64_t)DEVICE << 32 | 0x08, 12, VALID | (RAM + ITT));
    for (uint32_t i = 0; i < 32; i++) {
        command((uint64_t)DEVICE << 32 | 0x0a, i | (uint64_t)(8192 + 1000 * i) << 32, 0);
    }
}

static void round_trip(uint32_t cpus, uint32_t event, uint32_t cache_size, uint64_t iterations)
{
    uint32_t cpu = cpus - 1;
    uint64_t value;

    make(cpus, cache_size);
    for (uint64_t i = 0; i < iterations; i++) {
        must(vml_its_msi(&its, DEVICE, event) == VML_OK);
        if (vml_gic_icc_read(&gic, cpu, VML_SYSREG(3, 0, 12, 12, 0), &value) != VML_BUS_OK ||
            value != 8192 + 1000 * event) {
            abort();
        }
        must(vml_gic_icc_write(&gic, cpu, VML_SYSREG(3, 0, 12, 12, 1), value) == VML_BUS_OK);
    }
    free(ram);
}

static void message(uint64_t n)
{
    round_trip(1, 0, CACHE, n);
}

static void message_of_a_high_lpi(uint64_t n)
{
    round_trip(1, 31, CACHE, n);
}

static void message_64_cpus(uint64_t n)
{
    round_trip(64, 7, CACHE, n);
}

static void message_not_cached(uint64_t n)
{
    round_trip(1, 0, 0, n);
}

/* A message through a list register: sent, filled, taken and ended, folded. */
static void message_lr(uint64_t n)
{
    struct vml_gic_lrs lrs = {.count = 4};

    make(1, CACHE);
    for (uint64_t i = 0; i < n; i++) {
        must(vml_its_msi(&its, DEVICE, 5) == VML_OK);
        vml_gic_lr_fill(&gic, 0, &lrs);
        lrs.lr[0] &= ~(UINT64_C(3) << 62);
        vml_gic_lr_fold(&gic, 0, &lrs);
    }
    free(ram);
}

static void one_command(uint64_t code, uint64_t n)
{
    make(1, CACHE);
    for (uint64_t i = 0; i < n; i++) {
        command((uint64_t)DEVICE << 32 | code, 5, 0);
    }
    free(ram);
}

static void inv(uint64_t n)
{
    one_command(0x0c, n);
}

static void movi(uint64_t n)
{
    one_command(0x01, n);
}

static const struct bench_case cases[] = {
    {"MSI, IAR, EOIR: LPI 8192", message},
    {"MSI, IAR, EOIR: LPI 39192", message_of_a_high_lpi},
    {"MSI, IAR, EOIR: 64 vCPUs", message_64_cpus},
    {"MSI, IAR, EOIR: translation not cached", message_not_cached},
    {"MSI, fill, fold: one list register", message_lr},
    {"ITS command INV", inv},
    {"ITS command MOVI", movi},
};

BENCH_MAIN(cases)
