/* Pins that one thread moves against registers that two others write: the wire, and what the embedder
 * knows of the outputs, are right in the end. */
#include "test.h"
#include <stdatomic.h>
#include <vml/pl061.h>

enum { DATA = 0x3fc, DIR = 0x400, IS = 0x404, IEV = 0x40c, IE = 0x410, MIS = 0x418, IC = 0x41c };
enum { ROUNDS = 5000 };

static struct vml_pl061 gpio;
static _Atomic bool level;
static _Atomic uint32_t inside;
static _Atomic uint32_t known; /* directions and levels as they were told last */
static _Atomic bool together;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    atomic_store(&level, on);
}

static void output(void *context, uint8_t directions, uint8_t levels)
{
    if (atomic_fetch_add(&inside, 1) != 0) {
        atomic_store(&together, true);
    }
    vml_thread_yield(); /* others have their turn just now */
    atomic_store(&known, (uint32_t)directions << 8 | levels);
    vml_pl061_set_input(&gpio, 7, levels & 1); /* as a board that has them joined */
    atomic_fetch_sub(&inside, 1);
}

static uint32_t go(uint32_t offset, bool write, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = write, .value = value};

    assert_int_equal(gpio.device.ops->access(&gpio.device, &a), VML_BUS_OK);
    return (uint32_t)a.value;
}

static void board(void *context)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        vml_pl061_set_input(&gpio, 4 + i % 3, i & 1);
    }
}

static void guest(void *context)
{
    uint32_t own = (uint32_t)(uintptr_t)context;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        (void)go(1u << (own + 2), true, i & 1 ? 0xff : 0); /* of GPIODATA, its own bit alone */
        (void)go(DIR, true, i % 5 ? 0x0f : 0x03);
        (void)go(IE, true, i % 7 ? 0xf0 : 0);
        (void)go(IC, true, 0xff);
    }
}

static void all_is_right_in_the_end(void **state)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct vml_pl061_config config = {.irq = {&ops, NULL, 0, 0}, .output = output};
    struct vml_thread threads[3];

    assert_int_equal(vml_pl061_init(&gpio, &config), VML_OK);
    (void)go(IEV, true, 0xf0);
    (void)go(IS, true, 0x80);
    assert_int_equal(vml_thread_create(&threads[0], "board", board, NULL), VML_OK);
    for (uintptr_t i = 0; i < 2; i++) {
        assert_int_equal(vml_thread_create(&threads[1 + i], "guest", guest, (void *)i), VML_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_false(atomic_load(&together));
    assert_int_equal(atomic_load(&known),
                     go(DIR, false, 0) << 8 | (go(DATA, false, 0) & go(DIR, false, 0)));
    assert_int_equal(atomic_load(&level), go(MIS, false, 0) != 0);
    (void)go(IE, true, 0);
    assert_false(atomic_load(&level));
    vml_pl061_destroy(&gpio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_is_right_in_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
