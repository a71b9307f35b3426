/* The platform of one thread and no operating system. */
#include "test.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vml/platform_null.h>

static void locks_are_nothing_and_waits_do_not_block(void **state)
{
    struct vml_mutex mutex;
    struct vml_rwlock lock;
    struct vml_sem sem;
    struct vml_signal signal;

    vml_mutex_init(&mutex);
    vml_mutex_lock(&mutex);
    vml_mutex_unlock(&mutex);
    assert_true(vml_mutex_try_lock(&mutex));
    vml_mutex_destroy(&mutex);
    vml_rwlock_init(&lock);
    vml_rwlock_read_lock(&lock);
    vml_rwlock_read_unlock(&lock);
    vml_rwlock_write_lock(&lock);
    vml_rwlock_write_unlock(&lock);
    vml_rwlock_destroy(&lock);
    vml_sem_init(&sem, 1);
    assert_int_equal(vml_sem_wait_until(&sem, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_sem_wait_until(&sem, VML_TIME_NEVER), VML_ERR_TIMEOUT);
    vml_sem_post(&sem);
    assert_int_equal(vml_sem_wait_until(&sem, 0), VML_OK);
    vml_sem_destroy(&sem);
    vml_signal_init(&signal);
    assert_int_equal(vml_signal_wait_until(&signal, VML_TIME_NEVER), VML_ERR_TIMEOUT);
    vml_signal_set(&signal);
    vml_signal_set(&signal);
    assert_int_equal(vml_signal_wait_until(&signal, VML_TIME_NEVER), VML_OK);
    assert_int_equal(vml_signal_wait_until(&signal, VML_TIME_NEVER), VML_ERR_TIMEOUT);
    vml_signal_destroy(&signal);
}

struct alarm {
    struct vml_platform_timer timer;
    uint64_t at;
    unsigned count;
    uint64_t again;
};

static void ring(void *context)
{
    struct alarm *alarm = context;

    alarm->at = vml_platform_time_ns();
    alarm->count++;
    if (alarm->again != 0) {
        vml_platform_timer_arm(&alarm->timer, alarm->again);
        alarm->again = 0;
    }
}

static void timers_run_in_order_when_time_is_set(void **state)
{
    struct alarm alarms[4];
    uint64_t start = vml_platform_time_ns();

    memset(alarms, 0, sizeof(alarms));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(vml_platform_timer_init(&alarms[i].timer, ring, &alarms[i]), VML_OK);
    }
    vml_platform_timer_arm(&alarms[0].timer, start + 300);
    vml_platform_timer_arm(&alarms[1].timer, start + 100);
    vml_platform_timer_arm(&alarms[2].timer, start + 200);
    vml_platform_timer_arm(&alarms[3].timer, start + 150);
    vml_platform_timer_arm(&alarms[3].timer, VML_TIME_NEVER);
    alarms[1].again = start + 250;
    vml_null_set_time(start + 99);
    assert_int_equal(alarms[1].count, 0);
    vml_null_set_time(start + 260);
    assert_true(vml_platform_time_ns() == start + 260);
    assert_int_equal(alarms[1].count, 2);
    assert_true(alarms[1].at == start + 250);
    assert_int_equal(alarms[2].count, 1);
    assert_true(alarms[2].at == start + 200);
    assert_int_equal(alarms[0].count, 0);
    /* Time does not go back; a deadline that has passed fires when time is next set. */
    vml_null_set_time(start);
    assert_true(vml_platform_time_ns() == start + 260);
    vml_platform_timer_arm(&alarms[3].timer, start);
    assert_int_equal(alarms[3].count, 0);
    vml_null_set_time(start + 260);
    assert_int_equal(alarms[3].count, 1);
    assert_true(alarms[3].at == start + 260);
    vml_platform_timer_destroy(&alarms[0].timer);
    vml_null_set_time(start + 1000);
    assert_int_equal(alarms[0].count, 0);
}

static void time_of_day_advances_with_time(void **state)
{
    vml_null_set_realtime(5000);
    assert_true(vml_platform_realtime_ns() == 5000);
    vml_null_set_time(vml_platform_time_ns() + 70);
    assert_true(vml_platform_realtime_ns() == 5070);
}

static char line[600];
static enum vml_log_level line_level;
static unsigned lines;

static void collect(void *context, enum vml_log_level level, const char *text)
{
    assert_ptr_equal(context, line);
    lines++;
    line_level = level;
    (void)snprintf(line, sizeof(line), "%s", text);
}

