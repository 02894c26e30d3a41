/* waking: how a worker sleeps that has tasks which wait, and who wakes it. The steps are those of
 * idle.c (park, idle_rest, wake_slot, rouse), fibers.c (fibers_run, sleep_with_waiting), poller.c
 * (poller_poll, poller_block) and nudge.h; docs/internals/waiting.md, "Sleeping and waking", has
 * the reasons. waiting.pml has the words that name the tasks which wait, idle.pml the fences,
 * the sums, and looks that are not one step.
 *
 *   DEATHS=n   up to so many workers die (1): kill -9 before any step
 *   FEW, MORE  two kinds of job; six of them (three)
 *
 * Task 0 posts task 1, the supervisor makes task 2 ready, at any time. Tasks 1 and 2 may wait, for
 * a timer, or until the other one was begun by somebody. One task may be patient: it keeps its
 * worker until another one was begun. So whoever is needed and sleeps is found as a deadlock. A
 * worker may have begun one task (then it sleeps full) or two.
 *
 * The kernel's part: a signal to a process that blocks it is pending, and epoll_pwait() lets it
 * in. Elsewhere its handler runs, and it is gone.
 *
 * With -DPRN_BUG_NAME it must fail: tests/crash/spin.sh tries each. */
#ifndef DEATHS
#define DEATHS 1
#endif
#define NW 2 /* workers 0 and 1 */
#define NT 3
#define NOBODY 9
#define SUPERVISOR NW

mtype = { NONE, READY, RUN, FREE };     /* descriptors */
mtype = { AWAKE, FUTEX, SIGNAL, FULL }; /* enum park */
mtype = { NEVER, TIMER, OTHER };        /* what a task waits for */

mtype word[NT] = NONE;
byte owner[NT] = NOBODY; /* of RUN */
bit waits[NT];           /* RUN, and it waits in its worker */
mtype park[NW] = AWAKE;
bit bits[NW];
bit over;                /* head->mode */
bit dead[NW];
byte deaths;             /* still to come */

/* The kernel's. */
bit asleep[NW];               /* on the futex */
bit blocked[NW], pending[NW]; /* SIGURG; in epoll_pwait() it is pending for no time */

/* How this job is. */
mtype kind[NT] = NEVER;        /* of wait */
byte patient = NOBODY, wanted; /* this one keeps its worker until that one was begun */
byte limit;                    /* how many tasks a worker may have begun */

/* For the asserts. */
bit begun[NT];
byte on_way[NW] = NOBODY; /* who has cleared this park word, and will send the signal */
bit had_death;
#define ALL_ENDED (word[0] == FREE && word[1] == FREE && word[2] == FREE)

#define DIE   :: deaths > 0 -> deaths--; goto died
/* How many will die is drawn first: who could still die is not in a deadlock. */
#define DRAW_DEATHS do :: deaths < DEATHS -> deaths++ :: break od
#define STEP(s) atomic { if :: s DIE fi }
#define LIVES(s) atomic { s } /* the supervisor's */

#define BEGUN_BY(me) \
    ((word[0] == RUN && owner[0] == me) + (word[1] == RUN && owner[1] == me) + \
     (word[2] == RUN && owner[2] == me))
#define MAY_BEGIN(me) (!over && BEGUN_BY(me) < limit)
/* What t waits for may have come: it is seen at some time from now on. */
#define OVER(t, me) (waits[t] && owner[t] == me && (kind[t] == TIMER || begun[3 - t]))
#define OWN_EVENT(me) (OVER(1, me) || OVER(2, me))

/* ---- waking: idle.c ---- */

/* nudge(). Who runs its handler in the middle of a task has some call of it ended early: it must
 * not, but for the signals of idle_wake_all(), for which nobody waits. */
#define NUDGE(k, by) \
    d_step { \
        if \
        :: blocked[k] -> pending[k] = 1 \
        :: else -> assert(had_death || over || on_way[k] != by) \
        fi; \
        on_way[k] = (on_way[k] == by -> NOBODY : on_way[k]) \
    }

