/*
 * The PL061. Lock order: `lock` is a leaf; the wire and the output hook are called without it.
 */
#include <vml/pl061.h>

#define TAG     VML_STATE_TAG('P', 'L', '6', '1')
#define VERSION 1

static struct vml_pl061 *gpio_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_pl061, device);
}

/* What is on the pins. */
static uint8_t pins(const struct vml_pl061_state *s)
{
    return (uint8_t)((s->inputs & ~s->GPIODIR) | (s->GPIODATA & s->GPIODIR));
}

/* GPIORIS: latched edges, and levels as they are; only inputs interrupt. */
static uint8_t raw(const struct vml_pl061_state *s)
{
    uint8_t levels = (uint8_t)(~(pins(s) ^ s->GPIOIEV) & s->GPIOIS & ~s->GPIODIR);

    return (uint8_t)(levels | (s->edges & ~s->GPIOIS));
}

static void see_edges(struct vml_pl061_state *s, uint8_t before)
{
    uint8_t now = pins(s);
    uint8_t changed = (uint8_t)((before ^ now) & ~s->GPIODIR & ~s->GPIOIS);

    s->edges |= (uint8_t)(changed & (s->GPIOIBE | ~(now ^ s->GPIOIEV)));
}

/* Directions, and below them the levels of outputs. */
static uint16_t driven(const struct vml_pl061_state *s)
{
    return (uint16_t)(s->GPIODIR << 8 | (s->GPIODATA & s->GPIODIR));
}

/* One thread at a time, which also tells of what others change meanwhile: calls that overtook each other
 * would leave the embedder with levels of before. */
static void tell_outputs(struct vml_pl061 *gpio)
{
    uint16_t now;

    vml_mutex_lock(&gpio->lock);
    while ((now = driven(&gpio->state)) != gpio->told) {
        gpio->told = now;
        vml_mutex_unlock(&gpio->lock);
        if (gpio->config.output) {
            gpio->config.output(gpio->config.context, (uint8_t)(now >> 8), (uint8_t)now);
        }
        vml_mutex_lock(&gpio->lock);
    }
    gpio->telling = false;
    vml_mutex_unlock(&gpio->lock);
}

static void leave(struct vml_pl061 *gpio)
{
    const struct vml_pl061_state *s = &gpio->state;
    bool tells = !gpio->telling && driven(s) != gpio->told;
    bool changed = vml_irq_driver_set(&gpio->out, (raw(s) & s->GPIOIE) != 0);

    gpio->telling |= tells;
    vml_mutex_unlock(&gpio->lock);
    if (changed) {
        vml_irq_driver_send(&gpio->out, &gpio->lock);
    }
    if (tells) {
        tell_outputs(gpio);
    }
}

/* GPIODATA: bits 9:2 of the address say which bits the access is about (DDI 0190, 3.3.1). */
static uint64_t read_data(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          const struct vml_access *access)
{
    VML_UNUSED(reg, access);
    return pins(&gpio_of(device)->state) & index;
}

static void write_data(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_pl061_state *s = &gpio_of(device)->state;
    uint8_t bits = (uint8_t)(index & mask & s->GPIODIR);

    VML_UNUSED(reg, access);
    s->GPIODATA = (uint8_t)((s->GPIODATA & ~bits) | (value & bits));
}

static uint8_t *byte_of(struct vml_device *device, const struct vml_reg *reg)
{
    return (uint8_t *)&gpio_of(device)->state + reg->reset;
}

/* DIR and the interrupt configuration; `reset` of their rows is where they are kept. */
static uint64_t read_byte(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          const struct vml_access *access)
{
    VML_UNUSED(index, access);
    return *byte_of(device, reg);
}

static void write_byte(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    uint8_t *byte = byte_of(device, reg);

    VML_UNUSED(index, access);
    *byte = (uint8_t)((*byte & ~mask) | (value & mask));
}

static uint64_t read_ris(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    VML_UNUSED(reg, index, access);
    return raw(&gpio_of(device)->state);
}

static uint64_t read_mis(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    const struct vml_pl061_state *s = &gpio_of(device)->state;

    VML_UNUSED(reg, index, access);
    return raw(s) & s->GPIOIE;
}

static void write_ic(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                     uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(reg, index, access);
    gpio_of(device)->state.edges &= (uint8_t) ~(value & mask);
}

