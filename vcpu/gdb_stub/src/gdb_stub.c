/*
 * Threads, bytes and packets.
 *
 * Bytes and news come on any thread.  They are put down under the lock, and then one thread at a time is
 * at work on all there is, without it: who comes while another is at work leaves it to that one.
 *
 * Input is not looked at while output has not gone, nor while the machine is on its way to stand: a peer
 * that does not read is not listened to.
 */
#include "private.h"

enum {
    EVENT_CLOSED = 1u << 0, /* looked at before OPENED: a CLOSED behind it takes it back */
    EVENT_OPENED = 1u << 1,
    EVENT_STOPPED = 1u << 2,
    EVENT_EXITED = 1u << 3,
    EVENT_READY = 1u << 4, /* the peer takes output again */
};

/* Where in a packet the input is. */
enum { BETWEEN, INSIDE, ESCAPED, SUM_HIGH, SUM_LOW };

enum { INTERRUPT = 0x03 };

static void new_session(struct vml_gdb *gdb)
{
    gdb->receiving = BETWEEN;
    gdb->packet_ready = false;
    gdb->no_ack = false;
    gdb->swbreak = false;
    gdb->hwbreak = false;
    gdb->reporting = false;
    gdb->out_at = 0;
    gdb->out_len = 0;
    gdb->out_packet = 0;
}

/* Makes the machine stand for a debugger that is there now. */
static void attach(struct vml_gdb *gdb)
{
    gdb->connected = true;
    gdb->leave = false;
    if (gdb->state == GDB_DETACHED || gdb->state == GDB_RUNNING) {
        gdb_stop(gdb);
    }
}

/* Room for one more packet behind what is being sent already. */
static void rewind_output(struct vml_gdb *gdb)
{
    if (gdb->out_at == gdb->out_len) {
        gdb->out_at = 0;
        gdb->out_len = 0;
        gdb->out_packet = 0;
    }
}

static void take_stop(struct vml_gdb *gdb, uint32_t cpu, uint32_t reason)
{
    if (gdb->state == GDB_STOPPED || gdb->state == GDB_EXITED) {
        return;
    }
    if (gdb->state == GDB_DETACHED) { /* nobody is there to make it go on */
        gdb->leave = true;
        gdb->forget = true;
    }
    gdb->state = GDB_STOPPED;
    gdb->cpu = cpu < gdb->config.cpus ? cpu : 0;
    gdb->reason = reason;
}

static void serve_events(struct vml_gdb *gdb, uint32_t events, uint32_t cpu, uint32_t reason)
{
    if (events & EVENT_STOPPED) {
        take_stop(gdb, cpu, reason);
    }
    if (events & EVENT_CLOSED) {
        new_session(gdb);
        if (gdb->connected) { /* one that waits for its first debugger goes on waiting */
            gdb_detach(gdb);
        }
    }
    if (events & EVENT_OPENED) {
        new_session(gdb);
        gdb->forget = true;
        attach(gdb);
    }
    if ((events & EVENT_EXITED) && gdb->state != GDB_EXITED) {
        gdb->state = GDB_EXITED;
        if (gdb->reporting) {
            gdb->reporting = false;
            rewind_output(gdb);
            gdb_reply_begin(gdb);
            gdb_put(gdb, "W00");
            gdb_reply_end(gdb);
        }
    }
    gdb_settle(gdb);
}

/* A packet is complete: `good` is its checksum. */
static void received(struct vml_gdb *gdb, bool good)
{
    gdb->receiving = BETWEEN;
    rewind_output(gdb);
    if (!gdb->no_ack) {
        gdb->out[gdb->out_len++] = good ? '+' : '-';
        gdb->out_packet = gdb->out_len;
    }
    if (!good) {
        return;
    }
    gdb->packet_ready = true;
    if (!gdb->connected && gdb->state != GDB_EXITED) {
        attach(gdb);
    }
}

