/* The control queue: virtio 1.3, 5.1.6.5. A command is read into a local copy, checked, and then
 * done as a whole. */
#include "net_private.h"

enum { CLASS_RX, CLASS_MAC, CLASS_VLAN, CLASS_ANNOUNCE, CLASS_MQ, CLASS_OFFLOADS };
enum { MAC_TABLE_SET, MAC_ADDR_SET };
enum { VLAN_ADD, VLAN_DEL };
enum { MQ_PAIRS_SET, MQ_RSS_CONFIG, MQ_HASH_CONFIG };

#define ACK_OK  0u
#define ACK_ERR 1u

static bool set_mode(struct vml_virtio_net *net, uint8_t command, bool on)
{
    struct vml_virtio_net_filter *f = &net->filter;
    bool *const modes[] = {&f->promisc, &f->allmulti, &f->alluni,
                           &f->nomulti, &f->nouni,    &f->nobcast};
    uint64_t feature = command < 2 ? VML_VIRTIO_NET_F_CTRL_RX : VML_VIRTIO_NET_F_CTRL_RX_EXTRA;

    if (command >= VML_ARRAY_SIZE(modes) || !vml_virtio_has(&net->virtio, feature)) {
        return false;
    }
    vml_mutex_lock(&net->lock);
    *modes[command] = on;
    vml_mutex_unlock(&net->lock);
    return true;
}

/* Reads one of the two lists of MAC_TABLE_SET from byte `*at` on. */
static bool read_list(const struct vml_virtq_chain *chain, uint64_t *at,
                      struct vml_virtio_net_filter *f, bool *overflow)
{
    uint8_t bytes[4];
    uint32_t count;

    if (vml_virtq_copy_from(chain, *at, bytes, 4) != 4) {
        return false;
    }
    count = vml_load_le32(bytes);
    *at += 4;
    if (count > (vml_virtq_readable_len(chain) - *at) / 6) {
        return false;
    }
    *overflow = count > VML_VIRTIO_NET_MAC_TABLE - f->mac_count;
    for (uint32_t i = 0; i < count && !*overflow; i++) {
        vml_virtq_copy_from(chain, *at + 6 * (uint64_t)i, f->macs[f->mac_count++], 6);
    }
    *at += 6 * (uint64_t)count;
    return true;
}

static bool set_table(struct vml_virtio_net *net, const struct vml_virtq_chain *chain)
{
    struct vml_virtio_net_filter f;
    uint64_t at = 2;
    bool good;

    if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_CTRL_RX)) {
        return false;
    }
    vml_mutex_lock(&net->lock);
    f = net->filter;
    vml_mutex_unlock(&net->lock);
    f.mac_count = 0;
    good = read_list(chain, &at, &f, &f.uni_overflow);
    f.uni_count = f.mac_count;
    good = good && read_list(chain, &at, &f, &f.multi_overflow);
    if (good) {
        vml_mutex_lock(&net->lock);
        net->filter = f; /* commands come one at a time: nothing else changed it meanwhile */
        vml_mutex_unlock(&net->lock);
    }
    return good;
}

static bool set_address(struct vml_virtio_net *net, const struct vml_virtq_chain *chain)
{
    uint8_t mac[6];

    if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_CTRL_MAC_ADDR) ||
        vml_virtq_copy_from(chain, 2, mac, 6) != 6) {
        return false;
    }
    vml_mutex_lock(&net->lock);
    memcpy(net->filter.mac, mac, 6);
    vml_mutex_unlock(&net->lock);
    /* 5.1.6.5.2.2: the field follows; the driver, which knows, needs no interrupt. */
    vml_mutex_lock(&net->virtio.lock);
    memcpy(net->space + SPACE_MAC, mac, 6);
    vml_mutex_unlock(&net->virtio.lock);
    return true;
}

static bool set_vlan(struct vml_virtio_net *net, const struct vml_virtq_chain *chain,
                     uint8_t command)
{
    uint8_t bytes[2];
    uint32_t id;

    if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_CTRL_VLAN) || command > VLAN_DEL ||
        vml_virtq_copy_from(chain, 2, bytes, 2) != 2) {
        return false;
    }
    id = vml_load_le16(bytes);
    if (id > 4095) {
        return false;
    }
    vml_mutex_lock(&net->lock);
    if (command == VLAN_ADD) {
        net->filter.vlan_bits[id / 64] |= VML_BIT64(id % 64);
    } else {
        net->filter.vlan_bits[id / 64] &= ~VML_BIT64(id % 64);
    }
    vml_mutex_unlock(&net->lock);
    return true;
}

