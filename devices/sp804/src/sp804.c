/*
 * The SP804's registers. Lock order: `lock` is a leaf; wires and the clock's queue are called
 * without it.
 */
#include "sp804.h"

#define TAG     VML_STATE_TAG('S', '8', '0', '4')
#define VERSION 1

enum { TIMER_STRIDE = 0x20, COMBINED = VML_SP804_TIMERS };

static struct vml_sp804 *timers_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_sp804, device);
}

static uint32_t index_of(const struct vml_reg *reg)
{
    return reg->offset / TIMER_STRIDE;
}

static struct vml_sp804_timer *timer_of(struct vml_device *device, const struct vml_reg *reg)
{
    return &timers_of(device)->state.timer[index_of(reg)];
}

static uint64_t timclk(const struct vml_sp804 *timers)
{
    return vml_clock_rate_count(&timers->rate, vml_clock_now(timers->config.clock));
}

static void advance(struct vml_sp804 *timers)
{
    uint64_t now = timclk(timers);

    for (unsigned i = 0; i < VML_SP804_TIMERS; i++) {
        sp804_advance(&timers->state.timer[i], &timers->base[i], now);
    }
}

static uint32_t mis(const struct vml_sp804_timer *timer)
{
    return timer->control & INT_ENABLE ? timer->ris : 0;
}

/* TIMINT1 in bit 0, TIMINT2 in bit 1; in integration test mode as TimerITOP says. */
static uint32_t outputs(const struct vml_sp804_state *s)
{
    return s->itcr ? s->itop : mis(&s->timer[0]) | mis(&s->timer[1]) << 1;
}

/* When an output changes next by itself. A timer whose interrupt stands has nothing to wait for. */
static uint64_t next_interrupt(const struct vml_sp804 *timers)
{
    uint64_t earliest = VML_CLOCK_NEVER;

    for (unsigned i = 0; i < VML_SP804_TIMERS; i++) {
        const struct vml_sp804_timer *timer = &timers->state.timer[i];
        uint64_t left = sp804_left(timer);

        if (!timer->ris && (timer->control & INT_ENABLE) && left < UINT64_MAX - timers->base[i]) {
            earliest =
                vml_min_u64(earliest, vml_clock_rate_tick(&timers->rate, timers->base[i] + left));
        }
    }
    return earliest;
}

/* Drops the lock, and brings wires and alarm up to date. */
static void leave(struct vml_sp804 *timers, bool force)
{
    uint32_t levels = outputs(&timers->state);
    bool arm = vml_clock_alarm_set(&timers->alarm, next_interrupt(timers));
    bool send[VML_SP804_TIMERS + 1];

    levels |= levels ? 1u << COMBINED : 0;
    for (unsigned i = 0; i <= COMBINED; i++) {
        send[i] = vml_irq_driver_update(&timers->out[i], levels >> i & 1, force);
    }
    vml_mutex_unlock(&timers->lock);
    for (unsigned i = 0; i <= COMBINED; i++) {
        if (send[i]) {
            vml_irq_driver_send(&timers->out[i], &timers->lock);
        }
    }
    if (arm) {
        vml_clock_alarm_arm(&timers->alarm, &timers->lock);
    }
}

static void due(struct vml_clock_event *event)
{
    struct vml_sp804 *timers = VML_CONTAINER_OF(vml_clock_alarm_of(event), struct vml_sp804, alarm);

    vml_mutex_lock(&timers->lock);
    vml_clock_alarm_rang(&timers->alarm);
    advance(timers);
    leave(timers, false);
}

static uint32_t merge(uint32_t old, uint64_t value, uint64_t mask)
{
    return (old & ~(uint32_t)mask) | (uint32_t)(value & mask);
}

static uint64_t read_load(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          const struct vml_access *access)
{
    VML_UNUSED(index, access);
    return timer_of(device, reg)->load;
}

