/*
 * From the network to the guest: virtio 1.3, 5.1.6.3 and 5.1.6.4. A frame is filtered, and copied
 * into one chain or, with MRG_RXBUF, as many as it needs, under the receive queue's lock.
 */
#include "net_private.h"

static bool same(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, 6) == 0;
}

static bool in_table(const struct vml_virtio_net_filter *f, const uint8_t *mac, uint32_t from,
                     uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (same(f->macs[i], mac)) {
            return true;
        }
    }
    return false;
}

static bool passes_mac(const struct vml_virtio_net_filter *f, const uint8_t *mac)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (f->promisc) {
        return true;
    }
    if (same(mac, broadcast)) {
        return !f->nobcast;
    }
    if (mac[0] & 1u) {
        return !f->nomulti &&
               (f->allmulti || f->multi_overflow || in_table(f, mac, f->uni_count, f->mac_count));
    }
    return !f->nouni &&
           (f->alluni || f->uni_overflow || same(mac, f->mac) || in_table(f, mac, 0, f->uni_count));
}

/* 5.1.6.5.3: tagged frames pass only for ids that were added. */
static bool passes_vlan(const struct vml_virtio_net_filter *f, const uint8_t *head)
{
    uint32_t id = ((uint32_t)head[14] << 8 | head[15]) & 0xfffu;

    if (!f->vlans || f->promisc || head[12] != 0x81 || head[13] != 0) {
        return true;
    }
    return (f->vlan_bits[id / 64] >> (id % 64)) & 1u;
}

/* Under the device's lock. */
static bool passes(const struct vml_virtio_net *net, const uint8_t *head)
{
    /* Without CTRL_RX the driver has no say, and gets everything. */
    return (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_CTRL_RX) ||
            passes_mac(&net->filter, head)) &&
           passes_vlan(&net->filter, head);
}

/* Which features a frame needs the guest to have. USO is one bit for each version of IP, that the
 * type does not tell. */
static bool guest_takes(uint64_t offloads, uint8_t gso_type)
{
    uint64_t ecn = gso_type & VML_NET_GSO_ECN ? VML_VIRTIO_NET_F_GUEST_ECN : 0;

    if ((offloads & ecn) != ecn) {
        return false;
    }
    switch (gso_type & ~VML_NET_GSO_ECN) {
    case VML_NET_GSO_NONE:
        return true;
    case VML_NET_GSO_TCPV4:
        return (offloads & VML_VIRTIO_NET_F_GUEST_TSO4) != 0;
    case VML_NET_GSO_TCPV6:
        return (offloads & VML_VIRTIO_NET_F_GUEST_TSO6) != 0;
    case VML_NET_GSO_UDP:
        return (offloads & VML_VIRTIO_NET_F_GUEST_UFO) != 0;
    case VML_NET_GSO_UDP_L4:
        return (offloads & VML_VIRTIO_NET_F_GUEST_USO4) && (offloads & VML_VIRTIO_NET_F_GUEST_USO6);
    default:
        return false;
    }
}

