/* What the machine has done. */
#include "machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <vml/roundup.h>

static bool report_range(void *context, struct vml_bus_range *range)
{
    struct vml_bus_stats stats = vml_vbus_stats(range);

    (void)context;
    if (stats.reads || stats.writes || stats.faults) {
        fprintf(stderr,
                "vm: %-14s %10" PRIx64 " %12" PRIu64 " reads %12" PRIu64 " writes %8" PRIu64
                " faults\n",
                range->device->name, range->base, stats.reads, stats.writes, stats.faults);
    }
    return true;
}

void vm_report(struct vm *vm)
{
    uint64_t now = vml_clock_now(vm->clock);

    fprintf(stderr, "vm: %.3f s of the guest's time, %u reboots\n",
            (double)vml_clock_ticks_to_ns(vm->clock, now) / 1e9,
            (unsigned)atomic_load(&vm->lifecycle.reboots));
    for (unsigned i = 0; vm->engine->instructions && i < vm->options.cpus; i++) {
        fprintf(stderr, "vm: vCPU %-3u %20" PRIu64 " instructions\n", i,
                vm->engine->instructions(vm, i));
    }
    if (!vm->options.stats) {
        fprintf(stderr, "vm: accesses to devices are counted with --stats\n");
        return;
    }
    vml_vbus_for_each(&vm->mmio, report_range, NULL);
    vml_vbus_for_each(&vm->sysreg, report_range, NULL);
}

void vm_registers(struct vm *vm)
{
    vml_roundup(&vm->cpu_set, NULL);
    for (unsigned i = 0; i < vm->options.cpus; i++) {
        struct vml_cpu *cpu = vm->cpus[i];

        vml_log(VML_LOG_INFO, "vCPU %u%s", i, vml_cpu_state(cpu) == VML_CPU_OFF ? " (off)" : "");
        if (cpu->config.ops && cpu->config.ops->dump) {
            cpu->config.ops->dump(cpu);
        }
    }
    vml_resume(&vm->cpu_set, NULL);
}
