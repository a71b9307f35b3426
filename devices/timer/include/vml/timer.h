/**
 * @file
 * @brief The Arm generic timer of one vCPU: the EL1 physical and virtual timers and their counters.
 *
 * DDI 0487 (the Generic Timer in AArch64 state). The counters stand on a `vml_clock`: its ticks
 * are the guest's physical count but for an offset, which restore chooses so that the guest's time
 * goes on from where it was saved. The virtual count is the physical one less CNTVOFF_EL2.
 *
 * An engine calls the functions here directly, counters inline; or puts vml_timer_device() of every
 * vCPU behind its trapped system registers: the registers are on a SYSREG bus, and the access's `cpu`
 * selects the timer.
 *
 * Threads: any number, for any timer. The output wire is driven without a lock held; when a write of
 * CTL, CVAL or TVAL returns, it has followed.
 * @defgroup vml_timer Generic timer
 * @{
 */
#ifndef VML_TIMER_H
#define VML_TIMER_H

#include <stdatomic.h>
#include <vml/clock.h>
#include <vml/debug.h>
#include <vml/device.h>
#include <vml/irq.h>
#include <vml/vbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief INTID of the EL1 virtual timer's PPI, as server base systems have it. */
#define VML_TIMER_VIRTUAL_INTID 27u
/** @brief INTID of the EL1 physical timer's PPI. */
#define VML_TIMER_PHYSICAL_INTID 30u

/** @brief The two timers of a vCPU. */
enum vml_timer_kind {
    VML_TIMER_PHYSICAL, /**< CNTP_*_EL0 */
    VML_TIMER_VIRTUAL,  /**< CNTV_*_EL0 */
    VML_TIMERS,         /**< how many there are */
};

/** @name CNTx_CTL_EL0
 * @{ */
#define VML_TIMER_CTL_ENABLE  UINT32_C(1) /**< the timer runs */
#define VML_TIMER_CTL_IMASK   UINT32_C(2) /**< its interrupt is masked */
#define VML_TIMER_CTL_ISTATUS UINT32_C(4) /**< its condition is met; read-only */
/** @} */

/** @name CNTKCTL_EL1: what EL0 may access
 * @{ */
#define VML_CNTKCTL_EL0PCTEN UINT64_C(0x001) /**< CNTPCT, and CNTFRQ */
#define VML_CNTKCTL_EL0VCTEN UINT64_C(0x002) /**< CNTVCT, and CNTFRQ */
#define VML_CNTKCTL_EL0VTEN  UINT64_C(0x100) /**< CNTV_* */
#define VML_CNTKCTL_EL0PTEN  UINT64_C(0x200) /**< CNTP_* */
/** @} */

/** @name The registers, as addresses on a SYSREG bus
 * @{ */
#define VML_CNTKCTL_EL1     VML_SYSREG(3, 0, 14, 1, 0) /**< access of EL0, event stream */
#define VML_CNTFRQ_EL0      VML_SYSREG(3, 3, 14, 0, 0) /**< frequency */
#define VML_CNTPCT_EL0      VML_SYSREG(3, 3, 14, 0, 1) /**< physical count */
#define VML_CNTVCT_EL0      VML_SYSREG(3, 3, 14, 0, 2) /**< virtual count */
#define VML_CNTPCTSS_EL0    VML_SYSREG(3, 3, 14, 0, 5) /**< physical count, self-synchronised */
#define VML_CNTVCTSS_EL0    VML_SYSREG(3, 3, 14, 0, 6) /**< virtual count, self-synchronised */
#define VML_CNTP_TVAL_EL0   VML_SYSREG(3, 3, 14, 2, 0) /**< physical timer, signed ticks left */
#define VML_CNTP_CTL_EL0    VML_SYSREG(3, 3, 14, 2, 1) /**< physical timer, control */
#define VML_CNTP_CVAL_EL0   VML_SYSREG(3, 3, 14, 2, 2) /**< physical timer, compare value */
#define VML_CNTV_TVAL_EL0   VML_SYSREG(3, 3, 14, 3, 0) /**< virtual timer, signed ticks left */
#define VML_CNTV_CTL_EL0    VML_SYSREG(3, 3, 14, 3, 1) /**< virtual timer, control */
#define VML_CNTV_CVAL_EL0   VML_SYSREG(3, 3, 14, 3, 2) /**< virtual timer, compare value */
#define VML_TIMER_SYSREG_LO VML_CNTFRQ_EL0             /**< first address of the EL0 range */
/** @brief Bytes of the EL0 range; CNTKCTL_EL1 is a range of its own, of 8 bytes. */
#define VML_TIMER_SYSREG_SIZE (VML_CNTV_CVAL_EL0 + 8 - VML_CNTFRQ_EL0)
/** @} */

/** @brief How a vCPU's timer is made. */
struct vml_timer_config {
    struct vml_clock *clock;        /**< physical count, up to an offset; kept */
    struct vml_irq irq[VML_TIMERS]; /**< level outputs, indexed by enum vml_timer_kind */
    struct vml_debug *debug;        /**< traces deadlines; may be NULL */
};

/** @brief One of the two timers. Private. */
struct vml_timer_unit {
    struct vml_clock_event event; /**< when the condition is met next */
    uint64_t cval;                /**< CNTx_CVAL_EL0 */
    uint32_t ctl;                 /**< CNTx_CTL_EL0: ENABLE and IMASK */
    uint32_t inside;              /**< threads that drive the output */
    bool overlapped;              /**< two were inside at a time */
    bool level;                   /**< what the output was driven to last */
    uint8_t kind;                 /**< enum vml_timer_kind */
};

