/* The MC146818. Lock order: `lock` is a leaf; the wire and the clock's queue are called without it.
   */
#include "calendar.h"

#include <vml/clock_wire.h>

#define TAG     VML_STATE_TAG('1', '4', '6', '8')
#define VERSION 1

/* The time base: 32.768 kHz, which register A divides for the periodic interrupt. */
#define BASE_HZ 32768u

static struct vml_mc146818 *rtc_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_mc146818, device);
}

static uint64_t hz(const struct vml_mc146818 *rtc)
{
    return vml_clock_frequency(rtc->config.clock);
}

static uint64_t elapsed(const struct vml_mc146818 *rtc)
{
    uint64_t now = vml_clock_now(rtc->config.clock);

    return now - vml_min_u64(rtc->origin, now);
}

static uint64_t seconds_at(const struct vml_mc146818 *rtc, uint64_t ticks)
{
    return rtc->config.epoch_s + ticks / hz(rtc) + rtc->state.offset;
}

/* The divider of the time base: 0 for none. */
static uint32_t divider(const struct vml_mc146818 *rtc)
{
    uint32_t rate = rtc->state.bytes[REG_A] & A_RS;

    if (rate == 0) {
        return 0;
    }
    return 1u << (rate <= 2 ? rate + 6 : rate - 1);
}

/* Periods of the periodic interrupt since the origin. */
static uint64_t periods_at(const struct vml_mc146818 *rtc, uint64_t ticks)
{
    uint32_t by = divider(rtc);
    uint64_t base;

    if (by == 0) {
        return 0;
    }
    base = ticks / hz(rtc) * BASE_HZ + ticks % hz(rtc) * BASE_HZ / hz(rtc);
    return base / by;
}

static uint64_t tick_of_period(const struct vml_mc146818 *rtc, uint64_t period)
{
    uint64_t base = period * divider(rtc);

    return base / BASE_HZ * hz(rtc) + (base % BASE_HZ * hz(rtc) + BASE_HZ - 1) / BASE_HZ;
}

/* Raises what has come due. While the time is being set there are no updates and no alarms. */
static void advance(struct vml_mc146818 *rtc)
{
    uint8_t *bytes = rtc->state.bytes;
    uint64_t ticks = elapsed(rtc);
    uint64_t second = seconds_at(rtc, ticks);
    uint64_t period = periods_at(rtc, ticks);

    if (period > rtc->seen_period) {
        bytes[REG_C] |= C_PF;
    }
    rtc->seen_period = period;
    if (!(bytes[REG_B] & B_SET) && second > rtc->seen) {
        bytes[REG_C] |= C_UF;
        if (calendar_next_alarm(bytes, bytes[REG_B], rtc->seen) <= second) {
            bytes[REG_C] |= C_AF;
        }
    }
    rtc->seen = second;
}

static bool interrupts(const struct vml_mc146818 *rtc)
{
    return rtc->state.bytes[REG_C] & rtc->state.bytes[REG_B] & (C_PF | C_AF | C_UF);
}

/* The tick of the next interrupt, from the clock's zero. Nothing is waited for while one is there.
   */
static uint64_t next_interrupt(const struct vml_mc146818 *rtc)
{
    uint8_t b = rtc->state.bytes[REG_B];
    uint64_t next = VML_CLOCK_NEVER, second = VML_CLOCK_NEVER;

    if (interrupts(rtc)) {
        return VML_CLOCK_NEVER;
    }
    if ((b & B_PIE) && divider(rtc) != 0) {
        next = rtc->origin + tick_of_period(rtc, rtc->seen_period + 1);
    }
    if (!(b & B_SET) && (b & B_UIE)) {
        second = rtc->seen + 1;
    } else if (!(b & B_SET) && (b & B_AIE)) {
        second = calendar_next_alarm(rtc->state.bytes, b, rtc->seen);
    }
    if (second != VML_CLOCK_NEVER) {
        uint64_t passed = second - rtc->state.offset - rtc->config.epoch_s;

        next = vml_min_u64(next, rtc->origin + passed * hz(rtc));
    }
    return next;
}

static void leave(struct vml_mc146818 *rtc, bool force)
{
    vml_clock_wire_leave(&rtc->lock, &rtc->out, interrupts(rtc), force, &rtc->alarm,
                         next_interrupt(rtc));
}

