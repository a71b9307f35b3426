/* The TAP back end over a socket pair, and as an interface of a network namespace of our own where the
 * system lets us have one. */
#define _GNU_SOURCE
#include "failures.h"
#include "test.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vml/arch.h>

#include <vml/tap.h>

struct device {
    pthread_mutex_t lock;
    unsigned frames;
    bool full;
    uint16_t only; /* of this Ethernet type; 0: all */
    uint8_t last[64];
    struct vml_net_frame meta;
};

static bool device_send(void *context, const struct vml_net_frame *frame)
{
    struct device *d = context;
    bool taken;

    pthread_mutex_lock(&d->lock);
    taken = !d->full;
    if (taken) {
        uint8_t type[2] = {0};

        vml_net_copy(frame, 12, type, 2);
        if (d->only == 0 || d->only == type[0] * 256 + type[1]) {
            d->frames++;
            d->meta = *frame;
            vml_net_copy(frame, 0, d->last, sizeof(d->last));
        }
    }
    pthread_mutex_unlock(&d->lock);
    return taken;
}

static const struct vml_net_ops device_ops = {.send = device_send};

static unsigned frames(struct device *d)
{
    unsigned n;

    pthread_mutex_lock(&d->lock);
    n = d->frames;
    pthread_mutex_unlock(&d->lock);
    return n;
}

static void wait_frames(struct device *d, unsigned n)
{
    for (int i = 0; i < 10000 && frames(d) != n; i++) {
        usleep(1000);
    }
    assert_int_equal(frames(d), n);
}

