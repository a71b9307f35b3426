#include <vml/platform.h>

#include <stdio.h>
#include <stdlib.h>

#define LINE_SIZE 512

static vml_log_sink_fn sink;
static void *sink_context;
static enum vml_log_level threshold = VML_LOG_INFO;

static void write_line(enum vml_log_level level, const char *line)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    if (sink != NULL) {
        sink(sink_context, level, line);
    } else {
        fprintf(stderr, "vml: %s: %s\n", names[level], line);
    }
}

void vml_log(enum vml_log_level level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    if (level > __atomic_load_n(&threshold, __ATOMIC_RELAXED)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    write_line(level, line);
}

void vml_log_set_sink(vml_log_sink_fn fn, void *context)
{
    sink = fn;
    sink_context = context;
}

void vml_log_set_level(enum vml_log_level level)
{
    __atomic_store_n(&threshold, level, __ATOMIC_RELAXED);
}

void vml_panic(const char *file, int line, const char *format, ...)
{
    char reason[LINE_SIZE];
    char text[LINE_SIZE + 256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    (void)snprintf(text, sizeof(text), "panic: %s:%d: %s", file, line, reason);
    write_line(VML_LOG_ERROR, text);
    (void)fflush(NULL);
    abort();
}
