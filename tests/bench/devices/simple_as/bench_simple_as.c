/* Translation of an address, with few regions and with many. */
#include "bench.h"

#include <vml/simple_as.h>

#define MAX_REGIONS 64

static struct vml_as as;
static struct vml_as_region regions[MAX_REGIONS];
static _Alignas(8) uint8_t storage[VML_AS_STORAGE(MAX_REGIONS)];
static uint8_t memory[VML_AS_PAGE_SIZE];

static void make(uint32_t count)
{
    if (vml_as_init(&as, storage, MAX_REGIONS) != VML_OK) {
        abort();
    }
    for (uint32_t i = 0; i < count; i++) {
        regions[i] = (struct vml_as_region){
            .base = i * UINT64_C(0x10000), .size = sizeof(memory), .host = memory};
        if (vml_as_add(&as, &regions[i]) != VML_OK) {
            abort();
        }
    }
}

static void translate(uint32_t count, uint64_t iterations)
{
    uint64_t gpa = (count - 1) * UINT64_C(0x10000) + 8;

    make(count);
    while (iterations-- > 0) {
        void *host;

        BENCH_KEEP(gpa);
        host = vml_as_translate(&as, gpa, 16, VML_AS_READ);
        BENCH_KEEP(host);
    }
}

/* As its user compiles it: how it is accessed is a constant. */
static void translate_cached(enum vml_as_access access, uint64_t iterations)
{
    struct vml_as_cache cache = {0};
    struct vml_as *space = &as;
    uint64_t gpa = (MAX_REGIONS - 1) * UINT64_C(0x10000) + 8;

    make(MAX_REGIONS);
    while (iterations-- > 0) {
        void *host;

        BENCH_KEEP(gpa);
        BENCH_KEEP(space);
        host = vml_as_translate_cached(space, &cache, gpa, 16, access);
        BENCH_KEEP(host);
    }
}

/* The loop alone. */
static void loop(uint64_t iterations)
{
    uint64_t gpa = 8;
    void *host = memory;

    while (iterations-- > 0) {
        BENCH_KEEP(gpa);
        BENCH_KEEP(host);
    }
}

static void cached_read(uint64_t n)
{
    translate_cached(VML_AS_READ, n);
}

static void cached_write(uint64_t n)
{
    translate_cached(VML_AS_WRITE, n);
}

static void one(uint64_t n)
{
    translate(1, n);
}

static void three(uint64_t n)
{
    translate(3, n);
}

static void many(uint64_t n)
{
    translate(MAX_REGIONS, n);
}

static const struct bench_case cases[] = {
    {"the loop by itself", loop},          {"cached, for reading", cached_read},
    {"cached, for writing", cached_write}, {"translate, 1 region", one},
    {"translate, 3 regions", three},       {"translate, 64 regions", many},
};

BENCH_MAIN(cases)
