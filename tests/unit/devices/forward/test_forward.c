/* Accesses served at once, later, from inside the handler, and never. */
#include "test.h"
#include <vml/forward.h>

struct rig {
    struct vml_forward forward;
    struct vml_forward_slot slots[2];
    enum vml_bus_result result;
    bool answer_inside;
    unsigned handled, completed, resets;
    uint32_t ticket;
};

static enum vml_bus_result handle(void *context, struct vml_access *access, uint32_t ticket)
{
    struct rig *r = context;

    assert_true(vml_mutex_try_lock(&r->forward.lock));
    vml_mutex_unlock(&r->forward.lock);
    r->handled++;
    r->ticket = ticket;
    if (r->answer_inside) {
        assert_int_equal(vml_forward_complete(&r->forward, access->cpu, ticket, VML_BUS_OK, 0x1234),
                         VML_OK);
    }
    if (r->result == VML_BUS_OK && !access->write) {
        access->value = 0x42;
    }
    return r->result;
}

static void completed(void *context, uint32_t cpu)
{
    struct rig *r = context;

    assert_true(vml_mutex_try_lock(&r->forward.lock));
    vml_mutex_unlock(&r->forward.lock);
    r->completed++;
}

static void was_reset(void *context)
{
    ((struct rig *)context)->resets++;
}

