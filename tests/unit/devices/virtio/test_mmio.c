/* The transport and the core with a device of this file: virtio 1.3, 2.1 to 2.6, 3.1 and 4.2. */
#include "test.h"
#include "virtio_driver.h"
#include <vml/regs.h>

enum { QUEUES = 2, F_OWN = 1, F_REFUSED = 2 };

struct toy {
    struct vml_virtio virtio;
    struct vml_virtio_queue queues[QUEUES];
    struct vml_virtio_mmio mmio;
    struct vml_irq irq;
    uint8_t space[13];
    struct vml_virtq_buf bufs[64];
    struct vml_virtq_chain held;
    bool holds, hold_next, tell_later;
    unsigned notified[QUEUES], starts, resets, stops, cancels, raised, lowered;
    bool level;
    uint32_t written_offset, written_size;
    uint64_t written_value;
    uint8_t own;
    struct vd vd;
};

static struct toy *toy_of(struct vml_virtio *dev)
{
    return VML_CONTAINER_OF(dev, struct toy, virtio);
}

static enum vml_status toy_accept(struct vml_virtio *dev, uint64_t features)
{
    return features & F_REFUSED ? VML_ERR_UNSUPPORTED : VML_OK;
}

static void toy_start(struct vml_virtio *dev)
{
    toy_of(dev)->starts++;
}

static void toy_notify(struct vml_virtio *dev, uint32_t index)
{
    struct toy *t = toy_of(dev);
    struct vml_virtio_queue *q = &t->queues[index];
    struct vml_virtq_chain chain = {.bufs = t->bufs};

    t->notified[index]++;
    if (!vml_virtio_queue_enter(q)) {
        return;
    }
    do {
        while (!t->holds && vml_virtio_queue_pop(q, &chain)) {
            if (t->hold_next) {
                t->holds = true;
                t->held = chain;
            } else {
                vml_virtio_queue_complete(q, &chain, 7);
            }
        }
    } while (!vml_virtio_queue_leave(q));
}

static void toy_write(struct vml_virtio *dev, uint32_t offset, uint32_t size, uint64_t value)
{
    struct toy *t = toy_of(dev);

    t->written_offset = offset;
    t->written_size = size;
    t->written_value = value;
}

static void toy_cancel(struct vml_virtio *dev, uint32_t queue)
{
    struct toy *t = toy_of(dev);

    t->cancels++;
    if (t->holds) {
        t->holds = false;
        vml_virtio_queue_push(&t->queues[0], &t->held, 0);
    }
}

static void toy_stopped(struct vml_virtio *dev, uint32_t queue)
{
    toy_of(dev)->stops++;
}

static void toy_reset(struct vml_virtio *dev)
{
    toy_of(dev)->resets++;
}

static void toy_save(struct vml_virtio *dev, struct vml_state_writer *w)
{
    vml_state_begin(w, VML_STATE_TAG('T', 'O', 'Y', '!'), 1);
    vml_state_put_u8(w, toy_of(dev)->own);
    vml_state_end(w);
}

static enum vml_status toy_restore(struct vml_virtio *dev, struct vml_state_reader *r, bool apply)
{
    uint8_t own;

    vml_state_enter(r, VML_STATE_TAG('T', 'O', 'Y', '!'), 1);
    own = vml_state_get_u8(r);
    if (own > 9) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    if (apply) {
        toy_of(dev)->own = own;
    }
    return vml_state_read_status(r);
}

static bool toy_used(struct vml_virtio *dev, uint32_t index)
{
    return !toy_of(dev)->tell_later;
}

static const struct vml_virtio_ops toy_ops = {
    .accept = toy_accept,
    .start = toy_start,
    .notify = toy_notify,
    .used = toy_used,
    .config_write = toy_write,
    .cancel = toy_cancel,
    .queue_stopped = toy_stopped,
    .reset = toy_reset,
    .save = toy_save,
    .restore = toy_restore,
};

static void set_level(void *context, uint32_t line, uint32_t cpu, bool level)
{
    struct toy *t = context;

    if (level && !t->level) {
        t->raised++;
    }
    if (!level && t->level) {
        t->lowered++;
    }
    t->level = level;
}

static const struct vml_irq_ops irq_ops = {.set_level = set_level};
static const struct vml_virtio_shm shm[] = {
    {.id = 3, .base = 0x123456789000, .length = 0x200000000}};

static struct toy *make(bool legacy)
{
    struct toy *t = calloc(1, sizeof(*t));

