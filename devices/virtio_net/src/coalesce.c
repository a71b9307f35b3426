/*
 * Notifications that wait for more packets: virtio 1.3, 5.1.6.5.9. A packet is published at once; only
 * the driver is told later, when it wants to be told at all.
 *
 * A notifier's lock is a leaf: alarms are armed and interrupts sent without it.
 */
#include "net_private.h"

#define COALESCE_TAG VML_STATE_TAG('V', 'N', 'C', 'O')

enum { TX_SET, RX_SET, VQ_SET, VQ_GET };
enum { RX, TX };

/* What is to be done when the lock is dropped. */
struct outcome {
    bool arm, tell;
};

/* 5.1.6.5.9.1: told when enough packets came, or enough time went by; then counting begins anew. */
static struct outcome decide(struct vml_virtio_net_notifier *n, uint64_t now)
{
    bool over =
        !atomic_load(&n->active) || n->packets >= n->set.max_packets || now - n->began >= n->ticks;
    struct outcome o = {.tell = over && n->wanted};

    if (over) {
        n->packets = 0;
        n->wanted = false;
    }
    n->waiting = n->wanted;
    o.arm = vml_clock_alarm_set(&n->alarm, n->wanted ? n->began + n->ticks : VML_CLOCK_NEVER);
    return o;
}

static void act(struct vml_virtio_net_notifier *n, struct outcome o)
{
    if (o.arm) {
        vml_clock_alarm_arm(&n->alarm, &n->lock);
    }
    if (o.tell) {
        /* Who opens the queue meanwhile tells, if we find it closed. */
        atomic_store(&n->missed, true);
        net_tell_missed(n);
    }
}

void net_tell_missed(struct vml_virtio_net_notifier *n)
{
    if (atomic_load(&n->missed) && vml_virtio_queue_tell(n->queue)) {
        atomic_store(&n->missed, false);
    }
}

static void alarm_rang(struct vml_clock_event *event)
{
    struct vml_clock_alarm *alarm = vml_clock_alarm_of(event);
    struct vml_virtio_net_notifier *n =
        VML_CONTAINER_OF(alarm, struct vml_virtio_net_notifier, alarm);
    uint64_t now = vml_clock_now(n->clock);
    struct outcome o;

    vml_mutex_lock(&n->lock);
    vml_clock_alarm_rang(alarm);
    o = decide(n, now);
    vml_mutex_unlock(&n->lock);
    act(n, o);
}

bool net_used(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_net *net = VML_CONTAINER_OF(dev, struct vml_virtio_net, virtio);
    struct vml_virtio_net_notifier *n;
    bool later;

    if (index >= net_control_queue(net)) {
        return true;
    }
    n = net_notifier(net, index);
    if (VML_LIKELY(!atomic_load(&n->active))) {
        return true;
    }
    vml_mutex_lock(&n->lock);
    later = atomic_load(&n->active);
    n->wanted |= later; /* looked at in net_count_packets(), which follows */
    vml_mutex_unlock(&n->lock);
    return !later;
}

void net_count_packets(struct vml_virtio_net_notifier *n, uint32_t packets)
{
    uint64_t now = vml_clock_now(n->clock);
    struct outcome o;

    vml_mutex_lock(&n->lock);
    if (n->packets == 0 || (!n->waiting && now - n->began >= n->ticks)) {
        n->began = now;
        n->packets = 0;
    }
    n->packets += packets < UINT32_MAX - n->packets ? packets : UINT32_MAX - n->packets;
    o = decide(n, now);
    vml_mutex_unlock(&n->lock);
    act(n, o);
}

/* 5.1.6.5.9.4: what waits may not have to any more. */
static void set_notifier(struct vml_virtio_net_notifier *n, struct vml_virtio_net_coalescing set)
{
    uint64_t now = vml_clock_now(n->clock);
    struct outcome o;

    vml_mutex_lock(&n->lock);
    n->set = set;
    n->ticks = vml_clock_ns_to_ticks(n->clock, (uint64_t)set.max_usecs * 1000u);
    atomic_store(&n->active, set.max_packets != 0 && set.max_usecs != 0);
    o = decide(n, now);
    vml_mutex_unlock(&n->lock);
    act(n, o);
}

