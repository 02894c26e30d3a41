/* idle: claim, commit, knowing that all is done, parking and waking, with workers
 * that die at any step. The steps are those of task.c, commit.c, idle.c, recover.c;
 * docs/internals/termination.md and docs/internals/sleeping.md have the reasons.
 *
 *   DEATHS=n   up to so many workers die (1): kill -9 before any step
 *   Task 0 posts tasks 1 and 2; one of these ends only after the other was run by
 *   somebody, so that whoever is needed and sleeps is found as a deadlock.
 *
 * One step is one access to shared memory. Delayed stores (x86-TSO): READY of a child
 * goes through its worker's store buffer and becomes visible at some later time, at
 * the latest at the worker's next fence or CAS. Hints are perfect here: a look goes
 * over all descriptors (hints.pml has the rings).
 *
 * With -DPRN_BUG_NAME it must fail: tests/crash/spin.sh tries each. */
#ifndef DEATHS
#define DEATHS 1
#endif
#define NW 2 /* workers 0 and 1 */
#define NT 3

mtype = { NONE, STAGED, READY, RUN, FREE };   /* descriptors */
mtype = { IDLE, ACTIVE, COMMIT };             /* phases */

mtype word[NT] = NONE;
byte owner[NT];                               /* of RUN */
byte posted[NW], finished[NW];                /* begin() posted 1 */
mtype phase[NW] = IDLE;
byte cur[NW], new_posted[NW], new_finished[NW]; /* the record */
bit park[NW], asleep[NW], bits[NW];           /* asleep: in the kernel's queue */
bit buffer[NT];                               /* READY on its way; the poster's */
byte poster = 9;                              /* whose store buffer it is */
bit over;                                     /* head->mode */
bit dead[NW];
byte deaths;                                  /* still to come */
byte patient;                                 /* waits for the other one: 1 or 2 */

bit ended[NT], ran[NT];                       /* what is really so; for the asserts */
#define ALL_ENDED (ended[0] && ended[1] && ended[2])

#define DIE   :: deaths > 0 -> deaths--; goto died
/* How many will die is drawn first: who could still die is not in a deadlock. */
#define DRAW_DEATHS do :: deaths < DEATHS -> deaths++ :: break od
#define STEP(s) atomic { if :: s DIE fi }
/* A fence, and what a CAS is beside: the own store buffer is empty. */
#define DRAINED(me) (poster != me || (!buffer[1] && !buffer[2]))
/* How me sees a descriptor: its own stores first. */
#define SEES_READY(me, t) (word[t] == READY || (poster == me && buffer[t]))

/* wake_slot(): a look, the bit, a CAS, then futex_wake() in a step of its own. */
#define CLEAR_BIT(me, k) STEP( DRAINED(me) -> bits[k] = 0 )
#define WAKE_CAS(me, k) \
    STEP( DRAINED(me) -> if :: park[k] -> park[k] = 0; woke = 1 :: else -> woke = 0 fi )
#ifdef PRN_BUG_BIT_LATE
#define WAKE_SLOT(me, k) \
    WAKE_CAS(me, k); \
    if :: woke -> CLEAR_BIT(me, k); STEP( asleep[k] = 0 ) :: else fi
#else
#define WAKE_SLOT(me, k) \
    STEP( woke = park[k] ); \
    if :: woke -> CLEAR_BIT(me, k); WAKE_CAS(me, k) :: else fi; \
    if :: woke -> STEP( asleep[k] = 0 ) :: else fi
#endif

#ifdef PRN_BUG_NO_WAKE_FENCE
#define WAKE_FENCE(me) skip
#else
#define WAKE_FENCE(me) STEP( DRAINED(me) )
#endif

/* idle_wake(): with two workers there is one other. */
#define WAKE_ONE(me) \
    WAKE_FENCE(me); \
    STEP( sees = bits[1 - me] && park[1 - me] ); \
    if :: sees -> WAKE_SLOT(me, 1 - me) :: else fi

