/* What <vml/arch.h> promises, on the CPU that the test runs on. */
#include "test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vml/arch.h>

static void bit_scans(void **state)
{
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(vml_ctz32(UINT32_C(1) << i | UINT32_C(1) << 31), i);
        assert_int_equal(vml_clz32(UINT32_C(1) << i | 1u), 31 - i);
    }
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(vml_ctz64(UINT64_C(1) << i | UINT64_C(1) << 63), i);
        assert_int_equal(vml_clz64(UINT64_C(1) << i | 1u), 63 - i);
    }
    assert_int_equal(vml_popcount64(0), 0);
    assert_int_equal(vml_popcount64(UINT64_MAX), 64);
    assert_int_equal(vml_popcount64(UINT64_C(0x8000000100000001)), 3);
}

static void little_endian_at_any_address(void **state)
{
    uint8_t bytes[24];

    for (unsigned at = 0; at < 8; at++) {
        memset(bytes, 0xaa, sizeof(bytes));
        vml_store_le64(bytes + at, UINT64_C(0x1122334455667788));
        assert_int_equal(bytes[at], 0x88);
        assert_int_equal(bytes[at + 7], 0x11);
        assert_int_equal(bytes[at + 8], 0xaa);
        assert_true(vml_load_le64(bytes + at) == UINT64_C(0x1122334455667788));
        assert_int_equal(vml_load_le32(bytes + at), 0x55667788);
        assert_int_equal(vml_load_le16(bytes + at + 2), 0x5566);
        vml_store_le32(bytes + at, 0xfedcba98);
        vml_store_le16(bytes + at + 6, 0x1234);
        assert_true(vml_load_le64(bytes + at) == UINT64_C(0x12343344fedcba98));
    }
}

static void sizes(void **state)
{
    assert_true(vml_is_pow2(VML_CACHE_LINE_SIZE));
    assert_true(vml_is_pow2(VML_HOST_PAGE_SIZE));
    assert_int_equal(sysconf(_SC_PAGESIZE) % VML_HOST_PAGE_SIZE, 0);
}

static void counter_does_not_go_back(void **state)
{
    uint64_t last = vml_cycle_counter();
    uint64_t first = last;

    for (int i = 0; i < 100000; i++) {
        uint64_t now = vml_cycle_counter();

        vml_cpu_relax();
        assert_true(now >= last);
        last = now;
    }
    assert_true(last > first);
}

static void barriers_and_caches_keep_the_data(void **state)
{
    uint8_t buffer[1000];

    for (size_t i = 0; i < sizeof(buffer); i++) {
        buffer[i] = (uint8_t)(i * 7);
    }
    vml_barrier_compiler();
    vml_barrier_full();
    vml_barrier_read();
    vml_barrier_write();
    vml_barrier_device_full();
    vml_barrier_device_read();
    vml_barrier_device_write();
    for (size_t at = 0; at < 130; at += 13) {
        vml_cache_clean(buffer + at, sizeof(buffer) - at);
        vml_cache_clean_invalidate(buffer + at, sizeof(buffer) - at);
        vml_cache_clean(buffer + at, 0);
        vml_cache_clean_invalidate(buffer + at, 0);
        vml_cache_clean_invalidate(buffer + at, 1);
    }
    /* A length of zero touches no address at all. */
    vml_cache_clean(NULL, 0);
    vml_cache_clean_invalidate(NULL, 0);
    vml_icache_sync(NULL, 0);
    for (size_t i = 0; i < sizeof(buffer); i++) {
        assert_int_equal(buffer[i], (uint8_t)(i * 7));
    }
}

static void written_instructions_are_executed(void **state)
{
    uint8_t *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int (*function)(void);

    if (code == MAP_FAILED) {
        skip();
    }
    memcpy(&function, &code, sizeof(function));
    for (unsigned i = 0; i < 100; i++) {
#if defined(__x86_64__)
        code[0] = 0xb8; /* mov $i, %eax */
        vml_store_le32(code + 1, i);
        code[5] = 0xc3; /* ret */
        vml_icache_sync(code, 6);
#else
        vml_store_le32(code, 0x52800000u | i << 5); /* movz w0, #i */
        vml_store_le32(code + 4, 0xd65f03c0u);      /* ret */
        vml_icache_sync(code, 8);
#endif
        assert_int_equal(function(), i);
    }
    munmap(code, 4096);
}

static void breakpoint_traps(void **state)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGTRAP, SIG_DFL);
        vml_breakpoint();
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTRAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bit_scans),
        cmocka_unit_test(little_endian_at_any_address),
        cmocka_unit_test(sizes),
        cmocka_unit_test(counter_does_not_go_back),
        cmocka_unit_test(barriers_and_caches_keep_the_data),
        cmocka_unit_test(written_instructions_are_executed),
        cmocka_unit_test(breakpoint_traps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
