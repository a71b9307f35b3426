/* Levels, the trace rings, and assertions. */
#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vml/debug.h>

#define CPUS     2
#define CAPACITY 4

static struct vml_trace_ring rings[CPUS + 1];
static struct vml_trace_event events[(CPUS + 1) * CAPACITY];
static struct vml_debug debug;

static int setup(void **state)
{
    vml_debug_init(&debug);
    assert_int_equal(vml_debug_set_rings(&debug, rings, events, CPUS, CAPACITY), VML_OK);
    return 0;
}

static void levels_include_those_below(void **state)
{
    assert_false(vml_debug_enabled(NULL, VML_DEBUG_CONDENSED));
    assert_false(vml_debug_enabled(&debug, VML_DEBUG_CONDENSED));
    vml_debug_set_level(&debug, VML_DEBUG_DETAILED);
    assert_true(vml_debug_enabled(&debug, VML_DEBUG_CONDENSED));
    assert_true(vml_debug_enabled(&debug, VML_DEBUG_DETAILED));
    assert_false(vml_debug_enabled(&debug, VML_DEBUG_FULL));
}

static void a_level_and_tracing_are_both_watching(void **state)
{
    assert_false(vml_debug_watched(NULL));
    assert_false(vml_debug_watched(&debug));
    vml_debug_set_level(&debug, VML_DEBUG_CONDENSED);
    assert_true(vml_debug_watched(&debug));
    vml_debug_set_tracing(&debug, true);
    vml_debug_set_level(&debug, VML_DEBUG_NONE);
    assert_true(vml_debug_watched(&debug));
    vml_debug_set_tracing(&debug, false);
    assert_false(vml_debug_watched(&debug));
}

static void tracing_needs_rings(void **state)
{
    struct vml_debug none;
    struct vml_trace_event got;

    vml_debug_init(&none);
    vml_debug_set_tracing(&none, true);
    assert_false(vml_trace_on(&none));
    assert_false(vml_trace_on(NULL));
    vml_trace(&none, 0, VML_TRACE_IRQ_ACK, 1, 2, 3);
    vml_trace(NULL, 0, VML_TRACE_IRQ_ACK, 1, 2, 3);
    assert_int_equal(vml_trace_read(&none, 0, &got, 1), 0);
}

static void rings_are_checked(void **state)
{
    struct vml_debug d;

    vml_debug_init(&d);
    assert_int_equal(vml_debug_set_rings(&d, NULL, events, CPUS, 4), VML_ERR_INVALID);
    assert_int_equal(vml_debug_set_rings(&d, rings, NULL, CPUS, 4), VML_ERR_INVALID);
    assert_int_equal(vml_debug_set_rings(&d, rings, events, CPUS, 3), VML_ERR_INVALID);
    assert_int_equal(vml_debug_set_rings(&d, rings, events, CPUS, 1), VML_ERR_INVALID);
    assert_int_equal(vml_debug_set_rings(&d, rings, events, CPUS, 0), VML_ERR_INVALID);
    assert_int_equal(vml_debug_set_rings(&d, rings, events, UINT32_MAX, 4), VML_ERR_INVALID);
    vml_debug_set_tracing(&debug, true);
    assert_int_equal(vml_debug_set_rings(&debug, rings, events, CPUS, 4), VML_ERR_STATE);
}

static void events_are_kept_by_cpu(void **state)
{
    struct vml_trace_event got[CAPACITY];

    vml_trace(&debug, 0, VML_TRACE_IRQ_ACK, 1, 2, 3);
    assert_int_equal(vml_trace_read(&debug, 0, got, CAPACITY), 0);
    vml_debug_set_tracing(&debug, true);
    vml_trace(&debug, 1, VML_TRACE_IRQ_ACK, 33, 0xa0, 7);
    vml_trace(&debug, UINT32_MAX, VML_TRACE_MSI, 1, 2, 3);
    assert_int_equal(vml_trace_read(&debug, 0, got, CAPACITY), 0);
    assert_int_equal(vml_trace_read(&debug, 1, got, CAPACITY), 1);
    assert_int_equal(got[0].kind, VML_TRACE_IRQ_ACK);
    assert_true(got[0].a == 33 && got[0].b == 0xa0);
    assert_int_equal(got[0].c, 7);
    assert_int_equal(got[0].cpu, 1);
    assert_true(got[0].time_ns <= vml_platform_time_ns());
    assert_int_equal(vml_trace_read(&debug, CPUS, got, CAPACITY), 1);
    assert_int_equal(got[0].cpu, 0xffff);
    assert_int_equal(vml_trace_read(&debug, CPUS + 1, got, CAPACITY), 0);
    assert_int_equal(vml_trace_read(&debug, 1, got, 0), 0);
    vml_debug_set_tracing(&debug, false);
    vml_trace(&debug, 1, VML_TRACE_IRQ_ACK, 34, 0, 0);
    assert_int_equal(vml_trace_read(&debug, 1, got, CAPACITY), 1);
}

