/*
 * The private state of a vCPU, and what its parts offer each other.
 *
 *   decode*.c    instruction words to decoded operations
 *   code.c       the cache of decoded pages
 *   break.c      a debugger's breakpoints
 *   exec.c       executes decoded operations: the only place that knows where handlers are
 *   mmu.c        translation table walks, AT
 *   memory.c     the software TLB, loads and stores that miss it, devices
 *   atomic.c     exclusives and atomics
 *   vector.c     LD1..ST4
 *   exception.c  exception entry and return, PSTATE
 *   sysreg.c     the CPU's own system registers; SYS instructions
 *   model.c      ID registers and features
 *   machine.c    what vCPUs share: broadcasts
 *   turns.c      deterministic running
 *   a64.c        the public interface and the run loop
 */
#ifndef VML_A64_CORE_H
#define VML_A64_CORE_H

#include <vml/a64.h>

#include "op.h"
#include "regs.h"
#include "simd.h"

#define A64_PAGE_BITS 12u
#define A64_PAGE_SIZE (UINT64_C(1) << A64_PAGE_BITS)
#define A64_PAGE_MASK (~(A64_PAGE_SIZE - 1))
#define A64_PAGE_OPS  (A64_PAGE_SIZE / 4)

#define A64_TLB_BITS  10u
#define A64_TLB_SIZE  (1u << A64_TLB_BITS)
#define A64_FTLB_SIZE 256u
/* Instructions between two looks at requests and interrupt inputs. */
#define A64_QUANTUM 1024u

/*
 * One page of the software TLB.  A tag is the page's virtual address when accesses may go straight to
 * `va + addend`; with A64_TAG_SLOW set they are permitted but need memory.c (devices, Device memory,
 * pages with decoded code, dirty tracking); A64_TAG_NONE when nothing is known.
 */
struct a64_tlb_entry {
    uint64_t tag_read;
    uint64_t tag_write;
    uint64_t addend; /* host address - virtual address */
    uint64_t info;   /* physical page, and A64_INFO_* */
};

#define A64_TAG_SLOW     UINT64_C(1)
#define A64_TAG_NONE     UINT64_C(2)

#define A64_INFO_DEVICE  UINT64_C(1) /* Device memory type: alignment is checked */
#define A64_INFO_MMIO    UINT64_C(2) /* no memory there: the bus serves it */
#define A64_INFO_CODE    UINT64_C(4) /* may hold decoded code */
#define A64_INFO_TRACKED UINT64_C(8) /* writes mark dirty */
#define A64_INFO_GLOBAL  UINT64_C(16)
#define A64_INFO_ROM     UINT64_C(32) /* stores are external aborts */

struct a64_ftlb_entry {
    uint64_t tag; /* virtual page, or A64_TAG_NONE */
    struct a64_code_page *page;
};

/* Which of the data TLBs: the same page has other permissions in each. */
enum a64_context {
    A64_CONTEXT_EL0,
    A64_CONTEXT_EL1,
    A64_CONTEXT_EL1_PAN,
    A64_CONTEXTS,
};

#define A64_NO_PAGE UINT64_MAX

struct a64_code_page {
    uint64_t pa;                /* physical page, or A64_NO_PAGE */
    struct a64_code_page *next; /* in its hash chain */
    const uint8_t *host;        /* its memory */
    uint64_t reserved;
    struct a64_op ops[A64_PAGE_OPS + 1];
};

/* What `flag_a`, `flag_b` mean.  N, Z and V are those of flag_a - flag_b in both of the first. */
enum a64_flag_kind {
    A64_FLAGS_SUB,    /* as SUBS flag_a, flag_b; 32-bit operands are shifted to the top */
    A64_FLAGS_LOGIC,  /* as ANDS giving flag_a; flag_b is 0 */
    A64_FLAGS_PACKED, /* regs.nzcv */
};

