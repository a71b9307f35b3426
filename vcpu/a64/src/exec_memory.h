/*
 * Handlers of loads and stores: part of a64_execute().
 *
 * An access whose first and last byte are in the page of its TLB entry is one host access; all else
 * calls memory.c.
 */
/* Unformatted: clang-format does not see that this is inside a function. */
/* clang-format off */

#define IN_PAGE(e, tag, va, bytes)                                                                 \
    VML_LIKELY((((va) + ((bytes) - 1)) & A64_PAGE_MASK) == (e)->tag)

#define LOAD(bits, table, va, out)                                                                 \
    do {                                                                                           \
        const struct a64_tlb_entry *e_ = TLB_AT(table, va);                                        \
        if (IN_PAGE(e_, tag_read, va, bits / 8)) {                                                 \
            out = *HOST(guest_u##bits, e_, va);                                                    \
        } else {                                                                                   \
            A64_SYNC();                                                                            \
            if (!a64_read(core, table, va, bits / 8, slow_)) {                                     \
                goto fault;                                                                        \
            }                                                                                      \
            limit = core->limit;                                                                   \
            out = (guest_u##bits)slow_[0];                                                         \
        }                                                                                          \
    } while (0)
#define STORE(bits, table, va, value)                                                              \
    do {                                                                                           \
        const struct a64_tlb_entry *e_ = TLB_AT(table, va);                                        \
        if (IN_PAGE(e_, tag_write, va, bits / 8)) {                                                \
            *HOST(guest_u##bits, e_, va) = (guest_u##bits)(value);                                 \
        } else {                                                                                   \
            slow_[0] = (guest_u##bits)(value);                                                     \
            slow_[1] = 0;                                                                          \
            A64_SYNC();                                                                            \
            if (!a64_write(core, table, va, bits / 8, slow_)) {                                    \
                goto fault;                                                                        \
            }                                                                                      \
            limit = core->limit;                                                                   \
        }                                                                                          \
    } while (0)
#define LOAD128(va, lo, hi)                                                                        \
    do {                                                                                           \
        const struct a64_tlb_entry *e_ = TLB_AT(tlb, va);                                          \
        if (IN_PAGE(e_, tag_read, va, 16)) {                                                       \
            lo = *HOST(guest_u64, e_, va);                                                         \
            hi = *HOST(guest_u64, e_, (va) + 8);                                                   \
        } else {                                                                                   \
            A64_SYNC();                                                                            \
            if (!a64_read(core, tlb, va, 16, slow_)) {                                             \
                goto fault;                                                                        \
            }                                                                                      \
            limit = core->limit;                                                                   \
            lo = slow_[0];                                                                         \
            hi = slow_[1];                                                                         \
        }                                                                                          \
    } while (0)
#define STORE128(va, lo, hi)                                                                       \
    do {                                                                                           \
        const struct a64_tlb_entry *e_ = TLB_AT(tlb, va);                                          \
        if (IN_PAGE(e_, tag_write, va, 16)) {                                                      \
            *HOST(guest_u64, e_, va) = (lo);                                                       \
            *HOST(guest_u64, e_, (va) + 8) = (hi);                                                 \
        } else {                                                                                   \
            slow_[0] = (lo);                                                                       \
            slow_[1] = (hi);                                                                       \
            A64_SYNC();                                                                            \
            if (!a64_write(core, tlb, va, 16, slow_)) {                                            \
                goto fault;                                                                        \
            }                                                                                      \
            limit = core->limit;                                                                   \
        }                                                                                          \
    } while (0)

#define CHECK_SP(base, mask)                                                                       \
    do {                                                                                           \
        if (VML_UNLIKELY((base) & (uint64_t)(mask)) && a64_sp_checked(core)) {                     \
            goto sp_fault;                                                                         \
        }                                                                                          \
    } while (0)
#define SP_MASK_R ((uint32_t)op->imm >> 8)

/* All modes of one access.  ACCESS(va) does it and may jump away; FINISH() writes the register. */
#define IN_ALL_MODES(name, NEED, ACCESS, FINISH)                                                   \
    L_##name##_I:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB + (uint64_t)(int64_t)op->imm;                                            \
        NEED();                                                                                    \
        ACCESS(va_, tlb);                                                                          \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }                                                                                              \
    L_##name##_IS:                                                                                 \
    {                                                                                              \
        uint64_t va_ = X(A64_X_SP) + (uint64_t)(int64_t)op->imm;                                   \
        NEED();                                                                                    \
        CHECK_SP(X(A64_X_SP), 15);                                                                 \
        ACCESS(va_, tlb);                                                                          \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }                                                                                              \
    L_##name##_P:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB + (uint64_t)(int64_t)op->imm;                                            \
        NEED();                                                                                    \
        CHECK_SP(XB, op->d);                                                                       \
        ACCESS(va_, tlb);                                                                          \
        XB = va_;                                                                                  \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }                                                                                              \
    L_##name##_O:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB;                                                                         \
        NEED();                                                                                    \
        CHECK_SP(va_, op->d);                                                                      \
        ACCESS(va_, tlb);                                                                          \
        XB = va_ + (uint64_t)(int64_t)op->imm;                                                     \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }                                                                                              \
    L_##name##_R:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB + (XC << op->d);                                                         \
        NEED();                                                                                    \
        CHECK_SP(XB, SP_MASK_R);                                                                   \
        ACCESS(va_, tlb);                                                                          \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }                                                                                              \
    L_##name##_E:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB + ((op->imm & 4 ? (uint64_t)(int64_t)(int32_t)XC : WC) << op->d);        \
        NEED();                                                                                    \
        CHECK_SP(XB, SP_MASK_R);                                                                   \
        ACCESS(va_, tlb);                                                                          \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }
