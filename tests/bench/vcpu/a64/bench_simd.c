/* Instructions per decoded SIMD or floating-point operation, the call through the table included. */
#include "bench.h"
#include "simd.h"

static void run(uint32_t insn, uint32_t fpsr, uint64_t iterations)
{
    struct a64_regs regs = {.fpsr = fpsr};
    struct a64_simd_op op;
    volatile const struct a64_simd_entry *table = a64_simd_table;

    if (!a64_simd_decode(insn, UINT64_MAX, &op)) {
        abort();
    }
    for (unsigned i = 0; i < 32; i++) {
        regs.v[i].d[0] = UINT64_C(0x3ff123453f89abcd) + i;
        regs.v[i].d[1] = UINT64_C(0x3fe234563e9abcde) + i;
    }
    for (uint64_t i = 0; i < iterations; i++) {
        regs.fpsr = fpsr; /* IXC takes the way through the host's arithmetic */
        table[op.fn].fn(&regs, &op);
    }
}

#define CASE(name, insn, fpsr)                                                                     \
    static void name(uint64_t iterations)                                                          \
    {                                                                                              \
        run(insn, fpsr, iterations);                                                               \
    }

#define IXC 0x10u

CASE(fadd_host, 0x1e622820u, IXC)
CASE(fadd_integer, 0x1e622820u, 0)
CASE(fmul_host, 0x1e620820u, IXC)
CASE(fmul_integer, 0x1e620820u, 0)
CASE(fdiv_host, 0x1e621820u, IXC)
CASE(fdiv_integer, 0x1e621820u, 0)
CASE(fsqrt_integer, 0x1e61c020u, 0)
CASE(fmadd_double, 0x1f420c20u, IXC)
CASE(fmadd_single_host, 0x1f020c20u, IXC)
CASE(fcmp, 0x1e622020u, 0)
CASE(fcvtzs, 0x9e780020u, 0)
CASE(scvtf, 0x9e620020u, 0)
CASE(mov_16b, 0x4ea11c20u, 0)
CASE(cmeq_16b, 0x6e228c20u, 0)
CASE(add_4s, 0x4ea28420u, 0)
CASE(ext_16b, 0x6e022820u, 0)
CASE(umaxp_16b, 0x6e22a420u, 0)
CASE(shrn_8b, 0x0f0c8420u, 0)
CASE(dup_16b, 0x4e010c20u, 0)
CASE(aese, 0x4e284820u, 0)
CASE(sha256h, 0x5e034020u, 0)

static void decode(uint64_t iterations)
{
    static const uint32_t insns[4] = {0x1e622820u, 0x4ea28420u, 0x6e022820u, 0x4f3b0420u};
    struct a64_simd_op op;

    for (uint64_t i = 0; i < iterations; i++) {
        bool ok = a64_simd_decode(insns[i % 4], 0, &op);
        BENCH_KEEP(ok);
    }
}

static const struct bench_case cases[] = {
    {"decode", decode},
    {"fadd double, host", fadd_host},
    {"fadd double, integer", fadd_integer},
    {"fmul double, host", fmul_host},
    {"fmul double, integer", fmul_integer},
    {"fdiv double, host", fdiv_host},
    {"fdiv double, integer", fdiv_integer},
    {"fsqrt double, integer", fsqrt_integer},
    {"fmadd double", fmadd_double},
    {"fmadd single, host", fmadd_single_host},
    {"fcmp double", fcmp},
    {"fcvtzs x, d", fcvtzs},
    {"scvtf d, x", scvtf},
    {"mov 16b", mov_16b},
    {"cmeq 16b", cmeq_16b},
    {"add 4s", add_4s},
    {"ext 16b", ext_16b},
    {"umaxp 16b", umaxp_16b},
    {"shrn 8b", shrn_8b},
    {"dup 16b", dup_16b},
    {"aese", aese},
    {"sha256h", sha256h},
};

BENCH_MAIN(cases)
