/* Commands of the Intel command set, and the query table of JESD68. */
#include "flash.h"
#include <vml/arch.h>

void flash_leave(struct vml_flash *flash)
{
    bool array = flash->state.mode == CMD_ARRAY;
    bool was = atomic_load_explicit(&flash->array, memory_order_relaxed);
    uint64_t at = flash->changed_at, length = flash->changed_length;

    flash->changed_length = 0;
    atomic_store_explicit(&flash->array, array, memory_order_release);
    vml_mutex_unlock(&flash->lock);
    if (length != 0 && flash->config.changed) {
        flash->config.changed(flash->config.context, at, length);
    }
    if (array != was && flash->config.array) {
        flash->config.array(flash->config.context, array);
    }
}

/* The query table of one chip, by word. */
static uint8_t query(const struct vml_flash *flash, uint64_t word)
{
    uint64_t chip = flash->config.size / 2;
    uint64_t blocks = flash->config.size / flash->config.block_size;
    uint32_t block = flash->config.block_size / 2;

    switch (word) {
    case 0x10:
    case 0x11:
    case 0x12:
        return (uint8_t) "QRY"[word - 0x10];
    case 0x13: /* Intel/Sharp extended command set */
        return 0x01;
    case 0x15: /* where its table is */
        return 0x31;
    case 0x1b: /* Vcc 4.5 V to 5.5 V */
        return 0x45;
    case 0x1c:
        return 0x55;
    case 0x1f: /* typical times: 2^7 us a word, 2^7 us a buffer, 2^10 ms a block */
    case 0x20:
        return 0x07;
    case 0x21:
        return 0x0a;
    case 0x23: /* at most 2^4 times as long */
    case 0x24:
    case 0x25:
        return 0x04;
    case 0x27: /* bytes of the chip, log 2 */
        return (uint8_t)vml_ctz64(chip);
    case 0x28: /* 8 and 16 bits wide */
        return 0x02;
    case 0x2a: /* bytes of its write buffer, log 2 */
        return (uint8_t)vml_ctz32(VML_FLASH_BUFFER / 2);
    case 0x2c: /* one region of equal blocks */
        return 0x01;
    case 0x2d:
        return (uint8_t)(blocks - 1);
    case 0x2e:
        return (uint8_t)((blocks - 1) >> 8);
    case 0x2f: /* bytes of a block, in 256 */
        return (uint8_t)(block >> 8);
    case 0x30:
        return (uint8_t)(block >> 16);
    case 0x31:
    case 0x32:
    case 0x33:
    case 0x34: /* version 1.0 */
    case 0x35:
        return (uint8_t) "PRI10"[word - 0x31];
    case 0x3f: /* one protection register field */
        return 0x01;
    default:
        return 0;
    }
}

/* Manufacturer, device, and the block's lock: Intel, unlocked unless the bank is read-only. */
static uint8_t identifier(const struct vml_flash *flash, uint64_t word)
{
    switch (word & 0xff) {
    case 0:
        return 0x89;
    case 1:
        return 0x18;
    case 2:
        return flash->config.read_only;
    default:
        return 0;
    }
}

static uint64_t read_array(const struct vml_flash *flash, const struct vml_access *access)
{
    uint64_t value = 0;

    for (uint8_t i = 0; i < access->size; i++) {
        value |= (uint64_t)flash->config.memory[access->offset + i] << 8 * i;
    }
    return value;
}

static uint64_t read_flash(const struct vml_flash *flash, const struct vml_access *access)
{
    uint64_t word = access->offset / WIDTH, both;
    uint32_t chip;

    switch (flash->state.mode) {
    case CMD_ARRAY:
        return read_array(flash, access);
    case CMD_ID:
        chip = identifier(flash, word);
        break;
    case CMD_QUERY:
        chip = query(flash, word);
        break;
    default:
        chip = flash->state.status;
        break;
    }
    /* Both chips answer; every word of a wide access as the first. */
    both = chip | chip << 16;
    both |= both << 32;
    both >>= 8 * (access->offset % WIDTH);
    return access->size == 8 ? both : both & ((UINT64_C(1) << access->size * 8) - 1);
}

/* Programming turns ones into zeroes. */
static void program(struct vml_flash *flash, uint64_t at, const uint8_t *bytes, uint32_t length)
{
    if (flash->config.read_only) {
        flash->state.status |= STATUS_PROGRAM | STATUS_LOCKED;
        return;
    }
    for (uint32_t i = 0; i < length; i++) {
        flash->config.memory[at + i] &= bytes[i];
    }
    flash->changed_at = at;
    flash->changed_length = length;
}

static void erase(struct vml_flash *flash, uint64_t at)
{
    if (flash->config.read_only) {
        flash->state.status |= STATUS_ERASE | STATUS_LOCKED;
        return;
    }
    at &= ~(uint64_t)(flash->config.block_size - 1);
    memset(flash->config.memory + at, 0xff, flash->config.block_size);
    flash->changed_at = at;
    flash->changed_length = flash->config.block_size;
}

static void wait_for(struct vml_flash_state *s, uint32_t command)
{
    s->mode = CMD_STATUS;
    s->command = (uint8_t)command;
    s->cycle = 1;
}

static void done(struct vml_flash_state *s, uint32_t errors)
{
    s->command = 0;
    s->cycle = 0;
    s->mode = CMD_STATUS;
    s->status |= (uint8_t)errors;
}