    vd_init(&t->vd, 8 << 20);
    struct vml_virtio_platform platform = {.as = &t->vd.as, .shm = shm, .shm_count = 1};
    struct vml_virtio_setup setup = {.ops = &toy_ops,
                                     .device_id = 42,
                                     .features = F_OWN | F_REFUSED,
                                     .queues = t->queues,
                                     .queue_count = QUEUES,
                                     .queue_size = 64,
                                     .max_bufs = 64,
                                     .config = t->space,
                                     .config_size = sizeof(t->space)};
    struct vml_virtio_mmio_config config = {.name = "toy",
                                            .dev = &t->virtio,
                                            .irq = {&irq_ops, t, 1, 0},
                                            .vendor_id = 0x554d4551,
                                            .legacy = legacy};

    for (unsigned i = 0; i < sizeof(t->space); i++) {
        t->space[i] = (uint8_t)(0x10 + i);
    }
    assert_int_equal(vml_virtio_init(&t->virtio, &platform, &setup), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&t->mmio, &config), VML_OK);
    t->vd.device = &t->mmio.device;
    return t;
}

static void end(struct toy *t)
{
    vml_virtio_mmio_destroy(&t->mmio);
    vml_virtio_destroy(&t->virtio);
    vd_free(&t->vd);
    free(t);
}

#define BASIC  (VML_VIRTIO_F_VERSION_1)
#define PACKED (VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_F_RING_PACKED)

static int send(struct toy *t, uint32_t queue)
{
    struct vd_buf buf = {vd_alloc(&t->vd, 64, 8), 64, true};
    int id = vd_add(&t->vd.q[queue], &buf, 1);

    vd_kick(&t->vd, &t->vd.q[queue]);
    return id;
}

static void identity(void **state)
{
    struct toy *t = make(false);
    struct vml_virtio_mmio empty;
    struct vml_virtio_mmio_config none = {.name = "none"};

    assert_int_equal(vd_read(&t->vd, 0), 0x74726976);
    assert_int_equal(vd_read(&t->vd, 4), 2);
    assert_int_equal(vd_read(&t->vd, 8), 42);
    assert_int_equal(vd_read(&t->vd, 12), 0x554d4551);
    end(t);

    assert_int_equal(vml_virtio_mmio_init(&empty, &none), VML_OK);
    struct vd vd = {.device = &empty.device};

    assert_int_equal(vd_read(&vd, 0), 0x74726976);
    assert_int_equal(vd_read(&vd, 8), 0);
    assert_int_equal(vd_read(&vd, 0x34), 0);
    assert_int_equal(vd_access(&vd, 0x104, 1, false, 0), 0);
    vd_write(&vd, 0x70, 1);
    vd_write(&vd, 0x50, 0);
    vd_write(&vd, 0x104, 0);
    vml_virtio_mmio_notify(&empty, 0);
    empty.device.ops->reset(&empty.device);
    vml_virtio_mmio_destroy(&empty);
    none.name = NULL;
    assert_int_equal(vml_virtio_mmio_init(&empty, &none), VML_ERR_INVALID);
}

static void control_registers_take_words_only(void **state)
{
    struct toy *t = make(false);

    assert_int_equal(vd_access(&t->vd, 0, 1, false, 5), 0);
    assert_int_equal(vd_access(&t->vd, 0, 8, false, 5), 0);
    assert_int_equal(vd_access(&t->vd, 2, 4, false, 5), 0);
    vd_access(&t->vd, 0x70, 1, true, 1);
    assert_int_equal(vd_read(&t->vd, 0x70), 0);
    assert_int_equal(vd_read(&t->vd, 0xf0), 0); /* a hole */
    end(t);
}

static void offered_features(void **state)
{
    struct toy *t = make(false);

    assert_int_equal(vd_offered(&t->vd), VML_VIRTIO_CORE_FEATURES | F_OWN | F_REFUSED);
    vd_write(&t->vd, 0x14, 2);
    assert_int_equal(vd_read(&t->vd, 0x10), 0);
    vd_write(&t->vd, 0x14, 0xffffffff);
    assert_int_equal(vd_read(&t->vd, 0x10), 0);
    end(t);
}

