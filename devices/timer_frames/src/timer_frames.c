/* Frames of memory-mapped timers. No lock: the timers have theirs. */
#include <vml/timer_frames.h>

#define TAG     VML_STATE_TAG('T', 'F', 'R', 'M')
#define VERSION 1

/* CNTACR<n> */
enum { RPCT = 1, RVCT = 2, RFRQ = 4, RVOFF = 8, RWVT = 16, RWPT = 32, ACR_MASK = 0x3f };
/* CNTEL0ACR */
enum { EL0PCTEN = 1, EL0VCTEN = 2, EL0VTEN = 0x100, EL0PTEN = 0x200, EL0ACR_MASK = 0x303 };
/* A frame */
enum {
    CNTPCT = 0x00,
    CNTVCT = 0x08,
    CNTFRQ = 0x10,
    CNTEL0ACR = 0x14,
    CNTVOFF = 0x18,
    CNTP_CVAL = 0x20,
    CNTP_TVAL = 0x28,
    CNTP_CTL = 0x2c,
    CNTV_CVAL = 0x30,
    CNTV_TVAL = 0x38,
    CNTV_CTL = 0x3c,
};
/* The control frame */
enum { CTL_CNTFRQ = 0x00, CTL_CNTTIDR = 0x08, CTL_CNTACR = 0x40, CTL_CNTVOFF = 0x80 };

static uint32_t load(const _Atomic uint32_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static bool has_virtual(const struct vml_timer_frames *frames, uint32_t index)
{
    return frames->config.with_virtual >> index & 1;
}

/* ---- a timer frame */

/* What has to be permitted for a register: in CNTACR, and (one of) in CNTEL0ACR. None: never there.
   */
struct rights {
    uint32_t acr, el0;
};

static struct rights rights_of(uint32_t offset)
{
    switch (offset) {
    case CNTPCT:
        return (struct rights){RPCT, EL0PCTEN};
    case CNTVCT:
        return (struct rights){RVCT, EL0VCTEN};
    case CNTFRQ:
        return (struct rights){RFRQ, EL0PCTEN | EL0VCTEN};
    case CNTVOFF:
        return (struct rights){RVOFF, 0};
    case CNTP_CVAL:
    case CNTP_TVAL:
    case CNTP_CTL:
        return (struct rights){RWPT, EL0PTEN};
    default:
        return (struct rights){RWVT, EL0VTEN};
    }
}

static bool is_of_virtual_timer(uint32_t offset)
{
    return offset == CNTVCT || offset == CNTVOFF || offset >= CNTV_CVAL;
}

static bool is_allowed(const struct vml_timer_view *view, uint32_t offset)
{
    const struct vml_timer_frames *frames = view->frames;
    struct rights rights = rights_of(offset);

    if (offset == CNTEL0ACR) {
        return !view->el0 && (frames->config.with_el0 >> view->index & 1);
    }
    if (is_of_virtual_timer(offset) && !has_virtual(frames, view->index)) {
        return false;
    }
    return (load(&frames->CNTACR[view->index]) & rights.acr) &&
           (!view->el0 || (load(&frames->CNTEL0ACR[view->index]) & rights.el0));
}

static struct vml_timer_view *view_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_timer_view, device);
}

