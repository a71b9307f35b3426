/* Assert, acknowledge, end; and a read of the distributor. */
#include "bench.h"

#include <vml/gic.h>
#include <vml/gic_lr.h>
#include <vml/vbus.h>

#define ICC(crm, op2) VML_SYSREG(3, 0, 12, crm, op2)

static struct vml_gic gic;

static void write_reg(struct vml_device *device, uint64_t offset, uint8_t size, uint64_t value)
{
    struct vml_access a = {.offset = offset, .size = size, .write = true, .value = value};

    if (device->ops->access(device, &a) != VML_BUS_OK) {
        abort();
    }
}

static void icc_write(uint32_t cpu, uint64_t reg, uint64_t value)
{
    if (vml_gic_icc_write(&gic, cpu, reg, value) != VML_BUS_OK) {
        abort();
    }
}

static void make(uint32_t cpus)
{
    struct vml_gic_config config = {.version = 3, .cpus = cpus, .spis = 988};

    config.storage_size = vml_gic_storage_size(&config);
    config.storage = aligned_alloc(VML_CACHE_LINE_SIZE, (config.storage_size + 4095) / 4096 * 4096);
    if (vml_gic_init(&gic, &config) != VML_OK) {
        abort();
    }
    write_reg(&gic.gicd, 0, 4, 2);
    for (uint32_t i = 32; i < 1020; i += 32) {
        write_reg(&gic.gicd, 0x80 + i / 8, 4, UINT32_MAX);
        write_reg(&gic.gicd, 0x100 + i / 8, 4, UINT32_MAX);
    }
    icc_write(cpus - 1, VML_SYSREG(3, 0, 4, 6, 0), 0xf0);
    icc_write(cpus - 1, ICC(12, 7), 1);
}

static void round_trip(uint32_t cpus, uint32_t intid, uint64_t iterations)
{
    uint32_t cpu = cpus - 1;
    uint64_t value;

    make(cpus);
    write_reg(&gic.gicd, 0x6000 + intid * 8, 8, (cpu & 15) | (cpu >> 4) << 8);
    for (uint64_t i = 0; i < iterations; i++) {
        vml_gic_set_level(&gic, intid, 0, true);
        if (vml_gic_icc_read(&gic, cpu, ICC(12, 0), &value) != VML_BUS_OK || value != intid) {
            abort();
        }
        vml_gic_set_level(&gic, intid, 0, false);
        icc_write(cpu, ICC(12, 1), value);
    }
}

static void spi_33(uint64_t n)
{
    round_trip(1, 33, n);
}

static void spi_158(uint64_t n)
{
    round_trip(1, 158, n);
}

static void spi_1019(uint64_t n)
{
    round_trip(1, 1019, n);
}

static void spi_8_cpus(uint64_t n)
{
    round_trip(8, 158, n);
}

static void spi_64_cpus(uint64_t n)
{
    round_trip(64, 158, n);
}

static void spi_512_cpus(uint64_t n)
{
    round_trip(512, 158, n);
}

static void read_isenabler(uint64_t n)
{
    struct vml_access a = {.offset = 0x104, .size = 4};

    make(1);
    for (uint64_t i = 0; i < n; i++) {
        (void)gic.gicd.ops->access(&gic.gicd, &a);
        BENCH_KEEP(a.value);
    }
}

/* A linked interrupt through a list register: raised, filled, taken and ended, folded. */
static void lr_round_trip(uint32_t cpus, uint32_t intid, uint64_t n)
{
    struct vml_gic_lrs lrs = {.count = 4};
    uint32_t cpu = cpus - 1;

    make(cpus);
    write_reg(&gic.gicd, 0x6000 + intid * 8, 8, (cpu & 15) | (cpu >> 4) << 8);
    if (vml_gic_lr_link(&gic, intid, 0, intid) != VML_OK) {
        abort();
    }
    for (uint64_t i = 0; i < n; i++) {
        vml_gic_set_level(&gic, intid, 0, true);
        vml_gic_lr_fill(&gic, cpu, &lrs);
        if (lrs.used != 1) {
            abort();
        }
        lrs.lr[0] &= ~(UINT64_C(3) << 62);
        vml_gic_lr_fold(&gic, cpu, &lrs);
    }
}

/* As lr_round_trip(), of a vCPU that is in its guest when the interrupt comes. */
static void lr_resident(uint64_t n)
{
    struct vml_gic_lrs lrs = {.count = 4};

    make(1);
    if (vml_gic_lr_link(&gic, 158, 0, 158) != VML_OK) {
        abort();
    }
    for (uint64_t i = 0; i < n; i++) {
        vml_gic_lr_fill(&gic, 0, &lrs);
        vml_gic_set_level(&gic, 158, 0, true);
        vml_gic_lr_fold(&gic, 0, &lrs);
        vml_gic_lr_fill(&gic, 0, &lrs);
        if (lrs.used != 1) {
            abort();
        }
        lrs.lr[0] &= ~(UINT64_C(3) << 62);
        vml_gic_lr_fold(&gic, 0, &lrs);
    }
}

