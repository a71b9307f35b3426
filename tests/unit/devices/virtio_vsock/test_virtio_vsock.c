/* The socket device: virtio 1.3, 5.10, with a back end of this file behind it. */
#include "test.h"
#include "virtio_driver.h"
#include <vml/virtio_vsock.h>

enum { CONNS = 4, BUFFER = 256, CID = 42, HEADER = 44, BUFFERS = 16 };
enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };

struct packet {
    uint64_t src_cid, dst_cid;
    uint32_t src_port, dst_port, len;
    uint16_t type, op;
    uint32_t flags, buf_alloc, fwd_cnt;
    const uint8_t *data;
};

struct rig {
    struct vd vd;
    struct vml_virtio_vsock vsock;
    struct vml_virtio_vsock_conn conns[CONNS];
    uint8_t buffers[CONNS * BUFFER];
    struct vml_virtio_mmio mmio;
    /* The back end. */
    bool accepts, keeps; /* answers at once; releases later */
    struct vml_virtio_vsock_conn *last;
    uint8_t got[4096];
    size_t got_len, room;
    unsigned connects, connected, shut, rooms, closed, gone;
    uint32_t what;
    /* The driver. */
    uint64_t gpa;
    uint64_t rx[VD_MAX_SIZE];
    uint32_t added;
};

static void on_connect(void *context, struct vml_virtio_vsock_conn *conn)
{
    struct rig *r = context;

    r->connects++;
    r->last = conn;
    if (conn->host_port == 666) {
        vml_virtio_vsock_release(conn);
    } else if (r->accepts) {
        vml_virtio_vsock_accept(conn);
    }
}

static void on_connected(void *context, struct vml_virtio_vsock_conn *conn)
{
    struct rig *r = context;

    r->connected++;
    assert_ptr_equal(conn->owner, r);
}

static size_t on_send(void *context, struct vml_virtio_vsock_conn *conn, const uint8_t *bytes,
                      size_t len)
{
    struct rig *r = context;
    size_t n = len < r->room ? len : r->room;

    (void)conn;
    memcpy(r->got + r->got_len, bytes, n);
    r->got_len += n;
    r->room -= n;
    return n;
}

static void on_shutdown(void *context, struct vml_virtio_vsock_conn *conn, uint32_t what)
{
    struct rig *r = context;

    (void)conn;
    r->shut++;
    r->what = what;
}

static void on_room(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)conn;
    ((struct rig *)context)->rooms++;
}

static void on_closed(void *context, struct vml_virtio_vsock_conn *conn)
{
    struct rig *r = context;

    r->closed++;
    if (!r->keeps) {
        vml_virtio_vsock_release(conn);
    }
}

static void on_gone(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)conn;
    ((struct rig *)context)->gone++;
}

static const struct vml_virtio_vsock_ops ops = {.connect = on_connect,
                                                .connected = on_connected,
                                                .send = on_send,
                                                .shutdown = on_shutdown,
                                                .room = on_room,
                                                .closed = on_closed,
                                                .gone = on_gone};
static const struct vml_virtio_vsock_ops poor = {.send = on_send};

static struct vml_virtio_vsock_config config_of(struct rig *r)
{
    return (struct vml_virtio_vsock_config){.platform = {.as = &r->vd.as},
                                            .guest_cid = CID,
                                            .conns = r->conns,
                                            .conn_count = CONNS,
                                            .buffers = r->buffers,
                                            .buffer_size = BUFFER,
                                            .ops = &ops,
                                            .context = r};
}

static struct rig *make(const struct vml_virtio_vsock_ops *use)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_virtio_vsock_config config;
    struct vml_virtio_mmio_config mmio = {.name = "vsock", .dev = &r->vsock.virtio};

    vd_init(&r->vd, 8 << 20);
    config = config_of(r);
    config.ops = use;
    assert_int_equal(vml_virtio_vsock_init(&r->vsock, &config), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&r->mmio, &mmio), VML_OK);
    r->vd.device = &r->mmio.device;
    r->gpa = vd_alloc(&r->vd, 1 << 20, 4096);
    r->room = sizeof(r->got);
    r->accepts = true;
    return r;
}

static void end(struct rig *r)
{
    vml_virtio_mmio_destroy(&r->mmio);
    vml_virtio_vsock_destroy(&r->vsock);
    vd_free(&r->vd);
    free(r);
}

