/* waiting: tasks that wait while their worker runs others: the words that name them, and workers,
 * and recoveries, that die at any step. The steps are those of suspend.c (suspend_task,
 * run_again, suspend_adopt, suspend_recover), recover.c (recover, settle_task, resume), commit.c
 * and task.c; docs/internals/waiting.md, "A transaction that waits", has the reasons.
 * waking.pml has the sleep of such a worker.
 *
 *   DEATHS=n   up to so many workers die (1): kill -9 before any step
 *   AGAIN      a recovery that dies is repeated while the others work, as of R11, by recover()
 *              alone and with the rings as they are. Else all die with it, as they do, and
 *              resume() repairs all slots, and writes all hints anew
 *
 * One recovery dies in any case, if it likes. Tasks 0 and 2 are there at first; task 0 posts task
 * 1. Tasks 0 and 2 have an effect outside, which their journal remembers, and then may wait. A
 * worker has begun two at most. A hint is a bit: there is a hint of this task in some ring; who
 * takes it, or sees it stale, removes it (hints.pml has the rings). Whoever finds nothing sleeps
 * until there is a hint.
 *
 * With -DPRN_BUG_NAME it must fail: tests/crash/spin.sh tries each. */
#ifndef DEATHS
#define DEATHS 1
#endif
#define NW 2 /* workers 0 and 1 */
#define NT 3
#define WORDS 2 /* of each slot */
#define NOBODY 9

mtype = { NONE, READY, RUN, FREE };           /* descriptors */
mtype = { IDLE, ACTIVE, COMMIT };             /* phases */
mtype = { COUNTED, UNCOUNTED, FAILED };       /* enum recover_how */

mtype word[NT] = NONE;
byte owner[NT] = NOBODY;                      /* of RUN */
bit hint[NT];
bit kept[NT];                                 /* the journal's length in the task's record */
byte posted[NW], finished[NW];
mtype phase[NW] = IDLE;
byte cur[NW], new_posted[NW], new_finished[NW]; /* the slot's transaction */
bit journal_len[NW], journal_on[NW];
byte name[NW * WORDS];                        /* slot->words: 0, or a task and 1 */
bit over;                                     /* head->mode */
bit awake[NW], dead[NW], there[NW];
bit tree;                                     /* the supervisor is dead: so are all, soon */
byte deaths;                                  /* still to come */
bit crash;                                    /* so many of recoveries */

bit ended[NT], effect[NT];                    /* what is really so; for the asserts */
#define ALL_ENDED (ended[0] && ended[1] && ended[2])
#define IS_RUN_OF(t, k) (word[t] == RUN && owner[t] == k)
#define ANY_HINT (hint[0] || hint[1] || hint[2])

#define DIE   :: deaths > 0 -> deaths--; goto died :: tree -> goto died
/* How many will die is drawn first: who could still die is not in a deadlock. */
#define DRAW_DEATHS do :: deaths < DEATHS -> deaths++ :: break od
#define STEP(s) atomic { if :: s DIE fi }

/* commit_apply(), of a task that posts, or of another one. */
#define APPLY(S, k, t) \
    S( posted[k] = new_posted[k] ); \
    if \
    :: new_posted[k] && t == 0 -> \
        S( word[1] = (word[1] == NONE -> READY : word[1]) ); \
        S( hint[1] = (word[1] == READY || hint[1]) ) \
    :: else \
    fi; \
    S( finished[k] = new_finished[k] ); \
    S( if :: IS_RUN_OF(t, k) -> word[t] = FREE; owner[t] = NOBODY :: else fi ); \
    S( d_step { journal_len[k] = 0; journal_on[k] = 0 } ); \
    S( d_step { phase[k] = IDLE; cur[k] = 0; new_posted[k] = 0; new_finished[k] = 0 } )

/* seal(): the commit point. */
#define SEAL(S, k, t, posts) \
    S( d_step { new_posted[k] = posted[k] + (posts -> 1 : 0); new_finished[k] = finished[k] + 1 } ); \
    S( d_step { assert(!ended[t]); ended[t] = 1; phase[k] = COMMIT } )

/* run_again(): the task is that of word w again. */
#define TAKE_OVER(S, k, t) S( d_step { cur[k] = t; phase[k] = ACTIVE } )
#ifdef PRN_BUG_JOURNAL_EARLY
#define TAKE_JOURNAL(S, k, t) S( journal_on[k] = 1 ); S( journal_len[k] = kept[t] )
#else
#define TAKE_JOURNAL(S, k, t) S( journal_len[k] = kept[t] ); S( journal_on[k] = 1 )
#endif
#ifdef PRN_BUG_WORD_CLEARED_FIRST
#define RUN_AGAIN(S, k, t, w) S( name[w] = 0 ); TAKE_OVER(S, k, t); TAKE_JOURNAL(S, k, t)
#else
#define RUN_AGAIN(S, k, t, w) TAKE_OVER(S, k, t); TAKE_JOURNAL(S, k, t); S( name[w] = 0 )
#endif

