/* Terminals, sockets and files behind a character device of this file. */
#define _GNU_SOURCE
#include "failures.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vml/char_host.h>

struct device {
    pthread_mutex_t lock;
    uint8_t got[300000];
    size_t len, room;
    unsigned opened, closed, ready;
};

static size_t device_push(void *context, const uint8_t *bytes, size_t len)
{
    struct device *d = context;
    size_t n;

    pthread_mutex_lock(&d->lock);
    n = len < d->room ? len : d->room;
    memcpy(d->got + d->len, bytes, n);
    d->len += n;
    d->room -= n;
    pthread_mutex_unlock(&d->lock);
    return n;
}

static void device_ready(void *context)
{
    struct device *d = context;

    pthread_mutex_lock(&d->lock);
    d->ready++;
    pthread_mutex_unlock(&d->lock);
}

static void device_event(void *context, enum vml_chardev_event event)
{
    struct device *d = context;

    pthread_mutex_lock(&d->lock);
    d->opened += event == VML_CHARDEV_OPENED;
    d->closed += event == VML_CHARDEV_CLOSED;
    pthread_mutex_unlock(&d->lock);
}

static const struct vml_chardev_ops device_ops = {
    .push = device_push, .ready = device_ready, .event = device_event};

static struct device *make(void)
{
    struct device *d = calloc(1, sizeof(*d));

    pthread_mutex_init(&d->lock, NULL);
    d->room = sizeof(d->got);
    return d;
}

/* Waits until what a test looks at is so; what it waits for must come. */
#define WAIT(d, condition)                                                                         \
    do {                                                                                           \
        bool met_ = false;                                                                         \
        for (int i_ = 0; i_ < 10000 && !met_; i_++) {                                              \
            pthread_mutex_lock(&(d)->lock);                                                        \
            met_ = (condition);                                                                    \
            pthread_mutex_unlock(&(d)->lock);                                                      \
            if (!met_) {                                                                           \
                usleep(1000);                                                                      \
            }                                                                                      \
        }                                                                                          \
        assert_true(met_);                                                                         \
    } while (0)

static size_t push(struct vml_char_host *host, const char *text, size_t len)
{
    struct vml_chardev end = vml_char_host_end(host);

    return vml_chardev_push(&end, (const uint8_t *)text, len);
}

static void log_file(void **state)
{
    char path[] = "/tmp/vml-log-XXXXXX";
    struct vml_char_host host;
    char got[32] = {0};
    int fd = mkstemp(path);

    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_FILE, path), VML_OK);
    assert_int_equal(push(&host, "one ", 4), 4);
    vml_char_host_close(&host);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_FILE, path), VML_OK);
    assert_int_equal(push(&host, "two", 3), 3); /* appended */
    vml_char_host_close(&host);
    assert_int_equal(read(fd, got, sizeof(got)), 7);
    assert_string_equal(got, "one two");
    close(fd);
    unlink(path);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_FILE, "/nonexistent/file"),
                     VML_ERR_NOT_FOUND);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_FILE, NULL), VML_ERR_INVALID);
}

static void pseudo_terminal(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    char got[16] = {0};
    int fd;

    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_PTY, NULL), VML_OK);
    fd = open(host.name, O_RDWR | O_NOCTTY);
    assert_true(fd >= 0);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    assert_int_equal(push(&host, "hello\n", 6), 6);
    assert_int_equal(read(fd, got, 6), 6);
    assert_string_equal(got, "hello\n"); /* raw: nothing changed */
    assert_int_equal(write(fd, "ab\x01xc\x01\x01", 7), 7);
    WAIT(d, d->len == 7);
    assert_memory_equal(d->got, "ab\x01xc\x01\x01", 7);
    close(fd);
    vml_char_host_close(&host);
    free(d);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void unix_socket(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    char path[64];
    char got[8] = {0};

    snprintf(path, sizeof(path), "/tmp/vml-sock-%d", (int)getpid());
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, path), VML_OK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    assert_int_equal(push(&host, "nobody", 6), 6); /* dropped */
    for (unsigned i = 1; i <= 2; i++) {            /* one client after another */
        int fd = connect_to(path);

        WAIT(d, d->opened == i);
        assert_int_equal(push(&host, "hello", 5), 5);
        assert_int_equal(read(fd, got, 5), 5);
        assert_string_equal(got, "hello");
        assert_int_equal(write(fd, "x", 1), 1);
        WAIT(d, d->len == i);
        close(fd);
        WAIT(d, d->closed == 1 + i);
    }
    vml_char_host_close(&host);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, "/nonexistent/socket"),
                     VML_ERR_NOT_FOUND);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, NULL), VML_ERR_INVALID);
    free(d);
}

