/* Translation of an address, with few regions and with many. */
#include "bench.h"

#include <vml/simple_as.h>

#define MAX_REGIONS 64

static struct vml_as as;
static struct vml_as_region regions[MAX_REGIONS];
static _Alignas(8) uint8_t storage[VML_AS_STORAGE(MAX_REGIONS)];
static uint8_t memory[VML_AS_PAGE_SIZE];

static void translate(uint32_t count, uint64_t iterations)
{
    uint64_t gpa = (count - 1) * UINT64_C(0x10000) + 8;

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
    while (iterations-- > 0) {
        void *host;

        BENCH_KEEP(gpa);
        host = vml_as_translate(&as, gpa, 16, VML_AS_READ);
        BENCH_KEEP(host);
    }
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
    {"translate, 1 region", one},
    {"translate, 3 regions", three},
    {"translate, 64 regions", many},
};

BENCH_MAIN(cases)
