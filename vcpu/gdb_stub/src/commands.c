/* What a packet asks for. Each function ends in one reply, or takes the beginning of it back. */
#include "private.h"

enum { CHUNK = 64 };

static void read_registers(struct vml_gdb *gdb)
{
    const struct vml_gdb_config *config = &gdb->config;
    uint8_t bytes[VML_GDB_REGISTER_SIZE];

    for (uint32_t i = 0; i < config->target->registers; i++) {
        uint8_t size = config->target->register_sizes[i];

        if (config->ops->read_register(config->context, gdb->cpu, i, bytes)) {
            gdb_put_bytes(gdb, bytes, size);
        } else {
            for (uint8_t b = 0; b < size; b++) {
                gdb_put(gdb, "xx"); /* not available */
            }
        }
    }
    gdb_reply_end(gdb);
}

static void write_registers(struct vml_gdb *gdb, struct gdb_text *text)
{
    const struct vml_gdb_config *config = &gdb->config;
    uint8_t bytes[VML_GDB_REGISTER_SIZE];
    uint64_t size = 0;

    for (uint32_t i = 0; i < config->target->registers; i++) {
        size += config->target->register_sizes[i];
    }
    if (!gdb_is_bytes(text, size)) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    for (uint32_t i = 0; i < config->target->registers; i++) {
        if (!gdb_take_bytes(text, bytes, config->target->register_sizes[i]) ||
            !config->ops->write_register(config->context, gdb->cpu, i, bytes)) {
            gdb_error(gdb, GDB_E_INVALID);
            return;
        }
    }
    gdb_ok(gdb);
}

static void one_register(struct vml_gdb *gdb, bool write, struct gdb_text *text)
{
    const struct vml_gdb_config *config = &gdb->config;
    uint8_t bytes[VML_GDB_REGISTER_SIZE];
    uint64_t number;
    uint8_t size;

    if (!gdb_take_number(text, &number) || number >= config->target->registers) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    size = config->target->register_sizes[number];
    if (!write) {
        if (text->at != text->end ||
            !config->ops->read_register(config->context, gdb->cpu, (uint32_t)number, bytes)) {
            gdb_error(gdb, GDB_E_INVALID);
            return;
        }
        gdb_put_bytes(gdb, bytes, size);
        gdb_reply_end(gdb);
        return;
    }
    if (!gdb_take(text, "=") || !gdb_is_bytes(text, size) || !gdb_take_bytes(text, bytes, size) ||
        !config->ops->write_register(config->context, gdb->cpu, (uint32_t)number, bytes)) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    gdb_ok(gdb);
}

static bool take_range(struct gdb_text *text, uint64_t *address, uint64_t *len)
{
    return gdb_take_number(text, address) && gdb_take(text, ",") && gdb_take_number(text, len) &&
           !vml_range_wraps(*address, *len);
}

/* As much as can be read and fits in a reply: the protocol allows less than was asked for. */
static void read_memory(struct vml_gdb *gdb, struct gdb_text *text)
{
    const struct vml_gdb_config *config = &gdb->config;
    uint8_t bytes[CHUNK];
    uint64_t address, len, done = 0;

    if (!take_range(text, &address, &len) || text->at != text->end) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    len = vml_min_u64(len, gdb_room(gdb) / 2);
    while (done < len) {
        size_t want = (size_t)vml_min_u64(len - done, CHUNK);
        size_t got =
            config->ops->read_memory(config->context, gdb->cpu, address + done, bytes, want);

        gdb_put_bytes(gdb, bytes, got);
        done += got;
        if (got < want) {
            break;
        }
    }
    if (done == 0 && len != 0) {
        gdb_error(gdb, GDB_E_FAULT);
        return;
    }
    gdb_reply_end(gdb);
}

static bool write_piece(struct vml_gdb *gdb, uint64_t address, const uint8_t *bytes, size_t len)
{
    const struct vml_gdb_config *config = &gdb->config;

    return config->ops->write_memory(config->context, gdb->cpu, address, bytes, len) == len;
}

