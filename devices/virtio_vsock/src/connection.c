/*
 * Connections: virtio 1.3, 5.10.6.3 to 5.10.6.6. State is under the device's lock; one thread at a time
 * calls a connection's operations, and looks at the state again before it stops.
 */
#include "vsock.h"

/* Ports of the host for connections to the guest begin here. */
#define FIRST_PORT (UINT32_C(1) << 30)

struct vml_virtio_vsock_conn *conn_find(struct vml_virtio_vsock *vsock, uint32_t host_port,
                                        uint32_t guest_port)
{
    for (uint32_t i = 0; i < vsock->config.conn_count; i++) {
        struct vml_virtio_vsock_conn *conn = &vsock->config.conns[i];
        bool counts = conn->state == ASKED || conn->state == CALLING || conn->state == OPEN ||
                      (conn->pending & PENDING_RST);

        if (counts && conn->host_port == host_port && conn->guest_port == guest_port) {
            return conn;
        }
    }
    return NULL;
}

struct vml_virtio_vsock_conn *conn_new(struct vml_virtio_vsock *vsock, uint8_t state,
                                       uint32_t host_port, uint32_t guest_port)
{
    for (uint32_t i = 0; i < vsock->config.conn_count; i++) {
        struct vml_virtio_vsock_conn *conn = &vsock->config.conns[i];

        if (conn->state == FREE) {
            /* `vsock` and `buffer` stay: they are read without the lock. */
            memset(&conn->state, 0, sizeof(*conn) - offsetof(struct vml_virtio_vsock_conn, state));
            conn->owner = NULL;
            conn->state = state;
            conn->host_port = host_port;
            conn->guest_port = guest_port;
            return conn;
        }
    }
    return NULL;
}

void conn_settle(struct vml_virtio_vsock_conn *conn)
{
    if (conn->state == DEAD && conn->gone && !conn->pending && !conn->serving) {
        conn->state = FREE;
    }
}

void conn_kill(struct vml_virtio_vsock_conn *conn, bool rst)
{
    if (conn->state == FREE || conn->state == DEAD) {
        if (!rst) {
            conn->pending = 0;
            conn_settle(conn);
        }
        return;
    }
    conn->state = DEAD;
    conn->pending = rst ? PENDING_RST : 0;
    /* One that the back end was not told of is none of its business. */
    conn->gone = (conn->news & NEWS_CONNECT) != 0;
    conn->news = conn->gone ? 0 : NEWS_CLOSED;
    conn_settle(conn);
}

uint32_t conn_credit(const struct vml_virtio_vsock_conn *conn)
{
    uint32_t used = conn->sent - conn->peer_forwarded;

    /* A guest may make its buffer smaller, or talk nonsense. */
    return used < conn->peer_alloc ? conn->peer_alloc - used : 0;
}

void conn_header(struct vml_virtio_vsock_conn *conn, uint16_t op, uint32_t len, uint8_t *bytes)
{
    const struct header h = {
        .src_cid = VML_VIRTIO_VSOCK_HOST,
        .dst_cid = conn->vsock->config.guest_cid,
        .src_port = conn->host_port,
        .dst_port = conn->guest_port,
        .len = len,
        .type = TYPE_STREAM,
        .op = op,
        .flags = op == OP_SHUTDOWN ? conn->own_shutdown : 0,
        .buf_alloc = conn->vsock->config.buffer_size,
        .fwd_cnt = conn->forwarded,
    };

    conn->announced = conn->forwarded;
    vsock_put_header(&h, bytes);
}

/* From the guest. */

static bool receive_data(struct vml_virtio_vsock_conn *conn, const struct header *h,
                         const struct vml_virtq_chain *chain)
{
    const uint32_t size = conn->vsock->config.buffer_size;
    uint32_t at = conn->received & (size - 1);
    uint32_t first = h->len < size - at ? h->len : size - at;

    if (conn->state != OPEN || (conn->peer_shutdown & VML_VIRTIO_VSOCK_SEND) ||
        h->len > size - (conn->received - conn->forwarded)) {
        return false;
    }
    (void)vml_virtq_copy_from(chain, HEADER_SIZE, conn->buffer + at, first);
    (void)vml_virtq_copy_from(chain, HEADER_SIZE + first, conn->buffer, h->len - first);
    conn->received += h->len;
    return true;
}

static void receive_rst(struct vml_virtio_vsock_conn *conn)
{
    const uint8_t both = VML_VIRTIO_VSOCK_RECEIVE | VML_VIRTIO_VSOCK_SEND;

    if (conn->state == OPEN && conn->peer_shutdown == both && conn->received != conn->forwarded) {
        conn->state = LINGERING; /* a clean end, though the guest did not wait for the RST */
        conn->pending = 0;
        return;
    }
    conn_kill(conn, false);
}

