/**
 * @file
 * @brief A wire's level that several threads change: computed under the device's lock, sent outside.
 * @addtogroup vml_irq
 * @{
 */
#ifndef VML_IRQ_DRIVER_H
#define VML_IRQ_DRIVER_H

#include <vml/irq.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief The sending end of a wire. Members are private.
 *
 * Every thread that changes the level sends it itself, even while another is inside the controller:
 * a vCPU that an interrupt wakes must see the wire fall when its own write that ends the interrupt
 * returns, although the thread that raised it has not had its turn again. What threads that overlap
 * have sent may have overtaken each other; so the last of them sends the level once more. */
struct vml_irq_driver {
    struct vml_irq irq; /**< the wire; constant */
    uint32_t inside;    /**< threads that send; under the device's lock */
    bool level;         /**< wanted; under the device's lock */
    bool overlapped;    /**< two were inside at a time; under the device's lock */
};

/** @brief Makes a driver ready, low. */
static inline void vml_irq_driver_init(struct vml_irq_driver *driver, const struct vml_irq *irq)
{
    *driver = (struct vml_irq_driver){.irq = *irq};
}

/** @brief Sends the level even if it has not changed (after a restore); the device's lock is held.
 * @return true: the caller has to call vml_irq_driver_send() after it has dropped the lock */
static inline VML_MUST_CHECK bool vml_irq_driver_force(struct vml_irq_driver *driver, bool level)
{
    driver->level = level;
    driver->inside++;
    return true;
}

/** @brief Sets the wanted level; the device's lock is held. See vml_irq_driver_force(). */
static inline VML_MUST_CHECK bool vml_irq_driver_set(struct vml_irq_driver *driver, bool level)
{
    if (VML_LIKELY(level == driver->level)) {
        return false;
    }
    return vml_irq_driver_force(driver, level);
}

/** @brief vml_irq_driver_force() if `force`, else vml_irq_driver_set(). */
static inline VML_MUST_CHECK bool vml_irq_driver_update(struct vml_irq_driver *driver, bool level,
                                                        bool force)
{
    return force ? vml_irq_driver_force(driver, level) : vml_irq_driver_set(driver, level);
}

/** @brief Sends the level; no lock is held. Returns when the wire has carried the level that the
 * caller set, or a later one. @param lock the device's */
static inline void vml_irq_driver_send(struct vml_irq_driver *driver, struct vml_mutex *lock)
{
    bool again = true;
    bool level;

    vml_mutex_lock(lock);
    while (again) {
        level = driver->level;
        vml_mutex_unlock(lock);
        vml_irq_set(&driver->irq, level);
        vml_mutex_lock(lock);
        if (driver->inside > 1) {
            driver->overlapped = true;
            break;
        }
        again = driver->overlapped;
        driver->overlapped = false;
    }
    driver->inside--;
    vml_mutex_unlock(lock);
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
