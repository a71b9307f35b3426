/*
 * diff [-n CASES] [-s SEED] [-c CLASS] [-m MISMATCHES] -- COMMAND...
 *
 * COMMAND runs the native side, for instance `qemu-aarch64 -cpu max ./native`.
 */
#include "diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct options {
    unsigned long cases;
    uint64_t seed;
    const char *only;
    unsigned long shown;
    char **command;
};

struct native {
    int to;
    int from;
    pid_t pid;
};

struct tally {
    unsigned long cases;
    unsigned long defined;
    unsigned long excused;
    unsigned long mismatches;
    const char *reason;
};

uint64_t diff_random_next(struct diff_random *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint32_t diff_random_below(struct diff_random *r, uint32_t bound)
{
    return (uint32_t)(((diff_random_next(r) >> 32) * bound) >> 32);
}

static uint64_t mask_of(unsigned bits)
{
    return UINT64_MAX >> (64 - bits);
}

/* A floating-point pattern with an exponent that is likely to meet others. */
static uint64_t random_float(struct diff_random *r, unsigned bits)
{
    const unsigned frac = bits == 16 ? 10 : bits == 32 ? 23 : 52;
    const unsigned exp_max = bits == 16 ? 31 : bits == 32 ? 255 : 2047;
    const unsigned bias = exp_max / 2;
    unsigned exp;
    uint64_t fraction = diff_random_next(r);

    switch (diff_random_below(r, 8)) {
    case 0:
        exp = 0;
        break;
    case 1:
        exp = exp_max;
        break;
    case 2:
        exp = 1 + diff_random_below(r, 3);
        break;
    case 3:
        exp = exp_max - 1 - diff_random_below(r, 3);
        break;
    case 4:
        exp = diff_random_below(r, exp_max + 1);
        break;
    default:
        exp = bias - 4 + diff_random_below(r, frac + 8 < bias ? frac + 8 : bias);
        break;
    }
    switch (diff_random_below(r, 6)) {
    case 0:
        fraction = 0;
        break;
    case 1:
        fraction = UINT64_MAX;
        break;
    case 2:
        fraction = UINT64_C(1) << diff_random_below(r, frac);
        break;
    case 3:
        fraction &= diff_random_next(r) & diff_random_next(r);
        break;
    default:
        break;
    }
    return (diff_random_next(r) & 1u) << (bits - 1) | (uint64_t)exp << frac |
           (fraction & mask_of(frac));
}

uint64_t diff_random_corner(struct diff_random *r, unsigned bits)
{
    const uint64_t top = UINT64_C(1) << (bits - 1);
    uint64_t v;

    switch (diff_random_below(r, bits == 8 ? 8 : 14)) {
    case 0:
        v = 0;
        break;
    case 1:
        v = top;
        break;
    case 2:
        v = top - 1;
        break;
    case 3:
        v = UINT64_MAX;
        break;
    case 4:
        v = UINT64_C(1) << diff_random_below(r, bits);
        break;
    case 5:
        v = 0 - (UINT64_C(1) << diff_random_below(r, bits));
        break;
    case 6:
        v = diff_random_below(r, 4) - UINT64_C(2);
        break;
    case 7:
        v = diff_random_next(r);
        break;
    default:
        v = random_float(r, bits);
        break;
    }
    return v & mask_of(bits);
}

static void random_vector(struct diff_random *r, uint64_t v[2])
{
    const unsigned bits = 8u << diff_random_below(r, 4);

    for (unsigned half = 0; half < 2; half++) {
        v[half] = 0;
        for (unsigned at = 0; at < 64; at += bits) {
            const bool corner = diff_random_below(r, 4) != 0;
            const uint64_t lane = corner ? diff_random_corner(r, bits) : diff_random_next(r);
            v[half] |= (lane & mask_of(bits)) << at;
        }
    }
}

/* AHP, DN, FZ, RMode, FZ16; the default three times in eight. */
static uint32_t random_fpcr(struct diff_random *r)
{
    return diff_random_below(r, 8) < 3 ? 0 : (uint32_t)diff_random_next(r) & 0x07c80000u;
}

static uint32_t random_fpsr(struct diff_random *r)
{
    static const uint32_t usual[4] = {0, 0x10, 0x0800009f, 0};
    const uint32_t pick = diff_random_below(r, 4);

    return pick < 3 ? usual[pick] : (uint32_t)diff_random_next(r) & 0x0800009fu;
}

/* The register fields are equal more often than chance would have it. */
static uint32_t random_insn(struct diff_random *r, const struct diff_class *class)
{
    uint32_t insn = (uint32_t)diff_random_next(r);

    switch (diff_random_below(r, 8)) {
    case 0:
        insn = (insn & ~0x3e0u) | (insn & 0x1fu) << 5;
        break;
    case 1:
        insn = (insn & ~0x1f0000u) | (insn & 0x1fu) << 16;
        break;
    case 2:
        insn = (insn & ~0x1f0000u) | (insn & 0x3e0u) << 11;
        break;
    default:
        break;
    }
    return (insn & ~class->mask) | class->value;
}

static void random_state(struct diff_random *r, const struct diff_class *class, unsigned index,
                         struct diff_state *s)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 31; i++) {
        const unsigned bits = 8u << diff_random_below(r, 4);
        s->x[i] = diff_random_below(r, 3) != 0 ? diff_random_corner(r, bits) : diff_random_next(r);
        if (diff_random_below(r, 4) == 0) {
            s->x[i] |= diff_random_corner(r, 32) << 32;
        }
    }
    s->sp = DIFF_MEMORY_AT;
    s->pc = DIFF_CODE + (uint64_t)index * DIFF_SLOT;
    s->nzcv = (uint32_t)diff_random_next(r) & 0xf0000000u;
    s->fpcr = random_fpcr(r);
    s->fpsr = random_fpsr(r);
    s->insn = random_insn(r, class);
    for (unsigned i = 0; i < 32; i++) {
        random_vector(r, s->v[i]);
    }
    for (unsigned i = 0; i < DIFF_MEMORY_SIZE; i++) {
        s->memory[i] = (uint8_t)diff_random_next(r);
    }
    if (diff_adapter.prepare != NULL) {
        diff_adapter.prepare(s, r);
    }
}

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static struct native start_native(char **command)
{
    struct native n;
    int to[2];
    int from[2];

    if (pipe(to) != 0 || pipe(from) != 0) {
        fail("pipe");
    }
    n.pid = fork();
    if (n.pid < 0) {
        fail("fork");
    }
    if (n.pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[0]);
        close(to[1]);
        close(from[0]);
        close(from[1]);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    n.to = to[1];
    n.from = from[0];
    return n;
}

