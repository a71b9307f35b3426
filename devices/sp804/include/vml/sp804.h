/**
 * @file
 * @brief The Arm dual timer module SP804. DDI 0271D specifies it: two down counters of 16 or 32
 * bits.
 *
 * Time is never polled: the device asks its clock for the moment at which an interrupt is due, and
 * only while one can be. A guest whose period is shorter than its handler gets one interrupt at a
 * time.
 *
 * Threads: any number. Outputs are driven without a lock held.
 * @defgroup vml_sp804 SP804 dual timer
 * @{
 */
#ifndef VML_SP804_H
#define VML_SP804_H

#include <vml/amba.h>
#include <vml/clock_alarm.h>
#include <vml/clock_rate.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Timers of a module. */
#define VML_SP804_TIMERS 2u

/** @brief How a dual timer is made. Copied. */
struct vml_sp804_config {
    const char *name;                     /**< for traces; NULL: "sp804" */
    struct vml_irq irq[VML_SP804_TIMERS]; /**< TIMINT1, TIMINT2; level */
    struct vml_irq combined;              /**< TIMINTC; level */
    struct vml_clock *clock;              /**< what it counts by; not NULL */
    uint64_t frequency_hz;                /**< of TIMCLK, below 2^32; 0: as the clock's */
};

/** @brief The architectural state of a timer. */
struct vml_sp804_timer {
    uint32_t load;    /**< TimerXLoad and TimerXBGLoad: what the counter is reloaded with */
    uint32_t value;   /**< TimerXValue when the count was last brought up to date */
    uint32_t control; /**< TimerXControl */
    uint32_t ris;     /**< TimerXRIS */
};

/** @brief The architectural state. */
struct vml_sp804_state {
    struct vml_sp804_timer timer[VML_SP804_TIMERS]; /**< Timer1, Timer2 */
    uint32_t itcr;                                  /**< TimerITCR */
    uint32_t itop;                                  /**< TimerITOP */
};

/** @brief A dual timer. The embedder supplies the storage; members are private. */
struct vml_sp804 {
    struct vml_device device;                        /**< register this on a bus, 0x1000 bytes */
    struct vml_sp804_config config;                  /**< as given */
    struct vml_clock_rate rate;                      /**< of TIMCLK */
    struct vml_mutex lock;                           /**< of everything below */
    struct vml_irq_driver out[VML_SP804_TIMERS + 1]; /**< TIMINT1, TIMINT2, TIMINTC */
    struct vml_clock_alarm alarm;                    /**< the next interrupt */
    uint64_t base[VML_SP804_TIMERS];                 /**< TIMCLK at which `value` was so */
    struct vml_sp804_state state;                    /**< what the guest sees */
    struct vml_reg_index regs;                       /**< of the timers' registers */
    struct vml_reg_slot slots[VML_REG_SLOTS(0x3c)];  /**< of `regs` */
};

/** @brief The registers. */
extern const struct vml_reg_table vml_sp804_regs;

/** @brief Makes a dual timer in its reset state. @return VML_OK, or VML_ERR_INVALID without a clock
 * or for a frequency of more than 32 bits */
VML_MUST_CHECK enum vml_status vml_sp804_init(struct vml_sp804 *timers,
                                              const struct vml_sp804_config *config);
/** @brief Ends its use: it is on no bus. */
void vml_sp804_destroy(struct vml_sp804 *timers);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
