/* A guest's network stack, as small as it can be: sends frames into a network and looks at what comes
 * back. */
#ifndef GUEST_H
#define GUEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vml/user_net.h>

enum { GUEST_FRAMES = 512, GUEST_FRAME = 1600 };
enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

#define GUEST_IP  0x0a00020fu
#define HOST_IP   0x0a000202u
#define DNS_IP    0x0a000203u
#define BROADCAST 0xffffffffu

struct guest {
    struct vml_user_net net;
    struct vml_net back;
    pthread_mutex_t lock;
    uint8_t frame[GUEST_FRAMES][GUEST_FRAME]; /* what came */
    uint32_t len[GUEST_FRAMES];
    unsigned head, count, refused, ready;
    bool full;
    uint8_t now[GUEST_FRAME]; /* of guest_wait() */
    uint32_t now_len;
};

/* Opens a network; guest_start() announces the guest's address to it. */
struct guest *guest_open(void);
void guest_start(struct guest *g);
void guest_close(struct guest *g);

/* @return false: refused for now */
bool guest_send(struct guest *g, const void *bytes, uint32_t len);
/* `header` and `data` are of the protocol; its checksum is filled in. `from` 0 is the guest. */
void guest_send_ip(struct guest *g, uint8_t protocol, uint32_t from, uint32_t to,
                   const uint8_t *header, uint32_t header_len, const void *data, uint32_t len);
void guest_send_udp(struct guest *g, uint16_t from, uint32_t to, uint16_t port, const void *data,
                    uint32_t len);
void guest_send_arp(struct guest *g);

/* Waits for a frame with this Ethernet type, and protocol where it is IP; others are dropped.
 * @return false: none came for a long time */
bool guest_wait(struct guest *g, uint16_t type, uint8_t protocol);
/* The payload of the IP packet in `now`. */
const uint8_t *guest_payload(const struct guest *g, uint32_t *len);
bool guest_reaches(struct guest *g, const unsigned *value, unsigned n);

/* A connection of the guest. */
struct tcp {
    struct guest *guest;
    uint16_t from, port;
    uint32_t to, seq, ack;
    bool reset, closed;
};
bool tcp_connect(struct tcp *c, struct guest *g, uint32_t to, uint16_t port);
void tcp_send(struct tcp *c, uint8_t flags, const void *data, uint32_t len);
/* Waits for a segment in order and acknowledges it. @return bytes of data in it; -1: none came */
int tcp_receive(struct tcp *c, uint8_t *bytes);

#endif
