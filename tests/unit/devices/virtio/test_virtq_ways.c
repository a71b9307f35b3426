/* A chain is what virtio 1.3, 2.7 and 2.8 say, whichever way it is taken: a queue that knows where its
 * memory is and one whose every address is translated see the same in any ring. */
#include "test.h"
#include <vml/virtq.h>

enum { RAM = 4 << 20, BASE = 0x40000000, MAX = 24, RINGS = 300000 };

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t a, b;
};

struct side {
    struct vml_virtq vq;
    struct vml_virtq_chain chain;
    struct vml_virtq_buf bufs[MAX + 1];
};

struct rig {
    uint8_t *ram;
    struct vml_as as;
    struct vml_as_region low, high;
    uint64_t storage[VML_AS_STORAGE(2) / 8 + 1];
    struct side near, far;
    struct vml_virtq_layout layout;
    uint16_t max_bufs;
    uint64_t seed;
    unsigned chains[MAX + 1]; /* taken, by length */
    unsigned turns, broken;
};

static uint32_t random_below(struct rig *r, uint32_t limit)
{
    r->seed ^= r->seed << 13;
    r->seed ^= r->seed >> 7;
    r->seed ^= r->seed << 17;
    return (uint32_t)(r->seed >> 32) % limit;
}

static bool one_in(struct rig *r, uint32_t n)
{
    return random_below(r, n) == 0;
}

static bool same(void *context, uint64_t address, uint64_t *len, bool write, uint64_t *gpa)
{
    (void)context;
    (void)len;
    (void)write;
    *gpa = address;
    return true;
}

/* Most buffers are as they should be, or no chain would be long. */
static void random_buffer(struct rig *r, struct desc *d)
{
    d->addr = BASE + 0x80000 + random_below(r, 0x10000);
    d->len = 1 + random_below(r, 2000);
    if (one_in(r, 40)) {
        static const uint64_t odd[] = {
            BASE - 1,
            BASE + RAM / 2 - 1,
            BASE + RAM / 2 - 0x100000,
            BASE + RAM / 2 - 0x100001,
            BASE + RAM / 2 + 5,
            BASE + RAM - 7,
            BASE + RAM,
            UINT64_MAX - 3,
            0,
        };

        d->addr = odd[random_below(r, VML_ARRAY_SIZE(odd))];
    }
    if (one_in(r, 40)) {
        static const uint32_t odd[] = {0, 0xfffff, 0x100000, 0x100001, 0x80000000, UINT32_MAX};

        d->len = odd[random_below(r, VML_ARRAY_SIZE(odd))];
    }
}

static uint16_t random_flags(struct rig *r, bool last, bool write)
{
    uint16_t flags = (uint16_t)((last ? 0 : 1) | (write ? 2 : 0));

    if (one_in(r, 60)) {
        flags ^= (uint16_t)(1u << random_below(r, 3));
    }
    if (one_in(r, 60)) {
        flags ^= (uint16_t)(8u << random_below(r, 12));
    }
    return flags;
}

/* A descriptor that refers to a table, and what is in it. */
static void random_table(struct rig *r, struct desc *d)
{
    static const uint32_t shifts[] = {0, 0, 0, 0, 8, 1, 4};
    uint32_t entries = 1 + random_below(r, 8), writable = random_below(r, entries + 1);
    uint32_t shift = shifts[random_below(r, VML_ARRAY_SIZE(shifts))];

    for (uint32_t i = 0; i < entries + 2; i++) {
        struct desc e;

        random_buffer(r, &e);
        e.a = random_flags(r, i + 1 >= entries, i >= writable);
        e.b = (uint16_t)(i + 1);
        if (one_in(r, 30)) {
            e.b = (uint16_t)random_below(r, entries + 3);
        }
        if (r->layout.packed) {
            e.b = e.a & (one_in(r, 10) ? 0xffff : 2);
            e.a = (uint16_t)random_below(r, 65536);
        }
        memcpy(r->ram + 0x40000 + shift + (size_t)i * 16, &e, sizeof(e));
    }
    d->addr = BASE + 0x40000 + shift;
    d->len = entries * 16 + (one_in(r, 30) ? random_below(r, 40) : 0);
    if (one_in(r, 60)) {
        static const uint32_t odd[] = {0, 0x7fff0, 0x80000, 0x80010, 0x100000, 0x40000040};

        d->len = odd[random_below(r, VML_ARRAY_SIZE(odd))];
    }
}

/* A ring of chains of any length; they follow each other in a packed one. */
static void random_ring(struct rig *r, bool wrap)
{
    struct desc *ring = (struct desc *)(void *)(r->ram + 0x1000);
    uint16_t *avail = (uint16_t *)(void *)(r->ram + 0x8000);
    uint32_t size = r->layout.size, length = 1 + random_below(r, 12);
    uint32_t writable = random_below(r, length + 1);
    uint32_t start = r->near.vq.next_avail % size, step = 1 + 2 * random_below(r, 8);

    for (uint32_t i = 0; i < size + 16; i++) { /* behind the ring too */
        uint32_t slot = r->layout.packed ? (start + i) % size : (start + i * step) % size;
        bool write = i >= writable, table = one_in(r, 12);
        struct desc *d = &ring[i < size ? slot : i];
        uint16_t flags = random_flags(r, i + 1 >= length, write);

        random_buffer(r, d);
        if (table) {
            random_table(r, d);
            flags = (uint16_t)(flags | 4);
            if (!one_in(r, 4)) {
                flags = (uint16_t)(flags & ~1u);
            }
        }
        if (r->layout.packed) {
            bool lap = start + i < size ? wrap : !wrap;

            d->a = (uint16_t)(100 + i);
            d->b = (uint16_t)((flags & 0x7f7f) | (lap ? 0x80 : 0x8000));
            if (i != 0 && one_in(r, 40)) { /* only the first one's say that it is available */
                d->b ^= 0x8080;
            }
        } else {
            d->a = flags;
            d->b = (uint16_t)((slot + step) % size);
            if (one_in(r, 40)) {
                d->b = (uint16_t)random_below(r, one_in(r, 2) ? size + 16 : 65536);
            }
        }
    }
    if (!r->layout.packed) {
        avail[2 + r->near.vq.next_avail % size] =
            (uint16_t)(one_in(r, 100) ? random_below(r, 2 * size) : start);
        avail[1] = (uint16_t)(r->near.vq.next_avail + 1);
    }
}

