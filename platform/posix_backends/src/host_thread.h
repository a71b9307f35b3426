/* Threads of the back ends. Private. */
#ifndef HOST_THREAD_H
#define HOST_THREAD_H

#include <pthread.h>
#include <signal.h>

#include <vml/base.h>

/* Signals are for the program's own threads: this one blocks them all, so no call of it is
 * interrupted and no handler finds itself here. */
static inline enum vml_status host_thread_start(pthread_t *thread, void *(*fn)(void *),
                                                void *context)
{
    sigset_t all, saved;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    error = pthread_create(thread, NULL, fn, context);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return error == 0 ? VML_OK : VML_ERR_NO_MEMORY;
}

#endif
