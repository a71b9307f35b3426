/*
 * Every function of a64_simd_table, once: F(name, flags, mnemonic).  The enumeration, the
 * prototypes and the table come from this list.
 *
 * Names end in what they are specialised for:
 *   _8b _16b _4h ...  a whole register of that arrangement (B7: in the order of size:Q, where _2d
 *                     follows _4s; B8 has _1d, a scalar, between them; V5 has neither _2s nor _2d);
 *   _b _h _s _d       an element size; `ra` has the number of lanes, scalars have one, the rest of
 *                     the register is zeroed.  FP functions of this kind are half, single, double;
 *   _e                the second source is element `imm` of Vm.
 * Within a family the order is fixed, because the decoder adds to the first name.
 */
#ifndef VML_A64_SIMD_LIST_H
#define VML_A64_SIMD_LIST_H

#include "simd.h"

#define LIST_Q(F, n, m)               F(n##_8b, 0, m) F(n##_16b, 0, m)
#define LIST_B4(F, n, m)              LIST_Q(F, n, m) F(n##_4h, 0, m) F(n##_8h, 0, m)
#define LIST_B6(F, n, m)              LIST_B4(F, n, m) F(n##_2s, 0, m) F(n##_4s, 0, m)
#define LIST_V5(F, n, m)              LIST_B4(F, n, m) F(n##_4s, 0, m)
#define LIST_B7(F, n, m)              LIST_B6(F, n, m) F(n##_2d, 0, m)
#define LIST_B8(F, n, m)              LIST_B6(F, n, m) F(n##_1d, 0, m) F(n##_2d, 0, m)
#define LIST_E4(F, n, m)              F(n##_b, 0, m) F(n##_h, 0, m) F(n##_s, 0, m) F(n##_d, 0, m)
#define LIST_E3(F, n, m)              F(n##_b, 0, m) F(n##_h, 0, m) F(n##_s, 0, m)
#define LIST_E2(F, n, m)              F(n##_h, 0, m) F(n##_s, 0, m)
#define LIST_F3(F, n, m)              F(n##_h, 0, m) F(n##_s, 0, m) F(n##_d, 0, m)
#define LIST_F3_FLAGS(F, n, flags, m) F(n##_h, flags, m) F(n##_s, flags, m) F(n##_d, flags, m)

/* simd_logic.c */
#define LIST_LOGIC(F)                                                                              \
    LIST_Q(F, and, "and")                                                                          \
    LIST_Q(F, bic, "bic")                                                                          \
    LIST_Q(F, orr, "orr")                                                                          \
    LIST_Q(F, orn, "orn")                                                                          \
    LIST_Q(F, eor, "eor")                                                                          \
    LIST_Q(F, bsl, "bsl")                                                                          \
    LIST_Q(F, bit, "bit")                                                                          \
    LIST_Q(F, bif, "bif")                                                                          \
    LIST_Q(F, not, "not")                                                                          \
    LIST_Q(F, mov, "mov")                                                                          \
    F(movi_8, 0, "movi")                                                                           \
    F(movi_16, 0, "movi")                                                                          \
    F(movi_32, 0, "movi")                                                                          \
    F(movi_64, 0, "movi")                                                                          \
    F(movi_msl, 0, "movi")                                                                         \
    F(mvni_16, 0, "mvni")                                                                          \
    F(mvni_32, 0, "mvni")                                                                          \
    F(mvni_msl, 0, "mvni")                                                                         \
    F(orr_imm_16, 0, "orr")                                                                        \
    F(orr_imm_32, 0, "orr")                                                                        \
    F(bic_imm_16, 0, "bic")                                                                        \
    F(bic_imm_32, 0, "bic")                                                                        \
    LIST_F3(F, fmov_vimm, "fmov")

