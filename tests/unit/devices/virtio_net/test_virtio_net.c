/* The network device: virtio 1.3, 5.1, between a driver and a network of this file. */
#include "net_rig.h"

static void config_space_and_features(void **state)
{
    struct rig *r = make(PAIRS);
    uint64_t offered = vd_offered(&r->vd);

    assert_int_equal(vd_read(&r->vd, 8), 1);
    assert_int_equal(vd_access(&r->vd, 0x105, 1, false, 0), 1);
    assert_int_equal(vd_access(&r->vd, 0x106, 2, false, 0), 1); /* link up */
    assert_int_equal(vd_access(&r->vd, 0x108, 2, false, 0), PAIRS);
    assert_int_equal(vd_access(&r->vd, 0x10a, 2, false, 0), 1500);
    assert_int_equal(vd_access(&r->vd, 0x10c, 4, false, 0), 10000);
    assert_int_equal(vd_access(&r->vd, 0x110, 1, false, 0), 1);
    assert_true((offered & (CSUM | CTRL | VML_VIRTIO_NET_F_MQ | VML_VIRTIO_NET_F_HOST_USO)) ==
                (CSUM | CTRL | VML_VIRTIO_NET_F_MQ | VML_VIRTIO_NET_F_HOST_USO));
    assert_false(vd_negotiate(&r->vd, BASIC | VML_VIRTIO_NET_F_HOST_TSO4));
    assert_false(vd_negotiate(&r->vd, BASIC | VML_VIRTIO_NET_F_MQ));
    assert_false(vd_negotiate(&r->vd, BASIC | CSUM | VML_VIRTIO_NET_F_GUEST_ECN));
    assert_true(vd_negotiate(&r->vd, BASIC | CSUM | VML_VIRTIO_NET_F_GUEST_ECN |
                                         VML_VIRTIO_NET_F_GUEST_TSO6));
    end(r);
}

/* 2.2.2, 5.1.3.1: whatever the network can take, no feature comes without those that it requires. */
static void offered_features_have_what_they_require(void **state)
{
    static const struct {
        uint64_t feature, one_of;
    } needs[] = {
        {VML_VIRTIO_NET_F_HOST_TSO4, VML_VIRTIO_NET_F_CSUM},
        {VML_VIRTIO_NET_F_HOST_TSO6, VML_VIRTIO_NET_F_CSUM},
        {VML_VIRTIO_NET_F_HOST_ECN, VML_VIRTIO_NET_F_HOST_TSO4 | VML_VIRTIO_NET_F_HOST_TSO6},
        {VML_VIRTIO_NET_F_HOST_UFO, VML_VIRTIO_NET_F_CSUM},
        {VML_VIRTIO_NET_F_HOST_USO, VML_VIRTIO_NET_F_CSUM},
        {VML_VIRTIO_NET_F_GUEST_TSO4, VML_VIRTIO_NET_F_GUEST_CSUM},
        {VML_VIRTIO_NET_F_GUEST_TSO6, VML_VIRTIO_NET_F_GUEST_CSUM},
        {VML_VIRTIO_NET_F_GUEST_ECN, VML_VIRTIO_NET_F_GUEST_TSO4 | VML_VIRTIO_NET_F_GUEST_TSO6},
        {VML_VIRTIO_NET_F_GUEST_UFO, VML_VIRTIO_NET_F_GUEST_CSUM},
        {VML_VIRTIO_NET_F_CTRL_RX, VML_VIRTIO_NET_F_CTRL_VQ},
        {VML_VIRTIO_NET_F_CTRL_RX_EXTRA, VML_VIRTIO_NET_F_CTRL_VQ},
        {VML_VIRTIO_NET_F_CTRL_VLAN, VML_VIRTIO_NET_F_CTRL_VQ},
        {VML_VIRTIO_NET_F_GUEST_ANNOUNCE, VML_VIRTIO_NET_F_CTRL_VQ},
        {VML_VIRTIO_NET_F_MQ, VML_VIRTIO_NET_F_CTRL_VQ},
        {VML_VIRTIO_NET_F_CTRL_MAC_ADDR, VML_VIRTIO_NET_F_CTRL_VQ},
    };

    for (uint32_t can = 0; can < 64; can++) {
        struct rig *r = make(1);
        struct vml_virtio_net_config config = config_of(r, 1);
        uint64_t offered;

        vml_virtio_mmio_destroy(&r->mmio);
        vml_virtio_net_destroy(&r->net);
        config.peer_can = can;
        struct vml_virtio_mmio_config mmio = {.name = "net", .dev = &r->net.virtio};

        assert_int_equal(vml_virtio_net_init(&r->net, &config), VML_OK);
        assert_int_equal(vml_virtio_mmio_init(&r->mmio, &mmio), VML_OK);
        offered = vd_offered(&r->vd);
        for (size_t i = 0; i < VML_ARRAY_SIZE(needs); i++) {
            assert_true(!(offered & needs[i].feature) || (offered & needs[i].one_of));
        }
        assert_true(vd_negotiate(&r->vd, offered)); /* so all of it can be accepted */
        end(r);
    }
}

