/* What <vml/platform.h> promises, where one thread is enough to see it. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vml/platform.h>

static void mutex_is_taken_once(void **state)
{
    struct vml_mutex mutex;

    vml_mutex_init(&mutex);
    assert_true(vml_mutex_try_lock(&mutex));
    assert_false(vml_mutex_try_lock(&mutex));
    vml_mutex_unlock(&mutex);
    vml_mutex_lock(&mutex);
    assert_false(vml_mutex_try_lock(&mutex));
    vml_mutex_unlock(&mutex);
    assert_true(vml_mutex_try_lock(&mutex));
    vml_mutex_unlock(&mutex);
    vml_mutex_destroy(&mutex);
}

static void rwlock_is_shared_by_readers(void **state)
{
    struct vml_rwlock lock;

    vml_rwlock_init(&lock);
    vml_rwlock_read_lock(&lock);
    vml_rwlock_read_lock(&lock);
    vml_rwlock_read_unlock(&lock);
    vml_rwlock_read_unlock(&lock);
    vml_rwlock_write_lock(&lock);
    vml_rwlock_write_unlock(&lock);
    vml_rwlock_read_lock(&lock);
    vml_rwlock_read_unlock(&lock);
    vml_rwlock_destroy(&lock);
}

static void semaphore_counts(void **state)
{
    struct vml_sem sem;
    uint64_t soon;

    vml_sem_init(&sem, 2);
    assert_int_equal(vml_sem_wait_until(&sem, 0), VML_OK);
    assert_int_equal(vml_sem_wait_until(&sem, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_sem_wait_until(&sem, 0), VML_ERR_TIMEOUT);
    vml_sem_post(&sem);
    vml_sem_post(&sem);
    assert_int_equal(vml_sem_wait_until(&sem, 1), VML_OK);
    assert_int_equal(vml_sem_wait_until(&sem, 1), VML_OK);
    assert_int_equal(vml_sem_wait_until(&sem, 1), VML_ERR_TIMEOUT);
    soon = vml_platform_time_ns() + 2000000;
    assert_int_equal(vml_sem_wait_until(&sem, soon), VML_ERR_TIMEOUT);
    assert_true(vml_platform_time_ns() >= soon);
    vml_sem_destroy(&sem);
}

static void signal_is_remembered_once(void **state)
{
    struct vml_signal signal;
    uint64_t soon;

    vml_signal_init(&signal);
    assert_int_equal(vml_signal_wait_until(&signal, 0), VML_ERR_TIMEOUT);
    vml_signal_set(&signal);
    vml_signal_set(&signal);
    assert_int_equal(vml_signal_wait_until(&signal, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_signal_wait_until(&signal, 0), VML_ERR_TIMEOUT);
    soon = vml_platform_time_ns() + 2000000;
    assert_int_equal(vml_signal_wait_until(&signal, soon), VML_ERR_TIMEOUT);
    assert_true(vml_platform_time_ns() >= soon);
    vml_signal_destroy(&signal);
}

static void time_goes_on(void **state)
{
    uint64_t last = vml_platform_time_ns();

    for (int i = 0; i < 1000; i++) {
        uint64_t now = vml_platform_time_ns();

        assert_true(now >= last);
        last = now;
    }
    /* 2020-01-01 */
    assert_true(vml_platform_realtime_ns() > UINT64_C(1577836800) * 1000000000u);
}

struct collected {
    unsigned lines;
    enum vml_log_level level;
    char line[600];
};

static void collect(void *context, enum vml_log_level level, const char *line)
{
    struct collected *collected = context;

    collected->lines++;
    collected->level = level;
    (void)snprintf(collected->line, sizeof(collected->line), "%s", line);
}

