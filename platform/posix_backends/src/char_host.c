/*
 * One thread per back end waits with poll for input, for room for refused output, and for clients.
 * Output is written by whoever pushes, without waiting: descriptors are non-blocking, on file
 * descriptions of our own where possible.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vml/char_host.h>

#define ESCAPE 0x01u /* Ctrl-A */

static size_t host_push(void *context, const uint8_t *bytes, size_t len)
{
    struct vml_char_host *host = context;
    size_t done = 0;
    int fd;

    pthread_mutex_lock(&host->out_lock);
    fd = atomic_load(&host->out);
    while (fd >= 0 && done < len) {
        ssize_t n = write(fd, bytes + done, len - done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n <= 0) {
            done = len; /* nobody can have it */
            break;
        }
        done += (size_t)n;
    }
    pthread_mutex_unlock(&host->out_lock);
    if (fd < 0) {
        return len;
    }
    if (done < len) {
        atomic_store(&host->refused, true);
        (void)!write(host->wake[1], "", 1);
    }
    return done;
}

/* The device takes input again. */
static void host_ready(void *context)
{
    struct vml_char_host *host = context;

    (void)!write(host->wake[1], "", 1);
}

static const struct vml_chardev_ops ops = {.push = host_push, .ready = host_ready};

struct vml_chardev vml_char_host_end(struct vml_char_host *host)
{
    return (struct vml_chardev){.ops = &ops, .context = host};
}

void vml_char_host_set_escape(struct vml_char_host *host, void (*fn)(void *context), void *context)
{
    host->on_escape = fn;
    host->escape_context = context;
}

/* Takes escape sequences out of what was read. @return the bytes left */
static size_t filter(struct vml_char_host *host, uint8_t *bytes, size_t len)
{
    size_t out = 0;

    if (!host->on_escape) {
        return len;
    }
    for (size_t i = 0; i < len; i++) {
        bool was = host->escaping;

        host->escaping = !was && bytes[i] == ESCAPE;
        if (was && bytes[i] == 'x') {
            host->on_escape(host->escape_context);
        } else if (!host->escaping) {
            bytes[out++] = bytes[i];
        }
    }
    return out;
}

static void set_client(struct vml_char_host *host, int fd)
{
    int old;

    pthread_mutex_lock(&host->out_lock);
    old = atomic_exchange(&host->out, fd);
    host->in = fd;
    pthread_mutex_unlock(&host->out_lock);
    if (old >= 0) {
        close(old);
    }
    vml_chardev_event(&host->peer, fd >= 0 ? VML_CHARDEV_OPENED : VML_CHARDEV_CLOSED);
    if (atomic_exchange(&host->refused, false)) {
        vml_chardev_ready(&host->peer);
    }
}

static void end_of_input(struct vml_char_host *host)
{
    if (host->kind == VML_CHAR_HOST_UNIX) {
        set_client(host, -1);
    } else if (host->kind == VML_CHAR_HOST_STDIO) {
        host->in = -1;
    }
}

struct input {
    uint8_t bytes[256];
    size_t at;
    size_t len;
};

static void read_input(struct vml_char_host *host, struct input *in)
{
    ssize_t n = read(host->in, in->bytes, sizeof(in->bytes));

    if (n > 0) {
        in->at = 0;
        in->len = filter(host, in->bytes, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        /* A pseudo-terminal without a client reads as an error: it is tried again later. */
        if (host->kind == VML_CHAR_HOST_PTY) {
            (void)poll(NULL, 0, 100);
        } else {
            end_of_input(host);
        }
    }
}

static void deliver(struct vml_char_host *host, struct input *in)
{
    while (in->at < in->len) {
        size_t n = vml_chardev_push(&host->peer, in->bytes + in->at, in->len - in->at);

        if (n == 0) {
            return;
        }
        in->at += n;
    }
}

enum { WAKE, INPUT, OUTPUT, CLIENT, FDS };

static void step(struct vml_char_host *host, struct input *in)
{
    struct pollfd fds[FDS];

    for (int i = 0; i < FDS; i++) {
        fds[i] = (struct pollfd){.fd = -1};
    }
    fds[WAKE] = (struct pollfd){.fd = host->wake[0], .events = POLLIN};
    if (in->at == in->len) {
        fds[INPUT] = (struct pollfd){.fd = host->in, .events = POLLIN};
    }
    if (atomic_load(&host->refused)) {
        fds[OUTPUT] = (struct pollfd){.fd = atomic_load(&host->out), .events = POLLOUT};
    }
    if (host->listener >= 0 && host->in < 0) {
        fds[CLIENT] = (struct pollfd){.fd = host->listener, .events = POLLIN};
    }
    if (poll(fds, FDS, -1) < 0) {
        return;
    }
    if (fds[WAKE].revents) {
        char drain[64];

        (void)!read(host->wake[0], drain, sizeof(drain));
    }
    if (fds[OUTPUT].revents && atomic_exchange(&host->refused, false)) {
        vml_chardev_ready(&host->peer);
    }
    if (fds[CLIENT].revents) {
        int fd = accept4(host->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            set_client(host, fd);
        }
    }
    if (fds[INPUT].revents) {
        read_input(host, in);
    }
    deliver(host, in);
}

static void *thread_main(void *context)
{
    struct vml_char_host *host = context;
    struct input in = {.len = 0};

    while (!atomic_load(&host->stop)) {
        step(host, &in);
    }
    return NULL;
}

/* A file description of our own, so that not blocking is not forced on others that share the
 * terminal. */
static int reopen(int fd, int mode)
{
    char path[] = "/proc/self/fd/0";
    int own;

    path[sizeof(path) - 2] = (char)('0' + fd);
    own = open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (mode == O_WRONLY ? O_APPEND : 0));
    if (own < 0) {
        own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own >= 0) {
            (void)fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK);
        }
    }
    return own;
}

