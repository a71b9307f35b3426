/* A debugger that talks on one thread to a machine that stops on another. */
#include "test.h"

#include <stdatomic.h>

#include "machine.h"

enum { ROUNDS = 300 };

static struct vml_gdb gdb;
static struct vml_signal resumed, answered;
static _Atomic bool standing, done;
static _Atomic unsigned stops; /* stop replies */
static _Atomic unsigned bytes_in;
static char last; /* of what was sent; the peer is called by one thread at a time */

static void stop(void *context)
{
    (void)context;
    if (!atomic_exchange(&standing, true)) {
        vml_gdb_stopped(&gdb, 0, VML_GDB_INTERRUPTED);
    }
}

static enum vml_status resume(void *context, enum vml_gdb_how how, uint32_t cpu)
{
    (void)context;
    (void)how;
    (void)cpu;
    atomic_store(&standing, false);
    vml_signal_set(&resumed);
    return VML_OK;
}

static bool read_register(void *context, uint32_t cpu, uint32_t number, uint8_t *bytes)
{
    (void)context;
    (void)cpu;
    memset(bytes, 0, vml_gdb_aarch64.register_sizes[number]);
    return atomic_load(&standing);
}

static bool write_register(void *context, uint32_t cpu, uint32_t number, const uint8_t *bytes)
{
    (void)context;
    (void)cpu;
    (void)number;
    (void)bytes;
    return true;
}

static size_t read_memory(void *context, uint32_t cpu, uint64_t address, uint8_t *bytes, size_t len)
{
    (void)context;
    (void)cpu;
    (void)address;
    memset(bytes, 0, len);
    return len;
}

static size_t write_memory(void *context, uint32_t cpu, uint64_t address, const uint8_t *bytes,
                           size_t len)
{
    (void)context;
    (void)cpu;
    (void)address;
    (void)bytes;
    return len;
}

static const struct vml_gdb_ops ops = {.stop = stop,
                                       .resume = resume,
                                       .read_register = read_register,
                                       .write_register = write_register,
                                       .read_memory = read_memory,
                                       .write_memory = write_memory};

static size_t peer_push(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++) {
        if (last == '$' && bytes[i] == 'T') {
            atomic_fetch_add(&stops, 1);
            vml_signal_set(&answered);
        }
        last = (char)bytes[i];
    }
    atomic_fetch_add(&bytes_in, (unsigned)len);
    return len;
}

static const struct vml_chardev_ops peer_ops = {.push = peer_push};

static void wait_for(struct vml_signal *signal)
{
    enum vml_status status = vml_signal_wait_until(signal, VML_TIME_NEVER);

    if (status != VML_OK) {
        abort();
    }
}

/* A vCPU that comes to a breakpoint at once. */
static void vcpu(void *context)
{
    (void)context;
    while (!atomic_load(&done)) {
        wait_for(&resumed);
        if (!atomic_load(&done) && !atomic_exchange(&standing, true)) {
            vml_gdb_stopped(&gdb, 0, VML_GDB_BREAKPOINT);
        }
    }
}

static void each_resume_has_one_stop(void **state)
{
    static const char round[] = "$vCont;c#a8\003";
    struct vml_gdb_config config = {
        .ops = &ops, .target = &vml_gdb_aarch64, .cpus = 1, .peer = {&peer_ops, NULL}};
    struct vml_thread thread;
    struct vml_chardev end;

    (void)state;
    vml_signal_init(&resumed);
    vml_signal_init(&answered);
    assert_int_equal(vml_gdb_init(&gdb, &config), VML_OK);
    end = vml_gdb_end(&gdb);
    vml_chardev_event(&end, VML_CHARDEV_OPENED);
    assert_int_equal(vml_thread_create(&thread, "vcpu", vcpu, NULL), VML_OK);
    for (unsigned i = 0; i < ROUNDS; i++) {
        /* The interrupt and the breakpoint meet: one of the two is told. */
        assert_int_equal(vml_chardev_push(&end, (const uint8_t *)round, sizeof(round) - 1),
                         sizeof(round) - 1);
        while (atomic_load(&stops) == i) {
            wait_for(&answered);
        }
        assert_int_equal(atomic_load(&stops), i + 1);
    }
    atomic_store(&done, true);
    vml_signal_set(&resumed);
    vml_thread_join(&thread);
    assert_int_equal(atomic_load(&stops), ROUNDS);
    vml_gdb_destroy(&gdb);
    vml_signal_destroy(&answered);
    vml_signal_destroy(&resumed);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(each_resume_has_one_stop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
