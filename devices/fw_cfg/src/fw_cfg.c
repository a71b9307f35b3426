/*
 * The firmware configuration device.
 *
 * Lock order: `lock` is a leaf. DMA takes what it transfers under the lock and copies without
 * it: items are never removed.
 */
#include <vml/arch.h>
#include <vml/fw_cfg.h>

#define TAG            VML_STATE_TAG('F', 'W', 'C', 'F')
#define VERSION        1

#define DATA           0x00u
#define SELECTOR       0x08u
#define DMA            0x10u

#define CONTROL_ERROR  0x01u
#define CONTROL_READ   0x02u
#define CONTROL_SKIP   0x04u
#define CONTROL_SELECT 0x08u
#define CONTROL_WRITE  0x10u

#define SIGNATURE      UINT64_C(0x51454d5520434647) /* "QEMU CFG" */

static const uint8_t signature[4] = {'Q', 'E', 'M', 'U'};

static struct vml_fw_cfg *cfg_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_fw_cfg, device);
}

static const struct vml_fw_cfg_item *find(const struct vml_fw_cfg *cfg, uint16_t key)
{
    for (uint32_t i = 0; i < cfg->count; i++) {
        if (cfg->config.items[i].key == key) {
            return &cfg->config.items[i];
        }
    }
    return NULL;
}

static void store_be32(uint8_t *p, uint32_t v)
{
    vml_store_le32(p, __builtin_bswap32(v));
}

/* Bytes of the selected item as they come; the end is followed by zeroes. */
static uint64_t read_data(struct vml_fw_cfg *cfg, uint8_t size)
{
    const struct vml_fw_cfg_item *item = find(cfg, cfg->key);
    uint64_t value = 0;

    for (uint8_t i = 0; i < size && item && cfg->offset < item->size; i++) {
        value |= (uint64_t)item->data[cfg->offset++] << 8 * i;
    }
    return value;
}

/* One DMA command, as the guest's memory has it. */
struct command {
    uint32_t control;
    uint32_t length;
    uint64_t address;
};

/* What a command moves. */
struct transfer {
    const struct vml_fw_cfg_item *item;
    uint32_t offset;
    uint32_t length; /* of the item; the rest of the command's is zeroes */
    bool failed;
};

static struct transfer begin_dma(struct vml_fw_cfg *cfg, const struct command *c)
{
    struct transfer t = {0};

    if (c->control & CONTROL_SELECT) {
        cfg->key = (uint16_t)(c->control >> 16);
        cfg->offset = 0;
    }
    t.item = find(cfg, cfg->key);
    t.offset = cfg->offset;
    if (t.item && t.offset < t.item->size) {
        t.length = (uint32_t)vml_min_u64(c->length, t.item->size - t.offset);
    }
    if (!(c->control & (CONTROL_READ | CONTROL_WRITE | CONTROL_SKIP))) {
        t.length = 0;
    }
    if ((c->control & CONTROL_WRITE) && !(c->control & CONTROL_READ) &&
        (!t.item || !t.item->writable || t.length != c->length)) {
        t.failed = true;
        return t;
    }
    cfg->offset += t.length;
    return t;
}

static enum vml_status move(struct vml_as *as, const struct command *c, const struct transfer *t)
{
    enum vml_status status = VML_OK;

    if (c->control & CONTROL_READ) {
        if (vml_range_wraps(c->address, c->length)) {
            return VML_ERR_RANGE;
        }
        if (t->length != 0) {
            status = vml_as_write(as, c->address, t->item->data + t->offset, t->length);
        }
        if (status == VML_OK && t->length < c->length) {
            status = vml_as_fill(as, c->address + t->length, 0, c->length - t->length);
        }
    } else if (c->control & CONTROL_WRITE) {
        status = vml_as_read(as, c->address, t->item->data + t->offset, t->length);
    }
    return status;
}

