/*
 * Accesses of three vCPUs whose handler answers as the input says, answers with tickets old and
 * new, and resets: an access is answered once, by its own answer. Four bytes an action.
 */
#include <stdlib.h>
#include <vml/forward.h>

#define CPUS 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a vCPU waits for, kept apart from the device. */
struct expected {
    bool waiting, answered;
    uint32_t ticket;
    uint64_t value;
    enum vml_bus_result result;
};

struct rig {
    struct vml_forward forward;
    struct vml_forward_slot slots[CPUS];
    struct expected expected[CPUS];
    enum vml_bus_result answer;
    bool answer_inside;
    unsigned handled;
};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static enum vml_bus_result handle(void *context, struct vml_access *access, uint32_t ticket)
{
    struct rig *r = context;

    r->handled++;
    if (access->cpu >= CPUS) {
        return r->answer;
    }
    r->expected[access->cpu] = (struct expected){.waiting = true, .ticket = ticket};
    if (r->answer_inside) {
        check(vml_forward_complete(&r->forward, access->cpu, ticket, VML_BUS_OK, 0x77) == VML_OK);
        r->expected[access->cpu].answered = true;
        r->expected[access->cpu].value = 0x77;
    }
    if (r->answer != VML_BUS_PENDING) {
        r->expected[access->cpu].waiting = false;
    }
    return r->answer;
}

static void access_by(struct rig *r, uint32_t cpu, uint8_t what)
{
    struct vml_access a = {.offset = what & 4u, .size = 4, .write = (what & 1) != 0, .cpu = cpu};
    struct expected was = cpu < CPUS ? r->expected[cpu] : (struct expected){.waiting = false};
    unsigned handled = r->handled;
    enum vml_bus_result result;

    result = r->forward.device.ops->access(&r->forward.device, &a);
    if (cpu >= CPUS) {
        check(result != VML_BUS_PENDING && r->handled == handled + 1);
        return;
    }
    if (r->handled == handled) {
        /* The same access again. */
        check(was.waiting && result == (was.answered ? was.result : VML_BUS_PENDING));
        check(!was.answered || a.write || a.value == was.value);
        r->expected[cpu].waiting = !was.answered;
    } else if (r->answer == VML_BUS_PENDING) {
        check(result == (r->answer_inside ? VML_BUS_OK : VML_BUS_PENDING));
        r->expected[cpu].waiting = !r->answer_inside;
    } else {
        check(result == r->answer);
    }
}

static void complete(struct rig *r, uint32_t cpu, uint8_t age, uint8_t value)
{
    enum vml_bus_result result = (enum vml_bus_result)(value & 3);
    struct expected *e = &r->expected[cpu % CPUS];
    enum vml_status status =
        vml_forward_complete(&r->forward, cpu, e->ticket - age % 4u, result, value);

    if (cpu >= CPUS) {
        check(status == VML_ERR_RANGE);
    } else if (result > VML_BUS_FAULT) {
        check(status == VML_ERR_INVALID);
    } else if (e->waiting && !e->answered && age % 4 == 0) {
        check(status == VML_OK);
        e->answered = true;
        e->result = result;
        e->value = value;
    } else {
        check(status == VML_ERR_STATE);
    }
}

static void take(struct rig *r, uint32_t cpu)
{
    struct vml_access a;
    enum vml_bus_result result;
    enum vml_status status = vml_forward_take(&r->forward, cpu, &a, &result);
    struct expected *e = &r->expected[cpu % CPUS];

    if (cpu >= CPUS || !e->waiting) {
        check(status == VML_ERR_NOT_FOUND);
    } else if (!e->answered) {
        check(status == VML_ERR_AGAIN);
    } else {
        check(status == VML_OK && result == e->result && (a.write || a.value == e->value));
        e->waiting = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig r = {.handled = 0};
    struct vml_forward_config config = {
        .handle = handle, .context = &r, .slots = r.slots, .cpus = CPUS};

    check(vml_forward_init(&r.forward, &config) == VML_OK);
    for (size_t i = 0; i + 4 <= size; i += 4) {
        const uint8_t *p = data + i;
        uint32_t cpu = p[1] == 0xff ? VML_CPU_NONE : p[1] % (CPUS + 1);

        switch (p[0] % 5) {
        case 0:
        case 1:
            r.answer = p[3] & 1 ? VML_BUS_PENDING : (enum vml_bus_result)(p[3] >> 1 & 1);
            r.answer_inside = (p[3] & 5) == 5;
            access_by(&r, cpu, p[2]);
            break;
        case 2:
            complete(&r, cpu, p[2], p[3]);
            break;
        case 3:
            take(&r, cpu);
            break;
        default:
            r.forward.device.ops->reset(&r.forward.device);
            for (unsigned k = 0; k < CPUS; k++) {
                r.expected[k].waiting = false;
            }
            break;
        }
    }
    vml_forward_destroy(&r.forward);
    return 0;
}
