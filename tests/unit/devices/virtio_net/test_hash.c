/* Hashes of packets: virtio 1.3, 5.1.6.4.3 and 5.1.6.4.5. What is expected comes from the hash's
 * definition and from the published suite for its verification. */
#include "net_packets.h"

/* What the guest is told of a packet, that is lent to the device in a place of just its size. */
static unsigned reported(struct rig *r, const struct packet *p, uint32_t *hash)
{
    uint8_t *at = vd_host(&r->vd, r->gpa);
    uint8_t *bytes = malloc(p->len);
    uint32_t len;

    memcpy(bytes, p->bytes, p->len);
    memset(at, 0xee, 20);
    buffer(r, 0, 0, 2000);
    assert_true(deliver(r, bytes, p->len, whole));
    assert_true(vd_used(&r->vd.q[0], &len) >= 0);
    assert_int_equal(len, 20 + p->len);
    assert_memory_equal(at + 20, p->bytes, p->len);
    assert_int_equal(at[10] | at[11] << 8, 1);
    assert_int_equal(at[18] | at[19], 0);
    free(bytes);
    *hash = vml_load_le32(at + 12);
    return vml_load_le16(at + 16);
}

static void hash_is_that_of_the_published_suite(void **state)
{
    struct vml_toeplitz t;

    vml_toeplitz_set_key(&t, the_key);
    for (size_t i = 0; i < VML_ARRAY_SIZE(suite); i++) {
        const struct vector *v = &suite[i];
        uint8_t input[36];

        memcpy(input, v->from, v->len);
        memcpy(input + v->len, v->to, v->len);
        memcpy(input + 2 * v->len, (uint8_t[]){(uint8_t)(v->from_port >> 8), (uint8_t)v->from_port},
               2);
        memcpy(input + 2 * v->len + 2, (uint8_t[]){(uint8_t)(v->to_port >> 8), (uint8_t)v->to_port},
               2);
        assert_int_equal(vml_toeplitz_hash(&t, input, 2u * v->len), v->addresses);
        assert_int_equal(vml_toeplitz_hash(&t, input, 2u * v->len + 4), v->ports);
        assert_int_equal(defined(the_key, input, 2u * v->len + 4), v->ports);
    }
}

static void hash_is_as_defined_for_every_bit(void **state)
{
    static struct vml_toeplitz t;
    uint8_t key[40], input[36];
    uint32_t seed = 1;

    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 40; i++) {
            key[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        }
        vml_toeplitz_set_key(&t, key);
        for (unsigned bit = 0; bit < 288; bit++) {
            memset(input, 0, sizeof(input));
            input[bit / 8] = (uint8_t)(0x80u >> bit % 8);
            assert_int_equal(vml_toeplitz_hash(&t, input, 36), defined(key, input, 36));
        }
        for (unsigned i = 0; i < 36; i++) {
            input[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        }
        assert_int_equal(vml_toeplitz_hash(&t, input, 36), defined(key, input, 36));
    }
}

/* The suite as packets; initially, and after a reset, all types are disabled. */
static void packets_of_the_suite_are_reported(void **state)
{
    struct rig *r = make_reporting();
    struct packet p;
    uint32_t hash;

    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < VML_ARRAY_SIZE(suite); i++) {
            whole_packet(&p, &suite[i], TCP);
            assert_int_equal(reported(r, &p, &hash), 0);
        }
        assert_int_equal(set_hash(r, ALL_TYPES), 0);
        for (size_t i = 0; i < VML_ARRAY_SIZE(suite); i++) {
            const struct vector *v = &suite[i];
            unsigned ip = v->len == 4 ? IPV4 : IPV6;

            whole_packet(&p, v, TCP);
            assert_int_equal(reported(r, &p, &hash), ip + 1);
            assert_int_equal(hash, v->ports);
            whole_packet(&p, v, UDP);
            assert_int_equal(reported(r, &p, &hash), ip + 2);
            assert_int_equal(hash, v->ports);
            whole_packet(&p, v, 0);
            assert_int_equal(reported(r, &p, &hash), ip);
            assert_int_equal(hash, v->addresses);
        }
        r->vd.top = r->gpa + (1 << 20);
        vd_start(&r->vd, BASIC | CTRL | REPORT, 3, 16);
    }
    end(r);
}

