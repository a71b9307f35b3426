/* A bank of flash as CFI drivers and EDK2's NOR driver use it: both chips in one 32-bit word. */
#include "test.h"
#include <vml/flash.h>

enum { SIZE = 1 << 20, BLOCK = 0x40000 };

struct rig {
    struct vml_flash flash;
    uint8_t memory[SIZE];
    unsigned arrays, changes;
    bool array;
    uint64_t at, length;
};

static void unlocked(struct rig *r)
{
    assert_true(vml_mutex_try_lock(&r->flash.lock));
    vml_mutex_unlock(&r->flash.lock);
}

static void on_array(void *context, bool array)
{
    struct rig *r = context;

    unlocked(r);
    r->arrays++;
    r->array = array;
}

static void on_changed(void *context, uint64_t offset, uint64_t length)
{
    struct rig *r = context;

    unlocked(r);
    r->changes++;
    r->at = offset;
    r->length = length;
}

static struct rig *make(bool read_only)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_flash_config config = {.memory = r->memory,
                                      .size = SIZE,
                                      .read_only = read_only,
                                      .array = on_array,
                                      .changed = on_changed,
                                      .context = r};

    memset(r->memory, 0xff, SIZE);
    assert_int_equal(vml_flash_init(&r->flash, &config), VML_OK);
    return r;
}

static uint64_t rd(struct rig *r, uint64_t offset, uint8_t size)
{
    struct vml_access a = {.offset = offset, .size = size};

    assert_int_equal(r->flash.device.ops->access(&r->flash.device, &a), VML_BUS_OK);
    return a.value;
}

static void wr(struct rig *r, uint64_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(r->flash.device.ops->access(&r->flash.device, &a), VML_BUS_OK);
}

static void end(struct rig *r)
{
    vml_flash_destroy(&r->flash);
    free(r);
}

static void bad_configurations_are_refused(void **state)
{
    static struct vml_flash flash;
    static uint8_t memory[1];
    static const struct vml_flash_config bad[] = {
        {.memory = NULL, .size = SIZE},
        {.memory = memory, .size = SIZE - 4},
        {.memory = memory, .size = 1 << 16},
        {.memory = memory, .size = SIZE, .block_size = 3000},
        {.memory = memory, .size = SIZE, .block_size = 256},
        {.memory = memory, .size = SIZE, .block_size = SIZE},
        {.memory = memory, .size = UINT64_C(1) << 30, .block_size = 512},
    };

    for (size_t i = 0; i < VML_ARRAY_SIZE(bad); i++) {
        assert_int_equal(vml_flash_init(&flash, &bad[i]), VML_ERR_INVALID);
    }
}

static void the_array_is_memory(void **state)
{
    struct rig *r = make(false);
    struct vml_access a = {.offset = SIZE - 4, .size = 8};

    for (unsigned i = 0; i < 8; i++) {
        r->memory[16 + i] = (uint8_t)(0x10 + i);
    }
    assert_true(vml_flash_is_array(&r->flash));
    assert_int_equal(rd(r, 16, 1), 0x10);
    assert_int_equal(rd(r, 18, 2), 0x1312);
    assert_int_equal(rd(r, 20, 4), 0x17161514);
    assert_int_equal(rd(r, 16, 8), 0x1716151413121110u);
    assert_int_equal(rd(r, SIZE - 1, 1), 0xff);
    assert_int_equal(r->flash.device.ops->access(&r->flash.device, &a), VML_BUS_FAULT);
    a = (struct vml_access){.offset = 2, .size = 4};
    assert_int_equal(r->flash.device.ops->access(&r->flash.device, &a), VML_BUS_FAULT);
    a = (struct vml_access){.offset = SIZE, .size = 1};
    assert_int_equal(r->flash.device.ops->access(&r->flash.device, &a), VML_BUS_FAULT);
    end(r);
}

