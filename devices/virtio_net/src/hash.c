/*
 * The hash of a packet: virtio 1.3, 5.1.6.4.3. The network may be hostile too: nothing is read beyond
 * a frame, and no more than MAX_HEADERS extension headers and MAX_OPTIONS options are looked at.
 */
#include "net_private.h"

#define MAX_HEADERS    8u
#define MAX_OPTIONS    32u

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_VLAN 0x8100u
#define ETHERTYPE_IPV6 0x86ddu
#define ETHERTYPE_QINQ 0x88a8u

#define IPV4_SIZE      20u
#define IPV6_SIZE      40u
#define TCP_SIZE       20u
#define UDP_SIZE       8u

/* Next Header, and Protocol of IPv4. */
enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_TCP = 6,
    NEXT_UDP = 17,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_AUTHENTICATION = 51,
    NEXT_DESTINATION = 60,
    NEXT_MOBILITY = 135,
};

#define OPTION_PAD1         0u
#define OPTION_HOME_ADDRESS 201u /* RFC 6275, 6.3 */

struct packet {
    const struct vml_net_frame *frame;
    const uint8_t *head; /* a copy of its first bytes */
    uint32_t have;       /* of them */
    uint32_t end;        /* where the packet ends in the frame */
};

static uint32_t load_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

/* Some bytes of a packet, in its head or copied to `room`. NULL when it does not have all of them. */
static inline const uint8_t *get(const struct packet *p, uint32_t at, uint8_t *room, uint32_t n)
{
    if (at > p->end || n > p->end - at) {
        return NULL;
    }
    if (VML_LIKELY(at + n <= p->have)) {
        return p->head + at;
    }
    return vml_net_copy(p->frame, at, room, n) == n ? room : NULL;
}

/* A packet that says to be longer than its frame is cut there; 0 stands for more than the field can
 * tell. */
static void set_end(struct packet *p, uint32_t at, uint32_t len)
{
    if (len != 0 && len < p->end - at) {
        p->end = at + len;
    }
}

/* The ports, if all of the header that has them is there. */
static void get_ports(const struct packet *p, uint32_t at, uint8_t protocol, struct net_tuple *t)
{
    uint8_t room[TCP_SIZE];
    const uint8_t *h = NULL;

    if (protocol == NEXT_TCP) {
        h = get(p, at, room, TCP_SIZE);
    } else if (protocol == NEXT_UDP) {
        h = get(p, at, room, UDP_SIZE);
    }
    if (h) {
        t->l4 = protocol == NEXT_TCP ? 1 : 2;
        memcpy(t->plain + t->address_len, h, 4);
        memcpy(t->home + t->address_len, h, 4);
    }
}

static void parse_ipv4(struct packet *p, uint32_t at, struct net_tuple *t)
{
    uint8_t room[IPV4_SIZE];
    const uint8_t *h = get(p, at, room, IPV4_SIZE);
    uint32_t size;

    if (!h || h[0] >> 4 != 4) {
        return;
    }
    size = (h[0] & 15u) * 4u;
    set_end(p, at, load_be16(h + 2));
    if (size < IPV4_SIZE || size > p->end - at) {
        return;
    }
    t->type = TYPE_IPV4;
    t->address_len = 8;
    memcpy(t->plain, h + 12, 8);
    /* Only the first fragment has ports: all of them go by their addresses, to one queue. */
    if ((load_be16(h + 6) & 0x3fffu) == 0) {
        get_ports(p, at + size, h[9], t);
    }
}

/* The home address option of a destination options header, if it has one. */
static void find_home_address(const struct packet *p, uint32_t at, uint32_t size, uint32_t *options,
                              struct net_tuple *t)
{
    const uint32_t end = at + size;
    uint8_t room[16];

    at += 2;
    while (end - at >= 2 && *options < MAX_OPTIONS) {
        const uint8_t *option = get(p, at, room, 2);
        uint32_t len;

        ++*options;
        if (!option) {
            return;
        }
        if (option[0] == OPTION_PAD1) {
            at++;
            continue;
        }
        len = option[1];
        if (len > end - at - 2) {
            return;
        }
        if (option[0] == OPTION_HOME_ADDRESS && len == 16) {
            option = get(p, at + 2, room, 16);
            if (option) {
                memcpy(t->home, option, 16);
            }
            return;
        }
        at += 2u + len;
    }
}

