/*
 * libslirp is not thread-safe: everything of it happens on one thread, which takes the guest's
 * frames from a ring that the device fills, and waits with poll for libslirp's sockets.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <slirp/libslirp.h>

#include <vml/user_net.h>

/* Connections beyond these wait until others end. */
#define MAX_POLL 1024

static bool put(struct vml_user_net_ring *ring, const struct vml_net_frame *frame)
{
    uint32_t slot = (ring->head + ring->count) % VML_USER_NET_RING;

    if (ring->count == VML_USER_NET_RING || frame->length == 0 ||
        frame->length > VML_USER_NET_FRAME) {
        return false;
    }
    ring->len[slot] = (uint32_t)vml_net_copy(frame, 0, ring->frame[slot], VML_USER_NET_FRAME);
    ring->count++;
    return true;
}

static void drop_first(struct vml_user_net_ring *ring)
{
    ring->head = (ring->head + 1) % VML_USER_NET_RING;
    ring->count--;
}

/* ---------------------------------------------------------------------------- device's side */

static void wake(struct vml_user_net *net)
{
    (void)!write(net->wake[1], "", 1);
}

static bool net_send(void *context, const struct vml_net_frame *frame)
{
    struct vml_user_net *net = context;

    bool full;

    pthread_mutex_lock(&net->lock);
    full = net->from_guest.count == VML_USER_NET_RING;
    net->refused |= full;
    if (!full) {
        (void)put(&net->from_guest, frame); /* what no network carries is dropped */
    }
    pthread_mutex_unlock(&net->lock);
    wake(net);
    return !full;
}

static void net_ready(void *context)
{
    wake(context);
}

static const struct vml_net_ops ops = {.send = net_send, .ready = net_ready};

struct vml_net vml_user_net_end(struct vml_user_net *net)
{
    return (struct vml_net){.ops = &ops, .context = net};
}

/* -------------------------------------------------------------------------- libslirp's calls */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool give(struct vml_user_net *net, uint8_t *bytes, size_t len)
{
    struct vml_virtq_buf buf = {.host = bytes, .len = (uint32_t)len};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = (uint32_t)len};

    return vml_net_send(&net->peer, &frame);
}

static ssize_t cb_send(const void *bytes, size_t len, void *opaque)
{
    struct vml_user_net *net = opaque;
    struct vml_virtq_buf buf = {.host = (uint8_t *)(uintptr_t)bytes, .len = (uint32_t)len};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = (uint32_t)len};

    if (net->to_guest.count != 0 || !vml_net_send(&net->peer, &frame)) {
        (void)put(&net->to_guest, &frame);
    }
    return (ssize_t)len;
}

static void cb_guest_error(const char *message, void *opaque)
{
    (void)message;
    (void)opaque;
}