/* M: in hex. X: as they are. */
static void write_memory(struct vml_gdb *gdb, bool hex, struct gdb_text *text)
{
    uint64_t address, len;
    uint8_t bytes[CHUNK];

    if (!take_range(text, &address, &len) || !gdb_take(text, ":") ||
        (hex ? !gdb_is_bytes(text, len) : (uint64_t)(text->end - text->at) != len)) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    for (uint64_t done = 0; done < len;) {
        size_t n = (size_t)vml_min_u64(len - done, CHUNK);

        if (hex) {
            (void)gdb_take_bytes(text, bytes, n); /* they were looked at */
        } else {
            memcpy(bytes, text->at, n);
            text->at += n;
        }
        if (!write_piece(gdb, address + done, bytes, n)) {
            gdb_error(gdb, GDB_E_FAULT);
            return;
        }
        done += n;
    }
    gdb_ok(gdb);
}

/* Hg: whom packets are about. Hc is older than vCont, and means the same here. */
static void set_thread(struct vml_gdb *gdb, struct gdb_text *text)
{
    uint32_t cpu;

    if ((!gdb_take(text, "g") && !gdb_take(text, "c")) || !gdb_take_thread(gdb, text, &cpu) ||
        text->at != text->end) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    if (cpu != GDB_NO_CPU) {
        gdb->cpu = cpu;
    }
    gdb_ok(gdb);
}

static void is_alive(struct vml_gdb *gdb, struct gdb_text *text)
{
    uint32_t cpu;

    if (!gdb_take_thread(gdb, text, &cpu) || cpu == GDB_NO_CPU || text->at != text->end) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    gdb_ok(gdb);
}

static void supported(struct vml_gdb *gdb, struct gdb_text *text)
{
    while (text->at < text->end) {
        struct gdb_text feature = *text;

        feature.at++; /* a ':' or ';' */
        gdb->swbreak |= gdb_take(&feature, "swbreak+");
        gdb->hwbreak |= gdb_take(&feature, "hwbreak+");
        do {
            text->at++;
        } while (text->at < text->end && *text->at != ';');
    }
    gdb_put(gdb, "PacketSize=");
    gdb_put_hex(gdb, VML_GDB_PACKET_SIZE);
    gdb_put(gdb, ";QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+");
    gdb_reply_end(gdb);
}

/* qXfer:features:read:ANNEX:OFFSET,LENGTH */
static void features(struct vml_gdb *gdb, struct gdb_text *text)
{
    const struct vml_gdb_target *target = gdb->config.target;
    uint64_t offset, len;

    if (!gdb_take(text, "target.xml:")) {
        gdb_error(gdb, 0);
        return;
    }
    if (!gdb_take_number(text, &offset) || !gdb_take(text, ",") || !gdb_take_number(text, &len) ||
        text->at != text->end || offset > target->xml_size) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    len = vml_min_u64(len, (gdb_room(gdb) - 1) / 2); /* all of it may need escapes */
    len = vml_min_u64(len, target->xml_size - offset);
    gdb_put(gdb, offset + len < target->xml_size ? "m" : "l");
    gdb_put_binary(gdb, target->xml + offset, (size_t)len);
    gdb_reply_end(gdb);
}

static void threads(struct vml_gdb *gdb, bool from_first)
{
    if (from_first) {
        gdb->threads_at = 0;
    }
    if (gdb->threads_at >= gdb->config.cpus) {
        gdb_put(gdb, "l");
    }
    for (char separator[] = "m"; gdb->threads_at < gdb->config.cpus && gdb_room(gdb) > 16;) {
        gdb_put(gdb, separator);
        gdb_put_hex(gdb, ++gdb->threads_at);
        separator[0] = ',';
    }
    gdb_reply_end(gdb);
}

static void describe(struct vml_gdb *gdb, struct gdb_text *text)
{
    const struct vml_gdb_config *config = &gdb->config;
    char words[128];
    uint32_t cpu;
    size_t len;

    if (!gdb_take_thread(gdb, text, &cpu) || cpu == GDB_NO_CPU || text->at != text->end) {
        gdb_error(gdb, GDB_E_INVALID);
        return;
    }
    if (config->ops->describe && gdb->state != GDB_EXITED) {
        len = config->ops->describe(config->context, cpu, words, sizeof(words));
        gdb_put_bytes(gdb, (const uint8_t *)words, (size_t)vml_min_u64(len, sizeof(words)));
    }
    gdb_reply_end(gdb);
}

