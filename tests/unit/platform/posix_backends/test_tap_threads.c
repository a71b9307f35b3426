/* The TAP back end over a socket pair; with a real interface only where the system lets us. */
#include "test.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vml/tap.h>

struct device {
    pthread_mutex_t lock;
    unsigned frames;
    bool full;
    uint8_t last[64];
};

static bool device_send(void *context, const struct vml_net_frame *frame)
{
    struct device *d = context;
    bool taken;

    pthread_mutex_lock(&d->lock);
    taken = !d->full;
    if (taken) {
        d->frames++;
        vml_net_copy(frame, 0, d->last, sizeof(d->last));
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

static void interface_of_the_host(void **state)
{
    struct vml_tap *tap = calloc(1, sizeof(*tap));
    struct device d = {.full = false};
    struct vml_net end = {&device_ops, &d};
    struct vml_net net;
    enum vml_status status;

    pthread_mutex_init(&d.lock, NULL);
    assert_int_equal(vml_tap_open(tap, "a-name-that-is-much-too-long"), VML_ERR_INVALID);
    status = vml_tap_open(tap, "vmltest0");
    if (status != VML_OK) {
        assert_true(status == VML_ERR_NOT_FOUND || status == VML_ERR_ACCESS ||
                    status == VML_ERR_IO);
        free(tap);
        skip();
    }
    net = vml_tap_end(tap);
    assert_true(tap->can & VML_NET_CAN_CSUM);
    assert_int_equal(vml_tap_start(tap, &end), VML_OK);
    vml_net_offloads(&net, tap->can);
    vml_tap_close(tap);
    free(tap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_go_both_ways),
        cmocka_unit_test(interface_of_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