/* PSTATE bits as in an SPSR. */
#define A64_PSTATE_SP   (1u << 0)
#define A64_PSTATE_EL1  (1u << 2)
#define A64_PSTATE_F    (1u << 6)
#define A64_PSTATE_I    (1u << 7)
#define A64_PSTATE_A    (1u << 8)
#define A64_PSTATE_D    (1u << 9)
#define A64_PSTATE_SSBS (1u << 12)
#define A64_PSTATE_IL   (1u << 20)
#define A64_PSTATE_SS   (1u << 21)
#define A64_PSTATE_PAN  (1u << 22)
#define A64_PSTATE_UAO  (1u << 23)
#define A64_PSTATE_DIT  (1u << 24)
#define A64_PSTATE_NZCV (15u << 28)

enum {
    A64_HALTED_NOT,
    A64_HALTED_WFI,
    A64_HALTED_WFE,
    A64_HALTED_BUS, /* PC is at an access that a device answers later */
};

enum a64_stepping {
    A64_STEP_NONE,
    A64_STEP_FETCHED, /* execute() does one instruction */
    A64_STEP_GIVEN,   /* it is `step_insn` */
};

struct a64_fault {
    uint64_t far;
    uint32_t esr;
};

struct a64_core {
    struct a64_regs regs; /* first: handlers address both with one pointer */
    uint64_t flag_a;
    uint64_t flag_b;
    uint32_t flag_kind;
    uint32_t el;
    uint32_t pstate;     /* all but NZCV, EL and SP selection included */
    uint32_t fp_trapped; /* 0, or FP and Advanced SIMD instructions trap at this EL */

    /* Where execution is: valid outside of exec.c, and while exec.c has called out. */
    struct a64_op *op;
    uintptr_t limit;                        /* the op at which the quantum ends; see exec.c */
    struct a64_code_page *page;             /* of `op` */
    uint64_t page_va;                       /* virtual address of `page` */
    struct a64_tlb_entry *tlb;              /* data TLB of the present context */
    struct a64_tlb_entry *tlb_unprivileged; /* for LDTR and STTR */
    struct a64_ftlb_entry *ftlb;
    uint64_t quantum;      /* instructions of the present quantum */
    uint64_t instructions; /* before the present quantum */
    uint64_t budget_end;   /* `instructions` at which the run ends */

    struct a64_fault fault; /* set by who reports a fault */
    uint64_t sp_banked[2];  /* SP_EL0, SP_EL1; the selected one is in regs.x[A64_X_SP] */
    struct vml_arm_sysregs_state sys;

    /* The local exclusive monitor. */
    uint64_t monitor_pa; /* A64_NO_PAGE when open */
    uint64_t monitor_value[2];
    uint32_t monitor_size;
    uint32_t monitor_version;

    _Atomic uint32_t event; /* the event register of WFE */
    uint32_t serror;        /* a virtual SError is pending */
    uint32_t stepping;      /* enum a64_stepping */
    uint32_t step_insn;     /* for A64_STEP_GIVEN */
    uint32_t lines;         /* VML_A64_INPUT_*: levels when last asked */
    uint32_t parallel;      /* other vCPUs run at the same time */
    uint32_t halted;        /* A64_HALTED_* */
    uint32_t retrying;      /* A64_HALTED_BUS has waited */
    uint32_t passing;       /* execute the trapped instruction */
    uint32_t step_over;     /* PC is at what only looked like a debugger's breakpoint */
    uint32_t large[2];      /* the TLB has pieces of blocks, in the lower and upper range */
    uint32_t run_exit;      /* what a handler asks vml_a64_run() to return, + 1 */
    uint32_t tracking;      /* the memory's dirty tracking when last looked */
    uint32_t debug_active;  /* breakpoints, watchpoints or software step may fire */
    uint32_t software_step; /* MDSCR_EL1.SS, and debug exceptions are enabled */
    uint32_t breaking;      /* a breakpoint is enabled */
    uint32_t watching;      /* watchpoints are enabled: all accesses are checked */
    uint32_t stepped;       /* the last instruction was software-stepped */
    uint32_t own_only;      /* system registers are looked for here only */
    uint32_t took_exception;

    uint64_t features; /* A64_FEAT_* */
    struct vml_a64 *owner;
    struct vml_a64_machine *machine;
    struct vml_arm_ids model;
    uint64_t zva_size; /* bytes that DC ZVA clears */
    uint64_t pa_limit; /* first physical address that the model does not have */

