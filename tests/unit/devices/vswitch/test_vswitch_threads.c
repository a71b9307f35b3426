/* Stations on threads of their own send to each other while another one is connected and disconnected
 * over and over: who is disconnected gets nothing, and what was sent is what arrived. */
#include "test.h"
#include <stdatomic.h>
#include <vml/vswitch.h>

enum { SENDERS = 2, PORTS = SENDERS + 1, ENTRIES = 16, FRAMES = 5000, TURNS = 500 };

static struct vml_vswitch vswitch;
static struct vml_vswitch_port ports[PORTS];
static struct vml_vswitch_entry entries[ENTRIES];
static _Atomic uint64_t got[PORTS];
static _Atomic bool present; /* the last port may get frames */
static _Atomic bool astray;

static bool station_gets(void *context, const struct vml_net_frame *frame)
{
    uint32_t port = (uint32_t)(uintptr_t)context;

    if (port == SENDERS && !atomic_load(&present)) {
        atomic_store(&astray, true);
    }
    atomic_fetch_add(&got[port], 1);
    return true;
}

static const struct vml_net_ops station = {.send = station_gets};

static void send(uint32_t port, uint8_t to)
{
    uint8_t bytes[60] = {2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, (uint8_t)port};
    struct vml_virtq_buf buf = {bytes, sizeof(bytes), 0};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = sizeof(bytes)};
    struct vml_net end = vml_vswitch_end(&vswitch, port);

    (void)vml_net_send(&end, &frame);
}

static void connect(uint32_t port)
{
    struct vml_net peer = {&station, (void *)(uintptr_t)port};

    vml_vswitch_connect(&vswitch, port, &peer);
}

/* Every other frame is for nobody that is known: it goes to all. */
static void sender(void *context)
{
    uint32_t port = (uint32_t)(uintptr_t)context;

    for (uint32_t i = 0; i < FRAMES; i++) {
        send(port, i & 1 ? (uint8_t)(1 - port) : 0x77);
    }
}

static void comer_and_goer(void *context)
{
    for (uint32_t i = 0; i < TURNS; i++) {
        atomic_store(&present, true);
        connect(SENDERS);
        send(SENDERS, (uint8_t)(i & 1));
        vml_thread_yield();
        vml_vswitch_disconnect(&vswitch, SENDERS);
        atomic_store(&present, false);
        send(SENDERS, 0x77); /* is not heard any more */
    }
}

static void nothing_goes_astray(void **state)
{
    struct vml_vswitch_config config = {
        .ports = ports, .port_count = PORTS, .entries = entries, .entry_count = ENTRIES};
    struct vml_thread threads[PORTS];
    uint64_t out = 0, in = 0;

    assert_int_equal(vml_vswitch_init(&vswitch, &config), VML_OK);
    for (uint32_t i = 0; i < SENDERS; i++) {
        connect(i);
    }
    for (uint32_t i = 0; i < PORTS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "station",
                                           i < SENDERS ? sender : comer_and_goer,
                                           (void *)(uintptr_t)i),
                         VML_OK);
    }
    for (uint32_t i = 0; i < PORTS; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_false(atomic_load(&astray));
    for (uint32_t i = 0; i < PORTS; i++) {
        struct vml_vswitch_counters counters = vml_vswitch_counters(&vswitch, i);

        assert_true(counters.out_frames == atomic_load(&got[i]));
        assert_true(counters.out_bytes == 60 * counters.out_frames);
        in += counters.in_frames;
        out += counters.out_frames;
    }
    assert_int_equal(in, SENDERS * FRAMES + TURNS);
    assert_int_equal(vml_vswitch_counters(&vswitch, SENDERS).dropped, TURNS);
    /* Each of the two got all frames of the other: by address or flooded. */
    for (uint32_t i = 0; i < SENDERS; i++) {
        assert_in_range(atomic_load(&got[i]), FRAMES, FRAMES + TURNS);
    }
    assert_true(out >= SENDERS * FRAMES + TURNS);
    vml_vswitch_destroy(&vswitch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_goes_astray)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
