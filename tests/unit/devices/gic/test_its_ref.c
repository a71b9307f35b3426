/*
 * The ITS and the redistributors' LPIs against a model of a few arrays, by random operations.
 *
 * VML_ITS_REF_OPS says how many, VML_ITS_REF_SEED where the numbers start.  A difference names the seed
 * and the operation; the last operations are listed.
 *
 * With list registers every vCPU is in its guest, and leaves it when the library says so: then the list
 * registers must have what the model has as pending there.
 */
#include "its_rig.h"
#include <stdio.h>
#include <vml/gic_lr.h>

enum { CPUS = 3, LPIS = 64, DEVS = 4, EVENTS = 8, COLLS = 4, TRACE = 24, SETTLE = 8 };

/* What the guest's interrupt system is, in the specification's words. */
struct model {
    bool lpis_enabled[CPUS];
    bool device_mapped[DEVS];
    uint32_t device_events[DEVS];
    bool event_mapped[DEVS][EVENTS];
    uint32_t event_lpi[DEVS][EVENTS];
    uint32_t event_collection[DEVS][EVENTS];
    bool collection_mapped[COLLS];
    uint32_t collection_cpu[COLLS];
    uint8_t config_table[LPIS]; /* in memory */
    uint8_t config[LPIS];       /* as last read */
    bool table[CPUS][LPIS];     /* pending tables in memory */
    bool pending[LPIS];
    uint32_t where[LPIS];
    uint64_t since[LPIS]; /* when it came to wait where it waits */
    uint64_t now;
};

static struct its_rig t;
static struct model m;
static uint64_t random_state;
static char trace[TRACE][96];
static uint32_t traced;
static uint32_t lr_count; /* 0: without list registers */
static struct vml_gic_lrs lrs[CPUS];
static bool resident[CPUS], recalled[CPUS];

#define TELL(...) (void)snprintf(trace[traced++ % TRACE], sizeof(trace[0]), __VA_ARGS__)

static uint32_t pick(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % below;
}

/* ------------------------------------------------------------------------------- the model */

/* Whether a guest has an LPI, and has not taken it. */
static bool is_listed(uint32_t lpi)
{
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        for (uint32_t i = 0; resident[cpu] && i < lrs[cpu].used; i++) {
            if ((uint32_t)lrs[cpu].lr[i] == LPI + lpi && lrs[cpu].lr[i] >> 62 != 0) {
                return true;
            }
        }
    }
    return false;
}

/* What is pending in one place stays there; but what a list register has goes to the place of the last
 * message, for it could have been taken. */
static void model_raise(uint32_t lpi, uint32_t cpu)
{
    if ((!m.pending[lpi] || is_listed(lpi)) && m.lpis_enabled[cpu]) {
        m.pending[lpi] = true;
        m.where[lpi] = cpu;
        m.since[lpi] = m.now++;
    }
}

static void model_configure(uint32_t lpi)
{
    uint8_t config = m.config_table[lpi] & 0xf9;

    if (m.config[lpi] != config) {
        m.config[lpi] = config;
        m.since[lpi] = m.now++;
    }
}

static void model_move(uint32_t lpi, uint32_t to)
{
    if (m.pending[lpi] && m.where[lpi] != to) {
        m.pending[lpi] = false;
        model_raise(lpi, to);
    }
}

/* The LPI that a vCPU takes next; LPIS for none. */
static uint32_t model_first(uint32_t cpu)
{
    uint32_t best = LPIS;

    for (uint32_t n = 0; n < LPIS; n++) {
        if (m.pending[n] && m.where[n] == cpu && (m.config[n] & 1) && (m.config[n] & 0xf8) < 0xf0 &&
            (best == LPIS || (m.config[n] & 0xf8) < (m.config[best] & 0xf8) ||
             ((m.config[n] & 0xf8) == (m.config[best] & 0xf8) && m.since[n] < m.since[best]))) {
            best = n;
        }
    }
    return best;
}

