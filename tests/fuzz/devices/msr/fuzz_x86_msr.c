/* Any MSR accesses and CPUID leaves, and any state image. */
#include <string.h>
#include <vml/x86_msr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vml_x86_msr_cpu state[2];
    static struct vml_x86_msrs msrs;
    static struct vml_virtual_clock clock;
    struct vml_x86_cpu_model model;
    struct vml_x86_msrs_config config = {
        .model = &model, .cpus = 2, .state = state, .clock = &clock.clock};

    if (size == 0 || vml_virtual_clock_init(&clock, 1000) != VML_OK) {
        return 0;
    }
    model = *vml_x86_cpu_model_at(data[0] & 1);
    if (vml_x86_cpu_model_hide(&model, (enum vml_x86_feature)(data[0] >> 3)) != VML_OK) {
        model.name = "whole";
    }
    config.unknown = data[0] & 2 ? VML_X86_MSR_IGNORE : VML_X86_MSR_GP;
    if (vml_x86_msrs_init(&msrs, &config) != VML_OK) {
        return 0;
    }
    if (size > 1 && data[1] == 'X') {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)msrs.device.ops->restore(&msrs.device, &r);
    }
    for (size_t i = 1; i + 13 <= size; i += 13) {
        struct vml_x86_cpuid_context context = {
            .apic_id = data[i], .cpus = data[i] + 1u, .xcr0 = data[i], .cr4 = 1u << 18};
        struct vml_access a = {
            .size = data[i] & 0x80 ? 4 : 8, .write = data[i] & 1, .cpu = data[i] >> 1 & 3};
        uint32_t msr, out[4];

        memcpy(&msr, data + i + 1, 4);
        memcpy(&a.value, data + i + 5, 8);
        a.offset = msr;
        vml_x86_cpuid(&model, &context, msr, (uint32_t)a.value, out);
        (void)msrs.device.ops->access(&msrs.device, &a);
    }
    vml_clock_destroy(&clock.clock);
    return 0;
}
