/* Starting and stopping queues, what both formats share, the used side, and notifications. virtio 1.3, 2.7 and 2.8. */
#include "ring.h"

/* Packed: no descriptor waits to be published; flags of a used one, as they lie beside its id. */
#define NONE_USED  0xffffu
#define USED_FLAGS ((uint32_t)(DESC_F_AVAIL | DESC_F_USED) << 16)

static void push_none(struct vml_virtq *vq, const struct vml_virtq_chain *chain, uint32_t written);
static void push_split(struct vml_virtq *vq, const struct vml_virtq_chain *chain, uint32_t written);
static void push_packed(struct vml_virtq *vq, const struct vml_virtq_chain *chain,
                        uint32_t written);

enum vml_status vml_virtq_init(struct vml_virtq *vq, const struct vml_virtq_config *config)
{
    if (!config->as || config->max_bufs == 0) {
        return VML_ERR_INVALID;
    }
    memset(vq, 0, sizeof(*vq));
    vq->config = *config;
    vq->max_bufs = config->max_bufs;
    vq->tracking = &config->as->tracking;
    vq->pop = virtq_pop_none;
    vq->push = push_none;
    atomic_store_explicit(&vq->condition, VML_VIRTQ_STOPPED, memory_order_relaxed);
    return VML_OK;
}

/* Addresses. */

void virtq_move_window(struct vml_virtq *vq, uint64_t gpa)
{
    const struct vml_as_region *region;

    if (vq->translated) {
        return;
    }
    region = vml_as_find(vq->config.as, gpa);
    if (!region || (region->flags & VML_AS_READONLY) || region->size <= WINDOW_SLACK ||
        ((uintptr_t)region->host & 15u) != 0) {
        return;
    }
    vq->window_base = region->base;
    vq->window_limit = region->size - WINDOW_SLACK;
    vq->window_host = region->host;
}

uint8_t *virtq_span(struct vml_virtq *vq, uint64_t address, uint64_t *len, bool write)
{
    uint64_t gpa = address;

    if (vml_range_wraps(address, *len)) {
        return NULL;
    }
    if (vq->translated && vq->config.translate) {
        uint64_t wanted = *len;

        if (!vq->config.translate(vq->config.translate_context, address, len, write, &gpa) ||
            *len == 0 || *len > wanted || vml_range_wraps(gpa, *len)) {
            return NULL;
        }
    } else {
        virtq_move_window(vq, gpa);
    }
    return vml_as_span(vq->config.as, gpa, len, write ? VML_AS_WRITE : VML_AS_READ);
}

void virtq_mark_host(struct vml_virtq *vq, const uint8_t *host, uint64_t len)
{
    const struct vml_as_table *table =
        atomic_load_explicit(&vq->config.as->table, memory_order_acquire);

    for (uint32_t i = 0; len != 0 && i < table->count; i++) {
        const struct vml_as_region *region = table->regions[i];
        uint64_t offset = (uint64_t)((uintptr_t)host - (uintptr_t)region->host);

        if (offset < region->size) {
            vml_as_mark_dirty(vq->config.as, region->base + offset,
                              vml_min_u64(len, region->size - offset));
            return;
        }
    }
}

/* One of the three areas: all of it in one piece, aligned in the host too. */
static uint8_t *map_area(struct vml_virtq *vq, uint64_t address, uint64_t size, bool write,
                         uint64_t alignment)
{
    uint64_t len = size;
    uint8_t *host = virtq_span(vq, address, &len, write);

    return host && len == size && ((uintptr_t)host & (alignment - 1)) == 0 ? host : NULL;
}

static enum vml_status map_rings(struct vml_virtq *vq, const struct vml_virtq_layout *l)
{
    uint64_t driver_size = l->packed ? EVENT_AREA_SIZE : AVAIL_RING_SIZE(l->size);
    uint64_t device_size = l->packed ? EVENT_AREA_SIZE : USED_RING_SIZE(l->size);

