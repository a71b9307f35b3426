/* Threads take requests in their order and work on them with preadv and pwritev. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vml/block_file.h>

#include "host_error.h"
#include "host_thread.h"

enum kind { READ, WRITE, FLUSH, ZERO };

#define MAX_IOV   64
#define ZERO_PART 65536u

/* Moves bytes between buffers and the file; behind the end of the file is zero. */
static enum vml_status move(int fd, const struct vml_block_request *r, bool write)
{
    uint64_t at = r->offset;
    uint32_t i = 0;
    uint64_t skip = 0; /* bytes of buffer i that are done */

    while (i < r->buf_count) {
        struct iovec iov[MAX_IOV];
        int n = 0;
        ssize_t done;

        for (uint32_t k = i; k < r->buf_count && n < MAX_IOV; k++) {
            uint64_t from = k == i ? skip : 0;

            iov[n].iov_base = r->bufs[k].host + from;
            iov[n].iov_len = r->bufs[k].len - from;
            n++;
        }
        done = write ? pwritev(fd, iov, n, (off_t)at) : preadv(fd, iov, n, (off_t)at);
        if (done < 0 || (done == 0 && write)) {
            return VML_ERR_IO;
        }
        if (done == 0) {
            for (; i < r->buf_count; i++, skip = 0) {
                memset(r->bufs[i].host + skip, 0, r->bufs[i].len - skip);
            }
            return VML_OK;
        }
        at += (uint64_t)done;
        skip += (uint64_t)done;
        while (i < r->buf_count && skip >= r->bufs[i].len) {
            skip -= r->bufs[i].len;
            i++;
        }
    }
    return VML_OK;
}

/* A system may forget what it could not write once it has told of it, and then finds nothing left to
 * write: what failed once stays failed. */
static enum vml_status sync_file(struct vml_block_file *file)
{
    if (fdatasync(file->fd) != 0) {
        atomic_store(&file->lost, true);
    }
    return atomic_load(&file->lost) ? VML_ERR_IO : VML_OK;
}

static enum vml_status write_zeroes(int fd, uint64_t offset, uint64_t length)
{
    static const uint8_t zeroes[ZERO_PART];

    while (length != 0) {
        ssize_t done =
            pwrite(fd, zeroes, length < ZERO_PART ? (size_t)length : ZERO_PART, (off_t)offset);

        if (done <= 0) {
            return VML_ERR_IO;
        }
        offset += (uint64_t)done;
        length -= (uint64_t)done;
    }
    return VML_OK;
}

static enum vml_status zero(int fd, const struct vml_block_request *r)
{
    int mode = r->unmap ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
                        : FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;

    if (r->length == 0 || fallocate(fd, mode, (off_t)r->offset, (off_t)r->length) == 0) {
        return VML_OK;
    }
    return r->discard ? VML_OK : write_zeroes(fd, r->offset, r->length);
}

static enum vml_status work_on(struct vml_block_file *file, const struct vml_block_request *r)
{
    enum vml_status status;

    switch (r->kind) {
    case READ:
        return move(file->fd, r, false);
    case WRITE:
        status = file->read_only ? VML_ERR_ACCESS : move(file->fd, r, true);
        break;
    case ZERO:
        status = file->read_only ? VML_ERR_ACCESS : zero(file->fd, r);
        break;
    default:
        return file->read_only ? VML_OK : sync_file(file);
    }
    return status == VML_OK && r->durable ? sync_file(file) : status;
}

static struct vml_block_request *take(struct vml_block_file *file)
{
    struct vml_block_request *r = file->first;

    if (r) {
        file->first = r->next;
    }
    return r;
}

static void *worker(void *context)
{
    struct vml_block_file *file = context;

    pthread_mutex_lock(&file->lock);
    for (;;) {
        struct vml_block_request *r = take(file);

        if (!r) {
            if (file->stop) {
                break;
            }
            pthread_cond_wait(&file->work, &file->lock);
            continue;
        }
        file->busy++;
        pthread_mutex_unlock(&file->lock);
        r->done(r, work_on(file, r));
        pthread_mutex_lock(&file->lock);
        if (--file->busy == 0) {
            pthread_cond_broadcast(&file->quiet);
        }
    }
    pthread_mutex_unlock(&file->lock);
    return NULL;
}

