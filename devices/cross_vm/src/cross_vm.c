/* Lock order: `lock` is a leaf; the wire, and the hook with the other end's lock behind it, come
   after. */
#include <vml/cross_vm.h>

#define TAG     VML_STATE_TAG('X', 'V', 'M', 'C')
#define VERSION 1

static struct vml_cross_vm *end_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_cross_vm, device);
}

static void leave(struct vml_cross_vm *end, bool force)
{
    bool send = vml_irq_driver_update(&end->out, end->consume != 0, force);
    bool emit = end->emitted != 0;

    end->emitted = 0;
    vml_mutex_unlock(&end->lock);
    if (send) {
        vml_irq_driver_send(&end->out, &end->lock);
    }
    if (emit && end->config.emit) {
        end->config.emit(end->config.context);
    }
}

static uint64_t read_reg(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    (void)access;
    switch (reg->offset) {
    case 0x00:
        return 0;
    case 0x04:
        return end_of(device)->consume;
    default:
        return end_of(device)->connection[index];
    }
}

static void write_emit(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(reg, index, value, mask, access);
    end_of(device)->emitted++;
}

static void write_consume(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(reg, index, mask, access);
    end_of(device)->consume = (uint32_t)value;
}

#define ROW(id, where, bytes, allowed, how)                                                        \
    .name = (id), .offset = (where), .width = (bytes), .sizes = (allowed), .kind = (how),          \
    .state = VML_REG_NO_STATE, .read = read_reg

static const struct vml_reg rows[] = {
    {ROW("emit", 0x00, 4, VML_SIZE_4, VML_REG_RW), .write_mask = UINT32_MAX, .write = write_emit},
    {ROW("consume", 0x04, 4, VML_SIZE_4, VML_REG_RW), .write_mask = UINT32_MAX,
     .write = write_consume},
    {ROW("name", 0x08, 1, VML_SIZE_124 | VML_SIZE_8, VML_REG_RO), .count = VML_CROSS_VM_NAME},
};

const struct vml_reg_table vml_cross_vm_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 0x1000, .unknown_raz_wi = true};

static enum vml_bus_result cross_vm_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_cross_vm *end = end_of(device);
    enum vml_bus_result result;

    vml_mutex_lock(&end->lock);
    result = vml_regs_access(&vml_cross_vm_regs, device, NULL, access);
    leave(end, false);
    return result;
}

static void cross_vm_reset(struct vml_device *device)
{
    struct vml_cross_vm *end = end_of(device);

    vml_mutex_lock(&end->lock);
    end->consume = 0;
    leave(end, false);
}

static void cross_vm_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_cross_vm *end = end_of(device);
    uint32_t consume;

    vml_mutex_lock(&end->lock);
    consume = end->consume;
    vml_mutex_unlock(&end->lock);
    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u32(w, consume);
    vml_state_end(w);
}

static enum vml_status cross_vm_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_cross_vm *end = end_of(device);
    enum vml_status status;
    uint32_t consume;

    (void)vml_state_enter(r, TAG, VERSION);
    consume = vml_state_get_u32(r);
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status == VML_OK) {
        vml_mutex_lock(&end->lock);
        end->consume = consume;
        leave(end, true);
    }
    return status;
}

void vml_cross_vm_init(struct vml_cross_vm *end, const struct vml_cross_vm_config *config)
{
    static const struct vml_device_ops ops = {.access = cross_vm_access,
                                              .reset = cross_vm_reset,
                                              .save = cross_vm_save,
                                              .restore = cross_vm_restore};
    const char *connection = config->connection ? config->connection : "connector";

    *end = (struct vml_cross_vm){.config = *config};
    end->device = (struct vml_device){config->name ? config->name : "cross_vm", &ops};
    for (uint32_t i = 0; i < VML_CROSS_VM_NAME && connection[i]; i++) {
        end->connection[i] = (uint8_t)connection[i];
    }
    vml_mutex_init(&end->lock);
    vml_irq_driver_init(&end->out, &config->irq);
}

void vml_cross_vm_destroy(struct vml_cross_vm *end)
{
    vml_mutex_destroy(&end->lock);
}

void vml_cross_vm_signal(void *end)
{
    struct vml_cross_vm *to = end;

    vml_mutex_lock(&to->lock);
    /* At the end of its range the count stands: it is never zero while there is an event. */
    to->consume += to->consume != UINT32_MAX;
    leave(to, false);
}
