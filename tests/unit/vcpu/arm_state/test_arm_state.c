/* The neutral record, and that the software CPU's is the same one. */
#include "test.h"

#include <vml/a64.h>
#include <vml/arm_state.h>

static uint8_t image[16384], again[16384];
static size_t image_size;

/* Every byte of the state different from its neighbour, as far as a state may be. */
static void fill(struct vml_arm_state *state)
{
    uint8_t *bytes = (uint8_t *)state;

    for (size_t i = 0; i < sizeof(*state); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    state->pstate = 0x800003c5;
    state->fpcr = 0x02000000;
    state->fpsr = 0x1f;
    state->event = true;
    state->halted = VML_ARM_HALTED_WFI;
    state->stepped = false;
    state->inputs = 4;
}

static void save(const struct vml_arm_state *state)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, sizeof(image));
    vml_arm_state_save(state, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    image_size = w.used;
}

static enum vml_status restore(struct vml_arm_state *state)
{
    struct vml_state_reader r;

    vml_state_reader_init(&r, image, image_size);
    return vml_arm_state_restore(state, &r);
}

static void assert_same(const struct vml_arm_state *a, const struct vml_arm_state *b)
{
    assert_memory_equal(&a->ids, &b->ids, sizeof(a->ids));
    assert_memory_equal(a->x, b->x, sizeof(a->x));
    assert_true(a->sp_el0 == b->sp_el0 && a->sp_el1 == b->sp_el1 && a->pc == b->pc);
    assert_int_equal(a->pstate, b->pstate);
    assert_int_equal(a->fpcr, b->fpcr);
    assert_int_equal(a->fpsr, b->fpsr);
    assert_memory_equal(a->v, b->v, sizeof(a->v));
    assert_memory_equal(&a->sys, &b->sys, sizeof(a->sys));
    assert_true(a->instructions == b->instructions);
    assert_int_equal(a->event, b->event);
    assert_int_equal(a->halted, b->halted);
    assert_int_equal(a->stepped, b->stepped);
    assert_int_equal(a->inputs, b->inputs);
}

static void test_round_trip(void **state)
{
    struct vml_arm_state a, b;

    fill(&a);
    save(&a);
    memset(&b, 0, sizeof(b));
    assert_int_equal(restore(&b), VML_OK);
    assert_same(&a, &b);
    a.pstate = 0x4; /* EL1 with SP_EL0 */
    save(&a);
    assert_int_equal(restore(&b), VML_OK);
    assert_same(&a, &b);
}

static void test_corrupt_images(void **state)
{
    struct vml_arm_state a, b, untouched;
    size_t whole;

    fill(&a);
    memset(&b, 0x5a, sizeof(b));
    untouched = b;
    save(&a);
    whole = image_size;
    for (image_size = 0; image_size < whole; image_size++) {
        assert_int_not_equal(restore(&b), VML_OK);
    }
    image_size = whole;
    image[0] ^= 1; /* tag */
    assert_int_equal(restore(&b), VML_ERR_CORRUPT);
    image[0] ^= 1;
    image[4] = 2; /* version */
    assert_int_equal(restore(&b), VML_ERR_VERSION);
    for (unsigned i = 0; i < 7; i++) {
        fill(&a);
        switch (i) {
        case 0:
            a.pstate = 0x13; /* AArch32 */
            break;
        case 1:
            a.pstate = 0x9; /* EL2 */
            break;
        case 2:
            a.pstate |= 1u << 25; /* a bit of a feature that the state does not have */
            break;
        case 3:
            a.fpcr = 1u << 8;
            break;
        case 4:
            a.fpsr = 1u << 31;
            break;
        case 5:
            a.inputs = 8;
            break;
        default:
            a.halted = (enum vml_arm_halted)3;
            break;
        }
        save(&a);
        assert_int_equal(restore(&b), VML_ERR_CORRUPT);
    }
    assert_memory_equal(&b, &untouched, sizeof(b));
}

/* Each register is named once, and the two tables have all of them. */
static void test_tables(void **state)
{
    const struct vml_arm_state_reg *a, *b;
    uint32_t rows = 0;

    for (uint32_t i = 0; (a = vml_arm_state_reg(i)); i++) {
        assert_true(a->offset % 8 == 0 && a->offset < sizeof(struct vml_arm_sysregs_state));
        for (uint32_t k = i + 1; (b = vml_arm_state_reg(k)); k++) {
            assert_int_not_equal(a->sysreg, b->sysreg);
            assert_int_not_equal(a->offset, b->offset);
        }
        rows++;
    }
    assert_int_equal(rows * 8, sizeof(struct vml_arm_sysregs_state));
    for (rows = 0; (a = vml_arm_id_reg(rows)); rows++) {
        assert_int_equal(a->offset, rows * 8);
    }
    assert_int_equal(rows * 8, sizeof(struct vml_arm_ids));
}

/* ---- the software CPU's record ---- */

static struct vml_a64_machine machine;
static struct vml_a64 cpu;
static struct vml_a64 *cpus[1];
static struct vml_cpu *pointers[1], *sorted[1];
static struct vml_cpu_set set;
static struct vml_as as;
static uint64_t as_storage[VML_AS_STORAGE(2) / 8 + 1];
static void *storage;

