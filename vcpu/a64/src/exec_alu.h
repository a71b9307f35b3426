/* Handlers of integer data processing: part of a64_execute(). */
/* Unformatted: clang-format does not see that this is inside a function. */
/* clang-format off */

/* ---- immediates ---- */
L_ADR:
    XA = core->page_va + (uint64_t)(int64_t)op->imm;
    NEXT();
L_ADRP:
    XA = core->page_va + ((uint64_t)(int64_t)op->imm << A64_PAGE_BITS);
    NEXT();
L_MOVI:
    XA = (uint64_t)(int64_t)op->imm;
    NEXT();
L_MOVU:
    XA = (uint32_t)op->imm;
    NEXT();
L_MOVZS:
    XA = (uint64_t)(uint32_t)op->imm << op->d;
    NEXT();
L_MOVNS:
    XA = ~((uint64_t)(uint32_t)op->imm << op->d);
    NEXT();
L_MOVK64:
    XA = (XA & ~(UINT64_C(0xffff) << op->d)) | (uint64_t)(uint32_t)op->imm << op->d;
    NEXT();
L_MOVK32:
    XA = ((uint32_t)XA & ~(0xffffu << op->d)) | (uint32_t)op->imm << op->d;
    NEXT();
L_ADDI64:
    XA = XB + (uint64_t)(int64_t)op->imm;
    NEXT();
L_ADDI32:
    XA = WB + (uint32_t)op->imm;
    NEXT();

#define SUBTRACT64(y)                                                                              \
    {                                                                                              \
        uint64_t x_ = XB, y_ = (y);                                                                \
        FLAGS_SUB(x_, y_);                                                                         \
        XA = x_ - y_;                                                                              \
        NEXT();                                                                                    \
    }
#define SUBTRACT32(y)                                                                              \
    {                                                                                              \
        uint32_t x_ = WB, y_ = (y);                                                                \
        FLAGS_SUB((uint64_t)x_ << 32, (uint64_t)y_ << 32);                                         \
        XA = x_ - y_;                                                                              \
        NEXT();                                                                                    \
    }
L_SUBSI64:
    SUBTRACT64((uint64_t)(int64_t)op->imm)
L_SUBSI32:
    SUBTRACT32((uint32_t)op->imm)
L_CMPI64:
    FLAGS_SUB(XB, (uint64_t)(int64_t)op->imm);
    NEXT();
L_CMPI32:
    FLAGS_SUB(XB << 32, (uint64_t)(uint32_t)op->imm << 32);
    NEXT();

#define LOGIC_IMM(name, operator)                                                                  \
    L_##name##64 : XA = XB operator(uint64_t)(int64_t) op->imm;                                    \
    NEXT();                                                                                        \
    L_##name##32 : XA = WB operator(uint32_t) op->imm;                                             \
    NEXT();
LOGIC_IMM(ANDI, &)
LOGIC_IMM(ORRI, |)
LOGIC_IMM(EORI, ^)
L_ANDSI64: {
    uint64_t r_ = XB & (uint64_t)(int64_t)op->imm;
    FLAGS_LOGIC(r_);
    XA = r_;
    NEXT();
}
L_ANDSI32: {
    uint32_t r_ = WB & (uint32_t)op->imm;
    FLAGS_LOGIC((uint64_t)r_ << 32);
    XA = r_;
    NEXT();
}
L_TSTI64:
    FLAGS_LOGIC(XB & (uint64_t)(int64_t)op->imm);
    NEXT();
L_TSTI32:
    FLAGS_LOGIC((XB & (uint64_t)(uint32_t)op->imm) << 32);
    NEXT();
L_ANDW:
    XA = XB & wide_mask(op);
    NEXT();
L_ORRW:
    XA = XB | wide_mask(op);
    NEXT();
L_EORW:
    XA = XB ^ wide_mask(op);
    NEXT();
L_ANDSW: {
    uint64_t r_ = XB & wide_mask(op);
    FLAGS_LOGIC(r_);
    XA = r_;
    NEXT();
}
L_LSLI64:
    XA = XB << op->d;
    NEXT();
