/**
 * @file
 * @brief What the PrimeCell peripherals have in common: identification registers.
 * @defgroup vml_amba PrimeCell peripherals
 * @{
 */
#ifndef VML_AMBA_H
#define VML_AMBA_H

#include <vml/irq_driver.h>
#include <vml/platform.h>
#include <vml/regs.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Rows of a register table for one constant word at `where`. */
#define VML_AMBA_ID_ROW(id, where, value)                                                          \
    {                                                                                              \
        .name = (id), .offset = (where), .width = 4, .sizes = VML_SIZE_124, .kind = VML_REG_RO,    \
        .reset = (value), .state = VML_REG_NO_STATE, .read = vml_amba_read_id                      \
    }

/** @brief The eight identification registers at 0xFE0 to 0xFFC.
 * @param prefix a string literal, as in "UART"
 * @param id0 PeriphID0 to PeriphID3 follow */
#define VML_AMBA_ID_ROWS(prefix, id0, id1, id2, id3)                                               \
    VML_AMBA_ID_ROW(prefix "PeriphID0", 0xfe0, id0),                                               \
        VML_AMBA_ID_ROW(prefix "PeriphID1", 0xfe4, id1),                                           \
        VML_AMBA_ID_ROW(prefix "PeriphID2", 0xfe8, id2),                                           \
        VML_AMBA_ID_ROW(prefix "PeriphID3", 0xfec, id3),                                           \
        VML_AMBA_ID_ROW(prefix "PCellID0", 0xff0, 0x0d),                                           \
        VML_AMBA_ID_ROW(prefix "PCellID1", 0xff4, 0xf0),                                           \
        VML_AMBA_ID_ROW(prefix "PCellID2", 0xff8, 0x05),                                           \
        VML_AMBA_ID_ROW(prefix "PCellID3", 0xffc, 0xb1)

/** @brief Read hook of constant rows: the row's reset value. */
static inline uint64_t vml_amba_read_id(struct vml_device *device, const struct vml_reg *reg,
                                        uint32_t index, const struct vml_access *access)
{
    VML_UNUSED(device, index, access);
    return reg->reset;
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
