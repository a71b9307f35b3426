/* Two vCPUs write while the back end refuses at times and a third thread types: every character
 * arrives once, each vCPU's in its order, and the line ends at the level of the registers. */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <vml/pl011.h>

enum { EACH = 3000 };

struct shared {
    struct vml_pl011 uart;
    pthread_mutex_t lock;
    unsigned next[2], calls, errors;
    bool refused;
    _Atomic int level;
    _Atomic bool done;
};

static struct shared s;

static size_t take(void *context, const uint8_t *bytes, size_t len)
{
    size_t n = 0;

    pthread_mutex_lock(&s.lock);
    if (++s.calls % 7 == 0) {
        s.refused = true;
    } else {
        for (; n < len; n++) {
            unsigned who = bytes[n] >> 7;

            s.errors += (bytes[n] & 0x7f) != s.next[who] % 128;
            s.next[who]++;
        }
    }
    pthread_mutex_unlock(&s.lock);
    return n;
}

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    atomic_store(&s.level, level);
}

static uint32_t access_uart(bool write, uint32_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = write, .value = value};

    s.uart.device.ops->access(&s.uart.device, &a);
    return (uint32_t)a.value;
}

static void *writer(void *context)
{
    unsigned who = context != NULL;

    for (unsigned i = 0; i < EACH; i++) {
        /* With both at the last free entry one character could be lost: keep a distance. */
        while (!(access_uart(false, 0x18, 0) & 0x80)) {
            sched_yield();
        }
        access_uart(true, 0, who << 7 | i % 128);
        if (i % 16 == 0) {
            access_uart(true, 0x44, 0x20);
        }
    }
    return NULL;
}

static void *pump(void *context)
{
    struct vml_chardev end = vml_pl011_end(&s.uart);

    while (!atomic_load(&s.done)) {
        bool refused;

        pthread_mutex_lock(&s.lock);
        refused = s.refused;
        s.refused = false;
        pthread_mutex_unlock(&s.lock);
        if (refused) {
            vml_chardev_ready(&end);
        }
        (void)vml_chardev_push(&end, (const uint8_t *)"k", 1);
        (void)access_uart(false, 0, 0);
        sched_yield();
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    static const struct vml_chardev_ops ops = {.push = take};
    static const struct vml_irq_ops irq_ops = {.set_level = set_level};
    struct vml_pl011_config config = {.peer = {&ops, &s}, .irq = {&irq_ops, &s, 33, 0}};
    struct vml_chardev end;
    pthread_t threads[3];

    pthread_mutex_init(&s.lock, NULL);
    assert_int_equal(vml_pl011_init(&s.uart, &config), VML_OK);
    access_uart(true, 0x2c, 0x70);
    access_uart(true, 0x38, 0x70);
    assert_int_equal(pthread_create(&threads[0], NULL, writer, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, writer, &s), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, pump, NULL), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    atomic_store(&s.done, true);
    pthread_join(threads[2], NULL);
    end = vml_pl011_end(&s.uart);
    vml_chardev_ready(&end);
    vml_chardev_ready(&end);
    assert_int_equal(s.errors, 0);
    assert_int_equal(s.next[0], EACH);
    assert_int_equal(s.next[1], EACH);
    assert_int_equal(atomic_load(&s.level), access_uart(false, 0x40, 0) != 0);
    vml_pl011_destroy(&s.uart);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_between_threads)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
