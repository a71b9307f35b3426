/* Between the sources of the flash. Lock order: `lock` is a leaf; the hooks are called without
 * it. */
#ifndef VML_FLASH_PRIVATE_H
#define VML_FLASH_PRIVATE_H

#include <vml/flash.h>

#define CMD_PROGRAM_10 0x10u
#define CMD_ERASE      0x20u
#define CMD_PROGRAM    0x40u
#define CMD_CLEAR      0x50u
#define CMD_LOCK       0x60u
#define CMD_STATUS     0x70u
#define CMD_ID         0x90u
#define CMD_QUERY      0x98u
#define CMD_CONFIRM    0xd0u
#define CMD_BUFFER     0xe8u
#define CMD_ARRAY      0xffu

#define STATUS_READY   0x80u
#define STATUS_ERASE   0x20u /* erase failed */
#define STATUS_PROGRAM 0x10u /* program failed */
#define STATUS_LOCKED  0x02u /* because the block is locked */

#define WIDTH          4u /* bytes of the bank: two chips of 16 bits */

static inline struct vml_flash *flash_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_flash, device);
}

/* flash.c: drops the lock, and tells the embedder. */
void flash_leave(struct vml_flash *flash);

/* state.c */
void flash_save(struct vml_device *device, struct vml_state_writer *w);
enum vml_status flash_restore(struct vml_device *device, struct vml_state_reader *r);

#endif
