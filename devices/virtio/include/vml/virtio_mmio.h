/**
 * @file
 * @brief Virtio over MMIO (virtio 1.3, 4.2): version 2, and the legacy version 1, as a device for a
 * bus.
 * @addtogroup vml_virtio
 * @{
 */
#ifndef VML_VIRTIO_MMIO_H
#define VML_VIRTIO_MMIO_H

#include <vml/irq_driver.h>
#include <vml/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Bytes of a transport's range: registers, then 256 bytes of config space. */
#define VML_VIRTIO_MMIO_SIZE 0x200u
/** @brief Where QueueNotify is: for embedders that catch it before the bus. */
#define VML_VIRTIO_MMIO_NOTIFY 0x50u

/** @brief How a transport is made. */
struct vml_virtio_mmio_config {
    const char *name;       /**< of the bus device; not owned */
    struct vml_virtio *dev; /**< the virtio device behind it; NULL: a place for none (DeviceID 0) */
    struct vml_irq irq;     /**< its wire, a level */
    uint32_t vendor_id;     /**< VendorID */
    bool legacy;            /**< version 1: for drivers of before virtio 1.0 */
};

/** @brief The registers that the transport itself keeps; the rest are the device's. */
struct vml_virtio_mmio_state {
    uint32_t device_features_sel; /**< DeviceFeaturesSel */
    uint32_t driver_features_sel; /**< DriverFeaturesSel */
    uint32_t queue_sel;           /**< QueueSel */
    uint32_t shm_sel;             /**< SHMSel */
    uint32_t guest_page_size;     /**< GuestPageSize (legacy) */
    uint32_t queue_align;         /**< QueueAlign (legacy) of the queue set up last */
};

/** @brief A transport. Members are private but `device`. */
struct vml_virtio_mmio {
    struct vml_device device;             /**< what a bus gets */
    struct vml_virtio_mmio_config config; /**< as given */
    struct vml_virtio_mmio_state state;   /**< see there */
    struct vml_mutex lock;                /**< of `state` and `wire` */
    struct vml_irq_driver wire;           /**< the level of InterruptStatus != 0 */
};

/** @brief Makes a transport and attaches it to its device.
 *
 * Control registers take aligned 32-bit accesses; others read as zero and are ignored (the
 * specification leaves them undefined).  The config space takes 1, 2, 4 and 8 bytes at any offset.
 * Any number of vCPUs may be inside.
 * @param mmio storage, kept by the caller
 * @param config copied
 * @return VML_ERR_INVALID without a name */
VML_MUST_CHECK enum vml_status vml_virtio_mmio_init(struct vml_virtio_mmio *mmio,
                                                    const struct vml_virtio_mmio_config *config);
/** @brief Ends its use; it is off its bus. The device is ended by its own function, after this. */
void vml_virtio_mmio_destroy(struct vml_virtio_mmio *mmio);

/** @brief A notification that did not come through the bus: what was written to QueueNotify. Any
 * thread. */
void vml_virtio_mmio_notify(struct vml_virtio_mmio *mmio, uint32_t value);

/** @brief The registers of the transport, without the configuration space. */
extern const struct vml_reg_table vml_virtio_mmio_regs;
/** @brief The registers of the legacy transport. */
extern const struct vml_reg_table vml_virtio_mmio_legacy_regs;

#ifdef __cplusplus
}
#endif
/** @} */
#endif
