/*
 * The Generic Watchdog. Lock order: `lock` is a leaf; the wire, the clock's queue and the embedder
 * are called without it.
 */
#include <vml/clock_wire.h>
#include <vml/generic_watchdog.h>

#define TAG      VML_STATE_TAG('G', 'W', 'D', 'T')
#define VERSION  1

#define WOR_MASK VML_MASK64(47, 0)
/* Architecture version 1; implemented by Arm, as JEP-106 has it. */
#define IIDR 0x0001043bu

enum { EN = 1, WS0 = 2, WS1 = 4 };

static struct vml_generic_watchdog *watchdog_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_generic_watchdog, device);
}

static uint64_t saturating_add(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

/* The first count that is greater than the compare value; UINT64_MAX: it is never passed. */
static uint64_t passed_at(const struct vml_generic_watchdog_state *s)
{
    return saturating_add(s->WCV, 1);
}

static void refresh(struct vml_generic_watchdog *w, uint64_t count)
{
    w->state.WCV = saturating_add(count, w->state.WOR);
}

/*
 * What happened up to `count`. The first time that the compare value is passed raises signal 0 and
 * starts again from that moment, or from the write that made it so; the second raises signal 1.
 */
static void advance(struct vml_generic_watchdog *w, uint64_t count)
{
    struct vml_generic_watchdog_state *s = &w->state;
    uint64_t at = vml_max_u64(passed_at(s), w->seen);

    w->seen = count;
    if (!(s->WCS & EN)) {
        s->WCS = 0;
        return;
    }
    if (!(s->WCS & WS0) && at <= count && s->WCV != UINT64_MAX) {
        s->WCS |= WS0;
        refresh(w, at);
    }
    if ((s->WCS & WS0) && count > s->WCV) {
        s->WCS |= WS1;
    }
}

/* When something happens by itself. */
static uint64_t next_event(const struct vml_generic_watchdog *w)
{
    const struct vml_generic_watchdog_state *s = &w->state;

    if (!(s->WCS & EN) || (s->WCS & WS1) || s->WCV == UINT64_MAX) {
        return VML_CLOCK_NEVER;
    }
    return saturating_add(vml_clock_now(w->config.timer->config.clock),
                          vml_max_u64(passed_at(s), w->seen) - w->seen);
}

static void leave(struct vml_generic_watchdog *w, bool force)
{
    bool expired = w->state.WCS & WS1;
    bool tell = expired && !w->told;

    w->told = expired;
    vml_clock_wire_leave(&w->lock, &w->out, w->state.WCS & WS0, force, &w->alarm, next_event(w));
    if (tell && w->config.expired) {
        w->config.expired(w->config.context);
    }
}

static void due(struct vml_clock_event *event)
{
    struct vml_generic_watchdog *w =
        VML_CONTAINER_OF(vml_clock_alarm_of(event), struct vml_generic_watchdog, alarm);

    vml_mutex_lock(&w->lock);
    vml_clock_alarm_rang(&w->alarm);
    advance(w, vml_timer_physical_count(w->config.timer));
    leave(w, false);
}

/* Any write of WCS, WOR and WRR refreshes. */
static void explicit_refresh(struct vml_generic_watchdog *w)
{
    w->state.WCS &= EN;
    refresh(w, w->seen);
}

static void write_wcs(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                      uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_generic_watchdog *w = watchdog_of(device);

    VML_UNUSED(reg, index, mask, access);
    w->state.WCS = value & EN;
    explicit_refresh(w);
}

static void write_wor(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                      uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_generic_watchdog *w = watchdog_of(device);

    VML_UNUSED(reg, index, access);
    w->state.WOR = ((w->state.WOR & ~mask) | (value & mask)) & WOR_MASK;
    explicit_refresh(w);
}

static void write_wrr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                      uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(reg, index, value, mask, access);
    explicit_refresh(watchdog_of(device));
}

#define STATE(member) (uint32_t) offsetof(struct vml_generic_watchdog_state, member)
#define ROW(id, where, bytes, allowed, how)                                                        \
    .name = (id), .offset = (where), .width = (bytes), .sizes = (allowed), .kind = (how)
#define IIDR_ROW(frame)                                                                            \
    {                                                                                              \
        ROW("W_IIDR", (frame) + 0xfcc, 4, VML_SIZE_4, VML_REG_RO),                                 \
            .reset = IIDR, .state = VML_REG_NO_STATE, .read = vml_amba_read_id                     \
    }