static uint64_t read_frame(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                           const struct vml_access *access)
{
    struct vml_timer_view *view = view_of(device);
    struct vml_timer *timer = view->frames->config.timer[view->index];

    VML_UNUSED(index, access);
    if (!is_allowed(view, reg->offset)) {
        return 0;
    }
    switch (reg->offset) {
    case CNTPCT:
        return vml_timer_physical_count(timer);
    case CNTVCT:
        return vml_timer_virtual_count(timer);
    case CNTFRQ:
        return vml_timer_frequency(timer);
    case CNTEL0ACR:
        return load(&view->frames->CNTEL0ACR[view->index]);
    case CNTVOFF:
        return vml_timer_virtual_offset(timer);
    case CNTP_CVAL:
        return vml_timer_read_cval(timer, VML_TIMER_PHYSICAL);
    case CNTP_TVAL:
        return vml_timer_read_tval(timer, VML_TIMER_PHYSICAL);
    case CNTP_CTL:
        return vml_timer_read_ctl(timer, VML_TIMER_PHYSICAL);
    case CNTV_CVAL:
        return vml_timer_read_cval(timer, VML_TIMER_VIRTUAL);
    case CNTV_TVAL:
        return vml_timer_read_tval(timer, VML_TIMER_VIRTUAL);
    default:
        return vml_timer_read_ctl(timer, VML_TIMER_VIRTUAL);
    }
}

static void write_cval(struct vml_timer *timer, enum vml_timer_kind kind, uint64_t value,
                       uint64_t mask)
{
    vml_timer_write_cval(timer, kind, (vml_timer_read_cval(timer, kind) & ~mask) | value);
}

static void write_frame(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                        uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_timer_view *view = view_of(device);
    struct vml_timer *timer = view->frames->config.timer[view->index];

    VML_UNUSED(index, access);
    if (!is_allowed(view, reg->offset)) {
        return;
    }
    switch (reg->offset) {
    case CNTEL0ACR:
        atomic_store_explicit(&view->frames->CNTEL0ACR[view->index], (uint32_t)value & EL0ACR_MASK,
                              memory_order_relaxed);
        break;
    case CNTP_CVAL:
        write_cval(timer, VML_TIMER_PHYSICAL, value & mask, mask);
        break;
    case CNTP_TVAL:
        vml_timer_write_tval(timer, VML_TIMER_PHYSICAL, (uint32_t)value);
        break;
    case CNTP_CTL:
        vml_timer_write_ctl(timer, VML_TIMER_PHYSICAL, (uint32_t)value);
        break;
    case CNTV_CVAL:
        write_cval(timer, VML_TIMER_VIRTUAL, value & mask, mask);
        break;
    case CNTV_TVAL:
        vml_timer_write_tval(timer, VML_TIMER_VIRTUAL, (uint32_t)value);
        break;
    default:
        vml_timer_write_ctl(timer, VML_TIMER_VIRTUAL, (uint32_t)value);
        break;
    }
}

#define ROW(id, where, bytes, allowed, how)                                                        \
    .name = (id), .offset = (where), .width = (bytes), .sizes = (allowed), .kind = (how),          \
    .state = VML_REG_NO_STATE
#define RO_8(id)                                                                                   \
    {                                                                                              \
        ROW(#id, id, 8, VML_SIZE_48, VML_REG_RO), .read = read_frame                               \
    }
#define RW(id, bytes, allowed, mask)                                                               \
    {                                                                                              \
        ROW(#id, id, bytes, allowed, VML_REG_RW), .write_mask = (mask), .read = read_frame,        \
                                                  .write = write_frame                             \
    }

static const struct vml_reg frame_rows[] = {
    RO_8(CNTPCT),
    RO_8(CNTVCT),
    {ROW("CNTFRQ", CNTFRQ, 4, VML_SIZE_4, VML_REG_RO), .read = read_frame},
    RW(CNTEL0ACR, 4, VML_SIZE_4, EL0ACR_MASK),
    RO_8(CNTVOFF),
    RW(CNTP_CVAL, 8, VML_SIZE_48, UINT64_MAX),
    RW(CNTP_TVAL, 4, VML_SIZE_4, UINT32_MAX),
    RW(CNTP_CTL, 4, VML_SIZE_4, VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK),
    RW(CNTV_CVAL, 8, VML_SIZE_48, UINT64_MAX),
    RW(CNTV_TVAL, 4, VML_SIZE_4, UINT32_MAX),
    RW(CNTV_CTL, 4, VML_SIZE_4, VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK),
};

const struct vml_reg_table vml_timer_frame_regs = {.rows = frame_rows,
                                                   .row_count = VML_ARRAY_SIZE(frame_rows),
                                                   .size = 0x1000,
                                                   .unknown_raz_wi = true};

static enum vml_bus_result frame_access(struct vml_device *device, struct vml_access *access)
{
    return vml_regs_access_indexed(&view_of(device)->frames->regs, device, NULL, access);
}

/* ---- the control frame */

static struct vml_timer_frames *frames_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_timer_frames, control);
}