proctype Worker(byte me)
{
    byte t, w, sum;
    byte mine[WORDS]; /* private: what it keeps of the tasks that wait */

again:
    STEP( skip -> if
                  :: mine[0] -> w = 0; goto go_on /* its wait is over */
                  :: mine[1] -> w = 1; goto go_on
                  :: !over && !(mine[0] && mine[1]) -> awake[me] = 0
                  :: over && !mine[0] && !mine[1] -> goto out
                  fi );
    /* queue_look(), and the first load of task_claim() */
    STEP( hint[0] -> t = 0 :: hint[1] -> t = 1 :: hint[2] -> t = 2 :: !ANY_HINT -> goto nothing );
    STEP( skip -> if :: word[t] == READY -> skip :: else -> hint[t] = 0; t = 0; goto again fi );
    STEP( d_step { cur[me] = t; phase[me] = ACTIVE } );
    STEP( skip -> if :: word[t] == READY -> d_step { word[t] = RUN; owner[t] = me; hint[t] = 0 };
                        goto begin
                     :: else fi );
    STEP( d_step { phase[me] = IDLE; cur[me] = 0 } );
    t = 0;
    goto again;

nothing:
    if
    :: mine[0] -> w = 0; goto go_on
    :: mine[1] -> w = 1; goto go_on
    :: else
    fi;
    /* idle_all_done() */
#ifdef PRN_BUG_SUMS_TURNED
    STEP( sum = posted[0] + 2 ); STEP( sum = sum + posted[1] );
    STEP( sum = sum - finished[0] ); STEP( sum = sum - finished[1] );
#else
    STEP( sum = finished[0] ); STEP( sum = sum + finished[1] );
    STEP( sum = posted[0] + 2 - sum ); STEP( sum = sum + posted[1] );
#endif
    if
    :: sum == 0 -> assert(ALL_ENDED); STEP( over = 1 ); goto again
    :: else -> sum = 0; STEP( awake[me] || over || ANY_HINT ); goto again
    fi;

begin: /* commit_begin(), record_adopt() */
    STEP( journal_len[me] = kept[t] );
    STEP( journal_on[me] = 1 );
    assert(IS_RUN_OF(t, me));
    if
    :: t == 1 -> goto finish
    :: t != 1 && journal_len[me] -> skip /* it was done by an earlier run */
    :: t != 1 && !journal_len[me] ->
        STEP( d_step { assert(!effect[t]); effect[t] = 1; journal_len[me] = 1 } )
    fi;
    if :: goto finish :: skip fi;

    /* suspend_task() */
    w = (mine[0] -> 1 : 0);
    assert(!name[me * WORDS + w]);
#ifndef PRN_BUG_JOURNAL_NOT_KEPT
    STEP( kept[t] = journal_len[me] ); /* record_keep() */
#endif
#ifdef PRN_BUG_WORD_LATE
    STEP( journal_on[me] = 0 );
    STEP( phase[me] = IDLE );
    STEP( name[me * WORDS + w] = t + 1 );
#else
    STEP( name[me * WORDS + w] = t + 1 );
#ifndef PRN_BUG_JOURNAL_LEFT_ON
    STEP( journal_on[me] = 0 );
#endif
    STEP( phase[me] = IDLE );
#endif
    atomic { mine[w] = t + 1; t = 0; w = 0 };
    goto again;

go_on: /* suspend_resume() */
    t = mine[w] - 1;
    assert(IS_RUN_OF(t, me) && name[me * WORDS + w] == t + 1);
    RUN_AGAIN(STEP, me, t, me * WORDS + w);
    atomic { mine[w] = 0; w = 0 };

finish: /* commit_end() */
    assert(IS_RUN_OF(t, me) && (t == 1 || effect[t]));
    SEAL(STEP, me, t, t == 0);
    APPLY(STEP, me, t);
    t = 0;
    goto again;

died:
    t = 0; w = 0; sum = 0; mine[0] = 0; mine[1] = 0;
    atomic { there[me] = 0; dead[me] = 1 };
    goto buried; /* waitpid() */
out:
    there[me] = 0;
buried:
    skip
}

/* A step of the supervisor, which may die as well. */
#define REPAIR(s) atomic { if :: s :: crash -> crash = 0; goto died fi }
#ifdef AGAIN
#define NOT_ALONE(s) atomic { s } /* what recover() alone cannot mend: recover.h */
#else
#define NOT_ALONE(s) REPAIR(s)
#endif

/* give_back() of suspend.c: READY, and the hint; or the hint once more. */
#define NAMED (name[w] - 1)
#define CLEAR_WORD REPAIR( name[w] = 0 )
#define MAKE_READY \
    REPAIR( if :: IS_RUN_OF(t, k) -> word[t] = READY; owner[t] = NOBODY :: else fi )
#ifdef PRN_BUG_HINT_ONCE
#define WRITE_HINT REPAIR( if :: was_run && word[t] == READY -> hint[t] = 1 :: else fi )
#else
#define WRITE_HINT REPAIR( if :: to_hint -> hint[t] = 1 :: else fi )
#endif