L_LSLI32:
    XA = WB << op->d;
    NEXT();
L_LSRI64:
    XA = XB >> op->d;
    NEXT();
L_LSRI32:
    XA = WB >> op->d;
    NEXT();
L_ASRI64:
    XA = (uint64_t)((int64_t)XB >> op->d);
    NEXT();
L_ASRI32:
    XA = (uint32_t)((int32_t)WB >> op->d);
    NEXT();
L_SXTW:
    XA = (uint64_t)(int64_t)(int32_t)XB;
    NEXT();
L_UXTB:
    XA = (uint8_t)XB;
    NEXT();
L_UBFM:
    XA = XB << op->c >> op->d;
    NEXT();
L_SBFM64:
    XA = (uint64_t)((int64_t)(XB << op->c) >> op->d);
    NEXT();
L_SBFM32:
    XA = (uint32_t)((int64_t)(XB << op->c) >> op->d);
    NEXT();
L_BFM64: {
    uint64_t mask_ = UINT64_MAX << op->c >> op->d;
    XA = (XA & ~mask_) | XB << op->c >> op->d;
    NEXT();
}
L_BFM32: {
    uint64_t mask_ = UINT64_MAX << op->c >> op->d;
    XA = (uint32_t)((XA & ~mask_) | XB << op->c >> op->d);
    NEXT();
}
L_EXTR64:
    XA = op->d ? XC >> op->d | XB << (64 - op->d) : XC;
    NEXT();
L_EXTR32:
    XA = (uint32_t)(((uint64_t)WB << 32 | WC) >> op->d);
    NEXT();

/* ---- registers ---- */
L_ADD64:
    XA = XB + XC;
    NEXT();
L_ADD32:
    XA = WB + WC;
    NEXT();
L_SUB64:
    XA = XB - XC;
    NEXT();
L_SUB32:
    XA = WB - WC;
    NEXT();
L_ADDS64:
    XA = add_carry64(core, XB, XC, 0);
    NEXT();
L_ADDS32:
    XA = add_carry32(core, WB, WC, 0);
    NEXT();
L_SUBS64:
    SUBTRACT64(XC)
L_SUBS32:
    SUBTRACT32(WC)
L_CMP64:
    FLAGS_SUB(XB, XC);
    NEXT();
L_CMP32:
    FLAGS_SUB(XB << 32, XC << 32);
    NEXT();
L_ADDL64:
    XA = XB + (XC << op->d);
    NEXT();
L_ADDL32:
    XA = WB + (WC << op->d);
    NEXT();
L_SUBL64:
    XA = XB - (XC << op->d);
    NEXT();
L_SUBL32:
    XA = WB - (WC << op->d);
    NEXT();

#define ADD_FAMILY(suffix, y64, y32)                                                               \
    L_ADD_##suffix##64 : XA = XB + (y64);                                                          \
    NEXT();                                                                                        \
    L_ADD_##suffix##32 : XA = WB + (y32);                                                          \
    NEXT();                                                                                        \
    L_SUB_##suffix##64 : XA = XB - (y64);                                                          \
    NEXT();                                                                                        \
    L_SUB_##suffix##32 : XA = WB - (y32);                                                          \
    NEXT();                                                                                        \
    L_ADDS_##suffix##64 : XA = add_carry64(core, XB, (y64), 0);                                    \
    NEXT();                                                                                        \
    L_ADDS_##suffix##32 : XA = add_carry32(core, WB, (y32), 0);                                    \
    NEXT();                                                                                        \
    L_SUBS_##suffix##64 : SUBTRACT64(y64)                                                          \
    L_SUBS_##suffix##32 : SUBTRACT32(y32)
ADD_FAMILY(SH, shift64(XC, op->imm, op->d), shift32(WC, op->imm, op->d))
ADD_FAMILY(EX, extend(XC, op->imm, op->d), (uint32_t)extend(XC, op->imm, op->d))

