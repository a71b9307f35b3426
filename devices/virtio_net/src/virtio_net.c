/*
 * The network device apart from its queues: features, config space, link, saved state.
 *
 * Lock order: none nests in another: a frame is filtered under `net->lock` before its queue is
 * locked, and its notification may be put off under its notifier's lock after that. The peer is called
 * with no lock held.
 */
#include "net_private.h"

#define DEVICE_ID 1u
#define NET_TAG   VML_STATE_TAG('V', 'N', 'E', 'T')

static struct vml_virtio_net *net_of(struct vml_virtio *dev)
{
    return VML_CONTAINER_OF(dev, struct vml_virtio_net, virtio);
}

/* -----------------------------------------------------------------------------------------
 * features */

/* 5.1.3.1: what features require of each other; those that others require come first. */
static const struct {
    uint64_t feature, any_of;
} needs[] = {
    {VML_VIRTIO_NET_F_GUEST_TSO4, VML_VIRTIO_NET_F_GUEST_CSUM},
    {VML_VIRTIO_NET_F_GUEST_TSO6, VML_VIRTIO_NET_F_GUEST_CSUM},
    {VML_VIRTIO_NET_F_GUEST_UFO, VML_VIRTIO_NET_F_GUEST_CSUM},
    {VML_VIRTIO_NET_F_GUEST_USO4, VML_VIRTIO_NET_F_GUEST_CSUM},
    {VML_VIRTIO_NET_F_GUEST_USO6, VML_VIRTIO_NET_F_GUEST_CSUM},
    {VML_VIRTIO_NET_F_GUEST_ECN, VML_VIRTIO_NET_F_GUEST_TSO4 | VML_VIRTIO_NET_F_GUEST_TSO6},
    {VML_VIRTIO_NET_F_HOST_TSO4, VML_VIRTIO_NET_F_CSUM},
    {VML_VIRTIO_NET_F_HOST_TSO6, VML_VIRTIO_NET_F_CSUM},
    {VML_VIRTIO_NET_F_HOST_UFO, VML_VIRTIO_NET_F_CSUM},
    {VML_VIRTIO_NET_F_HOST_USO, VML_VIRTIO_NET_F_CSUM},
    {VML_VIRTIO_NET_F_HOST_ECN, VML_VIRTIO_NET_F_HOST_TSO4 | VML_VIRTIO_NET_F_HOST_TSO6},
    {VML_VIRTIO_NET_F_CTRL_RX, VML_VIRTIO_NET_F_CTRL_VQ},
    {VML_VIRTIO_NET_F_CTRL_VLAN, VML_VIRTIO_NET_F_CTRL_VQ},
    {VML_VIRTIO_NET_F_GUEST_ANNOUNCE, VML_VIRTIO_NET_F_CTRL_VQ},
    {VML_VIRTIO_NET_F_MQ, VML_VIRTIO_NET_F_CTRL_VQ},
    {VML_VIRTIO_NET_F_CTRL_MAC_ADDR, VML_VIRTIO_NET_F_CTRL_VQ},
    {VML_VIRTIO_NET_F_RSS, VML_VIRTIO_NET_F_CTRL_VQ},
    {VML_VIRTIO_NET_F_NOTF_COAL, VML_VIRTIO_NET_F_CTRL_VQ},
    {VML_VIRTIO_NET_F_VQ_NOTF_COAL, VML_VIRTIO_NET_F_CTRL_VQ},
};

