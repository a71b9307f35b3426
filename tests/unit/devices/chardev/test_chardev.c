/* The character interface with nobody at the other end, and the ring at its edges. */
#include "test.h"
#include <vml/chardev.h>
#include <vml/chardev_ring.h>

static void nobody_takes_everything(void **state)
{
    struct vml_chardev nobody = {0};
    static const struct vml_chardev_ops empty_ops;
    struct vml_chardev mute = {.ops = &empty_ops};

    assert_int_equal(vml_chardev_push(&nobody, (const uint8_t *)"abc", 3), 3);
    assert_int_equal(vml_chardev_push(&mute, (const uint8_t *)"abc", 3), 3);
    vml_chardev_ready(&nobody);
    vml_chardev_ready(&mute);
    vml_chardev_event(&nobody, VML_CHARDEV_BREAK);
    vml_chardev_event(&mute, VML_CHARDEV_OPENED);
}

struct heard {
    uint8_t bytes[8];
    size_t len, room;
    unsigned ready;
    enum vml_chardev_event event;
};

static size_t heard_push(void *context, const uint8_t *bytes, size_t len)
{
    struct heard *h = context;
    size_t n = len < h->room ? len : h->room;

    memcpy(h->bytes, bytes, n);
    h->len = n;
    return n;
}

static void heard_ready(void *context)
{
    ((struct heard *)context)->ready++;
}

static void heard_event(void *context, enum vml_chardev_event event)
{
    ((struct heard *)context)->event = event;
}

static void calls_reach_the_end(void **state)
{
    static const struct vml_chardev_ops ops = {heard_push, heard_ready, heard_event};
    struct heard h = {.room = 2};
    struct vml_chardev end = {&ops, &h};

    assert_int_equal(vml_chardev_push(&end, (const uint8_t *)"xyz", 3), 2);
    assert_memory_equal(h.bytes, "xy", 2);
    vml_chardev_ready(&end);
    assert_int_equal(h.ready, 1);
    vml_chardev_event(&end, VML_CHARDEV_BREAK);
    assert_int_equal(h.event, VML_CHARDEV_BREAK);
}

static void ring_refuses_bad_sizes(void **state)
{
    struct vml_char_ring ring;
    uint8_t storage[8];

    assert_int_equal(vml_char_ring_init(&ring, NULL, 8), VML_ERR_INVALID);
    assert_int_equal(vml_char_ring_init(&ring, storage, 0), VML_ERR_INVALID);
    assert_int_equal(vml_char_ring_init(&ring, storage, 6), VML_ERR_INVALID);
    assert_int_equal(vml_char_ring_init(&ring, storage, 8), VML_OK);
}

static void ring_keeps_order_across_every_wrap(void **state)
{
    for (uint32_t start = 0; start < 8; start++) {
        for (uint32_t len = 0; len <= 9; len++) {
            struct vml_char_ring ring;
            uint8_t storage[8], in[9], out[9];
            uint32_t fits = len < 8 ? len : 8;

            assert_int_equal(vml_char_ring_init(&ring, storage, 8), VML_OK);
            /* Counters that wrap at 2^32 are part of it. */
            atomic_store(&ring.head, UINT32_MAX - 4 + start);
            atomic_store(&ring.tail, UINT32_MAX - 4 + start);
            for (uint32_t i = 0; i < len; i++) {
                in[i] = (uint8_t)(0x40 + i);
            }
            assert_int_equal(vml_char_ring_put(&ring, in, len), fits);
            assert_int_equal(vml_char_ring_count(&ring), fits);
            assert_int_equal(vml_char_ring_room(&ring), 8 - fits);
            assert_int_equal(vml_char_ring_get(&ring, out, 9), fits);
            assert_memory_equal(out, in, fits);
            assert_int_equal(vml_char_ring_count(&ring), 0);
        }
    }
}

static void ring_peeks_without_taking(void **state)
{
    struct vml_char_ring ring;
    uint8_t storage[4];
    const uint8_t *p;

    assert_int_equal(vml_char_ring_init(&ring, storage, 4), VML_OK);
    assert_int_equal(vml_char_ring_peek(&ring, &p), 0);
    assert_int_equal(vml_char_ring_put(&ring, (const uint8_t *)"abcd", 4), 4);
    assert_int_equal(vml_char_ring_put(&ring, (const uint8_t *)"e", 1), 0);
    assert_int_equal(vml_char_ring_peek(&ring, &p), 4);
    assert_int_equal(p[0], 'a');
    vml_char_ring_drop(&ring, 3);
    assert_int_equal(vml_char_ring_put(&ring, (const uint8_t *)"ef", 2), 2);
    assert_int_equal(vml_char_ring_peek(&ring, &p), 1);
    assert_int_equal(p[0], 'd');
    vml_char_ring_clear(&ring);
    assert_int_equal(vml_char_ring_count(&ring), 0);
    assert_int_equal(vml_char_ring_room(&ring), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_takes_everything),
        cmocka_unit_test(calls_reach_the_end),
        cmocka_unit_test(ring_refuses_bad_sizes),
        cmocka_unit_test(ring_keeps_order_across_every_wrap),
        cmocka_unit_test(ring_peeks_without_taking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