#define LOGIC(name, operator, invert)                                                              \
    L_##name##64 : XA = XB operator invert XC;                                                     \
    NEXT();                                                                                        \
    L_##name##32 : XA = (uint32_t)(XB operator invert XC);                                         \
    NEXT();                                                                                        \
    L_##name##_SH64 : XA = XB operator invert shift64(XC, op->imm, op->d);                         \
    NEXT();                                                                                        \
    L_##name##_SH32 : XA = WB operator invert shift32(WC, op->imm, op->d);                         \
    NEXT();
LOGIC(AND, &, )
LOGIC(ORR, |, )
LOGIC(EOR, ^, )
LOGIC(BIC, &, ~)
LOGIC(ORN, |, ~)
LOGIC(EON, ^, ~)

#define LOGIC_FLAGS64(value)                                                                       \
    {                                                                                              \
        uint64_t r_ = (value);                                                                     \
        FLAGS_LOGIC(r_);                                                                           \
        XA = r_;                                                                                   \
        NEXT();                                                                                    \
    }
#define LOGIC_FLAGS32(value)                                                                       \
    {                                                                                              \
        uint32_t r_ = (uint32_t)(value);                                                           \
        FLAGS_LOGIC((uint64_t)r_ << 32);                                                           \
        XA = r_;                                                                                   \
        NEXT();                                                                                    \
    }
L_ANDS64:
    LOGIC_FLAGS64(XB & XC)
L_ANDS32:
    LOGIC_FLAGS32(XB & XC)
L_BICS64:
    LOGIC_FLAGS64(XB & ~XC)
L_BICS32:
    LOGIC_FLAGS32(XB & ~XC)
L_ANDS_SH64:
    LOGIC_FLAGS64(XB & shift64(XC, op->imm, op->d))
L_ANDS_SH32:
    LOGIC_FLAGS32(WB & shift32(WC, op->imm, op->d))
L_BICS_SH64:
    LOGIC_FLAGS64(XB & ~shift64(XC, op->imm, op->d))
L_BICS_SH32:
    LOGIC_FLAGS32(WB & ~shift32(WC, op->imm, op->d))
L_TST64:
    FLAGS_LOGIC(XB & XC);
    NEXT();
L_TST32:
    FLAGS_LOGIC((XB & XC) << 32);
    NEXT();
L_MOV64:
    XA = XC;
    NEXT();
L_MOV32:
    XA = WC;
    NEXT();

L_ADC64:
    XA = XB + XC + carry_flag(core);
    NEXT();
L_ADC32:
    XA = WB + WC + carry_flag(core);
    NEXT();
L_SBC64:
    XA = XB + ~XC + carry_flag(core);
    NEXT();
L_SBC32:
    XA = WB + ~WC + carry_flag(core);
    NEXT();
L_ADCS64:
    XA = add_carry64(core, XB, XC, carry_flag(core));
    NEXT();
L_ADCS32:
    XA = add_carry32(core, WB, WC, carry_flag(core));
    NEXT();
L_SBCS64:
    XA = add_carry64(core, XB, ~XC, carry_flag(core));
    NEXT();
L_SBCS32:
    XA = add_carry32(core, WB, ~WC, carry_flag(core));
    NEXT();

