/*
 * The console's ports: virtio 1.3, 5.3.
 *
 * Transmit queues have one server at a time, which holds a chain while the peer takes no more of
 * it. Receive queues are popped and pushed under their lock by whoever brings bytes. No lock is
 * held while a peer is called.
 */
#include "console.h"

#define DEVICE_ID      3u
#define CON_TAG        VML_STATE_TAG('V', 'C', 'O', 'N')

#define SPACE_COLS     0u
#define SPACE_PORTS    4u
#define SPACE_EMERG_WR 8u

static struct vml_virtio_console *console_of(struct vml_virtio *dev)
{
    return VML_CONTAINER_OF(dev, struct vml_virtio_console, virtio);
}

static bool is_multiport(const struct vml_virtio_console *console)
{
    return vml_virtio_has(&console->virtio, VML_VIRTIO_CONSOLE_F_MULTIPORT);
}

/* Guest to peer. */

/* Gives the peer what is left of the chain held. @return true when the chain is done */
static bool write_held(struct vml_virtio_console_port *port)
{
    uint64_t at = port->held_at;

    for (uint32_t i = 0; i < port->out.readable; i++) {
        const struct vml_virtq_buf *buf = &port->out.bufs[i];

        while (at < buf->len) {
            size_t len = (size_t)(buf->len - at);
            size_t taken = vml_chardev_push(&port->peer, buf->host + at, len);

            if (taken == 0) {
                return false;
            }
            at += taken;
            port->held_at += taken;
        }
        at -= buf->len;
    }
    return true;
}

static void serve_transmit(struct vml_virtio_console_port *port)
{
    struct vml_virtio_queue *queue = vml_virtio_queue(&port->owner->virtio, tx_queue(port->index));

    if (!vml_virtio_queue_enter(queue)) {
        return;
    }
    do {
        for (;;) {
            bool open = atomic_load(&queue->enabled);

            if (!port->holding) {
                port->out.bufs = port->out_bufs;
                port->holding = open && vml_virtio_queue_pop(queue, &port->out);
            } else if (!open) {
                /* Stopped, or drained: then `held_at` says where to go on. */
                vml_virtio_queue_unpop(queue, &port->out);
                port->holding = false;
            }
            if (!port->holding || !write_held(port)) {
                break;
            }
            port->holding = false;
            port->held_at = 0;
            vml_virtio_queue_push(queue, &port->out, 0);
        }
        vml_virtio_queue_publish(queue);
    } while (!vml_virtio_queue_leave(queue));
}

/* Peer to guest. */

static size_t fill_buffers(struct vml_virtio_console_port *port, struct vml_virtio_queue *queue,
                           const uint8_t *bytes, size_t len, bool *broken)
{
    size_t done = 0;

    while (done < len) {
        struct vml_virtq_chain chain = {.bufs = port->in_bufs};
        enum vml_status status = vml_virtq_pop(&queue->vq, &chain);
        size_t copied;

        if (status == VML_ERR_AGAIN && vml_virtq_enable_notify(&queue->vq)) {
            status = vml_virtq_pop(&queue->vq, &chain);
        }
        if (status != VML_OK) {
            *broken = status == VML_ERR_CORRUPT;
            break;
        }
        copied = vml_virtq_copy_to(&chain, 0, bytes + done, len - done);
        vml_virtq_push(&queue->vq, &chain, (uint32_t)copied);
        done += copied;
    }
    return done;
}

static size_t port_push(void *context, const uint8_t *bytes, size_t len)
{
    struct vml_virtio_console_port *port = context;
    struct vml_virtio_queue *queue = vml_virtio_queue(&port->owner->virtio, rx_queue(port->index));
    size_t taken = 0;
    bool broken = false;

    /* Set before the queue is looked at: whoever adds a buffer after that look sees it. */
    atomic_store(&port->refused, true);
    if (is_multiport(port->owner) && !atomic_load(&port->guest_open)) {
        return 0;
    }
    if (!vml_virtio_queue_lock(queue)) {
        return 0;
    }
    taken = fill_buffers(port, queue, bytes, len, &broken);
    vml_virtio_queue_unlock(queue, broken);
    if (taken == len) {
        atomic_store(&port->refused, false);
    }
    return taken;
}