#define NO_NEED() (void)0
#define NO_FINISH() (void)0
#define UNPRIVILEGED(name, ACCESS, FINISH)                                                         \
    L_##name##_T:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB + (uint64_t)(int64_t)op->imm;                                            \
        CHECK_SP(XB, op->d);                                                                       \
        ACCESS(va_, core->tlb_unprivileged);                                                       \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }

#define ACCESS_U8(va, table)  LOAD(8, table, va, u8_)
#define ACCESS_U16(va, table) LOAD(16, table, va, u16_)
#define ACCESS_U32(va, table) LOAD(32, table, va, u32_)
#define ACCESS_U64(va, table) LOAD(64, table, va, u64_)
#define FINISH_U8()           XA = u8_
#define FINISH_U16()          XA = u16_
#define FINISH_U32()          XA = u32_
#define FINISH_U64()          XA = u64_
#define FINISH_S8X()          XA = (uint64_t)(int64_t)(int8_t)u8_
#define FINISH_S8W()          XA = (uint64_t)(uint32_t)(int8_t)u8_
#define FINISH_S16X()         XA = (uint64_t)(int64_t)(int16_t)u16_
#define FINISH_S16W()         XA = (uint64_t)(uint32_t)(int16_t)u16_
#define FINISH_S32X()         XA = (uint64_t)(int64_t)(int32_t)u32_
#define ACCESS_ST8(va, table)  STORE(8, table, va, XA)
#define ACCESS_ST16(va, table) STORE(16, table, va, XA)
#define ACCESS_ST32(va, table) STORE(32, table, va, XA)
#define ACCESS_ST64(va, table) STORE(64, table, va, XA)

#define INTEGER(name, ACCESS, FINISH)                                                              \
    IN_ALL_MODES(name, NO_NEED, ACCESS, FINISH) UNPRIVILEGED(name, ACCESS, FINISH)