static void log_lines_go_to_the_sink_whole(void **state)
{
    struct collected got = {0};
    char long_text[1000];

    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    vml_log_set_sink(collect, &got);
    vml_log(VML_LOG_WARNING, "INTID %d of %s", 33, "gic");
    assert_int_equal(got.lines, 1);
    assert_int_equal(got.level, VML_LOG_WARNING);
    assert_string_equal(got.line, "INTID 33 of gic");
    vml_log(VML_LOG_DEBUG, "not by default");
    assert_int_equal(got.lines, 1);
    vml_log_set_level(VML_LOG_DEBUG);
    vml_log(VML_LOG_DEBUG, "now");
    assert_int_equal(got.lines, 2);
    vml_log_set_level(VML_LOG_ERROR);
    vml_log(VML_LOG_WARNING, "no");
    assert_int_equal(got.lines, 2);
    vml_log(VML_LOG_ERROR, "%s", long_text);
    assert_int_equal(got.lines, 3);
    assert_int_equal(strlen(got.line), 511);
    vml_log_set_level(VML_LOG_INFO);
    vml_log_set_sink(NULL, NULL);
    vml_log(VML_LOG_INFO, "a line on the standard error");
    assert_int_equal(got.lines, 3);
}

static void panic_names_the_place_and_ends_the_process(void **state)
{
    int out[2];
    char text[256] = {0};
    int status = 0;
    pid_t child;

    assert_int_equal(pipe(out), 0);
    child = fork();
    if (child == 0) {
        (void)dup2(out[1], 2);
        vml_panic("gic.c", 42, "INTID %u", 1020u);
    }
    (void)close(out[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(out[0], text, sizeof(text) - 1) > 0);
    (void)close(out[0]);
    assert_non_null(strstr(text, "gic.c:42: INTID 1020"));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void anonymous_memory_is_zero_and_writable(void **state)
{
    struct vml_memory memory;
    uint8_t *p;

    assert_int_equal(
        vml_memory_map(&memory, VML_MEMORY_ANONYMOUS, NULL, 10 * 4096 + 1, VML_MEMORY_HUGE),
        VML_OK);
    p = memory.host;
    assert_int_equal((uintptr_t)p % 4096, 0);
    assert_true(memory.size == 10 * 4096 + 1);
    assert_int_equal(memory.fd, -1);
    assert_int_equal(memory.kind, VML_MEMORY_ANONYMOUS);
    for (size_t i = 0; i < memory.size; i += 512) {
        assert_int_equal(p[i], 0);
    }
    p[memory.size - 1] = 7;
    vml_memory_unmap(&memory);
    assert_null(memory.host);
    vml_memory_unmap(&memory);
}

static void shared_memory_is_seen_through_its_descriptor(void **state)
{
    struct vml_memory memory;
    uint8_t byte = 0;

    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_SHARED, NULL, 8192, 0), VML_OK);
    assert_true(memory.fd >= 0);
    ((uint8_t *)memory.host)[5000] = 0x5a;
    assert_int_equal(pread(memory.fd, &byte, 1, 5000), 1);
    assert_int_equal(byte, 0x5a);
    vml_memory_unmap(&memory);
    assert_int_equal(memory.fd, -1);
}

static int make_file(char *path, size_t size)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    for (size_t i = 0; i < size; i++) {
        char c = (char)('a' + i % 26);

        assert_int_equal(write(fd, &c, 1), 1);
    }
    return fd;
}

static void file_mappings_share_or_keep_changes(void **state)
{
    char path[] = "/tmp/vml-test-XXXXXX";
    int fd = make_file(path, 5000);
    struct vml_memory memory;
    char c = 0;

    /* The whole file, changes stay private. */
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE_COW, path, 0, 0), VML_OK);
    assert_true(memory.size == 5000);
    assert_int_equal(memory.fd, -1);
    assert_int_equal(((char *)memory.host)[27], 'b');
    ((char *)memory.host)[27] = 'X';
    assert_int_equal(pread(fd, &c, 1, 27), 1);
    assert_int_equal(c, 'b');
    vml_memory_unmap(&memory);

    /* A part of it, changes go to the file. */
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE, path, 100, 0), VML_OK);
    assert_true(memory.size == 100);
    assert_true(memory.fd >= 0);
    ((char *)memory.host)[27] = 'Y';
    assert_int_equal(pread(fd, &c, 1, 27), 1);
    assert_int_equal(c, 'Y');
    vml_memory_unmap(&memory);

    /* Without permission to write, the file may be read only. */
    assert_int_equal(fchmod(fd, 0400), 0);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE, path, 0, VML_MEMORY_READONLY),
                     VML_OK);
    assert_int_equal(((char *)memory.host)[27], 'Y');
    vml_memory_unmap(&memory);
    (void)close(fd);
    (void)unlink(path);
}