static void frames_go_both_ways(void **state)
{
    struct vml_tap *tap = calloc(1, sizeof(*tap));
    struct device d = {.full = false};
    struct vml_net end = {&device_ops, &d};
    struct vml_net net;
    uint8_t bytes[64];
    struct vml_virtq_buf bufs[2] = {{bytes, 10, 0}, {bytes + 10, 54, 0}};
    struct vml_net_frame frame = {.bufs = bufs, .count = 2, .length = 64};
    uint8_t got[100];
    int fds[2];

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    pthread_mutex_init(&d.lock, NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    assert_int_equal(vml_tap_from_fd(tap, fds[0]), VML_OK);
    net = vml_tap_end(tap);
    assert_int_equal(vml_tap_start(tap, &end), VML_OK);
    vml_net_offloads(&net, 0);
    assert_true(vml_net_send(&net, &frame));
    assert_int_equal(read(fds[1], got, sizeof(got)), 64);
    assert_memory_equal(got, bytes, 64);
    assert_int_equal(write(fds[1], bytes, 64), 64);
    wait_frames(&d, 1);
    assert_memory_equal(d.last, bytes, 64);

    pthread_mutex_lock(&d.lock);
    d.full = true;
    pthread_mutex_unlock(&d.lock);
    bytes[0] = 99;
    assert_int_equal(write(fds[1], bytes, 64), 64);
    usleep(10000);
    pthread_mutex_lock(&d.lock);
    d.full = false;
    pthread_mutex_unlock(&d.lock);
    vml_net_ready(&net); /* what waited comes */
    wait_frames(&d, 2);
    assert_int_equal(d.last[0], 99);
    vml_tap_close(tap);
    close(fds[1]);
    free(tap);
}

/* The other side ends: there is nothing to read any more, and no reason to spin or to end. */
static void network_goes_away(void **state)
{
    struct vml_tap *tap = calloc(1, sizeof(*tap));
    struct vml_net end = {0}, net;
    uint8_t bytes[64] = {0};
    struct vml_virtq_buf bufs[80];
    struct vml_net_frame frame = {.bufs = bufs, .count = 1, .length = 64};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    assert_int_equal(vml_tap_from_fd(tap, fds[0]), VML_OK);
    assert_int_equal(vml_tap_start(tap, &end), VML_OK);
    net = vml_tap_end(tap);
    for (unsigned i = 0; i < 80; i++) {
        bufs[i] = (struct vml_virtq_buf){bytes, 64, 0};
    }
    frame.count = 80; /* more pieces than can be sent: dropped */
    assert_true(vml_net_send(&net, &frame));
    assert_int_equal(recv(fds[1], bytes, sizeof(bytes), MSG_DONTWAIT), -1);
    close(fds[1]);
    pthread_join(tap->thread, NULL);
    tap->started = false;
    vml_tap_close(tap);
    free(tap);
}

static void what_cannot_be_opened(void **state)
{
    struct vml_tap *tap = calloc(1, sizeof(*tap));
    struct vml_net end = {0};
    unsigned long limit;
    enum vml_status status;
    int fds[2];

    assert_int_equal(vml_tap_open(tap, "a-name-that-is-much-too-long"), VML_ERR_INVALID);
    privileges_end();
    status = vml_tap_open(tap, "vmltest0");
    privileges_back();
    assert_true(status == VML_ERR_ACCESS || status == VML_ERR_NOT_FOUND);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    limit = descriptors_end(0);
    status = vml_tap_from_fd(tap, fds[0]);
    descriptors_back(limit);
    assert_int_equal(status, VML_ERR_IO);
    assert_int_equal(vml_tap_from_fd(tap, fds[0]), VML_OK);
    threads_end();
    status = vml_tap_start(tap, &end);
    threads_back();
    assert_int_equal(status, VML_ERR_NO_MEMORY);
    vml_tap_close(tap);
    close(fds[1]);
    free(tap);
}

/* ---------------------------------------------------------------------------- a real interface */

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static int get_frames(struct device *d, unsigned n)
{
    for (int i = 0; i < 10000 && frames(d) < n; i++) {
        usleep(1000);
    }
    CHECK(frames(d) >= n);
    return 0;
}

static int configure(int udp, const char *name)
{
    struct ifreq request = {0};
    struct sockaddr_in address = {.sin_family = AF_INET};

    strcpy(request.ifr_name, name);
    address.sin_addr.s_addr = htonl(0x0a620001); /* 10.98.0.1/8 */
    memcpy(&request.ifr_addr, &address, sizeof(address));
    CHECK(ioctl(udp, SIOCSIFADDR, &request) == 0);
    CHECK(ioctl(udp, SIOCGIFFLAGS, &request) == 0);
    request.ifr_flags |= IFF_UP;
    CHECK(ioctl(udp, SIOCSIFFLAGS, &request) == 0);
    return 0;
}

/* Of UDP over IPv4, with everything a checksum covers. @return 0 when the one there is right */
static uint16_t udp_sum(const uint8_t *frame)
{
    uint32_t len = frame[38] * 256u + frame[39], sum = 17 + len;

    for (uint32_t i = 26; i < 34 + len; i += 2) {
        sum += frame[i] * 256u + (i + 1 < 34 + len ? frame[i + 1] : 0);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Answers ARP for 10.98.0.2 and sends datagrams back, with checksums left to do and done. */
static int talk(struct vml_tap *tap, struct device *d, int udp)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    struct vml_net end = {&device_ops, d}, net = vml_tap_end(tap);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7)};
    uint8_t reply[42] = {0}, echo[64], got[64];
    struct vml_virtq_buf buf = {reply, sizeof(reply), 0};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = sizeof(reply)};

    d->only = 0x0806;
    vml_net_offloads(&net, tap->can);
    CHECK(vml_tap_start(tap, &end) == VML_OK);
    to.sin_addr.s_addr = htonl(0x0a620002);
    CHECK(sendto(udp, "ping", 4, 0, (struct sockaddr *)&to, sizeof(to)) == 4);
    CHECK(get_frames(d, 1) == 0);
    pthread_mutex_lock(&d->lock);
    memcpy(reply, d->last + 6, 6);
    memcpy(reply + 6, mac, 6);
    memcpy(reply + 12, d->last + 12, 8);
    reply[21] = 2;
    memcpy(reply + 22, mac, 6);
    memcpy(reply + 28, d->last + 38, 4);
    memcpy(reply + 32, d->last + 22, 10);
    d->only = 0x0800;
    d->frames = 0;
    pthread_mutex_unlock(&d->lock);
    CHECK(vml_net_send(&net, &frame));
    CHECK(get_frames(d, 1) == 0);
    /* The guest said that it takes what is without checksum. */
    CHECK(d->meta.flags & VML_NET_NEEDS_CSUM);
    CHECK(d->meta.csum_start == 34 && d->meta.csum_offset == 6);
    CHECK(d->meta.gso_type == VML_NET_GSO_NONE && d->meta.length == 46);
    CHECK(memcmp(d->last + 42, "ping", 4) == 0);
    CHECK(udp_sum(d->last) != 0);

    memcpy(echo, d->last, 46); /* back, likewise: the sum there is that of the pseudo-header */
    memcpy(echo, d->last + 6, 6);
    memcpy(echo + 6, d->last, 6);
    memcpy(echo + 26, d->last + 30, 4);
    memcpy(echo + 30, d->last + 26, 4);
    memcpy(echo + 34, d->last + 36, 2);
    memcpy(echo + 36, d->last + 34, 2);
    memcpy(echo + 42, "pong", 4);
    buf = (struct vml_virtq_buf){echo, 46, 0};
    frame.length = 46;
    frame.flags = VML_NET_NEEDS_CSUM;
    frame.csum_start = 34;
    frame.csum_offset = 6;
    CHECK(vml_net_send(&net, &frame));
    CHECK(recv(udp, got, sizeof(got), 0) == 4);
    CHECK(memcmp(got, "pong", 4) == 0);

    d->frames = 0;
    vml_net_offloads(&net, 0); /* from now on the checksum is to be there */
    CHECK(sendto(udp, "ping", 4, 0, (struct sockaddr *)&to, sizeof(to)) == 4);
    CHECK(get_frames(d, 1) == 0);
    CHECK(!(d->meta.flags & VML_NET_NEEDS_CSUM));
    CHECK(udp_sum(d->last) == 0);
    return 0;
}

static int in_namespace(void)
{
    struct timeval wait = {.tv_sec = 10};
    struct vml_tap *tap = calloc(2, sizeof(*tap));
    struct device d = {.full = false};
    unsigned long limit;
    enum vml_status status;
    int result, udp;

    /* A process with threads of a checker's cannot have the first, but root can do without. */
    if ((unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0) ||
        access("/dev/net/tun", R_OK | W_OK) != 0) {
        return 77;
    }
    pthread_mutex_init(&d.lock, NULL);
    status = vml_tap_open(tap, "vmltest0");
    if (status == VML_ERR_NOT_FOUND || status == VML_ERR_ACCESS) {
        return 77;
    }
    CHECK(status == VML_OK);
    CHECK(tap->can & VML_NET_CAN_CSUM);
    CHECK(vml_tap_open(tap + 1, "vmltest0") == VML_ERR_BUSY);
    limit = descriptors_end(1);
    status = vml_tap_open(tap + 1, "vmltest1");
    descriptors_back(limit);
    CHECK(status == VML_ERR_IO);
    udp = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0);
    CHECK(configure(udp, "vmltest0") == 0);
    result = talk(tap, &d, udp);
    vml_tap_close(tap);
    close(udp);
    free(tap);
    return result;
}

static void interface_of_the_host(void **state)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        exit(in_namespace());
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
        cmocka_unit_test(interface_of_the_host),
        cmocka_unit_test(frames_go_both_ways),
        cmocka_unit_test(network_goes_away),
        cmocka_unit_test(what_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
