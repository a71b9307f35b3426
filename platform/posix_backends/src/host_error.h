/* What an error of the system is in vml's words. Private. */
#ifndef HOST_ERROR_H
#define HOST_ERROR_H

#include <errno.h>

#include <vml/base.h>

static inline enum vml_status host_status(int error)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return VML_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return VML_ERR_ACCESS;
    case EADDRINUSE:
    case EBUSY:
    case EWOULDBLOCK:
        return VML_ERR_BUSY;
    default:
        return VML_ERR_IO;
    }
}

#endif
