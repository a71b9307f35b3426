/*
 * The library against the model (ref_gic.h), by random operations.
 *
 * VML_GIC_REF_OPS says how many for each configuration, VML_GIC_REF_SEED where the numbers start.
 */
#include "ref_run.h"
#include "test.h"

/* The model takes time in proportion to the number of interrupts. */
static void compare(const struct ref_setup *setup)
{
    assert_true(ref_run(setup,
                        ref_from_environment("VML_GIC_REF_OPS", setup->spis > 200 ? 4500 : 39000),
                        ref_from_environment("VML_GIC_REF_SEED", 1)));
}

static void test_v2_one_vcpu(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv2, 1 vCPU", .version = 2, .cpus = 1, .spis = 64});
}

static void test_v2_four_vcpus(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv2, 4 vCPUs", .version = 2, .cpus = 4, .spis = 96});
}

static void test_v2_all_there_is(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv2, 8 vCPUs", .version = 2, .cpus = 8, .spis = 988});
}

static void test_v3_one_vcpu(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv3, 1 vCPU", .version = 3, .cpus = 1, .spis = 32});
}

static void test_v3_no_spis(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv3, no SPIs", .version = 3, .cpus = 2, .spis = 0});
}

static void test_v3_four_vcpus(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv3, 4 vCPUs", .version = 3, .cpus = 4, .spis = 96});
}

static void test_v3_clusters(void **state)
{
    (void)state;
    compare(&(struct ref_setup){
        .name = "GICv3, clusters", .version = 3, .cpus = 8, .spis = 988, .clusters = true});
}

static void test_v2_list_registers(void **state)
{
    (void)state;
    compare(&(struct ref_setup){
        .name = "GICv2, list registers", .version = 2, .cpus = 4, .spis = 96, .lrs = 4});
}

static void test_v3_list_registers(void **state)
{
    (void)state;
    compare(&(struct ref_setup){
        .name = "GICv3, list registers", .version = 3, .cpus = 4, .spis = 96, .lrs = 4});
}

static void test_v3_two_list_registers(void **state)
{
    (void)state;
    compare(&(struct ref_setup){
        .name = "GICv3, 2 list registers", .version = 3, .cpus = 2, .spis = 64, .lrs = 2});
}

static void test_v3_sixteen_list_registers(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv3, 16 list registers",
                                .version = 3,
                                .cpus = 8,
                                .spis = 988,
                                .clusters = true,
                                .lrs = 16});
}

static void test_v3_extended_ranges(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv3.1, extended ranges",
                                .version = 3,
                                .cpus = 4,
                                .spis = 64,
                                .eppis = 64,
                                .espis = 64,
                                .clusters = true});
}

static void test_v3_extended_ppis_only(void **state)
{
    (void)state;
    compare(&(struct ref_setup){
        .name = "GICv3.1, 32 extended PPIs", .version = 3, .cpus = 2, .spis = 0, .eppis = 32});
}

static void test_v3_extended_list_registers(void **state)
{
    (void)state;
    compare(&(struct ref_setup){.name = "GICv3.1, extended ranges, list registers",
                                .version = 3,
                                .cpus = 3,
                                .spis = 32,
                                .eppis = 64,
                                .espis = 32,
                                .lrs = 3});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v2_one_vcpu),
        cmocka_unit_test(test_v2_four_vcpus),
        cmocka_unit_test(test_v2_all_there_is),
        cmocka_unit_test(test_v3_one_vcpu),
        cmocka_unit_test(test_v3_no_spis),
        cmocka_unit_test(test_v3_four_vcpus),
        cmocka_unit_test(test_v3_clusters),
        cmocka_unit_test(test_v2_list_registers),
        cmocka_unit_test(test_v3_list_registers),
        cmocka_unit_test(test_v3_two_list_registers),
        cmocka_unit_test(test_v3_sixteen_list_registers),
        cmocka_unit_test(test_v3_extended_ranges),
        cmocka_unit_test(test_v3_extended_ppis_only),
        cmocka_unit_test(test_v3_extended_list_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
