/**
 * @file
 * @brief What every device is: a name, an access function, reset, and saved state.
 * @defgroup vml_device Devices
 * @{
 */
#ifndef VML_DEVICE_H
#define VML_DEVICE_H

#include <vml/base.h>
#include <vml/state.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief The `cpu` of an access that no vCPU made. */
#define VML_CPU_NONE UINT32_MAX

/** @brief How a bus access ended. */
enum vml_bus_result {
    VML_BUS_OK = 0,    /**< done; a read's value is in the access */
    VML_BUS_FAULT,     /**< refused: the embedder injects an abort or a protection fault */
    VML_BUS_NO_DEVICE, /**< nobody is there */
    VML_BUS_PENDING,   /**< a forwarding device completes it later; the vCPU waits until then */
};

/** @brief One access to a device, neutral to the trap that caused it. */
struct vml_access {
    uint64_t
        offset; /**< from the start of the device's range; a SYSREG or MSR number on those spaces */
    uint64_t value; /**< in: what is written, zero-extended; out: what was read, zero-extended */
    uint32_t cpu;   /**< index of the vCPU, or VML_CPU_NONE */
    uint8_t size;   /**< bytes: 1, 2, 4 or 8 */
    bool write;     /**< true for a write */
};

struct vml_device;

/** @brief What a device does. Every member may be NULL. */
struct vml_device_ops {
    /** Serves one access. Any number of vCPUs may be inside at once. NULL: every access faults. */
    enum vml_bus_result (*access)(struct vml_device *device, struct vml_access *access);
    /** Puts the device into its reset state. No vCPU makes guest progress meanwhile. */
    void (*reset)(struct vml_device *device);
    /** Stops back-end work for good. Nothing is called after it but destruction. */
    void (*shutdown)(struct vml_device *device);
    /** Writes one record. No vCPU makes guest progress meanwhile. Errors are in the writer. */
    void (*save)(struct vml_device *device, struct vml_state_writer *w);
    /** Reads one record, validates all of it, then changes the device; or changes nothing. */
    enum vml_status (*restore)(struct vml_device *device, struct vml_state_reader *r);
};

/** @brief The part that all devices share; embed it. */
struct vml_device {
    const char *name;                 /**< for traces and error messages; not owned */
    const struct vml_device_ops *ops; /**< never NULL */
};

#ifdef __cplusplus
}
#endif
/** @} */
#endif