static void features_ok_is_refused(void **state)
{
    struct toy *t = make(false);

    assert_false(vd_negotiate(&t->vd, BASIC | 4));         /* not offered */
    assert_false(vd_negotiate(&t->vd, F_OWN));             /* no VERSION_1 */
    assert_false(vd_negotiate(&t->vd, BASIC | F_REFUSED)); /* the device refuses */
    vd_ready(&t->vd);
    assert_int_equal(vd_read(&t->vd, 0x70) & VML_VIRTIO_DRIVER_OK, 0);
    assert_true(vd_negotiate(&t->vd, BASIC | F_OWN));
    /* After FEATURES_OK they stay. */
    vd_write(&t->vd, 0x24, 0);
    vd_write(&t->vd, 0x20, 0);
    assert_true(vml_virtio_has(&t->virtio, F_OWN));
    vd_ready(&t->vd);
    assert_int_equal(vd_read(&t->vd, 0x70), 15);
    assert_int_equal(t->starts, 1);
    end(t);
}

static void status_bits_are_not_cleared_by_writes(void **state)
{
    struct toy *t = make(false);

    vd_write(&t->vd, 0x70, 1);
    vd_write(&t->vd, 0x70, 2);
    assert_int_equal(vd_read(&t->vd, 0x70), 3);
    vd_write(&t->vd, 0x70, 64 | 0xffffff00u); /* the device's own bit, and none */
    assert_int_equal(vd_read(&t->vd, 0x70), 3);
    vd_write(&t->vd, 0x70, 128);
    assert_int_equal(vd_read(&t->vd, 0x70), 131);
    vd_write(&t->vd, 0x70, 0);
    assert_int_equal(vd_read(&t->vd, 0x70), 0);
    end(t);
}

static void queue_registers(void **state)
{
    struct toy *t = make(false);

    vd_negotiate(&t->vd, BASIC);
    vd_write(&t->vd, 0x30, 1);
    assert_int_equal(vd_read(&t->vd, 0x34), 64);
    vd_write(&t->vd, 0x30, QUEUES); /* out of range */
    assert_int_equal(vd_read(&t->vd, 0x34), 0);
    assert_int_equal(vd_read(&t->vd, 0x44), 0);
    vd_write(&t->vd, 0x38, 4);
    vd_write(&t->vd, 0x80, 4);
    vd_write(&t->vd, 0x44, 1);
    vd_write(&t->vd, 0xc0, 1);
    vd_write(&t->vd, 0x30, 0xffffffff);
    assert_int_equal(vd_read(&t->vd, 0x34), 0);
    assert_int_equal(t->queues[0].num, 0);
    end(t);
}

/* Both halves replace what was there; nothing is OR-ed. */
static void stale_address_bits_do_not_survive(void **state)
{
    struct toy *t = make(false);

    vd_negotiate(&t->vd, BASIC);
    vd_write(&t->vd, 0x30, 0);
    for (uint32_t r = 0x80; r <= 0xa0; r += 0x10) {
        vd_write(&t->vd, r, 0xffffffff);
        vd_write(&t->vd, r + 4, 0xffffffff);
        vd_write(&t->vd, r, 0x12345670);
        vd_write(&t->vd, r + 4, 1);
    }
    assert_int_equal(t->queues[0].desc, 0x112345670);
    assert_int_equal(t->queues[0].driver, 0x112345670);
    assert_int_equal(t->queues[0].device, 0x112345670);
    end(t);
}

static void bad_queue_sizes_need_a_reset(void **state)
{
    static const uint32_t bad[] = {0, 3, 65, 128, 0x10040, UINT32_MAX};
    struct toy *t = make(false);

    for (size_t i = 0; i < VML_ARRAY_SIZE(bad); i++) {
        vd_negotiate(&t->vd, BASIC);
        vd_setup_queue(&t->vd, 0, 64);
        vd_write(&t->vd, 0x44, 0);
        vd_write(&t->vd, 0x38, bad[i]);
        vd_write(&t->vd, 0x44, 1);
        assert_int_equal(vd_read(&t->vd, 0x44), 0);
        assert_true(vd_read(&t->vd, 0x70) & VML_VIRTIO_NEEDS_RESET);
    }
    vd_negotiate(&t->vd, PACKED); /* any size will do */
    vd_setup_queue(&t->vd, 0, 63);
    assert_int_equal(vd_read(&t->vd, 0x44), 1);
    end(t);
}

static void queues_wait_for_features_ok(void **state)
{
    struct toy *t = make(false);

    vd_write(&t->vd, 0x70, 0);
    vd_write(&t->vd, 0x70, 3);
    vd_setup_queue(&t->vd, 0, 4);
    assert_int_equal(vd_read(&t->vd, 0x44), 0);
    end(t);
}

