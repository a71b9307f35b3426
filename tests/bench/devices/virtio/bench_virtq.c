/* The ring side alone: chains are made available as a driver would, then walked, copied and given
 * back. */
#include "bench.h"
#include <vml/virtq.h>

enum { SIZE = 256, BATCH = 32, RAM_BASE = 0x40000000, RAM_SIZE = 16 << 20, BUFFERS = 8 << 20 };

static uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));
static struct vml_as as;
static struct vml_as_region region = {
    .name = "ram", .base = RAM_BASE, .size = RAM_SIZE, .host = ram};
static uint64_t as_storage[VML_AS_STORAGE(2) / 8 + 1];
static struct vml_virtq vq;
static struct vml_virtq_buf bufs[SIZE];
static uint8_t sink[8192];

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t a; /* split: flags, packed: id */
    uint16_t b; /* split: next, packed: flags */
};

static struct desc *const descs = (struct desc *)ram;
static uint16_t *const avail = (uint16_t *)(ram + 0x10000);

static void make(bool packed)
{
    struct vml_virtq_config config = {.as = &as, .max_bufs = SIZE};
    struct vml_virtq_layout layout = {.size = SIZE,
                                      .desc = RAM_BASE,
                                      .driver = RAM_BASE + 0x10000,
                                      .device = RAM_BASE + 0x20000,
                                      .packed = packed,
                                      .event_idx = true,
                                      .indirect = true};

    memset(ram, 0, 0x30000);
    if (vml_as_init(&as, as_storage, 2) || vml_as_add(&as, &region) ||
        vml_virtq_init(&vq, &config) || vml_virtq_start(&vq, &layout)) {
        abort();
    }
}

/* NEXT for all but the last descriptor of a chain, WRITE for all but the first. */
static uint16_t flags_of(unsigned at, unsigned chain, unsigned readable)
{
    return (uint16_t)((at != chain - 1) | (at >= readable) << 1);
}

/* The driver's part is a few plain stores that the figure would count: so it is done once, for all
 * laps. */
static void fill_split(unsigned chain, unsigned readable, uint32_t len)
{
    for (unsigned i = 0; i < SIZE; i++) {
        descs[i] = (struct desc){RAM_BASE + BUFFERS + i * 2048u, len,
                                 flags_of(i % chain, chain, readable), (uint16_t)(i + 1)};
    }
    for (unsigned i = 0; i < SIZE; i++) {
        avail[2 + i] = (uint16_t)(i * chain % SIZE);
    }
}

/* Each descriptor is a table of four, as block drivers make them. */
static void fill_tables(uint32_t len)
{
    for (unsigned i = 0; i < SIZE; i++) {
        struct desc *table = (struct desc *)(ram + 0x40000) + (size_t)i * 4;

        for (unsigned k = 0; k < 4; k++) {
            table[k] = (struct desc){RAM_BASE + BUFFERS + (i * 4 + k) * 2048u, len,
                                     (uint16_t)(k != 3), (uint16_t)(k + 1)};
        }
        descs[i] = (struct desc){RAM_BASE + 0x40000 + i * 64u, 64, 4, 0};
        avail[2 + i] = (uint16_t)i;
    }
}

/* Where chains are given back, the ring of a lap is copied from an image: a dozen instructions a chain
 * would be the driver's otherwise. Where they are not, the queue looks at the same lap again. */
static struct desc laps[2][SIZE];

static void fill_packed(unsigned chain, unsigned readable, uint32_t len)
{
    for (unsigned wrap = 0; wrap < 2; wrap++) {
        for (unsigned i = 0; i < SIZE; i++) {
            laps[wrap][i] = (struct desc){
                RAM_BASE + BUFFERS + i * 2048u, len, (uint16_t)i,
                (uint16_t)((wrap ? 0x80 : 0x8000) | flags_of(i % chain, chain, readable))};
        }
    }
}

enum what { POP, POP_READ, POP_COPY, POP_COPY_FROM, SERVE, COPY };

/* A length of chains: those of fill_tables(). */
enum { TABLES = 0 };

