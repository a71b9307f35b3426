/*
 * The library beside the model.
 *
 * Where delivery is through list registers this file is a hypervisor: every vCPU is in its guest, with
 * ref_hw.h as the hardware, whenever no operation is being executed.  It leaves the guest, folds and
 * fills again when the library tells it to and at each maintenance interrupt; for an access that it
 * traps it leaves the guest of the vCPU that made it.  What gic_lr.h says to be seen at the next fold
 * only (a register access to what another vCPU has in a list register, a level that falls) it does
 * with all guests stopped, so that there is one right answer.
 */
#include "ref_machine.h"
#include "ref_hw.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vml/gic.h>
#include <vml/gic_lr.h>
#include <vml/vbus.h>

enum { STACK = 8, STATE_SIZE = 1 << 16, SETTLE = 8, IDLE_NEVER = 0x200 };

struct taken {
    uint32_t value, running; /* of IAR; the running priority then */
};

struct machine {
    const struct ref_setup *setup;
    struct vml_gic *gic;
    struct vml_gic gics[2]; /* the one in use, and the one that a saved state goes to */
    void *storage[2];
    struct ref_gic ref, before_reset;
    bool told[REF_CPUS][2], recalled[REF_CPUS];
    bool lock_held;
    struct taken taken[REF_CPUS][STACK];
    uint32_t depth[REF_CPUS];
    uint32_t taker[REF_CPUS][REF_INTIDS]; /* who took an active interrupt, plus one */
    struct ref_hw hw[REF_CPUS];
    struct vml_gic_lrs lrs[REF_CPUS];
    bool resident[REF_CPUS];
    uint8_t image[STATE_SIZE];
    char why[160];
};

const uint64_t ref_clusters[REF_CPUS] = {
    0x0, 0x1, 0x100, 0x10f, 0x300020107, 0x10010, UINT64_C(0xff00ffff1f), 0xfe};

static bool differs(struct machine *m, const char *what, uint64_t at, uint64_t library,
                    uint64_t model)
{
    snprintf(m->why, sizeof(m->why), "%s %#" PRIx64 ": library %#" PRIx64 ", model %#" PRIx64, what,
             at, library, model);
    return false;
}

static void told(void *context, uint32_t cpu, enum vml_irq_output output, bool level)
{
    struct machine *m = context;

    m->told[cpu][output] = level;
    m->recalled[cpu] |= level;
    if (!vml_mutex_try_lock(&m->gic->route_lock)) {
        m->lock_held = true;
        return;
    }
    vml_mutex_unlock(&m->gic->route_lock);
}

static bool make_gic(struct machine *m, uint32_t which)
{
    struct vml_gic_config config = {.version = m->setup->version,
                                    .cpus = m->setup->cpus,
                                    .spis = m->setup->spis,
                                    .eppis = m->setup->eppis,
                                    .espis = m->setup->espis,
                                    .mpidrs = m->setup->clusters ? ref_clusters : NULL,
                                    .output = told,
                                    .context = m};

    config.storage_size = vml_gic_storage_size(&config);
    if (!m->storage[which]) {
        m->storage[which] =
            aligned_alloc(VML_CACHE_LINE_SIZE, (config.storage_size + 4095) / 4096 * 4096);
    }
    config.storage = m->storage[which];
    return vml_gic_init(&m->gics[which], &config) == VML_OK;
}

static bool restart(struct machine *m)
{
    m->gic = &m->gics[0];
    memset(m->told, 0, sizeof(m->told));
    memset(m->depth, 0, sizeof(m->depth));
    memset(m->taker, 0, sizeof(m->taker));
    memset(m->resident, 0, sizeof(m->resident));
    for (uint32_t c = 0; c < m->setup->cpus; c++) {
        m->hw[c] = (struct ref_hw){.version = m->setup->version, .count = m->setup->lrs};
        m->lrs[c].count = m->setup->lrs;
    }
    ref_init(&m->ref, m->setup->version, m->setup->cpus, m->setup->spis, m->setup->eppis,
             m->setup->espis, m->setup->clusters ? ref_clusters : NULL);
    return make_gic(m, 0);
}

/* -------------------------------------------------------------------------- the hypervisor */

