/* The block device: virtio 1.3, 5.2, with a back end in memory that answers at once, later, or when
 * cancelled. */
#include "test.h"
#include "virtio_driver.h"
#include <vml/virtio_block.h>

enum { SECTORS = 128, REQUESTS = 2, SEGS = 8 };

struct rig {
    struct vd vd;
    struct vml_virtio_block block;
    struct vml_virtio_mmio mmio;
    struct vml_virtio_queue queues[2];
    struct vml_virtio_block_request requests[REQUESTS];
    struct vml_virtq_buf bufs[REQUESTS * VML_VIRTIO_BLOCK_BUFS(SEGS)];
    uint8_t disk[SECTORS * 512];
    bool later;
    enum vml_status result;
    struct vml_block_request *waiting[REQUESTS];
    unsigned waits, flushes, durable, zeroes, discards, cancels, unmaps;
    uint64_t gpa;
};

static void finish(struct rig *r, struct vml_block_request *request)
{
    if (r->later) {
        r->waiting[r->waits++] = request;
    } else {
        request->done(request, r->result);
    }
}

static void copy(struct rig *r, struct vml_block_request *q, bool write)
{
    uint64_t at = q->offset;

    for (uint32_t i = 0; i < q->buf_count; i++) {
        assert_true(at + q->bufs[i].len <= sizeof(r->disk));
        if (write) {
            memcpy(r->disk + at, q->bufs[i].host, q->bufs[i].len);
        } else {
            memcpy(q->bufs[i].host, r->disk + at, q->bufs[i].len);
        }
        at += q->bufs[i].len;
    }
    assert_int_equal(at - q->offset, q->length);
}

static void b_read(void *context, struct vml_block_request *q)
{
    copy(context, q, false);
    finish(context, q);
}

static void b_write(void *context, struct vml_block_request *q)
{
    struct rig *r = context;

    copy(r, q, true);
    r->durable += q->durable;
    finish(r, q);
}

static void b_flush(void *context, struct vml_block_request *q)
{
    struct rig *r = context;

    r->flushes++;
    finish(r, q);
}

static void b_zero(void *context, struct vml_block_request *q)
{
    struct rig *r = context;

    r->zeroes++;
    r->discards += q->discard;
    r->unmaps += q->unmap;
    if (!q->discard) {
        memset(r->disk + q->offset, 0, q->length);
    }
    finish(r, q);
}

static void b_cancel(void *context)
{
    struct rig *r = context;

    r->cancels++;
    while (r->waits > 0) {
        struct vml_block_request *q = r->waiting[--r->waits];

        q->done(q, VML_ERR_STATE);
    }
}

static const struct vml_block_ops ops = {
    .read = b_read, .write = b_write, .flush = b_flush, .zero = b_zero, .cancel = b_cancel};

#define FEATURES                                                                                   \
    (VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_BLK_F_FLUSH | VML_VIRTIO_BLK_F_CONFIG_WCE |               \
     VML_VIRTIO_BLK_F_DISCARD | VML_VIRTIO_BLK_F_WRITE_ZEROES)

static struct vml_virtio_block_config config_of(struct rig *r)
{
    return (struct vml_virtio_block_config){.platform = {.as = &r->vd.as},
                                            .backend = {&ops, r},
                                            .capacity = SECTORS,
                                            .block_size = 4096,
                                            .physical_block_exp = 1,
                                            .min_io_blocks = 2,
                                            .opt_io_blocks = 16,
                                            .size_max = 65536,
                                            .seg_max = SEGS,
                                            .serial = "a serial number 1234",
                                            .queues = r->queues,
                                            .queue_count = 2,
                                            .requests = r->requests,
                                            .request_count = REQUESTS,
                                            .bufs = r->bufs};
}

static struct rig *make_with(bool read_only, struct vml_block backend)
{
    struct rig *r = calloc(1, sizeof(*r));

    vd_init(&r->vd, 8 << 20);
    struct vml_virtio_block_config config = config_of(r);
    struct vml_virtio_mmio_config mmio = {.name = "block", .dev = &r->block.virtio};

    config.read_only = read_only;
    if (backend.ops) {
        config.backend = backend;
    }
    for (unsigned i = 0; i < sizeof(r->disk); i++) {
        r->disk[i] = (uint8_t)(i / 512 + i);
    }
    assert_int_equal(vml_virtio_block_init(&r->block, &config), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&r->mmio, &mmio), VML_OK);
    r->vd.device = &r->mmio.device;
    r->gpa = vd_alloc(&r->vd, 1 << 20, 4096);
    return r;
}

