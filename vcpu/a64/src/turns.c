/* Deterministic running: one thread, fixed turns, time counted in instructions. */
#include "core.h"

static void move_time(struct vml_a64_turns *turns, uint64_t time)
{
    turns->time = time;
    if (turns->advance) {
        turns->advance(turns->context, time);
    }
}

/* One turn of each vCPU. True: go on; false: return `*why`. */
static bool run_round(struct vml_a64_machine *machine, struct vml_a64_turns *turns, bool *all_wait,
                      enum vml_a64_exit *why)
{
    bool all_off = true;

    *all_wait = true;
    for (uint32_t i = 0; i < machine->count; i++) {
        turns->cpu = i;
        *why = vml_a64_run(machine->config.cpus[i], turns->quantum);
        switch (*why) {
        case VML_A64_EXIT_OFF:
            break;
        case VML_A64_EXIT_HALTED:
            all_off = false;
            break;
        case VML_A64_EXIT_BUDGET:
        case VML_A64_EXIT_YIELD:
            all_off = false;
            *all_wait = false;
            break;
        default:
            return false;
        }
    }
    *why = VML_A64_EXIT_OFF;
    return !all_off;
}

/* An interrupt may have come for one that had its turn already. */
static bool still_idle(const struct vml_a64_machine *machine)
{
    for (uint32_t i = 0; i < machine->count; i++) {
        if (!vml_a64_is_idle(machine->config.cpus[i])) {
            return false;
        }
    }
    return true;
}

enum vml_a64_exit vml_a64_run_turns(struct vml_a64_machine *machine, struct vml_a64_turns *turns)
{
    enum vml_a64_exit why;
    bool all_wait;

    while (turns->time < turns->until) {
        uint64_t step = vml_min_u64(turns->quantum, turns->until - turns->time);

        if (!run_round(machine, turns, &all_wait, &why)) {
            return why;
        }
        move_time(turns, turns->time + step);
        if (all_wait && still_idle(machine)) {
            uint64_t next = turns->next ? turns->next(turns->context) : UINT64_MAX;

            if (next == UINT64_MAX) {
                return VML_A64_EXIT_HALTED;
            }
            if (next > turns->time) {
                move_time(turns, vml_min_u64(next, turns->until));
            }
        }
    }
    return VML_A64_EXIT_BUDGET;
}