/* Adds a receive buffer of `len` bytes. */
static void add_rx(struct rig *r, uint32_t queue, uint32_t len)
{
    struct vd_buf buf = {r->gpa + 0x10000 + 0x1000 * (r->added++ % 64), len, true};
    int id = vd_add(&r->vd.q[queue], &buf, 1);

    assert_true(id >= 0);
    r->rx[id] = buf.gpa;
    vd_kick(&r->vd, &r->vd.q[queue]);
}

static struct rig *started(uint64_t features, unsigned buffers)
{
    struct rig *r = make(&ops);

    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1 | features, 3, 64);
    for (unsigned i = 0; i < buffers; i++) {
        add_rx(r, 0, 512);
    }
    return r;
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static void raw(struct rig *r, const struct packet *p, uint32_t payload)
{
    uint8_t *b = vd_host(&r->vd, r->gpa);
    struct vd_buf bufs[2] = {{r->gpa, HEADER, false}, {r->gpa + HEADER, payload, false}};

    memcpy(b, &p->src_cid, 8);
    memcpy(b + 8, &p->dst_cid, 8);
    put32(b + 16, p->src_port);
    put32(b + 20, p->dst_port);
    put32(b + 24, p->len);
    memcpy(b + 28, &p->type, 2);
    memcpy(b + 30, &p->op, 2);
    put32(b + 32, p->flags);
    put32(b + 36, p->buf_alloc);
    put32(b + 40, p->fwd_cnt);
    if (p->data) {
        memcpy(b + HEADER, p->data, payload);
    }
    assert_true(vd_add(&r->vd.q[1], bufs, payload ? 2 : 1) >= 0);
    vd_kick(&r->vd, &r->vd.q[1]);
}

static struct packet packet_of(uint16_t op, uint32_t guest_port, uint32_t host_port)
{
    return (struct packet){.src_cid = CID,
                           .dst_cid = 2,
                           .src_port = guest_port,
                           .dst_port = host_port,
                           .type = 1,
                           .op = op,
                           .buf_alloc = 1000};
}

static void say(struct rig *r, uint16_t op, uint32_t guest_port, uint32_t host_port, uint32_t flags)
{
    struct packet p = packet_of(op, guest_port, host_port);

    p.flags = flags;
    raw(r, &p, 0);
    assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
}

static void data(struct rig *r, uint32_t guest_port, uint32_t host_port, uint32_t len,
                 uint8_t first)
{
    uint8_t bytes[2048];
    struct packet p = packet_of(RW, guest_port, host_port);

    for (uint32_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(first + i);
    }
    p.len = len;
    p.data = bytes;
    raw(r, &p, len);
    assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
}

/* The next packet to the guest. */
static bool next(struct rig *r, struct packet *p)
{
    uint32_t len = 0;
    int id = vd_used(&r->vd.q[0], &len);
    const uint8_t *b;

    if (id < 0) {
        return false;
    }
    b = vd_host(&r->vd, r->rx[id]);
    memset(p, 0, sizeof(*p));
    memcpy(&p->src_cid, b, 8);
    memcpy(&p->dst_cid, b + 8, 8);
    memcpy(&p->src_port, b + 16, 4);
    memcpy(&p->dst_port, b + 20, 4);
    memcpy(&p->len, b + 24, 4);
    memcpy(&p->type, b + 28, 2);
    memcpy(&p->op, b + 30, 2);
    memcpy(&p->flags, b + 32, 4);
    memcpy(&p->buf_alloc, b + 36, 4);
    memcpy(&p->fwd_cnt, b + 40, 4);
    p->data = b + HEADER;
    assert_int_equal(len, HEADER + p->len);
    return true;
}

static struct packet expect(struct rig *r, uint16_t op, uint32_t guest_port, uint32_t host_port)
{
    struct packet p;

    assert_true(next(r, &p));
    assert_int_equal(p.op, op);
    assert_int_equal(p.dst_cid, CID);
    assert_int_equal(p.dst_port, guest_port);
    assert_int_equal(p.src_port, host_port);
    return p;
}

static void expect_nothing(struct rig *r)
{
    struct packet p;

    assert_false(next(r, &p));
}

/* A connection that the guest made from port 1000 to 80. */
static struct vml_virtio_vsock_conn *open_one(struct rig *r)
{
    say(r, REQUEST, 1000, 80, 0);
    expect(r, RESPONSE, 1000, 80);
    return r->last;
}