    /* Broadcasts. */
    uint64_t broadcast_seen;         /* own progress */
    uint64_t waited;                 /* what DSB has waited for */
    _Atomic uint64_t broadcast_done; /* the same, published */
    _Atomic uint32_t in_guest;       /* others wait for broadcast_done while it is set */

    /* The cache of decoded pages. */
    struct a64_code_page *pages;
    struct a64_code_page **hash;
    uint32_t page_count;
    uint32_t page_next; /* next to evict */
    uint32_t hash_mask;
    uint32_t code_locked; /* `page` must not go away: drop it later */
    const void *fn_decode;
    const void *fn_page_end;
    struct a64_code_page *step_page; /* ops of the instruction that is stepped */

    struct a64_tlb_entry tlbs[A64_CONTEXTS][A64_TLB_SIZE] VML_CACHE_ALIGNED;
    struct a64_ftlb_entry ftlbs[2][A64_FTLB_SIZE];
    uint32_t tlb_used[A64_CONTEXTS];
};

/* Exception classes, ESR_EL1.EC. */
enum {
    A64_EC_UNKNOWN = 0x00,
    A64_EC_WFX = 0x01,
    A64_EC_FP = 0x07,
    A64_EC_ILLEGAL = 0x0e,
    A64_EC_SVC = 0x15,
    A64_EC_SYSREG = 0x18,
    A64_EC_IABORT_LOWER = 0x20,
    A64_EC_IABORT = 0x21,
    A64_EC_PC_ALIGNMENT = 0x22,
    A64_EC_DABORT_LOWER = 0x24,
    A64_EC_DABORT = 0x25,
    A64_EC_SP_ALIGNMENT = 0x26,
    A64_EC_SERROR = 0x2f,
    A64_EC_BREAKPOINT_LOWER = 0x30,
    A64_EC_BREAKPOINT = 0x31,
    A64_EC_STEP_LOWER = 0x32,
    A64_EC_STEP = 0x33,
    A64_EC_WATCHPOINT_LOWER = 0x34,
    A64_EC_WATCHPOINT = 0x35,
    A64_EC_BRK = 0x3c,
};
#define A64_ESR(ec, iss) ((uint32_t)(ec) << 26 | 1u << 25 | (uint32_t)(iss))

/* Fault status codes. */
enum {
    A64_FSC_ADDRESS_SIZE = 0x00,
    A64_FSC_TRANSLATION = 0x04,
    A64_FSC_ACCESS_FLAG = 0x08,
    A64_FSC_PERMISSION = 0x0c,
    A64_FSC_EXTERNAL = 0x10,
    A64_FSC_EXTERNAL_WALK = 0x14,
    A64_FSC_ALIGNMENT = 0x21,
    A64_FSC_EXCLUSIVE = 0x35,
};

#define A64_SCTLR_M     (UINT64_C(1) << 0)
#define A64_SCTLR_A     (UINT64_C(1) << 1)
#define A64_SCTLR_C     (UINT64_C(1) << 2)
#define A64_SCTLR_SA    (UINT64_C(1) << 3)
#define A64_SCTLR_SA0   (UINT64_C(1) << 4)
#define A64_SCTLR_UMA   (UINT64_C(1) << 9)
#define A64_SCTLR_DZE   (UINT64_C(1) << 14)
#define A64_SCTLR_UCT   (UINT64_C(1) << 15)
#define A64_SCTLR_NTWI  (UINT64_C(1) << 16)
#define A64_SCTLR_NTWE  (UINT64_C(1) << 18)
#define A64_SCTLR_WXN   (UINT64_C(1) << 19)
#define A64_SCTLR_SPAN  (UINT64_C(1) << 23)
#define A64_SCTLR_UCI   (UINT64_C(1) << 26)
#define A64_SCTLR_DSSBS (UINT64_C(1) << 44)

/* ---- flags ---- */
uint32_t a64_flags_get(struct a64_core *core);
void a64_flags_set(struct a64_core *core, uint32_t nzcv);
bool a64_condition(struct a64_core *core, unsigned cond);

