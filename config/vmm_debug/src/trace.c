/*
 * A ring has one writer.  A reader copies events while the writer may go round: it looks at the head
 * again afterwards, and drops what may have been overwritten.  The words of an event are stored with
 * release and loaded with acquire, so that who saw a word of a newer event also sees that its writing
 * has begun.
 *
 * Lock order: other_lock alone.
 */
#include <vml/debug.h>

#define WORDS (sizeof(struct vml_trace_event) / sizeof(uint64_t))

/* Set in the head while the event after it is being written. */
#define BUSY (UINT64_C(1) << 63)

_Static_assert(sizeof(struct vml_trace_event) == 32, "an event is four words");

static void ring_write(struct vml_trace_ring *ring, const struct vml_trace_event *event)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t *to = (uint64_t *)(void *)&ring->events[head & (ring->capacity - 1)];
    uint64_t words[WORDS];

    memcpy(words, event, sizeof(words));
    atomic_store_explicit(&ring->head, head | BUSY, memory_order_relaxed);
    for (size_t i = 0; i < WORDS; i++) {
        __atomic_store_n(&to[i], words[i], __ATOMIC_RELEASE);
    }
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

void vml_trace_write(struct vml_debug *debug, uint32_t cpu, enum vml_trace_kind kind, uint64_t a,
                     uint64_t b, uint32_t c)
{
    struct vml_trace_event event = {
        .time_ns = vml_platform_time_ns(),
        .a = a,
        .b = b,
        .c = c,
        .kind = (uint16_t)kind,
        .cpu = cpu < debug->cpus ? (uint16_t)cpu : UINT16_MAX,
    };

    if (cpu < debug->cpus) {
        ring_write(&debug->rings[cpu], &event);
        return;
    }
    vml_mutex_lock(&debug->other_lock);
    ring_write(&debug->rings[debug->cpus], &event);
    vml_mutex_unlock(&debug->other_lock);
}

size_t vml_trace_read(struct vml_debug *debug, uint32_t index, struct vml_trace_event *out,
                      size_t max)
{
    const struct vml_trace_ring *ring;
    uint64_t head;
    uint64_t first;
    uint64_t oldest;
    size_t count;

    if (debug->rings == NULL || index > debug->cpus || max == 0) {
        return 0;
    }
    ring = &debug->rings[index];
    head = atomic_load_explicit(&ring->head, memory_order_acquire) & ~BUSY;
    first = head > ring->capacity ? head - ring->capacity : 0;
    if (head - first > max) {
        first = head - max;
    }
    count = (size_t)(head - first);
    for (size_t i = 0; i < count; i++) {
        const uint64_t *from =
            (const uint64_t *)(const void *)&ring->events[(first + i) & (ring->capacity - 1)];
        uint64_t words[WORDS];

        for (size_t word = 0; word < WORDS; word++) {
            words[word] = __atomic_load_n(&from[word], __ATOMIC_ACQUIRE);
        }
        memcpy(&out[i], words, sizeof(words));
    }
    head = atomic_load_explicit(&ring->head, memory_order_acquire);
    head = (head & ~BUSY) + (head >> 63);
    oldest = head > ring->capacity ? head - ring->capacity : 0;
    if (oldest > first) {
        size_t lost = (size_t)vml_min_u64(oldest - first, count);

        count -= lost;
        memmove(out, out + lost, count * sizeof(*out));
    }
    return count;
}

const char *vml_trace_kind_name(enum vml_trace_kind kind)
{
    static const char *const names[] = {
        [VML_TRACE_NONE] = "?",
        [VML_TRACE_BUS_READ] = "bus read",
        [VML_TRACE_BUS_WRITE] = "bus write",
        [VML_TRACE_IRQ_RAISE] = "irq raise",
        [VML_TRACE_IRQ_ACK] = "irq acknowledge",
        [VML_TRACE_IRQ_EOI] = "irq end",
        [VML_TRACE_IRQ_OUTPUT] = "irq output",
        [VML_TRACE_MSI] = "msi",
        [VML_TRACE_CPU_STATE] = "cpu state",
        [VML_TRACE_CPU_ENTER] = "cpu enter",
        [VML_TRACE_CPU_EXIT] = "cpu exit",
        [VML_TRACE_FIRMWARE] = "firmware call",
        [VML_TRACE_QUEUE_NOTIFY] = "queue notify",
        [VML_TRACE_QUEUE_USED] = "queue used",
        [VML_TRACE_TIMER_ARM] = "timer arm",
        [VML_TRACE_TIMER_FIRE] = "timer fire",
        [VML_TRACE_SYSREG_READ] = "sysreg read",
        [VML_TRACE_SYSREG_WRITE] = "sysreg write",
    };

    if ((unsigned)kind >= VML_TRACE_USER) {
        return "user";
    }
    return (unsigned)kind < VML_ARRAY_SIZE(names) ? names[kind] : "?";
}
