#include <vml/arch.h>
#include <vml/state.h>

void vml_state_writer_init(struct vml_state_writer *w, void *buffer, size_t size)
{
    memset(w, 0, sizeof(*w));
    w->buffer = buffer;
    w->size = buffer == NULL ? 0 : size;
}

/* Counts `len` bytes; where they go, or NULL when there is no place or an error before. */
static uint8_t *reserve(struct vml_state_writer *w, size_t len)
{
    size_t at = w->used;

    if (w->status != VML_OK && w->status != VML_ERR_NO_SPACE) {
        return NULL;
    }
    if (__builtin_add_overflow(at, len, &w->used)) {
        w->status = VML_ERR_RANGE;
        return NULL;
    }
    if (w->buffer == NULL) {
        return NULL;
    }
    if (w->used > w->size) {
        w->status = VML_ERR_NO_SPACE;
    }
    return w->status == VML_OK ? w->buffer + at : NULL;
}

void vml_state_begin(struct vml_state_writer *w, uint32_t tag, uint16_t version)
{
    uint8_t *header;

    if (w->depth == VML_STATE_MAX_DEPTH) {
        w->status = VML_ERR_STATE;
        return;
    }
    w->open[w->depth++] = w->used;
    header = reserve(w, VML_STATE_HEADER_SIZE);
    if (header != NULL) {
        vml_store_le32(header, tag);
        vml_store_le16(header + 4, version);
        vml_store_le16(header + 6, 0);
        vml_store_le32(header + 8, 0);
    }
}

void vml_state_end(struct vml_state_writer *w)
{
    size_t start;
    size_t len;

    if (w->depth == 0) {
        w->status = VML_ERR_STATE;
        return;
    }
    start = w->open[--w->depth];
    if (w->status != VML_OK) {
        return;
    }
    len = w->used - start - VML_STATE_HEADER_SIZE;
    if (len > UINT32_MAX) {
        w->status = VML_ERR_RANGE;
    } else if (w->buffer != NULL) {
        vml_store_le32(w->buffer + start + 8, (uint32_t)len);
    }
}

void vml_state_put_u8(struct vml_state_writer *w, uint8_t v)
{
    uint8_t *p = reserve(w, 1);

    if (p != NULL) {
        *p = v;
    }
}

void vml_state_put_u16(struct vml_state_writer *w, uint16_t v)
{
    uint8_t *p = reserve(w, 2);

    if (p != NULL) {
        vml_store_le16(p, v);
    }
}

void vml_state_put_u32(struct vml_state_writer *w, uint32_t v)
{
    uint8_t *p = reserve(w, 4);

    if (p != NULL) {
        vml_store_le32(p, v);
    }
}

void vml_state_put_u64(struct vml_state_writer *w, uint64_t v)
{
    uint8_t *p = reserve(w, 8);

    if (p != NULL) {
        vml_store_le64(p, v);
    }
}

void vml_state_put_bool(struct vml_state_writer *w, bool v)
{
    vml_state_put_u8(w, v ? 1 : 0);
}

void vml_state_put_bytes(struct vml_state_writer *w, const void *bytes, size_t len)
{
    uint8_t *p = reserve(w, len);

    if (p != NULL && len != 0) {
        memcpy(p, bytes, len);
    }
}

enum vml_status vml_state_write_status(const struct vml_state_writer *w)
{
    if (w->status == VML_OK && w->depth != 0) {
        return VML_ERR_STATE;
    }
    return w->status;
}