static struct rig *make(bool read_only)
{
    return make_with(read_only, (struct vml_block){NULL, NULL});
}

static void end(struct rig *r)
{
    vml_virtio_mmio_destroy(&r->mmio);
    vml_virtio_block_destroy(&r->block);
    vd_free(&r->vd);
    free(r);
}

/* Header at gpa, status at gpa + 16, data from gpa + 4096. */
static uint8_t *status_of(struct rig *r, unsigned n)
{
    return vd_host(&r->vd, r->gpa + 64 * n + 16);
}

static void send(struct rig *r, unsigned queue, unsigned n, uint32_t type, uint64_t sector,
                 uint32_t data, bool write)
{
    uint64_t base = r->gpa + 64 * n;
    uint8_t *header = vd_host(&r->vd, base);
    struct vd_buf bufs[3] = {{base, 16, false}};
    unsigned count = 1;

    vml_store_le32(header, type);
    vml_store_le32(header + 4, 0);
    vml_store_le64(header + 8, sector);
    *status_of(r, n) = 0xee;
    if (data) {
        bufs[count++] = (struct vd_buf){r->gpa + 4096, data, write};
    }
    bufs[count++] = (struct vd_buf){base + 16, 1, true};
    assert_true(vd_add(&r->vd.q[queue], bufs, count) >= 0);
    vd_kick(&r->vd, &r->vd.q[queue]);
}

static uint8_t *data_of(struct rig *r)
{
    return vd_host(&r->vd, r->gpa + 4096);
}

/* Sends one request and checks its answer. */
static void expect(struct rig *r, uint32_t type, uint64_t sector, uint32_t data, bool write,
                   uint8_t status, uint32_t written)
{
    uint32_t len = 99;

    send(r, 0, 0, type, sector, data, write);
    assert_true(vd_used(&r->vd.q[0], &len) >= 0);
    assert_int_equal(*status_of(r, 0), status);
    assert_int_equal(len, written + 1);
}

static void config_space(void **state)
{
    struct rig *r = make(false);

    assert_int_equal(vd_read(&r->vd, 8), 2);
    assert_int_equal(vd_access(&r->vd, 0x100, 8, false, 0), SECTORS);
    assert_int_equal(vd_read(&r->vd, 0x108), 65536);
    assert_int_equal(vd_read(&r->vd, 0x10c), SEGS);
    assert_int_equal(vd_read(&r->vd, 0x114), 4096);
    assert_int_equal(vd_access(&r->vd, 0x118, 1, false, 0), 1);
    assert_int_equal(vd_access(&r->vd, 0x11a, 2, false, 0), 2);
    assert_int_equal(vd_read(&r->vd, 0x11c), 16);
    assert_int_equal(vd_access(&r->vd, 0x122, 2, false, 0), 2);
    assert_int_equal(vd_read(&r->vd, 0x128), 1);
    assert_int_equal(vd_access(&r->vd, 0x138, 1, false, 0), 1);
    assert_int_equal(vd_access(&r->vd, 0x121, 1, false, 0), 0); /* padding */
    for (uint32_t at = 0x139; at < 0x13c; at++) {
        assert_int_equal(vd_access(&r->vd, at, 1, false, 0), 0);
    }
    assert_true(vd_offered(&r->vd) & VML_VIRTIO_BLK_F_CONFIG_WCE);
    assert_true(vd_offered(&r->vd) & VML_VIRTIO_BLK_F_FLUSH);
    assert_false(vd_offered(&r->vd) & VML_BIT64(17)); /* ZONED */
    vd_start(&r->vd, FEATURES, 1, 8);
    vml_virtio_block_resize(&r->block, 64);
    assert_int_equal(vd_access(&r->vd, 0x100, 8, false, 0), 64);
    assert_int_equal(vd_read(&r->vd, 0x60), 2);
    expect(r, 0, 64, 512, true, 1, 0);
    end(r);
}

static void reads_and_writes(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(false);

        vd_start(&r->vd, FEATURES | (packed ? VML_VIRTIO_F_RING_PACKED : 0), 2, 16);
        expect(r, 0, 3, 1024, true, 0, 1024);
        assert_memory_equal(data_of(r), r->disk + 3 * 512, 1024);
        memset(data_of(r), 0x77, 512);
        expect(r, 1, SECTORS - 1, 512, false, 0, 0); /* the last sector */
        assert_int_equal(r->disk[sizeof(r->disk) - 1], 0x77);
        expect(r, 4, 0, 0, false, 0, 0);
        assert_int_equal(r->flushes, 1);
        expect(r, 8, 0, 20, true, 0, 20);
        assert_memory_equal(data_of(r), "a serial number 1234", 20);
        end(r);
    }
}