    vq->translated = l->translated;
    vq->window_limit = 0;
    vq->desc = map_area(vq, l->desc, (uint64_t)l->size * DESC_SIZE, l->packed, 8);
    vq->driver = map_area(vq, l->driver, driver_size, false, 2);
    vq->device = map_area(vq, l->device, device_size, true, 4);
    if (!vq->desc || !vq->driver || !vq->device) {
        return VML_ERR_RANGE;
    }
    vq->heads = vq->driver + AVAIL_ENTRY(0);
    vq->max_chain = l->size < vq->max_bufs ? l->size : vq->max_bufs;
    vq->last_short =
        vq->max_chain < SHORT_CHAIN ? NULL : vq->desc + (size_t)(l->size - SHORT_CHAIN) * DESC_SIZE;
    return VML_OK;
}

enum vml_status vml_virtq_start(struct vml_virtq *vq, const struct vml_virtq_layout *layout)
{
    enum vml_status status;

    vml_virtq_stop(vq);
    if (layout->size == 0 || layout->size > VML_VIRTQ_MAX_SIZE ||
        (!layout->packed && !vml_is_pow2(layout->size)) || (layout->desc & 15u) != 0 ||
        (layout->driver & (layout->packed ? 3u : 1u)) != 0 || (layout->device & 3u) != 0) {
        return VML_ERR_INVALID;
    }
    status = map_rings(vq, layout);
    if (status != VML_OK) {
        vml_virtq_stop(vq);
        return status;
    }
    vq->layout = *layout;
    vq->size = layout->size;
    vq->mask = layout->size - 1;
    vq->odd = SPLIT_KIND | (uint64_t)(0xffffu & ~vq->mask) << 48;
    vq->odd_head = vq->max_chain < SHORT_CHAIN ? UINT64_MAX : vq->odd & ~SPLIT_NEXT;
    vq->pop = layout->packed ? virtq_pop_packed : virtq_pop_split;
    vq->push = layout->packed ? push_packed : push_split;
    vq->packed = layout->packed;
    vq->indirect = layout->indirect;
    vq->event_idx = layout->event_idx;
    vq->next_avail = 0;
    vq->avail_seen = 0;
    vq->avail_wrap = true;
    vq->avail_pattern = (uint64_t)DESC_F_AVAIL << PACKED_FLAGS_SHIFT;
    vq->next_used = 0;
    vq->published = 0;
    vq->first_used = NONE_USED;
    vq->used_flags = USED_FLAGS;
    atomic_store_explicit(&vq->condition, VML_VIRTQ_RUNS, memory_order_relaxed);
    return VML_OK;
}

void vml_virtq_stop(struct vml_virtq *vq)
{
    atomic_store_explicit(&vq->condition, VML_VIRTQ_STOPPED, memory_order_relaxed);
    vq->pop = virtq_pop_none;
    vq->push = push_none;
    vq->size = 0;
    vq->desc = NULL;
    vq->heads = NULL;
    vq->driver = NULL;
    vq->device = NULL;
    vq->window_limit = 0;
    vq->packed = false;
    vq->next_avail = 0;
    vq->avail_seen = 0;
    vq->next_used = 0;
    vq->published = 0;
    vq->first_used = NONE_USED;
}

enum vml_status vml_virtq_retranslate(struct vml_virtq *vq)
{
    enum vml_status status;

    if (vq->size == 0) {
        return VML_OK;
    }
    status = map_rings(vq, &vq->layout);
    if (status != VML_OK) {
        vml_virtq_stop(vq);
    }
    return status;
}

/* Driver side. */

void vml_virtq_rewind(struct vml_virtq *vq, const struct vml_virtq_chain *chain)
{
    if (!vq->packed) {
        vq->next_avail--;
        return;
    }
    if (vq->next_avail < chain->slots) {
        vq->avail_wrap = !vq->avail_wrap;
        vq->avail_pattern ^= PACKED_STATE;
        vq->next_avail = (uint16_t)(vq->next_avail + vq->size - chain->slots);
    } else {
        vq->next_avail = (uint16_t)(vq->next_avail - chain->slots);
    }
}