static void config_space_and_features(void **state)
{
    struct rig *r = make(&ops);

    assert_int_equal(vd_read(&r->vd, 8), 19);
    assert_int_equal(vd_read(&r->vd, 0x100), CID);
    assert_int_equal(vd_read(&r->vd, 0x104), 0);
    assert_int_equal(vd_offered(&r->vd) & 7, 5);
    end(r);
}

static void reserved_cids_and_bad_sizes_are_refused(void **state)
{
    static const uint64_t cids[] = {0, 1, 2, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_virtio_vsock_config good = config_of(r);
    struct vml_virtio_vsock_config bad;

    for (unsigned i = 0; i < VML_ARRAY_SIZE(cids); i++) {
        bad = good;
        bad.guest_cid = cids[i];
        assert_int_equal(vml_virtio_vsock_init(&r->vsock, &bad), VML_ERR_INVALID);
    }
    bad = good;
    bad.buffer_size = 100;
    assert_int_equal(vml_virtio_vsock_init(&r->vsock, &bad), VML_ERR_INVALID);
    bad = good;
    bad.conn_count = 0;
    assert_int_equal(vml_virtio_vsock_init(&r->vsock, &bad), VML_ERR_INVALID);
    bad = good;
    bad.ops = NULL;
    assert_int_equal(vml_virtio_vsock_init(&r->vsock, &bad), VML_ERR_INVALID);
    free(r);
}

static void guest_connects_and_sends(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = started(packed ? VML_VIRTIO_F_RING_PACKED : 0, BUFFERS);
        struct packet p;

        say(r, REQUEST, 1000, 80, 0);
        assert_int_equal(r->connects, 1);
        p = expect(r, RESPONSE, 1000, 80);
        assert_int_equal(p.src_cid, 2);
        assert_int_equal(p.type, 1);
        assert_int_equal(p.buf_alloc, BUFFER);
        assert_int_equal(p.fwd_cnt, 0);
        data(r, 1000, 80, 50, 7);
        assert_int_equal(r->got_len, 50);
        assert_int_equal(r->got[49], 56);
        say(r, CREDIT_REQUEST, 1000, 80, 0);
        p = expect(r, CREDIT_UPDATE, 1000, 80);
        assert_int_equal(p.fwd_cnt, 50);
        end(r);
    }
}

static void host_connects_and_sends(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vml_virtio_vsock_conn *conn;
    struct packet p;

    assert_int_equal(vml_virtio_vsock_connect(&r->vsock, 5000, r, &conn), VML_OK);
    p = expect(r, REQUEST, 5000, conn->host_port);
    assert_int_equal(p.buf_alloc, BUFFER);
    assert_int_equal(vml_virtio_vsock_send(conn, (const uint8_t *)"early", 5), 0);
    say(r, RESPONSE, 5000, conn->host_port, 0);
    assert_int_equal(r->connected, 1);
    assert_int_equal(vml_virtio_vsock_send(conn, (const uint8_t *)"hello", 5), 5);
    p = expect(r, RW, 5000, conn->host_port);
    assert_int_equal(p.len, 5);
    assert_memory_equal(p.data, "hello", 5);
    vml_virtio_vsock_release(conn);
    expect(r, RST, 5000, p.src_port);
    assert_int_equal(r->gone, 1);
    end(r);
}

static void refusals_are_resets(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vml_virtio_vsock_conn *conn;
    struct packet p;

    say(r, REQUEST, 1000, 666, 0); /* nobody listens */
    expect(r, RST, 1000, 666);
    say(r, RW, 1000, 80, 0); /* no such connection */
    expect(r, RST, 1000, 80);
    say(r, RST, 1000, 80, 0); /* is never answered */
    expect_nothing(r);
    assert_int_equal(vml_virtio_vsock_connect(&r->vsock, 5000, r, &conn), VML_OK);
    expect(r, REQUEST, 5000, conn->host_port);
    say(r, RST, 5000, conn->host_port, 0); /* the guest refuses */
    assert_int_equal(r->closed, 1);
    for (uint32_t i = 0; i < CONNS; i++) {
        say(r, REQUEST, i, 80, 0);
        expect(r, RESPONSE, i, 80);
    }
    say(r, REQUEST, 1000, 80, 0); /* insufficient resources */
    expect(r, RST, 1000, 80);
    assert_int_equal(vml_virtio_vsock_connect(&r->vsock, 1, r, &conn), VML_ERR_NO_MEMORY);
    p = packet_of(REQUEST, 1, 2);
    p.type = 2; /* seqpacket is not offered */
    raw(r, &p, 0);
    p = expect(r, RST, 1, 2);
    assert_int_equal(p.type, 2);
    end(r);
}

