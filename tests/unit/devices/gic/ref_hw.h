/*
 * The virtual CPU interface of a hardware GIC: list registers, and what a guest's accesses do to them,
 * from the words of IHI 0048B chapter 5 and IHI 0069H chapter 6.  It includes nothing of the library.
 * Of pending list registers with one priority it takes that of group 0, then that of the lowest INTID.
 */
#ifndef REF_HW_H
#define REF_HW_H

#include <stdbool.h>
#include <stdint.h>

struct ref_hw {
    uint32_t version, count;
    uint64_t lr[16];
    uint32_t hcr, vmcr, ap0r, ap1r;
    uint32_t deactivated; /* physical INTID that hardware deactivated last; 0: none */
};

enum {
    HW_INVALID = 0,
    HW_PENDING = 1,
    HW_ACTIVE = 2,
    HW_BOTH = 3,
    HW_TRAP_COMMON = 1 << 10, /* ICH_HCR_EL2.TC */
};

uint32_t ref_hw_state(const struct ref_hw *hw, uint32_t n);
uint32_t ref_hw_intid(const struct ref_hw *hw, uint32_t n);

/* What a guest reads and writes; the groups as ICV_IAR0, IAR1 or GICV_IAR, AIAR. */
uint32_t ref_hw_acknowledge(struct ref_hw *hw, bool group1);
void ref_hw_end(struct ref_hw *hw, uint32_t value, bool group1);
void ref_hw_deactivate(struct ref_hw *hw, uint32_t value);
uint32_t ref_hw_highest_pending(const struct ref_hw *hw, bool group1);
uint32_t ref_hw_running(const struct ref_hw *hw); /* as RPR */

/* Virtual IRQ or FIQ. */
bool ref_hw_output(const struct ref_hw *hw, bool fiq);

/* ICH_MISR_EL2 or GICH_MISR: 0 for no maintenance interrupt. */
uint32_t ref_hw_maintenance(const struct ref_hw *hw);

#endif