/* Two interrupts, one after the other. */
static void lr_two(uint64_t n)
{
    struct vml_gic_lrs lrs = {.count = 4};

    make(1);
    if (vml_gic_lr_link(&gic, 33, 0, 33) != VML_OK ||
        vml_gic_lr_link(&gic, 158, 0, 158) != VML_OK) {
        abort();
    }
    for (uint64_t i = 0; i < n; i++) {
        vml_gic_set_level(&gic, i & 1 ? 33 : 158, 0, true);
        vml_gic_lr_fill(&gic, 0, &lrs);
        lrs.lr[0] &= ~(UINT64_C(3) << 62);
        vml_gic_lr_fold(&gic, 0, &lrs);
    }
}

/* The virtual timer's. */
static void lr_ppi(uint64_t n)
{
    struct vml_gic_lrs lrs = {.count = 4};

    make(1);
    write_reg(&gic.gicr, 0x10080, 4, UINT32_MAX);
    write_reg(&gic.gicr, 0x10100, 4, UINT32_MAX);
    if (vml_gic_lr_link(&gic, 27, 0, 27) != VML_OK) {
        abort();
    }
    for (uint64_t i = 0; i < n; i++) {
        vml_gic_set_level(&gic, 27, 0, true);
        vml_gic_lr_fill(&gic, 0, &lrs);
        if (lrs.used != 1) {
            abort();
        }
        lrs.lr[0] &= ~(UINT64_C(3) << 62);
        vml_gic_lr_fold(&gic, 0, &lrs);
    }
}

/* The guest leaves its handler for the device that it serves: which lowers the wire. */
static void lr_unlinked(uint64_t n)
{
    struct vml_gic_lrs lrs = {.count = 4};

    make(1);
    for (uint64_t i = 0; i < n; i++) {
        vml_gic_set_level(&gic, 158, 0, true);
        vml_gic_lr_fill(&gic, 0, &lrs);
        lrs.lr[0] = (lrs.lr[0] & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
        lrs.ap1r = 1;
        vml_gic_lr_fold(&gic, 0, &lrs);
        vml_gic_set_level(&gic, 158, 0, false);
        vml_gic_lr_fill(&gic, 0, &lrs);
        if (lrs.used != 1) {
            abort();
        }
        lrs.lr[0] &= ~(UINT64_C(3) << 62);
        lrs.ap1r = 0;
        vml_gic_lr_fold(&gic, 0, &lrs);
    }
}

static void lr_33(uint64_t n)
{
    lr_round_trip(1, 33, n);
}

static void lr_158(uint64_t n)
{
    lr_round_trip(1, 158, n);
}

static void lr_1019(uint64_t n)
{
    lr_round_trip(1, 1019, n);
}

static void lr_8_cpus(uint64_t n)
{
    lr_round_trip(8, 158, n);
}

static void lr_64_cpus(uint64_t n)
{
    lr_round_trip(64, 158, n);
}

static void lr_512_cpus(uint64_t n)
{
    lr_round_trip(512, 158, n);
}

/* The same without the wire: what the guest did not take stays pending. */
static void lr_fill_fold(uint64_t n)
{
    struct vml_gic_lrs lrs = {.count = 4};

    make(1);
    vml_gic_set_level(&gic, 158, 0, true);
    for (uint64_t i = 0; i < n; i++) {
        vml_gic_lr_fill(&gic, 0, &lrs);
        BENCH_KEEP(lrs.used);
        vml_gic_lr_fold(&gic, 0, &lrs);
    }
}

/* Nothing to list: what every entry and exit costs. */
static void lr_empty(uint64_t n)
{
    struct vml_gic_lrs lrs = {.count = 4};

    make(1);
    for (uint64_t i = 0; i < n; i++) {
        vml_gic_lr_fill(&gic, 0, &lrs);
        BENCH_KEEP(lrs.used);
        vml_gic_lr_fold(&gic, 0, &lrs);
    }
}

static const struct bench_case cases[] = {
    {"assert, IAR, deassert, EOIR: INTID 33", spi_33},
    {"assert, IAR, deassert, EOIR: INTID 158", spi_158},
    {"assert, IAR, deassert, EOIR: INTID 1019", spi_1019},
    {"assert, IAR, deassert, EOIR: 8 vCPUs", spi_8_cpus},
    {"assert, IAR, deassert, EOIR: 64 vCPUs", spi_64_cpus},
    {"assert, IAR, deassert, EOIR: 512 vCPUs", spi_512_cpus},
    {"assert, fill, fold: INTID 33", lr_33},
    {"assert, fill, fold: INTID 158", lr_158},
    {"assert, fill, fold: INTID 1019", lr_1019},
    {"assert, fill, fold: 8 vCPUs", lr_8_cpus},
    {"assert, fill, fold: 64 vCPUs", lr_64_cpus},
    {"assert, fill, fold: 512 vCPUs", lr_512_cpus},
    {"assert, fill, fold: PPI 27", lr_ppi},
    {"assert, fill, fold: two INTIDs in turn", lr_two},
    {"fill, assert, fold, fill, fold: vCPU in its guest", lr_resident},
    {"assert, fill, fold in the handler, deassert, fill, fold", lr_unlinked},
    {"fill, fold: one list register, not taken", lr_fill_fold},
    {"fill, fold: no list register", lr_empty},
    {"read GICD_ISENABLER1", read_isenabler},
};

BENCH_MAIN(cases)
