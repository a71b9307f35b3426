/*
 * The PCI transport: capabilities, BAR, interrupts, state. virtio 1.3, 4.1.
 *
 * Lock order: `lock` is a leaf; no other library is called with it held.
 */
#include "private.h"

#define VIRTIO_VENDOR     0x1af4u
#define VIRTIO_DEVICE     0x1040u /* and the device's ID (4.1.2.1) */
#define VIRTIO_REVISION   1u

#define TRANSPORT_TAG     VML_STATE_TAG('V', 'P', 'C', 'I')
#define TRANSPORT_VERSION 1u

#define REGION_SIZE       0x1000u

/* struct virtio_pci_cap (4.1.4), without the ID and the next pointer. */
enum {
    CAP_LENGTH = 0,
    CAP_TYPE = 1,
    CAP_BAR = 2,
    CAP_OFFSET = 6,
    CAP_SIZE = 10,
    CAP_BYTES = 14,
    CAP_EXTRA_BYTES = 18, /* notify_off_multiplier, or pci_cfg_data */
};
enum { COMMON_CFG = 1, NOTIFY_CFG = 2, ISR_CFG = 3, DEVICE_CFG = 4, PCI_CFG = 5 };

static void put32(uint8_t *bytes, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

/* Interrupts. */

static void update_wire(void *context)
{
    struct vml_virtio_pci *pci = context;

    vml_pci_intx_update(&pci->function);
}

static bool send_message(void *context, uint32_t queue)
{
    struct vml_virtio_pci *pci = context;
    uint32_t vector;

    vml_mutex_lock(&pci->lock);
    vector = queue == VML_VIRTIO_ALL_QUEUES ? pci->state.config_msix_vector
                                            : pci->config.queue_vectors[queue];
    vml_mutex_unlock(&pci->lock);
    return vml_pci_msix_send(&pci->function, vector);
}

/* 4.1.4.5: reading clears it, and ends INTx. */
static uint64_t read_isr(struct vml_virtio_pci *pci)
{
    uint32_t isr = vml_virtio_isr(pci->config.dev);

    vml_virtio_ack(pci->config.dev, isr);
    vml_pci_intx_update(&pci->function);
    return isr;
}

/* BAR 0. */

static void access_device_config(struct vml_virtio *dev, struct vml_access *access)
{
    uint32_t offset = (uint32_t)access->offset - VML_VIRTIO_PCI_DEVICE;

    if (access->write) {
        vml_virtio_config_write(dev, offset, access->size, access->value);
    } else {
        access->value = vml_virtio_config_read(dev, offset, access->size);
    }
}

static enum vml_bus_result bar_access(struct vml_pci_function *function, uint32_t bar,
                                      struct vml_access *access)
{
    struct vml_virtio_pci *pci = virtio_pci_of(function);
    uint32_t offset = (uint32_t)access->offset;

    VML_UNUSED(bar);
    switch (offset & ~(REGION_SIZE - 1u)) {
    case VML_VIRTIO_PCI_NOTIFY:
        /* 4.1.4.4: where it is written names the queue; with NOTIFICATION_DATA four bytes are. */
        if (access->write && access->size <= 4) {
            vml_virtio_pci_notify(pci,
                                  (offset - VML_VIRTIO_PCI_NOTIFY) / VML_VIRTIO_PCI_MULTIPLIER);
        }
        break;
    case VML_VIRTIO_PCI_COMMON:
        if (offset < VML_VIRTIO_PCI_COMMON_SIZE) {
            virtio_pci_common_access(pci, access);
            return VML_BUS_OK;
        }
        break;
    case VML_VIRTIO_PCI_ISR:
        if (offset == VML_VIRTIO_PCI_ISR && !access->write) {
            access->value = read_isr(pci);
            return VML_BUS_OK;
        }
        break;
    case VML_VIRTIO_PCI_DEVICE:
        access_device_config(pci->config.dev, access);
        return VML_BUS_OK;
    default:
        break;
    }
    if (!access->write) {
        access->value = 0;
    }
    return VML_BUS_OK;
}

/*
 * 4.1.4.9: pci_cfg_data is a window to the BAR, of the length and at the place that the capability
 * says.  The driver uses a length of 1, 2 or 4 and a multiple of it; else nothing happens.
 */
static void cfg_access(struct vml_pci_function *function, struct vml_access *access)
{
    struct vml_virtio_pci *pci = virtio_pci_of(function);
    uint32_t cap = (uint32_t)pci->pci_cfg + 2;
    uint32_t bar = vml_pci_config_read(function, cap + CAP_BAR, 1);
    uint32_t offset = vml_pci_config_read(function, (cap + CAP_OFFSET), 4);
    uint32_t length = vml_pci_config_read(function, (cap + CAP_SIZE), 4);
    struct vml_access inner = {.offset = offset,
                               .cpu = access->cpu,
                               .size = (uint8_t)length,
                               .write = access->write,
                               .value = access->value};

    if (bar == 0 && access->offset == 0 && (length == 1 || length == 2 || length == 4) &&
        (offset & (length - 1)) == 0 && offset < VML_VIRTIO_PCI_BAR_SIZE) {
        inner.value &= UINT64_MAX >> (64u - 8u * length);
        if (vml_pci_bar_access(function, 0, &inner) != VML_BUS_OK) {
            inner.value = 0;
        }
    } else {
        inner.value = 0;
    }
    if (!access->write) {
        access->value = inner.value & (UINT64_MAX >> (64u - 8u * access->size));
    }
}

void vml_virtio_pci_notify(struct vml_virtio_pci *pci, uint32_t queue)
{
    vml_virtio_notify(pci->config.dev, queue);
}

/* Reset and state. */

static void reset(struct vml_pci_function *function)
{
    struct vml_virtio_pci *pci = virtio_pci_of(function);

    virtio_pci_reset_registers(pci);
    vml_virtio_reset(pci->config.dev);
}

static void save(struct vml_pci_function *function, struct vml_state_writer *w)
{
    struct vml_virtio_pci *pci = virtio_pci_of(function);

    vml_state_begin(w, TRANSPORT_TAG, TRANSPORT_VERSION);
    vml_mutex_lock(&pci->lock);
    vml_state_put_u32(w, pci->state.device_feature_select);
    vml_state_put_u32(w, pci->state.driver_feature_select);
    vml_state_put_u16(w, pci->state.queue_select);
    vml_state_put_u16(w, pci->state.config_msix_vector);
    vml_state_put_u32(w, pci->config.dev->setup.queue_count);
    for (uint32_t i = 0; i < pci->config.dev->setup.queue_count; i++) {
        vml_state_put_u16(w, pci->config.queue_vectors[i]);
    }
    vml_mutex_unlock(&pci->lock);
    vml_virtio_save(pci->config.dev, w);
    vml_state_end(w);
}

static uint16_t get_vector(const struct vml_virtio_pci *pci, struct vml_state_reader *r)
{
    uint16_t vector = vml_state_get_u16(r);

    if (vector != VML_VIRTIO_PCI_NO_VECTOR && vector >= pci->config.vector_count) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    return vector;
}

static enum vml_status restore(struct vml_pci_function *function, struct vml_state_reader *r,
                               bool apply)
{
    struct vml_virtio_pci *pci = virtio_pci_of(function);
    struct vml_virtio_pci_state state;

    vml_state_enter(r, TRANSPORT_TAG, TRANSPORT_VERSION);
    state.device_feature_select = vml_state_get_u32(r);
    state.driver_feature_select = vml_state_get_u32(r);
    state.queue_select = vml_state_get_u16(r);
    state.config_msix_vector = get_vector(pci, r);
    if (vml_state_get_u32(r) != pci->config.dev->setup.queue_count) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_mutex_lock(&pci->lock);
    for (uint32_t i = 0; i < pci->config.dev->setup.queue_count; i++) {
        uint16_t vector = get_vector(pci, r);

        if (apply) {
            pci->config.queue_vectors[i] = vector;
        }
    }
    if (apply) {
        pci->state = state;
    }
    vml_mutex_unlock(&pci->lock);
    if (vml_state_read_status(r) == VML_OK) {
        /* On a failure the reader has it. */
        enum vml_status status =
            apply ? vml_virtio_restore(pci->config.dev, r) : vml_virtio_check(pci->config.dev, r);

        (void)status;
    }
    vml_state_leave(r);
    return vml_state_read_status(r);
}

static const struct vml_pci_ops ops = {
    .bar = bar_access, .window = cfg_access, .reset = reset, .save = save, .restore = restore};

/* Making. */

static uint32_t class_of(uint32_t device_id)
{
    switch (device_id) {
    case 1:
        return 0x020000; /* Ethernet controller */
    case 2:
    case 8:
        return 0x010000; /* SCSI storage controller, as which virtio disks are known */
    case 3:
        return 0x078000; /* other communication controller */
    case 16:
        return 0x038000; /* other display controller */
    case 18:
        return 0x098000; /* other input controller */
    case 25:
        return 0x040100; /* audio device */
    default:
        return 0x00ff00; /* built before class codes */
    }
}

static uint8_t add_structure(struct vml_virtio_pci *pci, uint8_t type, uint32_t offset,
                             uint32_t size, uint32_t extra)
{
    uint8_t body[CAP_EXTRA_BYTES] = {0};
    uint8_t writable[CAP_EXTRA_BYTES] = {0};
    uint8_t bytes = type == NOTIFY_CFG || type == PCI_CFG ? CAP_EXTRA_BYTES : CAP_BYTES;

    body[CAP_LENGTH] = (uint8_t)(bytes + 2u);
    body[CAP_TYPE] = type;
    put32(body + CAP_OFFSET, offset);
    put32(body + CAP_SIZE, size);
    put32(body + CAP_BYTES, extra);
    if (type == PCI_CFG) {
        writable[CAP_BAR] = 0xff;
        put32(writable + CAP_OFFSET, UINT32_MAX);
        put32(writable + CAP_SIZE, UINT32_MAX);
    }
    return vml_pci_add_capability(&pci->function, VML_PCI_CAP_VENDOR, body, writable, bytes);
}

static bool add_structures(struct vml_virtio_pci *pci)
{
    const struct vml_virtio *dev = pci->config.dev;

    if (!add_structure(pci, COMMON_CFG, VML_VIRTIO_PCI_COMMON, VML_VIRTIO_PCI_COMMON_SIZE, 0) ||
        !add_structure(pci, NOTIFY_CFG, VML_VIRTIO_PCI_NOTIFY,
                       VML_VIRTIO_PCI_MULTIPLIER * VML_VIRTIO_MAX_QUEUES,
                       VML_VIRTIO_PCI_MULTIPLIER) ||
        !add_structure(pci, ISR_CFG, VML_VIRTIO_PCI_ISR, 1, 0)) {
        return false;
    }
    if (dev->setup.config_size != 0 &&
        !add_structure(pci, DEVICE_CFG, VML_VIRTIO_PCI_DEVICE, dev->setup.config_size, 0)) {
        return false;
    }
    pci->pci_cfg = add_structure(pci, PCI_CFG, 0, 0, 0);
    return pci->pci_cfg != 0;
}

enum vml_status vml_virtio_pci_init(struct vml_virtio_pci *pci,
                                    const struct vml_virtio_pci_config *config)
{
    struct vml_virtio *dev = config->dev;
    struct vml_pci_function_config function = {.name = config->name,
                                               .ops = &ops,
                                               .vendor_id = VIRTIO_VENDOR,
                                               .subsystem_vendor_id = VIRTIO_VENDOR,
                                               .revision = VIRTIO_REVISION,
                                               .interrupt_pin = 1,
                                               .express = true};
    const struct vml_virtio_transport transport = {
        .interrupt = update_wire, .context = pci, .message = send_message};
    enum vml_status status;

    if (!config->name || !dev || (dev->setup.queue_count != 0 && !config->queue_vectors) ||
        dev->setup.config_size > REGION_SIZE || (config->vector_count != 0 && !config->vectors)) {
        return VML_ERR_INVALID;
    }
    memset(pci, 0, sizeof(*pci));
    pci->config = *config;
    vml_mutex_init(&pci->lock);
    function.device_id = (uint16_t)(VIRTIO_DEVICE + dev->setup.device_id);
    function.subsystem_id = function.device_id; /* 4.1.2.1: 0x40 or higher */
    function.class_code = class_of(dev->setup.device_id);
    function.intx = &dev->isr;
    function.bars[0] = (struct vml_pci_bar){.size = VML_VIRTIO_PCI_BAR_SIZE, .wide = true};
    function.msix = (struct vml_pci_msix){.vectors = config->vectors,
                                          .count = config->vector_count,
                                          .table = VML_VIRTIO_PCI_TABLE,
                                          .pba = VML_VIRTIO_PCI_PBA};
    status = vml_pci_function_init(&pci->function, &function);
    if (status != VML_OK) {
        return status;
    }
    if (!add_structures(pci)) {
        return VML_ERR_INVALID;
    }
    vml_pci_set_window(&pci->function, (uint8_t)(pci->pci_cfg + 2 + CAP_BYTES));
    virtio_pci_reset_registers(pci);
    vml_virtio_attach(dev, &transport);
    return VML_OK;
}

void vml_virtio_pci_destroy(struct vml_virtio_pci *pci)
{
    vml_virtio_reset(pci->config.dev);
    vml_pci_function_destroy(&pci->function);
    vml_mutex_destroy(&pci->lock);
}
