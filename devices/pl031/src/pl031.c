/*
 * The PL031. Lock order: `lock` is a leaf; the wire and the clock's queue are called without it.
 */
#include <vml/clock_wire.h>
#include <vml/pl031.h>

#define TAG     VML_STATE_TAG('P', 'L', '3', '1')
#define VERSION 1

static struct vml_pl031 *rtc_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_pl031, device);
}

/* The embedder's time, of which RTCDR has the low 32 bits and an offset. */
static uint64_t seconds(const struct vml_pl031 *rtc, uint64_t now)
{
    return rtc->config.epoch_s + (now - rtc->origin) / vml_clock_frequency(rtc->config.clock);
}

static uint32_t count(const struct vml_pl031 *rtc, uint64_t now)
{
    return (uint32_t)seconds(rtc, now) + rtc->state.offset;
}

/* The tick at which RTCDR becomes RTCMR next. `again`: it does so now, and that has been
 * noticed. */
static uint64_t match_at(const struct vml_pl031 *rtc, uint64_t now, bool again)
{
    uint64_t hz = vml_clock_frequency(rtc->config.clock);
    uint64_t left = rtc->state.RTCMR - count(rtc, now);

    left &= UINT32_MAX;
    if (left == 0 && !again) {
        return now;
    }
    left = left ? left : UINT64_C(1) << 32;
    if (left > (UINT64_MAX - now) / hz) {
        return VML_CLOCK_NEVER;
    }
    return now + left * hz - (now - rtc->origin) % hz;
}

/* A match that has come while nobody was to be told. */
static void catch_up(struct vml_pl031 *rtc, uint64_t now)
{
    if (rtc->deadline <= now) {
        rtc->state.RTCRIS = 1;
        rtc->deadline = match_at(rtc, now, true);
    }
}

/* The clock need not wake anybody for a match that changes no level: an RTC whose alarm is not used does
 * not keep a machine from being idle. */
static uint64_t alarm_at(const struct vml_pl031 *rtc)
{
    return rtc->state.RTCIMSC && !rtc->state.RTCRIS ? rtc->deadline : VML_CLOCK_NEVER;
}

static void leave(struct vml_pl031 *rtc, uint64_t now, bool force)
{
    if (rtc->rearm) {
        rtc->rearm = false;
        rtc->deadline = match_at(rtc, now, false);
        catch_up(rtc, now);
    }
    vml_clock_wire_leave(&rtc->lock, &rtc->out, rtc->state.RTCRIS & rtc->state.RTCIMSC, force,
                         &rtc->match, alarm_at(rtc));
}

static void matched(struct vml_clock_event *event)
{
    struct vml_pl031 *rtc = VML_CONTAINER_OF(vml_clock_alarm_of(event), struct vml_pl031, match);
    uint64_t now = vml_clock_now(rtc->config.clock);

    vml_mutex_lock(&rtc->lock);
    vml_clock_alarm_rang(&rtc->match);
    catch_up(rtc, now);
    leave(rtc, now, false);
}

static uint64_t read_dr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                        const struct vml_access *access)
{
    struct vml_pl031 *rtc = rtc_of(device);

    VML_UNUSED(reg, index, access);
    return count(rtc, vml_clock_now(rtc->config.clock));
}

static uint32_t merge(uint32_t old, uint64_t value, uint64_t mask)
{
    return (old & ~(uint32_t)mask) | (uint32_t)(value & mask);
}

static void write_mr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                     uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_pl031 *rtc = rtc_of(device);

    VML_UNUSED(reg, index, access);
    rtc->state.RTCMR = merge(rtc->state.RTCMR, value, mask);
    rtc->rearm = true;
}

static void write_lr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                     uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_pl031 *rtc = rtc_of(device);

    VML_UNUSED(reg, index, access);
    rtc->state.RTCLR = merge(rtc->state.RTCLR, value, mask);
    rtc->state.offset = rtc->state.RTCLR - (uint32_t)seconds(rtc, vml_clock_now(rtc->config.clock));
    rtc->rearm = true;
}

static uint64_t read_mis(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    const struct vml_pl031_state *s = &rtc_of(device)->state;

    VML_UNUSED(reg, index, access);
    return s->RTCRIS & s->RTCIMSC;
}

static void write_icr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                      uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(reg, index, access);
    rtc_of(device)->state.RTCRIS &= ~(uint32_t)(value & mask);
}

#define STATE(member) (uint32_t) offsetof(struct vml_pl031_state, member)
#define ROW(id, where, how)                                                                        \
    .name = (id), .offset = (where), .width = 4, .sizes = VML_SIZE_4, .kind = (how)

