/* One thread: nothing here is locked. */
#include <vml/arch.h>
#include <vml/platform_null.h>

#define LINE_SIZE 512

static uint64_t now_ns;
static uint64_t realtime_offset_ns;
static struct vml_platform_timer *queue; /* armed timers, the earliest first */
static vml_log_sink_fn sink;
static void *sink_context;
static enum vml_log_level threshold = VML_LOG_INFO;

uint64_t vml_platform_time_ns(void)
{
    return now_ns;
}

uint64_t vml_platform_realtime_ns(void)
{
    return now_ns + realtime_offset_ns;
}

void vml_null_set_realtime(uint64_t time_ns)
{
    realtime_offset_ns = time_ns - now_ns;
}

void vml_null_set_time(uint64_t time_ns)
{
    while (queue != NULL && queue->deadline_ns <= time_ns) {
        struct vml_platform_timer *timer = queue;

        queue = timer->next;
        now_ns = vml_max_u64(now_ns, timer->deadline_ns);
        timer->deadline_ns = VML_TIME_NEVER;
        timer->fn(timer->context);
    }
    now_ns = vml_max_u64(now_ns, time_ns);
}

enum vml_status vml_platform_timer_init(struct vml_platform_timer *timer, vml_platform_timer_fn fn,
                                        void *context)
{
    timer->fn = fn;
    timer->context = context;
    timer->next = NULL;
    timer->deadline_ns = VML_TIME_NEVER;
    return VML_OK;
}

void vml_platform_timer_destroy(struct vml_platform_timer *timer)
{
    vml_platform_timer_arm(timer, VML_TIME_NEVER);
}

/* A deadline that has passed already fires when the time is next set: callbacks do not nest. */
void vml_platform_timer_arm(struct vml_platform_timer *timer, uint64_t deadline_ns)
{
    struct vml_platform_timer **link = &queue;

    while (*link != NULL && *link != timer) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = timer->next;
    }
    timer->deadline_ns = deadline_ns;
    if (deadline_ns == VML_TIME_NEVER) {
        return;
    }
    for (link = &queue; *link != NULL && (*link)->deadline_ns <= deadline_ns;) {
        link = &(*link)->next;
    }
    timer->next = *link;
    *link = timer;
}

void vml_log(enum vml_log_level level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    if (sink == NULL || level > threshold) {
        return;
    }
    va_start(args, format);
    (void)vml_null_format(line, sizeof(line), format, args);
    va_end(args);
    sink(sink_context, level, line);
}

void vml_log_set_sink(vml_log_sink_fn fn, void *context)
{
    sink = fn;
    sink_context = context;
}

void vml_log_set_level(enum vml_log_level level)
{
    threshold = level;
}

void vml_panic(const char *file, int line, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list args;

    if (sink != NULL) {
        va_start(args, format);
        (void)vml_null_format(text, sizeof(text), format, args);
        va_end(args);
        sink(sink_context, VML_LOG_ERROR, text);
    }
    vml_log(VML_LOG_ERROR, "panic at %s:%d", file, line);
    for (;;) {
        vml_breakpoint();
    }
}

enum vml_status vml_platform_entropy(void *buffer, size_t len)
{
    (void)buffer;
    (void)len;
    return VML_ERR_UNSUPPORTED;
}
