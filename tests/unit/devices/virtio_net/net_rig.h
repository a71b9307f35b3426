/* A network device between a driver and a network, for the tests of this folder. */
#ifndef VML_TESTS_NET_RIG_H
#define VML_TESTS_NET_RIG_H

#include "test.h"
#include "virtio_driver.h"
#include <vml/virtio_net.h>

enum { PAIRS = 2, MAX_PAIRS = 4 };

struct rig {
    struct vd vd;
    struct vml_virtio_net net;
    struct vml_virtio_net_pair pairs[MAX_PAIRS];
    struct vml_virtio_queue queues[VML_VIRTIO_NET_QUEUES(MAX_PAIRS)];
    struct vml_virtio_net_rss rss;
    struct vml_virtio_mmio mmio;
    struct vml_net_frame got; /* the last frame from the guest */
    uint8_t bytes[70000];
    unsigned frames, ready;
    uint32_t can;
    uint64_t gpa;
};

static VD_UNUSED bool peer_send(void *context, const struct vml_net_frame *frame)
{
    struct rig *r = context;

    r->got = *frame;
    r->frames++;
    assert_int_equal(vml_net_copy(frame, 0, r->bytes, sizeof(r->bytes)), frame->length);
    return true;
}

static VD_UNUSED void peer_ready(void *context)
{
    ((struct rig *)context)->ready++;
}

static VD_UNUSED void peer_offloads(void *context, uint32_t can)
{
    ((struct rig *)context)->can = can;
}

static const struct vml_net_ops peer_ops = {
    .send = peer_send, .ready = peer_ready, .offloads = peer_offloads};

static VD_UNUSED struct vml_virtio_net_config config_of(struct rig *r, uint16_t pairs)
{
    return (struct vml_virtio_net_config){.platform = {.as = &r->vd.as},
                                          .peer = {&peer_ops, r},
                                          .peer_can = 63,
                                          .mac = {2, 0, 0, 0, 0, 1},
                                          .mtu = 1500,
                                          .speed = 10000,
                                          .pairs = r->pairs,
                                          .pair_count = pairs,
                                          .queues = r->queues};
}

static VD_UNUSED struct rig *make_of(struct rig *r, const struct vml_virtio_net_config *config)
{
    struct vml_virtio_mmio_config mmio = {.name = "net", .dev = &r->net.virtio};

    assert_int_equal(vml_virtio_net_init(&r->net, config), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&r->mmio, &mmio), VML_OK);
    r->vd.device = &r->mmio.device;
    r->gpa = vd_alloc(&r->vd, 1 << 20, 4096);
    return r;
}

static VD_UNUSED struct rig *make(uint16_t pairs)
{
    struct rig *r = calloc(1, sizeof(*r));

    vd_init(&r->vd, 8 << 20);
    struct vml_virtio_net_config config = config_of(r, pairs);

    return make_of(r, &config);
}

/* With RSS and hash reports, but for what is off. */
static VD_UNUSED struct rig *make_rss(uint16_t pairs, uint64_t features_off)
{
    struct rig *r = calloc(1, sizeof(*r));

    vd_init(&r->vd, 8 << 20);
    struct vml_virtio_net_config config = config_of(r, pairs);

    config.rss = &r->rss;
    config.platform.features_off = features_off;
    return make_of(r, &config);
}

static VD_UNUSED void end(struct rig *r)
{
    vml_virtio_mmio_destroy(&r->mmio);
    vml_virtio_net_destroy(&r->net);
    vd_free(&r->vd);
    free(r);
}

#define BASIC (VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_NET_F_MAC | VML_VIRTIO_NET_F_STATUS)
#define CTRL                                                                                       \
    (VML_VIRTIO_NET_F_CTRL_VQ | VML_VIRTIO_NET_F_CTRL_RX | VML_VIRTIO_NET_F_CTRL_VLAN |            \
     VML_VIRTIO_NET_F_CTRL_RX_EXTRA | VML_VIRTIO_NET_F_GUEST_ANNOUNCE |                            \
     VML_VIRTIO_NET_F_CTRL_MAC_ADDR)
#define CSUM (VML_VIRTIO_NET_F_CSUM | VML_VIRTIO_NET_F_GUEST_CSUM)

static VD_UNUSED void ethernet(uint8_t *frame, uint8_t to, uint8_t from, size_t len)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0};

    memcpy(frame, mac, 6);
    memcpy(frame + 6, mac, 6);
    frame[5] = to;
    frame[11] = from;
    frame[12] = 8;
    frame[13] = 0;
    for (size_t i = 14; i < len; i++) {
        frame[i] = (uint8_t)(i * 7);
    }
}

/* Sends a frame of the guest, cut at `cut` bytes behind the header's beginning. */
static VD_UNUSED void transmit(struct rig *r, const uint8_t header[12], uint32_t len, uint32_t cut)
{
    uint8_t *at = vd_host(&r->vd, r->gpa);
    struct vd_buf bufs[2] = {{r->gpa, cut, false}, {r->gpa + 8192, 12 + len - cut, false}};
    uint8_t whole[4096] = {0};

    memcpy(whole, header, 12);
    ethernet(whole + 12, 9, 1, len);
    memcpy(at, whole, cut);
    memcpy(vd_host(&r->vd, r->gpa + 8192), whole + cut, 12 + len - cut);
    assert_true(vd_add(&r->vd.q[1], bufs, cut == 12 + len ? 1 : 2) >= 0);
    vd_kick(&r->vd, &r->vd.q[1]);
    assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
}

static const uint8_t plain[12];

static VD_UNUSED void buffer(struct rig *r, uint32_t queue, uint64_t offset, uint32_t len)
{
    struct vd_buf buf = {r->gpa + offset, len, true};

    assert_true(vd_add(&r->vd.q[queue], &buf, 1) >= 0);
    vd_kick(&r->vd, &r->vd.q[queue]);
}

static VD_UNUSED bool deliver(struct rig *r, uint8_t *bytes, uint32_t len,
                              struct vml_net_frame frame)
{
    struct vml_net net = vml_virtio_net_end(&r->net);
    struct vml_virtq_buf bufs[2] = {{bytes, len / 3, 0}, {bytes + len / 3, len - len / 3, 0}};

    frame.bufs = bufs;
    frame.count = 2;
    frame.length = len;
    return vml_net_send(&net, &frame);
}

static const struct vml_net_frame whole;

static VD_UNUSED uint8_t control(struct rig *r, uint32_t queue, uint8_t class, uint8_t command,
                                 const void *data, uint32_t len)
{
    uint64_t at = r->gpa + 0x80000;
    uint8_t *bytes = vd_host(&r->vd, at);
    struct vd_buf bufs[] = {{at, 2, false}, {at + 2, len, false}, {at + 4000, 1, true}};

    bytes[0] = class;
    bytes[1] = command;
    bytes[4000] = 99;
    if (len == 0) {
        bufs[1] = bufs[2];
    } else {
        memcpy(bytes + 2, data, len);
    }
    assert_true(vd_add(&r->vd.q[queue], bufs, len ? 3 : 2) >= 0);
    vd_kick(&r->vd, &r->vd.q[queue]);
    assert_true(vd_used(&r->vd.q[queue], NULL) >= 0);
    return bytes[4000];
}

#endif
