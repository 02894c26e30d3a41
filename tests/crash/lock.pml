/* lock: the lock word, its sleepers, and the death of holders and of those who were
 * just woken. The steps are those of lock.c, without the look for circles that its
 * sleepers take every tenth of a second: here nothing but a wake-up ends a sleep.
 *
 *   DEATHS=n   up to so many workers die (1), at any step
 *   Worker 2 may give up waiting at any time, as with a timeout.
 *
 * With -DPRN_BUG_NAME it must fail: tests/crash/spin.sh tries each. */
#ifndef DEATHS
#define DEATHS 1
#endif
#define NW 3
#define TAKES 2
#define NOBODY 9

byte holder = NOBODY; /* the word: owner ... */
bit waiters;          /* ... and LOCK_WAITERS; changed together */
bit asleep[NW], waits[NW], dead[NW];
byte inside;          /* how many are in the section */
byte deaths;          /* still to come */
byte left;

#define DIE   :: deaths > 0 -> deaths--; goto died
/* How many will die is drawn first: who could still die is not in a deadlock. */
#define DRAW_DEATHS do :: deaths < DEATHS -> deaths++ :: break od
#define STEP(s) atomic { if :: s DIE fi }
#define ALL_LEFT (left == NW)

/* futex_wake(word, 1): any of the sleepers. */
#define WAKE_ONE \
    if \
    :: asleep[0] -> asleep[0] = 0 \
    :: asleep[1] -> asleep[1] = 0 \
    :: asleep[2] -> asleep[2] = 0 \
    :: else \
    fi

#ifdef PRN_BUG_NO_WAITERS_KEPT
#define KEPT 0
#else
#define KEPT 1
#endif

proctype Worker(byte me)
{
    byte takes, seen;
    bit flag;

again:
    STEP( takes < TAKES -> takes++ :: takes == TAKES -> goto out );
    /* lock_take() */
    STEP( skip -> if :: holder == NOBODY -> holder = me; waiters = 0; goto mine :: else fi );
    STEP( waits[me] = 1 );
slow:
    STEP( skip -> if :: holder == NOBODY -> skip
                     :: holder != NOBODY -> goto sleep
                     :: holder != NOBODY && me == 2 -> goto give_up fi );
    STEP( skip -> if :: holder == NOBODY -> holder = me; waiters = KEPT; goto taken
                     :: else fi );
sleep:
    STEP( d_step { seen = holder; flag = waiters } );
    if :: seen == NOBODY -> goto slow :: else fi;
    if
    :: !flag -> STEP( skip -> if :: holder == seen && !waiters -> waiters = 1
                                 :: else -> goto slow fi )
    :: else
    fi;
    STEP( if :: holder == seen && waiters -> asleep[me] = 1 :: else fi ); /* futex_wait() */
    STEP( !asleep[me] :: me == 2 -> asleep[me] = 0 ); /* or its time has come */
    goto slow;
taken:
    STEP( waits[me] = 0 );
mine:
    seen = 0; flag = 0;
    inside++;
    assert(inside == 1);
    STEP( inside-- );
    /* lock_release() */
#ifdef PRN_BUG_RELEASE_IN_TWO
    STEP( flag = waiters );
    STEP( d_step { holder = NOBODY; waiters = 0 } );
#else
    STEP( d_step { flag = waiters; holder = NOBODY; waiters = 0 } );
#endif
    if :: flag -> STEP( skip -> WAKE_ONE ) :: else fi;
    flag = 0;
    /* once more, by mistake: somebody else may hold it by now */
#ifdef PRN_BUG_RELEASE_BY_STRANGER
    STEP( d_step { holder = NOBODY; waiters = 0 } );
#else
    STEP( assert(holder != me) );
#endif
    goto again;

give_up:
#ifndef PRN_BUG_GIVE_UP_SILENT
    STEP( skip -> WAKE_ONE ); /* whoever woke us meant a waiter that stays */
#endif
    STEP( waits[me] = 0 );
    goto out;

died:
    seen = 0; flag = 0; takes = 0;
    atomic { asleep[me] = 0; dead[me] = 1 }; /* the kernel forgets it; waitpid() */
out:
    left++
}

/* recover_locks() */
#define RECOVER(k) \
    if \
    :: holder == k -> \
        d_step { if :: inside > 0 -> inside-- :: else fi; holder = NOBODY; waiters = 0 }; \
        d_step { asleep[0] = 0; asleep[1] = 0; asleep[2] = 0 } \
    :: else \
    fi; \
    waits[k] = 0; \
    WAKE_WAITERS; \
    dead[k] = 0

#ifdef PRN_BUG_NO_WAKE_WAITERS
#define WAKE_WAITERS skip
#else
#define WAKE_WAITERS \
    if \
    :: waits[0] || waits[1] || waits[2] -> d_step { asleep[0] = 0; asleep[1] = 0; asleep[2] = 0 } \
    :: else \
    fi
#endif

active proctype Supervisor()
{
    atomic { DRAW_DEATHS; run Worker(0); run Worker(1); run Worker(2) };
end:
    do
    :: dead[0] -> RECOVER(0)
    :: dead[1] -> RECOVER(1)
    :: dead[2] -> RECOVER(2)
    od
}

ltl ends { <> ALL_LEFT }
