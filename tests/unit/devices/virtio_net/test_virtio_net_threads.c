/* A driver that receives, sends and resets its device, while the network sends on two threads of its own and
 * the link goes down and up on another: what arrives is whole and in each sender's order, and nothing is
 * written into buffers that a reset took back. */
#include "net_rig.h"
#include <stdatomic.h>

enum { SENDERS = 2, ROUNDS = 12, FRAMES = 300, BUFFERS = 16, SIZE = 256 };

static struct vml_net wire; /* the device's end */
static _Atomic bool done;
static _Atomic uint32_t from_guest;

static bool count_frame(void *context, const struct vml_net_frame *frame)
{
    atomic_fetch_add(&from_guest, 1);
    return true;
}

static const struct vml_net_ops network = {.send = count_frame};

static void sender(void *context)
{
    uint8_t own = (uint8_t)(uintptr_t)context;

    for (uint32_t i = 1; !atomic_load(&done); i++) {
        uint8_t bytes[100];
        struct vml_virtq_buf bufs[2] = {{bytes, 30, 0}, {bytes + 30, 70, 0}};
        struct vml_net_frame frame = {.bufs = bufs, .count = 2, .length = sizeof(bytes)};

        ethernet(bytes, 1, own, sizeof(bytes));
        vml_store_le32(bytes + 14, i);
        bytes[99] = (uint8_t)(i ^ own);
        if (!vml_net_send(&wire, &frame)) {
            vml_thread_yield();
        }
    }
}

static void puller(void *context)
{
    struct rig *r = context;

    for (uint32_t i = 0; !atomic_load(&done); i++) {
        vml_virtio_net_set_link(&r->net, i % 8 != 0);
        (void)vml_virtio_net_counters(&r->net);
        vml_thread_yield();
    }
    vml_virtio_net_set_link(&r->net, true);
}

struct driver {
    struct rig *r;
    uint64_t gpa[64]; /* of receive buffers, by id */
    uint32_t last[SENDERS];
    uint32_t received;
};

static void offer(struct driver *d, uint64_t gpa)
{
    struct vd_buf buf = {gpa, SIZE, true};
    int id = vd_add(&d->r->vd.q[0], &buf, 1);

    assert_in_range(id, 0, 63);
    d->gpa[id] = gpa;
}

static bool receive(struct driver *d)
{
    uint32_t len = 0;
    int id = vd_used(&d->r->vd.q[0], &len);
    const uint8_t *frame;
    uint32_t number;

    if (id < 0) {
        return false;
    }
    assert_int_equal(len, 112);
    frame = (const uint8_t *)vd_host(&d->r->vd, d->gpa[id]) + 12;
    assert_in_range(frame[11], 0, SENDERS - 1);
    number = vml_load_le32(frame + 14);
    assert_true(number > d->last[frame[11]]);
    assert_int_equal(frame[99], (uint8_t)(number ^ frame[11]));
    d->last[frame[11]] = number;
    d->received++;
    offer(d, d->gpa[id]);
    vd_kick(&d->r->vd, &d->r->vd.q[0]);
    return true;
}

/* Between a start and a reset. @return frames that were sent */
static uint32_t one_life(struct driver *d, uint64_t features)
{
    static const uint8_t header[12];
    struct rig *r = d->r;
    uint32_t sent = 0;

    vd_start(&r->vd, features, 2, 64);
    for (uint32_t i = 0; i < BUFFERS; i++) {
        offer(d, r->gpa + 0x10000 + i * SIZE);
    }
    vd_kick(&r->vd, &r->vd.q[0]);
    for (d->received = 0; d->received < FRAMES;) {
        if (!receive(d)) {
            vml_thread_yield();
        }
        if (d->received % 64 == 1) {
            transmit(r, header, 100, 40);
            sent++;
        }
    }
    vd_write(&r->vd, 0x70, 0);
    /* From here on the memory is the driver's. */
    memset(vd_host(&r->vd, r->gpa + 0x10000), 0x5a, BUFFERS * SIZE);
    for (unsigned i = 0; i < 20; i++) {
        vml_thread_yield();
    }
    for (uint32_t i = 0; i < BUFFERS * SIZE; i++) {
        assert_int_equal(((uint8_t *)vd_host(&r->vd, r->gpa + 0x10000))[i], 0x5a);
    }
    return sent;
}

static void frames_are_whole_and_in_order(void **state)
{
    struct rig *r = make(1);
    struct driver d = {.r = r};
    struct vml_thread threads[SENDERS + 1];
    uint32_t sent = 0;

    r->net.config.peer = (struct vml_net){&network, NULL};
    wire = vml_virtio_net_end(&r->net);
    for (uintptr_t i = 0; i < SENDERS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "network", sender, (void *)i), VML_OK);
    }
    assert_int_equal(vml_thread_create(&threads[SENDERS], "link", puller, r), VML_OK);
    for (unsigned i = 0; i < ROUNDS; i++) {
        sent += one_life(&d, BASIC | (i & 2 ? VML_VIRTIO_F_RING_PACKED : 0) |
                                 (i & 4 ? VML_VIRTIO_F_EVENT_IDX : 0) |
                                 (i & 8 ? VML_VIRTIO_NET_F_MRG_RXBUF : 0));
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i <= SENDERS; i++) {
        vml_thread_join(&threads[i]);
    }
    /* With the link down a frame of the guest's goes nowhere, and its buffer comes back. */
    assert_in_range(atomic_load(&from_guest), 1, sent);
    assert_int_equal(vml_virtio_net_counters(&r->net).tx_frames, atomic_load(&from_guest));
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames_are_whole_and_in_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
