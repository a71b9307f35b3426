/*
 * The software TLB, and the loads and stores that it does not serve: devices, page crossings, Device
 * memory, pages with decoded code, dirty tracking, faults.
 */
#include "core.h"

static struct a64_tlb_entry *entry_at(struct a64_tlb_entry *tlb, uint64_t va)
{
    return &tlb[(va >> A64_PAGE_BITS) & (A64_TLB_SIZE - 1)];
}

static enum a64_context context_of(const struct a64_core *core, const struct a64_tlb_entry *tlb)
{
    return (enum a64_context)((tlb - core->tlbs[0]) / (ptrdiff_t)A64_TLB_SIZE);
}

void a64_data_fault(struct a64_core *core, uint64_t va, bool write, uint32_t fsc)
{
    core->fault.far = va;
    core->fault.esr =
        A64_ESR(core->el == 0 ? A64_EC_DABORT_LOWER : A64_EC_DABORT, fsc | (write ? 1u << 6 : 0));
}

void a64_tlb_flush(struct a64_core *core)
{
    for (unsigned c = 0; c < A64_CONTEXTS; c++) {
        if (!core->tlb_used[c]) {
            continue;
        }
        core->tlb_used[c] = 0;
        for (unsigned i = 0; i < A64_TLB_SIZE; i++) {
            core->tlbs[c][i].tag_read = A64_TAG_NONE;
            core->tlbs[c][i].tag_write = A64_TAG_NONE;
        }
    }
    for (unsigned i = 0; i < A64_FTLB_SIZE; i++) {
        core->ftlbs[0][i].tag = A64_TAG_NONE;
        core->ftlbs[1][i].tag = A64_TAG_NONE;
    }
    core->large[0] = 0;
    core->large[1] = 0;
}

void a64_tlb_flush_low(struct a64_core *core)
{
    for (unsigned c = 0; c < A64_CONTEXTS; c++) {
        for (unsigned i = 0; core->tlb_used[c] && i < A64_TLB_SIZE; i++) {
            struct a64_tlb_entry *e = &core->tlbs[c][i];

            if (!(e->info & A64_INFO_GLOBAL)) {
                e->tag_read = A64_TAG_NONE;
                e->tag_write = A64_TAG_NONE;
            }
        }
    }
    for (unsigned i = 0; i < A64_FTLB_SIZE; i++) {
        for (unsigned el = 0; el < 2; el++) {
            if (!(core->ftlbs[el][i].tag >> 55 & 1)) {
                core->ftlbs[el][i].tag = A64_TAG_NONE;
            }
        }
    }
}

void a64_tlb_flush_page(struct a64_core *core, uint64_t va, uint64_t pages)
{
    if (pages > 64) {
        a64_tlb_flush(core);
        return;
    }
    for (uint64_t n = 0; n < pages; n++, va += A64_PAGE_SIZE) {
        unsigned i = (va >> A64_PAGE_BITS) & (A64_FTLB_SIZE - 1);

        for (unsigned c = 0; c < A64_CONTEXTS; c++) {
            struct a64_tlb_entry *e = entry_at(core->tlbs[c], va);

            /* Whatever is in the slot: the top byte may be a tag. */
            e->tag_read = A64_TAG_NONE;
            e->tag_write = A64_TAG_NONE;
        }
        core->ftlbs[0][i].tag = A64_TAG_NONE;
        core->ftlbs[1][i].tag = A64_TAG_NONE;
        if (core->large[va >> 55 & 1]) { /* it may be any part of a block */
            a64_tlb_flush(core);
            return;
        }
    }
}

void a64_tlb_protect(struct a64_core *core, uint64_t pa)
{
    for (unsigned c = 0; c < A64_CONTEXTS; c++) {
        for (unsigned i = 0; core->tlb_used[c] && i < A64_TLB_SIZE; i++) {
            struct a64_tlb_entry *e = &core->tlbs[c][i];

            if ((e->info & A64_PAGE_MASK) == pa) {
                e->info |= A64_INFO_CODE;
                if (!(e->tag_write & A64_TAG_NONE)) {
                    e->tag_write |= A64_TAG_SLOW;
                }
            }
        }
    }
}

