/* A saved image is hostile: the first bytes say what a reader does, the rest is the image. */
#include <stdlib.h>
#include <vml/state.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vml_state_reader r;
    uint8_t bytes[64];
    size_t steps;

    if (size < 1) {
        return 0;
    }
    steps = data[0] % 64;
    if (size < 1 + steps) {
        return 0;
    }
    vml_state_reader_init(&r, data + 1 + steps, size - 1 - steps);
    for (size_t i = 0; i < steps; i++) {
        switch (data[1 + i] % 11) {
        case 0:
            (void)vml_state_enter(&r, vml_state_peek(&r), (uint16_t)(data[1 + i] >> 4));
            break;
        case 1:
            vml_state_skip(&r);
            break;
        case 2:
            vml_state_leave(&r);
            break;
        case 3:
            (void)vml_state_get_u8(&r);
            break;
        case 4:
            (void)vml_state_get_u16(&r);
            break;
        case 5:
            (void)vml_state_get_u32(&r);
            break;
        case 6:
            (void)vml_state_get_u64(&r);
            break;
        case 7:
            (void)vml_state_get_bool(&r);
            break;
        case 8:
            vml_state_get_bytes(&r, bytes, data[1 + i] % sizeof(bytes));
            break;
        default:
            (void)vml_state_enter(&r, vml_state_peek(&r), UINT16_MAX);
            break;
        }
        if (r.pos > r.size || r.depth > VML_STATE_MAX_DEPTH) {
            abort();
        }
    }
    return 0;
}