/* One's complement sum of a frame from `start`. */
static uint16_t checksum(const struct vml_net_frame *frame, uint32_t start)
{
    uint64_t sum = 0;
    uint32_t at = 0;
    bool odd = false;

    for (uint32_t i = 0; i < frame->count; i++) {
        const struct vml_virtq_buf *buf = &frame->bufs[i];

        for (uint32_t k = at < start ? (uint32_t)vml_min_u64(start - at, buf->len) : 0;
             k < buf->len; k++) {
            sum += odd ? buf->host[k] : (uint32_t)buf->host[k] << 8;
            odd = !odd;
        }
        at += buf->len;
    }
    while (sum >> 16) {
        sum = (sum & 0xffffu) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* The frame as the guest gets it. */
struct delivery {
    const struct vml_net_frame *frame;
    uint64_t offloads; /* that the guest takes */
    uint32_t pair;     /* that gets it */
    uint8_t header[HEADER_SIZE_HASH];
    uint32_t header_size;
    bool finish;     /* put `sum` at `sum_at` of the frame */
    uint8_t sum[2];  /* as it goes there */
    uint32_t sum_at; /* offset in the frame */
    uint32_t chains; /* that it takes */
};

/* Under the queue's lock. @return false when the guest cannot take such a frame */
static bool prepare(const struct vml_virtio_net *net, struct delivery *d)
{
    const struct vml_net_frame *frame = d->frame;
    /* What the driver before a reset wanted is not what this one takes. */
    const uint64_t offloads = d->offloads & atomic_load(&net->virtio.driver_features);

    d->header_size = net_header_size(net);
    if (!guest_takes(offloads, frame->gso_type)) {
        return false;
    }
    d->header[1] = frame->gso_type;
    vml_store_le16(d->header + 2, frame->hdr_len);
    vml_store_le16(d->header + 4, frame->gso_size);
    if (frame->flags & VML_NET_NEEDS_CSUM) {
        if ((uint32_t)frame->csum_start + frame->csum_offset + 2u > frame->length) {
            return false;
        }
        if (offloads & VML_VIRTIO_NET_F_GUEST_CSUM) {
            d->header[0] = VML_NET_NEEDS_CSUM;
            vml_store_le16(d->header + 6, frame->csum_start);
            vml_store_le16(d->header + 8, frame->csum_offset);
        } else {
            uint16_t sum = checksum(frame, frame->csum_start);

            d->finish = true;
            d->sum_at = (uint32_t)frame->csum_start + frame->csum_offset;
            d->sum[0] = (uint8_t)(sum >> 8);
            d->sum[1] = (uint8_t)sum;
        }
    } else if ((frame->flags & VML_NET_DATA_VALID) && (offloads & VML_VIRTIO_NET_F_GUEST_CSUM)) {
        d->header[0] = VML_NET_DATA_VALID;
    }
    return true;
}

/* Copies a piece of the frame into a chain's writable buffers from byte `to`. */
static void copy_piece(const struct delivery *d, const struct vml_virtq_chain *chain, uint64_t to,
                       uint32_t from, uint32_t len)
{
    const struct vml_virtq_buf *buf = d->frame->bufs;
    uint32_t skip = from;
    uint32_t left = len;

    for (uint32_t i = 0; i < d->frame->count && left != 0; i++, buf++) {
        if (skip >= buf->len) {
            skip -= buf->len;
            continue;
        }
        uint32_t n = (uint32_t)vml_min_u64(buf->len - skip, left);

        vml_virtq_copy_to(chain, to, buf->host + skip, n);
        to += n;
        left -= n;
        skip = 0;
    }
    for (uint32_t i = 0; d->finish && i < 2; i++) {
        if (d->sum_at + i >= from && d->sum_at + i < from + len) {
            vml_virtq_copy_to(chain, to - len + (d->sum_at + i - from), &d->sum[i], 1);
        }
    }
}

static enum vml_status pop(struct vml_virtio_queue *queue, struct vml_virtq_chain *chain)
{
    enum vml_status status = vml_virtq_pop(&queue->vq, chain);

    if (status == VML_ERR_AGAIN && vml_virtq_enable_notify(&queue->vq)) {
        status = vml_virtq_pop(&queue->vq, chain);
    }
    return status;
}

/* Pops as many chains as the frame needs. They are put back when there are too few. */
static enum vml_status gather(struct vml_virtio_net *net, struct vml_virtio_net_pair *pair,
                              struct vml_virtio_queue *queue, struct delivery *d)
{
    bool merge = vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_MRG_RXBUF);
    uint64_t need = (uint64_t)d->header_size + d->frame->length;
    uint32_t bufs = 0;
    enum vml_status status = VML_OK;

    while (need != 0) {
        struct vml_virtq_chain *chain = &pair->rx_chains[d->chains];
        uint64_t room;

        if (d->chains == (merge ? VML_VIRTIO_NET_MAX_MERGE : 1u) ||
            bufs > VML_VIRTIO_NET_MAX_BUFS) {
            status = VML_ERR_NO_SPACE;
            break;
        }
        chain->bufs = &pair->rx_bufs[bufs];
        status = pop(queue, chain);
        if (status != VML_OK) {
            break;
        }
        d->chains++;
        bufs += (uint32_t)chain->readable + chain->writable;
        room = vml_virtq_writable_len(chain);
        if (d->chains == 1 && room < d->header_size) {
            status = VML_ERR_NO_SPACE;
            break;
        }
        need -= vml_min_u64(need, room);
    }
    if (status != VML_OK) {
        while (d->chains > 0) {
            vml_virtq_rewind(&queue->vq, &pair->rx_chains[--d->chains]);
        }
    }
    return status;
}

static void fill(struct vml_virtio_net_pair *pair, struct vml_virtio_queue *queue,
                 struct delivery *d)
{
    uint32_t from = 0;

    vml_store_le16(d->header + HEADER_NUM_BUFFERS, (uint16_t)d->chains);
    for (uint32_t i = 0; i < d->chains; i++) {
        const struct vml_virtq_chain *chain = &pair->rx_chains[i];
        uint32_t start = i == 0 ? d->header_size : 0;
        uint32_t len =
            (uint32_t)vml_min_u64(vml_virtq_writable_len(chain) - start, d->frame->length - from);

        if (i == 0) {
            vml_virtq_copy_to(chain, 0, d->header, d->header_size);
        }
        copy_piece(d, chain, start, from, len);
        vml_virtq_push(&queue->vq, chain, start + len);
        from += len;
    }
}

/* The same flow always goes to the same pair: what is hashed is the same for all its frames. */
static uint32_t automatic_pair(const struct vml_virtio_net *net, const uint8_t *head)
{
    uint32_t pairs = atomic_load(&net->pairs);
    uint32_t hash = 2166136261u;

    if (pairs == 1) {
        return 0;
    }
    for (uint32_t i = 26; i < 38; i++) { /* IPv4: addresses and ports */
        hash = (hash ^ head[i]) * 16777619u;
    }
    return (hash >> 16) % pairs;
}

/* Under the device's lock. 5.1.6.4.3, 5.1.6.5.7.3: the packet's hash is reported, and may say where
 * it goes. @return whether it does */
static bool steer(const struct vml_virtio_net *net, const struct net_tuple *tuple,
                  struct delivery *d)
{
    const struct vml_virtio_net_rss *rss = net->config.rss;
    const struct vml_virtio_net_steering *s = &rss->steering;
    uint32_t hash;
    uint16_t report = net_hash(rss, tuple, &hash);

    vml_store_le32(d->header + HEADER_HASH, hash);
    vml_store_le16(d->header + HEADER_HASH_REPORT, report);
    if (s->by_hash) {
        d->pair = report ? s->table[hash & s->mask] : s->unclassified;
    }
    return s->by_hash;
}

/* Whether the driver wants the frame; and if so, where and how. */
static bool admit(struct vml_virtio_net *net, const uint8_t *head, uint32_t have,
                  struct delivery *d)
{
    bool hashed = vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_RSS | VML_VIRTIO_NET_F_HASH_REPORT);
    bool steered = false;
    struct net_tuple tuple;
    bool pass;

    if (hashed) {
        net_parse(d->frame, head, have, &tuple);
    }
    vml_mutex_lock(&net->lock);
    pass = passes(net, head);
    d->offloads = net->guest_offloads;
    if (hashed && pass) {
        steered = steer(net, &tuple, d);
    }
    vml_mutex_unlock(&net->lock);
    if (!steered) {
        d->pair = automatic_pair(net, head);
    }
    return pass;
}