/* Translates the page of `va` and enters it; NULL: core->fault. */
struct a64_tlb_entry *a64_fill(struct a64_core *core, struct a64_tlb_entry *tlb, uint64_t va,
                               bool write)
{
    enum a64_context context = context_of(core, tlb);
    struct a64_tlb_entry *e = entry_at(tlb, va);
    struct a64_translation t = {0};
    struct vml_as *as = core->machine->config.memory;
    uint64_t page = va & A64_PAGE_MASK, pa, flags;
    const struct vml_as_region *region;
    bool slow;

    if (!a64_walk(core, va, write ? A64_WRITE : A64_READ, context, &t)) {
        a64_data_fault(core, va, write, t.fsc);
        return NULL;
    }
    if (t.size > A64_PAGE_SIZE) {
        core->large[va >> 55 & 1] = 1;
    }
    pa = t.pa & A64_PAGE_MASK;
    flags = (t.device ? A64_INFO_DEVICE : 0) | (t.global ? A64_INFO_GLOBAL : 0);
    region = vml_as_find(as, pa);
    if (!region) {
        flags |= A64_INFO_MMIO;
        e->addend = 0;
    } else {
        e->addend = (uint64_t)((uintptr_t)region->host + (pa - region->base)) - page;
        if (region->flags & VML_AS_READONLY) {
            flags |= A64_INFO_ROM;
        }
        if (vml_as_tracking(as)) {
            flags |= A64_INFO_TRACKED;
        }
        if (a64_code_holds(core, pa)) {
            flags |= A64_INFO_CODE;
        }
    }
    slow = (flags & (A64_INFO_DEVICE | A64_INFO_MMIO)) != 0 ||
           (core->sys.SCTLR_EL1 & A64_SCTLR_A) != 0 || core->watching;
    e->info = pa | flags;
    e->tag_read = !t.read ? A64_TAG_NONE : page | (slow ? A64_TAG_SLOW : 0);
    slow = slow || (flags & (A64_INFO_CODE | A64_INFO_TRACKED | A64_INFO_ROM)) != 0;
    e->tag_write = !t.write ? A64_TAG_NONE : page | (slow ? A64_TAG_SLOW : 0);
    core->tlb_used[context] = 1;
    return e;
}

static struct a64_tlb_entry *look_up(struct a64_core *core, struct a64_tlb_entry *tlb, uint64_t va,
                                     bool write)
{
    struct a64_tlb_entry *e = entry_at(tlb, va);

    if (((write ? e->tag_write : e->tag_read) & ~A64_TAG_SLOW) == (va & A64_PAGE_MASK)) {
        return e;
    }
    return a64_fill(core, tlb, va, write);
}

static VML_COLD bool device_fault(struct a64_core *core, uint64_t va, bool write,
                                  enum vml_bus_result result)
{
    if (result == VML_BUS_PENDING) {
        core->halted = A64_HALTED_BUS;
        return false;
    }
    a64_data_fault(core, va, write, A64_FSC_EXTERNAL);
    return false;
}

/* One access to a device, of 1, 2, 4 or 8 bytes. */
static VML_ALWAYS_INLINE bool device_access(struct a64_core *core, uint64_t va, uint64_t pa,
                                            unsigned size, bool write, uint64_t *value)
{
    struct vml_vbus *bus = core->machine->config.mmio;
    enum vml_bus_result result;
    struct vml_access access;

    if (VML_UNLIKELY(!bus)) {
        return device_fault(core, va, write, VML_BUS_NO_DEVICE);
    }
    access.offset = 0;
    access.value = *value;
    access.cpu = core->owner->cpu.config.index;
    access.size = (uint8_t)size;
    access.write = write;
    if (core->parallel) {
        a64_guest_leave(core);
    }
    result = vml_vbus_access(bus, pa, &access);
    if (core->parallel) {
        a64_guest_enter(core);
    }
    if (vml_cpu_has_requests(&core->owner->cpu)) {
        a64_attention(core);
    }
    *value = access.value;
    return VML_LIKELY(result == VML_BUS_OK) || device_fault(core, va, write, result);
}

/* True for what goes straight to a device: known to be there, aligned, one access. */
static VML_ALWAYS_INLINE bool straight(const struct a64_core *core, uint64_t tag, uint64_t info,
                                       uint64_t va, unsigned size)
{
    return tag == ((va & A64_PAGE_MASK) | A64_TAG_SLOW) && (info & A64_INFO_MMIO) != 0 &&
           (va & (size - 1)) == 0 && size <= 8 && !core->watching;
}

