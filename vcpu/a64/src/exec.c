/*
 * Executes decoded operations.
 *
 * This is one large function: each operation's handler is a label in it, a decoded operation holds
 * its handler's address, and each handler ends with a jump to the next one.  The handlers are in
 * exec_*.h, which are parts of the function's body.
 *
 * Three locals live in registers.  `op` is the operation that executes: PC is implied by it.  `tlb` is
 * the data TLB of the present context.  `limit` is the operation at which the quantum would end if
 * execution went straight on; a taken branch by `n` operations moves it by n - 1, so that
 * (limit - op) is always what is left of the quantum, and straight-line code counts instructions for
 * nothing.  Only taken branches compare the two.
 *
 * What can fail or needs the CPU's whole state calls out of line, after A64_SYNC().
 */
#include "core.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define A64_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(A64_TSAN)
/* A guest's races are its own: its plain loads and stores are not the host program's. */
#define A64_GUEST_ACCESS __attribute__((no_sanitize("thread")))
#elif defined(__clang__)
/* clang takes many minutes over these two in a function of this size; gcc does check it. */
#define A64_GUEST_ACCESS __attribute__((no_sanitize("undefined", "coverage")))
#else
#define A64_GUEST_ACCESS
#endif

/*
 * One indirect jump a handler is what branch predictors like.  Instrumented builds have one for all of
 * them: every jump has an edge to every handler, and those edges are what is instrumented.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(coverage_sanitizer)
#define A64_ONE_DISPATCH 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define A64_ONE_DISPATCH 1
#endif
#ifdef A64_ONE_DISPATCH
#define DISPATCH() goto dispatch
#else
#define DISPATCH() goto * op->fn
#endif

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wgnu-label-as-value"
#pragma clang diagnostic ignored "-Wpedantic"
#else
#pragma GCC diagnostic ignored "-Wpedantic"
#endif

/* Unaligned, aliasing views of guest memory: one host access each. */
typedef uint8_t guest_u8 __attribute__((may_alias));
typedef uint16_t guest_u16 __attribute__((may_alias, aligned(1)));
typedef uint32_t guest_u32 __attribute__((may_alias, aligned(1)));
typedef uint64_t guest_u64 __attribute__((may_alias, aligned(1)));

#define HOST(type, e, va) ((volatile type *)(uintptr_t)((va) + (e)->addend))
#define TLB_AT(table, va)                                                                          \
    ((struct a64_tlb_entry *)(void *)((char *)(table) + (((va) >> (A64_PAGE_BITS - 5)) &           \
                                                         ((A64_TLB_SIZE - 1) << 5))))
_Static_assert(sizeof(struct a64_tlb_entry) == 32, "TLB_AT scales by 32");

#define X(n) (core->regs.x[n])
#define XA   X(op->a)
#define XB   X(op->b)
#define XC   X(op->c)
#define WB   ((uint32_t)XB)
#define WC   ((uint32_t)XC)
#define PC() (core->page_va + (uint64_t)(op - core->page->ops) * 4)

#define A64_SYNC()                                                                                 \
    do {                                                                                           \
        core->op = op;                                                                             \
        core->limit = limit;                                                                       \
    } while (0)
#define NEXT()                                                                                     \
    do {                                                                                           \
        op++;                                                                                      \
        DISPATCH();                                                                                \
    } while (0)
/* A taken branch inside the page. */
#define BRANCH(distance)                                                                           \
    do {                                                                                           \
        int64_t distance_ = (distance);                                                            \
        limit += (uint64_t)(distance_ - (int64_t)sizeof(struct a64_op));                           \
        op = (struct a64_op *)(void *)((char *)op + distance_);                                    \
        if (VML_UNLIKELY(limit <= (uintptr_t)op)) {                                                \
            goto out;                                                                              \
        }                                                                                          \
        DISPATCH();                                                                                \
    } while (0)
#define JUMP(va)                                                                                   \
    do {                                                                                           \
        target = (va);                                                                             \
        goto jump;                                                                                 \
    } while (0)
#define FLAGS_SUB(x, y)                                                                            \
    do {                                                                                           \
        core->flag_a = (x);                                                                        \
        core->flag_b = (y);                                                                        \
        core->flag_kind = A64_FLAGS_SUB;                                                           \
    } while (0)
#define FLAGS_LOGIC(x)                                                                             \
    do {                                                                                           \
        core->flag_a = (x);                                                                        \
        core->flag_b = 0;                                                                          \
        core->flag_kind = A64_FLAGS_LOGIC;                                                         \
    } while (0)
