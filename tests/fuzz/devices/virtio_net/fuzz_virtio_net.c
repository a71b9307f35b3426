/* A network device of two queue pairs, with RSS and notifications that wait; the fuzzer also is the
 * network, and moves time. */
#include "virtio_fuzz.h"
#include <vml/virtio_net.h>

enum { PAIRS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vml_virtio_net net;
static struct vml_virtio_net_rss rss;
static struct vml_virtual_clock fuzz_clock;

static bool peer_send(void *context, const struct vml_net_frame *frame)
{
    static uint8_t copy[VML_NET_MAX_FRAME];

    (void)context;
    VD_CHECK(frame->length >= VML_NET_HEADER && frame->length <= VML_NET_MAX_FRAME);
    VD_CHECK(vml_net_copy(frame, 0, copy, sizeof(copy)) == frame->length);
    if (frame->flags & VML_NET_NEEDS_CSUM) {
        VD_CHECK((uint32_t)frame->csum_start + frame->csum_offset + 2 <= frame->length);
    }
    return true;
}

static const struct vml_net_ops peer_ops = {.send = peer_send};

/* Whatever the driver says, packets go to pairs that there are. */
static void check_steering(void)
{
    const struct vml_virtio_net_steering *s = &rss.steering;

    VD_CHECK((s->hash_types & ~VML_VIRTIO_NET_HASH_TYPES) == 0);
    VD_CHECK(s->mask < VML_VIRTIO_NET_RSS_TABLE && vml_is_pow2(s->mask + 1u));
    VD_CHECK(s->unclassified < PAIRS);
    for (unsigned i = 0; i < VML_VIRTIO_NET_RSS_TABLE; i++) {
        VD_CHECK(s->table[i] < PAIRS);
    }
}

/* A command about queues that is mostly whole, in two pieces. */
static void configure(struct vf *vf)
{
    const uint64_t gpa = VD_RAM_BASE + 0x50000;
    uint8_t *bytes = vd_host(&vf->vd, gpa);
    uint8_t shape = (uint8_t)vf_take(vf, 1);
    struct vd_queue *q = &vf->vd.q[shape & 1 ? 4 : 2];
    bool table = !(shape & 2);
    uint32_t entries = 1u << (shape >> 2) % 8;
    uint32_t at = 8;
    uint32_t cut, len;

    bytes[0] = 4;
    bytes[1] = table ? 1 : 2;
    vml_store_le32(bytes + 2, (uint32_t)vf_take(vf, 2) & (shape & 0x80 ? 0xffffu : 0x1ffu));
    vml_store_le16(bytes + 6, (uint16_t)(entries - 1 + (shape & 0x40 ? vf_take(vf, 1) : 0)));
    vml_store_le16(bytes + 8, (uint16_t)(vf_take(vf, 1) % (PAIRS + 1)));
    for (uint32_t i = 0; table && i < entries; i++) {
        vml_store_le16(bytes + 10 + 2 * i, (uint16_t)((shape ^ i) % PAIRS));
    }
    at = table ? 10 + 2 * entries : 12;
    if (shape & 0x20) {
        bytes[2 + vf_take(vf, 2) % (at - 2)] = (uint8_t)vf_take(vf, 1);
    }
    vml_store_le16(bytes + at, (uint16_t)(vf_take(vf, 1) % (PAIRS + 2)));
    bytes[at + 2] = (uint8_t)(vf_take(vf, 1) % 44);
    for (uint32_t i = 0; i < 8; i++) {
        bytes[at + 3 + 5 * i] = (uint8_t)vf_take(vf, 1);
    }
    len = at + 3 + 40 - (uint32_t)vf_take(vf, 1) % 4;
    cut = 1 + (uint32_t)vf_take(vf, 2) % (len - 1);

    struct vd_buf bufs[3] = {
        {gpa, cut, false}, {gpa + cut, len - cut, false}, {gpa + 0x1000, 1, true}};

    if (q->size != 0 && q->free_count >= 3) {
        vd_add(q, bufs, 3);
        vd_kick(&vf->vd, q);
    }
    check_steering();
}

/* A command about notifications, and then some time. */
static void coalesce(struct vf *vf)
{
    const uint64_t gpa = VD_RAM_BASE + 0x50000;
    uint8_t *bytes = vd_host(&vf->vd, gpa);
    uint8_t shape = (uint8_t)vf_take(vf, 1);
    struct vd_queue *q = &vf->vd.q[shape & 1 ? 4 : 2];
    bool one = (shape & 4) != 0;
    struct vd_buf bufs[3] = {{gpa, one ? 6 : 2, false},
                             {gpa + 6, shape & 8 ? 8 : (uint32_t)vf_take(vf, 1) % 16 + 1, false},
                             {gpa + 0x1000, 1, true}};

    bytes[0] = 6;
    bytes[1] = (shape >> 1) & 3;
    bytes[2] = (uint8_t)(vf_take(vf, 1) % 6);
    bytes[3] = 0;
    bufs[1].write = bytes[1] == 3;
    if (!one) {
        bufs[1].gpa = gpa + 2;
    }
    vml_store_le32(bytes + bufs[1].gpa - gpa, (uint32_t)vf_take(vf, 1) % 8);
    vml_store_le32(bytes + bufs[1].gpa - gpa + 4, (uint32_t)vf_take(vf, shape & 16 ? 4 : 1));
    if (q->size != 0 && q->free_count >= 3) {
        vd_add(q, bufs, 3);
        vd_kick(&vf->vd, q);
    }
    vml_virtual_clock_advance(&fuzz_clock, fuzz_clock.ticks + vf_take(vf, 2));
}

/* Frames from the network: of any kind, or of IP with what the fuzzer has behind its type. */
static void extra(struct vf *vf, uint8_t command)
{
    static uint8_t bytes[4096];
    struct vml_net end = vml_virtio_net_end(&net);
    uint32_t len, cut, from = 0;

    if ((command & 12) == 8) {
        (command & 1 ? coalesce : configure)(vf);
        return;
    }
    len = (uint32_t)vf_take(vf, 2) % sizeof(bytes);
    cut = len ? (uint32_t)vf_take(vf, 2) % len : 0;
    if ((command & 12) == 4) {
        static const uint8_t ip[2][16] = {{2, [12] = 8, 0, 0x45}, {2, [12] = 0x86, 0xdd, 0x60}};

        memset(bytes, 0, 160);
        memcpy(bytes, ip[command & 1], 16);
        from = 16;
        len %= 256;
        cut = len ? cut % len : 0;
        command &= 2;
    }
    struct vml_virtq_buf bufs[2] = {{bytes, cut, 0}, {bytes + cut, len - cut, 0}};
    struct vml_net_frame frame = {.bufs = bufs, .count = 2, .length = len};

    for (uint32_t i = from; i < (from ? 120u : 40u); i++) {
        bytes[i] = (uint8_t)vf_take(vf, 1);
    }
    if (command & 1) {
        frame.flags = VML_NET_NEEDS_CSUM;
        frame.csum_start = (uint16_t)vf_take(vf, 2);
        frame.csum_offset = (uint16_t)vf_take(vf, 2);
    }
    if (command & 2) {
        frame.gso_type = (uint8_t)vf_take(vf, 1);
        frame.gso_size = (uint16_t)vf_take(vf, 2);
    }
    if ((command & 12) == 12) {
        vml_virtio_net_set_link(&net, command & 1);
        vml_virtio_net_announce(&net);
    }
    (void)vml_net_send(&end, &frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vf vf;
    static struct vml_virtio_net_pair pairs[PAIRS];
    static struct vml_virtio_queue queues[VML_VIRTIO_NET_QUEUES(PAIRS)];
    struct vml_virtio_net_config config = {.peer = {&peer_ops, NULL},
                                           .peer_can = 63,
                                           .mac = {2},
                                           .mtu = 1500,
                                           .pairs = pairs,
                                           .pair_count = PAIRS,
                                           .queues = queues,
                                           .rss = &rss,
                                           .clock = &fuzz_clock.clock};

    vf_begin(&vf, data, size);
    config.platform.as = &vf.vd.as;
    VD_CHECK(vml_virtual_clock_init(&fuzz_clock, 1000000000) == VML_OK);
    VD_CHECK(vml_virtio_net_init(&net, &config) == VML_OK);
    vf.extra = extra;
    vf_run(&vf, &net.virtio, VML_VIRTIO_NET_QUEUES(PAIRS), size & 1);
    check_steering();
    vml_virtio_net_destroy(&net);
    vml_clock_destroy(&fuzz_clock.clock);
    vf_end(&vf);
    return 0;
}
