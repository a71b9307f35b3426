/* What <vml/platform.h> promises between threads. Numbers of rounds bound every test. */
#include "test.h"

#include <signal.h>
#include <vml/platform.h>

#include "park.h"

#define THREADS 4
#define ROUNDS  5000

static struct vml_thread threads[THREADS];

static void run(vml_thread_fn fn, void *context)
{
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(
            vml_thread_create(&threads[i], "a name longer than it may be", fn, context), VML_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        vml_thread_join(&threads[i]);
    }
}

struct counted {
    struct vml_mutex mutex;
    struct vml_rwlock lock;
    uint64_t value; /* not atomic: the locks protect it */
    uint64_t copy;
    uint32_t torn;
};

static void add_under_mutex(void *context)
{
    struct counted *counted = context;

    for (int i = 0; i < ROUNDS; i++) {
        if (i % 3 != 0 || !vml_mutex_try_lock(&counted->mutex)) {
            vml_mutex_lock(&counted->mutex);
        }
        counted->value++;
        if (i % 64 == 0) {
            vml_thread_yield();
        }
        vml_mutex_unlock(&counted->mutex);
    }
}

static void mutex_excludes(void **state)
{
    struct counted counted = {0};

    vml_mutex_init(&counted.mutex);
    run(add_under_mutex, &counted);
    assert_true(counted.value == THREADS * ROUNDS);
    vml_mutex_destroy(&counted.mutex);
}

static void read_and_write(void *context)
{
    struct counted *counted = context;

    for (int i = 0; i < ROUNDS; i++) {
        if (i % 8 == 0) {
            vml_rwlock_write_lock(&counted->lock);
            counted->value++;
            if (i % 64 == 0) {
                vml_thread_yield();
            }
            counted->copy++;
            vml_rwlock_write_unlock(&counted->lock);
        } else {
            vml_rwlock_read_lock(&counted->lock);
            if (counted->value != counted->copy) {
                (void)__atomic_add_fetch(&counted->torn, 1, __ATOMIC_RELAXED);
            }
            if (i % 65 == 0) {
                vml_thread_yield();
            }
            vml_rwlock_read_unlock(&counted->lock);
        }
    }
}

static void rwlock_excludes_writers(void **state)
{
    struct counted counted = {0};

    vml_rwlock_init(&counted.lock);
    run(read_and_write, &counted);
    assert_int_equal(counted.torn, 0);
    assert_true(counted.value == THREADS * ROUNDS / 8);
    assert_true(counted.copy == counted.value);
    vml_rwlock_destroy(&counted.lock);
}

static void starving_reader(void *context)
{
    struct counted *counted = context;

    /* The lock is never without a reader, unless a writer that waits keeps new ones out. */
    while (__atomic_load_n(&counted->torn, __ATOMIC_RELAXED) == 0) {
        vml_rwlock_read_lock(&counted->lock);
        vml_thread_yield();
        vml_rwlock_read_unlock(&counted->lock);
    }
}

static void writers_are_not_starved(void **state)
{
    struct counted counted = {0};

    vml_rwlock_init(&counted.lock);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "reader", starving_reader, &counted),
                         VML_OK);
    }
    for (int i = 0; i < 200; i++) {
        vml_rwlock_write_lock(&counted.lock);
        counted.value++;
        vml_rwlock_write_unlock(&counted.lock);
    }
    __atomic_store_n(&counted.torn, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_true(counted.value == 200);
}

struct channel {
    struct vml_sem full;
    struct vml_sem empty;
    struct vml_signal request;
    struct vml_signal reply;
    uint64_t item; /* not atomic: the waits order it */
    uint64_t sum;
};

static void consume(void *context)
{
    struct channel *channel = context;

    for (int i = 0; i < ROUNDS; i++) {
        (void)!vml_sem_wait_until(&channel->full, VML_TIME_NEVER);
        channel->sum += channel->item;
        vml_sem_post(&channel->empty);
    }
}

static void semaphores_hand_over(void **state)
{
    struct channel channel = {0};

    vml_sem_init(&channel.full, 0);
    vml_sem_init(&channel.empty, 1);
    assert_int_equal(vml_thread_create(&threads[0], "consumer", consume, &channel), VML_OK);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        assert_int_equal(vml_sem_wait_until(&channel.empty, VML_TIME_NEVER), VML_OK);
        channel.item = i;
        vml_sem_post(&channel.full);
    }
    vml_thread_join(&threads[0]);
    assert_true(channel.sum == (uint64_t)ROUNDS * (ROUNDS - 1) / 2);
}