static void guest_sends(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(1);
        uint8_t want[100];

        ethernet(want, 9, 1, 100);
        vd_start(&r->vd, BASIC | (packed ? VML_VIRTIO_F_RING_PACKED : 0), 2, 8);
        for (uint32_t cut = 1; cut <= 112; cut++) {
            transmit(r, plain, 100, cut);
            assert_int_equal(r->got.length, 100);
            assert_memory_equal(r->bytes, want, 100);
        }
        assert_int_equal(r->frames, 112);
        assert_int_equal(vml_virtio_net_counters(&r->net).tx_frames, 112);
        assert_int_equal(vml_virtio_net_counters(&r->net).tx_bytes, 11200);
        end(r);
    }
}

static void offloads_go_to_the_peer(void **state)
{
    struct rig *r = make(1);
    uint8_t h[12] = {VML_NET_NEEDS_CSUM, VML_NET_GSO_TCPV4, 54, 0, 0x40, 0, 34, 0, 16, 0};

    vd_start(&r->vd, BASIC | CSUM | VML_VIRTIO_NET_F_HOST_TSO4 | VML_VIRTIO_NET_F_GUEST_TSO4, 2, 8);
    assert_int_equal(r->can, VML_NET_CAN_CSUM | VML_NET_CAN_TSO4);
    transmit(r, h, 200, 12);
    assert_int_equal(r->got.flags, VML_NET_NEEDS_CSUM);
    assert_int_equal(r->got.gso_type, VML_NET_GSO_TCPV4);
    assert_int_equal(r->got.gso_size, 64);
    assert_int_equal(r->got.csum_start, 34);
    assert_int_equal(r->got.csum_offset, 16);
    assert_int_equal(r->frames, 1);
    h[6] = 200 - 17; /* behind the end: 183 + 16 + 2 > 200 */
    transmit(r, h, 200, 12);
    h[6] = 34;
    h[1] = VML_NET_GSO_TCPV6; /* not negotiated */
    transmit(r, h, 200, 12);
    h[1] = 2; /* no such type */
    transmit(r, h, 200, 12);
    h[1] = VML_NET_GSO_TCPV4 | VML_NET_GSO_ECN;
    transmit(r, h, 200, 12);
    h[1] = VML_NET_GSO_TCPV4;
    h[4] = h[5] = 0; /* no size */
    transmit(r, h, 200, 12);
    assert_int_equal(r->frames, 1);
    assert_int_equal(vml_virtio_net_counters(&r->net).tx_dropped, 5);
    end(r);
}

