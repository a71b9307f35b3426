/**
 * @file
 * @brief The memory-mapped view of generic timers: DDI 0487, the system level implementation.
 *
 * A control frame (CNTCTLBase) and up to eight timer frames (CNTBaseN, and CNTEL0BaseN for user
 * space), each a physical and, if it is to have one, a virtual timer. They are timers as vCPUs have
 * them, which the embedder makes with vml_timer_init(). Put them behind those of the vCPUs in the
 * array of vml_timers_init(): it resets, saves and restores all of them by one reading of the
 * clock.
 *
 * Threads: any number, for any frame.
 * @defgroup vml_timer_frames Timer frames
 * @{
 */
#ifndef VML_TIMER_FRAMES_H
#define VML_TIMER_FRAMES_H

#include <stdatomic.h>
#include <vml/regs.h>
#include <vml/timer.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Frames, at most. */
#define VML_TIMER_FRAMES 8u

/** @brief How the frames are made. Copied. */
struct vml_timer_frames_config {
    const char *name;                          /**< for traces; NULL: "timer_frames" */
    struct vml_timer *timer[VML_TIMER_FRAMES]; /**< of each frame; NULL: there is no such frame */
    uint32_t with_virtual;                     /**< bit n: frame n has a virtual timer */
    uint32_t with_el0;                         /**< bit n: frame n has a view for EL0 */
};

struct vml_timer_frames;

/** @brief A frame as one view shows it. Members are private. */
struct vml_timer_view {
    struct vml_device device;        /**< on a bus, 0x1000 bytes */
    struct vml_timer_frames *frames; /**< of which it is one */
    uint8_t index;                   /**< number of the frame */
    bool el0;                        /**< CNTEL0BaseN */
};

/** @brief The frames. The embedder supplies the storage; members are private. */
struct vml_timer_frames {
    struct vml_device control;                      /**< CNTCTLBase: on a bus, 0x1000 bytes */
    struct vml_timer_view frame[VML_TIMER_FRAMES];  /**< CNTBaseN: register `device` of each */
    struct vml_timer_view el0[VML_TIMER_FRAMES];    /**< CNTEL0BaseN: likewise */
    struct vml_timer_frames_config config;          /**< as given */
    _Atomic uint32_t CNTACR[VML_TIMER_FRAMES];      /**< what of a frame may be accessed */
    _Atomic uint32_t CNTEL0ACR[VML_TIMER_FRAMES];   /**< what of it may be from the EL0 view */
    struct vml_reg_index regs;                      /**< of a frame's registers */
    struct vml_reg_slot slots[VML_REG_SLOTS(0x40)]; /**< of `regs` */
};

/** @brief The registers of the control frame. */
extern const struct vml_reg_table vml_timer_control_regs;
/** @brief The registers of a timer frame. */
extern const struct vml_reg_table vml_timer_frame_regs;

/** @brief Makes the frames in their reset state: nothing may be accessed until the guest says so in
 * CNTACR. The control frame's device saves what is said there.
 * @return VML_ERR_INVALID without any timer, or for bits of frames that there are not */
VML_MUST_CHECK enum vml_status vml_timer_frames_init(struct vml_timer_frames *frames,
                                                     const struct vml_timer_frames_config *config);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