static void leave_guest(struct machine *m, uint32_t cpu)
{
    struct vml_gic_lrs *lrs = &m->lrs[cpu];
    const struct ref_hw *hw = &m->hw[cpu];

    if (!m->resident[cpu]) {
        return;
    }
    m->resident[cpu] = false;
    memcpy(lrs->lr, hw->lr, lrs->used * sizeof(lrs->lr[0]));
    lrs->hcr = hw->hcr;
    lrs->vmcr = hw->vmcr;
    lrs->ap0r = hw->ap0r;
    lrs->ap1r = hw->ap1r;
    vml_gic_lr_fold(m->gic, cpu, lrs);
}

static void enter_guest(struct machine *m, uint32_t cpu)
{
    struct vml_gic_lrs *lrs = &m->lrs[cpu];
    struct ref_hw *hw = &m->hw[cpu];

    m->recalled[cpu] = false;
    vml_gic_lr_fill(m->gic, cpu, lrs);
    m->resident[cpu] = true;
    memset(hw->lr, 0, sizeof(hw->lr));
    memcpy(hw->lr, lrs->lr, lrs->used * sizeof(lrs->lr[0]));
    hw->hcr = lrs->hcr;
    hw->vmcr = lrs->vmcr;
    hw->ap0r = lrs->ap0r;
    hw->ap1r = lrs->ap1r;
}

static void leave_all(struct machine *m)
{
    for (uint32_t c = 0; c < m->setup->cpus; c++) {
        leave_guest(m, c);
    }
}

/* Until every guest runs and none of them has a reason to leave. */
static bool settle(struct machine *m)
{
    bool quiet = m->setup->lrs == 0;

    for (uint32_t n = 0; n < SETTLE && !quiet; n++) {
        quiet = true;
        for (uint32_t c = 0; c < m->setup->cpus; c++) {
            if (m->resident[c] && (m->recalled[c] || ref_hw_maintenance(&m->hw[c]) != 0)) {
                leave_guest(m, c);
            }
            if (!m->resident[c]) {
                enter_guest(m, c);
                quiet = false;
            }
        }
    }
    return quiet || differs(m, "guests never run on", 0, 1, 0);
}

static bool is_listed(const struct machine *m, uint32_t intid, uint32_t cpu)
{
    for (uint32_t n = 0; m->resident[cpu] && n < m->lrs[cpu].used; n++) {
        if (ref_hw_intid(&m->hw[cpu], n) == intid) {
            return true;
        }
    }
    return false;
}

/* Leaves the guests that must not run while an access is made. */
static void leave_for_access(struct machine *m, const struct ref_op *op)
{
    uint32_t first, count;
    bool all = false;

    if (m->setup->lrs == 0 ||
        (op->frame == REF_GICD && op->flag && (op->offset == 0xf00 || op->offset == 0x40))) {
        return; /* an SGI, or a message: from anywhere at any time */
    }
    leave_guest(m, op->cpu);
    if (!ref_array(&m->ref, op->frame, op->offset, op->size, &first, &count)) {
        all = true;
    } else if (op->offset < 0x100 || op->offset >= 0x6000 ||
               (op->offset >= 0x1000 && op->offset < 0x1080)) {
        all = op->flag; /* groups and routes may move others */
    }
    for (uint32_t c = 0; !all && c < m->setup->cpus; c++) {
        for (uint32_t i = first; i < first + count; i++) {
            all = all || is_listed(m, i, c);
        }
    }
    if (all) {
        leave_all(m);
    }
}

/* ------------------------------------------------------------------------------- comparing */

static uint64_t library_access(struct machine *m, enum ref_frame frame, uint32_t cpu,
                               uint64_t offset, uint32_t size, bool write, uint64_t value)
{
    struct vml_device *devices[] = {&m->gic->gicd, &m->gic->gicc, &m->gic->gicr, &m->gic->icc};
    struct vml_access a = {.offset = frame == REF_ICC ? offset << 3 : offset, /* VML_SYSREG() */
                           .cpu = cpu,
                           .size = (uint8_t)size,
                           .write = write,
                           .value = value};

    if (devices[frame]->ops->access(devices[frame], &a) != VML_BUS_OK) {
        return UINT64_C(0xfa017);
    }
    return write ? 0 : a.value;
}

