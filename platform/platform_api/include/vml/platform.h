/**
 * @file
 * @brief The services that a library may ask of the system that it runs on: declared here, and nowhere else.
 *
 * A platform supplies `<vml/platform_types.h>` (the objects, so that their sizes are known at compile
 * time, and inline fast paths where it has them) and an archive with the rest.  platform/README.md is
 * the porting guide.  In the table of that guide each function is marked *core* (the device libraries
 * need it) or *hosted* (only engines, examples and tests do; a platform may leave it out).
 * @defgroup vml_platform_api Platform API
 * @{
 */
#ifndef VML_PLATFORM_H
#define VML_PLATFORM_H

#include <stdarg.h>
#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Defines struct vml_mutex, vml_rwlock, vml_sem, vml_signal, vml_platform_timer, vml_thread, and may
 * define any of the functions below as static inline; for each one it then also defines a macro of
 * the function's name, as in `#define vml_mutex_lock vml_mutex_lock`.
 */
#include <vml/platform_types.h>

/** @brief A deadline that never comes, in nanoseconds. */
#define VML_TIME_NEVER UINT64_MAX

/** @name Mutex (core)
 * Not recursive.  Unlocked by the thread that locked it.  Short sections only: see the lock rules.
 * @{ */
#ifndef vml_mutex_init
/** @brief Makes a mutex ready, unlocked. */
void vml_mutex_init(struct vml_mutex *mutex);
#endif
#ifndef vml_mutex_destroy
/** @brief Ends the use of an unlocked mutex. */
void vml_mutex_destroy(struct vml_mutex *mutex);
#endif
#ifndef vml_mutex_lock
/** @brief Waits until the mutex is free and takes it. Acquire ordering. */
void vml_mutex_lock(struct vml_mutex *mutex);
#endif
#ifndef vml_mutex_try_lock
/** @brief Takes the mutex if it is free. @return true when taken */
bool vml_mutex_try_lock(struct vml_mutex *mutex);
#endif
#ifndef vml_mutex_unlock
/** @brief Gives the mutex back. Release ordering. */
void vml_mutex_unlock(struct vml_mutex *mutex);
#endif
/** @} */

/** @name Reader-writer lock (core)
 * Writers are not starved.
 * @{ */
#ifndef vml_rwlock_init
void vml_rwlock_init(struct vml_rwlock *lock);         /**< @brief Makes it ready, free. */
void vml_rwlock_destroy(struct vml_rwlock *lock);      /**< @brief Ends the use of a free lock. */
void vml_rwlock_read_lock(struct vml_rwlock *lock);    /**< @brief Shares it with other readers. */
void vml_rwlock_read_unlock(struct vml_rwlock *lock);  /**< @brief Ends a read section. */
void vml_rwlock_write_lock(struct vml_rwlock *lock);   /**< @brief Takes it alone. */
void vml_rwlock_write_unlock(struct vml_rwlock *lock); /**< @brief Ends a write section. */
#endif
/** @} */

/** @name Counting semaphore (hosted)
 * @{ */
#ifndef vml_sem_init
void vml_sem_init(struct vml_sem *sem, uint32_t count); /**< @brief Makes it ready with a count. */
void vml_sem_destroy(struct vml_sem *sem); /**< @brief Ends its use; nobody waits in it. */
void vml_sem_post(struct vml_sem *sem);    /**< @brief Adds one and wakes one waiter. */
/** @brief Takes one, waiting for it until a time.
 * @param deadline_ns on the clock of vml_platform_time_ns(); VML_TIME_NEVER waits for ever; 0 polls
 * @return VML_OK or VML_ERR_TIMEOUT */
VML_MUST_CHECK enum vml_status vml_sem_wait_until(struct vml_sem *sem, uint64_t deadline_ns);
#endif
/** @} */

/** @name Signal: an auto-reset event (core)
 * vml_signal_set() is remembered until one wait consumes it; setting it twice is setting it once.
 * What was written before the set is seen after the wait that consumed it.
 * @{ */
#ifndef vml_signal_init
void vml_signal_init(struct vml_signal *signal);    /**< @brief Makes it ready, not set. */
void vml_signal_destroy(struct vml_signal *signal); /**< @brief Ends its use; nobody waits in it. */
void vml_signal_set(struct vml_signal *signal);     /**< @brief Sets it and wakes one waiter. */
/** @brief Waits until it is set, and resets it. See vml_sem_wait_until() for the deadline. */
VML_MUST_CHECK enum vml_status vml_signal_wait_until(struct vml_signal *signal,
                                                     uint64_t deadline_ns);
#endif
/** @} */

/** @name Time (core)
 * @{ */
#ifndef vml_platform_time_ns
uint64_t vml_platform_time_ns(void);     /**< @brief Monotonic nanoseconds; never goes back. */
uint64_t vml_platform_realtime_ns(void); /**< @brief Nanoseconds since 1970-01-01 UTC. */
#endif
/** @} */

/** @name One-shot deadline timer (core)
 * The callback runs on a thread of the platform, without locks held, and may arm the timer again.
 * @{ */
