/*
 * Instructions of every data processing and memory class, against what a reference implementation
 * did with them: vectors.h has a digest of all registers, flags and memory after each.
 */
#include "test.h"

#include "guest.h"
#include "vector_input.h"
#include "vectors.h"

static struct guest g;

static uint64_t digest_of(uint32_t insn, bool *exception)
{
    struct vector_state s;
    struct vml_a64_registers r;
    uint64_t *buffer = (uint64_t *)(void *)(g.memory + (VECTOR_BUFFER - GUEST_RAM));

    memset(&r, 0, sizeof(r));
    for (unsigned i = 0; i < VECTOR_BYTES / 8; i++) {
        buffer[i] = vector_word(i);
    }
    vector_input(insn, &s);
    memcpy(r.x, s.x, sizeof(r.x));
    memcpy(r.v, s.v, sizeof(r.v));
    r.sp = s.sp;
    r.pc = GUEST_RAM;
    r.pstate = 0x3c5 | s.nzcv;
    r.fpcr = s.fpcr;
    r.fpsr = s.fpsr;
    assert_int_equal(vml_a64_set_registers(&g.cpu[0], &r), VML_OK);
    *exception = guest_step(&g, insn);
    vml_a64_get_registers(&g.cpu[0], &r);
    memcpy(s.x, r.x, sizeof(s.x));
    memcpy(s.v, r.v, sizeof(s.v));
    s.sp = r.sp;
    s.nzcv = r.pstate & 0xf0000000;
    s.fpsr = r.fpsr;
    return vector_digest(&s, buffer);
}

static void instructions_do_what_the_reference_did(void **state)
{
    unsigned wrong = 0;

    (void)state;
    guest_make(&g, 1, true);
    guest_map(&g);
    guest_set_sysreg(&g, CPACR, 3 << 20);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        bool exception;
        uint64_t digest = digest_of(vectors[i].insn, &exception);

        if (exception || digest != vectors[i].digest) {
            print_message("%08x: %s\n", vectors[i].insn, exception ? "exception" : "differs");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    guest_end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_do_what_the_reference_did),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