#define NEED_FP()                                                                                  \
    do {                                                                                           \
        if (VML_UNLIKELY(core->fp_trapped)) {                                                      \
            goto fp_trap;                                                                          \
        }                                                                                          \
    } while (0)

/* Conditions of A64_FLAGS_SUB. */
#define SUB_EQ(a, b) ((a) == (b))
#define SUB_NE(a, b) ((a) != (b))
#define SUB_CS(a, b) ((a) >= (b))
#define SUB_CC(a, b) ((a) < (b))
#define SUB_MI(a, b) ((int64_t)((a) - (b)) < 0)
#define SUB_PL(a, b) ((int64_t)((a) - (b)) >= 0)
#define SUB_VS(a, b) ((int64_t)(((a) ^ (b)) & ((a) ^ ((a) - (b)))) < 0)
#define SUB_VC(a, b) (!SUB_VS(a, b))
#define SUB_HI(a, b) ((a) > (b))
#define SUB_LS(a, b) ((a) <= (b))
#define SUB_GE(a, b) ((int64_t)(a) >= (int64_t)(b))
#define SUB_LT(a, b) ((int64_t)(a) < (int64_t)(b))
#define SUB_GT(a, b) ((int64_t)(a) > (int64_t)(b))
#define SUB_LE(a, b) ((int64_t)(a) <= (int64_t)(b))
/* Those that do not look at C hold for A64_FLAGS_LOGIC as well. */
#define HOLDS_NZV(cc, n)                                                                           \
    (VML_LIKELY(core->flag_kind != A64_FLAGS_PACKED) ? SUB_##cc(core->flag_a, core->flag_b)        \
                                                     : a64_condition(core, n))
#define HOLDS_C(cc, n)                                                                             \
    (VML_LIKELY(core->flag_kind == A64_FLAGS_SUB) ? SUB_##cc(core->flag_a, core->flag_b)           \
                                                  : a64_condition(core, n))
#define HOLDS_EQ HOLDS_NZV(EQ, 0)
#define HOLDS_NE HOLDS_NZV(NE, 1)
#define HOLDS_CS HOLDS_C(CS, 2)
#define HOLDS_CC HOLDS_C(CC, 3)
#define HOLDS_MI HOLDS_NZV(MI, 4)
#define HOLDS_PL HOLDS_NZV(PL, 5)
#define HOLDS_VS HOLDS_NZV(VS, 6)
#define HOLDS_VC HOLDS_NZV(VC, 7)
#define HOLDS_HI HOLDS_C(HI, 8)
#define HOLDS_LS HOLDS_C(LS, 9)
#define HOLDS_GE HOLDS_NZV(GE, 10)
#define HOLDS_LT HOLDS_NZV(LT, 11)
#define HOLDS_GT HOLDS_NZV(GT, 12)
#define HOLDS_LE HOLDS_NZV(LE, 13)
#define EACH_COND(M)                                                                               \
    M(EQ) M(NE) M(CS) M(CC) M(MI) M(PL) M(VS) M(VC) M(HI) M(LS) M(GE) M(LT) M(GT) M(LE)

/* The flags of x + y + carry. */
static uint32_t add_flags64(uint64_t x, uint64_t y, uint64_t r, uint32_t carry_out)
{
    return (uint32_t)(r >> 63) << 31 | (uint32_t)(r == 0) << 30 | carry_out << 29 |
           (uint32_t)((~(x ^ y) & (x ^ r)) >> 63) << 28;
}

static uint64_t add_carry64(struct a64_core *core, uint64_t x, uint64_t y, uint32_t carry)
{
    uint64_t r = x + y + carry;

    a64_flags_set(core, add_flags64(x, y, r, (uint32_t)(r < x || (carry && r == x))));
    return r;
}

static uint32_t add_carry32(struct a64_core *core, uint32_t x, uint32_t y, uint32_t carry)
{
    uint64_t wide = (uint64_t)x + y + carry;
    uint32_t r = (uint32_t)wide;

    a64_flags_set(core, (r & 0x80000000u) | (uint32_t)(r == 0) << 30 |
                            (uint32_t)(wide >> 32) << 29 | ((~(x ^ y) & (x ^ r)) >> 31) << 28);
    return r;
}

static uint32_t carry_flag(struct a64_core *core)
{
    return a64_flags_get(core) >> 29 & 1;
}

