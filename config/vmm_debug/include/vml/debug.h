/**
 * @file
 * @brief Debug levels, statistics, assertions, and the trace of what a VM does.
 *
 * The trace is one ring of fixed-size binary events per vCPU (and one for all other threads), written
 * without locks by its owner and read by anyone: old events are overwritten.  When it is off an event
 * costs one predicted branch.
 * @defgroup vml_debug Debugging
 * @{
 */
#ifndef VML_DEBUG_H
#define VML_DEBUG_H

#include <stdatomic.h>
#include <vml/arch.h>
#include <vml/base.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief How much a VM says about itself, by vml_log(), in lines of level VML_LOG_INFO. A guest can make
 * it say much: for debugging only. */
enum vml_debug_level {
    VML_DEBUG_NONE,      /**< nothing */
    VML_DEBUG_CONDENSED, /**< what goes wrong: accesses that nobody answers or that a device refuses,
                              unknown firmware calls, drivers that break their device's protocol */
    VML_DEBUG_DETAILED,  /**< each firmware call as well */
    VML_DEBUG_FULL,      /**< each access on a bus as well */
};

/** @brief What a trace event tells. `a`, `b` and `c` are its arguments. */
enum vml_trace_kind {
    VML_TRACE_NONE = 0,
    VML_TRACE_BUS_READ,      /**< a: address, b: value, c: size | result << 8 | space << 16 */
    VML_TRACE_BUS_WRITE,     /**< as VML_TRACE_BUS_READ */
    VML_TRACE_IRQ_RAISE,     /**< a: INTID, b: target vCPU or ~0, c: level */
    VML_TRACE_IRQ_ACK,       /**< a: INTID, b: priority */
    VML_TRACE_IRQ_EOI,       /**< a: INTID */
    VML_TRACE_IRQ_OUTPUT,    /**< a: vml_irq_output, b: level */
    VML_TRACE_MSI,           /**< a: address, b: data, c: device ID */
    VML_TRACE_CPU_STATE,     /**< a: old state, b: new state */
    VML_TRACE_CPU_ENTER,     /**< begins to make guest progress */
    VML_TRACE_CPU_EXIT,      /**< ends to: waits, is rounded up, paused or stopped, or the engine
                                  returns. a: enum vml_cpu_request bits, b: enum vml_cpu_state */
    VML_TRACE_FIRMWARE,      /**< a: function ID, b: first argument, c: result */
    VML_TRACE_QUEUE_NOTIFY,  /**< a: device's base or ID, b: queue */
    VML_TRACE_QUEUE_USED,    /**< a: device's base or ID, b: queue, c: chains published */
    VML_TRACE_TIMER_ARM,     /**< a: INTID, b: deadline in ticks of the clock, c: vCPU */
    VML_TRACE_TIMER_FIRE,    /**< a: INTID, c: vCPU */
    VML_TRACE_SYSREG_READ,   /**< a: VML_SYSREG(), b and c as VML_TRACE_BUS_READ */
    VML_TRACE_SYSREG_WRITE,  /**< as VML_TRACE_SYSREG_READ */
    VML_TRACE_USER = 0x8000, /**< and above: the embedder's own */
};

/** @brief One event. */
struct vml_trace_event {
    uint64_t time_ns; /**< platform monotonic time */
    uint64_t a;       /**< see the kind */
    uint64_t b;       /**< see the kind */
    uint32_t c;       /**< see the kind */
    uint16_t kind;    /**< enum vml_trace_kind */
    uint16_t cpu;     /**< vCPU index, 0xffff for other threads */
};

/** @brief The ring of one vCPU. Members are private. */
struct vml_trace_ring {
    VML_CACHE_ALIGNED _Atomic uint64_t head; /**< events ever written */
    struct vml_trace_event *events;          /**< `capacity` of them */
    uint32_t capacity;                       /**< a power of two */
};

/** @brief The debug state of one VM. */
struct vml_debug {
    _Atomic int level;            /**< enum vml_debug_level */
    _Atomic bool tracing;         /**< events are written */
    _Atomic bool watched;         /**< events are written, or the level is not VML_DEBUG_NONE */
    struct vml_trace_ring *rings; /**< one per vCPU, then one for other threads; or NULL */
    uint32_t cpus;                /**< vCPUs; rings are one more */
    struct vml_mutex other_lock;  /**< of the ring of other threads */
};

