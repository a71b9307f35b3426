/* Going on, stopping, breakpoints. */
#include "private.h"

enum { SOFTWARE, HARDWARE, TYPES };

static bool tell_breakpoints(struct vml_gdb *gdb)
{
    const struct vml_gdb_config *config = &gdb->config;

    return config->ops->set_breakpoints &&
           config->ops->set_breakpoints(config->context, gdb->breakpoints, gdb->breakpoint_count) ==
               VML_OK;
}

static uint32_t find_breakpoint(const struct vml_gdb *gdb, uint64_t address)
{
    uint32_t i = 0;

    while (i < gdb->breakpoint_count && gdb->breakpoints[i] != address) {
        i++;
    }
    return i;
}

static void remove_at(struct vml_gdb *gdb, uint32_t i)
{
    gdb->breakpoint_count--;
    gdb->breakpoints[i] = gdb->breakpoints[gdb->breakpoint_count];
    gdb->types[i] = gdb->types[gdb->breakpoint_count];
}

static bool insert(struct vml_gdb *gdb, uint64_t address, unsigned type)
{
    uint32_t i = find_breakpoint(gdb, address);

    if (i == VML_GDB_BREAKPOINTS) {
        return false;
    }
    if (i == gdb->breakpoint_count) {
        gdb->breakpoints[i] = address;
        gdb->types[i] = 0;
        gdb->breakpoint_count++;
        if (!tell_breakpoints(gdb)) {
            gdb->breakpoint_count--;
            return false;
        }
    }
    gdb->types[i] = (uint8_t)(gdb->types[i] | 1u << type);
    return true;
}

/* One that is not there is removed, too: both are to be idempotent. */
static void remove_breakpoint(struct vml_gdb *gdb, uint64_t address, unsigned type)
{
    uint32_t i = find_breakpoint(gdb, address);

    if (i == gdb->breakpoint_count) {
        return;
    }
    gdb->types[i] = (uint8_t)(gdb->types[i] & ~(1u << type));
    if (gdb->types[i] == 0) {
        remove_at(gdb, i);
        (void)tell_breakpoints(gdb);
    }
}

void gdb_breakpoint(struct vml_gdb *gdb, bool inserting, struct gdb_text *text)
{
    uint64_t type, address, kind;

    if (!gdb_take_number(text, &type)) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    if (type >= TYPES || !gdb->config.ops->set_breakpoints) { /* not supported */
        gdb_reply_end(gdb);
        return;
    }
    if (!gdb_take(text, ",") || !gdb_take_number(text, &address) || !gdb_take(text, ",") ||
        !gdb_take_number(text, &kind) || text->at != text->end) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    if (!inserting) {
        remove_breakpoint(gdb, address, (unsigned)type);
    } else if (!insert(gdb, address, (unsigned)type)) {
        gdb_error(gdb, GDB_E_SPACE);
        return;
    }
    gdb_ok(gdb);
}

/* Why the machine stands: 02 is SIGINT, 05 SIGTRAP. */
void gdb_report(struct vml_gdb *gdb, bool asked)
{
    gdb_put(gdb, !asked && gdb->reason == VML_GDB_INTERRUPTED ? "T02thread:" : "T05thread:");
    gdb_put_hex(gdb, gdb->cpu + 1);
    gdb_put(gdb, ";");
    if (gdb->reason == VML_GDB_BREAKPOINT && !asked) {
        const struct vml_gdb_config *config = &gdb->config;
        uint8_t bytes[VML_GDB_REGISTER_SIZE] = {0};
        uint64_t pc = 0;
        uint32_t i;

        if (config->ops->read_register(config->context, gdb->cpu, config->target->pc, bytes)) {
            for (unsigned b = 0; b < 8; b++) {
                pc |= (uint64_t)bytes[b] << b * 8;
            }
        }
        i = find_breakpoint(gdb, pc);
        if (i < gdb->breakpoint_count) {
            bool hardware = gdb->types[i] & 1u << HARDWARE;

            if (hardware ? gdb->hwbreak : gdb->swbreak) {
                gdb_put(gdb, hardware ? "hwbreak:;" : "swbreak:;");
            }
        }
    }
    gdb_reply_end(gdb);
}

