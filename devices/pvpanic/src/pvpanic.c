#include <vml/pvpanic.h>

#define EVENTS (VML_PVPANIC_PANICKED | VML_PVPANIC_CRASH_LOADED | VML_PVPANIC_SHUTDOWN)

static struct vml_pvpanic *pvpanic_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_pvpanic, device);
}

static uint64_t read_events(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                            const struct vml_access *access)
{
    VML_UNUSED(reg, index, access);
    return pvpanic_of(device)->config.events;
}

static void write_events(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         uint64_t value, uint64_t mask, const struct vml_access *access)
{
    const struct vml_pvpanic_config *config = &pvpanic_of(device)->config;
    uint8_t events = (uint8_t)value & config->events;

    VML_UNUSED(reg, index, mask);
    if (events != 0) {
        config->event(config->context, access->cpu, events);
    }
}

static const struct vml_reg rows[] = {
    {.name = "events",
     .offset = 0,
     .width = 1,
     .sizes = VML_SIZE_1,
     .kind = VML_REG_RW,
     .write_mask = EVENTS,
     .state = VML_REG_NO_STATE,
     .read = read_events,
     .write = write_events},
};

const struct vml_reg_table vml_pvpanic_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 2, .unknown_raz_wi = true};

static enum vml_bus_result pvpanic_access(struct vml_device *device, struct vml_access *access)
{
    return vml_regs_access(&vml_pvpanic_regs, device, NULL, access);
}

enum vml_status vml_pvpanic_init(struct vml_pvpanic *pvpanic,
                                 const struct vml_pvpanic_config *config)
{
    static const struct vml_device_ops ops = {.access = pvpanic_access};

    if (!config->event || (config->events & ~EVENTS)) {
        return VML_ERR_INVALID;
    }
    pvpanic->config = *config;
    pvpanic->device = (struct vml_device){config->name ? config->name : "pvpanic", &ops};
    return VML_OK;
}
