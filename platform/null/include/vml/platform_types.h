/*
 * The platform's objects for one thread and no operating system: a lock that nobody else can hold is
 * nothing.  <vml/platform.h> says what the functions mean, <vml/platform_null.h> what is special here.
 */
#ifndef VML_PLATFORM_TYPES_H
#define VML_PLATFORM_TYPES_H

#include <vml/base.h>

/* An empty struct is not C11; none of these is read but where it says so. */

struct vml_mutex {
    uint8_t unused;
};

struct vml_rwlock {
    uint8_t unused;
};

struct vml_sem {
    uint32_t count;
};

struct vml_signal {
    bool set;
};

struct vml_platform_timer {
    void (*fn)(void *context);
    void *context;
    struct vml_platform_timer *next; /* in the queue, by deadline */
    uint64_t deadline_ns;
};

struct vml_thread {
    uint8_t unused;
};

#define vml_mutex_init vml_mutex_init
static inline void vml_mutex_init(struct vml_mutex *mutex)
{
    mutex->unused = 0;
}

#define vml_mutex_destroy vml_mutex_destroy
static inline void vml_mutex_destroy(struct vml_mutex *mutex)
{
    (void)mutex;
}

#define vml_mutex_lock vml_mutex_lock
static inline void vml_mutex_lock(struct vml_mutex *mutex)
{
    (void)mutex;
}

#define vml_mutex_try_lock vml_mutex_try_lock
static inline bool vml_mutex_try_lock(struct vml_mutex *mutex)
{
    (void)mutex;
    return true;
}

#define vml_mutex_unlock vml_mutex_unlock
static inline void vml_mutex_unlock(struct vml_mutex *mutex)
{
    (void)mutex;
}

#define vml_rwlock_init vml_rwlock_init
static inline void vml_rwlock_init(struct vml_rwlock *lock)
{
    lock->unused = 0;
}

static inline void vml_rwlock_destroy(struct vml_rwlock *lock)
{
    (void)lock;
}

static inline void vml_rwlock_read_lock(struct vml_rwlock *lock)
{
    (void)lock;
}

static inline void vml_rwlock_read_unlock(struct vml_rwlock *lock)
{
    (void)lock;
}

static inline void vml_rwlock_write_lock(struct vml_rwlock *lock)
{
    (void)lock;
}

static inline void vml_rwlock_write_unlock(struct vml_rwlock *lock)
{
    (void)lock;
}

/* Nobody else can post or set while the only thread waits: a wait that would block times out. */

#define vml_sem_init vml_sem_init
static inline void vml_sem_init(struct vml_sem *sem, uint32_t count)
{
    sem->count = count;
}

static inline void vml_sem_destroy(struct vml_sem *sem)
{
    (void)sem;
}

static inline void vml_sem_post(struct vml_sem *sem)
{
    sem->count++;
}

VML_MUST_CHECK static inline enum vml_status vml_sem_wait_until(struct vml_sem *sem,
                                                                uint64_t deadline_ns)
{
    (void)deadline_ns;
    if (sem->count == 0) {
        return VML_ERR_TIMEOUT;
    }
    sem->count--;
    return VML_OK;
}

#define vml_signal_init vml_signal_init
static inline void vml_signal_init(struct vml_signal *signal)
{
    signal->set = false;
}

static inline void vml_signal_destroy(struct vml_signal *signal)
{
    (void)signal;
}

static inline void vml_signal_set(struct vml_signal *signal)
{
    signal->set = true;
}

VML_MUST_CHECK static inline enum vml_status vml_signal_wait_until(struct vml_signal *signal,
                                                                   uint64_t deadline_ns)
{
    (void)deadline_ns;
    if (!signal->set) {
        return VML_ERR_TIMEOUT;
    }
    signal->set = false;
    return VML_OK;
}

#endif
