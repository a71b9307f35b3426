/*
 * What holds for every instruction of the class, on random encodings and registers: only the
 * destination changes, flags accumulate, a source may be the destination, and vectors of
 * floating-point numbers are the scalars' results lane by lane.
 */
#include "simd_support.h"
#include "test.h"

static void random_registers(struct a64_regs *regs, uint64_t *seed)
{
    memset(regs, 0, sizeof(*regs));
    for (unsigned i = 0; i < 31; i++) {
        regs->x[i] = simd_random(seed) >> (simd_random(seed) % 64);
    }
    for (unsigned i = 0; i < 32; i++) {
        for (unsigned j = 0; j < 8; j++) {
            regs->v[i].h[j] = (uint16_t)simd_random(seed);
            /* numbers near one another in every precision, and zeros */
            if (i % 4 != 0) {
                regs->v[i].h[j] = (uint16_t)((regs->v[i].h[j] & 0x83ffu) | 0x3c00u);
            }
        }
        if (i % 8 == 5) {
            regs->v[i].d[i / 8 % 2] = 0;
        }
    }
    regs->nzcv = (uint32_t)simd_random(seed) & 0xf0000000u;
    regs->fpcr = (uint32_t)simd_random(seed) & 0x07c80000u;
    regs->fpsr = (uint32_t)simd_random(seed) & 0x0800009fu;
}

static uint32_t random_instruction(uint64_t *seed, struct a64_simd_op *op)
{
    uint32_t insn;

    do {
        insn = (uint32_t)simd_random(seed) | 0x0e000000u;
    } while (!a64_simd_decode(insn, SIMD_ALL, op));
    return insn;
}

static void check_bystanders(uint32_t insn, const struct a64_simd_op *op,
                             const struct a64_regs *before, const struct a64_regs *after)
{
    const uint32_t flags = a64_simd_table[op->fn].flags;
    unsigned changed = 0;

    for (unsigned i = 0; i < 32; i++) {
        changed += i != op->rd && memcmp(&before->v[i], &after->v[i], 16) != 0;
        changed += i != op->rd && before->x[i] != after->x[i];
    }
    changed += after->x[A64_X_ZERO] != 0 || after->x[A64_X_SP] != before->x[A64_X_SP];
    changed += after->pc != before->pc || after->fpcr != before->fpcr;
    changed += (before->fpsr & ~after->fpsr) != 0;
    changed += (flags & A64_SIMD_WRITES_NZCV) == 0 && before->nzcv != after->nzcv;
    changed += (after->nzcv & 0x0fffffffu) != 0;
    if (changed != 0) {
        fail_msg("%08x (%s) changed what is not its own", insn, a64_simd_table[op->fn].name);
    }
}

static void test_only_the_destination_changes(void **state)
{
    uint64_t seed = 21;

    for (unsigned i = 0; i < 200000; i++) {
        struct a64_regs before;
        struct a64_simd_op op;
        const uint32_t insn = random_instruction(&seed, &op);
        random_registers(&before, &seed);
        struct a64_regs after = before;

        a64_simd_table[op.fn].fn(&after, &op);
        check_bystanders(insn, &op, &before, &after);
    }
}

/* What an instruction that reads NZCV says it does: others give the same result whatever NZCV. */
static void test_flags_are_read_only_where_declared(void **state)
{
    uint64_t seed = 22;

    for (unsigned i = 0; i < 50000; i++) {
        struct a64_regs a;
        struct a64_simd_op op;
        const uint32_t insn = random_instruction(&seed, &op);
        random_registers(&a, &seed);
        struct a64_regs b = a;

        if ((a64_simd_table[op.fn].flags & A64_SIMD_READS_NZCV) != 0) {
            continue;
        }
        b.nzcv ^= 0xf0000000u;
        a64_simd_table[op.fn].fn(&a, &op);
        a64_simd_table[op.fn].fn(&b, &op);
        b.nzcv = a.nzcv;
        if (memcmp(&a, &b, sizeof(a)) != 0) {
            fail_msg("%08x reads NZCV", insn);
        }
    }
}