static void copy_in(uint64_t *value, const void *host, unsigned size)
{
    switch (size) {
    case 1:
        *value = __atomic_load_n((const uint8_t *)host, __ATOMIC_RELAXED);
        return;
    case 2:
    case 4:
    case 8:
        if (((uintptr_t)host & (size - 1)) == 0) {
            *value = size == 2   ? __atomic_load_n((const uint16_t *)host, __ATOMIC_RELAXED)
                     : size == 4 ? __atomic_load_n((const uint32_t *)host, __ATOMIC_RELAXED)
                                 : __atomic_load_n((const uint64_t *)host, __ATOMIC_RELAXED);
            return;
        }
        break;
    default:
        break;
    }
    value[0] = 0;
    memcpy(value, host, size);
}

static void copy_out(void *host, const uint64_t *value, unsigned size)
{
    if (((uintptr_t)host & (size - 1)) == 0) {
        switch (size) {
        case 1:
            __atomic_store_n((uint8_t *)host, (uint8_t)*value, __ATOMIC_RELAXED);
            return;
        case 2:
            __atomic_store_n((uint16_t *)host, (uint16_t)*value, __ATOMIC_RELAXED);
            return;
        case 4:
            __atomic_store_n((uint32_t *)host, (uint32_t)*value, __ATOMIC_RELAXED);
            return;
        case 8:
            __atomic_store_n((uint64_t *)host, *value, __ATOMIC_RELAXED);
            return;
        default:
            break;
        }
    }
    memcpy(host, value, size);
}

/* What a store into a page that is not plain memory has to do besides. */
static bool note_write(struct a64_core *core, struct a64_tlb_entry *e, uint64_t va, unsigned size)
{
    uint64_t pa = (e->info & A64_PAGE_MASK) | (va & ~A64_PAGE_MASK);

    if (e->info & A64_INFO_ROM) {
        a64_data_fault(core, va, true, A64_FSC_EXTERNAL);
        return false;
    }
    if (e->info & A64_INFO_TRACKED) {
        vml_as_mark_dirty(core->machine->config.memory, pa, size);
    }
    return true;
}

/* Whether the access has to be aligned, by its memory type and SCTLR_EL1.A. */
static bool misaligned(const struct a64_core *core, const struct a64_tlb_entry *e, uint64_t va,
                       unsigned size)
{
    return (va & (size - 1)) != 0 &&
           ((e->info & A64_INFO_DEVICE) != 0 || (core->sys.SCTLR_EL1 & A64_SCTLR_A) != 0);
}

static bool within_page(struct a64_core *core, struct a64_tlb_entry *e, uint64_t va, unsigned size,
                        bool write, uint64_t *value)
{
    uint64_t pa = (e->info & A64_PAGE_MASK) | (va & ~A64_PAGE_MASK);
    void *host = (void *)(uintptr_t)(va + e->addend);

    /* What is written to read-only memory may be a command for the device behind it, such as flash. */
    if ((e->info & A64_INFO_MMIO) || (write && (e->info & A64_INFO_ROM))) {
        if (size == 16) {
            return device_access(core, va, pa, 8, write, &value[0]) &&
                   device_access(core, va + 8, pa + 8, 8, write, &value[1]);
        }
        if (size & (size - 1)) { /* a part of an access that crosses pages */
            a64_data_fault(core, va, write, A64_FSC_ALIGNMENT);
            return false;
        }
        return device_access(core, va, pa, size, write, value);
    }
    if (!write) {
        copy_in(value, host, size);
        return true;
    }
    if (!note_write(core, e, va, size)) {
        return false;
    }
    if (size & (size - 1)) {
        memcpy(host, value, size);
    } else {
        copy_out(host, value, size);
    }
    if (e->info & A64_INFO_CODE) {
        a64_code_written(core, pa, size);
    }
    return true;
}