static const struct vml_reg rows[] = {
    {ROW("RTCDR", 0x00, VML_REG_RO), .state = VML_REG_NO_STATE, .read = read_dr},
    {ROW("RTCMR", 0x04, VML_REG_RW), .write_mask = UINT32_MAX, .state = STATE(RTCMR),
     .write = write_mr},
    {ROW("RTCLR", 0x08, VML_REG_RW), .write_mask = UINT32_MAX, .state = STATE(RTCLR),
     .write = write_lr},
    {ROW("RTCCR", 0x0c, VML_REG_RO), .reset = 1, .state = STATE(RTCCR)},
    {ROW("RTCIMSC", 0x10, VML_REG_RW), .write_mask = 1, .state = STATE(RTCIMSC)},
    {ROW("RTCRIS", 0x14, VML_REG_RO), .write_mask = 1, .state = STATE(RTCRIS)},
    {ROW("RTCMIS", 0x18, VML_REG_RO), .state = VML_REG_NO_STATE, .read = read_mis},
    {ROW("RTCICR", 0x1c, VML_REG_WO), .write_mask = 1, .state = VML_REG_NO_STATE,
     .read = vml_amba_read_id, .write = write_icr},
    VML_AMBA_ID_ROWS("RTC", 0x31, 0x10, 0x04, 0x00),
};

const struct vml_reg_table vml_pl031_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 0x1000, .unknown_raz_wi = true};

static enum vml_bus_result rtc_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_pl031 *rtc = rtc_of(device);
    uint64_t now = vml_clock_now(rtc->config.clock);
    enum vml_bus_result result;

    vml_mutex_lock(&rtc->lock);
    catch_up(rtc, now);
    result = vml_regs_access_indexed(&rtc->regs, device, &rtc->state, access);
    leave(rtc, vml_clock_now(rtc->config.clock), false);
    return result;
}

static void rtc_reset(struct vml_device *device)
{
    struct vml_pl031 *rtc = rtc_of(device);

    vml_mutex_lock(&rtc->lock);
    vml_regs_reset(&vml_pl031_regs, &rtc->state);
    rtc->rearm = true;
    leave(rtc, vml_clock_now(rtc->config.clock), false);
}

static void rtc_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_pl031 *rtc = rtc_of(device);
    uint64_t now = vml_clock_now(rtc->config.clock);
    struct vml_pl031_state s;
    uint32_t dr;

    vml_mutex_lock(&rtc->lock);
    catch_up(rtc, now);
    s = rtc->state;
    dr = count(rtc, now);
    vml_mutex_unlock(&rtc->lock);
    vml_state_begin(w, TAG, VERSION);
    vml_regs_save(&vml_pl031_regs, &s, w);
    vml_state_put_u32(w, s.offset);
    vml_state_put_u32(w, dr);
    vml_state_end(w);
}

static enum vml_status rtc_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_pl031 *rtc = rtc_of(device);
    uint64_t now = vml_clock_now(rtc->config.clock);
    struct vml_pl031_state s = {0};
    enum vml_status status;
    uint32_t then;

    (void)vml_state_enter(r, TAG, VERSION);
    vml_regs_restore(&vml_pl031_regs, &s, r);
    s.offset = vml_state_get_u32(r);
    then = vml_state_get_u32(r);
    if (s.RTCRIS > 1) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    vml_mutex_lock(&rtc->lock);
    rtc->state = s;
    /* An alarm that came due while nobody ran. Time that went back made none due. */
    if (s.RTCMR - then != 0 && s.RTCMR - then <= count(rtc, now) - then &&
        count(rtc, now) - then <= INT32_MAX) {
        rtc->state.RTCRIS = 1;
    }
    rtc->deadline = match_at(rtc, now, true);
    leave(rtc, now, true);
    return VML_OK;
}

enum vml_status vml_pl031_init(struct vml_pl031 *rtc, const struct vml_pl031_config *config)
{
    static const struct vml_device_ops ops = {
        .access = rtc_access, .reset = rtc_reset, .save = rtc_save, .restore = rtc_restore};

    if (!config->clock) {
        return VML_ERR_INVALID;
    }
    *rtc = (struct vml_pl031){.config = *config};
    rtc->device = (struct vml_device){config->name ? config->name : "pl031", &ops};
    rtc->origin = vml_clock_now(config->clock);
    vml_regs_index(&rtc->regs, &vml_pl031_regs, rtc->slots, VML_ARRAY_SIZE(rtc->slots));
    vml_mutex_init(&rtc->lock);
    vml_irq_driver_init(&rtc->out, &config->irq);
    vml_clock_alarm_init(&rtc->match, config->clock, matched);
    vml_regs_reset(&vml_pl031_regs, &rtc->state);
    rtc->deadline = match_at(rtc, rtc->origin, true);
    vml_mutex_lock(&rtc->lock);
    leave(rtc, rtc->origin, false);
    return VML_OK;
}

void vml_pl031_destroy(struct vml_pl031 *rtc)
{
    vml_clock_event_cancel(&rtc->match.event);
    vml_mutex_destroy(&rtc->lock);
}
