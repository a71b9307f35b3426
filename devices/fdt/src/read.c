/* Reading blobs that anybody may have made: each length is checked against what is left. */
#include "fdt.h"

static bool is_inside(uint32_t offset, uint32_t length, uint32_t total)
{
    return offset <= total && length <= total - offset;
}

enum vml_status walk_open(struct walk *walk, const void *blob, uint64_t size)
{
    const uint8_t *h = blob;
    uint32_t total;

    if (!blob || size < HEADER_SIZE || load_be32(h + H_MAGIC) != FDT_MAGIC) {
        return VML_ERR_CORRUPT;
    }
    if (load_be32(h + H_VERSION) < VERSION || load_be32(h + H_LAST_COMPATIBLE) > VERSION) {
        return VML_ERR_VERSION;
    }
    total = load_be32(h + H_TOTAL_SIZE);
    if (total > size || total < HEADER_SIZE || load_be32(h + H_OFF_STRUCT) % 4 != 0 ||
        !is_inside(load_be32(h + H_OFF_STRUCT), load_be32(h + H_SIZE_STRUCT), total) ||
        !is_inside(load_be32(h + H_OFF_STRINGS), load_be32(h + H_SIZE_STRINGS), total) ||
        !is_inside(load_be32(h + H_OFF_RESERVATIONS), RESERVATION_SIZE, total)) {
        return VML_ERR_CORRUPT;
    }
    *walk = (struct walk){.blob = h,
                          .structure = h + load_be32(h + H_OFF_STRUCT),
                          .structure_size = load_be32(h + H_SIZE_STRUCT),
                          .strings = h + load_be32(h + H_OFF_STRINGS),
                          .strings_size = load_be32(h + H_SIZE_STRINGS)};
    return VML_OK;
}

/* Bytes of a text with its end, within `limit`; 0 when it has none there. */
static uint32_t text_size(const uint8_t *text, uint32_t limit)
{
    for (uint32_t i = 0; i < limit; i++) {
        if (text[i] == 0) {
            return i + 1;
        }
    }
    return 0;
}

static bool skip(struct walk *walk, uint32_t length)
{
    uint32_t left = walk->structure_size - walk->at;

    if (length > left || ((length + 3) & ~3u) > left || length > UINT32_MAX - 3) {
        return false;
    }
    walk->at += (length + 3) & ~3u;
    return true;
}

static bool read_property(struct walk *walk, struct token *token)
{
    const uint8_t *p = walk->structure + walk->at;
    uint32_t name;

    if (!skip(walk, 8)) {
        return false;
    }
    token->length = load_be32(p);
    token->value = p + 8;
    name = load_be32(p + 4);
    if (name >= walk->strings_size ||
        text_size(walk->strings + name, walk->strings_size - name) == 0) {
        return false;
    }
    token->name = (const char *)walk->strings + name;
    return skip(walk, token->length);
}

bool walk_next(struct walk *walk, struct token *token)
{
    uint32_t kind = NOP;

    while (kind == NOP) {
        const uint8_t *p = walk->structure + walk->at;

        if (!skip(walk, 4)) {
            return false;
        }
        kind = load_be32(p);
    }
    token->kind = (enum token_kind)kind;
    switch (kind) {
    case BEGIN_NODE:
        token->name = (const char *)walk->structure + walk->at;
        token->length = text_size(walk->structure + walk->at, walk->structure_size - walk->at);
        return token->length != 0 && skip(walk, token->length);
    case PROPERTY:
        return read_property(walk, token);
    case END_NODE:
    case END:
        return true;
    default:
        return false;
    }
}

/* The list ends with an entry of zeroes, within the blob. */
static bool reservations_end(const struct walk *walk)
{
    uint32_t total = load_be32(walk->blob + H_TOTAL_SIZE);
    uint32_t at = load_be32(walk->blob + H_OFF_RESERVATIONS);

    while (is_inside(at, RESERVATION_SIZE, total)) {
        const uint8_t *p = walk->blob + at;

        if ((load_be32(p) | load_be32(p + 4) | load_be32(p + 8) | load_be32(p + 12)) == 0) {
            return true;
        }
        at += RESERVATION_SIZE;
    }
    return false;
}

enum vml_status vml_fdt_check(const void *blob, uint64_t size)
{
    struct walk walk;
    struct token token;
    uint32_t depth = 0;
    bool root = false, properties = false;
    enum vml_status status = walk_open(&walk, blob, size);

    if (status != VML_OK) {
        return status;
    }
    if (!reservations_end(&walk)) {
        return VML_ERR_CORRUPT;
    }
    while (walk_next(&walk, &token)) {
        switch (token.kind) {
        case BEGIN_NODE:
            if (depth == VML_FDT_DEPTH || (depth == 0 && root)) {
                return VML_ERR_CORRUPT;
            }
            depth++;
            root = properties = true;
            break;
        case END_NODE:
            if (depth == 0) {
                return VML_ERR_CORRUPT;
            }
            depth--;
            properties = false;
            break;
        case PROPERTY:
            if (!properties) {
                return VML_ERR_CORRUPT;
            }
            break;
        default:
            return depth == 0 && root ? VML_OK : VML_ERR_CORRUPT;
        }
    }
    return VML_ERR_CORRUPT;
}

uint32_t vml_fdt_size(const void *blob)
{
    return load_be32((const uint8_t *)blob + H_TOTAL_SIZE);
}

bool part_matches(const char **path, const char *name)
{
    const char *p = *path;
    bool address = false;

    while (*p == '/') {
        p++;
    }
    if (*p == 0) {
        return false;
    }
    while (*p && *p != '/' && *p == *name) {
        address = address || *p == '@';
        p++;
        name++;
    }
    if ((*p && *p != '/') || (*name && (*name != '@' || address))) {
        return false;
    }
    *path = p;
    return true;
}

static bool is_at_end(const char *path)
{
    while (*path == '/') {
        path++;
    }
    return *path == 0;
}

const void *vml_fdt_get(const void *blob, uint64_t size, const char *path, const char *name,
                        uint32_t *length)
{
    struct walk walk;
    struct token token = {.kind = END};
    /* Nodes that are open, and how many of them are on the path. */
    uint32_t depth = 0, matched = 0;

    if (vml_fdt_check(blob, size) != VML_OK || walk_open(&walk, blob, size) != VML_OK) {
        return NULL;
    }
    while (walk_next(&walk, &token) && token.kind != END) {
        bool here = depth == matched && depth != 0 && is_at_end(path);

        if (token.kind == BEGIN_NODE) {
            if (depth == 0 || (depth == matched && part_matches(&path, token.name))) {
                matched++;
            }
            depth++;
            here = depth == matched && is_at_end(path);
            if (here && !name) {
                break;
            }
        } else if (token.kind == END_NODE) {
            if (depth == matched) {
                return NULL; /* left the last node of the path that there is */
            }
            depth--;
        } else if (here && name && same_text(token.name, name)) {
            break;
        }
    }
    if (token.kind != PROPERTY && (token.kind != BEGIN_NODE || name)) {
        return NULL;
    }
    if (length) {
        *length = token.kind == PROPERTY ? token.length : 0;
    }
    return token.kind == PROPERTY ? (const void *)token.value : (const void *)token.name;
}
