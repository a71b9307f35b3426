/* Two vCPUs that change the mode and program words: an embedder that maps the array when vml_flash_is_array()
 * says so, under a lock of its own, has the right map in the end, and is told of everything written. */
#include "test.h"
#include <stdatomic.h>
#include <vml/flash.h>

enum { SIZE = 1 << 20, ROUNDS = 3000 };

static struct vml_flash flash;
static uint8_t memory[SIZE];
static struct vml_mutex map_lock;
static bool mapped;
static _Atomic uint32_t written;

static void on_array(void *context, bool array)
{
    vml_thread_yield(); /* others overtake this call */
    vml_mutex_lock(&map_lock);
    mapped = vml_flash_is_array(&flash);
    vml_mutex_unlock(&map_lock);
}

static void on_changed(void *context, uint64_t offset, uint64_t length)
{
    atomic_fetch_add(&written, (uint32_t)length);
}

static void wr(uint64_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(flash.device.ops->access(&flash.device, &a), VML_BUS_OK);
}

static void guest(void *context)
{
    uint64_t base = (uintptr_t)context;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        wr(base, 0x00700070);
        wr(base + 4 * (i % 64), 0x00400040); /* program, or the data of the other's program */
        wr(base + 4 * (i % 64), 0x00ff00ff);
        wr(base, 0x00ff00ff);
    }
}

static void the_map_is_right_in_the_end(void **state)
{
    struct vml_flash_config config = {
        .memory = memory, .size = SIZE, .array = on_array, .changed = on_changed};
    struct vml_thread threads[2];

    memset(memory, 0xff, sizeof(memory));
    mapped = true;
    vml_mutex_init(&map_lock);
    assert_int_equal(vml_flash_init(&flash, &config), VML_OK);
    for (uintptr_t i = 0; i < 2; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "guest", guest, (void *)(i * 0x40000)),
                         VML_OK);
    }
    for (unsigned i = 0; i < 2; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_int_equal(mapped, vml_flash_is_array(&flash));
    assert_true(atomic_load(&written) != 0);
    wr(0, 0x00ff00ff); /* whatever it was in the midst of */
    wr(0, 0x00ff00ff);
    assert_true(vml_flash_is_array(&flash) && mapped);
    wr(0, 0x00700070);
    assert_true(!vml_flash_is_array(&flash) && !mapped);
    vml_flash_destroy(&flash);
    vml_mutex_destroy(&map_lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_map_is_right_in_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