static VML_ALWAYS_INLINE uint64_t shift64(uint64_t x, int32_t type, unsigned n)
{
    switch (type) {
    case 0:
        return x << n;
    case 1:
        return x >> n;
    case 2:
        return (uint64_t)((int64_t)x >> n);
    default:
        return x >> n | x << (-n & 63);
    }
}

static VML_ALWAYS_INLINE uint32_t shift32(uint32_t x, int32_t type, unsigned n)
{
    switch (type) {
    case 0:
        return x << n;
    case 1:
        return x >> n;
    case 2:
        return (uint32_t)((int32_t)x >> n);
    default:
        return x >> n | x << (-n & 31);
    }
}

static VML_ALWAYS_INLINE uint64_t extend(uint64_t x, int32_t option, unsigned n)
{
    switch (option & 7) {
    case 0:
        return (uint64_t)(uint8_t)x << n;
    case 1:
        return (uint64_t)(uint16_t)x << n;
    case 2:
        return (uint64_t)(uint32_t)x << n;
    case 4:
        return (uint64_t)(int64_t)(int8_t)x << n;
    case 5:
        return (uint64_t)(int64_t)(int16_t)x << n;
    case 6:
        return (uint64_t)(int64_t)(int32_t)x << n;
    default:
        return x << n;
    }
}

static uint64_t reverse_bits(uint64_t x)
{
    x = (x & 0x5555555555555555u) << 1 | (x >> 1 & 0x5555555555555555u);
    x = (x & 0x3333333333333333u) << 2 | (x >> 2 & 0x3333333333333333u);
    x = (x & 0x0f0f0f0f0f0f0f0fu) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0fu);
    return __builtin_bswap64(x);
}

static uint64_t reverse_halves(uint64_t x)
{
    return (x & 0x00ff00ff00ff00ffu) << 8 | (x >> 8 & 0x00ff00ff00ff00ffu);
}

static uint64_t wide_mask(const struct a64_op *op)
{
    uint32_t e = (uint32_t)op->imm;
    uint64_t mask = 0;

    (void)a64_bitmask(e >> 12, e & 63, e >> 6 & 63, true, &mask);
    return mask;
}

static uint32_t read_insn(const struct a64_code_page *page, uint32_t offset)
{
    return __atomic_load_n((const uint32_t *)(const void *)(page->host + offset), __ATOMIC_RELAXED);
}

/* Decodes from `op` to the end of the straight run. */
static void decode_run(struct a64_core *core, struct a64_op *op, const void *const *labels)
{
    struct a64_code_page *page = core->page;
    uint32_t first = (uint32_t)(op - page->ops);
    enum a64_op_id previous = A64_OP_DECODE;

    for (uint32_t i = first; i < A64_PAGE_OPS && i < first + 64; i++) {
        struct a64_op *o = &page->ops[i];
        enum a64_op_id id;

        if (o->fn != core->fn_decode) {
            break;
        }
        id = a64_decode(core, read_insn(page, i * 4), i * 4, false, o);
        if (VML_UNLIKELY(core->machine->breakpoint_count != 0) &&
            a64_breaks_at_offset(core->machine, i * 4)) {
            id = A64_OP_HOST_BREAK;
        }
        o->fn = labels[id];
        if (i != first) {
            enum a64_op_id fused = a64_fuse(previous, o - 1, id);

            if (fused != previous) {
                (o - 1)->fn = labels[fused];
            }
        }
        previous = id;
        if (a64_is_block_end(id)) {
            break;
        }
    }
}

/* Prepares the stepping page for the instruction at PC; false: fetching it faults. */
static bool prepare_step(struct a64_core *core, const void *const *labels)
{
    uint64_t pc = core->regs.pc;
    uint32_t index = (uint32_t)(pc & (A64_PAGE_SIZE - 1)) / 4;
    struct a64_code_page *step = core->step_page;
    uint32_t insn = core->step_insn;

    if (core->stepping != A64_STEP_GIVEN) {
        struct a64_code_page *page = a64_code_fetch(core, pc);

        if (!page) {
            return false;
        }
        insn = read_insn(page, index * 4);
    }
    step->ops[index].fn = labels[a64_decode(core, insn, index * 4, true, &step->ops[index])];
    step->ops[index + 1].fn = labels[A64_OP_STEP_END];
    core->page = step;
    core->page_va = pc & A64_PAGE_MASK;
    return true;
}

