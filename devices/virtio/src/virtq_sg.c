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

size_t vml_virtq_copy_from(const struct vml_virtq_chain *chain, uint64_t offset, void *dst,
                           size_t len)
{
    uint8_t *out = dst;
    size_t done = 0;

    for (uint32_t i = 0; i < chain->readable && done < len; i++) {
        const struct vml_virtq_buf *buf = &chain->bufs[i];
        size_t piece;

        if (offset >= buf->len) {
            offset -= buf->len;
            continue;
        }
        piece = (size_t)vml_min_u64(buf->len - offset, len - done);
        memcpy(out + done, buf->host + offset, piece);
        done += piece;
        offset = 0;
    }
    return done;
}

size_t vml_virtq_copy_to(const struct vml_virtq_chain *chain, uint64_t offset, const void *src,
                         size_t len)
{
    const uint8_t *in = src;
    size_t done = 0;

    for (uint32_t i = 0; i < chain->writable && done < len; i++) {
        const struct vml_virtq_buf *buf = &chain->bufs[chain->readable + i];
        size_t piece;

        if (offset >= buf->len) {
            offset -= buf->len;
            continue;
        }
        piece = (size_t)vml_min_u64(buf->len - offset, len - done);
        memcpy(buf->host + offset, in + done, piece);
        done += piece;
        offset = 0;
    }
    return done;
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
