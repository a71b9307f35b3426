/*
 * The MMIO transport: virtio 1.3, 4.2.2 (version 2) and 4.2.4 (legacy).
 *
 * The wire is the level of InterruptStatus != 0. Who has changed that status computes the level under
 * the lock and sends it without.
 */
#include <vml/regs.h>
#include <vml/virtio_mmio.h>

#define MMIO_MAGIC   0x74726976u /* "virt" */
#define MMIO_TAG     VML_STATE_TAG('V', 'M', 'I', 'O')
#define MMIO_VERSION 1u

#define CONFIG_SPACE 0x100u

/* Rows share two hooks; which register it is comes from the offset. */
enum {
    R_MAGIC = 0x000,
    R_VERSION = 0x004,
    R_DEVICE_ID = 0x008,
    R_VENDOR_ID = 0x00c,
    R_DEVICE_FEATURES = 0x010,
    R_DEVICE_FEATURES_SEL = 0x014,
    R_DRIVER_FEATURES = 0x020,
    R_DRIVER_FEATURES_SEL = 0x024,
    R_GUEST_PAGE_SIZE = 0x028,
    R_QUEUE_SEL = 0x030,
    R_QUEUE_NUM_MAX = 0x034,
    R_QUEUE_NUM = 0x038,
    R_QUEUE_ALIGN = 0x03c,
    R_QUEUE_PFN = 0x040,
    R_QUEUE_READY = 0x044,
    R_QUEUE_NOTIFY = VML_VIRTIO_MMIO_NOTIFY,
    R_INTERRUPT_STATUS = 0x060,
    R_INTERRUPT_ACK = 0x064,
    R_STATUS = 0x070,
    R_QUEUE_DESC_LOW = 0x080,
    R_QUEUE_DESC_HIGH = 0x084,
    R_QUEUE_DRIVER_LOW = 0x090,
    R_QUEUE_DRIVER_HIGH = 0x094,
    R_QUEUE_DEVICE_LOW = 0x0a0,
    R_QUEUE_DEVICE_HIGH = 0x0a4,
    R_SHM_SEL = 0x0ac,
    R_SHM_LEN_LOW = 0x0b0,
    R_SHM_LEN_HIGH = 0x0b4,
    R_SHM_BASE_LOW = 0x0b8,
    R_SHM_BASE_HIGH = 0x0bc,
    R_QUEUE_RESET = 0x0c0,
    R_CONFIG_GENERATION = 0x0fc,
};

/* Wire. */

static void update_wire(void *context)
{
    struct vml_virtio_mmio *mmio = context;
    bool changed;

    vml_mutex_lock(&mmio->lock);
    changed = vml_irq_driver_set(&mmio->wire, vml_virtio_isr(mmio->config.dev) != 0);
    vml_mutex_unlock(&mmio->lock);
    if (changed) {
        vml_irq_driver_send(&mmio->wire, &mmio->lock);
    }
}

/* An edge-triggered input sees nothing when a bit stays set: the wire goes down and up once more
 * for it. */
static void acknowledge(struct vml_virtio_mmio *mmio, uint32_t bits)
{
    bool again;
    bool changed;

    vml_virtio_ack(mmio->config.dev, bits);
    vml_mutex_lock(&mmio->lock);
    again = mmio->wire.level && vml_virtio_isr(mmio->config.dev) != 0;
    changed = again ? vml_irq_driver_force(&mmio->wire, true)
                    : vml_irq_driver_set(&mmio->wire, vml_virtio_isr(mmio->config.dev) != 0);
    vml_mutex_unlock(&mmio->lock);
    if (again) {
        vml_irq_set(&mmio->wire.irq, false);
    }
    if (changed) {
        vml_irq_driver_send(&mmio->wire, &mmio->lock);
    }
}

/* Register hooks. */

static struct vml_virtio_mmio *mmio_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_virtio_mmio, device);
}

static struct vml_virtio_queue *selected(struct vml_virtio_mmio *mmio)
{
    uint32_t sel;

    vml_mutex_lock(&mmio->lock);
    sel = mmio->state.queue_sel;
    vml_mutex_unlock(&mmio->lock);
    return mmio->config.dev ? vml_virtio_queue(mmio->config.dev, sel) : NULL;
}

static uint32_t read_sel(struct vml_virtio_mmio *mmio, const uint32_t *sel)
{
    uint32_t value;

    vml_mutex_lock(&mmio->lock);
    value = *sel;
    vml_mutex_unlock(&mmio->lock);
    return value;
}

static void write_sel(struct vml_virtio_mmio *mmio, uint32_t *sel, uint32_t value)
{
    vml_mutex_lock(&mmio->lock);
    *sel = value;
    vml_mutex_unlock(&mmio->lock);
}

