/* Virtqueues against a driver that follows virtio 1.3, 2.7 and 2.8, and one that does not. */
#include "test.h"
#include <vml/virtq.h>

enum { RAM = 4 << 20, BASE = 0x40000000, BIG = 300 };

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t a, b;
};

struct rig {
    uint8_t *ram;
    struct vml_as as;
    struct vml_as_region low, high, rom;
    _Atomic uint64_t dirty[VML_AS_DIRTY_WORDS(RAM / 2)];
    uint64_t storage[VML_AS_STORAGE(4) / 8 + 1];
    struct vml_virtq vq;
    struct vml_virtq_buf bufs[BIG];
    struct vml_virtq_chain chain;
    struct desc *desc;
    uint16_t *driver, *device;
    struct vml_virtq_layout layout;
    bool wrap;    /* packed: the driver's wrap counter */
    uint32_t pos; /* packed: next descriptor */
};

/* Two regions that follow each other for the guest but not in the host, and read-only memory. */
static struct rig *make(bool packed, uint32_t size, bool event_idx, uint16_t max_bufs)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_virtq_config config = {.as = &r->as, .max_bufs = max_bufs};

    r->ram = aligned_alloc(4096, RAM + 8192);
    memset(r->ram, 0, RAM + 8192);
    r->low = (struct vml_as_region){.name = "low", .base = BASE, .size = RAM / 2, .host = r->ram};
    r->high = (struct vml_as_region){
        .name = "high", .base = BASE + RAM / 2, .size = RAM / 2, .host = r->ram + RAM / 2 + 4096};
    r->rom = (struct vml_as_region){
        .name = "rom", .base = 0, .size = 4096, .host = r->ram + RAM / 2, .flags = VML_AS_READONLY};
    r->low.dirty = r->dirty;
    assert_int_equal(vml_as_init(&r->as, r->storage, 4), VML_OK);
    assert_int_equal(vml_as_add(&r->as, &r->rom), VML_OK);
    assert_int_equal(vml_as_add(&r->as, &r->low), VML_OK);
    assert_int_equal(vml_as_add(&r->as, &r->high), VML_OK);
    assert_int_equal(vml_virtq_init(&r->vq, &config), VML_OK);
    r->layout = (struct vml_virtq_layout){.size = size,
                                          .desc = BASE + 0x1000,
                                          .driver = BASE + 0x8000,
                                          .device = BASE + 0xa000,
                                          .packed = packed,
                                          .event_idx = event_idx,
                                          .indirect = true};
    assert_int_equal(vml_virtq_start(&r->vq, &r->layout), VML_OK);
    r->desc = (struct desc *)(void *)(r->ram + 0x1000);
    r->driver = (uint16_t *)(void *)(r->ram + 0x8000);
    r->device = (uint16_t *)(void *)(r->ram + 0xa000);
    r->chain.bufs = r->bufs;
    r->wrap = true;
    return r;
}

static void end(struct rig *r)
{
    free(r->ram);
    free(r);
}

static void avail_split(struct rig *r, uint16_t head)
{
    r->driver[2 + r->driver[1] % r->layout.size] = head;
    r->driver[1]++;
}

static void put(struct desc *d, uint64_t addr, uint32_t len, uint16_t a, uint16_t b)
{
    *d = (struct desc){addr, len, a, b};
}

/* A packed descriptor at the driver's position, made available. */
static void avail_packed(struct rig *r, uint64_t addr, uint32_t len, uint16_t id, uint16_t flags)
{
    put(&r->desc[r->pos], addr, len, id, (uint16_t)(flags | (r->wrap ? 0x80 : 0x8000)));
    if (++r->pos == r->layout.size) {
        r->pos = 0;
        r->wrap = !r->wrap;
    }
}

static enum vml_status pop(struct rig *r)
{
    return vml_virtq_pop(&r->vq, &r->chain);
}

/* Set-up. */

static void layouts_are_checked(void **state)
{
    struct rig *r = make(false, 4, false, 4);
    struct vml_virtq_layout l = r->layout;
    struct vml_virtq_config none = {.as = &r->as};

    for (uint32_t size = 0; size < 300; size++) {
        l.size = size;
        l.packed = false;
        assert_int_equal(vml_virtq_start(&r->vq, &l) == VML_OK, vml_is_pow2(size));
        l.packed = true;
        assert_int_equal(vml_virtq_start(&r->vq, &l) == VML_OK, size != 0);
    }
    l = r->layout;
    l.size = 65536;
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_ERR_INVALID);
    l = r->layout;
    l.desc += 8;
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_ERR_INVALID);
    l = r->layout;
    l.driver += 1;
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_ERR_INVALID);
    l = r->layout;
    l.device += 2;
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_ERR_INVALID);
    l = r->layout;
    l.desc = BASE + RAM - 48; /* one descriptor too few */
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_ERR_RANGE);
    l.desc = BASE + RAM - 64;
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_OK);
    l = r->layout;
    l.desc = UINT64_MAX - 15;
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_ERR_RANGE);
    l = r->layout;
    l.device = 0; /* read-only */
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_ERR_RANGE);
    l = r->layout;
    l.driver = 0;
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_OK);
    assert_int_equal(vml_virtq_init(&r->vq, &none), VML_ERR_INVALID);
    end(r);
}

