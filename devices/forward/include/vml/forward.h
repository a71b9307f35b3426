/**
 * @file
 * @brief A device whose accesses the embedder serves: at once, or later.
 *
 * For a device model in another process, another VM, or a hypervisor's user space.  The handler
 * either serves an access before it returns, or returns VML_BUS_PENDING and answers with
 * vml_forward_complete() when it can; the vCPU makes no progress meanwhile.  An engine gets the
 * answer in either of two ways: it makes the same access again once it is told (`completed`), or
 * it takes the answer with vml_forward_take().
 *
 * Pending accesses are not part of a saved state: the vCPU makes them again after a restore.
 *
 * Threads: accesses of one vCPU come from one thread at a time; vml_forward_complete() from any.
 * @defgroup vml_forward Forwarding device
 * @{
 */
#ifndef VML_FORWARD_H
#define VML_FORWARD_H

#include <vml/device.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief An access of one vCPU on its way. Members are private. */
struct vml_forward_slot {
    struct vml_access access;   /**< what was asked, and the answer's value */
    enum vml_bus_result result; /**< the answer */
    uint8_t state;              /**< none, waiting, answered */
    uint32_t ticket;            /**< which of the vCPU's accesses this is */
};

/** @brief How a forwarding device is made. Copied. */
struct vml_forward_config {
    const char *name; /**< for traces; NULL: "forward" */
    /** Serves an access, no lock held.
     * @param ticket for vml_forward_complete(), which may be called before this returns
     * @return VML_BUS_OK with the value of a read in `access`, VML_BUS_FAULT, or VML_BUS_PENDING */
    enum vml_bus_result (*handle)(void *context, struct vml_access *access, uint32_t ticket);
    /** A pending access was answered; no lock held. May be NULL. */
    void (*completed)(void *context, uint32_t cpu);
    /** The device was reset; accesses that are pending are forgotten. May be NULL. */
    void (*reset)(void *context);
    void *context;                  /**< given to all */
    struct vml_forward_slot *slots; /**< storage, one for each vCPU; kept */
    uint32_t cpus;                  /**< vCPUs; accesses by nobody cannot be pending */
};

/** @brief A forwarding device. The embedder supplies the storage; members are private. */
struct vml_forward {
    struct vml_device device;         /**< register this on a bus */
    struct vml_forward_config config; /**< as given */
    struct vml_mutex lock;            /**< of the slots */
};

/** @brief Makes a forwarding device.
 * @return VML_ERR_INVALID without a handler, or without storage for its vCPUs */
VML_MUST_CHECK enum vml_status vml_forward_init(struct vml_forward *forward,
                                                const struct vml_forward_config *config);
/** @brief Ends its use; nothing is pending. */
void vml_forward_destroy(struct vml_forward *forward);
/** @brief Answers a pending access.
 * @param ticket as the handler was given it
 * @param result VML_BUS_OK or VML_BUS_FAULT
 * @param value of a read; what is wider than the access is cut off
 * @return VML_ERR_RANGE for no such vCPU, VML_ERR_INVALID for another result, VML_ERR_STATE when
 * that access is not waiting any more: it was answered, or the device was reset */
VML_MUST_CHECK enum vml_status vml_forward_complete(struct vml_forward *forward, uint32_t cpu,
                                                    uint32_t ticket, enum vml_bus_result result,
                                                    uint64_t value);
/** @brief Takes the answer of a pending access.
 * @param access gets the access with the value of a read
 * @param result gets the result
 * @return VML_OK; VML_ERR_AGAIN while it waits; VML_ERR_NOT_FOUND when nothing is pending */
VML_MUST_CHECK enum vml_status vml_forward_take(struct vml_forward *forward, uint32_t cpu,
                                                struct vml_access *access,
                                                enum vml_bus_result *result);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