static void put_bytes(int fd, const void *from, size_t size)
{
    const char *p = from;

    while (size != 0) {
        const ssize_t n = write(fd, p, size);
        if (n <= 0) {
            fail("writing to the native side");
        }
        p += n;
        size -= (size_t)n;
    }
}

static void get_bytes(int fd, void *to, size_t size)
{
    char *p = to;

    while (size != 0) {
        const ssize_t n = read(fd, p, size);
        if (n <= 0) {
            fprintf(stderr, "the native side ended early\n");
            exit(2);
        }
        p += n;
        size -= (size_t)n;
    }
}

#define SHOW(field, format, a, b)                                                                  \
    if ((a) != (b)) {                                                                              \
        printf("    %-6s native " format " ours " format "\n", field, a, b);                       \
    }

static void show(const char *class, const struct diff_state *before, const struct diff_state *want,
                 const struct diff_state *got)
{
    char name[8];

    printf("  MISMATCH %s: %08" PRIx32 " fpcr %08" PRIx32 " fpsr %08" PRIx32 " nzcv %08" PRIx32
           "\n",
           class, before->insn, before->fpcr, before->fpsr, before->nzcv);
    const uint32_t regs[4] = {before->insn & 31u, (before->insn >> 5) & 31u,
                              (before->insn >> 16) & 31u, (before->insn >> 10) & 31u};
    for (unsigned i = 0; i < 4; i++) {
        printf("    in v%-2" PRIu32 " %016" PRIx64 ":%016" PRIx64, regs[i], before->v[regs[i]][1],
               before->v[regs[i]][0]);
        if (regs[i] < 31) {
            printf("  x%-2" PRIu32 " %016" PRIx64, regs[i], before->x[regs[i]]);
        }
        printf("\n");
    }
    SHOW("status", "%" PRIu32, want->status, got->status)
    SHOW("pc", "%016" PRIx64, want->pc, got->pc)
    SHOW("sp", "%016" PRIx64, want->sp, got->sp)
    SHOW("nzcv", "%08" PRIx32, want->nzcv, got->nzcv)
    SHOW("fpcr", "%08" PRIx32, want->fpcr, got->fpcr)
    SHOW("fpsr", "%08" PRIx32, want->fpsr, got->fpsr)
    for (unsigned i = 0; i < 31; i++) {
        snprintf(name, sizeof(name), "x%u", i);
        SHOW(name, "%016" PRIx64, want->x[i], got->x[i])
    }
    for (unsigned i = 0; i < 32; i++) {
        snprintf(name, sizeof(name), "v%u", i);
        if (memcmp(want->v[i], got->v[i], 16) != 0) {
            printf("    %-6s native %016" PRIx64 ":%016" PRIx64 " ours %016" PRIx64 ":%016" PRIx64
                   "\n",
                   name, want->v[i][1], want->v[i][0], got->v[i][1], got->v[i][0]);
        }
    }
    if (memcmp(want->memory, got->memory, sizeof(want->memory)) != 0) {
        printf("    memory differs\n");
    }
}

