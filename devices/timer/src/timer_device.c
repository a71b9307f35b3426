/* The registers as a table, the device on a SYSREG bus, and saved state. */
#include "timer_private.h"

#define TAG_TIMER  VML_STATE_TAG('T', 'I', 'M', 'R')
#define TAG_TIMERS VML_STATE_TAG('T', 'M', 'R', 'S')
#define VERSION    1u

/* EL0PCTEN, EL0VCTEN, EVNTEN, EVNTDIR, EVNTI, EL0VTEN, EL0PTEN, EVNTIS; there is no event stream, so
 * that those of it are only stored. */
#define CNTKCTL_MASK UINT64_C(0x203ff)

static uint64_t read_cntkctl(struct vml_timer *timer)
{
    return atomic_load_explicit(&timer->cntkctl, memory_order_relaxed);
}

static void write_cntkctl(struct vml_timer *timer, uint64_t value)
{
    atomic_store_explicit(&timer->cntkctl, value & CNTKCTL_MASK, memory_order_relaxed);
}

static uint64_t read_cntfrq(struct vml_timer *timer)
{
    return vml_timer_frequency(timer);
}

static uint64_t read_cntpct(struct vml_timer *timer)
{
    return vml_timer_physical_count(timer);
}

static uint64_t read_cntvct(struct vml_timer *timer)
{
    return vml_timer_virtual_count(timer);
}

#define UNIT_HOOKS(unit, kind)                                                                     \
    static uint64_t read_##unit##_tval(struct vml_timer *timer)                                    \
    {                                                                                              \
        return vml_timer_read_tval(timer, kind);                                                   \
    }                                                                                              \
    static void write_##unit##_tval(struct vml_timer *timer, uint64_t value)                       \
    {                                                                                              \
        vml_timer_write_tval(timer, kind, (uint32_t)value);                                        \
    }                                                                                              \
    static uint64_t read_##unit##_ctl(struct vml_timer *timer)                                     \
    {                                                                                              \
        return vml_timer_read_ctl(timer, kind);                                                    \
    }                                                                                              \
    static void write_##unit##_ctl(struct vml_timer *timer, uint64_t value)                        \
    {                                                                                              \
        vml_timer_write_ctl(timer, kind, (uint32_t)value);                                         \
    }                                                                                              \
    static uint64_t read_##unit##_cval(struct vml_timer *timer)                                    \
    {                                                                                              \
        return vml_timer_read_cval(timer, kind);                                                   \
    }                                                                                              \
    static void write_##unit##_cval(struct vml_timer *timer, uint64_t value)                       \
    {                                                                                              \
        vml_timer_write_cval(timer, kind, value);                                                  \
    }

UNIT_HOOKS(cntp, VML_TIMER_PHYSICAL)
UNIT_HOOKS(cntv, VML_TIMER_VIRTUAL)

#define EL0_P VML_CNTKCTL_EL0PTEN
#define EL0_V VML_CNTKCTL_EL0VTEN

/* Hottest first. */
static const struct timer_reg registers[] = {
    {VML_CNTVCT_EL0, "CNTVCT_EL0", VML_CNTKCTL_EL0VCTEN, read_cntvct, NULL},
    {VML_CNTV_CVAL_EL0, "CNTV_CVAL_EL0", EL0_V, read_cntv_cval, write_cntv_cval},
    {VML_CNTV_CTL_EL0, "CNTV_CTL_EL0", EL0_V, read_cntv_ctl, write_cntv_ctl},
    {VML_CNTV_TVAL_EL0, "CNTV_TVAL_EL0", EL0_V, read_cntv_tval, write_cntv_tval},
    {VML_CNTPCT_EL0, "CNTPCT_EL0", VML_CNTKCTL_EL0PCTEN, read_cntpct, NULL},
    {VML_CNTP_CVAL_EL0, "CNTP_CVAL_EL0", EL0_P, read_cntp_cval, write_cntp_cval},
    {VML_CNTP_CTL_EL0, "CNTP_CTL_EL0", EL0_P, read_cntp_ctl, write_cntp_ctl},
    {VML_CNTP_TVAL_EL0, "CNTP_TVAL_EL0", EL0_P, read_cntp_tval, write_cntp_tval},
    {VML_CNTVCTSS_EL0, "CNTVCTSS_EL0", VML_CNTKCTL_EL0VCTEN, read_cntvct, NULL},
    {VML_CNTPCTSS_EL0, "CNTPCTSS_EL0", VML_CNTKCTL_EL0PCTEN, read_cntpct, NULL},
    {VML_CNTFRQ_EL0, "CNTFRQ_EL0", VML_CNTKCTL_EL0PCTEN | VML_CNTKCTL_EL0VCTEN, read_cntfrq, NULL},
    {VML_CNTKCTL_EL1, "CNTKCTL_EL1", 0, read_cntkctl, write_cntkctl},
};

const struct timer_reg *timer_reg_find(uint64_t address)
{
    for (size_t i = 0; i < VML_ARRAY_SIZE(registers); i++) {
        if (registers[i].address == address) {
            return &registers[i];
        }
    }
    return NULL;
}

enum vml_status vml_timer_read(struct vml_timer *timer, uint64_t sysreg, uint64_t *value)
{
    const struct timer_reg *reg = timer_reg_find(sysreg);