static void write_load(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_sp804_timer *timer = timer_of(device, reg);

    VML_UNUSED(index, access);
    timer->load = merge(timer->load, value, mask);
    timer->value = timer->load;
    timers_of(device)->base[index_of(reg)] = timclk(timers_of(device));
    /* "If TimerXLoad is set to 0 then an interrupt is generated immediately." */
    if (timer->load == 0 && (timer->control & ENABLE)) {
        timer->ris = 1;
    }
}

/* Takes effect when the counter reaches zero. */
static void write_bgload(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_sp804_timer *timer = timer_of(device, reg);

    VML_UNUSED(index, access);
    timer->load = merge(timer->load, value, mask);
}

static void write_control(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_sp804_timer *timer = timer_of(device, reg);
    uint32_t before = timer->control;

    VML_UNUSED(index, access);
    timer->control = merge(timer->control, value, mask) & CONTROL_MASK;
    if ((before ^ timer->control) & (ENABLE | 3u << PRESCALE_SHIFT)) {
        timers_of(device)->base[index_of(reg)] = timclk(timers_of(device));
    }
}

static void write_intclr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(index, value, mask, access);
    timer_of(device, reg)->ris = 0;
}

static uint64_t read_mis(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    VML_UNUSED(index, access);
    return mis(timer_of(device, reg));
}

#define STATE(member) (uint32_t) offsetof(struct vml_sp804_state, member)
#define ROW(id, where, how)                                                                        \
    .name = (id), .offset = (where), .width = 4, .sizes = VML_SIZE_4, .kind = (how)