/* ICC_CTLR_EL1's constants are not the model's. */
static uint64_t comparable(enum ref_frame frame, uint64_t offset, uint64_t value)
{
    return frame == REF_ICC && offset == ICC_ENC(12, 12, 4) ? value & 3 : value;
}

static bool same_access(struct machine *m, enum ref_frame frame, uint32_t cpu, uint64_t offset,
                        uint32_t size, bool write, uint64_t value)
{
    static const char *const names[] = {"GICD", "GICC", "GICR", "ICC"};
    uint64_t a = library_access(m, frame, cpu, offset, size, write, value);
    uint64_t b = ref_access(&m->ref, frame, cpu, offset, size, write, value);

    a = comparable(frame, offset, a);
    return write || a == b || differs(m, names[frame], offset, a, b);
}

static bool same_outputs(struct machine *m)
{
    for (uint32_t c = 0; c < m->setup->cpus; c++) {
        enum ref_output output = ref_output(&m->ref, c);

        for (uint32_t o = 0; o < 2; o++) {
            bool is_fiq = o == VML_IRQ_OUTPUT_FIQ;
            bool a = m->resident[c] ? ref_hw_output(&m->hw[c], is_fiq)
                                    : vml_gic_pending(m->gic, c, (enum vml_irq_output)o);
            bool b = output == (is_fiq ? REF_FIQ : REF_IRQ);

            if (a != b) {
                return differs(m, is_fiq ? "FIQ of vCPU" : "IRQ of vCPU", c, a, b);
            }
            if (m->setup->lrs == 0 && m->told[c][o] != a) {
                return differs(m, "output told of vCPU", c, m->told[c][o], a);
            }
        }
    }
    return !m->lock_held || differs(m, "callback with a lock held", 0, 1, 0);
}

static bool same_distributor(struct machine *m, uint32_t cpu)
{
    static const uint32_t arrays[] = {0x80, 0x100, 0x200, 0x300};
    uint32_t v3 = m->setup->version == 3, first = cpu == 0 || !v3 ? 0 : 1024;
    uint32_t last = cpu == 0 ? m->ref.intids : 32;

    for (uint32_t i = first; i < last; i += 32) {
        for (uint32_t n = 0; n < 4; n++) {
            if (!same_access(m, REF_GICD, cpu, arrays[n] + i / 8, 4, false, 0)) {
                return false;
            }
        }
    }
    for (uint32_t i = first; i < last; i += 4) {
        if (!same_access(m, REF_GICD, cpu, 0x400 + i, 4, false, 0) ||
            (!v3 && !same_access(m, REF_GICD, cpu, 0x800 + i, 4, false, 0)) ||
            (i % 16 == 0 && !same_access(m, REF_GICD, cpu, 0xc00 + i / 4, 4, false, 0)) ||
            (!v3 && i < 16 && !same_access(m, REF_GICD, cpu, 0xf10 + i, 4, false, 0))) {
            return false;
        }
    }
    for (uint32_t i = 32; v3 && i < last; i++) {
        if (!same_access(m, REF_GICD, cpu, 0x6000 + i * 8, 8, false, 0)) {
            return false;
        }
    }
    return same_access(m, REF_GICD, cpu, 0, 4, false, 0);
}

static bool same_extended_spis(struct machine *m)
{
    static const uint32_t arrays[] = {0x1000, 0x1200, 0x1600, 0x1a00, 0x3400};

    for (uint32_t i = 0; i < m->setup->espis; i++) {
        for (uint32_t n = 0; i % 32 == 0 && n < sizeof(arrays) / sizeof(arrays[0]); n++) {
            if (!same_access(m, REF_GICD, 0, arrays[n] + i / 8, 4, false, 0)) {
                return false;
            }
        }
        if ((i % 16 == 0 && !same_access(m, REF_GICD, 0, 0x3000 + i / 4, 4, false, 0)) ||
            !same_access(m, REF_GICD, 0, 0x2000 + i, 1, false, 0) ||
            !same_access(m, REF_GICD, 0, 0x8000 + i * 8, 8, false, 0)) {
            return false;
        }
    }
    return true;
}

