/* Packets with addresses and ports, and what their hash is, for the tests of this folder. */
#ifndef VML_TESTS_NET_PACKETS_H
#define VML_TESTS_NET_PACKETS_H

#include "net_rig.h"

#define RSS    VML_VIRTIO_NET_F_RSS
#define REPORT VML_VIRTIO_NET_F_HASH_REPORT

enum { IPV4 = 1, TCPV4, UDPV4, IPV6, TCPV6, UDPV6, IP_EX, TCP_EX, UDP_EX };
enum { TCP = 6, UDP = 17 };
#define TYPE(report) (1u << ((report)-1))
#define ALL_TYPES    0x1ffu

static const uint8_t the_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

/* The suite: addresses, ports, the hash of the addresses, and with the ports. */
static const struct vector {
    uint8_t len; /* of an address */
    uint8_t from[16], to[16];
    uint16_t from_port, to_port;
    uint32_t addresses, ports;
} suite[] = {
    {4, {66, 9, 149, 187}, {161, 142, 100, 80}, 2794, 1766, 0x323e8fc2, 0x51ccc178},
    {4, {199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0xd718262a, 0xc626b0ea},
    {4, {24, 19, 198, 95}, {12, 22, 207, 184}, 12898, 38024, 0xd2d0a5de, 0x5c2b394a},
    {4, {38, 27, 205, 30}, {209, 142, 163, 6}, 48228, 2217, 0x82989176, 0xafc7327f},
    {4, {153, 39, 163, 191}, {202, 188, 127, 2}, 44251, 1303, 0x5d1809c5, 0x10e828a2},
    {16,
     {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7},
     {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1},
     2794,
     1766,
     0x2cc18cd5,
     0x40207d3d},
    {16,
     {0x3f, 0xfe, 0x05, 0x01, 0x00, 0x08, 0, 0, 0x02, 0x60, 0x97, 0xff, 0xfe, 0x40, 0xef, 0xab},
     {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
     14230,
     4739,
     0x0f0c461c,
     0xdde51bbf},
    {16,
     {0x3f, 0xfe, 0x19, 0x00, 0x45, 0x45, 0, 0x03, 0x02, 0x00, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf},
     {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0x00, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf},
     44251,
     38024,
     0x4b61e985,
     0x02d1feef},
};

/* The definition: for each bit of the input that is set, the leftmost 32 bits of the key, which
 * moves left with each bit. */
static VD_UNUSED uint32_t defined(const uint8_t *key, const uint8_t *input, uint32_t len)
{
    uint8_t k[VML_TOEPLITZ_KEY];
    uint32_t hash = 0;

    memcpy(k, key, sizeof(k));
    for (uint32_t bit = 0; bit < 8 * len; bit++) {
        if (input[bit / 8] & (0x80u >> bit % 8)) {
            hash ^= (uint32_t)k[0] << 24 | (uint32_t)k[1] << 16 | (uint32_t)k[2] << 8 | k[3];
        }
        for (uint32_t i = 0; i < sizeof(k); i++) {
            k[i] = (uint8_t)(k[i] << 1 | (i + 1 < sizeof(k) ? k[i + 1] >> 7 : 0));
        }
    }
    return hash;
}

/* A packet that grows. */
struct packet {
    uint8_t bytes[1600];
    uint32_t len, l3;
    uint8_t *next; /* where the type of what comes next is to be written */
};

static VD_UNUSED void put(struct packet *p, const void *bytes, uint32_t len)
{
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
}

static VD_UNUSED void put_be16(struct packet *p, uint32_t v)
{
    put(p, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static VD_UNUSED void begin(struct packet *p)
{
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9};

    memset(p, 0, sizeof(*p));
    put(p, macs, 12);
}

static VD_UNUSED void put_ip(struct packet *p, const struct vector *v)
{
    if (v->len == 4) {
        put_be16(p, 0x0800);
        p->l3 = p->len;
        put(p, (uint8_t[12]){0x45, [8] = 64, [9] = 59}, 12);
        p->next = p->bytes + p->l3 + 9;
    } else {
        put_be16(p, 0x86dd);
        p->l3 = p->len;
        put(p, (uint8_t[8]){0x60, [6] = 59, [7] = 64}, 8);
        p->next = p->bytes + p->l3 + 6;
    }
    put(p, v->from, v->len);
    put(p, v->to, v->len);
}

static VD_UNUSED void put_extension(struct packet *p, uint8_t type, const uint8_t *bytes,
                                    uint32_t len)
{
    *p->next = type;
    p->next = p->bytes + p->len;
    put(p, bytes, len);
    *p->next = 59;
}

static VD_UNUSED void put_l4(struct packet *p, uint8_t protocol, const struct vector *v)
{
    *p->next = protocol;
    put_be16(p, v->from_port);
    put_be16(p, v->to_port);
    put(p, (uint8_t[16]){[8] = 0x50}, protocol == TCP ? 16 : 4);
}

static VD_UNUSED void finish(struct packet *p)
{
    uint32_t len = p->len - p->l3;

    if (p->bytes[p->l3] >> 4 == 4) {
        p->bytes[p->l3 + 2] = (uint8_t)(len >> 8);
        p->bytes[p->l3 + 3] = (uint8_t)len;
    } else {
        p->bytes[p->l3 + 4] = (uint8_t)((len - 40) >> 8);
        p->bytes[p->l3 + 5] = (uint8_t)(len - 40);
    }
}

static VD_UNUSED void whole_packet(struct packet *p, const struct vector *v, uint8_t protocol)
{
    begin(p);
    put_ip(p, v);
    if (protocol) {
        put_l4(p, protocol, v);
    }
    finish(p);
}

/* HASH_CONFIG as a driver builds it. */
static VD_UNUSED uint8_t set_hash(struct rig *r, uint32_t types)
{
    uint8_t command[4 + 8 + 1 + 40] = {0};

    vml_store_le32(command, types);
    command[12] = 40;
    memcpy(command + 13, the_key, 40);
    return control(r, 2, 4, 2, command, sizeof(command));
}

static VD_UNUSED struct rig *make_reporting(void)
{
    struct rig *r = make_rss(1, RSS);

    vd_start(&r->vd, BASIC | CTRL | REPORT, 3, 16);
    return r;
}

#endif