static const struct vml_reg rows[] = {
    {ROW("WCS", VML_GENERIC_WATCHDOG_CONTROL + 0x00, 4, VML_SIZE_4, VML_REG_RW),
     .write_mask = EN | WS0 | WS1, .state = STATE(WCS), .write = write_wcs},
    {ROW("WOR", VML_GENERIC_WATCHDOG_CONTROL + 0x08, 8, VML_SIZE_48, VML_REG_RW),
     .write_mask = WOR_MASK, .state = STATE(WOR), .write = write_wor},
    {ROW("WCV", VML_GENERIC_WATCHDOG_CONTROL + 0x10, 8, VML_SIZE_48, VML_REG_RW),
     .write_mask = UINT64_MAX, .state = STATE(WCV)},
    IIDR_ROW(VML_GENERIC_WATCHDOG_CONTROL),
    {ROW("WRR", VML_GENERIC_WATCHDOG_REFRESH + 0x00, 4, VML_SIZE_4, VML_REG_WO),
     .write_mask = UINT32_MAX, .state = VML_REG_NO_STATE, .read = vml_amba_read_id,
     .write = write_wrr},
    IIDR_ROW(VML_GENERIC_WATCHDOG_REFRESH),
};

const struct vml_reg_table vml_generic_watchdog_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 0x2000, .unknown_raz_wi = true};

static enum vml_bus_result gwdt_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_generic_watchdog *w = watchdog_of(device);
    enum vml_bus_result result;
    uint64_t count;

    vml_mutex_lock(&w->lock);
    count = vml_timer_physical_count(w->config.timer);
    advance(w, count);
    result = vml_regs_access(&vml_generic_watchdog_regs, device, &w->state, access);
    advance(w, count);
    leave(w, false);
    return result;
}

static void gwdt_reset(struct vml_device *device)
{
    struct vml_generic_watchdog *w = watchdog_of(device);

    vml_mutex_lock(&w->lock);
    vml_regs_reset(&vml_generic_watchdog_regs, &w->state);
    leave(w, false);
}

static void gwdt_save(struct vml_device *device, struct vml_state_writer *writer)
{
    struct vml_generic_watchdog *w = watchdog_of(device);
    struct vml_generic_watchdog_state s;

    vml_mutex_lock(&w->lock);
    advance(w, vml_timer_physical_count(w->config.timer));
    s = w->state;
    leave(w, false);
    vml_state_begin(writer, TAG, VERSION);
    vml_regs_save(&vml_generic_watchdog_regs, &s, writer);
    vml_state_end(writer);
}

static enum vml_status gwdt_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_generic_watchdog *w = watchdog_of(device);
    struct vml_generic_watchdog_state s = {.WCS = 0};
    enum vml_status status;

    (void)vml_state_enter(r, TAG, VERSION);
    vml_regs_restore(&vml_generic_watchdog_regs, &s, r);
    /* Signals only while enabled, and the second only after the first. */
    if (s.WCS > (EN | WS0 | WS1) || (s.WCS && !(s.WCS & EN)) || ((s.WCS & WS1) && !(s.WCS & WS0)) ||
        (s.WOR & ~WOR_MASK)) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    vml_mutex_lock(&w->lock);
    w->state = s;
    w->seen = vml_timer_physical_count(w->config.timer);
    w->told = false; /* a reset that was under way is asked for again */
    advance(w, w->seen);
    leave(w, true);
    return VML_OK;
}

enum vml_status vml_generic_watchdog_init(struct vml_generic_watchdog *watchdog,
                                          const struct vml_generic_watchdog_config *config)
{
    static const struct vml_device_ops ops = {
        .access = gwdt_access, .reset = gwdt_reset, .save = gwdt_save, .restore = gwdt_restore};

    if (!config->timer) {
        return VML_ERR_INVALID;
    }
    *watchdog = (struct vml_generic_watchdog){.config = *config};
    watchdog->device = (struct vml_device){config->name ? config->name : "generic_watchdog", &ops};
    vml_mutex_init(&watchdog->lock);
    vml_irq_driver_init(&watchdog->out, &config->irq);
    vml_clock_alarm_init(&watchdog->alarm, config->timer->config.clock, due);
    vml_regs_reset(&vml_generic_watchdog_regs, &watchdog->state);
    watchdog->seen = vml_timer_physical_count(config->timer);
    return VML_OK;
}

void vml_generic_watchdog_destroy(struct vml_generic_watchdog *watchdog)
{
    vml_clock_event_cancel(&watchdog->alarm.event);
    vml_mutex_destroy(&watchdog->lock);
}
