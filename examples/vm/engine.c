#include "machine.h"

#include <string.h>

/* The faster one first: it is what `auto` takes. */
static const struct vm_engine *const engines[] = {&vm_engine_kvm, &vm_engine_a64};

const struct vm_engine *vm_engine_find(const struct vm_options *options)
{
    const char *name = options->accel;

    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        const char *why = engines[i]->unavailable(options);

        if (strcmp(name, "auto") == 0 && !why) {
            return engines[i];
        }
        if (strcmp(name, engines[i]->name) == 0) {
            if (why) {
                vm_fail("--accel '%s': %s", name, why);
            }
            return engines[i];
        }
    }
    vm_fail("--accel '%s': must be a64, kvm or auto", name);
}

bool vm_engine_takes_notifications(const struct vm *vm)
{
    return vm->engine->start && !vm->options.save && !vm->options.restore;
}