static uint64_t features_of(const struct vml_virtio_net_config *config)
{
    static const struct {
        uint32_t can;
        uint64_t features;
    } offloads[] = {
        {VML_NET_CAN_CSUM, VML_VIRTIO_NET_F_CSUM | VML_VIRTIO_NET_F_GUEST_CSUM |
                               VML_VIRTIO_NET_F_CTRL_GUEST_OFFLOADS},
        {VML_NET_CAN_TSO4, VML_VIRTIO_NET_F_HOST_TSO4 | VML_VIRTIO_NET_F_GUEST_TSO4},
        {VML_NET_CAN_TSO6, VML_VIRTIO_NET_F_HOST_TSO6 | VML_VIRTIO_NET_F_GUEST_TSO6},
        {VML_NET_CAN_ECN, VML_VIRTIO_NET_F_HOST_ECN | VML_VIRTIO_NET_F_GUEST_ECN},
        {VML_NET_CAN_UFO, VML_VIRTIO_NET_F_HOST_UFO | VML_VIRTIO_NET_F_GUEST_UFO},
        {VML_NET_CAN_USO,
         VML_VIRTIO_NET_F_HOST_USO | VML_VIRTIO_NET_F_GUEST_USO4 | VML_VIRTIO_NET_F_GUEST_USO6},
    };
    uint64_t features = VML_VIRTIO_NET_F_MAC | VML_VIRTIO_NET_F_STATUS |
                        VML_VIRTIO_NET_F_MRG_RXBUF | VML_VIRTIO_NET_F_CTRL_VQ |
                        VML_VIRTIO_NET_F_CTRL_RX | VML_VIRTIO_NET_F_CTRL_VLAN |
                        VML_VIRTIO_NET_F_CTRL_RX_EXTRA | VML_VIRTIO_NET_F_GUEST_ANNOUNCE |
                        VML_VIRTIO_NET_F_CTRL_MAC_ADDR | VML_VIRTIO_F_IN_ORDER;

    for (size_t i = 0; i < VML_ARRAY_SIZE(offloads); i++) {
        features |= config->peer_can & offloads[i].can ? offloads[i].features : 0;
    }
    for (size_t i = 0; i < VML_ARRAY_SIZE(needs); i++) {
        features &= features & needs[i].any_of ? UINT64_MAX : ~needs[i].feature;
    }
    features |= config->mtu ? VML_VIRTIO_NET_F_MTU : 0;
    features |= config->speed ? VML_VIRTIO_NET_F_SPEED_DUPLEX : 0;
    features |= config->pair_count > 1 ? VML_VIRTIO_NET_F_MQ : 0;
    features |= config->rss ? VML_VIRTIO_NET_F_RSS | VML_VIRTIO_NET_F_HASH_REPORT : 0;
    features |= config->clock ? VML_VIRTIO_NET_F_NOTF_COAL | VML_VIRTIO_NET_F_VQ_NOTF_COAL : 0;
    return features & ~config->platform.features_off;
}

static enum vml_status net_accept(struct vml_virtio *dev, uint64_t features)
{
    (void)dev;
    for (size_t i = 0; i < VML_ARRAY_SIZE(needs); i++) {
        if ((features & needs[i].feature) && !(features & needs[i].any_of)) {
            return VML_ERR_UNSUPPORTED;
        }
    }
    return VML_OK;
}

void net_tell_offloads(struct vml_virtio_net *net)
{
    uint64_t offloads;
    uint32_t can = 0;

    vml_mutex_lock(&net->lock);
    offloads = net->guest_offloads;
    vml_mutex_unlock(&net->lock);
    can |= offloads & VML_VIRTIO_NET_F_GUEST_CSUM ? VML_NET_CAN_CSUM : 0;
    can |= offloads & VML_VIRTIO_NET_F_GUEST_TSO4 ? VML_NET_CAN_TSO4 : 0;
    can |= offloads & VML_VIRTIO_NET_F_GUEST_TSO6 ? VML_NET_CAN_TSO6 : 0;
    can |= offloads & VML_VIRTIO_NET_F_GUEST_ECN ? VML_NET_CAN_ECN : 0;
    can |= offloads & VML_VIRTIO_NET_F_GUEST_UFO ? VML_NET_CAN_UFO : 0;
    can |= (offloads & VML_VIRTIO_NET_F_GUEST_USO4) && (offloads & VML_VIRTIO_NET_F_GUEST_USO6)
               ? VML_NET_CAN_USO
               : 0;
    vml_net_offloads(&net->config.peer, can);
}

/* -------------------------------------------------------------------------------------------
 * device */