static void requests_outside_fail(void **state)
{
    struct rig *r = make(false);

    vd_start(&r->vd, FEATURES, 1, 16);
    expect(r, 0, SECTORS, 512, true, 1, 0);
    expect(r, 0, SECTORS - 1, 1024, true, 1, 0);
    expect(r, 1, UINT64_MAX, 512, false, 1, 0);
    expect(r, 0, 0, 511, true, 1, 0);
    expect(r, 1, 0, 513, false, 1, 0);
    expect(r, 99, 0, 0, false, 2, 0);
    expect(r, 14, 0, 16, false, 2, 0); /* secure erase */
    expect(r, 10, 0, 6, true, 2, 0);   /* lifetime */
    for (uint32_t zone = 15; zone <= 26; zone++) {
        expect(r, zone, 0, 0, false, 2, 0);
    }
    r->result = VML_ERR_IO;
    expect(r, 0, 0, 512, true, 1, 0);
    expect(r, 1, 0, 512, false, 1, 0);
    expect(r, 4, 0, 0, false, 1, 0);
    r->result = VML_ERR_UNSUPPORTED;
    expect(r, 4, 0, 0, false, 2, 0);
    end(r);
}

static void read_only_disk(void **state)
{
    struct rig *r = make(true);

    assert_true(vd_offered(&r->vd) & VML_VIRTIO_BLK_F_RO);
    assert_false(vd_offered(&r->vd) & VML_VIRTIO_BLK_F_DISCARD);
    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_BLK_F_RO, 1, 16);
    expect(r, 1, 0, 512, false, 1, 0);
    expect(r, 11, 0, 16, false, 1, 0);
    expect(r, 0, 0, 512, true, 0, 512);
    end(r);
}

static void segment(struct rig *r, uint64_t sector, uint32_t count, uint32_t flags)
{
    vml_store_le64(data_of(r), sector);
    vml_store_le32(data_of(r) + 8, count);
    vml_store_le32(data_of(r) + 12, flags);
}

/* begin_zero reads the segment behind the header: 16 bytes of header, then 16 of data. */
static void discard_and_write_zeroes(void **state)
{
    struct rig *r = make(false);

    vd_start(&r->vd, FEATURES, 1, 16);
    segment(r, 2, 3, 1);
    expect(r, 13, 0, 16, false, 0, 0);
    assert_int_equal(r->zeroes, 1);
    assert_int_equal(r->unmaps, 1);
    assert_int_equal(r->disk[2 * 512], 0);
    assert_int_equal(r->disk[5 * 512 - 1], 0);
    assert_int_not_equal(r->disk[5 * 512 + 1], 0);
    segment(r, 2, 3, 0);
    expect(r, 11, 0, 16, false, 0, 0);
    assert_int_equal(r->discards, 1);
    segment(r, 2, 3, 1); /* a discard has no flags */
    expect(r, 11, 0, 16, false, 2, 0);
    segment(r, 2, 3, 2);
    expect(r, 13, 0, 16, false, 2, 0);
    segment(r, 2, SECTORS, 0);
    expect(r, 13, 0, 16, false, 1, 0);
    expect(r, 13, 0, 15, false, 1, 0);
    expect(r, 13, 0, 32, false, 2, 0); /* one segment at most */
    end(r);
}

static void write_cache(void **state)
{
    struct rig *r = make(false);

    vd_start(&r->vd, FEATURES, 1, 16);
    assert_int_equal(vd_access(&r->vd, 0x120, 1, false, 0), 1);
    expect(r, 1, 0, 512, false, 0, 0);
    assert_int_equal(r->durable, 0);
    vd_access(&r->vd, 0x120, 1, true, 0);
    assert_int_equal(vd_access(&r->vd, 0x120, 1, false, 0), 0);
    expect(r, 1, 0, 512, false, 0, 0);
    assert_int_equal(r->durable, 1);
    /* Without FLUSH and CONFIG_WCE every write is durable (5.2.6.2). */
    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1, 1, 16);
    assert_int_equal(vd_access(&r->vd, 0x120, 1, false, 0), 0);
    expect(r, 1, 0, 512, false, 0, 0);
    assert_int_equal(r->durable, 2);
    vd_access(&r->vd, 0x120, 1, true, 1); /* not negotiated */
    expect(r, 1, 0, 512, false, 0, 0);
    assert_int_equal(r->durable, 3);
    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_BLK_F_FLUSH, 1, 16);
    expect(r, 1, 0, 512, false, 0, 0);
    assert_int_equal(r->durable, 3);
    end(r);
}

