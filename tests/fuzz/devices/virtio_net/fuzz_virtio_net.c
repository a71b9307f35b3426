/* A network device of two queue pairs; the fuzzer also is the network. */
#include "virtio_fuzz.h"
#include <vml/virtio_net.h>

enum { PAIRS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vml_virtio_net net;

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

static void extra(struct vf *vf, uint8_t command)
{
    static uint8_t bytes[4096];
    struct vml_net end = vml_virtio_net_end(&net);
    uint32_t len = (uint32_t)vf_take(vf, 2) % sizeof(bytes);
    uint32_t cut = len ? (uint32_t)vf_take(vf, 2) % len : 0;
    struct vml_virtq_buf bufs[2] = {{bytes, cut, 0}, {bytes + cut, len - cut, 0}};
    struct vml_net_frame frame = {.bufs = bufs, .count = 2, .length = len};

    for (unsigned i = 0; i < 40; i++) {
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
                                           .queues = queues};

    vf_begin(&vf, data, size);
    config.platform.as = &vf.vd.as;
    VD_CHECK(vml_virtio_net_init(&net, &config) == VML_OK);
    vf.extra = extra;
    vf_run(&vf, &net.virtio, VML_VIRTIO_NET_QUEUES(PAIRS), size & 1);
    vml_virtio_net_destroy(&net);
    vf_end(&vf);
    return 0;
}
