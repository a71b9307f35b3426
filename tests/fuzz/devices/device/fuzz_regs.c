/* Any access to a table of every kind of row: storage keeps to the masks, values keep to the size, and
 * with an index of the table all is the same. */
#include <stdlib.h>
#include <string.h>
#include <vml/regs.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
    uint32_t rw;
    uint32_t ro;
    uint32_t w1c;
    uint32_t w1s;
    uint64_t wide;
    uint8_t bytes[8];
    uint32_t guard;
};

#define STATE(member) ((uint32_t)offsetof(struct state, member))
#define GUARD         0xfeedfaceu

static const struct vml_reg rows[] = {
    {"RW", 0, 0, 0, 4, VML_SIZE_124, VML_REG_RW, 0x80000000, 0xffff, STATE(rw), NULL, NULL},
    {"RO", 4, 0, 0, 4, VML_SIZE_4, VML_REG_RO, 0x1234, 0, STATE(ro), NULL, NULL},
    {"W1C", 8, 0, 0, 4, VML_SIZE_4, VML_REG_W1C, 0xff, 0xf, STATE(w1c), NULL, NULL},
    {"W1S", 12, 0, 0, 4, VML_SIZE_4, VML_REG_W1S, 0, 0xf0, STATE(w1s), NULL, NULL},
    {"WIDE", 16, 0, 0, 8, VML_SIZE_48, VML_REG_RW, 0, UINT64_MAX, STATE(wide), NULL, NULL},
    {"BYTES", 32, 8, 1, 1, VML_SIZE_14, VML_REG_RW, 0, 0xff, STATE(bytes), NULL, NULL},
    {"RAZ", 64, 4, 4, 4, VML_SIZE_4, VML_REG_RAZ, 0, 0, VML_REG_NO_STATE, NULL, NULL},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vml_reg_table table = {
        .rows = rows, .row_count = sizeof(rows) / sizeof(rows[0]), .size = 0x80};
    struct vml_device device = {.name = "fuzz"};
    struct state state;
    struct state second;
    struct vml_reg_slot slots[VML_REG_SLOTS(0x80)];
    struct vml_reg_index index;
    uint32_t bad;

    if (vml_regs_check(&table, &bad) != VML_OK) {
        abort();
    }
    if (size < 1) {
        return 0;
    }
    table.unknown_raz_wi = (data[0] & 1) != 0;
    memset(&state, 0, sizeof(state));
    state.guard = GUARD;
    vml_regs_reset(&table, &state);
    memset(&second, 0, sizeof(second));
    second.guard = GUARD;
    vml_regs_reset(&table, &second);
    vml_regs_index(&index, &table, slots, VML_ARRAY_SIZE(slots));
    for (data++, size--; size >= 11; data += 11, size -= 11) {
        struct vml_access access = {.size = (uint8_t)(1u << (data[0] & 3)),
                                    .write = (data[0] & 4) != 0,
                                    .cpu = data[0] >> 5};
        struct vml_access again;
        enum vml_bus_result result;

        access.offset = (data[0] & 8) != 0 ? UINT64_MAX - data[1]
                                           : (uint64_t)data[1] | (uint64_t)(data[2] & 1) << 8;
        memcpy(&access.value, data + 3, 8);
        if (access.size < 8) {
            access.value &= (UINT64_C(1) << (8 * access.size)) - 1;
        }
        again = access;
        result = vml_regs_access(&table, &device, &state, &access);
        if (vml_regs_access_indexed(&index, &device, &second, &again) != result ||
            again.value != access.value || memcmp(&state, &second, sizeof(state)) != 0) {
            abort();
        }
        if (result != VML_BUS_OK && result != VML_BUS_FAULT) {
            abort();
        }
        if (result == VML_BUS_OK && (access.offset >= table.size ||
                                     (access.size < 8 && access.value >> (8 * access.size) != 0))) {
            abort();
        }
        if ((state.rw & ~0xffffu) != 0x80000000 || state.ro != 0x1234 ||
            (state.w1c & ~0xfu) != 0xf0 || (state.w1s & ~0xf0u) != 0 || state.guard != GUARD) {
            abort();
        }
    }
    return 0;
}
