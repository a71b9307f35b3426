#include <inttypes.h>
#include <vml/trace_json.h>

/* Time in the guest is a slice that entry begins and exit ends; the rest are instants. */
static const char *phase(enum vml_trace_kind kind)
{
    switch (kind) {
    case VML_TRACE_CPU_ENTER:
        return "B";
    case VML_TRACE_CPU_EXIT:
        return "E";
    default:
        return "i\",\"s\":\"t";
    }
}

static void write_event(FILE *out, uint32_t track, const struct vml_trace_event *event)
{
    enum vml_trace_kind kind = (enum vml_trace_kind)event->kind;
    bool guest = kind == VML_TRACE_CPU_ENTER || kind == VML_TRACE_CPU_EXIT;

    fprintf(out, ",\n{\"name\":\"");
    if (guest) {
        fprintf(out, "guest");
    } else if (event->kind >= VML_TRACE_USER) {
        fprintf(out, "user %u", event->kind - (unsigned)VML_TRACE_USER);
    } else {
        fprintf(out, "%s", vml_trace_kind_name(kind));
    }
    fprintf(out,
            "\",\"ph\":\"%s\",\"ts\":%" PRIu64 ".%03u,\"pid\":0,\"tid\":%" PRIu32
            ",\"args\":{\"a\":\"0x%" PRIx64 "\",\"b\":\"0x%" PRIx64 "\",\"c\":\"0x%" PRIx32 "\"}}",
            phase(kind), event->time_ns / 1000, (unsigned)(event->time_ns % 1000), track, event->a,
            event->b, event->c);
}

enum vml_status vml_trace_json(struct vml_debug *debug, FILE *out, struct vml_trace_event *events,
                               size_t max)
{
    if (!debug || !out || !events || max == 0) {
        return VML_ERR_INVALID;
    }
    fprintf(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
                 "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":0,\"args\":{\"name\":\"vml\"}}");
    for (uint32_t ring = 0; debug->rings && ring <= debug->cpus; ring++) {
        size_t count = vml_trace_read(debug, ring, events, max);

        fprintf(out, ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":0,\"tid\":%" PRIu32, ring);
        if (ring < debug->cpus) {
            fprintf(out, ",\"args\":{\"name\":\"vCPU %" PRIu32 "\"}}", ring);
        } else {
            fprintf(out, ",\"args\":{\"name\":\"other threads\"}}");
        }
        for (size_t i = 0; i < count; i++) {
            write_event(out, ring, &events[i]);
        }
    }
    fprintf(out, "\n]}\n");
    return fflush(out) != 0 || ferror(out) ? VML_ERR_IO : VML_OK;
}
