/*
 * What the parts of the library share.
 *
 * Lock order: host->lock, then function->lock or host->intx_lock, which never nest in each other.
 * No operation of a function, and no wire, is called with any of them held.
 */
#ifndef VML_PCI_PRIVATE_H
#define VML_PCI_PRIVATE_H

#include <vml/debug.h>
#include <vml/pci.h>

/* PCI Express capability (PCIe base 5.0, 7.5.3), relative to it. */
#define EXPRESS_SIZE         0x3cu
#define EXPRESS_CAPABILITIES 0x02u
#define EXPRESS_DEVICE       0x04u
#define EXPRESS_CONTROL      0x08u
#define EXPRESS_CONTROL_FLR  0x8000u
/* MSI-X capability (PCI 3.0, 6.8.2), relative to it. */
#define MSIX_CONTROL 0x02u

/* A function has no lock of its own for its configuration space before it is in a host. */
void pci_lock_space(struct vml_pci_function *function);
void pci_unlock_space(struct vml_pci_function *function);

uint32_t pci_get(const uint8_t *bytes, uint32_t size);
void pci_put(uint8_t *bytes, uint32_t size, uint32_t value);
uint16_t pci_command(const struct vml_pci_function *function);

/* Where a BAR is, as its registers say. */
uint64_t pci_bar_base(const struct vml_pci_function *function, uint32_t bar);
/* Computes the map again from all configuration spaces; host->lock is held. */
void pci_map_update(struct vml_pci_host *host);
/* Brings what is derived from the configuration space up to date; host->lock is held. */
void pci_space_changed(struct vml_pci_function *function);
/* Reset of one function. No lock is held. */
void pci_function_reset(struct vml_device *device);

/* MSI-X: reset state of the vectors; the structures in the BAR; what was pending and may go now. */
void pci_msix_reset(struct vml_pci_function *function);
bool pci_msix_access(struct vml_pci_function *function, struct vml_access *access);
void pci_msix_flush(struct vml_pci_function *function);

void pci_function_save(struct vml_device *device, struct vml_state_writer *w);
enum vml_status pci_function_restore(struct vml_device *device, struct vml_state_reader *r);

#endif