/* A client that does not read: the device is told when there is room again. And a device that does
 * not take. */
static void back_pressure_both_ways(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    char path[64];
    char block[4096];
    size_t sent = 0, got = 0;
    int fd;

    memset(block, 'b', sizeof(block));
    snprintf(path, sizeof(path), "/tmp/vml-sock-%d", (int)getpid());
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, path), VML_OK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    fd = connect_to(path);
    WAIT(d, d->opened == 1);
    for (;;) {
        size_t n = push(&host, block, sizeof(block));

        sent += n;
        if (n < sizeof(block)) {
            break;
        }
    }
    while (got < sent) {
        ssize_t n = read(fd, block, sizeof(block));

        assert_true(n > 0);
        got += (size_t)n;
    }
    WAIT(d, d->ready >= 1);

    pthread_mutex_lock(&d->lock);
    d->room = 10;
    pthread_mutex_unlock(&d->lock);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(write(fd, block, 100), 100);
    }
    WAIT(d, d->len == 10);
    pthread_mutex_lock(&d->lock);
    d->room = sizeof(d->got) - d->len;
    pthread_mutex_unlock(&d->lock);

    struct vml_chardev back = vml_char_host_end(&host);

    vml_chardev_ready(&back);
    WAIT(d, d->len == 1000); /* nothing was lost */
    close(fd);
    vml_char_host_close(&host);
    free(d);
}

static void a_tcp_port_of_this_host(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct vml_char_host host, second;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    char got[8];
    int fd;

    (void)state;
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_TCP, NULL), VML_ERR_INVALID);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_TCP, ""), VML_ERR_INVALID);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_TCP, "-1"), VML_ERR_INVALID);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_TCP, "65536"), VML_ERR_INVALID);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_TCP, "1x"), VML_ERR_INVALID);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_TCP, "0"), VML_OK);
    assert_int_not_equal(vml_char_host_open(&second, VML_CHAR_HOST_TCP, host.name), VML_OK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    address.sin_port = htons((uint16_t)atoi(host.name));
    for (unsigned i = 1; i <= 2; i++) { /* one client, and the next */
        fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        WAIT(d, d->opened == i);
        assert_int_equal(push(&host, "out", 3), 3);
        assert_int_equal(read(fd, got, sizeof(got)), 3);
        assert_int_equal(write(fd, "in", 2), 2);
        WAIT(d, d->len == 2 * i);
        close(fd);
        WAIT(d, d->closed == i + 1);
    }
    vml_char_host_close(&host);
    free(d);
}

/* A client that does not read leaves: who waits for room is told, and the rest is dropped. */
static void client_leaves_while_output_waits(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    char path[64];
    char block[4096] = {0};
    int fd;

    snprintf(path, sizeof(path), "/tmp/vml-sock-%d", (int)getpid());
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, path), VML_OK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    fd = connect_to(path);
    WAIT(d, d->opened == 1);
    while (push(&host, block, sizeof(block)) == sizeof(block)) {
    }
    close(fd);
    WAIT(d, d->ready >= 1 && d->closed == 2);
    assert_int_equal(push(&host, "x", 1), 1);
    vml_char_host_close(&host);
    free(d);
}

