/*
 * The socket device's queues: virtio 1.3, 5.10.
 *
 * The tx queue has one server at a time. Packets for the guest are made under the rx queue's lock and,
 * inside it, the device's. What waits for a receive buffer is kept as bits of each connection, and as
 * a list of refusals for what has no connection; the tx queue stands still only while that is full
 * (5.10.6.1.2).
 */
#include "vsock.h"

#define DEVICE_ID             19u
#define VSOCK_TAG             VML_STATE_TAG('V', 'S', 'O', 'K')

#define EVENT_SIZE            4u
#define EVENT_TRANSPORT_RESET 0u

static struct vml_virtio_vsock *vsock_of(struct vml_virtio *dev)
{
    return VML_CONTAINER_OF(dev, struct vml_virtio_vsock, virtio);
}

static struct header get_header(const uint8_t *b)
{
    return (struct header){
        .src_cid = vml_load_le64(b),
        .dst_cid = vml_load_le64(b + 8),
        .src_port = vml_load_le32(b + 16),
        .dst_port = vml_load_le32(b + 20),
        .len = vml_load_le32(b + 24),
        .type = vml_load_le16(b + 28),
        .op = vml_load_le16(b + 30),
        .flags = vml_load_le32(b + 32),
        .buf_alloc = vml_load_le32(b + 36),
        .fwd_cnt = vml_load_le32(b + 40),
    };
}

void vsock_put_header(const struct header *h, uint8_t *b)
{
    vml_store_le64(b, h->src_cid);
    vml_store_le64(b + 8, h->dst_cid);
    vml_store_le32(b + 16, h->src_port);
    vml_store_le32(b + 20, h->dst_port);
    vml_store_le32(b + 24, h->len);
    vml_store_le16(b + 28, h->type);
    vml_store_le16(b + 30, h->op);
    vml_store_le32(b + 32, h->flags);
    vml_store_le32(b + 36, h->buf_alloc);
    vml_store_le32(b + 40, h->fwd_cnt);
}

/* To the guest. */

/* Takes a receive buffer with room for a header and `more` bytes. */
static enum vml_status pop(struct vml_virtio_queue *queue, struct vml_virtq_chain *chain,
                           uint32_t more)
{
    enum vml_status status = vml_virtq_pop(&queue->vq, chain);

    if (status == VML_ERR_AGAIN && vml_virtq_enable_notify(&queue->vq)) {
        status = vml_virtq_pop(&queue->vq, chain);
    }
    if (status == VML_OK && vml_virtq_writable_len(chain) < more) {
        /* No packet can ever be in there: 5.10.6.3. */
        vml_virtq_push(&queue->vq, chain, 0);
        status = VML_ERR_CORRUPT;
    }
    return status;
}

static enum vml_status send_header(struct vml_virtio_vsock *vsock, const uint8_t *bytes)
{
    struct vml_virtio_queue *queue = &vsock->queues[RX];
    struct vml_virtq_chain chain = {.bufs = vsock->rx_bufs};
    enum vml_status status = pop(queue, &chain, HEADER_SIZE);

    if (status == VML_OK) {
        vml_virtq_push(&queue->vq, &chain,
                       (uint32_t)vml_virtq_copy_to(&chain, 0, bytes, HEADER_SIZE));
    }
    return status;
}

static enum vml_status send_refusals(struct vml_virtio_vsock *vsock)
{
    uint32_t done = 0;
    enum vml_status status = VML_OK;

    while (done < vsock->refusal_count) {
        const struct vml_virtio_vsock_refusal *r = &vsock->refusals[done];
        const struct header h = {.src_cid = r->cid,
                                 .dst_cid = vsock->config.guest_cid,
                                 .src_port = r->host_port,
                                 .dst_port = r->guest_port,
                                 .type = r->type,
                                 .op = OP_RST};
        uint8_t bytes[HEADER_SIZE];

        vsock_put_header(&h, bytes);
        status = send_header(vsock, bytes);
        if (status != VML_OK) {
            break;
        }
        done++;
    }
    vsock->refusal_count -= done;
    memmove(vsock->refusals, vsock->refusals + done,
            vsock->refusal_count * sizeof(vsock->refusals[0]));
    return status;
}

