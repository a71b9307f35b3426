/* What the parts of the network device share. */
#ifndef VML_VIRTIO_NET_PRIVATE_H
#define VML_VIRTIO_NET_PRIVATE_H

#include <vml/virtio_net.h>

#define SPACE_MAC       0u
#define SPACE_STATUS    6u
#define SPACE_PAIRS     8u
#define SPACE_MTU       10u
#define SPACE_SPEED     12u
#define SPACE_DUPLEX    16u

#define STATUS_LINK_UP  1u
#define STATUS_ANNOUNCE 2u

/* The header before each frame; the last field only with VERSION_1 or MRG_RXBUF (5.1.6). */
#define HEADER_SIZE        12u
#define HEADER_SIZE_LEGACY 10u

enum { TX_FRAMES, TX_BYTES, TX_DROPPED, RX_FRAMES, RX_BYTES, RX_DROPPED };

static inline void net_count(struct vml_virtio_net *net, unsigned which, uint64_t n)
{
    atomic_fetch_add_explicit(&net->counts[which], n, memory_order_relaxed);
}

static inline uint32_t net_header_size(const struct vml_virtio_net *net)
{
    return vml_virtio_has(&net->virtio, VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_NET_F_MRG_RXBUF)
               ? HEADER_SIZE
               : HEADER_SIZE_LEGACY;
}

/* 5.1.2: the control queue follows the pairs; without MQ there is one. */
static inline uint32_t net_control_queue(const struct vml_virtio_net *net)
{
    return vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_MQ) ? 2u * net->config.pair_count : 2u;
}

void net_transmit(struct vml_virtio_net *net, uint32_t pair);
bool net_receive(void *context, const struct vml_net_frame *frame);
void net_control(struct vml_virtio_net *net);
/* Tells the peer what the guest takes at present. */
void net_tell_offloads(struct vml_virtio_net *net);
/* Until the driver is ready. */
#define NET_OFFLOADS_UNSET UINT64_MAX
/* The features that CTRL_GUEST_OFFLOADS switches. */
#define NET_GUEST_OFFLOADS                                                                         \
    (VML_VIRTIO_NET_F_GUEST_CSUM | VML_VIRTIO_NET_F_GUEST_TSO4 | VML_VIRTIO_NET_F_GUEST_TSO6 |     \
     VML_VIRTIO_NET_F_GUEST_ECN | VML_VIRTIO_NET_F_GUEST_UFO | VML_VIRTIO_NET_F_GUEST_USO4 |       \
     VML_VIRTIO_NET_F_GUEST_USO6)

#endif
