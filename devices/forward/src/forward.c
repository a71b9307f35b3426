/*
 * The forwarding device. Lock order: `lock` is a leaf; the embedder is called without it.
 *
 * An access is entered in its vCPU's slot before the handler is called, because the answer may come
 * from another thread before the handler has returned.
 */
#include <vml/forward.h>

enum { SLOT_NONE, SLOT_WAITING, SLOT_ANSWERED };

static struct vml_forward *forward_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_forward, device);
}

static bool same(const struct vml_access *a, const struct vml_access *b)
{
    return a->offset == b->offset && a->size == b->size && a->write == b->write;
}

/* Who answers may be less careful than a device. */
static uint64_t low_bytes(uint64_t value, uint8_t size)
{
    return size >= 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

/* An access made again: its answer, or VML_BUS_PENDING. False for a new one. */
static bool look_up(struct vml_forward_slot *slot, struct vml_access *access,
                    enum vml_bus_result *result)
{
    if (slot->state == SLOT_NONE || !same(&slot->access, access)) {
        return false;
    }
    if (slot->state == SLOT_WAITING) {
        *result = VML_BUS_PENDING;
        return true;
    }
    if (!access->write) {
        access->value = slot->access.value;
    }
    *result = slot->result;
    slot->state = SLOT_NONE;
    return true;
}

static enum vml_bus_result forward_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_forward *forward = forward_of(device);
    struct vml_forward_slot *slot;
    enum vml_bus_result result;
    uint32_t ticket;

    if (access->cpu >= forward->config.cpus) {
        result = forward->config.handle(forward->config.context, access, 0);
        return result == VML_BUS_PENDING ? VML_BUS_FAULT : result;
    }
    slot = &forward->config.slots[access->cpu];
    vml_mutex_lock(&forward->lock);
    if (look_up(slot, access, &result)) {
        vml_mutex_unlock(&forward->lock);
        return result;
    }
    /* Another access than the one that waited: the vCPU was reset meanwhile. The old answer, if it
     * comes, has another ticket. */
    ticket = slot->ticket + 1;
    *slot = (struct vml_forward_slot){*access, VML_BUS_FAULT, SLOT_WAITING, ticket};
    vml_mutex_unlock(&forward->lock);

    result = forward->config.handle(forward->config.context, access, ticket);

    vml_mutex_lock(&forward->lock);
    if (slot->ticket == ticket) {
        if (result != VML_BUS_PENDING) {
            slot->state = SLOT_NONE;
        } else if (slot->state == SLOT_ANSWERED) {
            (void)look_up(slot, access, &result);
        }
    }
    vml_mutex_unlock(&forward->lock);
    return result;
}

enum vml_status vml_forward_complete(struct vml_forward *forward, uint32_t cpu, uint32_t ticket,
                                     enum vml_bus_result result, uint64_t value)
{
    struct vml_forward_slot *slot;
    bool waiting;

    if (cpu >= forward->config.cpus) {
        return VML_ERR_RANGE;
    }
    if (result != VML_BUS_OK && result != VML_BUS_FAULT) {
        return VML_ERR_INVALID;
    }
    slot = &forward->config.slots[cpu];
    vml_mutex_lock(&forward->lock);
    waiting = slot->state == SLOT_WAITING && slot->ticket == ticket;
    if (waiting) {
        slot->state = SLOT_ANSWERED;
        slot->result = result;
        if (!slot->access.write) {
            slot->access.value = low_bytes(value, slot->access.size);
        }
    }
    vml_mutex_unlock(&forward->lock);
    if (!waiting) {
        return VML_ERR_STATE;
    }
    if (forward->config.completed) {
        forward->config.completed(forward->config.context, cpu);
    }
    return VML_OK;
}

enum vml_status vml_forward_take(struct vml_forward *forward, uint32_t cpu,
                                 struct vml_access *access, enum vml_bus_result *result)
{
    struct vml_forward_slot *slot;
    enum vml_status status = VML_ERR_NOT_FOUND;

    if (cpu >= forward->config.cpus) {
        return VML_ERR_NOT_FOUND;
    }
    slot = &forward->config.slots[cpu];
    vml_mutex_lock(&forward->lock);
    if (slot->state == SLOT_WAITING) {
        status = VML_ERR_AGAIN;
    } else if (slot->state == SLOT_ANSWERED) {
        *access = slot->access;
        *result = slot->result;
        slot->state = SLOT_NONE;
        status = VML_OK;
    }
    vml_mutex_unlock(&forward->lock);
    return status;
}

static void forward_reset(struct vml_device *device)
{
    struct vml_forward *forward = forward_of(device);

    vml_mutex_lock(&forward->lock);
    for (uint32_t cpu = 0; cpu < forward->config.cpus; cpu++) {
        forward->config.slots[cpu].state = SLOT_NONE;
    }
    vml_mutex_unlock(&forward->lock);
    if (forward->config.reset) {
        forward->config.reset(forward->config.context);
    }
}

enum vml_status vml_forward_init(struct vml_forward *forward,
                                 const struct vml_forward_config *config)
{
    static const struct vml_device_ops ops = {.access = forward_access, .reset = forward_reset};

    if (!config->handle || (config->cpus != 0 && !config->slots)) {
        return VML_ERR_INVALID;
    }
    *forward = (struct vml_forward){.config = *config};
    forward->device = (struct vml_device){config->name ? config->name : "forward", &ops};
    vml_mutex_init(&forward->lock);
    for (uint32_t cpu = 0; cpu < config->cpus; cpu++) {
        config->slots[cpu] = (struct vml_forward_slot){.state = SLOT_NONE};
    }
    return VML_OK;
}

void vml_forward_destroy(struct vml_forward *forward)
{
    vml_mutex_destroy(&forward->lock);
}