static void stopped_queue_has_nothing(void **state)
{
    struct rig *r = make(false, 4, false, 4);

    avail_split(r, 0);
    vml_virtq_stop(&r->vq);
    assert_int_equal(pop(r), VML_ERR_AGAIN);
    assert_false(vml_virtq_available(&r->vq));
    assert_false(vml_virtq_enable_notify(&r->vq));
    vml_virtq_disable_notify(&r->vq);
    vml_virtq_push(&r->vq, &r->chain, 0);
    assert_false(vml_virtq_publish(&r->vq));
    end(r);
}

/* Well-behaved. */

static void split_chain_comes_out(void **state)
{
    struct rig *r = make(false, 8, false, BIG);

    put(&r->desc[3], BASE + 0x10000, 16, 1, 6);
    put(&r->desc[6], BASE + 0x20000, 100, 3, 1);
    put(&r->desc[1], BASE + 0x30000, 200, 2, 77);
    assert_int_equal(pop(r), VML_ERR_AGAIN);
    avail_split(r, 3);
    avail_split(r, 1);
    assert_int_equal(pop(r), VML_OK);
    assert_int_equal(r->chain.readable, 1);
    assert_int_equal(r->chain.writable, 2);
    assert_ptr_equal(r->bufs[0].host, r->ram + 0x10000);
    assert_int_equal(r->bufs[0].len, 16);
    assert_ptr_equal(r->bufs[2].host, r->ram + 0x30000);
    assert_int_equal(vml_virtq_readable_len(&r->chain), 16);
    assert_int_equal(vml_virtq_writable_len(&r->chain), 300);
    vml_virtq_push(&r->vq, &r->chain, 250);
    assert_int_equal(r->device[1], 0); /* not before it is published */
    assert_int_equal(pop(r), VML_OK);
    assert_int_equal(r->chain.writable, 1);
    vml_virtq_push(&r->vq, &r->chain, 1);
    assert_true(vml_virtq_publish(&r->vq));
    assert_int_equal(r->device[1], 2);
    assert_int_equal(((uint32_t *)(void *)r->device)[1], 3);
    assert_int_equal(((uint32_t *)(void *)r->device)[2], 250);
    assert_int_equal(((uint32_t *)(void *)r->device)[3], 1);
    assert_false(vml_virtq_publish(&r->vq)); /* nothing new */
    assert_int_equal(pop(r), VML_ERR_AGAIN);
    end(r);
}

static void split_index_wraps_at_65536(void **state)
{
    struct rig *r = make(false, 4, true, 4);

    put(&r->desc[2], BASE + 0x10000, 16, 0, 0);
    for (unsigned i = 0; i < 70000; i++) {
        avail_split(r, 2);
        r->driver[2 + 4] =
            (uint16_t)(r->device[1] + (i & 1)); /* used_event: this one, or the next */
        assert_int_equal(pop(r), VML_OK);
        vml_virtq_push(&r->vq, &r->chain, 0);
        assert_int_equal(vml_virtq_publish(&r->vq), (i & 1) == 0);
        assert_int_equal(r->device[1], (uint16_t)(i + 1));
    }
    end(r);
}

static void packed_chains_wrap(void **state)
{
    struct rig *r = make(true, 5, false, BIG);
    uint16_t used = 0;
    bool wrap = true;

    for (unsigned i = 0; i < 1000; i++) {
        avail_packed(r, BASE + 0x10000, 64, 99, 1);
        avail_packed(r, BASE + 0x20000 + i, 4, (uint16_t)(i % 5), 2);
        assert_int_equal(pop(r), VML_OK);
        assert_int_equal(r->chain.readable, 1);
        assert_int_equal(r->chain.writable, 1);
        assert_ptr_equal(r->bufs[1].host, r->ram + 0x20000 + i);
        assert_int_equal(pop(r), VML_ERR_AGAIN);
        vml_virtq_push(&r->vq, &r->chain, i);
        assert_true(vml_virtq_publish(&r->vq));
        assert_int_equal(r->desc[used].a, i % 5); /* the id of the last descriptor, in the first */
        assert_int_equal(r->desc[used].len, i);
        assert_int_equal(r->desc[used].b, (wrap ? 0x8080 : 0) | 2);
        used = (uint16_t)(used + 2);
        if (used >= 5) {
            used = (uint16_t)(used - 5);
            wrap = !wrap;
        }
    }
    end(r);
}

static void packed_batch_appears_at_once(void **state)
{
    struct rig *r = make(true, 8, false, BIG);
    struct vml_virtq_chain chains[3];
    struct vml_virtq_buf bufs[3][4];

    for (unsigned i = 0; i < 3; i++) {
        avail_packed(r, BASE + 0x10000, 64, (uint16_t)i, 0);
        chains[i].bufs = bufs[i];
        assert_int_equal(vml_virtq_pop(&r->vq, &chains[i]), VML_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        vml_virtq_push(&r->vq, &chains[2 - i], i);
    }
    assert_int_equal(r->desc[0].b, 0x80); /* the driver looks at this one first */
    assert_true(vml_virtq_publish(&r->vq));
    assert_int_equal(r->desc[0].b, 0x8080);
    assert_int_equal(r->desc[0].a, 2);
    assert_int_equal(r->desc[1].b, 0x8080);
    assert_int_equal(r->desc[2].a, 0);
    end(r);
}

static void indirect_tables(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 8, false, BIG);
        struct desc *table = (struct desc *)(void *)(r->ram + 0x40000);

        put(&table[0], BASE + 0x10000, 16, packed ? 7 : 1, packed ? 0 : 2);
        put(&table[1], BASE + 0x20000, 1, packed ? 7 : 2, packed ? 2 : 0);
        put(&table[2], BASE + 0x30000, 512, packed ? 7 : 3, packed ? 2 : 1);
        for (int i = 0; i < 2; i++) {
            if (packed) {
                avail_packed(r, BASE + 0x40000, 48, 5, 4);
            } else {
                put(&r->desc[5], BASE + 0x40000, 48, 4, 0);
                avail_split(r, 5);
            }
            assert_int_equal(pop(r), VML_OK);
            assert_int_equal(r->chain.readable, 1);
            assert_int_equal(r->chain.writable, 2);
            assert_int_equal(r->chain.id, 5);
            assert_ptr_equal(r->bufs[packed ? 2 : 1].host, r->ram + 0x30000);
            /* The first comes by the general way, the second by the short one. */
        }
        end(r);
    }
}

