/* User-mode networking as a guest sees it, with servers of this process on the loopback interface. */
#define _GNU_SOURCE
#include "failures.h"
#include "guest.h"
#include "test.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A socket of this host, bound to 127.0.0.1. */
static int server(int type, uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    struct timeval wait = {.tv_sec = 10};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, type, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(*port);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(fd, 8), 0);
    }
    *port = ntohs(a.sin_port);
    return fd;
}

static void gateway_answers(void **state)
{
    struct guest *g = guest_open();
    static const uint8_t zero[100000];

    guest_start(g);
    assert_memory_equal(g->now + 28, "\x0a\0\2\2", 4); /* 10.0.2.2 is at ... */
    assert_memory_equal(g->now, "\2\0\0\0\0\1", 6);

    pthread_mutex_lock(&g->lock);
    g->full = true;
    pthread_mutex_unlock(&g->lock);
    guest_send_arp(g);
    assert_true(guest_reaches(g, &g->refused, 1));
    guest_send_arp(g);
    usleep(10000);
    pthread_mutex_lock(&g->lock);
    g->full = false;
    pthread_mutex_unlock(&g->lock);
    vml_net_ready(&g->back); /* what waited comes, both */
    assert_true(guest_wait(g, 0x0806, 0));
    assert_true(guest_wait(g, 0x0806, 0));

    /* What no network carries is dropped, and holds nothing up. */
    assert_true(guest_send(g, zero, sizeof(zero)));
    assert_true(guest_send(g, zero, 0));
    assert_true(guest_send(g, zero, 5));
    guest_send_arp(g);
    assert_true(guest_wait(g, 0x0806, 0));
    guest_close(g);
}

/* Sent faster than it is taken: refused, and the device is told when there is room. */
static void guest_waits_for_room(void **state)
{
    struct guest *g = guest_open();
    static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
    unsigned sent = 0;

    while (sent < 1000 && guest_send(g, frame, sizeof(frame))) {
        sent++;
    }
    assert_int_equal(sent, VML_USER_NET_RING);
    assert_false(guest_send(g, frame, sizeof(frame)));
    guest_start(g);
    assert_true(guest_reaches(g, &g->ready, 1));
    assert_true(guest_send(g, frame, sizeof(frame)));
    guest_close(g);
}

/* RFC 2131: an offer for a discovery, an acknowledgement for a request. */
static const uint8_t *dhcp(struct guest *g, uint8_t kind)
{
    uint8_t m[300] = {1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, [28] = 2, [33] = 1};
    static const uint8_t magic[4] = {99, 130, 83, 99};
    const uint8_t *p;
    uint32_t len;

    memcpy(m + 236, magic, 4);
    memcpy(m + 240, (uint8_t[]){53, 1, kind, 50, 4, 10, 0, 2, 15, 255}, 10);
    guest_send_udp(g, 68, BROADCAST, 67, m, sizeof(m));
    assert_true(guest_wait(g, 0x0800, UDP));
    p = guest_payload(g, &len);
    assert_true(len > 8 + 240);
    assert_int_equal(p[3], 68);
    p += 8;
    assert_int_equal(p[0], 2); /* a reply */
    assert_memory_equal(p + 4, m + 4, 4);
    assert_int_equal(get32(p + 16), GUEST_IP);
    assert_memory_equal(p + 236, magic, 4);
    return p + 240;
}

static const uint8_t *option(const uint8_t *p, uint8_t code)
{
    for (int i = 0; i < 40 && *p != 255; i++) {
        if (*p == code) {
            return p + 2;
        }
        p += 2 + p[1];
    }
    fail_msg("no option %d", code);
    return NULL;
}

static void address_by_dhcp(void **state)
{
    struct guest *g = guest_open();
    const uint8_t *options;

    guest_start(g);
    options = dhcp(g, 1);
    assert_int_equal(*option(options, 53), 2);
    options = dhcp(g, 3);
    assert_int_equal(*option(options, 53), 5);
    assert_int_equal(get32(option(options, 1)), 0xffffff00);
    assert_int_equal(get32(option(options, 3)), HOST_IP);
    assert_int_equal(get32(option(options, 6)), DNS_IP);
    guest_close(g);
}

