/* spin: -m100000 */
/*
 * The protocol of vcpu/cpu_model and vcpu/vcpu_roundup: round-up, resume, waiting, waking, starting
 * and stopping, one step for each sequentially consistent access that the C code makes.
 *
 * CPUS vCPUs run; a main thread starts each one, sends each an interrupt, sees it taken, and stops
 * it; ROUNDERS threads round up and resume; vCPU 0 also rounds up from its own thread.  Checked:
 *   - no guest progress, native or emulated, while anybody has the world rounded up (assertions);
 *   - no lost wake-up, no lost recall, no deadlock: every process ends (no invalid end state).  The
 *     guest leaves its code only by its own will or because a request is set, so a recall that is
 *     lost leaves it there for ever.
 *
 * tests/integration/roundup_model runs it in several shapes, and with mistakes: FAULT plants one, for
 * the check of the check: 1 `roundups` is looked at before becoming active is announced; 2 the request
 * bit is cleared after that look; 3 `waiting` is set after the last look; 4 who becomes inactive
 * forgets to tell; 5 a waiter does not pass the signal on.
 */
#ifndef CPUS
#define CPUS 2
#endif
#ifndef ROUNDERS
#define ROUNDERS 0
#endif
#ifndef FAULT
#define FAULT 0
#endif

#define OFF        0
#define ON_PENDING 1
#define ON         2
#define SUSPENDED  3

/* struct vml_cpu_set */
byte roundups;
bool inactive_signal;

/* struct vml_cpu */
byte power[CPUS];
bool r_roundup[CPUS], r_stop[CPUS], r_irq[CPUS];
bool is_active[CPUS], waiting[CPUS], woken[CPUS], wake_signal[CPUS];

/* What the machine does, to check against */
byte holding;          /* round-ups that have returned and were not resumed */
bool pending[CPUS];    /* the interrupt, until the guest has taken it */
byte done;             /* rounders that have ended */
bool self_done;        /* vCPU 0 has rounded up once */

#define progress(c) assert(holding == 0)
#define any_request(c) (r_roundup[c] || r_stop[c] || r_irq[c])

inline poke(c)
{
    if
    :: waiting[c] -> wake_signal[c] = true
    :: else
    fi
}

inline park(c)
{
    is_active[c] = false;
    if
    :: roundups != 0 -> inactive_signal = (FAULT != 4)
    :: else
    fi
}

/* ok: became active */
inline try_activate(c, ok)
{
#if FAULT == 1
    ok = (roundups == 0);
    is_active[c] = ok
#else
    is_active[c] = true;
    if
    :: roundups == 0 -> ok = true
    :: else -> ok = false; park(c)
    fi
#endif
}

/* Gives up, inactive, when the vCPU is asked to stop */
inline activate(c, ok)
{
    try_activate(c, ok);
    if
    :: ok
    :: else ->
#if FAULT != 3
        waiting[c] = true;
#endif
        do
        :: try_activate(c, ok);
           if
           :: ok -> break
           :: !ok && r_stop[c] -> break
           :: else ->
#if FAULT == 3
               waiting[c] = true;
#endif
               atomic { wake_signal[c] -> wake_signal[c] = false }
           fi
        od;
        waiting[c] = false
    fi
}

/* vml_cpu_enter() and its slow path; went: the vCPU is off */
inline enter(c, went)
{
    went = false;
    do
    :: !(r_roundup[c] || r_stop[c]) && is_active[c] -> break /* the fast path's one look */
    :: else ->
#if FAULT != 2
        r_roundup[c] = false;
#endif
        if
        :: r_stop[c] -> atomic { power[c] = OFF; r_stop[c] = false }; park(c); went = true; break
        :: else ->
            activate(c, ok);
#if FAULT == 2
            r_roundup[c] = false;
#endif
            if
            :: ok && !r_roundup[c] && !r_stop[c] -> break
            :: else
            fi
        fi
    od
}

/* woken(): a reason not to wait on; consumes a wake-up */
inline look(c, ok)
{
    if
    :: woken[c] -> woken[c] = false; ok = true
    :: else -> ok = (r_stop[c] || r_irq[c])
    fi
}