/* 2.7.5.3: anywhere in memory. */
static void indirect_tables_at_any_address(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 8, false, BIG);

        for (unsigned shift = 0; shift < 16; shift++) {
            struct desc table[2];

            put(&table[0], BASE + 0x10000, 16, packed ? 0 : 1, packed ? 0 : 1);
            put(&table[1], BASE + 0x20000 + shift, 300, packed ? 0 : 2, packed ? 2 : 0);
            memcpy(r->ram + 0x40000 + shift, table, sizeof(table));
            if (packed) {
                avail_packed(r, BASE + 0x40000 + shift, 32, 5, 4);
            } else {
                put(&r->desc[5], BASE + 0x40000 + shift, 32, 4, 0);
                avail_split(r, 5);
            }
            assert_int_equal(pop(r), VML_OK);
            assert_int_equal(r->chain.readable, 1);
            assert_int_equal(r->chain.writable, 1);
            assert_ptr_equal(r->bufs[1].host, r->ram + 0x20000 + shift);
            assert_int_equal(r->bufs[1].len, 300);
        }
        end(r);
    }
}

/* 2.7.5.3.2 and 2.8.7: WRITE of the one that refers to a table; in a packed queue's table all but WRITE,
 * and the id. */
static void reserved_flags_are_ignored(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 8, false, BIG);
        struct desc *table = (struct desc *)(void *)(r->ram + 0x40000);

        for (unsigned lap = 0; lap < 3; lap++) {
            if (packed) {
                put(&table[0], BASE + 0x10000, 16, 999, 0xfffd);
                put(&table[1], BASE + 0x20000, 1, 998, 0xffff);
                avail_packed(r, BASE + 0x40000, 32, 5, 4 | 2);
            } else {
                put(&table[0], BASE + 0x10000, 16, 0xfff9, 1);
                put(&table[1], BASE + 0x20000, 1, 0xfffa, 77);
                put(&r->desc[5], BASE + 0x40000, 32, 4 | 2, 77);
                avail_split(r, 5);
            }
            assert_int_equal(pop(r), VML_OK);
            assert_int_equal(r->chain.readable, 1);
            assert_int_equal(r->chain.writable, 1);
            assert_int_equal(r->chain.id, 5);
            assert_ptr_equal(r->bufs[1].host, r->ram + 0x20000);
            vml_virtq_push(&r->vq, &r->chain, 1);
            assert_true(vml_virtq_publish(&r->vq));
        }
        end(r);
    }
}

/* 2.7.5.3.2: direct descriptors, then one indirect. */
static void split_direct_then_indirect(void **state)
{
    struct rig *r = make(false, 8, false, BIG);
    struct desc *table = (struct desc *)(void *)(r->ram + 0x40000);

    put(&table[0], BASE + 0x20000, 1, 2, 0);
    put(&r->desc[0], BASE + 0x10000, 16, 1, 1);
    put(&r->desc[1], BASE + 0x40000, 16, 4, 0);
    avail_split(r, 0);
    assert_int_equal(pop(r), VML_OK);
    assert_int_equal(r->chain.readable, 1);
    assert_int_equal(r->chain.writable, 1);
    assert_ptr_equal(r->bufs[1].host, r->ram + 0x20000);
    end(r);
}

static void buffers_cross_regions(void **state)
{
    struct rig *r = make(false, 8, false, BIG);

    put(&r->desc[0], BASE + RAM / 2 - 10, 30, 0, 0);
    avail_split(r, 0);
    assert_int_equal(pop(r), VML_OK);
    assert_int_equal(r->chain.readable, 2);
    assert_int_equal(r->bufs[0].len, 10);
    assert_ptr_equal(r->bufs[1].host, r->high.host);
    assert_int_equal(r->bufs[1].len, 20);
    end(r);
}

static void copies_reach_every_byte(void **state)
{
    struct rig *r = make(false, 8, false, BIG);
    uint8_t out[32] = {0};

    for (int i = 0; i < 3; i++) {
        put(&r->desc[i], BASE + 0x10000 + 0x100 * (unsigned)i, 5, 1, (uint16_t)(i + 1));
        memcpy(r->ram + 0x10000 + 0x100 * i, &"abcdefghijklmno"[5 * i], 5);
    }
    put(&r->desc[3], BASE + 0x20000, 3, 3, 4);
    put(&r->desc[4], BASE + 0x30000, 4, 2, 0);
    avail_split(r, 0);
    assert_int_equal(pop(r), VML_OK);
    assert_int_equal(vml_virtq_copy_from(&r->chain, 0, out, 32), 15);
    assert_memory_equal(out, "abcdefghijklmno", 15);
    for (size_t at = 0; at <= 15; at++) {
        for (size_t n = 0; n <= 15; n++) {
            size_t want = n < 15 - at ? n : 15 - at;

            memset(out, 0, sizeof(out));
            assert_int_equal(vml_virtq_copy_from(&r->chain, at, out, n), want);
            assert_memory_equal(out, &"abcdefghijklmno"[at], want);
        }
    }
    assert_int_equal(vml_virtq_copy_to(&r->chain, 2, "XYZ", 3), 3);
    assert_int_equal(r->ram[0x20002], 'X');
    assert_memory_equal(r->ram + 0x30000, "YZ", 2);
    assert_int_equal(vml_virtq_copy_to(&r->chain, 5, "12345", 5), 2);
    assert_int_equal(vml_virtq_copy_to(&r->chain, 7, "1", 1), 0);

    uint16_t count = r->chain.readable;
    struct vml_virtq_buf *left = vml_virtq_skip(r->bufs, &count, 7);

    assert_int_equal(count, 2);
    assert_int_equal(left->len, 3);
    assert_int_equal(left->host[0], 'h');
    left = vml_virtq_skip(left, &count, 100);
    assert_int_equal(count, 0);
    end(r);
}

