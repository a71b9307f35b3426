/* User-mode networking: its gateway answers ARP and echo, through a network device's end of this
 * file. */
#include "test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vml/user_net.h>

struct device {
    pthread_mutex_t lock;
    unsigned frames, refused, connects;
    bool full;
    uint8_t last[1600];
};

static bool device_send(void *context, const struct vml_net_frame *frame)
{
    struct device *d = context;
    bool taken;

    pthread_mutex_lock(&d->lock);
    taken = !d->full;
    d->refused += !taken;
    if (taken) {
        vml_net_copy(frame, 0, d->last, sizeof(d->last));
        /* ARP replies only: what else there is (router advertisements) is no answer. */
        d->frames += d->last[12] == 8 && d->last[13] == 6 && d->last[21] == 2;
        /* IPv4, TCP, to port 22, SYN. */
        d->connects += d->last[12] == 8 && d->last[13] == 0 && d->last[23] == 6 &&
                       d->last[36] == 0 && d->last[37] == 22 && (d->last[47] & 2);
    }
    pthread_mutex_unlock(&d->lock);
    return taken;
}

static const struct vml_net_ops device_ops = {.send = device_send};

static bool reaches(struct device *d, const unsigned *value, unsigned n)
{
    for (int i = 0; i < 10000; i++) {
        unsigned now;

        pthread_mutex_lock(&d->lock);
        now = *value;
        pthread_mutex_unlock(&d->lock);
        if (now >= n) {
            return true;
        }
        usleep(1000);
    }
    return false;
}

static void gateway_answers(void **state)
{
    static const uint8_t request[60] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,  0, 0, 0,  1, 8, 6, 0, 1, 8, 0,  6, 4, 0,
        1,    2,    0,    0,    0,    0,    1, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2};
    struct vml_user_net *net = calloc(1, sizeof(*net));
    struct device d = {.full = false};
    struct vml_net end = {&device_ops, &d};
    struct vml_net back;
    uint8_t bytes[60];
    struct vml_virtq_buf buf = {bytes, sizeof(bytes), 0};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = sizeof(bytes)};

    memcpy(bytes, request, sizeof(bytes));
    pthread_mutex_init(&d.lock, NULL);
    assert_int_equal(vml_user_net_open(net), VML_OK);
    back = vml_user_net_end(net);
    assert_int_equal(vml_user_net_start(net, &end), VML_OK);
    assert_true(vml_net_send(&back, &frame));
    assert_true(reaches(&d, &d.frames, 1));
    assert_memory_equal(d.last, request + 6, 6);
    assert_memory_equal(d.last + 28, request + 38, 4); /* 10.0.2.2 is at ... */

    pthread_mutex_lock(&d.lock);
    d.full = true;
    pthread_mutex_unlock(&d.lock);
    assert_true(vml_net_send(&back, &frame));
    assert_true(reaches(&d, &d.refused, 1));
    pthread_mutex_lock(&d.lock);
    d.full = false;
    pthread_mutex_unlock(&d.lock);
    vml_net_ready(&back);
    assert_true(reaches(&d, &d.frames, 2));
    frame.length = 100000; /* dropped */
    assert_true(vml_net_send(&back, &frame));
    vml_user_net_close(net);
    free(net);
}

static void ports_are_forwarded(void **state)
{
    static const uint8_t announce[60] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,  0, 0, 0,  1, 8, 6, 0, 1, 8, 0,  6, 4, 0,
        1,    2,    0,    0,    0,    0,    1, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2};
    struct vml_user_net *net = calloc(1, sizeof(*net));
    struct device d = {.full = false};
    struct vml_net end = {&device_ops, &d};
    struct vml_net back;
    uint8_t bytes[60];
    struct vml_virtq_buf buf = {bytes, sizeof(bytes), 0};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = sizeof(bytes)};
    struct sockaddr_in to = {.sin_family = AF_INET};
    uint16_t port = 0;
    int fd;

    assert_int_equal(vml_user_net_open(net), VML_OK);
    for (uint16_t p = 23000; p < 23100 && port == 0; p++) {
        port = vml_user_net_forward(net, false, p, 22) == VML_OK ? p : 0;
    }
    assert_int_not_equal(port, 0);
    assert_int_equal(vml_user_net_forward(net, false, port, 22), VML_ERR_BUSY);
    memcpy(bytes, announce, sizeof(bytes));
    pthread_mutex_init(&d.lock, NULL);
    assert_int_equal(vml_user_net_start(net, &end), VML_OK);
    back = vml_user_net_end(net);
    assert_true(vml_net_send(&back, &frame));
    assert_true(reaches(&d, &d.frames, 1));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_true(reaches(&d, &d.connects, 1)); /* and the guest is asked */
    close(fd);
    vml_user_net_close(net);
    free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gateway_answers),
        cmocka_unit_test(ports_are_forwarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
