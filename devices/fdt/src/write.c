/*
 * The writer. Strings are collected at the end of the buffer, from its last byte downwards; until
 * the tree is finished, a property names its string by the distance from the end.
 */
#include "fdt.h"

static bool fail(struct vml_fdt *fdt, enum vml_status status)
{
    if (fdt->status == VML_OK) {
        fdt->status = status;
    }
    return false;
}

/* Room for `length` more bytes of the structure, or NULL. */
static uint8_t *take(struct vml_fdt *fdt, uint64_t length)
{
    uint8_t *at = fdt->buffer + fdt->used;
    uint64_t padded = (length + 3) & ~UINT64_C(3);

    if (fdt->status != VML_OK) {
        return NULL;
    }
    if (padded > fdt->size - fdt->strings - fdt->used) {
        (void)fail(fdt, VML_ERR_NO_SPACE);
        return NULL;
    }
    memset(at, 0, (size_t)padded);
    fdt->used += (uint32_t)padded;
    return at;
}

static void put_token(struct vml_fdt *fdt, enum token_kind kind)
{
    uint8_t *at = take(fdt, 4);

    if (at) {
        store_be32(at, kind);
    }
}

static uint64_t length_of(const char *text)
{
    uint64_t length = 0;

    while (text[length]) {
        length++;
    }
    return length;
}

/* The distance from the end of the buffer to a string, which is put there if it is new. */
static uint32_t intern(struct vml_fdt *fdt, const char *name)
{
    uint64_t length = length_of(name) + 1;
    uint32_t distance = fdt->strings;

    while (distance != 0) {
        const char *known = (const char *)fdt->buffer + fdt->size - distance;

        if (same_text(known, name)) {
            return distance;
        }
        distance -= (uint32_t)length_of(known) + 1;
    }
    if (length > fdt->size - fdt->strings - fdt->used) {
        (void)fail(fdt, VML_ERR_NO_SPACE);
        return 0;
    }
    fdt->strings += (uint32_t)length;
    memcpy(fdt->buffer + fdt->size - fdt->strings, name, (size_t)length);
    return fdt->strings;
}

void vml_fdt_begin(struct vml_fdt *fdt, void *buffer, uint32_t size)
{
    *fdt = (struct vml_fdt){.buffer = buffer, .size = size};
    (void)take(fdt, HEADER_SIZE);
}

static void put_reservation(struct vml_fdt *fdt, uint64_t address, uint64_t size)
{
    uint8_t *at = take(fdt, RESERVATION_SIZE);

    if (at) {
        store_be32(at, (uint32_t)(address >> 32));
        store_be32(at + 4, (uint32_t)address);
        store_be32(at + 8, (uint32_t)(size >> 32));
        store_be32(at + 12, (uint32_t)size);
    }
}

void vml_fdt_reserve(struct vml_fdt *fdt, uint64_t address, uint64_t size)
{
    if (fdt->structure != 0) {
        (void)fail(fdt, VML_ERR_STATE);
        return;
    }
    /* A size of zero would end the list. */
    if (size != 0) {
        put_reservation(fdt, address, size);
    }
}

void vml_fdt_node(struct vml_fdt *fdt, const char *name)
{
    uint64_t length = length_of(name) + 1;
    uint8_t *at;

    if (fdt->structure == 0) {
        put_reservation(fdt, 0, 0);
        fdt->structure = fdt->used;
    }
    if (fdt->complete) {
        (void)fail(fdt, VML_ERR_STATE);
    } else if (fdt->depth == VML_FDT_DEPTH) {
        (void)fail(fdt, VML_ERR_RANGE);
    }
    put_token(fdt, BEGIN_NODE);
    at = take(fdt, length);
    if (at) {
        memcpy(at, name, (size_t)length);
        fdt->depth++;
        fdt->closed = false;
    }
}