static void query(struct vml_gdb *gdb, struct gdb_text *text)
{
    if (gdb_take(text, "Supported")) {
        supported(gdb, text);
    } else if (gdb_take(text, "Xfer:features:read:")) {
        features(gdb, text);
    } else if (gdb_take(text, "fThreadInfo")) {
        threads(gdb, true);
    } else if (gdb_take(text, "sThreadInfo")) {
        threads(gdb, false);
    } else if (gdb_take(text, "ThreadExtraInfo,")) {
        describe(gdb, text);
    } else if (gdb_take(text, "Attached")) {
        gdb_put(gdb, "1");
        gdb_reply_end(gdb);
    } else if (text->end - text->at == 1 && gdb_take(text, "C")) {
        gdb_put(gdb, "QC");
        gdb_put_hex(gdb, gdb->cpu + 1);
        gdb_reply_end(gdb);
    } else {
        gdb_reply_end(gdb);
    }
}

static void kill_machine(struct vml_gdb *gdb)
{
    if (gdb->config.ops->kill && gdb->state != GDB_EXITED) {
        gdb->config.ops->kill(gdb->config.context);
    }
    gdb_detach(gdb);
}

static void verbose(struct vml_gdb *gdb, struct gdb_text *text)
{
    if (gdb_take(text, "Cont?")) {
        gdb_put(gdb, "vCont;c;C;s;S");
        gdb_reply_end(gdb);
    } else if (gdb_take(text, "Cont")) {
        gdb_vcont(gdb, text);
    } else if (gdb_take(text, "Kill;")) {
        gdb_ok(gdb);
        kill_machine(gdb);
    } else { /* vMustReplyEmpty, and what is not known */
        gdb_reply_end(gdb);
    }
}

bool gdb_needs_standing(char command, const struct gdb_text *rest)
{
    struct gdb_text text = *rest;

    switch (command) {
    case 'v':
        return gdb_take(&text, "Cont;");
    case '?':
    case 'g':
    case 'G':
    case 'p':
    case 'P':
    case 'm':
    case 'M':
    case 'X':
    case 'c':
    case 'C':
    case 's':
    case 'S':
    case 'z':
    case 'Z':
        return true;
    default:
        return false;
    }
}

void gdb_command(struct vml_gdb *gdb)
{
    struct gdb_text text = {gdb->packet, gdb->packet + gdb->packet_len};
    char command = 0;

    if (text.at < text.end) {
        command = *text.at++;
    }
    gdb_reply_begin(gdb);
    if (gdb->too_long) {
        gdb_error(gdb, GDB_E_SPACE);
        return;
    }
    if (gdb->state != GDB_STOPPED && gdb_needs_standing(command, &text)) {
        gdb_error(gdb, GDB_E_STATE);
        return;
    }
    switch (command) {
    case '?':
        gdb_report(gdb, true);
        break;
    case 'g':
        read_registers(gdb);
        break;
    case 'G':
        write_registers(gdb, &text);
        break;
    case 'p':
    case 'P':
        one_register(gdb, command == 'P', &text);
        break;
    case 'm':
        read_memory(gdb, &text);
        break;
    case 'M':
    case 'X':
        write_memory(gdb, command == 'M', &text);
        break;
    case 'c':
    case 'C':
    case 's':
    case 'S':
        gdb_resume_legacy(gdb, command, &text);
        break;
    case 'z':
    case 'Z':
        gdb_breakpoint(gdb, command == 'Z', &text);
        break;
    case 'H':
        set_thread(gdb, &text);
        break;
    case 'T':
        is_alive(gdb, &text);
        break;
    case 'q':
        query(gdb, &text);
        break;
    case 'Q':
        if (gdb_take(&text, "StartNoAckMode")) {
            gdb->no_ack = true;
            gdb_ok(gdb);
        } else {
            gdb_reply_end(gdb);
        }
        break;
    case 'v':
        verbose(gdb, &text);
        break;
    case 'D':
        gdb_ok(gdb);
        gdb_detach(gdb);
        break;
    case 'k':
        gdb->out_len = gdb->out_packet; /* no reply */
        kill_machine(gdb);
        break;
    default:
        gdb_reply_end(gdb);
        break;
    }
}