INTEGER(LDU8, ACCESS_U8, FINISH_U8)
INTEGER(LDU16, ACCESS_U16, FINISH_U16)
INTEGER(LDU32, ACCESS_U32, FINISH_U32)
INTEGER(LDU64, ACCESS_U64, FINISH_U64)
INTEGER(LDS8X, ACCESS_U8, FINISH_S8X)
INTEGER(LDS8W, ACCESS_U8, FINISH_S8W)
INTEGER(LDS16X, ACCESS_U16, FINISH_S16X)
INTEGER(LDS16W, ACCESS_U16, FINISH_S16W)
INTEGER(LDS32X, ACCESS_U32, FINISH_S32X)
INTEGER(ST8, ACCESS_ST8, NO_FINISH)
INTEGER(ST16, ACCESS_ST16, NO_FINISH)
INTEGER(ST32, ACCESS_ST32, NO_FINISH)
INTEGER(ST64, ACCESS_ST64, NO_FINISH)

#define VA (core->regs.v[op->a])
#define VC (core->regs.v[op->c])
#define FINISH_V64()                                                                               \
    do {                                                                                           \
        VA.d[0] = u64_;                                                                            \
        VA.d[1] = 0;                                                                               \
    } while (0)
#define FINISH_V128()                                                                              \
    do {                                                                                           \
        VA.d[0] = u64_;                                                                            \
        VA.d[1] = hi_;                                                                             \
    } while (0)
#define ACCESS_V8(va, table)    LOAD(8, table, va, u64_)
#define ACCESS_V16(va, table)   LOAD(16, table, va, u64_)
#define ACCESS_V32(va, table)   LOAD(32, table, va, u64_)
#define ACCESS_V128(va, table)  LOAD128(va, u64_, hi_)
#define ACCESS_STV8(va, table)  STORE(8, table, va, VA.b[0])
#define ACCESS_STV16(va, table) STORE(16, table, va, VA.h[0])
#define ACCESS_STV32(va, table) STORE(32, table, va, VA.s[0])
#define ACCESS_STV64(va, table) STORE(64, table, va, VA.d[0])
#define ACCESS_STV128(va, table) STORE128(va, VA.d[0], VA.d[1])
IN_ALL_MODES(LDV8, NEED_FP, ACCESS_V8, FINISH_V64)
IN_ALL_MODES(LDV16, NEED_FP, ACCESS_V16, FINISH_V64)
IN_ALL_MODES(LDV32, NEED_FP, ACCESS_V32, FINISH_V64)
IN_ALL_MODES(LDV64, NEED_FP, ACCESS_U64, FINISH_V64)
IN_ALL_MODES(LDV128, NEED_FP, ACCESS_V128, FINISH_V128)
IN_ALL_MODES(STV8, NEED_FP, ACCESS_STV8, NO_FINISH)
IN_ALL_MODES(STV16, NEED_FP, ACCESS_STV16, NO_FINISH)
IN_ALL_MODES(STV32, NEED_FP, ACCESS_STV32, NO_FINISH)
IN_ALL_MODES(STV64, NEED_FP, ACCESS_STV64, NO_FINISH)
IN_ALL_MODES(STV128, NEED_FP, ACCESS_STV128, NO_FINISH)

#define LITERAL(name, NEED, ACCESS, FINISH)                                                        \
    L_##name##_L:                                                                                  \
    {                                                                                              \
        uint64_t va_ = core->page_va + (uint64_t)(int64_t)op->imm;                                 \
        NEED();                                                                                    \
        ACCESS(va_, tlb);                                                                          \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }
LITERAL(LDU32, NO_NEED, ACCESS_U32, FINISH_U32)
LITERAL(LDU64, NO_NEED, ACCESS_U64, FINISH_U64)
LITERAL(LDS32X, NO_NEED, ACCESS_U32, FINISH_S32X)
LITERAL(LDV32, NEED_FP, ACCESS_V32, FINISH_V64)
LITERAL(LDV64, NEED_FP, ACCESS_U64, FINISH_V64)
LITERAL(LDV128, NEED_FP, ACCESS_V128, FINISH_V128)