/* The peer takes more. */
static void port_ready(void *context)
{
    serve_transmit(context);
}

static void port_event(void *context, enum vml_chardev_event event)
{
    struct vml_virtio_console_port *port = context;

    if (event != VML_CHARDEV_BREAK) {
        bool open = event == VML_CHARDEV_OPENED;

        if (atomic_exchange(&port->host_open, open) != open) {
            console_tell(port->owner, port->index, PENDING_OPEN);
        }
    }
}

static const struct vml_chardev_ops port_ops = {
    .push = port_push, .ready = port_ready, .event = port_event};

struct vml_chardev vml_virtio_console_end(struct vml_virtio_console *console, uint32_t port)
{
    VML_ASSERT(port < console->config.port_count);
    return (struct vml_chardev){.ops = &port_ops, .context = &console->config.ports[port]};
}

/* Device. */

static void console_notify(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_console *console = console_of(dev);
    struct vml_virtio_console_port *port;

    if (index == CONTROL_RX) {
        console_send_control(console);
        return;
    }
    if (index == CONTROL_TX) {
        console_serve_control(console);
        return;
    }
    port = &console->config.ports[index < 2 ? 0 : index / 2 - 1];
    if (index & 1u) {
        serve_transmit(port);
    } else if (atomic_exchange(&port->refused, false)) {
        vml_chardev_ready(&port->peer);
    }
}

static void console_config_write(struct vml_virtio *dev, uint32_t offset, uint32_t size,
                                 uint64_t value)
{
    struct vml_virtio_console *console = console_of(dev);
    uint8_t byte = (uint8_t)value;

    (void)size;
    /* 5.3.4: a character, also before the driver is there; the low byte of the field. */
    if (offset == SPACE_EMERG_WR && (console->virtio.offered & VML_VIRTIO_CONSOLE_F_EMERG_WRITE)) {
        size_t taken = vml_chardev_push(&console->config.ports[0].peer, &byte, 1);

        (void)taken; /* an emergency does not wait */
    }
}

static void console_start(struct vml_virtio *dev)
{
    struct vml_virtio_console *console = console_of(dev);

    if (!is_multiport(console)) {
        vml_chardev_event(&console->config.ports[0].peer, VML_CHARDEV_OPENED);
    }
}

static void console_cancel(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_console *console = console_of(dev);

    for (uint32_t i = 0; i < console->config.port_count; i++) {
        if (index == VML_VIRTIO_ALL_QUEUES || index == tx_queue(i)) {
            serve_transmit(&console->config.ports[i]);
        }
    }
}

static void console_drain(struct vml_virtio *dev)
{
    console_cancel(dev, VML_VIRTIO_ALL_QUEUES);
}

static void console_queue_stopped(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_console *console = console_of(dev);

    for (uint32_t i = 0; i < console->config.port_count; i++) {
        if (index == tx_queue(i)) {
            console->config.ports[i].held_at = 0;
        }
    }
}

static void console_reset(struct vml_virtio *dev)
{
    struct vml_virtio_console *console = console_of(dev);

    console->device_ready = false;
    for (uint32_t i = 0; i < console->config.port_count; i++) {
        console->config.ports[i].pending = 0;
        console->config.ports[i].announced = false;
        atomic_store(&console->config.ports[i].guest_open, false);
    }
}

static void console_save(struct vml_virtio *dev, struct vml_state_writer *w)
{
    const struct vml_virtio_console *console = console_of(dev);

    vml_state_begin(w, CON_TAG, 2);
    vml_state_put_u32(w, console->config.port_count);
    vml_state_put_bool(w, console->device_ready);
    for (uint32_t i = 0; i < console->config.port_count; i++) {
        const struct vml_virtio_console_port *port = &console->config.ports[i];

        vml_state_put_u32(w, port->pending);
        vml_state_put_u64(w, port->held_at);
        vml_state_put_bool(w, atomic_load(&port->guest_open));
        vml_state_put_bool(w, port->absent);
        vml_state_put_bool(w, port->announced);
    }
    vml_state_end(w);
}