static bool same_redistributor(struct machine *m, uint32_t cpu)
{
    static const uint32_t offsets[] = {0x0,     0x14,    0x10080, 0x10084, 0x10088, 0x10100,
                                       0x10104, 0x10108, 0x10200, 0x10204, 0x10208, 0x10300,
                                       0x10304, 0x10308, 0x10c00, 0x10c04, 0x10c08, 0x10c0c,
                                       0x10c10, 0x10c14, 0x10d00, 0x10d04, 0x10d08};
    uint64_t base = (uint64_t)cpu * 0x20000;

    for (uint32_t n = 0; n < sizeof(offsets) / sizeof(offsets[0]); n++) {
        if (!same_access(m, REF_GICR, cpu, base + offsets[n], 4, false, 0)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < 32 + REF_EPPIS; i += 4) {
        if (!same_access(m, REF_GICR, cpu, base + 0x10400 + i, 4, false, 0)) {
            return false;
        }
    }
    return true;
}

static bool same_interface(struct machine *m, uint32_t cpu)
{
    static const uint32_t v2[] = {0x0, 0x4, 0x8, 0x14, 0x18, 0x1c, 0x28, 0xd0, 0xe0};
    static const uint32_t v3[] = {ICC_ENC(4, 6, 0),   ICC_ENC(12, 8, 2),  ICC_ENC(12, 8, 3),
                                  ICC_ENC(12, 8, 4),  ICC_ENC(12, 9, 0),  ICC_ENC(12, 11, 3),
                                  ICC_ENC(12, 12, 2), ICC_ENC(12, 12, 3), ICC_ENC(12, 12, 4),
                                  ICC_ENC(12, 12, 5), ICC_ENC(12, 12, 6), ICC_ENC(12, 12, 7)};
    bool is_v2 = m->setup->version == 2;
    uint32_t count = is_v2 ? sizeof(v2) / sizeof(v2[0]) : sizeof(v3) / sizeof(v3[0]);

    if (is_v2 && m->setup->lrs != 0) {
        uint64_t a = library_access(m, REF_GICC, cpu, 0xd0, 4, false, 0) |
                     library_access(m, REF_GICC, cpu, 0xe0, 4, false, 0);
        uint64_t b = m->ref.cpu[cpu].apr0 | m->ref.cpu[cpu].apr1;

        count -= 2; /* GICH_APR does not tell groups apart */
        if (a != b) {
            return differs(m, "active priorities of vCPU", cpu, a, b);
        }
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!same_access(m, is_v2 ? REF_GICC : REF_ICC, cpu, is_v2 ? v2[n] : v3[n], 4, false, 0)) {
            return false;
        }
    }
    return true;
}

static bool same_registers(struct machine *m)
{
    leave_all(m);
    for (uint32_t c = 0; c < m->setup->cpus; c++) {
        if (!same_interface(m, c) || !same_distributor(m, c) ||
            (m->setup->version == 3 && !same_redistributor(m, c))) {
            return false;
        }
    }
    return same_extended_spis(m) && same_outputs(m) && settle(m) && same_outputs(m);
}

/* ------------------------------------------------------ a guest's accesses to its interface */

static bool is_write_of(const struct ref_op *op, uint32_t v2, uint32_t v3)
{
    return op->flag && op->offset == (op->frame == REF_GICC ? v2 : v3);
}

static void set_field(uint32_t *reg, uint32_t shift, uint32_t mask, uint64_t value)
{
    *reg = (*reg & ~(mask << shift)) | ((uint32_t)value & mask) << shift;
}

static void set_binary_point(uint32_t *vmcr, uint32_t shift, uint64_t value, uint32_t least)
{
    set_field(vmcr, shift, 7, (value & 7) < least ? least : value & 7);
}

