/* A driver on one thread; a back end on others that sends bytes, takes bytes slowly, and makes and ends
 * connections of its own all the time: every byte arrives once and in order, in both directions. */
#include "test.h"
#include "virtio_driver.h"
#include <vml/virtio_vsock.h>

enum {
    CONNS = 4,
    BUFFER = 64,
    BYTES = 20000,
    CID = 3,
    HEADER = 44,
    RX_LEN = 100,
    GUEST_ROOM = 150
};
enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE };

static struct vd vd;
static struct vml_virtio_vsock vsock;
static struct vml_virtio_vsock_conn conns[CONNS];
static uint8_t buffers[CONNS * BUFFER];
static struct vml_virtio_mmio mmio;
static struct vml_virtio_vsock_conn *_Atomic stream; /* the guest's */
static _Atomic uint32_t asked, gone;                 /* the back end's own */
static struct vml_mutex lock;                        /* of what follows */
static size_t held;                                  /* bytes taken and not looked at */
static bool refused;
static uint32_t got;
static _Atomic bool wrong, done;
static struct vml_signal may_send;

static uint8_t byte_at(uint32_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

static void on_connect(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)context;
    vml_virtio_vsock_accept(conn);
    atomic_store(&stream, conn);
}

static size_t on_send(void *context, struct vml_virtio_vsock_conn *conn, const uint8_t *bytes,
                      size_t len)
{
    size_t n;

    (void)context;
    (void)conn;
    vml_mutex_lock(&lock);
    n = len < 20 - held ? len : 20 - held;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != byte_at(got++)) {
            atomic_store(&wrong, true);
        }
    }
    held += n;
    refused = n < len;
    vml_mutex_unlock(&lock);
    return n;
}

static void on_room(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)context;
    (void)conn;
    vml_signal_set(&may_send);
}

static void on_gone(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)context;
    (void)conn;
    atomic_fetch_add(&gone, 1);
}

/* There, so that the caller's release is the only one: without it the library would do that. */
static void on_closed(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)context;
    (void)conn;
}

static const struct vml_virtio_vsock_ops ops = {
    .connect = on_connect, .send = on_send, .room = on_room, .closed = on_closed, .gone = on_gone};

static void sender(void *context)
{
    while (!atomic_load(&stream)) {
        vml_thread_yield();
    }
    for (uint32_t sent = 0; sent < BYTES;) {
        uint8_t bytes[170];
        uint32_t n = BYTES - sent < 170 ? BYTES - sent : 170;
        size_t taken;

        for (uint32_t i = 0; i < n; i++) {
            bytes[i] = byte_at(sent + i);
        }
        taken = vml_virtio_vsock_send(atomic_load(&stream), bytes, n);
        sent += (uint32_t)taken;
        if (taken < n) {
            assert_int_equal(vml_signal_wait_until(&may_send, VML_TIME_NEVER), VML_OK);
        }
    }
}

static void taker(void *context)
{
    while (!atomic_load(&done)) {
        bool tell;

        vml_mutex_lock(&lock);
        held = 0;
        tell = refused;
        refused = false;
        vml_mutex_unlock(&lock);
        if (tell) {
            vml_virtio_vsock_ready(atomic_load(&stream));
        }
        vml_thread_yield();
    }
}

static void caller(void *context)
{
    /* Bounded: its packets take receive buffers from the stream. */
    for (unsigned i = 0; i < 500 && !atomic_load(&done); i++) {
        struct vml_virtio_vsock_conn *conn;

        if (vml_virtio_vsock_connect(&vsock, 7, NULL, &conn) == VML_OK) {
            atomic_fetch_add(&asked, 1);
            vml_thread_yield();
            vml_virtio_vsock_release(conn);
        }
        vml_thread_yield();
    }
}

struct driver {
    uint64_t base, rx[64];
    uint32_t sent, room, forwarded, received;
    bool open;
    bool asking; /* a CREDIT_REQUEST is not answered yet */
};

static void offer(struct driver *d, uint64_t gpa)
{
    struct vd_buf buf = {gpa, RX_LEN, true};
    int id = vd_add(&vd.q[0], &buf, 1);

    assert_in_range(id, 0, 63);
    d->rx[id] = gpa;
    vd_kick(&vd, &vd.q[0]);
}

