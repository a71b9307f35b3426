#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t gateway_mac[6] = {0x52, 0x55, 10, 0, 2, 2};

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint32_t get16(const uint8_t *p)
{
    return p[0] * 256u + p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static bool device_send(void *context, const struct vml_net_frame *frame)
{
    struct guest *g = context;
    bool taken;

    pthread_mutex_lock(&g->lock);
    taken = !g->full && g->count < GUEST_FRAMES;
    g->refused += !taken;
    if (taken) {
        unsigned slot = (g->head + g->count++) % GUEST_FRAMES;

        g->len[slot] = (uint32_t)vml_net_copy(frame, 0, g->frame[slot], GUEST_FRAME);
    }
    pthread_mutex_unlock(&g->lock);
    return taken;
}

static void device_ready(void *context)
{
    struct guest *g = context;

    pthread_mutex_lock(&g->lock);
    g->ready++;
    pthread_mutex_unlock(&g->lock);
}

static const struct vml_net_ops ops = {.send = device_send, .ready = device_ready};

struct guest *guest_open(void)
{
    struct guest *g = calloc(1, sizeof(*g));

    pthread_mutex_init(&g->lock, NULL);
    if (vml_user_net_open(&g->net) != VML_OK) {
        abort();
    }
    g->back = vml_user_net_end(&g->net);
    return g;
}

void guest_start(struct guest *g)
{
    struct vml_net end = {&ops, g};

    if (vml_user_net_start(&g->net, &end) != VML_OK) {
        abort();
    }
    do {
        guest_send_arp(g);
    } while (!guest_wait(g, 0x0806, 0));
}

void guest_close(struct guest *g)
{
    vml_user_net_close(&g->net);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

bool guest_send(struct guest *g, const void *bytes, uint32_t len)
{
    struct vml_virtq_buf buf = {.host = (uint8_t *)(uintptr_t)bytes, .len = len};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = len};

    return vml_net_send(&g->back, &frame);
}

static void send_all(struct guest *g, const void *bytes, uint32_t len)
{
    while (!guest_send(g, bytes, len)) {
        usleep(1000);
    }
}

void guest_send_arp(struct guest *g)
{
    static const uint8_t request[60] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,  0, 0, 0,  1, 8, 6, 0, 1, 8, 0,  6, 4, 0,
        1,    2,    0,    0,    0,    0,    1, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2};

    send_all(g, request, sizeof(request));
}

static uint32_t add(uint32_t sum, const uint8_t *p, uint32_t len)
{
    for (uint32_t i = 0; i < len; i += 2) {
        sum += p[i] * 256u + (i + 1 < len ? p[i + 1] : 0);
    }
    return sum;
}

static uint32_t fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum & 0xffff;
}

void guest_send_ip(struct guest *g, uint8_t protocol, uint32_t from, uint32_t to,
                   const uint8_t *header, uint32_t header_len, const void *data, uint32_t len)
{
    uint8_t f[GUEST_FRAME] = {0};
    uint8_t *ip = f + 14, *l4 = f + 34;
    uint32_t total = header_len + len, sum = 0;
    uint32_t at = protocol == TCP ? 16 : protocol == UDP ? 6 : 2;

    memcpy(f, gateway_mac, 6);
    memcpy(f + 6, mac, 6);
    put16(f + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, 20 + total);
    ip[8] = 64;
    ip[9] = protocol;
    put32(ip + 12, from);
    put32(ip + 16, to);
    put16(ip + 10, fold(add(0, ip, 20)));
    memcpy(l4, header, header_len);
    if (len != 0) {
        memcpy(l4 + header_len, data, len);
    }
    if (protocol != ICMP) {
        sum = add(protocol + total, ip + 12, 8);
    }
    put16(l4 + at, fold(add(sum, l4, total)));
    send_all(g, f, 34 + total < 60 ? 60 : 34 + total);
}

void guest_send_udp(struct guest *g, uint16_t from, uint32_t to, uint16_t port, const void *data,
                    uint32_t len)
{
    uint8_t h[8] = {0};

    put16(h, from);
    put16(h + 2, port);
    put16(h + 4, 8 + len);
    guest_send_ip(g, UDP, from == 68 ? 0 : GUEST_IP, to, h, sizeof(h), data, len);
}