/* 5.1.6.4.3.2, .3: ports if that type is enabled, else addresses if that is, else nothing. */
static void the_enabled_types_decide(void **state)
{
    struct rig *r = make_reporting();
    struct packet p;
    uint32_t hash;

    for (uint32_t types = 0; types <= ALL_TYPES; types++) {
        assert_int_equal(set_hash(r, types), 0);
        for (unsigned i = 0; i < 8; i += 5) {
            const struct vector *v = &suite[i];
            unsigned ip = v->len == 4 ? IPV4 : IPV6;

            for (unsigned l4 = 0; l4 < 3; l4++) {
                unsigned want = l4 && (types & TYPE(ip + l4)) ? ip + l4 : types & TYPE(ip) ? ip : 0;

                whole_packet(&p, v, (uint8_t[]){0, TCP, UDP}[l4]);
                assert_int_equal(reported(r, &p, &hash), want);
                assert_int_equal(hash, want == 0 ? 0 : want == ip ? v->addresses : v->ports);
            }
        }
    }
    assert_int_equal(set_hash(r, 0x200), 1); /* not supported */
    assert_int_equal(set_hash(r, 0x80000000u), 1);
    end(r);
}

static void packets_that_are_not_ip_have_no_hash(void **state)
{
    struct rig *r = make_reporting();
    struct packet p;
    uint32_t hash;

    assert_int_equal(set_hash(r, ALL_TYPES), 0);
    whole_packet(&p, &suite[0], TCP);
    p.bytes[13] = 6; /* ARP */
    assert_int_equal(reported(r, &p, &hash), 0);
    assert_int_equal(hash, 0);
    whole_packet(&p, &suite[0], TCP);
    p.bytes[14] = 0x65; /* its version is not its type's */
    assert_int_equal(reported(r, &p, &hash), 0);
    p.bytes[14] = 0x44; /* a header shorter than can be */
    assert_int_equal(reported(r, &p, &hash), 0);
    whole_packet(&p, &suite[5], TCP);
    p.bytes[14] = 0x40;
    assert_int_equal(reported(r, &p, &hash), 0);
    end(r);
}

static void ipv4_options_and_fragments(void **state)
{
    struct rig *r = make_reporting();
    struct packet p;
    uint32_t hash;

    assert_int_equal(set_hash(r, ALL_TYPES), 0);
    for (uint32_t words = 5; words <= 15; words++) {
        begin(&p);
        put_ip(&p, &suite[1]);
        p.bytes[14] = (uint8_t)(0x40 | words);
        p.len += 4 * (words - 5);
        put_l4(&p, UDP, &suite[1]);
        finish(&p);
        assert_int_equal(reported(r, &p, &hash), UDPV4);
        assert_int_equal(hash, suite[1].ports);
        p.bytes[17] = (uint8_t)(4 * words - 1); /* ends within its header */
        assert_int_equal(reported(r, &p, &hash), 0);
        p.bytes[17] = (uint8_t)(4 * words + 7); /* what follows is padding, not UDP */
        assert_int_equal(reported(r, &p, &hash), IPV4);
        p.bytes[17] = 0; /* longer than the field can say */
        assert_int_equal(reported(r, &p, &hash), UDPV4);
    }
    whole_packet(&p, &suite[1], TCP);
    p.bytes[20] = 0x40; /* do not fragment */
    assert_int_equal(reported(r, &p, &hash), TCPV4);
    p.bytes[20] = 0x20; /* the first fragment goes where the others go */
    assert_int_equal(reported(r, &p, &hash), IPV4);
    assert_int_equal(hash, suite[1].addresses);
    p.bytes[20] = 0x00;
    p.bytes[21] = 0x01;
    assert_int_equal(reported(r, &p, &hash), IPV4);
    end(r);
}

