/* Stage 1 translation of the EL1&0 regime (DDI 0487, D8), and AT. */
#include "core.h"

struct walk {
    uint64_t va;
    uint64_t ttbr;
    unsigned granule;  /* bits of a page: 12, 14, 16 */
    unsigned bits;     /* input address bits: 64 - TxSZ */
    uint64_t pa_limit; /* output addresses beyond it are an address size fault */
    bool table_ro, table_no_el0, table_pxn, table_uxn;
};

static uint64_t ips_limit(const struct a64_core *core)
{
    static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 48, 48};
    uint64_t limit = UINT64_C(1) << bits[core->sys.TCR_EL1 >> 32 & 7];

    return vml_min_u64(limit, core->pa_limit);
}

/* One that is not implemented is as one that is, of the implementation's choice. */
static unsigned implemented_granule(const struct a64_core *core, unsigned granule)
{
    uint64_t asked = granule == 12   ? A64_FEAT_TGRAN4
                     : granule == 14 ? A64_FEAT_TGRAN16
                                     : A64_FEAT_TGRAN64;

    if (VML_LIKELY(core->features & asked)) {
        return granule;
    }
    return core->features & A64_FEAT_TGRAN4 ? 12 : core->features & A64_FEAT_TGRAN64 ? 16 : 14;
}

/* Which table, and its geometry; false: translation fault at level 0. */
static bool walk_setup(const struct a64_core *core, struct walk *w)
{
    uint64_t tcr = core->sys.TCR_EL1;
    bool high = w->va >> 55 & 1;
    unsigned tg = high ? tcr >> 30 & 3 : tcr >> 14 & 3;
    unsigned tsz = high ? tcr >> 16 & 63 : tcr & 63;
    bool tbi = high ? tcr >> 38 & 1 : tcr >> 37 & 1;
    uint64_t top;

    if (high) {
        w->granule = tg == 1 ? 14 : tg == 3 ? 16 : 12;
    } else {
        w->granule = tg == 2 ? 14 : tg == 1 ? 16 : 12;
    }
    w->granule = implemented_granule(core, w->granule);
    tsz = tsz > 39 ? 39 : tsz < 16 ? 16 : tsz;
    w->bits = 64 - tsz;
    if (tcr >> (high ? 23 : 7) & 1) { /* EPD */
        return false;
    }
    top = w->va;
    if (tbi) {
        top = high ? top | UINT64_C(0xff) << 56 : top & ~(UINT64_C(0xff) << 56);
    }
    if (high ? (top | VML_MASK64(w->bits - 1, 0)) != UINT64_MAX : top >> w->bits != 0) {
        return false;
    }
    w->va = top & VML_MASK64(w->bits - 1, 0);
    w->ttbr = high ? core->sys.TTBR1_EL1 : core->sys.TTBR0_EL1;
    w->pa_limit = ips_limit(core);
    return true;
}

static _Atomic uint64_t *descriptor_at(const struct a64_core *core, uint64_t pa, bool write)
{
    return vml_as_translate(core->machine->config.memory, pa, 8,
                            write ? VML_AS_WRITE : VML_AS_READ);
}

/* Permissions of a leaf (D8.4.1) in a context. */
static void permissions(const struct a64_core *core, const struct walk *w, uint64_t desc, bool dbm,
                        enum a64_context context, struct a64_translation *out)
{
    bool el0 = (desc >> 6 & 1) && !w->table_no_el0;
    bool ro = (desc >> 7 & 1) || w->table_ro;
    bool uxn = (desc >> 54 & 1) || w->table_uxn;
    bool pxn = (desc >> 53 & 1) || w->table_pxn;
    bool wxn = core->sys.SCTLR_EL1 & A64_SCTLR_WXN;

    if (dbm && !w->table_ro) {
        ro = false;
    }
    if (context == A64_CONTEXT_EL0) {
        out->read = el0;
        out->write = el0 && !ro;
        out->execute = !uxn && !(wxn && out->write);
    } else {
        bool blocked = context == A64_CONTEXT_EL1_PAN && el0;

        out->read = !blocked;
        out->write = !ro && !blocked;
        /* What EL0 can write, EL1 cannot execute. */
        out->execute = !pxn && !(el0 && !ro) && !(wxn && !ro);
    }
}

static bool fail(struct a64_translation *out, uint32_t fsc, unsigned level)
{
    out->fsc = fsc | level;
    return false;
}

/* Sets the access flag, and the dirty state of a writable-clean leaf. */
static bool update_leaf(const struct a64_core *core, uint64_t pa, uint64_t *desc,
                        enum a64_access access, bool dbm, bool may_write)
{
    uint64_t tcr = core->sys.TCR_EL1;
    uint64_t want = *desc;
    _Atomic uint64_t *p;

    if (!(want & 1 << 10) && (tcr >> 39 & 1)) {
        want |= 1 << 10;
    }
    if (access == A64_WRITE && dbm && may_write) {
        want &= ~(UINT64_C(1) << 7);
    }
    if (want == *desc) {
        return true;
    }
    p = descriptor_at(core, pa, true);
    if (!p || !atomic_compare_exchange_strong(p, desc, want)) {
        return false;
    }
    *desc = want;
    return true;
}

static bool walk_once(struct a64_core *core, uint64_t va, enum a64_access access,
                      enum a64_context context, struct a64_translation *out, bool *again)
{
    struct walk w = {.va = va};
    unsigned stride, level, shift;
    uint64_t table;