static void nothing_is_consumed_before_driver_ok(void **state)
{
    struct toy *t = make(false);

    vd_negotiate(&t->vd, BASIC);
    vd_setup_queue(&t->vd, 0, 4);
    send(t, 0);
    assert_int_equal(t->notified[0], 0);
    assert_int_equal(vd_used(&t->vd.q[0], NULL), -1);
    vd_ready(&t->vd); /* and then what is there is served */
    assert_true(vd_used(&t->vd.q[0], NULL) >= 0);
    end(t);
}

static void notify_uses_the_written_value(void **state)
{
    struct toy *t = make(false);

    vd_start(&t->vd, BASIC, 2, 4);
    memset(t->notified, 0, sizeof(t->notified)); /* of the start */
    vd_write(&t->vd, 0x30, 0);
    vd_write(&t->vd, 0x50, 1);
    assert_int_equal(t->notified[0], 0);
    assert_int_equal(t->notified[1], 1);
    vd_write(&t->vd, 0x50, 2);
    vd_write(&t->vd, 0x50, 0x10001); /* no NOTIFICATION_DATA: that is no queue */
    vd_write(&t->vd, 0x50, UINT32_MAX);
    assert_int_equal(t->notified[1], 1);
    vml_virtio_mmio_notify(&t->mmio, 1);
    assert_int_equal(t->notified[1], 2);
    end(t);
    t = make(false);
    vd_start(&t->vd, PACKED | VML_VIRTIO_F_NOTIFICATION_DATA, 2, 4);
    memset(t->notified, 0, sizeof(t->notified));
    vd_write(&t->vd, 0x50, 0x80030001);
    assert_int_equal(t->notified[1], 1);
    end(t);
}

/* 2.7.10.2: notifications for nothing, of queues that are empty, not set up, or not there. */
static void spurious_notifications_are_harmless(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct toy *t = make(false);

        vd_write(&t->vd, 0x50, 0); /* before anything */
        vd_start(&t->vd, packed ? PACKED : BASIC, 1, 4);
        for (unsigned i = 0; i < 100; i++) {
            vd_write(&t->vd, 0x50, i % (QUEUES + 2));
        }
        assert_int_equal(vd_used(&t->vd.q[0], NULL), -1);
        assert_int_equal(vd_read(&t->vd, 0x60), 0);
        assert_int_equal(vd_read(&t->vd, 0x70), 15);
        send(t, 0);
        assert_true(vd_used(&t->vd.q[0], NULL) >= 0);
        vd_write(&t->vd, 0x50, 0);
        assert_int_equal(vd_used(&t->vd.q[0], NULL), -1);
        end(t);
    }
}

static void interrupt_status_and_wire(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct toy *t = make(false);
        uint32_t len;

        vd_start(&t->vd, packed ? PACKED : BASIC, 2, 4);
        assert_false(t->level);
        int id = send(t, 0);

        assert_true(t->level);
        assert_int_equal(vd_read(&t->vd, 0x60), 1);
        assert_int_equal(vd_used(&t->vd.q[0], &len), id);
        assert_int_equal(len, 7);
        vml_virtio_config_change(&t->virtio, 0, "X", 1);
        assert_int_equal(vd_read(&t->vd, 0x60), 3);
        assert_int_equal(t->raised, 1);
        vd_write(&t->vd, 0x64, 1);
        assert_int_equal(vd_read(&t->vd, 0x60), 2);
        assert_true(t->level);
        assert_int_equal(t->raised, 2); /* an edge for what is left */
        vd_write(&t->vd, 0x64, 3);
        assert_false(t->level);
        assert_int_equal(vd_read(&t->vd, 0x60), 0);
        vd_interrupts(&t->vd.q[1], false);
        send(t, 1);
        assert_false(t->level);
        send(t, 0);
        assert_true(t->level);
        vd_write(&t->vd, 0x70, 0); /* reset lowers it */
        assert_false(t->level);
        end(t);
    }
}

