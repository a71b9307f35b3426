/* From the guest to the network: virtio 1.3, 5.1.6.2. The frame is sent from where the guest has
 * it. */
#include "net_private.h"

/* What a GSO type needs of the negotiated features; 0: no such type. */
static uint64_t needed_for(uint8_t gso_type)
{
    uint64_t ecn = gso_type & VML_NET_GSO_ECN ? VML_VIRTIO_NET_F_HOST_ECN : 0;

    switch (gso_type & ~VML_NET_GSO_ECN) {
    case VML_NET_GSO_TCPV4:
        return ecn | VML_VIRTIO_NET_F_HOST_TSO4;
    case VML_NET_GSO_TCPV6:
        return ecn | VML_VIRTIO_NET_F_HOST_TSO6;
    case VML_NET_GSO_UDP:
        return VML_VIRTIO_NET_F_HOST_UFO;
    case VML_NET_GSO_UDP_L4:
        return VML_VIRTIO_NET_F_HOST_USO;
    default:
        return 0;
    }
}

/* A header that asks for more than negotiated, or points outside of its frame, drops it. */
static bool open_header(const struct vml_virtio_net *net, const uint8_t *h,
                        struct vml_net_frame *frame)
{
    frame->flags = h[0] & VML_NET_NEEDS_CSUM;
    frame->gso_type = h[1];
    if (frame->flags) {
        frame->csum_start = vml_load_le16(h + 6);
        frame->csum_offset = vml_load_le16(h + 8);
        if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_CSUM) ||
            (uint32_t)frame->csum_start + frame->csum_offset + 2u > frame->length) {
            return false;
        }
    }
    if (frame->gso_type != VML_NET_GSO_NONE) {
        uint64_t needed = needed_for(frame->gso_type);

        frame->hdr_len = vml_load_le16(h + 2);
        frame->gso_size = vml_load_le16(h + 4);
        if (needed == 0 || (net->virtio.driver_features & needed) != needed ||
            frame->gso_size == 0 || !frame->flags) {
            return false;
        }
    }
    return true;
}

static void transmit_one(struct vml_virtio_net *net, struct vml_virtq_chain *chain)
{
    const uint32_t header_size = net_header_size(net);
    uint64_t total = vml_virtq_readable_len(chain);
    struct vml_net_frame frame = {.length = 0};
    uint8_t header[HEADER_SIZE_HASH];
    uint16_t count = chain->readable;

    if (vml_virtq_copy_from(chain, 0, header, header_size) == header_size &&
        total - header_size >= VML_NET_HEADER && total - header_size <= VML_NET_MAX_FRAME) {
        frame.length = (uint32_t)(total - header_size);
        if (open_header(net, header, &frame)) {
            frame.bufs = vml_virtq_skip(chain->bufs, &count, header_size);
            frame.count = count;
            if (atomic_load(&net->link) && vml_net_send(&net->config.peer, &frame)) {
                net_count(net, TX_FRAMES, 1);
                net_count(net, TX_BYTES, frame.length);
                return;
            }
        }
    }
    net_count(net, TX_DROPPED, 1);
}

void net_transmit(struct vml_virtio_net *net, uint32_t pair)
{
    struct vml_virtio_queue *queue = &net->config.queues[2 * pair + 1];
    struct vml_virtq_chain chain = {.bufs = net->config.pairs[pair].tx_bufs};

    if (!vml_virtio_queue_enter(queue)) {
        return;
    }
    do {
        uint32_t packets = 0;

        while (vml_virtio_queue_pop(queue, &chain)) {
            transmit_one(net, &chain);
            vml_virtio_queue_push(queue, &chain, 0);
            packets++;
        }
        vml_virtio_queue_publish(queue);
        net_published(&net->config.pairs[pair].notifiers[1], packets);
    } while (!vml_virtio_queue_leave(queue));
}