/* Three-register vector instructions with Vd = Vn or Vd = Vm, against the same in other registers. */
static void test_destination_may_be_a_source(void **state)
{
    uint64_t seed = 23;

    for (unsigned i = 0; i < 100000; i++) {
        struct a64_simd_op op;
        uint32_t insn;
        struct a64_regs a;

        do {
            insn = random_instruction(&seed, &op) & ~0x001f03ffu;
            /* vectors of three registers: their fields are where this test puts them */
        } while ((insn & 0x9f200400u) != 0x0e200400u || !a64_simd_decode(insn, SIMD_ALL, &op));
        random_registers(&a, &seed);
        struct a64_regs b = a;
        /* V8, V9 and V10 are Vd, Vn and Vm; then Vd is the one that it equals */
        const bool is_n = i % 2 == 0;
        a.v[8] = is_n ? a.v[9] : a.v[10];
        b.v[is_n ? 9 : 10] = a.v[8];
        simd_run(insn | 10u << 16 | 9u << 5 | 8u, &a);
        simd_run(insn | 10u << 16 | 9u << 5 | (is_n ? 9u : 10u), &b);
        if (memcmp(&a.v[8], &b.v[is_n ? 9 : 10], 16) != 0 || a.fpsr != b.fpsr) {
            fail_msg("%08x with Vd = %s", insn, is_n ? "Vn" : "Vm");
        }
    }
}

/* Vector and scalar encodings of the same operation, in single and double precision. */
static void test_vectors_are_scalars_lane_by_lane(void **state)
{
    static const struct {
        uint32_t vector; /* V0, V1, V2 of 4S; bit 22 makes it 2D */
        uint32_t scalar;
    } pairs[] = {
        {0x4e22d420u, 0x1e222820u}, /* FADD */
        {0x4ea2d420u, 0x1e223820u}, /* FSUB */
        {0x6e22dc20u, 0x1e220820u}, /* FMUL */
        {0x6e22fc20u, 0x1e221820u}, /* FDIV */
        {0x4e22f420u, 0x1e224820u}, /* FMAX */
        {0x4ea2f420u, 0x1e225820u}, /* FMIN */
        {0x4e22c420u, 0x1e226820u}, /* FMAXNM */
        {0x4ea2c420u, 0x1e227820u}, /* FMINNM */
        {0x4e22cc20u, 0x1f020020u}, /* FMLA and FMADD with Va = V0 */
        {0x4ea2cc20u, 0x1f028020u}, /* FMLS and FMSUB */
        {0x6ea1f820u, 0x1e21c020u}, /* FSQRT */
        {0x4e218820u, 0x1e244020u}, /* FRINTN */
        {0x4e22dc20u, 0x5e22dc20u}, /* FMULX */
        {0x4e22fc20u, 0x5e22fc20u}, /* FRECPS */
        {0x4ea2fc20u, 0x5ea2fc20u}, /* FRSQRTS */
        {0x6ea2d420u, 0x7ea2d420u}, /* FABD */
        {0x6e22e420u, 0x7e22e420u}, /* FCMGE */
        {0x6ea2ec20u, 0x7ea2ec20u}, /* FACGT */
        {0x4ea1d820u, 0x5ea1d820u}, /* FRECPE */
        {0x6ea1d820u, 0x7ea1d820u}, /* FRSQRTE */
        {0x4e21d820u, 0x5e21d820u}, /* SCVTF */
        {0x6ea1b820u, 0x7ea1b820u}, /* FCVTZU */
        {0x4f829020u, 0x5f829020u}, /* FMUL by element 0 */
    };
    uint64_t seed = 24;

    for (unsigned i = 0; i < 40000; i++) {
        const unsigned k = i % (sizeof(pairs) / sizeof(pairs[0]));
        const unsigned doubles = i / 64 % 2;
        const unsigned lanes = doubles != 0 ? 2 : 4;
        const bool by_element = (pairs[k].vector & 0x01000000u) != 0;
        struct a64_regs vector;
        random_registers(&vector, &seed);
        const struct a64_regs before = vector;
        uint32_t fpsr = before.fpsr;

        simd_run(pairs[k].vector | doubles << 22, &vector);
        for (unsigned lane = 0; lane < lanes; lane++) {
            struct a64_regs scalar = before;
            for (unsigned reg = 0; reg < 3; reg++) {
                const unsigned from = by_element && reg == 2 ? 0 : lane;
                if (doubles != 0) {
                    scalar.v[reg].d[0] = before.v[reg].d[from];
                } else {
                    scalar.v[reg].s[0] = before.v[reg].s[from];
                }
            }
            simd_run(pairs[k].scalar | doubles << 22, &scalar);
            fpsr |= scalar.fpsr;
            const bool same = doubles != 0 ? scalar.v[0].d[0] == vector.v[0].d[lane]
                                           : scalar.v[0].s[0] == vector.v[0].s[lane];
            if (!same) {
                fail_msg("%08x lane %u", pairs[k].vector | doubles << 22, lane);
            }
        }
        assert_int_equal(vector.fpsr, fpsr);
    }
}