/* Any of them: they stand on one clock. */
static const struct vml_timer *some_timer(const struct vml_timer_frames *frames)
{
    uint32_t i = 0;

    while (!frames->config.timer[i]) {
        i++;
    }
    return frames->config.timer[i];
}

static uint64_t read_frequency(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                               const struct vml_access *access)
{
    VML_UNUSED(reg, index, access);
    return vml_timer_frequency(some_timer(frames_of(device)));
}

/* Four bits a frame: it is there, has a virtual timer, has a view for EL0. */
static uint64_t read_cnttidr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                             const struct vml_access *access)
{
    const struct vml_timer_frames_config *config = &frames_of(device)->config;
    uint64_t value = 0;

    VML_UNUSED(reg, index, access);
    for (uint32_t i = 0; i < VML_TIMER_FRAMES; i++) {
        uint64_t frame = (config->timer[i] ? 1u : 0) | (config->with_virtual >> i & 1) << 1 |
                         (config->with_el0 >> i & 1) << 2;

        value |= frame << 4 * i;
    }
    return value;
}

static uint64_t read_cntacr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                            const struct vml_access *access)
{
    VML_UNUSED(reg, access);
    return load(&frames_of(device)->CNTACR[index]);
}

static void write_cntacr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_timer_frames *frames = frames_of(device);

    VML_UNUSED(reg, mask, access);
    if (frames->config.timer[index]) {
        atomic_store_explicit(&frames->CNTACR[index], (uint32_t)value & ACR_MASK,
                              memory_order_relaxed);
    }
}

static uint64_t read_cntvoff(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                             const struct vml_access *access)
{
    struct vml_timer_frames *frames = frames_of(device);

    VML_UNUSED(reg, access);
    return has_virtual(frames, index) ? vml_timer_virtual_offset(frames->config.timer[index]) : 0;
}

static void write_cntvoff(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_timer_frames *frames = frames_of(device);

    VML_UNUSED(reg, access);
    if (has_virtual(frames, index)) {
        struct vml_timer *timer = frames->config.timer[index];

        vml_timer_set_virtual_offset(timer,
                                     (vml_timer_virtual_offset(timer) & ~mask) | (value & mask));
    }
}

static const struct vml_reg control_rows[] = {
    {ROW("CNTFRQ", CTL_CNTFRQ, 4, VML_SIZE_4, VML_REG_RO), .read = read_frequency},
    {ROW("CNTTIDR", CTL_CNTTIDR, 4, VML_SIZE_4, VML_REG_RO), .read = read_cnttidr},
    {ROW("CNTACR", CTL_CNTACR, 4, VML_SIZE_4, VML_REG_RW), .count = VML_TIMER_FRAMES,
     .write_mask = ACR_MASK, .read = read_cntacr, .write = write_cntacr},
    {ROW("CNTVOFF", CTL_CNTVOFF, 8, VML_SIZE_48, VML_REG_RW), .count = VML_TIMER_FRAMES,
     .write_mask = UINT64_MAX, .read = read_cntvoff, .write = write_cntvoff},
};

/* CNTNSAR is secure software's: to others it is RAZ/WI, and here all frames are theirs. */
const struct vml_reg_table vml_timer_control_regs = {.rows = control_rows,
                                                     .row_count = VML_ARRAY_SIZE(control_rows),
                                                     .size = 0x1000,
                                                     .unknown_raz_wi = true};

