#include <vml/pvtime.h>

#define STOLEN_TIME_OFFSET 8u

#define TAG                VML_STATE_TAG('P', 'V', 'T', 'M')
#define VERSION            1

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

static void show(const struct vml_pvtime *pvtime, uint32_t cpu)
{
    uint64_t address = pvtime->base + (uint64_t)cpu * VML_PV_TIME_SIZE + STOLEN_TIME_OFFSET;
    uint8_t bytes[8];
    void *host;

    vml_store_le64(bytes, pvtime->stolen_ns[cpu]);
    /* The guest reads it at any time: one store, aligned like the structure. */
    host = vml_as_translate(pvtime->as, address, sizeof(bytes), VML_AS_WRITE);
    if (host) {
        uint64_t value;

        memcpy(&value, bytes, sizeof(value));
        __atomic_store_n((uint64_t *)host, value, __ATOMIC_RELAXED);
    }
}

void vml_pvtime_add(struct vml_pvtime *pvtime, uint32_t cpu, uint64_t ns)
{
    VML_ASSERT(cpu < pvtime->cpus);
    pvtime->stolen_ns[cpu] += ns;
    show(pvtime, cpu);
}

void vml_pvtime_save(const struct vml_pvtime *pvtime, struct vml_state_writer *w)
{
    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u32(w, pvtime->cpus);
    for (uint32_t i = 0; i < pvtime->cpus; i++) {
        vml_state_put_u64(w, pvtime->stolen_ns[i]);
    }
    vml_state_end(w);
}

/* The record is read twice: to validate all of it, and to take it. */
static void read_record(struct vml_pvtime *pvtime, struct vml_state_reader *r, bool apply)
{
    (void)vml_state_enter(r, TAG, VERSION);
    if (vml_state_get_u32(r) != pvtime->cpus) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    for (uint32_t i = 0; i < pvtime->cpus && vml_state_read_status(r) == VML_OK; i++) {
        uint64_t stolen = vml_state_get_u64(r);

        if (apply) {
            pvtime->stolen_ns[i] = stolen;
            show(pvtime, i);
        }
    }
    vml_state_leave(r);
}

enum vml_status vml_pvtime_restore(struct vml_pvtime *pvtime, struct vml_state_reader *r)
{
    struct vml_state_reader again = *r;

    read_record(pvtime, r, false);
    if (vml_state_read_status(r) == VML_OK) {
        read_record(pvtime, &again, true);
    }
    return vml_state_read_status(r);
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
