/* Where the owner of a vCPU waits, and how it becomes active and inactive. */
#include "cpu_private.h"

#define LEAVE_WAIT (VML_CPU_REQUEST_EXIT | VML_CPU_REQUEST_STOP | VML_CPU_REQUEST_RESET)

static uint32_t requests_now(const struct vml_cpu *cpu)
{
    return atomic_load(&cpu->requests);
}

/* Until the next poke; wakes for nothing, too. */
static void sleep(struct vml_cpu *cpu)
{
    enum vml_status status = vml_signal_wait_until(&cpu->wake, VML_TIME_NEVER);

    VML_ASSERT(status == VML_OK);
}

static bool is_active(const struct vml_cpu *cpu)
{
    return atomic_load_explicit(&cpu->active, memory_order_relaxed) != 0;
}

static void make_inactive(struct vml_cpu *cpu)
{
    atomic_store(&cpu->active, 0);
    if (atomic_load(&cpu->set->roundups) != 0) {
        vml_signal_set(&cpu->set->inactive);
    }
}

/* It is active still: nobody changes the registers that are printed. */
static void leave(struct vml_cpu *cpu)
{
    vml_trace(cpu->config.debug, cpu->config.index, VML_TRACE_CPU_EXIT, requests_now(cpu),
              atomic_load(&cpu->power), 0);
    if (VML_UNLIKELY(vml_cpu_features(cpu) & VML_CPU_DUMP_REGS) && cpu->config.ops &&
        cpu->config.ops->dump) {
        cpu->config.ops->dump(cpu);
    }
}

void vml_cpu_park(struct vml_cpu *cpu)
{
    if (is_active(cpu)) {
        leave(cpu);
    }
    make_inactive(cpu);
}

/* Becomes active unless a round-up is in force. */
static bool try_activate(struct vml_cpu *cpu)
{
    bool was_active = is_active(cpu);

    atomic_store(&cpu->active, 1);
    if (VML_LIKELY(atomic_load(&cpu->set->roundups) == 0)) {
        if (!was_active) {
            vml_trace(cpu->config.debug, cpu->config.index, VML_TRACE_CPU_ENTER, 0, 0, 0);
        }
        return true;
    }
    if (was_active) {
        leave(cpu);
    }
    make_inactive(cpu);
    return false;
}

/* Becomes active as soon as no round-up is in force. Gives up when a request in `leave` is set. */
static bool activate(struct vml_cpu *cpu, uint32_t leave)
{
    bool active;

    if (try_activate(cpu)) {
        return true;
    }
    atomic_store(&cpu->waiting, 1);
    while (!(active = try_activate(cpu)) && !(requests_now(cpu) & leave)) {
        sleep(cpu);
    }
    atomic_store_explicit(&cpu->waiting, 0, memory_order_relaxed);
    return active;
}

void vml_cpu_unpark(struct vml_cpu *cpu)
{
    (void)activate(cpu, 0);
}

/* Serves stop and reset. True when the vCPU is not on any more. */
static bool went_off(struct vml_cpu *cpu)
{
    bool last = false;
    bool off;

    vml_mutex_lock(&cpu->lock);
    if ((requests_now(cpu) & VML_CPU_REQUEST_STOP) &&
        atomic_load_explicit(&cpu->power, memory_order_relaxed) == VML_CPU_ON) {
        last = cpu_set_power(cpu, VML_CPU_OFF);
    }
    off = atomic_load_explicit(&cpu->power, memory_order_relaxed) != VML_CPU_ON;
    atomic_fetch_and(&cpu->requests, ~(uint32_t)(VML_CPU_REQUEST_STOP | VML_CPU_REQUEST_RESET));
    vml_mutex_unlock(&cpu->lock);
    if (last) {
        cpu_tell_off(cpu->set);
    }
    return off;
}

enum vml_status vml_cpu_enter_slow(struct vml_cpu *cpu)
{
    for (;;) {
        uint32_t requests;

        /*
         * Before round-ups are looked at: whoever begins one after that look sets the bit after
         * this, so that it is not lost.
         */
        atomic_fetch_and(&cpu->requests, ~(uint32_t)VML_CPU_REQUEST_ROUNDUP);
        requests = requests_now(cpu);
        if ((requests & (VML_CPU_REQUEST_STOP | VML_CPU_REQUEST_RESET)) ||
            atomic_load(&cpu->power) != VML_CPU_ON) {
            if (went_off(cpu)) {
                vml_cpu_park(cpu);
                return VML_ERR_STATE;
            }
            continue;
        }
        if (requests & VML_CPU_REQUEST_EXIT) {
            vml_cpu_park(cpu);
            return VML_ERR_AGAIN;
        }
        if (requests & VML_CPU_REQUEST_PAUSE) {
            vml_cpu_park(cpu);
            atomic_store(&cpu->waiting, 1);
            while ((requests_now(cpu) & VML_CPU_REQUEST_PAUSE) &&
                   !(requests_now(cpu) & LEAVE_WAIT)) {
                sleep(cpu);
            }
            atomic_store_explicit(&cpu->waiting, 0, memory_order_relaxed);
            continue;
        }
        /* A reset that came before this vCPU was active is found by looking again. */
        if (activate(cpu, LEAVE_WAIT) &&
            !(requests_now(cpu) & (VML_CPU_REQUESTS_OF_MODEL | VML_CPU_REQUEST_EXIT))) {
            atomic_store_explicit(&cpu->emulating, 0, memory_order_relaxed);
            return VML_OK;
        }
    }
}

