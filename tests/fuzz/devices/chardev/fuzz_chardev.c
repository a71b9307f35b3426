/*
 * The ring against an array that is shifted: bytes put, looked at, dropped and got in any order
 * come out once and in order, also where the counters wrap. First byte: size and where the counters
 * are; then two bytes an action.
 */
#include <stdlib.h>
#include <vml/chardev_ring.h>

#define MAX_SIZE 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rig {
    struct vml_char_ring ring;
    uint8_t storage[MAX_SIZE];
    uint8_t queue[MAX_SIZE];
    size_t count;
    uint8_t next;
};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void put(struct rig *r, size_t len)
{
    uint8_t bytes[255];
    size_t room = r->ring.size - r->count;
    size_t taken = len < room ? len : room;

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(r->next + i);
    }
    check(vml_char_ring_put(&r->ring, bytes, len) == taken);
    memcpy(r->queue + r->count, bytes, taken);
    r->count += taken;
    r->next = (uint8_t)(r->next + taken);
}

static void leave(struct rig *r, const uint8_t *bytes, size_t len)
{
    check(len <= r->count && memcmp(bytes, r->queue, len) == 0);
    r->count -= len;
    memmove(r->queue, r->queue + len, r->count);
}

static void get(struct rig *r, size_t len)
{
    uint8_t bytes[255];
    size_t got = vml_char_ring_get(&r->ring, bytes, len);

    check(got == (len < r->count ? len : r->count));
    leave(r, bytes, got);
}

static void peek_and_drop(struct rig *r, size_t len)
{
    const uint8_t *bytes;
    size_t seen = vml_char_ring_peek(&r->ring, &bytes);

    check((seen == 0) == (r->count == 0));
    len = len < seen ? len : seen;
    check(bytes >= r->storage && bytes + seen <= r->storage + r->ring.size);
    leave(r, bytes, len);
    vml_char_ring_drop(&r->ring, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig r = {.count = 0};

    if (size == 0) {
        return 0;
    }
    check(vml_char_ring_init(&r.ring, r.storage, 1u << data[0] % 7) == VML_OK);
    if (data[0] & 0x80) {
        atomic_store(&r.ring.head, UINT32_MAX - data[0] / 8 % 16);
        atomic_store(&r.ring.tail, UINT32_MAX - data[0] / 8 % 16);
    }
    for (size_t i = 1; i + 2 <= size; i += 2) {
        switch (data[i] % 8) {
        case 0:
        case 1:
        case 2:
            put(&r, data[i + 1]);
            break;
        case 3:
        case 4:
            get(&r, data[i + 1]);
            break;
        case 5:
        case 6:
            peek_and_drop(&r, data[i + 1]);
            break;
        default:
            vml_char_ring_clear(&r.ring);
            r.count = 0;
            break;
        }
        check(vml_char_ring_count(&r.ring) == r.count);
        check(vml_char_ring_room(&r.ring) == r.ring.size - r.count);
    }
    return 0;
}
