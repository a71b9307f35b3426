/* The common configuration structure: virtio 1.3, 4.1.4.3. */
#include "private.h"

/* Rows share two hooks; which field it is comes from the offset. */
enum {
    C_DEVICE_FEATURE_SELECT = 0x00,
    C_DEVICE_FEATURE = 0x04,
    C_DRIVER_FEATURE_SELECT = 0x08,
    C_DRIVER_FEATURE = 0x0c,
    C_CONFIG_MSIX_VECTOR = 0x10,
    C_NUM_QUEUES = 0x12,
    C_DEVICE_STATUS = 0x14,
    C_CONFIG_GENERATION = 0x15,
    C_QUEUE_SELECT = 0x16,
    C_QUEUE_SIZE = 0x18,
    C_QUEUE_MSIX_VECTOR = 0x1a,
    C_QUEUE_ENABLE = 0x1c,
    C_QUEUE_NOTIFY_OFF = 0x1e,
    C_QUEUE_DESC = 0x20,
    C_QUEUE_DRIVER = 0x28,
    C_QUEUE_DEVICE = 0x30,
    C_QUEUE_NOTIF_CONFIG_DATA = 0x38,
    C_QUEUE_RESET = 0x3a,
    C_ADMIN_QUEUE_INDEX = 0x3c,
    C_ADMIN_QUEUE_NUM = 0x3e,
};

void virtio_pci_reset_registers(struct vml_virtio_pci *pci)
{
    vml_mutex_lock(&pci->lock);
    pci->state = (struct vml_virtio_pci_state){.config_msix_vector = VML_VIRTIO_PCI_NO_VECTOR};
    for (uint32_t i = 0; i < pci->config.dev->setup.queue_count; i++) {
        pci->config.queue_vectors[i] = VML_VIRTIO_PCI_NO_VECTOR;
    }
    vml_mutex_unlock(&pci->lock);
}

static struct vml_virtio_pci *pci_of(struct vml_device *device)
{
    return virtio_pci_of(VML_CONTAINER_OF(device, struct vml_pci_function, device));
}

static uint32_t get(struct vml_virtio_pci *pci, const uint32_t *field)
{
    uint32_t value;

    vml_mutex_lock(&pci->lock);
    value = *field;
    vml_mutex_unlock(&pci->lock);
    return value;
}

static void set(struct vml_virtio_pci *pci, uint32_t *field, uint32_t value)
{
    vml_mutex_lock(&pci->lock);
    *field = value;
    vml_mutex_unlock(&pci->lock);
}

static uint16_t get16(struct vml_virtio_pci *pci, const uint16_t *field)
{
    uint16_t value;

    vml_mutex_lock(&pci->lock);
    value = *field;
    vml_mutex_unlock(&pci->lock);
    return value;
}

static void set16(struct vml_virtio_pci *pci, uint16_t *field, uint32_t value)
{
    vml_mutex_lock(&pci->lock);
    *field = (uint16_t)value;
    vml_mutex_unlock(&pci->lock);
}

/* 4.1.5.1.2.1: a vector that is not there is not mapped, which the driver reads back. */
static void set_vector(struct vml_virtio_pci *pci, uint16_t *field, uint32_t vector)
{
    set16(pci, field, vector < pci->config.vector_count ? vector : VML_VIRTIO_PCI_NO_VECTOR);
}

static struct vml_virtio_queue *selected(struct vml_virtio_pci *pci)
{
    return vml_virtio_queue(pci->config.dev, get16(pci, &pci->state.queue_select));
}

static uint64_t read_queue(struct vml_virtio_pci *pci, struct vml_virtio_queue *queue,
                           uint32_t offset)
{
    uint32_t num;

    switch (offset) {
    case C_QUEUE_SIZE:
        /* On reset the largest; a driver may leave it so. */
        num = vml_virtio_queue_num(queue);
        return num != 0 ? num : queue->max_size;
    case C_QUEUE_MSIX_VECTOR:
        return get16(pci, &pci->config.queue_vectors[queue->index]);
    case C_QUEUE_ENABLE:
        return atomic_load(&queue->ready);
    case C_QUEUE_NOTIFY_OFF:
        return queue->index;
    case C_QUEUE_DESC:
        return vml_virtio_queue_area(queue, VML_VIRTIO_DESC);
    case C_QUEUE_DRIVER:
        return vml_virtio_queue_area(queue, VML_VIRTIO_DRIVER_AREA);
    case C_QUEUE_DEVICE:
        return vml_virtio_queue_area(queue, VML_VIRTIO_DEVICE_AREA);
    case C_QUEUE_NOTIF_CONFIG_DATA:
        return queue->index;
    default:
        return 0; /* queue_reset: the reset is complete when the write returns */
    }
}