#define FUTEX_WAKE(k) asleep[k] = 0

/* The CAS of wake_slot(). */
#define WAKE_CAS(S, k, by) \
    S( if \
       :: park[k] == how -> d_step { park[k] = AWAKE; woke = 1; \
                                     on_way[k] = (how == FUTEX -> on_way[k] : by) } \
       :: else -> how = park[k] \
       fi )

#ifdef PRN_BUG_FULL_TAKES_WAKES
#define PASSED_BY(how) 0
#define HAS_BIT(how) 1
#else
#define PASSED_BY(how) (how == FULL)
#define HAS_BIT(how) (how != FULL)
#endif

/* The bit is cleared, so his word must be, too, though he may sleep in another way by now. Else he
 * would sleep without a bit, and nobody would wake him again. (KIND_CHANGED: wake_slot() as it was
 * when this model was written: one CAS, given up if the word has another value.) */
#ifdef PRN_BUG_KIND_CHANGED
#define CAS_LOOP(S, k, to_begin, by) WAKE_CAS(S, k, by)
#else
#define CAS_LOOP(S, k, to_begin, by) \
    do \
    :: woke || how == AWAKE || (to_begin && PASSED_BY(how)) -> break \
    :: else -> WAKE_CAS(S, k, by) \
    od
#endif

/* wake_slot(): how == park[k] as just seen; to_begin: not who is full. Then rouse(). */
#define WAKE_SLOT(S, k, to_begin, by) \
    woke = 0; \
    if \
    :: how == AWAKE || (to_begin && PASSED_BY(how)) -> skip \
    :: else -> \
        S( bits[k] = 0 ); \
        CAS_LOOP(S, k, to_begin, by); \
        if \
        :: woke && how == FUTEX -> S( FUTEX_WAKE(k) ) \
        :: woke && how != FUTEX -> S( NUDGE(k, by) ) \
        :: else \
        fi \
    fi; \
    how = AWAKE

/* idle_wake() of a worker: there is one other. */
#define WAKE_ONE(me) \
    STEP( how = (bits[1 - me] -> park[1 - me] : AWAKE) ); \
    WAKE_SLOT(STEP, 1 - me, 1, me); \
    woke = 0

#ifdef PRN_BUG_ALL_BY_FUTEX
#define BOTH_WAYS(S, k) S( FUTEX_WAKE(k) )
#else
#define BOTH_WAYS(S, k) S( FUTEX_WAKE(k) ); S( NUDGE(k, NOBODY) )
#endif

/* idle_wake_all(): whatever the word says. */
#define WAKE_ANYWAY(S, k, by) \
    S( how = park[k] ); \
    WAKE_SLOT(S, k, 0, by); \
    if :: woke -> woke = 0 :: else -> BOTH_WAYS(S, k) fi

/* queue_look(), as of perfect hints, in one step. */
#define CLAIM(me, found) \
    if \
    :: word[0] == READY -> t = 0; word[0] = RUN; owner[0] = me; goto found \
    :: word[1] == READY -> t = 1; word[1] = RUN; owner[1] = me; goto found \
    :: word[2] == READY -> t = 2; word[2] = RUN; owner[2] = me; goto found \
    :: else \
    fi
#define LOOK(me, found, none) STEP( skip -> CLAIM(me, found); goto none )

