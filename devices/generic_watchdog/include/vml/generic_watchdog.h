/**
 * @file
 * @brief The Generic Watchdog of Arm's Base System Architecture (DEN0094; before it DEN0029),
 * version 1.
 *
 * It compares the system counter with a value: when that is passed, signal 0 interrupts the guest;
 * when it is passed once more without a refresh, signal 1 is for whoever stands above the guest: a
 * reset.
 *
 * The counter is CNTPCT, as a vCPU's timer tells it. Restore the timers before the watchdog, so
 * that it finds the count that it was saved at.
 *
 * Threads: any number. Outputs and hooks are called without a lock held.
 * @defgroup vml_generic_watchdog Generic Watchdog
 * @{
 */
#ifndef VML_GENERIC_WATCHDOG_H
#define VML_GENERIC_WATCHDOG_H

#include <vml/amba.h>
#include <vml/clock_alarm.h>
#include <vml/timer.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief `device_offset` of the control frame's range, 0x1000 bytes. */
#define VML_GENERIC_WATCHDOG_CONTROL UINT32_C(0x0000)
/** @brief `device_offset` of the refresh frame's range, 0x1000 bytes. */
#define VML_GENERIC_WATCHDOG_REFRESH UINT32_C(0x1000)

/** @brief How a watchdog is made. Copied. */
struct vml_generic_watchdog_config {
    const char *name;              /**< for traces; NULL: "generic_watchdog" */
    struct vml_irq irq;            /**< signal 0; level */
    const struct vml_timer *timer; /**< whose count is the system counter; not NULL; kept */
    /** Signal 1 has risen: the system is to be reset, this device included. From the clock's thread
     * or from a vCPU's access; once, until it falls. May be NULL. */
    void (*expired)(void *context);
    void *context; /**< given to it */
};

/** @brief The architectural state. */
struct vml_generic_watchdog_state {
    uint64_t WOR; /**< offset, 48 bits */
    uint64_t WCV; /**< compare value */
    uint32_t WCS; /**< enable, signals 0 and 1 */
};

/** @brief A watchdog. The embedder supplies the storage; members are private. */
struct vml_generic_watchdog {
    struct vml_device device; /**< register this on a bus as two ranges, one a frame */
    struct vml_generic_watchdog_config config; /**< as given */
    struct vml_mutex lock;                     /**< of everything below */
    struct vml_irq_driver out;                 /**< signal 0 */
    struct vml_clock_alarm alarm;              /**< when the compare value is passed */
    uint64_t seen;                           /**< count at which the state was brought up to date */
    bool told;                               /**< the embedder knows of signal 1 */
    struct vml_generic_watchdog_state state; /**< what the guest sees */
};

/** @brief The registers of both frames. */
extern const struct vml_reg_table vml_generic_watchdog_regs;

/** @brief Makes a watchdog in its reset state: it does not run. @return VML_OK, or VML_ERR_INVALID
 * without a timer */
VML_MUST_CHECK enum vml_status
vml_generic_watchdog_init(struct vml_generic_watchdog *watchdog,
                          const struct vml_generic_watchdog_config *config);
/** @brief Ends its use: it is on no bus. */
void vml_generic_watchdog_destroy(struct vml_generic_watchdog *watchdog);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