/* Long, wide and narrow forms, and shifts, against 64-bit arithmetic on a lane. */
static void test_widths_and_shifts(void **state)
{
    uint64_t seed = 25;

    for (unsigned i = 0; i < 2000; i++) {
        struct a64_regs r;
        random_registers(&r, &seed);
        const union a64_vreg d = r.v[0];
        const union a64_vreg n = r.v[1];
        const union a64_vreg m = r.v[2];
        const unsigned k = i % 4;

        simd_run(0x2e620020u, &r); /* UADDL V0.4S, V1.4H, V2.4H */
        assert_int_equal(r.v[0].s[k], (uint32_t)n.h[k] + m.h[k]);
        simd_run(0x4e620020u, &r); /* SADDL2 V0.4S, V1.8H, V2.8H */
        assert_int_equal(r.v[0].s[k], (uint32_t)((int16_t)n.h[4 + k] + (int16_t)m.h[4 + k]));
        simd_run(0x4e623020u, &r); /* SSUBW2 V0.4S, V1.4S, V2.8H */
        assert_int_equal(r.v[0].s[k], n.s[k] - (uint32_t)(int16_t)m.h[4 + k]);
        simd_run(0x2ea2c020u, &r); /* UMULL V0.2D, V1.2S, V2.2S */
        assert_true(r.v[0].d[k / 2] == (uint64_t)n.s[k / 2] * m.s[k / 2]);
        r.v[0] = d;
        r.v[0] = d;
        simd_run(0x4e628020u, &r); /* SMLAL2 V0.4S, V1.8H, V2.8H */
        assert_int_equal(r.v[0].s[k],
                         d.s[k] + (uint32_t)((int16_t)n.h[4 + k] * (int16_t)m.h[4 + k]));
        r.v[0] = d;
        simd_run(0x6e624020u, &r); /* RADDHN2 V0.8H, V1.4S, V2.4S keeps the lower half */
        assert_int_equal(r.v[0].h[4 + k], (uint16_t)((n.s[k] + m.s[k] + 0x8000u) >> 16));
        assert_true(r.v[0].d[0] == d.d[0]);
        simd_run(0x4e602820u, &r); /* SADDLP V0.4S, V1.8H */
        assert_int_equal(r.v[0].s[k], (uint32_t)((int16_t)n.h[2 * k] + (int16_t)n.h[2 * k + 1]));
        simd_run(0x4f3b0420u, &r); /* SSHR V0.4S, V1.4S, #5 */
        assert_int_equal(r.v[0].s[k], (uint32_t)((int32_t)n.s[k] >> 5));
        simd_run(0x6f402420u, &r); /* URSHR V0.2D, V1.2D, #64: only the rounding is left */
        assert_true(r.v[0].d[k / 2] == n.d[k / 2] >> 63);
        simd_run(0x4f402420u, &r); /* SRSHR V0.2D, V1.2D, #64 */
        assert_true(r.v[0].d[k / 2] == 0);
        r.v[0] = d;
        simd_run(0x6f404420u, &r); /* SRI V0.2D, V1.2D, #64 changes nothing */
        assert_memory_equal(&r.v[0], &d, 16);
        simd_run(0x6f245420u, &r); /* SLI V0.4S, V1.4S, #4 */
        assert_int_equal(r.v[0].s[k], n.s[k] << 4 | (d.s[k] & 15u));
        simd_run(0x4e612820u, &r); /* XTN2 V0.8H, V1.4S */
        assert_int_equal(r.v[0].h[4 + k], (uint16_t)n.s[k]);
        simd_run(0x2f08a420u | 3u << 16, &r); /* USHLL V0.8H, V1.8B, #3 */
        assert_int_equal(r.v[0].h[k], (uint16_t)(n.b[k] << 3));
        r.fpsr = 0;
        simd_run(0x2e612820u, &r); /* SQXTUN V0.4H, V1.4S */
        const int32_t v = (int32_t)n.s[k];
        assert_int_equal(r.v[0].h[k], v < 0 ? 0 : v > 0xffff ? 0xffff : v);
        assert_true(v >= 0 || (r.fpsr & FPSR_QC) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_destination_changes),
        cmocka_unit_test(test_flags_are_read_only_where_declared),
        cmocka_unit_test(test_destination_may_be_a_source),
        cmocka_unit_test(test_vectors_are_scalars_lane_by_lane),
        cmocka_unit_test(test_widths_and_shifts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