static void first_cycle(struct vml_flash *flash, uint32_t command)
{
    struct vml_flash_state *s = &flash->state;

    switch (command) {
    case CMD_ID:
    case CMD_QUERY:
    case CMD_STATUS:
        s->mode = (uint8_t)command;
        break;
    case CMD_CLEAR:
        s->status = STATUS_READY;
        break;
    case CMD_PROGRAM_10:
    case CMD_PROGRAM:
    case CMD_ERASE:
    case CMD_LOCK:
    case CMD_BUFFER:
        wait_for(s, command);
        break;
    case CMD_CONFIRM:
        /* resumes what was suspended: nothing */
        s->mode = CMD_STATUS;
        break;
    default:
        /* 0xFF, and what is no command */
        s->mode = CMD_ARRAY;
        break;
    }
}

/* How many words follow, less one; both chips are told the same. */
static void begin_buffer(struct vml_flash *flash, const struct vml_access *access)
{
    struct vml_flash_state *s = &flash->state;
    uint32_t words = (uint32_t)(access->value & 0xffff) + 1;
    uint32_t unit = access->size < WIDTH ? access->size : WIDTH;

    if (words > VML_FLASH_BUFFER / unit) {
        done(s, STATUS_PROGRAM | STATUS_ERASE);
        return;
    }
    s->words_left = words;
    s->base = access->offset & ~(uint64_t)(VML_FLASH_BUFFER - 1);
    memset(s->buffer, 0xff, sizeof(s->buffer));
    s->cycle = 2;
}

static void fill_buffer(struct vml_flash *flash, const struct vml_access *access)
{
    struct vml_flash_state *s = &flash->state;

    if (access->offset < s->base || access->offset - s->base > VML_FLASH_BUFFER - access->size) {
        done(s, STATUS_PROGRAM | STATUS_ERASE);
        return;
    }
    for (uint8_t i = 0; i < access->size; i++) {
        s->buffer[access->offset - s->base + i] = (uint8_t)(access->value >> 8 * i);
    }
    if (--s->words_left == 0) {
        s->cycle = 3;
    }
}

static void buffer_cycle(struct vml_flash *flash, const struct vml_access *access, uint32_t command)
{
    struct vml_flash_state *s = &flash->state;

    if (s->cycle == 1) {
        begin_buffer(flash, access);
    } else if (s->cycle == 2) {
        fill_buffer(flash, access);
    } else if (command == CMD_CONFIRM) {
        done(s, 0);
        program(flash, s->base, s->buffer, VML_FLASH_BUFFER);
    } else {
        done(s, STATUS_PROGRAM | STATUS_ERASE);
    }
}

static void next_cycle(struct vml_flash *flash, const struct vml_access *access, uint32_t command)
{
    struct vml_flash_state *s = &flash->state;
    uint8_t bytes[8];

    switch (s->command) {
    case CMD_BUFFER:
        buffer_cycle(flash, access, command);
        break;
    case CMD_ERASE:
        if (command == CMD_CONFIRM) {
            done(s, 0);
            erase(flash, access->offset);
        } else {
            done(s, STATUS_PROGRAM | STATUS_ERASE);
            s->mode = command == CMD_ARRAY ? CMD_ARRAY : CMD_STATUS;
        }
        break;
    case CMD_LOCK:
        /* Blocks are not locked one by one. */
        done(s, command == CMD_CONFIRM || command == 0x01 ? 0 : STATUS_PROGRAM | STATUS_ERASE);
        break;
    default:
        vml_store_le64(bytes, access->value);
        done(s, 0);
        program(flash, access->offset, bytes, access->size);
        break;
    }
}

static enum vml_bus_result flash_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_flash *flash = flash_of(device);
    uint64_t size = flash->config.size;

    if (access->offset >= size || access->size > size - access->offset ||
        access->offset % access->size) {
        return VML_BUS_FAULT;
    }
    vml_mutex_lock(&flash->lock);
    if (!access->write) {
        access->value = read_flash(flash, access);
    } else if (flash->state.command) {
        next_cycle(flash, access, (uint32_t)access->value & 0xff);
    } else {
        first_cycle(flash, (uint32_t)access->value & 0xff);
    }
    flash_leave(flash);
    return VML_BUS_OK;
}

static void flash_reset(struct vml_device *device)
{
    struct vml_flash *flash = flash_of(device);

    vml_mutex_lock(&flash->lock);
    flash->state = (struct vml_flash_state){.mode = CMD_ARRAY, .status = STATUS_READY};
    flash_leave(flash);
}

enum vml_status vml_flash_init(struct vml_flash *flash, const struct vml_flash_config *config)
{
    static const struct vml_device_ops ops = {
        .access = flash_access, .reset = flash_reset, .save = flash_save, .restore = flash_restore};
    uint32_t block = config->block_size ? config->block_size : VML_FLASH_BLOCK;

    if (!config->memory || !vml_is_pow2(config->size) || config->size < 0x100000 ||
        !vml_is_pow2(block) || block < 512 || block > 0x800000 || config->size < 2u * block ||
        config->size / block > 0x10000) {
        return VML_ERR_INVALID;
    }
    *flash = (struct vml_flash){.config = *config};
    flash->device = (struct vml_device){config->name ? config->name : "flash", &ops};
    flash->config.block_size = block;
    flash->state.mode = CMD_ARRAY;
    flash->state.status = STATUS_READY;
    atomic_init(&flash->array, true);
    vml_mutex_init(&flash->lock);
    return VML_OK;
}

void vml_flash_destroy(struct vml_flash *flash)
{
    vml_mutex_destroy(&flash->lock);
}
