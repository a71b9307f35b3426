#define _GNU_SOURCE
#include "failures.h"

#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

unsigned long descriptors_end(unsigned more)
{
    struct rlimit limit;
    unsigned long before;
    int next = fcntl(0, F_DUPFD, 0);

    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = (unsigned)next + more;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

void descriptors_back(unsigned long before)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = before;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static size_t stack;

static void set_stack(size_t size)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, size), 0);
    assert_int_equal(pthread_setattr_default_np(&attributes), 0);
    pthread_attr_destroy(&attributes);
}

void threads_end(void)
{
    pthread_attr_t attributes;

    pthread_getattr_default_np(&attributes);
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_destroy(&attributes);
    set_stack((size_t)1 << 50);
}

void threads_back(void)
{
    set_stack(stack);
}

void privileges_end(void)
{
    if (geteuid() == 0) {
        assert_int_equal(seteuid(65534), 0);
    }
}

void privileges_back(void)
{
    if (getuid() == 0) {
        assert_int_equal(seteuid(0), 0);
    }
}