static struct rig *make(void)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_forward_config config = {.handle = handle,
                                        .completed = completed,
                                        .reset = was_reset,
                                        .context = r,
                                        .slots = r->slots,
                                        .cpus = 2};

    assert_int_equal(vml_forward_init(&r->forward, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_forward_destroy(&r->forward);
    free(r);
}

static enum vml_bus_result go(struct rig *r, uint32_t cpu, bool write, uint64_t offset,
                              uint64_t *value)
{
    struct vml_access a = {
        .offset = offset, .size = 4, .write = write, .cpu = cpu, .value = write ? *value : 0};
    enum vml_bus_result result = r->forward.device.ops->access(&r->forward.device, &a);

    *value = a.value;
    return result;
}

static void served_at_once(void **state)
{
    struct rig *r = make();
    uint64_t v = 7;

    assert_int_equal(go(r, 0, false, 4, &v), VML_BUS_OK);
    assert_int_equal(v, 0x42);
    assert_int_equal(go(r, 0, false, 4, &v), VML_BUS_OK);
    assert_int_equal(r->handled, 2);
    r->result = VML_BUS_FAULT;
    assert_int_equal(go(r, 1, true, 4, &v), VML_BUS_FAULT);
    assert_int_equal(go(r, VML_CPU_NONE, true, 4, &v), VML_BUS_FAULT);
    end(r);
}

static void answered_later_and_made_again(void **state)
{
    struct rig *r = make();
    uint64_t v;

    r->result = VML_BUS_PENDING;
    assert_int_equal(go(r, 1, false, 8, &v), VML_BUS_PENDING);
    assert_int_equal(go(r, 1, false, 8, &v), VML_BUS_PENDING);
    assert_int_equal(r->handled, 1);
    assert_int_equal(
        vml_forward_complete(&r->forward, 1, r->ticket, VML_BUS_OK, UINT64_C(0x500000063)), VML_OK);
    assert_int_equal(r->completed, 1);
    assert_int_equal(vml_forward_complete(&r->forward, 1, r->ticket, VML_BUS_OK, 98),
                     VML_ERR_STATE);
    assert_int_equal(go(r, 1, false, 8, &v), VML_BUS_OK);
    assert_int_equal(v, 99);
    assert_int_equal(go(r, 1, false, 8, &v), VML_BUS_PENDING);
    assert_int_equal(r->handled, 2);
    assert_int_equal(vml_forward_complete(&r->forward, 1, r->ticket, VML_BUS_FAULT, 0), VML_OK);
    assert_int_equal(go(r, 1, false, 8, &v), VML_BUS_FAULT);
    end(r);
}

static void answered_later_and_taken(void **state)
{
    struct rig *r = make();
    struct vml_access a;
    enum vml_bus_result result;
    uint64_t v = 5;

    r->result = VML_BUS_PENDING;
    assert_int_equal(vml_forward_take(&r->forward, 0, &a, &result), VML_ERR_NOT_FOUND);
    assert_int_equal(vml_forward_take(&r->forward, 2, &a, &result), VML_ERR_NOT_FOUND);
    assert_int_equal(go(r, 0, true, 8, &v), VML_BUS_PENDING);
    assert_int_equal(vml_forward_take(&r->forward, 0, &a, &result), VML_ERR_AGAIN);
    assert_int_equal(vml_forward_complete(&r->forward, 0, r->ticket, VML_BUS_OK, 99), VML_OK);
    assert_int_equal(vml_forward_take(&r->forward, 0, &a, &result), VML_OK);
    assert_int_equal(result, VML_BUS_OK);
    assert_int_equal(a.value, 5);
    assert_int_equal(a.offset, 8);
    assert_int_equal(vml_forward_take(&r->forward, 0, &a, &result), VML_ERR_NOT_FOUND);
    end(r);
}

static void answered_before_the_handler_returns(void **state)
{
    struct rig *r = make();
    uint64_t v;

    r->result = VML_BUS_PENDING;
    r->answer_inside = true;
    assert_int_equal(go(r, 0, false, 8, &v), VML_BUS_OK);
    assert_int_equal(v, 0x1234);
    assert_int_equal(r->slots[0].state, 0);
    end(r);
}

static void a_late_answer_does_not_reach_another_access(void **state)
{
    struct rig *r = make();
    uint64_t v;
    uint32_t old;

    r->result = VML_BUS_PENDING;
    assert_int_equal(go(r, 0, false, 8, &v), VML_BUS_PENDING);
    old = r->ticket;
    assert_int_equal(go(r, 0, false, 12, &v), VML_BUS_PENDING);
    assert_int_equal(vml_forward_complete(&r->forward, 0, old, VML_BUS_OK, 1), VML_ERR_STATE);
    assert_int_equal(go(r, 0, false, 12, &v), VML_BUS_PENDING);
    old = r->ticket;
    r->forward.device.ops->reset(&r->forward.device);
    assert_int_equal(r->resets, 1);
    assert_int_equal(vml_forward_complete(&r->forward, 0, old, VML_BUS_OK, 1), VML_ERR_STATE);
    assert_int_equal(go(r, 0, false, 12, &v), VML_BUS_PENDING);
    assert_int_equal(vml_forward_complete(&r->forward, 0, old, VML_BUS_OK, 1), VML_ERR_STATE);
    end(r);
}

static void wrong_calls(void **state)
{
    struct rig *r = make();
    struct vml_forward_config config = {0};
    uint64_t v = 0;

    assert_int_equal(vml_forward_complete(&r->forward, 2, 0, VML_BUS_OK, 0), VML_ERR_RANGE);
    assert_int_equal(vml_forward_complete(&r->forward, 0, 0, VML_BUS_PENDING, 0), VML_ERR_INVALID);
    assert_int_equal(vml_forward_complete(&r->forward, 0, 0, VML_BUS_OK, 0), VML_ERR_STATE);
    r->result = VML_BUS_PENDING;
    assert_int_equal(go(r, VML_CPU_NONE, false, 0, &v), VML_BUS_FAULT);
    end(r);
    r = calloc(1, sizeof(*r));
    assert_int_equal(vml_forward_init(&r->forward, &config), VML_ERR_INVALID);
    config.handle = handle;
    config.cpus = 1;
    assert_int_equal(vml_forward_init(&r->forward, &config), VML_ERR_INVALID);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(served_at_once),
        cmocka_unit_test(answered_later_and_made_again),
        cmocka_unit_test(answered_later_and_taken),
        cmocka_unit_test(answered_before_the_handler_returns),
        cmocka_unit_test(a_late_answer_does_not_reach_another_access),
        cmocka_unit_test(wrong_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