static bool announced(struct vml_virtio_net *net, uint8_t command)
{
    if (command != 0 || !vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_GUEST_ANNOUNCE)) {
        return false;
    }
    vml_mutex_lock(&net->virtio.lock);
    net->space[SPACE_STATUS] &= (uint8_t)~STATUS_ANNOUNCE;
    vml_mutex_unlock(&net->virtio.lock);
    return true;
}

static bool set_pairs(struct vml_virtio_net *net, const struct vml_virtq_chain *chain)
{
    uint8_t bytes[2];
    uint32_t pairs;

    if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_MQ) ||
        vml_virtq_copy_from(chain, 2, bytes, 2) != 2) {
        return false;
    }
    pairs = vml_load_le16(bytes);
    if (pairs == 0 || pairs > net->config.pair_count) {
        return false;
    }
    atomic_store(&net->pairs, pairs);
    if (net->config.rss) { /* 5.1.6.5.5: the last command says who steers */
        vml_mutex_lock(&net->lock);
        net->config.rss->steering.by_hash = false;
        vml_mutex_unlock(&net->lock);
    }
    return true;
}

static bool set_queues(struct vml_virtio_net *net, const struct vml_virtq_chain *chain,
                       uint8_t command)
{
    switch (command) {
    case MQ_PAIRS_SET:
        return set_pairs(net, chain);
    case MQ_RSS_CONFIG:
        return net_set_rss(net, chain);
    case MQ_HASH_CONFIG:
        return net_set_hash(net, chain);
    default:
        return false;
    }
}

static bool set_offloads(struct vml_virtio_net *net, const struct vml_virtq_chain *chain,
                         uint8_t command)
{
    uint8_t bytes[8];
    uint64_t offloads;

    if (command != 0 || !vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
        vml_virtq_copy_from(chain, 2, bytes, 8) != 8) {
        return false;
    }
    offloads = vml_load_le64(bytes);
    if (offloads & ~(net->virtio.driver_features & NET_GUEST_OFFLOADS)) {
        return false;
    }
    vml_mutex_lock(&net->lock);
    net->guest_offloads = offloads;
    vml_mutex_unlock(&net->lock);
    net_tell_offloads(net);
    return true;
}

static bool command(struct vml_virtio_net *net, const struct vml_virtq_chain *chain,
                    uint8_t *answer)
{
    uint8_t head[3] = {0, 0, 0};

    if (vml_virtq_copy_from(chain, 0, head, 3) < 2) {
        return false;
    }
    switch (head[0]) {
    case CLASS_RX:
        return vml_virtq_readable_len(chain) >= 3 && set_mode(net, head[1], head[2] != 0);
    case CLASS_MAC:
        return head[1] == MAC_TABLE_SET  ? set_table(net, chain)
               : head[1] == MAC_ADDR_SET ? set_address(net, chain)
                                         : false;
    case CLASS_VLAN:
        return set_vlan(net, chain, head[1]);
    case CLASS_ANNOUNCE:
        return announced(net, head[1]);
    case CLASS_MQ:
        return set_queues(net, chain, head[1]);
    case CLASS_OFFLOADS:
        return set_offloads(net, chain, head[1]);
    case CLASS_COALESCE:
        return net_set_coalescing(net, chain, head[1], answer);
    default:
        return false;
    }
}

/* Does a command and writes `ack`, behind what VQ_GET answers. @return bytes written */
static uint32_t serve(struct vml_virtio_net *net, const struct vml_virtq_chain *chain)
{
    uint8_t bytes[COALESCE_ANSWER + 1] = {0};
    uint32_t at = net_answers_coalescing(net, chain) ? COALESCE_ANSWER : 0;
    bool good = command(net, chain, bytes);

    bytes[at] = (uint8_t)(good ? ACK_OK : ACK_ERR);
    return (uint32_t)vml_virtq_copy_to(chain, 0, bytes, at + 1);
}

void net_control(struct vml_virtio_net *net)
{
    struct vml_virtio_queue *queue = &net->config.queues[net_control_queue(net)];
    struct vml_virtq_chain chain = {.bufs = net->control_bufs};

    if (!vml_virtio_queue_enter(queue)) {
        return;
    }
    do {
        while (vml_virtio_queue_pop(queue, &chain)) {
            vml_virtio_queue_push(queue, &chain, serve(net, &chain));
        }
        vml_virtio_queue_publish(queue);
    } while (!vml_virtio_queue_leave(queue));
}
