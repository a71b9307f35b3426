#include "table.h"

/* The row and element that cover an offset within the table's size, and the byte in it; or NULL. */
static inline const struct vml_reg *find(const struct vml_reg_table *table, uint32_t offset,
                                         uint32_t *index, uint32_t *within)
{
    const struct vml_reg *reg = table->rows;
    uint32_t rest;

    /* The last row that begins at or before the offset; the first when there is none. */
    for (uint32_t left = table->row_count; left > 1;) {
        uint32_t half = left / 2;

        reg = reg[half].offset <= offset ? reg + half : reg;
        left -= half;
    }
    rest = offset - reg->offset;
    *index = 0;
    if (reg->count > 1) {
        *index = reg_element(reg, rest);
        rest -= *index * reg_stride(reg);
    }
    *within = rest;
    return offset >= reg->offset && *index < reg_count(reg) && rest < reg->width ? reg : NULL;
}

const struct vml_reg *vml_regs_find(const struct vml_reg_table *table, uint64_t offset,
                                    uint32_t *index)
{
    const struct vml_reg *reg = NULL;
    uint32_t within;
    uint32_t element;

    if (offset < table->size && table->row_count != 0) {
        reg = find(table, (uint32_t)offset, &element, &within);
    }
    if (reg != NULL) {
        *index = element;
    }
    return reg;
}

static inline uint64_t read_element(const struct vml_reg *reg, struct vml_device *device,
                                    const void *state, uint32_t index,
                                    const struct vml_access *access)
{
    if (reg->read != NULL) {
        return reg->read(device, reg, index, access);
    }
    if (reg->kind == VML_REG_RAZ || reg->kind == VML_REG_WO) {
        return 0;
    }
    /* A register without storage is a constant. */
    return reg->state == VML_REG_NO_STATE ? reg->reset : reg_load(reg, state, index);
}

static void write_element(const struct vml_reg *reg, struct vml_device *device, void *state,
                          uint32_t index, uint64_t value, uint64_t mask,
                          const struct vml_access *access)
{
    uint64_t old;
    uint64_t changeable = mask & reg->write_mask;

    if (reg->write != NULL) {
        reg->write(device, reg, index, value, mask, access);
        return;
    }
    if (reg->state == VML_REG_NO_STATE || reg->kind == VML_REG_RAZ || reg->kind == VML_REG_RO) {
        return;
    }
    old = reg_load(reg, state, index);
    switch (reg->kind) {
    case VML_REG_W1C:
        reg_store(reg, state, index, old & ~(value & changeable));
        break;
    case VML_REG_W1S:
        reg_store(reg, state, index, old | (value & changeable));
        break;
    default:
        reg_store(reg, state, index, (old & ~changeable) | (value & changeable));
        break;
    }
}

/* An access that covers whole elements of an array whose elements follow each other. */
static enum vml_bus_result access_several(const struct vml_reg *reg, struct vml_device *device,
                                          void *state, uint32_t index, struct vml_access *access)
{
    uint32_t elements = access->size / reg->width;
    uint64_t mask = reg_mask(reg->width);
    uint64_t value = 0;

    if (reg_stride(reg) != reg->width || elements > reg_count(reg) - index) {
        return VML_BUS_FAULT;
    }
    for (uint32_t i = 0; i < elements; i++) {
        unsigned shift = 8u * reg->width * i;

        if (access->write) {
            write_element(reg, device, state, index + i, (access->value >> shift) & mask, mask,
                          access);
        } else {
            value |= (read_element(reg, device, state, index + i, access) & mask) << shift;
        }
    }
    if (!access->write) {
        access->value = value;
    }
    return VML_BUS_OK;
}

static enum vml_bus_result access_unknown(const struct vml_reg_table *table,
                                          struct vml_access *access)
{
    uint32_t index;

    /* One that begins in a hole and ends in a register is neither. */
    if (!table->unknown_raz_wi ||
        vml_regs_find(table, access->offset + access->size - 1, &index) != NULL) {
        return VML_BUS_FAULT;
    }
    if (!access->write) {
        access->value = 0;
    }
    return VML_BUS_OK;
}

/* A register, or a part of it. */
static inline enum vml_bus_result access_one(const struct vml_reg *reg, struct vml_device *device,
                                             void *state, uint32_t index, uint32_t within,
                                             struct vml_access *access)
{
    uint64_t mask = reg_mask(access->size);
    unsigned shift = 8 * within;