/* Every length of a piece that is copied differently, and nothing beside it. */
static void copies_of_every_length(void **state)
{
    struct rig *r = make(false, 4, false, BIG);
    uint8_t out[208], in[208];

    for (unsigned i = 0; i < sizeof(in); i++) {
        in[i] = (uint8_t)(i * 7 + 1);
    }
    for (uint32_t a = 0; a <= 100; a++) {
        uint32_t b = 100 - a;

        memset(r->ram + 0x10000, 0xee, 0x1000);
        memcpy(r->ram + 0x10001, in, a);
        memcpy(r->ram + 0x10203, in + a, b);
        put(&r->desc[0], BASE + 0x10001, a, 1, 1);
        put(&r->desc[1], BASE + 0x10203, b, 1, 2);
        put(&r->desc[2], BASE + 0x10405, a, 3, 3);
        put(&r->desc[3], BASE + 0x10607, b, 2, 0);
        avail_split(r, 0);
        assert_int_equal(pop(r), VML_OK);
        memset(out, 0xdd, sizeof(out));
        assert_int_equal(vml_virtq_copy_from(&r->chain, 0, out + 1, 200), 100);
        assert_memory_equal(out + 1, in, 100);
        assert_int_equal(out[0], 0xdd);
        assert_int_equal(out[101], 0xdd);
        assert_int_equal(vml_virtq_copy_to(&r->chain, 0, in, 200), 100);
        assert_memory_equal(r->ram + 0x10405, in, a);
        assert_memory_equal(r->ram + 0x10607, in + a, b);
        assert_int_equal(r->ram[0x10404], 0xee);
        assert_int_equal(r->ram[0x10405 + a], 0xee);
        assert_int_equal(r->ram[0x10606], 0xee);
        assert_int_equal(r->ram[0x10607 + b], 0xee);
        vml_virtq_push(&r->vq, &r->chain, 100);
        (void)!vml_virtq_publish(&r->vq);
    }
    end(r);
}

static void rewind_pops_again(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 4, false, BIG);

        for (int i = 0; i < 30; i++) {
            if (packed) {
                avail_packed(r, BASE + 0x10000, 1, 1, 1);
                avail_packed(r, BASE + 0x10000, 2, 1, 1);
                avail_packed(r, BASE + 0x10000, 3, 1, 0);
            } else {
                put(&r->desc[0], BASE + 0x10000, 1, 1, 1);
                put(&r->desc[1], BASE + 0x10000, 2, 0, 0);
                avail_split(r, 0);
            }
            assert_int_equal(pop(r), VML_OK);
            vml_virtq_rewind(&r->vq, &r->chain);
            assert_true(vml_virtq_available(&r->vq));
            assert_int_equal(pop(r), VML_OK);
            assert_int_equal(r->chain.readable, packed ? 3 : 2);
            assert_int_equal(pop(r), VML_ERR_AGAIN);
            vml_virtq_push(&r->vq, &r->chain, 0);
            assert_true(vml_virtq_publish(&r->vq));
        }
        end(r);
    }
}

/* Notifications. */

static void flags_suppress_interrupts(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 4, false, BIG);

        r->driver[packed ? 1 : 0] = 1;
        if (packed) {
            avail_packed(r, BASE + 0x10000, 1, 1, 0);
        } else {
            put(&r->desc[0], BASE + 0x10000, 1, 0, 0);
            avail_split(r, 0);
        }
        assert_int_equal(pop(r), VML_OK);
        vml_virtq_push(&r->vq, &r->chain, 0);
        assert_false(vml_virtq_publish(&r->vq));
        r->driver[packed ? 1 : 0] = 0;
        r->driver[packed ? 0 : 2 + 4] = 0x7000; /* an event index that was not negotiated */
        if (packed) {
            avail_packed(r, BASE + 0x10000, 1, 1, 0);
        } else {
            avail_split(r, 0);
        }
        assert_int_equal(pop(r), VML_OK);
        vml_virtq_push(&r->vq, &r->chain, 0);
        assert_true(vml_virtq_publish(&r->vq));
        vml_virtq_disable_notify(&r->vq);
        assert_int_equal(r->device[packed ? 1 : 0], 1);
        assert_false(vml_virtq_enable_notify(&r->vq));
        assert_int_equal(r->device[packed ? 1 : 0], 0);
        end(r);
    }
}