static void foreign_cids(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct packet p = packet_of(REQUEST, 1, 80);

    p.dst_cid = 77;
    raw(r, &p, 0);
    p = expect(r, RST, 1, 80);
    assert_int_equal(p.src_cid, 77);
    p = packet_of(REQUEST, 1, 80);
    p.src_cid = 43; /* not its own */
    raw(r, &p, 0);
    expect_nothing(r);
    p.src_cid = CID | UINT64_C(1) << 32;
    raw(r, &p, 0);
    expect_nothing(r);
    assert_int_equal(r->connects, 0);
    end(r);
}

static void protocol_errors_end_the_connection(void **state)
{
    static const uint16_t bad[] = {0, REQUEST, RESPONSE, 8, 0xffff};

    for (unsigned i = 0; i < VML_ARRAY_SIZE(bad); i++) {
        struct rig *r = started(0, BUFFERS);

        open_one(r);
        say(r, bad[i], 1000, 80, 0);
        expect(r, RST, 1000, 80);
        assert_int_equal(r->closed, 1);
        assert_int_equal(r->gone, 1);
        say(r, REQUEST, 1000, 80, 0); /* the address is free again */
        expect(r, RESPONSE, 1000, 80);
        assert_int_equal(vd_read(&r->vd, 0x70), 15);
        end(r);
    }
}

static void lengths_that_lie_end_the_connection(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct packet p;

    open_one(r);
    p = packet_of(RW, 1000, 80);
    p.len = 100;
    raw(r, &p, 99); /* fewer than it says */
    expect(r, RST, 1000, 80);
    open_one(r);
    p.len = UINT32_MAX;
    raw(r, &p, 0);
    expect(r, RST, 1000, 80);
    open_one(r);
    p.len = 10;
    raw(r, &p, 20); /* only the first `len` bytes are used */
    expect_nothing(r);
    assert_int_equal(r->got_len, 10);
    end(r);
}

static void header_that_is_too_short_breaks_the_device(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vd_buf buf = {r->gpa, HEADER - 1, false};

    assert_true(vd_add(&r->vd.q[1], &buf, 1) >= 0);
    vd_kick(&r->vd, &r->vd.q[1]);
    assert_int_equal(vd_read(&r->vd, 0x70) & 64, 64);
    end(r);
}

static void receive_buffer_that_is_too_short_breaks_the_device(void **state)
{
    struct rig *r = started(0, 0);

    add_rx(r, 0, HEADER - 1);
    say(r, REQUEST, 1000, 80, 0);
    assert_int_equal(vd_read(&r->vd, 0x70) & 64, 64);
    end(r);
    r = started(0, 0);
    add_rx(r, 0, HEADER);
    add_rx(r, 0, HEADER);
    open_one(r);
    assert_int_equal(vml_virtio_vsock_send(r->last, (const uint8_t *)"x", 1), 0);
    assert_int_equal(vd_read(&r->vd, 0x70) & 64, 64);
    end(r);
}

static void slow_back_end_stops_the_guest_only_by_credit(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vml_virtio_vsock_conn *conn = open_one(r);
    struct packet p;

    r->room = 10;
    data(r, 1000, 80, 200, 0);
    assert_int_equal(r->got_len, 10);
    say(r, REQUEST, 1001, 80, 0); /* others go on */
    expect(r, RESPONSE, 1001, 80);
    data(r, 1000, 80, 66, 200); /* 256 bytes wait: the buffer is full, to the last byte */
    expect_nothing(r);
    r->room = 1000;
    vml_virtio_vsock_ready(conn);
    assert_int_equal(r->got_len, 266);
    for (unsigned i = 0; i < 266; i++) {
        assert_int_equal(r->got[i], (uint8_t)i);
    }
    p = expect(r, CREDIT_UPDATE, 1000, 80);
    assert_int_equal(p.fwd_cnt, 266);
    r->room = 0;
    data(r, 1000, 80, 256, 0);
    data(r, 1000, 80, 1, 0); /* more than there is credit for */
    expect(r, RST, 1000, 80);
    assert_int_equal(r->closed, 1);
    end(r);
}

