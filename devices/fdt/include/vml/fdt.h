/**
 * @file
 * @brief Device trees as blobs (Devicetree Specification 0.4, chapter 5): made, looked at, and
 * edited.
 *
 * A writer makes a tree from the front to the end, in a buffer of the caller's. Its first error
 * stays: the calls after it do nothing, and vml_fdt_finish() returns it, so that only that one need
 * be looked at.
 *
 *     vml_fdt_begin(&fdt, buffer, sizeof(buffer));
 *     vml_fdt_node(&fdt, "");
 *     vml_fdt_u32(&fdt, "#address-cells", 2);
 *     vml_fdt_node(&fdt, "chosen");
 *     vml_fdt_string(&fdt, "bootargs", "console=ttyAMA0");
 *     vml_fdt_end_node(&fdt);
 *     vml_fdt_end_node(&fdt);
 *     status = vml_fdt_finish(&fdt, &size);
 *
 * A blob that is read may come from anybody: nothing outside of it is looked at, whatever it says.
 *
 * No function keeps anything between calls but in the writer: they may run concurrently on
 * different ones.
 * @defgroup vml_fdt Device tree blobs
 * @{
 */
#ifndef VML_FDT_H
#define VML_FDT_H

#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Nodes within nodes, at most. */
#define VML_FDT_DEPTH 32u
/** @brief Edits of one pass, at most. */
#define VML_FDT_EDITS 64u

/** @brief A tree that is being made. Members are private. */
struct vml_fdt {
    uint8_t *buffer;        /**< the caller's */
    uint32_t size;          /**< of it */
    uint32_t used;          /**< bytes from its start: header, reservations, structure */
    uint32_t structure;     /**< where the structure begins; 0: reservations may still come */
    uint32_t strings;       /**< bytes of strings, which are at the end of the buffer, last first */
    uint32_t depth;         /**< nodes that are open */
    bool closed;            /**< a property may not follow: a node inside has ended */
    bool complete;          /**< the root has ended */
    enum vml_status status; /**< the first error */
};

/** @brief Begins a tree. @param size bytes of `buffer`, which is kept until the tree is finished */
void vml_fdt_begin(struct vml_fdt *fdt, void *buffer, uint32_t size);
/** @brief Reserves memory; before the root. */
void vml_fdt_reserve(struct vml_fdt *fdt, uint64_t address, uint64_t size);
/** @brief Opens a node; the first is the root, whose name is empty. */
void vml_fdt_node(struct vml_fdt *fdt, const char *name);
/** @brief Closes the node that was opened last. */
void vml_fdt_end_node(struct vml_fdt *fdt);
/** @brief Adds a property to the open node, before any node inside of it.
 * @param length bytes of `value`; 0 for a property that is only there */
void vml_fdt_property(struct vml_fdt *fdt, const char *name, const void *value, uint32_t length);
/** @brief Adds a property of one cell. */
void vml_fdt_u32(struct vml_fdt *fdt, const char *name, uint32_t value);
/** @brief Adds a property of two cells. */
void vml_fdt_u64(struct vml_fdt *fdt, const char *name, uint64_t value);
/** @brief Adds a property of `count` cells. */
void vml_fdt_cells(struct vml_fdt *fdt, const char *name, const uint32_t *cells, uint32_t count);
/** @brief Adds a property that is a string. */
void vml_fdt_string(struct vml_fdt *fdt, const char *name, const char *value);
/** @brief Ends the tree: the blob begins at the start of the buffer.
 * @param size gets its bytes
 * @return VML_OK; VML_ERR_NO_SPACE when the buffer is too small; VML_ERR_STATE for nodes that are
 * open, more than one root, or a property after a node; VML_ERR_RANGE for too many nodes within
 * nodes */
VML_MUST_CHECK enum vml_status vml_fdt_finish(struct vml_fdt *fdt, uint32_t *size);

/** @brief Checks all of a blob.
 * @param size bytes that there are; the blob may be shorter
 * @return VML_OK; VML_ERR_CORRUPT; VML_ERR_VERSION for one that is not compatible with version 17
 * */
VML_MUST_CHECK enum vml_status vml_fdt_check(const void *blob, uint64_t size);
/** @brief Bytes of a blob that vml_fdt_check() has found right. */
uint32_t vml_fdt_size(const void *blob);

/** @brief Finds a property.
 * @param path "/soc/uart@9000000"; a part without @ also finds a node with an address. "/": the
 * root
 * @param name of the property; NULL: the node itself, of length 0
 * @param length gets its bytes; may be NULL
 * @return its value, inside the blob and not aligned; NULL for none, or a blob that is not right */
const void *vml_fdt_get(const void *blob, uint64_t size, const char *path, const char *name,
                        uint32_t *length);

/** @brief One change to a tree. */
struct vml_fdt_edit {
    const char
        *path; /**< of a node, as for vml_fdt_get(); its last part is made if it is not there */
    const char *name;  /**< of a property; NULL with `remove`: the node itself */
    const void *value; /**< of the property */
    uint32_t length;   /**< of `value` */
    bool remove;       /**< it is to go; it need not be there */
};

/** @brief Copies a tree into a writer, changed; then finish the writer.
 * @param fdt begun, and nothing else
 * @param edits of properties; those of a node that is made follow each other
 * @param count at most VML_FDT_EDITS
 * @return VML_OK; VML_ERR_NOT_FOUND when a path has no parent; VML_ERR_INVALID for too many edits;
 * what vml_fdt_check() returns; what the writer found wrong */
VML_MUST_CHECK enum vml_status vml_fdt_apply(struct vml_fdt *fdt, const void *blob, uint64_t size,
                                             const struct vml_fdt_edit *edits, uint32_t count);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