    if (access->write) {
        write_element(reg, device, state, index, (access->value & mask) << shift, mask << shift,
                      access);
    } else {
        access->value = (read_element(reg, device, state, index, access) >> shift) & mask;
    }
    return VML_BUS_OK;
}

enum vml_bus_result vml_regs_access(const struct vml_reg_table *table, struct vml_device *device,
                                    void *state, struct vml_access *access)
{
    uint32_t size = access->size;
    const struct vml_reg *reg = NULL;
    uint32_t within;
    uint32_t index;

    if ((size != 4 && size != 1 && size != 2 && size != 8) || (access->offset & (size - 1)) != 0 ||
        size > table->size || access->offset > table->size - size) {
        return VML_BUS_FAULT;
    }
    if (table->row_count != 0) {
        reg = find(table, (uint32_t)access->offset, &index, &within);
    }
    if (reg == NULL) {
        return access_unknown(table, access);
    }
    /* A size is its own VML_SIZE_ bit. */
    if ((reg->sizes & size) == 0) {
        return VML_BUS_FAULT;
    }
    if (within + size <= reg->width) {
        return access_one(reg, device, state, index, within, access);
    }
    return size > reg->width && within == 0 ? access_several(reg, device, state, index, access)
                                            : VML_BUS_FAULT;
}

/* An access from the start of an indexed word, to which its element, if any, is known to begin or to have
 * its upper half. */
static VML_ALWAYS_INLINE enum vml_bus_result access_word(const struct vml_reg_index *indexed,
                                                         struct vml_device *device, void *state,
                                                         uint8_t flag, uint32_t within,
                                                         struct vml_access *access)
{
    const struct vml_reg_slot *slot = &indexed->slots[access->offset / 4];
    const struct vml_reg *rows = indexed->table->rows;
    const struct vml_reg *reg;
    uint32_t size = access->size;
    uint32_t index;

    if ((slot->flags & flag) == 0 || (size != 1 && size != 2 && size != 4) ||
        (rows[slot->row - 1u].sizes & size) == 0) {
        return vml_regs_access(indexed->table, device, state, access);
    }
    reg = &rows[slot->row - 1u];
    index = reg->count > 1 ? reg_element(reg, (uint32_t)access->offset - reg->offset) : 0;
    return access_one(reg, device, state, index, within, access);
}

static __attribute__((noinline)) enum vml_bus_result
access_upper(const struct vml_reg_index *indexed, struct vml_device *device, void *state,
             struct vml_access *access)
{
    return access_word(indexed, device, state, SLOT_UPPER, 4, access);
}

/* Often of a 32-bit register, which may have hooks. */
static __attribute__((noinline)) enum vml_bus_result
access_from_start(const struct vml_reg_index *indexed, struct vml_device *device, void *state,
                  struct vml_access *access)
{
    if (VML_UNLIKELY(indexed->slots[access->offset / 4].flags == SLOT_UPPER)) {
        return access_upper(indexed, device, state, access);
    }
    return access_word(indexed, device, state, SLOT_STARTS, 0, access);
}

/*
 * A 32-bit load or store of an indexed register does not look for its row.  The rotation makes an offset
 * that is no multiple of 4 larger than any number of slots.
 */
enum vml_bus_result vml_regs_access_indexed(const struct vml_reg_index *index,
                                            struct vml_device *device, void *state,
                                            struct vml_access *access)
{
    uint64_t word = access->offset >> 2 | access->offset << 62;
    const struct vml_reg_slot *slot;
    uint8_t *at;
    uint32_t value;

    if (word >= index->slot_count) {
        return vml_regs_access(index->table, device, state, access);
    }
    slot = &index->slots[word];
    if (access->size != 4 || (slot->flags & (access->write ? SLOT_STORE : SLOT_LOAD)) == 0) {
        return access_from_start(index, device, state, access);
    }
    at = (uint8_t *)state + slot->state; /* where all registers have hooks, `state` may be NULL */
    memcpy(&value, at, sizeof(value));
    if (access->write) {
        uint32_t mask = (uint32_t)index->table->rows[slot->row - 1u].write_mask;

        value = (value & ~mask) | ((uint32_t)access->value & mask);
        memcpy(at, &value, sizeof(value));
    } else {
        access->value = value;
    }
    return VML_BUS_OK;
}
