/**
 * @file
 * @brief The null platform: one thread, no operating system, time that somebody advances.
 *
 * It proves that the core needs nothing else, and is a template for a port.  Locks are nothing; a wait
 * that would block returns VML_ERR_TIMEOUT, whatever its deadline; threads, guest memory and entropy
 * are not there.  All functions are for the one thread.
 * @defgroup vml_platform_null Null platform
 * @{
 */
#ifndef VML_PLATFORM_NULL_H
#define VML_PLATFORM_NULL_H

#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Moves the time forward and runs the timers that come due, the earliest first; each sees its
 * own deadline as the time. An earlier time is ignored.
 * @param now_ns what vml_platform_time_ns() returns from now on; 0 at the start */
void vml_null_set_time(uint64_t now_ns);

/** @brief Sets the time of day. @param now_ns what vml_platform_realtime_ns() returns at this time;
 * it then advances with vml_null_set_time() */
void vml_null_set_realtime(uint64_t now_ns);

/**
 * @brief Formats as vml_log() does: what the core's messages use of printf.
 *
 * Conversions d i u x X c s p and %%, with flags - 0 # +, width, precision, and the lengths
 * hh h l ll z t j.  Another conversion is copied as it stands, and ends the formatting.
 * @param buffer receives at most `size` bytes, the last of them zero
 * @param size bytes, not 0
 * @param format printf's
 * @param args what it names
 * @return the number of bytes before the zero
 */
size_t vml_null_format(char *buffer, size_t size, const char *format, va_list args)
    VML_PRINTF(3, 0);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