static inline __attribute__((always_inline)) void take(struct vml_virtq_chain *chain,
                                                       enum what what)
{
    if (vml_virtq_pop(&vq, chain) != VML_OK) {
        abort();
    }
    if (what == COPY || what == POP_COPY) {
        const struct vml_virtq_buf *buf = chain->bufs;
        uint8_t *out = sink;

        for (unsigned left = chain->readable; left > 0; left--, buf++) {
            if (buf->len == 64) {
                memcpy(out, buf->host, 64);
            } else if (buf->len == 16) {
                memcpy(out, buf->host, 16);
            } else {
                memcpy(out, buf->host, buf->len);
            }
        }
        BENCH_KEEP(out);
    }
    if (what == POP_COPY_FROM && vml_virtq_copy_from(chain, 0, sink, sizeof(sink)) == 0) {
        abort();
    }
    if (what >= SERVE) {
        vml_virtq_push(&vq, chain, 0);
    }
}

/* Unrolled, so that the loop is not what is measured. */
static inline __attribute__((always_inline)) void take_many(struct vml_virtq_chain *chain,
                                                            unsigned count, enum what what)
{
    for (; count >= 8; count -= 8) {
        take(chain, what);
        take(chain, what);
        take(chain, what);
        take(chain, what);
        take(chain, what);
        take(chain, what);
        take(chain, what);
        take(chain, what);
    }
    for (; count > 0; count--) {
        take(chain, what);
    }
}

static inline __attribute__((always_inline)) void run_split(uint64_t n, unsigned length,
                                                            uint32_t len, enum what what)
{
    struct vml_virtq_chain chain = {.bufs = bufs};

    make(false);
    if (length == TABLES) {
        fill_tables(len);
    } else {
        fill_split(length, what == POP_READ ? 1 : length, len);
    }
    while (n != 0) {
        unsigned batch = n < BATCH ? (unsigned)n : BATCH;

        avail[1] = (uint16_t)(avail[1] + batch);
        take_many(&chain, batch, what);
        if (what >= SERVE) {
            bool irq = vml_virtq_publish(&vq);
            BENCH_KEEP(irq);
        }
        n -= batch;
    }
}

static inline __attribute__((always_inline)) void run_packed(uint64_t n, unsigned length,
                                                             uint32_t len, enum what what)
{
    struct vml_virtq_chain chain = {.bufs = bufs};
    const struct vml_virtq_position start = {.avail_wrap = true, .used_wrap = true};
    bool wrap = true;

    make(true);
    fill_packed(length, what == POP_READ ? 1 : length, len);
    memcpy(descs, laps[1], sizeof(laps[1]));
    while (n != 0) {
        unsigned left = n < SIZE / length ? (unsigned)n : SIZE / length;

        n -= left;
        if (what >= SERVE) {
            memcpy(descs, laps[wrap], sizeof(laps[wrap]));
            wrap = !wrap;
        } else if (vml_virtq_set_position(&vq, &start) != VML_OK) {
            abort();
        }
        while (left != 0) {
            unsigned batch = left < BATCH ? left : BATCH;

            take_many(&chain, batch, what);
            if (what >= SERVE) {
                bool irq = vml_virtq_publish(&vq);
                BENCH_KEEP(irq);
            }
            left -= batch;
        }
    }
}
#define CASES(format)                                                                              \
    static void format##_pop_1(uint64_t n)                                                         \
    {                                                                                              \
        run_##format(n, 1, 64, POP);                                                               \
    }                                                                                              \
    static void format##_pop_4(uint64_t n)                                                         \
    {                                                                                              \
        run_##format(n, 4, 64, POP);                                                               \
    }                                                                                              \
    static void format##_pop_read_4(uint64_t n)                                                    \
    {                                                                                              \
        run_##format(n, 4, 64, POP_READ);                                                          \
    }                                                                                              \
    static void format##_pop_copy_1(uint64_t n)                                                    \
    {                                                                                              \
        run_##format(n, 1, 64, POP_COPY);                                                          \
    }                                                                                              \
    static void format##_pop_copy_4(uint64_t n)                                                    \
    {                                                                                              \
        run_##format(n, 4, 64, POP_COPY);                                                          \
    }                                                                                              \
    static void format##_pop_copy_4_16(uint64_t n)                                                 \
    {                                                                                              \
        run_##format(n, 4, 16, POP_COPY);                                                          \
    }                                                                                              \
    static void format##_pop_copy_from_1(uint64_t n)                                               \
    {                                                                                              \
        run_##format(n, 1, 64, POP_COPY_FROM);                                                     \
    }                                                                                              \
    static void format##_pop_copy_from_4_16(uint64_t n)                                            \
    {                                                                                              \
        run_##format(n, 4, 16, POP_COPY_FROM);                                                     \
    }                                                                                              \
    static void format##_serve_1(uint64_t n)                                                       \
    {                                                                                              \
        run_##format(n, 1, 64, SERVE);                                                             \
    }                                                                                              \
    static void format##_serve_4(uint64_t n)                                                       \
    {                                                                                              \
        run_##format(n, 4, 64, SERVE);                                                             \
    }                                                                                              \
    static void format##_copy_1(uint64_t n)                                                        \
    {                                                                                              \
        run_##format(n, 1, 64, COPY);                                                              \
    }                                                                                              \
    static void format##_copy_4(uint64_t n)                                                        \
    {                                                                                              \
        run_##format(n, 4, 64, COPY);                                                              \
    }                                                                                              \
    static void format##_copy_1_1526(uint64_t n)                                                   \
    {                                                                                              \
        run_##format(n, 1, 1526, COPY);                                                            \
    }

