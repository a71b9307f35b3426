/**
 * @file
 * @brief Virtio over PCI (virtio 1.3, 4.1): a function with MSI-X for a host bridge (vml/pci.h).
 *
 * The device is a modern one (no legacy interface).  BAR 0, 64 bits wide, holds all structures, each on
 * a page of its own: common configuration, ISR status, device configuration, notifications (four bytes a
 * queue), and the MSI-X table and pending bits.  There is a vector for each queue and one for changes of
 * the configuration, if the embedder gives so many.
 *
 * Shared memory regions are not offered: they would have to be in a BAR.
 * @defgroup vml_virtio_pci Virtio over PCI
 * @{
 */
#ifndef VML_VIRTIO_PCI_H
#define VML_VIRTIO_PCI_H

#include <vml/pci.h>
#include <vml/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VML_VIRTIO_PCI_BAR_SIZE    0x10000u /**< bytes of BAR 0 */
#define VML_VIRTIO_PCI_COMMON      0x0000u  /**< where the common configuration is */
#define VML_VIRTIO_PCI_COMMON_SIZE 0x40u    /**< bytes of it */
#define VML_VIRTIO_PCI_ISR         0x1000u  /**< where the ISR status is, one byte */
#define VML_VIRTIO_PCI_DEVICE      0x2000u  /**< where the device configuration is */
#define VML_VIRTIO_PCI_NOTIFY      0x3000u  /**< where the notification of queue 0 is */
#define VML_VIRTIO_PCI_MULTIPLIER  4u       /**< bytes from one queue's to the next one's */
#define VML_VIRTIO_PCI_TABLE       0x4000u  /**< where the MSI-X table is */
#define VML_VIRTIO_PCI_PBA         0xc000u  /**< where the pending bits are */
#define VML_VIRTIO_PCI_NO_VECTOR   0xffffu  /**< VIRTIO_MSI_NO_VECTOR */

/** @brief How a transport is made. */
struct vml_virtio_pci_config {
    const char *name;                    /**< of the function; not owned */
    struct vml_virtio *dev;              /**< the virtio device behind it */
    uint16_t *queue_vectors;             /**< storage: one for each queue of the device */
    struct vml_pci_msix_vector *vectors; /**< storage of the MSI-X vectors; NULL: INTx only */
    uint32_t vector_count;               /**< of them: 1 more than queues serves every driver */
};

/** @brief The registers that the transport itself keeps; the rest are the device's. */
struct vml_virtio_pci_state {
    uint32_t device_feature_select; /**< as written */
    uint32_t driver_feature_select; /**< as written */
    uint16_t queue_select;          /**< as written */
    uint16_t config_msix_vector;    /**< as written, or VML_VIRTIO_PCI_NO_VECTOR */
};

/** @brief A transport. Members are private but `function`. */
struct vml_virtio_pci {
    struct vml_pci_function function;    /**< what a host gets */
    struct vml_virtio_pci_config config; /**< as given */
    struct vml_virtio_pci_state state;   /**< see there */
    struct vml_mutex lock;               /**< of `state` and the queues' vectors */
    uint8_t pci_cfg;                     /**< offset of the VIRTIO_PCI_CAP_PCI_CFG capability */
};

/** @brief Makes a transport and attaches it to its device; vml_pci_host_add() then takes `function`.
 *
 * Fields take accesses of their own width, 64-bit fields 32-bit accesses too; others read as zero and
 * are ignored.  The device configuration takes any.  Any number of vCPUs may be inside.
 * @param pci storage, kept by the caller
 * @param config copied
 * @return VML_ERR_INVALID without a name, a device, or room for the queues' vectors, or with more
 * vectors than a function can have */
VML_MUST_CHECK enum vml_status vml_virtio_pci_init(struct vml_virtio_pci *pci,
                                                   const struct vml_virtio_pci_config *config);
/** @brief Ends its use; its host is off its bus. The device is ended by its own function, and the host,
 * after this. */
void vml_virtio_pci_destroy(struct vml_virtio_pci *pci);

/** @brief A notification that did not come through the bus. Any thread. @param queue its index */
void vml_virtio_pci_notify(struct vml_virtio_pci *pci, uint32_t queue);

/** @brief The registers of the common configuration structure. */
extern const struct vml_reg_table vml_virtio_pci_common_regs;

#ifdef __cplusplus
}
#endif
/** @} */
#endif