static void split_event_index(void **state)
{
    struct rig *r = make(false, 8, true, BIG);
    uint16_t *used_event = &r->driver[2 + 8];
    uint16_t *avail_event = &r->device[2 + 4 * 8];

    put(&r->desc[0], BASE + 0x10000, 1, 0, 0);
    *used_event = 2; /* at the third */
    for (int i = 0; i < 6; i++) {
        r->driver[0] = i & 1; /* 2.7.7.2: means nothing */
        avail_split(r, 0);
        assert_int_equal(pop(r), VML_OK);
        vml_virtq_push(&r->vq, &r->chain, 0);
        assert_int_equal(vml_virtq_publish(&r->vq), i == 2);
    }
    assert_false(vml_virtq_enable_notify(&r->vq));
    assert_int_equal(*avail_event, 6);
    vml_virtq_disable_notify(&r->vq);
    assert_int_equal(r->device[0], 0); /* flags stay zero with event indexes (2.7.10) */
    avail_split(r, 0);
    assert_true(vml_virtq_enable_notify(&r->vq));
    end(r);
}

static void packed_event_index(void **state)
{
    struct rig *r = make(true, 4, true, BIG);

    r->driver[1] = 2; /* DESC */
    for (unsigned i = 0; i < 64; i++) {
        bool now = i % 3 == 0;
        unsigned at = now ? i : i + 1;

        r->driver[0] = (uint16_t)(at % 4 | ((at / 4) % 2 == 0 ? 0x8000 : 0));
        avail_packed(r, BASE + 0x10000, 1, 1, 0);
        assert_int_equal(pop(r), VML_OK);
        vml_virtq_push(&r->vq, &r->chain, 0);
        assert_int_equal(vml_virtq_publish(&r->vq), now);
        assert_false(vml_virtq_enable_notify(&r->vq));
        assert_int_equal(r->device[0], ((i + 1) % 4) | (((i + 1) / 4) % 2 == 0 ? 0x8000 : 0));
        assert_int_equal(r->device[1], 2);
    }
    end(r);
}

/* Hostile. */

static void breaks(struct rig *r)
{
    assert_int_equal(pop(r), VML_ERR_CORRUPT);
    assert_int_equal(pop(r), VML_ERR_CORRUPT); /* and stays broken */
    assert_true(vml_virtq_available(&r->vq));
    end(r);
}

static void split_loop_breaks(void **state)
{
    struct rig *r = make(false, 4, false, BIG);

    put(&r->desc[0], BASE + 0x10000, 1, 1, 1);
    put(&r->desc[1], BASE + 0x10000, 1, 1, 0);
    avail_split(r, 0);
    breaks(r);
    r = make(false, 4, false, BIG);
    put(&r->desc[0], BASE + 0x10000, 1, 3, 0);
    avail_split(r, 0);
    breaks(r);
}

static void longest_chain_is_the_queue(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 4, false, BIG);

        for (int lap = 0; lap < 2; lap++) { /* the general way, then the short one */
            for (uint16_t i = 0; i < 4; i++) {
                if (packed) {
                    avail_packed(r, BASE + 0x10000, 1, 1, i < 3);
                } else {
                    put(&r->desc[i], BASE + 0x10000, 1, i < 3, (uint16_t)(i + 1));
                }
            }
            if (!packed) {
                avail_split(r, 0);
            }
            assert_int_equal(pop(r), VML_OK);
            assert_int_equal(r->chain.readable, 4);
            vml_virtq_push(&r->vq, &r->chain, 0);
            assert_true(vml_virtq_publish(&r->vq));
        }
        end(r);
    }
}

/* What is wrong with a chain, and where. */
enum fault { NONE, OUTSIDE, WRONG_SIDE, TABLE_IN_TABLE, NEXT_OUTSIDE, FAULTS };

/* A chain whose first `readable` of `length` buffers are readable, in the ring or in a table; the
 * descriptors of a split ring are in no order. */
static void make_chain(struct rig *r, bool table, unsigned length, unsigned readable, unsigned lap,
                       enum fault fault, unsigned where)
{
    struct desc *entries = (struct desc *)(void *)(r->ram + 0x40000);
    unsigned size = table ? length : r->layout.size;
    bool packed = r->layout.packed;

    for (unsigned i = 0; i < 20; i++) { /* what is behind the ring and the table looks as good */
        put(&r->desc[r->layout.size + i], BASE + 0x20000, 5, 0, 0);
        put(&entries[length + i], BASE + 0x20000, 5, 0, 0);
    }
    for (unsigned i = 0; i < length; i++) {
        unsigned slot = table && packed ? i : (i * 3 + (table ? 0 : lap)) % size;
        unsigned next = (slot + 3) % size;
        uint64_t address = BASE + 0x50000 + 0x1000 * i + lap;
        uint16_t flags = (uint16_t)((i >= readable) * 2);

        if (table && size % 3 == 0) { /* then 3 would not reach all of them */
            slot = i;
            next = i + 1;
        }
        if (!(table && packed) && i + 1 < length) {
            flags |= 1;
        }
        if (i == where) {
            address = fault == OUTSIDE ? BASE + RAM : address;
            flags ^= fault == WRONG_SIDE ? 2 : 0;
            flags |= fault == TABLE_IN_TABLE ? 4 : 0;
            next = fault == NEXT_OUTSIDE ? size : next;
        }
        if (packed && !table) {
            avail_packed(r, address, 17 + i, (uint16_t)(100 + i), flags);
        } else if (packed) {
            put(&entries[slot], address, 17 + i, 0xffff, flags);
        } else {
            put(table ? &entries[slot] : &r->desc[slot], address, 17 + i, flags, (uint16_t)next);
        }
    }
    if (table && packed) {
        avail_packed(r, BASE + 0x40000, length * 16, 100, 4);
    } else if (table) {
        put(&r->desc[lap % r->layout.size], BASE + 0x40000, length * 16, 4, 0xffff);
    }
    if (!packed) {
        avail_split(r, (uint16_t)(lap % r->layout.size));
    }
}

