/**
 * @file
 * @brief A filter before a device: which registers a guest may read and write, and which bits.
 *
 * For a device that is passed through, or shared by guests: clock and reset controllers, pin
 * multiplexers, GPIO banks. What is not permitted reads as zero and is not written, or is a fault.
 *
 * Threads: as the device behind it. A permission to write some bits of a register (`mask`) reads,
 * merges and writes; two vCPUs that do so at once may lose one change, as two drivers would.
 * @defgroup vml_access_control Access control
 * @{
 */
#ifndef VML_ACCESS_CONTROL_H
#define VML_ACCESS_CONTROL_H

#include <vml/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Reads are permitted. */
#define VML_ACCESS_READ 1u
/** @brief Writes are permitted. */
#define VML_ACCESS_WRITE 2u

/** @brief Permissions of one range. */
struct vml_access_range {
    uint64_t offset; /**< of the first byte */
    uint64_t size;   /**< bytes, not 0 */
    uint32_t allow;  /**< VML_ACCESS_READ, VML_ACCESS_WRITE */
    uint32_t
        mask; /**< 32-bit registers: bits that the guest sees and changes; 0: all of any size */
};

/** @brief What happens to an access that is not permitted. */
enum vml_access_denied {
    VML_ACCESS_RAZ_WI, /**< reads as zero, is not written */
    VML_ACCESS_FAULT,  /**< is a bus fault */
    VML_ACCESS_REPORT, /**< is told, and let through: to learn what a driver does */
};

/** @brief How a filter is made. Copied. */
struct vml_access_control_config {
    const char *name;          /**< for traces; NULL: "access_control" */
    struct vml_device *target; /**< behind it; NULL: nothing, permitted reads are zero */
    const struct vml_access_range *ranges; /**< ascending, not overlapping; kept */
    uint32_t count;                        /**< of `ranges` */
    enum vml_access_denied denied;         /**< see there */
    /** An access was not permitted (a masked one: in some bits). May be NULL. */
    void (*report)(void *context, const struct vml_access *access);
    void *context; /**< given to it */
};

/** @brief A filter. The embedder supplies the storage; members are private. */
struct vml_access_control {
    struct vml_device device;                /**< register this on a bus */
    struct vml_access_control_config config; /**< as given */
};

/** @brief Makes a filter. It resets, saves and restores the device behind it.
 * @return VML_ERR_INVALID for ranges that are empty, wrap, overlap or are not in order */
VML_MUST_CHECK enum vml_status
vml_access_control_init(struct vml_access_control *filter,
                        const struct vml_access_control_config *config);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