/** @brief Called when the deadline has passed. */
typedef void (*vml_platform_timer_fn)(void *context);
#ifndef vml_platform_timer_init
/** @brief Makes a timer ready, not armed. */
VML_MUST_CHECK enum vml_status vml_platform_timer_init(struct vml_platform_timer *timer,
                                                       vml_platform_timer_fn fn, void *context);
/** @brief Cancels it and waits until its callback is not running. Not from its own callback. */
void vml_platform_timer_destroy(struct vml_platform_timer *timer);
/** @brief Arms it, or moves its deadline. A deadline in the past fires at once.
 * VML_TIME_NEVER disarms it; a callback that has already begun still finishes. */
void vml_platform_timer_arm(struct vml_platform_timer *timer, uint64_t deadline_ns);
#endif
/** @} */

/** @name Threads (hosted)
 * @{ */
/** @brief The body of a thread. */
typedef void (*vml_thread_fn)(void *context);
#ifndef vml_thread_create
/** @brief Starts a thread. @param name for debuggers; copied, may be cut */
VML_MUST_CHECK enum vml_status vml_thread_create(struct vml_thread *thread, const char *name,
                                                 vml_thread_fn fn, void *context);
void vml_thread_join(struct vml_thread *thread); /**< @brief Waits until its body has returned. */
/** @brief Binds the calling thread to one host CPU. */
VML_MUST_CHECK enum vml_status vml_thread_bind(uint32_t host_cpu);
void vml_thread_yield(void); /**< @brief Lets other threads run. */
#endif
/** @} */

/** @name Log and panic (core)
 * @{ */
/** @brief How urgent a line is. */
enum vml_log_level {
    VML_LOG_ERROR,   /**< something does not work */
    VML_LOG_WARNING, /**< something is odd; what was done about it is in the text */
    VML_LOG_INFO,    /**< what a user would like to know */
    VML_LOG_DEBUG,   /**< what only a developer would like to know */
};
/** @brief Where lines go: a whole line, without its newline. Called from any thread. */
typedef void (*vml_log_sink_fn)(void *context, enum vml_log_level level, const char *line);
/** @brief Writes one line. printf-like, bounded to 512 bytes; no newline at the end. */
void vml_log(enum vml_log_level level, const char *format, ...) VML_PRINTF(2, 3);
/** @brief Replaces the sink; NULL restores the platform's own. Before threads start. */
void vml_log_set_sink(vml_log_sink_fn sink, void *context);
/** @brief Drops lines less urgent than `level`. The default is VML_LOG_INFO. */
void vml_log_set_level(enum vml_log_level level);
/** @brief Ends the program because of an embedder's mistake or an impossible state. */
VML_NORETURN void vml_panic(const char *file, int line, const char *format, ...) VML_PRINTF(3, 4);
/** @} */

/** @name Memory for guests (hosted)
 * @{ */
/** @brief What vml_memory_map() maps. */
enum vml_memory_kind {
    VML_MEMORY_ANONYMOUS, /**< zeroed, private to this process */
    VML_MEMORY_SHARED,    /**< zeroed, with a file descriptor that other processes can map */
    VML_MEMORY_FILE,      /**< a file's content, changes go to the file unless read-only */
    VML_MEMORY_FILE_COW,  /**< a file's content, changes stay private */
};
/** @brief Ask for huge pages where the system has them. */
#define VML_MEMORY_HUGE 1u
/** @brief Map without write permission. */
#define VML_MEMORY_READONLY 2u
/** @brief A mapping of host memory; fill with vml_memory_map(). */
struct vml_memory {
    void *host;                /**< first byte, page aligned */
    uint64_t size;             /**< bytes, as asked for */
    int fd;                    /**< descriptor of SHARED and FILE kinds, else -1 */
    enum vml_memory_kind kind; /**< as asked for */
};
/** @brief Maps memory.
 * @param memory filled on success, untouched otherwise
 * @param kind what to map
 * @param path file name for the FILE kinds, NULL otherwise
 * @param size bytes, not 0; for FILE kinds 0 means the whole file
 * @param flags VML_MEMORY_HUGE, VML_MEMORY_READONLY
 * @return VML_OK, VML_ERR_INVALID, VML_ERR_NOT_FOUND, VML_ERR_ACCESS, VML_ERR_NO_MEMORY, VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_memory_map(struct vml_memory *memory, enum vml_memory_kind kind,
                                              const char *path, uint64_t size, uint32_t flags);
/** @brief Unmaps it; also closes its descriptor. */
void vml_memory_unmap(struct vml_memory *memory);
/** @} */

/** @name Entropy (core)
 * @{ */
/** @brief Fills a buffer with cryptographically strong random bytes.
 * @return VML_OK, or VML_ERR_UNSUPPORTED where the platform has none */
VML_MUST_CHECK enum vml_status vml_platform_entropy(void *buffer, size_t len);
/** @} */

#ifdef __cplusplus
}
#endif
/** @} */
#endif