/* simd_int.c: whole registers */
#define LIST_INT(F)                                                                                \
    LIST_B8(F, add, "add")                                                                         \
    LIST_B8(F, sub, "sub")                                                                         \
    LIST_B8(F, cmgt, "cmgt")                                                                       \
    LIST_B8(F, cmhi, "cmhi")                                                                       \
    LIST_B8(F, cmge, "cmge")                                                                       \
    LIST_B8(F, cmhs, "cmhs")                                                                       \
    LIST_B8(F, cmtst, "cmtst")                                                                     \
    LIST_B8(F, cmeq, "cmeq")                                                                       \
    LIST_B8(F, cmgt0, "cmgt")                                                                      \
    LIST_B8(F, cmge0, "cmge")                                                                      \
    LIST_B8(F, cmeq0, "cmeq")                                                                      \
    LIST_B8(F, cmle0, "cmle")                                                                      \
    LIST_B8(F, cmlt0, "cmlt")                                                                      \
    LIST_B8(F, abs, "abs")                                                                         \
    LIST_B8(F, neg, "neg")                                                                         \
    LIST_B6(F, smax, "smax")                                                                       \
    LIST_B6(F, umax, "umax")                                                                       \
    LIST_B6(F, smin, "smin")                                                                       \
    LIST_B6(F, umin, "umin")                                                                       \
    LIST_B6(F, sabd, "sabd")                                                                       \
    LIST_B6(F, uabd, "uabd")                                                                       \
    LIST_B6(F, saba, "saba")                                                                       \
    LIST_B6(F, uaba, "uaba")                                                                       \
    LIST_B6(F, mul, "mul")                                                                         \
    LIST_B6(F, mla, "mla")                                                                         \
    LIST_B6(F, mls, "mls")                                                                         \
    LIST_B7(F, addp, "addp")                                                                       \
    LIST_B6(F, smaxp, "smaxp")                                                                     \
    LIST_B6(F, umaxp, "umaxp")                                                                     \
    LIST_B6(F, sminp, "sminp")                                                                     \
    LIST_B6(F, uminp, "uminp")                                                                     \
    LIST_V5(F, addv, "addv")                                                                       \
    LIST_V5(F, smaxv, "smaxv")                                                                     \
    LIST_V5(F, umaxv, "umaxv")                                                                     \
    LIST_V5(F, sminv, "sminv")                                                                     \
    LIST_V5(F, uminv, "uminv")                                                                     \
    LIST_V5(F, saddlv, "saddlv")                                                                   \
    LIST_V5(F, uaddlv, "uaddlv")                                                                   \
    F(addp_scalar, 0, "addp")