/* Bytes of an extension header with this second byte; 0: it is none. */
static uint32_t extension_size(uint8_t next, uint8_t len)
{
    switch (next) {
    case NEXT_HOP_BY_HOP:
    case NEXT_ROUTING:
    case NEXT_DESTINATION:
    case NEXT_MOBILITY:
        return (len + 1u) * 8u;
    case NEXT_FRAGMENT:
        return 8;
    case NEXT_AUTHENTICATION:
        return (len + 2u) * 4u;
    default:
        return 0;
    }
}

/* What is behind the extension headers; what they say of addresses. @return false when there is
 * nothing to be found there */
static bool skip_extensions(const struct packet *p, uint32_t *at, uint8_t *next,
                            struct net_tuple *t)
{
    uint8_t room[16];
    uint32_t options = 0;

    for (uint32_t i = 0; extension_size(*next, 0) != 0; i++) {
        const uint8_t *h = i < MAX_HEADERS ? get(p, *at, room, 8) : NULL;
        uint8_t following;
        uint32_t size;

        if (!h || (*next == NEXT_FRAGMENT && (load_be16(h + 2) & 0xfff9u) != 0)) {
            return false;
        }
        following = h[0];
        size = extension_size(*next, h[1]);
        if (*next == NEXT_DESTINATION) {
            find_home_address(p, *at, size, &options, t);
        } else if (*next == NEXT_ROUTING && h[2] == 2 && size == 24) {
            h = get(p, *at + 8, room, 16);
            if (h) {
                memcpy(t->home + 16, h, 16);
            }
        }
        *next = following;
        *at += size;
    }
    return true;
}

static void parse_ipv6(struct packet *p, uint32_t at, struct net_tuple *t)
{
    uint8_t room[IPV6_SIZE];
    const uint8_t *h = get(p, at, room, IPV6_SIZE);
    uint8_t next;

    if (!h || h[0] >> 4 != 6) {
        return;
    }
    t->type = TYPE_IPV6;
    t->address_len = 32;
    memcpy(t->plain, h + 8, 32);
    next = h[6];
    at += IPV6_SIZE;
    set_end(p, at, load_be16(h + 4));
    if (VML_UNLIKELY(extension_size(next, 0) != 0)) {
        t->type = TYPE_IPV6_EX;
        memcpy(t->home, h + 8, 32);
        if (!skip_extensions(p, &at, &next, t)) {
            return;
        }
    }
    get_ports(p, at, next, t);
}

void net_parse(const struct vml_net_frame *frame, const uint8_t *head, uint32_t have,
               struct net_tuple *t)
{
    struct packet p = {.frame = frame, .head = head, .have = have, .end = frame->length};
    uint32_t at = VML_NET_HEADER - 2;
    uint32_t type = load_be16(head + at);

    t->type = TYPE_NONE;
    t->l4 = 0;
    for (uint32_t tags = 0; tags < 2 && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ);
         tags++) {
        uint8_t room[2];
        const uint8_t *bytes;

        at += 4;
        bytes = get(&p, at, room, 2);
        if (!bytes) {
            return;
        }
        type = load_be16(bytes);
    }
    at += 2;
    if (type == ETHERTYPE_IPV4) {
        parse_ipv4(&p, at, t);
    } else if (type == ETHERTYPE_IPV6) {
        parse_ipv6(&p, at, t);
    }
}

uint16_t net_hash(const struct vml_virtio_net_rss *rss, const struct net_tuple *t, uint32_t *hash)
{
    uint32_t types = rss->steering.hash_types;
    uint32_t base = t->type;
    const uint8_t *input = t->plain;
    uint32_t ports;

    *hash = 0;
    if (base == TYPE_NONE) {
        return 0;
    }
    if (base == TYPE_IPV6_EX) {
        /* 5.1.6.4.3.4: without a type that is enabled for it, as if there were no such headers. */
        if ((types & (VML_VIRTIO_NET_HASH_TYPE_IP_EX | (t->l4 ? 1u << (base + t->l4) : 0)))) {
            input = t->home;
        } else {
            base = TYPE_IPV6;
        }
    }
    ports = t->l4 && (types & 1u << (base + t->l4)) ? t->l4 : 0;
    if (ports == 0 && !(types & 1u << base)) {
        return 0;
    }
    *hash = vml_toeplitz_hash(&rss->toeplitz, input, t->address_len + (ports ? 4u : 0));
    return (uint16_t)(base + ports + 1);
}
