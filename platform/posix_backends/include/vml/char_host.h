/**
 * @file
 * @brief Character back ends on the host: the terminal, a pseudo-terminal, a Unix or TCP socket,
 * a log file.
 * @addtogroup vml_posix_backends
 * @{
 */
#ifndef VML_CHAR_HOST_H
#define VML_CHAR_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <termios.h>
#include <vml/chardev.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief What a back end is connected to. */
enum vml_char_host_kind {
    VML_CHAR_HOST_STDIO, /**< standard input and output; a terminal is raw until the back end closes */
    VML_CHAR_HOST_PTY,  /**< a new pseudo-terminal: `name` tells its path */
    VML_CHAR_HOST_UNIX, /**< a Unix socket that listens; one client at a time */
    VML_CHAR_HOST_TCP,  /**< a TCP port of this host alone (127.0.0.1); one client at a time */
    VML_CHAR_HOST_FILE, /**< a file that is appended to; no input */
};

/** @brief A back end. Members are private but `name`. */
struct vml_char_host {
    enum vml_char_host_kind kind; /**< as opened */
    char name[108];          /**< path of the pseudo-terminal or socket; number of the TCP port */
    struct vml_chardev peer; /**< the device's end */
    int in;                  /**< where input comes from; -1: nowhere. Of the thread */
    _Atomic int out;         /**< where output goes; -1: dropped */
    mode_t out_type;         /**< of what, as by fstat() */
    int standard_in;         /**< of STDIO: `in`, also after its end */
    int in_flags;      /**< of `standard_in`, which others share; to be restored. -1: not shared */
    int out_flags;     /**< likewise, of `out` */
    int listener;      /**< of UNIX and TCP */
    int wake[2];       /**< a pipe that ends the thread's waiting */
    _Atomic bool stop; /**< the thread is to end */
    _Atomic bool refused;     /**< the device waits for `ready` */
    bool started;             /**< the thread runs */
    _Atomic bool raw;         /**< `saved` is to be restored */
    struct termios saved;     /**< the terminal as it was */
    pthread_mutex_t out_lock; /**< keeps `out` open while it is written to */
    pthread_t thread;         /**< waits for input, room for output, clients */
};

/** @brief Opens a back end; nothing is read before vml_char_host_start().
 * @param host storage, kept in place until vml_char_host_close()
 * @param kind what it is connected to
 * @param path of UNIX (a socket there that nobody listens on is replaced) and FILE; of TCP the port's
 * number, 0 for any that is free; else NULL
 * @return VML_ERR_NOT_FOUND, VML_ERR_ACCESS, VML_ERR_IO, VML_ERR_INVALID; VML_ERR_BUSY when
 * something else has that name, or listens there. After an error there is nothing to close. */
VML_MUST_CHECK enum vml_status vml_char_host_open(struct vml_char_host *host,
                                                  enum vml_char_host_kind kind, const char *path);
/** @brief The back end's end, for the device's configuration. */
struct vml_chardev vml_char_host_end(struct vml_char_host *host);
/** @brief Connects the device and begins to read. @param peer the device's end
 * @return VML_ERR_NO_MEMORY; it is still to be closed then */
VML_MUST_CHECK enum vml_status vml_char_host_start(struct vml_char_host *host,
                                                   const struct vml_chardev *peer);
/** @brief Gives the terminal back as it was, and does nothing else. For what ends a process without
 * vml_char_host_close(): an atexit() function, a handler of SIGTERM, SIGHUP or SIGABRT. Safe in a
 * signal handler, on any thread, at any time between open and close, more than once. */
void vml_char_host_restore(struct vml_char_host *host);
/** @brief Stops reading, restores the terminal, closes. The device does not push any more. */
void vml_char_host_close(struct vml_char_host *host);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
