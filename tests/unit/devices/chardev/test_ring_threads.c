/* One thread puts and one gets: nothing is lost, doubled or reordered. */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <vml/chardev_ring.h>

enum { BYTES = 200000 };

static void *putter(void *context)
{
    struct vml_char_ring *ring = context;
    uint32_t sent = 0;

    while (sent < BYTES) {
        uint8_t chunk[7];
        uint32_t n = 0;

        while (n < sizeof(chunk) && sent + n < BYTES) {
            chunk[n] = (uint8_t)((sent + n) * 31u);
            n++;
        }
        size_t put = vml_char_ring_put(ring, chunk, n);

        sent += (uint32_t)put;
        if (put == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void order_holds_between_two_threads(void **state)
{
    static uint8_t storage[64];
    struct vml_char_ring ring;
    pthread_t thread;
    uint32_t got = 0;

    assert_int_equal(vml_char_ring_init(&ring, storage, sizeof(storage)), VML_OK);
    assert_int_equal(pthread_create(&thread, NULL, putter, &ring), 0);
    while (got < BYTES) {
        uint8_t chunk[5];
        size_t n = vml_char_ring_get(&ring, chunk, sizeof(chunk));

        for (size_t i = 0; i < n; i++, got++) {
            if (chunk[i] != (uint8_t)(got * 31u)) {
                fail_msg("byte %u is wrong", got);
            }
        }
        if (n == 0) {
            sched_yield();
        }
    }
    pthread_join(thread, NULL);
    assert_int_equal(vml_char_ring_count(&ring), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order_holds_between_two_threads)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
