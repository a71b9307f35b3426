#include "ref_hw.h"

enum { NONE = 16, IDLE = 0x100, SPURIOUS = 1023 };

uint32_t ref_hw_state(const struct ref_hw *hw, uint32_t n)
{
    return hw->version == 3 ? (uint32_t)(hw->lr[n] >> 62) : (uint32_t)hw->lr[n] >> 28 & 3;
}

uint32_t ref_hw_intid(const struct ref_hw *hw, uint32_t n)
{
    return hw->version == 3 ? (uint32_t)hw->lr[n] : (uint32_t)hw->lr[n] & 0x3ff;
}

static bool is_group1(const struct ref_hw *hw, uint32_t n)
{
    return hw->lr[n] >> (hw->version == 3 ? 60 : 30) & 1;
}

static uint32_t priority(const struct ref_hw *hw, uint32_t n)
{
    return hw->version == 3 ? (uint32_t)(hw->lr[n] >> 48) & 0xff
                            : ((uint32_t)hw->lr[n] >> 23 & 0x1f) << 3;
}

static bool is_linked(const struct ref_hw *hw, uint32_t n)
{
    return hw->lr[n] >> (hw->version == 3 ? 61 : 31) & 1;
}

static bool asks_for_eoi(const struct ref_hw *hw, uint32_t n)
{
    return !is_linked(hw, n) && (hw->lr[n] >> (hw->version == 3 ? 41 : 19) & 1);
}

static uint32_t source(const struct ref_hw *hw, uint32_t n)
{
    return hw->version == 2 && !is_linked(hw, n) && ref_hw_intid(hw, n) < 16
               ? (uint32_t)hw->lr[n] >> 10 & 7
               : 0;
}

static void set_state(struct ref_hw *hw, uint32_t n, uint32_t state)
{
    uint32_t shift = hw->version == 3 ? 62 : 28;

    hw->lr[n] = (hw->lr[n] & ~(UINT64_C(3) << shift)) | (uint64_t)state << shift;
}

/* VMCR: one layout, IHI 0048B GICH_VMCR, IHI 0069H ICH_VMCR_EL2. */
static bool enables(const struct ref_hw *hw, bool group1)
{
    return hw->vmcr >> (group1 ? 1 : 0) & 1;
}

static bool eoimode(const struct ref_hw *hw)
{
    return hw->vmcr >> 9 & 1;
}

static uint32_t group_priority(const struct ref_hw *hw, bool group1, uint32_t value)
{
    static const uint32_t fields[] = {0xfe, 0xfc, 0xf8, 0xf0, 0xe0, 0xc0, 0x80, 0x00};
    uint32_t bpr0 = hw->vmcr >> 21 & 7, bpr1 = hw->vmcr >> 18 & 7;
    bool cbpr = hw->vmcr >> 4 & 1;

    return value & fields[!group1 || cbpr ? bpr0 : bpr1 - 1];
}

static uint32_t running(const struct ref_hw *hw)
{
    for (uint32_t level = 0; level < 32; level++) {
        if ((hw->ap0r | hw->ap1r) >> level & 1) {
            return level * 8;
        }
    }
    return IDLE;
}

uint32_t ref_hw_running(const struct ref_hw *hw)
{
    return running(hw) == IDLE ? 0xff : running(hw);
}

/* IHI 0069H chapter 6: the highest priority list register whose state is pending, of the enabled groups. */
static uint32_t highest(const struct ref_hw *hw)
{
    uint32_t best = NONE;

    for (uint32_t n = 0; n < hw->count; n++) {
        if (ref_hw_state(hw, n) != HW_PENDING || !enables(hw, is_group1(hw, n))) {
            continue;
        }
        if (best == NONE || priority(hw, n) < priority(hw, best) ||
            (priority(hw, n) == priority(hw, best) &&
             (is_group1(hw, n) < is_group1(hw, best) ||
              (is_group1(hw, n) == is_group1(hw, best) &&
               ref_hw_intid(hw, n) < ref_hw_intid(hw, best))))) {
            best = n;
        }
    }
    return best;
}

static bool is_signalled(const struct ref_hw *hw, uint32_t n)
{
    return n != NONE && priority(hw, n) < (hw->vmcr >> 24) &&
           group_priority(hw, is_group1(hw, n), priority(hw, n)) < running(hw);
}

bool ref_hw_output(const struct ref_hw *hw, bool fiq)
{
    uint32_t n = highest(hw);

    if (!is_signalled(hw, n)) {
        return false;
    }
    return (!is_group1(hw, n) && (hw->version == 3 || (hw->vmcr >> 3 & 1))) == fiq;
}