/* Nothing waits any more; nobody is told. */
static void clear_notifier(struct vml_virtio_net_notifier *n, struct vml_virtio_net_coalescing set)
{
    vml_mutex_lock(&n->lock);
    n->packets = 0;
    n->wanted = false;
    vml_mutex_unlock(&n->lock);
    set_notifier(n, set);
    atomic_store(&n->missed, false);
}

void net_init_notifiers(struct vml_virtio_net *net)
{
    for (uint32_t i = 0; i < 2u * net->config.pair_count; i++) {
        struct vml_virtio_net_notifier *n = net_notifier(net, i);

        memset(n, 0, sizeof(*n));
        n->queue = &net->config.queues[i];
        n->clock = net->config.clock;
        if (n->clock) {
            vml_mutex_init(&n->lock);
            vml_clock_alarm_init(&n->alarm, n->clock, alarm_rang);
        }
    }
}

void net_destroy_notifiers(struct vml_virtio_net *net)
{
    for (uint32_t i = 0; net->config.clock && i < 2u * net->config.pair_count; i++) {
        struct vml_virtio_net_notifier *n = net_notifier(net, i);

        vml_clock_event_cancel(&n->alarm.event);
        vml_mutex_destroy(&n->lock);
    }
}

/* 5.1.6.5.9.6: a queue that is enabled again has what was set for all of its kind. */
void net_queue_stopped(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_net *net = VML_CONTAINER_OF(dev, struct vml_virtio_net, virtio);
    struct vml_virtio_net_coalescing set;

    if (index < 2u * net->config.pair_count) {
        vml_mutex_lock(&net->lock);
        set = net->coalescing[index & 1u];
        vml_mutex_unlock(&net->lock);
        clear_notifier(net_notifier(net, index), set);
    }
}

void net_reset_coalescing(struct vml_virtio_net *net)
{
    vml_mutex_lock(&net->lock);
    memset(net->coalescing, 0, sizeof(net->coalescing));
    vml_mutex_unlock(&net->lock);
    for (uint32_t i = 0; i < 2u * net->config.pair_count; i++) {
        net_queue_stopped(&net->virtio, i);
    }
}

static bool read_parameters(const struct vml_virtq_chain *chain, uint64_t at,
                            struct vml_virtio_net_coalescing *set)
{
    uint8_t bytes[8];

    if (vml_virtq_copy_from(chain, at, bytes, sizeof(bytes)) != sizeof(bytes)) {
        return false;
    }
    set->max_packets = vml_load_le32(bytes);
    set->max_usecs = vml_load_le32(bytes + 4);
    return true;
}

static bool set_all(struct vml_virtio_net *net, const struct vml_virtq_chain *chain,
                    uint32_t direction)
{
    struct vml_virtio_net_coalescing set;

    if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_NOTF_COAL) ||
        !read_parameters(chain, 2, &set)) {
        return false;
    }
    vml_mutex_lock(&net->lock);
    net->coalescing[direction] = set;
    vml_mutex_unlock(&net->lock);
    for (uint32_t i = direction; i < 2u * net->config.pair_count; i += 2) {
        set_notifier(net_notifier(net, i), set);
    }
    return true;
}

/* 5.1.6.5.9.6: a transmit or receive queue that is enabled; what is reserved is not looked at. NULL:
 * it is none. */
static struct vml_virtio_net_notifier *named_queue(struct vml_virtio_net *net,
                                                   const struct vml_virtq_chain *chain)
{
    uint8_t bytes[4];
    uint32_t index;

    if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_VQ_NOTF_COAL) ||
        vml_virtq_copy_from(chain, 2, bytes, sizeof(bytes)) != sizeof(bytes)) {
        return NULL;
    }
    index = vml_load_le16(bytes);
    if (index >= net_control_queue(net) || !atomic_load(&net->config.queues[index].ready)) {
        return NULL;
    }
    return net_notifier(net, index);
}