active proctype Supervisor()
{
    byte k, t, w, n;
    mtype how = COUNTED;
    bit resuming, failed, to_hint, was_run;

    atomic {
        DRAW_DEATHS; crash = 1;
        word[0] = READY; word[2] = READY; hint[0] = 1; hint[2] = 1;
        there[0] = 1; there[1] = 1;
        run Worker(0); run Worker(1)
    };
end:
    do
    :: dead[0] -> k = 0; break
    :: dead[1] -> k = 1; break
    od;
    /* what_becomes_of_its_task() */
    if :: how = COUNTED :: how = UNCOUNTED :: how = FAILED fi;

recover: /* settle_task() */
    failed = 0;
    if
    :: phase[k] == COMMIT -> t = cur[k]; APPLY(REPAIR, k, t); t = 0
    :: else
    fi;
    /* suspend_only(), suspend_adopt() */
    n = 0;
    if
    :: phase[k] == IDLE && how != UNCOUNTED ->
        w = k * WORDS;
        do
        :: w < (k + 1) * WORDS ->
            if :: name[w] && IS_RUN_OF(NAMED, k) -> n = n + w + 1 :: else fi;
            w++
        :: else -> break
        od;
        if
        :: n && n != 2 * k * WORDS + 3 -> /* a single one: n is its number, and 1 */
            w = n - 1; t = NAMED;
            RUN_AGAIN(REPAIR, k, t, w)
        :: else
        fi;
        n = 0; w = 0; t = 0
    :: else
    fi;
    if
    :: phase[k] == ACTIVE ->
        t = cur[k];
        if
        :: IS_RUN_OF(t, k) && how == FAILED && t != 0 -> failed = 1
        :: IS_RUN_OF(t, k) && !(how == FAILED && t != 0) -> /* give_back() of recover.c */
            REPAIR( if :: journal_on[k] -> kept[t] = journal_len[k] :: else fi );
            REPAIR( word[t] = READY; owner[t] = NOBODY );
            NOT_ALONE( hint[t] = 1 )
        :: else
        fi;
        if
        :: !failed ->
            REPAIR( d_step { journal_len[k] = 0; journal_on[k] = 0 } );
            REPAIR( phase[k] = IDLE; cur[k] = 0 );
            t = 0
        :: else
        fi
    :: else
    fi;

    /* suspend_recover() */
    w = k * WORDS;
    do
    :: w < (k + 1) * WORDS && name[w] && !(failed && NAMED == cur[k]) ->
        t = NAMED;
        d_step { was_run = IS_RUN_OF(t, k); to_hint = was_run || word[t] == READY };
#ifdef PRN_BUG_WORD_CLEARED_BEFORE_READY
        CLEAR_WORD; MAKE_READY; WRITE_HINT;
#else
#ifdef PRN_BUG_HINT_AFTER_WORD_CLEARED
        MAKE_READY; CLEAR_WORD; WRITE_HINT;
#else
        MAKE_READY; WRITE_HINT; CLEAR_WORD;
#endif
#endif
        was_run = 0; to_hint = 0; t = 0; w++
    :: w < (k + 1) * WORDS && name[w] && failed && NAMED == cur[k] -> CLEAR_WORD; w++
    :: w < (k + 1) * WORDS && !name[w] -> w++
    :: w == (k + 1) * WORDS -> break
    od;
    w = 0;
    if
    :: failed -> /* end_killed() */
        t = cur[k];
        failed = 0;
        SEAL(REPAIR, k, t, 0);
        APPLY(REPAIR, k, t);
        t = 0
    :: else
    fi;

    if
    :: resuming && k + 1 < NW -> k++; goto recover
    :: resuming && k + 1 == NW -> skip
    :: !resuming ->
        d_step { awake[0] = 1; awake[1] = 1; how = COUNTED };
        atomic { dead[k] = 0; there[k] = 1; run Worker(k); k = 0 };
        goto end
    fi;
    /* resume(): the rings are emptied, and each task that is READY gets a hint */
    REPAIR( d_step { hint[0] = 0; hint[1] = 0; hint[2] = 0 } );
    REPAIR( hint[0] = (word[0] == READY) );
    REPAIR( hint[1] = (word[1] == READY) );
    REPAIR( hint[2] = (word[2] == READY) );
    atomic {
        resuming = 0; tree = 0; dead[0] = 0; dead[1] = 0; there[0] = 1; there[1] = 1; k = 0;
        how = COUNTED; over = 0;
        run Worker(0); run Worker(1)
    };
    goto end;

died:
    t = 0; w = 0; n = 0; failed = 0; to_hint = 0; was_run = 0;
#ifdef AGAIN
    how = UNCOUNTED;
#else
    tree = 1;
    !there[0] && !there[1]; /* nobody else has the arena mapped */
    d_step { resuming = 1; how = UNCOUNTED; k = 0 };
#endif
    goto recover
}

ltl ends { <> over }
