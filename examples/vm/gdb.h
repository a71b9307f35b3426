/* A debugger at the machine: --gdb and --gdb-wait. */
#ifndef VM_GDB_H
#define VM_GDB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <vml/char_host.h>
#include <vml/gdb_stub.h>

struct vm;

struct vm_gdb {
    struct vml_gdb stub;
    struct vml_char_host host;
    bool open;
    struct vml_mutex lock; /* of `halted` and `ended` */
    bool halted;           /* a round-up is in force that the debugger undoes */
    bool ended;            /* the machine is about to end: nothing stops it any more */
    _Atomic bool stepping;
};

/* Opens what --gdb names, if there is one; a mistake ends in vm_fail(). */
void vm_gdb_open(struct vm *vm);
/* Debuggers may connect. With --gdb-wait the vCPUs stand until one says otherwise. */
void vm_gdb_start(struct vm *vm);
/* Lets go of the vCPUs, which are about to leave, and tells the debugger. */
void vm_gdb_end(struct vm *vm);
void vm_gdb_close(struct vm *vm);
/* A vCPU's thread, which is not in its engine: it is at a breakpoint. */
void vm_gdb_break(struct vm *vm, uint32_t cpu);
/* What asks is an instruction that the debugger steps. */
bool vm_gdb_is_stepping(const struct vm *vm);

#endif
