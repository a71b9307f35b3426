/*
 * One thread per back end waits with poll for input, for room for refused output, and for clients.
 * Output is written by whoever pushes, without waiting: descriptors are non-blocking, on file
 * descriptions of our own where possible.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <vml/char_host.h>

#include "host_error.h"
#include "host_thread.h"

/* Writes to a pipe without a SIGPIPE: a reader that went away is no reason to end a machine. */
static ssize_t write_pipe(int fd, const uint8_t *bytes, size_t len)
{
    static const struct timespec now;
    sigset_t pipe, pending, saved;
    ssize_t n;
    int error;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &saved);
    sigpending(&pending);
    n = write(fd, bytes, len);
    error = errno;
    if (n < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
        (void)sigtimedwait(&pipe, NULL, &now);
    }
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    errno = error;
    return n;
}

static ssize_t write_out(const struct vml_char_host *host, int fd, const uint8_t *bytes, size_t len)
{
    switch (host->out_type) {
    case S_IFSOCK:
        return send(fd, bytes, len, MSG_NOSIGNAL);
    case S_IFIFO:
        return write_pipe(fd, bytes, len);
    default:
        return write(fd, bytes, len);
    }
}

/* A pseudo-terminal that nobody has open: its buffer would fill, and be the next client's. */
static bool without_client(const struct vml_char_host *host, int fd)
{
    struct pollfd hung_up = {.fd = fd};

    return host->kind == VML_CHAR_HOST_PTY && poll(&hung_up, 1, 0) == 1 &&
           (hung_up.revents & POLLHUP);
}

static size_t host_push(void *context, const uint8_t *bytes, size_t len)
{
    struct vml_char_host *host = context;
    bool refused = false;
    size_t done = 0;
    int fd;

    pthread_mutex_lock(&host->out_lock);
    fd = without_client(host, atomic_load(&host->out)) ? -1 : atomic_load(&host->out);
    while (fd >= 0 && done < len && !refused) {
        ssize_t n = write_out(host, fd, bytes + done, len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            refused = true;
        } else if (n == 0 || errno != EINTR) {
            break; /* nobody can have it */
        }
    }
    if (refused) {
        atomic_store(&host->refused, true);
    }
    pthread_mutex_unlock(&host->out_lock);
    if (refused) {
        (void)!write(host->wake[1], "", 1);
    }
    return refused ? done : len;
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

struct input {
    uint8_t bytes[256];
    size_t at;
    size_t end;
};

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

static bool has_clients(const struct vml_char_host *host)
{
    return host->kind == VML_CHAR_HOST_UNIX || host->kind == VML_CHAR_HOST_TCP;
}

static void end_of_input(struct vml_char_host *host)
{
    if (has_clients(host)) {
        set_client(host, -1);
    } else {
        host->in = -1;
    }
}

/* A pseudo-terminal without a client reads as an error: it is tried again later. */
static void wait_for_client(const struct vml_char_host *host)
{
    struct pollfd wake = {.fd = host->wake[0], .events = POLLIN};

    (void)poll(&wake, 1, 100);
}

static void read_input(struct vml_char_host *host, struct input *in)
{
    ssize_t n = read(host->in, in->bytes, sizeof(in->bytes));

    if (n > 0) {
        in->at = 0;
        in->end = (size_t)n;
    } else if (n < 0 && errno == EAGAIN) {
        return;
    } else if (host->kind == VML_CHAR_HOST_PTY) {
        wait_for_client(host);
    } else {
        end_of_input(host);
    }
}

static void deliver(struct vml_char_host *host, struct input *in)
{
    while (in->at < in->end) {
        size_t n = vml_chardev_push(&host->peer, in->bytes + in->at, in->end - in->at);

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
    if (in->at == in->end) {
        fds[INPUT] = (struct pollfd){.fd = host->in, .events = POLLIN};
    }
    if (atomic_load(&host->refused)) {
        fds[OUTPUT] = (struct pollfd){.fd = atomic_load(&host->out), .events = POLLOUT};
    }
    if (host->listener >= 0 && host->in < 0) {
        fds[CLIENT] = (struct pollfd){.fd = host->listener, .events = POLLIN};
    }
    (void)poll(fds, FDS, -1);
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
    struct input in = {.end = 0};

    while (!atomic_load(&host->stop)) {
        step(host, &in);
    }
    return NULL;
}

/* Standard input or output, not blocking. A terminal and a pipe are opened once more, so that this is
 * not forced on others that share them; a socket cannot be, and gets its flags back in the end. A
 * file never blocks, and its position stays the one that others share.
 * @param flags where those flags go; -1: none */
static int standard(int fd, int mode, int *flags)
{
    char path[] = "/proc/self/fd/0";
    struct stat st;
    int own = -1;

    if (fstat(fd, &st) != 0) {
        return -1;
    }
    path[sizeof(path) - 2] = (char)('0' + fd);
    if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
        own = open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    }
    if (own < 0) {
        own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own >= 0 && !S_ISREG(st.st_mode)) {
            *flags = fcntl(own, F_GETFL);
            (void)fcntl(own, F_SETFL, *flags | O_NONBLOCK);
        }
    }
    return own;
}

static enum vml_status open_stdio(struct vml_char_host *host)
{
    bool input = fcntl(0, F_GETFD) >= 0; /* else what is opened next would be taken for it */

