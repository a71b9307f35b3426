/* Two guests that signal each other and consume: in the end the wires are what the counts say. */
#include "test.h"
#include <stdatomic.h>
#include <vml/cross_vm.h>

#define ROUNDS 5000u

static struct vml_cross_vm ends[2];
static _Atomic bool level[2];

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    atomic_store(&level[line], on);
}

static uint32_t go(struct vml_cross_vm *end, uint32_t offset, bool write, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = write, .value = value};

    (void)end->device.ops->access(&end->device, &a);
    return (uint32_t)a.value;
}

static void guest(void *context)
{
    struct vml_cross_vm *end = context;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        (void)go(end, 0x00, true, 1);
        if (go(end, 0x04, false, 0) != 0) {
            (void)go(end, 0x04, true, 0);
        }
    }
}

static void the_wires_are_right_in_the_end(void **state)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct vml_thread threads[2];

    for (uint32_t i = 0; i < 2; i++) {
        struct vml_cross_vm_config config = {
            .irq = {&ops, NULL, i, 0}, .emit = vml_cross_vm_signal, .context = &ends[1 - i]};

        vml_cross_vm_init(&ends[i], &config);
    }
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "guest", guest, &ends[i]), VML_OK);
    }
    for (uint32_t i = 0; i < 2; i++) {
        vml_thread_join(&threads[i]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(atomic_load(&level[i]), go(&ends[i], 0x04, false, 0) != 0);
        (void)go(&ends[i], 0x04, true, 0);
        assert_false(atomic_load(&level[i]));
        vml_cross_vm_signal(&ends[i]);
        assert_true(atomic_load(&level[i]));
    }
    vml_cross_vm_destroy(&ends[0]);
    vml_cross_vm_destroy(&ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_wires_are_right_in_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
