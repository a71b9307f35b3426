#include <vml/base.h>

const char *vml_status_name(enum vml_status status)
{
    static const char *const names[] = {
        "VML_OK",
        "VML_ERR_INVALID",
        "VML_ERR_RANGE",
        "VML_ERR_OVERLAP",
        "VML_ERR_NO_SPACE",
        "VML_ERR_NOT_FOUND",
        "VML_ERR_STATE",
        "VML_ERR_BUSY",
        "VML_ERR_AGAIN",
        "VML_ERR_TIMEOUT",
        "VML_ERR_CORRUPT",
        "VML_ERR_VERSION",
        "VML_ERR_UNSUPPORTED",
        "VML_ERR_ACCESS",
        "VML_ERR_IO",
        "VML_ERR_NO_MEMORY",
    };
    int index = -(int)status;

    if (index < 0 || (size_t)index >= VML_ARRAY_SIZE(names)) {
        return "VML_ERR_?";
    }
    return names[index];
}
