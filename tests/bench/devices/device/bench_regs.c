/* A plain 32-bit read through a table of 40 registers. */
#include "bench.h"

#include <vml/regs.h>

#define ROWS 40

static struct vml_reg rows[ROWS];
static uint32_t state[ROWS];
static struct vml_device device = {.name = "bench"};

static void read_row(uint32_t row, uint32_t stride, uint64_t iterations)
{
    const struct vml_reg_table table = {.rows = rows, .row_count = ROWS, .size = 0x1000};
    uint64_t offset = row * 4u;

    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i] = (struct vml_reg){.name = "R",
                                   .offset = i * 4,
                                   .width = 4,
                                   .sizes = VML_SIZE_4,
                                   .state = (uint32_t)(i * sizeof(state[0]))};
    }
    while (iterations-- > 0) {
        struct vml_access access = {.offset = offset, .size = 4};
        enum vml_bus_result result = vml_regs_access(&table, &device, state, &access);

        BENCH_KEEP(result);
        offset = offset + stride >= ROWS * 4u ? 0 : offset + stride;
    }
}

static void first(uint64_t n)
{
    read_row(0, 0, n);
}

static void last(uint64_t n)
{
    read_row(ROWS - 1, 0, n);
}

static void each(uint64_t n)
{
    read_row(0, 4, n);
}

static const struct bench_case cases[] = {
    {"read, first of 40 registers", first},
    {"read, last of 40 registers", last},
    {"read, each of 40 registers in turn", each},
};

BENCH_MAIN(cases)