static void requests_end_later_and_out_of_order(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(false);

        vd_start(&r->vd, FEATURES | (packed ? VML_VIRTIO_F_RING_PACKED : 0), 2, 16);
        r->later = true;
        send(r, 0, 0, 4, 0, 0, false);
        send(r, 1, 1, 4, 0, 0, false);
        send(r, 0, 2, 4, 0, 0, false); /* no free request: it waits in the ring */
        assert_int_equal(r->waits, 2);
        assert_int_equal(vd_used(&r->vd.q[0], NULL), -1);
        r->waits = 0;
        r->waiting[1]->done(r->waiting[1], VML_OK);
        assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
        assert_int_equal(*status_of(r, 1), 0);
        assert_int_equal(r->waits, 1); /* and begins now */
        struct vml_block_request *third = r->waiting[0];

        third->done(third, VML_ERR_IO);
        assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
        assert_int_equal(*status_of(r, 2), 1);
        r->waits = 0;
        for (unsigned i = 0; i < REQUESTS; i++) {
            if (r->requests[i].block.kind == 0 && &r->requests[i].block != third &&
                r->queues[0].in_flight) {
                r->requests[i].block.done(&r->requests[i].block, VML_OK);
                break;
            }
        }
        end(r);
    }
}

static void reset_cancels(void **state)
{
    struct rig *r = make(false);

    vd_start(&r->vd, FEATURES | VML_VIRTIO_F_RING_RESET, 2, 16);
    r->later = true;
    send(r, 0, 0, 1, 0, 512, false);
    send(r, 0, 1, 1, 0, 512, false);
    send(r, 0, 2, 1, 0, 512, false);
    vd_write(&r->vd, 0x70, 0);
    assert_true(r->cancels > 0);
    assert_int_equal(r->queues[0].in_flight, 0);
    r->later = false;
    vd_start(&r->vd, FEATURES, 2, 16);
    expect(r, 0, 0, 512, true, 0, 512);
    end(r);
}

static void malformed_chains_need_a_reset(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct rig *r = make(false);
        struct vd_buf bufs[3][2] = {
            {{r->gpa, 15, false}, {r->gpa + 16, 1, true}}, /* half a header */
            {{r->gpa, 16, false}, {r->gpa + 16, 0, true}}, /* no room for the status */
            {{r->gpa, 16, false}, {r->gpa + 16, 1, false}},
        };

        vd_start(&r->vd, FEATURES, 1, 16);
        vd_add(&r->vd.q[0], bufs[i], 2);
        vd_kick(&r->vd, &r->vd.q[0]);
        assert_true(vd_read(&r->vd, 0x70) & VML_VIRTIO_NEEDS_RESET);
        vd_start(&r->vd, FEATURES, 1, 16);
        expect(r, 0, 0, 512, true, 0, 512);
        end(r);
    }
}

/* The header may be cut anywhere, and the status byte may follow the data in one buffer (2.7.4). */
static void any_framing(void **state)
{
    struct rig *r = make(false);
    uint8_t *header = vd_host(&r->vd, r->gpa);
    struct vd_buf bufs[] = {
        {r->gpa, 5, false}, {r->gpa + 5, 11, false}, {r->gpa + 4096, 513, true}};

    vd_start(&r->vd, FEATURES, 1, 16);
    vml_store_le32(header, 0);
    vml_store_le64(header + 8, 7);
    data_of(r)[512] = 0xee;
    vd_add(&r->vd.q[0], bufs, 3);
    vd_kick(&r->vd, &r->vd.q[0]);
    assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
    assert_int_equal(data_of(r)[512], 0);
    assert_memory_equal(data_of(r), r->disk + 7 * 512, 512);

    struct vd_buf write[] = {{r->gpa, 16 + 512, false}, {r->gpa + 8192, 1, true}};

    vml_store_le32(header, 1);
    memset(header + 16, 0x42, 512);
    vd_add(&r->vd.q[0], write, 2);
    vd_kick(&r->vd, &r->vd.q[0]);
    assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
    assert_int_equal(r->disk[7 * 512], 0x42);
    assert_int_equal(r->disk[8 * 512 - 1], 0x42);
    end(r);
}