static bool get_one(struct vml_virtio_net *net, const struct vml_virtq_chain *chain,
                    uint8_t *answer)
{
    struct vml_virtio_net_notifier *n = named_queue(net, chain);

    if (!n || !net_answers_coalescing(net, chain)) {
        return false;
    }
    vml_mutex_lock(&n->lock);
    vml_store_le32(answer, n->set.max_packets);
    vml_store_le32(answer + 4, n->set.max_usecs);
    vml_mutex_unlock(&n->lock);
    return true;
}

bool net_answers_coalescing(const struct vml_virtio_net *net, const struct vml_virtq_chain *chain)
{
    uint8_t head[2];

    return vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_VQ_NOTF_COAL) &&
           vml_virtq_copy_from(chain, 0, head, 2) == 2 && head[0] == CLASS_COALESCE &&
           head[1] == VQ_GET && vml_virtq_writable_len(chain) > COALESCE_ANSWER;
}

bool net_set_coalescing(struct vml_virtio_net *net, const struct vml_virtq_chain *chain,
                        uint8_t command, uint8_t *answer)
{
    struct vml_virtio_net_notifier *n;
    struct vml_virtio_net_coalescing set;

    switch (command) {
    case TX_SET:
        return set_all(net, chain, TX);
    case RX_SET:
        return set_all(net, chain, RX);
    case VQ_SET:
        n = named_queue(net, chain);
        if (!n || !read_parameters(chain, 6, &set)) {
            return false;
        }
        set_notifier(n, set);
        return true;
    case VQ_GET:
        return get_one(net, chain, answer);
    default:
        return false;
    }
}

/* Saved state: a notification that waits comes early on the other side. */

static void put_parameters(struct vml_state_writer *w, const struct vml_virtio_net_coalescing *set)
{
    vml_state_put_u32(w, set->max_packets);
    vml_state_put_u32(w, set->max_usecs);
}

static struct vml_virtio_net_coalescing get_parameters(struct vml_state_reader *r)
{
    struct vml_virtio_net_coalescing set;

    set.max_packets = vml_state_get_u32(r);
    set.max_usecs = vml_state_get_u32(r);
    return set;
}

void net_save_coalescing(const struct vml_virtio_net *net, struct vml_state_writer *w)
{
    vml_state_begin(w, COALESCE_TAG, 1);
    put_parameters(w, &net->coalescing[RX]);
    put_parameters(w, &net->coalescing[TX]);
    for (uint32_t i = 0; i < 2u * net->config.pair_count; i++) {
        struct vml_virtio_net_notifier *n = net_notifier(net, i);

        vml_mutex_lock(&n->lock);
        put_parameters(w, &n->set);
        vml_state_put_bool(w, n->wanted || atomic_load(&n->missed));
        vml_mutex_unlock(&n->lock);
    }
    vml_state_end(w);
}

void net_restore_coalescing(struct vml_virtio_net *net, struct vml_state_reader *r, bool apply)
{
    vml_state_enter(r, COALESCE_TAG, 1);
    for (uint32_t i = 0; i < 2; i++) {
        struct vml_virtio_net_coalescing set = get_parameters(r);

        if (apply) {
            vml_mutex_lock(&net->lock);
            net->coalescing[i] = set;
            vml_mutex_unlock(&net->lock);
        }
    }
    for (uint32_t i = 0; i < 2u * net->config.pair_count; i++) {
        struct vml_virtio_net_coalescing set = get_parameters(r);
        bool wanted = vml_state_get_bool(r);

        if (apply) {
            struct vml_virtio_net_notifier *n = net_notifier(net, i);

            clear_notifier(n, set);
            atomic_store(&n->missed, wanted);
        }
    }
    vml_state_leave(r);
}