/* simd_lane.c: any number of lanes */
#define LIST_LANE(F)                                                                               \
    LIST_E3(F, shadd, "shadd")                                                                     \
    LIST_E3(F, uhadd, "uhadd")                                                                     \
    LIST_E3(F, srhadd, "srhadd")                                                                   \
    LIST_E3(F, urhadd, "urhadd")                                                                   \
    LIST_E3(F, shsub, "shsub")                                                                     \
    LIST_E3(F, uhsub, "uhsub")                                                                     \
    LIST_E4(F, sqadd, "sqadd")                                                                     \
    LIST_E4(F, uqadd, "uqadd")                                                                     \
    LIST_E4(F, sqsub, "sqsub")                                                                     \
    LIST_E4(F, uqsub, "uqsub")                                                                     \
    LIST_E4(F, suqadd, "suqadd")                                                                   \
    LIST_E4(F, usqadd, "usqadd")                                                                   \
    LIST_E4(F, sqabs, "sqabs")                                                                     \
    LIST_E4(F, sqneg, "sqneg")                                                                     \
    LIST_E4(F, sshl, "sshl")                                                                       \
    LIST_E4(F, ushl, "ushl")                                                                       \
    LIST_E4(F, srshl, "srshl")                                                                     \
    LIST_E4(F, urshl, "urshl")                                                                     \
    LIST_E4(F, sqshl, "sqshl")                                                                     \
    LIST_E4(F, uqshl, "uqshl")                                                                     \
    LIST_E4(F, sqrshl, "sqrshl")                                                                   \
    LIST_E4(F, uqrshl, "uqrshl")                                                                   \
    LIST_E2(F, sqdmulh, "sqdmulh")                                                                 \
    LIST_E2(F, sqrdmulh, "sqrdmulh")                                                               \
    LIST_E2(F, sqrdmlah, "sqrdmlah")                                                               \
    LIST_E2(F, sqrdmlsh, "sqrdmlsh")                                                               \
    LIST_E2(F, sqdmulh_e, "sqdmulh")                                                               \
    LIST_E2(F, sqrdmulh_e, "sqrdmulh")                                                             \
    LIST_E2(F, sqrdmlah_e, "sqrdmlah")                                                             \
    LIST_E2(F, sqrdmlsh_e, "sqrdmlsh")                                                             \
    LIST_E2(F, mul_e, "mul")                                                                       \
    LIST_E2(F, mla_e, "mla")                                                                       \
    LIST_E2(F, mls_e, "mls")                                                                       \
    LIST_E3(F, cls, "cls")                                                                         \
    LIST_E3(F, clz, "clz")                                                                         \
    LIST_Q(F, cnt, "cnt")                                                                          \
    LIST_Q(F, rbit, "rbit")                                                                        \
    F(pmul_b, 0, "pmul")                                                                           \
    F(urecpe_s, 0, "urecpe")                                                                       \
    F(ursqrte_s, 0, "ursqrte")                                                                     \
    F(sdot, 0, "sdot")                                                                             \
    F(udot, 0, "udot")                                                                             \
    F(usdot, 0, "usdot")                                                                           \
    F(sdot_e, 0, "sdot")                                                                           \
    F(udot_e, 0, "udot")                                                                           \
    F(usdot_e, 0, "usdot")                                                                         \
    F(sudot_e, 0, "sudot")                                                                         \
    F(smmla, 0, "smmla")                                                                           \
    F(ummla, 0, "ummla")                                                                           \
    F(usmmla, 0, "usmmla")

/* simd_shift.c: the shift is in `imm` */
#define LIST_SHIFT(F)                                                                              \
    LIST_B8(F, sshr, "sshr")                                                                       \
    LIST_B8(F, ushr, "ushr")                                                                       \
    LIST_B8(F, shl, "shl")                                                                         \
    LIST_B8(F, ssra, "ssra")                                                                       \
    LIST_B8(F, usra, "usra")                                                                       \
    LIST_B8(F, sli, "sli")                                                                         \
    LIST_B8(F, sri, "sri")                                                                         \
    LIST_B8(F, srshr, "srshr")                                                                     \
    LIST_B8(F, urshr, "urshr")                                                                     \
    LIST_B8(F, srsra, "srsra")                                                                     \
    LIST_B8(F, ursra, "ursra")                                                                     \
    LIST_E4(F, sqshl_imm, "sqshl")                                                                 \
    LIST_E4(F, uqshl_imm, "uqshl")                                                                 \
    LIST_E4(F, sqshlu, "sqshlu")                                                                   \
    LIST_B6(F, shrn, "shrn")                                                                       \
    LIST_B6(F, rshrn, "rshrn")                                                                     \
    LIST_B6(F, xtn, "xtn")                                                                         \
    LIST_B6(F, sshll, "sshll")                                                                     \
    LIST_B6(F, ushll, "ushll")                                                                     \
    LIST_E3(F, sqxtn, "sqxtn")                                                                     \
    LIST_E3(F, uqxtn, "uqxtn")                                                                     \
    LIST_E3(F, sqxtun, "sqxtun")                                                                   \
    LIST_E3(F, sqshrn, "sqshrn")                                                                   \
    LIST_E3(F, sqrshrn, "sqrshrn")                                                                 \
    LIST_E3(F, uqshrn, "uqshrn")                                                                   \
    LIST_E3(F, uqrshrn, "uqrshrn")                                                                 \
    LIST_E3(F, sqshrun, "sqshrun")                                                                 \
    LIST_E3(F, sqrshrun, "sqrshrun")