/* A region that is not there has length and base of all ones (4.2.2.1). */
static uint32_t read_shm(struct vml_virtio_mmio *mmio, uint32_t offset)
{
    const struct vml_virtio_shm *shm =
        vml_virtio_shm(mmio->config.dev, read_sel(mmio, &mmio->state.shm_sel));
    uint64_t length = shm ? shm->length : UINT64_MAX;
    uint64_t base = shm ? shm->base : UINT64_MAX;

    switch (offset) {
    case R_SHM_LEN_LOW:
        return (uint32_t)length;
    case R_SHM_LEN_HIGH:
        return (uint32_t)(length >> 32);
    case R_SHM_BASE_LOW:
        return (uint32_t)base;
    default:
        return (uint32_t)(base >> 32);
    }
}

static uint64_t mmio_read(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          const struct vml_access *access)
{
    struct vml_virtio_mmio *mmio = mmio_of(device);
    struct vml_virtio *dev = mmio->config.dev;
    struct vml_virtio_queue *queue;

    VML_UNUSED(index, access);
    switch (reg->offset) {
    case R_MAGIC:
        return MMIO_MAGIC;
    case R_VERSION:
        return mmio->config.legacy ? 1 : 2;
    case R_DEVICE_ID:
        return dev ? dev->setup.device_id : 0;
    case R_VENDOR_ID:
        return mmio->config.vendor_id;
    default:
        break;
    }
    if (!dev) {
        return 0; /* 4.2.3.1.1: a driver looks no further than at DeviceID 0 */
    }
    switch (reg->offset) {
    case R_DEVICE_FEATURES:
        return vml_virtio_offered(dev, read_sel(mmio, &mmio->state.device_features_sel));
    case R_INTERRUPT_STATUS:
        return vml_virtio_isr(dev);
    case R_STATUS:
        return vml_virtio_status(dev);
    case R_SHM_LEN_LOW:
    case R_SHM_LEN_HIGH:
    case R_SHM_BASE_LOW:
    case R_SHM_BASE_HIGH:
        return read_shm(mmio, reg->offset);
    case R_CONFIG_GENERATION:
        return vml_virtio_generation(dev);
    default:
        break;
    }
    queue = selected(mmio);
    if (!queue) {
        return 0;
    }
    switch (reg->offset) {
    case R_QUEUE_NUM_MAX:
        return queue->max_size;
    case R_QUEUE_READY:
        return atomic_load(&queue->ready);
    case R_QUEUE_PFN: {
        uint32_t page = read_sel(mmio, &mmio->state.guest_page_size);

        return atomic_load(&queue->ready) && page != 0 ? queue->desc / page : 0;
    }
    default:
        return 0; /* QueueReset: the reset is complete when the write returns */
    }
}

/* 2.7.2 and 4.2.4: one contiguous piece, the used ring at the next multiple of QueueAlign. */
static void set_legacy_pfn(struct vml_virtio_mmio *mmio, struct vml_virtio_queue *queue,
                           uint32_t pfn)
{
    uint64_t page = read_sel(mmio, &mmio->state.guest_page_size);
    uint64_t align = read_sel(mmio, &mmio->state.queue_align);
    uint64_t desc = pfn * page;
    uint64_t avail = desc + 16u * (uint64_t)queue->num;
    uint64_t used = avail + 6u + 2u * (uint64_t)queue->num;

    if (pfn == 0) {
        vml_virtio_queue_set_ready(queue, false);
        return;
    }
    if (!vml_is_pow2(page) || !vml_is_pow2(align)) {
        vml_virtio_broken(mmio->config.dev);
        return;
    }
    used = (used + align - 1) & ~(align - 1);
    vml_virtio_queue_set_area(queue, VML_VIRTIO_DESC, false, (uint32_t)desc);
    vml_virtio_queue_set_area(queue, VML_VIRTIO_DESC, true, (uint32_t)(desc >> 32));
    vml_virtio_queue_set_area(queue, VML_VIRTIO_DRIVER_AREA, false, (uint32_t)avail);
    vml_virtio_queue_set_area(queue, VML_VIRTIO_DRIVER_AREA, true, (uint32_t)(avail >> 32));
    vml_virtio_queue_set_area(queue, VML_VIRTIO_DEVICE_AREA, false, (uint32_t)used);
    vml_virtio_queue_set_area(queue, VML_VIRTIO_DEVICE_AREA, true, (uint32_t)(used >> 32));
    vml_virtio_queue_set_ready(queue, true);
}