static void data_for_the_guest_waits_for_credit(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vml_virtio_vsock_conn *conn = open_one(r);
    struct packet p = packet_of(CREDIT_UPDATE, 1000, 80);
    uint8_t bytes[1200] = {0};

    assert_int_equal(vml_virtio_vsock_send(conn, bytes, 1200), 1000);
    assert_int_equal(expect(r, RW, 1000, 80).len, 512 - HEADER);
    assert_int_equal(expect(r, RW, 1000, 80).len, 512 - HEADER);
    assert_int_equal(expect(r, RW, 1000, 80).len, 1000 - 2 * (512 - HEADER));
    expect(r, CREDIT_REQUEST, 1000, 80);
    assert_int_equal(r->rooms, 0);
    raw(r, &p, 0); /* nothing was read yet */
    assert_int_equal(r->rooms, 0);
    p.fwd_cnt = 150;
    raw(r, &p, 0);
    assert_int_equal(r->rooms, 1);
    assert_int_equal(vml_virtio_vsock_send(conn, bytes, 200), 150);
    assert_int_equal(expect(r, RW, 1000, 80).len, 150);
    expect(r, CREDIT_REQUEST, 1000, 80);
    p.fwd_cnt = 5000; /* more than it got: no credit, rather than too much */
    raw(r, &p, 0);
    assert_int_equal(vml_virtio_vsock_send(conn, bytes, 200), 0);
    end(r);
}

static void data_for_the_guest_waits_for_buffers(void **state)
{
    struct rig *r = started(0, 2);
    struct vml_virtio_vsock_conn *conn = open_one(r);
    uint8_t bytes[600] = {0};

    assert_int_equal(vml_virtio_vsock_send(conn, bytes, 600), 512 - HEADER);
    expect(r, RW, 1000, 80);
    assert_int_equal(r->rooms, 0);
    add_rx(r, 0, 512);
    assert_int_equal(r->rooms, 1);
    assert_int_equal(vml_virtio_vsock_send(conn, bytes, 100), 100);
    assert_int_equal(expect(r, RW, 1000, 80).len, 100);
    end(r);
}

static void packets_wait_for_buffers(void **state)
{
    struct rig *r = started(0, 0);
    const unsigned more = VML_VIRTIO_VSOCK_REFUSALS + 5;
    unsigned taken = 0;

    say(r, REQUEST, 1000, 80, 0); /* the tx queue is served though rx is empty */
    for (unsigned i = 0; i < more; i++) {
        struct packet p = packet_of(RW, i, 9);

        raw(r, &p, 0);
    }
    while (vd_used(&r->vd.q[1], NULL) >= 0) {
        taken++;
    }
    assert_int_equal(taken, VML_VIRTIO_VSOCK_REFUSALS); /* as long as there are resources */
    for (unsigned i = 0; i < more + 1; i++) {
        add_rx(r, 0, 512);
    }
    while (vd_used(&r->vd.q[1], NULL) >= 0) {
        taken++;
    }
    assert_int_equal(taken, more);
    taken = 0;
    for (struct packet p; next(r, &p);) {
        taken += p.op == RST;
    }
    assert_int_equal(taken, more);
    end(r);
}

static void clean_end_by_the_guest(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vml_virtio_vsock_conn *conn = open_one(r);

    r->room = 4;
    data(r, 1000, 80, 10, 0);
    say(r, SHUTDOWN, 1000, 80, 2); /* sends no more */
    assert_int_equal(r->shut, 0);
    r->room = 100;
    vml_virtio_vsock_ready(conn);
    assert_int_equal(r->got_len, 10); /* data, and then its end */
    assert_int_equal(r->shut, 1);
    assert_int_equal(r->what, VML_VIRTIO_VSOCK_SEND);
    assert_int_equal(vml_virtio_vsock_send(conn, (const uint8_t *)"bye", 3), 3);
    expect(r, RW, 1000, 80);
    say(r, SHUTDOWN, 1000, 80, 1); /* what was said before stays */
    expect(r, RST, 1000, 80);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->gone, 1);
    open_one(r);
    say(r, SHUTDOWN, 1000, 80, 2);
    data(r, 1000, 80, 1, 0); /* after it said that it would not */
    expect(r, RST, 1000, 80);
    end(r);
}