/* What nobody reads any more is dropped, and is no signal that ends the process. */
static void nobody_reads_any_more(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    char path[64];

    snprintf(path, sizeof(path), "/tmp/vml-sock-%d", (int)getpid());
    for (unsigned i = 1; i <= 20; i++) {
        int fd;

        assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, path), VML_OK);
        assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
        fd = connect_to(path);
        WAIT(d, d->opened == i);
        close(fd);
        for (unsigned k = 0; k < 100; k++) {
            assert_int_equal(push(&host, "anybody?", 8), 8);
        }
        vml_char_host_close(&host);
    }
    free(d);
}

static void names_of_sockets(void **state)
{
    struct vml_char_host host, second;
    char path[64], longest[200];
    struct stat st;
    int fd;

    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, longest), VML_ERR_INVALID);

    snprintf(path, sizeof(path), "/tmp/vml-sock-%d", (int)getpid());
    fd = open(path, O_CREAT | O_WRONLY, 0600); /* a file of somebody's is not removed */
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, path), VML_ERR_BUSY);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    close(fd);
    unlink(path);

    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_UNIX, path), VML_OK);
    assert_int_equal(vml_char_host_open(&second, VML_CHAR_HOST_UNIX, path), VML_ERR_BUSY);
    assert_int_equal(access(path, F_OK), 0);
    close(host.listener); /* as if its process had been killed */
    host.listener = -1;
    assert_int_equal(vml_char_host_open(&second, VML_CHAR_HOST_UNIX, path), VML_OK);
    vml_char_host_close(&second);
    vml_char_host_close(&host);
}

static void errors_of_opening(void **state)
{
    static const enum vml_char_host_kind kinds[] = {VML_CHAR_HOST_STDIO, VML_CHAR_HOST_PTY,
                                                    VML_CHAR_HOST_UNIX, VML_CHAR_HOST_FILE};
    struct vml_char_host host;
    char path[64];

    assert_int_equal(vml_char_host_open(&host, (enum vml_char_host_kind)99, NULL), VML_ERR_INVALID);
    snprintf(path, sizeof(path), "/tmp/vml-none-%d", (int)getpid());
    for (unsigned k = 0; k < 4; k++) {
        for (unsigned more = 0; more < 3; more++) { /* fails at each descriptor that it opens */
            unsigned long limit = descriptors_end(more);
            enum vml_status status = vml_char_host_open(&host, kinds[k], path);

            descriptors_back(limit);
            if (status == VML_OK) {
                vml_char_host_close(&host);
                fail();
            }
            assert_int_equal(status, VML_ERR_IO);
            unlink(path);
        }
    }
    int fd = open(path, O_CREAT | O_RDONLY, 0);

    privileges_end();
    enum vml_status file = vml_char_host_open(&host, VML_CHAR_HOST_FILE, path);
    enum vml_status socket = vml_char_host_open(&host, VML_CHAR_HOST_UNIX, "/etc/vml-sock");
    privileges_back();
    close(fd);
    unlink(path);
    assert_int_equal(file, VML_ERR_ACCESS);
    assert_int_equal(socket, VML_ERR_ACCESS);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_FILE, "/tmp"), VML_ERR_IO);
}

static void no_thread(void **state)
{
    struct vml_char_host host;
    struct vml_chardev end = {0};

    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_PTY, NULL), VML_OK);
    threads_end();
    enum vml_status status = vml_char_host_start(&host, &end);
    threads_back();
    assert_int_equal(status, VML_ERR_NO_MEMORY);
    vml_char_host_close(&host);
}

/* What cannot be written, as on a full disk, does not hold the guest up. */
static void full_disk(void **state)
{
    struct vml_char_host host;

    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_FILE, "/dev/full"), VML_OK);
    assert_int_equal(push(&host, "dropped", 7), 7);
    vml_char_host_close(&host);
}

static int saved_in, saved_out;

static enum vml_status open_with(struct vml_char_host *host, int in, int out)
{
    enum vml_status status;

    saved_in = dup(0);
    saved_out = dup(1);
    fflush(stdout);
    dup2(in, 0);
    dup2(out, 1);
    status = vml_char_host_open(host, VML_CHAR_HOST_STDIO, NULL);
    dup2(saved_in, 0);
    dup2(saved_out, 1);
    close(saved_in);
    close(saved_out);
    return status;
}