/* INTID that a register for a group shows of what is pending: as of GICC_IAR for version 2. */
static uint32_t shown(const struct ref_hw *hw, uint32_t n, bool group1)
{
    bool ackctl = hw->vmcr >> 2 & 1;

    if (hw->version == 2 && !group1 && is_group1(hw, n)) {
        return ackctl ? 0 : 1022;
    }
    return is_group1(hw, n) == group1 ? 0 : SPURIOUS;
}

uint32_t ref_hw_highest_pending(const struct ref_hw *hw, bool group1)
{
    uint32_t n = highest(hw), special = n == NONE ? SPURIOUS : shown(hw, n, group1);

    return special != 0 ? special : ref_hw_intid(hw, n) | source(hw, n) << 10;
}

uint32_t ref_hw_acknowledge(struct ref_hw *hw, bool group1)
{
    uint32_t n = highest(hw), special, bit;

    if (!is_signalled(hw, n)) {
        return SPURIOUS;
    }
    special = shown(hw, n, group1);
    if (special != 0) {
        return special;
    }
    set_state(hw, n, HW_ACTIVE);
    bit = 1u << group_priority(hw, is_group1(hw, n), priority(hw, n)) / 8;
    if (hw->version == 3 && is_group1(hw, n)) {
        hw->ap1r |= bit;
    } else {
        hw->ap0r |= bit;
    }
    return ref_hw_intid(hw, n) | source(hw, n) << 10;
}

static void deactivate(struct ref_hw *hw, uint32_t value)
{
    uint32_t intid = hw->version == 3 ? value : value & 0x3ff;

    for (uint32_t n = 0; n < hw->count; n++) {
        uint32_t state = ref_hw_state(hw, n);

        if (!(state & HW_ACTIVE) || ref_hw_intid(hw, n) != intid) {
            continue;
        }
        if (hw->version == 2 && intid < 16 && source(hw, n) != (value >> 10 & 7)) {
            continue; /* IHI 0048B chapter 5: an SGI's source is part of what identifies it */
        }
        set_state(hw, n, state & ~(uint32_t)HW_ACTIVE);
        if (is_linked(hw, n)) {
            hw->deactivated = hw->version == 3 ? (uint32_t)(hw->lr[n] >> 32) & 0x1fff
                                               : (uint32_t)hw->lr[n] >> 10 & 0x3ff;
        }
        return;
    }
    hw->hcr += 1u << 27; /* EOIcount */
}

void ref_hw_end(struct ref_hw *hw, uint32_t value, bool group1)
{
    for (uint32_t level = 0; level < 32; level++) {
        uint32_t bit = 1u << level;

        if (!((hw->ap0r | hw->ap1r) & bit)) {
            continue;
        }
        if (hw->version == 3 && !((group1 ? hw->ap1r : hw->ap0r) & bit)) {
            return;
        }
        if (hw->version == 3 && group1) {
            hw->ap1r &= ~bit;
        } else {
            hw->ap0r &= ~bit;
        }
        if (!eoimode(hw)) {
            deactivate(hw, value);
        }
        return;
    }
}

void ref_hw_deactivate(struct ref_hw *hw, uint32_t value)
{
    if (eoimode(hw)) {
        deactivate(hw, value);
    }
}

/* IHI 0069H ICH_MISR_EL2, and the enables of ICH_HCR_EL2. */
uint32_t ref_hw_maintenance(const struct ref_hw *hw)
{
    uint32_t valid = 0, misr = 0;
    bool pending = false;

    for (uint32_t n = 0; n < hw->count; n++) {
        uint32_t state = ref_hw_state(hw, n);

        valid += state != HW_INVALID;
        pending |= state == HW_PENDING;
        misr |= state == HW_INVALID && asks_for_eoi(hw, n) ? 1u << 0 : 0;
    }
    misr |= (hw->hcr >> 1 & 1) && valid <= 1 ? 1u << 1 : 0;
    misr |= (hw->hcr >> 2 & 1) && hw->hcr >> 27 != 0 ? 1u << 2 : 0;
    misr |= (hw->hcr >> 3 & 1) && !pending ? 1u << 3 : 0;
    misr |= (hw->hcr >> 4 & 1) && enables(hw, false) ? 1u << 4 : 0;
    misr |= (hw->hcr >> 5 & 1) && !enables(hw, false) ? 1u << 5 : 0;
    misr |= (hw->hcr >> 6 & 1) && enables(hw, true) ? 1u << 6 : 0;
    misr |= (hw->hcr >> 7 & 1) && !enables(hw, true) ? 1u << 7 : 0;
    return hw->hcr & 1 ? misr : 0;
}
