/* Any accesses: only events that the machine understands are told. */
#include <stdlib.h>
#include <vml/pvpanic.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void event(void *context, uint32_t cpu, uint8_t events)
{
    if (events == 0 || (events & ~*(const uint8_t *)context)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t allowed = size ? data[0] & 7 : 0;
    struct vml_pvpanic_config config = {.events = allowed, .event = event, .context = &allowed};
    struct vml_pvpanic pvpanic;

    if (vml_pvpanic_init(&pvpanic, &config) != VML_OK) {
        abort();
    }
    for (size_t i = 1; i + 3 <= size; i += 3) {
        struct vml_access a = {.offset = data[i + 1],
                               .value = data[i + 2],
                               .size = (uint8_t)(1u << (data[i] & 3)),
                               .write = (data[i] & 4) != 0};

        (void)pvpanic.device.ops->access(&pvpanic.device, &a);
    }
    return 0;
}
