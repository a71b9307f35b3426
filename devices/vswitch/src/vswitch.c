/*
 * The switch. `lock` guards the table and who is connected; frames are given to peers with no lock
 * held, from a copy of the peer's end, counted in the port's `inside` so that disconnecting can
 * wait for them.
 */
#include <vml/debug.h>
#include <vml/vswitch.h>

#define FLOOD          UINT32_MAX
#define DEFAULT_AGE_NS UINT64_C(300000000000)

enum { IN_FRAMES, IN_BYTES, OUT_FRAMES, OUT_BYTES, DROPPED };

static void count(struct vml_vswitch_port *port, unsigned which, uint64_t n)
{
    atomic_fetch_add_explicit(&port->counts[which], n, memory_order_relaxed);
}

static uint64_t load_mac(const uint8_t *bytes)
{
    uint64_t mac = 0;

    for (unsigned i = 0; i < 6; i++) {
        mac = mac << 8 | bytes[i];
    }
    return mac;
}

static bool is_group(uint64_t mac)
{
    return (mac >> 40) & 1u;
}

/* ---------------------------------------------------------------------------------------------
 * table */

/* The places where an address may be. */
static struct vml_vswitch_entry *places(struct vml_vswitch *vswitch, uint64_t mac)
{
    uint64_t hash = mac * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t set = (hash >> 32) & (vswitch->config.entry_count / VML_VSWITCH_WAYS - 1);

    return &vswitch->config.entries[set * VML_VSWITCH_WAYS];
}

static uint64_t now_of(const struct vml_vswitch *vswitch)
{
    return vswitch->config.clock ? vml_clock_now(vswitch->config.clock) : 0;
}

static bool is_old(const struct vml_vswitch *vswitch, const struct vml_vswitch_entry *entry,
                   uint64_t now)
{
    return vswitch->config.clock && now - entry->seen > vswitch->age;
}

/* A new address takes a free place, else that of the one not seen for longest. Its time does not tell
 * which that is: there may be no clock, and a tick may be long. */
static void learn(struct vml_vswitch *vswitch, uint64_t mac, uint32_t port, uint64_t now)
{
    struct vml_vswitch_entry *set = places(vswitch, mac);
    struct vml_vswitch_entry *best = set;

    for (unsigned i = 0; i < VML_VSWITCH_WAYS; i++) {
        if (set[i].mac == mac) {
            best = &set[i];
            break;
        }
        if (set[i].mac == 0) {
            best = best->mac == 0 ? best : &set[i];
        } else if (best->mac != 0 && (int32_t)(set[i].order - best->order) < 0) {
            best = &set[i];
        }
    }
    *best = (struct vml_vswitch_entry){
        .mac = mac, .seen = now, .port = port, .order = vswitch->order++};
}

static uint32_t look_up(struct vml_vswitch *vswitch, uint64_t mac, uint64_t now)
{
    const struct vml_vswitch_entry *set = places(vswitch, mac);

    for (unsigned i = 0; i < VML_VSWITCH_WAYS; i++) {
        if (set[i].mac == mac && !is_old(vswitch, &set[i], now)) {
            return set[i].port;
        }
    }
    return FLOOD;
}

/* --------------------------------------------------------------------------------------------
 * frames */

static void give(struct vml_vswitch *vswitch, const struct vml_vswitch_port *from, uint32_t index,
                 const struct vml_net_frame *frame)
{
    struct vml_vswitch_port *to = &vswitch->config.ports[index];
    struct vml_net peer = {0};
    bool connected;

    if (to == from || (to->isolated && from->isolated)) {
        return;
    }
    vml_mutex_lock(&vswitch->lock);
    connected = to->connected;
    if (connected) {
        peer = to->peer;
        atomic_fetch_add(&to->inside, 1);
    }
    vml_mutex_unlock(&vswitch->lock);
    if (!connected) {
        return;
    }
    /* A switch does not wait for a receiver that has no room. */
    if (vml_net_send(&peer, frame)) {
        count(to, OUT_FRAMES, 1);
        count(to, OUT_BYTES, frame->length);
    } else {
        count(to, DROPPED, 1);
    }
    atomic_fetch_sub(&to->inside, 1);
}