/** @brief The timers of one vCPU. Members are private. */
struct vml_timer {
    struct vml_timer_config config;         /**< as given */
    _Atomic uint64_t physical;              /**< physical count = clock's ticks + this */
    _Atomic uint64_t virtual_offset;        /**< CNTVOFF_EL2 */
    _Atomic uint64_t cntkctl;               /**< CNTKCTL_EL1 */
    struct vml_mutex lock;                  /**< of the units */
    struct vml_timer_unit unit[VML_TIMERS]; /**< physical, virtual */
};

/** @brief Makes a vCPU's timers ready, in their reset state, with CNTVOFF 0. */
VML_MUST_CHECK enum vml_status vml_timer_init(struct vml_timer *timer,
                                              const struct vml_timer_config *config);
/** @brief Ends their use; the clock must not be running their events. */
void vml_timer_destroy(struct vml_timer *timer);
/** @brief Warm reset of the vCPU: timers off, outputs low, CNTKCTL 0. Counters go on. */
void vml_timer_reset(struct vml_timer *timer);

/** @brief CNTPCT_EL0, and CNTPCTSS_EL0. */
static inline uint64_t vml_timer_physical_count(const struct vml_timer *timer)
{
    return vml_clock_now(timer->config.clock) +
           atomic_load_explicit(&timer->physical, memory_order_relaxed);
}

/** @brief CNTVCT_EL0, and CNTVCTSS_EL0. */
static inline uint64_t vml_timer_virtual_count(const struct vml_timer *timer)
{
    return vml_timer_physical_count(timer) -
           atomic_load_explicit(&timer->virtual_offset, memory_order_relaxed);
}

/** @brief CNTFRQ_EL0. */
static inline uint64_t vml_timer_frequency(const struct vml_timer *timer)
{
    return (uint32_t)vml_clock_frequency(timer->config.clock);
}

/** @brief CNTVOFF_EL2. A change takes effect at once on the virtual timer. */
void vml_timer_set_virtual_offset(struct vml_timer *timer, uint64_t offset);
/** @brief CNTVOFF_EL2. */
uint64_t vml_timer_virtual_offset(const struct vml_timer *timer);

/** @brief CNTx_CTL_EL0, with ISTATUS as it is now (0 while not enabled). */
uint32_t vml_timer_read_ctl(struct vml_timer *timer, enum vml_timer_kind kind);
/** @brief CNTx_CTL_EL0: ENABLE and IMASK are written. */
void vml_timer_write_ctl(struct vml_timer *timer, enum vml_timer_kind kind, uint32_t value);
/** @brief CNTx_CVAL_EL0. */
uint64_t vml_timer_read_cval(struct vml_timer *timer, enum vml_timer_kind kind);
/** @brief CNTx_CVAL_EL0. */
void vml_timer_write_cval(struct vml_timer *timer, enum vml_timer_kind kind, uint64_t value);
/** @brief CNTx_TVAL_EL0: CVAL less the count, its low 32 bits. */
uint32_t vml_timer_read_tval(struct vml_timer *timer, enum vml_timer_kind kind);
/** @brief CNTx_TVAL_EL0: CVAL becomes the count plus the value, which is signed. */
void vml_timer_write_tval(struct vml_timer *timer, enum vml_timer_kind kind, uint32_t value);

/** @brief The clock's tick at which an output of this vCPU rises next, for a WFI that is to wait no
 * longer; 0 when one is high already, VML_CLOCK_NEVER when none will. Masked timers do not count. */
uint64_t vml_timer_next(struct vml_timer *timer);

/** @brief Serves a read of a register by its SYSREG address.
 * @return VML_OK; VML_ERR_NOT_FOUND for a register that is none of the timer's */
VML_MUST_CHECK enum vml_status vml_timer_read(struct vml_timer *timer, uint64_t sysreg,
                                              uint64_t *value);
/** @brief Serves a write. See vml_timer_read().
 * @return also VML_ERR_ACCESS for a read-only register (the counts; CNTFRQ below the highest level) */
VML_MUST_CHECK enum vml_status vml_timer_write(struct vml_timer *timer, uint64_t sysreg,
                                               uint64_t value);

/** @brief True when CNTKCTL_EL1 lets EL0 access a register of the timer; else the access traps to EL1
 * as a system register access. Registers of EL1 never, and of no timer never. */
bool vml_timer_el0_allowed(const struct vml_timer *timer, uint64_t sysreg);

/** @brief Writes one record: registers and the guest's counts now. */
void vml_timer_save(struct vml_timer *timer, struct vml_state_writer *w);
/** @brief Reads one record. The guest's counts go on from the saved ones, whatever the clock says.
 * Timers of several vCPUs must agree: use vml_timers_restore() for those of one machine.
 * @return the reader's status; after an error nothing is changed */
VML_MUST_CHECK enum vml_status vml_timer_restore(struct vml_timer *timer,
                                                 struct vml_state_reader *r);

/** @brief The timers of all vCPUs as one device for a SYSREG bus. */
struct vml_timers {
    struct vml_device device;       /**< register its ranges: see vml_timers_init() */
    struct vml_timer *const *timer; /**< one per vCPU */
    uint32_t count;                 /**< of them */
};

/** @brief Makes the device. It is put on a bus as two ranges, each with `device_offset` equal to its
 * base: VML_TIMER_SYSREG_LO of VML_TIMER_SYSREG_SIZE, and VML_CNTKCTL_EL1 of 8. Access rights of EL0
 * are the engine's to check, with vml_timer_el0_allowed(). Reset resets each timer. Save reads the
 * clock once, so that the vCPUs' counts agree after restore.
 * @param timers the device
 * @param timer pointers to `count` timers, by vCPU index; kept
 * @param count vCPUs */
void vml_timers_init(struct vml_timers *timers, struct vml_timer *const *timer, uint32_t count);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
