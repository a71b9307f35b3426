/* The system calls as the engine wants them. Whether there is a /dev/kvm is left open. */
#include "test.h"

#include <vml/linux_kvm.h>

static struct vml_kvm_system system_calls;

#if defined(__linux__) && defined(__aarch64__)
#include <signal.h>
#include <unistd.h>

static int begin(void **state)
{
    return vml_linux_kvm(&system_calls, 0) == VML_OK ? 0 : -1;
}

static void test_all_is_there(void **state)
{
    assert_non_null(system_calls.open);
    assert_non_null(system_calls.kick);
    assert_true(system_calls.CNTFRQ_EL0 != 0);
    assert_true((system_calls.DCZID_EL0 & 15) != 0);
}

static void test_signals_that_cannot_be_caught(void **state)
{
    struct vml_kvm_system other;

    assert_int_equal(vml_linux_kvm(&other, SIGKILL), VML_ERR_INVALID);
    assert_int_equal(vml_linux_kvm(&other, SIGUSR1), VML_OK);
}

/* Errors are negative numbers. */
static void test_errors(void **state)
{
    int fd = system_calls.open(system_calls.context);

    assert_true((fd >= 0) == (vml_linux_kvm_unavailable() == NULL));
    if (fd >= 0) {
        system_calls.close(system_calls.context, fd);
    }
    assert_true(system_calls.ioctl(system_calls.context, -1, 0xae00, 0) < 0);
    assert_null(system_calls.map(system_calls.context, -1, 4096));
}

static void test_mappings(void **state)
{
    char name[] = "/tmp/vml-kvm-XXXXXX";
    int fd = mkstemp(name);
    char *at;

    assert_true(fd >= 0);
    (void)unlink(name);
    assert_int_equal(ftruncate(fd, 4096), 0);
    at = system_calls.map(system_calls.context, fd, 4096);
    assert_non_null(at);
    at[4095] = 1;
    system_calls.unmap(system_calls.context, at, 4096);
    system_calls.close(system_calls.context, fd);
}

static void test_kick_interrupts(void **state)
{
    uint64_t self = system_calls.thread(system_calls.context);
    struct sigaction action;

    assert_true(self != 0);
    assert_int_equal(sigaction(SIGUSR2, NULL, &action), 0);
    assert_int_equal(action.sa_flags & SA_RESTART, 0);
    system_calls.kick(system_calls.context, self); /* a handler that does nothing */
    system_calls.kick(system_calls.context, 0x7fffffff);
}

static void test_eventfd(void **state)
{
    int fd = vml_linux_eventfd();
    uint64_t value = 3;

    assert_true(fd >= 0);
    assert_int_equal(read(fd, &value, 8), -1); /* does not block */
    assert_int_equal(write(fd, &value, 8), 8);
    value = 0;
    assert_int_equal(read(fd, &value, 8), 8);
    assert_int_equal(value, 3);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_there),
        cmocka_unit_test(test_signals_that_cannot_be_caught),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_kick_interrupts),
        cmocka_unit_test(test_eventfd),
    };

    return cmocka_run_group_tests(tests, begin, NULL);
}

#else

static void test_not_here(void **state)
{
    assert_int_equal(vml_linux_kvm(&system_calls, 0), VML_ERR_UNSUPPORTED);
    assert_non_null(strstr(vml_linux_kvm_unavailable(), "arm64"));
    assert_true(vml_linux_eventfd() < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