static void gateway_is_pinged(void **state)
{
    static const uint8_t echo[8] = {8, 0, 0, 0, 0x11, 0x22, 0, 1};
    struct guest *g = guest_open();
    const uint8_t *p;
    uint32_t len;

    guest_start(g);
    guest_send_ip(g, ICMP, GUEST_IP, HOST_IP, echo, sizeof(echo), "abcdefgh", 8);
    assert_true(guest_wait(g, 0x0800, ICMP));
    p = guest_payload(g, &len);
    assert_int_equal(len, 16);
    assert_int_equal(p[0], 0);
    assert_memory_equal(p + 4, echo + 4, 4);
    assert_memory_equal(p + 8, "abcdefgh", 8);
    guest_close(g);
}

static void datagrams_to_a_service_of_the_host(void **state)
{
    struct guest *g = guest_open();
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    uint16_t port = 0;
    int fd = server(SOCK_DGRAM, &port);
    uint8_t got[64];
    const uint8_t *p;
    uint32_t len;

    guest_start(g);
    guest_send_udp(g, 5000, HOST_IP, port, "question", 8);
    assert_int_equal(recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&from, &from_len), 8);
    assert_memory_equal(got, "question", 8);
    assert_int_equal(sendto(fd, "answer", 6, 0, (struct sockaddr *)&from, from_len), 6);
    assert_true(guest_wait(g, 0x0800, UDP));
    assert_int_equal(get32(g->now + 26), HOST_IP);
    p = guest_payload(g, &len);
    assert_int_equal(len, 8 + 6);
    assert_int_equal(p[0] * 256 + p[1], port);
    assert_int_equal(p[2] * 256 + p[3], 5000);
    assert_memory_equal(p + 8, "answer", 6);
    guest_close(g);
    close(fd);
}

static void connection_to_a_service_of_the_host(void **state)
{
    enum { SIZE = 300000 };
    static uint8_t bytes[SIZE], got[SIZE + GUEST_FRAME];
    struct guest *g = guest_open();
    uint16_t port = 0;
    int listener = server(SOCK_STREAM, &port), fd;
    size_t sent = 0, have = 0;
    struct tcp c;
    int n;

    guest_start(g);
    assert_true(tcp_connect(&c, g, HOST_IP, port));
    fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    tcp_send(&c, ACK | PSH, "hello", 5);
    assert_int_equal(recv(fd, got, 5, MSG_WAITALL), 5);
    assert_memory_equal(got, "hello", 5);

    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    }
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (have < SIZE) { /* much, to a guest that has no buffer now and then */
        ssize_t k = send(fd, bytes + sent, SIZE - sent, MSG_NOSIGNAL);

        sent += k > 0 ? (size_t)k : 0;
        if (sent == SIZE && k >= 0) {
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        }
        n = tcp_receive(&c, got + have);
        assert_true(n >= 0);
        have += (size_t)n;
        pthread_mutex_lock(&g->lock);
        g->full = (have / 10000) % 2 == 0 && !g->full && g->count != 0;
        pthread_mutex_unlock(&g->lock);
        vml_net_ready(&g->back);
    }
    pthread_mutex_lock(&g->lock);
    g->full = false;
    pthread_mutex_unlock(&g->lock);
    vml_net_ready(&g->back);
    assert_int_equal(have, SIZE);
    assert_memory_equal(bytes, got, SIZE);
    while (!c.closed) {
        assert_int_equal(tcp_receive(&c, got), 0);
    }
    tcp_send(&c, ACK | FIN, NULL, 0);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    assert_int_equal(recv(fd, got, 5, 0), 0);
    close(fd);
    close(listener);

    assert_false(tcp_connect(&c, g, HOST_IP, port)); /* nobody listens any more */
    assert_true(c.reset);
    guest_close(g);
}