static void data_of_a_clean_end_is_not_lost(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vml_virtio_vsock_conn *conn = open_one(r);

    r->room = 0;
    data(r, 1000, 80, 10, 0);
    say(r, SHUTDOWN, 1000, 80, 3);
    say(r, RST, 1000, 80, 0); /* the guest does not wait any longer */
    assert_int_equal(r->closed, 0);
    r->room = 100;
    vml_virtio_vsock_ready(conn);
    assert_int_equal(r->got_len, 10);
    assert_int_equal(r->closed, 1);
    expect_nothing(r);
    open_one(r);
    r->room = 0;
    data(r, 1000, 80, 10, 0);
    say(r, RST, 1000, 80, 0); /* but without a shutdown it is an abort */
    assert_int_equal(r->closed, 2);
    end(r);
}

static void clean_end_by_the_host(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vml_virtio_vsock_conn *conn = open_one(r);

    vml_virtio_vsock_shutdown(conn, VML_VIRTIO_VSOCK_SEND);
    assert_int_equal(expect(r, SHUTDOWN, 1000, 80).flags, 2);
    assert_int_equal(vml_virtio_vsock_send(conn, (const uint8_t *)"x", 1), 0);
    vml_virtio_vsock_shutdown(conn, VML_VIRTIO_VSOCK_SEND); /* known */
    expect_nothing(r);
    vml_virtio_vsock_shutdown(conn, VML_VIRTIO_VSOCK_RECEIVE);
    assert_int_equal(expect(r, SHUTDOWN, 1000, 80).flags, 3);
    say(r, RST, 1000, 80, 0);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->gone, 1);
    end(r);
}

static void released_later(void **state)
{
    struct rig *r = started(0, BUFFERS);
    struct vml_virtio_vsock_conn *conn;

    r->keeps = true;
    r->accepts = false;
    say(r, REQUEST, 1000, 80, 0);
    expect_nothing(r); /* the back end takes its time */
    conn = r->last;
    vml_virtio_vsock_accept(conn);
    expect(r, RESPONSE, 1000, 80);
    say(r, RST, 1000, 80, 0);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->gone, 0);
    vml_virtio_vsock_accept(conn); /* nothing happens any more */
    vml_virtio_vsock_shutdown(conn, 3);
    vml_virtio_vsock_ready(conn);
    assert_int_equal(vml_virtio_vsock_send(conn, (const uint8_t *)"x", 1), 0);
    expect_nothing(r);
    r->accepts = true;
    open_one(r); /* the same address, another connection */
    assert_ptr_not_equal(r->last, conn);
    vml_virtio_vsock_release(conn);
    assert_int_equal(r->gone, 1);
    expect_nothing(r);
    end(r);
}

/* A RST that waits for a buffer is the answer to what comes meanwhile for that address. */
static void reset_that_waits_answers_a_new_request(void **state)
{
    struct rig *r = started(0, 1);

    open_one(r);
    say(r, 0, 1000, 80, 0);
    say(r, REQUEST, 1000, 80, 0);
    assert_int_equal(r->connects, 1);
    add_rx(r, 0, 512);
    add_rx(r, 0, 512);
    expect(r, RST, 1000, 80);
    expect_nothing(r);
    end(r);
}

static void streams_that_are_not_negotiated_are_refused(void **state)
{
    struct rig *r = started(VML_VIRTIO_VSOCK_F_NO_IMPLIED_STREAM, BUFFERS);

    say(r, REQUEST, 1000, 80, 0);
    expect(r, RST, 1000, 80);
    end(r);
    r = started(VML_VIRTIO_VSOCK_F_NO_IMPLIED_STREAM | VML_VIRTIO_VSOCK_F_STREAM, BUFFERS);
    open_one(r);
    end(r);
}

static void back_end_without_operations(void **state)
{
    struct rig *r = make(&poor);
    struct vml_virtio_vsock_conn *conn;

    assert_int_equal(vml_virtio_vsock_connect(&r->vsock, 1, r, &conn), VML_ERR_STATE);
    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1, 3, 64);
    for (unsigned i = 0; i < 8; i++) {
        add_rx(r, 0, 512);
    }
    say(r, REQUEST, 1000, 80, 0);
    expect(r, RST, 1000, 80);
    assert_int_equal(vml_virtio_vsock_connect(&r->vsock, 1, r, &conn), VML_OK);
    expect(r, REQUEST, 1, conn->host_port);
    say(r, RESPONSE, 1, conn->host_port, 0);
    say(r, SHUTDOWN, 1, conn->host_port, 2);
    say(r, RST, 1, conn->host_port, 0);
    end(r);
}