static void run_batch(const struct options *o, const struct native *n,
                      const struct diff_class *class, struct diff_random *r, uint32_t count,
                      struct tally *t)
{
    static struct diff_state before[DIFF_BATCH];
    static struct diff_state want[DIFF_BATCH];

    for (uint32_t i = 0; i < count; i++) {
        random_state(r, class, i, &before[i]);
        want[i] = before[i];
        if (diff_adapter.aborts != NULL && diff_adapter.aborts(before[i].insn)) {
            want[i].insn = 0;
        }
    }
    put_bytes(n->to, &count, sizeof(count));
    put_bytes(n->to, want, count * sizeof(want[0]));
    get_bytes(n->from, want, count * sizeof(want[0]));
    for (uint32_t i = 0; i < count; i++) {
        want[i].insn = before[i].insn;
        struct diff_state got = before[i];
        diff_adapter.execute(&got);
        t->cases++;
        t->defined += got.status != DIFF_UNDEFINED;
        if (memcmp(&got, &want[i], sizeof(got)) == 0) {
            continue;
        }
        const char *reason = diff_adapter.excuse == NULL ? NULL : diff_adapter.excuse(&before[i]);
        if (reason != NULL) {
            t->excused++;
            t->reason = reason;
            continue;
        }
        t->mismatches++;
        if (t->mismatches <= o->shown) {
            show(class->name, &before[i], &want[i], &got);
        }
    }
}

static void usage(void)
{
    fprintf(stderr, "usage: diff [-n cases] [-s seed] [-c class] [-m shown] -- command...\n");
    exit(2);
}

static struct options parse(int argc, char **argv)
{
    struct options o = {.cases = 2000, .seed = 1, .shown = 3};
    int c;

    while ((c = getopt(argc, argv, "+n:s:c:m:")) != -1) {
        switch (c) {
        case 'n':
            o.cases = strtoul(optarg, NULL, 0);
            break;
        case 's':
            o.seed = strtoull(optarg, NULL, 0);
            break;
        case 'c':
            o.only = optarg;
            break;
        case 'm':
            o.shown = strtoul(optarg, NULL, 0);
            break;
        default:
            usage();
        }
    }
    if (optind >= argc) {
        usage();
    }
    o.command = &argv[optind];
    return o;
}

int main(int argc, char **argv)
{
    const struct options o = parse(argc, argv);
    const struct native n = start_native(o.command);
    struct tally total = {0};
    size_t unreached = 0;
    int status = 0;

    printf("%s against %s, seed %" PRIu64 "\n", diff_adapter.name, o.command[0], o.seed);
    printf("%-36s %9s %9s %9s %10s\n", "class", "cases", "defined", "undefined", "mismatches");
    for (size_t k = 0; k < diff_adapter.class_count; k++) {
        const struct diff_class *class = &diff_adapter.classes[k];
        struct diff_random r = {o.seed * UINT64_C(1000003) + k};
        struct tally t = {0};

        if (o.only != NULL && strstr(class->name, o.only) == NULL) {
            continue;
        }
        while (t.cases < o.cases) {
            const unsigned long left = o.cases - t.cases;
            run_batch(&o, &n, class, &r, left < DIFF_BATCH ? (uint32_t)left : DIFF_BATCH, &t);
        }
        printf("%-36s %9lu %9lu %9lu %10lu", class->name, t.cases, t.defined, t.cases - t.defined,
               t.mismatches);
        if (t.excused != 0) {
            printf("  (%lu not compared: %s)", t.excused, t.reason);
        }
        printf("\n");
        fflush(stdout);
        total.cases += t.cases;
        total.defined += t.defined;
        total.mismatches += t.mismatches;
    }
    printf("%-36s %9lu %9lu %9lu %10lu\n", "all", total.cases, total.defined,
           total.cases - total.defined, total.mismatches);
    if (o.only == NULL && diff_adapter.report != NULL) {
        unreached = diff_adapter.report();
    }
    close(n.to);
    waitpid(n.pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "the native side failed\n");
        return 2;
    }
    return total.mismatches != 0 || unreached != 0 || total.cases == 0 ? 1 : 0;
}