#define ROW(id, where, how)                                                                        \
    .name = (id), .offset = (where), .width = 4, .sizes = VML_SIZE_124, .kind = (how),             \
    .state = VML_REG_NO_STATE
#define BYTE(id, where)                                                                            \
    {                                                                                              \
        ROW(#id, where, VML_REG_RW),                                                               \
            .write_mask = 0xff, .reset = offsetof(struct vml_pl061_state, id), .read = read_byte,  \
            .write = write_byte                                                                    \
    }

static const struct vml_reg rows[] = {
    {ROW("GPIODATA", 0x000, VML_REG_RW), .count = 256, .write_mask = 0xff, .read = read_data,
     .write = write_data},
    BYTE(GPIODIR, 0x400),
    BYTE(GPIOIS, 0x404),
    BYTE(GPIOIBE, 0x408),
    BYTE(GPIOIEV, 0x40c),
    BYTE(GPIOIE, 0x410),
    {ROW("GPIORIS", 0x414, VML_REG_RO), .read = read_ris},
    {ROW("GPIOMIS", 0x418, VML_REG_RO), .read = read_mis},
    {ROW("GPIOIC", 0x41c, VML_REG_WO), .write_mask = 0xff, .read = vml_amba_read_id,
     .write = write_ic},
    BYTE(GPIOAFSEL, 0x420),
    VML_AMBA_ID_ROWS("GPIO", 0x61, 0x10, 0x04, 0x00),
};

const struct vml_reg_table vml_pl061_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 0x1000, .unknown_raz_wi = true};

static enum vml_bus_result gpio_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_pl061 *gpio = gpio_of(device);
    enum vml_bus_result result;

    vml_mutex_lock(&gpio->lock);
    result = vml_regs_access(&vml_pl061_regs, device, &gpio->state, access);
    leave(gpio);
    return result;
}

static void gpio_reset(struct vml_device *device)
{
    struct vml_pl061 *gpio = gpio_of(device);

    vml_mutex_lock(&gpio->lock);
    gpio->state = (struct vml_pl061_state){.inputs = gpio->state.inputs};
    leave(gpio);
}

static void gpio_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_pl061 *gpio = gpio_of(device);
    struct vml_pl061_state s;

    vml_mutex_lock(&gpio->lock);
    s = gpio->state;
    vml_mutex_unlock(&gpio->lock);
    vml_state_begin(w, TAG, VERSION);
    vml_state_put_bytes(w, &s, sizeof(s));
    vml_state_end(w);
}

static enum vml_status gpio_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_pl061 *gpio = gpio_of(device);
    struct vml_pl061_state s;
    enum vml_status status;
    bool changed;

    /* Nine bytes, each of which may have any value. */
    (void)vml_state_enter(r, TAG, VERSION);
    vml_state_get_bytes(r, &s, sizeof(s));
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    vml_mutex_lock(&gpio->lock);
    gpio->state = s;
    changed = vml_irq_driver_force(&gpio->out, (raw(&s) & s.GPIOIE) != 0);
    leave(gpio);
    if (changed) {
        vml_irq_driver_send(&gpio->out, &gpio->lock);
    }
    return VML_OK;
}

enum vml_status vml_pl061_init(struct vml_pl061 *gpio, const struct vml_pl061_config *config)
{
    static const struct vml_device_ops ops = {
        .access = gpio_access, .reset = gpio_reset, .save = gpio_save, .restore = gpio_restore};

    *gpio = (struct vml_pl061){.config = *config};
    gpio->device = (struct vml_device){config->name ? config->name : "pl061", &ops};
    gpio->state.inputs = config->inputs;
    vml_mutex_init(&gpio->lock);
    vml_irq_driver_init(&gpio->out, &config->irq);
    return VML_OK;
}

void vml_pl061_destroy(struct vml_pl061 *gpio)
{
    vml_mutex_destroy(&gpio->lock);
}

void vml_pl061_set_input(struct vml_pl061 *gpio, uint32_t line, bool level)
{
    struct vml_pl061_state *s = &gpio->state;
    uint8_t before, bit = (uint8_t)(line < 8 ? 1u << line : 0);

    vml_mutex_lock(&gpio->lock);
    before = pins(s);
    s->inputs = (uint8_t)(level ? s->inputs | bit : s->inputs & ~bit);
    see_edges(s, before);
    leave(gpio);
}