static enum vml_status send_pending(struct vml_virtio_vsock_conn *conn)
{
    while (conn->pending != 0) {
        static const uint8_t ops[] = {OP_REQUEST,        OP_RESPONSE, OP_CREDIT_UPDATE,
                                      OP_CREDIT_REQUEST, OP_SHUTDOWN, OP_RST};
        uint32_t bit = 0;
        uint8_t bytes[HEADER_SIZE];
        enum vml_status status;

        while (!(conn->pending & 1u << bit)) {
            bit++;
        }
        conn_header(conn, ops[bit], 0, bytes);
        status = send_header(conn->vsock, bytes);
        if (status != VML_OK) {
            return status;
        }
        conn->pending &= (uint8_t) ~(1u << bit);
    }
    conn_settle(conn);
    return VML_OK;
}

/* Sends what waits, as far as there are buffers. */
static void flush(struct vml_virtio_vsock *vsock)
{
    struct vml_virtio_queue *queue = &vsock->queues[RX];
    enum vml_status status;

    if (!vml_virtio_queue_lock(queue)) {
        return;
    }
    vml_mutex_lock(&vsock->lock);
    status = send_refusals(vsock);
    for (uint32_t i = 0; status == VML_OK && i < vsock->config.conn_count; i++) {
        status = send_pending(&vsock->config.conns[i]);
    }
    vml_mutex_unlock(&vsock->lock);
    vml_virtio_queue_unlock(queue, status == VML_ERR_CORRUPT);
}

size_t vsock_send(struct vml_virtio_vsock_conn *conn, const uint8_t *bytes, size_t len)
{
    struct vml_virtio_vsock *vsock = conn->vsock;
    struct vml_virtio_queue *queue = &vsock->queues[RX];
    enum vml_status status;
    size_t done = 0;

    if (!vml_virtio_queue_lock(queue)) {
        return 0;
    }
    vml_mutex_lock(&vsock->lock);
    /* A RESPONSE comes before data. */
    status = send_pending(conn);
    while (status == VML_OK && done < len && conn->state == OPEN &&
           !(conn->own_shutdown & VML_VIRTIO_VSOCK_SEND) &&
           !(conn->peer_shutdown & VML_VIRTIO_VSOCK_RECEIVE) && conn_credit(conn) != 0) {
        struct vml_virtq_chain chain = {.bufs = vsock->rx_bufs};
        uint8_t head[HEADER_SIZE];
        uint64_t n;

        status = pop(queue, &chain, HEADER_SIZE + 1);
        if (status != VML_OK) {
            break;
        }
        n = vml_min_u64(vml_virtq_writable_len(&chain) - HEADER_SIZE, conn_credit(conn));
        n = vml_min_u64(n, len - done);
        conn_header(conn, OP_RW, (uint32_t)n, head);
        (void)vml_virtq_copy_to(&chain, 0, head, HEADER_SIZE);
        (void)vml_virtq_copy_to(&chain, HEADER_SIZE, bytes + done, (size_t)n);
        vml_virtq_push(&queue->vq, &chain, (uint32_t)(HEADER_SIZE + n));
        conn->sent += (uint32_t)n;
        done += (size_t)n;
    }
    vml_mutex_unlock(&vsock->lock);
    vml_virtio_queue_unlock(queue, status == VML_ERR_CORRUPT);
    return done;
}

static void send_event(struct vml_virtio_vsock *vsock)
{
    static const uint8_t event[EVENT_SIZE] = {EVENT_TRANSPORT_RESET};
    struct vml_virtio_queue *queue = &vsock->queues[EVENT];
    struct vml_virtq_chain chain = {.bufs = vsock->event_bufs};
    enum vml_status status = VML_OK;

    if (!vml_virtio_queue_lock(queue)) {
        return;
    }
    vml_mutex_lock(&vsock->lock);
    if (vsock->reset_event) {
        status = pop(queue, &chain, EVENT_SIZE);
        if (status == VML_OK) {
            vml_virtq_push(&queue->vq, &chain,
                           (uint32_t)vml_virtq_copy_to(&chain, 0, event, EVENT_SIZE));
            vsock->reset_event = false;
        }
    }
    vml_mutex_unlock(&vsock->lock);
    vml_virtio_queue_unlock(queue, status == VML_ERR_CORRUPT);
}

/* From the guest. */