/* Conditional compares: `a` condition, `d` the flags when it does not hold. */
#define CONDITIONAL_COMPARE(name, y64, y32)                                                        \
    L_CCMP##name##64 : if (a64_condition(core, op->a)) {                                           \
        FLAGS_SUB(XB, y64);                                                                        \
    }                                                                                              \
    else {                                                                                         \
        a64_flags_set(core, (uint32_t)op->d << 28);                                                \
    }                                                                                              \
    NEXT();                                                                                        \
    L_CCMP##name##32 : if (a64_condition(core, op->a)) {                                           \
        FLAGS_SUB(XB << 32, (uint64_t)(y32) << 32);                                                \
    }                                                                                              \
    else {                                                                                         \
        a64_flags_set(core, (uint32_t)op->d << 28);                                                \
    }                                                                                              \
    NEXT();                                                                                        \
    L_CCMN##name##64 : if (a64_condition(core, op->a)) {                                           \
        (void)add_carry64(core, XB, y64, 0);                                                       \
    }                                                                                              \
    else {                                                                                         \
        a64_flags_set(core, (uint32_t)op->d << 28);                                                \
    }                                                                                              \
    NEXT();                                                                                        \
    L_CCMN##name##32 : if (a64_condition(core, op->a)) {                                           \
        (void)add_carry32(core, WB, y32, 0);                                                       \
    }                                                                                              \
    else {                                                                                         \
        a64_flags_set(core, (uint32_t)op->d << 28);                                                \
    }                                                                                              \
    NEXT();
CONDITIONAL_COMPARE(, XC, WC)
CONDITIONAL_COMPARE(I, (uint64_t)(uint32_t)op->imm, (uint32_t)op->imm)

#define SELECT(cc)                                                                                 \
    L_CSEL64_##cc : XA = HOLDS_##cc ? XB : XC;                                                     \
    NEXT();                                                                                        \
    L_CSEL32_##cc : XA = HOLDS_##cc ? WB : WC;                                                     \
    NEXT();                                                                                        \
    L_CSINC64_##cc : XA = HOLDS_##cc ? XB : XC + 1;                                                \
    NEXT();                                                                                        \
    L_CSINC32_##cc : XA = HOLDS_##cc ? WB : WC + 1;                                                \
    NEXT();                                                                                        \
    L_CSINV64_##cc : XA = HOLDS_##cc ? XB : ~XC;                                                   \
    NEXT();                                                                                        \
    L_CSINV32_##cc : XA = HOLDS_##cc ? WB : ~WC;                                                   \
    NEXT();                                                                                        \
    L_CSNEG64_##cc : XA = HOLDS_##cc ? XB : -XC;                                                   \
    NEXT();                                                                                        \
    L_CSNEG32_##cc : XA = HOLDS_##cc ? WB : 0 - WC;                                                \
    NEXT();
EACH_COND(SELECT)

L_MADD64:
    XA = X(op->d) + XB * XC;
    NEXT();
L_MADD32:
    XA = (uint32_t)X(op->d) + WB * WC;
    NEXT();
L_MSUB64:
    XA = X(op->d) - XB * XC;
    NEXT();
L_MSUB32:
    XA = (uint32_t)X(op->d) - WB * WC;
    NEXT();
L_MUL64:
    XA = XB * XC;
    NEXT();
L_MUL32:
    XA = WB * WC;
    NEXT();
L_SMADDL:
    XA = X(op->d) + (uint64_t)((int64_t)(int32_t)XB * (int32_t)XC);
    NEXT();
L_SMSUBL:
    XA = X(op->d) - (uint64_t)((int64_t)(int32_t)XB * (int32_t)XC);
    NEXT();
L_UMADDL:
    XA = X(op->d) + (uint64_t)WB * WC;
    NEXT();
L_UMSUBL:
    XA = X(op->d) - (uint64_t)WB * WC;
    NEXT();
L_SMULH: {
    __extension__ __int128 p_ = (__int128)(int64_t)XB * (int64_t)XC;
    XA = (uint64_t)(p_ >> 64);
    NEXT();
}
L_UMULH: {
    __extension__ unsigned __int128 p_ = (unsigned __int128)XB * XC;
    XA = (uint64_t)(p_ >> 64);
    NEXT();
}
L_UDIV64:
    XA = XC ? XB / XC : 0;
    NEXT();
L_UDIV32:
    XA = WC ? WB / WC : 0;
    NEXT();
L_SDIV64:
    XA = XC == 0            ? 0
         : XC == UINT64_MAX ? 0 - XB
                            : (uint64_t)((int64_t)XB / (int64_t)XC);
    NEXT();
