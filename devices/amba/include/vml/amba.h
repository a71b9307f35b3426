/**
 * @file
 * @brief What the PrimeCell peripherals have in common: identification registers, and an interrupt
 * output that is never called under a lock and never left at an old level.
 * @defgroup vml_amba PrimeCell peripherals
 * @{
 */
#ifndef VML_AMBA_H
#define VML_AMBA_H

#include <vml/irq.h>
#include <vml/platform.h>
#include <vml/regs.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Rows of a register table for one constant word at `where`. */
#define VML_AMBA_ID_ROW(id, where, value)                                                          \
    {                                                                                              \
        .name = (id), .offset = (where), .width = 4, .sizes = VML_SIZE_124, .kind = VML_REG_RO,    \
        .reset = (value), .state = VML_REG_NO_STATE, .read = vml_amba_read_id                      \
    }

/** @brief The eight identification registers at 0xFE0 to 0xFFC.
 * @param prefix a string literal, as in "UART"
 * @param id0 PeriphID0 to PeriphID3 follow */
#define VML_AMBA_ID_ROWS(prefix, id0, id1, id2, id3)                                               \
    VML_AMBA_ID_ROW(prefix "PeriphID0", 0xfe0, id0),                                               \
        VML_AMBA_ID_ROW(prefix "PeriphID1", 0xfe4, id1),                                           \
        VML_AMBA_ID_ROW(prefix "PeriphID2", 0xfe8, id2),                                           \
        VML_AMBA_ID_ROW(prefix "PeriphID3", 0xfec, id3),                                           \
        VML_AMBA_ID_ROW(prefix "PCellID0", 0xff0, 0x0d),                                           \
        VML_AMBA_ID_ROW(prefix "PCellID1", 0xff4, 0xf0),                                           \
        VML_AMBA_ID_ROW(prefix "PCellID2", 0xff8, 0x05),                                           \
        VML_AMBA_ID_ROW(prefix "PCellID3", 0xffc, 0xb1)

/** @brief Read hook of constant rows: the row's reset value. */
static inline uint64_t vml_amba_read_id(struct vml_device *device, const struct vml_reg *reg,
                                        uint32_t index, const struct vml_access *access)
{
    (void)device;
    (void)index;
    (void)access;
    return reg->reset;
}

/** @brief An interrupt output: the level is computed under the device's lock, and sent outside.
 *
 * Several threads may change the level at about the same time; whoever finds the wire free sends,
 * and goes on sending until the wire carries the newest level. So a later level is never overtaken
 * by an earlier one. Members are private. */
struct vml_amba_output {
    struct vml_irq irq; /**< the wire; constant */
    bool level;         /**< wanted; under the device's lock */
    bool sent;          /**< last sent; under the device's lock */
    bool sending;       /**< a thread is sending; under the device's lock */
};

/** @brief Makes an output ready, low. */
static inline void vml_amba_output_init(struct vml_amba_output *out, const struct vml_irq *irq)
{
    *out = (struct vml_amba_output){.irq = *irq};
}

/** @brief Sets the wanted level; the device's lock is held.
 * @return true when the caller has to call vml_amba_output_send() after it has dropped the lock */
static inline bool vml_amba_output_set(struct vml_amba_output *out, bool level)
{
    out->level = level;
    if (VML_LIKELY(level == out->sent) || out->sending) {
        return false;
    }
    out->sending = true;
    return true;
}

/** @brief Makes the level be sent even if it has not changed: after a restore. See
 * vml_amba_output_set(). */
static inline bool vml_amba_output_force(struct vml_amba_output *out, bool level)
{
    out->sent = !level;
    return vml_amba_output_set(out, level);
}

/** @brief Sends the level; no lock is held. @param lock the device's */
static inline void vml_amba_output_send(struct vml_amba_output *out, struct vml_mutex *lock)
{
    bool again = true;

    while (again) {
        bool level;

        vml_mutex_lock(lock);
        level = out->level;
        out->sent = level;
        vml_mutex_unlock(lock);
        vml_irq_set(&out->irq, level);
        vml_mutex_lock(lock);
        again = out->level != out->sent;
        out->sending = again;
        vml_mutex_unlock(lock);
    }
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