static void standard_streams(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    int in[2], out[2];
    char got[8] = {0};

    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(open_with(&host, in[0], out[1]), VML_OK);
    assert_false(fcntl(in[0], F_GETFL) & O_NONBLOCK); /* others that share them do not notice */
    assert_false(fcntl(out[1], F_GETFL) & O_NONBLOCK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    assert_int_equal(push(&host, "out", 3), 3);
    assert_int_equal(read(out[0], got, 8), 3);
    assert_int_equal(write(in[1], "in", 2), 2);
    WAIT(d, d->len == 2);
    close(in[1]); /* the end of input is no end of output */
    close(in[0]);
    assert_int_equal(push(&host, "on", 2), 2);
    assert_int_equal(read(out[0], got, 8), 2);

    static char block[1 << 20];
    size_t sent = push(&host, block, sizeof(block)); /* more than a pipe takes */

    assert_true(sent > 0 && sent < sizeof(block));
    close(out[0]);
    close(out[1]);
    WAIT(d, d->ready >= 1);
    assert_int_equal(push(&host, "gone", 4), 4);
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    vml_char_host_close(&host);
    free(d);
}

static void standard_streams_that_are_one_socket(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    char got[8] = {0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(open_with(&host, fds[0], fds[0]), VML_OK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    assert_int_equal(push(&host, "out", 3), 3);
    assert_int_equal(read(fds[1], got, 8), 3);
    assert_int_equal(write(fds[1], "in", 2), 2);
    WAIT(d, d->len == 2);
    vml_char_host_close(&host);
    assert_false(fcntl(fds[0], F_GETFL) & O_NONBLOCK); /* as it was */
    close(fds[0]);
    close(fds[1]);
    free(d);
}

/* Files keep the position that they share with others: nothing is read twice or written over. */
static void standard_streams_that_are_files(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    char path[] = "/tmp/vml-file-XXXXXX";
    char got[32] = {0};
    int in = mkstemp(path), out;

    assert_int_equal(write(in, "first second", 12), 12);
    assert_int_equal(lseek(in, 6, SEEK_SET), 6);
    unlink(path);
    strcpy(path, "/tmp/vml-file-XXXXXX");
    out = mkstemp(path);
    assert_int_equal(write(out, "a", 1), 1);
    assert_int_equal(open_with(&host, in, out), VML_OK);
    assert_int_equal(push(&host, "b", 1), 1);
    assert_int_equal(write(out, "c", 1), 1);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    WAIT(d, d->len == 6);
    assert_memory_equal(d->got, "second", 6);
    vml_char_host_close(&host);
    assert_int_equal(pread(out, got, sizeof(got), 0), 3);
    assert_string_equal(got, "abc");
    unlink(path);
    close(in);
    close(out);
    free(d);
}

static void no_standard_output(void **state)
{
    struct vml_char_host host;
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        close(1);
        _exit(vml_char_host_open(&host, VML_CHAR_HOST_STDIO, NULL) == VML_ERR_IO ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ----------------------------------------------------------------------------------- terminals */

static void open_terminal(int *master, int *slave)
{
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(*master >= 0);
    assert_int_equal(grantpt(*master), 0);
    assert_int_equal(unlockpt(*master), 0);
    *slave = open(ptsname(*master), O_RDWR | O_NOCTTY);
    assert_true(*slave >= 0);
}

static struct termios modes(int fd)
{
    struct termios t;

    assert_int_equal(tcgetattr(fd, &t), 0);
    return t;
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

static void assert_as_before(int fd, const struct termios *before)
{
    struct termios now = modes(fd);

    assert_true(same_modes(&now, before));
}

static void terminal_is_raw_until_it_is_closed(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    struct termios before, now;
    int master, slave;

    open_terminal(&master, &slave);
    before = modes(slave);
    assert_true(before.c_lflag & ICANON);
    assert_int_equal(open_with(&host, slave, slave), VML_OK);
    now = modes(slave);
    assert_false(now.c_lflag & (ICANON | ECHO | ISIG));
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    assert_int_equal(write(master, "\x03\r", 2), 2); /* no signal, no newline */
    WAIT(d, d->len == 2);
    assert_memory_equal(d->got, "\x03\r", 2);
    vml_char_host_close(&host);
    assert_as_before(slave, &before);

    for (unsigned more = 0; more < 5; more++) { /* what could not be opened changes nothing */
        int in = dup(slave);
        unsigned long limit = descriptors_end(2 + more);
        enum vml_status status = open_with(&host, in, in);

        descriptors_back(limit);
        if (status == VML_OK) {
            vml_char_host_close(&host);
        }
        close(in);
        assert_as_before(slave, &before);
    }
    close(master);
    close(slave);
    free(d);
}

/* What is typed while nobody takes it, and a paste that is larger than all buffers. */
static void pasted_text_is_not_lost(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    struct vml_chardev back;
    size_t sent = 0, got = 0, size = 200000;
    int master, slave;

    open_terminal(&master, &slave);
    for (; sent < 1000; sent++) { /* before the terminal is raw */
        char c = (char)('a' + sent % 26);

        assert_int_equal(write(master, &c, 1), 1);
    }
    assert_int_equal(open_with(&host, slave, slave), VML_OK);
    tcflush(master, TCIFLUSH); /* the echo */
    d->room = 0;
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    back = vml_char_host_end(&host);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    for (unsigned i = 0; sent < size || got < size; i++) {
        char block[777];
        ssize_t n;

        for (size_t k = 0; k < sizeof(block); k++) {
            block[k] = (char)('a' + (sent + k) % 26);
        }
        n = write(master, block, size - sent < sizeof(block) ? size - sent : sizeof(block));
        sent += n > 0 ? (size_t)n : 0;
        pthread_mutex_lock(&d->lock);
        d->room = i % 3 ? 1000 : 0; /* a device that takes little at a time */
        got = d->len;
        pthread_mutex_unlock(&d->lock);
        vml_chardev_ready(&back);
        if (n < 0) {
            usleep(100);
        }
        assert_true(i < 10000000);
    }
    vml_char_host_close(&host);
    assert_int_equal(d->len, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(d->got[i], 'a' + i % 26);
    }
    close(master);
    close(slave);
    free(d);
}

static void typed_ahead_is_left_to_who_comes_next(void **state)
{
    struct vml_char_host host;
    int master, slave;
    char got[8] = {0};

    open_terminal(&master, &slave);
    assert_int_equal(open_with(&host, slave, slave), VML_OK);
    assert_int_equal(write(master, "ls\n", 3), 3); /* raw: \n stays */
    vml_char_host_close(&host);
    assert_int_equal(read(slave, got, sizeof(got)), 3);
    assert_string_equal(got, "ls\n");
    close(master);
    close(slave);
}

static struct vml_char_host *in_child;

static void restore(void)
{
    vml_char_host_restore(in_child);
}

static void restore_and_end(int signal)
{
    vml_char_host_restore(in_child);
    _exit(0);
}

/* Ends without vml_char_host_close(): by exit(), and by a signal. */
static void terminal_is_restored_when_the_process_ends(void **state)
{
    for (int way = 0; way < 3; way++) {
        int master, slave, status;
        struct termios before;
        pid_t pid;

        open_terminal(&master, &slave);
        before = modes(slave);
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            static struct vml_char_host host;
            struct vml_chardev end = {0};
            struct termios now;

            in_child = &host;
            if (open_with(&host, slave, slave) != VML_OK ||
                vml_char_host_start(&host, &end) != VML_OK) {
                _exit(1);
            }
            now = modes(slave);
            if (same_modes(&now, &before)) {
                _exit(2);
            }
            if (way == 0) {
                atexit(restore);
                exit(0);
            }
            signal(SIGTERM, restore_and_end);
            signal(SIGABRT, restore_and_end);
            if (way == 1) {
                kill(getpid(), SIGTERM);
                pause();
            }
            abort();
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_as_before(slave, &before);
        close(master);
        close(slave);
    }
}

/* The terminal's window is closed: the end of input, not of the machine. */
static void terminal_goes_away(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    int master, slave;

    open_terminal(&master, &slave);
    assert_int_equal(open_with(&host, slave, slave), VML_OK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    assert_int_equal(write(master, "z", 1), 1);
    WAIT(d, d->len == 1);
    close(slave);
    close(master);
    assert_int_equal(push(&host, "nobody", 6), 6);
    vml_char_host_close(&host);
    free(d);
}

/* Nobody has opened it yet, or nobody has it open any more. */
static void pseudo_terminal_without_client(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    static char block[1 << 16];

    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_PTY, NULL), VML_OK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    for (unsigned i = 1; i <= 2; i++) {
        char got[8] = {0};
        int fd;

        for (int k = 0; k < 4; k++) {
            assert_int_equal(push(&host, block, sizeof(block)), sizeof(block));
        }
        fd = open(host.name, O_RDWR | O_NOCTTY);
        assert_true(fd >= 0);
        assert_int_equal(push(&host, "hi", 2), 2);
        assert_int_equal(read(fd, got, 8), 2);
        assert_string_equal(got, "hi");
        assert_int_equal(write(fd, "x", 1), 1);
        WAIT(d, d->len == i);
        close(fd);
    }
    vml_char_host_close(&host);
    free(d);
}

static void interrupted(int signal)
{
}

/* A handler's return while a write waits is no end of writing. */
static void signals_do_not_lose_output(void **state)
{
    struct sigaction action = {.sa_handler = interrupted};
    struct vml_char_host host;
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/tmp/vml-fifo-%d", (int)getpid());
    assert_int_equal(mkfifo(path, 0600), 0);
    fd = open(path, O_RDWR);
    assert_int_equal(vml_char_host_open(&host, VML_CHAR_HOST_FILE, path), VML_OK);
    sigaction(SIGALRM, &action, NULL);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        static char block[200000];
        pid_t parent = getppid();

        usleep(20000);
        for (int i = 0; i < 3; i++) { /* the pipe is full by now: its writer waits */
            kill(parent, SIGALRM);
            usleep(10000);
        }
        for (size_t got = 0; got < sizeof(block);) {
            ssize_t n = read(fd, block, sizeof(block));

            for (ssize_t k = 0; k < n; k++) {
                if (block[k] != 's') {
                    _exit(1);
                }
            }
            got += (size_t)n;
        }
        _exit(0);
    }
    static char block[200000];
    int status;

    memset(block, 's', sizeof(block));
    assert_int_equal(push(&host, block, sizeof(block)), sizeof(block));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    vml_char_host_close(&host);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First those that fork, before this process has had threads. */
        cmocka_unit_test(terminal_is_restored_when_the_process_ends),
        cmocka_unit_test(no_standard_output),
        cmocka_unit_test(signals_do_not_lose_output),
        cmocka_unit_test(log_file),
        cmocka_unit_test(pseudo_terminal),
        cmocka_unit_test(unix_socket),
        cmocka_unit_test(back_pressure_both_ways),
        cmocka_unit_test(a_tcp_port_of_this_host),
        cmocka_unit_test(client_leaves_while_output_waits),
        cmocka_unit_test(nobody_reads_any_more),
        cmocka_unit_test(names_of_sockets),
        cmocka_unit_test(errors_of_opening),
        cmocka_unit_test(no_thread),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(standard_streams),
        cmocka_unit_test(standard_streams_that_are_one_socket),
        cmocka_unit_test(standard_streams_that_are_files),
        cmocka_unit_test(terminal_is_raw_until_it_is_closed),
        cmocka_unit_test(pasted_text_is_not_lost),
        cmocka_unit_test(typed_ahead_is_left_to_who_comes_next),
        cmocka_unit_test(terminal_goes_away),
        cmocka_unit_test(pseudo_terminal_without_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