static void receive_inside(struct vml_gdb *gdb, uint8_t byte)
{
    uint8_t value = byte;

    if (byte == '$') { /* the one before was cut off */
        gdb->packet_len = 0;
        gdb->sum = 0;
        gdb->too_long = false;
        gdb->receiving = INSIDE;
        return;
    }
    if (byte == '#') {
        gdb->receiving = SUM_HIGH;
        return;
    }
    gdb->sum = (uint8_t)(gdb->sum + byte);
    if (gdb->receiving == ESCAPED) {
        value = byte ^ 0x20;
        gdb->receiving = INSIDE;
    } else if (byte == '}') {
        gdb->receiving = ESCAPED;
        return;
    }
    if (gdb->packet_len == VML_GDB_PACKET_SIZE) {
        gdb->too_long = true;
    } else {
        gdb->packet[gdb->packet_len++] = (char)value;
    }
}

static void receive_between(struct vml_gdb *gdb, uint8_t byte)
{
    switch (byte) {
    case '$':
        receive_inside(gdb, byte);
        break;
    case INTERRUPT:
        if (gdb->state == GDB_RUNNING) {
            gdb_stop(gdb);
        }
        break;
    case '-': /* all that was sent is still there */
        if (!gdb->no_ack && gdb->out_len > gdb->out_packet) {
            gdb->out_at = gdb->out_packet;
        }
        break;
    default: /* '+', and noise */
        break;
    }
}

static void receive(struct vml_gdb *gdb, uint8_t byte)
{
    switch (gdb->receiving) {
    case BETWEEN:
        receive_between(gdb, byte);
        break;
    case INSIDE:
    case ESCAPED:
        receive_inside(gdb, byte);
        break;
    case SUM_HIGH:
        gdb->sum_received = byte;
        gdb->receiving = SUM_LOW;
        break;
    default: {
        int high = gdb_hex_digit((char)gdb->sum_received);
        int low = gdb_hex_digit((char)byte);

        received(gdb, high >= 0 && low >= 0 && (high << 4 | low) == gdb->sum);
        break;
    }
    }
}

/* False: the peer takes no more now. */
static bool send_output(struct vml_gdb *gdb)
{
    while (gdb->out_at < gdb->out_len) {
        size_t n = vml_chardev_push(&gdb->config.peer, (const uint8_t *)gdb->out + gdb->out_at,
                                    gdb->out_len - gdb->out_at);

        if (n == 0) {
            return false;
        }
        gdb->out_at += (uint32_t)n;
    }
    return true;
}

/* One thing that can be done now. False: there is none. */
static bool work_once(struct vml_gdb *gdb)
{
    uint32_t events, cpu, reason;
    bool sent, ready = false, has_byte = false;
    uint8_t byte = 0;

    sent = send_output(gdb);
    vml_mutex_lock(&gdb->lock);
    events = gdb->events;
    cpu = gdb->event_cpu;
    reason = gdb->event_reason;
    gdb->events = 0;
    if (!events && sent && !gdb->packet_ready && gdb->state != GDB_STOPPING &&
        gdb->in_at < gdb->in_len) {
        byte = gdb->in[gdb->in_at++];
        has_byte = true;
        if (gdb->in_at == gdb->in_len) {
            ready = gdb->in_refused;
            gdb->in_refused = false;
        }
    }
    vml_mutex_unlock(&gdb->lock);
    if (ready) {
        vml_chardev_ready(&gdb->config.peer);
    }
    if (events) {
        serve_events(gdb, events, cpu, reason);
        return true;
    }
    if (has_byte) {
        receive(gdb, byte);
        return true;
    }
    if (!sent) {
        return false;
    }
    if (gdb->state == GDB_STOPPED && gdb->reporting) {
        gdb->reporting = false;
        rewind_output(gdb);
        gdb_reply_begin(gdb);
        gdb_report(gdb, false);
        return true;
    }
    if (gdb->packet_ready && gdb->state != GDB_STOPPING) {
        gdb->packet_ready = false;
        gdb_command(gdb);
        (void)send_output(gdb); /* before the machine goes on */
        gdb_settle(gdb);
        return true;
    }
    return false;
}