/* simd_wide.c: sources or results of twice the element size; _b _h _s is the narrow one */
#define LIST_WIDE(F)                                                                               \
    LIST_E3(F, saddl, "saddl")                                                                     \
    LIST_E3(F, uaddl, "uaddl")                                                                     \
    LIST_E3(F, ssubl, "ssubl")                                                                     \
    LIST_E3(F, usubl, "usubl")                                                                     \
    LIST_E3(F, saddw, "saddw")                                                                     \
    LIST_E3(F, uaddw, "uaddw")                                                                     \
    LIST_E3(F, ssubw, "ssubw")                                                                     \
    LIST_E3(F, usubw, "usubw")                                                                     \
    LIST_E3(F, sabal, "sabal")                                                                     \
    LIST_E3(F, uabal, "uabal")                                                                     \
    LIST_E3(F, sabdl, "sabdl")                                                                     \
    LIST_E3(F, uabdl, "uabdl")                                                                     \
    LIST_E3(F, smull, "smull")                                                                     \
    LIST_E3(F, umull, "umull")                                                                     \
    LIST_E3(F, smlal, "smlal")                                                                     \
    LIST_E3(F, umlal, "umlal")                                                                     \
    LIST_E3(F, smlsl, "smlsl")                                                                     \
    LIST_E3(F, umlsl, "umlsl")                                                                     \
    LIST_E2(F, smull_e, "smull")                                                                   \
    LIST_E2(F, umull_e, "umull")                                                                   \
    LIST_E2(F, smlal_e, "smlal")                                                                   \
    LIST_E2(F, umlal_e, "umlal")                                                                   \
    LIST_E2(F, smlsl_e, "smlsl")                                                                   \
    LIST_E2(F, umlsl_e, "umlsl")                                                                   \
    LIST_E2(F, sqdmull, "sqdmull")                                                                 \
    LIST_E2(F, sqdmlal, "sqdmlal")                                                                 \
    LIST_E2(F, sqdmlsl, "sqdmlsl")                                                                 \
    LIST_E2(F, sqdmull_e, "sqdmull")                                                               \
    LIST_E2(F, sqdmlal_e, "sqdmlal")                                                               \
    LIST_E2(F, sqdmlsl_e, "sqdmlsl")                                                               \
    LIST_E3(F, addhn, "addhn")                                                                     \
    LIST_E3(F, raddhn, "raddhn")                                                                   \
    LIST_E3(F, subhn, "subhn")                                                                     \
    LIST_E3(F, rsubhn, "rsubhn")                                                                   \
    LIST_E3(F, saddlp, "saddlp")                                                                   \
    LIST_E3(F, uaddlp, "uaddlp")                                                                   \
    LIST_E3(F, sadalp, "sadalp")                                                                   \
    LIST_E3(F, uadalp, "uadalp")                                                                   \
    F(pmull_b, 0, "pmull")                                                                         \
    F(pmull_d, 0, "pmull")

/* simd_permute.c */
#define LIST_PERMUTE(F)                                                                            \
    LIST_B7(F, uzp1, "uzp1")                                                                       \
    LIST_B7(F, uzp2, "uzp2")                                                                       \
    LIST_B7(F, trn1, "trn1")                                                                       \
    LIST_B7(F, trn2, "trn2")                                                                       \
    LIST_B7(F, zip1, "zip1")                                                                       \
    LIST_B7(F, zip2, "zip2")                                                                       \
    LIST_Q(F, ext, "ext")                                                                          \
    LIST_Q(F, tbl, "tbl")                                                                          \
    LIST_Q(F, tbx, "tbx")                                                                          \
    LIST_B6(F, rev64, "rev64")                                                                     \
    LIST_B4(F, rev32, "rev32")                                                                     \
    LIST_Q(F, rev16, "rev16")                                                                      \
    LIST_B7(F, dup_gen, "dup")                                                                     \
    LIST_E4(F, dup_elem, "dup")                                                                    \
    LIST_E4(F, ins_gen, "ins")                                                                     \
    LIST_E4(F, ins_elem, "ins")                                                                    \
    LIST_E4(F, umov, "umov")                                                                       \
    F(smov_w_b, 0, "smov")                                                                         \
    F(smov_w_h, 0, "smov")                                                                         \
    LIST_E3(F, smov_x, "smov")