static int make_cpu(void **state)
{
    struct vml_a64_machine_config machine_config = {
        .memory = &as, .cpus = cpus, .max_cpus = 1, .single_thread = true};
    struct vml_arm_ids model;
    struct vml_a64_config config = {.machine = &machine, .model = &model, .code_pages = 4};

    vml_a64_model_v8_0(&model);
    model.CNTFRQ_EL0 = 62500000;
    assert_int_equal(vml_as_init(&as, as_storage, 2), VML_OK);
    assert_int_equal(vml_a64_machine_init(&machine, &machine_config), VML_OK);
    config.storage_size =
        (vml_a64_storage_size(4) + VML_CACHE_LINE_SIZE - 1) & ~(size_t)(VML_CACHE_LINE_SIZE - 1);
    storage = aligned_alloc(VML_CACHE_LINE_SIZE, config.storage_size);
    assert_non_null(storage);
    config.storage = storage;
    assert_int_equal(vml_a64_init(&cpu, &config), VML_OK);
    pointers[0] = &cpu.cpu;
    return vml_cpu_set_init(&set, pointers, sorted, 1) == VML_OK ? 0 : -1;
}

static int end_cpu(void **state)
{
    vml_cpu_set_destroy(&set);
    vml_a64_destroy(&cpu);
    vml_a64_machine_destroy(&machine);
    free(storage);
    return 0;
}

static void save_cpu(void)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, sizeof(image));
    vml_a64_save(&cpu, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    image_size = w.used;
}

/* What the software CPU saved means the same here, register by register. */
static void test_reads_the_software_cpu(void **state)
{
    struct vml_a64_registers registers;
    struct vml_arm_state now;
    uint64_t value;

    memset(&registers, 0, sizeof(registers));
    for (unsigned i = 0; i < 31; i++) {
        registers.x[i] = 0x1000 + i;
    }
    for (unsigned i = 0; i < 32; i++) {
        registers.v[i][0] = 0x2000 + i;
        registers.v[i][1] = 0x3000 + i;
    }
    registers.pc = 0x40080000;
    registers.sp = 0x40001000;
    registers.pstate = 0x600003c5;
    registers.fpcr = 0x01000000;
    registers.fpsr = 2;
    assert_int_equal(vml_a64_set_registers(&cpu, &registers), VML_OK);
    assert_int_equal(vml_a64_set_sysreg(&cpu, VML_SYSREG(3, 0, 4, 1, 0), 0x7770), VML_OK);
    for (uint32_t i = 0; vml_arm_state_reg(i); i++) {
        /* Registers that cannot be written so keep what they have. */
        enum vml_status status = vml_a64_set_sysreg(&cpu, vml_arm_state_reg(i)->sysreg,
                                                    UINT64_C(0x0000420000000000) + (i << 12));

        assert_true(status == VML_OK || status == VML_ERR_ACCESS || status == VML_ERR_NOT_FOUND);
    }
    save_cpu();
    assert_int_equal(restore(&now), VML_OK);
    assert_memory_equal(now.x, registers.x, sizeof(now.x));
    assert_memory_equal(now.v, registers.v, sizeof(now.v));
    assert_int_equal(now.pc, 0x40080000);
    assert_int_equal(now.sp_el1, 0x40001000);
    assert_int_equal(now.sp_el0, 0x7770);
    assert_int_equal(now.pstate, 0x600003c5);
    assert_int_equal(now.fpcr, 0x01000000);
    assert_int_equal(now.fpsr, 2);
    assert_int_equal(now.ids.CNTFRQ_EL0, 62500000);
    for (uint32_t i = 0; vml_arm_state_reg(i); i++) {
        const struct vml_arm_state_reg *row = vml_arm_state_reg(i);
        uint64_t saved;

        memcpy(&saved, (const char *)&now.sys + row->offset, sizeof(saved));
        if (vml_a64_get_sysreg(&cpu, row->sysreg, &value) == VML_OK) {
            assert_true(saved == value);
        }
    }
    for (uint32_t i = 0; vml_arm_id_reg(i); i++) {
        const struct vml_arm_state_reg *row = vml_arm_id_reg(i);
        uint64_t saved;

        memcpy(&saved, (const char *)&now.ids + row->offset, sizeof(saved));
        assert_int_equal(vml_a64_get_sysreg(&cpu, row->sysreg, &value), VML_OK);
        /* DCZID_EL0 has a bit that tells of SCTLR_EL1. */
        assert_true(saved == value || row->sysreg == VML_SYSREG(3, 3, 0, 0, 7));
    }
}

/* And what is written here the software CPU takes, and writes again, byte for byte. */
static void test_writes_for_the_software_cpu(void **state)
{
    struct vml_arm_state now, ids;
    struct vml_state_reader r;
    struct vml_state_writer w;

    save_cpu();
    assert_int_equal(restore(&ids), VML_OK);
    fill(&now);
    now.ids = ids.ids;
    now.halted = VML_ARM_HALTED_NOT;
    save(&now);
    vml_state_reader_init(&r, image, image_size);
    assert_int_equal(vml_a64_restore(&cpu, &r), VML_OK);
    vml_state_writer_init(&w, again, sizeof(again));
    vml_a64_save(&cpu, &w);
    assert_int_equal(w.used, image_size);
    memcpy(image, again, w.used);
    assert_int_equal(restore(&ids), VML_OK);
    assert_same(&now, &ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_corrupt_images),
        cmocka_unit_test(test_tables),
        cmocka_unit_test_setup_teardown(test_reads_the_software_cpu, make_cpu, end_cpu),
        cmocka_unit_test_setup_teardown(test_writes_for_the_software_cpu, make_cpu, end_cpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
