/* A driver on one thread, its back end on two others, one that types and one that reads slowly, and a
 * terminal whose size changes all the time: every byte arrives once and in order, in both directions. */
#include "test.h"
#include "virtio_driver.h"
#include <vml/virtio_console.h>

enum { BYTES = 20000, BUFFERS = 4, PIECE = 7, ROOM = 16 };

static struct vd vd;
static struct vml_virtio_console console;
static struct vml_virtio_console_port ports[1];
static struct vml_virtio_queue queues[VML_VIRTIO_CONSOLE_QUEUES(1)];
static struct vml_virtio_mmio mmio;
static struct vml_chardev port; /* the console's end */

static struct vml_signal ready;      /* the console takes bytes again */
static struct vml_mutex screen_lock; /* of what follows */
static uint8_t screen[ROOM];         /* what was written and not read yet */
static size_t on_screen;
static bool refused;
static uint32_t shown; /* bytes that were read */
static _Atomic bool wrong;
static _Atomic uint32_t running; /* back end's threads that have not ended */

static uint8_t byte_at(uint32_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

static size_t screen_push(void *context, const uint8_t *bytes, size_t len)
{
    size_t n;

    vml_mutex_lock(&screen_lock);
    n = len < ROOM - on_screen ? len : ROOM - on_screen;
    memcpy(screen + on_screen, bytes, n);
    on_screen += n;
    refused = n < len;
    vml_mutex_unlock(&screen_lock);
    return n;
}

static void screen_ready(void *context)
{
    vml_signal_set(&ready);
}

static const struct vml_chardev_ops ops = {.push = screen_push, .ready = screen_ready};

static void typist(void *context)
{
    for (uint32_t sent = 0; sent < BYTES;) {
        uint8_t bytes[11];
        uint32_t n = BYTES - sent < 11 ? BYTES - sent : 11;
        size_t taken;

        for (uint32_t i = 0; i < n; i++) {
            bytes[i] = byte_at(sent + i);
        }
        taken = vml_chardev_push(&port, bytes, n);
        sent += (uint32_t)taken;
        if (taken < n) {
            assert_int_equal(vml_signal_wait_until(&ready, VML_TIME_NEVER), VML_OK);
        }
    }
    atomic_fetch_sub(&running, 1);
}

static void reader(void *context)
{
    while (shown < BYTES) {
        bool tell;

        vml_mutex_lock(&screen_lock);
        for (size_t i = 0; i < on_screen; i++) {
            if (screen[i] != byte_at(shown++)) {
                atomic_store(&wrong, true);
            }
        }
        on_screen = 0;
        tell = refused;
        refused = false;
        vml_mutex_unlock(&screen_lock);
        if (tell) {
            vml_chardev_ready(&port);
        } else {
            vml_thread_yield();
        }
    }
    atomic_fetch_sub(&running, 1);
}

static void resizer(void *context)
{
    for (uint16_t i = 1; atomic_load(&running) != 0; i++) {
        vml_virtio_console_resize(&console, i, i);
        vml_thread_yield();
    }
}

/* The driver: buffers to receive into, by the id that the queue gave them. */
struct driver {
    uint64_t base;
    uint64_t gpa[8];
    uint32_t received, sent;
    bool busy; /* a chain is on its way out */
};

static void offer(struct driver *d, uint64_t gpa)
{
    struct vd_buf buf = {gpa, PIECE, true};
    int id = vd_add(&vd.q[0], &buf, 1);

    assert_in_range(id, 0, 7);
    d->gpa[id] = gpa;
    vd_kick(&vd, &vd.q[0]);
}

static void receive(struct driver *d)
{
    uint32_t len = 0;
    int id = vd_used(&vd.q[0], &len);

    if (id < 0) {
        return;
    }
    for (uint32_t i = 0; i < len; i++) {
        const uint8_t *bytes = vd_host(&vd, d->gpa[id]);

        assert_int_equal(bytes[i], byte_at(d->received++));
    }
    offer(d, d->gpa[id]);
}

static void transmit(struct driver *d)
{
    uint32_t n = 1 + d->sent % 23;
    struct vd_buf buf = {d->base + 0x1000, 0, false};

    if (d->busy && vd_used(&vd.q[1], NULL) < 0) {
        return;
    }
    d->busy = d->sent < BYTES;
    if (!d->busy) {
        return;
    }
    buf.len = BYTES - d->sent < n ? BYTES - d->sent : n;
    for (uint32_t i = 0; i < buf.len; i++) {
        ((uint8_t *)vd_host(&vd, buf.gpa))[i] = byte_at(d->sent++);
    }
    assert_true(vd_add(&vd.q[1], &buf, 1) >= 0);
    vd_kick(&vd, &vd.q[1]);
}

static void drive(uint64_t features)
{
    static void (*const bodies[3])(void *) = {typist, reader, resizer};
    struct driver d = {.base = vd_alloc(&vd, 0x2000, 4096)};
    struct vml_thread threads[3];

    on_screen = shown = 0;
    refused = false;
    atomic_store(&running, 2);
    vd_start(&vd, features, 2, 8);
    for (unsigned i = 0; i < BUFFERS; i++) {
        offer(&d, d.base + 64 * i);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "back end", bodies[i], NULL), VML_OK);
    }
    while (d.received < BYTES || d.busy || d.sent < BYTES) {
        receive(&d);
        transmit(&d);
        if (vd_read(&vd, 0x60) & 2) {
            vd_write(&vd, 0x64, 2); /* another size */
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_false(atomic_load(&wrong));
    assert_int_equal(vd_read(&vd, 0x70), 15);
}

static void every_byte_arrives_in_order(void **state)
{
    struct vml_virtio_console_config config = {.platform = {.as = &vd.as},
                                               .ports = ports,
                                               .port_count = 1,
                                               .queues = queues,
                                               .cols = 80,
                                               .rows = 25};
    struct vml_virtio_mmio_config transport = {.name = "console", .dev = &console.virtio};

    vd_init(&vd, 8 << 20);
    vml_signal_init(&ready);
    vml_mutex_init(&screen_lock);
    ports[0].peer = (struct vml_chardev){&ops, NULL};
    assert_int_equal(vml_virtio_console_init(&console, &config), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&mmio, &transport), VML_OK);
    vd.device = &mmio.device;
    port = vml_virtio_console_end(&console, 0);
    drive(VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_CONSOLE_F_SIZE);
    vd_write(&vd, 0x70, 0);
    drive(VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_CONSOLE_F_SIZE | VML_VIRTIO_F_RING_PACKED);
    vml_virtio_mmio_destroy(&mmio);
    vml_virtio_console_destroy(&console);
    vml_mutex_destroy(&screen_lock);
    vml_signal_destroy(&ready);
    vd_free(&vd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_arrives_in_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