/* Whether there is such an event, and its LPI. */
static bool model_event(uint32_t device, uint32_t event, uint32_t *lpi, uint32_t *collection)
{
    if (device >= DEVS || !m.device_mapped[device] || event >= m.device_events[device] ||
        !m.event_mapped[device][event]) {
        return false;
    }
    *lpi = m.event_lpi[device][event];
    *collection = m.event_collection[device][event];
    return true;
}

static bool model_target(uint32_t device, uint32_t event, uint32_t *lpi, uint32_t *cpu)
{
    uint32_t collection;

    if (!model_event(device, event, lpi, &collection) || !m.collection_mapped[collection]) {
        return false;
    }
    *cpu = m.collection_cpu[collection];
    return true;
}

static void model_movall(uint32_t from, uint32_t to)
{
    for (;;) {
        uint32_t first = LPIS;

        for (uint32_t n = 0; n < LPIS; n++) { /* in the order in which they would be taken */
            uint32_t a = m.config[n] & 1 ? m.config[n] >> 3 : 32;
            uint32_t b = first == LPIS ? 33 : m.config[first] & 1 ? m.config[first] >> 3 : 32;

            if (m.pending[n] && m.where[n] == from &&
                (a < b || (a == b && m.since[n] < m.since[first]))) {
                first = n;
            }
        }
        if (first == LPIS || from == to) {
            return;
        }
        model_move(first, to);
    }
}

/* ---------------------------------------------------------------------------- the hypervisor */

static void leave_guest(uint32_t cpu)
{
    if (resident[cpu]) {
        vml_gic_lr_fold(&t.r.gic, cpu, &lrs[cpu]);
        resident[cpu] = false;
    }
}

static void leave_guests(void)
{
    for (uint32_t i = 0; i < CPUS; i++) {
        leave_guest(i);
    }
}

/* ICH_MISR_EL2.NP: others wait for list registers, and none is pending any more. */
static bool asks_for_more(uint32_t cpu)
{
    for (uint32_t i = 0; i < lrs[cpu].used; i++) {
        if (lrs[cpu].lr[i] >> 62 == 1) {
            return false;
        }
    }
    return (lrs[cpu].hcr >> 3 & 1) != 0;
}

/* Until every vCPU is in its guest, and none of them is told to leave it. */
static void settle(void)
{
    bool quiet = false;

    for (uint32_t round = 0; round < SETTLE && !quiet; round++) {
        quiet = true;
        for (uint32_t i = 0; i < CPUS; i++) {
            if (recalled[i] || (resident[i] && asks_for_more(i))) {
                leave_guest(i);
            }
            if (!resident[i]) {
                recalled[i] = false;
                lrs[i].count = lr_count;
                vml_gic_lr_fill(&t.r.gic, i, &lrs[i]);
                resident[i] = true;
                quiet = false;
            }
        }
    }
    assert_true(quiet);
}

/* ------------------------------------------------------------------------- both, side by side */

static void op_mapd(void)
{
    uint32_t device = pick(DEVS), bits = 1 + pick(3);
    bool valid = pick(4) != 0;

    TELL("MAPD device %u, %u bits, %s", device, bits, valid ? "valid" : "not valid");
    if (valid) { /* the driver gives a zeroed table */
        submit(&t);
        memset(ram(&t, ITTS + device * 0x1000), 0, 0x1000);
        memset(m.event_mapped[device], 0, sizeof(m.event_mapped[device]));
    }
    q_mapd(&t, device, ITTS + device * 0x1000, bits, valid);
    m.device_mapped[device] = valid;
    m.device_events[device] = 1u << bits;
}

static void op_mapc(void)
{
    uint32_t collection = pick(COLLS), cpu = pick(CPUS + 1);
    bool valid = pick(5) != 0;

    TELL("MAPC collection %u, vCPU %u, %s", collection, cpu, valid ? "valid" : "not valid");
    q_mapc(&t, collection, cpu, valid);
    if (!valid || cpu < CPUS) {
        m.collection_mapped[collection] = valid;
        m.collection_cpu[collection] = cpu;
    }
}

