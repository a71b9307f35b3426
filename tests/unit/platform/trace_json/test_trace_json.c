/* The trace as JSON: a track per vCPU, slices of guest time, values that JSON's numbers would lose. */
#include "test.h"

#include <stdio.h>
#include <vml/trace_json.h>

#define CPUS     2
#define CAPACITY 8

static struct vml_debug debug;
static struct vml_trace_ring rings[CPUS + 1];
static struct vml_trace_event storage[(CPUS + 1) * CAPACITY];
static struct vml_trace_event events[CAPACITY];
static char text[8192];

static void export_trace(void)
{
    FILE *file = tmpfile();
    size_t n;

    assert_non_null(file);
    assert_int_equal(vml_trace_json(&debug, file, events, CAPACITY), VML_OK);
    rewind(file);
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
}

static void events_are_on_their_tracks(void **state)
{
    const char *at;

    (void)state;
    vml_debug_init(&debug);
    assert_int_equal(vml_debug_set_rings(&debug, rings, storage, CPUS, CAPACITY), VML_OK);
    vml_debug_set_tracing(&debug, true);
    vml_trace(&debug, 0, VML_TRACE_CPU_ENTER, 0, 0, 0);
    vml_trace(&debug, 0, VML_TRACE_CPU_EXIT, 7, 0, 0);
    vml_trace(&debug, 1, VML_TRACE_BUS_READ, UINT64_MAX, 2, 3);
    vml_trace(&debug, UINT32_MAX, (enum vml_trace_kind)(VML_TRACE_USER + 5), 0, 0, 0);
    export_trace();
    at = strstr(text, "\"name\":\"guest\",\"ph\":\"B\"");
    assert_non_null(at);
    at = strstr(at, "\"name\":\"guest\",\"ph\":\"E\"");
    assert_non_null(at);
    at = strstr(at, "\"vCPU 1\"");
    assert_non_null(at);
    at =
        strstr(at, "\"tid\":1,\"args\":{\"a\":\"0xffffffffffffffff\",\"b\":\"0x2\",\"c\":\"0x3\"}");
    assert_non_null(at);
    at = strstr(at, "\"other threads\"");
    assert_non_null(at);
    at = strstr(at, "\"name\":\"user 5\",\"ph\":\"i\",\"s\":\"t\"");
    assert_non_null(at);
    assert_string_equal(text + strlen(text) - 3, "]}\n");
}

static void a_vm_without_rings_has_an_empty_trace(void **state)
{
    (void)state;
    vml_debug_init(&debug);
    export_trace();
    assert_null(strstr(text, "thread_name"));
    assert_string_equal(text + strlen(text) - 3, "]}\n");
}

static void mistakes_and_full_disks_are_told(void **state)
{
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    vml_debug_init(&debug);
    assert_int_equal(vml_trace_json(NULL, stdout, events, CAPACITY), VML_ERR_INVALID);
    assert_int_equal(vml_trace_json(&debug, NULL, events, CAPACITY), VML_ERR_INVALID);
    assert_int_equal(vml_trace_json(&debug, stdout, NULL, CAPACITY), VML_ERR_INVALID);
    assert_int_equal(vml_trace_json(&debug, stdout, events, 0), VML_ERR_INVALID);
    if (full) {
        assert_int_equal(vml_trace_json(&debug, full, events, CAPACITY), VML_ERR_IO);
        fclose(full);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_on_their_tracks),
        cmocka_unit_test(a_vm_without_rings_has_an_empty_trace),
        cmocka_unit_test(mistakes_and_full_disks_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
