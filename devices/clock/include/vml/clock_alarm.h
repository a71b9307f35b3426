/**
 * @file
 * @brief A deadline that several threads move: computed under the device's lock, armed outside.
 * @addtogroup vml_clock
 * @{
 */
#ifndef VML_CLOCK_ALARM_H
#define VML_CLOCK_ALARM_H

#include <vml/clock.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief An event and the deadline that it is to have. Members are private.
 *
 * Threads that overlap may arm the event in another order than they computed its deadline; so the
 * last of them arms it once more. An event may come too early, and its function then only looks
 * again. */
struct vml_clock_alarm {
    struct vml_clock_event event; /**< the clock's */
    uint64_t wanted;              /**< under the device's lock */
    uint32_t inside;              /**< threads that arm; under the device's lock */
    bool overlapped;              /**< two were inside at a time; under the device's lock */
};

/** @brief Makes an alarm ready, not armed. */
static inline void vml_clock_alarm_init(struct vml_clock_alarm *alarm, struct vml_clock *clock,
                                        vml_clock_event_fn fn)
{
    *alarm = (struct vml_clock_alarm){.wanted = VML_CLOCK_NEVER};
    vml_clock_event_init(&alarm->event, clock, fn);
}

/** @brief The alarm of an event, for the event's function. */
static inline struct vml_clock_alarm *vml_clock_alarm_of(struct vml_clock_event *event)
{
    return VML_CONTAINER_OF(event, struct vml_clock_alarm, event);
}

/** @brief The event's function says first, under the device's lock, that the alarm is not armed. */
static inline void vml_clock_alarm_rang(struct vml_clock_alarm *alarm)
{
    alarm->wanted = VML_CLOCK_NEVER;
}

/** @brief Sets the deadline, VML_CLOCK_NEVER for none; the device's lock is held.
 * @return true: the caller has to call vml_clock_alarm_arm() after it has dropped the lock */
static inline VML_MUST_CHECK bool vml_clock_alarm_set(struct vml_clock_alarm *alarm,
                                                      uint64_t deadline)
{
    if (VML_LIKELY(deadline == alarm->wanted)) {
        return false;
    }
    alarm->wanted = deadline;
    alarm->inside++;
    return true;
}

/** @brief Arms the event; no lock is held. @param lock the device's */
static inline void vml_clock_alarm_arm(struct vml_clock_alarm *alarm, struct vml_mutex *lock)
{
    bool again = true;

    vml_mutex_lock(lock);
    while (again) {
        uint64_t deadline = alarm->wanted;

        vml_mutex_unlock(lock);
        vml_clock_event_arm(&alarm->event, deadline);
        vml_mutex_lock(lock);
        if (alarm->inside > 1) {
            alarm->overlapped = true;
            break;
        }
        again = alarm->overlapped;
        alarm->overlapped = false;
    }
    alarm->inside--;
    vml_mutex_unlock(lock);
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
