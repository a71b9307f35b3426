/* Every access that a guest can make to a GICv2, mixed with wires that change. */
#include "gic_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return gic_fuzz(2, data, size);
}
