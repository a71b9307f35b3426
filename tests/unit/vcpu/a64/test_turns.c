/* Deterministic running. */
#include "test.h"

#include "guest.h"
#include "programs.h"

static struct guest g;

struct events {
    uint64_t deadline;
    uint64_t told;
};

static void advance(void *context, uint64_t time)
{
    struct events *events = context;

    events->told = time;
    if (time >= events->deadline) {
        vml_a64_set_input(&g.cpu[0], VML_A64_INPUT_IRQ, true);
    }
}

static uint64_t next_deadline(void *context)
{
    return ((struct events *)context)->deadline;
}

static uint64_t hash(const uint8_t *bytes, size_t n, uint64_t h)
{
    for (size_t i = 0; i < n; i++) {
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* Two vCPUs contend for a counter for a million instructions; all of the state is hashed. */
static uint64_t contend(uint64_t quantum)
{
    static uint8_t image[8192];
    struct vml_a64_turns turns = {.quantum = quantum, .until = 400000};
    struct vml_state_writer w;
    uint64_t h = 0;

    guest_make(&g, 2, true);
    g.firmware_stops = true;
    LOAD_WORDS(&g, GUEST_RAM, count_exclusive);
    LOAD_WORDS(&g, GUEST_RAM + 0x1000, count_compare_swap);
    guest_start(&g, 0, GUEST_RAM);
    guest_start(&g, 1, GUEST_RAM + 0x1000);
    assert_int_equal(vml_a64_run_turns(&g.machine, &turns), VML_A64_EXIT_OFF);
    assert_int_equal(guest_read64(&g, GUEST_RAM + 0x4000), 40000);
    for (uint32_t i = 0; i < 2; i++) {
        vml_state_writer_init(&w, image, sizeof(image));
        vml_a64_save(&g.cpu[i], &w);
        assert_int_equal(vml_state_write_status(&w), VML_OK);
        h = hash(image, w.used, h);
    }
    h = hash(g.memory, GUEST_SIZE, h ^ turns.time);
    guest_end(&g);
    return h;
}

static void two_runs_are_the_same_to_the_last_bit(void **state)
{
    uint64_t first = contend(97);

    (void)state;
    assert_true(contend(97) == first);
    assert_false(contend(1013) == first); /* the hash sees the interleaving */
}

static void waiting_skips_to_the_deadline(void **state)
{
    static const uint32_t words[] = {0xd503207f, 0xd4000002, 0x14000000}; /* wfi; hvc; b . */
    struct events events = {.deadline = 1000000};
    struct vml_a64_turns turns = {.quantum = 100,
                                  .until = UINT64_MAX,
                                  .advance = advance,
                                  .next = next_deadline,
                                  .context = &events};

    (void)state;
    guest_make(&g, 1, true);
    g.firmware_stops = true;
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_a64_run_turns(&g.machine, &turns), VML_A64_EXIT_OFF);
    assert_in_range(events.told, 1000000, 1000200);
    assert_in_range(vml_a64_instructions(&g.cpu[0]), 2, 3);
    guest_end(&g);
}

static void nothing_to_wait_for_is_reported(void **state)
{
    static const uint32_t words[] = {0xd503207f, 0x17ffffff};
    struct vml_a64_turns turns = {.quantum = 100, .until = UINT64_MAX};

    (void)state;
    guest_make(&g, 1, true);
    LOAD_WORDS(&g, GUEST_RAM, words);
    guest_start(&g, 0, GUEST_RAM);
    assert_int_equal(vml_a64_run_turns(&g.machine, &turns), VML_A64_EXIT_HALTED);
    turns.until = turns.time;
    assert_int_equal(vml_a64_run_turns(&g.machine, &turns), VML_A64_EXIT_BUDGET);
    guest_end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_runs_are_the_same_to_the_last_bit),
        cmocka_unit_test(waiting_skips_to_the_deadline),
        cmocka_unit_test(nothing_to_wait_for_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