static void net_notify(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_net *net = net_of(dev);
    bool control = vml_virtio_has(dev, VML_VIRTIO_NET_F_CTRL_VQ) && index == net_control_queue(net);

    if (control) {
        net_control(net);
        return;
    }
    if (index >= 2u * net->config.pair_count) {
        return; /* a queue that these features do not have */
    }
    net_tell_missed(net_notifier(net, index));
    if (index & 1u) {
        net_transmit(net, index / 2);
    } else if (atomic_exchange(&net->config.pairs[index / 2].refused, false)) {
        vml_net_ready(&net->config.peer);
    }
}

static void net_start(struct vml_virtio *dev)
{
    struct vml_virtio_net *net = net_of(dev);

    vml_mutex_lock(&net->lock);
    if (net->guest_offloads == NET_OFFLOADS_UNSET) {
        net->guest_offloads = net->virtio.driver_features & NET_GUEST_OFFLOADS;
    }
    net->filter.vlans = vml_virtio_has(dev, VML_VIRTIO_NET_F_CTRL_VLAN);
    vml_mutex_unlock(&net->lock);
    net_tell_offloads(net);
}

static void net_reset(struct vml_virtio *dev)
{
    struct vml_virtio_net *net = net_of(dev);

    vml_mutex_lock(&net->lock);
    memset(&net->filter, 0, sizeof(net->filter));
    memcpy(net->filter.mac, net->config.mac, 6);
    net->guest_offloads = NET_OFFLOADS_UNSET;
    if (net->config.rss) {
        net_set_steering(net->config.rss, &(struct vml_virtio_net_steering){.by_hash = false});
    }
    vml_mutex_unlock(&net->lock);
    vml_mutex_lock(&dev->lock);
    memcpy(net->space + SPACE_MAC, net->config.mac, 6);
    net->space[SPACE_STATUS] &= (uint8_t)~STATUS_ANNOUNCE;
    vml_mutex_unlock(&dev->lock);
    atomic_store(&net->pairs, 1);
    if (net->config.clock) {
        net_reset_coalescing(net);
    }
}

static bool net_send(void *context, const struct vml_net_frame *frame)
{
    return net_receive(context, frame);
}

static const struct vml_net_ops end_ops = {.send = net_send};

struct vml_net vml_virtio_net_end(struct vml_virtio_net *net)
{
    return (struct vml_net){.ops = &end_ops, .context = net};
}

static void change_status(struct vml_virtio_net *net, uint8_t clear, uint8_t set)
{
    uint8_t status =
        (uint8_t)((vml_virtio_config_read(&net->virtio, SPACE_STATUS, 1) & ~(unsigned)clear) | set);

    vml_virtio_config_change(&net->virtio, SPACE_STATUS, &status, 1);
}

void vml_virtio_net_set_link(struct vml_virtio_net *net, bool up)
{
    atomic_store(&net->link, up);
    change_status(net, STATUS_LINK_UP, (uint8_t)(up ? STATUS_LINK_UP : 0));
}

void vml_virtio_net_announce(struct vml_virtio_net *net)
{
    if (vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_GUEST_ANNOUNCE)) {
        change_status(net, 0, STATUS_ANNOUNCE);
    }
}

struct vml_virtio_net_counters vml_virtio_net_counters(const struct vml_virtio_net *net)
{
    return (struct vml_virtio_net_counters){
        .tx_frames = atomic_load(&net->counts[TX_FRAMES]),
        .tx_bytes = atomic_load(&net->counts[TX_BYTES]),
        .tx_dropped = atomic_load(&net->counts[TX_DROPPED]),
        .rx_frames = atomic_load(&net->counts[RX_FRAMES]),
        .rx_bytes = atomic_load(&net->counts[RX_BYTES]),
        .rx_dropped = atomic_load(&net->counts[RX_DROPPED]),
    };
}

/* ------------------------------------------------------------------------------------------ saved
 * state */

