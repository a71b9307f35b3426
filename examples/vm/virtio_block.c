/* Disks: an image file behind a virtio block device. */
#include "virtio.h"

#include <stdlib.h>
#include <string.h>
#include <vml/block_file.h>
#include <vml/virtio_block.h>

enum { REQUESTS = 64, SEGMENTS = 126, THREADS = 4 };

struct disk {
    struct vml_virtio_block block;
    struct vml_block_file file;
    struct vml_virtio_queue queue;
    struct vml_virtio_block_request requests[REQUESTS];
    struct vml_virtq_buf bufs[REQUESTS * VML_VIRTIO_BLOCK_BUFS(SEGMENTS)];
    struct vml_block inner; /* deterministic: the file, behind calls that wait */
};

/* ---- A deterministic machine waits for each request, so that it ends at the same time each run. */

struct waiting {
    struct vml_block_request *outer;
    struct vml_sem done;
    enum vml_status status;
};

static void inner_done(struct vml_block_request *request, enum vml_status status)
{
    struct waiting *waiting = request->context;

    waiting->status = status;
    vml_sem_post(&waiting->done);
}

static void wait_for(struct disk *disk, struct vml_block_request *request,
                     void (*call)(void *context, struct vml_block_request *request))
{
    struct waiting waiting = {.outer = request};
    struct vml_block_request inner = *request;

    inner.done = inner_done;
    inner.context = &waiting;
    vml_sem_init(&waiting.done, 0);
    call(disk->inner.context, &inner);
    vm_check(vml_sem_wait_until(&waiting.done, VML_TIME_NEVER), "disk");
    vml_sem_destroy(&waiting.done);
    request->done(request, waiting.status);
}

static void sync_read(void *context, struct vml_block_request *request)
{
    struct disk *disk = context;

    wait_for(disk, request, disk->inner.ops->read);
}

static void sync_write(void *context, struct vml_block_request *request)
{
    struct disk *disk = context;

    wait_for(disk, request, disk->inner.ops->write);
}

static void sync_flush(void *context, struct vml_block_request *request)
{
    struct disk *disk = context;

    wait_for(disk, request, disk->inner.ops->flush);
}

static void sync_zero(void *context, struct vml_block_request *request)
{
    struct disk *disk = context;

    wait_for(disk, request, disk->inner.ops->zero);
}

static const struct vml_block_ops sync_ops = {
    .read = sync_read, .write = sync_write, .flush = sync_flush, .zero = sync_zero};

/* ------------------------------------------------------------------------------------------------ */

static struct vml_virtio *create(struct vm *vm, struct vm_virtio *v,
                                 const struct vml_virtio_platform *platform)
{
    struct disk *disk = v->device = calloc(1, sizeof(*disk));
    const char *path = v->options->file;
    struct vml_virtio_block_config config = {.platform = *platform};
    enum vml_status status;

    if (!disk) {
        vm_fail("out of memory");
    }
    status = vml_block_file_open(&disk->file, path, v->options->readonly, THREADS);
    if (status == VML_ERR_NOT_FOUND) {
        vm_fail("--disk '%s': there is no such file", path);
    }
    if (status == VML_ERR_ACCESS) {
        vm_fail("--disk '%s': must not be %s; '%s,ro' opens it read-only", path,
                v->options->readonly ? "read" : "written", path);
    }
    if (status == VML_ERR_BUSY) {
        vm_fail("--disk '%s': another program has it open, and one of them writes", path);
    }
    if (status != VML_OK) {
        vm_fail("--disk '%s': cannot be opened (%s)", path, vml_status_name(status));
    }
    if (disk->file.size < VML_VIRTIO_BLOCK_SECTOR) {
        vm_fail("--disk '%s': is smaller than a sector of %u bytes", path, VML_VIRTIO_BLOCK_SECTOR);
    }
    disk->inner = vml_block_file_backend(&disk->file);
    config.backend = vm->options.deterministic ? (struct vml_block){&sync_ops, disk} : disk->inner;
    config.capacity = disk->file.size / VML_VIRTIO_BLOCK_SECTOR;
    config.read_only = v->options->readonly;
    config.seg_max = SEGMENTS;
    memcpy(config.serial, v->options->name,
           vml_min_u64(strlen(v->options->name), sizeof(config.serial)));
    config.queues = &disk->queue;
    config.queue_count = 1;
    config.requests = disk->requests;
    config.request_count = REQUESTS;
    config.bufs = disk->bufs;
    vm_check(vml_virtio_block_init(&disk->block, &config), v->options->name);
    return &disk->block.virtio;
}

static void destroy(struct vm *vm, struct vm_virtio *v)
{
    struct disk *disk = v->device;

    (void)vm;
    vml_virtio_block_destroy(&disk->block);
    vml_block_file_close(&disk->file);
}

const struct vm_virtio_type vm_virtio_block_type = {
    .name = "block", .create = create, .destroy = destroy};