static enum vml_status start(struct rig *r, struct side *s, bool far,
                             const struct vml_virtq_position *at)
{
    struct vml_virtq_config config = {
        .as = &r->as, .translate = far ? same : NULL, .max_bufs = r->max_bufs};
    struct vml_virtq_layout layout = r->layout;
    enum vml_status status = vml_virtq_init(&s->vq, &config);

    layout.translated = far;
    s->chain.bufs = s->bufs;
    memset(s->bufs, 0x5a, sizeof(s->bufs));
    status = status == VML_OK ? vml_virtq_start(&s->vq, &layout) : status;
    return status == VML_OK ? vml_virtq_set_position(&s->vq, at) : status;
}

/* Buffers without a byte may be there or not. */
static void compare_side(const struct vml_virtq_buf *a, uint32_t a_count,
                         const struct vml_virtq_buf *b, uint32_t b_count)
{
    for (;;) {
        for (; a_count > 0 && a->len == 0; a++) {
            a_count--;
        }
        for (; b_count > 0 && b->len == 0; b++) {
            b_count--;
        }
        if (a_count == 0 || b_count == 0) {
            break;
        }
        assert_ptr_equal(a->host, b->host);
        assert_int_equal(a->len, b->len);
        a++;
        a_count--;
        b++;
        b_count--;
    }
    assert_int_equal(a_count, b_count);
}

static void compare(struct rig *r)
{
    const struct vml_virtq_chain *a = &r->near.chain, *b = &r->far.chain;
    struct vml_virtq_position pa, pb;
    enum vml_status status = vml_virtq_pop(&r->far.vq, &r->far.chain);
    uint32_t count = (uint32_t)b->readable + b->writable;

    assert_int_equal(vml_virtq_pop(&r->near.vq, &r->near.chain), status);
    /* Nothing is written behind what the caller has. */
    assert_int_equal(r->near.bufs[r->max_bufs].len, 0x5a5a5a5a);
    if (status != VML_OK) {
        assert_int_equal(status, VML_ERR_CORRUPT);
        r->broken++;
        return;
    }
    assert_int_equal(a->id, b->id);
    compare_side(a->bufs, a->readable, b->bufs, b->readable);
    compare_side(a->bufs + a->readable, a->writable, b->bufs + b->readable, b->writable);
    pa = vml_virtq_position(&r->near.vq);
    pb = vml_virtq_position(&r->far.vq);
    assert_int_equal(pa.next_avail, pb.next_avail);
    assert_int_equal(pa.avail_wrap, pb.avail_wrap);
    if (r->layout.packed) {
        assert_int_equal(a->slots, b->slots);
    }
    r->chains[count]++;
    r->turns += a->readable != 0 && a->writable != 0;
}

static void both_ways_agree(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    uint32_t taken = 0;

    (void)state;
    r->seed = 88172645463325252u;
    r->ram = aligned_alloc(4096, RAM + 8192);
    memset(r->ram, 0, RAM + 8192);
    r->low = (struct vml_as_region){.name = "low", .base = BASE, .size = RAM / 2, .host = r->ram};
    r->high = (struct vml_as_region){
        .name = "high", .base = BASE + RAM / 2, .size = RAM / 2, .host = r->ram + RAM / 2 + 4096};
    assert_int_equal(vml_as_init(&r->as, r->storage, 2), VML_OK);
    assert_int_equal(vml_as_add(&r->as, &r->low), VML_OK);
    assert_int_equal(vml_as_add(&r->as, &r->high), VML_OK);
    for (unsigned i = 0; i < RINGS; i++) {
        struct vml_virtq_position at = {.avail_wrap = one_in(r, 2), .used_wrap = true};

        r->max_bufs = (uint16_t)(1 + random_below(r, MAX));
        r->layout = (struct vml_virtq_layout){.size = 1u << random_below(r, 5),
                                              .desc = BASE + 0x1000,
                                              .driver = BASE + 0x8000,
                                              .device = BASE + 0xa000,
                                              .packed = one_in(r, 2),
                                              .indirect = !one_in(r, 10)};
        if (r->layout.packed) {
            r->layout.size = 1 + random_below(r, 16);
            at.next_avail = (uint16_t)random_below(r, r->layout.size);
        } else {
            at.next_avail = (uint16_t)random_below(r, 65536);
            at.next_used = at.next_avail;
        }
        assert_int_equal(start(r, &r->near, false, &at), VML_OK);
        assert_int_equal(start(r, &r->far, true, &at), VML_OK);
        random_ring(r, at.avail_wrap);
        compare(r);
    }
    for (uint32_t i = 0; i <= MAX; i++) {
        taken += r->chains[i];
    }
    for (uint32_t i = 1; i <= 8; i++) {
        assert_true(r->chains[i] > RINGS / 1000);
    }
    assert_true(taken > RINGS / 4);
    assert_true(r->turns > RINGS / 50);
    assert_true(r->broken > RINGS / 20);
    assert_int_equal(taken + r->broken, RINGS);
    free(r->ram);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