static void state_keeps_the_cache_mode(void **state)
{
    struct rig *r = make(false);
    uint8_t image[1024];
    struct vml_state_writer w;
    struct vml_state_reader rd;

    vd_start(&r->vd, FEATURES, 2, 16);
    vd_access(&r->vd, 0x120, 1, true, 0);
    vml_state_writer_init(&w, image, sizeof(image));
    r->mmio.device.ops->save(&r->mmio.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    vd_access(&r->vd, 0x120, 1, true, 1);
    vml_state_reader_init(&rd, image, w.used);
    assert_int_equal(r->mmio.device.ops->restore(&r->mmio.device, &rd), VML_OK);
    assert_int_equal(vd_access(&r->vd, 0x120, 1, false, 0), 0);
    expect(r, 0, 0, 512, true, 0, 512);
    end(r);
}

static void bad_configurations(void **state)
{
    struct rig *r = make(false);
    struct vml_virtio_block block;
    struct vml_virtio_block_config config = config_of(r);

    config.queue_count = 0;
    assert_int_equal(vml_virtio_block_init(&block, &config), VML_ERR_INVALID);
    config = config_of(r);
    config.block_size = 513;
    assert_int_equal(vml_virtio_block_init(&block, &config), VML_ERR_INVALID);
    config = config_of(r);
    config.seg_max = 0;
    assert_int_equal(vml_virtio_block_init(&block, &config), VML_ERR_INVALID);
    end(r);
}

/* ---------------------------------------------------------------------------------- power cuts */

/* A disk as bad as one may be: what a write brings is kept in a cache when the write is done, and on
 * the medium only what a durable write, or a flush that began later, has put there. Sectors are
 * numbers, which grow. */
struct medium {
    uint32_t cache[SECTORS], stable[SECTORS], at_flush[REQUESTS][SECTORS];
    struct vml_block_request *waiting[REQUESTS];
};

static void m_begin(struct medium *m, struct vml_block_request *q, uint32_t kind)
{
    for (unsigned i = 0; i < REQUESTS; i++) {
        if (!m->waiting[i]) {
            m->waiting[i] = q;
            q->kind = kind;
            memcpy(m->at_flush[i], m->cache, sizeof(m->cache));
            return;
        }
    }
    fail_msg("more requests than there are");
}

static void m_read(void *context, struct vml_block_request *q)
{
    m_begin(context, q, 0);
}

static void m_write(void *context, struct vml_block_request *q)
{
    m_begin(context, q, 1);
}

static void m_flush(void *context, struct vml_block_request *q)
{
    m_begin(context, q, 4);
}

static void m_finish(struct medium *m, unsigned i)
{
    struct vml_block_request *q = m->waiting[i];
    uint64_t sector = q->offset / 512;

    m->waiting[i] = NULL;
    if (q->kind == 1) {
        m->cache[sector] = vml_load_le32(q->bufs[0].host);
        if (q->durable) {
            m->stable[sector] = m->cache[sector];
        }
    } else if (q->kind == 4) {
        for (unsigned s = 0; s < SECTORS; s++) {
            m->stable[s] = m->stable[s] > m->at_flush[i][s] ? m->stable[s] : m->at_flush[i][s];
        }
    }
    q->done(q, VML_OK);
}

static void m_cancel(void *context)
{
    struct medium *m = context;

    for (unsigned i = 0; i < REQUESTS; i++) {
        if (m->waiting[i]) {
            m_finish(m, i);
        }
    }
}

static const struct vml_block_ops medium_ops = {
    .read = m_read, .write = m_write, .flush = m_flush, .cancel = m_cancel};

/* What the driver has asked for and not got yet, and what it may rely on. */
struct promise {
    struct asked {
        int id;
        bool flush;
        unsigned sector;
        uint32_t value;
        uint32_t done[SECTORS]; /* when a flush was sent */
    } asked[REQUESTS];
    uint32_t done[SECTORS], safe[SECTORS], next;
    bool through;
};

static void ask(struct rig *r, struct promise *p, unsigned place, bool flush, unsigned sector)
{
    uint64_t at = r->gpa + 8192 * (uint64_t)place;
    uint8_t *bytes = vd_host(&r->vd, at);
    struct vd_buf bufs[3] = {{at, 16, false}, {at + 4096, 512, false}, {at + 16, 1, true}};
    struct asked *asked = &p->asked[place];

    for (unsigned i = 0; i < REQUESTS; i++) {
        if (!flush && p->asked[i].id >= 0 && p->asked[i].sector == sector) {
            return; /* one write to a sector at a time: their order would be open */
        }
    }
    *asked = (struct asked){.flush = flush, .sector = flush ? SECTORS : sector, .value = ++p->next};
    memcpy(asked->done, p->done, sizeof(p->done));
    vml_store_le32(bytes, flush ? 4 : 1);
    vml_store_le64(bytes + 8, flush ? 0 : sector);
    vml_store_le32(bytes + 4096, asked->value);
    bytes[16] = 99;
    if (flush) {
        bufs[1] = bufs[2];
    }
    asked->id = vd_add(&r->vd.q[0], bufs, flush ? 2 : 3);
    assert_true(asked->id >= 0);
    vd_kick(&r->vd, &r->vd.q[0]);
}

static void take_answers(struct rig *r, struct promise *p)
{
    int id;

    while ((id = vd_used(&r->vd.q[0], NULL)) >= 0) {
        for (unsigned i = 0; i < REQUESTS; i++) {
            struct asked *asked = &p->asked[i];

            if (asked->id != id) {
                continue;
            }
            assert_int_equal(((uint8_t *)vd_host(&r->vd, r->gpa + 8192 * (uint64_t)i))[16], 0);
            asked->id = -1;
            if (!asked->flush) {
                p->done[asked->sector] = asked->value;
                p->safe[asked->sector] = p->through ? asked->value : p->safe[asked->sector];
            }
            for (unsigned s = 0; asked->flush && s < SECTORS; s++) {
                p->safe[s] = p->safe[s] > asked->done[s] ? p->safe[s] : asked->done[s];
            }
            break;
        }
    }
}

/* 5.2.6.2: what became stable, by write-through or by a flush, is there after a power cut at any time. */
static void nothing_stable_is_lost_at_a_power_cut(void **state)
{
    static const uint64_t cache =
        VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_BLK_F_FLUSH | VML_VIRTIO_BLK_F_CONFIG_WCE;
    const uint64_t features[] = {cache, VML_VIRTIO_F_VERSION_1,
                                 VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_BLK_F_FLUSH,
                                 cache | VML_VIRTIO_F_RING_PACKED};

    for (unsigned seed = 0; seed < 200; seed++) {
        struct medium *m = calloc(1, sizeof(*m));
        struct promise *p = calloc(1, sizeof(*p));
        struct rig *r = make_with(false, (struct vml_block){&medium_ops, m});
        uint32_t dice = seed * 2654435761u + 1, safe = 0;

        vd_start(&r->vd, features[seed % 4], 1, 16);
        if (seed % 8 == 4) {
            vd_access(&r->vd, 0x120, 1, true, 0);
        }
        p->through = seed % 4 == 1 || seed % 8 == 4;
        for (unsigned i = 0; i < REQUESTS; i++) {
            p->asked[i].id = -1;
        }
        for (unsigned step = 0; step < 300 + seed; step++) {
            unsigned place;

            dice = dice * 1664525u + 1013904223u;
            place = (dice >> 16) % REQUESTS;
            if ((dice >> 28) < 8) {
                if (m->waiting[place]) {
                    m_finish(m, place);
                }
            } else if (p->asked[place].id < 0) {
                ask(r, p, place, (dice >> 28) >= 14 && seed % 4 != 1, (dice >> 20) % 8);
            }
            take_answers(r, p);
        }
        for (unsigned s = 0; s < SECTORS; s++) {
            assert_true(m->stable[s] >= p->safe[s]);
            safe += p->safe[s] != 0;
        }
        assert_true(safe > 0); /* or nothing was tested */
        end(r);
        free(p);
        free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_space),
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(requests_outside_fail),
        cmocka_unit_test(read_only_disk),
        cmocka_unit_test(discard_and_write_zeroes),
        cmocka_unit_test(write_cache),
        cmocka_unit_test(nothing_stable_is_lost_at_a_power_cut),
        cmocka_unit_test(requests_end_later_and_out_of_order),
        cmocka_unit_test(reset_cancels),
        cmocka_unit_test(malformed_chains_need_a_reset),
        cmocka_unit_test(any_framing),
        cmocka_unit_test(state_keeps_the_cache_mode),
        cmocka_unit_test(bad_configurations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
