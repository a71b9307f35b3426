/**
 * @file
 * @brief PrimeCell real time clock (PL031), as Arm DDI 0224C specifies it.
 *
 * The embedder says what the time was when the clock was made; from then on the counter follows
 * the configured clock, as if firmware had started it: RTCCR reads as one, and stopping is not
 * possible. A reset of the device does not change the time.
 *
 * Threads: everything but init, reset, save, restore and destroy may be called from any thread.
 * @defgroup vml_pl031 PL031 real time clock
 * @{
 */
#ifndef VML_PL031_H
#define VML_PL031_H

#include <vml/amba.h>
#include <vml/clock_alarm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief How a real time clock is made. Copied. */
struct vml_pl031_config {
    const char *name;        /**< for traces; NULL: "pl031" */
    struct vml_irq irq;      /**< RTCINTR; level */
    struct vml_clock *clock; /**< what it counts by; not NULL */
    uint64_t epoch_s;        /**< seconds since 1970-01-01 UTC, now */
};

/** @brief The architectural state. */
struct vml_pl031_state {
    uint32_t RTCMR;   /**< match */
    uint32_t RTCLR;   /**< load, as last written */
    uint32_t RTCCR;   /**< control */
    uint32_t RTCIMSC; /**< interrupt mask */
    uint32_t RTCRIS;  /**< raw interrupt */
    uint32_t offset;  /**< RTCDR less the embedder's time, modulo 2^32 */
};

/** @brief A real time clock. The embedder supplies the storage; members are private. */
struct vml_pl031 {
    struct vml_device device;       /**< register this on a bus, 0x1000 bytes */
    struct vml_pl031_config config; /**< as given */
    struct vml_mutex lock;          /**< of everything below */
    struct vml_irq_driver out;      /**< RTCINTR */
    struct vml_clock_alarm match;   /**< when RTCDR becomes RTCMR */
    uint64_t origin;                /**< tick at which it was `epoch_s` */
    uint64_t deadline;              /**< of the match, in ticks */
    struct vml_pl031_state state;   /**< what the guest sees */
    bool rearm;                     /**< the match may have moved */
    struct vml_reg_index regs;      /**< of the registers below the identification */
    struct vml_reg_slot slots[VML_REG_SLOTS(0x20)]; /**< of `regs` */
};

/** @brief The registers. */
extern const struct vml_reg_table vml_pl031_regs;

/** @brief Makes a clock that runs. @return VML_OK, or VML_ERR_INVALID without a clock */
VML_MUST_CHECK enum vml_status vml_pl031_init(struct vml_pl031 *rtc,
                                              const struct vml_pl031_config *config);
/** @brief Ends its use: it is on no bus. */
void vml_pl031_destroy(struct vml_pl031 *rtc);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
