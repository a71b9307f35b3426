/* Numbers out of packets, and replies. */
#include "private.h"

static const char digits[] = "0123456789abcdef";

int gdb_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool gdb_take(struct gdb_text *text, const char *word)
{
    const char *at = text->at;

    for (; *word; word++, at++) {
        if (at == text->end || *at != *word) {
            return false;
        }
    }
    text->at = at;
    return true;
}

bool gdb_take_number(struct gdb_text *text, uint64_t *value)
{
    const char *first = text->at;

    for (*value = 0; text->at < text->end && gdb_hex_digit(*text->at) >= 0; text->at++) {
        if (*value >> 60 != 0) {
            return false;
        }
        *value = *value << 4 | (unsigned)gdb_hex_digit(*text->at);
    }
    return text->at != first;
}

bool gdb_take_thread(const struct vml_gdb *gdb, struct gdb_text *text, uint32_t *cpu)
{
    uint64_t number;

    *cpu = GDB_NO_CPU;
    if (gdb_take(text, "-1")) {
        return true;
    }
    if (!gdb_take_number(text, &number) || number > gdb->config.cpus) {
        return false;
    }
    if (number != 0) {
        *cpu = (uint32_t)number - 1;
    }
    return true;
}

bool gdb_take_bytes(struct gdb_text *text, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high, low;

        if (text->end - text->at < 2) {
            return false;
        }
        high = gdb_hex_digit(text->at[0]);
        low = gdb_hex_digit(text->at[1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
        text->at += 2;
    }
    return true;
}

bool gdb_is_bytes(const struct gdb_text *text, uint64_t len)
{
    size_t left = (size_t)(text->end - text->at);

    if (left % 2 != 0 || left / 2 != len) {
        return false;
    }
    for (const char *at = text->at; at < text->end; at++) {
        if (gdb_hex_digit(*at) < 0) {
            return false;
        }
    }
    return true;
}

void gdb_reply_begin(struct vml_gdb *gdb)
{
    gdb->out_packet = gdb->out_len;
    gdb->out_overflow = false;
    gdb->out[gdb->out_len++] = '$';
}

size_t gdb_room(const struct vml_gdb *gdb)
{
    return VML_GDB_PACKET_SIZE - (gdb->out_len - gdb->out_packet - 1);
}

static void put_char(struct vml_gdb *gdb, char c)
{
    if (gdb_room(gdb) == 0) {
        gdb->out_overflow = true;
    } else {
        gdb->out[gdb->out_len++] = c;
    }
}

void gdb_put(struct vml_gdb *gdb, const char *text)
{
    while (*text) {
        put_char(gdb, *text++);
    }
}

void gdb_put_hex(struct vml_gdb *gdb, uint64_t value)
{
    unsigned shift = 60;

    while (shift > 0 && value >> shift == 0) {
        shift -= 4;
    }
    for (unsigned i = 0; i <= shift; i += 4) {
        put_char(gdb, digits[value >> (shift - i) & 15]);
    }
}

void gdb_put_bytes(struct vml_gdb *gdb, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        put_char(gdb, digits[bytes[i] >> 4]);
        put_char(gdb, digits[bytes[i] & 15]);
    }
}

void gdb_put_binary(struct vml_gdb *gdb, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];

        if (c == '#' || c == '$' || c == '}' || c == '*') {
            put_char(gdb, '}');
            c = (char)(c ^ 0x20);
        }
        put_char(gdb, c);
    }
}

static void error_begin(struct vml_gdb *gdb, unsigned number)
{
    uint8_t byte = (uint8_t)number;

    gdb->out_len = gdb->out_packet + 1;
    gdb->out_overflow = false;
    gdb_put(gdb, "E");
    gdb_put_bytes(gdb, &byte, 1);
}

void gdb_reply_end(struct vml_gdb *gdb)
{
    uint8_t sum = 0;

    if (gdb->out_overflow) { /* a target with more registers than a packet has room for */
        error_begin(gdb, GDB_E_SPACE);
    }
    for (uint32_t i = gdb->out_packet + 1; i < gdb->out_len; i++) {
        sum = (uint8_t)(sum + (uint8_t)gdb->out[i]);
    }
    gdb->out[gdb->out_len++] = '#';
    gdb->out[gdb->out_len++] = digits[sum >> 4];
    gdb->out[gdb->out_len++] = digits[sum & 15];
}

void gdb_error(struct vml_gdb *gdb, unsigned number)
{
    error_begin(gdb, number);
    gdb_reply_end(gdb);
}

void gdb_ok(struct vml_gdb *gdb)
{
    gdb_put(gdb, "OK");
    gdb_reply_end(gdb);
}
