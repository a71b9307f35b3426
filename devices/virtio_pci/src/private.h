/* What the parts of the transport share. */
#ifndef VML_VIRTIO_PCI_PRIVATE_H
#define VML_VIRTIO_PCI_PRIVATE_H

#include <vml/regs.h>
#include <vml/virtio_pci.h>

static inline struct vml_virtio_pci *virtio_pci_of(struct vml_pci_function *function)
{
    return VML_CONTAINER_OF(function, struct vml_virtio_pci, function);
}

/* An access to the common configuration structure. */
void virtio_pci_common_access(struct vml_virtio_pci *pci, struct vml_access *access);
/* The registers that the transport keeps, after reset. */
void virtio_pci_reset_registers(struct vml_virtio_pci *pci);

#endif