static uint64_t common_read(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                            const struct vml_access *access)
{
    struct vml_virtio_pci *pci = pci_of(device);
    struct vml_virtio *dev = pci->config.dev;
    struct vml_virtio_queue *queue;

    VML_UNUSED(index, access);
    switch (reg->offset) {
    case C_DEVICE_FEATURE_SELECT:
        return get(pci, &pci->state.device_feature_select);
    case C_DEVICE_FEATURE:
        return vml_virtio_offered(dev, get(pci, &pci->state.device_feature_select));
    case C_DRIVER_FEATURE_SELECT:
        return get(pci, &pci->state.driver_feature_select);
    case C_DRIVER_FEATURE: {
        uint32_t half = get(pci, &pci->state.driver_feature_select);

        return half > 1 ? 0 : (uint32_t)(atomic_load(&dev->driver_features) >> (32u * half));
    }
    case C_CONFIG_MSIX_VECTOR:
        return get16(pci, &pci->state.config_msix_vector);
    case C_NUM_QUEUES:
        return dev->setup.queue_count;
    case C_DEVICE_STATUS:
        return vml_virtio_status(dev);
    case C_CONFIG_GENERATION:
        return vml_virtio_generation(dev);
    case C_QUEUE_SELECT:
        return get16(pci, &pci->state.queue_select);
    default:
        break;
    }
    queue = selected(pci);
    if (!queue) {
        /* 4.1.4.3.1: queue_size 0 tells that there is no such queue. */
        return reg->offset == C_QUEUE_MSIX_VECTOR ? VML_VIRTIO_PCI_NO_VECTOR : 0;
    }
    return read_queue(pci, queue, reg->offset);
}

static void set_area(struct vml_virtio_queue *queue, enum vml_virtio_area area, uint64_t value,
                     uint64_t mask)
{
    if ((uint32_t)mask) {
        vml_virtio_queue_set_area(queue, area, false, (uint32_t)value);
    }
    if (mask >> 32) {
        vml_virtio_queue_set_area(queue, area, true, (uint32_t)(value >> 32));
    }
}

static void enable_queue(struct vml_virtio_queue *queue, uint32_t value)
{
    /* A driver must not write 0: there is no such way to stop a queue. */
    if (value != 1) {
        return;
    }
    if (vml_virtio_queue_num(queue) == 0) {
        vml_virtio_queue_set_num(queue, queue->max_size);
    }
    vml_virtio_queue_set_ready(queue, true);
}

static void reset_queue(struct vml_virtio_pci *pci, struct vml_virtio_queue *queue, uint32_t value)
{
    if (value != 1 || !vml_virtio_has(pci->config.dev, VML_VIRTIO_F_RING_RESET)) {
        return;
    }
    vml_virtio_queue_reset(queue);
    /* 2.6.1.1: everything of the queue is as after a reset of the device. */
    set16(pci, &pci->config.queue_vectors[queue->index], VML_VIRTIO_PCI_NO_VECTOR);
}

static void write_queue(struct vml_virtio_pci *pci, struct vml_virtio_queue *queue, uint32_t offset,
                        uint64_t value, uint64_t mask)
{
    switch (offset) {
    case C_QUEUE_SIZE:
        vml_virtio_queue_set_num(queue, (uint32_t)value);
        break;
    case C_QUEUE_MSIX_VECTOR:
        set_vector(pci, &pci->config.queue_vectors[queue->index], (uint32_t)value);
        break;
    case C_QUEUE_ENABLE:
        enable_queue(queue, (uint32_t)value);
        break;
    case C_QUEUE_DESC:
        set_area(queue, VML_VIRTIO_DESC, value, mask);
        break;
    case C_QUEUE_DRIVER:
        set_area(queue, VML_VIRTIO_DRIVER_AREA, value, mask);
        break;
    case C_QUEUE_DEVICE:
        set_area(queue, VML_VIRTIO_DEVICE_AREA, value, mask);
        break;
    case C_QUEUE_RESET:
        reset_queue(pci, queue, (uint32_t)value);
        break;
    default:
        break;
    }
}

