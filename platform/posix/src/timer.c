/*
 * All timers of the process share one thread, which starts with the first and sleeps until the earliest
 * deadline.
 *
 * Lock order: queue_lock alone; it is not held while a callback runs.
 */
#include "park.h"

#include <pthread.h>
#include <signal.h>

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t callback_ended = PTHREAD_COND_INITIALIZER;
static struct vml_platform_timer *queue;         /* armed timers, the earliest first */
static const struct vml_platform_timer *running; /* the one whose callback is running */
static bool started;
static struct vml_signal queue_changed;

static void *timer_thread(void *unused)
{
    (void)pthread_mutex_lock(&queue_lock);
    for (;;) {
        struct vml_platform_timer *timer = queue;

        if (timer != NULL && timer->deadline_ns <= vml_platform_time_ns()) {
            void (*fn)(void *context) = timer->fn;
            void *context = timer->context;

            queue = timer->next;
            timer->deadline_ns = VML_TIME_NEVER;
            running = timer;
            (void)pthread_mutex_unlock(&queue_lock);
            fn(context);
            (void)pthread_mutex_lock(&queue_lock);
            running = NULL;
            (void)pthread_cond_broadcast(&callback_ended);
        } else {
            uint64_t deadline_ns = timer == NULL ? VML_TIME_NEVER : timer->deadline_ns;

            (void)pthread_mutex_unlock(&queue_lock);
            (void)!vml_signal_wait_until(&queue_changed, deadline_ns);
            (void)pthread_mutex_lock(&queue_lock);
        }
    }
    return unused;
}

/* Signals of the process are for its own threads. */
static enum vml_status start(void)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    int error;

    if (started) {
        return VML_OK;
    }
    vml_signal_init(&queue_changed);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, NULL, timer_thread, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        return VML_ERR_NO_MEMORY;
    }
    (void)pthread_detach(thread);
    started = true;
    return VML_OK;
}

static void unlink_timer(const struct vml_platform_timer *timer)
{
    struct vml_platform_timer **link = &queue;

    while (*link != NULL && *link != timer) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = timer->next;
    }
}

enum vml_status vml_platform_timer_init(struct vml_platform_timer *timer, vml_platform_timer_fn fn,
                                        void *context)
{
    enum vml_status status;

    (void)pthread_mutex_lock(&queue_lock);
    status = start();
    (void)pthread_mutex_unlock(&queue_lock);
    if (status == VML_OK) {
        timer->fn = fn;
        timer->context = context;
        timer->next = NULL;
        timer->deadline_ns = VML_TIME_NEVER;
    }
    return status;
}

void vml_platform_timer_destroy(struct vml_platform_timer *timer)
{
    (void)pthread_mutex_lock(&queue_lock);
    unlink_timer(timer);
    while (running == timer) {
        (void)pthread_cond_wait(&callback_ended, &queue_lock);
        /* Its callback may have armed it again. */
        unlink_timer(timer);
    }
    (void)pthread_mutex_unlock(&queue_lock);
}

void vml_platform_timer_arm(struct vml_platform_timer *timer, uint64_t deadline_ns)
{
    bool earliest = false;

    (void)pthread_mutex_lock(&queue_lock);
    unlink_timer(timer);
    timer->deadline_ns = deadline_ns;
    if (deadline_ns != VML_TIME_NEVER) {
        struct vml_platform_timer **link = &queue;

        while (*link != NULL && (*link)->deadline_ns <= deadline_ns) {
            link = &(*link)->next;
        }
        timer->next = *link;
        *link = timer;
        earliest = queue == timer;
    }
    (void)pthread_mutex_unlock(&queue_lock);
    if (earliest) {
        vml_signal_set(&queue_changed);
    }
}
