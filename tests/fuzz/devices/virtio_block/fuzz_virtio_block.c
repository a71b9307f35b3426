/* A block device whose requests end when the fuzzer says so, in its order. */
#include "virtio_fuzz.h"
#include <vml/virtio_block.h>

enum { REQUESTS = 4, SEGS = 6, SECTORS = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t disk[SECTORS * 512];
static struct vml_block_request *waiting[REQUESTS];
static unsigned waits;
static bool later;

static void finish(struct vml_block_request *r)
{
    if (later) {
        VD_CHECK(waits < REQUESTS);
        waiting[waits++] = r;
    } else {
        r->done(r, VML_OK);
    }
}

static void move(void *context, struct vml_block_request *r)
{
    uint64_t at = r->offset;

    for (uint32_t i = 0; i < r->buf_count; i++) {
        VD_CHECK(at + r->bufs[i].len <= sizeof(disk));
        if (context) {
            memcpy(disk + at, r->bufs[i].host, r->bufs[i].len);
        } else {
            memcpy(r->bufs[i].host, disk + at, r->bufs[i].len);
        }
        at += r->bufs[i].len;
    }
    VD_CHECK(at - r->offset == r->length);
    finish(r);
}

static void b_read(void *context, struct vml_block_request *r)
{
    (void)context;
    move(NULL, r);
}

static void b_write(void *context, struct vml_block_request *r)
{
    (void)context;
    move(disk, r);
}

static void b_flush(void *context, struct vml_block_request *r)
{
    (void)context;
    finish(r);
}

static void b_zero(void *context, struct vml_block_request *r)
{
    (void)context;
    VD_CHECK(r->offset + r->length <= sizeof(disk));
    memset(disk + r->offset, 0, r->length);
    finish(r);
}

static void end_one(unsigned i, enum vml_status status)
{
    struct vml_block_request *r = waiting[i];

    waiting[i] = waiting[--waits];
    r->done(r, status);
}

static void b_cancel(void *context)
{
    (void)context;
    later = false;
    while (waits > 0) {
        end_one(0, VML_ERR_STATE);
    }
}

static const struct vml_block_ops ops = {b_read, b_write, b_flush, b_zero, b_cancel};

static void extra(struct vf *vf, uint8_t command)
{
    if (command & 1) {
        later = command & 2;
    } else if (waits > 0) {
        end_one((unsigned)vf_take(vf, 1) % waits, command & 2 ? VML_OK : VML_ERR_IO);
    }
    /* A queue's stop waits for its requests: whoever stops one here must not wait for ever. */
    if (!later) {
        b_cancel(NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vf vf;
    static struct vml_virtio_block block;
    static struct vml_virtio_queue queues[2];
    static struct vml_virtio_block_request requests[REQUESTS];
    static struct vml_virtq_buf bufs[REQUESTS * VML_VIRTIO_BLOCK_BUFS(SEGS)];
    struct vml_virtio_block_config config = {.backend = {&ops, NULL},
                                             .capacity = SECTORS,
                                             .seg_max = SEGS,
                                             .block_size = 512,
                                             .queues = queues,
                                             .queue_count = 2,
                                             .requests = requests,
                                             .request_count = REQUESTS,
                                             .bufs = bufs};

    waits = 0;
    later = false;
    vf_begin(&vf, data, size);
    config.platform.as = &vf.vd.as;
    /* Only a reset of the whole device cancels; single queues are stopped when nothing waits. */
    config.platform.features_off = VML_VIRTIO_F_RING_RESET;
    VD_CHECK(vml_virtio_block_init(&block, &config) == VML_OK);
    vf.extra = extra;
    struct vml_virtio_mmio_config mmio = {.name = "fuzzed", .dev = &block.virtio};

    VD_CHECK(vml_virtio_mmio_init(&vf.mmio, &mmio) == VML_OK);
    vf.vd.device = &vf.mmio.device;
    vf.queues = 2;
    while (vf.left > 0) {
        /* QueueReady 0 waits for requests that only we end. */
        if (vf.left >= 2 && (vf.data[0] & 15) < 2) {
            later = false;
            b_cancel(NULL);
        }
        vf_step(&vf);
    }
    vml_virtio_mmio_destroy(&vf.mmio);
    vml_virtio_block_destroy(&block);
    vf_end(&vf);
    return 0;
}
