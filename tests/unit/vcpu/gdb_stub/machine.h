/* A machine of registers and bytes for the stub's tests, and a peer that takes down what it is sent. */
#ifndef MACHINE_H
#define MACHINE_H

#include <vml/gdb_stub.h>

#define MACHINE_MEMORY UINT64_C(0x1000)

struct machine {
    struct vml_gdb gdb;
    struct vml_chardev end; /* the stub's */
    uint8_t registers[2][VML_GDB_AARCH64_REGISTERS][VML_GDB_REGISTER_SIZE];
    uint8_t memory[256]; /* at MACHINE_MEMORY */
    bool running, late;  /* late: it takes its time to stop */
    unsigned stops, resumes, kills, readies;
    enum vml_gdb_how how; /* of the last resume */
    uint32_t cpu;         /* of the last resume */
    bool refuses;         /* to resume, and to have registers */
    uint32_t most;        /* breakpoints */
    uint32_t breakpoint_count;
    const uint64_t *breakpoints;
    size_t room; /* bytes that the peer takes */
    char sent[3 * VML_GDB_PACKET_SIZE];
    size_t sent_len;
};

/* How the stub is made: cpus and `stopped`. */
void machine_make(struct machine *m, uint32_t cpus, bool stopped);
void machine_end(struct machine *m);

#endif
