/* Notifications that wait for more packets: virtio 1.3, 5.1.6.5.9. The clock ticks nanoseconds. */
#include "net_rig.h"

#define COAL    VML_VIRTIO_NET_F_NOTF_COAL
#define VQ_COAL VML_VIRTIO_NET_F_VQ_NOTF_COAL
#define MQ      VML_VIRTIO_NET_F_MQ

enum { TX_SET, RX_SET, VQ_SET, VQ_GET };

static struct vml_virtual_clock the_clock;

static struct rig *make_patient(uint64_t features_off)
{
    struct rig *r = calloc(1, sizeof(*r));

    assert_int_equal(vml_virtual_clock_init(&the_clock, 1000000000), VML_OK);
    vd_init(&r->vd, 8 << 20);
    struct vml_virtio_net_config config = config_of(r, PAIRS);

    config.clock = &the_clock.clock;
    config.platform.features_off = features_off;
    return make_of(r, &config);
}

static void start(struct rig *r, uint64_t features)
{
    r->vd.top = r->gpa + (1 << 20);
    vd_start(&r->vd, BASIC | CTRL | MQ | COAL | VQ_COAL | features, VML_VIRTIO_NET_QUEUES(PAIRS),
             64);
}

static struct rig *started(uint64_t features)
{
    struct rig *r = make_patient(0);

    start(r, features);
    return r;
}

static void end_all(struct rig *r)
{
    end(r);
    vml_clock_destroy(&the_clock.clock);
}

static void pass(uint64_t ns)
{
    vml_virtual_clock_advance(&the_clock, the_clock.ticks + ns);
}

/* Whether there was an interrupt of a queue since the last look. */
static bool told(struct rig *r)
{
    bool isr = (vd_read(&r->vd, 0x60) & 1) != 0;

    vd_write(&r->vd, 0x64, 1);
    return isr;
}

static uint8_t command(struct rig *r, uint8_t which, const void *data, uint32_t len)
{
    uint8_t ack = control(r, 2 * PAIRS, 6, which, data, len);

    told(r); /* the control queue's own notification does not wait */
    return ack;
}

static uint8_t set(struct rig *r, uint8_t which, uint32_t packets, uint32_t usecs)
{
    uint8_t bytes[8];

    vml_store_le32(bytes, packets);
    vml_store_le32(bytes + 4, usecs);
    return command(r, which, bytes, sizeof(bytes));
}

static uint8_t set_queue(struct rig *r, uint32_t queue, uint32_t packets, uint32_t usecs)
{
    uint8_t bytes[12];

    vml_store_le32(bytes, queue | 0xabcd0000u); /* what is reserved is ignored */
    vml_store_le32(bytes + 4, packets);
    vml_store_le32(bytes + 8, usecs);
    return command(r, VQ_SET, bytes, sizeof(bytes));
}

/* VQ_GET: the parameters are written before ack. @return ack */
static uint8_t get_queue(struct rig *r, uint16_t queue, uint32_t *packets, uint32_t *usecs)
{
    uint64_t at = r->gpa + 0x90000;
    uint8_t *bytes = vd_host(&r->vd, at);
    struct vd_buf bufs[] = {{at, 6, false}, {at + 16, 8, true}, {at + 64, 1, true}};
    struct vd_queue *q = &r->vd.q[2 * PAIRS];
    uint32_t len;

    memcpy(bytes, (uint8_t[]){6, VQ_GET, (uint8_t)queue, (uint8_t)(queue >> 8), 0xff, 0xff}, 6);
    memset(bytes + 16, 0xee, 8);
    bytes[64] = 99;
    assert_true(vd_add(q, bufs, 3) >= 0);
    vd_kick(&r->vd, q);
    assert_true(vd_used(q, &len) >= 0);
    assert_int_equal(len, 9);
    told(r);
    *packets = vml_load_le32(bytes + 16);
    *usecs = vml_load_le32(bytes + 20);
    return bytes[64];
}

static void assert_set(struct rig *r, uint16_t queue, uint32_t packets, uint32_t usecs)
{
    uint32_t p, u;

    assert_int_equal(get_queue(r, queue, &p, &u), 0);
    assert_int_equal(p, packets);
    assert_int_equal(u, usecs);
}

static void receive_one(struct rig *r)
{
    uint8_t frame[100];

    ethernet(frame, 1, 9, sizeof(frame));
    if (r->vd.q[0].free_count > 0) {
        buffer(r, 0, 0, 1526);
    }
    assert_true(deliver(r, frame, sizeof(frame), whole));
    assert_true(vd_used(&r->vd.q[0], NULL) >= 0); /* it is seen at once by who looks */
}

