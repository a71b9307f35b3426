/*
 * Editing is copying: properties that are set come first in their node, those that were there are
 * left out where an edit is about them, and nodes that are made come last in theirs.
 */
#include "fdt.h"

struct editor {
    struct vml_fdt *fdt;
    const struct vml_fdt_edit *edits;
    uint32_t count;
    uint64_t done;                    /* edits whose node has been met */
    uint32_t depth;                   /* nodes that are open */
    const char *names[VML_FDT_DEPTH]; /* of them */
    uint64_t parents[VML_FDT_DEPTH];  /* edits whose last part is to be found in each */
};

/* What of a path is left below the first `depth` open nodes; NULL when it leads elsewhere. */
static const char *rest_of(const struct editor *e, const char *path, uint32_t depth)
{
    for (uint32_t i = 1; i < depth; i++) {
        if (!part_matches(&path, e->names[i])) {
            return NULL;
        }
    }
    while (*path == '/') {
        path++;
    }
    return path;
}

static bool is_about(const struct editor *e, const struct vml_fdt_edit *edit)
{
    const char *rest = rest_of(e, edit->path, e->depth);

    return rest && *rest == 0;
}

static bool is_last_part(const char *rest)
{
    while (*rest && *rest != '/') {
        rest++;
    }
    while (*rest == '/') {
        rest++;
    }
    return *rest == 0;
}

/* The first edit of a property is the one that counts. */
static const struct vml_fdt_edit *edit_of(const struct editor *e, const char *name)
{
    for (uint32_t i = 0; i < e->count; i++) {
        const struct vml_fdt_edit *edit = &e->edits[i];

        if (edit->name && same_text(edit->name, name) && is_about(e, edit)) {
            return edit;
        }
    }
    return NULL;
}

static bool is_removed(const struct editor *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        if (!e->edits[i].name && e->edits[i].remove && is_about(e, &e->edits[i])) {
            return true;
        }
    }
    return false;
}

/* A node that has been opened: its new properties, and which edits may have to make a node in it.
   */
static void enter(struct editor *e, bool removed)
{
    e->parents[e->depth - 1] = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct vml_fdt_edit *edit = &e->edits[i];
        const char *rest = rest_of(e, edit->path, e->depth);

        if (!rest) {
            continue;
        }
        if (*rest == 0) {
            e->done |= VML_BIT64(i);
            if (!removed && edit->name && !edit->remove && edit_of(e, edit->name) == edit) {
                vml_fdt_property(e->fdt, edit->name, edit->value, edit->length);
            }
        } else if (is_last_part(rest)) {
            e->parents[e->depth - 1] |= VML_BIT64(i);
        }
    }
}

static void open_node(struct editor *e, const char *rest)
{
    char name[64];
    uint32_t length = 0;

    while (rest[length] && rest[length] != '/' && length < sizeof(name) - 1) {
        name[length] = rest[length];
        length++;
    }
    name[length] = 0;
    vml_fdt_node(e->fdt, name);
}

/* A node that is about to close: those of its nodes that were not there. */
static void make_missing(struct editor *e)
{
    const char *open = NULL;

    for (uint32_t i = 0; i < e->count; i++) {
        const struct vml_fdt_edit *edit = &e->edits[i];

        if (!(e->parents[e->depth - 1] & ~e->done & VML_BIT64(i))) {
            continue;
        }
        e->done |= VML_BIT64(i);
        if (!edit->name) {
            continue;
        }
        if (!open || !same_text(open, edit->path)) {
            if (open) {
                vml_fdt_end_node(e->fdt);
            }
            open_node(e, rest_of(e, edit->path, e->depth));
            open = edit->path;
        }
        vml_fdt_property(e->fdt, edit->name, edit->value, edit->length);
    }
    if (open) {
        vml_fdt_end_node(e->fdt);
    }
}

static void copy_reservations(struct vml_fdt *fdt, const struct walk *walk)
{
    const uint8_t *p = walk->blob + load_be32(walk->blob + H_OFF_RESERVATIONS);
    uint64_t address, size;

    do {
        address = (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
        size = (uint64_t)load_be32(p + 8) << 32 | load_be32(p + 12);
        vml_fdt_reserve(fdt, address, size);
        p += RESERVATION_SIZE;
    } while (address || size);
}

static void copy_structure(struct editor *e, struct walk *walk)
{
    struct token token;
    uint32_t removed = 0; /* nodes that are open in one that goes */

    while (walk_next(walk, &token) && token.kind != END) {
        if (token.kind == BEGIN_NODE) {
            e->names[e->depth++] = token.name;
            removed += removed || is_removed(e) ? 1 : 0;
            if (!removed) {
                vml_fdt_node(e->fdt, token.name);
            }
            enter(e, removed != 0);
        } else if (token.kind == END_NODE) {
            if (!removed) {
                make_missing(e);
                vml_fdt_end_node(e->fdt);
            }
            removed -= removed ? 1 : 0;
            e->depth--;
        } else if (!removed && !edit_of(e, token.name)) {
            vml_fdt_property(e->fdt, token.name, token.value, token.length);
        }
    }
}

enum vml_status vml_fdt_apply(struct vml_fdt *fdt, const void *blob, uint64_t size,
                              const struct vml_fdt_edit *edits, uint32_t count)
{
    struct editor e = {.fdt = fdt, .edits = edits, .count = count};
    struct walk walk;
    enum vml_status status;

    if (count > VML_FDT_EDITS) {
        return VML_ERR_INVALID;
    }
    status = vml_fdt_check(blob, size);
    if (status == VML_OK) {
        status = walk_open(&walk, blob, size);
    }
    if (status != VML_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        e.done |= edits[i].remove ? VML_BIT64(i) : 0;
    }
    copy_reservations(fdt, &walk);
    copy_structure(&e, &walk);
    if (fdt->status != VML_OK) {
        return fdt->status;
    }
    memcpy(fdt->buffer + H_BOOT_CPU, walk.blob + H_BOOT_CPU, 4);
    return count == 0 || e.done == UINT64_MAX >> (64 - count) ? VML_OK : VML_ERR_NOT_FOUND;
}