static void common_write(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_virtio_pci *pci = pci_of(device);
    struct vml_virtio *dev = pci->config.dev;
    struct vml_virtio_queue *queue;

    VML_UNUSED(index, access);
    switch (reg->offset) {
    case C_DEVICE_FEATURE_SELECT:
        set(pci, &pci->state.device_feature_select, (uint32_t)value);
        return;
    case C_DRIVER_FEATURE_SELECT:
        set(pci, &pci->state.driver_feature_select, (uint32_t)value);
        return;
    case C_DRIVER_FEATURE:
        vml_virtio_accept(dev, get(pci, &pci->state.driver_feature_select), (uint32_t)value);
        return;
    case C_CONFIG_MSIX_VECTOR:
        set_vector(pci, &pci->state.config_msix_vector, (uint32_t)value);
        return;
    case C_DEVICE_STATUS:
        if (value == 0) {
            virtio_pci_reset_registers(pci);
        }
        vml_virtio_set_status(dev, (uint32_t)value);
        return;
    case C_QUEUE_SELECT:
        set16(pci, &pci->state.queue_select, (uint32_t)value);
        return;
    default:
        break;
    }
    queue = selected(pci);
    if (queue) {
        write_queue(pci, queue, reg->offset, value, mask);
    }
}

#define ROW(name_, offset_, width_, sizes_)                                                        \
    {                                                                                              \
        .name = (name_), .offset = (offset_), .width = (width_), .sizes = (sizes_),                \
        .state = VML_REG_NO_STATE, .read = common_read, .write = common_write                      \
    }
#define ROW_RO(name_, offset_, width_, sizes_)                                                     \
    {                                                                                              \
        .name = (name_), .offset = (offset_), .width = (width_), .sizes = (sizes_),                \
        .kind = VML_REG_RO, .state = VML_REG_NO_STATE, .read = common_read                         \
    }

static const struct vml_reg rows[] = {
    ROW("device_feature_select", C_DEVICE_FEATURE_SELECT, 4, VML_SIZE_4),
    ROW_RO("device_feature", C_DEVICE_FEATURE, 4, VML_SIZE_4),
    ROW("driver_feature_select", C_DRIVER_FEATURE_SELECT, 4, VML_SIZE_4),
    ROW("driver_feature", C_DRIVER_FEATURE, 4, VML_SIZE_4),
    ROW("config_msix_vector", C_CONFIG_MSIX_VECTOR, 2, VML_SIZE_2),
    ROW_RO("num_queues", C_NUM_QUEUES, 2, VML_SIZE_2),
    ROW("device_status", C_DEVICE_STATUS, 1, VML_SIZE_1),
    ROW_RO("config_generation", C_CONFIG_GENERATION, 1, VML_SIZE_1),
    ROW("queue_select", C_QUEUE_SELECT, 2, VML_SIZE_2),
    ROW("queue_size", C_QUEUE_SIZE, 2, VML_SIZE_2),
    ROW("queue_msix_vector", C_QUEUE_MSIX_VECTOR, 2, VML_SIZE_2),
    ROW("queue_enable", C_QUEUE_ENABLE, 2, VML_SIZE_2),
    ROW_RO("queue_notify_off", C_QUEUE_NOTIFY_OFF, 2, VML_SIZE_2),
    ROW("queue_desc", C_QUEUE_DESC, 8, VML_SIZE_48),
    ROW("queue_driver", C_QUEUE_DRIVER, 8, VML_SIZE_48),
    ROW("queue_device", C_QUEUE_DEVICE, 8, VML_SIZE_48),
    ROW_RO("queue_notif_config_data", C_QUEUE_NOTIF_CONFIG_DATA, 2, VML_SIZE_2),
    ROW("queue_reset", C_QUEUE_RESET, 2, VML_SIZE_2),
    ROW_RO("admin_queue_index", C_ADMIN_QUEUE_INDEX, 2, VML_SIZE_2),
    ROW_RO("admin_queue_num", C_ADMIN_QUEUE_NUM, 2, VML_SIZE_2),
};

const struct vml_reg_table vml_virtio_pci_common_regs = {.rows = rows,
                                                         .row_count = VML_ARRAY_SIZE(rows),
                                                         .size = VML_VIRTIO_PCI_COMMON_SIZE,
                                                         .unknown_raz_wi = true};

void virtio_pci_common_access(struct vml_virtio_pci *pci, struct vml_access *access)
{
    /* 4.1.3.1: a driver uses the field's width; what else happens is not said. */
    if (vml_regs_access(&vml_virtio_pci_common_regs, &pci->function.device, &pci->state, access) !=
        VML_BUS_OK) {
        access->value = 0;
    }
}
