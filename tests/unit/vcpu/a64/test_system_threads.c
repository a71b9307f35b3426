/* system.S on two vCPUs, a thread each: see there for what is tried. */
#include "test.h"

#include "board.h"

static const uint32_t words[] = {
#include "system.inc"
};

static struct board b;

static void run(unsigned gic_version)
{
    struct vml_arm_ids model;

    vml_a64_model_max(&model);
    board_make(&b, gic_version, false, &model, words, VML_ARRAY_SIZE(words));
    board_run_threads(&b);
    if (!strstr(b.output, "\nfailures: 0\n")) {
        fail_msg("%s", b.output);
    }
    board_end(&b);
}

static void with_a_gicv2(void **state)
{
    run(2);
}

static void with_a_gicv3(void **state)
{
    run(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_gicv2),
        cmocka_unit_test(with_a_gicv3),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
