/* System registers through the table, and the decoding of a trap. */
#include "bench.h"
#include <vml/arm_sysreg.h>
#include <vml/arm_trap.h>

static struct vml_arm_sysregs regs;
static struct vml_arm_sysreg_cpu state[1];

static void access_register(uint64_t iterations, bool write, uint64_t sysreg)
{
    static const uint64_t mpidr;
    struct vml_arm_sysregs_config config = {
        .model = vml_arm_cpu_model_at(0), .cpus = 1, .mpidr = &mpidr, .state = state};
    struct vml_access access = {.size = 8, .write = write};

    if (vml_arm_sysregs_init(&regs, &config) != VML_OK) {
        abort();
    }
    for (uint64_t i = 0; i < iterations; i++) {
        access.offset = sysreg;
        regs.device.ops->access(&regs.device, &access);
        BENCH_KEEP(access.value);
    }
}

static void read_one(uint64_t iterations)
{
    access_register(iterations, false, VML_SYSREG(3, 0, 0, 4, 0));
}

static void write_one(uint64_t iterations)
{
    access_register(iterations, true, VML_SYSREG(3, 0, 2, 0, 0));
}

static void decode(uint64_t iterations)
{
    struct vml_arm_regs guest = {.pc = 0x1000, .pstate = 5};
    struct vml_arm_operation op;
    struct vml_arm_trap trap;

    for (uint64_t i = 0; i < iterations; i++) {
        vml_arm_trap_decode(&trap, 0x93830006, 0xffff000009000018, 0x90000);
        if (vml_arm_operation_begin(&op, &trap, &guest, 0, 0) != VML_OK) {
            abort();
        }
        op.done = 1;
        vml_arm_operation_finish(&op, &guest);
        BENCH_KEEP(guest.pc);
    }
}

static const struct bench_case cases[] = {
    {"system register read", read_one},
    {"system register write", write_one},
    {"data abort decoded and finished", decode},
};

BENCH_MAIN(cases)
