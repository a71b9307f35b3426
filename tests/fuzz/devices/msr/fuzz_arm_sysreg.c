/* Any system register accesses, and any state image. */
#include <string.h>
#include <vml/arm_sysreg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t mpidr[2] = {0, 1};
    static struct vml_arm_sysreg_cpu state[2];
    static struct vml_arm_sysregs regs;
    static struct vml_virtual_clock clock;
    struct vml_arm_cpu_model model;
    struct vml_arm_sysregs_config config = {
        .model = &model, .cpus = 2, .mpidr = mpidr, .state = state, .clock = &clock.clock};

    if (size == 0 || vml_virtual_clock_init(&clock, 1000) != VML_OK) {
        return 0;
    }
    model = *vml_arm_cpu_model_at(data[0] & 3);
    if (vml_arm_cpu_model_hide(&model, (enum vml_arm_feature)(data[0] >> 3)) != VML_OK) {
        model.hidden = 0; /* nothing hidden */
    }
    config.unknown = data[0] & 4 ? VML_ARM_SYSREG_IGNORE : VML_ARM_SYSREG_UNDEFINED;
    if (vml_arm_sysregs_init(&regs, &config) != VML_OK) {
        return 0;
    }
    if (size > 1 && data[1] == 'A') {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)regs.device.ops->restore(&regs.device, &r);
    }
    for (size_t i = 1; i + 13 <= size; i += 13) {
        struct vml_access a = {
            .size = data[i] & 0x80 ? 4 : 8, .write = data[i] & 1, .cpu = data[i] >> 1 & 3};
        uint32_t at;

        memcpy(&at, data + i + 1, 4);
        memcpy(&a.value, data + i + 5, 8);
        a.offset = at & 0x7ffff;
        (void)regs.device.ops->access(&regs.device, &a);
        vml_virtual_clock_advance(&clock, clock.ticks + 3);
    }
    vml_clock_destroy(&clock.clock);
    return 0;
}
