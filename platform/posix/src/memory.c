#if defined(__linux__)
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* memfd_create, MADV_HUGEPAGE */
#endif
#endif
#include <vml/platform.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif

static enum vml_status status_of_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return VML_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return VML_ERR_ACCESS;
    case ENOMEM:
    case EAGAIN:
    case ENOSPC:
    case EOVERFLOW:
    case EFBIG:
        return VML_ERR_NO_MEMORY;
    case EINVAL:
        return VML_ERR_INVALID;
    default:
        return VML_ERR_IO;
    }
}

/* A descriptor of memory that has no name, or whose name is gone at once. */
static int shared_descriptor(void)
{
#if defined(__linux__)
    return memfd_create("vml", MFD_CLOEXEC);
#else
    char name[64];
    int fd;

    (void)snprintf(name, sizeof(name), "/vml.%ld.%llx", (long)getpid(),
                   (unsigned long long)vml_platform_time_ns());
    fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd >= 0) {
        (void)shm_unlink(name);
    }
    return fd;
#endif
}

/* Opens the file and says how long it is; a mapping beyond its end would be a trap for the process. */
static enum vml_status open_file(const char *path, bool writable, uint64_t *size, int *fd)
{
    struct stat st;

    *fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (*fd < 0) {
        return status_of_errno();
    }
    if (fstat(*fd, &st) != 0) {
        return VML_ERR_IO;
    }
    if (!S_ISREG(st.st_mode)) {
        return VML_ERR_INVALID;
    }
    if (*size == 0) {
        *size = (uint64_t)st.st_size;
    }
    return *size == 0 || *size > (uint64_t)st.st_size ? VML_ERR_INVALID : VML_OK;
}

static enum vml_status map(struct vml_memory *memory, uint32_t flags, bool shared)
{
    int protection = (flags & VML_MEMORY_READONLY) != 0 ? PROT_READ : PROT_READ | PROT_WRITE;
    int kind = shared ? MAP_SHARED : MAP_PRIVATE;

    if (memory->size > SIZE_MAX) {
        return VML_ERR_NO_MEMORY;
    }
    if (memory->fd < 0) {
        kind |= MAP_ANONYMOUS;
#if defined(MAP_NORESERVE)
        kind |= MAP_NORESERVE;
#endif
    }
    memory->host = mmap(NULL, (size_t)memory->size, protection, kind, memory->fd, 0);
    if (memory->host == MAP_FAILED) {
        return status_of_errno();
    }
#if defined(MADV_HUGEPAGE)
    if ((flags & VML_MEMORY_HUGE) != 0) {
        (void)madvise(memory->host, (size_t)memory->size, MADV_HUGEPAGE);
    }
#endif
    return VML_OK;
}

enum vml_status vml_memory_map(struct vml_memory *memory, enum vml_memory_kind kind,
                               const char *path, uint64_t size, uint32_t flags)
{
    struct vml_memory result = {.size = size, .fd = -1, .kind = kind};
    bool of_file = kind == VML_MEMORY_FILE || kind == VML_MEMORY_FILE_COW;
    enum vml_status status = VML_OK;

    if ((flags & ~(VML_MEMORY_HUGE | VML_MEMORY_READONLY)) != 0 || of_file != (path != NULL) ||
        (size == 0 && !of_file)) {
        return VML_ERR_INVALID;
    }
    switch (kind) {
    case VML_MEMORY_ANONYMOUS:
        break;
    case VML_MEMORY_SHARED:
        result.fd = shared_descriptor();
        if (result.fd < 0 || size > INT64_MAX || ftruncate(result.fd, (off_t)size) != 0) {
            status = size > INT64_MAX ? VML_ERR_NO_MEMORY : status_of_errno();
        }
        break;
    case VML_MEMORY_FILE:
        status = open_file(path, (flags & VML_MEMORY_READONLY) == 0, &result.size, &result.fd);
        break;
    case VML_MEMORY_FILE_COW:
        status = open_file(path, false, &result.size, &result.fd);
        break;
    default:
        return VML_ERR_INVALID;
    }
    if (status == VML_OK) {
        status = map(&result, flags, kind == VML_MEMORY_SHARED || kind == VML_MEMORY_FILE);
    }
    if (result.fd >= 0 && (status != VML_OK || kind == VML_MEMORY_FILE_COW)) {
        (void)close(result.fd);
        result.fd = -1;
    }
    if (status == VML_OK) {
        *memory = result;
    }
    return status;
}

void vml_memory_unmap(struct vml_memory *memory)
{
    if (memory->host != NULL) {
        (void)munmap(memory->host, (size_t)memory->size);
        memory->host = NULL;
    }
    if (memory->fd >= 0) {
        (void)close(memory->fd);
        memory->fd = -1;
    }
}

enum vml_status vml_platform_entropy(void *buffer, size_t len)
{
    unsigned char *p = buffer;

    /* One call gives at most 256 bytes. */
    while (len != 0) {
        size_t part = len < 256 ? len : 256;

        if (getentropy(p, part) != 0) {
            return VML_ERR_UNSUPPORTED;
        }
        p += part;
        len -= part;
    }
    return VML_OK;
}
