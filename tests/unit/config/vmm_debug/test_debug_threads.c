/* A ring is read while it is written. */
#include "test.h"

#include <vml/debug.h>

#define CAPACITY 8
#define EVENTS   20000
#define OTHERS   2

static struct vml_trace_ring rings[2];
static struct vml_trace_event events[2 * CAPACITY];
static struct vml_debug debug;
static uint32_t done;

static void write_events(void *context)
{
    uint32_t cpu = *(uint32_t *)context;

    for (uint64_t i = 0; i < EVENTS; i++) {
        /* The words belong together, which a torn event would show. */
        vml_trace(&debug, cpu, VML_TRACE_USER, i, i * 3, (uint32_t)(i * 5));
        if (i % 128 == 0) {
            vml_thread_yield();
        }
    }
    (void)__atomic_add_fetch(&done, 1, __ATOMIC_RELEASE);
}

static void copied_events_are_whole_and_in_order(void **state)
{
    struct vml_thread threads[1 + OTHERS];
    uint32_t cpus[1 + OTHERS] = {0, UINT32_MAX, UINT32_MAX};
    uint64_t seen = 0;

    vml_debug_init(&debug);
    assert_int_equal(vml_debug_set_rings(&debug, rings, events, 1, CAPACITY), VML_OK);
    vml_debug_set_tracing(&debug, true);
    for (int i = 0; i < 1 + OTHERS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "writer", write_events, &cpus[i]), VML_OK);
    }
    while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) != 1 + OTHERS) {
        for (uint32_t ring = 0; ring < 2; ring++) {
            struct vml_trace_event got[CAPACITY];
            size_t count = vml_trace_read(&debug, ring, got, CAPACITY);

            assert_true(count <= CAPACITY);
            for (size_t i = 0; i < count; i++) {
                assert_true(got[i].b == got[i].a * 3);
                assert_int_equal(got[i].c, (uint32_t)(got[i].a * 5));
                assert_true(ring == 1 || i == 0 || got[i].a == got[i - 1].a + 1);
            }
            seen += count;
        }
        vml_thread_yield();
    }
    for (int i = 0; i < 1 + OTHERS; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_true(atomic_load(&rings[0].head) == EVENTS);
    assert_true(atomic_load(&rings[1].head) == OTHERS * EVENTS);
    (void)seen;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copied_events_are_whole_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