static void op_mapti(void)
{
    uint32_t device = pick(DEVS + 1), event = pick(EVENTS + 2), lpi = pick(LPIS + 2);
    uint32_t collection = pick(COLLS);

    TELL("MAPTI device %u, event %u, LPI %u, collection %u", device, event, lpi, collection);
    q_mapti(&t, device, event, LPI + lpi, collection);
    if (device < DEVS && m.device_mapped[device] && event < m.device_events[device] && lpi < LPIS) {
        m.event_mapped[device][event] = true;
        m.event_lpi[device][event] = lpi;
        m.event_collection[device][event] = collection;
        if (m.collection_mapped[collection] && m.lpis_enabled[m.collection_cpu[collection]]) {
            model_configure(lpi);
        }
    }
}

static void op_movi(void)
{
    uint32_t device = pick(DEVS), event = pick(EVENTS), to = pick(COLLS), lpi, cpu;

    TELL("MOVI device %u, event %u, collection %u", device, event, to);
    q_movi(&t, device, event, to);
    if (model_target(device, event, &lpi, &cpu) && m.collection_mapped[to]) {
        m.event_collection[device][event] = to;
        model_move(lpi, m.collection_cpu[to]);
    }
}

static void op_movall(void)
{
    uint32_t from = pick(CPUS), to = pick(CPUS + 1);

    TELL("MOVALL vCPU %u to %u", from, to);
    q_movall(&t, from, to);
    if (to < CPUS) {
        model_movall(from, to);
    }
}

static void op_discard(void)
{
    uint32_t device = pick(DEVS), event = pick(EVENTS), lpi, collection;

    TELL("DISCARD device %u, event %u", device, event);
    q_discard(&t, device, event);
    if (model_event(device, event, &lpi, &collection)) {
        m.event_mapped[device][event] = false;
        m.pending[lpi] = false;
    }
}

static void op_clear(void)
{
    uint32_t device = pick(DEVS), event = pick(EVENTS), lpi, cpu;

    TELL("CLEAR device %u, event %u", device, event);
    q_clear(&t, device, event);
    if (model_target(device, event, &lpi, &cpu)) {
        m.pending[lpi] = false;
    }
}

static void op_int(void)
{
    uint32_t device = pick(DEVS), event = pick(EVENTS), lpi, cpu;

    TELL("INT device %u, event %u", device, event);
    q_int(&t, device, event);
    if (model_target(device, event, &lpi, &cpu)) {
        model_raise(lpi, cpu);
    }
}

static void op_inv(void)
{
    uint32_t device = pick(DEVS), event = pick(EVENTS), lpi, cpu;

    TELL("INV device %u, event %u", device, event);
    q_inv(&t, device, event);
    if (model_target(device, event, &lpi, &cpu) && m.lpis_enabled[cpu]) {
        model_configure(lpi);
    }
}

static void op_invall(void)
{
    uint32_t collection = pick(COLLS);

    TELL("INVALL collection %u", collection);
    q_invall(&t, collection);
    if (m.collection_mapped[collection] && m.lpis_enabled[m.collection_cpu[collection]]) {
        for (uint32_t n = 0; n < LPIS; n++) {
            model_configure(n);
        }
    }
}

static void op_message(void)
{
    uint32_t device = pick(DEVS), event = pick(EVENTS), lpi, cpu;
    bool there = model_target(device, event, &lpi, &cpu);

    TELL("message: device %u, event %u", device, event);
    submit(&t);
    assert_int_equal(vml_its_msi(&t.its, device, event), there ? VML_OK : VML_ERR_NOT_FOUND);
    if (there) {
        model_raise(lpi, cpu);
    }
}