CASES(split)
CASES(packed)

static void tables_pop_4(uint64_t n)
{
    run_split(n, TABLES, 64, POP);
}

static const struct bench_case cases[] = {
    {"split pop, indirect chain of 4", tables_pop_4},
    {"split pop, chain of 1", split_pop_1},
    {"split pop, chain of 4", split_pop_4},
    {"split pop, chain of 4, 3 writable", split_pop_read_4},
    {"split pop+copy 64, chain of 1", split_pop_copy_1},
    {"split pop+copy 4x16, chain of 4", split_pop_copy_4_16},
    {"split pop+copy 4x64, chain of 4", split_pop_copy_4},
    {"split pop+vml_virtq_copy_from 64, chain of 1", split_pop_copy_from_1},
    {"split pop+vml_virtq_copy_from 4x16, chain of 4", split_pop_copy_from_4_16},
    {"split pop+push+publish/32, chain of 1", split_serve_1},
    {"split pop+push+publish/32, chain of 4", split_serve_4},
    {"split pop+copy 64+push+publish/32, chain of 1", split_copy_1},
    {"split pop+copy 4x64+push+publish/32, chain of 4", split_copy_4},
    {"split pop+copy 1526+push+publish/32, chain of 1", split_copy_1_1526},
    {"packed pop, chain of 1", packed_pop_1},
    {"packed pop, chain of 4", packed_pop_4},
    {"packed pop, chain of 4, 3 writable", packed_pop_read_4},
    {"packed pop+copy 64, chain of 1", packed_pop_copy_1},
    {"packed pop+copy 4x16, chain of 4", packed_pop_copy_4_16},
    {"packed pop+copy 4x64, chain of 4", packed_pop_copy_4},
    {"packed pop+vml_virtq_copy_from 64, chain of 1", packed_pop_copy_from_1},
    {"packed pop+vml_virtq_copy_from 4x16, chain of 4", packed_pop_copy_from_4_16},
    {"packed pop+push+publish/32, chain of 1", packed_serve_1},
    {"packed pop+push+publish/32, chain of 4", packed_serve_4},
    {"packed pop+copy 64+push+publish/32, chain of 1", packed_copy_1},
    {"packed pop+copy 4x64+push+publish/32, chain of 4", packed_copy_4},
    {"packed pop+copy 1526+push+publish/32, chain of 1", packed_copy_1_1526},
};

BENCH_MAIN(cases)