/* No reply but an error: the stop is it. */
static void resume(struct vml_gdb *gdb, enum vml_gdb_how how, uint32_t cpu)
{
    gdb->state = GDB_RUNNING; /* it may stop before this returns */
    gdb->reporting = true;
    if (gdb->config.ops->resume(gdb->config.context, how, cpu) != VML_OK) {
        gdb->state = GDB_STOPPED;
        gdb->reporting = false;
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    gdb->out_len = gdb->out_packet;
}

/* c [ADDRESS], s [ADDRESS], C SIGNAL[;ADDRESS], S SIGNAL[;ADDRESS]. A guest knows no signals. */
void gdb_resume_legacy(struct vml_gdb *gdb, char command, struct gdb_text *text)
{
    const struct vml_gdb_config *config = &gdb->config;
    bool with_signal = command == 'C' || command == 'S';
    uint8_t bytes[8];
    uint64_t value = 0;

    if (with_signal && !gdb_take_number(text, &value)) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    if (text->at != text->end && (!with_signal || gdb_take(text, ";"))) {
        if (!gdb_take_number(text, &value)) {
            gdb_error(gdb, GDB_E_INVALID);
            return;
        }
        for (unsigned b = 0; b < 8; b++) {
            bytes[b] = (uint8_t)(value >> b * 8);
        }
        if (text->at == text->end &&
            !config->ops->write_register(config->context, gdb->cpu, config->target->pc, bytes)) {
            gdb_error(gdb, GDB_E_INVALID);
            return;
        }
    }
    if (text->at != text->end) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    resume(gdb, command == 's' || command == 'S' ? VML_GDB_STEP : VML_GDB_CONTINUE, gdb->cpu);
}

/* Takes one action of vCont and whom it is for; `*action` is 'c' or 's'. */
static bool take_action(const struct vml_gdb *gdb, struct gdb_text *text, char *action,
                        uint32_t *cpu)
{
    uint64_t signal;

    *cpu = GDB_NO_CPU;
    if (gdb_take(text, ";c")) {
        *action = 'c';
    } else if (gdb_take(text, ";s")) {
        *action = 's';
    } else {
        bool step = gdb_take(text, ";S");

        if ((!step && !gdb_take(text, ";C")) || !gdb_take_number(text, &signal)) {
            return false;
        }
        *action = step ? 's' : 'c';
    }
    return !gdb_take(text, ":") || gdb_take_thread(gdb, text, cpu);
}

/* What a list of actions says of a vCPU: the first that is for it. 0: it stands. */
static char action_of(const struct vml_gdb *gdb, struct gdb_text text, uint32_t cpu)
{
    uint32_t whom;
    char action;

    while (text.at < text.end && take_action(gdb, &text, &action, &whom)) {
        if (whom == GDB_NO_CPU || whom == cpu) {
            return action;
        }
    }
    return 0;
}

/* One vCPU steps while the others stand, whatever is said of them; else one goes on, or all. */
void gdb_vcont(struct vml_gdb *gdb, struct gdb_text *text)
{
    uint32_t stepping = GDB_NO_CPU, going = GDB_NO_CPU, count = 0;
    struct gdb_text check = *text;

    while (check.at < check.end) {
        uint32_t whom;
        char action;

        if (!take_action(gdb, &check, &action, &whom)) {
            gdb_error(gdb, GDB_E_INVALID);
            return;
        }
    }
    for (uint32_t cpu = 0; cpu < gdb->config.cpus; cpu++) {
        char action = action_of(gdb, *text, cpu);

        if (action == 's' && (stepping == GDB_NO_CPU || cpu == gdb->cpu)) {
            stepping = cpu;
        } else if (action == 'c') {
            going = cpu;
            count++;
        }
    }
    if (stepping != GDB_NO_CPU) {
        resume(gdb, VML_GDB_STEP, stepping);
    } else if (count == 0) {
        gdb_error(gdb, GDB_E_INVALID);
    } else {
        resume(gdb, count == 1 && gdb->config.cpus > 1 ? VML_GDB_CONTINUE_ONE : VML_GDB_CONTINUE,
               going);
    }
}

void gdb_stop(struct vml_gdb *gdb)
{
    gdb->state = GDB_STOPPING;
    gdb->config.ops->stop(gdb->config.context);
}

void gdb_detach(struct vml_gdb *gdb)
{
    gdb->connected = false;
    gdb->leave = true;
    gdb->forget = true;
}

void gdb_settle(struct vml_gdb *gdb)
{
    if (gdb->state == GDB_EXITED) {
        return;
    }
    if (gdb->forget && gdb->state == GDB_STOPPED) {
        if (gdb->breakpoint_count != 0) {
            gdb->breakpoint_count = 0;
            (void)tell_breakpoints(gdb);
        }
        gdb->forget = false;
    }
    if (!gdb->leave) {
        return;
    }
    if (gdb->state ==
        GDB_RUNNING) { /* there may be breakpoints, or vCPUs that stand: and come back */
        gdb_stop(gdb);
    } else if (gdb->state != GDB_STOPPING) {
        bool stood = gdb->state == GDB_STOPPED;

        gdb->state = GDB_DETACHED;
        gdb->leave = false;
        gdb->forget = false;
        if (stood) {
            (void)gdb->config.ops->resume(gdb->config.context, VML_GDB_CONTINUE, 0);
        }
    }
}
