/*
 * The SP805. Lock order: `lock` is a leaf; the wire, the clock's queue and the embedder are called
 * without it.
 */
#include <vml/clock_wire.h>
#include <vml/sp805.h>

#define TAG     VML_STATE_TAG('S', '8', '0', '5')
#define VERSION 1

enum { INTEN = 1, RESEN = 2, ITOP_INT = 1, ITOP_RES = 2 };

static struct vml_sp805 *watchdog_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_sp805, device);
}

static uint64_t wdogclk(const struct vml_sp805 *w)
{
    return vml_clock_rate_count(&w->rate, vml_clock_now(w->config.clock));
}

/* INTEN enables the counter and the interrupt; after the reset it stands. */
static bool runs(const struct vml_sp805_state *s)
{
    return (s->WDOGCONTROL & INTEN) && !s->expired;
}

/*
 * Brings the counter up to `now`. It shows zero for one period of WDOGCLK, and is then reloaded.
 * When it reaches zero for the first time it interrupts; when it does so with the interrupt still
 * there and RESEN set, the system is reset and the counter stops.
 */
static void advance(struct vml_sp805 *w, uint64_t now)
{
    struct vml_sp805_state *s = &w->state;
    uint64_t period = (uint64_t)s->WDOGLOAD + 1;
    uint64_t elapsed = now - w->base;
    uint64_t left = s->WDOGVALUE;

    /* Clocks of two host CPUs may differ by a little. */
    if ((int64_t)elapsed < 0) {
        return;
    }
    w->base = now;
    if (!runs(s) || elapsed == 0) {
        return;
    }
    if (left == 0) {
        left = period;
    }
    if (elapsed >= left && !s->WDOGRIS) {
        s->WDOGRIS = 1;
        elapsed -= left;
        left = period;
        s->WDOGVALUE = 0;
    }
    if (elapsed >= left) {
        s->expired = s->WDOGCONTROL & RESEN ? 1 : 0;
        elapsed = s->expired ? 0 : (elapsed - left) % period;
        left = period;
        s->WDOGVALUE = 0;
    }
    if (elapsed != 0) {
        s->WDOGVALUE = (uint32_t)(left - elapsed);
    }
}

/* Something happens by itself only when the interrupt is not there yet, or the reset comes next. */
static uint64_t next_event(const struct vml_sp805 *w)
{
    const struct vml_sp805_state *s = &w->state;
    uint64_t left = s->WDOGVALUE ? s->WDOGVALUE : (uint64_t)s->WDOGLOAD + 1;

    if (!runs(s) || (s->WDOGRIS && !(s->WDOGCONTROL & RESEN)) || left > UINT64_MAX - w->base) {
        return VML_CLOCK_NEVER;
    }
    return vml_clock_rate_tick(&w->rate, w->base + left);
}

static bool interrupt(const struct vml_sp805_state *s)
{
    return s->WDOGITCR ? s->WDOGITOP & ITOP_INT : s->WDOGRIS && (s->WDOGCONTROL & INTEN);
}

static bool reset_output(const struct vml_sp805_state *s)
{
    return s->WDOGITCR ? s->WDOGITOP & ITOP_RES : s->expired;
}

/* Drops the lock; then drives the outputs. */
static void leave(struct vml_sp805 *w, bool force)
{
    bool expired = reset_output(&w->state);
    bool tell = expired && !w->told;

    w->told = expired;
    vml_clock_wire_leave(&w->lock, &w->out, interrupt(&w->state), force, &w->alarm, next_event(w));
    if (tell && w->config.expired) {
        w->config.expired(w->config.context);
    }
}

static void due(struct vml_clock_event *event)
{
    struct vml_sp805 *w = VML_CONTAINER_OF(vml_clock_alarm_of(event), struct vml_sp805, alarm);

    vml_mutex_lock(&w->lock);
    vml_clock_alarm_rang(&w->alarm);
    advance(w, wdogclk(w));
    leave(w, false);
}

static uint32_t merge(uint32_t old, uint64_t value, uint64_t mask)
{
    return (old & ~(uint32_t)mask) | (uint32_t)(value & mask);
}

static void reload(struct vml_sp805 *w)
{
    w->state.WDOGVALUE = w->state.WDOGLOAD;
    w->base = wdogclk(w);
}

static void write_load(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_sp805 *w = watchdog_of(device);

    VML_UNUSED(reg, index, access);
    w->state.WDOGLOAD = merge(w->state.WDOGLOAD, value, mask);
    reload(w);
    /* The least valid value is 1; with 0 "an interrupt is generated immediately". */
    if (w->state.WDOGLOAD == 0 && runs(&w->state)) {
        w->state.WDOGRIS = 1;
    }
}

static void write_control(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_sp805 *w = watchdog_of(device);
    uint32_t before = w->state.WDOGCONTROL;

    VML_UNUSED(reg, index, access);
    w->state.WDOGCONTROL = merge(before, value, mask) & (INTEN | RESEN);
    /* The counter is reloaded "when the interrupt is enabled after previously being disabled". */
    if (w->state.WDOGCONTROL & ~before & INTEN) {
        reload(w);
        w->state.WDOGRIS |= w->state.WDOGLOAD == 0;
    }
}

static void write_intclr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_sp805 *w = watchdog_of(device);

    VML_UNUSED(reg, index, value, mask, access);
    w->state.WDOGRIS = 0;
    reload(w);
}

static uint64_t read_mis(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    const struct vml_sp805_state *s = &watchdog_of(device)->state;

    VML_UNUSED(reg, index, access);
    return s->WDOGCONTROL & INTEN ? s->WDOGRIS : 0;
}

