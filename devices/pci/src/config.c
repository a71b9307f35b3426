/* Configuration space: reads, writes, and what follows from a write (PCI 3.0, 6.2). */
#include "pci_private.h"

uint32_t pci_get(const uint8_t *bytes, uint32_t size)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < size; i++) {
        value |= (uint32_t)bytes[i] << (8 * i);
    }
    return value;
}

void pci_put(uint8_t *bytes, uint32_t size, uint32_t value)
{
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

void pci_lock_space(struct vml_pci_function *function)
{
    if (function->host) {
        vml_mutex_lock(&function->host->lock);
    }
}

void pci_unlock_space(struct vml_pci_function *function)
{
    if (function->host) {
        vml_mutex_unlock(&function->host->lock);
    }
}

uint16_t pci_command(const struct vml_pci_function *function)
{
    return (uint16_t)pci_get(function->space + VML_PCI_COMMAND, 2);
}

static bool intx_wanted(const struct vml_pci_function *function)
{
    return function->config.intx && atomic_load(function->config.intx) != 0;
}

void pci_space_changed(struct vml_pci_function *function)
{
    uint32_t control =
        function->msix ? pci_get(function->space + function->msix + MSIX_CONTROL, 2) : 0;
    uint16_t command = pci_command(function);
    bool enabled = (control & VML_PCI_MSIX_ENABLE) != 0;

    vml_mutex_lock(&function->lock);
    function->msix_enabled = enabled;
    function->msix_masked = (control & VML_PCI_MSIX_MASK) != 0;
    function->master = (command & VML_PCI_COMMAND_MASTER) != 0;
    vml_mutex_unlock(&function->lock);
    if (function->host) {
        vml_mutex_lock(&function->host->intx_lock);
        /* 6.8.2: with MSI-X enabled a function is prohibited from using its INTx# pin. */
        function->intx_allowed = function->config.interrupt_pin != 0 && !enabled &&
                                 !(command & VML_PCI_COMMAND_INTX_DISABLE);
        vml_mutex_unlock(&function->host->intx_lock);
        pci_map_update(function->host);
    }
}

uint32_t vml_pci_config_read(struct vml_pci_function *function, uint32_t offset, uint8_t size)
{
    uint8_t bytes[4];

    if (offset >= VML_PCI_SPACE) {
        return 0; /* PCIe 7.6.1: no extended capability */
    }
    pci_lock_space(function);
    memcpy(bytes, function->space + offset, size);
    pci_unlock_space(function);
    if (offset <= VML_PCI_STATUS && VML_PCI_STATUS < offset + size && intx_wanted(function)) {
        uint32_t enabled;

        vml_mutex_lock(&function->lock);
        enabled = function->msix_enabled;
        vml_mutex_unlock(&function->lock);
        bytes[VML_PCI_STATUS - offset] |= enabled ? 0 : VML_PCI_STATUS_INTERRUPT;
    }
    return pci_get(bytes, size);
}

void vml_pci_config_write(struct vml_pci_function *function, uint32_t offset, uint8_t size,
                          uint32_t value)
{
    uint32_t control = (uint32_t)function->express + EXPRESS_CONTROL;
    uint32_t msix = (uint32_t)function->msix + MSIX_CONTROL;
    bool changed = false;

    if (offset >= VML_PCI_SPACE) {
        return;
    }
    pci_lock_space(function);
    for (uint32_t i = 0; i < size; i++) {
        uint8_t *byte = &function->space[offset + i];
        uint8_t mask = function->writable[offset + i];
        uint8_t written = (uint8_t)((*byte & ~mask) | ((value >> (8 * i)) & mask));

        changed |= written != *byte;
        *byte = written;
    }
    if (changed) {
        pci_space_changed(function);
    }
    pci_unlock_space(function);
    if (changed) {
        vml_pci_intx_update(function);
    }
    if (changed && function->msix && offset <= msix + 1 && msix < offset + size) {
        pci_msix_flush(function);
    }
    /* PCIe 7.5.3.4: a one written to Initiate Function Level Reset; the bit reads as zero. */
    if (function->express && offset <= control + 1 && control + 1 < offset + size &&
        ((value >> (8 * (control + 1 - offset))) & (EXPRESS_CONTROL_FLR >> 8))) {
        pci_function_reset(&function->device);
    }
}

/* INTx. */

void vml_pci_intx_update(struct vml_pci_function *function)
{
    struct vml_pci_host *host = function->host;
    uint32_t line;
    bool asserted;
    bool changed = false;

    if (!host || function->config.interrupt_pin == 0) {
        return;
    }
    /* PCI-to-PCI Bridge 1.2, 9.1: device 0's INTA is the first wire, device 1's the second. */
    line = ((uint32_t)(function->id >> 3) + function->config.interrupt_pin - 1u) & 3u;
    vml_mutex_lock(&host->intx_lock);
    asserted = function->intx_allowed && intx_wanted(function);
    if (asserted != function->intx_asserted) {
        function->intx_asserted = asserted;
        if (asserted) {
            host->intx_count[line]++;
        } else {
            host->intx_count[line]--;
        }
        changed = vml_irq_driver_set(&host->intx[line], host->intx_count[line] != 0);
    }
    vml_mutex_unlock(&host->intx_lock);
    if (changed) {
        vml_irq_driver_send(&host->intx[line], &host->intx_lock);
    }
}
