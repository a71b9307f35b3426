/* The trace of --trace: the last events of each vCPU, for a trace viewer. */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vml/trace_json.h>

enum { EVENTS = 1 << 17 }; /* of each vCPU */

struct vm_trace {
    struct vml_trace_ring rings[VM_MAX_CPUS + 1];
    struct vml_trace_event *events;
    FILE *file;
};

void vm_trace_start(struct vm *vm)
{
    const uint32_t rings = vm->options.cpus + 1;
    struct vm_trace *trace;

    if (!vm->options.trace) {
        return;
    }
    trace = aligned_alloc(VML_CACHE_LINE_SIZE,
                          sizeof(*trace) / VML_CACHE_LINE_SIZE * VML_CACHE_LINE_SIZE +
                              VML_CACHE_LINE_SIZE);
    if (!trace) {
        vm_fail("--trace '%s': out of memory", vm->options.trace);
    }
    memset(trace, 0, sizeof(*trace));
    trace->file =
        fopen(vm->options.trace, "w"); /* now, so that a mistake is not found at the end */
    if (!trace->file) {
        vm_fail("--trace '%s': %s", vm->options.trace, strerror(errno));
    }
    trace->events = calloc((rings + 1) * (size_t)EVENTS, sizeof(*trace->events));
    if (!trace->events) {
        vm_fail("--trace '%s': out of memory", vm->options.trace);
    }
    vm_check(vml_debug_set_rings(&vm->debug, trace->rings, trace->events, vm->options.cpus, EVENTS),
             "trace");
    vml_debug_set_tracing(&vm->debug, true);
    vm->trace = trace;
}

void vm_trace_end(struct vm *vm)
{
    struct vm_trace *trace = vm->trace;
    struct vml_trace_event *copies;
    enum vml_status status;

    if (!trace) {
        return;
    }
    vml_debug_set_tracing(&vm->debug, false);
    copies = trace->events + (vm->options.cpus + 1) * (size_t)EVENTS;
    status = vml_trace_json(&vm->debug, trace->file, copies, EVENTS);
    if (fclose(trace->file) != 0 || status != VML_OK) {
        fprintf(stderr, "vm: --trace '%s': %s\n", vm->options.trace, strerror(errno));
    }
    free(trace->events);
    free(trace);
    vm->trace = NULL;
}
