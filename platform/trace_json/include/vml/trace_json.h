/**
 * @file
 * @brief Writes a VM's trace in the JSON format of Chrome's and Perfetto's trace viewers.
 * @defgroup vml_trace_json Trace export
 * @{
 */
#ifndef VML_TRACE_JSON_H
#define VML_TRACE_JSON_H

#include <stdio.h>
#include <vml/debug.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Writes all rings: a track for each vCPU, and one for the other threads.
 *
 * Arguments are strings in hexadecimal, since 64-bit numbers do not survive in JSON. Any thread; the
 * VM may run meanwhile.
 * @param debug with rings; without them the trace is empty
 * @param out where to; stays open
 * @param events for copies of events: one ring's worth, or older events are left out
 * @param max events that fit there, not 0
 * @return VML_ERR_INVALID; VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_trace_json(struct vml_debug *debug, FILE *out,
                                              struct vml_trace_event *events, size_t max);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
