/*
 * Lock order: a bucket's mutex is the innermost lock, and nothing is called with it held.
 */
#include "park.h"

#include <pthread.h>
#include <time.h>

#if defined(__linux__) && !defined(VML_POSIX_NO_FUTEX)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static void to_timespec(uint64_t ns, struct timespec *ts)
{
    ts->tv_sec = (time_t)(ns / 1000000000u);
    ts->tv_nsec = (long)(ns % 1000000000u);
}

/* Waiters of one word share a bucket with those of others; a wake-up wakes them all. */
#define BUCKETS 64

static struct bucket {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} buckets[BUCKETS];
static pthread_once_t buckets_once = PTHREAD_ONCE_INIT;

static void init_buckets(void)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    for (size_t i = 0; i < BUCKETS; i++) {
        (void)pthread_mutex_init(&buckets[i].mutex, NULL);
        (void)pthread_cond_init(&buckets[i].changed, &attributes);
    }
    (void)pthread_condattr_destroy(&attributes);
}

static struct bucket *bucket_of(const uint32_t *word)
{
    (void)pthread_once(&buckets_once, init_buckets);
    return &buckets[((uintptr_t)word >> 2) % BUCKETS];
}

void posix_park_by_cond(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct bucket *bucket = bucket_of(word);
    struct timespec ts;

    (void)pthread_mutex_lock(&bucket->mutex);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected) {
        if (deadline_ns == VML_TIME_NEVER) {
            (void)pthread_cond_wait(&bucket->changed, &bucket->mutex);
        } else {
            to_timespec(deadline_ns, &ts);
            (void)pthread_cond_timedwait(&bucket->changed, &bucket->mutex, &ts);
        }
    }
    (void)pthread_mutex_unlock(&bucket->mutex);
}

void posix_unpark_by_cond(const uint32_t *word)
{
    struct bucket *bucket = bucket_of(word);

    (void)pthread_mutex_lock(&bucket->mutex);
    (void)pthread_cond_broadcast(&bucket->changed);
    (void)pthread_mutex_unlock(&bucket->mutex);
}

#if defined(__linux__) && !defined(VML_POSIX_NO_FUTEX)

void posix_park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct timespec ts;

    to_timespec(deadline_ns, &ts);
    (void)syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
                  deadline_ns == VML_TIME_NEVER ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);
}

void posix_unpark(const uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#else

void posix_park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    posix_park_by_cond(word, expected, deadline_ns);
}

void posix_unpark(const uint32_t *word)
{
    posix_unpark_by_cond(word);
}

#endif
