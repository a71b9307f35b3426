/*
 * The control queues: virtio 1.3, 5.3.6.2. What is to be said is kept as bits of each port, so that
 * nothing is lost when the driver has no buffer; the bits, and whether driver and port are ready,
 * are under the lock of the control receive queue.
 */
#include "console.h"

enum {
    EVENT_DEVICE_READY = 0,
    EVENT_DEVICE_ADD = 1,
    EVENT_DEVICE_REMOVE = 2,
    EVENT_PORT_READY = 3,
    EVENT_CONSOLE_PORT = 4,
    EVENT_RESIZE = 5,
    EVENT_PORT_OPEN = 6,
    EVENT_PORT_NAME = 7,
};

#define CONTROL_SIZE 8u
#define MESSAGE_MAX  (CONTROL_SIZE + VML_VIRTIO_CONSOLE_MAX_NAME)

struct message {
    uint8_t bytes[MESSAGE_MAX];
    uint32_t len;
};

static void make(struct message *m, uint32_t port, uint16_t event, uint16_t value)
{
    vml_store_le32(m->bytes, port);
    vml_store_le16(m->bytes + 4, event);
    vml_store_le16(m->bytes + 6, value);
    m->len = CONTROL_SIZE;
}

static void append_name(struct message *m, const char *name)
{
    for (uint32_t i = 0; i < VML_VIRTIO_CONSOLE_MAX_NAME && name[i] != '\0'; i++) {
        m->bytes[m->len++] = (uint8_t)name[i];
    }
}

/* 5.3.6.2: cols, rows. */
static void append_size(struct message *m, uint32_t dimensions, bool rows_first)
{
    uint32_t shift = rows_first ? 16 : 0;

    vml_store_le16(m->bytes + m->len, (uint16_t)(dimensions >> shift));
    vml_store_le16(m->bytes + m->len + 2, (uint16_t)(dimensions >> (16 - shift)));
    m->len += 4;
}

/* The message of the lowest pending bit. */
static void compose(const struct vml_virtio_console *console,
                    const struct vml_virtio_console_port *port, uint32_t bit, struct message *m)
{
    switch (bit) {
    case PENDING_ADD:
        make(m, port->index, EVENT_DEVICE_ADD, 1);
        break;
    case PENDING_REMOVE:
        make(m, port->index, EVENT_DEVICE_REMOVE, 1);
        break;
    case PENDING_CONSOLE:
        make(m, port->index, EVENT_CONSOLE_PORT, 1);
        break;
    case PENDING_NAME:
        make(m, port->index, EVENT_PORT_NAME, 1);
        append_name(m, port->name);
        break;
    case PENDING_RESIZE:
        make(m, port->index, EVENT_RESIZE, 0);
        append_size(m, atomic_load(&console->dimensions), console->config.resize_rows_first);
        break;
    default:
        make(m, port->index, EVENT_PORT_OPEN, atomic_load(&port->host_open));
        break;
    }
}

/* Sends what is pending of one port. @return false when there is no buffer */
static bool send_port(struct vml_virtio_console *console, struct vml_virtio_console_port *port,
                      struct vml_virtio_queue *queue, bool *broken)
{
    while (port->pending != 0) {
        struct vml_virtq_chain chain = {.bufs = console->control_in};
        uint32_t bit = port->pending & (0u - port->pending);
        struct message m;
        enum vml_status status = vml_virtq_pop(&queue->vq, &chain);

        if (status == VML_ERR_AGAIN && vml_virtq_enable_notify(&queue->vq)) {
            status = vml_virtq_pop(&queue->vq, &chain);
        }
        if (status != VML_OK) {
            *broken = status == VML_ERR_CORRUPT;
            return false;
        }
        compose(console, port, bit, &m);
        vml_virtq_push(&queue->vq, &chain, (uint32_t)vml_virtq_copy_to(&chain, 0, m.bytes, m.len));
        port->pending &= ~bit;
        if (bit & (PENDING_ADD | PENDING_REMOVE)) {
            port->announced = bit == PENDING_ADD;
        }
    }
    return true;
}

void console_send_control(struct vml_virtio_console *console)
{
    struct vml_virtio_queue *queue = vml_virtio_queue(&console->virtio, CONTROL_RX);
    bool broken = false;

    if (!queue || !vml_virtio_queue_lock(queue)) {
        return;
    }
    if (console->device_ready) {
        for (uint32_t i = 0; i < console->config.port_count; i++) {
            if (!send_port(console, &console->config.ports[i], queue, &broken)) {
                break;
            }
        }
    }
    vml_virtio_queue_unlock(queue, broken);
}

