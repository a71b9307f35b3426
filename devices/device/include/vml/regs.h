/**
 * @file
 * @brief Register tables: a device's registers described once, as data.
 *
 * Decode, access checks, RAZ/WI, reset, trace names, saved state and the tables in the API reference
 * all come from a device's one const table.  A row is one register, or an array of them.
 * @addtogroup vml_device
 * @{
 */
#ifndef VML_REGS_H
#define VML_REGS_H

#include <vml/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Allowed access sizes of a row
 * @{ */
#define VML_SIZE_1   0x1u                                   /**< byte */
#define VML_SIZE_2   0x2u                                   /**< halfword */
#define VML_SIZE_4   0x4u                                   /**< word */
#define VML_SIZE_8   0x8u                                   /**< doubleword */
#define VML_SIZE_12  (VML_SIZE_1 | VML_SIZE_2)              /**< byte, halfword */
#define VML_SIZE_14  (VML_SIZE_1 | VML_SIZE_4)              /**< byte, word */
#define VML_SIZE_48  (VML_SIZE_4 | VML_SIZE_8)              /**< word, doubleword */
#define VML_SIZE_124 (VML_SIZE_1 | VML_SIZE_2 | VML_SIZE_4) /**< byte, halfword, word */
/** @} */

/** @brief What a plain write does to the stored value. */
enum vml_reg_kind {
    VML_REG_RW,  /**< bits of the write mask take the written value */
    VML_REG_RO,  /**< writes are ignored */
    VML_REG_WO,  /**< as RW, and reads are zero */
    VML_REG_W1C, /**< a written one clears the bit, within the write mask */
    VML_REG_W1S, /**< a written one sets the bit, within the write mask */
    VML_REG_RAZ, /**< reads as zero, writes ignored; nothing is stored */
};

/** @brief A row without storage. */
#define VML_REG_NO_STATE UINT32_MAX

struct vml_reg;

/** @brief Reads a register (element `index` of an array row).
 * @param device the device
 * @param reg the row
 * @param index element of an array row, else 0
 * @param access the access; `cpu` matters to banked registers. Not to be changed
 * @return the whole register's value, whatever the access's size: the machinery extracts bytes */
typedef uint64_t (*vml_reg_read_fn)(struct vml_device *device, const struct vml_reg *reg,
                                    uint32_t index, const struct vml_access *access);

/** @brief Writes a register.
 * @param value the written bytes in their place in the register
 * @param mask ones for the bits that the access covers; bits outside are not written
 * See vml_reg_read_fn for the other parameters. */
typedef void (*vml_reg_write_fn)(struct vml_device *device, const struct vml_reg *reg,
                                 uint32_t index, uint64_t value, uint64_t mask,
                                 const struct vml_access *access);

/** @brief One register, or an array of registers. */
struct vml_reg {
    const char *name;       /**< as the specification spells it */
    uint32_t offset;        /**< of the first element */
    uint32_t count;         /**< elements; 0 and 1 both mean one */
    uint16_t stride;        /**< bytes from one element to the next; 0 means its width */
    uint8_t width;          /**< bytes of one element: 1, 2, 4 or 8 */
    uint8_t sizes;          /**< VML_SIZE_* that are allowed; other sizes fault */
    enum vml_reg_kind kind; /**< what plain reads and writes do; hooks override it */
    uint64_t reset;         /**< reset value of the storage */
    uint64_t write_mask;    /**< bits that a guest can change */
    uint32_t state;       /**< offset of the storage in the state struct, or VML_REG_NO_STATE; it is
                                 an unsigned integer of `width` bytes, `count` of them in sequence */
    vml_reg_read_fn read; /**< NULL: the storage */
    vml_reg_write_fn write; /**< NULL: as `kind` says. When set it does all of the change itself */
};

/** @brief A device's registers. Const. */
struct vml_reg_table {
    const struct vml_reg *rows; /**< ascending by offset, not overlapping */
    uint32_t row_count;         /**< of `rows` */
    uint32_t size;              /**< bytes of the range; beyond it accesses fault */
    bool unknown_raz_wi;        /**< offsets without a row: true RAZ/WI, false bus fault */
};

/** @brief Serves an access from a table: decode, checks, hooks, storage.
 *
 * An access must be aligned to its size and lie within one element, or be a wider access that the
 * row's `sizes` allows and that covers whole consecutive elements of an array row.
 * @param table the device's table
 * @param device given to the hooks
 * @param state the device's state struct, that `state` offsets are relative to
 * @param access the access, its offset relative to the table
 * @return VML_BUS_OK or VML_BUS_FAULT */
enum vml_bus_result vml_regs_access(const struct vml_reg_table *table, struct vml_device *device,
                                    void *state, struct vml_access *access);

/** @brief What the 4 bytes at a multiple of 4 are, found out before they are accessed. Private. */
struct vml_reg_slot {
    uint16_t state; /**< where a plain word is in the state struct */
    uint8_t row;    /**< number of the row + 1, or 0: the table is searched */
    uint8_t flags;  /**< what can be done without looking at the row */
};

/** @brief An index of a table's first words: there decoding takes no search, and a whole 32-bit register
 * without hooks is a load or a store. Members are private. */
struct vml_reg_index {
    const struct vml_reg_table *table; /**< as given */
    const struct vml_reg_slot *slots;  /**< as given, filled */
    uint64_t slot_count;               /**< as given, not more than the table has words */
};

/** @brief Slots for the first `bytes` bytes of a device's range. */
#define VML_REG_SLOTS(bytes) (((bytes) + 3u) / 4u)

/** @brief Makes an index, often a member of the device, from a table.
 * @param table the device's table, kept while the index is in use
 * @param slots storage, kept while the index is in use
 * @param slot_count VML_REG_SLOTS() of the bytes in which the often used registers are */
void vml_regs_index(struct vml_reg_index *index, const struct vml_reg_table *table,
                    struct vml_reg_slot *slots, uint32_t slot_count);

/** @brief As vml_regs_access() of the index's table, with the index's help. */
enum vml_bus_result vml_regs_access_indexed(const struct vml_reg_index *index,
                                            struct vml_device *device, void *state,
                                            struct vml_access *access);

/** @brief Finds the row that covers an offset; NULL for none. @param index gets the element */
const struct vml_reg *vml_regs_find(const struct vml_reg_table *table, uint64_t offset,
                                    uint32_t *index);

/** @brief Writes every row's reset value into the storage. Rows without storage are left alone. */
void vml_regs_reset(const struct vml_reg_table *table, void *state);

/** @brief Writes all storage in table order; no record header of its own. */
void vml_regs_save(const struct vml_reg_table *table, const void *state,
                   struct vml_state_writer *w);

/** @brief Reads what vml_regs_save() wrote into `state`, a copy that the caller validates.
 * Bits that can be neither written by the guest nor are set at reset, in rows without hooks, must be
 * as at reset: else the reader's status becomes VML_ERR_CORRUPT. */
void vml_regs_restore(const struct vml_reg_table *table, void *state, struct vml_state_reader *r);

/** @brief Checks a table: order, overlap, widths, sizes. For tests of the owners of tables.
 * @param bad gets the index of the first bad row */
VML_MUST_CHECK enum vml_status vml_regs_check(const struct vml_reg_table *table, uint32_t *bad);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