/* vml_cpu_wait(), without a deadline */
inline wait(c)
{
    look(c, ok);
    if
    :: ok
    :: else ->
        atomic { if :: power[c] == ON -> power[c] = SUSPENDED :: else fi };
        park(c);
        waiting[c] = true;
        do
        :: look(c, ok);
           if
           :: ok -> break
           :: else -> atomic { wake_signal[c] -> wake_signal[c] = false }
           fi
        od;
        waiting[c] = false;
        activate(c, ok);
        atomic { if :: power[c] == SUSPENDED -> power[c] = ON :: else fi }
    fi
}

/* vml_roundup(); self is CPUS for a thread that runs no vCPU */
inline roundup(self)
{
    roundups++;
    if
    :: self < CPUS -> park(self)
    :: else
    fi;
    n = 0;
    do
    :: n < CPUS ->
        if
        :: n != self && is_active[n] ->
            atomic { was = r_roundup[n]; r_roundup[n] = true };
            if
            :: !was -> poke(n)
            :: else
            fi
        :: else
        fi;
        n++
    :: else -> break
    od;
    was = false;
    do
    :: n = 0;
       do
       :: n < CPUS && !is_active[n] -> n++
       :: else -> break
       od;
       if
       :: n == CPUS -> n = 0; break
       :: else -> atomic { inactive_signal -> inactive_signal = false }
       fi
    od;
#if FAULT != 5
    inactive_signal = true;
#endif
    holding++
}

inline resume(self)
{
    atomic { holding--; was = (roundups == 1); roundups-- };
    if
    :: was ->
        do
        :: n < CPUS -> poke(n); n++
        :: else -> n = 0; break
        od
    :: else
    fi;
    was = false;
    if
    :: self < CPUS -> activate(self, ok) /* vml_cpu_unpark(), but for the way out on a stop */
    :: else
    fi
}

proctype vcpu(byte c)
{
    bool ok, went, was;
    byte n, will = 1;

    /* vml_cpu_wait_on() */
    waiting[c] = true;
    do
    :: power[c] == ON_PENDING -> break
    :: else -> atomic { wake_signal[c] -> wake_signal[c] = false }
    od;
    waiting[c] = false;
    activate(c, ok);
    atomic { assert(power[c] == ON_PENDING); power[c] = ON };
    progress(c); /* the registers are written */
    do
    :: enter(c, went);
       /* Guest code: until recalled, or a few times of its own will */
       if
       :: went -> break
       :: else -> progress(c)
       fi;
       if
       :: any_request(c)
       :: woken[c]
       :: will > 0 -> will--
       fi;
       /* Emulation */
       atomic { progress(c); r_irq[c] = false };
       if
       :: pending[c] -> atomic { progress(c); pending[c] = false }
       :: else ->
           if
           :: c == 0 && !self_done ->
               self_done = true;
               roundup(c);
               resume(c);
               if
               :: ok -> progress(c)
               :: else
               fi
           :: progress(c)
           :: wait(c); will = 1 /* WFI; the guest then looks whether it was for it */
           fi
       fi
    od;
    assert(power[c] == OFF)
}

proctype rounder()
{
    bool ok, was;
    byte n;

    roundup(CPUS);
    assert(roundups > 0);
    resume(CPUS);
    done++
}

init {
    bool was, by_wake;
    byte c;

    atomic {
        c = 0;
        do
        :: c < CPUS -> run vcpu(c); c++
        :: else -> break
        od;
        c = 0;
        do
        :: c < ROUNDERS -> run rounder(); c++
        :: else -> break
        od
    };
    c = 0;
    do
    :: c < CPUS -> power[c] = ON_PENDING; poke(c); c++
    :: else -> break
    od;
    c = 0;
    do
    :: c < CPUS ->
        pending[c] = true;
        if
        :: by_wake = true; woken[c] = true; poke(c)
        :: by_wake = false;
           atomic { was = r_irq[c]; r_irq[c] = true };
           if
           :: !was -> poke(c)
           :: else
           fi
        fi;
        !pending[c];
        if
        :: true
        :: true -> done == ROUNDERS /* so that a stop does not hide a recall that was lost */
        fi;
        r_stop[c] = true;
        poke(c);
        c++
    :: else -> break
    od;
    /* vml_cpus_wait_off() */
    c = 0;
    do
    :: c < CPUS -> power[c] == OFF; c++
    :: else -> break
    od
}