static void answer(void *context)
{
    struct channel *channel = context;

    for (int i = 0; i < ROUNDS; i++) {
        (void)!vml_signal_wait_until(&channel->request, VML_TIME_NEVER);
        channel->item++;
        vml_signal_set(&channel->reply);
    }
}

static void signals_lose_no_wake_up(void **state)
{
    struct channel channel = {0};

    vml_signal_init(&channel.request);
    vml_signal_init(&channel.reply);
    assert_int_equal(vml_thread_create(&threads[0], "answer", answer, &channel), VML_OK);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        channel.item = i * 2;
        vml_signal_set(&channel.request);
        if (i % 2 == 0) {
            assert_int_equal(vml_signal_wait_until(&channel.reply, VML_TIME_NEVER), VML_OK);
        } else {
            /* With a deadline far away. */
            assert_int_equal(
                vml_signal_wait_until(&channel.reply, vml_platform_time_ns() + 60000000000u),
                VML_OK);
        }
        assert_true(channel.item == i * 2 + 1);
    }
    vml_thread_join(&threads[0]);
}

static void one_set_wakes_one(void *context)
{
    struct channel *channel = context;

    (void)!vml_signal_wait_until(&channel->request, VML_TIME_NEVER);
    vml_sem_post(&channel->full);
}

static void a_signal_is_consumed_by_one_waiter(void **state)
{
    struct channel channel = {0};

    vml_signal_init(&channel.request);
    vml_sem_init(&channel.full, 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "waiter", one_set_wakes_one, &channel),
                         VML_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        vml_signal_set(&channel.request);
        assert_int_equal(vml_sem_wait_until(&channel.full, VML_TIME_NEVER), VML_OK);
        assert_int_equal(vml_sem_wait_until(&channel.full, 0), VML_ERR_TIMEOUT);
    }
    for (int i = 0; i < THREADS; i++) {
        vml_thread_join(&threads[i]);
    }
}

struct alarm {
    struct vml_platform_timer timer;
    struct vml_signal rang;
    uint64_t deadline_ns;
    uint32_t early;
    uint32_t count;
    uint32_t again; /* arms itself so many times more */
};

static void ring(void *context)
{
    struct alarm *alarm = context;

    if (vml_platform_time_ns() < alarm->deadline_ns) {
        alarm->early++;
    }
    (void)__atomic_add_fetch(&alarm->count, 1, __ATOMIC_RELAXED);
    if (alarm->again != 0) {
        alarm->again--;
        alarm->deadline_ns = vml_platform_time_ns() + 10000;
        vml_platform_timer_arm(&alarm->timer, alarm->deadline_ns);
    } else {
        vml_signal_set(&alarm->rang);
    }
}

static void alarm_init(struct alarm *alarm)
{
    memset(alarm, 0, sizeof(*alarm));
    vml_signal_init(&alarm->rang);
    assert_int_equal(vml_platform_timer_init(&alarm->timer, ring, alarm), VML_OK);
}

static void timers_fire_at_their_deadline(void **state)
{
    struct alarm alarms[8];
    uint64_t now = vml_platform_time_ns();

    for (unsigned i = 0; i < 8; i++) {
        /* Armed in neither order. */
        alarm_init(&alarms[i]);
        alarms[i].deadline_ns = now + (i * 5 % 8) * 1000000u;
        vml_platform_timer_arm(&alarms[i].timer, alarms[i].deadline_ns);
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(vml_signal_wait_until(&alarms[i].rang, VML_TIME_NEVER), VML_OK);
        vml_platform_timer_destroy(&alarms[i].timer);
        assert_int_equal(alarms[i].count, 1);
        assert_int_equal(alarms[i].early, 0);
    }
}

static void a_callback_may_arm_its_timer_again(void **state)
{
    struct alarm alarm;

    alarm_init(&alarm);
    alarm.again = 20;
    vml_platform_timer_arm(&alarm.timer, 0);
    assert_int_equal(vml_signal_wait_until(&alarm.rang, VML_TIME_NEVER), VML_OK);
    vml_platform_timer_destroy(&alarm.timer);
    assert_int_equal(alarm.count, 21);
    assert_int_equal(alarm.early, 0);
}