/* ---- pairs ---- */
#define PAIR_MODES(name, NEED, ACCESS, FINISH)                                                     \
    L_##name##_I:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB + (uint64_t)(int64_t)op->imm;                                            \
        NEED();                                                                                    \
        CHECK_SP(XB, op->d);                                                                       \
        ACCESS(va_);                                                                               \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }                                                                                              \
    L_##name##_P:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB + (uint64_t)(int64_t)op->imm;                                            \
        NEED();                                                                                    \
        CHECK_SP(XB, op->d);                                                                       \
        ACCESS(va_);                                                                               \
        XB = va_;                                                                                  \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }                                                                                              \
    L_##name##_O:                                                                                  \
    {                                                                                              \
        uint64_t va_ = XB;                                                                         \
        NEED();                                                                                    \
        CHECK_SP(va_, op->d);                                                                      \
        ACCESS(va_);                                                                               \
        XB = va_ + (uint64_t)(int64_t)op->imm;                                                     \
        FINISH();                                                                                  \
        NEXT();                                                                                    \
    }

#define PAIR_LOAD(bits, va)                                                                        \
    do {                                                                                           \
        const struct a64_tlb_entry *e_ = TLB_AT(tlb, va);                                          \
        if (IN_PAGE(e_, tag_read, va, 2 * (bits / 8))) {                                           \
            u64_ = *HOST(guest_u##bits, e_, va);                                                   \
            hi_ = *HOST(guest_u##bits, e_, (va) + bits / 8);                                       \
        } else {                                                                                   \
            A64_SYNC();                                                                            \
            if (!a64_read(core, tlb, va, bits / 8, &u64_) ||                                       \
                !a64_read(core, tlb, (va) + bits / 8, bits / 8, &hi_)) {                           \
                goto fault;                                                                        \
            }                                                                                      \
            limit = core->limit;                                                                   \
        }                                                                                          \
    } while (0)
#define PAIR_STORE(bits, va, first, second)                                                        \
    do {                                                                                           \
        const struct a64_tlb_entry *e_ = TLB_AT(tlb, va);                                          \
        if (IN_PAGE(e_, tag_write, va, 2 * (bits / 8))) {                                          \
            *HOST(guest_u##bits, e_, va) = (guest_u##bits)(first);                                 \
            *HOST(guest_u##bits, e_, (va) + bits / 8) = (guest_u##bits)(second);                   \
        } else {                                                                                   \
            slow_[0] = (guest_u##bits)(first);                                                     \
            slow_[1] = (guest_u##bits)(second);                                                    \
            A64_SYNC();                                                                            \
            if (!a64_write(core, tlb, va, bits / 8, &slow_[0]) ||                                  \
                !a64_write(core, tlb, (va) + bits / 8, bits / 8, &slow_[1])) {                     \
                goto fault;                                                                        \
            }                                                                                      \
            limit = core->limit;                                                                   \
        }                                                                                          \
    } while (0)
#define PAIR_LOAD64(va) PAIR_LOAD(64, va)
#define PAIR_LOAD32(va) PAIR_LOAD(32, va)
#define FINISH_PAIR()                                                                              \
    do {                                                                                           \
        XA = u64_;                                                                                 \
        XC = hi_;                                                                                  \
    } while (0)
#define FINISH_PAIR_SW()                                                                           \
    do {                                                                                           \
        XA = (uint64_t)(int64_t)(int32_t)u64_;                                                     \
        XC = (uint64_t)(int64_t)(int32_t)hi_;                                                      \
    } while (0)
#define FINISH_PAIR_V()                                                                            \
    do {                                                                                           \
        VA.d[0] = u64_;                                                                            \
        VA.d[1] = 0;                                                                               \
        VC.d[0] = hi_;                                                                             \
        VC.d[1] = 0;                                                                               \
    } while (0)
#define PAIR_STORE64(va)  PAIR_STORE(64, va, XA, XC)
#define PAIR_STORE32(va)  PAIR_STORE(32, va, XA, XC)
#define PAIR_STOREV64(va) PAIR_STORE(64, va, VA.d[0], VC.d[0])
#define PAIR_STOREV32(va) PAIR_STORE(32, va, VA.s[0], VC.s[0])
#define PAIR_LOADV128(va)                                                                          \
    do {                                                                                           \
        LOAD128(va, u64_, hi_);                                                                    \
        LOAD128((va) + 16, lo2_, hi2_);                                                            \
    } while (0)
#define FINISH_PAIR_V128()                                                                         \
    do {                                                                                           \
        FINISH_V128();                                                                             \
        VC.d[0] = lo2_;                                                                            \
        VC.d[1] = hi2_;                                                                            \
    } while (0)
#define PAIR_STOREV128(va)                                                                         \
    do {                                                                                           \
        STORE128(va, VA.d[0], VA.d[1]);                                                            \
        STORE128((va) + 16, VC.d[0], VC.d[1]);                                                     \
    } while (0)
PAIR_MODES(LDP64, NO_NEED, PAIR_LOAD64, FINISH_PAIR)
PAIR_MODES(LDP32, NO_NEED, PAIR_LOAD32, FINISH_PAIR)
PAIR_MODES(LDPSW, NO_NEED, PAIR_LOAD32, FINISH_PAIR_SW)
PAIR_MODES(STP64, NO_NEED, PAIR_STORE64, NO_FINISH)
PAIR_MODES(STP32, NO_NEED, PAIR_STORE32, NO_FINISH)
PAIR_MODES(LDPV32, NEED_FP, PAIR_LOAD32, FINISH_PAIR_V)
PAIR_MODES(LDPV64, NEED_FP, PAIR_LOAD64, FINISH_PAIR_V)
PAIR_MODES(LDPV128, NEED_FP, PAIR_LOADV128, FINISH_PAIR_V128)
PAIR_MODES(STPV32, NEED_FP, PAIR_STOREV32, NO_FINISH)
PAIR_MODES(STPV64, NEED_FP, PAIR_STOREV64, NO_FINISH)
PAIR_MODES(STPV128, NEED_FP, PAIR_STOREV128, NO_FINISH)

/* ---- ordered, exclusive, atomic, structures ---- */
L_LDAR:
    CHECK_SP(XB, op->c);
    A64_SYNC();
    if (!a64_ordered(core, op, true)) {
        goto fault;
    }
    limit = core->limit;
    NEXT();
L_STLR:
    CHECK_SP(XB, op->c);
    A64_SYNC();
    if (!a64_ordered(core, op, false)) {
        goto fault;
    }
    limit = core->limit;
    NEXT();
L_EXCLUSIVE:
    CHECK_SP(XB, SP_MASK_R);
    A64_SYNC();
    if (!a64_exclusive(core, op)) {
        goto fault;
    }
    limit = core->limit;
    NEXT();
L_ATOMIC:
    CHECK_SP(XB, SP_MASK_R);
    A64_SYNC();
    if (!a64_atomic(core, op)) {
        goto fault;
    }
    limit = core->limit;
    NEXT();
L_VECTOR_MEMORY:
    NEED_FP();
    CHECK_SP(XB, op->d);
    A64_SYNC();
    if (!a64_vector_memory(core, op)) {
        goto fault;
    }
    limit = core->limit;
    NEXT();
L_DC_ZVA:
    if (core->el == 0 && !(core->sys.SCTLR_EL1 & A64_SCTLR_DZE)) {
        goto sys_trap;
    }
    {
        uint64_t va_ = XA & ~(core->zva_size - 1);
        const struct a64_tlb_entry *e_ = TLB_AT(tlb, va_);

        if (VML_LIKELY(e_->tag_write == (va_ & A64_PAGE_MASK))) {
            memset((void *)(uintptr_t)(va_ + e_->addend), 0, core->zva_size);
            NEXT();
        }
    }
    A64_SYNC();
    if (!a64_zero_block(core, XA)) {
        goto fault;
    }
    limit = core->limit;
    NEXT();
/* clang-format on */
