/* MSI-X: the table and the pending bits in a BAR, and messages (PCI 3.0, 6.8.2 and 6.8.3). */
#include "pci_private.h"

#define ENTRY_SIZE 16u

void pci_msix_reset(struct vml_pci_function *function)
{
    vml_mutex_lock(&function->lock);
    for (uint32_t i = 0; i < function->config.msix.count; i++) {
        /* 6.8.2.9: the mask bit is set after reset. */
        function->config.msix.vectors[i] = (struct vml_pci_msix_vector){.masked = true};
    }
    vml_mutex_unlock(&function->lock);
}

/* The lock is held. */
static struct vml_msi message_of(const struct vml_pci_function *function, uint32_t vector)
{
    const struct vml_pci_msix_vector *v = &function->config.msix.vectors[vector];

    return (struct vml_msi){.address = v->address, .data = v->data, .device_id = function->id};
}

static void send(struct vml_pci_function *function, const struct vml_msi *message)
{
    /* A message to nobody's doorbell is a write that nobody takes. */
    if (function->host && vml_irq_msi(&function->host->config.msi, message) != VML_OK) {
        return;
    }
}

bool vml_pci_msix_send(struct vml_pci_function *function, uint32_t vector)
{
    struct vml_msi message;
    bool enabled;
    bool now = false;

    vml_mutex_lock(&function->lock);
    enabled = function->msix_enabled;
    if (enabled && vector < function->config.msix.count) {
        struct vml_pci_msix_vector *v = &function->config.msix.vectors[vector];

        if (function->msix_masked || v->masked) {
            v->pending = true;
        } else if (function->master) {
            message = message_of(function, vector);
            now = true;
        }
    }
    vml_mutex_unlock(&function->lock);
    if (now) {
        send(function, &message);
    }
    return enabled;
}

/* 6.8.3.5: a pending message is sent when its mask is cleared. */
static void flush_vector(struct vml_pci_function *function, uint32_t vector)
{
    struct vml_pci_msix_vector *v = &function->config.msix.vectors[vector];
    struct vml_msi message;
    bool now = false;

    vml_mutex_lock(&function->lock);
    if (v->pending && function->msix_enabled && !function->msix_masked && !v->masked) {
        v->pending = false;
        message = message_of(function, vector);
        now = function->master;
    }
    vml_mutex_unlock(&function->lock);
    if (now) {
        send(function, &message);
    }
}

void pci_msix_flush(struct vml_pci_function *function)
{
    for (uint32_t i = 0; i < function->config.msix.count; i++) {
        flush_vector(function, i);
    }
}

/* A doubleword of the table (6.8.2.6 to 6.8.2.9); the lock is held. */
static uint32_t read_entry(const struct vml_pci_msix_vector *v, uint32_t field)
{
    switch (field) {
    case 0:
        return (uint32_t)v->address;
    case 1:
        return (uint32_t)(v->address >> 32);
    case 2:
        return v->data;
    default:
        return v->masked;
    }
}

static void write_entry(struct vml_pci_msix_vector *v, uint32_t field, uint32_t value)
{
    switch (field) {
    case 0:
        v->address = (v->address & ~(uint64_t)UINT32_MAX) | (value & ~3u);
        break;
    case 1:
        v->address = (v->address & UINT32_MAX) | (uint64_t)value << 32;
        break;
    case 2:
        v->data = value;
        break;
    default:
        v->masked = (value & 1u) != 0;
        break;
    }
}

static void table_access(struct vml_pci_function *function, uint32_t offset,
                         struct vml_access *access)
{
    uint32_t vector = offset / ENTRY_SIZE;
    struct vml_pci_msix_vector *v = &function->config.msix.vectors[vector];
    uint64_t value = 0;

    vml_mutex_lock(&function->lock);
    for (uint32_t i = 0; i < access->size / 4u; i++) {
        uint32_t field = (offset % ENTRY_SIZE) / 4u + i;

        if (access->write) {
            write_entry(v, field, (uint32_t)(access->value >> (32u * i)));
        } else {
            value |= (uint64_t)read_entry(v, field) << (32u * i);
        }
    }
    vml_mutex_unlock(&function->lock);
    if (access->write) {
        flush_vector(function, vector);
    } else {
        access->value = value;
    }
}

/* 6.8.2.10: read only. */
static void pba_read(struct vml_pci_function *function, uint32_t offset, struct vml_access *access)
{
    uint64_t value = 0;

    vml_mutex_lock(&function->lock);
    for (uint32_t i = 0; i < 8u * access->size; i++) {
        uint32_t vector = 8u * offset + i;

        if (vector < function->config.msix.count && function->config.msix.vectors[vector].pending) {
            value |= UINT64_C(1) << i;
        }
    }
    vml_mutex_unlock(&function->lock);
    access->value = value;
}

bool pci_msix_access(struct vml_pci_function *function, struct vml_access *access)
{
    const struct vml_pci_msix *msix = &function->config.msix;
    uint64_t pba_size = (msix->count + 63u) / 64u * 8u;
    bool table = access->offset >= msix->table &&
                 access->offset - msix->table < (uint64_t)msix->count * ENTRY_SIZE;
    bool pba = access->offset >= msix->pba && access->offset - msix->pba < pba_size;

    if (!table && !pba) {
        return false;
    }
    /* 6.8.2: software must use aligned doublewords or quadwords; the rest is not defined. */
    if (access->size < 4 || (access->offset & (access->size - 1u)) != 0) {
        access->value = access->write ? access->value : 0;
    } else if (table) {
        table_access(function, (uint32_t)(access->offset - msix->table), access);
    } else if (!access->write) {
        pba_read(function, (uint32_t)(access->offset - msix->pba), access);
    }
    return true;
}