static void a_deadline_can_be_moved_and_taken_away(void **state)
{
    struct alarm moved;
    struct alarm off;
    uint64_t now = vml_platform_time_ns();

    alarm_init(&moved);
    alarm_init(&off);
    vml_platform_timer_arm(&moved.timer, now + 3600 * UINT64_C(1000000000));
    vml_platform_timer_arm(&off.timer, now + 3600 * UINT64_C(1000000000));
    vml_platform_timer_arm(&off.timer, VML_TIME_NEVER);
    moved.deadline_ns = now + 1000000;
    vml_platform_timer_arm(&moved.timer, moved.deadline_ns);
    assert_int_equal(vml_signal_wait_until(&moved.rang, VML_TIME_NEVER), VML_OK);
    vml_platform_timer_destroy(&moved.timer);
    vml_platform_timer_destroy(&off.timer);
    assert_int_equal(moved.count, 1);
    assert_int_equal(off.count, 0);
}

static void slow(void *context)
{
    struct alarm *alarm = context;

    vml_signal_set(&alarm->rang);
    for (int i = 0; i < 1000; i++) {
        vml_thread_yield();
    }
    /* Armed for a time that does not come: destroying it finds it in the queue again. */
    vml_platform_timer_arm(&alarm->timer, vml_platform_time_ns() + 3600 * UINT64_C(1000000000));
    alarm->count = 1;
}

static void destroying_a_timer_waits_for_its_callback(void **state)
{
    for (int i = 0; i < 20; i++) {
        struct alarm alarm = {0};

        vml_signal_init(&alarm.rang);
        assert_int_equal(vml_platform_timer_init(&alarm.timer, slow, &alarm), VML_OK);
        vml_platform_timer_arm(&alarm.timer, 1);
        assert_int_equal(vml_signal_wait_until(&alarm.rang, VML_TIME_NEVER), VML_OK);
        vml_platform_timer_destroy(&alarm.timer);
        assert_int_equal(alarm.count, 1);
    }
}

static void bind_body(void *context)
{
    enum vml_status *statuses = context;

    statuses[0] = vml_thread_bind(UINT32_MAX);
    statuses[1] = VML_ERR_RANGE;
    for (uint32_t cpu = 0; cpu < 1024 && statuses[1] != VML_OK; cpu++) {
        statuses[1] = vml_thread_bind(cpu);
    }
}

static void threads_are_bound_to_cpus_that_exist(void **state)
{
    enum vml_status statuses[2];

    assert_int_equal(vml_thread_create(&threads[0], "bound", bind_body, statuses), VML_OK);
    vml_thread_join(&threads[0]);
    if (statuses[0] == VML_ERR_UNSUPPORTED) {
        skip();
    }
    assert_int_equal(statuses[0], VML_ERR_RANGE);
    assert_int_equal(statuses[1], VML_OK);
}

/* The way of systems without a futex, by itself. */
struct parked {
    uint32_t word;
    uint32_t done;
};

static void parker(void *context)
{
    struct parked *parked = context;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (__atomic_load_n(&parked->word, __ATOMIC_ACQUIRE) == i) {
            posix_park_by_cond(&parked->word, i, VML_TIME_NEVER);
        }
        __atomic_store_n(&parked->done, i + 1, __ATOMIC_RELEASE);
        posix_unpark_by_cond(&parked->done);
    }
}

static void condition_variables_lose_no_wake_up(void **state)
{
    struct parked parked = {0};
    uint64_t soon = vml_platform_time_ns() + 2000000;

    while (vml_platform_time_ns() < soon) {
        posix_park_by_cond(&parked.word, 0, soon);
    }
    posix_park_by_cond(&parked.word, 1, VML_TIME_NEVER); /* another value: does not sleep */
    assert_int_equal(vml_thread_create(&threads[0], "parker", parker, &parked), VML_OK);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        __atomic_store_n(&parked.word, i + 1, __ATOMIC_RELEASE);
        posix_unpark_by_cond(&parked.word);
        while (__atomic_load_n(&parked.done, __ATOMIC_ACQUIRE) != i + 1) {
            posix_park_by_cond(&parked.done, i, VML_TIME_NEVER);
        }
    }
    vml_thread_join(&threads[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutex_excludes),
        cmocka_unit_test(rwlock_excludes_writers),
        cmocka_unit_test(writers_are_not_starved),
        cmocka_unit_test(semaphores_hand_over),
        cmocka_unit_test(signals_lose_no_wake_up),
        cmocka_unit_test(a_signal_is_consumed_by_one_waiter),
        cmocka_unit_test(timers_fire_at_their_deadline),
        cmocka_unit_test(a_callback_may_arm_its_timer_again),
        cmocka_unit_test(a_deadline_can_be_moved_and_taken_away),
        cmocka_unit_test(destroying_a_timer_waits_for_its_callback),
        cmocka_unit_test(threads_are_bound_to_cpus_that_exist),
        cmocka_unit_test(condition_variables_lose_no_wake_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