static void refuse(struct vml_virtio_vsock *vsock, const struct header *h)
{
    if (h->op != OP_RST) {
        VML_ASSERT(vsock->refusal_count < VML_VIRTIO_VSOCK_REFUSALS);
        vsock->refusals[vsock->refusal_count++] = (struct vml_virtio_vsock_refusal){
            .cid = h->dst_cid,
            .host_port = h->dst_port,
            .guest_port = h->src_port,
            .type = h->type,
        };
    }
}

/* 5.10.3: stream sockets are there unless the driver said that they are not implied. */
static bool has_streams(const struct vml_virtio_vsock *vsock)
{
    return !vml_virtio_has(&vsock->virtio, VML_VIRTIO_VSOCK_F_NO_IMPLIED_STREAM) ||
           vml_virtio_has(&vsock->virtio, VML_VIRTIO_VSOCK_F_STREAM);
}

/* Under the lock. @return a connection that has something to tell, or NULL */
static struct vml_virtio_vsock_conn *receive(struct vml_virtio_vsock *vsock, const struct header *h,
                                             const struct vml_virtq_chain *chain)
{
    struct vml_virtio_vsock_conn *conn;

    if (h->src_cid != vsock->config.guest_cid) {
        return NULL; /* 5.10.6.3.1 forbids it; it is somebody else whom an answer would reach */
    }
    if (h->dst_cid != VML_VIRTIO_VSOCK_HOST || h->type != TYPE_STREAM || !has_streams(vsock)) {
        refuse(vsock, h);
        return NULL;
    }
    conn = conn_find(vsock, h->dst_port, h->src_port);
    if (conn) {
        if (h->op == OP_RW && vml_virtq_readable_len(chain) - HEADER_SIZE < h->len) {
            conn_kill(conn, true);
        } else {
            conn_receive(conn, h, chain);
        }
        return conn;
    }
    if (h->op == OP_REQUEST) {
        conn = conn_new(vsock, ASKED, h->dst_port, h->src_port);
    }
    if (!conn) {
        refuse(vsock, h);
        return NULL;
    }
    conn->peer_alloc = h->buf_alloc;
    conn->peer_forwarded = h->fwd_cnt;
    conn->news = NEWS_CONNECT;
    return conn;
}

/* A packet makes one refusal at most. */
static bool may_receive(struct vml_virtio_vsock *vsock)
{
    bool may;

    vml_mutex_lock(&vsock->lock);
    may = vsock->refusal_count < VML_VIRTIO_VSOCK_REFUSALS;
    vsock->stalled = !may;
    vml_mutex_unlock(&vsock->lock);
    return may;
}

static void serve_transmit(struct vml_virtio_vsock *vsock)
{
    struct vml_virtio_queue *queue = &vsock->queues[TX];
    struct vml_virtq_chain chain = {.bufs = vsock->tx_bufs};

    if (!vml_virtio_queue_enter(queue)) {
        return;
    }
    do {
        while (may_receive(vsock) && vml_virtio_queue_pop(queue, &chain)) {
            struct vml_virtio_vsock_conn *conn = NULL;
            uint8_t bytes[HEADER_SIZE];

            if (vml_virtq_copy_from(&chain, 0, bytes, HEADER_SIZE) == HEADER_SIZE) {
                const struct header h = get_header(bytes);

                vml_mutex_lock(&vsock->lock);
                conn = receive(vsock, &h, &chain);
                vml_mutex_unlock(&vsock->lock);
            } else {
                vml_virtio_broken(&vsock->virtio); /* nobody whom a RST could be for */
            }
            vml_virtio_queue_push(queue, &chain, 0);
            if (conn) {
                conn_serve(conn);
            }
            flush(vsock);
        }
        vml_virtio_queue_publish(queue);
    } while (!vml_virtio_queue_leave(queue));
}

void vsock_pump(struct vml_virtio_vsock *vsock)
{
    bool go_on;

    flush(vsock);
    vml_mutex_lock(&vsock->lock);
    go_on = vsock->stalled && vsock->refusal_count < VML_VIRTIO_VSOCK_REFUSALS;
    vml_mutex_unlock(&vsock->lock);
    if (go_on) {
        serve_transmit(vsock);
    }
}

/* Device. */

static void serve_all(struct vml_virtio_vsock *vsock)
{
    for (uint32_t i = 0; i < vsock->config.conn_count; i++) {
        conn_serve(&vsock->config.conns[i]);
    }
}

