/* What the driver says about hashes and steering: virtio 1.3, 5.1.6.5.6 and 5.1.6.5.7. */
#include "net_private.h"

#define RSS_TAG VML_STATE_TAG('V', 'N', 'R', 'S')

/* Offsets in a command, behind class and command. */
#define AT_HASH_TYPES   2u
#define AT_MASK         6u
#define AT_UNCLASSIFIED 8u
#define AT_TABLE        10u
/* ... of HASH_CONFIG. What is reserved before it is not looked at: Linux has a number there. */
#define AT_HASH_KEY 14u

static bool types_are_good(uint32_t types)
{
    return (types & ~VML_VIRTIO_NET_HASH_TYPES) == 0;
}

/* The key, which is the last in both commands. A hash cannot be made with none at all. */
static bool read_key(const struct vml_virtq_chain *chain, uint64_t at,
                     struct vml_virtio_net_steering *s)
{
    uint8_t len;

    if (vml_virtq_copy_from(chain, at, &len, 1) != 1 || len > sizeof(s->key) ||
        (len == 0 && s->hash_types != 0)) {
        return false;
    }
    return vml_virtq_copy_from(chain, at + 1, s->key, len) == len;
}

/* Table and queue of frames without hash. @return the offset behind them, 0: refused */
static uint64_t read_table(const struct vml_virtq_chain *chain, uint32_t pairs,
                           struct vml_virtio_net_steering *s)
{
    uint8_t head[4];
    uint8_t entries[2 * VML_VIRTIO_NET_RSS_TABLE];
    uint32_t count;
    uint32_t unclassified;

    if (vml_virtq_copy_from(chain, AT_MASK, head, sizeof(head)) != sizeof(head)) {
        return 0;
    }
    count = vml_load_le16(head) + 1u;
    unclassified = vml_load_le16(head + 2);
    if (count > VML_VIRTIO_NET_RSS_TABLE || !vml_is_pow2(count) || unclassified >= pairs ||
        vml_virtq_copy_from(chain, AT_TABLE, entries, 2 * count) != 2 * count) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t entry = vml_load_le16(entries + 2 * i);

        if (entry >= pairs) {
            return 0;
        }
        s->table[i] = (uint8_t)entry;
    }
    s->mask = (uint8_t)(count - 1);
    s->unclassified = (uint8_t)unclassified;
    return AT_TABLE + 2 * (uint64_t)count;
}

static bool read_types(const struct vml_virtq_chain *chain, struct vml_virtio_net_steering *s)
{
    uint8_t bytes[4];

    if (vml_virtq_copy_from(chain, AT_HASH_TYPES, bytes, sizeof(bytes)) != sizeof(bytes)) {
        return false;
    }
    s->hash_types = vml_load_le32(bytes);
    return types_are_good(s->hash_types);
}

static void change(struct vml_virtio_net *net, const struct vml_virtio_net_steering *s)
{
    vml_mutex_lock(&net->lock);
    net_set_steering(net->config.rss, s);
    vml_mutex_unlock(&net->lock);
}

bool net_set_rss(struct vml_virtio_net *net, const struct vml_virtq_chain *chain)
{
    struct vml_virtio_net_steering s = {.by_hash = true};
    uint8_t bytes[2];
    uint32_t max_tx_vq;
    uint64_t at;

    if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_RSS) || !read_types(chain, &s)) {
        return false;
    }
    at = read_table(chain, net->config.pair_count, &s);
    if (at == 0 || vml_virtq_copy_from(chain, at, bytes, 2) != 2) {
        return false;
    }
    max_tx_vq = vml_load_le16(bytes);
    if (max_tx_vq == 0 || max_tx_vq > net->config.pair_count || !read_key(chain, at + 2, &s)) {
        return false;
    }
    change(net, &s);
    atomic_store(&net->pairs, max_tx_vq);
    return true;
}

/* Hashes are for reports only: the pair is chosen by the device again, if it was not. */
bool net_set_hash(struct vml_virtio_net *net, const struct vml_virtq_chain *chain)
{
    struct vml_virtio_net_steering s = {.by_hash = false};

    if (!vml_virtio_has(&net->virtio, VML_VIRTIO_NET_F_HASH_REPORT) || !read_types(chain, &s) ||
        !read_key(chain, AT_HASH_KEY, &s)) {
        return false;
    }
    change(net, &s);
    return true;
}

void net_set_steering(struct vml_virtio_net_rss *rss, const struct vml_virtio_net_steering *s)
{
    rss->steering = *s;
    vml_toeplitz_set_key(&rss->toeplitz, s->key);
}

void net_save_steering(const struct vml_virtio_net_rss *rss, struct vml_state_writer *w)
{
    const struct vml_virtio_net_steering *s = &rss->steering;

    vml_state_begin(w, RSS_TAG, 1);
    vml_state_put_u32(w, s->hash_types);
    vml_state_put_bool(w, s->by_hash);
    vml_state_put_u8(w, s->mask);
    vml_state_put_u8(w, s->unclassified);
    vml_state_put_bytes(w, s->table, sizeof(s->table));
    vml_state_put_bytes(w, s->key, sizeof(s->key));
    vml_state_end(w);
}

void net_get_steering(struct vml_state_reader *r, uint32_t pairs, struct vml_virtio_net_steering *s)
{
    bool good;

    memset(s, 0, sizeof(*s));
    vml_state_enter(r, RSS_TAG, 1);
    s->hash_types = vml_state_get_u32(r);
    s->by_hash = vml_state_get_bool(r);
    s->mask = vml_state_get_u8(r);
    s->unclassified = vml_state_get_u8(r);
    vml_state_get_bytes(r, s->table, sizeof(s->table));
    vml_state_get_bytes(r, s->key, sizeof(s->key));
    good = types_are_good(s->hash_types) && s->mask < VML_VIRTIO_NET_RSS_TABLE &&
           vml_is_pow2(s->mask + 1u) && s->unclassified < pairs;
    for (uint32_t i = 0; i < VML_VIRTIO_NET_RSS_TABLE; i++) {
        good = good && s->table[i] < pairs;
    }
    if (!good) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
}
