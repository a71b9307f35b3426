/* Breakpoints of a debugger outside of the guest, and what it wants to know of the MMU. */
#include "core.h"

bool a64_breaks_at_offset(const struct vml_a64_machine *machine, uint64_t offset)
{
    for (uint32_t i = 0; i < machine->breakpoint_count; i++) {
        if ((machine->breakpoints[i] & ~A64_PAGE_MASK) == offset) {
            return true;
        }
    }
    return false;
}

bool a64_breaks_at(const struct vml_a64_machine *machine, uint64_t va)
{
    for (uint32_t i = 0; i < machine->breakpoint_count; i++) {
        if (machine->breakpoints[i] == va) {
            return true;
        }
    }
    return false;
}

void vml_a64_set_breakpoints(struct vml_a64_machine *machine, const uint64_t *addresses,
                             uint32_t count)
{
    machine->breakpoints = addresses;
    machine->breakpoint_count = count;
    for (uint32_t i = 0; i < machine->count; i++) { /* what is decoded has the old ones in it */
        a64_code_flush(machine->config.cpus[i]->core);
    }
}

enum vml_status vml_a64_translate(struct vml_a64 *cpu, uint64_t va, uint64_t *pa)
{
    struct a64_translation t = {0};

    if (!a64_walk(cpu->core, va, A64_PEEK, A64_CONTEXT_EL1, &t)) {
        return VML_ERR_NOT_FOUND;
    }
    *pa = t.pa;
    return VML_OK;
}