static bool wanted(const struct guest *g, uint16_t type, uint8_t protocol)
{
    const uint8_t *f = g->now;

    if (g->now_len < 34 || get16(f + 12) != type) {
        return false;
    }
    if (type == 0x0806) {
        return f[21] == 2; /* replies */
    }
    return type == 0x0800 ? f[23] == protocol : f[20] == protocol;
}

bool guest_wait(struct guest *g, uint16_t type, uint8_t protocol)
{
    for (int i = 0; i < 10000;) {
        bool got = false;

        pthread_mutex_lock(&g->lock);
        if (g->count != 0) {
            got = true;
            g->now_len = g->len[g->head];
            memcpy(g->now, g->frame[g->head], g->now_len);
            g->head = (g->head + 1) % GUEST_FRAMES;
            g->count--;
        }
        pthread_mutex_unlock(&g->lock);
        if (got && wanted(g, type, protocol)) {
            return true;
        }
        if (!got) {
            usleep(1000);
            i++;
        }
    }
    return false;
}

const uint8_t *guest_payload(const struct guest *g, uint32_t *len)
{
    if (get16(g->now + 12) == 0x86dd) {
        *len = get16(g->now + 18);
        return g->now + 54;
    }
    *len = get16(g->now + 16) - (g->now[14] & 15) * 4u;
    return g->now + 14 + (g->now[14] & 15) * 4u;
}

bool guest_reaches(struct guest *g, const unsigned *value, unsigned n)
{
    for (int i = 0; i < 10000; i++) {
        unsigned now;

        pthread_mutex_lock(&g->lock);
        now = *value;
        pthread_mutex_unlock(&g->lock);
        if (now >= n) {
            return true;
        }
        usleep(1000);
    }
    return false;
}

/* ------------------------------------------------------------------------------------------ TCP */

void tcp_send(struct tcp *c, uint8_t flags, const void *data, uint32_t len)
{
    uint8_t h[20] = {0};

    put16(h, c->from);
    put16(h + 2, c->port);
    put32(h + 4, c->seq);
    put32(h + 8, flags & ACK ? c->ack : 0);
    h[12] = 5 << 4;
    h[13] = flags;
    put16(h + 14, 0xffff);
    guest_send_ip(c->guest, TCP, GUEST_IP, c->to, h, sizeof(h), data, len);
    c->seq += len + !!(flags & (SYN | FIN));
}

/* @return its flags, with `tcp` at the segment's header; -1: none came */
static int segment(struct tcp *c, const uint8_t **tcp, uint32_t *len)
{
    do {
        if (!guest_wait(c->guest, 0x0800, TCP)) {
            return -1;
        }
        *tcp = guest_payload(c->guest, len);
    } while (get16(*tcp) != c->port || get16(*tcp + 2) != c->from);
    return (*tcp)[13];
}

bool tcp_connect(struct tcp *c, struct guest *g, uint32_t to, uint16_t port)
{
    static uint16_t next = 40000;
    const uint8_t *tcp;
    uint32_t len;
    int flags;

    *c = (struct tcp){.guest = g, .from = next++, .to = to, .port = port, .seq = 1000};
    tcp_send(c, SYN, NULL, 0);
    flags = segment(c, &tcp, &len);
    if (flags < 0 || (flags & RST)) {
        c->reset = flags >= 0;
        return false;
    }
    if ((flags & (SYN | ACK)) != (SYN | ACK) || get32(tcp + 8) != c->seq) {
        return false;
    }
    c->ack = get32(tcp + 4) + 1;
    tcp_send(c, ACK, NULL, 0);
    return true;
}

int tcp_receive(struct tcp *c, uint8_t *bytes)
{
    for (;;) {
        const uint8_t *tcp;
        uint32_t len, offset;
        int flags = segment(c, &tcp, &len);

        if (flags < 0) {
            return -1;
        }
        offset = (tcp[12] >> 4) * 4u;
        c->reset |= (flags & RST) != 0;
        if (c->reset) {
            return 0;
        }
        if (get32(tcp + 4) != c->ack || (len == offset && !(flags & FIN))) {
            tcp_send(c, ACK, NULL, 0); /* not in order, or nothing new */
            continue;
        }
        memcpy(bytes, tcp + offset, len - offset);
        c->ack += len - offset + !!(flags & FIN);
        c->closed |= (flags & FIN) != 0;
        tcp_send(c, ACK, NULL, 0);
        return (int)(len - offset);
    }
}
