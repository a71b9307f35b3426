/**
 * @file
 * @brief Delivery through list registers (GICH_*, ICH_*_EL2), for hypervisors on hardware.
 *
 * In the world switch: vml_gic_lr_fill(), write `hcr`, `vmcr`, `ap0r`, `ap1r`, the `used` list
 * registers, and 0 to the others that there are; run the guest; read the same registers (HCR for its
 * EOIcount) back, and vml_gic_lr_fold().  Between the two the vCPU is resident: the output callback
 * then says "leave the guest, fold and fill again".  A maintenance interrupt needs nothing but that.
 * Fold before the vCPU's state is saved or its emulated CPU interface is used, and in particular
 * when HCR.TC traps an access: then vml_gic_icc_read() or vml_gic_icc_write() serves it.  Generating
 * SGIs, messages and wires need no fold.
 *
 * Who is resident sees only when it folds: that the level of a wire has fallen; and what a register
 * access of another vCPU changed about an interrupt in its list registers (it is told to).  Until then
 * the list register has that interrupt's state: reads show what it was when filled, less what the list
 * register took over, and writes to its pending and active bits do not count. A hypervisor to whom
 * that matters stops all vCPUs of the machine for such an access.
 *
 * More interrupts may be active than there are list registers.  With version 3 the guest's writes of
 * ICC_DIR are trapped then (HCR.TC).  A GICv2 cannot: of interrupts of one priority, and of those that
 * a guest deactivates by GICV_DIR, the library takes it to have been the most urgent.
 * @ingroup vml_gic
 */
#ifndef VML_GIC_LR_H
#define VML_GIC_LR_H

#include <vml/gic.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VML_GIC_MAX_LRS 16u /**< list registers that the ICH interface has at most */

/** @brief A vCPU's registers of the virtual CPU interface, as the hardware has them. */
struct vml_gic_lrs {
    uint32_t count;               /**< list registers there are: 1 to 16; set by the embedder */
    uint32_t used;                /**< how many of `lr` to write and to read back */
    uint32_t filled;              /**< private: what `lr` were filled with */
    uint64_t lr[VML_GIC_MAX_LRS]; /**< ICH_LR<n>_EL2; a GICv2's GICH_LR<n> in 32 bits */
    uint32_t hcr;                 /**< ICH_HCR_EL2 or GICH_HCR: En, LRENPIE, NPIE, VGrp*IE, TC,
                                       EOIcount */
    uint32_t vmcr;                /**< ICH_VMCR_EL2 or GICH_VMCR */
    uint32_t ap0r;                /**< ICH_AP0R0_EL2; a GICv2: the lower half of GICH_APR */
    uint32_t ap1r;                /**< ICH_AP1R0_EL2; a GICv2: not used */
};

/** @brief Moves what the vCPU shall see into its registers. The vCPU's thread.
 * Active interrupts come first, then pending ones of the groups that the guest has enabled, most
 * urgent first. What does not fit stays; a maintenance interrupt comes when all that are pending in
 * list registers have been taken, when one is ended that is in none, and when the guest enables or
 * disables a group.
 * @param gic the GIC
 * @param cpu vCPU index
 * @param lrs `count` is read; the rest is written */
void vml_gic_lr_fill(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs);

/** @brief Takes the state back, after the guest ran. The vCPU's thread, after a fill. */
void vml_gic_lr_fold(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs);

/** @brief Links an interrupt to a physical one: the guest's deactivation deactivates it in hardware.
 * When the guest has deactivated it, the level of its wire falls: the physical interrupt, if it is
 * asserted again, sets it again. While no vCPU has it in a list register.
 *
 * The list register deactivates the physical interrupt.  A guest's write of ICC_DIR that HCR.TC traps
 * does not: the hypervisor then writes its own, with what vml_gic_lr_linked() says of the INTID. No
 * more linked interrupts may be active on a vCPU at once than it has list registers less one.
 * @param gic the GIC
 * @param intid PPI or SPI
 * @param cpu vCPU of a PPI
 * @param physical physical INTID, 16 to 1019, or 0 to end the link
 * @return VML_ERR_RANGE for what cannot be linked */
VML_MUST_CHECK enum vml_status vml_gic_lr_link(struct vml_gic *gic, uint32_t intid, uint32_t cpu,
                                               uint32_t physical);

/** @brief The physical interrupt that vml_gic_lr_link() linked; 0 for none.
 * @param gic the GIC
 * @param intid any INTID
 * @param cpu vCPU of a PPI */
uint32_t vml_gic_lr_linked(struct vml_gic *gic, uint32_t intid, uint32_t cpu);

#ifdef __cplusplus
}
#endif
#endif