static void mappings_that_cannot_be_leave_the_argument_alone(void **state)
{
    char path[] = "/tmp/vml-test-XXXXXX";
    char empty[] = "/tmp/vml-test-XXXXXX";
    struct vml_memory memory = {.size = 77};

    (void)close(make_file(path, 100));
    (void)close(make_file(empty, 0));
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_ANONYMOUS, NULL, 0, 0), VML_ERR_INVALID);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_ANONYMOUS, path, 4096, 0), VML_ERR_INVALID);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_ANONYMOUS, NULL, 4096, 4), VML_ERR_INVALID);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE, NULL, 4096, 0), VML_ERR_INVALID);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE, "/nowhere/at/all", 0, 0),
                     VML_ERR_NOT_FOUND);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE_COW, "/tmp", 0, 0), VML_ERR_INVALID);
    /* Past the end of a file there is nothing but a trap. */
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE, path, 101, 0), VML_ERR_INVALID);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE, empty, 0, 0), VML_ERR_INVALID);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_ANONYMOUS, NULL, UINT64_MAX, 0),
                     VML_ERR_NO_MEMORY);
    assert_int_equal(vml_memory_map(&memory, VML_MEMORY_SHARED, NULL, UINT64_MAX, 0),
                     VML_ERR_NO_MEMORY);
    assert_int_equal(vml_memory_map(&memory, (enum vml_memory_kind)9, NULL, 4096, 0),
                     VML_ERR_INVALID);
    assert_true(memory.size == 77);
    if (geteuid() != 0) {
        assert_int_equal(vml_memory_map(&memory, VML_MEMORY_FILE, "/etc/passwd", 0, 0),
                         VML_ERR_ACCESS);
    }
    (void)unlink(path);
    (void)unlink(empty);
}

static void entropy_differs(void **state)
{
    uint8_t a[1000] = {0};
    uint8_t b[1000] = {0};
    unsigned set = 0;

    assert_int_equal(vml_platform_entropy(a, sizeof(a)), VML_OK);
    assert_int_equal(vml_platform_entropy(b, sizeof(b)), VML_OK);
    assert_int_equal(vml_platform_entropy(NULL, 0), VML_OK);
    assert_memory_not_equal(a, b, sizeof(a));
    for (size_t i = 0; i < sizeof(a); i++) {
        set += (unsigned)__builtin_popcount(a[i]);
    }
    /* 8,000 bits, of which half is expected; 700 from it is fifteen standard deviations. */
    assert_in_range(set, 3300, 4700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutex_is_taken_once),
        cmocka_unit_test(rwlock_is_shared_by_readers),
        cmocka_unit_test(semaphore_counts),
        cmocka_unit_test(signal_is_remembered_once),
        cmocka_unit_test(time_goes_on),
        cmocka_unit_test(log_lines_go_to_the_sink_whole),
        cmocka_unit_test(panic_names_the_place_and_ends_the_process),
        cmocka_unit_test(anonymous_memory_is_zero_and_writable),
        cmocka_unit_test(shared_memory_is_seen_through_its_descriptor),
        cmocka_unit_test(file_mappings_share_or_keep_changes),
        cmocka_unit_test(mappings_that_cannot_be_leave_the_argument_alone),
        cmocka_unit_test(entropy_differs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