static void assert_chain(struct rig *r, bool table, unsigned length, unsigned readable,
                         unsigned lap)
{
    assert_int_equal(pop(r), VML_OK);
    assert_int_equal(r->chain.readable, readable);
    assert_int_equal(r->chain.writable, length - readable);
    for (unsigned i = 0; i < length; i++) {
        assert_ptr_equal(r->bufs[i].host, r->ram + 0x50000 + 0x1000 * i + lap);
        assert_int_equal(r->bufs[i].len, 17 + i);
    }
    if (r->layout.packed) {
        assert_int_equal(r->chain.id, table ? 100 : 100 + length - 1);
        assert_int_equal(r->chain.slots, table ? 1 : length);
    } else {
        assert_int_equal(r->chain.id, lap % r->layout.size);
    }
    vml_virtq_push(&r->vq, &r->chain, 1);
    assert_true(vml_virtq_publish(&r->vq));
    assert_int_equal(pop(r), VML_ERR_AGAIN);
}

/* Every length and division, in a queue that goes round; by the general way first, then the short
 * one. */
static void chains_of_every_length(void **state)
{
    static const uint16_t bufs[] = {1, 2, 3, 4, 5, 8, 16};

    for (unsigned k = 0; k < 2 * 2 * 3 * 7; k++) {
        bool packed = k & 1, table = k & 2;
        unsigned size = 4u << (k / 4 % 3), most = bufs[k / 12];
        struct rig *r = make(packed, size, false, (uint16_t)most);
        unsigned lap = 0;

        most = most < size ? most : size;
        for (unsigned length = 1; length <= most; length++) {
            for (unsigned readable = 0; readable <= length; readable++) {
                for (unsigned i = 0; i < 3; i++, lap++) {
                    make_chain(r, table, length, readable, lap, NONE, 0);
                    assert_chain(r, table, length, readable, lap);
                }
                make_chain(r, table, 1, 1, lap, NONE, 0); /* the next ones are elsewhere */
                assert_chain(r, table, 1, 1, lap++);
            }
        }
        if (table || most < size) { /* one more than there may be */
            make_chain(r, table, most + 1, most, lap, NONE, 0);
            assert_int_equal(pop(r), VML_ERR_CORRUPT);
        }
        end(r);
    }
}

static void faults_anywhere_in_a_chain_break(void **state)
{
    for (unsigned k = 0; k < 4; k++) {
        bool packed = k & 1, table = k & 2;

        for (unsigned length = 1; length <= 9; length++) {
            for (unsigned where = 0; where < length; where++) {
                for (enum fault fault = OUTSIDE; fault < FAULTS; fault++) {
                    for (unsigned before = 0; before < 2; before++) {
                        struct rig *r = make(packed, 16, false, 16);

                        if (before) { /* so that the short way is tried */
                            make_chain(r, table, length, length, 0, NONE, 0);
                            assert_chain(r, table, length, length, 0);
                        }
                        make_chain(r, table, length, length, 1, fault, where);
                        /* One that is writable is wrong but in the last place; a table is wrong in
                         * a table, where the flag means something, and in the ring it is one that
                         * is not there. */
                        if ((fault == WRONG_SIDE && where + 1 == length) ||
                            (fault == TABLE_IN_TABLE && packed && table) ||
                            (fault == NEXT_OUTSIDE && (packed || where + 1 == length))) {
                            assert_int_equal(pop(r), VML_OK);
                        } else {
                            assert_int_equal(pop(r), VML_ERR_CORRUPT);
                            assert_int_equal(pop(r), VML_ERR_CORRUPT);
                        }
                        end(r);
                    }
                }
            }
        }
    }
}

static void packed_endless_chain_breaks(void **state)
{
    struct rig *r = make(true, 4, false, BIG);

    for (int i = 0; i < 4; i++) {
        avail_packed(r, BASE + 0x10000, 1, 1, 1);
    }
    breaks(r);
}

static void head_out_of_range_breaks(void **state)
{
    struct rig *r = make(false, 4, false, BIG);

    avail_split(r, 4);
    breaks(r);
}

static void next_out_of_range_breaks(void **state)
{
    struct rig *r = make(false, 4, false, BIG);

    put(&r->desc[0], BASE + 0x10000, 1, 0, 0);
    avail_split(r, 0);
    assert_int_equal(pop(r), VML_OK); /* the short way is open now */
    put(&r->desc[0], BASE + 0x10000, 1, 1, 4 + 1);
    put(&r->desc[1], BASE + 0x10000, 1, 0, 0);
    avail_split(r, 0);
    breaks(r);
    r = make(false, 4, false, BIG);
    put(&r->desc[0], BASE + 0x10000, 1, 3, 0x4000);
    avail_split(r, 0);
    breaks(r);
}

static void index_runs_ahead_breaks(void **state)
{
    struct rig *r = make(false, 4, false, BIG);

    r->driver[1] = 5;
    breaks(r);
}

static void readable_after_writable_breaks(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        for (int warm = 0; warm < 2; warm++) {
            struct rig *r = make(packed, 4, false, BIG);

            for (int i = 0; i < 1 + warm; i++) {
                uint16_t bad = i == warm;

                if (packed) {
                    avail_packed(r, BASE + 0x10000, 1, 1, (uint16_t)(bad * 3));
                    if (bad) {
                        avail_packed(r, BASE + 0x10000, 1, 1, 0);
                    }
                } else {
                    put(&r->desc[0], BASE + 0x10000, 1, (uint16_t)(bad * 3), 1);
                    put(&r->desc[1], BASE + 0x10000, 1, 0, 0);
                    avail_split(r, 0);
                }
                if (!bad) {
                    assert_int_equal(pop(r), VML_OK);
                }
            }
            breaks(r);
        }
    }
}