static enum vml_bus_result control_access(struct vml_device *device, struct vml_access *access)
{
    return vml_regs_access(&vml_timer_control_regs, device, NULL, access);
}

static void control_reset(struct vml_device *device)
{
    struct vml_timer_frames *frames = frames_of(device);

    for (uint32_t i = 0; i < VML_TIMER_FRAMES; i++) {
        atomic_store_explicit(&frames->CNTACR[i], 0, memory_order_relaxed);
        atomic_store_explicit(&frames->CNTEL0ACR[i], 0, memory_order_relaxed);
    }
}

static void control_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_timer_frames *frames = frames_of(device);

    vml_state_begin(w, TAG, VERSION);
    for (uint32_t i = 0; i < VML_TIMER_FRAMES; i++) {
        vml_state_put_u32(w, load(&frames->CNTACR[i]));
        vml_state_put_u32(w, load(&frames->CNTEL0ACR[i]));
    }
    vml_state_end(w);
}

static enum vml_status control_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_timer_frames *frames = frames_of(device);
    uint32_t acr[VML_TIMER_FRAMES], el0acr[VML_TIMER_FRAMES];
    enum vml_status status;

    (void)vml_state_enter(r, TAG, VERSION);
    for (uint32_t i = 0; i < VML_TIMER_FRAMES; i++) {
        acr[i] = vml_state_get_u32(r);
        el0acr[i] = vml_state_get_u32(r);
        if ((acr[i] & ~(uint32_t)ACR_MASK) || (el0acr[i] & ~(uint32_t)EL0ACR_MASK)) {
            vml_state_fail(r, VML_ERR_CORRUPT);
        }
        if ((acr[i] && !frames->config.timer[i]) ||
            (el0acr[i] && !(frames->config.with_el0 >> i & 1))) {
            vml_state_fail(r, VML_ERR_UNSUPPORTED);
        }
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    for (uint32_t i = 0; i < VML_TIMER_FRAMES && status == VML_OK; i++) {
        atomic_store_explicit(&frames->CNTACR[i], acr[i], memory_order_relaxed);
        atomic_store_explicit(&frames->CNTEL0ACR[i], el0acr[i], memory_order_relaxed);
    }
    return status;
}

enum vml_status vml_timer_frames_init(struct vml_timer_frames *frames,
                                      const struct vml_timer_frames_config *config)
{
    static const struct vml_device_ops control_ops = {.access = control_access,
                                                      .reset = control_reset,
                                                      .save = control_save,
                                                      .restore = control_restore};
    static const struct vml_device_ops frame_ops = {.access = frame_access};
    static const struct vml_device_ops no_frame_ops = {.access = NULL};
    const char *name = config->name ? config->name : "timer_frames";
    uint32_t present = 0;

    for (uint32_t i = 0; i < VML_TIMER_FRAMES; i++) {
        present |= config->timer[i] ? 1u << i : 0;
    }
    if (present == 0 || ((config->with_virtual | config->with_el0) & ~present)) {
        return VML_ERR_INVALID;
    }
    *frames = (struct vml_timer_frames){.config = *config};
    frames->control = (struct vml_device){name, &control_ops};
    vml_regs_index(&frames->regs, &vml_timer_frame_regs, frames->slots,
                   VML_ARRAY_SIZE(frames->slots));
    for (uint32_t i = 0; i < VML_TIMER_FRAMES; i++) {
        bool el0 = config->with_el0 >> i & 1;

        frames->frame[i] = (struct vml_timer_view){
            {name, config->timer[i] ? &frame_ops : &no_frame_ops}, frames, (uint8_t)i, false};
        frames->el0[i] = (struct vml_timer_view){
            {name, el0 ? &frame_ops : &no_frame_ops}, frames, (uint8_t)i, true};
    }
    control_reset(&frames->control);
    return VML_OK;
}