/* Nothing behind the end of the frame is looked at, wherever that is: the bytes are the place's last. */
static void cut_packets(void **state)
{
    struct rig *r = make_reporting();
    static const uint8_t options[24] = {0, 2, 1, 4, 0, 0, 0, 0, 201, 16, 9, 9, [23] = 9};
    uint32_t hash;

    assert_int_equal(set_hash(r, ALL_TYPES), 0);
    for (unsigned k = 0; k < 3; k++) {
        struct packet p;
        uint32_t l4;

        begin(&p);
        put_ip(&p, &suite[k ? 5 : 0]);
        if (k == 2) {
            put_extension(&p, 60, options, 24);
        }
        l4 = p.len;
        put_l4(&p, TCP, &suite[k ? 5 : 0]);
        finish(&p);
        for (uint32_t len = 14; len <= l4 + 20; len++) {
            unsigned ip = k == 0 ? IPV4 : k == 1 ? IPV6 : IP_EX;
            uint32_t l3_end = k == 0 ? 34 : 54;
            unsigned want = len == l4 + 20 ? ip + 1 : len >= l3_end ? ip : 0;

            p.len = len;
            assert_int_equal(reported(r, &p, &hash), want);
        }
    }
    end(r);
}

static void tags_are_skipped(void **state)
{
    struct rig *r = make_reporting();
    struct packet p;
    uint32_t hash;
    uint8_t id[2] = {5, 0};

    assert_int_equal(set_hash(r, ALL_TYPES), 0);
    assert_int_equal(control(r, 2, 2, 0, id, 2), 0);
    for (unsigned tags = 0; tags < 4; tags++) {
        for (unsigned i = 0; i < 8; i += 5) {
            begin(&p);
            for (unsigned k = 0; k < tags; k++) {
                put_be16(&p, k + 1 < tags ? 0x88a8 : 0x8100);
                put_be16(&p, 5);
            }
            put_ip(&p, &suite[i]);
            put_l4(&p, TCP, &suite[i]);
            finish(&p);
            assert_int_equal(reported(r, &p, &hash), tags == 3 ? 0 : i ? TCPV6 : TCPV4);
            assert_int_equal(hash, tags == 3 ? 0 : suite[i].ports);
        }
    }
    begin(&p);
    put_be16(&p, 0x8100);
    put_be16(&p, 5);
    assert_int_equal(reported(r, &p, &hash), 0);
    end(r);
}

/* 5.1.6.4.3.4: the addresses of a home address option and a routing header of type 2, instead of the
 * header's; without a type for such packets, the header's. */
static void home_addresses(void **state)
{
    struct rig *r = make_reporting();
    uint8_t home[24] = {0, 2, 1, 2, 0, 0, 201, 16};
    uint8_t route[24] = {0, 2, 2, 1};
    uint8_t input[36];
    const struct vector *v = &suite[5];
    uint32_t hash;

    for (unsigned i = 0; i < 16; i++) {
        home[8 + i] = (uint8_t)(0x10 + i);
        route[8 + i] = (uint8_t)(0xe0 + i);
    }
    for (unsigned k = 0; k < 4; k++) { /* 1: home address, 2: routing header */
        for (uint32_t types = 0; types <= ALL_TYPES; types += 8) {
            assert_int_equal(set_hash(r, types), 0);
            for (unsigned l4 = 0; l4 < 3; l4++) {
                struct packet p;
                unsigned want = l4 && (types & TYPE(IP_EX + l4))  ? IP_EX + l4
                                : types & TYPE(IP_EX)             ? IP_EX
                                : l4 && (types & TYPE(IPV6 + l4)) ? IPV6 + l4
                                : types & TYPE(IPV6)              ? IPV6
                                                                  : 0;
                bool ports = want == IP_EX + l4 || want == IPV6 + l4;

                begin(&p);
                put_ip(&p, v);
                put_extension(&p, 0, (uint8_t[8]){0, 0, 1, 4}, 8); /* hop by hop */
                if (k & 2) {
                    put_extension(&p, 43, route, 24);
                }
                if (k & 1) {
                    put_extension(&p, 60, home, 24);
                }
                if (l4) {
                    put_l4(&p, l4 == 1 ? TCP : UDP, v);
                }
                finish(&p);
                memcpy(input, want >= IP_EX && (k & 1) ? home + 8 : v->from, 16);
                memcpy(input + 16, want >= IP_EX && (k & 2) ? route + 8 : v->to, 16);
                memcpy(input + 32, p.bytes + p.len - (l4 == 1 ? 20 : 8), 4);
                assert_int_equal(reported(r, &p, &hash), want);
                assert_int_equal(hash, want ? defined(the_key, input, l4 && ports ? 36 : 32) : 0);
            }
        }
    }
    end(r);
}

