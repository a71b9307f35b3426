/**
 * @file
 * @brief The virtual bus: finds the device behind an address and passes it the access.
 *
 * A bus serves one space.  Lookup takes no lock: the sorted table of ranges is published atomically,
 * and each vCPU caches its last hit in a cache line of its own.  A device stays valid while an access
 * is inside it: unregistration waits for those accesses that were inside when it began, whoever makes
 * them, and for no later one.
 * @defgroup vml_vbus Virtual bus
 * @{
 */
#ifndef VML_VBUS_H
#define VML_VBUS_H

#include <stdatomic.h>
#include <vml/arch.h>
#include <vml/debug.h>
#include <vml/device.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief What the addresses of a bus mean. */
enum vml_space {
    VML_SPACE_MMIO,   /**< guest physical addresses */
    VML_SPACE_PIO,    /**< x86 I/O ports */
    VML_SPACE_MSR,    /**< x86 MSR numbers */
    VML_SPACE_SYSREG, /**< Arm system registers: VML_SYSREG() encodings */
};

/** @brief The address of an Arm system register on a SYSREG bus; always a multiple of 8. */
#define VML_SYSREG(op0, op1, crn, crm, op2)                                                        \
    (((3u & (uint64_t)(op0)) << 17) | ((7u & (uint64_t)(op1)) << 14) |                             \
     ((15u & (uint64_t)(crn)) << 10) | ((15u & (uint64_t)(crm)) << 6) |                            \
     ((7u & (uint64_t)(op2)) << 3))

/** @brief Statistics of a range; counted only while the bus's statistics are on. */
struct vml_bus_stats {
    uint64_t reads;  /**< served */
    uint64_t writes; /**< served */
    uint64_t faults; /**< refused by the device */
};

/** @brief A device's place on a bus. The embedder owns it and keeps it while it is registered. */
struct vml_bus_range {
    uint64_t base;              /**< first address */
    uint64_t size;              /**< bytes, not 0; (numbers on MSR, 8 a register on SYSREG) */
    struct vml_device *device;  /**< who serves it */
    uint64_t device_offset;     /**< what the first address is to the device */
    struct vml_bus_stats stats; /**< private; read with vml_vbus_stats() */
};

/** @brief Private to one vCPU: the last hit as a copy, and whether it is inside an access. */
struct vml_bus_cpu {
    VML_CACHE_ALIGNED _Atomic uint64_t inside; /**< `version` while inside an access, or 0 */
    uint64_t version;                          /**< of the bus when the hit was copied */
    uint64_t base;                             /**< of the hit's range */
    uint64_t span;             /**< from `base`: addresses at which any access fits; 0: no hit */
    uint64_t delta;            /**< from an address to an offset in the device */
    struct vml_device *device; /**< of the hit's range */
    /** The device's. */
    enum vml_bus_result (*access)(struct vml_device *device, struct vml_access *access);
};

/** @brief The ranges, sorted by base. */
struct vml_bus_table {
    uint32_t count;                 /**< of `ranges` */
    struct vml_bus_range *ranges[]; /**< ascending */
};

/** @brief Bytes of storage that a bus needs, aligned to VML_CACHE_LINE_SIZE: whole cache lines. */
#define VML_BUS_STORAGE(ranges, cpus)                                                              \
    (((cpus) * sizeof(struct vml_bus_cpu) +                                                        \
      2u * (sizeof(struct vml_bus_table) + (ranges) * sizeof(struct vml_bus_range *)) +            \
      VML_CACHE_LINE_SIZE - 1u) /                                                                  \
     VML_CACHE_LINE_SIZE * VML_CACHE_LINE_SIZE)

/** @brief How a bus is made. */
struct vml_vbus_config {
    const char *name;        /**< for traces */
    enum vml_space space;    /**< what its addresses mean */
    uint32_t max_ranges;     /**< the most ranges registered at a time */
    uint32_t cpus;           /**< vCPUs that make accesses: indexes below this */
    void *storage;           /**< VML_BUS_STORAGE(max_ranges, cpus) bytes; kept while in use */
    struct vml_debug *debug; /**< levels, statistics and trace; may be NULL */
};

/** @brief A bus. Members are private. What accesses read is apart from what other threads write. */
struct vml_vbus {
    struct vml_vbus_config config;         /**< as given */
    _Atomic uint64_t version;              /**< even; grows with each change */
    struct vml_bus_cpu *cpus;              /**< one per vCPU */
    const _Atomic bool *watched;           /**< the debug state's, or one that is never set */
    _Atomic(struct vml_bus_table *) table; /**< what lookups use */
    _Atomic bool statistics;               /**< count */
    uint8_t apart[VML_CACHE_LINE_SIZE];    /**< unused */
    struct vml_bus_table *spare;           /**< what the next change is built in */
    struct vml_mutex lock;                 /**< of changes */
    struct vml_mutex other_lock;           /**< of `other_phase` */
    uint32_t other_phase;                  /**< which of `others` enters now */
    _Atomic uint32_t others[2];            /**< accesses inside that no vCPU makes, by phase */
};

/** @brief Makes an empty bus. @return VML_ERR_INVALID for no storage or no ranges */
VML_MUST_CHECK enum vml_status vml_vbus_init(struct vml_vbus *bus,
                                             const struct vml_vbus_config *config);

/** @brief Puts a device on the bus. Any thread, any time, not from inside an access of this bus.
 * @return VML_ERR_INVALID (size 0, no device), VML_ERR_RANGE (wraps), VML_ERR_OVERLAP,
 * VML_ERR_NO_SPACE */
VML_MUST_CHECK enum vml_status vml_vbus_register(struct vml_vbus *bus, struct vml_bus_range *range);
/** @brief Takes a device off the bus, and waits until no access is inside it. Not from inside an
 * access of this bus.
 *
 * The wait ends when every access, vml_vbus_find(), vml_vbus_for_each(), reset and shutdown of this
 * bus that was under way has returned, on this device or on another.  Those that begin later, on vCPUs
 * or on other threads, do not prolong it. */
VML_MUST_CHECK enum vml_status vml_vbus_unregister(struct vml_vbus *bus,
                                                   struct vml_bus_range *range);

/** @brief Serves one access.
 *
 * `access->offset` need not be set: it becomes the offset in the device, and is undefined afterwards.
 * An access that starts in a range and ends outside of it is a fault.
 * @param addr the first address
 * @param access size, direction, value and vCPU; the vCPU's accesses come from one thread at a time
 * @return VML_BUS_NO_DEVICE when nobody is there, else what the device answers */
enum vml_bus_result vml_vbus_access(struct vml_vbus *bus, uint64_t addr, struct vml_access *access);

/** @brief The range that holds an address, or NULL. The answer may be out of date on return. */
struct vml_bus_range *vml_vbus_find(struct vml_vbus *bus, uint64_t addr);
/** @brief Calls `fn` for each range in ascending order until it returns false. Not for changing the
 * bus from inside. */
void vml_vbus_for_each(struct vml_vbus *bus, bool (*fn)(void *context, struct vml_bus_range *range),
                       void *context);
/** @brief Resets each device once (a device with several ranges too), ascending. */
void vml_vbus_reset(struct vml_vbus *bus);
/** @brief Shuts each device down once, descending. */
void vml_vbus_shutdown(struct vml_vbus *bus);
/** @brief Switches the counting of accesses. Off at first. Any thread, any time. */
void vml_vbus_set_statistics(struct vml_vbus *bus, bool on);
/** @brief A copy of a range's statistics. */
struct vml_bus_stats vml_vbus_stats(const struct vml_bus_range *range);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