static void addresses_outside_break(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags;
    } bad[] = {
        {BASE + RAM - 1, 2, 0}, {BASE - 1, 1, 0},
        {UINT64_MAX - 1, 4, 0}, {UINT64_MAX, UINT32_MAX, 0},
        {BASE, UINT32_MAX, 0},  {0, 1, 2},
        {4095, 2, 0},           {BASE + RAM, 1, 0},
    };

    for (int packed = 0; packed < 2; packed++) {
        for (size_t i = 0; i < VML_ARRAY_SIZE(bad); i++) {
            struct rig *r = make(packed, 4, false, BIG);

            if (packed) {
                avail_packed(r, bad[i].addr, bad[i].len, 0, bad[i].flags);
            } else {
                put(&r->desc[0], bad[i].addr, bad[i].len, bad[i].flags, 0);
                avail_split(r, 0);
            }
            breaks(r);
        }
    }
}

static void indirect_faults_break(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags, entry_flags, next;
    } bad[] = {
        {BASE + 0x40000, 0, 4, 0, 0},        {BASE + 0x40000, 17, 4, 0, 0},
        {BASE + 0x40000, 16, 5, 0, 0},       {BASE + 0x40000, 16, 4, 4, 0},
        {BASE + RAM - 16, 32, 4, 0, 0},      {BASE + 0x40000, 16, 4, 1, 1},
        {BASE + 0x40000, 0x100000, 4, 0, 0}, {BASE + 0x40000, 0xfffffff0, 4, 0, 0},
    };

    for (int packed = 0; packed < 2; packed++) {
        for (size_t i = 0; i < VML_ARRAY_SIZE(bad); i++) {
            struct rig *r = make(packed, 4, false, BIG);
            struct desc *table = (struct desc *)(void *)(r->ram + 0x40000);

            if (packed && bad[i].entry_flags != 0) {
                end(r);
                continue; /* neither NEXT nor INDIRECT has a meaning there */
            }
            if (bad[i].len == 0x100000 && !packed) {
                /* A huge table is fine by itself; a chain in it longer than the queue is not. */
                for (unsigned k = 0; k < 8; k++) {
                    put(&table[k], BASE, 1, 1, (uint16_t)(k + 1));
                }
            } else {
                put(&table[0], BASE, 1, packed ? 0 : bad[i].entry_flags,
                    packed ? bad[i].entry_flags : bad[i].next);
            }
            if (packed) {
                avail_packed(r, bad[i].addr, bad[i].len, 0, bad[i].flags);
            } else {
                put(&r->desc[0], bad[i].addr, bad[i].len, bad[i].flags, 0);
                avail_split(r, 0);
            }
            breaks(r);
        }
    }
}

static void indirect_not_negotiated_breaks(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 4, false, BIG);

        r->layout.indirect = false;
        assert_int_equal(vml_virtq_start(&r->vq, &r->layout), VML_OK);
        if (packed) {
            avail_packed(r, BASE + 0x40000, 16, 0, 4);
        } else {
            put(&r->desc[0], BASE + 0x40000, 16, 4, 0);
            avail_split(r, 0);
        }
        breaks(r);
    }
}

static void too_many_buffers_break(void **state)
{
    struct rig *r = make(false, 8, false, 2);

    for (uint16_t i = 0; i < 3; i++) {
        put(&r->desc[i], BASE + 0x10000, 1, i < 2, (uint16_t)(i + 1));
    }
    avail_split(r, 0);
    breaks(r);
}

static void zero_length_buffers_are_harmless(void **state)
{
    struct rig *r = make(false, 4, false, BIG);

    for (int i = 0; i < 2; i++) {
        put(&r->desc[0], BASE + 0x10000, 0, 1, 1);
        put(&r->desc[1], BASE + 0x10000, 3, 2, 0);
        avail_split(r, 0);
        assert_int_equal(pop(r), VML_OK);
        assert_int_equal(vml_virtq_readable_len(&r->chain), 0);
        assert_int_equal(vml_virtq_writable_len(&r->chain), 3);
    }
    end(r);
}

/* Translation, dirty, moves. */

static bool translate(void *context, uint64_t address, uint64_t *len, bool write, uint64_t *gpa)
{
    uint64_t in_page = 4096 - (address & 4095);

    (void)context;
    (void)write;
    if (address >= 0x100000) {
        return false;
    }
    *gpa = BASE + (address ^ 0x1000); /* pages are swapped in pairs */
    *len = *len < in_page ? *len : in_page;
    return true;
}

