/* Saved state of a function: configuration space, MSI-X vectors, and the device's own record. */
#include "pci_private.h"

#define FUNCTION_TAG     VML_STATE_TAG('P', 'C', 'I', 'F')
#define FUNCTION_VERSION 1u

#define VECTOR_PENDING   1u
#define VECTOR_MASKED    2u

static struct vml_pci_function *function_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_pci_function, device);
}

void pci_function_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_pci_function *function = function_of(device);
    const struct vml_pci_msix *msix = &function->config.msix;

    vml_state_begin(w, FUNCTION_TAG, FUNCTION_VERSION);
    pci_lock_space(function);
    vml_state_put_bytes(w, function->space, sizeof(function->space));
    pci_unlock_space(function);
    vml_state_put_u32(w, msix->count);
    vml_mutex_lock(&function->lock);
    for (uint32_t i = 0; i < msix->count; i++) {
        const struct vml_pci_msix_vector *v = &msix->vectors[i];

        vml_state_put_u64(w, v->address);
        vml_state_put_u32(w, v->data);
        vml_state_put_u8(
            w, (uint8_t)((v->pending ? VECTOR_PENDING : 0u) | (v->masked ? VECTOR_MASKED : 0u)));
    }
    vml_mutex_unlock(&function->lock);
    vml_state_put_bool(w, function->config.ops->save != NULL);
    if (function->config.ops->save) {
        function->config.ops->save(function, w);
    }
    vml_state_end(w);
}

static struct vml_pci_msix_vector get_vector(struct vml_state_reader *r)
{
    struct vml_pci_msix_vector v;
    uint8_t flags;

    v.address = vml_state_get_u64(r);
    v.data = vml_state_get_u32(r);
    flags = vml_state_get_u8(r);
    v.pending = (flags & VECTOR_PENDING) != 0;
    v.masked = (flags & VECTOR_MASKED) != 0;
    if ((v.address & 3u) != 0 || (flags & ~(VECTOR_PENDING | VECTOR_MASKED))) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    return v;
}

/* Bits that the guest cannot change are those of this function. */
static bool space_is_valid(const struct vml_pci_function *function, const uint8_t *space)
{
    for (uint32_t i = 0; i < VML_PCI_SPACE; i++) {
        if ((space[i] ^ function->initial[i]) & ~function->writable[i]) {
            return false;
        }
    }
    return true;
}

/* Validates everything on a copy of the reader. */
static enum vml_status check(struct vml_pci_function *function, struct vml_state_reader r)
{
    uint8_t space[VML_PCI_SPACE];

    vml_state_enter(&r, FUNCTION_TAG, FUNCTION_VERSION);
    vml_state_get_bytes(&r, space, sizeof(space));
    if (vml_state_get_u32(&r) != function->config.msix.count || !space_is_valid(function, space)) {
        vml_state_fail(&r, VML_ERR_CORRUPT);
    }
    for (uint32_t i = 0; i < function->config.msix.count; i++) {
        (void)get_vector(&r);
    }
    if (vml_state_get_bool(&r) != (function->config.ops->save != NULL)) {
        vml_state_fail(&r, VML_ERR_CORRUPT);
    }
    if (vml_state_read_status(&r) == VML_OK && function->config.ops->save) {
        enum vml_status status = function->config.ops->restore(function, &r, false);

        if (status != VML_OK) {
            return status;
        }
    }
    vml_state_leave(&r);
    return vml_state_read_status(&r);
}

enum vml_status pci_function_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_pci_function *function = function_of(device);
    enum vml_status status = check(function, *r);

    if (status != VML_OK) {
        vml_state_fail(r, status);
        return status;
    }
    vml_state_enter(r, FUNCTION_TAG, FUNCTION_VERSION);
    pci_lock_space(function);
    vml_state_get_bytes(r, function->space, sizeof(function->space));
    (void)vml_state_get_u32(r);
    vml_mutex_lock(&function->lock);
    for (uint32_t i = 0; i < function->config.msix.count; i++) {
        function->config.msix.vectors[i] = get_vector(r);
    }
    vml_mutex_unlock(&function->lock);
    pci_space_changed(function);
    pci_unlock_space(function);
    (void)vml_state_get_bool(r);
    if (function->config.ops->save) {
        status = function->config.ops->restore(function, r, true);
        VML_ASSERT(status == VML_OK); /* check() did the same */
    }
    vml_state_leave(r);
    vml_pci_intx_update(function);
    pci_msix_flush(function);
    return vml_state_read_status(r);
}