static void due(struct vml_clock_event *event)
{
    struct vml_mc146818 *rtc =
        VML_CONTAINER_OF(vml_clock_alarm_of(event), struct vml_mc146818, alarm);

    vml_mutex_lock(&rtc->lock);
    vml_clock_alarm_rang(&rtc->alarm);
    advance(rtc);
    leave(rtc, false);
}

static bool is_time(uint8_t index)
{
    return index == SECONDS || index == MINUTES ||
           (index >= HOURS && index <= YEAR && index != HOURS_ALARM) || index == CENTURY;
}

/* "An update is in progress or will soon begin": within 244 microseconds. */
static bool update_is_near(const struct vml_mc146818 *rtc)
{
    uint64_t left = hz(rtc) - elapsed(rtc) % hz(rtc);

    return !(rtc->state.bytes[REG_B] & B_SET) && left * 1000000 <= 244 * hz(rtc);
}

static uint8_t read_byte(struct vml_mc146818 *rtc)
{
    uint8_t *bytes = rtc->state.bytes;
    uint8_t index = rtc->state.index;
    uint8_t value;

    switch (index) {
    case REG_A:
        return bytes[REG_A] | (update_is_near(rtc) ? A_UIP : 0);
    case REG_C:
        value = bytes[REG_C] | (interrupts(rtc) ? C_IRQF : 0);
        bytes[REG_C] = 0;
        return value;
    default:
        if (is_time(index) && !(bytes[REG_B] & B_SET)) {
            calendar_show(bytes, bytes[REG_B], rtc->seen);
        }
        return bytes[index];
    }
}

/* The guest's time becomes what the registers show. */
static void set_time(struct vml_mc146818 *rtc)
{
    uint64_t second = calendar_read(rtc->state.bytes, rtc->state.bytes[REG_B]);

    rtc->state.offset += second - rtc->seen;
    rtc->seen = second;
}

static void write_b(struct vml_mc146818 *rtc, uint8_t value)
{
    uint8_t *bytes = rtc->state.bytes;
    uint8_t before = bytes[REG_B];

    if (!(before & B_SET)) {
        calendar_show(bytes, before, rtc->seen);
    }
    /* SET clears UIE. */
    bytes[REG_B] = value & B_SET ? (uint8_t)(value & ~B_UIE) : value;
    if ((before & B_SET) && !(value & B_SET)) {
        set_time(rtc);
    }
}

static void write_byte(struct vml_mc146818 *rtc, uint8_t value)
{
    uint8_t *bytes = rtc->state.bytes;
    uint8_t index = rtc->state.index;

    switch (index) {
    case REG_A:
        bytes[REG_A] = value & (uint8_t)~A_UIP;
        rtc->seen_period = periods_at(rtc, elapsed(rtc));
        break;
    case REG_B:
        write_b(rtc, value);
        break;
    case REG_C:
    case REG_D:
        break;
    default:
        if (is_time(index) && !(bytes[REG_B] & B_SET)) {
            calendar_show(bytes, bytes[REG_B], rtc->seen);
            bytes[index] = value;
            set_time(rtc);
        } else {
            bytes[index] = value;
        }
        break;
    }
}

static uint64_t read_port(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          const struct vml_access *access)
{
    struct vml_mc146818 *rtc = rtc_of(device);

    VML_UNUSED(index, access);
    return reg->offset == 0 ? rtc->state.index : read_byte(rtc);
}

static void write_port(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_mc146818 *rtc = rtc_of(device);

    VML_UNUSED(index, mask, access);
    if (reg->offset == 0) {
        rtc->state.index = value & (VML_MC146818_BYTES - 1); /* bit 7 masks NMIs, elsewhere */
    } else {
        write_byte(rtc, (uint8_t)value);
    }
}

#define PORT(id, where)                                                                            \
    {                                                                                              \
        .name = (id), .offset = (where), .width = 1, .sizes = VML_SIZE_1, .kind = VML_REG_RW,      \
        .write_mask = 0xff, .state = VML_REG_NO_STATE, .read = read_port, .write = write_port      \
    }

static const struct vml_reg rows[] = {PORT("index", 0), PORT("data", 1)};

const struct vml_reg_table vml_mc146818_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 2};

static enum vml_bus_result rtc_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_mc146818 *rtc = rtc_of(device);
    enum vml_bus_result result;

    vml_mutex_lock(&rtc->lock);
    advance(rtc);
    result = vml_regs_access(&vml_mc146818_regs, device, NULL, access);
    leave(rtc, false);
    return result;
}