#define TIMER_ROWS(n)                                                                              \
    {ROW("Timer" #n "Load", TIMER_STRIDE * (n - 1) + 0x00, VML_REG_RW), .write_mask = UINT32_MAX,  \
     .state = STATE(timer[n - 1].load), .write = write_load},                                      \
        {ROW("Timer" #n "Value", TIMER_STRIDE * (n - 1) + 0x04, VML_REG_RO), .reset = UINT32_MAX,  \
         .write_mask = UINT32_MAX, .state = STATE(timer[n - 1].value)},                            \
        {ROW("Timer" #n "Control", TIMER_STRIDE * (n - 1) + 0x08, VML_REG_RW),                     \
         .reset = CONTROL_RESET, .write_mask = CONTROL_MASK, .state = STATE(timer[n - 1].control), \
         .write = write_control},                                                                  \
        {ROW("Timer" #n "IntClr", TIMER_STRIDE * (n - 1) + 0x0c, VML_REG_WO),                      \
         .write_mask = UINT32_MAX, .state = VML_REG_NO_STATE, .write = write_intclr,               \
         .read = vml_amba_read_id},                                                                \
        {ROW("Timer" #n "RIS", TIMER_STRIDE * (n - 1) + 0x10, VML_REG_RO), .write_mask = 1,        \
         .state = STATE(timer[n - 1].ris)},                                                        \
        {ROW("Timer" #n "MIS", TIMER_STRIDE * (n - 1) + 0x14, VML_REG_RO),                         \
         .state = VML_REG_NO_STATE, .read = read_mis},                                             \
    {                                                                                              \
        ROW("Timer" #n "BGLoad", TIMER_STRIDE *(n - 1) + 0x18, VML_REG_RW),                        \
            .write_mask = UINT32_MAX, .state = VML_REG_NO_STATE, .read = read_load,                \
            .write = write_bgload                                                                  \
    }

static const struct vml_reg rows[] = {
    TIMER_ROWS(1),
    TIMER_ROWS(2),
    {ROW("TimerITCR", 0xf00, VML_REG_RW), .write_mask = 1, .state = STATE(itcr)},
    {ROW("TimerITOP", 0xf04, VML_REG_WO), .write_mask = 3, .state = STATE(itop)},
    VML_AMBA_ID_ROWS("Timer", 0x04, 0x18, 0x14, 0x00),
};

const struct vml_reg_table vml_sp804_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 0x1000, .unknown_raz_wi = true};

static enum vml_bus_result sp804_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_sp804 *timers = timers_of(device);
    enum vml_bus_result result;

    vml_mutex_lock(&timers->lock);
    advance(timers);
    result = vml_regs_access_indexed(&timers->regs, device, &timers->state, access);
    leave(timers, false);
    return result;
}

static void sp804_reset(struct vml_device *device)
{
    struct vml_sp804 *timers = timers_of(device);

    vml_mutex_lock(&timers->lock);
    vml_regs_reset(&vml_sp804_regs, &timers->state);
    advance(timers);
    leave(timers, false);
}

static void sp804_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_sp804 *timers = timers_of(device);
    struct vml_sp804_state s;
    uint32_t rest[VML_SP804_TIMERS];
    uint64_t now;

    vml_mutex_lock(&timers->lock);
    advance(timers);
    now = timclk(timers);
    for (unsigned i = 0; i < VML_SP804_TIMERS; i++) {
        rest[i] = (uint32_t)(now - timers->base[i]);
    }
    s = timers->state;
    leave(timers, false);
    vml_state_begin(w, TAG, VERSION);
    vml_regs_save(&vml_sp804_regs, &s, w);
    for (unsigned i = 0; i < VML_SP804_TIMERS; i++) {
        vml_state_put_u32(w, rest[i]); /* what the prescaler has counted */
    }
    vml_state_end(w);
}

static enum vml_status sp804_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_sp804 *timers = timers_of(device);
    struct vml_sp804_state s = {.itcr = 0};
    uint32_t rest[VML_SP804_TIMERS];
    enum vml_status status;
    uint64_t now;

    (void)vml_state_enter(r, TAG, VERSION);
    vml_regs_restore(&vml_sp804_regs, &s, r);
    for (unsigned i = 0; i < VML_SP804_TIMERS; i++) {
        rest[i] = vml_state_get_u32(r);
        if (s.timer[i].ris > 1 || rest[i] > 255 || (s.timer[i].control & ~(uint32_t)CONTROL_MASK)) {
            vml_state_fail(r, VML_ERR_CORRUPT);
        }
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    vml_mutex_lock(&timers->lock);
    timers->state = s;
    for (unsigned i = 0; i < VML_SP804_TIMERS; i++) {
        now = timclk(timers);
        timers->base[i] = now - vml_min_u64(rest[i], now);
    }
    leave(timers, true);
    return VML_OK;
}

enum vml_status vml_sp804_init(struct vml_sp804 *timers, const struct vml_sp804_config *config)
{
    static const struct vml_device_ops ops = {
        .access = sp804_access, .reset = sp804_reset, .save = sp804_save, .restore = sp804_restore};
    enum vml_status status;

    if (!config->clock) {
        return VML_ERR_INVALID;
    }
    *timers = (struct vml_sp804){.config = *config};
    status = vml_clock_rate_init(&timers->rate, config->clock, config->frequency_hz);
    if (status != VML_OK) {
        return status;
    }
    timers->device = (struct vml_device){config->name ? config->name : "sp804", &ops};
    vml_regs_index(&timers->regs, &vml_sp804_regs, timers->slots, VML_ARRAY_SIZE(timers->slots));
    vml_mutex_init(&timers->lock);
    for (unsigned i = 0; i < VML_SP804_TIMERS; i++) {
        vml_irq_driver_init(&timers->out[i], &config->irq[i]);
    }
    vml_irq_driver_init(&timers->out[COMBINED], &config->combined);
    vml_clock_alarm_init(&timers->alarm, config->clock, due);
    vml_regs_reset(&vml_sp804_regs, &timers->state);
    advance(timers);
    return VML_OK;
}

void vml_sp804_destroy(struct vml_sp804 *timers)
{
    vml_clock_event_cancel(&timers->alarm.event);
    vml_mutex_destroy(&timers->lock);
}