static bool port_send(void *context, const struct vml_net_frame *frame)
{
    struct vml_vswitch_port *from = context;
    struct vml_vswitch *vswitch = from->owner;
    uint8_t macs[12];
    uint64_t source;
    uint64_t destination;
    uint32_t target = FLOOD;
    bool connected;

    if (frame->length < VML_NET_HEADER || vml_net_copy(frame, 0, macs, 12) != 12) {
        count(from, DROPPED, 1);
        return true;
    }
    destination = load_mac(macs);
    source = load_mac(macs + 6);
    vml_mutex_lock(&vswitch->lock);
    connected = from->connected;
    if (connected) {
        uint64_t now = now_of(vswitch);

        if (source != 0 && !is_group(source)) {
            learn(vswitch, source, from->index, now);
        }
        if (!is_group(destination)) {
            target = look_up(vswitch, destination, now);
        }
    }
    vml_mutex_unlock(&vswitch->lock);
    if (!connected) { /* a cable that was pulled carries nothing in either direction */
        count(from, DROPPED, 1);
        return true;
    }
    count(from, IN_FRAMES, 1);
    count(from, IN_BYTES, frame->length);
    if (target != FLOOD) {
        give(vswitch, from, target, frame);
        return true;
    }
    for (uint32_t i = 0; i < vswitch->config.port_count; i++) {
        give(vswitch, from, i, frame);
    }
    return true;
}

static const struct vml_net_ops port_ops = {.send = port_send};

/* ---------------------------------------------------------------------------------------------
 * ports */

struct vml_net vml_vswitch_end(struct vml_vswitch *vswitch, uint32_t port)
{
    VML_ASSERT(port < vswitch->config.port_count);
    return (struct vml_net){.ops = &port_ops, .context = &vswitch->config.ports[port]};
}

void vml_vswitch_connect(struct vml_vswitch *vswitch, uint32_t port, const struct vml_net *peer)
{
    VML_ASSERT(port < vswitch->config.port_count);
    vml_mutex_lock(&vswitch->lock);
    vswitch->config.ports[port].peer = *peer;
    vswitch->config.ports[port].connected = true;
    vml_mutex_unlock(&vswitch->lock);
}

void vml_vswitch_disconnect(struct vml_vswitch *vswitch, uint32_t port)
{
    VML_ASSERT(port < vswitch->config.port_count);
    vml_mutex_lock(&vswitch->lock);
    vswitch->config.ports[port].connected = false;
    for (uint32_t i = 0; i < vswitch->config.entry_count; i++) {
        if (vswitch->config.entries[i].port == port) {
            vswitch->config.entries[i] = (struct vml_vswitch_entry){0};
        }
    }
    vml_mutex_unlock(&vswitch->lock);
    while (atomic_load(&vswitch->config.ports[port].inside) != 0) {
        vml_cpu_relax();
    }
}

struct vml_vswitch_counters vml_vswitch_counters(const struct vml_vswitch *vswitch, uint32_t port)
{
    const struct vml_vswitch_port *p = &vswitch->config.ports[port];

    VML_ASSERT(port < vswitch->config.port_count);
    return (struct vml_vswitch_counters){
        .in_frames = atomic_load(&p->counts[IN_FRAMES]),
        .in_bytes = atomic_load(&p->counts[IN_BYTES]),
        .out_frames = atomic_load(&p->counts[OUT_FRAMES]),
        .out_bytes = atomic_load(&p->counts[OUT_BYTES]),
        .dropped = atomic_load(&p->counts[DROPPED]),
    };
}

enum vml_status vml_vswitch_init(struct vml_vswitch *vswitch,
                                 const struct vml_vswitch_config *config)
{
    if (!config->ports || config->port_count == 0 || !config->entries ||
        !vml_is_pow2(config->entry_count) || config->entry_count < VML_VSWITCH_WAYS) {
        return VML_ERR_INVALID;
    }
    memset(vswitch, 0, sizeof(*vswitch));
    vswitch->config = *config;
    if (config->clock) {
        vswitch->age =
            vml_clock_ns_to_ticks(config->clock, config->age_ns ? config->age_ns : DEFAULT_AGE_NS);
    }
    memset(config->entries, 0, config->entry_count * sizeof(*config->entries));
    for (uint32_t i = 0; i < config->port_count; i++) {
        bool isolated = config->ports[i].isolated;

        memset(&config->ports[i], 0, sizeof(config->ports[i]));
        config->ports[i].isolated = isolated;
        config->ports[i].owner = vswitch;
        config->ports[i].index = i;
    }
    vml_mutex_init(&vswitch->lock);
    return VML_OK;
}

void vml_vswitch_destroy(struct vml_vswitch *vswitch)
{
    vml_mutex_destroy(&vswitch->lock);
}
