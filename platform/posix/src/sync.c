/*
 * Mutex, reader-writer lock, semaphore and signal.
 *
 * No lock is held while another is taken, but for a rwlock's gate, which a writer keeps while it waits
 * for the readers that are inside.
 */
#include "park.h"

#include <time.h>

#define WRITER_WAITS UINT32_C(0x80000000)

void vml_posix_mutex_wait(struct vml_mutex *mutex)
{
    /* Whoever waited cannot know whether others still do, and takes it in the state that wakes. */
    while (__atomic_exchange_n(&mutex->state, 2, __ATOMIC_ACQUIRE) != 0) {
        posix_park(&mutex->state, 2, VML_TIME_NEVER);
    }
}

void vml_posix_mutex_wake(struct vml_mutex *mutex)
{
    posix_unpark(&mutex->state);
}

void vml_rwlock_init(struct vml_rwlock *lock)
{
    vml_mutex_init(&lock->gate);
    lock->readers = 0;
}

void vml_rwlock_destroy(struct vml_rwlock *lock)
{
    vml_mutex_destroy(&lock->gate);
}

void vml_rwlock_read_lock(struct vml_rwlock *lock)
{
    vml_mutex_lock(&lock->gate);
    (void)__atomic_add_fetch(&lock->readers, 1, __ATOMIC_ACQUIRE);
    vml_mutex_unlock(&lock->gate);
}

void vml_rwlock_read_unlock(struct vml_rwlock *lock)
{
    if (__atomic_sub_fetch(&lock->readers, 1, __ATOMIC_RELEASE) == WRITER_WAITS) {
        posix_unpark(&lock->readers);
    }
}

/* The gate stays closed to new readers while the writer waits, so that it is not starved. */
void vml_rwlock_write_lock(struct vml_rwlock *lock)
{
    uint32_t readers;

    vml_mutex_lock(&lock->gate);
    readers = __atomic_or_fetch(&lock->readers, WRITER_WAITS, __ATOMIC_ACQUIRE);
    while (readers != WRITER_WAITS) {
        posix_park(&lock->readers, readers, VML_TIME_NEVER);
        readers = __atomic_load_n(&lock->readers, __ATOMIC_ACQUIRE);
    }
    __atomic_store_n(&lock->readers, 0, __ATOMIC_RELAXED);
}

void vml_rwlock_write_unlock(struct vml_rwlock *lock)
{
    vml_mutex_unlock(&lock->gate);
}

/*
 * A waiter counts itself, then looks at the word again while it goes to sleep; a waker changes the
 * word, then looks for waiters.  All four are sequentially consistent: one sees the other.
 */
static bool wait_once(const uint32_t *word, uint32_t *waiters, uint64_t deadline_ns)
{
    if (deadline_ns != VML_TIME_NEVER &&
        (deadline_ns == 0 || vml_platform_time_ns() >= deadline_ns)) {
        return false;
    }
    (void)__atomic_add_fetch(waiters, 1, __ATOMIC_SEQ_CST);
    posix_park(word, 0, deadline_ns);
    (void)__atomic_sub_fetch(waiters, 1, __ATOMIC_SEQ_CST);
    return true;
}

void vml_sem_init(struct vml_sem *sem, uint32_t count)
{
    sem->count = count;
    sem->waiters = 0;
}

void vml_sem_destroy(struct vml_sem *sem)
{
    (void)sem;
}

void vml_sem_post(struct vml_sem *sem)
{
    (void)__atomic_add_fetch(&sem->count, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&sem->waiters, __ATOMIC_SEQ_CST) != 0) {
        posix_unpark(&sem->count);
    }
}

enum vml_status vml_sem_wait_until(struct vml_sem *sem, uint64_t deadline_ns)
{
    do {
        uint32_t count = __atomic_load_n(&sem->count, __ATOMIC_RELAXED);

        while (count != 0) {
            if (__atomic_compare_exchange_n(&sem->count, &count, count - 1, false, __ATOMIC_ACQUIRE,
                                            __ATOMIC_RELAXED)) {
                return VML_OK;
            }
        }
    } while (wait_once(&sem->count, &sem->waiters, deadline_ns));
    return VML_ERR_TIMEOUT;
}

void vml_signal_init(struct vml_signal *signal)
{
    signal->state = 0;
    signal->waiters = 0;
}

void vml_signal_destroy(struct vml_signal *signal)
{
    (void)signal;
}

void vml_signal_set(struct vml_signal *signal)
{
    (void)__atomic_exchange_n(&signal->state, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&signal->waiters, __ATOMIC_SEQ_CST) != 0) {
        posix_unpark(&signal->state);
    }
}

enum vml_status vml_signal_wait_until(struct vml_signal *signal, uint64_t deadline_ns)
{
    do {
        if (__atomic_exchange_n(&signal->state, 0, __ATOMIC_ACQUIRE) == 1) {
            return VML_OK;
        }
    } while (wait_once(&signal->state, &signal->waiters, deadline_ns));
    return VML_ERR_TIMEOUT;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t vml_platform_time_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t vml_platform_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}