static void config_space_is_whole(void **state)
{
    struct toy *t = make(false);

    for (uint32_t size = 1; size <= 8; size *= 2) {
        for (uint32_t at = 0; at < 0x100; at++) {
            uint64_t want = 0;

            for (uint32_t i = 0; i < size; i++) {
                if (at + i < sizeof(t->space)) {
                    want |= (uint64_t)(0x10 + at + i) << (8 * i);
                }
            }
            assert_int_equal(vd_access(&t->vd, 0x100 + at, (uint8_t)size, false, 0), want);
        }
    }
    vd_access(&t->vd, 0x100 + 12, 1, true, 0x5a); /* the last byte */
    assert_int_equal(t->written_offset, 12);
    assert_int_equal(t->written_size, 1);
    assert_int_equal(t->written_value, 0x5a);
    vd_access(&t->vd, 0x100 + 4, 4, true, 0x12345678);
    assert_int_equal(t->written_value, 0x12345678);
    t->written_size = 0;
    vd_access(&t->vd, 0x100 + 10, 4, true, 1); /* beyond the end */
    vd_access(&t->vd, 0x100 + 13, 1, true, 1);
    assert_int_equal(t->written_size, 0);

    struct vml_access beyond = {.offset = 0x200, .size = 1};

    assert_int_equal(t->mmio.device.ops->access(&t->mmio.device, &beyond), VML_BUS_FAULT);
    end(t);
}

static void config_generation(void **state)
{
    struct toy *t = make(false);
    uint32_t before = vd_read(&t->vd, 0xfc);

    vml_virtio_config_change(&t->virtio, 2, "ab", 2);
    assert_int_not_equal(vd_read(&t->vd, 0xfc), before);
    assert_int_equal(vd_read(&t->vd, 0x60), 0); /* no interrupt before DRIVER_OK */
    before = vd_read(&t->vd, 0xfc);
    vml_virtio_config_change(&t->virtio, 2, "ab", 2); /* no change */
    assert_int_equal(vd_read(&t->vd, 0xfc), before);
    assert_int_equal(vd_access(&t->vd, 0x102, 2, false, 0), 'a' | 'b' << 8);
    end(t);
}

static unsigned lines;

static void listen(void *context, enum vml_log_level level, const char *line)
{
    lines += strstr(line, "the driver of device 0xa000000 broke the protocol") != NULL;
}

static void broken_driver_is_told_of(void **state)
{
    struct toy *t = make(false);
    struct vd_buf bad = {VD_RAM_BASE - 1, 2, true};
    struct vml_debug debug;

    vml_debug_init(&debug);
    vml_debug_set_level(&debug, VML_DEBUG_CONDENSED);
    t->virtio.platform.debug = &debug;
    t->virtio.platform.trace_id = 0xa000000;
    vml_log_set_sink(listen, NULL);
    lines = 0;
    vd_start(&t->vd, BASIC, 2, 4);
    assert_int_equal(lines, 0);
    vd_add(&t->vd.q[0], &bad, 1);
    vd_kick(&t->vd, &t->vd.q[0]);
    vd_kick(&t->vd, &t->vd.q[0]);
    assert_int_equal(lines, 1); /* once, until it is reset */
    vml_log_set_sink(NULL, NULL);
    end(t);
}

static void broken_driver_needs_a_reset(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct toy *t = make(false);
        struct vd_buf bad = {VD_RAM_BASE - 1, 2, true};

        vd_start(&t->vd, packed ? PACKED : BASIC, 2, 4);
        vd_add(&t->vd.q[0], &bad, 1);
        vd_kick(&t->vd, &t->vd.q[0]);
        assert_true(vd_read(&t->vd, 0x70) & VML_VIRTIO_NEEDS_RESET);
        assert_int_equal(vd_read(&t->vd, 0x60), 2);
        send(t, 1); /* and nothing is served any more */
        assert_int_equal(vd_used(&t->vd.q[1], NULL), -1);
        vd_start(&t->vd, packed ? PACKED : BASIC, 2, 4);
        assert_int_equal(vd_read(&t->vd, 0x70), 15);
        send(t, 0);
        assert_true(vd_used(&t->vd.q[0], NULL) >= 0);
        end(t);
    }
}

static void reset_forgets_everything(void **state)
{
    struct toy *t = make(false);

    vd_start(&t->vd, BASIC, 2, 4);
    send(t, 0);
    vd_write(&t->vd, 0x70, 0);
    assert_int_equal(vd_read(&t->vd, 0x60), 0);
    vd_write(&t->vd, 0x30, 0);
    assert_int_equal(vd_read(&t->vd, 0x44), 0);
    assert_int_equal(t->queues[0].num, 0);
    assert_int_equal(t->queues[0].desc, 0);
    assert_int_equal(t->virtio.driver_features, 0);
    assert_true(t->resets > 0);
    t->notified[0] = 0;
    vd_write(&t->vd, 0x50, 0);
    assert_int_equal(t->notified[0], 0);
    vd_start(&t->vd, BASIC, 2, 4); /* and all of it again */
    assert_int_equal(vd_read(&t->vd, 0x70), 15);
    send(t, 0);
    assert_true(vd_used(&t->vd.q[0], NULL) >= 0);
    end(t);
}

