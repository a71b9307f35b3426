/* The command queue of the ITS, and its commands: IHI 0069H 5.3. */
#include "its.h"

enum { COMMAND = 32 };
enum {
    CMD_MOVI = 0x01,
    CMD_INT = 0x03,
    CMD_CLEAR = 0x04,
    CMD_SYNC = 0x05,
    CMD_MAPD = 0x08,
    CMD_MAPC = 0x09,
    CMD_MAPTI = 0x0a,
    CMD_MAPI = 0x0b,
    CMD_INV = 0x0c,
    CMD_INVALL = 0x0d,
    CMD_MOVALL = 0x0e,
    CMD_DISCARD = 0x0f,
};

/* The fields that the commands have, each at its one place in the four doublewords. */
struct command {
    uint32_t code;
    uint32_t device_id;
    uint32_t event_id;
    uint32_t intid;
    uint32_t event_bits;
    uint32_t icid;
    uint64_t itt;
    uint64_t rdbase;
    uint64_t rdbase2;
    bool valid;
};

static struct command decode(const uint8_t *bytes)
{
    uint64_t dw0 = vml_load_le64(bytes), dw1 = vml_load_le64(bytes + 8);
    uint64_t dw2 = vml_load_le64(bytes + 16), dw3 = vml_load_le64(bytes + 24);

    return (struct command){.code = (uint32_t)(dw0 & 0xff),
                            .device_id = (uint32_t)(dw0 >> 32),
                            .event_id = (uint32_t)dw1,
                            .intid = (uint32_t)(dw1 >> 32),
                            .event_bits = (uint32_t)(dw1 & 31) + 1,
                            .icid = (uint32_t)(dw2 & 0xffff),
                            .itt = dw2 & VML_MASK64(51, 8),
                            .rdbase = VML_FIELD64(dw2, 51, 16),
                            .rdbase2 = VML_FIELD64(dw3, 51, 16),
                            .valid = (dw2 & ITS_VALID) != 0};
}

static enum its_result mapd(struct vml_its *its, const struct command *c)
{
    if (c->valid && c->event_bits > ITS_EVENT_BITS) {
        return ITS_ERROR;
    }
    its_forget_all(its);
    return its_set_device(its, c->device_id, c->itt, c->event_bits, c->valid);
}

static enum its_result mapc(struct vml_its *its, const struct command *c)
{
    if (c->valid && c->rdbase >= its->config.gic->config.cpus) {
        return ITS_ERROR;
    }
    its_forget_all(its);
    return its_set_collection(its, c->icid, (uint32_t)c->rdbase, c->valid);
}

/* MAPTI, and MAPI, whose LPI is the EventID. */
static enum its_result mapti(struct vml_its *its, const struct command *c, uint32_t intid,
                             struct gic_effect *effect)
{
    struct vml_gic *gic = its->config.gic;
    uint64_t address;
    uint32_t cpu, lpi = intid - VML_GIC_FIRST_LPI;
    enum its_result result = its_event_address(its, c->device_id, c->event_id, &address);

    if (result == ITS_OK) {
        result = gic_is_lpi(gic, intid) ? its_collection_exists(its, c->icid) : ITS_ERROR;
    }
    if (result != ITS_OK) {
        return result;
    }
    its_forget(its, c->device_id, c->event_id);
    result = its_set_event(its, address, lpi, c->icid, true);
    /* The LPI can be new to the redistributor: its configuration is read, as may be done any time. */
    if (result == ITS_OK && its_find_collection(its, c->icid, &cpu) == ITS_OK) {
        gic_lpi_reload(gic, cpu, lpi, effect);
    }
    return result;
}

/* An event, and the vCPU that its collection is mapped to. */
static enum its_result find_target(struct vml_its *its, const struct command *c,
                                   struct its_event *event, uint32_t *cpu)
{
    enum its_result result = its_find_event(its, c->device_id, c->event_id, event);

    return result == ITS_OK ? its_find_collection(its, event->icid, cpu) : result;
}

static enum its_result movi(struct vml_its *its, const struct command *c,
                            struct gic_effect effects[2])
{
    struct its_event event;
    uint32_t from, to;
    enum its_result result = find_target(its, c, &event, &from);

    if (result == ITS_OK) {
        result = its_find_collection(its, c->icid, &to);
    }
    if (result != ITS_OK) {
        return result;
    }
    its_forget(its, c->device_id, c->event_id);
    result = its_set_event(its, event.address, event.lpi, c->icid, true);
    if (result == ITS_OK) {
        gic_lpi_move(its->config.gic, event.lpi, to, effects);
    }
    return result;
}

/* CLEAR and DISCARD: the LPI is not pending any more. */
static enum its_result clear(struct vml_its *its, const struct command *c, bool discard,
                             struct gic_effect *effect)
{
    struct its_event event;
    uint32_t cpu;
    enum its_result result = discard ? its_find_event(its, c->device_id, c->event_id, &event)
                                     : find_target(its, c, &event, &cpu);

    if (result == ITS_OK && discard) {
        its_forget(its, c->device_id, c->event_id);
        result = its_set_event(its, event.address, 0, 0, false);
    }
    if (result == ITS_OK) {
        gic_lpi_clear(its->config.gic, event.lpi, effect);
    }
    return result;
}