static void offered_with_a_clock_only(void **state)
{
    struct rig *r = make_patient(0);

    assert_true((vd_offered(&r->vd) & (COAL | VQ_COAL)) == (COAL | VQ_COAL));
    assert_false(vd_negotiate(&r->vd, BASIC | COAL)); /* 5.1.3.1: require CTRL_VQ */
    assert_false(vd_negotiate(&r->vd, BASIC | VQ_COAL));
    assert_true(vd_negotiate(&r->vd, BASIC | CTRL | COAL));
    end_all(r);
    r = make(PAIRS);
    assert_int_equal(vd_offered(&r->vd) & (COAL | VQ_COAL), 0);
    vd_start(&r->vd, BASIC | CTRL | MQ, VML_VIRTIO_NET_QUEUES(PAIRS), 64);
    assert_int_equal(set(r, RX_SET, 15, 10), 1);
    assert_int_equal(set_queue(r, 0, 15, 10), 1);
    receive_one(r);
    assert_true(told(r));
    end(r);
}

/* The specification's example: 10 us, 15 packets, whichever is first; and then again. */
static void received_packets_are_told_of_together(void **state)
{
    for (unsigned k = 0; k < 4; k++) {
        struct rig *r =
            started((k & 1 ? VML_VIRTIO_F_RING_PACKED : 0) | (k & 2 ? VML_VIRTIO_F_EVENT_IDX : 0));

        assert_int_equal(set(r, RX_SET, 15, 10), 0);
        for (unsigned round = 0; round < 3; round++) {
            vd_interrupts(&r->vd.q[0], true);
            for (unsigned i = 1; i <= 15; i++) {
                pass(100);
                receive_one(r);
                assert_int_equal(told(r), i == 15);
            }
            vd_interrupts(&r->vd.q[0], true);
            receive_one(r);
            pass(5000);
            receive_one(r);
            pass(4999);
            assert_false(told(r));
            pass(1);
            assert_true(told(r));
            pass(1000000);
            assert_false(told(r));
        }
        end_all(r);
    }
}

static void sent_packets_are_told_of_together(void **state)
{
    struct rig *r = started(0);

    assert_int_equal(set(r, TX_SET, 15, 10), 0);
    for (unsigned i = 1; i <= 30; i++) {
        transmit(r, plain, 100, 12);
        assert_int_equal(told(r), i % 15 == 0);
    }
    transmit(r, plain, 100, 12);
    pass(9999);
    assert_false(told(r));
    pass(1);
    assert_true(told(r));
    receive_one(r); /* the other direction does not wait */
    assert_true(told(r));
    for (unsigned i = 0; i < 40; i++) { /* several at once */
        struct vd_buf buf = {r->gpa, 112, false};

        assert_true(vd_add(&r->vd.q[1], &buf, 1) >= 0);
        if (i == 13) {
            vd_kick(&r->vd, &r->vd.q[1]);
            assert_false(told(r));
        }
    }
    vd_kick(&r->vd, &r->vd.q[1]);
    assert_true(told(r));
    end_all(r);
}

/* 5.1.6.5.9.1: after every packet, when either is 0. */
static void nothing_waits_when_either_is_zero(void **state)
{
    struct rig *r = started(0);

    receive_one(r);
    assert_true(told(r));
    assert_int_equal(set(r, RX_SET, 0, 1000), 0);
    receive_one(r);
    assert_true(told(r));
    assert_int_equal(set(r, RX_SET, 1000, 0), 0);
    receive_one(r);
    assert_true(told(r));
    assert_int_equal(set(r, RX_SET, 1, UINT32_MAX), 0);
    receive_one(r);
    assert_true(told(r));
    assert_int_equal(set(r, RX_SET, UINT32_MAX, UINT32_MAX), 0);
    receive_one(r);
    assert_false(told(r));
    pass(UINT64_C(4294967295000));
    assert_true(told(r));
    end_all(r);
}

/* A driver that suppresses notifications gets none; the time of packets that it had not to be told of
 * is over when it wants to be. */
