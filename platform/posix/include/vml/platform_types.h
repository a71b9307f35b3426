/*
 * The platform's objects on a POSIX system.  <vml/platform.h> says what the functions mean.
 * Nothing of the system's headers comes in here: the core is compiled against this file.
 */
#ifndef VML_PLATFORM_TYPES_H
#define VML_PLATFORM_TYPES_H

#include <vml/base.h>

/* All members are private, and accessed atomically. */

struct vml_mutex {
    uint32_t state; /* 0 free, 1 locked, 2 locked and somebody may wait */
};

struct vml_rwlock {
    struct vml_mutex gate; /* held by the writer, and by a reader while it enters */
    uint32_t readers;      /* number of readers inside, and bit 31: a writer waits for them */
};

struct vml_sem {
    uint32_t count;
    uint32_t waiters;
};

struct vml_signal {
    uint32_t state; /* 1 when set */
    uint32_t waiters;
};

struct vml_platform_timer {
    void (*fn)(void *context);
    void *context;
    struct vml_platform_timer *next; /* in the queue, by deadline */
    uint64_t deadline_ns;
};

struct vml_thread {
    uintptr_t handle; /* the system's, as bytes */
    void (*fn)(void *context);
    void *context;
    char name[16];
};

/* The uncontended path of a mutex is inline: one compare-and-swap, one exchange. */
void vml_posix_mutex_wait(struct vml_mutex *mutex);
void vml_posix_mutex_wake(struct vml_mutex *mutex);

#define vml_mutex_init vml_mutex_init
static inline void vml_mutex_init(struct vml_mutex *mutex)
{
    mutex->state = 0;
}

#define vml_mutex_destroy vml_mutex_destroy
static inline void vml_mutex_destroy(struct vml_mutex *mutex)
{
    (void)mutex;
}

#define vml_mutex_try_lock vml_mutex_try_lock
static inline bool vml_mutex_try_lock(struct vml_mutex *mutex)
{
    uint32_t free_state = 0;

    return __atomic_compare_exchange_n(&mutex->state, &free_state, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

#define vml_mutex_lock vml_mutex_lock
static inline void vml_mutex_lock(struct vml_mutex *mutex)
{
    if (VML_UNLIKELY(!vml_mutex_try_lock(mutex))) {
        vml_posix_mutex_wait(mutex);
    }
}

#define vml_mutex_unlock vml_mutex_unlock
static inline void vml_mutex_unlock(struct vml_mutex *mutex)
{
    if (VML_UNLIKELY(__atomic_exchange_n(&mutex->state, 0, __ATOMIC_RELEASE) == 2)) {
        vml_posix_mutex_wake(mutex);
    }
}

#endif
