/* Frames, time, new parameters, and resets of a queue on threads of their own: no notification that the
 * driver waits for is lost. */
#include "net_rig.h"

#include <pthread.h>

enum { FRAMES = 20000, COMMANDS = 400, RESETS = 50 };

struct shared {
    struct rig *r;
    _Atomic bool stop;
};

static struct vml_virtual_clock the_clock;

static void *send_frames(void *arg)
{
    struct shared *s = arg;
    struct vml_net net = vml_virtio_net_end(&s->r->net);
    uint8_t bytes[100];
    struct vml_virtq_buf buf = {bytes, sizeof(bytes), 0};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = sizeof(bytes)};

    ethernet(bytes, 1, 9, sizeof(bytes));
    for (unsigned i = 0; i < FRAMES; i++) {
        (void)vml_net_send(&net, &frame);
    }
    return NULL;
}

static void *advance(void *arg)
{
    struct shared *s = arg;

    for (uint64_t now = 0; !s->stop; now += 500) {
        vml_virtual_clock_advance(&the_clock, now);
    }
    return NULL;
}

static void refill(struct rig *r)
{
    struct vd_queue *q = &r->vd.q[0];

    while (vd_used(q, NULL) >= 0) {
    }
    while (q->free_count > 0) {
        struct vd_buf buf = {r->gpa, 1526, true};

        assert_true(vd_add(q, &buf, 1) >= 0);
    }
    vd_kick(&r->vd, q);
}

static void set(struct rig *r, uint32_t packets, uint32_t usecs)
{
    uint8_t bytes[8];

    vml_store_le32(bytes, packets);
    vml_store_le32(bytes + 4, usecs);
    assert_int_equal(control(r, 2, 6, 1, bytes, sizeof(bytes)), 0);
}

static struct rig *begin(void)
{
    struct rig *r = calloc(1, sizeof(*r));

    assert_int_equal(vml_virtual_clock_init(&the_clock, 1000000000), VML_OK);
    vd_init(&r->vd, 8 << 20);
    struct vml_virtio_net_config config = config_of(r, 1);

    config.clock = &the_clock.clock;
    make_of(r, &config);
    vd_start(&r->vd,
             BASIC | CTRL | VML_VIRTIO_NET_F_NOTF_COAL | VML_VIRTIO_NET_F_VQ_NOTF_COAL |
                 VML_VIRTIO_F_RING_RESET,
             3, 64);
    vd_interrupts(&r->vd.q[2], false);
    return r;
}

static void no_notification_is_lost(void **state)
{
    struct shared s = {.r = begin()};
    pthread_t senders[2], clock;

    set(s.r, 5, 20);
    refill(s.r);
    assert_int_equal(pthread_create(&clock, NULL, advance, &s), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&senders[i], NULL, send_frames, &s), 0);
    }
    for (unsigned i = 0; i < COMMANDS; i++) {
        set(s.r, i % 7, i % 5 * 10);
        refill(s.r);
    }
    set(s.r, 100, 1000000);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(senders[i], NULL), 0);
    }
    s.stop = true;
    assert_int_equal(pthread_join(clock, NULL), 0);

    /* Now one at a time: whatever went on before, packets are told of. */
    vd_write(&s.r->vd, 0x64, 1);
    refill(s.r);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t bytes[100];

        ethernet(bytes, 1, 9, sizeof(bytes));
        assert_true(deliver(s.r, bytes, sizeof(bytes), whole));
    }
    vml_virtual_clock_advance(&the_clock, the_clock.ticks + 2000000000u);
    assert_int_equal(vd_read(&s.r->vd, 0x60) & 1, 1);
    end(s.r);
    vml_clock_destroy(&the_clock.clock);
}

/* Queues come and go under the senders; a device that was reset is silent. */
static void queues_are_reset_meanwhile(void **state)
{
    struct shared s = {.r = begin()};
    pthread_t sender, clock;

    assert_int_equal(pthread_create(&clock, NULL, advance, &s), 0);
    assert_int_equal(pthread_create(&sender, NULL, send_frames, &s), 0);
    for (unsigned i = 0; i < RESETS; i++) {
        set(s.r, 5, 20);
        refill(s.r);
        vd_write(&s.r->vd, 0x30, 0);
        vd_write(&s.r->vd, 0xc0, 1);
        s.r->vd.top = s.r->gpa + (1 << 20) + 65536;
        vd_setup_queue(&s.r->vd, 0, 64);
    }
    assert_int_equal(pthread_join(sender, NULL), 0);
    vd_write(&s.r->vd, 0x70, 0);
    s.stop = true;
    assert_int_equal(pthread_join(clock, NULL), 0);
    assert_int_equal(vd_read(&s.r->vd, 0x60), 0);
    end(s.r);
    vml_clock_destroy(&the_clock.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_notification_is_lost),
        cmocka_unit_test(queues_are_reset_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