/* simd_fp.c: vectors, and scalars that have no function of their own */
#define LIST_FP(F)                                                                                 \
    LIST_F3(F, fadd, "fadd")                                                                       \
    LIST_F3(F, fsub, "fsub")                                                                       \
    LIST_F3(F, fmul, "fmul")                                                                       \
    LIST_F3(F, fmulx, "fmulx")                                                                     \
    LIST_F3(F, fdiv, "fdiv")                                                                       \
    LIST_F3(F, fmax, "fmax")                                                                       \
    LIST_F3(F, fmin, "fmin")                                                                       \
    LIST_F3(F, fmaxnm, "fmaxnm")                                                                   \
    LIST_F3(F, fminnm, "fminnm")                                                                   \
    LIST_F3(F, fabd, "fabd")                                                                       \
    LIST_F3(F, frecps, "frecps")                                                                   \
    LIST_F3(F, frsqrts, "frsqrts")                                                                 \
    LIST_F3(F, fmla, "fmla")                                                                       \
    LIST_F3(F, fmls, "fmls")                                                                       \
    LIST_F3(F, fcmeq, "fcmeq")                                                                     \
    LIST_F3(F, fcmge, "fcmge")                                                                     \
    LIST_F3(F, fcmgt, "fcmgt")                                                                     \
    LIST_F3(F, facge, "facge")                                                                     \
    LIST_F3(F, facgt, "facgt")                                                                     \
    LIST_F3(F, fcmeq0, "fcmeq")                                                                    \
    LIST_F3(F, fcmge0, "fcmge")                                                                    \
    LIST_F3(F, fcmgt0, "fcmgt")                                                                    \
    LIST_F3(F, fcmle0, "fcmle")                                                                    \
    LIST_F3(F, fcmlt0, "fcmlt")                                                                    \
    LIST_F3(F, fmla_e, "fmla")                                                                     \
    LIST_F3(F, fmls_e, "fmls")                                                                     \
    LIST_F3(F, fmul_e, "fmul")                                                                     \
    LIST_F3(F, fmulx_e, "fmulx")                                                                   \
    LIST_F3(F, faddp, "faddp")                                                                     \
    LIST_F3(F, fmaxp, "fmaxp")                                                                     \
    LIST_F3(F, fminp, "fminp")                                                                     \
    LIST_F3(F, fmaxnmp, "fmaxnmp")                                                                 \
    LIST_F3(F, fminnmp, "fminnmp")                                                                 \
    LIST_F3(F, faddp_scalar, "faddp")                                                              \
    LIST_F3(F, fmaxp_scalar, "fmaxp")                                                              \
    LIST_F3(F, fminp_scalar, "fminp")                                                              \
    LIST_F3(F, fmaxnmp_scalar, "fmaxnmp")                                                          \
    LIST_F3(F, fminnmp_scalar, "fminnmp")                                                          \
    LIST_E2(F, fmaxv, "fmaxv")                                                                     \
    LIST_E2(F, fminv, "fminv")                                                                     \
    LIST_E2(F, fmaxnmv, "fmaxnmv")                                                                 \
    LIST_E2(F, fminnmv, "fminnmv")                                                                 \
    LIST_F3(F, fabs, "fabs")                                                                       \
    LIST_F3(F, fneg, "fneg")                                                                       \
    LIST_F3(F, fsqrt, "fsqrt")                                                                     \
    LIST_F3(F, frecpe, "frecpe")                                                                   \
    LIST_F3(F, frsqrte, "frsqrte")                                                                 \
    LIST_F3(F, frecpx, "frecpx")                                                                   \
    LIST_F3(F, frint, "frint")                                                                     \
    LIST_F3(F, fcvts, "fcvts")                                                                     \
    LIST_F3(F, fcvtu, "fcvtu")                                                                     \
    LIST_F3(F, scvtf, "scvtf")                                                                     \
    LIST_F3(F, ucvtf, "ucvtf")                                                                     \
    F(frint_n_s, 0, "frint32/64")                                                                  \
    F(frint_n_d, 0, "frint32/64")                                                                  \
    F(fcvtn_h, 0, "fcvtn")                                                                         \
    F(fcvtn_s, 0, "fcvtn")                                                                         \
    F(fcvtl_h, 0, "fcvtl")                                                                         \
    F(fcvtl_s, 0, "fcvtl")                                                                         \
    F(fcvtxn, 0, "fcvtxn")                                                                         \
    LIST_F3(F, fcadd, "fcadd")                                                                     \
    LIST_F3(F, fcmla, "fcmla")                                                                     \
    F(fcmla_e_h, 0, "fcmla")                                                                       \
    F(fcmla_e_s, 0, "fcmla")                                                                       \
    F(fmlal, 0, "fmlal")                                                                           \
    F(fmlsl, 0, "fmlsl")                                                                           \
    F(fmlal_e, 0, "fmlal")                                                                         \
    F(fmlsl_e, 0, "fmlsl")