/* Options and headers that are not what their type or length says are not taken for addresses. */
static void extension_headers_that_lie(void **state)
{
    struct rig *r = make_reporting();
    static const struct {
        uint8_t type, bytes[32], len;
        bool whole; /* TCP is found behind it */
    } cases[] = {
        {60, {0, 2, 201, 17}, 24, true},                   /* an address of 17 bytes */
        {60, {0, 2, 201, 15}, 24, true},                   /* ... of 15 */
        {60, {0, 2, 1, 4, 0, 0, 0, 0, 201, 16}, 24, true}, /* ... that goes on behind the header */
        {60, {0, 2, 1, 255}, 24, true},                    /* an option longer than the header */
        {60, {0, 0, 1, 3, 0, 0, 0, 201}, 8, true},         /* one without length */
        {60, {0, 2}, 24, true},                            /* Pad1s */
        {60, {0, 255}, 24, false},                         /* a header longer than the packet */
        {43, {0, 2, 0, 1}, 24, true},                      /* another routing header */
        {43, {0, 0, 2, 1}, 8, true},                       /* one that is too short */
        {43, {0, 3, 2, 1, [8] = 9}, 32, true},             /* ... too long */
        {51, {0, 4}, 24, true},                            /* authentication */
        {44, {0, 0, 0, 0}, 8, true},                       /* a fragment that is all */
        {44, {0, 0, 0, 1}, 8, false},                      /* the first */
        {44, {0, 0, 1, 0}, 8, false},                      /* another */
        {135, {0, 0}, 8, true},                            /* mobility */
    };
    const struct vector *v = &suite[6];
    uint32_t hash;

    assert_int_equal(set_hash(r, ALL_TYPES), 0);
    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        struct packet p;

        begin(&p);
        put_ip(&p, v);
        put_extension(&p, cases[i].type, cases[i].bytes, cases[i].len);
        p.bytes[54] = 59;
        put_l4(&p, TCP, v);
        finish(&p);
        assert_int_equal(reported(r, &p, &hash), cases[i].whole ? TCP_EX : IP_EX);
        assert_int_equal(hash, cases[i].whole ? v->ports : v->addresses);
    }
    end(r);
}

/* A packet cannot keep the device busy: headers and options are looked at up to a number. */
static void many_extension_headers(void **state)
{
    struct rig *r = make_reporting();
    static uint8_t pads[512] = {0, 63};
    const struct vector *v = &suite[7];
    struct packet p;
    uint32_t hash;

    assert_int_equal(set_hash(r, ALL_TYPES), 0);
    for (unsigned count = 1; count < 100; count++) {
        begin(&p);
        put_ip(&p, v);
        for (unsigned i = 0; i < count; i++) {
            put_extension(&p, 60, (const uint8_t[8]){0, 0, 1, 4}, 8);
        }
        put_l4(&p, UDP, v);
        finish(&p);
        assert_int_equal(reported(r, &p, &hash), count <= 8 ? UDP_EX : IP_EX);
    }
    pads[500 - 8] = 201; /* behind 490 Pad1s: not found, and TCP is */
    pads[501 - 8] = 16;
    begin(&p);
    put_ip(&p, v);
    put_extension(&p, 60, pads, 512);
    put_l4(&p, TCP, v);
    finish(&p);
    assert_int_equal(reported(r, &p, &hash), TCP_EX);
    assert_int_equal(hash, v->ports);
    end(r);
}