/* GICV: the layout of GICH_VMCR makes most of it. */
static uint64_t hardware_gicv(struct ref_hw *hw, const struct ref_op *op)
{
    static const uint32_t ctlr = 0x21f;

    switch (op->offset) {
    case 0x00:
        set_field(&hw->vmcr, 0, op->flag ? ctlr : 0, op->value);
        return hw->vmcr & ctlr;
    case 0x04:
        set_field(&hw->vmcr, 24, op->flag ? 0xf8 : 0, op->value);
        return hw->vmcr >> 24 & 0xf8;
    case 0x08:
    case 0x1c:
        if (op->flag) {
            set_binary_point(&hw->vmcr, op->offset == 8 ? 21 : 18, op->value,
                             op->offset == 8 ? 2 : 3);
        }
        return hw->vmcr >> (op->offset == 8 ? 21 : 18) & 7;
    case 0x14:
        return ref_hw_running(hw);
    case 0x18:
    case 0x28:
        return ref_hw_highest_pending(hw, op->offset == 0x28);
    default:
        return 0;
    }
}

static uint64_t hardware_icv(struct ref_hw *hw, const struct ref_op *op)
{
    bool w = op->flag, cbpr = hw->vmcr >> 4 & 1;
    uint32_t bpr0 = hw->vmcr >> 21 & 7;

    switch (op->offset) {
    case ICC_ENC(4, 6, 0):
        set_field(&hw->vmcr, 24, w ? 0xff : 0, op->value & 0xf8);
        return hw->vmcr >> 24;
    case ICC_ENC(12, 8, 3):
        if (w) {
            set_binary_point(&hw->vmcr, 21, op->value, 2);
        }
        return bpr0;
    case ICC_ENC(12, 12, 3):
        if (w && !cbpr) {
            set_binary_point(&hw->vmcr, 18, op->value, 3);
        }
        return !cbpr ? hw->vmcr >> 18 & 7 : bpr0 < 7 ? bpr0 + 1 : 7;
    case ICC_ENC(12, 8, 4):
        hw->ap0r = w ? (uint32_t)op->value : hw->ap0r;
        return hw->ap0r;
    case ICC_ENC(12, 9, 0):
        hw->ap1r = w ? (uint32_t)op->value : hw->ap1r;
        return hw->ap1r;
    case ICC_ENC(12, 12, 4):
        set_field(&hw->vmcr, 4, w, op->value & 1);
        set_field(&hw->vmcr, 9, w, op->value >> 1 & 1);
        return (hw->vmcr >> 4 & 1) | (hw->vmcr >> 9 & 1) << 1;
    case ICC_ENC(12, 12, 6):
    case ICC_ENC(12, 12, 7):
        set_field(&hw->vmcr, op->offset & 1, w, op->value & 1);
        return hw->vmcr >> (op->offset & 1) & 1;
    case ICC_ENC(12, 11, 3):
        return ref_hw_running(hw);
    case ICC_ENC(12, 8, 2):
    case ICC_ENC(12, 12, 2):
        return ref_hw_highest_pending(hw, op->offset == ICC_ENC(12, 12, 2));
    case ICC_ENC(12, 12, 5):
        return 7;
    default:
        return 0;
    }
}

static bool has_active(const struct machine *m, uint32_t cpu)
{
    for (uint32_t i = 0; i != REF_NONE; i = ref_next(&m->ref, i)) {
        if (ref_irq_of((struct ref_gic *)&m->ref, i, cpu)->active) {
            return true;
        }
    }
    return false;
}

/* What a list register cannot mean: active priorities that the guest makes up, and a change of EOImode
 * between an acknowledge and its end. Bits that GICV has not got are left out. */
static bool make_possible(const struct machine *m, struct ref_op *op)
{
    uint64_t mode = m->ref.cpu[op->cpu].eoimode;

    if (op->frame == REF_GICC && (op->offset == 0xd0 || op->offset == 0xe0)) {
        return false;
    }
    if (is_write_of(op, 0xd0, ICC_ENC(12, 8, 4)) || is_write_of(op, 0xe0, ICC_ENC(12, 9, 0))) {
        return !has_active(m, op->cpu);
    }
    if (is_write_of(op, 0, ICC_ENC(12, 12, 4))) {
        op->value &= ~UINT64_C(0x1e0);
        if (has_active(m, op->cpu)) {
            op->value &= op->frame == REF_GICC ? ~UINT64_C(0x200) : ~UINT64_C(2);
            op->value |= mode << (op->frame == REF_GICC ? 9 : 1);
        }
    }
    return true;
}

