#include "table.h"

static struct vml_reg_slot make_slot(const struct vml_reg_table *table, uint32_t offset)
{
    struct vml_reg_slot slot = {0};
    uint32_t index = 0;
    const struct vml_reg *reg = vml_regs_find(table, offset, &index);
    uint64_t state;
    uint32_t within;

    if (reg == NULL || reg - table->rows >= UINT8_MAX) {
        return slot;
    }
    slot.row = (uint8_t)(reg - table->rows + 1);
    within = offset - (reg->offset + index * reg_stride(reg));
    if (reg->width < 4 || within % 4 != 0) {
        return slot;
    }
    slot.flags = within == 0 ? SLOT_STARTS : SLOT_UPPER;
    state = reg->state + UINT64_C(4) * index;
    if (reg->width != 4 || (reg->sizes & VML_SIZE_4) == 0 || reg->state == VML_REG_NO_STATE ||
        state > UINT16_MAX) {
        return slot;
    }
    slot.state = (uint16_t)state;
    if (reg->read == NULL && reg->kind != VML_REG_RAZ && reg->kind != VML_REG_WO) {
        slot.flags |= SLOT_LOAD;
    }
    if (reg->write == NULL && (reg->kind == VML_REG_RW || reg->kind == VML_REG_WO)) {
        slot.flags |= SLOT_STORE;
    }
    return slot;
}

void vml_regs_index(struct vml_reg_index *index, const struct vml_reg_table *table,
                    struct vml_reg_slot *slots, uint32_t slot_count)
{
    /* A slot at the end must not let an access through that leaves the range. */
    index->slot_count = vml_min_u64(slot_count, table->size / 4);
    index->table = table;
    index->slots = slots;
    for (uint32_t i = 0; i < index->slot_count; i++) {
        slots[i] = make_slot(table, i * 4);
    }
}

void vml_regs_reset(const struct vml_reg_table *table, void *state)
{
    for (uint32_t row = 0; row < table->row_count; row++) {
        const struct vml_reg *reg = &table->rows[row];

        if (reg->state == VML_REG_NO_STATE) {
            continue;
        }
        for (uint32_t i = 0; i < reg_count(reg); i++) {
            reg_store(reg, state, i, reg->reset);
        }
    }
}

void vml_regs_save(const struct vml_reg_table *table, const void *state, struct vml_state_writer *w)
{
    for (uint32_t row = 0; row < table->row_count; row++) {
        const struct vml_reg *reg = &table->rows[row];

        if (reg->state == VML_REG_NO_STATE) {
            continue;
        }
        for (uint32_t i = 0; i < reg_count(reg); i++) {
            uint64_t value = reg_load(reg, state, i);

            switch (reg->width) {
            case 8:
                vml_state_put_u64(w, value);
                break;
            case 4:
                vml_state_put_u32(w, (uint32_t)value);
                break;
            case 2:
                vml_state_put_u16(w, (uint16_t)value);
                break;
            default:
                vml_state_put_u8(w, (uint8_t)value);
                break;
            }
        }
    }
}

static uint64_t get_value(struct vml_state_reader *r, uint32_t width)
{
    switch (width) {
    case 8:
        return vml_state_get_u64(r);
    case 4:
        return vml_state_get_u32(r);
    case 2:
        return vml_state_get_u16(r);
    default:
        return vml_state_get_u8(r);
    }
}

void vml_regs_restore(const struct vml_reg_table *table, void *state, struct vml_state_reader *r)
{
    for (uint32_t row = 0; row < table->row_count; row++) {
        const struct vml_reg *reg = &table->rows[row];
        bool plain = reg->read == NULL && reg->write == NULL;

        if (reg->state == VML_REG_NO_STATE) {
            continue;
        }
        for (uint32_t i = 0; i < reg_count(reg); i++) {
            uint64_t value = get_value(r, reg->width);

            if (plain && (value & ~(reg->write_mask | reg->reset)) != 0) {
                vml_state_fail(r, VML_ERR_CORRUPT);
            }
            if (vml_state_read_status(r) != VML_OK) {
                return;
            }
            reg_store(reg, state, i, value);
        }
    }
}

static bool row_is_sound(const struct vml_reg_table *table, const struct vml_reg *reg,
                         uint64_t *end)
{
    uint64_t beyond;

    if (reg->name == NULL || reg->offset < *end ||
        (reg->width != 1 && reg->width != 2 && reg->width != 4 && reg->width != 8) ||
        reg->sizes == 0 || reg->sizes > 15 || reg_stride(reg) < reg->width ||
        reg->kind > VML_REG_RAZ) {
        return false;
    }
    beyond = ~reg_mask(reg->width);
    if (((reg->reset | reg->write_mask) & beyond) != 0) {
        return false;
    }
    *end = reg->offset + (uint64_t)(reg_count(reg) - 1) * reg_stride(reg) + reg->width;
    return *end <= table->size;
}

enum vml_status vml_regs_check(const struct vml_reg_table *table, uint32_t *bad)
{
    uint64_t end = 0;

    for (uint32_t row = 0; row < table->row_count; row++) {
        if (!row_is_sound(table, &table->rows[row], &end)) {
            *bad = row;
            return VML_ERR_INVALID;
        }
    }
    return VML_OK;
}
