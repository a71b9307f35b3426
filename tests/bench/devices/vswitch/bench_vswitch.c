/* A frame from one network device through the switch into another; the driver's part is counted
 * too. */
#include "bench.h"
#include "virtio_driver.h"
#include <vml/virtio_net.h>
#include <vml/vswitch.h>

enum { BATCH = 16 };

struct machine {
    struct vd vd;
    struct vml_virtio_net net;
    struct vml_virtio_net_pair pair;
    struct vml_virtio_queue queues[VML_VIRTIO_NET_QUEUES(1)];
    struct vml_virtio_mmio mmio;
    uint64_t tx, rx;
};

static struct machine machines[2];
static struct vml_vswitch vswitch;
static struct vml_vswitch_port ports[2];
static struct vml_vswitch_entry entries[64];

static void make(struct machine *m, uint8_t number, bool packed)
{
    struct vml_net end;

    vd_init(&m->vd, 4 << 20);
    struct vml_virtio_net_config config = {.platform = {.as = &m->vd.as},
                                           .peer = vml_vswitch_end(&vswitch, number),
                                           .mac = {2, 0, 0, 0, 0, number},
                                           .pairs = &m->pair,
                                           .pair_count = 1,
                                           .queues = m->queues};
    struct vml_virtio_mmio_config mmio = {.name = "net", .dev = &m->net.virtio};

    VD_CHECK(vml_virtio_net_init(&m->net, &config) == VML_OK);
    VD_CHECK(vml_virtio_mmio_init(&m->mmio, &mmio) == VML_OK);
    end = vml_virtio_net_end(&m->net);
    vml_vswitch_connect(&vswitch, number, &end);
    m->vd.device = &m->mmio.device;
    vd_start(&m->vd,
             VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_F_EVENT_IDX |
                 (packed ? VML_VIRTIO_F_RING_PACKED : 0),
             2, 256);
    vd_interrupts(&m->vd.q[0], false);
    vd_interrupts(&m->vd.q[1], false);
    m->tx = vd_alloc(&m->vd, 2048, 64);
    m->rx = vd_alloc(&m->vd, 2048, 64);
}

static void run(uint64_t n, uint32_t len, bool packed)
{
    struct vml_vswitch_config config = {
        .ports = ports, .port_count = 2, .entries = entries, .entry_count = 64};
    const uint8_t head[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 8, 0};
    struct vd_buf out, in;

    VD_CHECK(vml_vswitch_init(&vswitch, &config) == VML_OK);
    make(&machines[0], 0, packed);
    make(&machines[1], 1, packed);
    memcpy((uint8_t *)vd_host(&machines[0].vd, machines[0].tx) + 12, head, 14);
    out = (struct vd_buf){machines[0].tx, 12 + len, false};
    in = (struct vd_buf){machines[1].rx, 1600, true};
    while (n != 0) {
        unsigned batch = n < BATCH ? (unsigned)n : BATCH;

        for (unsigned i = 0; i < batch; i++) {
            vd_add(&machines[1].vd.q[0], &in, 1);
            vd_add(&machines[0].vd.q[1], &out, 1);
        }
        vd_kick(&machines[0].vd, &machines[0].vd.q[1]);
        for (unsigned i = 0; i < batch; i++) {
            VD_CHECK(vd_used(&machines[0].vd.q[1], NULL) >= 0);
            VD_CHECK(vd_used(&machines[1].vd.q[0], NULL) >= 0);
        }
        n -= batch;
    }
}

static void split_64(uint64_t n)
{
    run(n, 64, false);
}

static void split_1514(uint64_t n)
{
    run(n, 1514, false);
}

static void packed_64(uint64_t n)
{
    run(n, 64, true);
}

static const struct bench_case cases[] = {
    {"split, net to net, 64 bytes", split_64},
    {"split, net to net, 1514 bytes", split_1514},
    {"packed, net to net, 64 bytes", packed_64},
};

BENCH_MAIN(cases)
