/* A function: its header and capabilities as they are after reset (PCI 3.0, 6.1 and 6.7). */
#include "pci_private.h"

#define HEADER_SIZE 0x40u

static const struct vml_device_ops function_ops = {
    .reset = pci_function_reset,
    .shutdown = pci_function_reset,
    .save = pci_function_save,
    .restore = pci_function_restore,
};

static bool bar_is_valid(const struct vml_pci_function_config *config, uint32_t i)
{
    const struct vml_pci_bar *bar = &config->bars[i];

    if (bar->size == 0) {
        return true;
    }
    if (bar->size < 16 || !vml_is_pow2(bar->size)) {
        return false;
    }
    if (bar->wide) {
        return i + 1 < VML_PCI_BARS && config->bars[i + 1].size == 0;
    }
    return bar->size <= UINT64_C(1) << 31;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static bool msix_is_valid(const struct vml_pci_function_config *config)
{
    const struct vml_pci_msix *msix = &config->msix;
    const uint64_t table = 16u * (uint64_t)msix->count;
    const uint64_t pba = ((uint64_t)msix->count + 63u) / 64u * 8u;

    if (msix->count == 0) {
        return true;
    }
    return msix->count <= VML_PCI_MAX_VECTORS && msix->vectors && msix->bar < VML_PCI_BARS &&
           (msix->table & 7u) == 0 && (msix->pba & 7u) == 0 &&
           msix->table + table <= config->bars[msix->bar].size &&
           msix->pba + pba <= config->bars[msix->bar].size &&
           !overlap(msix->table, table, msix->pba, pba);
}

static void make_header(struct vml_pci_function *function)
{
    const struct vml_pci_function_config *c = &function->config;
    uint8_t *space = function->initial;
    uint8_t *writable = function->writable;

    pci_put(space + VML_PCI_VENDOR_ID, 2, c->vendor_id);
    pci_put(space + VML_PCI_DEVICE_ID, 2, c->device_id);
    pci_put(space + VML_PCI_REVISION, 4, c->class_code << 8 | c->revision);
    pci_put(space + VML_PCI_SUBSYSTEM, 2, c->subsystem_vendor_id);
    pci_put(space + VML_PCI_SUBSYSTEM + 2, 2, c->subsystem_id);
    space[VML_PCI_INTERRUPT_PIN] = c->interrupt_pin;
    writable[VML_PCI_INTERRUPT_LINE] = 0xff;
    /* Parity error response and SERR# enable can be set; there are no such errors. */
    pci_put(writable + VML_PCI_COMMAND, 2,
            VML_PCI_COMMAND_MEMORY | VML_PCI_COMMAND_MASTER | 0x0040u | 0x0100u |
                (c->interrupt_pin ? VML_PCI_COMMAND_INTX_DISABLE : 0u));
    writable[0x0c] = 0xff; /* Cache Line Size: without effect on PCI Express (7.5.1.1.7) */
    for (uint32_t i = 0; i < VML_PCI_BARS; i++) {
        const struct vml_pci_bar *bar = &c->bars[i];
        uint64_t mask = ~(bar->size - 1);
        uint32_t at = VML_PCI_BAR0 + 4 * i;

        if (bar->size == 0) {
            continue;
        }
        pci_put(space + at, 4, (bar->wide ? 4u : 0u) | (bar->prefetchable ? 8u : 0u));
        pci_put(writable + at, 4, (uint32_t)mask);
        if (bar->wide) {
            pci_put(writable + at + 4, 4, (uint32_t)(mask >> 32));
        }
    }
}

static enum vml_status add_express(struct vml_pci_function *function)
{
    uint8_t body[EXPRESS_SIZE - 2] = {0};
    uint8_t writable[EXPRESS_SIZE - 2] = {0};

    /* Version 2, Root Complex Integrated Endpoint; role-based error reporting; function level reset.
     * Of such an endpoint no link registers are needed: they read as zero. */
    pci_put(body + EXPRESS_CAPABILITIES - 2, 2, 0x0092);
    pci_put(body + EXPRESS_DEVICE - 2, 4, 1u << 28 | 1u << 15);
    pci_put(writable + EXPRESS_CONTROL - 2, 2, 0x78ff & ~0x0100u);
    function->express =
        vml_pci_add_capability(function, VML_PCI_CAP_EXPRESS, body, writable, sizeof(body));
    return function->express ? VML_OK : VML_ERR_INVALID;
}

static enum vml_status add_msix(struct vml_pci_function *function)
{
    const struct vml_pci_msix *msix = &function->config.msix;
    uint8_t body[10] = {0};
    uint8_t writable[10] = {0};

    pci_put(body, 2, msix->count - 1);
    pci_put(body + 2, 4, msix->table | msix->bar);
    pci_put(body + 6, 4, msix->pba | msix->bar);
    pci_put(writable, 2, VML_PCI_MSIX_ENABLE | VML_PCI_MSIX_MASK);
    function->msix =
        vml_pci_add_capability(function, VML_PCI_CAP_MSIX, body, writable, sizeof(body));
    return function->msix ? VML_OK : VML_ERR_INVALID;
}

uint8_t vml_pci_add_capability(struct vml_pci_function *function, uint8_t id, const void *body,
                               const uint8_t *writable, uint8_t size)
{
    uint32_t at = function->free;

    if (function->host || at + 2u + size > VML_PCI_SPACE) {
        return 0;
    }
    function->initial[function->link] = (uint8_t)at;
    function->initial[at] = id;
    memcpy(function->initial + at + 2, body, size);
    if (writable) {
        memcpy(function->writable + at + 2, writable, size);
    }
    pci_put(function->initial + VML_PCI_STATUS, 2, VML_PCI_STATUS_CAPABILITIES);
    function->link = (uint8_t)(at + 1);
    function->free = (uint16_t)((at + 2u + size + 3u) & ~3u);
    memcpy(function->space, function->initial, sizeof(function->space));
    return (uint8_t)at;
}

void vml_pci_set_window(struct vml_pci_function *function, uint8_t offset)
{
    VML_ASSERT(!function->host && (offset & 3u) == 0);
    function->window = offset;
}

enum vml_status vml_pci_function_init(struct vml_pci_function *function,
                                      const struct vml_pci_function_config *config)
{
    enum vml_status status = VML_OK;

    if (!config->name || !config->ops || config->interrupt_pin > 4 || config->class_code >> 24 ||
        !msix_is_valid(config)) {
        return VML_ERR_INVALID;
    }
    for (uint32_t i = 0; i < VML_PCI_BARS; i++) {
        if (!bar_is_valid(config, i)) {
            return VML_ERR_INVALID;
        }
    }
    memset(function, 0, sizeof(*function));
    function->device = (struct vml_device){.name = config->name, .ops = &function_ops};
    function->config = *config;
    function->free = HEADER_SIZE;
    function->link = VML_PCI_CAPABILITIES;
    make_header(function);
    vml_mutex_init(&function->lock);
    memcpy(function->space, function->initial, sizeof(function->space));
    if (config->express) {
        status = add_express(function);
    }
    if (status == VML_OK && config->msix.count) {
        status = add_msix(function);
    }
    pci_msix_reset(function);
    pci_space_changed(function);
    return status;
}

void vml_pci_function_destroy(struct vml_pci_function *function)
{
    vml_mutex_destroy(&function->lock);
}

void pci_function_reset(struct vml_device *device)
{
    struct vml_pci_function *function = VML_CONTAINER_OF(device, struct vml_pci_function, device);

    pci_lock_space(function);
    memcpy(function->space, function->initial, sizeof(function->space));
    pci_msix_reset(function);
    pci_space_changed(function);
    pci_unlock_space(function);
    if (function->config.ops->reset) {
        function->config.ops->reset(function);
    }
    vml_pci_intx_update(function);
}