/* ---- mmu.c ---- */
enum a64_access {
    A64_READ,
    A64_WRITE,
    A64_EXECUTE,
    A64_PEEK, /* a debugger's: no permissions, no change of the tables */
};
/* What a walk found.  Permissions are for the context that was asked for. */
struct a64_translation {
    uint64_t pa;
    uint64_t size; /* of the page or block */
    uint8_t attr;  /* MAIR attribute */
    uint8_t sh;    /* shareability */
    bool device;   /* Device memory type */
    bool global;
    bool read;
    bool write;
    bool execute;
    uint32_t fsc; /* when it failed */
};
/* Translates for one kind of access in a context; false: `fsc` says why. */
bool a64_walk(struct a64_core *core, uint64_t va, enum a64_access access, enum a64_context context,
              struct a64_translation *out);
void a64_address_translate(struct a64_core *core, uint64_t va, enum a64_access access,
                           enum a64_context context);

/* ---- memory.c ---- */
/* Loads and stores of up to 16 bytes, any alignment.  False: core->fault is set. */
bool a64_read(struct a64_core *core, struct a64_tlb_entry *tlb, uint64_t va, unsigned size,
              uint64_t *value);
bool a64_write(struct a64_core *core, struct a64_tlb_entry *tlb, uint64_t va, unsigned size,
               const uint64_t *value);
/* Host pointer for an atomic access of `size` bytes; NULL: fault, or `*mmio` for a device. */
void *a64_atomic_pointer(struct a64_core *core, uint64_t va, unsigned size, bool write,
                         uint64_t *pa, bool *mmio);
bool a64_zero_block(struct a64_core *core, uint64_t va);
void a64_tlb_flush(struct a64_core *core);
void a64_tlb_flush_page(struct a64_core *core, uint64_t va, uint64_t pages);
/* Drops what the present address space (not the global pages) put in. */
void a64_tlb_flush_low(struct a64_core *core);
/* A page is about to hold decoded code: stores to it must be noticed. */
void a64_tlb_protect(struct a64_core *core, uint64_t pa);
/* Sets core->fault for a data abort of an access. */
void a64_data_fault(struct a64_core *core, uint64_t va, bool write, uint32_t fsc);
struct a64_tlb_entry *a64_fill(struct a64_core *core, struct a64_tlb_entry *tlb, uint64_t va,
                               bool write);

/* True when an enabled watchpoint matches: core->fault is set. */
bool a64_watchpoint(struct a64_core *core, uint64_t va, unsigned size, bool write);

/* ---- code.c ---- */
/* The decoded page for the code at a virtual address; NULL: core->fault is set. */
struct a64_code_page *a64_code_fetch(struct a64_core *core, uint64_t va);
bool a64_code_holds(const struct a64_core *core, uint64_t pa);
/* Memory [pa, pa + len) within one page was written: decoded instructions there are dropped. */
void a64_code_written(struct a64_core *core, uint64_t pa, uint64_t len);
void a64_code_flush(struct a64_core *core);
void a64_code_init(struct a64_core *core);

/* ---- decode.c ---- */
/* Decodes one word.  `offset` is its offset in the page; with `alone` nothing refers to other slots. */
enum a64_op_id a64_decode(const struct a64_core *core, uint32_t insn, uint32_t offset, bool alone,
                          struct a64_op *op);
/* The pair of operations a superinstruction replaces, or `first`. */
enum a64_op_id a64_fuse(enum a64_op_id first, const struct a64_op *op, enum a64_op_id second);
bool a64_bitmask(uint32_t n, uint32_t imms, uint32_t immr, bool is64, uint64_t *mask);
bool a64_is_block_end(enum a64_op_id id);

/* ---- break.c ---- */
/* Some breakpoint of a debugger is so far into its page. A decoded page is executed at whatever virtual
 * addresses it is mapped to, and so it is which of them that is only looked at when it is executed. */
bool a64_breaks_at_offset(const struct vml_a64_machine *machine, uint64_t offset);
/* One is at this address. */
bool a64_breaks_at(const struct vml_a64_machine *machine, uint64_t va);

/* ---- exec.c ---- */
/* Executes from regs.pc until something needs the run loop's attention. */
void a64_execute(struct a64_core *core);