/* Takes a pending start. */
static bool take_start(struct vml_cpu *cpu)
{
    struct vml_cpu_start start;
    bool taken = false;

    vml_mutex_lock(&cpu->lock);
    if (atomic_load_explicit(&cpu->power, memory_order_relaxed) == VML_CPU_ON_PENDING) {
        start = cpu->start;
        (void)cpu_set_power(cpu, VML_CPU_ON);
        /* A new life: what was asked of the old one is gone. */
        atomic_fetch_and(&cpu->requests, ~(uint32_t)(VML_CPU_REQUEST_STOP | VML_CPU_REQUEST_RESET));
        taken = true;
    }
    vml_mutex_unlock(&cpu->lock);
    if (taken) {
        atomic_store_explicit(&cpu->emulating, 0, memory_order_relaxed);
        if (cpu->config.ops && cpu->config.ops->start) {
            cpu->config.ops->start(cpu, &start);
        }
    }
    return taken;
}

enum vml_status vml_cpu_wait_on(struct vml_cpu *cpu)
{
    for (;;) {
        atomic_store(&cpu->waiting, 1);
        while (atomic_load(&cpu->power) != VML_CPU_ON_PENDING &&
               !(requests_now(cpu) & VML_CPU_REQUEST_EXIT)) {
            sleep(cpu);
        }
        atomic_store_explicit(&cpu->waiting, 0, memory_order_relaxed);
        if (requests_now(cpu) & VML_CPU_REQUEST_EXIT) {
            return VML_ERR_AGAIN;
        }
        /* Active, so that the registers are not changed under somebody who rounded the machine up. */
        if (activate(cpu, VML_CPU_REQUEST_EXIT)) {
            if (take_start(cpu)) {
                return VML_OK;
            }
            vml_cpu_park(cpu);
        }
    }
}

static void change_power(struct vml_cpu *cpu, enum vml_cpu_state from, enum vml_cpu_state to)
{
    vml_mutex_lock(&cpu->lock);
    if (atomic_load_explicit(&cpu->power, memory_order_relaxed) == (uint32_t)from) {
        (void)cpu_set_power(cpu, to);
    }
    vml_mutex_unlock(&cpu->lock);
}

/* True when there is a reason not to wait; consumes a wake-up. */
static bool woken(struct vml_cpu *cpu)
{
    /* One that waits is rounded up as it is. */
    uint32_t ignored = VML_CPU_REQUEST_ROUNDUP;

    if (atomic_load(&cpu->woken)) {
        atomic_store(&cpu->woken, 0);
        return true;
    }
    return (requests_now(cpu) & ~ignored) != 0;
}

enum vml_status vml_cpu_wait(struct vml_cpu *cpu, uint64_t deadline_ns)
{
    enum vml_status status = VML_OK;

    if (woken(cpu)) {
        return VML_OK;
    }
    change_power(cpu, VML_CPU_ON, VML_CPU_SUSPENDED);
    vml_cpu_park(cpu);
    atomic_store(&cpu->waiting, 1);
    while (status == VML_OK && !woken(cpu)) {
        status = vml_signal_wait_until(&cpu->wake, deadline_ns);
    }
    atomic_store_explicit(&cpu->waiting, 0, memory_order_relaxed);
    (void)activate(cpu, LEAVE_WAIT);
    change_power(cpu, VML_CPU_SUSPENDED, VML_CPU_ON);
    return status;
}

void vml_cpu_wake(struct vml_cpu *cpu)
{
    atomic_store(&cpu->woken, 1);
    cpu_poke(cpu);
}

enum vml_status vml_cpu_activate(struct vml_cpu *cpu)
{
    for (;;) {
        enum vml_cpu_state state = vml_cpu_state(cpu);
        enum vml_status status;

        if (state == VML_CPU_OFF) {
            return VML_ERR_STATE;
        }
        if (state == VML_CPU_ON_PENDING) {
            status = vml_cpu_wait_on(cpu);
        } else {
            status = vml_cpu_enter(cpu);
            if (status == VML_OK) {
                return VML_OK;
            }
        }
        if (status == VML_ERR_AGAIN) {
            (void)vml_cpu_take_requests(cpu, VML_CPU_REQUEST_EXIT);
            return VML_ERR_AGAIN;
        }
    }
}