static void dma(struct vml_fw_cfg *cfg, uint64_t address)
{
    struct vml_as *as = cfg->config.as;
    uint8_t raw[16], done[4];
    struct command c;
    struct transfer t;

    /* Read once: the guest may change it meanwhile. */
    if (vml_as_read(as, address, raw, sizeof(raw)) != VML_OK) {
        return;
    }
    c.control = __builtin_bswap32(vml_load_le32(raw));
    c.length = __builtin_bswap32(vml_load_le32(raw + 4));
    c.address = __builtin_bswap64(vml_load_le64(raw + 8));
    vml_mutex_lock(&cfg->lock);
    t = begin_dma(cfg, &c);
    vml_mutex_unlock(&cfg->lock);
    if (!t.failed && move(as, &c, &t) != VML_OK) {
        t.failed = true;
    }
    if (!t.failed && (c.control & CONTROL_WRITE) && !(c.control & CONTROL_READ) &&
        cfg->config.written) {
        cfg->config.written(cfg->config.context, t.item->key);
    }
    store_be32(done, t.failed ? CONTROL_ERROR : 0);
    if (vml_as_write(as, address, done, sizeof(done)) != VML_OK) {
        /* The guest put the command where it cannot see the answer. */
        return;
    }
}

/* The DMA address register is big-endian: two words, the upper first; the lower one starts. */
static enum vml_bus_result write_dma(struct vml_fw_cfg *cfg, const struct vml_access *access)
{
    uint32_t word = __builtin_bswap32((uint32_t)access->value);
    uint64_t address;

    if (!cfg->config.as) {
        return VML_BUS_OK;
    }
    if (access->size == 8 && access->offset == DMA) {
        address = __builtin_bswap64(access->value);
    } else if (access->size == 4 && access->offset == DMA) {
        vml_mutex_lock(&cfg->lock);
        cfg->dma_high = word;
        vml_mutex_unlock(&cfg->lock);
        return VML_BUS_OK;
    } else if (access->size == 4 && access->offset == DMA + 4) {
        vml_mutex_lock(&cfg->lock);
        address = (uint64_t)cfg->dma_high << 32 | word;
        cfg->dma_high = 0;
        vml_mutex_unlock(&cfg->lock);
    } else {
        return VML_BUS_FAULT;
    }
    dma(cfg, address);
    return VML_BUS_OK;
}

static void read_register(struct vml_fw_cfg *cfg, struct vml_access *access)
{
    uint64_t be = cfg->config.as ? __builtin_bswap64(SIGNATURE) : 0;

    if (access->offset < SELECTOR) {
        vml_mutex_lock(&cfg->lock);
        access->value = read_data(cfg, access->size);
        vml_mutex_unlock(&cfg->lock);
        return;
    }
    access->value = 0;
    if (access->offset >= DMA) {
        access->value = be >> 8 * (access->offset - DMA);
        if (access->size < 8) {
            access->value &= (UINT64_C(1) << access->size * 8) - 1;
        }
    }
}

static enum vml_bus_result cfg_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_fw_cfg *cfg = cfg_of(device);

    if (access->offset % access->size || access->offset + access->size > VML_FW_CFG_SIZE) {
        return VML_BUS_FAULT;
    }
    if (!access->write) {
        read_register(cfg, access);
        return VML_BUS_OK;
    }
    if (access->offset >= DMA) {
        return write_dma(cfg, access);
    }
    if (access->offset == SELECTOR && access->size == 2) {
        vml_mutex_lock(&cfg->lock);
        cfg->key = __builtin_bswap16((uint16_t)access->value);
        cfg->offset = 0;
        vml_mutex_unlock(&cfg->lock);
    }
    /* Writes of data were given up with the DMA interface: ignored. */
    return VML_BUS_OK;
}

static void cfg_reset(struct vml_device *device)
{
    struct vml_fw_cfg *cfg = cfg_of(device);

    vml_mutex_lock(&cfg->lock);
    cfg->key = 0;
    cfg->offset = 0;
    cfg->dma_high = 0;
    vml_mutex_unlock(&cfg->lock);
}

static void cfg_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_fw_cfg *cfg = cfg_of(device);

    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u16(w, cfg->key);
    vml_state_put_u32(w, cfg->offset);
    vml_state_put_u32(w, cfg->dma_high);
    vml_state_end(w);
}

static enum vml_status cfg_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_fw_cfg *cfg = cfg_of(device);
    enum vml_status status;
    uint32_t offset, high;
    uint16_t key;

    (void)vml_state_enter(r, TAG, VERSION);
    key = vml_state_get_u16(r);
    offset = vml_state_get_u32(r);
    high = vml_state_get_u32(r);
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status == VML_OK) {
        /* Any values do: they are checked where they are used. */
        cfg->key = key;
        cfg->offset = offset;
        cfg->dma_high = high;
    }
    return status;
}