static void put(struct driver *d, uint16_t op, uint32_t len, uint32_t host_port,
                uint32_t guest_port)
{
    uint64_t gpa = d->base + 0x2000;
    uint8_t *b = vd_host(&vd, gpa);
    struct vd_buf buf = {gpa, HEADER + len, false};

    memset(b, 0, HEADER);
    b[0] = CID;
    b[8] = 2;
    vml_store_le32(b + 16, guest_port);
    vml_store_le32(b + 20, host_port);
    vml_store_le32(b + 24, len);
    b[28] = 1;
    b[30] = (uint8_t)op;
    vml_store_le32(b + 36, GUEST_ROOM);
    vml_store_le32(b + 40, d->received);
    for (uint32_t i = 0; i < len; i++) {
        b[HEADER + i] = byte_at(d->sent++);
    }
    assert_true(vd_add(&vd.q[1], &buf, 1) >= 0);
    vd_kick(&vd, &vd.q[1]);
    while (vd_used(&vd.q[1], NULL) < 0) {
        vml_thread_yield(); /* another thread serves it */
    }
}

static void receive(struct driver *d)
{
    int id = vd_used(&vd.q[0], NULL);
    const uint8_t *b;
    uint32_t len, host_port;
    uint16_t op;

    if (id < 0) {
        return;
    }
    b = vd_host(&vd, d->rx[id]);
    op = vml_load_le16(b + 30);
    len = vml_load_le32(b + 24);
    host_port = vml_load_le32(b + 16);
    if (host_port == 80) {
        d->room = vml_load_le32(b + 36);
        d->forwarded = vml_load_le32(b + 40);
        d->open |= op == RESPONSE;
        d->asking &= op != CREDIT_UPDATE;
        assert_int_not_equal(op, RST);
        for (uint32_t i = 0; i < len; i++) {
            assert_int_equal(b[HEADER + i], byte_at(d->received++));
        }
    }
    offer(d, d->rx[id]);
    if (host_port == 80 && op == RW) {
        put(d, CREDIT_UPDATE, 0, 80, 1000);
    } else if (op == REQUEST) {
        put(d, host_port & 1 ? RST : RESPONSE, 0, host_port, 7);
    }
}

static void every_byte_arrives_in_order(void **state)
{
    static void (*const bodies[3])(void *) = {sender, taker, caller};
    struct vml_virtio_vsock_config config = {.platform = {.as = &vd.as},
                                             .guest_cid = CID,
                                             .conns = conns,
                                             .conn_count = CONNS,
                                             .buffers = buffers,
                                             .buffer_size = BUFFER,
                                             .ops = &ops};
    struct vml_virtio_mmio_config transport = {.name = "vsock", .dev = &vsock.virtio};
    struct vml_thread threads[3];
    struct driver d = {0};

    vd_init(&vd, 8 << 20);
    vml_mutex_init(&lock);
    vml_signal_init(&may_send);
    assert_int_equal(vml_virtio_vsock_init(&vsock, &config), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&mmio, &transport), VML_OK);
    vd.device = &mmio.device;
    d.base = vd_alloc(&vd, 0x4000, 4096);
    vd_start(&vd, VML_VIRTIO_F_VERSION_1, 3, 32);
    for (unsigned i = 0; i < 8; i++) {
        offer(&d, d.base + 128 * i);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "back end", bodies[i], NULL), VML_OK);
    }
    put(&d, REQUEST, 0, 80, 1000);
    while (d.received < BYTES || d.sent < BYTES || d.forwarded != d.sent) {
        uint32_t free = d.room - (d.sent - d.forwarded);
        uint32_t left = BYTES - d.sent;

        receive(&d);
        vml_thread_yield();
        if (d.open && free > 0 && left > 0) {
            put(&d, RW, free < left ? free : left, 80, 1000);
        } else if (d.open && left == 0 && d.forwarded != d.sent && !d.asking) {
            d.asking = true;
            put(&d, 7, 0, 80, 1000); /* CREDIT_REQUEST */
        }
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i < 3; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_false(atomic_load(&wrong));
    assert_int_equal(got, BYTES);
    assert_int_equal(atomic_load(&gone), atomic_load(&asked));
    assert_int_equal(vd_read(&vd, 0x70), 15);
    vml_virtio_mmio_destroy(&mmio);
    vml_virtio_vsock_destroy(&vsock);
    vml_signal_destroy(&may_send);
    vml_mutex_destroy(&lock);
    vd_free(&vd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_arrives_in_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