#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("no-gcse", "no-crossjumping")))
#endif
A64_GUEST_ACCESS void
a64_execute(struct a64_core *core)
{
#define A64_OP_LABEL(name) &&L_##name,
    __extension__ static const void *const labels[] = {A64_OPS(A64_OP_LABEL)};
#undef A64_OP_LABEL
    struct a64_op *op;
    struct a64_tlb_entry *tlb = core->tlb;
    uintptr_t limit = core->quantum * sizeof(struct a64_op);
    uint64_t target = core->regs.pc;
    enum a64_sys_result result;
    /* Scratch of the handlers. */
    uint64_t u64_, hi_, lo2_, hi2_, slow_[2];
    uint32_t u32_;
    uint16_t u16_;
    uint8_t u8_;
    bool sys_read_;

    core->fn_decode = labels[A64_OP_DECODE];
    core->fn_page_end = labels[A64_OP_PAGE_END];
    core->run_exit = 0;
    if (VML_UNLIKELY(core->pages[0].ops[A64_PAGE_OPS].fn != core->fn_page_end)) {
        a64_code_init(core);
    }
    if (VML_UNLIKELY(core->stepping)) {
        if ((core->regs.pc & 3) != 0 || !prepare_step(core, labels)) {
            if ((core->regs.pc & 3) != 0) {
                core->fault.esr = A64_ESR(A64_EC_PC_ALIGNMENT, 0);
                core->fault.far = core->regs.pc;
            }
            a64_raise_fault(core, core->regs.pc);
            core->quantum = 0;
            return;
        }
        op = &core->page->ops[(core->regs.pc & (A64_PAGE_SIZE - 1)) / 4];
        limit = (uintptr_t)(op + 1);
        core->quantum = 1;
        DISPATCH();
    }
    goto locate;

jump: /* op was executed; go on at target */
    limit = limit - (uintptr_t)op - sizeof(struct a64_op);
    if (VML_UNLIKELY((intptr_t)limit <= 0)) {
        core->regs.pc = target;
        goto leave;
    }
locate : /* limit is what is left of the quantum, in bytes of operations */
{
    const struct a64_ftlb_entry *e = &core->ftlb[(target >> A64_PAGE_BITS) & (A64_FTLB_SIZE - 1)];
    struct a64_code_page *page = e->page;

    if (VML_UNLIKELY(e->tag != (target & (A64_PAGE_MASK | 3)))) {
        core->regs.pc = target;
        core->instructions += core->quantum - limit / sizeof(struct a64_op);
        core->quantum = limit / sizeof(struct a64_op);
        page = a64_code_fetch(core, target);
        if (!page) {
            a64_raise_fault(core, target);
            tlb = core->tlb;
            target = core->regs.pc;
            limit -= sizeof(struct a64_op); /* or a fault at the vector would be for ever */
            if (limit == 0) {
                goto leave;
            }
            goto locate;
        }
    }
    core->page = page;
    core->page_va = target & A64_PAGE_MASK;
    op = &page->ops[(target & (A64_PAGE_SIZE - 1)) / 4];
    limit += (uintptr_t)op;
    DISPATCH();
}

#ifdef A64_ONE_DISPATCH
dispatch:
    goto * op->fn;
#endif

out: /* before op */
    core->regs.pc = PC();
    limit -= (uintptr_t)op;
leave:
    core->instructions += core->quantum - (uint64_t)((intptr_t)limit / (intptr_t)sizeof(*op));
    core->quantum = 0;
    return;

undefined:
    A64_SYNC();
    a64_raise(core, PC(), A64_ESR(A64_EC_UNKNOWN, 0));
    goto resume;
fp_trap:
    if (!(core->features & A64_FEAT_FP)) {
        goto undefined;
    }
    A64_SYNC();
    a64_raise(core, PC(), A64_ESR(A64_EC_FP, 1u << 24 | 0xeu << 20));
    goto resume;
sp_fault:
    A64_SYNC();
    a64_raise(core, PC(), A64_ESR(A64_EC_SP_ALIGNMENT, 0));
    goto resume;
fault:
    if (VML_UNLIKELY(core->halted)) {
        goto exit_before; /* no fault: a device answers later */
    }
    a64_raise_fault(core, PC());
    goto resume;
resume: /* after op, at regs.pc, in what may be another context */
    tlb = core->tlb;
    target = core->regs.pc;
    if (VML_UNLIKELY(core->debug_active) || vml_cpu_has_requests(&core->owner->cpu) ||
        core->lines != 0) {
        limit = limit - (uintptr_t)op - sizeof(struct a64_op);
        goto leave;
    }
    goto jump;
exit_before: /* op is not executed; run_exit or halted says why */
    goto out;

#include "exec_alu.h"
#include "exec_branch.h"
#include "exec_memory.h"
#include "exec_system.h"
}
