/* Interrupt wires: what reaches the controller, and what an unconnected wire does. */
#include "test.h"

#include <vml/irq.h>

struct log {
    unsigned levels;
    unsigned pulses;
    unsigned messages;
    uint32_t line;
    uint32_t cpu;
    bool level;
    struct vml_msi msi;
};

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct log *log = controller;

    log->levels++;
    log->line = line;
    log->cpu = cpu;
    log->level = level;
}

static void pulse(void *controller, uint32_t line, uint32_t cpu)
{
    struct log *log = controller;

    log->pulses++;
    log->line = line;
    log->cpu = cpu;
}

static enum vml_status msi(void *controller, const struct vml_msi *message)
{
    struct log *log = controller;

    log->messages++;
    log->msi = *message;
    return message->address == 0x8020040 ? VML_OK : VML_ERR_NOT_FOUND;
}

static const struct vml_irq_ops with_msi = {set_level, pulse, msi};
static const struct vml_irq_ops without_msi = {set_level, pulse, NULL};

static void an_unconnected_wire_does_nothing(void **state)
{
    const struct vml_irq irq = {0};
    const struct vml_msi message = {0x8020040, 48, 0};

    (void)state;
    vml_irq_set(&irq, true);
    vml_irq_pulse(&irq);
    assert_int_equal(vml_irq_msi(&irq, &message), VML_ERR_UNSUPPORTED);
}

static void a_wire_tells_its_line_and_vcpu(void **state)
{
    struct log log = {0};
    const struct vml_irq irq = {&with_msi, &log, 27, 3};

    (void)state;
    vml_irq_set(&irq, true);
    assert_int_equal(log.levels, 1);
    assert_int_equal(log.line, 27);
    assert_int_equal(log.cpu, 3);
    assert_true(log.level);
    vml_irq_set(&irq, false);
    assert_int_equal(log.levels, 2);
    assert_false(log.level);
    log.line = log.cpu = 0;
    vml_irq_pulse(&irq);
    assert_int_equal(log.pulses, 1);
    assert_int_equal(log.levels, 2);
    assert_int_equal(log.line, 27);
    assert_int_equal(log.cpu, 3);
}

static void a_message_arrives_whole_and_its_answer_returns(void **state)
{
    struct log log = {0};
    const struct vml_irq irq = {&with_msi, &log, 0, 0};
    struct vml_msi message = {0x8020040, 48, 0x1234};

    (void)state;
    assert_int_equal(vml_irq_msi(&irq, &message), VML_OK);
    assert_int_equal(log.msi.address, 0x8020040);
    assert_int_equal(log.msi.data, 48);
    assert_int_equal(log.msi.device_id, 0x1234);
    message.address = 0x8020044;
    assert_int_equal(vml_irq_msi(&irq, &message), VML_ERR_NOT_FOUND);
    assert_int_equal(log.messages, 2);
}

static void a_controller_without_messages_refuses_them(void **state)
{
    struct log log = {0};
    const struct vml_irq irq = {&without_msi, &log, 0, 0};
    const struct vml_msi message = {0x8020040, 48, 0};

    (void)state;
    assert_int_equal(vml_irq_msi(&irq, &message), VML_ERR_UNSUPPORTED);
    assert_int_equal(log.levels + log.pulses, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unconnected_wire_does_nothing),
        cmocka_unit_test(a_wire_tells_its_line_and_vcpu),
        cmocka_unit_test(a_message_arrives_whole_and_its_answer_returns),
        cmocka_unit_test(a_controller_without_messages_refuses_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