static void write_queue(struct vml_virtio_mmio *mmio, struct vml_virtio_queue *queue,
                        uint32_t offset, uint32_t value)
{
    switch (offset) {
    case R_QUEUE_NUM:
        vml_virtio_queue_set_num(queue, value);
        break;
    case R_QUEUE_PFN:
        set_legacy_pfn(mmio, queue, value);
        break;
    case R_QUEUE_READY:
        vml_virtio_queue_set_ready(queue, (value & 1u) != 0);
        break;
    case R_QUEUE_DESC_LOW:
    case R_QUEUE_DESC_HIGH:
        vml_virtio_queue_set_area(queue, VML_VIRTIO_DESC, offset == R_QUEUE_DESC_HIGH, value);
        break;
    case R_QUEUE_DRIVER_LOW:
    case R_QUEUE_DRIVER_HIGH:
        vml_virtio_queue_set_area(queue, VML_VIRTIO_DRIVER_AREA, offset == R_QUEUE_DRIVER_HIGH,
                                  value);
        break;
    case R_QUEUE_DEVICE_LOW:
    case R_QUEUE_DEVICE_HIGH:
        vml_virtio_queue_set_area(queue, VML_VIRTIO_DEVICE_AREA, offset == R_QUEUE_DEVICE_HIGH,
                                  value);
        break;
    case R_QUEUE_RESET:
        if (value & 1u) {
            vml_virtio_queue_reset(queue);
        }
        break;
    default:
        break;
    }
}

static void mmio_reset_registers(struct vml_virtio_mmio *mmio)
{
    vml_mutex_lock(&mmio->lock);
    memset(&mmio->state, 0, sizeof(mmio->state));
    vml_mutex_unlock(&mmio->lock);
}

static void mmio_write(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value64, uint64_t mask, const struct vml_access *access)
{
    struct vml_virtio_mmio *mmio = mmio_of(device);
    struct vml_virtio *dev = mmio->config.dev;
    struct vml_virtio_mmio_state *state = &mmio->state;
    struct vml_virtio_queue *queue;
    uint32_t value = (uint32_t)value64;

    VML_UNUSED(index, mask, access);
    if (!dev) {
        return;
    }
    switch (reg->offset) {
    case R_DEVICE_FEATURES_SEL:
        write_sel(mmio, &state->device_features_sel, value);
        return;
    case R_DRIVER_FEATURES_SEL:
        write_sel(mmio, &state->driver_features_sel, value);
        return;
    case R_DRIVER_FEATURES:
        vml_virtio_accept(dev, read_sel(mmio, &state->driver_features_sel), value);
        return;
    case R_GUEST_PAGE_SIZE:
        write_sel(mmio, &state->guest_page_size, value);
        return;
    case R_QUEUE_SEL:
        write_sel(mmio, &state->queue_sel, value);
        return;
    case R_QUEUE_ALIGN:
        write_sel(mmio, &state->queue_align, value);
        return;
    case R_QUEUE_NOTIFY:
        vml_virtio_notify(dev, value);
        return;
    case R_INTERRUPT_ACK:
        acknowledge(mmio, value);
        return;
    case R_STATUS:
        if ((value & 0xffu) == 0) {
            mmio_reset_registers(mmio);
        }
        vml_virtio_set_status(dev, value);
        return;
    case R_SHM_SEL:
        write_sel(mmio, &state->shm_sel, value);
        return;
    default:
        break;
    }
    queue = selected(mmio);
    if (queue) {
        write_queue(mmio, queue, reg->offset, value);
    }
}

/* Tables. */

#define ROW(name_, offset_)                                                                        \
    {                                                                                              \
        .name = (name_), .offset = (offset_), .width = 4, .sizes = VML_SIZE_4,                     \
        .state = VML_REG_NO_STATE, .read = mmio_read, .write = mmio_write                          \
    }
#define ROW_RO(name_, offset_)                                                                     \
    {                                                                                              \
        .name = (name_), .offset = (offset_), .width = 4, .sizes = VML_SIZE_4, .kind = VML_REG_RO, \
        .state = VML_REG_NO_STATE, .read = mmio_read                                               \
    }
#define ROW_WO(name_, offset_)                                                                     \
    {                                                                                              \
        .name = (name_), .offset = (offset_), .width = 4, .sizes = VML_SIZE_4, .kind = VML_REG_WO, \
        .state = VML_REG_NO_STATE, .write = mmio_write                                             \
    }