/* A key that is shorter than the input needs goes on with zeroes. */
static void short_keys(void **state)
{
    struct rig *r = make_reporting();
    uint8_t command[53] = {0xff, 1};
    uint8_t key[40] = {0};
    uint8_t input[36];
    struct packet p;
    uint32_t hash;

    for (uint8_t len = 1; len <= 40; len += 13) {
        assert_int_equal(set_hash(r, ALL_TYPES), 0);
        memcpy(key, the_key, len);
        memcpy(command + 13, the_key, len);
        command[12] = len;
        assert_int_equal(control(r, 2, 4, 2, command, 13u + len), 0);
        whole_packet(&p, &suite[7], TCP);
        memcpy(input, p.bytes + 22, 36);
        assert_int_equal(reported(r, &p, &hash), TCPV6);
        assert_int_equal(hash, defined(key, input, 36));
    }
    end(r);
}

/* 5.1.6: the header has 20 bytes in both directions, in the first of merged buffers. */
static void headers_with_a_hash(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make_rss(1, RSS);
        uint8_t *at = vd_host(&r->vd, r->gpa);
        struct vd_buf tx = {r->gpa, 20 + 100, false};
        uint8_t frame[100];
        struct packet p;
        uint32_t len, from = 0;

        vd_start(&r->vd,
                 BASIC | CTRL | REPORT | VML_VIRTIO_NET_F_MRG_RXBUF |
                     (packed ? VML_VIRTIO_F_RING_PACKED : 0),
                 3, 16);
        assert_int_equal(set_hash(r, ALL_TYPES), 0);
        memset(at, 0, 12);
        memset(at + 12, 0xff, 8); /* of no meaning here */
        ethernet(frame, 9, 1, 100);
        memcpy(at + 20, frame, 100);
        assert_true(vd_add(&r->vd.q[1], &tx, 1) >= 0);
        vd_kick(&r->vd, &r->vd.q[1]);
        assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
        assert_int_equal(r->frames, 1);
        assert_int_equal(r->got.length, 100);
        assert_memory_equal(r->bytes, frame, 100);

        whole_packet(&p, &suite[0], TCP);
        for (unsigned i = 0; i < 8; i++) {
            buffer(r, 0, i * 4096, 22);
        }
        assert_true(deliver(r, p.bytes, p.len, whole)); /* 20 + 54 bytes */
        assert_int_equal(at[10], 4);
        assert_int_equal(vml_load_le32(at + 12), suite[0].ports);
        assert_int_equal(at[16], TCPV4);
        for (unsigned i = 0; i < 4; i++) {
            assert_true(vd_used(&r->vd.q[0], &len) >= 0);
            assert_int_equal(len, i < 3 ? 22 : 8);
            len -= i ? 0 : 20;
            assert_memory_equal(at + 4096 * i + (i ? 0 : 20), p.bytes + from, len);
            from += len;
        }
        assert_int_equal(from, p.len);
        while (vd_used(&r->vd.q[0], NULL) >= 0) {
        }
        end(r);

        r = make_rss(1, RSS);
        vd_start(&r->vd, BASIC | CTRL | REPORT | VML_VIRTIO_NET_F_MRG_RXBUF, 3, 16);
        buffer(r, 0, 0, 19); /* no room for the header */
        buffer(r, 0, 4096, 2000);
        assert_true(deliver(r, p.bytes, p.len, whole));
        assert_int_equal(vml_virtio_net_counters(&r->net).rx_dropped, 1);
        end(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_that_of_the_published_suite),
        cmocka_unit_test(hash_is_as_defined_for_every_bit),
        cmocka_unit_test(packets_of_the_suite_are_reported),
        cmocka_unit_test(the_enabled_types_decide),
        cmocka_unit_test(packets_that_are_not_ip_have_no_hash),
        cmocka_unit_test(ipv4_options_and_fragments),
        cmocka_unit_test(cut_packets),
        cmocka_unit_test(tags_are_skipped),
        cmocka_unit_test(home_addresses),
        cmocka_unit_test(extension_headers_that_lie),
        cmocka_unit_test(many_extension_headers),
        cmocka_unit_test(short_keys),
        cmocka_unit_test(headers_with_a_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