bool vml_virtq_available(struct vml_virtq *vq)
{
    if (virtq_condition(vq) != VML_VIRTQ_RUNS) {
        return virtq_condition(vq) == VML_VIRTQ_BROKEN;
    }
    if (vq->packed) {
        uint64_t word = ring_load64_acquire(vq->desc + (size_t)vq->next_avail * DESC_SIZE + 8);

        return ((word ^ vq->avail_pattern) & PACKED_STATE) == 0;
    }
    return vq->next_avail != vq->avail_seen || virtq_look_split(vq) != VML_ERR_AGAIN;
}

/* Used side. */

VML_COLD void vml_virtq_mark_written(struct vml_virtq *vq, const struct vml_virtq_chain *chain)
{
    for (uint32_t i = 0; i < chain->writable; i++) {
        const struct vml_virtq_buf *buf = &chain->bufs[chain->readable + i];

        virtq_mark_host(vq, buf->host, buf->len);
    }
}

static inline bool is_tracking(const struct vml_virtq *vq)
{
    return VML_UNLIKELY(atomic_load_explicit(vq->tracking, memory_order_relaxed) != 0);
}

static void push_none(struct vml_virtq *vq, const struct vml_virtq_chain *chain, uint32_t written)
{
    (void)vq;
    (void)chain;
    (void)written;
}

/*
 * Only the flags of the first unpublished descriptor are held back: the driver, which looks at
 * descriptors in order, does not look at the others before it sees that one used.
 */
static void push_packed(struct vml_virtq *vq, const struct vml_virtq_chain *chain, uint32_t written)
{
    uint32_t index = vq->next_used;
    uint8_t *desc = vq->desc + (size_t)index * DESC_SIZE;
    /* Flags in the upper half. */
    uint32_t rest = chain->id | vq->used_flags | (chain->writable != 0 ? DESC_F_WRITE << 16 : 0u);

    ring_store32(desc + 8, written);
    if (VML_UNLIKELY(vq->first_used == NONE_USED)) {
        vq->first_used = (uint16_t)index;
        vq->first_flags = (uint16_t)(rest >> 16);
        ring_store16(desc + 12, chain->id);
    } else {
        ring_store32(desc + 12, rest);
    }
    index += chain->slots;
    if (VML_UNLIKELY(index >= vq->size)) {
        index -= vq->size;
        vq->used_flags ^= USED_FLAGS;
    }
    vq->next_used = (uint16_t)index;
}

static void push_split(struct vml_virtq *vq, const struct vml_virtq_chain *chain, uint32_t written)
{
    uint32_t index = vq->next_used;

    uint64_t element = LE64(chain->id | (uint64_t)written << 32);

    /* Aligned to four bytes only; the driver does not look at it before the index moves. */
    memcpy(vq->device + USED_ENTRY(index & vq->mask), &element, sizeof(element));
    vq->next_used = (uint16_t)(index + 1);
}

static VML_COLD void mark_rings(struct vml_virtq *vq)
{
    uint64_t size = vq->packed ? (uint64_t)vq->size * DESC_SIZE : USED_RING_SIZE(vq->size);

    virtq_mark_host(vq, vq->packed ? vq->desc : vq->device, size);
}

/* 2.7.10: the event index lies among those just published. */
static inline bool need_event(uint16_t event, uint16_t new_index, uint16_t old_index)
{
    return (uint16_t)(new_index - event - 1) < (uint16_t)(new_index - old_index);
}

static bool packed_wants_interrupt(struct vml_virtq *vq, uint32_t first)
{
    uint16_t flags = ring_load16(vq->driver + 2) & 3u;
    uint16_t event;

    if (flags == EVENT_DISABLE) {
        return false;
    }
    if (flags != EVENT_DESC || !vq->event_idx) {
        return true;
    }
    event = ring_load16(vq->driver);
    /* An index of the lap before counts from below zero. */
    return need_event(
        (uint16_t)((event & 0x7fffu) - ((event >> 15) != (vq->used_flags >> 31) ? vq->size : 0u)),
        vq->next_used, (uint16_t)(first - (first >= vq->next_used ? vq->size : 0u)));
}