void conn_receive(struct vml_virtio_vsock_conn *conn, const struct header *h,
                  const struct vml_virtq_chain *chain)
{
    bool good = true;

    if (h->op == OP_RST) {
        receive_rst(conn);
        return;
    }
    if (conn->state == DEAD) {
        return; /* the RST that is on its way is the answer */
    }
    conn->peer_alloc = h->buf_alloc;
    conn->peer_forwarded = h->fwd_cnt;
    conn->retry = conn_credit(conn) != 0;
    switch (h->op) {
    case OP_RESPONSE:
        good = conn->state == CALLING;
        if (good) {
            conn->state = OPEN;
            conn->news |= NEWS_CONNECTED;
        }
        break;
    case OP_RW:
        good = receive_data(conn, h, chain);
        break;
    case OP_SHUTDOWN:
        good = conn->state == OPEN;
        conn->peer_shutdown |= h->flags & (VML_VIRTIO_VSOCK_RECEIVE | VML_VIRTIO_VSOCK_SEND);
        break;
    case OP_CREDIT_UPDATE:
        break;
    case OP_CREDIT_REQUEST:
        conn->pending |= PENDING_CREDIT_UPDATE;
        break;
    default:
        good = false;
        break;
    }
    if (!good) {
        conn_kill(conn, true);
    }
}

/* Operations. */

enum action {
    NONE,
    TELL_CONNECT,
    TELL_CONNECTED,
    TELL_SEND,
    TELL_SHUTDOWN,
    TELL_ROOM,
    TELL_CLOSED,
    TELL_GONE,
};

/* What the guest has ended ends when the back end has everything. */
static void end_if_done(struct vml_virtio_vsock_conn *conn)
{
    const uint8_t both = VML_VIRTIO_VSOCK_RECEIVE | VML_VIRTIO_VSOCK_SEND;

    if (conn->received == conn->forwarded &&
        (conn->state == LINGERING || (conn->state == OPEN && conn->peer_shutdown == both))) {
        conn_kill(conn, conn->state == OPEN);
    }
}

static enum action next_action(struct vml_virtio_vsock_conn *conn)
{
    const bool opened = conn->state == OPEN || conn->state == LINGERING;
    const bool empty = conn->received == conn->forwarded;

    if (conn->state == FREE || conn->gone) {
        return NONE;
    }
    if (conn->released) {
        conn->gone = true;
        return TELL_GONE;
    }
    if (conn->news & NEWS_CONNECT) {
        conn->news &= (uint8_t)~NEWS_CONNECT;
        return TELL_CONNECT;
    }
    if (conn->news & NEWS_CONNECTED) {
        conn->news &= (uint8_t)~NEWS_CONNECTED;
        return TELL_CONNECTED;
    }
    if (opened && !empty) {
        if (!conn->blocked) {
            conn->blocked = true; /* before the call: who unblocks it during that is heard */
            return TELL_SEND;
        }
    } else if (conn->state == OPEN && conn->peer_shutdown != conn->told_shutdown) {
        conn->told_shutdown = conn->peer_shutdown;
        return TELL_SHUTDOWN;
    }
    end_if_done(conn);
    if (conn->state == OPEN && conn->refused && conn->retry) {
        conn->refused = false;
        return TELL_ROOM;
    }
    if (conn->news & NEWS_CLOSED) {
        conn->news = 0;
        return TELL_CLOSED;
    }
    return NONE;
}

/* Gives the back end a piece of the buffer. Only the server takes from it, so that it stays. */
static void offer(struct vml_virtio_vsock_conn *conn)
{
    struct vml_virtio_vsock *vsock = conn->vsock;
    const uint32_t size = vsock->config.buffer_size;
    uint32_t at, len, taken;

    vml_mutex_lock(&vsock->lock);
    at = conn->forwarded & (size - 1);
    len = conn->received - conn->forwarded;
    len = len < size - at ? len : size - at;
    vml_mutex_unlock(&vsock->lock);
    taken = (uint32_t)vsock->config.ops->send(vsock->config.context, conn, conn->buffer + at, len);
    VML_ASSERT(taken <= len);
    vml_mutex_lock(&vsock->lock);
    conn->forwarded += taken;
    if (taken == len) {
        conn->blocked = false;
    }
    if (conn->state == OPEN && conn->forwarded - conn->announced >= size / 4) {
        conn->pending |= PENDING_CREDIT_UPDATE;
    }
    vml_mutex_unlock(&vsock->lock);
}

static void mark_released(struct vml_virtio_vsock_conn *conn)
{
    vml_mutex_lock(&conn->vsock->lock);
    conn->released = true;
    if (conn->state != DEAD) {
        conn_kill(conn, conn->state != LINGERING);
    }
    vml_mutex_unlock(&conn->vsock->lock);
}

