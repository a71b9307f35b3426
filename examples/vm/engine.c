#include "engine.h"
#include "options.h"

#include <string.h>

static const struct vm_engine *const engines[] = {&vm_engine_a64};

const struct vm_engine *vm_engine_find(const char *name)
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        const char *why = engines[i]->unavailable();

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
    vm_fail("--accel '%s': must be a64 or auto", name);
}