/* RESET: interrupts are disabled, and their flags cleared; the time goes on. */
static void rtc_reset(struct vml_device *device)
{
    struct vml_mc146818 *rtc = rtc_of(device);

    vml_mutex_lock(&rtc->lock);
    advance(rtc);
    write_b(rtc, rtc->state.bytes[REG_B] & (B_BINARY | B_24));
    rtc->state.bytes[REG_C] = 0;
    rtc->state.index = 0;
    leave(rtc, false);
}

static void rtc_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_mc146818 *rtc = rtc_of(device);
    struct vml_mc146818_state s;
    uint64_t second;

    vml_mutex_lock(&rtc->lock);
    advance(rtc);
    if (!(rtc->state.bytes[REG_B] & B_SET)) {
        calendar_show(rtc->state.bytes, rtc->state.bytes[REG_B], rtc->seen);
    }
    s = rtc->state;
    second = rtc->seen;
    leave(rtc, false);
    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u8(w, s.index);
    vml_state_put_bytes(w, s.bytes, sizeof(s.bytes));
    vml_state_put_u64(w, s.offset);
    vml_state_put_u64(w, second);
    vml_state_end(w);
}

static enum vml_status rtc_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_mc146818 *rtc = rtc_of(device);
    struct vml_mc146818_state s;
    enum vml_status status;
    uint64_t then;

    (void)vml_state_enter(r, TAG, VERSION);
    s.index = vml_state_get_u8(r);
    vml_state_get_bytes(r, s.bytes, sizeof(s.bytes));
    s.offset = vml_state_get_u64(r);
    then = vml_state_get_u64(r);
    if (vml_state_read_status(r) == VML_OK &&
        (s.index >= VML_MC146818_BYTES || (s.bytes[REG_A] & A_UIP) ||
         (s.bytes[REG_C] & ~(C_PF | C_AF | C_UF)) || s.bytes[REG_D] != 0x80 ||
         (s.bytes[REG_B] & (B_SET | B_UIE)) == (B_SET | B_UIE))) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    vml_mutex_lock(&rtc->lock);
    rtc->state = s;
    rtc->seen_period = periods_at(rtc, elapsed(rtc));
    rtc->seen = seconds_at(rtc, elapsed(rtc));
    /* An alarm that came due while nobody ran. Time that went back made none due. */
    if (then < rtc->seen) {
        rtc->seen = then;
        advance(rtc);
    }
    leave(rtc, true);
    return VML_OK;
}

enum vml_status vml_mc146818_init(struct vml_mc146818 *rtc,
                                  const struct vml_mc146818_config *config)
{
    static const struct vml_device_ops ops = {
        .access = rtc_access, .reset = rtc_reset, .save = rtc_save, .restore = rtc_restore};

    if (!config->clock) {
        return VML_ERR_INVALID;
    }
    *rtc = (struct vml_mc146818){.config = *config};
    rtc->device = (struct vml_device){config->name ? config->name : "mc146818", &ops};
    rtc->origin = vml_clock_now(config->clock);
    rtc->seen = config->epoch_s;
    vml_mutex_init(&rtc->lock);
    vml_irq_driver_init(&rtc->out, &config->irq);
    vml_clock_alarm_init(&rtc->alarm, config->clock, due);
    /* As firmware leaves it: a time base of 32.768 kHz, 1024 Hz, 24 hours, valid. */
    rtc->state.bytes[REG_A] = 0x26;
    rtc->state.bytes[REG_B] = B_24;
    rtc->state.bytes[REG_D] = 0x80;
    return VML_OK;
}

void vml_mc146818_destroy(struct vml_mc146818 *rtc)
{
    vml_clock_event_cancel(&rtc->alarm.event);
    vml_mutex_destroy(&rtc->lock);
}

enum vml_status vml_mc146818_set(struct vml_mc146818 *rtc, uint8_t index, uint8_t value)
{
    if (index <= REG_D || index == CENTURY || index >= VML_MC146818_BYTES) {
        return VML_ERR_RANGE;
    }
    vml_mutex_lock(&rtc->lock);
    rtc->state.bytes[index] = value;
    vml_mutex_unlock(&rtc->lock);
    return VML_OK;
}
