/* 32-bit accesses through a table of 40 registers, with an index of its words and without. */
#include "bench.h"

#include <vml/regs.h>

#define ROWS 40

static struct vml_reg rows[ROWS];
static uint32_t state[ROWS];
static struct vml_reg_slot slots[ROWS];
static struct vml_device device = {.name = "bench"};

static uint64_t hook(struct vml_device *d, const struct vml_reg *reg, uint32_t index,
                     const struct vml_access *access)
{
    return index;
}

static void access_rows(uint32_t row, uint32_t stride, bool indexed, struct vml_access what,
                        uint64_t iterations)
{
    const struct vml_reg_table table = {.rows = rows, .row_count = ROWS, .size = 0x1000};
    struct vml_reg_index index;
    uint64_t offset = row * 4u;

    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i] = (struct vml_reg){.name = "R",
                                   .offset = i * 4,
                                   .width = 4,
                                   .sizes = VML_SIZE_124,
                                   .write_mask = 0xffff,
                                   .state = (uint32_t)(i * sizeof(state[0])),
                                   .read = i == ROWS / 2 ? hook : NULL};
    }
    vml_regs_index(&index, &table, slots, ROWS);
    while (iterations-- > 0) {
        struct vml_access access = what;
        enum vml_bus_result result;

        BENCH_KEEP(offset);
        access.offset = offset;
        result = indexed ? vml_regs_access_indexed(&index, &device, state, &access)
                         : vml_regs_access(&table, &device, state, &access);
        BENCH_KEEP(result);
        offset += stride;
        offset = offset < ROWS * 4u ? offset : 0;
    }
}

/* The loop, and a function that is called. */
static enum vml_bus_result nothing(struct vml_access *access)
{
    BENCH_KEEP(access);
    return VML_BUS_OK;
}

static void loop(uint64_t iterations)
{
    enum vml_bus_result (*call)(struct vml_access *) = nothing;
    uint64_t offset = 0;

    while (iterations-- > 0) {
        struct vml_access access = {.size = 4};
        enum vml_bus_result result;

        BENCH_KEEP(offset);
        access.offset = offset;
        BENCH_KEEP(call);
        result = call(&access);
        BENCH_KEEP(result);
        offset = offset < ROWS * 4u ? offset : 0;
    }
}

static const struct vml_access load = {.size = 4};
static const struct vml_access load_byte = {.size = 1};
static const struct vml_access store = {.size = 4, .write = true};

static void read_indexed(uint64_t n)
{
    access_rows(0, 4, true, load, n);
}

static void write_indexed(uint64_t n)
{
    access_rows(0, 4, true, store, n);
}

static void hook_indexed(uint64_t n)
{
    access_rows(ROWS / 2, 0, true, load, n);
}

static void byte_indexed(uint64_t n)
{
    access_rows(0, 4, true, load_byte, n);
}

static void read_searched(uint64_t n)
{
    access_rows(0, 4, false, load, n);
}

static const struct bench_case cases[] = {
    {"an empty function by itself", loop},
    {"read, each of 40 registers", read_indexed},
    {"write, each of 40 registers", write_indexed},
    {"read through a hook", hook_indexed},
    {"byte read, each of 40 registers", byte_indexed},
    {"read without index, each of 40", read_searched},
};

BENCH_MAIN(cases)