/* queue_look(): claims the first task that is READY; k == NT: there is none. */
#define LOOK(me, again, found, none) \
    k = 0; \
again: \
    atomic { if \
        :: k == NT -> goto none \
        :: k < NT && SEES_READY(me, k) -> skip \
        :: k < NT && !SEES_READY(me, k) -> k++; goto again \
        DIE fi }; \
    CLAIM(me, again, found)

#ifdef PRN_BUG_CLAIM_FIRST
#define CLAIM(me, again, found) \
    STEP( DRAINED(me) -> if :: word[k] == READY -> word[k] = RUN; owner[k] = me \
                            :: else -> k++; goto again fi ); \
    STEP( d_step { cur[me] = k; phase[me] = ACTIVE } ); \
    goto found
#else
#define CLAIM(me, again, found) \
    STEP( d_step { cur[me] = k; phase[me] = ACTIVE } ); \
    STEP( DRAINED(me) -> if :: word[k] == READY -> word[k] = RUN; owner[k] = me; goto found \
                            :: else -> skip fi ); \
    STEP( d_step { phase[me] = IDLE; cur[me] = 0 } ); \
    k++; goto again
#endif

#define PUBLISH(me, t) STEP( d_step { poster = me; buffer[t] = 1 } )

proctype Worker(byte me)
{
    byte k, sum;
    bit sees, woke, claimed;

again:
    STEP( skip -> if :: over -> goto out :: else fi );
    LOOK(me, look1, body, nothing);

nothing: /* idle_wait() */
    STEP( DRAINED(me) -> park[me] = 1 );
    STEP( bits[me] = 1 );
    STEP( DRAINED(me) );
#ifndef PRN_BUG_NO_SECOND_LOOK
    claimed = 1;
    LOOK(me, look2, lower, not_yet);
not_yet:
#endif
    claimed = 0;
    STEP( skip -> if :: over -> goto lower :: else fi );
    /* idle_all_done() */
#ifdef PRN_BUG_SUMS_TURNED
    STEP( sum = posted[0] ); STEP( sum = sum + posted[1] + 1 );
    STEP( sum = sum - finished[0] ); STEP( sum = sum - finished[1] );
#else
    STEP( sum = finished[0] ); STEP( sum = sum + finished[1] );
    STEP( sum = posted[0] + 1 - sum ); STEP( sum = sum + posted[1] );
#endif
    if
    :: sum == 0 ->
        assert(ALL_ENDED); /* never early */
        STEP( over = 1 );
        WAKE_SLOT(me, 1 - me);
        STEP( asleep[1 - me] = 0 )
    :: else ->
        sum = 0;
        STEP( if :: park[me] -> asleep[me] = 1 :: else fi ); /* futex_wait() */
        STEP( !asleep[me] )
    fi;
lower:
    sum = 0;
    STEP( if :: park[me] -> park[me] = 0; woke = 0 :: else -> woke = 1 fi );
    STEP( bits[me] = 0 );
    if
    :: claimed && woke -> WAKE_ONE(me); claimed = 0; goto more
    :: claimed && !woke -> claimed = 0; goto more
    :: !claimed && woke -> woke = 0; goto woken
    :: else -> goto again
    fi;
woken:
    STEP( skip -> if :: over -> goto out :: else fi );
    LOOK(me, look3, more, again);
more: /* pass_wake_on() */
    STEP( sees = SEES_READY(me, 1) || SEES_READY(me, 2) );
    if :: sees -> WAKE_ONE(me) :: else fi;

body:
    sees = 0; woke = 0; k = 0;
    ran[cur[me]] = 1;
    if :: cur[me] == patient -> STEP( ran[3 - patient] ) :: else fi;
    if :: cur[me] == 0 -> STEP( word[1] = STAGED ); STEP( word[2] = STAGED ) :: else fi;
    STEP( d_step { new_posted[me] = posted[me] + (cur[me] == 0 -> 2 : 0);
                   new_finished[me] = finished[me] + 1 } );
#ifndef PRN_BUG_NO_COMMIT
    STEP( d_step { phase[me] = COMMIT; ended[cur[me]] = 1 } );
#else
    ended[cur[me]] = 1;
#endif
    /* commit_apply() */
#ifdef PRN_BUG_FINISHED_FIRST
    STEP( finished[me] = new_finished[me] );
#endif
#ifndef PRN_BUG_POSTED_LATE
    STEP( posted[me] = new_posted[me] );
#endif
    if :: cur[me] == 0 -> PUBLISH(me, 1); PUBLISH(me, 2) :: else fi;
#ifdef PRN_BUG_POSTED_LATE
    STEP( posted[me] = new_posted[me] );
#endif
    STEP( finished[me] = new_finished[me] );
    STEP( word[cur[me]] = FREE );
    atomic { if :: phase[me] = IDLE; k = cur[me]; cur[me] = 0; new_posted[me] = 0; new_finished[me] = 0
                DIE fi };
    if :: k == 0 -> WAKE_ONE(me) :: else fi;
    k = 0; sees = 0; woke = 0;
    goto again;

died:
    k = 0; sum = 0; sees = 0; woke = 0; claimed = 0;
    atomic { DRAINED(me) -> dead[me] = 1 }; /* waitpid() */
out:
    skip
}