static int64_t cb_clock(void *opaque)
{
    struct timespec t;

    (void)opaque;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *cb_timer_new(SlirpTimerCb fn, void *fn_opaque, void *opaque)
{
    struct vml_user_net *net = opaque;

    for (size_t i = 0; i < VML_USER_NET_TIMERS; i++) {
        if (!net->timers[i].fn) {
            net->timers[i] = (struct vml_user_net_timer){fn, fn_opaque, -1};
            return &net->timers[i];
        }
    }
    return NULL;
}

static void cb_timer_free(void *timer, void *opaque)
{
    struct vml_user_net_timer *t = timer;

    (void)opaque;
    if (t) {
        t->fn = NULL;
        t->expires_ms = -1;
    }
}

static void cb_timer_mod(void *timer, int64_t expires_ms, void *opaque)
{
    struct vml_user_net_timer *t = timer;

    (void)opaque;
    if (t) {
        t->expires_ms = expires_ms;
    }
}

static void cb_fd(int fd, void *opaque)
{
    (void)fd;
    (void)opaque;
}

static void cb_notify(void *opaque)
{
    wake(opaque);
}

static const SlirpCb callbacks = {
    .send_packet = cb_send,
    .guest_error = cb_guest_error,
    .clock_get_ns = cb_clock,
    .timer_new = cb_timer_new,
    .timer_free = cb_timer_free,
    .timer_mod = cb_timer_mod,
    .register_poll_fd = cb_fd,
    .unregister_poll_fd = cb_fd,
    .notify = cb_notify,
};

/* ----------------------------------------------------------------------------------- thread */

struct polls {
    struct pollfd fds[MAX_POLL + 1]; /* the last is ours */
    int count;
};

static int add_poll(int fd, int events, void *opaque)
{
    struct polls *p = opaque;
    short e = 0;

    if (p->count == MAX_POLL) {
        return -1;
    }
    e |= events & SLIRP_POLL_IN ? POLLIN : 0;
    e |= events & SLIRP_POLL_OUT ? POLLOUT : 0;
    e |= events & SLIRP_POLL_PRI ? POLLPRI : 0;
    p->fds[p->count] = (struct pollfd){.fd = fd, .events = e};
    return p->count++;
}

static int get_events(int index, void *opaque)
{
    const struct polls *p = opaque;
    short e = index >= 0 && index < p->count ? p->fds[index].revents : 0;

    return (e & POLLIN ? SLIRP_POLL_IN : 0) | (e & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (e & POLLPRI ? SLIRP_POLL_PRI : 0) | (e & POLLERR ? SLIRP_POLL_ERR : 0) |
           (e & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void run_timers(struct vml_user_net *net)
{
    for (size_t i = 0; i < VML_USER_NET_TIMERS; i++) {
        struct vml_user_net_timer *t = &net->timers[i];

        if (t->fn && t->expires_ms >= 0 && t->expires_ms <= now_ms()) {
            t->expires_ms = -1;
            t->fn(t->opaque);
        }
    }
}

static void take_from_guest(struct vml_user_net *net)
{
    uint8_t frame[VML_USER_NET_FRAME];
    bool refused = false;
    uint32_t left = VML_USER_NET_RING; /* so that the guest does not keep us here */
    uint32_t len;

    do {
        len = 0;
        pthread_mutex_lock(&net->lock);
        if (net->from_guest.count != 0) {
            len = net->from_guest.len[net->from_guest.head];
            memcpy(frame, net->from_guest.frame[net->from_guest.head], len);
            drop_first(&net->from_guest);
        }
        refused |= net->refused;
        net->refused = false;
        pthread_mutex_unlock(&net->lock);
        if (len != 0) {
            slirp_input(net->slirp, frame, (int)len);
        }
    } while (len != 0 && --left != 0);
    if (left == 0) {
        wake(net); /* there may be more */
    }
    if (refused) {
        vml_net_ready(&net->peer);
    }
}

static void give_to_guest(struct vml_user_net *net)
{
    struct vml_user_net_ring *ring = &net->to_guest;

    while (ring->count != 0 && give(net, ring->frame[ring->head], ring->len[ring->head])) {
        drop_first(ring);
    }
}

static void step(struct vml_user_net *net)
{
    struct polls p = {.count = 0};
    uint32_t timeout = 1000;
    int wake_index;
    int n;

    slirp_pollfds_fill(net->slirp, &timeout, add_poll, &p);
    for (size_t i = 0; i < VML_USER_NET_TIMERS; i++) {
        const struct vml_user_net_timer *t = &net->timers[i];

        if (t->fn && t->expires_ms >= 0) {
            int64_t left = t->expires_ms - now_ms();

            timeout = left <= 0 ? 0 : left < timeout ? (uint32_t)left : timeout;
        }
    }
    wake_index = p.count;
    p.fds[wake_index] = (struct pollfd){.fd = net->wake[0], .events = POLLIN};
    n = poll(p.fds, (nfds_t)wake_index + 1, (int)timeout);
    if (p.fds[wake_index].revents) {
        char drain[64];

        (void)!read(net->wake[0], drain, sizeof(drain));
    }
    slirp_pollfds_poll(net->slirp, n < 0, get_events, &p);
    run_timers(net);
    take_from_guest(net);
    give_to_guest(net);
}

static void *thread_main(void *context)
{
    struct vml_user_net *net = context;

    while (!atomic_load(&net->stop)) {
        step(net);
    }
    return NULL;
}

/* ------------------------------------------------------------------------------ open, close */

static struct in_addr address(unsigned last)
{
    return (struct in_addr){.s_addr = htonl(0x0a000200u | last)};
}

static struct in6_addr address6(uint8_t last)
{
    return (struct in6_addr){.s6_addr = {0xfe, 0xc0, [15] = last}};
}

enum vml_status vml_user_net_open(struct vml_user_net *net)
{
    SlirpConfig config;

    memset(net, 0, sizeof(*net));
    memset(&config, 0, sizeof(config));
    config.version = 1;
    config.in_enabled = true;
    config.vnetwork = address(0);
    config.vnetmask.s_addr = htonl(0xffffff00u);
    config.vhost = address(2);
    config.vdhcp_start = address(15);
    config.vnameserver = address(3);
    config.in6_enabled = true;
    config.vprefix_addr6 = address6(0);
    config.vprefix_len = 64;
    config.vhost6 = address6(2);
    config.vnameserver6 = address6(3);
    if (pipe2(net->wake, O_NONBLOCK | O_CLOEXEC) != 0) {
        return VML_ERR_IO;
    }
    pthread_mutex_init(&net->lock, NULL);
    net->slirp = slirp_new(&config, &callbacks, net); /* NULL for a configuration it refuses only */
    return VML_OK;
}

enum vml_status vml_user_net_forward(struct vml_user_net *net, bool udp, uint16_t host_port,
                                     uint16_t guest_port)
{
    struct in_addr local = {.s_addr = htonl(INADDR_LOOPBACK)};

    return slirp_add_hostfwd(net->slirp, udp, local, host_port, address(15), guest_port) == 0
               ? VML_OK
               : VML_ERR_BUSY;
}

enum vml_status vml_user_net_start(struct vml_user_net *net, const struct vml_net *peer)
{
    sigset_t all, saved;

    net->peer = *peer;
    /* Signals are for the program's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    net->started = pthread_create(&net->thread, NULL, thread_main, net) == 0;
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return net->started ? VML_OK : VML_ERR_NO_MEMORY;
}

void vml_user_net_close(struct vml_user_net *net)
{
    if (net->started) {
        atomic_store(&net->stop, true);
        wake(net);
        pthread_join(net->thread, NULL);
    }
    slirp_cleanup(net->slirp);
    close(net->wake[0]);
    close(net->wake[1]);
    pthread_mutex_destroy(&net->lock);
}