/* 5.1.6.2.2: flags that the device does not know, a hint that is wrong, fields without their flag. */
static void what_a_header_need_not_say_is_ignored(void **state)
{
    struct rig *r = make(1);
    uint8_t h[12] = {0xfe, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    vd_start(&r->vd, BASIC | CSUM | VML_VIRTIO_NET_F_HOST_TSO4, 2, 8);
    transmit(r, h, 200, 12);
    assert_int_equal(r->frames, 1);
    assert_int_equal(r->got.flags, 0);
    assert_int_equal(r->got.gso_type, VML_NET_GSO_NONE);
    memcpy(h, (uint8_t[]){0xff, VML_NET_GSO_TCPV4, 0xff, 0xff, 0x40, 0, 34, 0, 16, 0}, 10);
    transmit(r, h, 200, 12);
    assert_int_equal(r->frames, 2);
    assert_int_equal(r->got.flags, VML_NET_NEEDS_CSUM);
    assert_int_equal(r->got.gso_size, 64);
    end(r);
}

static void malformed_frames_are_dropped(void **state)
{
    struct rig *r = make(1);
    struct vd_buf bufs[] = {
        {r->gpa, 5, false}, {r->gpa, 12, false}, {r->gpa, 25, false}, {r->gpa, 80000, false}};

    vd_start(&r->vd, BASIC, 2, 8);
    for (int i = 0; i < 4; i++) {
        vd_add(&r->vd.q[1], &bufs[i], 1);
        vd_kick(&r->vd, &r->vd.q[1]);
        assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
    }
    assert_int_equal(r->frames, 0);
    assert_int_equal(vd_read(&r->vd, 0x70), 15);
    end(r);
}

static void guest_receives(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(1);
        uint8_t frame[100];
        uint32_t len;
        uint8_t *at = vd_host(&r->vd, r->gpa);

        ethernet(frame, 1, 9, 100);
        assert_true(deliver(r, frame, 100, whole)); /* no driver: dropped */
        vd_start(&r->vd, BASIC | VML_VIRTIO_F_EVENT_IDX | (packed ? VML_VIRTIO_F_RING_PACKED : 0),
                 2, 8);
        assert_false(deliver(r, frame, 100, whole)); /* no buffer: later */
        buffer(r, 0, 0, 1526);
        assert_int_equal(r->ready, 1);
        assert_true(deliver(r, frame, 100, whole));
        assert_true(vd_used(&r->vd.q[0], &len) >= 0);
        assert_int_equal(len, 112);
        assert_int_equal(at[10], 1); /* num_buffers */
        assert_memory_equal(at + 12, frame, 100);
        buffer(r, 0, 0, 111); /* too small: dropped, and the buffer stays */
        assert_true(deliver(r, frame, 100, whole));
        assert_int_equal(vd_used(&r->vd.q[0], NULL), -1);
        assert_true(deliver(r, frame, 99, whole));
        assert_true(vd_used(&r->vd.q[0], &len) >= 0);
        assert_int_equal(len, 111);
        assert_true(deliver(r, frame, 13, whole)); /* no frame */
        assert_int_equal(vml_virtio_net_counters(&r->net).rx_frames, 2);
        assert_int_equal(vml_virtio_net_counters(&r->net).rx_dropped, 3);
        end(r);
    }
}

