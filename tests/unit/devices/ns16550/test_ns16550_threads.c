/* A guest, a back end that types and one that makes room, at once: nothing is lost or doubled. */
#include "test.h"
#include <stdatomic.h>
#include <vml/ns16550.h>

#define BYTES 20000u

static struct vml_ns16550 uart;
static _Atomic uint32_t room, out_count, done;
static _Atomic bool out_of_order, level;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    atomic_store(&level, on);
}

static size_t push(void *context, const uint8_t *bytes, size_t len)
{
    uint32_t n = atomic_exchange(&room, 0);
    uint32_t at = atomic_load(&out_count);

    n = n < len ? n : (uint32_t)len;
    for (uint32_t i = 0; i < n; i++) {
        if (bytes[i] != (uint8_t)(at + i)) {
            atomic_store(&out_of_order, true);
        }
    }
    atomic_fetch_add(&out_count, n);
    return n;
}

static uint8_t rd(uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 1};

    (void)uart.device.ops->access(&uart.device, &a);
    return (uint8_t)a.value;
}

static void wr(uint32_t offset, uint8_t value)
{
    struct vml_access a = {.offset = offset, .size = 1, .write = true, .value = value};

    (void)uart.device.ops->access(&uart.device, &a);
}

/* Writes when there is room for one, and reads what there is. */
static void guest(void *context)
{
    uint32_t written = 0, read = 0;

    while (written < BYTES || read < BYTES) {
        uint8_t lsr = rd(5);

        if ((lsr & 0x20) && written < BYTES) {
            wr(0, (uint8_t)written++);
        }
        if (lsr & 0x01) {
            if (rd(0) != (uint8_t)read++) {
                atomic_store(&out_of_order, true);
            }
        }
        if (!(lsr & 0x21)) {
            vml_thread_yield();
        }
    }
    atomic_fetch_add(&done, 1);
}

static void typist(void *context)
{
    struct vml_chardev line = vml_ns16550_end(&uart);

    for (uint32_t sent = 0; sent < BYTES;) {
        uint8_t chunk[5];
        size_t n = BYTES - sent < 5 ? BYTES - sent : 5, taken;

        for (uint32_t i = 0; i < n; i++) {
            chunk[i] = (uint8_t)(sent + i);
        }
        taken = vml_chardev_push(&line, chunk, n);
        sent += (uint32_t)taken;
        if (taken == 0) {
            vml_thread_yield();
        }
    }
    atomic_fetch_add(&done, 1);
}

static void printer(void *context)
{
    struct vml_chardev line = vml_ns16550_end(&uart);

    while (atomic_load(&out_count) < BYTES) {
        atomic_store(&room, 3);
        vml_chardev_ready(&line);
        vml_thread_yield();
    }
    atomic_fetch_add(&done, 1);
}

static void nothing_is_lost(void **state)
{
    static const struct vml_irq_ops irq = {.set_level = set_level};
    static const struct vml_chardev_ops peer = {.push = push};
    struct vml_ns16550_config config = {.irq = {&irq, NULL, 0, 0}, .peer = {&peer, NULL}};
    struct vml_thread threads[3];

    assert_int_equal(vml_ns16550_init(&uart, &config), VML_OK);
    wr(2, 0x01);
    wr(1, 0x01);
    assert_int_equal(vml_thread_create(&threads[0], "guest", guest, NULL), VML_OK);
    assert_int_equal(vml_thread_create(&threads[1], "typist", typist, NULL), VML_OK);
    assert_int_equal(vml_thread_create(&threads[2], "printer", printer, NULL), VML_OK);
    for (unsigned i = 0; i < 3; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&done), 3);
    assert_int_equal(atomic_load(&out_count), BYTES);
    assert_false(atomic_load(&out_of_order));
    assert_false(atomic_load(&level));
    vml_ns16550_destroy(&uart);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
