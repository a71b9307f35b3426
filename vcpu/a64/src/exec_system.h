/* Handlers of system instructions and of bookkeeping: part of a64_execute(). */
/* Unformatted: clang-format does not see that this is inside a function. */
/* clang-format off */

L_DECODE:
    decode_run(core, op, labels);
    DISPATCH();
L_PAGE_END:
    limit += sizeof(struct a64_op); /* this is no instruction */
    JUMP(core->page_va + A64_PAGE_SIZE);
L_STEP_END:
    goto out;
L_HOST_BREAK:
    if (a64_breaks_at(core->machine, PC())) {
        core->run_exit = VML_A64_EXIT_BREAK + 1;
    } else {
        core->step_over = 1;
    }
    A64_SYNC();
    goto exit_before;
L_UNDEFINED:
    goto undefined;
L_NOP:
    NEXT();

L_SVC:
    A64_SYNC();
    a64_raise(core, PC() + 4, A64_ESR(A64_EC_SVC, op->imm));
    goto resume;
L_BRK:
    A64_SYNC();
    a64_raise(core, PC(), A64_ESR(A64_EC_BRK, op->imm));
    goto resume;
L_HVC:
    sys_read_ = false;
    goto firmware;
L_SMC:
    sys_read_ = true;
firmware:
    if (core->el == 0 || !core->machine->config.firmware) {
        goto undefined;
    }
    A64_SYNC();
    switch (a64_firmware_call(core, sys_read_, (uint16_t)op->imm)) {
    case A64_SYS_OK:
        limit = core->limit;
        NEXT();
    case A64_SYS_EXIT:
        goto exit_before;
    case A64_SYS_RESYNC: /* it was stopped, or something else wants attention */
        core->regs.pc = PC() + 4;
        limit = limit - (uintptr_t)op - sizeof(struct a64_op);
        goto leave;
    default:
        goto undefined;
    }
L_ERET:
    if (core->el == 0) {
        goto undefined;
    }
    A64_SYNC();
    a64_exception_return(core);
    goto resume;

L_MRS_TPIDR_EL0:
    XA = core->sys.TPIDR_EL0;
    NEXT();
L_MRS_SP_EL0:
    if (core->el == 0 || !(core->pstate & A64_PSTATE_SP)) {
        goto undefined;
    }
    XA = core->sp_banked[0];
    NEXT();
L_MRS_PLAIN:
    if (core->el == 0) {
        goto undefined;
    }
    memcpy(&u64_, (const char *)core + op->imm, sizeof(u64_));
    XA = u64_;
    NEXT();
L_MRS_NZCV:
    XA = a64_flags_get(core);
    NEXT();
L_MSR_NZCV:
    a64_flags_set(core, (uint32_t)XA);
    NEXT();
L_MRS:
    A64_SYNC();
    result = a64_mrs(core, (uint32_t)op->imm, &u64_);
    limit = core->limit;
    if (VML_LIKELY(result == A64_SYS_OK)) {
        XA = u64_;
        NEXT();
    }
    sys_read_ = true;
    goto sys_result;
L_MSR:
    A64_SYNC();
    result = a64_msr(core, (uint32_t)op->imm, XA);
    limit = core->limit;
    if (VML_LIKELY(result == A64_SYS_OK)) {
        NEXT();
    }
    sys_read_ = false;
    goto sys_result;
L_MSR_IMM:
    A64_SYNC();
    result = a64_msr_immediate(core, op->a, op->b, (unsigned)op->imm);
    sys_read_ = false;
    if (VML_LIKELY(result == A64_SYS_OK)) {
        NEXT();
    }
    goto sys_result;
L_SYS:
    A64_SYNC();
    result = a64_sys(core, (uint32_t)op->imm, XA);
    limit = core->limit;
    sys_read_ = false;
    if (VML_LIKELY(result == A64_SYS_OK)) {
        NEXT();
    }
    goto sys_result;
L_SYSL:
    goto undefined;
sys_trap:
    sys_read_ = false;
    result = A64_SYS_TRAP;
sys_result:
    switch (result) {
    case A64_SYS_OK:
        NEXT();
    case A64_SYS_RESYNC:
        core->regs.pc = PC() + 4;
        goto resume;
    case A64_SYS_FAULT:
        goto fault;
    case A64_SYS_EXIT:
        goto exit_before;
    case A64_SYS_FP:
        goto fp_trap;
    case A64_SYS_TRAP:
        A64_SYNC();
        a64_raise(core, PC(), a64_sysreg_syndrome(core, PC(), sys_read_));
        goto resume;
    default:
        goto undefined;
    }

L_WFE:
    if (core->event) {
        core->event = 0;
        NEXT();
    }
    core->halted = A64_HALTED_WFE;
    goto wait;
L_WFI:
    core->halted = A64_HALTED_WFI;
wait:
    A64_SYNC();
    if (core->el == 0 && !a64_wakes(core)) {
        bool wfe_ = core->halted == A64_HALTED_WFE;

        if (!(core->sys.SCTLR_EL1 & (wfe_ ? A64_SCTLR_NTWE : A64_SCTLR_NTWI))) {
            core->halted = A64_HALTED_NOT;
            a64_raise(core, PC(), A64_ESR(A64_EC_WFX, 1u << 24 | 0xeu << 20 | wfe_));
            goto resume;
        }
    }
    core->regs.pc = PC() + 4;
    limit = limit - (uintptr_t)op - sizeof(struct a64_op);
    goto leave;
L_YIELD:
    if (core->machine->config.single_thread && !core->stepping) {
        core->run_exit = VML_A64_EXIT_YIELD + 1;
        core->regs.pc = PC() + 4;
        limit = limit - (uintptr_t)op - sizeof(struct a64_op);
        goto leave;
    }
    vml_cpu_relax();
    NEXT();
L_SEV:
    a64_send_event(core);
    NEXT();
L_SEVL:
    core->event = 1;
    NEXT();
L_CLREX:
    core->monitor_pa = A64_NO_PAGE;
    NEXT();
L_DMB:
    if (core->parallel) {
        atomic_thread_fence(memory_order_seq_cst);
    }
    NEXT();
L_DMB_LD:
    atomic_thread_fence(memory_order_acquire);
    NEXT();
L_DMB_ST:
    atomic_thread_fence(memory_order_release);
    NEXT();
L_SB:
    NEXT();
L_DSB:
    atomic_thread_fence(memory_order_seq_cst);
    if (core->parallel) {
        A64_SYNC();
        a64_broadcast_wait(core);
    }
    NEXT();
L_ISB:
    core->regs.pc = PC() + 4;
    goto resume;

L_SIMD:
    NEED_FP();
    a64_simd_table[op->simd.fn].fn(&core->regs, &op->simd);
    NEXT();
L_SIMD_FLAGS:
    NEED_FP();
    if (a64_simd_table[op->simd.fn].flags & A64_SIMD_READS_NZCV) {
        (void)a64_flags_get(core);
    }
    a64_simd_table[op->simd.fn].fn(&core->regs, &op->simd);
    if (a64_simd_table[op->simd.fn].flags & A64_SIMD_WRITES_NZCV) {
        core->flag_kind = A64_FLAGS_PACKED;
    }
    NEXT();
/* clang-format on */