static void reset_closes_connections(void **state)
{
    struct rig *r = started(0, BUFFERS);

    open_one(r);
    r->room = 0;
    data(r, 1000, 80, 10, 0);
    vd_write(&r->vd, 0x70, 0);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->gone, 1);
    r->room = 100;
    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1, 3, 64);
    add_rx(r, 0, 512);
    add_rx(r, 2, 4);
    expect_nothing(r);
    assert_int_equal(vd_used(&r->vd.q[2], NULL), -1); /* no event */
    end(r);
}

static void restored_driver_is_told(void **state)
{
    struct rig *r = started(0, BUFFERS);
    static uint8_t image[4096];
    struct vml_device *d = r->vd.device;
    struct vml_state_writer w;
    struct vml_state_reader rd;
    uint32_t len = 0;
    const uint64_t first = r->rx[0];
    uint8_t *event;

    add_rx(r, 2, 8);
    event = vd_host(&r->vd, r->rx[0]);
    r->rx[0] = first;
    open_one(r);
    memset(event, 0xee, 8);
    vml_virtio_drain(&r->vsock.virtio);
    vml_state_writer_init(&w, image, sizeof(image));
    d->ops->save(d, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    vml_virtio_resume(&r->vsock.virtio);
    assert_int_equal(r->closed, 0); /* here it goes on */
    for (size_t cut = 0; cut < w.used; cut++) {
        vml_state_reader_init(&rd, image, cut);
        assert_int_not_equal(d->ops->restore(d, &rd), VML_OK);
    }
    assert_int_equal(r->closed, 0);
    vml_state_reader_init(&rd, image, w.used);
    assert_int_equal(d->ops->restore(d, &rd), VML_OK);
    assert_int_equal(r->closed, 1); /* connections do not survive */
    assert_int_equal(r->gone, 1);
    assert_true(vd_used(&r->vd.q[2], &len) >= 0);
    assert_int_equal(len, 4);
    assert_memory_equal(event, "\0\0\0\0", 4); /* TRANSPORT_RESET */
    data(r, 1000, 80, 10, 0);
    expect(r, RST, 1000, 80);
    open_one(r);
    end(r);
}

static void event_waits_for_a_buffer(void **state)
{
    struct rig *r = started(0, BUFFERS);
    static uint8_t image[4096];
    struct vml_device *d = r->vd.device;
    struct vml_state_writer w;
    struct vml_state_reader rd;

    vml_state_writer_init(&w, image, sizeof(image));
    d->ops->save(d, &w);
    vml_state_reader_init(&rd, image, w.used);
    assert_int_equal(d->ops->restore(d, &rd), VML_OK);
    add_rx(r, 2, 4);
    assert_true(vd_used(&r->vd.q[2], NULL) >= 0);
    add_rx(r, 2, 4);
    assert_int_equal(vd_used(&r->vd.q[2], NULL), -1); /* once */
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_space_and_features),
        cmocka_unit_test(reserved_cids_and_bad_sizes_are_refused),
        cmocka_unit_test(guest_connects_and_sends),
        cmocka_unit_test(host_connects_and_sends),
        cmocka_unit_test(refusals_are_resets),
        cmocka_unit_test(foreign_cids),
        cmocka_unit_test(protocol_errors_end_the_connection),
        cmocka_unit_test(lengths_that_lie_end_the_connection),
        cmocka_unit_test(header_that_is_too_short_breaks_the_device),
        cmocka_unit_test(receive_buffer_that_is_too_short_breaks_the_device),
        cmocka_unit_test(slow_back_end_stops_the_guest_only_by_credit),
        cmocka_unit_test(data_for_the_guest_waits_for_credit),
        cmocka_unit_test(data_for_the_guest_waits_for_buffers),
        cmocka_unit_test(packets_wait_for_buffers),
        cmocka_unit_test(clean_end_by_the_guest),
        cmocka_unit_test(data_of_a_clean_end_is_not_lost),
        cmocka_unit_test(clean_end_by_the_host),
        cmocka_unit_test(released_later),
        cmocka_unit_test(reset_that_waits_answers_a_new_request),
        cmocka_unit_test(streams_that_are_not_negotiated_are_refused),
        cmocka_unit_test(back_end_without_operations),
        cmocka_unit_test(reset_closes_connections),
        cmocka_unit_test(restored_driver_is_told),
        cmocka_unit_test(event_waits_for_a_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