static void the_newest_events_stay(void **state)
{
    struct vml_trace_event got[CAPACITY];

    vml_debug_set_tracing(&debug, true);
    for (uint64_t i = 0; i < 11; i++) {
        vml_trace(&debug, 0, VML_TRACE_USER, i, 0, 0);
        /* Nobody is writing: all of a full ring is there. */
        assert_int_equal(vml_trace_read(&debug, 0, got, CAPACITY),
                         i + 1 < CAPACITY ? i + 1 : CAPACITY);
    }
    for (uint64_t i = 0; i < CAPACITY; i++) {
        assert_true(got[i].a == 11 - CAPACITY + i);
    }
    assert_int_equal(vml_trace_read(&debug, 0, got, 2), 2);
    assert_true(got[0].a == 9 && got[1].a == 10);
}

static void kinds_have_names(void **state)
{
    assert_string_equal(vml_trace_kind_name(VML_TRACE_BUS_READ), "bus read");
    assert_string_equal(vml_trace_kind_name(VML_TRACE_SYSREG_WRITE), "sysreg write");
    for (int a = VML_TRACE_BUS_READ; a <= VML_TRACE_SYSREG_WRITE; a++) {
        assert_string_not_equal(vml_trace_kind_name((enum vml_trace_kind)a), "?");
        for (int b = VML_TRACE_BUS_READ; b < a; b++) {
            assert_string_not_equal(vml_trace_kind_name((enum vml_trace_kind)a),
                                    vml_trace_kind_name((enum vml_trace_kind)b));
        }
    }
    assert_string_equal(vml_trace_kind_name(VML_TRACE_NONE), "?");
    assert_string_equal(vml_trace_kind_name((enum vml_trace_kind)1000), "?");
    assert_string_equal(vml_trace_kind_name(VML_TRACE_USER), "user");
}

static void die(int how)
{
    VML_ASSERT(how != 0);
    if (how == 1) {
        VML_ABORT_UNDEFINED("u");
    } else if (how == 2) {
        VML_ABORT_UNEXPECTED("x");
    } else if (how == 3) {
        VML_ABORT_HARDWARE("h");
    } else if (how == 4) {
        VML_ABORT_CONFIG("c");
    }
    VML_ABORT_UNSUPPORTED("s");
}

static void broken_promises_end_the_program(void **state)
{
    static const char *const texts[] = {
        "assertion failed: how != 0", "undefined: u",         "unexpected: x",
        "unsupported hardware: h",    "bad configuration: c", "not supported: s"};

    for (int how = 0; how < 6; how++) {
        char text[512] = {0};
        int out[2];
        int status = 0;
        pid_t child;

        assert_int_equal(pipe(out), 0);
        child = fork();
        if (child == 0) {
            (void)dup2(out[1], 2);
            die(how);
        }
        (void)close(out[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(read(out[0], text, sizeof(text) - 1) > 0);
        (void)close(out[0]);
        assert_non_null(strstr(text, texts[how]));
        assert_non_null(strstr(text, "test_debug.c"));
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(levels_include_those_below, setup),
        cmocka_unit_test_setup(a_level_and_tracing_are_both_watching, setup),
        cmocka_unit_test_setup(tracing_needs_rings, setup),
        cmocka_unit_test_setup(rings_are_checked, setup),
        cmocka_unit_test_setup(events_are_kept_by_cpu, setup),
        cmocka_unit_test_setup(the_newest_events_stay, setup),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(broken_promises_end_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
