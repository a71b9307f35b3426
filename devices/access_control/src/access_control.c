/* The filter has no state of its own and takes no lock. */
#include <vml/access_control.h>

static struct vml_access_control *filter_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_access_control, device);
}

/* The range that holds all of an access, or NULL. */
static const struct vml_access_range *find(const struct vml_access_control *filter,
                                           const struct vml_access *access)
{
    uint32_t low = 0, high = filter->config.count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct vml_access_range *range = &filter->config.ranges[middle];

        if (access->offset < range->offset) {
            high = middle;
        } else if (access->offset - range->offset >= range->size) {
            low = middle + 1;
        } else {
            return access->size <= range->size - (access->offset - range->offset) ? range : NULL;
        }
    }
    return NULL;
}

static enum vml_bus_result pass(const struct vml_access_control *filter, struct vml_access *access)
{
    struct vml_device *target = filter->config.target;

    if (!target) {
        access->value = access->write ? access->value : 0;
        return VML_BUS_OK;
    }
    return target->ops->access ? target->ops->access(target, access) : VML_BUS_FAULT;
}

static void report(const struct vml_access_control *filter, const struct vml_access *access)
{
    if (filter->config.report) {
        filter->config.report(filter->config.context, access);
    }
}

static enum vml_bus_result deny(const struct vml_access_control *filter, struct vml_access *access)
{
    report(filter, access);
    switch (filter->config.denied) {
    case VML_ACCESS_REPORT:
        return pass(filter, access);
    case VML_ACCESS_FAULT:
        return VML_BUS_FAULT;
    default:
        access->value = access->write ? access->value : 0;
        return VML_BUS_OK;
    }
}

/* The bits of `mask` that an access at `offset` covers, in its place. */
static uint64_t bits(const struct vml_access_range *range, const struct vml_access *access)
{
    uint64_t both = (uint64_t)range->mask << 32 | range->mask;
    uint64_t mask = both >> 8 * (access->offset & 3);

    return access->size == 8 ? mask : mask & ((UINT64_C(1) << 8 * access->size) - 1);
}

static enum vml_bus_result masked(const struct vml_access_control *filter,
                                  const struct vml_access_range *range, struct vml_access *access)
{
    uint64_t mask = bits(range, access);
    struct vml_access read = *access;
    enum vml_bus_result result;

    if (!access->write) {
        result = pass(filter, access);
        access->value &= mask;
        return result;
    }
    read.write = false;
    read.value = 0;
    result = pass(filter, &read);
    if (result != VML_BUS_OK) {
        return result == VML_BUS_PENDING ? VML_BUS_FAULT : result;
    }
    if ((access->value ^ read.value) & ~mask) {
        report(filter, access);
        if (filter->config.denied == VML_ACCESS_FAULT) {
            return VML_BUS_FAULT;
        }
        if (filter->config.denied == VML_ACCESS_REPORT) {
            return pass(filter, access);
        }
    }
    read.offset = access->offset;
    read.write = true;
    read.value = (read.value & ~mask) | (access->value & mask);
    return pass(filter, &read);
}

static enum vml_bus_result filter_access(struct vml_device *device, struct vml_access *access)
{
    const struct vml_access_control *filter = filter_of(device);
    const struct vml_access_range *range = find(filter, access);
    uint32_t need = access->write ? VML_ACCESS_WRITE : VML_ACCESS_READ;

    if (!range || !(range->allow & need)) {
        return deny(filter, access);
    }
    return range->mask ? masked(filter, range, access) : pass(filter, access);
}

static void filter_reset(struct vml_device *device)
{
    struct vml_device *target = filter_of(device)->config.target;

    if (target && target->ops->reset) {
        target->ops->reset(target);
    }
}

static void filter_shutdown(struct vml_device *device)
{
    struct vml_device *target = filter_of(device)->config.target;

    if (target && target->ops->shutdown) {
        target->ops->shutdown(target);
    }
}

static void filter_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_device *target = filter_of(device)->config.target;

    if (target && target->ops->save) {
        target->ops->save(target, w);
    }
}

static enum vml_status filter_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_device *target = filter_of(device)->config.target;

    return target && target->ops->restore ? target->ops->restore(target, r) : VML_OK;
}

enum vml_status vml_access_control_init(struct vml_access_control *filter,
                                        const struct vml_access_control_config *config)
{
    static const struct vml_device_ops ops = {.access = filter_access,
                                              .reset = filter_reset,
                                              .shutdown = filter_shutdown,
                                              .save = filter_save,
                                              .restore = filter_restore};
    uint64_t end = 0;

    for (uint32_t i = 0; i < config->count; i++) {
        const struct vml_access_range *range = &config->ranges[i];

        if (range->size == 0 || range->offset < end || range->offset + range->size < range->size) {
            return VML_ERR_INVALID;
        }
        end = range->offset + range->size;
    }
    filter->device = (struct vml_device){config->name ? config->name : "access_control", &ops};
    filter->config = *config;
    return VML_OK;
}