proctype Worker(byte me)
{
    byte t;
    mtype how = AWAKE, mine = AWAKE; /* how he sleeps who is woken; how we do */
    bit sees, woke, claimed, came, own;

    if :: word[0] == RUN && owner[0] == me -> goto body :: else fi; /* the first of all */
again: /* fibers_run(): what is over, a new task, or neither */
    STEP( skip -> if
                  :: own || OWN_EVENT(me) -> goto go_on
                  :: MAY_BEGIN(me) -> CLAIM(me, body); if :: own -> goto go_on :: else fi
                  :: !MAY_BEGIN(me) && !own && BEGUN_BY(me) -> goto rest
                  :: over && !BEGUN_BY(me) -> goto out
                  fi );
    /* sleep_with_waiting(), or wait_for_task(); then park() */
    mine = (BEGUN_BY(me) -> SIGNAL : FUTEX);
    goto raise;
rest: /* idle_rest() */
    mine = FULL;
raise:
#ifdef PRN_BUG_SIGNAL_NOT_BLOCKED
    STEP( park[me] = mine );
#else
    /* poller_block(true), and the CAS of raise_flag() */
    STEP( d_step { blocked[me] = (mine != FUTEX); park[me] = mine } );
#endif
    if :: HAS_BIT(mine) -> STEP( bits[me] = 1 ) :: else fi;
    if
    :: mine == FULL -> STEP( skip -> if :: over -> goto lower :: else -> goto sleep fi )
    :: else
    fi;
#ifndef PRN_BUG_NO_LAST_LOOK
    LOOK(me, last_found, not_yet);
last_found:
    claimed = 1;
    goto lower;
not_yet:
#endif
    /* idle_all_done() */
    STEP( skip -> if :: over -> goto lower :: else -> sees = ALL_ENDED fi );
    if
    :: sees ->
        sees = 0;
        STEP( over = 1 ); /* idle_set_mode() */
        WAKE_ANYWAY(STEP, 1 - me, me);
        goto lower
    :: else
    fi;
sleep:
    if
    :: mine == FUTEX ->
        STEP( asleep[me] = (park[me] == FUTEX) );
        STEP( !asleep[me] )
    :: else ->
        /* poller_poll(): it may tell of either, or of both. */
#ifdef PRN_BUG_SIGNAL_NOT_BLOCKED
        STEP( blocked[me] = 1 );
#endif
        STEP( pending[me] -> d_step { pending[me] = 0; came = 1 }
              :: OWN_EVENT(me) -> own = 1
              :: pending[me] && OWN_EVENT(me) -> d_step { pending[me] = 0; came = 1; own = 1 } )
    fi;
lower:
    STEP( d_step { woke = (park[me] == AWAKE); park[me] = AWAKE } );
    STEP( bits[me] = 0 );
#ifndef PRN_BUG_NUDGE_LEFT
    /* await_signal(): not for ever, but as long as somebody is about to send it. */
    if
    :: woke && mine != FUTEX && !came ->
        STEP( pending[me] -> pending[me] = 0 :: on_way[me] == NOBODY -> skip )
    :: else
    fi;
#endif
    came = 0;
    if
    :: mine == FULL -> goto unblock
    :: mine != FULL && claimed && woke -> WAKE_ONE(me); goto more
    :: mine != FULL && claimed && !woke -> goto more
    :: mine != FULL && !claimed && woke -> skip
    :: mine != FULL && !claimed && !woke -> goto unblock
    fi;
#ifdef PRN_BUG_WAKE_SWALLOWED
    if :: own -> goto unblock :: else fi;
#endif
    woke = 0;
    STEP( skip -> if :: over -> goto unblock :: else fi );
    LOOK(me, found_again, unblock);
found_again:
    claimed = 1;
more: /* pass_wake_on() */
    STEP( sees = (word[0] == READY || word[1] == READY || word[2] == READY) );
    if :: sees -> sees = 0; WAKE_ONE(me) :: else fi;
unblock: /* poller_block(false): the handler runs */
    woke = 0;
    if :: mine != FUTEX -> STEP( d_step { blocked[me] = 0; pending[me] = 0 } ) :: else fi;
    mine = AWAKE;
    if :: claimed -> claimed = 0 :: else -> goto again fi;

body:
    assert(word[t] == RUN && owner[t] == me && !waits[t] && BEGUN_BY(me) <= limit);
    begun[t] = 1;
    if
    :: t == 0 -> /* commit_part() */
        STEP( word[1] = (word[1] == NONE -> READY : word[1]) );
        WAKE_ONE(me)
    :: t != 0 && kind[t] != NEVER ->
        STEP( d_step { waits[t] = 1; t = 0 } ); /* switch_from() */
        goto again
    :: else
    fi;
    goto finish;
go_on: /* switch_to() */
    STEP( OVER(1, me) -> d_step { t = 1; waits[1] = 0; own = 0 }
          :: OVER(2, me) -> d_step { t = 2; waits[2] = 0; own = 0 } );
finish:
    if :: t == patient -> STEP( begun[wanted] ) :: else fi;
    STEP( d_step { word[t] = FREE; owner[t] = NOBODY; t = 0 } );
    goto again;

died:
    t = 0; how = AWAKE; mine = AWAKE; sees = 0; woke = 0; claimed = 0; came = 0; own = 0;
    d_step {
        asleep[me] = 0; blocked[me] = 0; pending[me] = 0; had_death = 1;
        on_way[1 - me] = (on_way[1 - me] == me -> NOBODY : on_way[1 - me]);
        on_way[me] = NOBODY;
        dead[me] = 1 /* waitpid() */
    };
out:
    skip
}