static void work(struct vml_gdb *gdb, uint32_t events)
{
    bool again;

    vml_mutex_lock(&gdb->lock);
    gdb->events |= events;
    gdb->again = true;
    if (gdb->busy) {
        vml_mutex_unlock(&gdb->lock);
        return;
    }
    gdb->busy = true;
    do {
        gdb->again = false;
        vml_mutex_unlock(&gdb->lock);
        while (work_once(gdb)) {
        }
        vml_mutex_lock(&gdb->lock);
        again = gdb->again;
    } while (again);
    gdb->busy = false;
    vml_mutex_unlock(&gdb->lock);
}

static size_t push(void *context, const uint8_t *bytes, size_t len)
{
    struct vml_gdb *gdb = context;
    size_t n;

    vml_mutex_lock(&gdb->lock);
    if (gdb->in_at == gdb->in_len) {
        gdb->in_at = 0;
        gdb->in_len = 0;
    }
    n = (size_t)vml_min_u64(len, sizeof(gdb->in) - gdb->in_len);
    memcpy(gdb->in + gdb->in_len, bytes, n);
    gdb->in_len += (uint32_t)n;
    gdb->in_refused |= n < len;
    vml_mutex_unlock(&gdb->lock);
    work(gdb, 0);
    return n;
}

static void ready(void *context)
{
    work(context, EVENT_READY);
}

static void event(void *context, enum vml_chardev_event what)
{
    struct vml_gdb *gdb = context;
    bool refused;

    if (what == VML_CHARDEV_BREAK) { /* on a line, what gdb may send for an interrupt */
        static const uint8_t interrupt = INTERRUPT;

        (void)push(gdb, &interrupt, 1);
        return;
    }
    vml_mutex_lock(&gdb->lock);
    gdb->in_at = 0; /* of another session */
    gdb->in_len = 0;
    refused = gdb->in_refused;
    gdb->in_refused = false;
    if (what == VML_CHARDEV_CLOSED) {
        gdb->events &= ~(uint32_t)EVENT_OPENED;
    }
    vml_mutex_unlock(&gdb->lock);
    work(gdb, what == VML_CHARDEV_CLOSED ? EVENT_CLOSED : EVENT_OPENED);
    if (refused) {
        vml_chardev_ready(&gdb->config.peer);
    }
}

static const struct vml_chardev_ops ops = {.push = push, .ready = ready, .event = event};

struct vml_chardev vml_gdb_end(struct vml_gdb *gdb)
{
    return (struct vml_chardev){&ops, gdb};
}

void vml_gdb_stopped(struct vml_gdb *gdb, uint32_t cpu, enum vml_gdb_reason reason)
{
    vml_mutex_lock(&gdb->lock);
    if (!(gdb->events & EVENT_STOPPED)) {
        gdb->event_cpu = cpu;
        gdb->event_reason = (uint32_t)reason;
    }
    vml_mutex_unlock(&gdb->lock);
    work(gdb, EVENT_STOPPED);
}

void vml_gdb_exited(struct vml_gdb *gdb)
{
    work(gdb, EVENT_EXITED);
}

enum vml_status vml_gdb_init(struct vml_gdb *gdb, const struct vml_gdb_config *config)
{
    const struct vml_gdb_ops *o = config->ops;

    if (!o || !o->stop || !o->resume || !o->read_register || !o->write_register ||
        !o->read_memory || !o->write_memory || !config->target || config->cpus == 0) {
        return VML_ERR_INVALID;
    }
    memset(gdb, 0, sizeof(*gdb));
    gdb->config = *config;
    gdb->state = config->stopped ? GDB_STOPPED : GDB_DETACHED;
    vml_mutex_init(&gdb->lock);
    return VML_OK;
}

void vml_gdb_destroy(struct vml_gdb *gdb)
{
    vml_mutex_destroy(&gdb->lock);
}
