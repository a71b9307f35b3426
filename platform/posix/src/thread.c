#if defined(__linux__)
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* names and CPU sets of threads */
#endif
#endif
#include <vml/platform.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

_Static_assert(sizeof(pthread_t) <= sizeof(uintptr_t), "a thread's handle fits its place");

static void *thread_main(void *argument)
{
    struct vml_thread *thread = argument;

#if defined(__linux__)
    (void)pthread_setname_np(pthread_self(), thread->name);
#endif
    thread->fn(thread->context);
    return NULL;
}

enum vml_status vml_thread_create(struct vml_thread *thread, const char *name, vml_thread_fn fn,
                                  void *context)
{
    pthread_t handle;

    memset(thread, 0, sizeof(*thread));
    thread->fn = fn;
    thread->context = context;
    for (size_t i = 0; i < sizeof(thread->name) - 1 && name[i] != '\0'; i++) {
        thread->name[i] = name[i];
    }
    if (pthread_create(&handle, NULL, thread_main, thread) != 0) {
        return VML_ERR_NO_MEMORY;
    }
    memcpy(&thread->handle, &handle, sizeof(handle));
    return VML_OK;
}

void vml_thread_join(struct vml_thread *thread)
{
    pthread_t handle;

    memcpy(&handle, &thread->handle, sizeof(handle));
    (void)pthread_join(handle, NULL);
}

enum vml_status vml_thread_bind(uint32_t host_cpu)
{
#if defined(__linux__)
    cpu_set_t set;

    if (host_cpu >= CPU_SETSIZE) {
        return VML_ERR_RANGE;
    }
    CPU_ZERO(&set);
    CPU_SET(host_cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0 ? VML_OK : VML_ERR_RANGE;
#else
    (void)host_cpu;
    return VML_ERR_UNSUPPORTED;
#endif
}

void vml_thread_yield(void)
{
    (void)sched_yield();
}
