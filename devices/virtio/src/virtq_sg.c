/* Copies between a chain and a flat buffer. */
#include <vml/virtq.h>

static uint64_t total(const struct vml_virtq_buf *bufs, uint32_t count)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += bufs[i].len;
    }
    return sum;
}

uint64_t vml_virtq_readable_len(const struct vml_virtq_chain *chain)
{
    return total(chain->bufs, chain->readable);
}

uint64_t vml_virtq_writable_len(const struct vml_virtq_chain *chain)
{
    return total(chain->bufs + chain->readable, chain->writable);
}

/*
 * Headers and short frames, which are most of what is copied, are not worth a call: their ends are
 * copied in pieces of a known size, which overlap.
 */
static VML_ALWAYS_INLINE void copy_piece(uint8_t *dst, const uint8_t *src, size_t len)
{
    if (len - 16 <= 64 - 16) {
        memcpy(dst, src, 16);
        if (len > 32) {
            memcpy(dst + 16, src + 16, 16);
            memcpy(dst + len - 32, src + len - 32, 16);
        }
        memcpy(dst + len - 16, src + len - 16, 16);
    } else if (len - 8 <= 16 - 8) {
        memcpy(dst, src, 8);
        memcpy(dst + len - 8, src + len - 8, 8);
    } else {
        memcpy(dst, src, len);
    }
}

/* The buffer in which a byte is; `offset` becomes the byte's in that buffer. */
static VML_ALWAYS_INLINE const struct vml_virtq_buf *
seek(const struct vml_virtq_buf *buf, const struct vml_virtq_buf *end, uint64_t *offset)
{
    while (buf != end && *offset >= buf->len) {
        *offset -= buf->len;
        buf++;
    }
    return buf;
}

size_t vml_virtq_copy_from(const struct vml_virtq_chain *chain, uint64_t offset, void *dst,
                           size_t len)
{
    const struct vml_virtq_buf *end = chain->bufs + chain->readable;
    const struct vml_virtq_buf *buf = seek(chain->bufs, end, &offset);
    uint8_t *out = dst;
    size_t left = len;

    for (; buf != end && left != 0; buf++) {
        size_t piece = (size_t)vml_min_u64(buf->len - offset, left);

        copy_piece(out, buf->host + offset, piece);
        out += piece;
        left -= piece;
        offset = 0;
    }
    return len - left;
}

size_t vml_virtq_copy_to(const struct vml_virtq_chain *chain, uint64_t offset, const void *src,
                         size_t len)
{
    const struct vml_virtq_buf *first = chain->bufs + chain->readable;
    const struct vml_virtq_buf *end = first + chain->writable;
    const struct vml_virtq_buf *buf = seek(first, end, &offset);
    const uint8_t *in = src;
    size_t left = len;

    for (; buf != end && left != 0; buf++) {
        size_t piece = (size_t)vml_min_u64(buf->len - offset, left);

        copy_piece(buf->host + offset, in, piece);
        in += piece;
        left -= piece;
        offset = 0;
    }
    return len - left;
}

struct vml_virtq_buf *vml_virtq_skip(struct vml_virtq_buf *bufs, uint16_t *count, uint64_t len)
{
    while (*count > 0 && len >= bufs->len) {
        len -= bufs->len;
        bufs++;
        (*count)--;
    }
    if (*count > 0) {
        bufs->host += len;
        bufs->len -= (uint32_t)len;
    }
    return bufs;
}