static bool slow_access(struct a64_core *core, struct a64_tlb_entry *tlb, uint64_t va,
                        unsigned size, bool write, uint64_t *value)
{
    struct a64_tlb_entry *e = look_up(core, tlb, va, write);
    unsigned first = (unsigned)(A64_PAGE_SIZE - (va & ~A64_PAGE_MASK));
    uint8_t bytes[16];
    uint64_t part[2] = {0, 0};

    if (!e) {
        return false;
    }
    if (VML_UNLIKELY(core->watching) && a64_watchpoint(core, va, size, write)) {
        return false;
    }
    if (misaligned(core, e, va, size)) {
        a64_data_fault(core, va, write, A64_FSC_ALIGNMENT);
        return false;
    }
    if (first >= size) {
        return within_page(core, e, va, size, write, value);
    }
    /* Both pages must permit it before anything happens. */
    if (!look_up(core, tlb, va + first, write)) {
        return false;
    }
    e = look_up(core, tlb, va, write);
    if (!e) {
        return false;
    }
    if (write) {
        memcpy(bytes, value, size);
        memcpy(part, bytes, first);
        if (!within_page(core, e, va, first, true, part)) {
            return false;
        }
        memset(part, 0, sizeof(part));
        memcpy(part, bytes + first, size - first);
        return within_page(core, entry_at(tlb, va + first), va + first, size - first, true, part);
    }
    if (!within_page(core, e, va, first, false, part)) {
        return false;
    }
    memcpy(bytes, part, first);
    if (!within_page(core, entry_at(tlb, va + first), va + first, size - first, false, part)) {
        return false;
    }
    memcpy(bytes + first, part, size - first);
    value[0] = 0;
    memcpy(value, bytes, size);
    return true;
}

bool a64_read(struct a64_core *core, struct a64_tlb_entry *tlb, uint64_t va, unsigned size,
              uint64_t *value)
{
    const struct a64_tlb_entry *e = entry_at(tlb, va);

    value[0] = 0;
    if (VML_LIKELY(straight(core, e->tag_read, e->info, va, size))) {
        return device_access(core, va, (e->info & A64_PAGE_MASK) | (va & ~A64_PAGE_MASK), size,
                             false, value);
    }
    return slow_access(core, tlb, va, size, false, value);
}

bool a64_write(struct a64_core *core, struct a64_tlb_entry *tlb, uint64_t va, unsigned size,
               const uint64_t *value)
{
    const struct a64_tlb_entry *e = entry_at(tlb, va);
    uint64_t copy[2] = {value[0], size == 16 ? value[1] : 0};

    if (VML_LIKELY(straight(core, e->tag_write, e->info, va, size))) {
        return device_access(core, va, (e->info & A64_PAGE_MASK) | (va & ~A64_PAGE_MASK), size,
                             true, copy);
    }
    return slow_access(core, tlb, va, size, true, copy);
}

void *a64_atomic_pointer(struct a64_core *core, uint64_t va, unsigned size, bool write,
                         uint64_t *pa, bool *mmio)
{
    struct a64_tlb_entry *e;

    *mmio = false;
    if (va & (size - 1)) {
        a64_data_fault(core, va, write, A64_FSC_ALIGNMENT);
        return NULL;
    }
    e = look_up(core, core->tlb, va, write);
    if (!e || (VML_UNLIKELY(core->watching) && a64_watchpoint(core, va, size, write))) {
        return NULL;
    }
    *pa = (e->info & A64_PAGE_MASK) | (va & ~A64_PAGE_MASK);
    if (e->info & A64_INFO_MMIO) {
        *mmio = true;
        return NULL;
    }
    if (write) {
        if (!note_write(core, e, va, size)) {
            return NULL;
        }
        if (e->info & A64_INFO_CODE) {
            a64_code_written(core, *pa, size);
        }
    }
    return (void *)(uintptr_t)(va + e->addend);
}

/* DC ZVA. */
bool a64_zero_block(struct a64_core *core, uint64_t va)
{
    uint64_t start = va & ~(core->zva_size - 1);
    struct a64_tlb_entry *e = look_up(core, core->tlb, start, true);
    uint64_t pa;

    if (!e) {
        core->fault.far = va;
        return false;
    }
    if (VML_UNLIKELY(core->watching) &&
        a64_watchpoint(core, start, (unsigned)core->zva_size, true)) {
        return false;
    }
    if (e->info & (A64_INFO_DEVICE | A64_INFO_MMIO)) {
        a64_data_fault(core, va, true, A64_FSC_ALIGNMENT);
        return false;
    }
    if (!note_write(core, e, start, (unsigned)core->zva_size)) {
        return false;
    }
    pa = (e->info & A64_PAGE_MASK) | (start & ~A64_PAGE_MASK);
    memset((void *)(uintptr_t)(start + e->addend), 0, core->zva_size);
    if (e->info & A64_INFO_CODE) {
        a64_code_written(core, pa, core->zva_size);
    }
    return true;
}