static enum vml_status open_stdio(struct vml_char_host *host)
{
    host->in = reopen(0, O_RDONLY);
    host->out = reopen(1, O_WRONLY);
    if (host->out < 0) {
        return VML_ERR_IO;
    }
    if (host->in >= 0 && isatty(host->in) && tcgetattr(host->in, &host->saved) == 0) {
        struct termios raw = host->saved;

        cfmakeraw(&raw);
        raw.c_oflag |= OPOST;
        host->raw = tcsetattr(host->in, TCSANOW, &raw) == 0;
    }
    return VML_OK;
}

static enum vml_status open_pty(struct vml_char_host *host)
{
    struct termios raw;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return VML_ERR_IO;
    }
    host->in = fd;
    host->out = fd;
    if (grantpt(fd) != 0 || unlockpt(fd) != 0 ||
        ptsname_r(fd, host->name, sizeof(host->name)) != 0) {
        return VML_ERR_IO;
    }
    if (tcgetattr(fd, &raw) == 0) {
        cfmakeraw(&raw);
        (void)tcsetattr(fd, TCSANOW, &raw);
    }
    return VML_OK;
}

static enum vml_status open_unix(struct vml_char_host *host, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (!path || strlen(path) >= sizeof(address.sun_path)) {
        return VML_ERR_INVALID;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    memcpy(host->name, path, strlen(path) + 1);
    host->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (host->listener < 0) {
        return VML_ERR_IO;
    }
    (void)unlink(path);
    if (bind(host->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(host->listener, 1) != 0) {
        return errno == ENOENT ? VML_ERR_NOT_FOUND : errno == EACCES ? VML_ERR_ACCESS : VML_ERR_IO;
    }
    return VML_OK;
}

static enum vml_status open_file(struct vml_char_host *host, const char *path)
{
    if (!path) {
        return VML_ERR_INVALID;
    }
    host->out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (host->out < 0) {
        return errno == ENOENT ? VML_ERR_NOT_FOUND : errno == EACCES ? VML_ERR_ACCESS : VML_ERR_IO;
    }
    return VML_OK;
}

static void close_all(struct vml_char_host *host)
{
    int out = atomic_exchange(&host->out, -1);

    if (host->raw) {
        (void)tcsetattr(host->in, TCSANOW, &host->saved);
    }
    if (host->in >= 0 && host->in != out) {
        close(host->in);
    }
    if (out >= 0) {
        close(out);
    }
    if (host->listener >= 0) {
        close(host->listener);
        (void)unlink(host->name);
    }
    for (int i = 0; i < 2; i++) {
        if (host->wake[i] >= 0) {
            close(host->wake[i]);
        }
    }
    pthread_mutex_destroy(&host->out_lock);
}

enum vml_status vml_char_host_open(struct vml_char_host *host, enum vml_char_host_kind kind,
                                   const char *path)
{
    enum vml_status status;

    memset(host, 0, sizeof(*host));
    host->kind = kind;
    host->in = -1;
    host->out = -1;
    host->listener = -1;
    host->wake[0] = -1;
    host->wake[1] = -1;
    pthread_mutex_init(&host->out_lock, NULL);
    switch (kind) {
    case VML_CHAR_HOST_STDIO:
        status = open_stdio(host);
        break;
    case VML_CHAR_HOST_PTY:
        status = open_pty(host);
        break;
    case VML_CHAR_HOST_UNIX:
        status = open_unix(host, path);
        break;
    case VML_CHAR_HOST_FILE:
        status = open_file(host, path);
        break;
    default:
        status = VML_ERR_INVALID;
        break;
    }
    if (status == VML_OK && pipe2(host->wake, O_NONBLOCK | O_CLOEXEC) != 0) {
        status = VML_ERR_IO;
    }
    if (status != VML_OK) {
        close_all(host);
    }
    return status;
}

enum vml_status vml_char_host_start(struct vml_char_host *host, const struct vml_chardev *peer)
{
    host->peer = *peer;
    if (host->kind == VML_CHAR_HOST_UNIX) {
        vml_chardev_event(peer, VML_CHARDEV_CLOSED);
    }
    if (pthread_create(&host->thread, NULL, thread_main, host) != 0) {
        return VML_ERR_NO_MEMORY;
    }
    host->started = true;
    return VML_OK;
}

void vml_char_host_close(struct vml_char_host *host)
{
    if (host->started) {
        atomic_store(&host->stop, true);
        (void)!write(host->wake[1], "", 1);
        pthread_join(host->thread, NULL);
    }
    close_all(host);
}
