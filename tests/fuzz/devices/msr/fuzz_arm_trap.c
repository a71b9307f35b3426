/* Any syndrome, instruction and registers: what is begun has parts within bounds and can be
 * finished. */
#include <stdlib.h>
#include <string.h>
#include <vml/arm_trap.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t v[32][2];
    struct vml_arm_regs regs = {.v = v};
    struct vml_arm_el1 el1 = {0};
    struct vml_arm_operation op;
    struct vml_arm_trap trap;
    uint64_t in[3];
    uint32_t insn;

    if (size < 29) {
        return 0;
    }
    memcpy(in, data, 24);
    memcpy(&insn, data + 24, 4);
    regs.pstate = data[28] & 0x1f;
    vml_arm_trap_decode(&trap, in[0], in[1], in[2]);
    (void)vml_arm_ec_name(trap.ec);
    /* Registers that make the address right more often than chance would. */
    for (unsigned i = 0; i < 31; i++) {
        regs.x[i] = i & 1 ? 0 : in[1];
    }
    regs.sp_el0 = regs.sp_el1 = regs.pc = in[1];
    if (vml_arm_operation_begin(&op, &trap, &regs, insn, 0) == VML_OK) {
        if (op.count == 0 || op.count > VML_ARM_PARTS) {
            abort();
        }
        for (unsigned i = 0; i < op.count; i++) {
            unsigned n = op.parts[i].access.size;

            if ((n != 1 && n != 2 && n != 4 && n != 8) || op.parts[i].reg > 31) {
                abort();
            }
            vml_arm_operation_complete(&op, in[0]);
        }
        if (vml_arm_operation_run(&op, NULL, NULL) == VML_BUS_OK) {
            abort();
        }
        vml_arm_operation_finish(&op, &regs);
    } else {
        vml_arm_inject_abort(&regs, &el1, in[1], false, trap.write);
        vml_arm_inject_undefined(&regs, &el1, trap.wide_instruction);
    }
    return 0;
}