/* The memory system: each store comes out, in order. */
active proctype Stores()
{
end:
    do
    :: buffer[1] -> d_step { word[1] = (word[1] == STAGED -> READY : word[1]); buffer[1] = 0 }
    :: !buffer[1] && buffer[2] ->
        d_step { word[2] = (word[2] == STAGED -> READY : word[2]); buffer[2] = 0; poster = 9 }
    od
}

#define RECOVER(k) \
    if \
    :: phase[k] == COMMIT -> \
        posted[k] = new_posted[k]; \
        if :: cur[k] == 0 -> \
            d_step { word[1] = (word[1] == STAGED -> READY : word[1]) }; \
            d_step { word[2] = (word[2] == STAGED -> READY : word[2]) } \
        :: else fi; \
        finished[k] = new_finished[k]; \
        d_step { if :: word[cur[k]] == RUN && owner[cur[k]] == k -> word[cur[k]] = FREE \
                    :: else fi } \
    :: phase[k] == ACTIVE -> \
        d_step { if :: word[cur[k]] == RUN && owner[cur[k]] == k -> \
                         if :: cur[k] == 0 -> word[1] = NONE; word[2] = NONE :: else fi; \
                         word[cur[k]] = READY \
                    :: else fi } \
    :: else \
    fi; \
    d_step { phase[k] = IDLE; cur[k] = 0; new_posted[k] = 0; new_finished[k] = 0 }; \
    park[k] = 0; bits[k] = 0; dead[k] = 0; asleep[k] = 0

#ifdef PRN_BUG_NO_WAKE_ALL
#define WAKE_ALL skip
#else
#define WAKE_ALL WAKE_ANYWAY(0); WAKE_ANYWAY(1)
#define WAKE_ANYWAY(k) \
    if :: park[k] -> bits[k] = 0 :: else fi; \
    d_step { park[k] = 0; asleep[k] = 0 }
#endif

active proctype Supervisor()
{
    atomic { DRAW_DEATHS; word[0] = READY; if :: patient = 1 :: patient = 2 fi };
    atomic { run Worker(0); run Worker(1) };
end:
    do
    :: dead[0] -> RECOVER(0); WAKE_ALL; if :: !over -> run Worker(0) :: else fi
    :: dead[1] -> RECOVER(1); WAKE_ALL; if :: !over -> run Worker(1) :: else fi
    od
}

ltl ends { <> over }
