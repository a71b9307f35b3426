/* The hash of a flow, and frames to the guest with and without it; the driver's part is counted too. */
#include "bench.h"
#include "virtio_driver.h"
#include <vml/virtio_net.h>

enum { BATCH = 64, PAIRS = 2 };

#define HASHED    (VML_VIRTIO_NET_F_RSS | VML_VIRTIO_NET_F_HASH_REPORT)
#define COALESCED VML_VIRTIO_NET_F_NOTF_COAL

static const uint8_t key[VML_TOEPLITZ_KEY] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static void hash(uint64_t n, uint32_t len)
{
    static struct vml_toeplitz t;
    uint8_t input[VML_TOEPLITZ_INPUT];

    vml_toeplitz_set_key(&t, key);
    memcpy(input, key, sizeof(input));
    for (; n != 0; n--) {
        uint32_t h = vml_toeplitz_hash(&t, input, len);

        BENCH_KEEP(h);
    }
}

static void hash_ipv4(uint64_t n)
{
    hash(n, 12);
}

static void hash_ipv6(uint64_t n)
{
    hash(n, 36);
}

static void set_key(uint64_t n)
{
    static struct vml_toeplitz t;

    for (; n != 0; n--) {
        vml_toeplitz_set_key(&t, key);
        BENCH_KEEP(n);
    }
}

static struct vd vd;
static struct vml_virtio_net net;
static struct vml_virtio_mmio mmio;
static struct vml_virtio_net_pair pairs[PAIRS];
static struct vml_virtio_queue queues[VML_VIRTIO_NET_QUEUES(PAIRS)];
static struct vml_virtio_net_rss rss;
static struct vml_virtual_clock bench_clock;

/* A command whose class, number and data are at `gpa`. */
static void command(uint64_t gpa, uint32_t len)
{
    uint8_t *bytes = vd_host(&vd, gpa);
    struct vd_buf bufs[2] = {{gpa, len, false}, {gpa + 1024, 1, true}};

    bytes[1024] = 1;
    vd_add(&vd.q[4], bufs, 2);
    vd_kick(&vd, &vd.q[4]);
    VD_CHECK(bytes[1024] == 0);
}

/* All hash types, and a table that leads to the first pair. */
static void set_rss(uint64_t gpa)
{
    uint8_t *bytes = vd_host(&vd, gpa);
    uint32_t at = 10 + 2 * VML_VIRTIO_NET_RSS_TABLE;

    bytes[0] = 4;
    bytes[1] = 1;
    vml_store_le32(bytes + 2, VML_VIRTIO_NET_HASH_TYPES);
    bytes[6] = VML_VIRTIO_NET_RSS_TABLE - 1;
    bytes[at] = PAIRS;
    bytes[at + 2] = sizeof(key);
    memcpy(bytes + at + 3, key, sizeof(key));
    command(gpa, at + 3 + sizeof(key));
}

/* Notifications of received packets come with every 16th. */
static void set_coalescing(uint64_t gpa)
{
    uint8_t *bytes = vd_host(&vd, gpa);

    bytes[0] = 6;
    bytes[1] = 1;
    vml_store_le32(bytes + 2, 16);
    vml_store_le32(bytes + 6, 1000);
    command(gpa, 10);
}

static void receive(uint64_t n, uint64_t features, const uint8_t *frame)
{
    struct vml_virtio_net_config config = {.mac = {2},
                                           .pairs = pairs,
                                           .pair_count = PAIRS,
                                           .queues = queues,
                                           .rss = &rss,
                                           .clock = &bench_clock.clock};
    struct vml_virtio_mmio_config transport = {.name = "net", .dev = &net.virtio};
    uint8_t bytes[74];
    struct vml_virtq_buf piece = {bytes, sizeof(bytes), 0};
    struct vml_net_frame lent = {.bufs = &piece, .count = 1, .length = sizeof(bytes)};
    struct vd_buf buf;
    struct vml_net end;

    vd_init(&vd, 4 << 20);
    config.platform.as = &vd.as;
    VD_CHECK(vml_virtual_clock_init(&bench_clock, 1000000000) == VML_OK);
    VD_CHECK(vml_virtio_net_init(&net, &config) == VML_OK);
    VD_CHECK(vml_virtio_mmio_init(&mmio, &transport) == VML_OK);
    vd.device = &mmio.device;
    vd_start(&vd,
             VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_F_EVENT_IDX | VML_VIRTIO_NET_F_CTRL_VQ |
                 VML_VIRTIO_NET_F_MQ | features,
             VML_VIRTIO_NET_QUEUES(PAIRS), 256);
    vd_interrupts(&vd.q[0], (features & COALESCED) != 0);
    buf = (struct vd_buf){vd_alloc(&vd, 4096, 4096), 1536, true};
    if (features & VML_VIRTIO_NET_F_RSS) {
        set_rss(vd_alloc(&vd, 4096, 4096));
    } else if (features & COALESCED) {
        set_coalescing(vd_alloc(&vd, 4096, 4096));
    }
    memcpy(bytes, frame, sizeof(bytes));
    end = vml_virtio_net_end(&net);
    while (n != 0) {
        unsigned batch = n < BATCH ? (unsigned)n : BATCH;

        for (unsigned i = 0; i < batch; i++) {
            vd_add(&vd.q[0], &buf, 1);
        }
        for (unsigned i = 0; i < batch; i++) {
            VD_CHECK(vml_net_send(&end, &lent));
        }
        for (unsigned i = 0; i < batch; i++) {
            VD_CHECK(vd_used(&vd.q[0], NULL) >= 0);
        }
        n -= batch;
    }
}

static const uint8_t ipv4[74] = {2,   [12] = 8, 0,  0x45, 0,   0,  60,  0,          0,   0,
                                 0,   64,       6,  0,    0,   66, 9,   149,        187, 161,
                                 142, 100,      80, 10,   234, 6,  230, [46] = 0x50};
static const uint8_t ipv6[74] = {2,    [12] = 0x86, 0xdd, 0x60, 0,    0,       0,
                                 0,    20,          6,    64,   0x3f, 0xfe,    0x25,
                                 0x01, 0x02,        0x00, 0x1f, 0xff, [37] = 7};

static void receive_plain(uint64_t n)
{
    receive(n, 0, ipv4);
}

static void receive_ipv4(uint64_t n)
{
    receive(n, HASHED, ipv4);
}

static void receive_ipv6(uint64_t n)
{
    receive(n, HASHED, ipv6);
}

static void receive_patiently(uint64_t n)
{
    receive(n, COALESCED, ipv4);
}

static const struct bench_case cases[] = {
    {"hash of IPv4 addresses and ports", hash_ipv4},
    {"hash of IPv6 addresses and ports", hash_ipv6},
    {"new hash key", set_key},
    {"receive 74 bytes", receive_plain},
    {"receive 74 bytes, RSS and hash report, IPv4", receive_ipv4},
    {"receive 74 bytes, RSS and hash report, IPv6", receive_ipv6},
    {"receive 74 bytes, notified of 16 together", receive_patiently},
};

BENCH_MAIN(cases)