static void reset_cancels_requests_in_flight(void **state)
{
    struct toy *t = make(false);

    vd_start(&t->vd, BASIC, 2, 4);
    t->hold_next = true;
    send(t, 0);
    assert_true(t->holds);
    assert_int_equal(vd_used(&t->vd.q[0], NULL), -1);
    vd_write(&t->vd, 0x70, 0);
    assert_false(t->holds);
    assert_int_equal(t->cancels, 1);
    assert_int_equal(t->queues[0].in_flight, 0);
    end(t);
}

static void one_queue_is_reset(void **state)
{
    struct toy *t = make(false);

    vd_start(&t->vd, BASIC | VML_VIRTIO_F_RING_RESET, 2, 4);
    t->hold_next = true;
    send(t, 0);
    vd_write(&t->vd, 0x30, 0);
    vd_write(&t->vd, 0xc0, 1);
    assert_int_equal(vd_read(&t->vd, 0xc0), 0);
    assert_int_equal(vd_read(&t->vd, 0x44), 0);
    assert_false(t->holds);
    t->hold_next = false;
    send(t, 1); /* the other goes on */
    assert_true(vd_used(&t->vd.q[1], NULL) >= 0);
    vd_setup_queue(&t->vd, 0, 2); /* with another size */
    send(t, 0);
    assert_true(vd_used(&t->vd.q[0], NULL) >= 0);
    end(t);
    t = make(false);
    vd_start(&t->vd, BASIC, 1, 4); /* not negotiated: ignored */
    vd_write(&t->vd, 0xc0, 1);
    assert_int_equal(vd_read(&t->vd, 0x44), 1);
    vd_write(&t->vd, 0x44, 0); /* QueueReady 0 stops it too */
    assert_int_equal(vd_read(&t->vd, 0x44), 0);
    send(t, 0);
    assert_int_equal(vd_used(&t->vd.q[0], NULL), -1);
    end(t);
}

static void shared_memory_regions(void **state)
{
    struct toy *t = make(false);

    vd_write(&t->vd, 0xac, 3);
    assert_int_equal(vd_read(&t->vd, 0xb0), 0);
    assert_int_equal(vd_read(&t->vd, 0xb4), 2);
    assert_int_equal(vd_read(&t->vd, 0xb8), 0x56789000);
    assert_int_equal(vd_read(&t->vd, 0xbc), 0x1234);
    vd_write(&t->vd, 0xac, 0);
    for (uint32_t r = 0xb0; r <= 0xbc; r += 4) {
        assert_int_equal(vd_read(&t->vd, r), 0xffffffff);
    }
    end(t);
}

static bool iommu(void *context, uint64_t address, uint64_t *len, bool write, uint64_t *gpa)
{
    *gpa = address - 0x1000000000;
    return address >= 0x1000000000;
}

static void access_platform_is_demanded(void **state)
{
    struct toy *t = make(false);

    t->virtio.platform.translate = iommu;
    t->virtio.offered |= VML_VIRTIO_F_ACCESS_PLATFORM;
    assert_false(vd_negotiate(&t->vd, BASIC));
    assert_true(vd_negotiate(&t->vd, BASIC | VML_VIRTIO_F_ACCESS_PLATFORM));
    end(t);
}