static uint16_t forward(struct guest *g, bool udp, uint16_t guest_port)
{
    for (uint16_t p = 23000; p < 23200; p++) {
        if (vml_user_net_forward(&g->net, udp, p, guest_port) == VML_OK) {
            return p;
        }
    }
    fail_msg("no port is free");
    return 0;
}

static void ports_are_forwarded(void **state)
{
    struct guest *g = guest_open();
    struct sockaddr_in to = {.sin_family = AF_INET};
    uint16_t tcp = forward(g, false, 22), udp = forward(g, true, 53);
    uint8_t reply[8] = {0, 53};
    const uint8_t *p;
    uint32_t len;
    char got[8];
    int fd;

    assert_int_equal(vml_user_net_forward(&g->net, false, tcp, 22), VML_ERR_BUSY);
    guest_start(g);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(tcp);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_true(guest_wait(g, 0x0800, TCP)); /* the guest is asked */
    p = guest_payload(g, &len);
    assert_int_equal(p[2] * 256 + p[3], 22);
    assert_int_equal(p[13] & (SYN | ACK), SYN);
    close(fd);

    to.sin_port = htons(udp);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, "ask", 3, 0), 3);
    assert_true(guest_wait(g, 0x0800, UDP));
    p = guest_payload(g, &len);
    assert_int_equal(p[2] * 256 + p[3], 53);
    assert_memory_equal(p + 8, "ask", 3);
    memcpy(reply + 2, p, 2);
    reply[5] = 8 + 4;
    guest_send_ip(g, UDP, GUEST_IP, get32(g->now + 26), reply, 8, "told", 4);
    assert_int_equal(recv(fd, got, sizeof(got), 0), 4);
    assert_memory_equal(got, "told", 4);
    close(fd);
    guest_close(g);
}

/* RFC 4861: a router advertisement with the prefix of which a guest makes its address. */
static void router_is_advertised(void **state)
{
    static const uint8_t solicit[14 + 40 + 8] = {
        0x33, 0x33, 0,    0, 0, 2, 2,  0,   0, 0, 0, 1,    0x86, 0xdd,       /* all routers */
        0x60, 0,    0,    0, 0, 8, 58, 255,                                  /* ICMPv6 */
        0xfe, 0x80, 0,    0, 0, 0, 0,  0,   0, 0, 0, 0xff, 0xfe, 0,    0, 1, /* fe80::ff:fe00:1 */
        0xff, 2,    0,    0, 0, 0, 0,  0,   0, 0, 0, 0,    0,    0,    0, 2, 133,
        0,    0x7d, 0x34, 0, 0, 0, 0};
    struct guest *g = guest_open();
    uint8_t bytes[sizeof(solicit)];
    const uint8_t *p;
    uint32_t len, sum = 58 + 8;
    bool prefix = false;

    memcpy(bytes, solicit, sizeof(bytes));
    bytes[56] = bytes[57] = 0;
    for (size_t i = 22; i < sizeof(bytes); i += 2) {
        sum += bytes[i] * 256u + bytes[i + 1];
    }
    sum = ~((sum & 0xffff) + (sum >> 16));
    bytes[56] = (uint8_t)(sum >> 8);
    bytes[57] = (uint8_t)sum;
    guest_start(g);
    assert_true(guest_send(g, bytes, sizeof(bytes)));
    do {
        assert_true(guest_wait(g, 0x86dd, ICMP6));
        p = guest_payload(g, &len);
    } while (p[0] != 134);
    for (uint32_t at = 16; at + 8 <= len && p[at + 1] != 0; at += p[at + 1] * 8u) {
        if (p[at] == 3) {
            prefix = true;
            assert_int_equal(p[at + 2], 64);
            assert_memory_equal(p + at + 16, "\xfe\xc0\0\0\0\0\0\0", 8);
        }
    }
    assert_true(prefix);
    guest_close(g);
}