static void suppressed_notifications_are_not_sent(void **state)
{
    struct rig *r = started(0);

    assert_int_equal(set(r, RX_SET, 3, 10), 0);
    vd_interrupts(&r->vd.q[0], false);
    for (unsigned i = 0; i < 8; i++) {
        receive_one(r);
    }
    pass(1000000);
    assert_false(told(r));
    vd_interrupts(&r->vd.q[0], true);
    receive_one(r); /* the first of new ones */
    assert_false(told(r));
    receive_one(r);
    assert_false(told(r));
    receive_one(r);
    assert_true(told(r));
    end_all(r);
}

/* 5.1.6.5.9.4: the new conditions may be met already. */
static void new_parameters_hold_at_once(void **state)
{
    static const struct {
        uint32_t packets, usecs;
        bool tell;
    } news[] = {{8, 100, true}, {10, 100, true}, {11, 100, false}, {15, 5, true},
                {15, 6, false}, {0, 100, true},  {15, 0, true}};

    for (size_t i = 0; i < VML_ARRAY_SIZE(news); i++) {
        struct rig *r = started(0);
        uint8_t bytes[8];

        assert_int_equal(set(r, RX_SET, 15, 100), 0);
        for (unsigned k = 0; k < 10; k++) {
            receive_one(r);
        }
        pass(5000);
        assert_false(told(r));
        vml_store_le32(bytes, news[i].packets);
        vml_store_le32(bytes + 4, news[i].usecs);
        vd_interrupts(&r->vd.q[2 * PAIRS], false);
        assert_int_equal(control(r, 2 * PAIRS, 6, RX_SET, bytes, 8), 0);
        assert_int_equal(told(r), news[i].tell);
        pass(95000);
        assert_int_equal(told(r), !news[i].tell);
        end_all(r);
    }
}

/* The specification's sequence of commands. */
static void the_last_parameters_count(void **state)
{
    struct rig *r = started(0);

    assert_int_equal(set(r, RX_SET, 1, 11), 0);
    assert_set(r, 0, 1, 11);
    assert_set(r, 2, 1, 11);
    assert_set(r, 1, 0, 0);
    assert_set(r, 3, 0, 0);
    assert_int_equal(set_queue(r, 0, 2, 22), 0);
    assert_set(r, 0, 2, 22);
    assert_set(r, 2, 1, 11);
    assert_int_equal(set_queue(r, 1, 4, 44), 0);
    assert_set(r, 3, 0, 0);
    assert_int_equal(set(r, TX_SET, 5, 55), 0);
    assert_set(r, 1, 5, 55);
    assert_set(r, 3, 5, 55);
    assert_set(r, 0, 2, 22);
    end_all(r);
}

static void bad_coalescing_commands_are_refused(void **state)
{
    struct rig *r = started(VML_VIRTIO_F_RING_RESET);
    uint8_t bytes[12] = {0};
    uint8_t short_get[4] = {0};
    uint32_t p, u;

    for (uint32_t len = 0; len < 8; len++) {
        assert_int_equal(command(r, TX_SET, bytes, len), 1);
        assert_int_equal(command(r, RX_SET, bytes, len), 1);
    }
    for (uint32_t len = 0; len < 12; len++) {
        assert_int_equal(command(r, VQ_SET, bytes, len), 1);
    }
    assert_int_equal(command(r, 4, bytes, 12), 1);
    assert_int_equal(command(r, VQ_GET, short_get, 4), 1); /* no room for the answer */
    assert_int_equal(set_queue(r, 4, 1, 1), 1);            /* the control queue */
    assert_int_equal(set_queue(r, 5, 1, 1), 1);
    assert_int_equal(set_queue(r, 0xffff, 1, 1), 1);
    assert_int_equal(get_queue(r, 4, &p, &u), 1);
    assert_int_equal(get_queue(r, 0xffff, &p, &u), 1);
    vd_write(&r->vd, 0x30, 3);
    vd_write(&r->vd, 0xc0, 1);
    assert_int_equal(set_queue(r, 3, 1, 1), 1); /* not enabled */
    assert_int_equal(get_queue(r, 3, &p, &u), 1);
    assert_int_equal(set_queue(r, 2, 1, 1), 0);
    end_all(r);

    for (unsigned k = 0; k < 2; k++) { /* each with its own feature */
        r = make_patient(k ? COAL : VQ_COAL);
        vd_start(&r->vd, BASIC | CTRL | MQ | (k ? VQ_COAL : COAL), VML_VIRTIO_NET_QUEUES(PAIRS),
                 64);
        assert_int_equal(set(r, RX_SET, 1, 1), k);
        assert_int_equal(set(r, TX_SET, 1, 1), k);
        assert_int_equal(set_queue(r, 0, 1, 1), !k);
        end_all(r);
    }
    r = make_patient(0); /* 5.1.2: without MQ the third queue is the control queue */
    vd_start(&r->vd, BASIC | CTRL | VQ_COAL, 3, 64);
    vml_store_le32(bytes, 2);
    assert_int_equal(control(r, 2, 6, VQ_SET, bytes, 12), 1);
    vml_store_le32(bytes, 1);
    assert_int_equal(control(r, 2, 6, VQ_SET, bytes, 12), 0);
    end_all(r);
}