void vml_fdt_end_node(struct vml_fdt *fdt)
{
    if (fdt->depth == 0) {
        (void)fail(fdt, VML_ERR_STATE);
        return;
    }
    put_token(fdt, END_NODE);
    fdt->depth--;
    fdt->closed = true;
    fdt->complete = fdt->depth == 0;
}

void vml_fdt_property(struct vml_fdt *fdt, const char *name, const void *value, uint32_t length)
{
    uint32_t distance;
    uint8_t *at;

    if (fdt->depth == 0 || fdt->closed) {
        (void)fail(fdt, VML_ERR_STATE);
    }
    if (fdt->status != VML_OK) {
        return;
    }
    distance = intern(fdt, name);
    at = take(fdt, UINT64_C(12) + length);
    if (at) {
        store_be32(at, PROPERTY);
        store_be32(at + 4, length);
        store_be32(at + 8, distance);
        if (length != 0) {
            memcpy(at + 12, value, length);
        }
    }
}

void vml_fdt_u32(struct vml_fdt *fdt, const char *name, uint32_t value)
{
    vml_fdt_cells(fdt, name, &value, 1);
}

void vml_fdt_u64(struct vml_fdt *fdt, const char *name, uint64_t value)
{
    uint32_t cells[2] = {(uint32_t)(value >> 32), (uint32_t)value};

    vml_fdt_cells(fdt, name, cells, 2);
}

void vml_fdt_cells(struct vml_fdt *fdt, const char *name, const uint32_t *cells, uint32_t count)
{
    uint32_t start = fdt->used;

    if (count > UINT32_MAX / 4) {
        (void)fail(fdt, VML_ERR_NO_SPACE);
        return;
    }
    /* In place, since the cells are somebody's in another order. */
    vml_fdt_property(fdt, name, cells, count * 4);
    if (fdt->status == VML_OK) {
        for (uint32_t i = 0; i < count; i++) {
            store_be32(fdt->buffer + start + 12 + 4 * i, cells[i]);
        }
    }
}

void vml_fdt_string(struct vml_fdt *fdt, const char *name, const char *value)
{
    vml_fdt_property(fdt, name, value, (uint32_t)length_of(value) + 1);
}

/* From distances to offsets: the string that was put first is the last one of the block. */
static void fix_names(struct vml_fdt *fdt, uint32_t end)
{
    uint32_t at = fdt->structure;

    while (at < end) {
        uint8_t *p = fdt->buffer + at;
        uint32_t kind = load_be32(p);

        at += 4;
        if (kind == BEGIN_NODE) {
            at += ((uint32_t)length_of((const char *)p + 4) + 4) & ~3u;
        } else if (kind == PROPERTY) {
            store_be32(p + 8, fdt->strings - load_be32(p + 8));
            at += 8 + ((load_be32(p + 4) + 3) & ~3u);
        }
    }
}

enum vml_status vml_fdt_finish(struct vml_fdt *fdt, uint32_t *size)
{
    uint8_t *h = fdt->buffer;
    uint32_t total;

    if (!fdt->complete) {
        (void)fail(fdt, VML_ERR_STATE);
    }
    put_token(fdt, END);
    if (fdt->status != VML_OK) {
        return fdt->status;
    }
    fix_names(fdt, fdt->used);
    memmove(h + fdt->used, h + fdt->size - fdt->strings, fdt->strings);
    total = fdt->used + fdt->strings;
    store_be32(h + H_MAGIC, FDT_MAGIC);
    store_be32(h + H_TOTAL_SIZE, total);
    store_be32(h + H_OFF_STRUCT, fdt->structure);
    store_be32(h + H_OFF_STRINGS, fdt->used);
    store_be32(h + H_OFF_RESERVATIONS, HEADER_SIZE);
    store_be32(h + H_VERSION, VERSION);
    store_be32(h + H_LAST_COMPATIBLE, LAST_COMPATIBLE);
    store_be32(h + H_SIZE_STRINGS, fdt->strings);
    store_be32(h + H_SIZE_STRUCT, fdt->used - fdt->structure);
    *size = total;
    return VML_OK;
}
