/**
 * @file
 * @brief The Arm watchdog SP805. DDI 0270B specifies it: a down counter that interrupts when it
 * reaches zero, and resets the system when it does so again before the interrupt is cleared.
 *
 * Threads: any number. Outputs and hooks are called without a lock held.
 * @defgroup vml_sp805 SP805 watchdog
 * @{
 */
#ifndef VML_SP805_H
#define VML_SP805_H

#include <vml/amba.h>
#include <vml/clock_alarm.h>
#include <vml/clock_rate.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief What is written to WDOGLOCK to make the other registers writable. */
#define VML_SP805_UNLOCK UINT32_C(0x1acce551)

/** @brief How a watchdog is made. Copied. */
struct vml_sp805_config {
    const char *name;        /**< for traces; NULL: "sp805" */
    struct vml_irq irq;      /**< WDOGINT; level */
    struct vml_clock *clock; /**< what it counts by; not NULL */
    uint64_t frequency_hz;   /**< of WDOGCLK, below 2^32; 0: as the clock's */
    /** WDOGRES has risen: the system is to be reset, this device included. It may come from the
     * clock's thread or from a vCPU's access; once, until the device is reset. May be NULL. */
    void (*expired)(void *context);
    void *context; /**< given to it */
};

/** @brief The architectural state. */
struct vml_sp805_state {
    uint32_t WDOGLOAD;    /**< what the counter begins with */
    uint32_t WDOGVALUE;   /**< the counter when it was last brought up to date */
    uint32_t WDOGCONTROL; /**< INTEN, RESEN */
    uint32_t WDOGRIS;     /**< raw interrupt */
    uint32_t locked;      /**< what WDOGLOCK reads */
    uint32_t WDOGITCR;    /**< integration test mode */
    uint32_t WDOGITOP;    /**< its outputs */
    uint32_t expired;     /**< WDOGRES */
};

/** @brief A watchdog. The embedder supplies the storage; members are private. */
struct vml_sp805 {
    struct vml_device device;                       /**< register this on a bus, 0x1000 bytes */
    struct vml_sp805_config config;                 /**< as given */
    struct vml_clock_rate rate;                     /**< of WDOGCLK */
    struct vml_mutex lock;                          /**< of everything below */
    struct vml_irq_driver out;                      /**< WDOGINT */
    struct vml_clock_alarm alarm;                   /**< when the counter reaches zero */
    uint64_t base;                                  /**< WDOGCLK at which WDOGVALUE was so */
    bool told;                                      /**< the embedder knows of WDOGRES */
    struct vml_sp805_state state;                   /**< what the guest sees */
    struct vml_reg_index regs;                      /**< of the registers up to WDOGMIS */
    struct vml_reg_slot slots[VML_REG_SLOTS(0x18)]; /**< of `regs` */
};

/** @brief The registers. */
extern const struct vml_reg_table vml_sp805_regs;

/** @brief Makes a watchdog in its reset state: it does not run. @return VML_OK, or VML_ERR_INVALID
 * without a clock or for a frequency of more than 32 bits */
VML_MUST_CHECK enum vml_status vml_sp805_init(struct vml_sp805 *watchdog,
                                              const struct vml_sp805_config *config);
/** @brief Ends its use: it is on no bus. */
void vml_sp805_destroy(struct vml_sp805 *watchdog);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