/* 5.1.6.5.9.6: what was set for all queues, after a queue was disabled; 0, after a reset. */
static void parameters_after_disabling_and_reset(void **state)
{
    struct rig *r = started(VML_VIRTIO_F_RING_RESET);

    assert_int_equal(set(r, RX_SET, 7, 70), 0);
    assert_int_equal(set_queue(r, 0, 3, 1000), 0);
    assert_int_equal(set_queue(r, 1, 4, 40), 0);
    receive_one(r);
    for (uint32_t i = 0; i < 2; i++) {
        vd_write(&r->vd, 0x30, i);
        vd_write(&r->vd, 0xc0, 1);
        vd_setup_queue(&r->vd, i, 64);
    }
    pass(10000000); /* nobody is told of what was before */
    assert_false(told(r));
    assert_set(r, 0, 7, 70);
    assert_set(r, 1, 0, 0);
    receive_one(r);
    vd_write(&r->vd, 0x70, 0);
    pass(10000000);
    assert_false(told(r));
    start(r, 0);
    for (uint16_t i = 0; i < 4; i++) {
        assert_set(r, i, 0, 0);
    }
    receive_one(r);
    assert_true(told(r));
    end_all(r);
}

static size_t save(struct rig *r, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    r->mmio.device.ops->save(&r->mmio.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

/* A notification that waits is not lost: it comes when the device goes on. */
static void waiting_notifications_survive_save(void **state)
{
    static uint8_t image[8192], again[8192];

    for (unsigned waits = 0; waits < 2; waits++) {
        struct rig *r = started(0);
        struct vml_state_reader rd;
        size_t len;

        assert_int_equal(set(r, RX_SET, 15, 10), 0);
        assert_int_equal(set_queue(r, 3, 9, 99), 0);
        vd_interrupts(&r->vd.q[0], waits != 0);
        receive_one(r);
        len = save(r, image, sizeof(image));
        vd_write(&r->vd, 0x70, 0);
        for (size_t cut = 0; cut < len; cut += 7) {
            vml_state_reader_init(&rd, image, cut);
            assert_int_not_equal(r->mmio.device.ops->restore(&r->mmio.device, &rd), VML_OK);
        }
        vml_state_reader_init(&rd, image, len);
        assert_int_equal(r->mmio.device.ops->restore(&r->mmio.device, &rd), VML_OK);
        assert_int_equal(told(r), waits);
        pass(1000000);
        assert_false(told(r));
        assert_set(r, 0, 15, 10);
        assert_set(r, 3, 9, 99);
        assert_set(r, 1, 0, 0);
        assert_int_equal(save(r, again, sizeof(again)), len);
        end_all(r);
    }
}

/* While the queues are closed for saving, time goes on; who goes on here is told then. */
static void notifications_wait_for_closed_queues(void **state)
{
    static uint8_t image[8192];
    struct rig *r = started(0);

    assert_int_equal(set(r, RX_SET, 15, 10), 0);
    receive_one(r);
    vml_virtio_drain(&r->net.virtio);
    pass(1000000);
    assert_false(told(r));
    save(r, image, sizeof(image));
    vml_virtio_resume(&r->net.virtio);
    assert_true(told(r));
    pass(1000000);
    assert_false(told(r));
    end_all(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offered_with_a_clock_only),
        cmocka_unit_test(received_packets_are_told_of_together),
        cmocka_unit_test(sent_packets_are_told_of_together),
        cmocka_unit_test(nothing_waits_when_either_is_zero),
        cmocka_unit_test(suppressed_notifications_are_not_sent),
        cmocka_unit_test(new_parameters_hold_at_once),
        cmocka_unit_test(the_last_parameters_count),
        cmocka_unit_test(bad_coalescing_commands_are_refused),
        cmocka_unit_test(parameters_after_disabling_and_reset),
        cmocka_unit_test(waiting_notifications_survive_save),
        cmocka_unit_test(notifications_wait_for_closed_queues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
