/**
 * @file
 * @brief Clocks as devices see them: a counter, its frequency, and events at deadlines.
 *
 * Devices never read a host clock.  They are configured with a `vml_clock`, which is driven by a
 * source: the platform's monotonic time and one-shot timer, a virtual time that an engine advances
 * (deterministic runs, tests), or a hardware counter.
 * @defgroup vml_clock Clocks
 * @{
 */
#ifndef VML_CLOCK_H
#define VML_CLOCK_H

#include <vml/base.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vml_clock;
struct vml_clock_event;

/** @brief A deadline that never comes, in ticks. */
#define VML_CLOCK_NEVER UINT64_MAX

/** @brief Called when an event's deadline has come; no lock held; may arm any event again. */
typedef void (*vml_clock_event_fn)(struct vml_clock_event *event);

/** @brief A deadline of a device. The owner supplies the storage and embeds it. Members are private. */
struct vml_clock_event {
    vml_clock_event_fn fn;         /**< set by vml_clock_event_init() */
    struct vml_clock *clock;       /**< set by vml_clock_event_init() */
    uint64_t deadline;             /**< ticks; VML_CLOCK_NEVER when not armed */
    struct vml_clock_event *child; /**< of the queue */
    struct vml_clock_event *next;  /**< of the queue */
    struct vml_clock_event *prev;  /**< of the queue */
};

/** @brief What drives a clock. */
struct vml_clock_source {
    /** The counter, in ticks. Monotonic. Callable from any thread, lock-free. */
    uint64_t (*now)(void *context);
    /** Asks that vml_clock_run() be called at or soon after `deadline`; VML_CLOCK_NEVER: not any
     * more. Each call replaces the one before. NULL where the owner polls vml_clock_next(). */
    void (*set_deadline)(void *context, uint64_t deadline);
    void *context;         /**< given to both */
    uint64_t frequency_hz; /**< ticks a second; not 0 */
};

/** @brief A clock: a source and the events that wait for it. Any number of threads. */
struct vml_clock {
    struct vml_clock_source source; /**< as given to vml_clock_init() */
    struct vml_mutex lock;          /**< of the queue */
    struct vml_clock_event *root;   /**< pairing heap, earliest at the root */
    uint64_t programmed;            /**< the deadline that the source has, or is being given */
    bool telling;                   /**< a thread is giving it to the source */
};

/** @brief Makes a clock ready. @param source copied */
VML_MUST_CHECK enum vml_status vml_clock_init(struct vml_clock *clock,
                                              const struct vml_clock_source *source);
/** @brief Ends its use; its events must not be armed. */
void vml_clock_destroy(struct vml_clock *clock);

/** @brief The counter now, in ticks. */
static inline uint64_t vml_clock_now(const struct vml_clock *clock)
{
    return clock->source.now(clock->source.context);
}

/** @brief Ticks a second. */
static inline uint64_t vml_clock_frequency(const struct vml_clock *clock)
{
    return clock->source.frequency_hz;
}

/** @brief Makes an event ready, not armed. */
void vml_clock_event_init(struct vml_clock_event *event, struct vml_clock *clock,
                          vml_clock_event_fn fn);
/** @brief Arms an event or moves its deadline; VML_CLOCK_NEVER disarms it.
 * A deadline in the past is called from vml_clock_run(), not from here. */
void vml_clock_event_arm(struct vml_clock_event *event, uint64_t deadline);
/** @brief Disarms an event. A call of its function that has already begun may still be running. */
void vml_clock_event_cancel(struct vml_clock_event *event);
/** @brief Calls the functions of all events whose deadline has come. Called by the source's driver. */
void vml_clock_run(struct vml_clock *clock);
/** @brief The earliest deadline, or VML_CLOCK_NEVER. */
uint64_t vml_clock_next(struct vml_clock *clock);
/** @brief Ticks to nanoseconds, rounded up, saturating; exact for any frequency. */
uint64_t vml_clock_ticks_to_ns(const struct vml_clock *clock, uint64_t ticks);
/** @brief Nanoseconds to ticks, rounded down, saturating. */
uint64_t vml_clock_ns_to_ticks(const struct vml_clock *clock, uint64_t ns);

/** @brief A clock on the platform's monotonic time and one-shot timer. */
struct vml_host_clock {
    struct vml_clock clock;          /**< use this */
    struct vml_platform_timer timer; /**< private */
    uint64_t frequency_hz;           /**< as configured */
    uint64_t origin_ns;              /**< platform time of tick 0 */
};

/** @brief Makes a host clock that counts from 0 now.
 * @param frequency_hz ticks a second: 1 to 1,000,000,000 */
VML_MUST_CHECK enum vml_status vml_host_clock_init(struct vml_host_clock *clock,
                                                   uint64_t frequency_hz);
/** @brief Ends its use. */
void vml_host_clock_destroy(struct vml_host_clock *clock);

/** @brief A clock whose time somebody advances. */
struct vml_virtual_clock {
    struct vml_clock clock; /**< use this */
    uint64_t ticks;         /**< private; atomically accessed */
};

/** @brief Makes a virtual clock that stands at 0. */
VML_MUST_CHECK enum vml_status vml_virtual_clock_init(struct vml_virtual_clock *clock,
                                                      uint64_t frequency_hz);
/** @brief Moves the time forward to `ticks` (an earlier time is ignored) and runs what has come due,
 * each event at its own deadline, in order. */
void vml_virtual_clock_advance(struct vml_virtual_clock *clock, uint64_t ticks);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