static const struct vml_reg rows[] = {
    ROW_RO("MagicValue", R_MAGIC),
    ROW_RO("Version", R_VERSION),
    ROW_RO("DeviceID", R_DEVICE_ID),
    ROW_RO("VendorID", R_VENDOR_ID),
    ROW_RO("DeviceFeatures", R_DEVICE_FEATURES),
    ROW_WO("DeviceFeaturesSel", R_DEVICE_FEATURES_SEL),
    ROW_WO("DriverFeatures", R_DRIVER_FEATURES),
    ROW_WO("DriverFeaturesSel", R_DRIVER_FEATURES_SEL),
    ROW_WO("QueueSel", R_QUEUE_SEL),
    ROW_RO("QueueNumMax", R_QUEUE_NUM_MAX),
    ROW_WO("QueueNum", R_QUEUE_NUM),
    ROW("QueueReady", R_QUEUE_READY),
    ROW_WO("QueueNotify", R_QUEUE_NOTIFY),
    ROW_RO("InterruptStatus", R_INTERRUPT_STATUS),
    ROW_WO("InterruptACK", R_INTERRUPT_ACK),
    ROW("Status", R_STATUS),
    ROW_WO("QueueDescLow", R_QUEUE_DESC_LOW),
    ROW_WO("QueueDescHigh", R_QUEUE_DESC_HIGH),
    ROW_WO("QueueDriverLow", R_QUEUE_DRIVER_LOW),
    ROW_WO("QueueDriverHigh", R_QUEUE_DRIVER_HIGH),
    ROW_WO("QueueDeviceLow", R_QUEUE_DEVICE_LOW),
    ROW_WO("QueueDeviceHigh", R_QUEUE_DEVICE_HIGH),
    ROW_WO("SHMSel", R_SHM_SEL),
    ROW_RO("SHMLenLow", R_SHM_LEN_LOW),
    ROW_RO("SHMLenHigh", R_SHM_LEN_HIGH),
    ROW_RO("SHMBaseLow", R_SHM_BASE_LOW),
    ROW_RO("SHMBaseHigh", R_SHM_BASE_HIGH),
    ROW("QueueReset", R_QUEUE_RESET),
    ROW_RO("ConfigGeneration", R_CONFIG_GENERATION),
};

static const struct vml_reg legacy_rows[] = {
    ROW_RO("MagicValue", R_MAGIC),
    ROW_RO("Version", R_VERSION),
    ROW_RO("DeviceID", R_DEVICE_ID),
    ROW_RO("VendorID", R_VENDOR_ID),
    ROW_RO("HostFeatures", R_DEVICE_FEATURES),
    ROW_WO("HostFeaturesSel", R_DEVICE_FEATURES_SEL),
    ROW_WO("GuestFeatures", R_DRIVER_FEATURES),
    ROW_WO("GuestFeaturesSel", R_DRIVER_FEATURES_SEL),
    ROW_WO("GuestPageSize", R_GUEST_PAGE_SIZE),
    ROW_WO("QueueSel", R_QUEUE_SEL),
    ROW_RO("QueueNumMax", R_QUEUE_NUM_MAX),
    ROW_WO("QueueNum", R_QUEUE_NUM),
    ROW_WO("QueueAlign", R_QUEUE_ALIGN),
    ROW("QueuePFN", R_QUEUE_PFN),
    ROW_WO("QueueNotify", R_QUEUE_NOTIFY),
    ROW_RO("InterruptStatus", R_INTERRUPT_STATUS),
    ROW_WO("InterruptACK", R_INTERRUPT_ACK),
    ROW("Status", R_STATUS),
};

const struct vml_reg_table vml_virtio_mmio_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = CONFIG_SPACE, .unknown_raz_wi = true};
const struct vml_reg_table vml_virtio_mmio_legacy_regs = {.rows = legacy_rows,
                                                          .row_count = VML_ARRAY_SIZE(legacy_rows),
                                                          .size = CONFIG_SPACE,
                                                          .unknown_raz_wi = true};

/* Bus device. */

static enum vml_bus_result mmio_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_virtio_mmio *mmio = mmio_of(device);

    if (access->offset == VML_VIRTIO_MMIO_NOTIFY && access->write && access->size == 4 &&
        mmio->config.dev) {
        vml_virtio_notify(mmio->config.dev, (uint32_t)access->value);
        return VML_BUS_OK;
    }
    if (access->offset >= CONFIG_SPACE) {
        uint32_t offset = (uint32_t)(access->offset - CONFIG_SPACE);

        if (access->offset >= VML_VIRTIO_MMIO_SIZE) {
            return VML_BUS_FAULT;
        }
        if (!mmio->config.dev) {
            access->value = 0;
        } else if (access->write) {
            vml_virtio_config_write(mmio->config.dev, offset, access->size, access->value);
        } else {
            access->value = vml_virtio_config_read(mmio->config.dev, offset, access->size);
        }
        return VML_BUS_OK;
    }
    if (access->size != 4 || (access->offset & 3u) != 0) {
        access->value = 0; /* 4.2.2.2: a driver must not; what happens is not said */
        return VML_BUS_OK;
    }
    return vml_regs_access(mmio->config.legacy ? &vml_virtio_mmio_legacy_regs
                                               : &vml_virtio_mmio_regs,
                           device, &mmio->state, access);
}

