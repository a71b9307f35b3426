/*
 * Taking a chain of any kind, and what is an error. Each descriptor is read as two words, each loaded
 * once.
 */
#include "ring.h"

static inline uint16_t split_flags(uint64_t word)
{
    return (uint16_t)(word >> SPLIT_FLAGS_SHIFT);
}

static inline uint16_t packed_flags(uint64_t word)
{
    return (uint16_t)(word >> PACKED_FLAGS_SHIFT);
}

VML_COLD enum vml_status virtq_break(struct vml_virtq *vq)
{
    atomic_store_explicit(&vq->condition, VML_VIRTQ_BROKEN, memory_order_relaxed);
    vq->pop = virtq_pop_none;
    return VML_ERR_CORRUPT;
}

enum vml_status virtq_pop_none(struct vml_virtq *vq, struct vml_virtq_chain *chain)
{
    (void)chain;
    return virtq_condition(vq) == VML_VIRTQ_BROKEN ? VML_ERR_CORRUPT : VML_ERR_AGAIN;
}

struct walk {
    struct vml_virtq *vq;
    struct vml_virtq_chain *chain;
    const uint8_t *table; /* of descriptors: the ring, or an indirect table */
    uint32_t entries;     /* of the table */
    uint32_t bufs;        /* used so far */
    uint32_t steps;       /* descriptors seen */
};

static bool append(struct walk *w, uint64_t address, uint32_t len, bool write)
{
    if (w->chain->writable != 0 && !write) {
        return false; /* 2.7.4.2: readable ones come first */
    }
    while (len != 0) {
        uint64_t piece = len;
        uint8_t *host = virtq_span(w->vq, address, &piece, write);

        if (!host || w->bufs == w->vq->max_bufs) {
            return false;
        }
        w->chain->bufs[w->bufs].host = host;
        w->chain->bufs[w->bufs].len = (uint32_t)piece;
        w->bufs++;
        if (write) {
            w->chain->writable++;
        } else {
            w->chain->readable++;
        }
        address += piece;
        len -= (uint32_t)piece;
    }
    return true;
}

/* Enters the indirect table that a descriptor points to. */
static bool enter_table(struct walk *w, uint64_t address, uint32_t len)
{
    uint64_t piece = len;
    const uint8_t *table;

    /* 2.7.5.3: a table's length is a multiple of a descriptor's; there is no table in a table. */
    if (!w->vq->indirect || w->table != w->vq->desc || len == 0 || len % DESC_SIZE != 0 ||
        len / DESC_SIZE > VML_VIRTQ_MAX_SIZE) {
        return false;
    }
    table = virtq_span(w->vq, address, &piece, false);
    if (!table || piece != len) {
        return false;
    }
    w->table = table;
    w->entries = len / DESC_SIZE;
    return true;
}

/* A table may be anywhere in memory (2.7.5.3); each byte is read once. */
static uint64_t load_anywhere(const uint8_t *p)
{
    uint64_t value = 0;

    if (((uintptr_t)p & 7u) == 0) {
        return ring_load64(p);
    }
    for (unsigned i = 0; i < 8; i++) {
        value |= (uint64_t)__atomic_load_n(p + i, __ATOMIC_RELAXED) << (8 * i);
    }
    return value;
}

static bool walk_split(struct walk *w, uint32_t index)
{
    for (;;) {
        const uint8_t *desc = w->table + (size_t)index * DESC_SIZE;
        uint64_t address = load_anywhere(desc);
        uint64_t word = load_anywhere(desc + 8);
        uint16_t flags = split_flags(word);

        if (flags & DESC_F_INDIRECT) {
            if ((flags & DESC_F_NEXT) || !enter_table(w, address, (uint32_t)word)) {
                return false;
            }
            index = 0;
            continue;
        }
        if (w->steps++ == w->vq->size ||
            !append(w, address, (uint32_t)word, (flags & DESC_F_WRITE) != 0)) {
            return false;
        }
        if (!(flags & DESC_F_NEXT)) {
            return true;
        }
        index = (uint32_t)(word >> 48);
        if (index >= w->entries) {
            return false;
        }
    }
}

/* All entries of a packed queue's table are one chain; no flag but WRITE means anything (2.8.7). */
static bool walk_packed_table(struct walk *w)
{
    if (w->entries > w->vq->size) {
        return false;
    }
    for (uint32_t i = 0; i < w->entries; i++) {
        const uint8_t *desc = w->table + (size_t)i * DESC_SIZE;
        uint64_t address = load_anywhere(desc);
        uint64_t word = load_anywhere(desc + 8);

        if (!append(w, address, (uint32_t)word, (packed_flags(word) & DESC_F_WRITE) != 0)) {
            return false;
        }
    }
    return true;
}

static bool walk_packed(struct walk *w, uint32_t index)
{
    for (;;) {
        const uint8_t *desc = w->vq->desc + (size_t)index * DESC_SIZE;
        uint64_t address = ring_load64(desc);
        uint64_t word = ring_load64(desc + 8);
        uint16_t flags = packed_flags(word);

        if (w->steps++ == w->vq->size) {
            return false;
        }
        w->chain->id = (uint16_t)(word >> 32);
        w->chain->slots = (uint16_t)w->steps;
        if (flags & DESC_F_INDIRECT) {
            return !(flags & DESC_F_NEXT) && enter_table(w, address, (uint32_t)word) &&
                   walk_packed_table(w);
        }
        if (!append(w, address, (uint32_t)word, (flags & DESC_F_WRITE) != 0)) {
            return false;
        }
        if (!(flags & DESC_F_NEXT)) {
            return true;
        }
        index = index + 1 == w->vq->size ? 0 : index + 1;
    }
}

VML_COLD enum vml_status virtq_walk_any(struct vml_virtq *vq, struct vml_virtq_chain *chain,
                                        uint32_t index)
{
    struct walk w = {.vq = vq, .chain = chain, .table = vq->desc, .entries = vq->size};

    chain->readable = 0;
    chain->writable = 0;
    chain->id = (uint16_t)index;
    chain->slots = 1;
    if (vq->packed ? !walk_packed(&w, index) : !walk_split(&w, index)) {
        return virtq_break(vq);
    }
    return VML_OK;
}