static void call(struct vml_virtio_vsock_conn *conn, enum action action)
{
    const struct vml_virtio_vsock_ops *ops = conn->vsock->config.ops;
    void *context = conn->vsock->config.context;
    void (*op)(void *, struct vml_virtio_vsock_conn *) = NULL;

    switch (action) {
    case TELL_CONNECT:
    case TELL_CLOSED:
        op = action == TELL_CONNECT ? ops->connect : ops->closed;
        if (!op) {
            mark_released(conn);
        }
        break;
    case TELL_CONNECTED:
        op = ops->connected;
        break;
    case TELL_SEND:
        offer(conn);
        break;
    case TELL_SHUTDOWN:
        if (ops->shutdown) {
            ops->shutdown(context, conn, conn->told_shutdown);
        }
        break;
    case TELL_ROOM:
        op = ops->room;
        break;
    default:
        op = ops->gone;
        break;
    }
    if (op) {
        op(context, conn);
    }
}

void conn_serve(struct vml_virtio_vsock_conn *conn)
{
    struct vml_virtio_vsock *vsock = conn->vsock;
    enum action action;

    vml_mutex_lock(&vsock->lock);
    if (conn->serving) {
        vml_mutex_unlock(&vsock->lock);
        return; /* the one who does looks again */
    }
    conn->serving = true;
    while ((action = next_action(conn)) != NONE) {
        vml_mutex_unlock(&vsock->lock);
        call(conn, action);
        vml_mutex_lock(&vsock->lock);
    }
    conn->serving = false;
    conn_settle(conn);
    vml_mutex_unlock(&vsock->lock);
}

/* For the back end. */

enum vml_status vml_virtio_vsock_connect(struct vml_virtio_vsock *vsock, uint32_t port, void *owner,
                                         struct vml_virtio_vsock_conn **conn)
{
    if (!vml_virtio_running(&vsock->virtio)) {
        return VML_ERR_STATE;
    }
    vml_mutex_lock(&vsock->lock);
    /* As many ports as there are connections can be in use. */
    for (uint32_t i = 0; i <= vsock->config.conn_count; i++) {
        vsock->next_port = FIRST_PORT | (vsock->next_port + 1);
        if (!conn_find(vsock, vsock->next_port, port)) {
            break;
        }
    }
    *conn = conn_new(vsock, CALLING, vsock->next_port, port);
    if (*conn) {
        (*conn)->owner = owner;
        (*conn)->pending = PENDING_REQUEST;
    }
    vml_mutex_unlock(&vsock->lock);
    vsock_pump(vsock);
    return *conn ? VML_OK : VML_ERR_NO_MEMORY;
}

void vml_virtio_vsock_accept(struct vml_virtio_vsock_conn *conn)
{
    struct vml_virtio_vsock *vsock = conn->vsock;

    vml_mutex_lock(&vsock->lock);
    if (conn->state == ASKED) {
        conn->state = OPEN;
        conn->pending |= PENDING_RESPONSE;
    }
    vml_mutex_unlock(&vsock->lock);
    vsock_pump(vsock);
}

size_t vml_virtio_vsock_send(struct vml_virtio_vsock_conn *conn, const uint8_t *bytes, size_t len)
{
    struct vml_virtio_vsock *vsock = conn->vsock;
    size_t taken;

    /* Set before anything is looked at: what makes room after that look sees it. */
    vml_mutex_lock(&vsock->lock);
    conn->refused = true;
    conn->retry = false;
    vml_mutex_unlock(&vsock->lock);
    taken = vsock_send(conn, bytes, len);
    vml_mutex_lock(&vsock->lock);
    if (taken == len) {
        conn->refused = false;
    } else if (conn->state == OPEN && conn_credit(conn) == 0) {
        conn->pending |= PENDING_CREDIT_REQUEST;
    }
    vml_mutex_unlock(&vsock->lock);
    vsock_pump(vsock);
    return taken;
}

void vml_virtio_vsock_ready(struct vml_virtio_vsock_conn *conn)
{
    struct vml_virtio_vsock *vsock = conn->vsock;

    vml_mutex_lock(&vsock->lock);
    conn->blocked = false;
    vml_mutex_unlock(&vsock->lock);
    conn_serve(conn);
    vsock_pump(vsock);
}

void vml_virtio_vsock_shutdown(struct vml_virtio_vsock_conn *conn, uint32_t what)
{
    struct vml_virtio_vsock *vsock = conn->vsock;
    uint8_t bits = what & (VML_VIRTIO_VSOCK_RECEIVE | VML_VIRTIO_VSOCK_SEND);

    vml_mutex_lock(&vsock->lock);
    if (conn->state == OPEN && (bits & ~conn->own_shutdown)) {
        conn->own_shutdown |= bits;
        conn->pending |= PENDING_SHUTDOWN;
    }
    vml_mutex_unlock(&vsock->lock);
    vsock_pump(vsock);
}

void vml_virtio_vsock_release(struct vml_virtio_vsock_conn *conn)
{
    struct vml_virtio_vsock *vsock = conn->vsock;

    mark_released(conn);
    conn_serve(conn);
    vsock_pump(vsock);
}