/* ---- atomic.c, vector.c ---- */
bool a64_ordered(struct a64_core *core, const struct a64_op *op, bool load);
bool a64_exclusive(struct a64_core *core, const struct a64_op *op);
bool a64_atomic(struct a64_core *core, const struct a64_op *op);
bool a64_vector_memory(struct a64_core *core, const struct a64_op *op);
uint32_t a64_crc32(uint32_t crc, uint64_t value, unsigned bytes, bool castagnoli);

/* ---- exception.c ---- */
void a64_select_context(struct a64_core *core); /* after a change of EL, PAN, UAO, CPACR */
void a64_set_pstate(struct a64_core *core, uint32_t pstate); /* without NZCV */
uint32_t a64_get_pstate(struct a64_core *core);              /* with NZCV */
void a64_raise(struct a64_core *core, uint64_t pc, uint32_t esr);
void a64_raise_fault(struct a64_core *core, uint64_t pc); /* core->fault, FAR too */
void a64_interrupt(struct a64_core *core, unsigned vector, uint64_t pc);
void a64_exception_return(struct a64_core *core);
void a64_reset(struct a64_core *core);
uint32_t a64_pending(struct a64_core *core); /* unmasked VML_A64_INPUT_* */
bool a64_wakes(struct a64_core *core);
bool a64_breakpoint(const struct a64_core *core, uint64_t pc);
unsigned a64_breakpoints(const struct a64_core *core); /* how many the model has */
unsigned a64_watchpoints(const struct a64_core *core);
bool a64_sp_checked(const struct a64_core *core); /* SP alignment is, at this EL */

/* ---- sysreg.c ---- */
enum a64_sys_result {
    A64_SYS_OK,
    A64_SYS_UNDEFINED,
    A64_SYS_TRAP,   /* EC 0x18 */
    A64_SYS_FAULT,  /* core->fault */
    A64_SYS_RESYNC, /* done; translation, context or masks have changed */
    A64_SYS_EXIT,   /* not done; core->run_exit says why */
    A64_SYS_FP,     /* traps as an FP access */
    A64_SYS_ABSENT, /* not one of those: look elsewhere */
};
/* `encoding` is VML_SYSREG(). */
enum a64_sys_result a64_mrs(struct a64_core *core, uint32_t encoding, uint64_t *value);
enum a64_sys_result a64_msr(struct a64_core *core, uint32_t encoding, uint64_t value);
enum a64_sys_result a64_msr_immediate(struct a64_core *core, unsigned op1, unsigned op2,
                                      unsigned imm);
uint32_t a64_sysreg_syndrome(struct a64_core *core, uint64_t pc, bool read);
enum a64_sys_result a64_firmware_call(struct a64_core *core, bool smc, uint16_t imm);
enum a64_sys_result a64_sys(struct a64_core *core, uint32_t encoding, uint64_t value);
/* Offset in struct a64_core of a register that MRS at EL1 simply reads; 0: no such. */
uint32_t a64_sysreg_plain(uint32_t encoding);
void a64_sysregs_reset(struct a64_core *core);

/* ---- model.c ---- */
bool a64_model_supported(const struct vml_arm_ids *model);
uint64_t a64_model_features(const struct vml_arm_ids *model);

/* ---- machine.c ---- */
enum a64_broadcast_kind {
    A64_BROADCAST_TLB_ALL,
    A64_BROADCAST_TLB_PAGE,
    A64_BROADCAST_CODE_ALL,
    A64_BROADCAST_CODE_LINE,
};
void a64_broadcast(struct a64_core *core, enum a64_broadcast_kind kind, uint64_t argument,
                   uint64_t pages);
void a64_broadcast_apply(struct a64_core *core, enum a64_broadcast_kind kind, uint64_t argument,
                         uint64_t pages);
void a64_broadcast_take(struct a64_core *core);
void a64_broadcast_wait(struct a64_core *core);
void a64_guest_enter(struct a64_core *core);
void a64_guest_leave(struct a64_core *core);
void a64_send_event(struct a64_core *core);

/* The instruction after `op` ends the quantum: the next taken branch looks at requests. */
static inline void a64_attention(struct a64_core *core)
{
    intptr_t left = (intptr_t)(core->limit - (uintptr_t)core->op) / (intptr_t)sizeof(struct a64_op);

    if (left > 0) {
        core->quantum -= (uint64_t)left;
        core->limit = (uintptr_t)core->op;
    }
}

#endif