/* simd_scalar.c: scalar floating point */
#define LIST_SCALAR(F)                                                                             \
    LIST_F3(F, fadd1, "fadd")                                                                      \
    LIST_F3(F, fsub1, "fsub")                                                                      \
    LIST_F3(F, fmul1, "fmul")                                                                      \
    LIST_F3(F, fdiv1, "fdiv")                                                                      \
    LIST_F3(F, fmax1, "fmax")                                                                      \
    LIST_F3(F, fmin1, "fmin")                                                                      \
    LIST_F3(F, fmaxnm1, "fmaxnm")                                                                  \
    LIST_F3(F, fminnm1, "fminnm")                                                                  \
    LIST_F3(F, fnmul1, "fnmul")                                                                    \
    LIST_F3(F, fmadd1, "fmadd")                                                                    \
    LIST_F3(F, fmsub1, "fmsub")                                                                    \
    LIST_F3(F, fnmadd1, "fnmadd")                                                                  \
    LIST_F3(F, fnmsub1, "fnmsub")                                                                  \
    LIST_F3(F, fmov1, "fmov")                                                                      \
    LIST_F3(F, fabs1, "fabs")                                                                      \
    LIST_F3(F, fneg1, "fneg")                                                                      \
    LIST_F3(F, fsqrt1, "fsqrt")                                                                    \
    LIST_F3_FLAGS(F, fcmp, A64_SIMD_WRITES_NZCV, "fcmp")                                           \
    LIST_F3_FLAGS(F, fcmp0, A64_SIMD_WRITES_NZCV, "fcmp")                                          \
    LIST_F3_FLAGS(F, fcmpe, A64_SIMD_WRITES_NZCV, "fcmpe")                                         \
    LIST_F3_FLAGS(F, fcmpe0, A64_SIMD_WRITES_NZCV, "fcmpe")                                        \
    LIST_F3_FLAGS(F, fccmp, A64_SIMD_READS_NZCV | A64_SIMD_WRITES_NZCV, "fccmp")                   \
    LIST_F3_FLAGS(F, fccmpe, A64_SIMD_READS_NZCV | A64_SIMD_WRITES_NZCV, "fccmpe")                 \
    LIST_F3_FLAGS(F, fcsel, A64_SIMD_READS_NZCV, "fcsel")                                          \
    LIST_F3(F, fmov_imm, "fmov")                                                                   \
    F(fcvt_hs, 0, "fcvt")                                                                          \
    F(fcvt_hd, 0, "fcvt")                                                                          \
    F(fcvt_sh, 0, "fcvt")                                                                          \
    F(fcvt_sd, 0, "fcvt")                                                                          \
    F(fcvt_dh, 0, "fcvt")                                                                          \
    F(fcvt_ds, 0, "fcvt")                                                                          \
    LIST_F3(F, fcvts_w, "fcvts")                                                                   \
    LIST_F3(F, fcvts_x, "fcvts")                                                                   \
    LIST_F3(F, fcvtu_w, "fcvtu")                                                                   \
    LIST_F3(F, fcvtu_x, "fcvtu")                                                                   \
    LIST_F3(F, scvtf_w, "scvtf")                                                                   \
    LIST_F3(F, scvtf_x, "scvtf")                                                                   \
    LIST_F3(F, ucvtf_w, "ucvtf")                                                                   \
    LIST_F3(F, ucvtf_x, "ucvtf")                                                                   \
    F(fmov_to_gen_h, 0, "fmov")                                                                    \
    F(fmov_to_gen_s, 0, "fmov")                                                                    \
    F(fmov_to_gen_d, 0, "fmov")                                                                    \
    F(fmov_to_gen_top, 0, "fmov")                                                                  \
    F(fmov_from_gen_h, 0, "fmov")                                                                  \
    F(fmov_from_gen_s, 0, "fmov")                                                                  \
    F(fmov_from_gen_d, 0, "fmov")                                                                  \
    F(fmov_from_gen_top, 0, "fmov")                                                                \
    F(fjcvtzs, A64_SIMD_WRITES_NZCV, "fjcvtzs")

