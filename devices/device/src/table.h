/* Geometry of rows and their storage, shared by access and by save and restore. */
#ifndef VML_DEVICE_TABLE_H
#define VML_DEVICE_TABLE_H

#include <vml/regs.h>

static inline uint32_t reg_count(const struct vml_reg *reg)
{
    return reg->count == 0 ? 1 : reg->count;
}

static inline uint32_t reg_stride(const struct vml_reg *reg)
{
    return reg->stride == 0 ? reg->width : reg->stride;
}

/* Which element begins at or before `rest` bytes from the first. Strides are mostly powers of two. */
static inline uint32_t reg_element(const struct vml_reg *reg, uint32_t rest)
{
    uint32_t stride = reg_stride(reg);

    return stride == 4 ? rest / 4 : rest / stride;
}

/* Flags of slots: a 32-bit or 64-bit element begins here; a 32-bit access loads, or stores to, plain
 * storage in the place that the slot gives; the upper half of a 64-bit element is here. */
#define SLOT_STARTS 1u
#define SLOT_LOAD   2u
#define SLOT_STORE  4u
#define SLOT_UPPER  8u

/* Ones for the bits of `bytes` bytes. */
static inline uint64_t reg_mask(uint32_t bytes)
{
    return UINT64_MAX >> (64u - 8u * bytes);
}

static inline uint64_t reg_load(const struct vml_reg *reg, const void *state, uint32_t index)
{
    const uint8_t *p = (const uint8_t *)state + reg->state + (size_t)index * reg->width;
    uint64_t v64;
    uint32_t v32;
    uint16_t v16;

    switch (reg->width) {
    case 8:
        memcpy(&v64, p, sizeof(v64));
        return v64;
    case 4:
        memcpy(&v32, p, sizeof(v32));
        return v32;
    case 2:
        memcpy(&v16, p, sizeof(v16));
        return v16;
    default:
        return *p;
    }
}

static inline void reg_store(const struct vml_reg *reg, void *state, uint32_t index, uint64_t value)
{
    uint8_t *p = (uint8_t *)state + reg->state + (size_t)index * reg->width;
    uint32_t v32 = (uint32_t)value;
    uint16_t v16 = (uint16_t)value;

    switch (reg->width) {
    case 8:
        memcpy(p, &value, sizeof(value));
        break;
    case 4:
        memcpy(p, &v32, sizeof(v32));
        break;
    case 2:
        memcpy(p, &v16, sizeof(v16));
        break;
    default:
        *p = (uint8_t)value;
        break;
    }
}

#endif