/* 5.1.4.1: the limit is the driver's once it has accepted it, and holds for packets, not headers. */
static void frames_longer_than_mtu_are_dropped(void **state)
{
    for (int accepted = 0; accepted < 2; accepted++) {
        struct rig *r = make(1);
        struct vml_net_frame cut = {.gso_type = VML_NET_GSO_TCPV4,
                                    .flags = VML_NET_NEEDS_CSUM,
                                    .gso_size = 1000,
                                    .csum_start = 34,
                                    .csum_offset = 16};
        uint8_t frame[2000];

        vd_start(&r->vd,
                 BASIC | VML_VIRTIO_NET_F_GUEST_CSUM | VML_VIRTIO_NET_F_GUEST_TSO4 |
                     (accepted ? VML_VIRTIO_NET_F_MTU : 0),
                 2, 8);
        for (unsigned i = 0; i < 5; i++) {
            buffer(r, 0, i * 4096, 4096);
        }
        transmit(r, plain, 1514, 12);
        assert_int_equal(r->got.length, 1514);
        ethernet(frame, 1, 9, sizeof(frame));
        assert_true(deliver(r, frame, 1514, whole));
        assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
        assert_true(deliver(r, frame, 1515, whole));
        assert_int_equal(vd_used(&r->vd.q[0], NULL) >= 0, !accepted);
        assert_true(deliver(r, frame, 2000, cut));
        assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
        frame[12] = 0x81; /* with a tag */
        frame[13] = 0;
        assert_true(deliver(r, frame, 1518, whole));
        assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
        assert_true(deliver(r, frame, 1519, whole));
        assert_int_equal(vd_used(&r->vd.q[0], NULL) >= 0, !accepted);
        assert_int_equal(vml_virtio_net_counters(&r->net).rx_dropped, accepted ? 2 : 0);
        end(r);
    }
}

static void frames_span_buffers(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(1);
        uint8_t frame[1000];
        uint8_t got[1000];
        uint32_t len;
        uint32_t at = 0;

        ethernet(frame, 1, 9, 1000);
        vd_start(&r->vd,
                 BASIC | VML_VIRTIO_NET_F_MRG_RXBUF | (packed ? VML_VIRTIO_F_RING_PACKED : 0), 2,
                 16);
        for (unsigned i = 0; i < 6; i++) {
            buffer(r, 0, 4096 * i, 200);
        }
        assert_true(deliver(r, frame, 1000, whole)); /* 1012 bytes */
        assert_int_equal(((uint8_t *)vd_host(&r->vd, r->gpa))[10], 6);
        for (unsigned i = 0; i < 6; i++) {
            assert_true(vd_used(&r->vd.q[0], &len) >= 0);
            assert_int_equal(len, i < 5 ? 200 : 12);
            memcpy(got + at, (uint8_t *)vd_host(&r->vd, r->gpa + 4096 * i) + (i == 0 ? 12 : 0),
                   len - (i == 0 ? 12 : 0));
            at += len - (i == 0 ? 12 : 0);
        }
        assert_int_equal(at, 1000);
        assert_memory_equal(got, frame, 1000);
        for (unsigned i = 0; i < 5; i++) { /* one too few: all stay for the next */
            buffer(r, 0, 4096 * i, 200);
        }
        assert_false(deliver(r, frame, 1000, whole));
        assert_int_equal(vd_used(&r->vd.q[0], NULL), -1);
        buffer(r, 0, 4096 * 5, 200);
        assert_int_equal(r->ready, 1);
        assert_true(deliver(r, frame, 1000, whole));
        assert_true(vd_used(&r->vd.q[0], &len) >= 0);
        end(r);
    }
}