/* What a guest does to the list registers of its vCPU. */
static void take_from_list_register(uint32_t cpu)
{
    uint32_t i = pick(lr_count), n;
    uint64_t *lr = &lrs[cpu].lr[i];

    submit(&t);
    settle();
    n = (uint32_t)*lr - LPI;
    if (i < lrs[cpu].used && *lr >> 62 == 1) {
        TELL("vCPU %u takes LPI %u", cpu, n);
        assert_true(n < LPIS && m.pending[n] && m.where[n] == cpu);
        m.pending[n] = false;
        *lr &= ~(UINT64_C(3) << 62); /* LPIs have no active state */
    }
}

static void op_take(void)
{
    uint32_t cpu = pick(CPUS), first = model_first(cpu);

    if (lr_count != 0) {
        take_from_list_register(cpu);
        return;
    }

    TELL("take at vCPU %u", cpu);
    submit(&t);
    assert_int_equal(take(&t, cpu), first == LPIS ? 1023 : LPI + first);
    if (first != LPIS) {
        m.pending[first] = false;
    }
}

static void op_configure(void)
{
    static const uint8_t values[] = {0xa1, 0xa0, 0x81, 0xa3, 0xf1, 0x01, 0xc5, 0x80};
    uint32_t lpi = pick(LPIS);

    TELL("configuration of LPI %u", lpi);
    submit(&t);
    m.config_table[lpi] = values[pick(8)];
    configure(&t, LPI + lpi, m.config_table[lpi]);
}

static void op_direct(void)
{
    uint32_t cpu = pick(CPUS), lpi = pick(LPIS), what = pick(4);
    static const uint16_t offsets[] = {SETLPIR, CLRLPIR, INVLPIR, INVALLR};

    TELL("GICR register %#x of vCPU %u, LPI %u", offsets[what], cpu, lpi);
    submit(&t);
    gicr_write(&t, cpu, offsets[what], 8, LPI + lpi);
    if (!m.lpis_enabled[cpu]) {
        return;
    }
    if (what == 0) {
        model_raise(lpi, cpu);
    } else if (what == 1 && m.where[lpi] == cpu) {
        m.pending[lpi] = false;
    } else if (what == 2) {
        model_configure(lpi);
    } else if (what == 3) {
        for (uint32_t n = 0; n < LPIS; n++) {
            model_configure(n);
        }
    }
}

static void op_enable(void)
{
    uint32_t cpu = pick(CPUS);

    submit(&t);
    leave_guests(); /* what they have taken is in no pending table */
    if (m.lpis_enabled[cpu]) {
        TELL("disable LPIs of vCPU %u", cpu);
        disable_lpis(&t, cpu);
        for (uint32_t n = 0; n < LPIS; n++) {
            m.table[cpu][n] = m.pending[n] && m.where[n] == cpu;
            m.pending[n] = m.pending[n] && m.where[n] != cpu;
            assert_int_equal(is_in_table(&t, cpu, LPI + n), m.table[cpu][n]);
        }
        m.lpis_enabled[cpu] = false;
        return;
    }
    TELL("enable LPIs of vCPU %u", cpu);
    enable_lpis(&t, cpu);
    m.lpis_enabled[cpu] = true;
    for (uint32_t n = 0; n < LPIS; n++) {
        model_configure(n);
    }
    for (uint32_t n = 0; n < LPIS; n++) {
        if (m.table[cpu][n]) {
            model_raise(n, cpu);
        }
    }
}

/* Through its own saved state; what is queued is done afterwards. */
static void op_save(void)
{
    static uint8_t gic_image[8192], its_image[256];
    size_t gic_size, its_size;

    TELL("save and restore");
    leave_guests();
    gic_size = save_device(&t.r.gic.gicd, gic_image, sizeof(gic_image));
    its_size = save_device(&t.its.device, its_image, sizeof(its_image));
    vml_gic_reset(&t.r.gic);
    t.its.device.ops->reset(&t.its.device);
    assert_int_equal(restore_device(&t.r.gic.gicd, gic_image, gic_size), VML_OK);
    assert_int_equal(restore_device(&t.its.device, its_image, its_size), VML_OK);
}

