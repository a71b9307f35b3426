/* The buffer may be hostile: every length is compared with what is left before it is used. */
#include <vml/arch.h>
#include <vml/state.h>

struct header {
    uint32_t tag;
    uint16_t version;
    uint16_t flags;
    uint32_t len;
};

void vml_state_reader_init(struct vml_state_reader *r, const void *buffer, size_t size)
{
    memset(r, 0, sizeof(*r));
    r->buffer = buffer;
    r->size = buffer == NULL ? 0 : size;
}

void vml_state_fail(struct vml_state_reader *r, enum vml_status status)
{
    if (r->status == VML_OK) {
        r->status = status;
    }
}

/* Bytes left in the record that is entered, or in the buffer. */
static size_t left(const struct vml_state_reader *r)
{
    return (r->depth == 0 ? r->size : r->end[r->depth - 1]) - r->pos;
}

static const uint8_t *take(struct vml_state_reader *r, size_t len)
{
    const uint8_t *p;

    if (r->status != VML_OK) {
        return NULL;
    }
    if (len > left(r)) {
        r->status = VML_ERR_CORRUPT;
        return NULL;
    }
    p = r->buffer + r->pos;
    r->pos += len;
    return p;
}

/* Reads a header whose record lies within what is left. */
static bool take_header(struct vml_state_reader *r, struct header *header)
{
    const uint8_t *p = take(r, VML_STATE_HEADER_SIZE);

    if (p == NULL) {
        return false;
    }
    header->tag = vml_load_le32(p);
    header->version = vml_load_le16(p + 4);
    header->flags = vml_load_le16(p + 6);
    header->len = vml_load_le32(p + 8);
    /* No flags are defined: a set one says something that this reader would miss. */
    if (header->version == 0 || header->flags != 0 || header->len > left(r)) {
        r->status = VML_ERR_CORRUPT;
        return false;
    }
    return true;
}

uint16_t vml_state_enter(struct vml_state_reader *r, uint32_t tag, uint16_t max_version)
{
    struct header header;

    if (!take_header(r, &header)) {
        return 0;
    }
    if (header.tag != tag || r->depth == VML_STATE_MAX_DEPTH) {
        r->status = VML_ERR_CORRUPT;
        return 0;
    }
    if (header.version > max_version) {
        r->status = VML_ERR_VERSION;
        return 0;
    }
    r->end[r->depth++] = r->pos + header.len;
    return header.version;
}

uint32_t vml_state_peek(struct vml_state_reader *r)
{
    if (r->status != VML_OK || left(r) < VML_STATE_HEADER_SIZE) {
        return 0;
    }
    return vml_load_le32(r->buffer + r->pos);
}

void vml_state_skip(struct vml_state_reader *r)
{
    struct header header;

    if (take_header(r, &header)) {
        r->pos += header.len;
    }
}

void vml_state_leave(struct vml_state_reader *r)
{
    if (r->status != VML_OK) {
        return;
    }
    if (r->depth == 0) {
        r->status = VML_ERR_STATE;
    } else if (left(r) != 0) {
        r->status = VML_ERR_CORRUPT;
    } else {
        r->depth--;
    }
}

uint8_t vml_state_get_u8(struct vml_state_reader *r)
{
    const uint8_t *p = take(r, 1);

    return p == NULL ? 0 : *p;
}

uint16_t vml_state_get_u16(struct vml_state_reader *r)
{
    const uint8_t *p = take(r, 2);

    return p == NULL ? 0 : vml_load_le16(p);
}

uint32_t vml_state_get_u32(struct vml_state_reader *r)
{
    const uint8_t *p = take(r, 4);

    return p == NULL ? 0 : vml_load_le32(p);
}

uint64_t vml_state_get_u64(struct vml_state_reader *r)
{
    const uint8_t *p = take(r, 8);

    return p == NULL ? 0 : vml_load_le64(p);
}

bool vml_state_get_bool(struct vml_state_reader *r)
{
    uint8_t v = vml_state_get_u8(r);

    if (v > 1) {
        vml_state_fail(r, VML_ERR_CORRUPT);
        return false;
    }
    return v == 1;
}

void vml_state_get_bytes(struct vml_state_reader *r, void *bytes, size_t len)
{
    const uint8_t *p = take(r, len);

    if (len == 0) {
        return;
    }
    if (p == NULL) {
        memset(bytes, 0, len);
    } else {
        memcpy(bytes, p, len);
    }
}

enum vml_status vml_state_read_status(const struct vml_state_reader *r)
{
    return r->status;
}
