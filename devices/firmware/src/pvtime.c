#include <vml/pvtime.h>

#define STOLEN_TIME_OFFSET 8u

/* DEN0057, its structure: revision and attributes are zero, then the stolen time in ns. */
enum vml_status vml_pvtime_init(struct vml_pvtime *pvtime, struct vml_as *as, uint64_t base,
                                uint32_t cpus, uint64_t *stolen_ns)
{
    static const uint8_t zero[VML_PV_TIME_SIZE];

    if (base % VML_PV_TIME_SIZE || cpus == 0) {
        return VML_ERR_INVALID;
    }
    for (uint32_t i = 0; i < cpus; i++) {
        if (vml_as_load(as, base + (uint64_t)i * VML_PV_TIME_SIZE, zero, sizeof(zero)) != VML_OK) {
            return VML_ERR_RANGE;
        }
        stolen_ns[i] = 0;
    }
    pvtime->as = as;
    pvtime->base = base;
    pvtime->cpus = cpus;
    pvtime->stolen_ns = stolen_ns;
    return VML_OK;
}

void vml_pvtime_add(struct vml_pvtime *pvtime, uint32_t cpu, uint64_t ns)
{
    uint64_t address = pvtime->base + (uint64_t)cpu * VML_PV_TIME_SIZE + STOLEN_TIME_OFFSET;
    uint8_t bytes[8];
    void *host;

    VML_ASSERT(cpu < pvtime->cpus);
    pvtime->stolen_ns[cpu] += ns;
    vml_store_le64(bytes, pvtime->stolen_ns[cpu]);
    /* The guest reads it at any time: one store, aligned like the structure. */
    host = vml_as_translate(pvtime->as, address, sizeof(bytes), VML_AS_WRITE);
    if (host) {
        uint64_t value;

        memcpy(&value, bytes, sizeof(value));
        __atomic_store_n((uint64_t *)host, value, __ATOMIC_RELAXED);
    }
}

bool vml_pvtime_call(struct vml_pvtime *pvtime, uint32_t fid, struct vml_smccc_call *call)
{
    uint32_t index = call->cpu->config.index;
    uint32_t asked = (uint32_t)call->x[1];

    switch (fid) {
    case VML_PV_TIME_FEATURES:
        vml_smccc_result(call, asked == VML_PV_TIME_FEATURES || asked == VML_PV_TIME_ST
                                   ? VML_SMCCC_SUCCESS
                                   : VML_SMCCC_NOT_SUPPORTED);
        return true;
    case VML_PV_TIME_ST:
        if (index >= pvtime->cpus) {
            return false;
        }
        call->x[0] = pvtime->base + (uint64_t)index * VML_PV_TIME_SIZE;
        return true;
    default:
        return false;
    }
}