/* Version 1: page frame numbers, no FEATURES_OK, one contiguous ring (4.2.4). */
static void legacy_driver(void **state)
{
    struct toy *t = make(true);
    uint64_t ring;
    uint8_t *host;

    assert_int_equal(vd_read(&t->vd, 4), 1);
    vd_write(&t->vd, 0x14, 1);
    assert_int_equal(vd_read(&t->vd, 0x10), 0);
    vd_write(&t->vd, 0x70, 1);
    vd_write(&t->vd, 0x70, 3);
    vd_write(&t->vd, 0x24, 0);
    vd_write(&t->vd, 0x20, F_OWN);
    vd_write(&t->vd, 0x24, 1);
    vd_write(&t->vd, 0x20, 4); /* RING_PACKED: not for a legacy driver */
    vd_write(&t->vd, 0x28, 4096);
    vd_write(&t->vd, 0x30, 1);
    assert_int_equal(vd_read(&t->vd, 0x40), 0);
    vd_write(&t->vd, 0x38, 4);
    vd_write(&t->vd, 0x3c, 4096);
    ring = vd_alloc(&t->vd, 8192, 4096);
    host = vd_host(&t->vd, ring);
    vd_write(&t->vd, 0x40, (uint32_t)(ring >> 12));
    assert_int_equal(vd_read(&t->vd, 0x40), ring >> 12);
    vd_write(&t->vd, 0x70, 7);
    assert_int_equal(vd_read(&t->vd, 0x70), 7);
    assert_int_equal(t->starts, 1);

    *(struct vd_desc *)(void *)host = (struct vd_desc){ring + 6000, 4, 2, 0};
    ((uint16_t *)(void *)(host + 64))[1] = 1;
    vd_write(&t->vd, 0x50, 1);
    assert_int_equal(((uint16_t *)(void *)(host + 4096))[1], 1);
    assert_true(t->level);
    vd_write(&t->vd, 0x40, 0);
    assert_int_equal(vd_read(&t->vd, 0x40), 0);
    vd_write(&t->vd, 0x70, 0);

    vd_write(&t->vd, 0x70, 3);
    vd_write(&t->vd, 0x38, 4);
    vd_write(&t->vd, 0x40, 17); /* no page size was told */
    assert_true(vd_read(&t->vd, 0x70) & VML_VIRTIO_NEEDS_RESET);
    end(t);
}

static size_t save(struct toy *t, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    t->mmio.device.ops->save(&t->mmio.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct toy *t, const uint8_t *image, size_t size)
{
    struct vml_state_reader r;

    vml_state_reader_init(&r, image, size);
    return t->mmio.device.ops->restore(&t->mmio.device, &r);
}

static void state_round_trip(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct toy *t = make(false);
        uint8_t image[1024];
        uint8_t again[1024];
        size_t used;

        vd_start(&t->vd, packed ? PACKED | VML_VIRTIO_F_EVENT_IDX : BASIC, 2, 4);
        for (int i = 0; i < 11; i++) {
            send(t, 0);
            assert_true(vd_used(&t->vd.q[0], NULL) >= 0);
        }
        t->own = 5;
        vml_virtio_drain(&t->virtio);
        send(t, 1); /* comes while it is saved */
        used = save(t, image, sizeof(image));
        assert_int_equal(vd_used(&t->vd.q[1], NULL), -1);
        t->own = 0;
        assert_int_equal(restore(t, image, used), VML_OK);
        assert_int_equal(t->own, 5);
        assert_true(vd_used(&t->vd.q[1], NULL) >= 0); /* served after the restore */
        send(t, 0);
        assert_true(vd_used(&t->vd.q[0], NULL) >= 0);
        vml_virtio_drain(&t->virtio);
        send(t, 1);
        vml_virtio_resume(&t->virtio);
        assert_true(vd_used(&t->vd.q[1], NULL) >= 0);
        used = save(t, image, sizeof(image));
        assert_int_equal(restore(t, image, used), VML_OK);
        assert_int_equal(save(t, again, sizeof(again)), used);
        assert_memory_equal(image, again, used);
        end(t);
    }
}

static void state_with_requests_in_flight_is_refused(void **state)
{
    struct toy *t = make(false);
    uint8_t image[1024];
    struct vml_state_writer w;

    vd_start(&t->vd, BASIC, 2, 4);
    t->hold_next = true;
    send(t, 0);
    vml_state_writer_init(&w, image, sizeof(image));
    t->mmio.device.ops->save(&t->mmio.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_ERR_STATE);
    end(t);
}

/* Every truncation, and every byte changed: refused with the device as it was, or accepted as a
 * state of its own. */
static void corrupt_state_changes_nothing(void **state)
{
    struct toy *t = make(false);
    uint8_t image[1024];
    uint8_t now[1024];
    size_t used;
    unsigned refused = 0;

    vd_start(&t->vd, BASIC, 2, 4);
    send(t, 0);
    t->own = 5;
    used = save(t, image, sizeof(image));
    for (size_t n = 0; n < used; n++) {
        assert_int_not_equal(restore(t, image, n), VML_OK);
        assert_int_equal(save(t, now, sizeof(now)), used);
        assert_memory_equal(image, now, used);
    }
    for (size_t n = 0; n < used; n++) {
        uint8_t bad[1024];

        memcpy(bad, image, used);
        bad[n] ^= 0xff;
        if (restore(t, bad, used) != VML_OK) {
            refused++;
            assert_int_equal(save(t, now, sizeof(now)), used);
            assert_memory_equal(image, now, used);
        } else {
            assert_int_equal(restore(t, image, used), VML_OK);
        }
    }
    assert_true(refused > used / 3);
    assert_int_equal(vd_read(&t->vd, 0x70), 15);
    end(t);
}

