/* CPU_ON of one target by several vCPUs at once: exactly one SUCCESS. */
#include "machine.h"

#define ROUNDS 200

static _Atomic uint32_t successes;
static _Atomic uint32_t others;

static void caller(void *context)
{
    struct vml_smccc_call call = {.cpu = context, .conduit = VML_SMCCC_HVC};

    call.x[0] = VML_PSCI_CPU_ON | VML_SMCCC_SMC64;
    call.x[1] = 0x101;
    call.x[2] = ENTRY;
    if (vml_smccc_handle(&m.smccc, &call) != VML_OK) {
        return;
    }
    switch ((int64_t)call.x[0]) {
    case VML_PSCI_SUCCESS:
        atomic_fetch_add(&successes, 1);
        break;
    case VML_PSCI_ALREADY_ON:
    case VML_PSCI_ON_PENDING:
        atomic_fetch_add(&others, 1);
        break;
    default:
        break;
    }
}

static void owner(void *context)
{
    if (vml_cpu_wait_on(context) != VML_OK) {
        atomic_fetch_add(&others, 100);
    }
}

static void test_exactly_one_succeeds(void **state)
{
    machine_make();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct vml_thread threads[4];

        atomic_store(&successes, 0);
        atomic_store(&others, 0);
        assert_int_equal(vml_thread_create(&threads[3], "target", owner, &m.cpu[3]), VML_OK);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(vml_thread_create(&threads[i], "caller", caller, &m.cpu[i]), VML_OK);
        }
        for (unsigned i = 0; i < 4; i++) {
            vml_thread_join(&threads[i]);
        }
        assert_int_equal(atomic_load(&successes), 1);
        assert_int_equal(atomic_load(&others), 2);
        vml_cpu_stop(&m.cpu[3]);
        assert_int_equal(vml_cpu_enter(&m.cpu[3]), VML_ERR_STATE);
    }
    machine_destroy();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exactly_one_succeeds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