/* The guest of a vCPU has all that is pending there, or as much as there are list registers. */
static bool has_what_is_pending(uint32_t cpu)
{
    uint32_t deliverable = 0, have = 0;

    for (uint32_t n = 0; n < LPIS; n++) {
        deliverable += m.pending[n] && m.where[n] == cpu && (m.config[n] & 1);
    }
    for (uint32_t i = 0; i < lrs[cpu].used; i++) {
        uint32_t n = (uint32_t)lrs[cpu].lr[i] - LPI;

        if (lrs[cpu].lr[i] >> 62 == 0) {
            continue; /* taken */
        }
        have++;
        if (!m.pending[n] || m.where[n] != cpu ||
            (m.config[n] & 0xf8) != (lrs[cpu].lr[i] >> 48 & 0xff)) {
            return false;
        }
    }
    return have == deliverable || (have < deliverable && have != 0);
}

static bool is_alike(void)
{
    if (lr_count != 0) {
        settle();
        for (uint32_t i = 0; i < CPUS; i++) {
            if (!has_what_is_pending(i)) {
                return false;
            }
        }
        return true;
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        uint32_t first = model_first(i);

        if (irq(&t.r, i) != (first != LPIS) || fiq(&t.r, i) ||
            (gicr(&t, i, 0, 4) & 1) != m.lpis_enabled[i] ||
            (first != LPIS && icc(&t.r, i, HPPIR1) != LPI + first)) {
            return false;
        }
    }
    return true;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void make(void)
{
    memset(&m, 0, sizeof(m));
    its_rig_make(&t, CPUS, LPIS);
    gits_write(&t, BASER, 8, VALID | DEVICES | 15);
    gits_write(&t, BASER + 8, 8, VALID | COLLECTIONS);
    gits_write(&t, CBASER, 8, VALID | QUEUE);
    gits_write(&t, GITS_CTLR, 4, 1);
    for (uint32_t i = 0; i < CPUS; i++) {
        enable_lpis(&t, i);
        m.lpis_enabled[i] = true;
        q_mapc(&t, i, i, true);
        m.collection_mapped[i] = true;
        m.collection_cpu[i] = i;
    }
    submit(&t);
}

static void told(void *context, uint32_t cpu, enum vml_irq_output output, bool level)
{
    (void)context;
    (void)output;
    recalled[cpu] |= level;
}

static void run(uint32_t list_registers)
{
    static void (*const ops[])(void) = {
        op_mapd,   op_mapc,    op_mapti, op_mapti,   op_mapti,     op_movi,      op_movi,
        op_movall, op_discard, op_clear, op_int,     op_int,       op_inv,       op_invall,
        op_enable, op_save,    op_take,  op_take,    op_configure, op_configure, op_direct,
        op_direct, op_message, op_take,  op_message, op_message,
    };
    uint64_t count = from_environment("VML_ITS_REF_OPS", 60000);
    uint64_t seed = from_environment("VML_ITS_REF_SEED", 1);

    lr_count = list_registers;
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    make();
    if (lr_count != 0) {
        t.r.gic.config.output = told;
    }
    for (uint64_t n = 0; n < count; n++) {
        ops[pick(VML_ARRAY_SIZE(ops))]();
        if (lr_count != 0 || pick(4) != 0) {
            submit(&t);
            if (!is_alike()) {
                for (uint32_t i = traced < TRACE ? 0 : traced - TRACE; i < traced; i++) {
                    print_error("%s\n", trace[i % TRACE]);
                }
                fail_msg("operation %llu of seed %llu", (unsigned long long)n,
                         (unsigned long long)seed);
            }
        }
    }
    leave_guests();
    its_rig_free(&t);
}

static void test_random_operations(void **state)
{
    (void)state;
    run(0);
}

static void test_with_list_registers(void **state)
{
    (void)state;
    run(4);
}

static void test_with_sixteen_list_registers(void **state)
{
    (void)state;
    run(16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_with_list_registers),
        cmocka_unit_test(test_with_sixteen_list_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