/** @brief Makes debug state ready: level none, tracing off, no rings. */
void vml_debug_init(struct vml_debug *debug);
/** @brief Gives it rings.
 * @param rings `cpus` + 1 of them
 * @param events (`cpus` + 1) * `capacity` of them
 * @param capacity events a ring; a power of two, at least 2 */
VML_MUST_CHECK enum vml_status vml_debug_set_rings(struct vml_debug *debug,
                                                   struct vml_trace_ring *rings,
                                                   struct vml_trace_event *events, uint32_t cpus,
                                                   uint32_t capacity);
/** @brief Switches tracing. Stays off without rings. */
void vml_debug_set_tracing(struct vml_debug *debug, bool on);
/** @brief Sets how much the VM says. Any thread, any time. */
void vml_debug_set_level(struct vml_debug *debug, enum vml_debug_level level);

/** @brief True when the VM says things of this level. @param debug may be NULL */
static inline bool vml_debug_enabled(const struct vml_debug *debug, enum vml_debug_level level)
{
    return debug && atomic_load_explicit(&debug->level, memory_order_relaxed) >= (int)level;
}

/** @brief True while events are written or a level is set: what is told of on both ways asks first.
 * @param debug may be NULL */
static inline bool vml_debug_watched(const struct vml_debug *debug)
{
    return VML_UNLIKELY(debug != NULL) &&
           atomic_load_explicit(&debug->watched, memory_order_relaxed);
}

/** @brief True while events are written: for callers that would have to compute the arguments. */
static inline bool vml_trace_on(const struct vml_debug *debug)
{
    return VML_UNLIKELY(debug != NULL) &&
           atomic_load_explicit(&debug->tracing, memory_order_relaxed);
}

/** @brief Writes an event; use vml_trace(). */
void vml_trace_write(struct vml_debug *debug, uint32_t cpu, enum vml_trace_kind kind, uint64_t a,
                     uint64_t b, uint32_t c);

/** @brief Writes an event when tracing is on. @param debug may be NULL
 * @param cpu the vCPU whose thread this is, or UINT32_MAX */
static inline void vml_trace(struct vml_debug *debug, uint32_t cpu, enum vml_trace_kind kind,
                             uint64_t a, uint64_t b, uint32_t c)
{
    if (VML_UNLIKELY(vml_trace_on(debug))) {
        vml_trace_write(debug, cpu, kind, a, b, c);
    }
}

/** @brief Copies the events of one ring out, oldest first; those overwritten meanwhile are left out.
 * @param ring index: a vCPU's, or `cpus` for other threads
 * @return events copied, at most `max` */
size_t vml_trace_read(struct vml_debug *debug, uint32_t ring, struct vml_trace_event *out,
                      size_t max);
/** @brief The name of an event kind, for exporters; "?" for none. */
const char *vml_trace_kind_name(enum vml_trace_kind kind);

/** @name Assertions and abort variants: for the embedder's mistakes, never for what a guest does
 * @{ */
/** @brief Ends the program when an embedder's promise is broken. */
#define VML_ASSERT(condition)                                                                      \
    (VML_LIKELY(condition) ? (void)0                                                               \
                           : vml_panic(__FILE__, __LINE__, "assertion failed: %s", #condition))
/** @brief A state that the specification leaves undefined and that cannot be gone on from. */
#define VML_ABORT_UNDEFINED(what) vml_panic(__FILE__, __LINE__, "undefined: %s", what)
/** @brief A state that this code excludes. */
#define VML_ABORT_UNEXPECTED(what) vml_panic(__FILE__, __LINE__, "unexpected: %s", what)
/** @brief The host's hardware lacks something that was promised. */
#define VML_ABORT_HARDWARE(what) vml_panic(__FILE__, __LINE__, "unsupported hardware: %s", what)
/** @brief The configuration is wrong where it can no longer be refused. */
#define VML_ABORT_CONFIG(what) vml_panic(__FILE__, __LINE__, "bad configuration: %s", what)
/** @brief A request for something that is not there. */
#define VML_ABORT_UNSUPPORTED(what) vml_panic(__FILE__, __LINE__, "not supported: %s", what)
/** @} */

#ifdef __cplusplus
}
#endif
/** @} */
#endif