static void log_goes_to_the_sink(void **state)
{
    vml_log(VML_LOG_ERROR, "nowhere");
    vml_log_set_sink(collect, line);
    vml_log(VML_LOG_DEBUG, "not by default");
    assert_int_equal(lines, 0);
    vml_log(VML_LOG_INFO, "GICD_ISENABLER%u at 0x%llx", 3u, 0x10cull);
    assert_string_equal(line, "GICD_ISENABLER3 at 0x10c");
    assert_int_equal(line_level, VML_LOG_INFO);
    vml_log_set_level(VML_LOG_DEBUG);
    vml_log(VML_LOG_DEBUG, "now");
    assert_string_equal(line, "now");
    vml_log_set_level(VML_LOG_INFO);
    vml_log_set_sink(NULL, NULL);
}

/* The same as the C library, which is asked at the same time. */
static void check(size_t size, const char *format, ...) VML_PRINTF(2, 3);
static void check(size_t size, const char *format, ...)
{
    char expected[256];
    char got[256];
    va_list args;
    size_t length;

    memset(got, '#', sizeof(got));
    va_start(args, format);
    (void)vsnprintf(expected, size, format, args);
    va_end(args);
    va_start(args, format);
    length = vml_null_format(got, size, format, args);
    va_end(args);
    assert_string_equal(got, expected);
    assert_int_equal(length, strlen(expected));
    assert_int_equal(got[size], '#');
}

static void formats_as_printf_does(void **state)
{
    const uint64_t values[] = {0,          1,          9,           10,        255,
                               0x7fffffff, 0x80000000, 0xffffffffu, INT64_MAX, UINT64_MAX};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        unsigned long long v = values[i];

        check(200, "%d %i %u %x %X", (int)v, (int)v, (unsigned)v, (unsigned)v, (unsigned)v);
        check(200, "%lld|%llu|%llx|%#llx|%#llX", (long long)v, v, v, v, v);
        check(200, "%ld|%lu|%zu|%jd|%td", (long)v, (unsigned long)v, (size_t)v, (intmax_t)v,
              (ptrdiff_t)v);
        check(200, "%hhu|%hhd|%hu|%hd", (unsigned char)v, (signed char)v, (unsigned short)v,
              (short)v);
        check(200, "%20lld|%-20lld|%020lld|%+lld", (long long)v, (long long)v, (long long)v,
              (long long)v);
        check(200, "%.5llu|%12.5llu|%-12.5llx|%#018llx|%.0llu", v, v, v, v, v);
    }
    check(200, "%s|%10s|%-10s|%.3s|%.0s", "pl011", "pl011", "pl011", "pl011", "pl011");
    check(200, "100%% %c%3c%-3c|", 'a', 'b', 'c');
    check(200, "%p", (void *)0x1234);
    check(8, "%s and more", "longer than that");
    check(8, "%300d", 7);
    check(1, "%d", 7);
}

static size_t format(char *buffer, size_t size, const char *text, ...)
{
    va_list args;
    size_t length;

    va_start(args, text);
    length = vml_null_format(buffer, size, text, args);
    va_end(args);
    return length;
}

static void unknown_conversions_end_the_formatting(void **state)
{
    char text[64];

    assert_int_equal(format(text, sizeof(text), "a %q %d", 1), 7);
    assert_string_equal(text, "a %q %d");
    assert_int_equal(format(text, sizeof(text), "a %"), 3);
    assert_string_equal(text, "a %");
    assert_int_equal(format(text, sizeof(text), "%s", NULL), 6);
    assert_string_equal(text, "(null)");
    assert_int_equal(format(text, sizeof(text), "%99999999999999999999d|", 1), 63);
}

static void print(void *context, enum vml_log_level level, const char *text)
{
    (void)!write(2, text, strlen(text));
}

static void panic_says_why_and_stops(void **state)
{
    int out[2];
    char text[256] = {0};
    int status = 0;
    pid_t child;

    assert_int_equal(pipe(out), 0);
    child = fork();
    if (child == 0) {
        signal(SIGTRAP, SIG_DFL);
        (void)dup2(out[1], 2);
        vml_log_set_sink(print, NULL);
        vml_panic("gic.c", 42, "INTID %u", 1020u);
    }
    (void)close(out[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(out[0], text, sizeof(text) - 1) > 0);
    (void)close(out[0]);
    assert_non_null(strstr(text, "INTID 1020"));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTRAP);
}

static void there_is_no_entropy(void **state)
{
    uint8_t byte = 1;

    assert_int_equal(vml_platform_entropy(&byte, 1), VML_ERR_UNSUPPORTED);
    assert_int_equal(byte, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_are_nothing_and_waits_do_not_block),
        cmocka_unit_test(timers_run_in_order_when_time_is_set),
        cmocka_unit_test(time_of_day_advances_with_time),
        cmocka_unit_test(log_goes_to_the_sink),
        cmocka_unit_test(formats_as_printf_does),
        cmocka_unit_test(unknown_conversions_end_the_formatting),
        cmocka_unit_test(panic_says_why_and_stops),
        cmocka_unit_test(there_is_no_entropy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
