/* The format: Devicetree Specification 0.4, 5.2 to 5.4. All numbers are big-endian. */
#ifndef VML_FDT_PRIVATE_H
#define VML_FDT_PRIVATE_H

#include <vml/fdt.h>

#define FDT_MAGIC UINT32_C(0xd00dfeed)

enum {
    HEADER_SIZE = 40,
    RESERVATION_SIZE = 16,
    VERSION = 17,
    LAST_COMPATIBLE = 16,
};

/* Offsets in the header. */
enum {
    H_MAGIC = 0,
    H_TOTAL_SIZE = 4,
    H_OFF_STRUCT = 8,
    H_OFF_STRINGS = 12,
    H_OFF_RESERVATIONS = 16,
    H_VERSION = 20,
    H_LAST_COMPATIBLE = 24,
    H_BOOT_CPU = 28,
    H_SIZE_STRINGS = 32,
    H_SIZE_STRUCT = 36,
};

enum token_kind { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOP = 4, END = 9 };

/* One item of the structure. */
struct token {
    enum token_kind kind;
    const char *name;     /* BEGIN_NODE, PROPERTY */
    const uint8_t *value; /* PROPERTY */
    uint32_t length;      /* PROPERTY */
};

/* A blob whose header is right, and a place in its structure. */
struct walk {
    const uint8_t *blob;
    const uint8_t *structure;
    uint32_t structure_size;
    const uint8_t *strings;
    uint32_t strings_size;
    uint32_t at;
};

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

enum vml_status walk_open(struct walk *walk, const void *blob, uint64_t size);
/* False when there is no right item there. */
bool walk_next(struct walk *walk, struct token *token);
/* Whether a node's name is the next part of a path; `*path` then becomes what follows. */
bool part_matches(const char **path, const char *name);

#endif