/* There are receive buffers. */
static void serve_receive(struct vml_virtio_vsock *vsock)
{
    flush(vsock);
    vml_mutex_lock(&vsock->lock);
    for (uint32_t i = 0; i < vsock->config.conn_count; i++) {
        struct vml_virtio_vsock_conn *conn = &vsock->config.conns[i];

        conn->retry = conn_credit(conn) != 0;
    }
    vml_mutex_unlock(&vsock->lock);
    serve_all(vsock);
    vsock_pump(vsock);
}

static void vsock_notify(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_vsock *vsock = vsock_of(dev);

    if (index == RX) {
        serve_receive(vsock);
    } else if (index == TX) {
        serve_transmit(vsock);
    } else {
        send_event(vsock);
    }
}

static void vsock_reset(struct vml_virtio *dev)
{
    struct vml_virtio_vsock *vsock = vsock_of(dev);

    vml_mutex_lock(&vsock->lock);
    for (uint32_t i = 0; i < vsock->config.conn_count; i++) {
        conn_kill(&vsock->config.conns[i], false);
    }
    vsock->refusal_count = 0;
    vsock->stalled = false;
    vsock->reset_event = false;
    vml_mutex_unlock(&vsock->lock);
    serve_all(vsock);
}

static void vsock_save(struct vml_virtio *dev, struct vml_state_writer *w)
{
    vml_state_begin(w, VSOCK_TAG, 1);
    vml_state_put_u64(w, vsock_of(dev)->config.guest_cid);
    vml_state_end(w);
}

static bool is_reserved(uint64_t cid)
{
    return cid <= VML_VIRTIO_VSOCK_HOST || cid >= UINT32_MAX;
}

/* Connections stay behind, and the driver is told so; the CID is the one that the device has here, which
 * the driver then reads again: 5.10.6.7. */
static enum vml_status vsock_restore(struct vml_virtio *dev, struct vml_state_reader *r, bool apply)
{
    struct vml_virtio_vsock *vsock = vsock_of(dev);

    vml_state_enter(r, VSOCK_TAG, 1);
    if (is_reserved(vml_state_get_u64(r))) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    if (apply) {
        vml_mutex_lock(&vsock->lock);
        vsock->reset_event = true;
        vml_mutex_unlock(&vsock->lock);
    }
    return vml_state_read_status(r);
}

static const struct vml_virtio_ops device_ops = {
    .notify = vsock_notify, .reset = vsock_reset, .save = vsock_save, .restore = vsock_restore};

enum vml_status vml_virtio_vsock_init(struct vml_virtio_vsock *vsock,
                                      const struct vml_virtio_vsock_config *config)
{
    const struct vml_virtio_setup setup = {
        .ops = &device_ops,
        .device_id = DEVICE_ID,
        .features = VML_VIRTIO_VSOCK_F_STREAM | VML_VIRTIO_VSOCK_F_NO_IMPLIED_STREAM |
                    VML_VIRTIO_F_IN_ORDER,
        .queues = vsock->queues,
        .queue_count = VML_VIRTIO_VSOCK_QUEUES,
        .queue_size = VML_VIRTIO_VSOCK_QUEUE_SIZE,
        .max_bufs = VML_VIRTIO_VSOCK_QUEUE_SIZE,
        .config = vsock->space,
        .config_size = sizeof(vsock->space),
    };

    if (is_reserved(config->guest_cid) || !config->conns || config->conn_count == 0 ||
        !config->buffers || !vml_is_pow2(config->buffer_size) ||
        config->buffer_size > UINT32_C(1) << 31 || !config->ops || !config->ops->send) {
        return VML_ERR_INVALID;
    }
    memset(vsock, 0, sizeof(*vsock));
    memset(config->conns, 0, config->conn_count * sizeof(*config->conns));
    vsock->config = *config;
    for (uint32_t i = 0; i < config->conn_count; i++) {
        config->conns[i].vsock = vsock;
        config->conns[i].buffer = config->buffers + (size_t)i * config->buffer_size;
    }
    vml_store_le64(vsock->space, config->guest_cid);
    vml_mutex_init(&vsock->lock);
    return vml_virtio_init(&vsock->virtio, &config->platform, &setup);
}

void vml_virtio_vsock_destroy(struct vml_virtio_vsock *vsock)
{
    vml_virtio_destroy(&vsock->virtio);
    vml_mutex_destroy(&vsock->lock);
}
