/**
 * @file
 * @brief A disk image in a file (or a block device), served by a few threads.
 * @defgroup vml_posix_backends Back ends on POSIX systems
 * @{
 */
#ifndef VML_BLOCK_FILE_H
#define VML_BLOCK_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <vml/block.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief The most threads of a disk image. */
#define VML_BLOCK_FILE_MAX_THREADS 16u

/** @brief A disk image. Members are private. */
struct vml_block_file {
    int fd;                                        /**< the open file */
    uint64_t size;                                 /**< bytes when it was opened */
    bool read_only;                                /**< as asked for */
    _Atomic bool lost;                             /**< something could not be made durable */
    bool stop;                                     /**< threads are to end; under `lock` */
    uint32_t busy;                                 /**< requests with a thread; under `lock` */
    uint32_t thread_count;                         /**< running */
    struct vml_block_request *first;               /**< waiting; under `lock` */
    struct vml_block_request *last;                /**< of them */
    pthread_mutex_t lock;                          /**< of the queue */
    pthread_cond_t work;                           /**< something waits, or `stop` */
    pthread_cond_t quiet;                          /**< nothing is busy */
    pthread_t threads[VML_BLOCK_FILE_MAX_THREADS]; /**< the workers */
};

/** @brief Opens an image and starts its threads.
 * @param file storage, kept in place until vml_block_file_close()
 * @param path name of a file or block device
 * @param read_only open it so
 * @param threads how many requests are worked on at a time: 1 to VML_BLOCK_FILE_MAX_THREADS
 * @return VML_ERR_NOT_FOUND, VML_ERR_ACCESS, VML_ERR_IO, VML_ERR_NO_MEMORY; VML_ERR_BUSY while another
 * open image, of any process, may write to it, or this one would while others read; VML_ERR_INVALID
 * for what is no file or block device. After an error there is nothing to close. */
VML_MUST_CHECK enum vml_status vml_block_file_open(struct vml_block_file *file, const char *path,
                                                   bool read_only, uint32_t threads);
/** @brief Ends all requests and the threads, writes everything to the disk, and closes the file. */
void vml_block_file_close(struct vml_block_file *file);
/** @brief The image as a back end for struct vml_virtio_block_config. Once a flush has failed all of
 * them do, since nobody can know what the disk has. */
struct vml_block vml_block_file_backend(struct vml_block_file *file);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