static void query_and_identifier(void **state)
{
    struct rig *r = make(false);

    wr(r, 0x55 * 4, 0x00980098);
    assert_false(r->array);
    assert_int_equal(r->arrays, 1);
    assert_int_equal(rd(r, 0x10 * 4, 4), 0x00510051);
    assert_int_equal(rd(r, 0x11 * 4, 4), 0x00520052);
    assert_int_equal(rd(r, 0x12 * 4, 4), 0x00590059);
    assert_int_equal(rd(r, 0x13 * 4, 4), 0x00010001);
    assert_int_equal(rd(r, 0x15 * 4, 4), 0x00310031);
    assert_int_equal(rd(r, 0x31 * 4, 2), 'P');
    assert_int_equal(rd(r, 0x32 * 4, 2), 'R');
    assert_int_equal(rd(r, 0x33 * 4, 2), 'I');
    /* Two chips of half a MiB, in four blocks of 128 KiB each. */
    assert_int_equal(1u << rd(r, 0x27 * 4, 1), SIZE / 2);
    assert_int_equal(rd(r, 0x2d * 4, 1) + (rd(r, 0x2e * 4, 1) << 8) + 1, 4);
    assert_int_equal((rd(r, 0x2f * 4, 1) + (rd(r, 0x30 * 4, 1) << 8)) * 256 * 2, BLOCK);
    assert_int_equal(2u << rd(r, 0x2a * 4, 1), VML_FLASH_BUFFER);
    assert_int_equal(rd(r, 0x2c * 4, 1), 1);
    assert_int_equal(rd(r, 0x1000, 4), 0);
    wr(r, 0, 0x00ff00ff);
    assert_true(r->array);
    wr(r, 0, 0x00900090);
    assert_int_equal(rd(r, 0, 4), 0x00890089);
    assert_int_equal(rd(r, 4, 4), 0x00180018);
    assert_int_equal(rd(r, 8, 4), 0);
    assert_int_equal(rd(r, 12, 4), 0);
    wr(r, 0, 0x00f000f0); /* no command of this set: reset */
    assert_true(vml_flash_is_array(&r->flash));
    end(r);
}

static void program_only_clears_bits(void **state)
{
    struct rig *r = make(false);

    wr(r, 0x100, 0x00400040);
    wr(r, 0x100, 0xf0f0abcd);
    assert_int_equal(rd(r, 0x100, 4), 0x00800080);
    assert_int_equal(r->at, 0x100);
    assert_int_equal(r->length, 4);
    wr(r, 0x100, 0x00100010);
    wr(r, 0x100, 0x0ff0ffff);
    wr(r, 0, 0x00ff00ff);
    assert_int_equal(rd(r, 0x100, 4), 0x00f0abcd);
    assert_int_equal(rd(r, 0x104, 4), 0xffffffff);
    end(r);
}

static void erase_is_of_the_block_and_needs_confirmation(void **state)
{
    struct rig *r = make(false);

    memset(r->memory, 0, SIZE);
    wr(r, BLOCK + 0x1234, 0x00200020);
    assert_int_equal(r->memory[BLOCK], 0);
    wr(r, BLOCK + 0x1234, 0x00d000d0);
    assert_int_equal(rd(r, 0, 4), 0x00800080);
    assert_int_equal(r->at, BLOCK);
    assert_int_equal(r->length, BLOCK);
    assert_int_equal(r->memory[BLOCK - 1], 0);
    assert_int_equal(r->memory[BLOCK], 0xff);
    assert_int_equal(r->memory[2 * BLOCK - 1], 0xff);
    assert_int_equal(r->memory[2 * BLOCK], 0);
    wr(r, 0, 0x00200020);
    wr(r, 0, 0x00700070);
    assert_int_equal(rd(r, 0, 4), 0x00b000b0);
    wr(r, 0, 0x00500050);
    wr(r, 0, 0x00700070);
    assert_int_equal(rd(r, 0, 4), 0x00800080);
    assert_int_equal(r->memory[0], 0);
    end(r);
}

static void buffered_program(void **state)
{
    struct rig *r = make(false);

    wr(r, 0x280, 0x00e800e8);
    assert_int_equal(rd(r, 0x280, 4), 0x00800080);
    wr(r, 0x280, 0x001f001f);
    for (uint32_t i = 0; i < 32; i++) {
        wr(r, 0x280 + 4 * i, 0x01010101 * i);
    }
    assert_int_equal(r->changes, 0);
    wr(r, 0x280, 0x00d000d0);
    assert_int_equal(rd(r, 0, 4), 0x00800080);
    wr(r, 0, 0x00ff00ff);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(rd(r, 0x280 + 4 * i, 4), 0x01010101 * i);
    }
    /* Part of a buffer leaves the rest alone. */
    wr(r, 0x308, 0x00e800e8);
    wr(r, 0x308, 0);
    wr(r, 0x308, 0x12345678);
    wr(r, 0x308, 0x00d000d0);
    wr(r, 0, 0x00ff00ff);
    assert_int_equal(rd(r, 0x304, 4), 0xffffffff);
    assert_int_equal(rd(r, 0x308, 4), 0x12345678);
    end(r);
}