/* What is not writable is only read through the pointer. */
static enum vml_status add(struct vml_fw_cfg *cfg, uint16_t key, const void *data, uint32_t size,
                           bool writable)
{
    if (cfg->count >= cfg->config.max_items) {
        return VML_ERR_NO_SPACE;
    }
    cfg->config.items[cfg->count++] = (struct vml_fw_cfg_item){
        .key = key, .writable = writable, .data = (uint8_t *)(uintptr_t)data, .size = size};
    return VML_OK;
}

enum vml_status vml_fw_cfg_add(struct vml_fw_cfg *cfg, uint16_t key, const void *data,
                               uint32_t size)
{
    if (key <= VML_FW_CFG_ID || key == VML_FW_CFG_FILE_DIR || key >= VML_FW_CFG_FILE_FIRST) {
        return VML_ERR_INVALID;
    }
    if (find(cfg, key)) {
        return VML_ERR_OVERLAP;
    }
    return add(cfg, key, data, size, false);
}

/* The entry in the directory: size and key, big-endian, two bytes of zero, the name. */
static bool same_name(const uint8_t *entry, const char *name, size_t len)
{
    return memcmp(entry + 8, name, len + 1) == 0;
}

enum vml_status vml_fw_cfg_add_file(struct vml_fw_cfg *cfg, const char *name, void *data,
                                    uint32_t size, bool writable)
{
    uint8_t *directory = cfg->config.directory, *entry;
    uint16_t key = (uint16_t)(VML_FW_CFG_FILE_FIRST + cfg->files);
    enum vml_status status;
    size_t len = 0;

    while (len < VML_FW_CFG_NAME && name[len]) {
        len++;
    }
    if (len == 0 || len >= VML_FW_CFG_NAME) {
        return VML_ERR_INVALID;
    }
    for (uint32_t i = 0; i < cfg->files; i++) {
        if (same_name(directory + 4 + i * VML_FW_CFG_DIR_ENTRY, name, len)) {
            return VML_ERR_OVERLAP;
        }
    }
    if (!directory || cfg->files >= 0x1000 ||
        cfg->config.directory_size < 4 + (cfg->files + 1) * VML_FW_CFG_DIR_ENTRY) {
        return VML_ERR_NO_SPACE;
    }
    status = add(cfg, key, data, size, writable);
    if (status != VML_OK) {
        return status;
    }
    entry = directory + 4 + cfg->files * VML_FW_CFG_DIR_ENTRY;
    memset(entry, 0, VML_FW_CFG_DIR_ENTRY);
    store_be32(entry, size);
    store_be32(entry + 4, (uint32_t)key << 16);
    memcpy(entry + 8, name, len);
    cfg->files++;
    store_be32(directory, cfg->files);
    cfg->config.items[2].size = 4 + cfg->files * VML_FW_CFG_DIR_ENTRY;
    return VML_OK;
}

enum vml_status vml_fw_cfg_init(struct vml_fw_cfg *cfg, const struct vml_fw_cfg_config *config)
{
    static const struct vml_device_ops ops = {
        .access = cfg_access, .reset = cfg_reset, .save = cfg_save, .restore = cfg_restore};
    static const uint8_t nothing[4];

    if (!config->items || config->max_items < 3 ||
        (config->directory && config->directory_size < 4)) {
        return VML_ERR_INVALID;
    }
    *cfg = (struct vml_fw_cfg){.config = *config};
    cfg->device = (struct vml_device){config->name ? config->name : "fw_cfg", &ops};
    vml_mutex_init(&cfg->lock);
    /* Traditional interface, and DMA. */
    cfg->id[0] = config->as ? 3 : 1;
    if (config->directory) {
        memset(config->directory, 0, 4);
    }
    (void)add(cfg, VML_FW_CFG_SIGNATURE, signature, 4, false);
    (void)add(cfg, VML_FW_CFG_ID, cfg->id, 4, false);
    (void)add(cfg, VML_FW_CFG_FILE_DIR, config->directory ? config->directory : nothing, 4, false);
    return VML_OK;
}

void vml_fw_cfg_destroy(struct vml_fw_cfg *cfg)
{
    vml_mutex_destroy(&cfg->lock);
}
