/**
 * @file
 * @brief Characters between a device and its back end: one small interface for both directions.
 *
 * A connection has two ends, a device (PL011, a virtio console port) and a back end (a terminal, a
 * socket, a log).  Each shows the other a `struct vml_chardev`, and pushes bytes into it.  A push
 * never blocks: it returns how many bytes were taken, and who refused some calls the sender's
 * `ready` when it takes more.  That is all the flow control there is, so nothing is lost between a
 * fast sender and a slow receiver.
 *
 * Everything may be called from any thread, and is called with no lock held; so an end may push
 * from inside `ready`.
 * @defgroup vml_chardev Character back ends
 * @{
 */
#ifndef VML_CHARDEV_H
#define VML_CHARDEV_H

#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief What else an end hears of the other. */
enum vml_chardev_event {
    VML_CHARDEV_OPENED, /**< somebody is there now */
    VML_CHARDEV_CLOSED, /**< nobody is there any more: bytes may be dropped */
    VML_CHARDEV_BREAK,  /**< a break on the line */
};

/** @brief What an end does. Every member may be NULL. */
struct vml_chardev_ops {
    /** Takes bytes. @return how many of them, 0 to `len`; NULL takes and drops all */
    size_t (*push)(void *context, const uint8_t *bytes, size_t len);
    /** The other end refused bytes, and would take some now. */
    void (*ready)(void *context);
    /** See enum vml_chardev_event. */
    void (*event)(void *context, enum vml_chardev_event event);
};

/** @brief An end, as the other sees it. A value. All zero: nobody, who takes everything. */
struct vml_chardev {
    const struct vml_chardev_ops *ops; /**< NULL: nobody */
    void *context;                     /**< given to them */
};

/** @brief Gives bytes to an end. Never blocks. @return how many it took */
static inline size_t vml_chardev_push(const struct vml_chardev *end, const uint8_t *bytes,
                                      size_t len)
{
    if (!end->ops || !end->ops->push) {
        return len;
    }
    return end->ops->push(end->context, bytes, len);
}

/** @brief Tells an end that had bytes refused to push again. */
static inline void vml_chardev_ready(const struct vml_chardev *end)
{
    if (end->ops && end->ops->ready) {
        end->ops->ready(end->context);
    }
}

/** @brief Tells an end of an event. */
static inline void vml_chardev_event(const struct vml_chardev *end, enum vml_chardev_event event)
{
    if (end->ops && end->ops->event) {
        end->ops->event(end->context, event);
    }
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