static void submit(void *context, struct vml_block_request *r, enum kind kind)
{
    struct vml_block_file *file = context;

    r->kind = kind;
    r->next = NULL;
    pthread_mutex_lock(&file->lock);
    if (file->first) {
        file->last->next = r;
    } else {
        file->first = r;
    }
    file->last = r;
    pthread_cond_signal(&file->work);
    pthread_mutex_unlock(&file->lock);
}

static void file_read(void *context, struct vml_block_request *r)
{
    submit(context, r, READ);
}

static void file_write(void *context, struct vml_block_request *r)
{
    submit(context, r, WRITE);
}

static void file_flush(void *context, struct vml_block_request *r)
{
    submit(context, r, FLUSH);
}

static void file_zero(void *context, struct vml_block_request *r)
{
    submit(context, r, ZERO);
}

static void file_cancel(void *context)
{
    struct vml_block_file *file = context;
    struct vml_block_request *r;

    pthread_mutex_lock(&file->lock);
    while ((r = take(file)) != NULL) {
        pthread_mutex_unlock(&file->lock);
        r->done(r, VML_ERR_STATE);
        pthread_mutex_lock(&file->lock);
    }
    while (file->busy != 0) {
        pthread_cond_wait(&file->quiet, &file->lock);
    }
    pthread_mutex_unlock(&file->lock);
}

static const struct vml_block_ops ops = {
    .read = file_read,
    .write = file_write,
    .flush = file_flush,
    .zero = file_zero,
    .cancel = file_cancel,
};

struct vml_block vml_block_file_backend(struct vml_block_file *file)
{
    return (struct vml_block){.ops = &ops, .context = file};
}

/* Opens and locks: two writers of one image would destroy it. */
static enum vml_status open_image(struct vml_block_file *file, const char *path)
{
    struct stat st;
    off_t size;

    file->fd = open(path, (file->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (file->fd < 0) {
        return errno == EISDIR ? VML_ERR_INVALID : host_status(errno);
    }
    if (fstat(file->fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
        return VML_ERR_INVALID;
    }
    if (flock(file->fd, (file->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 &&
        errno == EWOULDBLOCK) {
        return VML_ERR_BUSY;
    }
    size = lseek(file->fd, 0, SEEK_END);
    file->size = (uint64_t)size;
    return size < 0 ? VML_ERR_IO : VML_OK;
}

enum vml_status vml_block_file_open(struct vml_block_file *file, const char *path, bool read_only,
                                    uint32_t threads)
{
    enum vml_status status;

    if (threads == 0 || threads > VML_BLOCK_FILE_MAX_THREADS) {
        return VML_ERR_INVALID;
    }
    memset(file, 0, sizeof(*file));
    file->read_only = read_only;
    status = open_image(file, path);
    if (status != VML_OK) {
        if (file->fd >= 0) {
            close(file->fd);
        }
        return status;
    }
    pthread_mutex_init(&file->lock, NULL);
    pthread_cond_init(&file->work, NULL);
    pthread_cond_init(&file->quiet, NULL);
    for (; file->thread_count < threads; file->thread_count++) {
        if (host_thread_start(&file->threads[file->thread_count], worker, file) != VML_OK) {
            vml_block_file_close(file);
            return VML_ERR_NO_MEMORY;
        }
    }
    return VML_OK;
}

void vml_block_file_close(struct vml_block_file *file)
{
    file_cancel(file);
    pthread_mutex_lock(&file->lock);
    file->stop = true;
    pthread_cond_broadcast(&file->work);
    pthread_mutex_unlock(&file->lock);
    for (uint32_t i = 0; i < file->thread_count; i++) {
        pthread_join(file->threads[i], NULL);
    }
    if (!file->read_only) {
        (void)!fdatasync(file->fd);
    }
    close(file->fd);
    pthread_mutex_destroy(&file->lock);
    pthread_cond_destroy(&file->work);
    pthread_cond_destroy(&file->quiet);
}