/* More flows than are looked at: the others go on. */
static void many_flows(void **state)
{
    enum { FLOWS = 1200 };
    struct guest *g;
    struct rlimit limit;
    uint16_t port = 0;
    int fd = server(SOCK_DGRAM, &port);

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < FLOWS + 100) {
        close(fd);
        skip();
    }
    if (limit.rlim_cur < FLOWS + 100) {
        limit.rlim_cur = FLOWS + 100;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    g = guest_open();
    guest_start(g);
    for (uint16_t i = 0; i < FLOWS; i++) {
        char got[8];

        guest_send_udp(g, (uint16_t)(10000 + i), HOST_IP, port, "x", 1);
        assert_int_equal(recv(fd, got, sizeof(got), 0), 1);
    }
    guest_send_arp(g);
    assert_true(guest_wait(g, 0x0806, 0));
    guest_close(g);
    close(fd);
}

static void what_cannot_be_opened(void **state)
{
    struct vml_user_net *net = calloc(1, sizeof(*net));
    struct vml_net end = {0};
    unsigned long limit = descriptors_end(0);
    enum vml_status status = vml_user_net_open(net);

    descriptors_back(limit);
    assert_int_equal(status, VML_ERR_IO);
    assert_int_equal(vml_user_net_open(net), VML_OK);
    threads_end();
    status = vml_user_net_start(net, &end);
    threads_back();
    assert_int_equal(status, VML_ERR_NO_MEMORY);
    vml_user_net_close(net);
    free(net);
}

/* ------------------------------------------------------------------------------------ name server */

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* A loopback interface and an /etc/resolv.conf of our own. */
static bool own_name_server(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    char path[] = "/tmp/vml-resolv-XXXXXX";
    int fd;

    /* A process with threads of a checker's cannot have the first, but root can do without. */
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0 &&
        unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
        return false;
    }
    fd = mkstemp(path);
    if (fd < 0 || write(fd, "nameserver 127.0.0.1\n", 21) != 21) {
        return false;
    }
    close(fd);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) != 0) {
        unlink(path);
        return false;
    }
    unlink(path);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(fd, SIOCSIFFLAGS, &request) == 0 && close(fd) == 0;
}

static int ask_name_server(void)
{
    static const char query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3vml\4test\0\0\1\0\1";
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct timeval wait = {.tv_sec = 10};
    socklen_t len = sizeof(a);
    struct guest *g;
    char got[64];
    const uint8_t *p;
    uint32_t n;
    int fd;

    if (!own_name_server()) {
        return 77;
    }
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        return 77;
    }
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0);
    g = guest_open();
    guest_start(g);
    guest_send_udp(g, 5353, DNS_IP, 53, query, sizeof(query) - 1);
    CHECK(recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&a, &len) == sizeof(query) - 1);
    CHECK(memcmp(got, query, sizeof(query) - 1) == 0);
    got[2] = (char)0x81; /* a response */
    CHECK(sendto(fd, got, sizeof(query) - 1, 0, (struct sockaddr *)&a, len) == sizeof(query) - 1);
    CHECK(guest_wait(g, 0x0800, UDP));
    CHECK(get32(g->now + 26) == DNS_IP);
    p = guest_payload(g, &n);
    CHECK(n == 8 + sizeof(query) - 1 && p[1] == 53 && memcmp(p + 8, got, n - 8) == 0);
    guest_close(g);
    close(fd);
    return 0;
}

static void names_are_asked_of_the_hosts_server(void **state)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        exit(ask_name_server());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, before this process has had threads. */
        cmocka_unit_test(names_are_asked_of_the_hosts_server),
        cmocka_unit_test(gateway_answers),
        cmocka_unit_test(guest_waits_for_room),
        cmocka_unit_test(address_by_dhcp),
        cmocka_unit_test(gateway_is_pinged),
        cmocka_unit_test(datagrams_to_a_service_of_the_host),
        cmocka_unit_test(connection_to_a_service_of_the_host),
        cmocka_unit_test(ports_are_forwarded),
        cmocka_unit_test(router_is_advertised),
        cmocka_unit_test(many_flows),
        cmocka_unit_test(what_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