/* A dead worker's tasks: waiting.pml has the steps. */
#define GIVE_BACK(t, k) \
    if \
    :: word[t] == RUN && owner[t] == k -> word[t] = READY; owner[t] = NOBODY; waits[t] = 0 \
    :: else \
    fi

#ifdef PRN_BUG_NO_WAKE_ALL
#define WAKE_OTHERS(k) skip
#else
#define WAKE_OTHERS(k) WAKE_ANYWAY(LIVES, 1 - k, SUPERVISOR)
#endif

/* recover() and idle_recover(). The dead one itself needs no waking. */
#define RECOVER(k) \
    d_step { GIVE_BACK(0, k); GIVE_BACK(1, k); GIVE_BACK(2, k); park[k] = AWAKE }; \
    d_step { bits[k] = 0; dead[k] = 0 }; \
    WAKE_OTHERS(k); \
    if :: !over -> run Worker(k) :: else fi

/* Whoever is kept waiting by a patient one, there is a worker left that may begin what it waits
 * for. */
#define DRAW_JOB \
    if \
    :: kind[1] = OTHER; patient = 0; wanted = 2; limit = 2 \
    THIRD_JOB \
    :: kind[1] = OTHER; kind[2] = TIMER; limit = 1 \
    MORE_JOBS \
    fi
#ifdef FEW
#define THIRD_JOB
#else
#define THIRD_JOB :: kind[1] = TIMER; patient = 1; wanted = 2; limit = 2
#endif
#ifdef MORE
#define MORE_JOBS \
    :: kind[1] = TIMER; kind[2] = OTHER; patient = 0; wanted = 1; limit = 2 \
    :: kind[1] = TIMER; patient = 1; wanted = 2; limit = 1 \
    :: kind[2] = TIMER; patient = 2; wanted = 1; limit = 2
#else
#define MORE_JOBS
#endif

active proctype Supervisor()
{
    mtype how = AWAKE;
    bit woke, sees0, sees1;

    atomic {
        DRAW_DEATHS; DRAW_JOB;
        word[0] = RUN; owner[0] = 0;
        run Worker(0); run Worker(1)
    };
end:
    do
    :: word[2] == NONE -> /* delayed.c: its time has come */
        word[2] = READY;
        atomic { sees0 = bits[0]; sees1 = bits[1] }; /* wake_one() */
        do
        :: sees0 && !woke -> sees0 = 0; how = park[0]; WAKE_SLOT(LIVES, 0, 1, SUPERVISOR)
        :: sees1 && !woke -> sees1 = 0; how = park[1]; WAKE_SLOT(LIVES, 1, 1, SUPERVISOR)
        :: woke || (!sees0 && !sees1) -> break
        od;
        sees0 = 0; sees1 = 0; woke = 0
    :: dead[0] -> RECOVER(0)
    :: dead[1] -> RECOVER(1)
    od
}

ltl ends { <> over }
