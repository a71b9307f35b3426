#include "table.h"

/* The last row that begins at or before the offset, or row_count. */
static uint32_t last_row_at(const struct vml_reg_table *table, uint64_t offset)
{
    uint32_t low = 0;
    uint32_t high = table->row_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (table->rows[middle].offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? table->row_count : low - 1;
}

const struct vml_reg *vml_regs_find(const struct vml_reg_table *table, uint64_t offset,
                                    uint32_t *index)
{
    uint32_t at = last_row_at(table, offset);
    const struct vml_reg *reg;
    uint64_t rest;
    uint64_t element = 0;

    if (at == table->row_count) {
        return NULL;
    }
    reg = &table->rows[at];
    rest = offset - reg->offset;
    if (reg->count > 1) {
        element = rest / reg_stride(reg);
        rest -= element * reg_stride(reg);
        if (element >= reg->count) {
            return NULL;
        }
    }
    if (rest >= reg->width) {
        return NULL;
    }
    *index = (uint32_t)element;
    return reg;
}

static uint64_t read_element(const struct vml_reg *reg, struct vml_device *device,
                             const void *state, uint32_t index, const struct vml_access *access)
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

enum vml_bus_result vml_regs_access(const struct vml_reg_table *table, struct vml_device *device,
                                    void *state, struct vml_access *access)
{
    uint32_t size = access->size;
    uint32_t index = 0;
    const struct vml_reg *reg;
    unsigned within;
    uint64_t mask;

    if ((size != 1 && size != 2 && size != 4 && size != 8) || (access->offset & (size - 1)) != 0 ||
        size > table->size || access->offset > table->size - size) {
        return VML_BUS_FAULT;
    }
    reg = vml_regs_find(table, access->offset, &index);
    if (reg == NULL) {
        return access_unknown(table, access);
    }
    /* A size is its own VML_SIZE_ bit. */
    if ((reg->sizes & size) == 0) {
        return VML_BUS_FAULT;
    }
    within = (unsigned)(access->offset - reg->offset - (uint64_t)index * reg_stride(reg));
    if (size > reg->width) {
        return within == 0 ? access_several(reg, device, state, index, access) : VML_BUS_FAULT;
    }
    if (within + size > reg->width) {
        return VML_BUS_FAULT;
    }
    mask = reg_mask(size);
    if (access->write) {
        write_element(reg, device, state, index, (access->value & mask) << (8 * within),
                      mask << (8 * within), access);
    } else {
        access->value = (read_element(reg, device, state, index, access) >> (8 * within)) & mask;
    }
    return VML_BUS_OK;
}
