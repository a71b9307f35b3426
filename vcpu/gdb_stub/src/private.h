/*
 * What the parts of the stub offer each other.
 *
 *   gdb_stub.c   threads, bytes and packets
 *   commands.c   what a packet asks for
 *   resume.c     going on, stopping, breakpoints
 *   text.c       numbers and replies
 *   target.c     descriptions of CPUs
 */
#ifndef VML_GDB_PRIVATE_H
#define VML_GDB_PRIVATE_H

#include <vml/gdb_stub.h>

enum {
    GDB_DETACHED, /* the machine runs, and nobody cares */
    GDB_STOPPING,
    GDB_STOPPED,
    GDB_RUNNING,
    GDB_EXITED,
};

/* Errors that debuggers print; the protocol gives the numbers no meaning. */
enum { GDB_E_STATE = 0x01, GDB_E_FAULT = 0x0e, GDB_E_INVALID = 0x16, GDB_E_SPACE = 0x1c };

#define GDB_NO_CPU UINT32_MAX

/* What is left of a packet. */
struct gdb_text {
    const char *at;
    const char *end;
};

/* ---- text.c ---- */
int gdb_hex_digit(char c); /* -1: none */
/* Each takes what it is about from the front; false: it is not there (or too large). */
bool gdb_take(struct gdb_text *text, const char *word);
bool gdb_take_number(struct gdb_text *text, uint64_t *value);
/* `*cpu`: GDB_NO_CPU for all and any. */
bool gdb_take_thread(const struct vml_gdb *gdb, struct gdb_text *text, uint32_t *cpu);
/* Two digits a byte. */
bool gdb_take_bytes(struct gdb_text *text, uint8_t *bytes, size_t len);
/* Nothing but so many bytes in hex is left. */
bool gdb_is_bytes(const struct gdb_text *text, uint64_t len);

void gdb_reply_begin(struct vml_gdb *gdb);
void gdb_put(struct vml_gdb *gdb, const char *text);
void gdb_put_hex(struct vml_gdb *gdb, uint64_t value); /* without leading zeros */
void gdb_put_bytes(struct vml_gdb *gdb, const uint8_t *bytes, size_t len);
void gdb_put_binary(struct vml_gdb *gdb, const char *bytes, size_t len);
size_t gdb_room(const struct vml_gdb *gdb);
void gdb_reply_end(struct vml_gdb *gdb);
void gdb_error(struct vml_gdb *gdb, unsigned number); /* instead of what was put so far */
void gdb_ok(struct vml_gdb *gdb);

/* ---- commands.c ---- */
/* Serves the packet; the reply is in `out`, if there is one. */
void gdb_command(struct vml_gdb *gdb);
bool gdb_needs_standing(char command, const struct gdb_text *rest);

/* ---- resume.c ---- */
void gdb_resume_legacy(struct vml_gdb *gdb, char command, struct gdb_text *text);
void gdb_vcont(struct vml_gdb *gdb, struct gdb_text *text);
void gdb_breakpoint(struct vml_gdb *gdb, bool insert, struct gdb_text *text);
void gdb_report(struct vml_gdb *gdb, bool asked);
void gdb_stop(struct vml_gdb *gdb);
void gdb_detach(struct vml_gdb *gdb);
/* Detaches and forgets breakpoints where that is due and can be done now. */
void gdb_settle(struct vml_gdb *gdb);

#endif
