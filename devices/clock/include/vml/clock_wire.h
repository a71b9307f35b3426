/**
 * @file
 * @brief How a device with one wire and one alarm ends an access.
 * @addtogroup vml_clock
 * @{
 */
#ifndef VML_CLOCK_WIRE_H
#define VML_CLOCK_WIRE_H

#include <vml/clock_alarm.h>
#include <vml/irq_driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Drops the device's lock, and brings the wire and the alarm up to date.
 * @param lock the device's, which is held
 * @param out the wire
 * @param level what it is to carry
 * @param force the level is sent even if it has not changed
 * @param alarm the alarm
 * @param deadline when it is to ring, or VML_CLOCK_NEVER */
static inline void vml_clock_wire_leave(struct vml_mutex *lock, struct vml_irq_driver *out,
                                        bool level, bool force, struct vml_clock_alarm *alarm,
                                        uint64_t deadline)
{
    bool send = vml_irq_driver_update(out, level, force);
    bool arm = vml_clock_alarm_set(alarm, deadline);

    vml_mutex_unlock(lock);
    if (send) {
        vml_irq_driver_send(out, lock);
    }
    if (arm) {
        vml_clock_alarm_arm(alarm, lock);
    }
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