static void put_filter(struct vml_state_writer *w, const struct vml_virtio_net_filter *f)
{
    vml_state_put_bool(w, f->promisc);
    vml_state_put_bool(w, f->allmulti);
    vml_state_put_bool(w, f->alluni);
    vml_state_put_bool(w, f->nomulti);
    vml_state_put_bool(w, f->nouni);
    vml_state_put_bool(w, f->nobcast);
    vml_state_put_bool(w, f->uni_overflow);
    vml_state_put_bool(w, f->multi_overflow);
    vml_state_put_u32(w, f->uni_count);
    vml_state_put_u32(w, f->mac_count);
    vml_state_put_bytes(w, f->mac, sizeof(f->mac));
    vml_state_put_bytes(w, f->macs, sizeof(f->macs));
    for (size_t i = 0; i < VML_ARRAY_SIZE(f->vlan_bits); i++) {
        vml_state_put_u64(w, f->vlan_bits[i]);
    }
}

static void get_filter(struct vml_state_reader *r, struct vml_virtio_net_filter *f)
{
    memset(f, 0, sizeof(*f));
    f->promisc = vml_state_get_bool(r);
    f->allmulti = vml_state_get_bool(r);
    f->alluni = vml_state_get_bool(r);
    f->nomulti = vml_state_get_bool(r);
    f->nouni = vml_state_get_bool(r);
    f->nobcast = vml_state_get_bool(r);
    f->uni_overflow = vml_state_get_bool(r);
    f->multi_overflow = vml_state_get_bool(r);
    f->uni_count = vml_state_get_u32(r);
    f->mac_count = vml_state_get_u32(r);
    vml_state_get_bytes(r, f->mac, sizeof(f->mac));
    vml_state_get_bytes(r, f->macs, sizeof(f->macs));
    for (size_t i = 0; i < VML_ARRAY_SIZE(f->vlan_bits); i++) {
        f->vlan_bits[i] = vml_state_get_u64(r);
    }
    if (f->mac_count > VML_VIRTIO_NET_MAC_TABLE || f->uni_count > f->mac_count) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
}

static void net_save(struct vml_virtio *dev, struct vml_state_writer *w)
{
    const struct vml_virtio_net *net = net_of(dev);

    vml_state_begin(w, NET_TAG, 1);
    put_filter(w, &net->filter);
    vml_state_put_u64(w, net->guest_offloads);
    vml_state_put_u32(w, atomic_load(&net->pairs));
    vml_state_put_bool(w, atomic_load(&net->link));
    vml_state_put_bool(w, (net->space[SPACE_STATUS] & STATUS_ANNOUNCE) != 0);
    vml_state_end(w);
    if (net->config.rss) {
        net_save_steering(net->config.rss, w);
    }
    if (net->config.clock) {
        net_save_coalescing(net, w);
    }
}

static enum vml_status net_restore(struct vml_virtio *dev, struct vml_state_reader *r, bool apply)
{
    struct vml_virtio_net *net = net_of(dev);
    struct vml_virtio_net_filter filter;
    struct vml_virtio_net_steering steering;
    uint64_t offloads;
    uint32_t pairs;
    bool link;
    bool announce;

    vml_state_enter(r, NET_TAG, 1);
    get_filter(r, &filter);
    offloads = vml_state_get_u64(r);
    pairs = vml_state_get_u32(r);
    link = vml_state_get_bool(r);
    announce = vml_state_get_bool(r);
    if ((offloads != NET_OFFLOADS_UNSET && (offloads & ~(uint64_t)NET_GUEST_OFFLOADS)) ||
        pairs == 0 || pairs > net->config.pair_count) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    if (net->config.rss) {
        net_get_steering(r, net->config.pair_count, &steering);
    }
    if (net->config.clock) {
        net_restore_coalescing(net, r, apply);
    }
    if (apply && vml_state_read_status(r) == VML_OK) {
        vml_mutex_lock(&net->lock);
        if (net->config.rss) {
            net_set_steering(net->config.rss, &steering);
        }
        net->filter = filter;
        net->guest_offloads = offloads;
        vml_mutex_unlock(&net->lock);
        atomic_store(&net->pairs, pairs);
        atomic_store(&net->link, link);
        vml_mutex_lock(&dev->lock);
        memcpy(net->space + SPACE_MAC, filter.mac, 6);
        net->space[SPACE_STATUS] =
            (uint8_t)((link ? STATUS_LINK_UP : 0) | (announce ? STATUS_ANNOUNCE : 0));
        vml_mutex_unlock(&dev->lock);
    }
    return vml_state_read_status(r);
}