void console_tell(struct vml_virtio_console *console, uint32_t port, uint32_t pending)
{
    struct vml_virtio_queue *queue = vml_virtio_queue(&console->virtio, CONTROL_RX);

    if (!queue) {
        return;
    }
    vml_mutex_lock(&queue->lock);
    if (console->device_ready && !console->config.ports[port].absent) {
        console->config.ports[port].pending |= pending;
    }
    vml_mutex_unlock(&queue->lock);
    console_send_control(console);
}

/* 5.3.6.2: a port that the driver has is not added, and one that it has not is not removed. What it
 * was not told yet it need not be told to forget. */
static void plug(struct vml_virtio_console *console, struct vml_virtio_console_port *port,
                 bool present)
{
    if (port->absent == !present) {
        return;
    }
    port->absent = !present;
    if (!present) {
        atomic_store(&port->guest_open, false);
        port->pending = port->announced ? PENDING_REMOVE : 0;
    } else if (console->device_ready) {
        port->pending |= PENDING_ADD;
    }
}

void console_plug(struct vml_virtio_console *console, uint32_t port, bool present)
{
    struct vml_virtio_queue *queue = vml_virtio_queue(&console->virtio, CONTROL_RX);

    if (!queue) {
        return;
    }
    vml_mutex_lock(&queue->lock);
    plug(console, &console->config.ports[port], present);
    vml_mutex_unlock(&queue->lock);
    console_send_control(console);
}

static void device_ready(struct vml_virtio_console *console, bool ready)
{
    struct vml_virtio_queue *queue = vml_virtio_queue(&console->virtio, CONTROL_RX);

    vml_mutex_lock(&queue->lock);
    console->device_ready = ready;
    for (uint32_t i = 0; i < console->config.port_count; i++) {
        struct vml_virtio_console_port *port = &console->config.ports[i];

        port->pending = ready && !port->absent ? PENDING_ADD : 0;
        port->announced = false;
    }
    vml_mutex_unlock(&queue->lock);
}

static void port_ready(struct vml_virtio_console *console, struct vml_virtio_console_port *port)
{
    uint32_t pending = PENDING_OPEN;

    if (port->console) {
        pending |= PENDING_CONSOLE;
        if (vml_virtio_has(&console->virtio, VML_VIRTIO_CONSOLE_F_SIZE)) {
            pending |= PENDING_RESIZE;
        }
    }
    if (port->name) {
        pending |= PENDING_NAME;
    }
    console_tell(console, port->index, pending);
}

/* A port that is not there, or an event that a driver does not send, is ignored. */
static void receive(struct vml_virtio_console *console, const uint8_t bytes[CONTROL_SIZE])
{
    uint32_t id = vml_load_le32(bytes);
    uint16_t event = vml_load_le16(bytes + 4);
    bool value = vml_load_le16(bytes + 6) != 0;
    struct vml_virtio_console_port *port;

    if (event == EVENT_DEVICE_READY) {
        device_ready(console, value);
        return;
    }
    if (id >= console->config.port_count || console->config.ports[id].absent) {
        return;
    }
    port = &console->config.ports[id];
    if (event == EVENT_PORT_READY && value) {
        port_ready(console, port);
    } else if (event == EVENT_PORT_OPEN && atomic_exchange(&port->guest_open, value) != value) {
        vml_chardev_event(&port->peer, value ? VML_CHARDEV_OPENED : VML_CHARDEV_CLOSED);
        if (value && atomic_exchange(&port->refused, false)) {
            vml_chardev_ready(&port->peer);
        }
    }
}

void console_serve_control(struct vml_virtio_console *console)
{
    struct vml_virtio_queue *queue = vml_virtio_queue(&console->virtio, CONTROL_TX);
    struct vml_virtq_chain chain = {.bufs = console->control_out};

    if (!vml_virtio_queue_enter(queue)) {
        return;
    }
    do {
        while (vml_virtio_queue_pop(queue, &chain)) {
            uint8_t bytes[CONTROL_SIZE];
            bool whole = vml_virtq_copy_from(&chain, 0, bytes, CONTROL_SIZE) == CONTROL_SIZE;

            vml_virtio_queue_push(queue, &chain, 0);
            if (whole) {
                receive(console, bytes);
            }
        }
        vml_virtio_queue_publish(queue);
    } while (!vml_virtio_queue_leave(queue));
    console_send_control(console);
}
