/* A socket device of three connections; the fuzzer also is the back end, which takes what it likes. */
#include "virtio_fuzz.h"
#include <vml/virtio_vsock.h>

enum { CONNS = 3, BUFFER = 64, HEADER = 44, CID = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vml_virtio_vsock vsock;
static struct vml_virtio_vsock_conn *held[CONNS]; /* what the back end has */
static size_t room;
static uint8_t mood;

static void hold(struct vml_virtio_vsock_conn *conn)
{
    for (unsigned i = 0; i < CONNS; i++) {
        if (!held[i]) {
            held[i] = conn;
            return;
        }
    }
    VD_CHECK(!"more connections than there can be");
}

static void on_connect(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)context;
    hold(conn);
    if (mood & 1) {
        vml_virtio_vsock_accept(conn);
    } else if (mood & 2) {
        vml_virtio_vsock_release(conn);
    }
}

static size_t on_send(void *context, struct vml_virtio_vsock_conn *conn, const uint8_t *bytes,
                      size_t len)
{
    size_t n = len < room ? len : room;

    (void)context;
    VD_CHECK(len > 0 && len <= BUFFER);
    for (size_t i = 0; i < n; i++) {
        (void)*(const volatile uint8_t *)&bytes[i];
    }
    room -= n;
    if (mood & 4) {
        vml_virtio_vsock_shutdown(conn, mood >> 4);
    }
    return n;
}

static void on_room(void *context, struct vml_virtio_vsock_conn *conn)
{
    static const uint8_t bytes[40];

    (void)context;
    (void)!vml_virtio_vsock_send(conn, bytes, sizeof(bytes));
}

static void on_closed(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)context;
    if (mood & 8) {
        vml_virtio_vsock_release(conn);
    }
}

static void on_gone(void *context, struct vml_virtio_vsock_conn *conn)
{
    (void)context;
    for (unsigned i = 0; i < CONNS; i++) {
        if (held[i] == conn) {
            held[i] = NULL;
            return;
        }
    }
    VD_CHECK(!"gone twice, or never there");
}

static const struct vml_virtio_vsock_ops ops = {
    .connect = on_connect, .send = on_send, .room = on_room, .closed = on_closed, .gone = on_gone};

/* A packet that is nearly right: random ones hardly get past the CIDs. */
static void packet(struct vf *vf)
{
    struct vd_queue *q = &vf->vd.q[1];
    uint64_t gpa = VD_RAM_BASE + 0x80000;
    uint8_t *b = vd_host(&vf->vd, gpa);
    uint32_t len = (uint32_t)vf_take(vf, 1) % 100;
    struct vd_buf buf = {gpa, HEADER + len, false};
    uint8_t ports = (uint8_t)vf_take(vf, 1);

    memset(b, 0, HEADER + len);
    b[0] = CID;
    b[8] = 2;
    b[16] = ports & 3;
    b[20] = ports >> 2 & 3;
    if (ports & 0x80 && held[0]) {
        vml_store_le32(b + 16, held[0]->guest_port);
        vml_store_le32(b + 20, held[0]->host_port);
    }
    b[24] = (uint8_t)len;
    b[28] = 1;
    b[30] = (uint8_t)vf_take(vf, 1) % 9;
    b[32] = (uint8_t)vf_take(vf, 1);
    b[36] = (uint8_t)vf_take(vf, 1);
    b[40] = (uint8_t)vf_take(vf, 1);
    if (ports & 0x40) {
        b[vf_take(vf, 1) % HEADER] = (uint8_t)vf_take(vf, 1);
    }
    if (q->size != 0 && vd_add(q, &buf, 1) >= 0) {
        vd_kick(&vf->vd, q);
    }
}

static void extra(struct vf *vf, uint8_t command)
{
    static const uint8_t bytes[256];
    uint8_t arg = (uint8_t)vf_take(vf, 1);
    struct vml_virtio_vsock_conn *conn = held[arg % CONNS];

    mood = (uint8_t)vf_take(vf, 1);
    room = vf_take(vf, 1);
    switch (command & 7) {
    case 0:
    case 1:
        packet(vf);
        break;
    case 2:
        if (vml_virtio_vsock_connect(&vsock, arg & 3, NULL, &conn) == VML_OK) {
            hold(conn);
        }
        break;
    case 3:
        if (conn) {
            (void)!vml_virtio_vsock_send(conn, bytes, arg);
        }
        break;
    case 4:
        if (conn) {
            vml_virtio_vsock_ready(conn);
        }
        break;
    case 5:
        if (conn) {
            vml_virtio_vsock_shutdown(conn, arg >> 4);
            vml_virtio_vsock_accept(conn);
        }
        break;
    case 6:
        if (conn) {
            vml_virtio_vsock_release(conn);
        }
        break;
    default:
        vml_virtio_drain(&vsock.virtio);
        vml_virtio_resume(&vsock.virtio);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vf vf;
    static struct vml_virtio_vsock_conn conns[CONNS];
    static uint8_t buffers[CONNS * BUFFER];
    struct vml_virtio_vsock_config config = {.guest_cid = CID,
                                             .conns = conns,
                                             .conn_count = CONNS,
                                             .buffers = buffers,
                                             .buffer_size = BUFFER,
                                             .ops = &ops};

    memset(held, 0, sizeof(held));
    room = 1000;
    mood = 9;
    vf_begin(&vf, data, size);
    config.platform.as = &vf.vd.as;
    VD_CHECK(vml_virtio_vsock_init(&vsock, &config) == VML_OK);
    vf.extra = extra;
    vf_run(&vf, &vsock.virtio, VML_VIRTIO_VSOCK_QUEUES, size & 1);
    vml_virtio_vsock_destroy(&vsock);
    vf_end(&vf);
    return 0;
}