static const struct vml_virtio_ops net_ops = {
    .accept = net_accept,
    .start = net_start,
    .notify = net_notify,
    .reset = net_reset,
    .save = net_save,
    .restore = net_restore,
};

/* ... when notifications may wait. */
static const struct vml_virtio_ops patient_ops = {
    .accept = net_accept,
    .start = net_start,
    .notify = net_notify,
    .queue_stopped = net_queue_stopped,
    .used = net_used,
    .reset = net_reset,
    .save = net_save,
    .restore = net_restore,
};

/* 5.1.4: which fields there are. Older Linux sends a table of the length told here even when there is
 * no RSS, where none belongs. */
static void fill_space(struct vml_virtio_net *net, uint64_t features)
{
    const struct vml_virtio_net_config *config = &net->config;

    memcpy(net->space + SPACE_MAC, config->mac, 6);
    net->space[SPACE_STATUS] = (uint8_t)(config->link_down ? 0 : STATUS_LINK_UP);
    vml_store_le16(net->space + SPACE_PAIRS, config->pair_count);
    vml_store_le16(net->space + SPACE_MTU, config->mtu);
    vml_store_le32(net->space + SPACE_SPEED, config->speed);
    net->space[SPACE_DUPLEX] = config->half_duplex ? 0 : 1;
    if (features & (VML_VIRTIO_NET_F_RSS | VML_VIRTIO_NET_F_HASH_REPORT)) {
        net->space[SPACE_KEY_SIZE] = VML_TOEPLITZ_KEY;
        vml_store_le32(net->space + SPACE_HASHES, VML_VIRTIO_NET_HASH_TYPES);
    }
    if (features & VML_VIRTIO_NET_F_RSS) {
        vml_store_le16(net->space + SPACE_TABLE, VML_VIRTIO_NET_RSS_TABLE);
    }
}

enum vml_status vml_virtio_net_init(struct vml_virtio_net *net,
                                    const struct vml_virtio_net_config *config)
{
    const struct vml_virtio_setup setup = {
        .ops = config->clock ? &patient_ops : &net_ops,
        .device_id = DEVICE_ID,
        .features = features_of(config),
        .queues = config->queues,
        .queue_count = VML_VIRTIO_NET_QUEUES(config->pair_count),
        .queue_size = VML_VIRTIO_NET_QUEUE_SIZE,
        .max_bufs = VML_VIRTIO_NET_MAX_BUFS,
        .config = net->space,
        .config_size = config->rss ? sizeof(net->space) : SPACE_BASIC,
    };
    enum vml_status status;

    if (config->pair_count == 0 || config->pair_count > VML_VIRTIO_NET_MAX_PAIRS ||
        !config->pairs || (config->mtu != 0 && config->mtu < 68) || (config->mac[0] & 1u)) {
        return VML_ERR_INVALID;
    }
    memset(net, 0, sizeof(*net));
    net->config = *config;
    fill_space(net, setup.features);
    atomic_store(&net->link, !config->link_down);
    vml_mutex_init(&net->lock);
    status = vml_virtio_init(&net->virtio, &config->platform, &setup);
    if (status == VML_OK) {
        for (uint32_t i = 0; i < config->pair_count; i++) {
            atomic_store(&config->pairs[i].refused, false);
        }
        net_init_notifiers(net);
        net_reset(&net->virtio);
    }
    return status;
}

void vml_virtio_net_destroy(struct vml_virtio_net *net)
{
    vml_virtio_destroy(&net->virtio);
    net_destroy_notifiers(net);
    vml_mutex_destroy(&net->lock);
}