/* simd_aes.c, simd_sha.c, simd_sm.c */
#define LIST_CRYPTO(F)                                                                             \
    F(aese, 0, "aese")                                                                             \
    F(aesd, 0, "aesd")                                                                             \
    F(aesmc, 0, "aesmc")                                                                           \
    F(aesimc, 0, "aesimc")                                                                         \
    F(sha1c, 0, "sha1c")                                                                           \
    F(sha1p, 0, "sha1p")                                                                           \
    F(sha1m, 0, "sha1m")                                                                           \
    F(sha1su0, 0, "sha1su0")                                                                       \
    F(sha1h, 0, "sha1h")                                                                           \
    F(sha1su1, 0, "sha1su1")                                                                       \
    F(sha256h, 0, "sha256h")                                                                       \
    F(sha256h2, 0, "sha256h2")                                                                     \
    F(sha256su0, 0, "sha256su0")                                                                   \
    F(sha256su1, 0, "sha256su1")                                                                   \
    F(sha512h, 0, "sha512h")                                                                       \
    F(sha512h2, 0, "sha512h2")                                                                     \
    F(sha512su0, 0, "sha512su0")                                                                   \
    F(sha512su1, 0, "sha512su1")                                                                   \
    F(eor3, 0, "eor3")                                                                             \
    F(bcax, 0, "bcax")                                                                             \
    F(rax1, 0, "rax1")                                                                             \
    F(xar, 0, "xar")                                                                               \
    F(sm3ss1, 0, "sm3ss1")                                                                         \
    F(sm3tt1a, 0, "sm3tt1a")                                                                       \
    F(sm3tt1b, 0, "sm3tt1b")                                                                       \
    F(sm3tt2a, 0, "sm3tt2a")                                                                       \
    F(sm3tt2b, 0, "sm3tt2b")                                                                       \
    F(sm3partw1, 0, "sm3partw1")                                                                   \
    F(sm3partw2, 0, "sm3partw2")                                                                   \
    F(sm4e, 0, "sm4e")                                                                             \
    F(sm4ekey, 0, "sm4ekey")

#define A64_SIMD_LIST(F)                                                                           \
    LIST_LOGIC(F)                                                                                  \
    LIST_INT(F)                                                                                    \
    LIST_LANE(F)                                                                                   \
    LIST_SHIFT(F)                                                                                  \
    LIST_WIDE(F)                                                                                   \
    LIST_PERMUTE(F)                                                                                \
    LIST_FP(F)                                                                                     \
    LIST_SCALAR(F)                                                                                 \
    LIST_CRYPTO(F)

#define LIST_ENUM(name, flags, mnemonic) SIMD_##name,
enum simd_fn_index { A64_SIMD_LIST(LIST_ENUM) SIMD_FN_COUNT };
#undef LIST_ENUM

/* The function of that name. */
#define SIMD_FN(name)                         void a64_simd_##name(struct a64_regs *regs, const struct a64_simd_op *op)

#define LIST_PROTOTYPE(name, flags, mnemonic) SIMD_FN(name);
A64_SIMD_LIST(LIST_PROTOTYPE)
#undef LIST_PROTOTYPE

#endif