static bool interface_access(struct machine *m, const struct ref_op *given)
{
    struct ref_op o = *given, *op = &o;
    struct ref_hw *hw = &m->hw[op->cpu];
    bool common = op->frame == REF_ICC &&
                  (op->offset == ICC_ENC(4, 6, 0) || op->offset == ICC_ENC(12, 12, 4) ||
                   op->offset == ICC_ENC(12, 11, 3));
    uint64_t a, b;

    if (m->setup->lrs == 0 || (op->frame == REF_ICC && op->offset >= ICC_ENC(12, 11, 5) &&
                               op->offset <= ICC_ENC(12, 11, 7))) {
        return same_access(m, op->frame, op->cpu, op->offset, op->size, op->flag, op->value);
    }
    if (!make_possible(m, op)) {
        return true;
    }
    if (common && hw->hcr & HW_TRAP_COMMON) {
        leave_guest(m, op->cpu);
        return same_access(m, op->frame, op->cpu, op->offset, op->size, op->flag, op->value);
    }
    if (is_write_of(op, 0, ICC_ENC(12, 12, 6)) || is_write_of(op, 0, ICC_ENC(12, 12, 7))) {
        for (uint32_t c = 0; c < m->setup->cpus; c++) {
            if (c != op->cpu) {
                leave_guest(m, c); /* what several can take may move */
            }
        }
    }
    a = op->frame == REF_GICC ? hardware_gicv(hw, op) : hardware_icv(hw, op);
    b = ref_access(&m->ref, op->frame, op->cpu, op->offset, op->size, op->flag, op->value);
    return op->flag || a == b || differs(m, "virtual interface", op->offset, a, b);
}

/* A change of the priority or group of what is active: which priority its end drops is then open. */
static bool changes_what_is_active(const struct machine *m, const struct ref_op *op)
{
    uint32_t first, count, array = op->offset & 0xffff;
    uint32_t cpu = op->frame == REF_GICR ? (uint32_t)(op->offset / 0x20000) : op->cpu;

    if (m->setup->lrs == 0 || !op->flag ||
        !((array >= 0x80 && array < 0x100) || (array >= 0x400 && array < 0x800) ||
          (array >= 0x1000 && array < 0x1080) || (array >= 0x2000 && array < 0x2400)) ||
        !ref_array(&m->ref, op->frame, op->offset, op->size, &first, &count)) {
        return false;
    }
    for (uint32_t i = first; i < first + count; i++) {
        const struct ref_irq *irq = ref_irq_of((struct ref_gic *)&m->ref, i, cpu);

        if (irq && irq->active) {
            return true;
        }
    }
    return false;
}

/* -------------------------------------------------------------------------- the operations */

/* Of what an acknowledge returned. */
static uint32_t intid_of(const struct machine *m, uint32_t value)
{
    return m->setup->version == 2 ? value & 0x3ff : value;
}

static bool take(struct machine *m, uint32_t cpu, bool group1)
{
    bool v2 = m->setup->version == 2;
    enum ref_frame frame = v2 ? REF_GICC : REF_ICC;
    uint64_t offset = v2 ? (group1 ? 0x20 : 0x0c) : ICC_ENC(12, group1 ? 12 : 8, 0);
    uint64_t a = m->setup->lrs ? ref_hw_acknowledge(&m->hw[cpu], group1)
                               : library_access(m, frame, cpu, offset, 4, false, 0);
    uint64_t b = ref_access(&m->ref, frame, cpu, offset, 4, false, 0);
    bool unused;

    if (ref_irq_of(&m->ref, intid_of(m, (uint32_t)b), cpu)) {
        uint32_t intid = intid_of(m, (uint32_t)b);

        m->taker[ref_is_private(intid) ? cpu : 0][intid] = cpu + 1;
        if (m->depth[cpu] < STACK) {
            m->taken[cpu][m->depth[cpu]++] =
                (struct taken){(uint32_t)b, ref_running(&m->ref, cpu, &unused)};
        }
    }
    return a == b || differs(m, "acknowledge", offset, a, b);
}

/* Who was deactivated is nobody's any more. */
static void forget_takers(struct machine *m)
{
    for (uint32_t i = 0; i != REF_NONE; i = ref_next(&m->ref, i)) {
        for (uint32_t c = 0; c < (ref_is_private(i) ? m->setup->cpus : 1); c++) {
            if (!ref_irq_of(&m->ref, i, c)->active) {
                m->taker[c][i] = 0;
            }
        }
    }
}