static void write_lock(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(reg, index, mask, access);
    watchdog_of(device)->state.locked = value != VML_SP805_UNLOCK;
}

#define STATE(member) (uint32_t) offsetof(struct vml_sp805_state, member)
#define LOCK          0xc00u
#define ROW(id, where, how)                                                                        \
    .name = (id), .offset = (where), .width = 4, .sizes = VML_SIZE_4, .kind = (how)

static const struct vml_reg rows[] = {
    {ROW("WDOGLOAD", 0x00, VML_REG_RW), .reset = UINT32_MAX, .write_mask = UINT32_MAX,
     .state = STATE(WDOGLOAD), .write = write_load},
    {ROW("WDOGVALUE", 0x04, VML_REG_RO), .reset = UINT32_MAX, .write_mask = UINT32_MAX,
     .state = STATE(WDOGVALUE)},
    {ROW("WDOGCONTROL", 0x08, VML_REG_RW), .write_mask = INTEN | RESEN, .state = STATE(WDOGCONTROL),
     .write = write_control},
    {ROW("WDOGINTCLR", 0x0c, VML_REG_WO), .write_mask = UINT32_MAX, .state = VML_REG_NO_STATE,
     .read = vml_amba_read_id, .write = write_intclr},
    {ROW("WDOGRIS", 0x10, VML_REG_RO), .write_mask = 1, .state = STATE(WDOGRIS)},
    {ROW("WDOGMIS", 0x14, VML_REG_RO), .state = VML_REG_NO_STATE, .read = read_mis},
    {ROW("WDOGLOCK", LOCK, VML_REG_RW), .write_mask = 1, .state = STATE(locked),
     .write = write_lock},
    {ROW("WDOGITCR", 0xf00, VML_REG_RW), .write_mask = 1, .state = STATE(WDOGITCR)},
    {ROW("WDOGITOP", 0xf04, VML_REG_WO), .write_mask = ITOP_INT | ITOP_RES,
     .state = STATE(WDOGITOP)},
    VML_AMBA_ID_ROWS("WDOG", 0x05, 0x18, 0x14, 0x00),
};

const struct vml_reg_table vml_sp805_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 0x1000, .unknown_raz_wi = true};

static enum vml_bus_result sp805_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_sp805 *w = watchdog_of(device);
    struct vml_access denied = *access;
    enum vml_bus_result result;

    vml_mutex_lock(&w->lock);
    advance(w, wdogclk(w));
    if (access->write && w->state.locked && access->offset != LOCK) {
        /* Not written, and a fault if it would have been one. */
        denied.write = false;
        result = vml_regs_access_indexed(&w->regs, device, &w->state, &denied);
    } else {
        result = vml_regs_access_indexed(&w->regs, device, &w->state, access);
    }
    leave(w, false);
    return result;
}

static void sp805_reset(struct vml_device *device)
{
    struct vml_sp805 *w = watchdog_of(device);

    vml_mutex_lock(&w->lock);
    vml_regs_reset(&vml_sp805_regs, &w->state);
    w->state.expired = 0;
    w->base = wdogclk(w);
    leave(w, false);
}

static void sp805_save(struct vml_device *device, struct vml_state_writer *writer)
{
    struct vml_sp805 *w = watchdog_of(device);
    struct vml_sp805_state s;

    vml_mutex_lock(&w->lock);
    advance(w, wdogclk(w));
    s = w->state;
    leave(w, false);
    vml_state_begin(writer, TAG, VERSION);
    vml_regs_save(&vml_sp805_regs, &s, writer);
    vml_state_put_bool(writer, s.expired);
    vml_state_end(writer);
}

static enum vml_status sp805_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_sp805 *w = watchdog_of(device);
    struct vml_sp805_state s = {.locked = 0};
    enum vml_status status;

    (void)vml_state_enter(r, TAG, VERSION);
    vml_regs_restore(&vml_sp805_regs, &s, r);
    s.expired = vml_state_get_bool(r);
    if (s.WDOGRIS > 1 || s.locked > 1 || (s.WDOGCONTROL & ~(uint32_t)(INTEN | RESEN))) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    vml_mutex_lock(&w->lock);
    w->state = s;
    w->base = wdogclk(w);
    w->told = false; /* a reset that was under way is asked for again */
    leave(w, true);
    return VML_OK;
}

enum vml_status vml_sp805_init(struct vml_sp805 *watchdog, const struct vml_sp805_config *config)
{
    static const struct vml_device_ops ops = {
        .access = sp805_access, .reset = sp805_reset, .save = sp805_save, .restore = sp805_restore};
    enum vml_status status;

    if (!config->clock) {
        return VML_ERR_INVALID;
    }
    *watchdog = (struct vml_sp805){.config = *config};
    status = vml_clock_rate_init(&watchdog->rate, config->clock, config->frequency_hz);
    if (status != VML_OK) {
        return status;
    }
    watchdog->device = (struct vml_device){config->name ? config->name : "sp805", &ops};
    vml_regs_index(&watchdog->regs, &vml_sp805_regs, watchdog->slots,
                   VML_ARRAY_SIZE(watchdog->slots));
    vml_mutex_init(&watchdog->lock);
    vml_irq_driver_init(&watchdog->out, &config->irq);
    vml_clock_alarm_init(&watchdog->alarm, config->clock, due);
    vml_regs_reset(&vml_sp805_regs, &watchdog->state);
    watchdog->base = wdogclk(watchdog);
    return VML_OK;
}

void vml_sp805_destroy(struct vml_sp805 *watchdog)
{
    vml_clock_event_cancel(&watchdog->alarm.event);
    vml_mutex_destroy(&watchdog->lock);
}
