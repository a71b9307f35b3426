/**
 * @file
 * @brief The MC146818 real time clock and CMOS memory of PCs, behind an index and a data port.
 *
 * Time, alarm, periodic and update interrupts as Motorola's data sheet has them, in BCD or binary,
 * 12 or 24 hours; the century in register 0x32; and the bytes above as memory, in which firmware
 * looks for the machine's configuration. It counts on an injected clock, and is asked for a
 * deadline only while an interrupt is enabled and not there already.
 *
 * Threads: any number. The wire is driven without a lock held.
 * @defgroup vml_mc146818 MC146818 real time clock
 * @{
 */
#ifndef VML_MC146818_H
#define VML_MC146818_H

#include <vml/clock_alarm.h>
#include <vml/irq_driver.h>
#include <vml/regs.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Registers and memory, in bytes. */
#define VML_MC146818_BYTES 128u

/** @brief How a clock is made. Copied. */
struct vml_mc146818_config {
    const char *name;        /**< for traces; NULL: "mc146818" */
    struct vml_irq irq;      /**< level; at PCs interrupt 8 */
    struct vml_clock *clock; /**< what it counts by; not NULL */
    uint64_t epoch_s;        /**< seconds since 1970-01-01 UTC, now */
};

/** @brief The architectural state. */
struct vml_mc146818_state {
    uint8_t index;                     /**< which byte the data port is */
    uint8_t bytes[VML_MC146818_BYTES]; /**< registers and memory; time only while it is being set */
    uint64_t offset;                   /**< guest's seconds less the embedder's, modulo 2^64 */
};

/** @brief A clock. The embedder supplies the storage; members are private. */
struct vml_mc146818 {
    struct vml_device device;          /**< register this on a bus: two ports, index and data */
    struct vml_mc146818_config config; /**< as given */
    struct vml_mutex lock;             /**< of everything below */
    struct vml_irq_driver out;         /**< the interrupt */
    struct vml_clock_alarm alarm;      /**< the next interrupt */
    uint64_t origin;                   /**< tick at which it was `epoch_s` */
    uint64_t seen;                     /**< second up to which updates and alarms have been seen */
    uint64_t seen_period;              /**< period up to which periodic interrupts have been seen */
    struct vml_mc146818_state state;   /**< what the guest sees */
};

/** @brief The ports. */
extern const struct vml_reg_table vml_mc146818_regs;

/** @brief Makes a clock that runs, with its memory zero. @return VML_OK, or VML_ERR_INVALID without
 * a clock */
VML_MUST_CHECK enum vml_status vml_mc146818_init(struct vml_mc146818 *rtc,
                                                 const struct vml_mc146818_config *config);
/** @brief Ends its use: it is on no bus. */
void vml_mc146818_destroy(struct vml_mc146818 *rtc);
/** @brief Sets a byte of memory, as firmware or a battery would have.
 * @param index 0x0e to 0x7f, but not 0x32
 * @return VML_ERR_RANGE for another */
VML_MUST_CHECK enum vml_status vml_mc146818_set(struct vml_mc146818 *rtc, uint8_t index,
                                                uint8_t value);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