    if (!walk_setup(core, &w)) {
        return fail(out, A64_FSC_TRANSLATION, 0);
    }
    stride = w.granule - 3;
    level = 4 - (w.bits - w.granule + stride - 1) / stride;
    shift = w.granule + stride * (3 - level);
    table = w.ttbr & VML_MASK64(47, 1);
    {
        unsigned entries_bits = w.bits - shift;
        unsigned align = entries_bits + 3 < 6 ? 6 : entries_bits + 3;

        table &= ~VML_MASK64(align - 1, 0);
    }
    if (table >= w.pa_limit) {
        return fail(out, A64_FSC_ADDRESS_SIZE, 0);
    }
    for (;; level++, shift -= stride) {
        unsigned top = shift + stride > w.bits ? w.bits : shift + stride;
        uint64_t pa = table + ((w.va & VML_MASK64(top - 1, 0)) >> shift) * 8;
        _Atomic uint64_t *p = descriptor_at(core, pa, false);
        uint64_t desc, address;
        bool leaf, dbm;

        if (!p) { /* a device or a hole */
            return fail(out, A64_FSC_EXTERNAL_WALK, level);
        }
        desc = atomic_load_explicit(p, memory_order_acquire);
        leaf = level == 3 || !(desc & 2);
        if (!(desc & 1) || (level == 3 && !(desc & 2)) ||
            (leaf && level != 3 && !(w.granule == 12 ? level == 1 || level == 2 : level == 2))) {
            return fail(out, A64_FSC_TRANSLATION, level);
        }
        if (!leaf) {
            table = desc & VML_MASK64(47, w.granule);
            if (table >= w.pa_limit) {
                return fail(out, A64_FSC_ADDRESS_SIZE, level);
            }
            w.table_ro |= desc >> 62 & 1;
            w.table_no_el0 |= desc >> 61 & 1;
            w.table_uxn |= desc >> 60 & 1;
            w.table_pxn |= desc >> 59 & 1;
            continue;
        }
        address = desc & VML_MASK64(47, shift);
        if (address >= w.pa_limit) {
            return fail(out, A64_FSC_ADDRESS_SIZE, level);
        }
        if (!(desc & 1 << 10) && access != A64_PEEK &&
            !((core->features & A64_FEAT_HAF) && (core->sys.TCR_EL1 >> 39 & 1))) {
            return fail(out, A64_FSC_ACCESS_FLAG, level);
        }
        dbm = (core->features & A64_FEAT_DBM) && (core->sys.TCR_EL1 >> 40 & 1) && (desc >> 51 & 1);
        permissions(core, &w, desc, dbm, context, out);
        if ((access == A64_READ    ? !out->read
             : access == A64_WRITE ? !out->write
                                   : !out->execute) &&
            access != A64_PEEK) {
            return fail(out, A64_FSC_PERMISSION, level);
        }
        if ((core->features & A64_FEAT_HAF) && access != A64_PEEK &&
            !update_leaf(core, pa, &desc, access, dbm, out->write)) {
            *again = true;
            return fail(out, A64_FSC_EXTERNAL_WALK, level);
        }
        if (dbm && (desc >> 7 & 1)) {
            out->write = false; /* the first write has to mark it */
        }
        out->pa = address | (w.va & VML_MASK64(shift - 1, 0));
        out->size = UINT64_C(1) << shift;
        out->attr = (uint8_t)(core->sys.MAIR_EL1 >> ((desc >> 2 & 7) * 8));
        out->sh = desc >> 8 & 3;
        out->device = (out->attr & 0xf0) == 0;
        out->global = !(desc >> 11 & 1);
        return true;
    }
}

bool a64_walk(struct a64_core *core, uint64_t va, enum a64_access access, enum a64_context context,
              struct a64_translation *out)
{
    if (!(core->sys.SCTLR_EL1 & A64_SCTLR_M)) {
        bool high = va >> 55 & 1;
        bool tbi = core->sys.TCR_EL1 >> (high ? 38 : 37) & 1;
        uint64_t pa = tbi ? va & VML_MASK64(55, 0) : va;

        *out = (struct a64_translation){
            .pa = pa,
            .size = A64_PAGE_SIZE,
            .device = true,
            .global = true,
            .read = true,
            .write = true,
            .execute = true,
            .sh = 2,
        };
        if (pa >= core->pa_limit) {
            out->fsc = A64_FSC_ADDRESS_SIZE;
            return false;
        }
        return true;
    }
    /* Another vCPU may update the same leaf; it can win only so often. */
    for (unsigned tries = 0; tries < 16; tries++) {
        bool again = false;

        if (walk_once(core, va, access, context, out, &again)) {
            return true;
        }
        if (!again) {
            break;
        }
    }
    return false;
}

/* D19.2.116, PAR_EL1. */
void a64_address_translate(struct a64_core *core, uint64_t va, enum a64_access access,
                           enum a64_context context)
{
    struct a64_translation t = {0};

    if (!a64_walk(core, va, access, context, &t)) {
        core->sys.PAR_EL1 = 1 | (uint64_t)t.fsc << 1 | 1u << 11;
        return;
    }
    core->sys.PAR_EL1 = (uint64_t)t.attr << 56 | (t.pa & VML_MASK64(47, 12)) | 1u << 11 |
                        (uint64_t)(t.device ? 2 : t.sh) << 7;
}