static void faults_of_buffered_programs(void **state)
{
    struct rig *r = make(false);

    wr(r, 0, 0x00e800e8); /* too many words */
    wr(r, 0, 0x00200020);
    assert_int_equal(rd(r, 0, 4), 0x00b000b0);
    wr(r, 0, 0x00500050);
    wr(r, 0x80, 0x00e800e8); /* out of the buffer, below and above */
    wr(r, 0x80, 0x00010001);
    wr(r, 0x7c, 0);
    assert_int_equal(rd(r, 0, 4), 0x00b000b0);
    wr(r, 0, 0x00500050);
    wr(r, 0x80, 0x00e800e8);
    wr(r, 0x80, 0x00010001);
    wr(r, 0x100, 0);
    assert_int_equal(rd(r, 0, 4), 0x00b000b0);
    wr(r, 0, 0x00500050);
    wr(r, 0x80, 0x00e800e8); /* not confirmed */
    wr(r, 0x80, 0);
    wr(r, 0x80, 0);
    wr(r, 0x80, 0x00ff00ff);
    assert_int_equal(rd(r, 0, 4), 0x00b000b0);
    assert_int_equal(r->changes, 0);
    assert_int_equal(r->memory[0x80], 0xff);
    end(r);
}

static void lock_commands(void **state)
{
    struct rig *r = make(false);

    wr(r, 0, 0x00600060);
    wr(r, 0, 0x00d000d0);
    assert_int_equal(rd(r, 0, 4), 0x00800080);
    wr(r, 0, 0x00600060);
    wr(r, 0, 0x00010001);
    assert_int_equal(rd(r, 0, 4), 0x00800080);
    wr(r, 0, 0x00600060);
    wr(r, 0, 0x00330033);
    assert_int_equal(rd(r, 0, 4), 0x00b000b0);
    wr(r, 0, 0x00d000d0);
    assert_int_equal(rd(r, 0, 4), 0x00b000b0);
    end(r);
}

static void a_read_only_bank_says_so(void **state)
{
    struct rig *r = make(true);

    wr(r, 0, 0x00400040);
    wr(r, 0, 0);
    assert_int_equal(rd(r, 0, 4), 0x00920092);
    wr(r, 0, 0x00500050);
    wr(r, 0, 0x00200020);
    wr(r, 0, 0x00d000d0);
    assert_int_equal(rd(r, 0, 4), 0x00a200a2);
    wr(r, 0, 0x00900090);
    assert_int_equal(rd(r, 8, 4), 0x00010001);
    r->flash.device.ops->reset(&r->flash.device);
    assert_int_equal(rd(r, 0, 4), 0xffffffff);
    assert_int_equal(r->changes, 0);
    end(r);
}

static void save_and_restore(void **state)
{
    uint8_t image[256], before[256], after[256];
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct rig *r = make(false), *s = make(false);
    size_t n;

    wr(r, 0x80, 0x00e800e8);
    wr(r, 0x80, 0x00010001);
    wr(r, 0x80, 0x11111111);
    vml_state_writer_init(&w, image, sizeof(image));
    r->flash.device.ops->save(&r->flash.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    n = w.used;
    vml_state_writer_init(&w, before, sizeof(before));
    s->flash.device.ops->save(&s->flash.device, &w);
    for (size_t i = 0; i < n; i++) {
        vml_state_reader_init(&reader, image, i);
        assert_int_not_equal(s->flash.device.ops->restore(&s->flash.device, &reader), VML_OK);
        vml_state_writer_init(&w, after, sizeof(after));
        s->flash.device.ops->save(&s->flash.device, &w);
        assert_memory_equal(after, before, n);
    }
    /* Fields that cannot be: size, mode, command, cycle, status, count, base. */
    static const uint8_t at[] = {12, 20, 21, 22, 23, 25, 28, 35};

    for (size_t i = 0; i < sizeof(at); i++) {
        uint8_t keep = image[at[i]];

        image[at[i]] = 0x55;
        vml_state_reader_init(&reader, image, n);
        assert_int_equal(s->flash.device.ops->restore(&s->flash.device, &reader), VML_ERR_CORRUPT);
        image[at[i]] = keep;
    }
    vml_state_reader_init(&reader, image, n);
    assert_int_equal(s->flash.device.ops->restore(&s->flash.device, &reader), VML_OK);
    assert_false(vml_flash_is_array(&s->flash));
    wr(s, 0x84, 0x22222222);
    wr(s, 0x80, 0x00d000d0);
    wr(s, 0, 0x00ff00ff);
    assert_int_equal(rd(s, 0x80, 8), 0x2222222211111111u);
    end(s);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(the_array_is_memory),
        cmocka_unit_test(query_and_identifier),
        cmocka_unit_test(program_only_clears_bits),
        cmocka_unit_test(erase_is_of_the_block_and_needs_confirmation),
        cmocka_unit_test(buffered_program),
        cmocka_unit_test(faults_of_buffered_programs),
        cmocka_unit_test(lock_commands),
        cmocka_unit_test(a_read_only_bank_says_so),
        cmocka_unit_test(save_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
