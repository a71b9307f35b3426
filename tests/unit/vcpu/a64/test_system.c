/* system.S on two vCPUs that take turns: see there for what is tried. */
#include "test.h"

#include "board.h"

static const uint32_t words[] = {
#include "system.inc"
};

static struct board b;

/* All of it ran, and nothing failed. */
static void run(unsigned gic_version, void (*model)(struct vml_arm_ids *model), const char *result)
{
    struct vml_arm_ids m;

    model(&m);
    board_make(&b, gic_version, true, &m, words, VML_ARRAY_SIZE(words));
    assert_int_equal(board_run_turns(&b, 20000000), VML_A64_EXIT_OFF);
    if (strcmp(b.output, result) != 0) {
        fail_msg("%s", b.output);
    }
    board_end(&b);
}

static void with_a_gicv2(void **state)
{
    run(2, vml_a64_model_max, "checks: 11a\nfailures: 0\n");
}

static void with_a_gicv3(void **state)
{
    run(3, vml_a64_model_max, "checks: 11a\nfailures: 0\n");
}

static void without_options(void **state)
{
    run(3, vml_a64_model_v8_0, "checks: 113\nfailures: 0\n");
}

/* One state, no input: twice the same, to the last bit of memory and registers. */
static void a_million_instructions_twice(void **state)
{
    struct vml_arm_ids model;
    uint64_t hashes[2];

    vml_a64_model_max(&model);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t done = 0;

        board_make(&b, 3, true, &model, words, VML_ARRAY_SIZE(words));
        for (uint64_t until = 1000; done < 1000000 && until < 20000000; until += 1000) {
            enum vml_a64_exit why = board_run_turns(&b, until);

            assert_true(why == VML_A64_EXIT_BUDGET || why == VML_A64_EXIT_OFF);
            done = vml_a64_instructions(&b.cpu[0]) + vml_a64_instructions(&b.cpu[1]);
        }
        assert_true(done >= 1000000);
        assert_true(vml_a64_instructions(&b.cpu[1]) > 100000);
        hashes[i] = board_hash(&b);
        board_end(&b);
    }
    assert_int_equal(hashes[0], hashes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_gicv2),
        cmocka_unit_test(with_a_gicv3),
        cmocka_unit_test(without_options),
        cmocka_unit_test(a_million_instructions_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
