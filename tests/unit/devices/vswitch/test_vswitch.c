/* The switch, with a recorder at every port. */
#include "test.h"
#include <vml/vswitch.h>

enum { PORTS = 4, ENTRIES = 8 };

struct peer {
    unsigned frames;
    uint8_t last[64];
    bool refuses;
};

struct rig {
    struct vml_vswitch sw;
    struct vml_vswitch_port ports[PORTS];
    struct vml_vswitch_entry entries[ENTRIES];
    struct vml_clock clock;
    uint64_t now;
    struct peer peers[PORTS];
};

static bool peer_send(void *context, const struct vml_net_frame *frame)
{
    struct peer *p = context;

    if (p->refuses) {
        return false;
    }
    p->frames++;
    vml_net_copy(frame, 0, p->last, sizeof(p->last));
    return true;
}

static const struct vml_net_ops peer_ops = {.send = peer_send};

static uint64_t now(void *context)
{
    return ((struct rig *)context)->now;
}

/* The clock is made by hand: the switch only reads it. */
static struct rig *make(bool isolated)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_vswitch_config config = {.ports = r->ports,
                                        .port_count = PORTS,
                                        .entries = r->entries,
                                        .entry_count = ENTRIES,
                                        .clock = &r->clock};

    r->clock.source = (struct vml_clock_source){.now = now, .context = r, .frequency_hz = 1000};
    r->ports[1].isolated = isolated;
    r->ports[2].isolated = isolated;
    assert_int_equal(vml_vswitch_init(&r->sw, &config), VML_OK);
    for (uint32_t i = 0; i < PORTS; i++) {
        struct vml_net peer = {&peer_ops, &r->peers[i]};

        vml_vswitch_connect(&r->sw, i, &peer);
    }
    return r;
}

static void end(struct rig *r)
{
    vml_vswitch_destroy(&r->sw);
    free(r);
}

static void send(struct rig *r, uint32_t port, uint64_t to, uint64_t from)
{
    uint8_t bytes[60] = {0};
    struct vml_virtq_buf buf = {bytes, sizeof(bytes), 0};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = sizeof(bytes)};
    struct vml_net end = vml_vswitch_end(&r->sw, port);

    for (int i = 0; i < 6; i++) {
        bytes[i] = (uint8_t)(to >> (40 - 8 * i));
        bytes[6 + i] = (uint8_t)(from >> (40 - 8 * i));
    }
    assert_true(vml_net_send(&end, &frame));
}

#define MAC(n) (UINT64_C(0x020000000000) + (n))
#define ALL    UINT64_C(0xffffffffffff)

static void expect(struct rig *r, unsigned a, unsigned b, unsigned c, unsigned d)
{
    assert_int_equal(r->peers[0].frames, a);
    assert_int_equal(r->peers[1].frames, b);
    assert_int_equal(r->peers[2].frames, c);
    assert_int_equal(r->peers[3].frames, d);
}

static void unknown_floods_known_does_not(void **state)
{
    struct rig *r = make(false);

    send(r, 0, MAC(2), MAC(1));
    expect(r, 0, 1, 1, 1);
    send(r, 2, MAC(1), MAC(2));
    expect(r, 1, 1, 1, 1);
    send(r, 0, MAC(2), MAC(1));
    expect(r, 1, 1, 2, 1);
    send(r, 2, MAC(2), MAC(2)); /* to itself: not sent back */
    expect(r, 1, 1, 2, 1);
    send(r, 0, ALL, MAC(1));
    expect(r, 1, 2, 3, 2);
    send(r, 0, UINT64_C(0x333300000001), MAC(1));
    expect(r, 1, 3, 4, 3);
    send(r, 0, MAC(9), ALL); /* a group is no source: not learned */
    send(r, 1, ALL, MAC(8));
    assert_int_equal(vml_vswitch_counters(&r->sw, 0).in_frames, 5);
    assert_int_equal(vml_vswitch_counters(&r->sw, 0).in_bytes, 300);
    end(r);
}

static void stations_move(void **state)
{
    struct rig *r = make(false);

    send(r, 0, ALL, MAC(1));
    send(r, 3, ALL, MAC(1));
    send(r, 1, MAC(1), MAC(2));
    expect(r, 1, 2, 2, 2);
    end(r);
}

static void addresses_age(void **state)
{
    struct rig *r = make(false);

    send(r, 0, ALL, MAC(1));
    r->now = 300000; /* 300 s at 1000 Hz: still known */
    send(r, 1, MAC(1), MAC(2));
    expect(r, 1, 1, 1, 1);
    r->now = 300001;
    send(r, 1, MAC(1), MAC(2));
    expect(r, 2, 1, 2, 2);
    end(r);
}

static void table_is_bounded(void **state)
{
    struct rig *r = make(false);

    for (unsigned i = 0; i < 1000; i++) {
        r->now = i;
        send(r, 0, ALL, MAC(i));
    }
    unsigned before = r->peers[0].frames + r->peers[2].frames;

    send(r, 1, MAC(999), MAC(5000)); /* the newest is known */
    assert_int_equal(r->peers[0].frames + r->peers[2].frames, before + 1);
    end(r);
}

/* Without a clock, and in a table where all addresses share one place: new stations do not push each
 * other out while older ones are silent. */
