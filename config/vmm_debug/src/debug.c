#include <vml/debug.h>

void vml_debug_init(struct vml_debug *debug)
{
    atomic_init(&debug->level, VML_DEBUG_NONE);
    atomic_init(&debug->tracing, false);
    atomic_init(&debug->watched, false);
    debug->rings = NULL;
    debug->cpus = 0;
    vml_mutex_init(&debug->other_lock);
}

enum vml_status vml_debug_set_rings(struct vml_debug *debug, struct vml_trace_ring *rings,
                                    struct vml_trace_event *events, uint32_t cpus,
                                    uint32_t capacity)
{
    if (rings == NULL || events == NULL || capacity < 2 || !vml_is_pow2(capacity) ||
        cpus == UINT32_MAX) {
        return VML_ERR_INVALID;
    }
    if (atomic_load(&debug->tracing)) {
        return VML_ERR_STATE;
    }
    for (uint32_t i = 0; i <= cpus; i++) {
        atomic_init(&rings[i].head, 0);
        rings[i].events = events + (size_t)i * capacity;
        rings[i].capacity = capacity;
    }
    debug->rings = rings;
    debug->cpus = cpus;
    return VML_OK;
}

/* Under a lock: of two switches at once, the last leaves what both of them come to. */
static void look_again(struct vml_debug *debug)
{
    vml_mutex_lock(&debug->other_lock);
    atomic_store(&debug->watched,
                 atomic_load(&debug->tracing) || atomic_load(&debug->level) != VML_DEBUG_NONE);
    vml_mutex_unlock(&debug->other_lock);
}

void vml_debug_set_tracing(struct vml_debug *debug, bool on)
{
    atomic_store(&debug->tracing, on && debug->rings != NULL);
    look_again(debug);
}

void vml_debug_set_level(struct vml_debug *debug, enum vml_debug_level level)
{
    atomic_store(&debug->level, (int)level);
    look_again(debug);
}