static enum its_result interrupt(struct vml_its *its, const struct command *c,
                                 struct gic_effect *effect)
{
    struct its_event event;
    uint32_t cpu;
    enum its_result result = find_target(its, c, &event, &cpu);

    if (result == ITS_OK) {
        (void)gic_lpi_raise(its->config.gic, event.lpi, cpu, NULL, 0, effect);
    }
    return result;
}

static enum its_result inv(struct vml_its *its, const struct command *c, struct gic_effect *effect)
{
    struct its_event event;
    uint32_t cpu;
    enum its_result result = find_target(its, c, &event, &cpu);

    if (result == ITS_OK) {
        gic_lpi_reload(its->config.gic, cpu, event.lpi, effect);
    }
    return result;
}

static enum its_result invall(struct vml_its *its, const struct command *c,
                              struct gic_effect *effect)
{
    uint32_t cpu;
    enum its_result result = its_find_collection(its, c->icid, &cpu);

    if (result == ITS_OK && LOAD(&its->config.gic->lpi_cpus[cpu].enabled)) {
        result =
            gic_lpi_reload_some(its->config.gic, cpu, &its->progress, effect) ? ITS_MORE : ITS_OK;
    }
    return result;
}

/* One LPI a step, first those that are in no list register, most urgent first; what becomes pending
 * meanwhile does not keep it going for ever. Then those that are in list registers. */
static enum its_result movall(struct vml_its *its, const struct command *c,
                              struct gic_effect effects[2])
{
    struct vml_gic *gic = its->config.gic;
    uint32_t lpis = gic->config.lpis, from = (uint32_t)c->rdbase, to = (uint32_t)c->rdbase2, at;
    bool more;

    if (c->rdbase >= gic->config.cpus || c->rdbase2 >= gic->config.cpus) {
        return ITS_ERROR;
    }
    if (from == to) {
        return ITS_OK;
    }
    if (its->progress < lpis) {
        its->progress = gic_lpi_move_one(gic, from, to, effects) ? its->progress + 1 : lpis;
        return ITS_MORE;
    }
    at = its->progress - lpis;
    more = at < lpis && gic_lpi_move_listed(gic, from, to, &at, effects);
    its->progress = lpis + at;
    return more ? ITS_MORE : ITS_OK;
}

static enum its_result execute(struct vml_its *its, const struct command *c,
                               struct gic_effect effects[2])
{
    switch (c->code) {
    case CMD_MAPD:
        return mapd(its, c);
    case CMD_MAPC:
        return mapc(its, c);
    case CMD_MAPTI:
        return mapti(its, c, c->intid, effects);
    case CMD_MAPI:
        return mapti(its, c, c->event_id, effects);
    case CMD_MOVI:
        return movi(its, c, effects);
    case CMD_MOVALL:
        return movall(its, c, effects);
    case CMD_INT:
        return interrupt(its, c, effects);
    case CMD_CLEAR:
        return clear(its, c, false, effects);
    case CMD_DISCARD:
        return clear(its, c, true, effects);
    case CMD_INV:
        return inv(its, c, effects);
    case CMD_INVALL:
        return invall(its, c, effects);
    case CMD_SYNC: /* what commands do is done when the next one begins */
        return ITS_OK;
    default:
        return ITS_ERROR;
    }
}

static uint64_t queue_size(const struct vml_its *its)
{
    return ((its->cbaser & 0xff) + 1) * 4096;
}

/* IHI 0069H 12.19.4: with GITS_CWRITER outside of the queue nothing runs. */
bool its_has_work(const struct vml_its *its)
{
    uint64_t size = queue_size(its);

    return its->enabled && (its->cbaser & ITS_VALID) && !(its->creadr & ITS_STALLED) &&
           its->cwriter < size && its->creadr < size && its->creadr != its->cwriter;
}

/* What a step counts. */
static uint32_t cost_of(const struct vml_its *its, const struct command *c)
{
    bool long_step = c->code == CMD_INVALL || c->code == CMD_MAPD || c->code == CMD_MAPC ||
                     (c->code == CMD_MOVALL && its->progress >= its->config.gic->config.lpis);

    return long_step ? 4 : 1;
}

/* Runs one command, or a part of a long one. Returns what it counts. */
uint32_t its_step(struct vml_its *its, struct gic_effect effects[2])
{
    uint64_t address = (its->cbaser & VML_MASK64(51, 12)) + its->creadr;
    uint8_t bytes[COMMAND];
    uint32_t cost;
    struct command command;
    enum its_result result;

    if (vml_as_read(its->config.gic->config.memory, address, bytes, sizeof(bytes)) != VML_OK) {
        its->creadr |= ITS_STALLED;
        return 1;
    }
    command = decode(bytes);
    cost = cost_of(its, &command);
    result = execute(its, &command, effects);
    if (result == ITS_STALL) {
        its->creadr |= ITS_STALLED;
    } else if (result != ITS_MORE) {
        its->progress = 0;
        its->creadr += COMMAND;
        if (its->creadr >= queue_size(its)) {
            its->creadr = 0;
        }
    }
    return cost;
}
