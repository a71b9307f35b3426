/* Two vCPUs make accesses that a third thread answers: each gets its own answer. */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <vml/forward.h>

enum { EACH = 2000 };

struct question {
    _Atomic uint32_t ticket; /* 0: none */
    uint64_t offset;
};

static struct vml_forward forward;
static struct vml_forward_slot slots[2];
static struct question questions[2];
static _Atomic unsigned running = 2;
static _Atomic unsigned wrong;

static enum vml_bus_result ask(void *context, struct vml_access *access, uint32_t ticket)
{
    questions[access->cpu].offset = access->offset;
    atomic_store(&questions[access->cpu].ticket, ticket);
    return VML_BUS_PENDING;
}

static void *vcpu(void *context)
{
    uint32_t cpu = context != NULL;

    for (uint64_t i = 0; i < EACH; i++) {
        struct vml_access a = {.offset = i * 4, .size = 4, .cpu = cpu};

        while (forward.device.ops->access(&forward.device, &a) == VML_BUS_PENDING) {
            sched_yield();
        }
        wrong += a.value != i * 4 + cpu;
    }
    running--;
    return NULL;
}

static void *server(void *context)
{
    while (running) {
        for (uint32_t cpu = 0; cpu < 2; cpu++) {
            uint32_t ticket = atomic_exchange(&questions[cpu].ticket, 0);

            if (ticket && vml_forward_complete(&forward, cpu, ticket, VML_BUS_OK,
                                               questions[cpu].offset + cpu) != VML_OK) {
                wrong++;
            }
        }
        sched_yield();
    }
    return NULL;
}

static void each_vcpu_gets_its_own_answers(void **state)
{
    struct vml_forward_config config = {.handle = ask, .slots = slots, .cpus = 2};
    pthread_t threads[3];

    assert_int_equal(vml_forward_init(&forward, &config), VML_OK);
    assert_int_equal(pthread_create(&threads[0], NULL, vcpu, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, vcpu, &forward), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, server, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(wrong, 0);
    vml_forward_destroy(&forward);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_vcpu_gets_its_own_answers)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