    host->out = standard(1, O_WRONLY, &host->out_flags);
    if (host->out < 0) {
        return VML_ERR_IO;
    }
    if (input) {
        host->standard_in = standard(0, O_RDONLY, &host->in_flags);
        host->in = host->standard_in;
    }
    if (host->in >= 0 && tcgetattr(host->in, &host->saved) == 0) {
        struct termios raw = host->saved;

        cfmakeraw(&raw);
        raw.c_oflag |= OPOST;
        /* Before the change: who is interrupted right after it restores. TCSANOW here and there,
         * which keeps what was typed. */
        atomic_store(&host->raw, true);
        (void)tcsetattr(host->in, TCSANOW, &raw);
    }
    return VML_OK;
}

void vml_char_host_restore(struct vml_char_host *host)
{
    int out = atomic_load(&host->out);

    if (atomic_exchange(&host->raw, false)) {
        (void)tcsetattr(host->standard_in, TCSANOW, &host->saved);
    }
    if (host->in_flags >= 0) {
        (void)fcntl(host->standard_in, F_SETFL, host->in_flags);
    }
    if (host->out_flags >= 0) { /* last: it may be the same socket, and its flags were read first */
        (void)fcntl(out, F_SETFL, host->out_flags);
    }
}

static enum vml_status open_pty(struct vml_char_host *host)
{
    struct termios raw;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int client;

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
    /* Only once a client has closed it does the system tell that there is none. */
    client = open(host->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (client < 0) {
        return VML_ERR_IO;
    }
    close(client);
    return VML_OK;
}

/* Takes a socket away that nobody listens on any more; nothing else. */
static enum vml_status remove_old_socket(const struct sockaddr_un *address)
{
    struct stat st;
    int error;
    int fd;

    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return VML_OK; /* bind says what there is to say */
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return VML_ERR_IO;
    }
    error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
    close(fd);
    if (error != ECONNREFUSED) {
        return VML_ERR_BUSY;
    }
    return unlink(address->sun_path) == 0 ? VML_OK : host_status(errno);
}

static enum vml_status open_unix(struct vml_char_host *host, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    enum vml_status status;

    if (!path || strlen(path) >= sizeof(address.sun_path)) {
        return VML_ERR_INVALID;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    status = remove_old_socket(&address);
    if (status != VML_OK) {
        return status;
    }
    host->out_type = S_IFSOCK;
    host->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (host->listener < 0 ||
        bind(host->listener, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return host_status(errno);
    }
    memcpy(host->name, path, strlen(path) + 1); /* ours: removed in the end */
    return listen(host->listener, 1) == 0 ? VML_OK : VML_ERR_IO;
}

/* Other hosts have no business with it: what is behind it trusts its peer. */
static enum vml_status open_tcp(struct vml_char_host *host, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    unsigned long port;
    char *end = NULL;
    int on = 1;

    port = path && path[0] >= '0' && path[0] <= '9' ? strtoul(path, &end, 10) : 0;
    if (!end || *end || port > UINT16_MAX) {
        return VML_ERR_INVALID;
    }
    address.sin_port = htons((uint16_t)port);
    host->out_type = S_IFSOCK;
    host->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (host->listener < 0) {
        return host_status(errno);
    }
    /* A port that its last user has just left; and clients inherit that nothing waits for more. */
    (void)setsockopt(host->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    (void)setsockopt(host->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(host->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(host->listener, 1) != 0 ||
        getsockname(host->listener, (struct sockaddr *)&address, &size) != 0) {
        return host_status(errno);
    }
    (void)snprintf(host->name, sizeof(host->name), "%u", (unsigned)ntohs(address.sin_port));
    return VML_OK;
}

static enum vml_status open_file(struct vml_char_host *host, const char *path)
{
    if (!path) {
        return VML_ERR_INVALID;
    }
    host->out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return host->out >= 0 ? VML_OK : host_status(errno);
}

static void close_all(struct vml_char_host *host)
{
    const int fds[] = {atomic_load(&host->out), host->standard_in, host->listener, host->wake[0],
                       host->wake[1]};

    vml_char_host_restore(host);
    if (host->kind == VML_CHAR_HOST_UNIX && host->name[0] != '\0') {
        (void)unlink(host->name);
    }
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    pthread_mutex_destroy(&host->out_lock);
}

static enum vml_status open_kind(struct vml_char_host *host, const char *path)
{
    switch (host->kind) {
    case VML_CHAR_HOST_STDIO:
        return open_stdio(host);
    case VML_CHAR_HOST_PTY:
        return open_pty(host);
    case VML_CHAR_HOST_UNIX:
        return open_unix(host, path);
    case VML_CHAR_HOST_TCP:
        return open_tcp(host, path);
    case VML_CHAR_HOST_FILE:
        return open_file(host, path);
    default:
        return VML_ERR_INVALID;
    }
}

enum vml_status vml_char_host_open(struct vml_char_host *host, enum vml_char_host_kind kind,
                                   const char *path)
{
    enum vml_status status;
    struct stat st;

    memset(host, 0, sizeof(*host));
    host->kind = kind;
    host->in = -1;
    host->out = -1;
    host->standard_in = -1;
    host->in_flags = -1;
    host->out_flags = -1;
    host->listener = -1;
    host->wake[0] = -1;
    host->wake[1] = -1;
    pthread_mutex_init(&host->out_lock, NULL);
    status = open_kind(host, path);
    if (status == VML_OK && host->out >= 0 && fstat(host->out, &st) == 0) {
        host->out_type = st.st_mode & S_IFMT;
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
    enum vml_status status;

    host->peer = *peer;
    if (has_clients(host)) {
        vml_chardev_event(peer, VML_CHARDEV_CLOSED);
    }
    status = host_thread_start(&host->thread, thread_main, host);
    host->started = status == VML_OK;
    return status;
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