    if (!reg) {
        return VML_ERR_NOT_FOUND;
    }
    *value = reg->read(timer);
    return VML_OK;
}

enum vml_status vml_timer_write(struct vml_timer *timer, uint64_t sysreg, uint64_t value)
{
    const struct timer_reg *reg = timer_reg_find(sysreg);

    if (!reg) {
        return VML_ERR_NOT_FOUND;
    }
    if (!reg->write) {
        return VML_ERR_ACCESS;
    }
    reg->write(timer, value);
    return VML_OK;
}

bool vml_timer_el0_allowed(const struct vml_timer *timer, uint64_t sysreg)
{
    const struct timer_reg *reg = timer_reg_find(sysreg);

    return reg && (atomic_load_explicit(&timer->cntkctl, memory_order_relaxed) & reg->el0);
}

/* ---- saved state */

void timer_state_read(struct timer_state *state, struct vml_state_reader *r)
{
    state->virtual_offset = vml_state_get_u64(r);
    state->cntkctl = vml_state_get_u64(r);
    for (unsigned kind = 0; kind < VML_TIMERS; kind++) {
        state->cval[kind] = vml_state_get_u64(r);
        state->ctl[kind] = vml_state_get_u32(r);
        if (state->ctl[kind] & ~(VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK)) {
            vml_state_fail(r, VML_ERR_CORRUPT);
        }
    }
    if (state->cntkctl & ~CNTKCTL_MASK) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
}

/* The count and the frequency that it runs at: a guest that measured another one cannot go on. */
static void save_count(const struct vml_timer *timer, struct vml_state_writer *w)
{
    vml_state_put_u64(w, vml_clock_frequency(timer->config.clock));
    vml_state_put_u64(w, vml_timer_physical_count(timer));
}

static uint64_t read_count(const struct vml_timer *timer, struct vml_state_reader *r)
{
    uint64_t frequency = vml_state_get_u64(r);

    if (frequency != vml_clock_frequency(timer->config.clock)) {
        vml_state_fail(r, VML_ERR_UNSUPPORTED);
    }
    return vml_state_get_u64(r);
}

void vml_timer_save(struct vml_timer *timer, struct vml_state_writer *w)
{
    vml_state_begin(w, TAG_TIMER, VERSION);
    save_count(timer, w);
    timer_state_save(timer, w);
    vml_state_end(w);
}

enum vml_status vml_timer_restore(struct vml_timer *timer, struct vml_state_reader *r)
{
    struct timer_state state;
    enum vml_status status;
    uint64_t count;

    (void)vml_state_enter(r, TAG_TIMER, VERSION);
    count = read_count(timer, r);
    timer_state_read(&state, r);
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status == VML_OK) {
        timer_state_apply(timer, &state, count, vml_clock_now(timer->config.clock));
    }
    return status;
}

/* ---- the device */

static struct vml_timers *timers_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_timers, device);
}

static enum vml_bus_result timers_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_timers *timers = timers_of(device);
    enum vml_status status;

    if (access->cpu >= timers->count || access->size != 8) {
        return VML_BUS_FAULT;
    }
    if (access->write) {
        status = vml_timer_write(timers->timer[access->cpu], access->offset, access->value);
    } else {
        status = vml_timer_read(timers->timer[access->cpu], access->offset, &access->value);
    }
    return status == VML_OK ? VML_BUS_OK : VML_BUS_FAULT;
}

static void timers_reset(struct vml_device *device)
{
    struct vml_timers *timers = timers_of(device);

    for (uint32_t i = 0; i < timers->count; i++) {
        vml_timer_reset(timers->timer[i]);
    }
}

static void timers_shutdown(struct vml_device *device)
{
    timers_reset(device);
}

static void timers_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_timers *timers = timers_of(device);

    vml_state_begin(w, TAG_TIMERS, VERSION);
    vml_state_put_u32(w, timers->count);
    save_count(timers->timer[0], w);
    for (uint32_t i = 0; i < timers->count; i++) {
        timer_state_save(timers->timer[i], w);
    }
    vml_state_end(w);
}

static enum vml_status timers_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_timers *timers = timers_of(device);
    struct vml_state_reader again;
    struct timer_state state;
    enum vml_status status;
    uint64_t count;
    uint64_t now;

    (void)vml_state_enter(r, TAG_TIMERS, VERSION);
    if (vml_state_get_u32(r) != timers->count) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    count = read_count(timers->timer[0], r);
    /* Read twice, since there is no room for the states of all vCPUs: to validate, then to apply. */
    again = *r;
    for (uint32_t i = 0; i < timers->count; i++) {
        timer_state_read(&state, r);
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    now = vml_clock_now(timers->timer[0]->config.clock);
    for (uint32_t i = 0; i < timers->count; i++) {
        timer_state_read(&state, &again);
        timer_state_apply(timers->timer[i], &state, count, now);
    }
    return VML_OK;
}

static const struct vml_device_ops timers_ops = {
    .access = timers_access,
    .reset = timers_reset,
    .shutdown = timers_shutdown,
    .save = timers_save,
    .restore = timers_restore,
};

void vml_timers_init(struct vml_timers *timers, struct vml_timer *const *timer, uint32_t count)
{
    VML_ASSERT(count != 0);
    timers->device.name = "timer";
    timers->device.ops = &timers_ops;
    timers->timer = timer;
    timers->count = count;
}
