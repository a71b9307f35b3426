/* Save and restore. The content is the embedder's. */
#include "flash.h"

#define TAG     VML_STATE_TAG('F', 'L', 'S', 'H')
#define VERSION 1

void flash_save(struct vml_device *device, struct vml_state_writer *w)
{
    const struct vml_flash_state *s = &flash_of(device)->state;

    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u64(w, flash_of(device)->config.size);
    vml_state_put_u8(w, s->mode);
    vml_state_put_u8(w, s->command);
    vml_state_put_u8(w, s->cycle);
    vml_state_put_u8(w, s->status);
    vml_state_put_u32(w, s->words_left);
    vml_state_put_u64(w, s->base);
    vml_state_put_bytes(w, s->buffer, sizeof(s->buffer));
    vml_state_end(w);
}

/* A state that commands can lead to; what the code relies on is the buffer's place and count. */
static bool is_possible(const struct vml_flash *flash, const struct vml_flash_state *s)
{
    bool mode =
        s->mode == CMD_ARRAY || s->mode == CMD_STATUS || s->mode == CMD_ID || s->mode == CMD_QUERY;
    bool command = s->command == 0 || s->command == CMD_PROGRAM_10 || s->command == CMD_PROGRAM ||
                   s->command == CMD_ERASE || s->command == CMD_LOCK || s->command == CMD_BUFFER;

    if (!mode || !command || (s->command != 0) != (s->cycle != 0) ||
        s->cycle > (s->command == CMD_BUFFER ? 3 : 1) ||
        (s->status & ~(STATUS_ERASE | STATUS_PROGRAM | STATUS_LOCKED)) != STATUS_READY) {
        return false;
    }
    return s->base % VML_FLASH_BUFFER == 0 && s->base < flash->config.size &&
           s->words_left <= VML_FLASH_BUFFER && (s->cycle != 2 || s->words_left != 0);
}

enum vml_status flash_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_flash *flash = flash_of(device);
    struct vml_flash_state s;
    enum vml_status status;
    uint64_t size;

    (void)vml_state_enter(r, TAG, VERSION);
    size = vml_state_get_u64(r);
    s.mode = vml_state_get_u8(r);
    s.command = vml_state_get_u8(r);
    s.cycle = vml_state_get_u8(r);
    s.status = vml_state_get_u8(r);
    s.words_left = vml_state_get_u32(r);
    s.base = vml_state_get_u64(r);
    vml_state_get_bytes(r, s.buffer, sizeof(s.buffer));
    vml_state_leave(r);
    if (size != flash->config.size || !is_possible(flash, &s)) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    vml_mutex_lock(&flash->lock);
    flash->state = s;
    flash_leave(flash);
    return VML_OK;
}