bool vml_virtq_publish(struct vml_virtq *vq)
{
    if (vq->packed) {
        uint32_t first = vq->first_used;

        if (first == NONE_USED) {
            return false;
        }
        ring_store16_release(vq->desc + (size_t)first * DESC_SIZE + 14, vq->first_flags);
        vq->first_used = NONE_USED;
        if (is_tracking(vq)) {
            mark_rings(vq);
        }
        /* The driver sets its flags and then looks at the ring: so we write the ring, then look. */
        vml_barrier_full();
        return packed_wants_interrupt(vq, first);
    }

    uint16_t old = vq->published;

    if (old == vq->next_used) {
        return false;
    }
    ring_store16_release(vq->device + 2, vq->next_used);
    vq->published = vq->next_used;
    if (is_tracking(vq)) {
        mark_rings(vq);
    }
    vml_barrier_full();
    if (vq->event_idx) {
        return need_event(ring_load16(vq->driver + AVAIL_ENTRY(vq->size)), vq->next_used, old);
    }
    return !(ring_load16(vq->driver) & AVAIL_F_NO_INTERRUPT);
}

/* Notifications. */

static void write_device_area(struct vml_virtq *vq, size_t offset, uint16_t value)
{
    ring_store16(vq->device + offset, value);
    if (is_tracking(vq)) {
        virtq_mark_host(vq, vq->device + offset, 2);
    }
}

void vml_virtq_disable_notify(struct vml_virtq *vq)
{
    if (vq->size == 0) {
        return;
    }
    if (vq->packed) {
        write_device_area(vq, 2, EVENT_DISABLE);
    } else if (!vq->event_idx) {
        write_device_area(vq, 0, USED_F_NO_NOTIFY);
    }
    /* With event indexes a split driver does not notify until it passes the index written last. */
}

bool vml_virtq_enable_notify(struct vml_virtq *vq)
{
    if (vq->size == 0) {
        return false;
    }
    if (vq->packed) {
        if (vq->event_idx) {
            write_device_area(vq, 0, (uint16_t)(vq->next_avail | (vq->avail_wrap ? 0x8000u : 0u)));
            vml_barrier_write();
        }
        write_device_area(vq, 2, vq->event_idx ? EVENT_DESC : EVENT_ENABLE);
    } else if (vq->event_idx) {
        write_device_area(vq, USED_ENTRY(vq->size), vq->next_avail);
    } else {
        write_device_area(vq, 0, 0);
    }
    vml_barrier_full();
    return vml_virtq_available(vq);
}

/* Positions. */

struct vml_virtq_position vml_virtq_position(const struct vml_virtq *vq)
{
    return (struct vml_virtq_position){
        .next_avail = vq->next_avail,
        .next_used = vq->next_used,
        .avail_wrap = vq->packed && vq->avail_wrap,
        .used_wrap = vq->packed && vq->used_flags != 0,
    };
}

enum vml_status vml_virtq_set_position(struct vml_virtq *vq,
                                       const struct vml_virtq_position *position)
{
    if (vq->packed) {
        if (position->next_avail >= vq->size || position->next_used >= vq->size) {
            return VML_ERR_CORRUPT;
        }
        vq->avail_wrap = position->avail_wrap;
        vq->used_flags = position->used_wrap ? USED_FLAGS : 0;
        vq->avail_pattern = (uint64_t)(position->avail_wrap ? DESC_F_AVAIL : DESC_F_USED)
                            << PACKED_FLAGS_SHIFT;
    } else if ((uint16_t)(position->next_avail - position->next_used) > vq->size) {
        return VML_ERR_CORRUPT;
    }
    vq->next_avail = position->next_avail;
    vq->avail_seen = position->next_avail;
    vq->next_used = position->next_used;
    vq->published = position->next_used;
    vq->first_used = NONE_USED;
    return VML_OK;
}