static void mmio_reset(struct vml_device *device)
{
    struct vml_virtio_mmio *mmio = mmio_of(device);

    mmio_reset_registers(mmio);
    if (mmio->config.dev) {
        vml_virtio_reset(mmio->config.dev);
    }
}

static void mmio_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_virtio_mmio *mmio = mmio_of(device);

    vml_state_begin(w, MMIO_TAG, MMIO_VERSION);
    vml_state_put_bool(w, mmio->config.legacy);
    vml_state_put_bool(w, mmio->config.dev != NULL);
    vml_state_put_u32(w, mmio->state.device_features_sel);
    vml_state_put_u32(w, mmio->state.driver_features_sel);
    vml_state_put_u32(w, mmio->state.queue_sel);
    vml_state_put_u32(w, mmio->state.shm_sel);
    vml_state_put_u32(w, mmio->state.guest_page_size);
    vml_state_put_u32(w, mmio->state.queue_align);
    if (mmio->config.dev) {
        vml_virtio_save(mmio->config.dev, w);
    }
    vml_state_end(w);
}

static void get_state(struct vml_state_reader *r, struct vml_virtio_mmio_state *state)
{
    state->device_features_sel = vml_state_get_u32(r);
    state->driver_features_sel = vml_state_get_u32(r);
    state->queue_sel = vml_state_get_u32(r);
    state->shm_sel = vml_state_get_u32(r);
    state->guest_page_size = vml_state_get_u32(r);
    state->queue_align = vml_state_get_u32(r);
}

static enum vml_status mmio_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_virtio_mmio *mmio = mmio_of(device);
    struct vml_virtio_mmio_state state;
    struct vml_state_reader probe;

    vml_state_enter(r, MMIO_TAG, MMIO_VERSION);
    if (vml_state_get_bool(r) != mmio->config.legacy ||
        vml_state_get_bool(r) != (mmio->config.dev != NULL)) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    get_state(r, &state);
    /* What follows the device's record must be right before the device is changed. */
    probe = *r;
    if (mmio->config.dev) {
        vml_state_skip(&probe);
    }
    vml_state_leave(&probe);
    if (vml_state_read_status(&probe) != VML_OK) {
        vml_state_fail(r, vml_state_read_status(&probe));
        return vml_state_read_status(r);
    }
    if (mmio->config.dev) {
        enum vml_status status = vml_virtio_restore(mmio->config.dev, r);

        if (status != VML_OK) {
            return status;
        }
    }
    vml_state_leave(r);
    vml_mutex_lock(&mmio->lock);
    mmio->state = state;
    vml_mutex_unlock(&mmio->lock);
    return vml_state_read_status(r);
}

static void mmio_shutdown(struct vml_device *device)
{
    mmio_reset(device);
}

static const struct vml_device_ops mmio_ops = {
    .access = mmio_access,
    .reset = mmio_reset,
    .shutdown = mmio_shutdown,
    .save = mmio_save,
    .restore = mmio_restore,
};

enum vml_status vml_virtio_mmio_init(struct vml_virtio_mmio *mmio,
                                     const struct vml_virtio_mmio_config *config)
{
    struct vml_virtio_transport transport = {
        .interrupt = update_wire, .context = mmio, .legacy = config->legacy};

    if (!config->name) {
        return VML_ERR_INVALID;
    }
    memset(mmio, 0, sizeof(*mmio));
    mmio->device.name = config->name;
    mmio->device.ops = &mmio_ops;
    mmio->config = *config;
    vml_mutex_init(&mmio->lock);
    vml_irq_driver_init(&mmio->wire, &config->irq);
    if (config->dev) {
        vml_virtio_attach(config->dev, &transport);
    }
    return VML_OK;
}

void vml_virtio_mmio_destroy(struct vml_virtio_mmio *mmio)
{
    if (mmio->config.dev) {
        vml_virtio_reset(mmio->config.dev);
    }
    vml_mutex_destroy(&mmio->lock);
}

void vml_virtio_mmio_notify(struct vml_virtio_mmio *mmio, uint32_t value)
{
    if (mmio->config.dev) {
        vml_virtio_notify(mmio->config.dev, value);
    }
}