static void memory_map_changes(void **state)
{
    struct toy *t = make(false);

    vd_start(&t->vd, BASIC, 2, 4);
    vml_virtio_memory_changed(&t->virtio);
    send(t, 0);
    assert_true(vd_used(&t->vd.q[0], NULL) >= 0);
    assert_int_equal(vml_as_remove(&t->vd.as, &t->vd.region), VML_OK);
    vml_virtio_memory_changed(&t->virtio);
    assert_true(vd_read(&t->vd, 0x70) & VML_VIRTIO_NEEDS_RESET);
    end(t);
}

static void bad_configurations(void **state)
{
    struct vml_virtio dev;
    struct vml_as as;
    struct vml_virtio_platform platform = {.as = &as};
    struct vml_virtio_setup setup = {.ops = &toy_ops, .queue_size = 4, .max_bufs = 4};

    setup.queue_count = 1;
    assert_int_equal(vml_virtio_init(&dev, &platform, &setup), VML_ERR_INVALID);
    setup.queue_count = 0;
    setup.queue_size = 3;
    assert_int_equal(vml_virtio_init(&dev, &platform, &setup), VML_ERR_INVALID);
    setup.queue_size = 4;
    platform.as = NULL;
    assert_int_equal(vml_virtio_init(&dev, &platform, &setup), VML_ERR_INVALID);
}

/* A device may tell the driver later: not while its queue is closed, and not after a reset. */
static void device_tells_when_it_likes(void **state)
{
    struct toy *t = make(false);

    vd_start(&t->vd, BASIC, QUEUES, 8);
    t->tell_later = true;
    send(t, 0);
    assert_true(vd_used(&t->vd.q[0], NULL) >= 0); /* the buffer itself does not wait */
    assert_int_equal(vd_read(&t->vd, 0x60), 0);
    vml_virtio_drain(&t->virtio);
    assert_false(vml_virtio_queue_tell(&t->queues[0]));
    assert_int_equal(vd_read(&t->vd, 0x60), 0);
    vml_virtio_resume(&t->virtio);
    assert_true(vml_virtio_queue_tell(&t->queues[0]));
    assert_int_equal(vd_read(&t->vd, 0x60), 1);
    assert_int_equal(t->raised, 1);
    vd_interrupts(&t->vd.q[0], false);
    t->tell_later = false;
    vd_write(&t->vd, 0x64, 1);
    send(t, 0); /* nobody is asked when the driver does not want to hear of it */
    assert_int_equal(vd_read(&t->vd, 0x60), 0);
    vd_write(&t->vd, 0x70, 0);
    assert_false(vml_virtio_queue_tell(&t->queues[0]));
    assert_int_equal(vd_read(&t->vd, 0x60), 0);
    end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity),
        cmocka_unit_test(control_registers_take_words_only),
        cmocka_unit_test(offered_features),
        cmocka_unit_test(features_ok_is_refused),
        cmocka_unit_test(status_bits_are_not_cleared_by_writes),
        cmocka_unit_test(queue_registers),
        cmocka_unit_test(stale_address_bits_do_not_survive),
        cmocka_unit_test(bad_queue_sizes_need_a_reset),
        cmocka_unit_test(queues_wait_for_features_ok),
        cmocka_unit_test(nothing_is_consumed_before_driver_ok),
        cmocka_unit_test(notify_uses_the_written_value),
        cmocka_unit_test(spurious_notifications_are_harmless),
        cmocka_unit_test(interrupt_status_and_wire),
        cmocka_unit_test(config_space_is_whole),
        cmocka_unit_test(config_generation),
        cmocka_unit_test(broken_driver_needs_a_reset),
        cmocka_unit_test(broken_driver_is_told_of),
        cmocka_unit_test(reset_forgets_everything),
        cmocka_unit_test(reset_cancels_requests_in_flight),
        cmocka_unit_test(one_queue_is_reset),
        cmocka_unit_test(shared_memory_regions),
        cmocka_unit_test(access_platform_is_demanded),
        cmocka_unit_test(legacy_driver),
        cmocka_unit_test(state_round_trip),
        cmocka_unit_test(state_with_requests_in_flight_is_refused),
        cmocka_unit_test(corrupt_state_changes_nothing),
        cmocka_unit_test(memory_map_changes),
        cmocka_unit_test(device_tells_when_it_likes),
        cmocka_unit_test(bad_configurations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