/* A checksum that the guest does not take is finished: RFC 1071. */
static void checksums_are_finished(void **state)
{
    struct rig *r = make(1);
    uint8_t frame[101];
    uint32_t sum = 0;
    struct vml_net_frame partial = {
        .flags = VML_NET_NEEDS_CSUM, .csum_start = 35, .csum_offset = 6};
    uint8_t *at = (uint8_t *)vd_host(&r->vd, r->gpa) + 12;

    ethernet(frame, 1, 9, 101);
    vd_start(&r->vd, BASIC, 2, 8);
    buffer(r, 0, 0, 1526);
    assert_true(deliver(r, frame, 101, partial));
    for (unsigned i = 35; i < 101; i += 2) {
        sum += (uint32_t)frame[i] << 8 | (i + 1 < 101 ? frame[i + 1] : 0);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
    assert_int_equal(at[-12], 0);
    assert_int_equal(at[41] << 8 | at[42], sum);
    frame[41] = at[41];
    frame[42] = at[42];
    assert_memory_equal(at, frame, 101);

    partial.csum_start = 100; /* outside */
    assert_true(deliver(r, frame, 101, partial));
    partial = (struct vml_net_frame){.gso_type = VML_NET_GSO_TCPV4, .gso_size = 10};
    assert_true(deliver(r, frame, 101, partial)); /* the guest takes none */
    assert_int_equal(vml_virtio_net_counters(&r->net).rx_dropped, 2);

    vd_start(&r->vd, BASIC | CSUM | VML_VIRTIO_NET_F_GUEST_TSO4, 2, 8);
    buffer(r, 0, 0, 1526);
    partial = (struct vml_net_frame){.flags = VML_NET_NEEDS_CSUM,
                                     .csum_start = 34,
                                     .csum_offset = 16,
                                     .gso_type = VML_NET_GSO_TCPV4,
                                     .gso_size = 10};
    assert_true(deliver(r, frame, 101, partial));
    assert_int_equal(at[-12], VML_NET_NEEDS_CSUM);
    assert_int_equal(at[-11], VML_NET_GSO_TCPV4);
    assert_int_equal(at[-6], 34);
    buffer(r, 0, 0, 1526);
    partial = (struct vml_net_frame){.flags = VML_NET_DATA_VALID};
    assert_true(deliver(r, frame, 101, partial));
    assert_int_equal(at[-12], VML_NET_DATA_VALID);
    end(r);
}

static bool arrives(struct rig *r, uint8_t *frame)
{
    buffer(r, 0, 0, 1526);
    assert_true(deliver(r, frame, 100, whole));
    if (vd_used(&r->vd.q[0], NULL) >= 0) {
        return true;
    }
    /* The buffer is used up, so that the next one is alone. */
    uint8_t mine[100];

    ethernet(mine, 1, 9, 100);
    memcpy(mine, (uint8_t *)r->net.filter.mac, 6);
    r->net.filter.promisc = true;
    assert_true(deliver(r, mine, 100, whole));
    r->net.filter.promisc = false;
    assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
    return false;
}

static void receive_filter(void **state)
{
    struct rig *r = make(1);
    uint8_t mine[100], other[100], multi[100], broad[100], on = 1, off = 0;
    uint8_t table[4 + 6 + 4 + 6] = {1, 0, 0, 0, 2, 0, 0, 0, 0, 7, 1, 0, 0, 0, 3, 0, 0, 0, 0, 7};
    uint8_t huge[4 + 70 * 6 + 4] = {70};

    ethernet(mine, 1, 9, 100);
    ethernet(other, 7, 9, 100);
    ethernet(multi, 7, 9, 100);
    multi[0] = 3;
    ethernet(broad, 1, 9, 100);
    memset(broad, 0xff, 6);
    vd_start(&r->vd, BASIC | CTRL, 3, 8);
    assert_true(arrives(r, mine));
    assert_true(arrives(r, broad));
    assert_false(arrives(r, other));
    assert_false(arrives(r, multi));
    assert_int_equal(control(r, 2, 1, 0, table, sizeof(table)), 0);
    assert_true(arrives(r, other));
    assert_true(arrives(r, multi));
    assert_int_equal(control(r, 2, 1, 0, table, sizeof(table) - 1),
                     1); /* cut off: nothing changes */
    assert_true(arrives(r, multi));
    table[0] = 0xff;
    table[3] = 0xff;
    assert_int_equal(control(r, 2, 1, 0, table, sizeof(table)), 1);
    assert_true(arrives(r, other));
    memset(table, 0, sizeof(table));
    assert_int_equal(control(r, 2, 1, 0, table, 8), 0);
    assert_false(arrives(r, other));
    assert_int_equal(control(r, 2, 1, 0, huge, sizeof(huge)), 0); /* more than fit: all unicast */
    assert_true(arrives(r, other));
    assert_false(arrives(r, multi));
    assert_int_equal(control(r, 2, 1, 0, table, 8), 0);
    assert_int_equal(control(r, 2, 0, 0, &on, 1), 0); /* promiscuous */
    assert_true(arrives(r, other));
    assert_int_equal(control(r, 2, 0, 0, &off, 1), 0);
    assert_int_equal(control(r, 2, 0, 1, &on, 1), 0); /* all multicast */
    assert_true(arrives(r, multi));
    assert_int_equal(control(r, 2, 0, 3, &on, 1), 0); /* no multicast */
    assert_false(arrives(r, multi));
    assert_int_equal(control(r, 2, 0, 2, &on, 1), 0); /* all unicast */
    assert_true(arrives(r, other));
    assert_int_equal(control(r, 2, 0, 4, &on, 1), 0); /* no unicast */
    assert_false(arrives(r, mine));
    assert_int_equal(control(r, 2, 0, 5, &on, 1), 0); /* no broadcast */
    assert_false(arrives(r, broad));
    assert_int_equal(control(r, 2, 0, 6, &on, 1), 1);
    assert_int_equal(control(r, 2, 0, 0, NULL, 0), 1);
    assert_int_equal(control(r, 2, 9, 0, &on, 1), 1);
    assert_int_equal(control(r, 2, 1, 9, &on, 1), 1);
    end(r);
}

static void vlans_and_address(void **state)
{
    struct rig *r = make(1);
    uint8_t tagged[100], mine[100], new[6] = {2, 0, 0, 0, 0, 5};
    uint8_t id[2] = {0xff, 0x0f}, bad[2] = {0, 0x10};

    ethernet(tagged, 1, 9, 100);
    memcpy(tagged + 12, (uint8_t[]){0x81, 0, 0x2f, 0xff}, 4); /* priority 1, id 4095 */
    vd_start(&r->vd, BASIC | CTRL, 3, 8);
    assert_false(arrives(r, tagged));
    assert_int_equal(control(r, 2, 2, 0, id, 2), 0);
    assert_true(arrives(r, tagged));
    assert_int_equal(control(r, 2, 2, 1, id, 2), 0);
    assert_false(arrives(r, tagged));
    assert_int_equal(control(r, 2, 2, 0, bad, 2), 1);
    assert_int_equal(control(r, 2, 2, 0, id, 1), 1);

    assert_int_equal(control(r, 2, 1, 1, new, 5), 1);
    assert_int_equal(control(r, 2, 1, 1, new, 6), 0);
    assert_int_equal(vd_access(&r->vd, 0x105, 1, false, 0), 5);
    ethernet(mine, 1, 9, 100);
    assert_false(arrives(r, mine));
    mine[5] = 5;
    assert_true(arrives(r, mine));
    vd_write(&r->vd, 0x70, 0); /* the address is the device's own again */
    assert_int_equal(vd_access(&r->vd, 0x105, 1, false, 0), 1);
    end(r);
}

static void link_and_announcement(void **state)
{
    struct rig *r = make(1);
    uint8_t frame[100];

    ethernet(frame, 1, 9, 100);
    vd_start(&r->vd, BASIC | CTRL, 3, 8);
    vml_virtio_net_set_link(&r->net, false);
    assert_int_equal(vd_read(&r->vd, 0x60), 2);
    assert_int_equal(vd_access(&r->vd, 0x106, 2, false, 0), 0);
    transmit(r, plain, 100, 12);
    assert_int_equal(r->frames, 0);
    buffer(r, 0, 0, 1526);
    assert_true(deliver(r, frame, 100, whole));
    assert_int_equal(vd_used(&r->vd.q[0], NULL), -1);
    vml_virtio_net_set_link(&r->net, true);
    vml_virtio_net_announce(&r->net);
    assert_int_equal(vd_access(&r->vd, 0x106, 2, false, 0), 3);
    assert_int_equal(control(r, 2, 3, 0, NULL, 0), 0);
    assert_int_equal(vd_access(&r->vd, 0x106, 2, false, 0), 1);
    assert_int_equal(control(r, 2, 3, 1, NULL, 0), 1);
    end(r);
}

static void guest_offloads_are_switched(void **state)
{
    struct rig *r = make(1);
    uint8_t bits[8] = {0x02};

    vd_start(&r->vd,
             BASIC | CTRL | CSUM | VML_VIRTIO_NET_F_CTRL_GUEST_OFFLOADS |
                 VML_VIRTIO_NET_F_GUEST_TSO4,
             3, 8);
    assert_int_equal(r->can, VML_NET_CAN_CSUM | VML_NET_CAN_TSO4);
    assert_int_equal(control(r, 2, 5, 0, bits, 8), 0);
    assert_int_equal(r->can, VML_NET_CAN_CSUM);
    bits[1] = 1; /* TSO6 was not negotiated */
    assert_int_equal(control(r, 2, 5, 0, bits, 8), 1);
    assert_int_equal(control(r, 2, 5, 0, bits, 7), 1);
    assert_int_equal(control(r, 2, 5, 1, bits, 8), 1);
    end(r);
}

static void several_pairs(void **state)
{
    struct rig *r = make(PAIRS);
    uint8_t pairs[2] = {2, 0}, zero[2] = {0, 0}, many[2] = {3, 0};
    unsigned used[PAIRS] = {0};

    vd_start(&r->vd, BASIC | CTRL | VML_VIRTIO_NET_F_MQ, VML_VIRTIO_NET_QUEUES(PAIRS), 64);
    assert_int_equal(control(r, 4, 4, 0, zero, 2), 1);
    assert_int_equal(control(r, 4, 4, 0, many, 2), 1);
    assert_int_equal(control(r, 4, 4, 0, pairs, 2), 0);
    for (unsigned i = 0; i < 32; i++) {
        uint8_t frame[100];

        buffer(r, 0, 4096, 1526);
        buffer(r, 2, 8192, 1526);
        ethernet(frame, 1, 9, 100);
        frame[34] = (uint8_t)i; /* another port: another flow */
        for (int k = 0; k < 2; k++) {
            unsigned before[PAIRS] = {used[0], used[1]};

            assert_true(deliver(r, frame, 100, whole));
            used[0] += vd_used(&r->vd.q[0], NULL) >= 0;
            used[1] += vd_used(&r->vd.q[2], NULL) >= 0;
            assert_int_equal(used[0] + used[1], before[0] + before[1] + 1);
            buffer(r, used[0] > before[0] ? 0 : 2, 4096, 1526);
        }
        assert_int_equal(used[0] % 2, 0); /* a flow stays */
        while (vd_used(&r->vd.q[0], NULL) >= 0 || vd_used(&r->vd.q[2], NULL) >= 0) {
        }
        if (r->vd.q[0].free_count < 8 || r->vd.q[2].free_count < 8) {
            break;
        }
    }
    assert_true(used[0] > 0);
    assert_true(used[1] > 0);
    end(r);
}

/* 5.1.6.5.5: one pair at first and after a reset, and as many as were set, no more. */
static void packets_stay_on_the_pairs_that_are_set(void **state)
{
    struct rig *r = make(PAIRS);
    uint8_t two[2] = {2, 0}, one[2] = {1, 0};

    for (unsigned round = 0; round < 4; round++) {
        unsigned second = 0;

        if (round == 0 || round == 3) {
            r->vd.top = r->gpa + (1 << 20);
            vd_start(&r->vd, BASIC | CTRL | VML_VIRTIO_NET_F_MQ, VML_VIRTIO_NET_QUEUES(PAIRS), 64);
        } else {
            assert_int_equal(control(r, 4, 4, 0, round == 1 ? two : one, 2), 0);
        }
        for (unsigned i = 0; i < 16; i++) {
            uint8_t frame[100];

            buffer(r, 0, 4096, 1526);
            if (i < 8) {
                buffer(r, 2, 8192, 1526);
            }
            ethernet(frame, 1, 9, 100);
            frame[34] = (uint8_t)(i * 16); /* another port: another flow */
            frame[37] = (uint8_t)i;
            assert_true(deliver(r, frame, 100, whole));
            while (vd_used(&r->vd.q[0], NULL) >= 0) {
            }
            second += vd_used(&r->vd.q[2], NULL) >= 0;
        }
        assert_int_equal(second > 0, round == 1);
    }
    end(r);
}

static void broken_receive_queue(void **state)
{
    struct rig *r = make(1);
    uint8_t frame[100];

    ethernet(frame, 1, 9, 100);
    vd_start(&r->vd, BASIC, 2, 8);
    buffer(r, 0, UINT64_C(0x800000000), 1526);
    assert_true(deliver(r, frame, 100, whole));
    assert_true(vd_read(&r->vd, 0x70) & VML_VIRTIO_NEEDS_RESET);
    end(r);
}

static void state_round_trip(void **state)
{
    struct rig *r = make(PAIRS);
    uint8_t image[4096], again[4096], on = 1, pairs[2] = {2, 0};
    struct vml_state_writer w;
    struct vml_state_reader rd;

    vd_start(&r->vd, BASIC | CTRL | VML_VIRTIO_NET_F_MQ, VML_VIRTIO_NET_QUEUES(PAIRS), 8);
    assert_int_equal(control(r, 4, 0, 0, &on, 1), 0);
    assert_int_equal(control(r, 4, 4, 0, pairs, 2), 0);
    vml_virtio_net_set_link(&r->net, false);
    vml_state_writer_init(&w, image, sizeof(image));
    r->mmio.device.ops->save(&r->mmio.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    vd_write(&r->vd, 0x70, 0);
    vml_virtio_net_set_link(&r->net, true);
    vml_state_reader_init(&rd, image, w.used);
    assert_int_equal(r->mmio.device.ops->restore(&r->mmio.device, &rd), VML_OK);
    assert_true(r->net.filter.promisc);
    assert_int_equal(r->net.pairs, 2);
    assert_false(r->net.link);
    vml_state_writer_init(&w, again, sizeof(again));
    r->mmio.device.ops->save(&r->mmio.device, &w);
    assert_memory_equal(image, again, w.used);
    end(r);
}

static void bad_configurations(void **state)
{
    struct rig *r = make(1);
    struct vml_virtio_net net;
    struct vml_virtio_net_config config = config_of(r, 0);

    assert_int_equal(vml_virtio_net_init(&net, &config), VML_ERR_INVALID);
    config = config_of(r, 1);
    config.mtu = 67;
    assert_int_equal(vml_virtio_net_init(&net, &config), VML_ERR_INVALID);
    config = config_of(r, 1);
    config.mac[0] = 1;
    assert_int_equal(vml_virtio_net_init(&net, &config), VML_ERR_INVALID);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_space_and_features),
        cmocka_unit_test(offered_features_have_what_they_require),
        cmocka_unit_test(guest_sends),
        cmocka_unit_test(offloads_go_to_the_peer),
        cmocka_unit_test(what_a_header_need_not_say_is_ignored),
        cmocka_unit_test(malformed_frames_are_dropped),
        cmocka_unit_test(guest_receives),
        cmocka_unit_test(frames_longer_than_mtu_are_dropped),
        cmocka_unit_test(frames_span_buffers),
        cmocka_unit_test(checksums_are_finished),
        cmocka_unit_test(receive_filter),
        cmocka_unit_test(vlans_and_address),
        cmocka_unit_test(link_and_announcement),
        cmocka_unit_test(guest_offloads_are_switched),
        cmocka_unit_test(several_pairs),
        cmocka_unit_test(packets_stay_on_the_pairs_that_are_set),
        cmocka_unit_test(broken_receive_queue),
        cmocka_unit_test(state_round_trip),
        cmocka_unit_test(bad_configurations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
