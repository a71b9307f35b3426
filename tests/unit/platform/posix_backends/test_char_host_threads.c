/* Terminals, sockets and files behind a character device of this file. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vml/char_host.h>

struct device {
    pthread_mutex_t lock;
    uint8_t got[100000];
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

static volatile unsigned escapes;

static void escape(void *context)
{
    escapes++;
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
    vml_char_host_set_escape(&host, escape, NULL);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    assert_int_equal(push(&host, "hello\n", 6), 6);
    assert_int_equal(read(fd, got, 6), 6);
    assert_string_equal(got, "hello\n"); /* raw: nothing changed */
    assert_int_equal(write(fd, "ab\x01xc\x01\x01", 7), 7);
    WAIT(d, d->len == 4);
    assert_memory_equal(d->got, "abc\x01", 4);
    assert_int_equal(escapes, 1);
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

static void standard_streams(void **state)
{
    struct vml_char_host host;
    struct device *d = make();
    struct vml_chardev end = {&device_ops, d};
    int in[2], out[2], saved_in = dup(0), saved_out = dup(1);
    char got[8] = {0};

    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    fflush(stdout);
    dup2(in[0], 0);
    dup2(out[1], 1);
    enum vml_status status = vml_char_host_open(&host, VML_CHAR_HOST_STDIO, NULL);
    dup2(saved_in, 0);
    dup2(saved_out, 1);
    assert_int_equal(status, VML_OK);
    assert_int_equal(vml_char_host_start(&host, &end), VML_OK);
    assert_int_equal(push(&host, "out", 3), 3);
    assert_int_equal(read(out[0], got, 8), 3);
    assert_int_equal(write(in[1], "in", 2), 2);
    WAIT(d, d->len == 2);
    close(in[1]); /* the end of input is no end of output */
    close(in[0]);
    assert_int_equal(push(&host, "on", 2), 2);
    assert_int_equal(read(out[0], got, 8), 2);
    vml_char_host_close(&host);
    close(out[0]);
    close(out[1]);
    close(saved_in);
    close(saved_out);
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_file),         cmocka_unit_test(pseudo_terminal),
        cmocka_unit_test(unix_socket),      cmocka_unit_test(back_pressure_both_ways),
        cmocka_unit_test(standard_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
