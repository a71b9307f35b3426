/* Read requests of 512 bytes in three descriptors, with a back end in memory; the driver's part is
 * counted too. */
#include "bench.h"
#include "virtio_driver.h"
#include <vml/virtio_block.h>

enum { BATCH = 16, SEGS = 8 };

static uint8_t disk[65536];

static void read_disk(void *context, struct vml_block_request *r)
{
    (void)context;
    memcpy(r->bufs[0].host, disk + r->offset, r->bufs[0].len);
    r->done(r, VML_OK);
}

static const struct vml_block_ops ops = {.read = read_disk};

static void run(uint64_t n, bool packed)
{
    static struct vd vd;
    static struct vml_virtio_block block;
    static struct vml_virtio_mmio mmio;
    static struct vml_virtio_queue queue;
    static struct vml_virtio_block_request requests[BATCH];
    static struct vml_virtq_buf bufs[BATCH * VML_VIRTIO_BLOCK_BUFS(SEGS)];
    struct vml_virtio_block_config config = {.backend = {&ops, NULL},
                                             .capacity = 128,
                                             .seg_max = SEGS,
                                             .queues = &queue,
                                             .queue_count = 1,
                                             .requests = requests,
                                             .request_count = BATCH,
                                             .bufs = bufs};
    struct vml_virtio_mmio_config transport = {.name = "block", .dev = &block.virtio};
    struct vd_buf chain[3];
    uint64_t gpa;

    vd_init(&vd, 4 << 20);
    config.platform.as = &vd.as;
    VD_CHECK(vml_virtio_block_init(&block, &config) == VML_OK);
    VD_CHECK(vml_virtio_mmio_init(&mmio, &transport) == VML_OK);
    vd.device = &mmio.device;
    vd_start(&vd,
             VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_F_EVENT_IDX |
                 (packed ? VML_VIRTIO_F_RING_PACKED : 0),
             1, 256);
    vd_interrupts(&vd.q[0], false);
    gpa = vd_alloc(&vd, 8192, 4096);
    chain[0] = (struct vd_buf){gpa, 16, false};
    chain[1] = (struct vd_buf){gpa + 4096, 512, true};
    chain[2] = (struct vd_buf){gpa + 64, 1, true};
    while (n != 0) {
        unsigned batch = n < BATCH ? (unsigned)n : BATCH;

        for (unsigned i = 0; i < batch; i++) {
            vd_add(&vd.q[0], chain, 3);
        }
        vd_kick(&vd, &vd.q[0]);
        for (unsigned i = 0; i < batch; i++) {
            VD_CHECK(vd_used(&vd.q[0], NULL) >= 0);
        }
        n -= batch;
    }
}

static void split(uint64_t n)
{
    run(n, false);
}

static void packed(uint64_t n)
{
    run(n, true);
}

static const struct bench_case cases[] = {
    {"split, read of 512 bytes", split},
    {"packed, read of 512 bytes", packed},
};

BENCH_MAIN(cases)
