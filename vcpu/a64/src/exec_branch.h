/* Handlers of branches: part of a64_execute(). */
/* Unformatted: clang-format does not see that this is inside a function. */
/* clang-format off */

L_B:
    BRANCH(op->imm);
L_B_F:
    JUMP(core->page_va + (uint64_t)(int64_t)op->imm);
L_BL:
    X(30) = PC() + 4;
    BRANCH(op->imm);
L_BL_F:
    X(30) = PC() + 4;
    JUMP(core->page_va + (uint64_t)(int64_t)op->imm);
L_BR:
L_RET:
    JUMP(XB);
L_BLR:
    target = XB;
    X(30) = PC() + 4;
    goto jump;

#define CONDITIONAL_BRANCH(cc)                                                                     \
    L_BC_##cc : if (HOLDS_##cc)                                                                    \
    {                                                                                              \
        BRANCH(op->imm);                                                                           \
    }                                                                                              \
    NEXT();
EACH_COND(CONDITIONAL_BRANCH)
L_BC_F:
    if (a64_condition(core, op->d)) {
        JUMP(core->page_va + (uint64_t)(int64_t)op->imm);
    }
    NEXT();

#define COMPARE_BRANCH(condition)                                                         \
    if (condition) {                                                                               \
        BRANCH(op->imm);                                                                           \
    }                                                                                              \
    NEXT();
L_CBZ64:
    COMPARE_BRANCH(XA == 0)
L_CBZ32:
    COMPARE_BRANCH((uint32_t)XA == 0)
L_CBNZ64:
    COMPARE_BRANCH(XA != 0)
L_CBNZ32:
    COMPARE_BRANCH((uint32_t)XA != 0)
L_TBZ:
    COMPARE_BRANCH(!(XA >> op->d & 1))
L_TBNZ:
    COMPARE_BRANCH(XA >> op->d & 1)
L_CB_F:
    if (((op->d ? XA : (uint32_t)XA) != 0) == op->c) {
        JUMP(core->page_va + (uint64_t)(int64_t)op->imm);
    }
    NEXT();
L_TB_F:
    if ((XA >> op->d & 1) == op->c) {
        JUMP(core->page_va + (uint64_t)(int64_t)op->imm);
    }
    NEXT();

/* A compare and the conditional branch in the next slot. */
#define FUSED_COMPARE(name, cc, x, y)                                                              \
    L_##name##_BC_##cc:                                                                            \
    {                                                                                              \
        uint64_t x_ = (x), y_ = (y);                                                               \
        FLAGS_SUB(x_, y_);                                                                         \
        op++;                                                                                      \
        if (SUB_##cc(x_, y_)) {                                                                    \
            BRANCH(op->imm);                                                                       \
        }                                                                                          \
        NEXT();                                                                                    \
    }
#define FUSED_COMPARES(cc)                                                                         \
    FUSED_COMPARE(CMPI64, cc, XB, (uint64_t)(int64_t)op->imm)                                      \
    FUSED_COMPARE(CMPI32, cc, XB << 32, (uint64_t)(uint32_t)op->imm << 32)                         \
    FUSED_COMPARE(CMP64, cc, XB, XC)                                                               \
    FUSED_COMPARE(CMP32, cc, XB << 32, XC << 32)
EACH_COND(FUSED_COMPARES)
/* clang-format on */