static enum vml_status console_restore(struct vml_virtio *dev, struct vml_state_reader *r,
                                       bool apply)
{
    struct vml_virtio_console *console = console_of(dev);
    bool ready;

    vml_state_enter(r, CON_TAG, 2);
    if (vml_state_get_u32(r) != console->config.port_count) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    ready = vml_state_get_bool(r);
    for (uint32_t i = 0; vml_state_read_status(r) == VML_OK && i < console->config.port_count;
         i++) {
        struct vml_virtio_console_port *port = &console->config.ports[i];
        uint32_t pending = vml_state_get_u32(r);
        uint64_t held_at = vml_state_get_u64(r);
        bool open = vml_state_get_bool(r);
        bool absent = vml_state_get_bool(r);
        bool announced = vml_state_get_bool(r);

        if ((pending & ~(uint32_t)PENDING_ALL) || ((pending & PENDING_NAME) && !port->name)) {
            vml_state_fail(r, VML_ERR_CORRUPT);
        }
        if (apply) {
            port->pending = pending;
            port->held_at = held_at;
            port->absent = absent;
            port->announced = announced;
            atomic_store(&port->guest_open, open);
        }
    }
    if (apply) {
        console->device_ready = ready;
    }
    vml_state_leave(r);
    return vml_state_read_status(r);
}

static const struct vml_virtio_ops console_ops = {
    .start = console_start,
    .notify = console_notify,
    .config_write = console_config_write,
    .cancel = console_cancel,
    .drain = console_drain,
    .queue_stopped = console_queue_stopped,
    .reset = console_reset,
    .save = console_save,
    .restore = console_restore,
};

enum vml_status vml_virtio_console_init(struct vml_virtio_console *console,
                                        const struct vml_virtio_console_config *config)
{
    const struct vml_virtio_setup setup = {
        .ops = &console_ops,
        .device_id = DEVICE_ID,
        .features = VML_VIRTIO_CONSOLE_F_EMERG_WRITE |
                    (config->cols ? VML_VIRTIO_CONSOLE_F_SIZE : 0) |
                    (config->port_count > 1 ? VML_VIRTIO_CONSOLE_F_MULTIPORT : 0),
        .queues = config->queues,
        .queue_count = VML_VIRTIO_CONSOLE_QUEUES(config->port_count),
        .queue_size = VML_VIRTIO_CONSOLE_QUEUE_SIZE,
        .max_bufs = VML_VIRTIO_CONSOLE_QUEUE_SIZE,
        .config = console->space,
        .config_size = sizeof(console->space),
    };

    if (config->port_count == 0 || config->port_count > VML_VIRTIO_CONSOLE_MAX_PORTS ||
        !config->ports) {
        return VML_ERR_INVALID;
    }
    memset(console, 0, sizeof(*console));
    console->config = *config;
    atomic_store(&console->dimensions, config->cols | (uint32_t)config->rows << 16);
    vml_store_le16(console->space + SPACE_COLS, config->cols);
    vml_store_le16(console->space + SPACE_COLS + 2, config->rows);
    vml_store_le32(console->space + SPACE_PORTS, config->port_count);
    for (uint32_t i = 0; i < config->port_count; i++) {
        struct vml_virtio_console_port *port = &config->ports[i];

        port->owner = console;
        port->index = i;
        port->pending = 0;
        port->announced = false;
        port->holding = false;
        port->held_at = 0;
        atomic_store(&port->guest_open, false);
        atomic_store(&port->host_open, true);
        atomic_store(&port->refused, false);
    }
    return vml_virtio_init(&console->virtio, &config->platform, &setup);
}

void vml_virtio_console_destroy(struct vml_virtio_console *console)
{
    vml_virtio_destroy(&console->virtio);
}

void vml_virtio_console_resize(struct vml_virtio_console *console, uint16_t cols, uint16_t rows)
{
    uint8_t size[4];

    atomic_store(&console->dimensions, cols | (uint32_t)rows << 16);
    vml_store_le16(size, cols);
    vml_store_le16(size + 2, rows);
    vml_virtio_config_change(&console->virtio, SPACE_COLS, size, sizeof(size));
    for (uint32_t i = 0; i < console->config.port_count; i++) {
        if (console->config.ports[i].console) {
            console_tell(console, i, PENDING_RESIZE);
        }
    }
}

void vml_virtio_console_plug(struct vml_virtio_console *console, uint32_t port, bool present)
{
    VML_ASSERT(port < console->config.port_count);
    console_plug(console, port, present);
}