static bool is_active_here(struct machine *m, uint32_t intid, uint32_t cpu)
{
    const struct ref_irq *irq = ref_irq_of(&m->ref, intid, cpu);

    return irq && irq->active && m->taker[ref_is_private(intid) ? cpu : 0][intid] == cpu + 1;
}

/* An end of what is in no list register says only its group priority: not if another could be meant. */
static bool is_unambiguous(struct machine *m, uint32_t intid, uint32_t cpu)
{
    uint32_t priority = ref_irq_of(&m->ref, intid, cpu)->priority;
    bool unused;

    for (uint32_t i = 0; i != REF_NONE && !is_listed(m, intid, cpu); i = ref_next(&m->ref, i)) {
        const struct ref_irq *irq = ref_irq_of(&m->ref, i, cpu);

        if (i != intid && irq->active && irq->priority <= priority &&
            irq->priority >= ref_running(&m->ref, cpu, &unused)) {
            return false;
        }
    }
    return true;
}

/* Ends what was taken last; now and then something else, where the interface is emulated. */
static bool end(struct machine *m, const struct ref_op *op)
{
    bool v2 = m->setup->version == 2, group1 = op->flag, of_group1;
    uint32_t running = ref_running(&m->ref, op->cpu, &of_group1);
    struct taken t = {op->intid, IDLE_NEVER};
    uint64_t offset;

    if (m->setup->lrs != 0) {
        forget_takers(m);
    }
    if (m->depth[op->cpu] != 0 && (m->setup->lrs != 0 || op->value % 16 != 0)) {
        t = m->taken[op->cpu][--m->depth[op->cpu]];
    }
    if (m->setup->lrs != 0) {
        group1 = of_group1;
        if (t.running != running || !is_active_here(m, intid_of(m, t.value), op->cpu) ||
            ref_irq_of(&m->ref, intid_of(m, t.value), op->cpu)->group1 != group1 ||
            !is_unambiguous(m, intid_of(m, t.value), op->cpu)) {
            return true;
        }
        ref_hw_end(&m->hw[op->cpu], t.value, group1);
    }
    offset = v2 ? (group1 ? 0x24 : 0x10) : ICC_ENC(12, group1 ? 12 : 8, 1);
    if (m->setup->lrs != 0) {
        ref_access(&m->ref, v2 ? REF_GICC : REF_ICC, op->cpu, offset, 4, true, t.value);
        return true;
    }
    return same_access(m, v2 ? REF_GICC : REF_ICC, op->cpu, offset, 4, true, t.value);
}

static bool deactivate(struct machine *m, const struct ref_op *op)
{
    bool v2 = m->setup->version == 2;
    enum ref_frame frame = v2 ? REF_GICC : REF_ICC;
    uint64_t offset = v2 ? 0x1000 : ICC_ENC(12, 11, 1), value = op->intid;

    if (m->setup->lrs == 0) {
        return same_access(m, frame, op->cpu, offset, 4, true, value);
    }
    forget_takers(m);
    if (!is_active_here(m, op->intid, op->cpu) || !m->ref.cpu[op->cpu].eoimode) {
        return true;
    }
    if (!v2 && m->hw[op->cpu].hcr & HW_TRAP_COMMON) {
        leave_guest(m, op->cpu);
        return same_access(m, frame, op->cpu, offset, 4, true, value);
    }
    if (v2 && !is_listed(m, op->intid, op->cpu)) {
        return true; /* a GICv2 cannot trap it, and does not say which it was */
    }
    if (v2 && op->intid < 16) {
        value |= (uint64_t)ref_irq_of(&m->ref, op->intid, op->cpu)->active_source << 10;
    }
    ref_hw_deactivate(&m->hw[op->cpu], (uint32_t)value);
    ref_access(&m->ref, frame, op->cpu, offset, 4, true, value);
    return true;
}

