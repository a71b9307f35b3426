/* Dispatch of an access to a device that does nothing, with 1, 32 and 1,000 devices on the bus. */
#include "bench.h"

#include <vml/vbus.h>

#define MAX_DEVICES 1000

static enum vml_bus_result nothing(struct vml_device *device, struct vml_access *access)
{
    (void)device;
    access->value = 0;
    return VML_BUS_OK;
}

static const struct vml_device_ops ops = {.access = nothing};
static struct vml_device device = {"nothing", &ops};
static struct vml_bus_range ranges[MAX_DEVICES];
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[VML_BUS_STORAGE(MAX_DEVICES, 1)];
static struct vml_vbus bus;

static void make_bus(uint32_t devices)
{
    const struct vml_vbus_config config = {
        .name = "mmio", .max_ranges = MAX_DEVICES, .cpus = 1, .storage = storage};

    if (vml_vbus_init(&bus, &config) != VML_OK) {
        abort();
    }
    for (uint32_t i = 0; i < devices; i++) {
        ranges[i] =
            (struct vml_bus_range){.base = i * UINT64_C(0x1000), .size = 0x1000, .device = &device};
        if (vml_vbus_register(&bus, &ranges[i]) != VML_OK) {
            abort();
        }
    }
}

/* `stride` devices further on each access. */
static void dispatch(uint32_t devices, uint32_t stride, uint64_t iterations)
{
    uint32_t at = devices / 2;

    make_bus(devices);
    while (iterations-- > 0) {
        struct vml_access access = {.size = 4, .cpu = 0};
        enum vml_bus_result result = vml_vbus_access(&bus, at * UINT64_C(0x1000) + 8, &access);

        BENCH_KEEP(result);
        at += stride;
        at = at >= devices ? at - devices : at;
    }
}

/* The same loop without a bus. */
static void by_itself(uint64_t iterations)
{
    const struct vml_device *d = &device;
    uint64_t addr = 8;

    while (iterations-- > 0) {
        struct vml_access access = {.size = 4, .cpu = 0};
        enum vml_bus_result result;

        BENCH_KEEP(d);
        BENCH_KEEP(addr);
        access.offset = addr;
        result = d->ops->access(&device, &access);
        BENCH_KEEP(result);
    }
}

/* The same device again and again. */
static void hit(uint32_t devices, uint64_t iterations)
{
    uint64_t addr = devices / 2 * UINT64_C(0x1000) + 8;

    make_bus(devices);
    while (iterations-- > 0) {
        struct vml_access access = {.size = 4, .cpu = 0};
        enum vml_bus_result result;

        BENCH_KEEP(addr);
        result = vml_vbus_access(&bus, addr, &access);
        BENCH_KEEP(result);
    }
}

static void hit_1(uint64_t n)
{
    hit(1, n);
}

static void hit_32(uint64_t n)
{
    hit(32, n);
}

static void hit_1000(uint64_t n)
{
    hit(1000, n);
}

static void miss_32(uint64_t n)
{
    dispatch(32, 7, n);
}

static void miss_1000(uint64_t n)
{
    dispatch(1000, 7, n);
}

static const struct bench_case cases[] = {
    {"the device by itself", by_itself},       {"repeated hit, 1 device", hit_1},
    {"repeated hit, 32 devices", hit_32},      {"repeated hit, 1000 devices", hit_1000},
    {"another device each time, 32", miss_32}, {"another device each time, 1000", miss_1000},
};

BENCH_MAIN(cases)
