/*
 * Ordered accesses, exclusives and atomics.
 *
 * A load-exclusive remembers the value and the version of its granule; each exclusive or atomic store
 * takes the next version of the granule that it changes.  A store-exclusive succeeds when it can take
 * the next version after the one remembered and the value is still the same: values that went away
 * and came back through exclusives or atomics have another version.  Plain stores are noticed by
 * value.
 */
#include "core.h"

__extension__ typedef unsigned __int128 u128;

static _Atomic uint32_t *granule_of(struct a64_core *core, uint64_t pa)
{
    return &core->machine->monitors[(pa >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 56];
}
_Static_assert(VML_A64_MONITORS == 256, "granule_of() gives eight bits");

static uint64_t load_sized(const void *p, unsigned size)
{
    switch (size) {
    case 0:
        return __atomic_load_n((const uint8_t *)p, __ATOMIC_SEQ_CST);
    case 1:
        return __atomic_load_n((const uint16_t *)p, __ATOMIC_SEQ_CST);
    case 2:
        return __atomic_load_n((const uint32_t *)p, __ATOMIC_SEQ_CST);
    default:
        return __atomic_load_n((const uint64_t *)p, __ATOMIC_SEQ_CST);
    }
}

static void store_sized(void *p, unsigned size, uint64_t value)
{
    switch (size) {
    case 0:
        __atomic_store_n((uint8_t *)p, (uint8_t)value, __ATOMIC_SEQ_CST);
        break;
    case 1:
        __atomic_store_n((uint16_t *)p, (uint16_t)value, __ATOMIC_SEQ_CST);
        break;
    case 2:
        __atomic_store_n((uint32_t *)p, (uint32_t)value, __ATOMIC_SEQ_CST);
        break;
    default:
        __atomic_store_n((uint64_t *)p, value, __ATOMIC_SEQ_CST);
        break;
    }
}

/* Returns the old value; it was replaced when it equals `expected`. */
static uint64_t cas_sized(void *p, unsigned size, uint64_t expected, uint64_t value)
{
    uint8_t e8 = (uint8_t)expected;
    uint16_t e16 = (uint16_t)expected;
    uint32_t e32 = (uint32_t)expected;

    switch (size) {
    case 0:
        (void)__atomic_compare_exchange_n((uint8_t *)p, &e8, (uint8_t)value, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        return e8;
    case 1:
        (void)__atomic_compare_exchange_n((uint16_t *)p, &e16, (uint16_t)value, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        return e16;
    case 2:
        (void)__atomic_compare_exchange_n((uint32_t *)p, &e32, (uint32_t)value, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        return e32;
    default:
        (void)__atomic_compare_exchange_n((uint64_t *)p, &expected, value, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
        return expected;
    }
}

/*
 * Sixteen bytes at once, without the library call that __atomic would make.
 */
static bool cas128(void *p, uint64_t expected[2], const uint64_t value[2])
{
#if defined(__x86_64__)
    bool done;

    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(done), "+m"(*(u128 *)p), "+a"(expected[0]), "+d"(expected[1])
                     : "b"(value[0]), "c"(value[1])
                     : "memory");
    return done;
#else
    uint64_t lo, hi;
    uint32_t failed = 0;

    do {
        __asm__ volatile("ldaxp %0, %1, %2" : "=&r"(lo), "=&r"(hi) : "Q"(*(u128 *)p) : "memory");
        if (lo != expected[0] || hi != expected[1]) {
            __asm__ volatile("stlxp %w0, %1, %2, %3"
                             : "=&r"(failed)
                             : "r"(lo), "r"(hi), "Q"(*(u128 *)p)
                             : "memory");
            if (!failed) {
                expected[0] = lo;
                expected[1] = hi;
                return false;
            }
        } else {
            __asm__ volatile("stlxp %w0, %1, %2, %3"
                             : "=&r"(failed)
                             : "r"(value[0]), "r"(value[1]), "Q"(*(u128 *)p)
                             : "memory");
        }
    } while (failed);
    return true;
#endif
}

static void load128(void *p, uint64_t value[2])
{
    value[0] = 0;
    value[1] = 0;
    (void)cas128(p, value, value);
}

static void next_version(struct a64_core *core, uint64_t pa)
{
    if (core->parallel || core->machine->count > 1) {
        atomic_fetch_add_explicit(granule_of(core, pa), 1, memory_order_seq_cst);
    }
}

/* An atomic on a device is an access to it: it has no monitor, so it is refused. */
static bool unsupported(struct a64_core *core, uint64_t va, bool write)
{
    a64_data_fault(core, va, write, A64_FSC_EXCLUSIVE);
    return false;
}

bool a64_ordered(struct a64_core *core, const struct a64_op *op, bool load)
{
    uint64_t va = core->regs.x[op->b] + (uint64_t)(int64_t)op->imm;
    unsigned size = op->d & 3;
    bool mmio;
    uint64_t pa, value = core->regs.x[op->a];
    void *p = a64_atomic_pointer(core, va, 1u << size, !load, &pa, &mmio);

    if (!p && mmio) {
        if (load ? !a64_read(core, core->tlb, va, 1u << size, &value)
                 : !a64_write(core, core->tlb, va, 1u << size, &value)) {
            return false;
        }
    } else if (!p) {
        return false;
    } else if (load) {
        value = load_sized(p, size);
    } else {
        store_sized(p, size, value);
    }
    if (!load) {
        return true;
    }
    if (op->d & 16) {
        unsigned shift = 64 - (8u << size);

        value = (uint64_t)((int64_t)(value << shift) >> shift);
        if (op->d & 32) {
            value = (uint32_t)value;
        }
    }
    core->regs.x[op->a] = value;
    return true;
}

static bool load_exclusive(struct a64_core *core, const struct a64_op *op, uint64_t va)
{
    unsigned size = op->imm & 3;
    bool pair = op->imm >> 2 & 1, mmio;
    unsigned bytes = pair ? 2u << size : 1u << size;
    uint64_t pa, value[2] = {0, 0};
    void *p = a64_atomic_pointer(core, va, bytes, false, &pa, &mmio);

    if (!p) {
        return mmio ? unsupported(core, va, false) : false;
    }
    core->monitor_pa = pa;
    core->monitor_size = bytes;
    core->monitor_version = atomic_load_explicit(granule_of(core, pa), memory_order_seq_cst);
    if (bytes == 16) {
        if (((core->tlb[(va >> A64_PAGE_BITS) & (A64_TLB_SIZE - 1)].tag_write & ~A64_TAG_SLOW) ==
             (va & A64_PAGE_MASK))) {
            load128(p, value);
        } else {
            value[0] = load_sized(p, 3);
            value[1] = load_sized((char *)p + 8, 3);
        }
    } else {
        value[0] = load_sized(p, bytes == 8 ? 3 : size);
    }
    core->monitor_value[0] = value[0];
    core->monitor_value[1] = value[1];
    if (!pair) {
        core->regs.x[op->a] = value[0];
    } else if (size == 3) {
        core->regs.x[op->a] = value[0];
        core->regs.x[op->c] = value[1];
    } else {
        core->regs.x[op->a] = (uint32_t)value[0];
        core->regs.x[op->c] = value[0] >> 32;
    }
    return true;
}

static bool store_exclusive(struct a64_core *core, const struct a64_op *op, uint64_t va)
{
    unsigned size = op->imm & 3;
    bool pair = op->imm >> 2 & 1, mmio, done = false;
    unsigned bytes = pair ? 2u << size : 1u << size;
    uint64_t pa, value[2] = {core->regs.x[op->a], core->regs.x[op->c]};
    void *p = a64_atomic_pointer(core, va, bytes, true, &pa, &mmio);
    uint32_t version = core->monitor_version;

    if (!p) {
        return mmio ? unsupported(core, va, true) : false;
    }
    if (pair && size == 2) {
        value[0] = (uint32_t)value[0] | value[1] << 32;
    }
    if (core->monitor_pa == pa && core->monitor_size == bytes &&
        atomic_compare_exchange_strong(granule_of(core, pa), &version, version + 1)) {
        if (bytes == 16) {
            done = cas128(p, core->monitor_value, value);
        } else {
            done = cas_sized(p, bytes == 8 ? 3 : size, core->monitor_value[0], value[0]) ==
                   core->monitor_value[0];
        }
    }
    core->monitor_pa = A64_NO_PAGE;
    core->regs.x[op->d] = !done;
    return true;
}

bool a64_exclusive(struct a64_core *core, const struct a64_op *op)
{
    uint64_t va = core->regs.x[op->b];

    return (op->imm >> 3 & 1) ? load_exclusive(core, op, va) : store_exclusive(core, op, va);
}

static uint64_t combine(unsigned kind, unsigned size, uint64_t old, uint64_t operand)
{
    unsigned shift = 64 - (8u << size);
    int64_t a = (int64_t)(old << shift), b = (int64_t)(operand << shift);

    switch (kind) {
    case 0:
        return old + operand;
    case 1:
        return old & ~operand;
    case 2:
        return old ^ operand;
    case 3:
        return old | operand;
    case 4:
        return a > b ? old : operand;
    case 5:
        return a < b ? old : operand;
    case 6:
        return (uint64_t)a > (uint64_t)b ? old : operand;
    case 7:
        return (uint64_t)a < (uint64_t)b ? old : operand;
    default:
        return operand;
    }
}

static uint64_t truncate(uint64_t value, unsigned size)
{
    return value & UINT64_MAX >> (64 - (8u << size));
}

/* CASP: `a` and `c` are even register numbers, where 31 cannot be the first of a pair but 30, 31 can. */
static void compare_swap_pair(struct a64_core *core, const struct a64_op *op, void *p)
{
    uint64_t *x = core->regs.x;
    uint64_t expected[2] = {x[op->c], x[op->c + 1]}, value[2] = {x[op->a], x[op->a + 1]};
    uint8_t second = op->c == 30 ? A64_X_SINK : (uint8_t)(op->c + 1);

    if (op->d == 3) {
        (void)cas128(p, expected, value);
        x[op->c] = expected[0];
        x[second] = expected[1];
    } else {
        uint64_t old = cas_sized(p, 3, (uint32_t)expected[0] | expected[1] << 32,
                                 (uint32_t)value[0] | value[1] << 32);

        x[op->c] = (uint32_t)old;
        x[second] = old >> 32;
    }
}

bool a64_atomic(struct a64_core *core, const struct a64_op *op)
{
    uint64_t va = core->regs.x[op->b];
    unsigned kind = (unsigned)op->imm & 0xff, size = op->d;
    bool mmio;
    uint64_t pa, old;
    void *p = a64_atomic_pointer(core, va, kind == 17 ? 2u << size : 1u << size, true, &pa, &mmio);

    if (!p) {
        return mmio ? unsupported(core, va, true) : false;
    }
    next_version(core, pa);
    if (kind == 17) {
        compare_swap_pair(core, op, p);
    } else if (kind == 16) {
        old = cas_sized(p, size, core->regs.x[op->c], core->regs.x[op->a]);
        core->regs.x[op->c == 31 ? A64_X_SINK : op->c] = old;
    } else {
        uint64_t operand = core->regs.x[op->c], expected;

        old = load_sized(p, size);
        do {
            expected = old;
            old = cas_sized(p, size, expected,
                            truncate(combine(kind, size, expected, operand), size));
        } while (old != expected);
        core->regs.x[op->a] = old;
    }
    next_version(core, pa);
    return true;
}

uint32_t a64_crc32(uint32_t crc, uint64_t value, unsigned bytes, bool castagnoli)
{
    uint32_t polynomial = castagnoli ? 0x82f63b78u : 0xedb88320u;

    for (unsigned i = 0; i < bytes; i++) {
        crc ^= (uint8_t)(value >> (8 * i));
        for (unsigned b = 0; b < 8; b++) {
            crc = crc >> 1 ^ (polynomial & -(crc & 1));
        }
    }
    return crc;
}
