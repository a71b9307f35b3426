/* The trap handler of docs/traps.md, word for word, with a console that a guest writes to. */
#include "test.h"
#include <vml/arm_sysreg.h>
#include <vml/arm_trap.h>

enum todo { RESUME, YIELD, SLEEP, FIRMWARE };

struct vcpu {
    struct vml_arm_regs regs;
    struct vml_arm_el1 el1;
    uint32_t index;
    struct vml_vbus *mmio, *sysreg;
    uint32_t instruction;
};

static enum todo call_firmware(struct vcpu *v, uint16_t imm)
{
    v->regs.x[0] = imm;
    return FIRMWARE;
}

static uint32_t fetch(struct vcpu *v)
{
    return v->instruction;
}

/* clang-format off */
static enum todo handle_trap(struct vcpu *v, uint64_t esr, uint64_t far, uint64_t hpfar)
{
    struct vml_arm_operation op;
    struct vml_arm_trap trap;

    vml_arm_trap_decode(&trap, esr, far, hpfar);
    if (trap.kind == VML_ARM_TRAP_WAIT) {
        vml_arm_skip(&v->regs, &trap);
        return trap.event ? YIELD : SLEEP;
    } else if (trap.kind == VML_ARM_TRAP_HVC) {
        return call_firmware(v, trap.imm);
    }
    uint32_t instruction = vml_arm_needs_instruction(&trap) ? fetch(v) : 0;
    if (vml_arm_operation_begin(&op, &trap, &v->regs, instruction, v->index) == VML_OK &&
        vml_arm_operation_run(&op, v->mmio, v->sysreg) == VML_BUS_OK) {
        vml_arm_operation_finish(&op, &v->regs);
    } else {
        vml_arm_inject(&v->regs, &v->el1, &trap);
    }
    return RESUME;
}
/* clang-format on */

static uint64_t last;

static enum vml_bus_result console_access(struct vml_device *device, struct vml_access *access)
{
    last = access->value;
    return VML_BUS_OK;
}

static void a_guest_under_the_handler(void **state)
{
    static const struct vml_device_ops ops = {.access = console_access};
    static struct vml_device console = {"console", &ops};
    static struct vml_vbus mmio, sysreg;
    static _Alignas(64) uint8_t mmio_storage[VML_BUS_STORAGE(1, 1)];
    static _Alignas(64) uint8_t sysreg_storage[VML_BUS_STORAGE(VML_ARM_SYSREG_RANGES, 1)];
    static struct vml_bus_range range, ranges[VML_ARM_SYSREG_RANGES];
    static struct vml_arm_sysregs sysregs;
    static struct vml_arm_sysreg_cpu values[1];
    static const uint64_t mpidr[1];
    struct vml_arm_cpu_model model = *vml_arm_cpu_model_find("cortex-a72");
    struct vml_arm_sysregs_config config = {
        .model = &model, .cpus = 1, .mpidr = mpidr, .state = values};
    struct vml_vbus_config bus = {.name = "mmio",
                                  .space = VML_SPACE_MMIO,
                                  .max_ranges = 1,
                                  .cpus = 1,
                                  .storage = mmio_storage};
    struct vcpu v = {.regs = {.pc = 0x1000, .pstate = 5, .x = {[3] = 'A'}},
                     .el1 = {.VBAR_EL1 = 0x8000},
                     .mmio = &mmio,
                     .sysreg = &sysreg};

    range = (struct vml_bus_range){.base = 0x9000000, .size = 0x1000, .device = &console};
    assert_int_equal(vml_vbus_init(&mmio, &bus), VML_OK);
    assert_int_equal(vml_vbus_register(&mmio, &range), VML_OK);
    bus = (struct vml_vbus_config){.name = "sysreg",
                                   .space = VML_SPACE_SYSREG,
                                   .max_ranges = VML_ARM_SYSREG_RANGES,
                                   .cpus = 1,
                                   .storage = sysreg_storage};
    assert_int_equal(vml_vbus_init(&sysreg, &bus), VML_OK);
    assert_int_equal(vml_arm_sysregs_init(&sysregs, &config), VML_OK);
    for (uint32_t i = 0; vml_arm_sysregs_range(&sysregs, i, &ranges[i]); i++) {
        assert_int_equal(vml_vbus_register(&sysreg, &ranges[i]), VML_OK);
    }
    /* strb w3, [console] */
    assert_int_equal(handle_trap(&v, 0x93030047, 0x9000000, 0x90000), RESUME);
    assert_int_equal(last, 'A');
    assert_int_equal(v.regs.pc, 0x1004);
    /* strb w3, [x4], #1 */
    v.regs.x[3] = 'B';
    v.regs.x[4] = 0x9000000;
    v.instruction = 0x38001483;
    assert_int_equal(handle_trap(&v, 0x92000047, 0x9000000, 0x90000), RESUME);
    assert_int_equal(last, 'B');
    assert_int_equal(v.regs.x[4], 0x9000001);
    /* mrs x5, midr_el1 */
    assert_int_equal(handle_trap(&v, 0x62000001 | 3u << 20 | 5u << 5, 0, 0), RESUME);
    assert_int_equal(v.regs.x[5], 0x410fd083);
    assert_int_equal(handle_trap(&v, 0x06000000, 0, 0), SLEEP);
    assert_int_equal(handle_trap(&v, 0x06000001, 0, 0), YIELD);
    assert_int_equal(v.regs.pc, 0x1014);
    assert_int_equal(handle_trap(&v, 0x5a000007, 0, 0), FIRMWARE);
    assert_int_equal(v.regs.x[0], 7);
    /* nobody there; an unknown register; a fetch */
    assert_int_equal(handle_trap(&v, 0x93030047, 0x7000000, 0x70000), RESUME);
    assert_int_equal(v.regs.pc, 0x8200);
    assert_int_equal(v.el1.ESR_EL1, 0x96000050);
    assert_int_equal(handle_trap(&v, 0x62000001 | 3u << 20 | 7u << 14, 0, 0), RESUME);
    assert_int_equal(v.el1.ESR_EL1, 0x02000000);
    assert_int_equal(handle_trap(&v, 0x82000007, 0x7000000, 0x70000), RESUME);
    assert_int_equal(v.el1.ESR_EL1, 0x86000010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_guest_under_the_handler)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