static void who_was_silent_for_longest_is_forgotten(void **state)
{
    struct rig *r = make(false);
    struct vml_vswitch_config config = r->sw.config;

    config.clock = NULL;
    config.entry_count = VML_VSWITCH_WAYS;
    vml_vswitch_destroy(&r->sw);
    assert_int_equal(vml_vswitch_init(&r->sw, &config), VML_OK);
    for (uint32_t i = 0; i < PORTS; i++) {
        struct vml_net peer = {&peer_ops, &r->peers[i]};

        vml_vswitch_connect(&r->sw, i, &peer);
    }
    for (uint64_t mac = 1; mac <= VML_VSWITCH_WAYS + 2; mac++) {
        send(r, 1, ALL, MAC(mac));
        if (mac == 3) {
            send(r, 1, ALL, MAC(1)); /* is heard again */
        }
    }
    memset(r->peers, 0, sizeof(r->peers));
    send(r, 0, MAC(1), MAC(6)); /* MAC(6) is known already: nobody is forgotten for it */
    expect(r, 0, 1, 0, 0);
    send(r, 1, MAC(9), MAC(6));
    memset(r->peers, 0, sizeof(r->peers));
    for (uint64_t mac = 4; mac <= 6; mac++) {
        send(r, 0, MAC(mac), ALL); /* a group address as the source teaches nothing */
    }
    expect(r, 0, 3, 0, 0);
    send(r, 0, MAC(2), ALL);
    expect(r, 0, 4, 1, 1);
    send(r, 0, MAC(3), ALL);
    expect(r, 0, 5, 2, 2);
    end(r);
}

static void isolated_ports(void **state)
{
    struct rig *r = make(true);

    send(r, 1, ALL, MAC(1));
    expect(r, 1, 0, 0, 1);
    send(r, 2, MAC(1), MAC(2)); /* known, and still not */
    expect(r, 1, 0, 0, 1);
    send(r, 0, MAC(1), MAC(3));
    expect(r, 1, 1, 0, 1);
    end(r);
}

static void connections_come_and_go(void **state)
{
    struct rig *r = make(false);
    struct vml_net peer = {&peer_ops, &r->peers[1]};

    send(r, 1, ALL, MAC(1));
    vml_vswitch_disconnect(&r->sw, 1);
    send(r, 0, MAC(1), MAC(2)); /* forgotten: floods, but not there */
    expect(r, 1, 0, 2, 2);
    vml_vswitch_connect(&r->sw, 1, &peer);
    send(r, 0, MAC(1), MAC(2));
    expect(r, 1, 1, 3, 3);
    r->peers[1].refuses = true;
    send(r, 0, ALL, MAC(2));
    assert_int_equal(vml_vswitch_counters(&r->sw, 1).dropped, 1);
    end(r);
}

/* Who is taken off the network neither hears it nor reaches it, nor teaches it addresses. */
static void a_disconnected_port_sends_nothing(void **state)
{
    struct rig *r = make(false);
    struct vml_net peer = {&peer_ops, &r->peers[1]};

    vml_vswitch_disconnect(&r->sw, 1);
    send(r, 1, ALL, MAC(1));
    send(r, 1, MAC(9), MAC(1));
    expect(r, 0, 0, 0, 0);
    assert_int_equal(vml_vswitch_counters(&r->sw, 1).dropped, 2);
    assert_int_equal(vml_vswitch_counters(&r->sw, 1).in_frames, 0);
    send(r, 0, MAC(2), MAC(3));
    send(r, 1, MAC(3), MAC(1)); /* an address that is known */
    expect(r, 0, 0, 1, 1);
    vml_vswitch_connect(&r->sw, 1, &peer);
    send(r, 1, MAC(3), MAC(1));
    expect(r, 1, 0, 1, 1);
    end(r);
}

static void short_frames_are_dropped(void **state)
{
    struct rig *r = make(false);
    uint8_t bytes[13] = {0};
    struct vml_virtq_buf buf = {bytes, sizeof(bytes), 0};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = sizeof(bytes)};
    struct vml_net end_ = vml_vswitch_end(&r->sw, 0);

    assert_true(vml_net_send(&end_, &frame));
    expect(r, 0, 0, 0, 0);
    assert_int_equal(vml_vswitch_counters(&r->sw, 0).dropped, 1);
    end(r);
}

static void bad_configurations(void **state)
{
    struct rig *r = make(false);
    struct vml_vswitch sw;
    struct vml_vswitch_config config = {
        .ports = r->ports, .port_count = 0, .entries = r->entries, .entry_count = ENTRIES};

    assert_int_equal(vml_vswitch_init(&sw, &config), VML_ERR_INVALID);
    config.port_count = 1;
    config.entry_count = 3;
    assert_int_equal(vml_vswitch_init(&sw, &config), VML_ERR_INVALID);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_floods_known_does_not),
        cmocka_unit_test(stations_move),
        cmocka_unit_test(addresses_age),
        cmocka_unit_test(table_is_bounded),
        cmocka_unit_test(who_was_silent_for_longest_is_forgotten),
        cmocka_unit_test(isolated_ports),
        cmocka_unit_test(connections_come_and_go),
        cmocka_unit_test(a_disconnected_port_sends_nothing),
        cmocka_unit_test(short_frames_are_dropped),
        cmocka_unit_test(bad_configurations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