static void addresses_go_through_the_hook(void **state)
{
    struct rig *r = make(false, 4, false, BIG);
    struct vml_virtq_config config = {.as = &r->as, .translate = translate, .max_bufs = 8};
    struct vml_virtq_layout l = {
        .size = 4, .desc = 0, .driver = 0x7000, .device = 0x9000, .translated = true};

    assert_int_equal(vml_virtq_init(&r->vq, &config), VML_OK);
    l.size = 512; /* more than one page of descriptors: not in one piece */
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_ERR_RANGE);
    l.size = 4;
    assert_int_equal(vml_virtq_start(&r->vq, &l), VML_OK);
    put(&r->desc[0], 0x20ff0, 32, 2, 0); /* two pages */
    r->driver[2] = 0;
    r->driver[1] = 1;
    r->driver = (uint16_t *)(void *)(r->ram + 0x6000);
    r->driver[2] = 0;
    r->driver[1] = 1;
    assert_ptr_equal(r->vq.driver, r->driver + 0x1000 / 2 * 0);
    assert_int_equal(pop(r), VML_OK);
    assert_int_equal(r->chain.writable, 2);
    assert_ptr_equal(r->bufs[0].host, r->ram + 0x21ff0);
    assert_ptr_equal(r->bufs[1].host, r->ram + 0x20000);
    put(&r->desc[0], 0x100000, 32, 2, 0);
    r->driver[3] = 0;
    r->driver[1] = 2;
    breaks(r);
}

static bool is_dirty(struct rig *r, uint64_t gpa)
{
    uint64_t page = (gpa - BASE) / 4096;

    return (r->dirty[page / 64] >> (page % 64)) & 1;
}

static void writes_are_marked_dirty(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 4, false, BIG);
        uint64_t words[VML_AS_DIRTY_WORDS(RAM / 2)];

        for (int i = 0; i < 2; i++) {
            if (packed) {
                avail_packed(r, BASE + 0x10000, 5000, 1, 2);
            } else {
                put(&r->desc[0], BASE + 0x10000, 5000, 2, 0);
                avail_split(r, 0);
            }
            assert_int_equal(pop(r), VML_OK);
            if (i == 0) {
                vml_virtq_push(&r->vq, &r->chain, 1);
                assert_true(vml_virtq_publish(&r->vq));
                assert_false(is_dirty(r, BASE + 0x10000));
                vml_as_track(&r->as, true);
            }
        }
        assert_int_equal(vml_as_take_dirty(&r->as, &r->low, words), VML_OK);
        vml_virtq_push(&r->vq, &r->chain, 1);
        assert_true(is_dirty(r, BASE + 0x10000));
        assert_true(is_dirty(r, BASE + 0x11000));
        assert_false(is_dirty(r, BASE + 0x12000));
        assert_true(vml_virtq_publish(&r->vq));
        assert_true(is_dirty(r, packed ? BASE + 0x1000 : BASE + 0xa000));
        assert_int_equal(vml_as_take_dirty(&r->as, &r->low, words), VML_OK);
        vml_virtq_disable_notify(&r->vq);
        assert_true(is_dirty(r, BASE + 0xa000));
        end(r);
    }
}

static void positions_are_kept(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(packed, 4, false, BIG);
        struct vml_virtq_position at;

        for (int i = 0; i < 11; i++) {
            if (packed) {
                avail_packed(r, BASE + 0x10000, 1, 1, 0);
            } else {
                put(&r->desc[0], BASE + 0x10000, 1, 0, 0);
                avail_split(r, 0);
            }
            assert_int_equal(pop(r), VML_OK);
            vml_virtq_push(&r->vq, &r->chain, 0);
            assert_true(vml_virtq_publish(&r->vq));
            at = vml_virtq_position(&r->vq);
            assert_int_equal(vml_virtq_start(&r->vq, &r->layout), VML_OK);
            assert_int_equal(vml_virtq_set_position(&r->vq, &at), VML_OK);
            assert_int_equal(pop(r), VML_ERR_AGAIN);
            assert_int_equal(vml_virtq_retranslate(&r->vq), VML_OK);
        }
        at.next_avail = (uint16_t)(at.next_used + 5);
        assert_int_equal(vml_virtq_set_position(&r->vq, &at), VML_ERR_CORRUPT);
        end(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_are_checked),
        cmocka_unit_test(stopped_queue_has_nothing),
        cmocka_unit_test(split_chain_comes_out),
        cmocka_unit_test(split_index_wraps_at_65536),
        cmocka_unit_test(packed_chains_wrap),
        cmocka_unit_test(packed_batch_appears_at_once),
        cmocka_unit_test(indirect_tables),
        cmocka_unit_test(indirect_tables_at_any_address),
        cmocka_unit_test(reserved_flags_are_ignored),
        cmocka_unit_test(split_direct_then_indirect),
        cmocka_unit_test(buffers_cross_regions),
        cmocka_unit_test(copies_reach_every_byte),
        cmocka_unit_test(copies_of_every_length),
        cmocka_unit_test(rewind_pops_again),
        cmocka_unit_test(flags_suppress_interrupts),
        cmocka_unit_test(split_event_index),
        cmocka_unit_test(packed_event_index),
        cmocka_unit_test(split_loop_breaks),
        cmocka_unit_test(longest_chain_is_the_queue),
        cmocka_unit_test(chains_of_every_length),
        cmocka_unit_test(faults_anywhere_in_a_chain_break),
        cmocka_unit_test(packed_endless_chain_breaks),
        cmocka_unit_test(head_out_of_range_breaks),
        cmocka_unit_test(next_out_of_range_breaks),
        cmocka_unit_test(index_runs_ahead_breaks),
        cmocka_unit_test(readable_after_writable_breaks),
        cmocka_unit_test(addresses_outside_break),
        cmocka_unit_test(indirect_faults_break),
        cmocka_unit_test(indirect_not_negotiated_breaks),
        cmocka_unit_test(too_many_buffers_break),
        cmocka_unit_test(zero_length_buffers_are_harmless),
        cmocka_unit_test(addresses_go_through_the_hook),
        cmocka_unit_test(writes_are_marked_dirty),
        cmocka_unit_test(positions_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
