/*
 * Executes instructions natively, for comparison: reads batches of cases on standard input (a
 * count, then as many struct diff_state), executes each, writes the batch back.
 *
 * Each instruction stands alone before UDF.  The signal handler takes the state that the UDF (or the
 * instruction itself) left, and returns into the next case, so that all registers, including SP, are
 * the case's own.  Freestanding: the kernel's interface is written out here.
 */
#include "diff_state.h"

#include <stddef.h>

#define SYS_SIGALTSTACK  132
#define SYS_RT_SIGACTION 134
#define SYS_MMAP         222
#define SYS_READ         63
#define SYS_WRITE        64
#define SYS_EXIT         93

#define SIG_ILL          4
#define SIG_TRAP         5
#define SIG_BUS          7
#define SIG_FPE          8
#define SIG_SEGV         11

#define FPSIMD_MAGIC     0x46508001u

struct fpsimd_context {
    uint32_t magic;
    uint32_t size;
    uint32_t fpsr;
    uint32_t fpcr;
    uint64_t v[32][2];
};

struct ucontext {
    uint64_t flags;
    uint64_t link;
    uint64_t stack[3];
    uint64_t sigmask[16];
    uint64_t pad;
    uint64_t fault_address;
    uint64_t regs[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
    uint8_t reserved[4096] __attribute__((aligned(16)));
};

_Static_assert(offsetof(struct ucontext, fault_address) == 176, "kernel's layout");
_Static_assert(offsetof(struct ucontext, reserved) == 464, "kernel's layout");

struct sigaction {
    void (*handler)(int, void *, struct ucontext *);
    uint64_t flags;
    void *restorer;
    uint64_t mask;
};

static struct diff_state batch[DIFF_BATCH];
static uint32_t batch_count;
static int current;
static uint8_t signal_stack[65536] __attribute__((aligned(16)));

static long call6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

static void leave(int code)
{
    call6(SYS_EXIT, code, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}

static void copy(void *to, const void *from, size_t size)
{
    volatile uint8_t *t = to;
    const uint8_t *f = from;

    for (size_t i = 0; i < size; i++) {
        t[i] = f[i];
    }
}

static void read_all(void *to, size_t size)
{
    uint8_t *p = to;

    while (size != 0) {
        const long n = call6(SYS_READ, 0, (long)p, (long)size, 0, 0, 0);
        if (n <= 0) {
            leave(n == 0 ? 0 : 2);
        }
        p += n;
        size -= (size_t)n;
    }
}

static void write_all(const void *from, size_t size)
{
    const uint8_t *p = from;

    while (size != 0) {
        const long n = call6(SYS_WRITE, 1, (long)p, (long)size, 0, 0, 0);
        if (n <= 0) {
            leave(3);
        }
        p += n;
        size -= (size_t)n;
    }
}

static uint64_t slot(int index)
{
    return DIFF_CODE + (uint64_t)index * DIFF_SLOT;
}

static void next_batch(void)
{
    read_all(&batch_count, sizeof(batch_count));
    if (batch_count == 0 || batch_count > DIFF_BATCH) {
        leave(4);
    }
    read_all(batch, batch_count * sizeof(batch[0]));
    for (uint32_t i = 0; i < batch_count; i++) {
        volatile uint32_t *code = (volatile uint32_t *)slot((int)i);
        code[0] = batch[i].insn;
        code[1] = 0;
        code[2] = 0;
        code[3] = 0;
    }
    __builtin___clear_cache((char *)slot(0), (char *)slot((int)batch_count));
}

static struct fpsimd_context *fpsimd(struct ucontext *uc)
{
    struct fpsimd_context *fp = (struct fpsimd_context *)uc->reserved;

    if (fp->magic != FPSIMD_MAGIC) {
        leave(5);
    }
    return fp;
}

static void save(int signal, struct ucontext *uc, struct diff_state *s)
{
    const struct fpsimd_context *fp = fpsimd(uc);
    const uint64_t at = slot(current);

    s->status = DIFF_OK;
    if (uc->pc == at) {
        s->status = signal == SIG_ILL ? DIFF_UNDEFINED : DIFF_FAULT;
    }
    copy(s->x, uc->regs, sizeof(s->x));
    s->sp = uc->sp;
    s->pc = uc->pc;
    s->nzcv = (uint32_t)uc->pstate & 0xf0000000u;
    s->fpcr = fp->fpcr;
    s->fpsr = fp->fpsr;
    copy(s->v, fp->v, sizeof(s->v));
    copy(s->memory, (const void *)DIFF_MEMORY_AT, DIFF_MEMORY_SIZE);
}

static void load(struct ucontext *uc, const struct diff_state *s)
{
    struct fpsimd_context *fp = fpsimd(uc);

    copy(uc->regs, s->x, sizeof(s->x));
    uc->sp = s->sp;
    uc->pc = slot(current);
    uc->pstate = (uc->pstate & 0x0fffffffu) | s->nzcv;
    fp->fpcr = s->fpcr;
    fp->fpsr = s->fpsr;
    copy(fp->v, s->v, sizeof(s->v));
    copy((void *)DIFF_MEMORY_AT, s->memory, DIFF_MEMORY_SIZE);
}

static void handler(int signal, void *info, struct ucontext *uc)
{
    (void)info;
    if (current >= 0) {
        save(signal, uc, &batch[current]);
    }
    current++;
    if (current == (int)batch_count) {
        if (batch_count != 0) {
            write_all(batch, batch_count * sizeof(batch[0]));
        }
        next_batch();
        current = 0;
    }
    load(uc, &batch[current]);
}

static void map(uint64_t address, long protection)
{
    /* private, fixed, anonymous */
    if (call6(SYS_MMAP, (long)address, DIFF_PAGE, protection, 0x32, -1, 0) != (long)address) {
        leave(6);
    }
}

void _start(void)
{
    static const int signals[] = {SIG_ILL, SIG_TRAP, SIG_BUS, SIG_FPE, SIG_SEGV};
    /* SIGINFO, ONSTACK, NODEFER */
    struct sigaction action = {handler, 0x4 | 0x08000000 | 0x40000000, NULL, 0};
    uint64_t stack[3] = {(uint64_t)signal_stack, 0, sizeof(signal_stack)};

    map(DIFF_CODE, 7);
    map(DIFF_MEMORY, 3);
    call6(SYS_SIGALTSTACK, (long)stack, 0, 0, 0, 0, 0);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        call6(SYS_RT_SIGACTION, signals[i], (long)&action, 0, 8, 0, 0);
    }
    current = -1;
    batch_count = 0;
    __asm__ volatile(".inst 0x00000000");
    leave(7);
}