/* 5.1.4.1: no packet of more than mtu bytes behind its header, with or without a VLAN's tag, once MTU
 * was negotiated; but one that the guest is to cut. */
static bool exceeds_mtu(const struct vml_virtio_net *net, const struct vml_net_frame *frame,
                        const uint8_t *head)
{
    uint32_t header = VML_NET_HEADER + (head[12] == 0x81 && head[13] == 0 ? 4u : 0u);

    return vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_MTU) &&
           (frame->gso_type & ~VML_NET_GSO_ECN) == VML_NET_GSO_NONE &&
           frame->length > net->config.mtu + header;
}

/* Into the buffers of the pair. What form the frame has there is found under the queue's lock, under which
 * the device is not reset: else a driver could get what was meant for the one before.
 * @return false: not now */
static bool deliver(struct vml_virtio_net *net, const uint8_t *head, struct delivery *d)
{
    struct vml_virtio_net_pair *pair = &net->config.pairs[d->pair];
    struct vml_virtio_queue *queue = &net->config.queues[2 * d->pair];
    enum vml_status status = VML_ERR_NO_SPACE;

    /* Set before the queue is looked at: who adds buffers after that look sees it. */
    atomic_store(&pair->refused, true);
    if (!vml_virtio_queue_lock(queue)) {
        atomic_store(&pair->refused, false);
        net_count(net, RX_DROPPED, 1);
        return true; /* no driver: nobody waits for it */
    }
    if (!exceeds_mtu(net, d->frame, head) && prepare(net, d)) {
        status = gather(net, pair, queue, d);
    }
    if (status == VML_OK) {
        fill(pair, queue, d);
    }
    vml_virtio_queue_unlock(queue, status == VML_ERR_CORRUPT);
    if (status == VML_ERR_AGAIN) {
        return false;
    }
    atomic_store(&pair->refused, false);
    net_published(&pair->notifiers[0], status == VML_OK ? 1 : 0);
    net_count(net, status == VML_OK ? RX_FRAMES : RX_DROPPED, 1);
    net_count(net, RX_BYTES, status == VML_OK ? d->frame->length : 0);
    return true;
}

bool net_receive(void *context, const struct vml_net_frame *frame)
{
    struct vml_virtio_net *net = context;
    struct delivery d = {.frame = frame};
    uint8_t head[HEAD_SIZE] = {0};
    uint32_t have = 0;

    if (frame->length >= VML_NET_HEADER && frame->length <= VML_NET_MAX_FRAME) {
        have = (uint32_t)vml_net_copy(frame, 0, head, sizeof(head));
    }
    if (have < VML_NET_HEADER || !atomic_load(&net->link) || !admit(net, head, have, &d)) {
        net_count(net, RX_DROPPED, 1);
        return true;
    }
    return deliver(net, head, &d);
}
