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
#define SPACE_KEY_SIZE  17u
#define SPACE_TABLE     18u
#define SPACE_HASHES    20u
#define SPACE_BASIC     17u /* bytes of it without hashes */

#define STATUS_LINK_UP  1u
#define STATUS_ANNOUNCE 2u

/* The header before each frame (5.1.6): num_buffers only with VERSION_1 or MRG_RXBUF, and the hash
 * only with HASH_REPORT. */
#define HEADER_SIZE        12u
#define HEADER_SIZE_LEGACY 10u
#define HEADER_SIZE_HASH   20u
#define HEADER_NUM_BUFFERS 10u
#define HEADER_HASH        12u
#define HEADER_HASH_REPORT 16u

/* What is looked at of a frame in most cases: two tags, IPv6, TCP. Zeroes behind a shorter frame. */
#define HEAD_SIZE 88u

enum { TX_FRAMES, TX_BYTES, TX_DROPPED, RX_FRAMES, RX_BYTES, RX_DROPPED };

static inline void net_count(struct vml_virtio_net *net, unsigned which, uint64_t n)
{
    atomic_fetch_add_explicit(&net->counts[which], n, memory_order_relaxed);
}

static inline uint32_t net_header_size(const struct vml_virtio_net *net)
{
    if (vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_HASH_REPORT)) {
        return HEADER_SIZE_HASH;
    }
    return vml_virtio_has(&net->virtio, VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_NET_F_MRG_RXBUF)
               ? HEADER_SIZE
               : HEADER_SIZE_LEGACY;
}

/* 5.1.2: the control queue follows the pairs; without MQ and RSS there is one. */
static inline uint32_t net_control_queue(const struct vml_virtio_net *net)
{
    return vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_MQ | VML_VIRTIO_NET_F_RSS)
               ? 2u * net->config.pair_count
               : 2u;
}

/* What there is of a packet to be hashed: addresses and, behind them, ports. */
struct net_tuple {
    uint8_t type;                      /* of the addresses: TYPE_* */
    uint8_t l4;                        /* 0: no ports, 1: TCP's, 2: UDP's */
    uint8_t address_len;               /* of both */
    uint8_t plain[VML_TOEPLITZ_INPUT]; /* as in the IP header */
    uint8_t home[VML_TOEPLITZ_INPUT];  /* with those of extension headers, TYPE_IPV6_EX only */
};

/* Bits of hash types; l4 is added. */
enum { TYPE_IPV4, TYPE_IPV6 = 3, TYPE_IPV6_EX = 6, TYPE_NONE = 9 };

/* Reads what may be hashed. `head`: the frame's first `have` bytes. */
void net_parse(const struct vml_net_frame *frame, const uint8_t *head, uint32_t have,
               struct net_tuple *t);
/* The hash report of a packet, 0 for none, and the hash, by the rules in force. */
uint16_t net_hash(const struct vml_virtio_net_rss *rss, const struct net_tuple *t, uint32_t *hash);
/* The commands RSS_CONFIG and HASH_CONFIG. */
bool net_set_rss(struct vml_virtio_net *net, const struct vml_virtq_chain *chain);
bool net_set_hash(struct vml_virtio_net *net, const struct vml_virtq_chain *chain);
/* Changes the rules. Under the device's lock. */
void net_set_steering(struct vml_virtio_net_rss *rss, const struct vml_virtio_net_steering *s);
void net_save_steering(const struct vml_virtio_net_rss *rss, struct vml_state_writer *w);
void net_get_steering(struct vml_state_reader *r, uint32_t pairs,
                      struct vml_virtio_net_steering *s);
/* Makes the queues' notifiers ready, and ends their use. */
void net_init_notifiers(struct vml_virtio_net *net);
void net_destroy_notifiers(struct vml_virtio_net *net);
/* The ops `used` and `queue_stopped` with them. */
bool net_used(struct vml_virtio *dev, uint32_t index);
void net_queue_stopped(struct vml_virtio *dev, uint32_t index);
/* Packets of a queue were published: the driver may be told now, or later. */
void net_count_packets(struct vml_virtio_net_notifier *n, uint32_t packets);
/* The queue was opened: tells what could not be told before. */
void net_tell_missed(struct vml_virtio_net_notifier *n);
void net_reset_coalescing(struct vml_virtio_net *net);
/* A command of the class; VQ_GET's answer, of COALESCE_ANSWER bytes, goes before `ack` if the chain
 * is for such a command and has room. */
bool net_set_coalescing(struct vml_virtio_net *net, const struct vml_virtq_chain *chain,
                        uint8_t command, uint8_t *answer);
bool net_answers_coalescing(const struct vml_virtio_net *net, const struct vml_virtq_chain *chain);
void net_save_coalescing(const struct vml_virtio_net *net, struct vml_state_writer *w);
void net_restore_coalescing(struct vml_virtio_net *net, struct vml_state_reader *r, bool apply);
#define COALESCE_ANSWER 8u
#define CLASS_COALESCE  6u

static inline struct vml_virtio_net_notifier *net_notifier(const struct vml_virtio_net *net,
                                                           uint32_t index)
{
    return &net->config.pairs[index / 2].notifiers[index & 1u];
}

/* Without notifications that wait this is one load. */
static inline void net_published(struct vml_virtio_net_notifier *n, uint32_t packets)
{
    if (VML_UNLIKELY(atomic_load_explicit(&n->active, memory_order_relaxed)) && packets != 0) {
        net_count_packets(n, packets);
    }
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