L_SDIV32:
    XA = WC == 0 ? 0 : WC == UINT32_MAX ? 0 - WB : (uint32_t)((int32_t)WB / (int32_t)WC);
    NEXT();
L_LSLV64:
    XA = XB << (XC & 63);
    NEXT();
L_LSLV32:
    XA = WB << (XC & 31);
    NEXT();
L_LSRV64:
    XA = XB >> (XC & 63);
    NEXT();
L_LSRV32:
    XA = WB >> (XC & 31);
    NEXT();
L_ASRV64:
    XA = (uint64_t)((int64_t)XB >> (XC & 63));
    NEXT();
L_ASRV32:
    XA = (uint32_t)((int32_t)WB >> (XC & 31));
    NEXT();
L_RORV64:
    XA = shift64(XB, 3, XC & 63);
    NEXT();
L_RORV32:
    XA = shift32(WB, 3, XC & 31);
    NEXT();
L_RBIT64:
    XA = reverse_bits(XB);
    NEXT();
L_RBIT32:
    XA = reverse_bits(XB) >> 32;
    NEXT();
L_REV1664:
    XA = reverse_halves(XB);
    NEXT();
L_REV1632:
    XA = (uint32_t)reverse_halves(XB);
    NEXT();
L_REV64:
    XA = __builtin_bswap64(XB);
    NEXT();
L_REV32:
    XA = __builtin_bswap32(WB);
    NEXT();
L_REV32X:
    XA = (uint64_t)__builtin_bswap32((uint32_t)(XB >> 32)) << 32 | __builtin_bswap32(WB);
    NEXT();
L_CLZ64:
    XA = XB ? vml_clz64(XB) : 64;
    NEXT();
L_CLZ32:
    XA = WB ? vml_clz32(WB) : 32;
    NEXT();
L_CLS64: {
    uint64_t x_ = XB ^ (uint64_t)((int64_t)XB >> 63);
    XA = x_ ? vml_clz64(x_) - 1 : 63;
    NEXT();
}
L_CLS32: {
    uint32_t x_ = WB ^ (uint32_t)((int32_t)WB >> 31);
    XA = x_ ? vml_clz32(x_) - 1 : 31;
    NEXT();
}
L_CRC32:
    XA = a64_crc32(WB, XC, op->d, op->imm != 0);
    NEXT();
L_CFINV:
    a64_flags_set(core, a64_flags_get(core) ^ 1u << 29);
    NEXT();
L_RMIF: {
    uint32_t new_ = (uint32_t)shift64(XB, 3, op->d) << 28;
    uint32_t mask_ = (uint32_t)op->a << 28;
    a64_flags_set(core, (a64_flags_get(core) & ~mask_) | (new_ & mask_));
    NEXT();
}
L_SETF: {
    uint32_t x_ = WB << (32 - op->d);
    uint32_t v_ = (WB >> op->d ^ WB >> (op->d - 1)) & 1;
    a64_flags_set(core, (a64_flags_get(core) & 1u << 29) | (x_ & 0x80000000u) |
                            (uint32_t)(x_ == 0) << 30 | v_ << 28);
    NEXT();
}
L_AXFLAG: { /* DDI 0487, AXFLAG: Z|V, C&!V, N and V clear */
    uint32_t f_ = a64_flags_get(core);
    uint32_t z_ = f_ >> 30 & 1, c_ = f_ >> 29 & 1, v_ = f_ >> 28 & 1;
    a64_flags_set(core, (z_ | v_) << 30 | (c_ & (v_ ^ 1)) << 29);
    NEXT();
}
L_XAFLAG: { /* N = !C&!Z, Z = Z&C, C = C|Z, V = !C&Z */
    uint32_t f_ = a64_flags_get(core);
    uint32_t z_ = f_ >> 30 & 1, c_ = f_ >> 29 & 1;
    a64_flags_set(core, ((c_ | z_) ^ 1) << 31 | (z_ & c_) << 30 | (c_ | z_) << 29 |
                            ((c_ ^ 1) & z_) << 28);
    NEXT();
}
/* clang-format on */
