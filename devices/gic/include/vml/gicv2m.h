/**
 * @file
 * @brief GICv2m: a frame that turns message-signalled interrupts into edges of SPIs (Arm SBSA, appendix E).
 * @ingroup vml_gic
 */
#ifndef VML_GICV2M_H
#define VML_GICV2M_H

#include <vml/gic.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VML_GICV2M_SIZE 0x1000u /**< bytes of the frame */

/** @brief An MSI frame. It has no state but its SPIs' in the GIC. Members are private. */
struct vml_gicv2m {
    struct vml_device device;             /**< on the MMIO bus */
    struct vml_irq_controller controller; /**< takes messages: vml_irq_msi() */
    struct vml_gic *gic;                  /**< whose SPIs it signals */
    uint64_t base;                        /**< guest physical address of the frame */
    uint32_t first;                       /**< INTID of its first SPI */
    uint32_t count;                       /**< SPIs */
};

/** @brief Makes a frame.
 * @param frame the frame's storage
 * @param gic signals interrupts of this GIC
 * @param base guest physical address: messages to base + 0x40 are its own
 * @param first INTID of the first SPI; the guest makes them edge-triggered, as each driver does
 * @param count SPIs, at least 1
 * @return VML_ERR_RANGE for SPIs that the GIC has not */
VML_MUST_CHECK enum vml_status vml_gicv2m_init(struct vml_gicv2m *frame, struct vml_gic *gic,
                                               uint64_t base, uint32_t first, uint32_t count);

/** @brief A write of `data` to MSI_SETSPI_NS. Any thread. @return false for none of its SPIs */
bool vml_gicv2m_set_spi(struct vml_gicv2m *frame, uint32_t data);

/** @brief The registers of a GICv2m frame. */
extern const struct vml_reg_table vml_gicv2m_regs;

#ifdef __cplusplus
}
#endif
#endif