static bool reset(struct machine *m)
{
    struct ref_gic *old = &m->before_reset;

    leave_all(m);
    *old = m->ref;
    ref_init(&m->ref, m->setup->version, m->setup->cpus, m->setup->spis, m->setup->eppis,
             m->setup->espis, m->setup->clusters ? ref_clusters : NULL);
    for (uint32_t i = 16; i != REF_NONE; i = ref_next(old, i)) {
        for (uint32_t c = 0; c < (ref_is_private(i) ? old->cpus : 1); c++) {
            ref_irq_of(&m->ref, i, c)->level = ref_irq_of(old, i, c)->level;
        }
    }
    memset(m->taker, 0, sizeof(m->taker));
    vml_gic_reset(m->gic);
    return true;
}

/* Goes on with a fresh controller that has the saved state. */
static bool save(struct machine *m)
{
    struct vml_gic *from = m->gic;
    uint32_t to = from == &m->gics[0] ? 1 : 0;
    struct vml_state_writer w;
    struct vml_state_reader r;

    leave_all(m);
    vml_state_writer_init(&w, m->image, STATE_SIZE);
    from->gicd.ops->save(&from->gicd, &w);
    if (vml_state_write_status(&w) != VML_OK) {
        return differs(m, "save", 0, (uint64_t)vml_state_write_status(&w), 0);
    }
    m->gic = &m->gics[to];
    if (!make_gic(m, to)) {
        return false;
    }
    memset(m->told, 0, sizeof(m->told));
    vml_state_reader_init(&r, m->image, w.used);
    if (m->gic->gicd.ops->restore(&m->gic->gicd, &r) != VML_OK) {
        return differs(m, "restore", 0, 1, 0);
    }
    return true;
}

static bool access_op(struct machine *m, const struct ref_op *op)
{
    if (op->frame == REF_GICC || op->frame == REF_ICC) {
        return interface_access(m, op);
    }
    bool same;

    if (changes_what_is_active(m, op)) {
        return true;
    }
    leave_for_access(m, op);
    same = same_access(m, op->frame, op->cpu, op->offset, op->size, op->flag, op->value);
    if (m->setup->lrs != 0 && op->flag &&
        (((op->offset & 0xffff) >= 0x380 && (op->offset & 0xffff) < 0x400) ||
         (op->offset >= 0x1c00 && op->offset < 0x1c80))) {
        forget_takers(m); /* ICACTIVER */
    }
    return same;
}

static bool execute(struct machine *m, const struct ref_op *op)
{
    switch (op->kind) {
    case OP_ACCESS:
        return access_op(m, op);
    case OP_LEVEL:
        for (uint32_t c = 0; !op->flag && c < m->setup->cpus; c++) {
            if (is_listed(m, op->intid, c)) {
                leave_guest(m, c);
            }
        }
        vml_gic_set_level(m->gic, op->intid, op->cpu, op->flag);
        ref_set_level(&m->ref, op->intid, op->cpu, op->flag);
        return true;
    case OP_PULSE:
        vml_gic_pulse(m->gic, op->intid, op->cpu);
        ref_pulse(&m->ref, op->intid, op->cpu);
        return true;
    case OP_MESSAGE:
        vml_gic_set_pending(m->gic, op->intid, op->cpu);
        ref_set_pending(&m->ref, op->intid, op->cpu);
        return true;
    case OP_TAKE:
        return take(m, op->cpu, op->flag);
    case OP_END:
        return end(m, op);
    case OP_DEACTIVATE:
        return deactivate(m, op);
    case OP_RESET:
        return reset(m);
    case OP_SAVE:
        return save(m);
    }
    return true;
}

uint32_t machine_run(struct machine *m, const struct ref_op *ops, uint32_t count, uint32_t every)
{
    if (!restart(m) || !settle(m)) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!execute(m, &ops[i]) || !settle(m) || !same_outputs(m) ||
            (i % every == every - 1 && !same_registers(m))) {
            return i;
        }
    }
    return count == 0 || same_registers(m) ? count : count - 1;
}

const char *machine_why(const struct machine *m)
{
    return m->why;
}

struct machine *machine_new(const struct ref_setup *setup)
{
    struct machine *m = calloc(1, sizeof(*m));

    m->setup = setup;
    return m;
}

void machine_free(struct machine *m)
{
    free(m->storage[0]);
    free(m->storage[1]);
    free(m);
}
