/**
 * @file
 * @brief State as a value: the versioned, little-endian, self-describing format of saved state.
 *
 * A saved state is a sequence of records.  A record is a header (tag: four ASCII characters, version:
 * u16, flags: u16, length: u32, all little-endian) and `length` bytes, which are fields in the order
 * that the record's version defines, and nested records.  The same state gives the same bytes on
 * every host.
 *
 * Errors are sticky: a writer or reader that met one does nothing more and reports it at the end, so
 * that save and restore functions need one check.  A restore function reads everything into a copy
 * of the state, validates the copy, asks vml_state_read_status(), and only then changes the device.
 * @defgroup vml_state Saved state
 * @{
 */
#ifndef VML_STATE_H
#define VML_STATE_H

#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Makes a record tag from four characters. */
#define VML_STATE_TAG(a, b, c, d)                                                                  \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/** @brief Bytes of a record's header. */
#define VML_STATE_HEADER_SIZE 12u
/** @brief How deep records may nest. */
#define VML_STATE_MAX_DEPTH 8u

/** @brief Writes records into the caller's buffer, or only counts bytes. */
struct vml_state_writer {
    uint8_t *buffer;                  /**< NULL: only count */
    size_t size;                      /**< of the buffer */
    size_t used;                      /**< bytes written, or that would have been written */
    enum vml_status status;           /**< the first error */
    unsigned depth;                   /**< open records */
    size_t open[VML_STATE_MAX_DEPTH]; /**< where their headers are */
};

/** @brief Reads records from a buffer. The buffer may be hostile. */
struct vml_state_reader {
    const uint8_t *buffer;           /**< first byte */
    size_t size;                     /**< bytes */
    size_t pos;                      /**< the next byte */
    enum vml_status status;          /**< the first error */
    unsigned depth;                  /**< entered records */
    size_t end[VML_STATE_MAX_DEPTH]; /**< where they end */
};

/** @brief Starts writing. @param buffer NULL to only count the bytes that are needed */
void vml_state_writer_init(struct vml_state_writer *w, void *buffer, size_t size);
/** @brief Opens a record. */
void vml_state_begin(struct vml_state_writer *w, uint32_t tag, uint16_t version);
/** @brief Closes the record opened last. */
void vml_state_end(struct vml_state_writer *w);
void vml_state_put_u8(struct vml_state_writer *w, uint8_t v);   /**< @brief Writes a field. */
void vml_state_put_u16(struct vml_state_writer *w, uint16_t v); /**< @brief Writes a field. */
void vml_state_put_u32(struct vml_state_writer *w, uint32_t v); /**< @brief Writes a field. */
void vml_state_put_u64(struct vml_state_writer *w, uint64_t v); /**< @brief Writes a field. */
void vml_state_put_bool(struct vml_state_writer *w, bool v); /**< @brief Writes a byte, 0 or 1. */
/** @brief Writes `len` bytes as they are. */
void vml_state_put_bytes(struct vml_state_writer *w, const void *bytes, size_t len);
/** @brief VML_OK, or VML_ERR_NO_SPACE (`used` then tells how much is needed), or VML_ERR_STATE for
 * unbalanced records. */
VML_MUST_CHECK enum vml_status vml_state_write_status(const struct vml_state_writer *w);

/** @brief Starts reading. */
void vml_state_reader_init(struct vml_state_reader *r, const void *buffer, size_t size);
/** @brief Enters the next record, which must have this tag.
 * @param tag expected tag
 * @param max_version the newest version that the caller reads
 * @return the record's version (1 or more); 0 after an error */
uint16_t vml_state_enter(struct vml_state_reader *r, uint32_t tag, uint16_t max_version);
/** @brief The tag of the next record without entering it; 0 at the end of the enclosing record. */
uint32_t vml_state_peek(struct vml_state_reader *r);
/** @brief Passes over the next record, whatever it is. */
void vml_state_skip(struct vml_state_reader *r);
/** @brief Leaves the record entered last; bytes left unread in it are VML_ERR_CORRUPT. */
void vml_state_leave(struct vml_state_reader *r);
uint8_t
vml_state_get_u8(struct vml_state_reader *r); /**< @brief Reads a field; 0 after an error. */
uint16_t
vml_state_get_u16(struct vml_state_reader *r); /**< @brief Reads a field; 0 after an error. */
uint32_t
vml_state_get_u32(struct vml_state_reader *r); /**< @brief Reads a field; 0 after an error. */
uint64_t
vml_state_get_u64(struct vml_state_reader *r); /**< @brief Reads a field; 0 after an error. */
/** @brief Reads a byte that must be 0 or 1. */
bool vml_state_get_bool(struct vml_state_reader *r);
/** @brief Copies `len` bytes out; zeroes after an error. */
void vml_state_get_bytes(struct vml_state_reader *r, void *bytes, size_t len);
/** @brief Records an error of the caller's own validation, unless there is one already. */
void vml_state_fail(struct vml_state_reader *r, enum vml_status status);
/** @brief The first error (VML_ERR_CORRUPT, VML_ERR_VERSION, or what vml_state_fail() was given). */
VML_MUST_CHECK enum vml_status vml_state_read_status(const struct vml_state_reader *r);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
