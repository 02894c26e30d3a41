/* hints: rings of hints, thieves that tell each other up to where a ring is stale, and
 * workers that die at any step, with or without a successor. Is a task that is READY
 * always found? The steps are those of queue.c, commit.c and recover.c.
 *
 *   DEATHS=n   up to so many workers die (1)
 *   LIFO       owners take from the other end (--order lifo)
 *
 * Slot 0 is the supervisor's: nobody takes from its ring but thieves. Task 0 lies in
 * the ring of worker 1 and posts tasks 1 and 2. Sleeping is simple here (idle.pml has
 * the real thing): a worker clears its flag, looks everywhere and waits for the flag,
 * which is set whenever a hint was written.
 *
 * With -DPRN_BUG_NAME it must fail: tests/crash/spin.sh tries each. */
#ifndef DEATHS
#define DEATHS 1
#endif
#define NS 3 /* slots: the supervisor, workers 1 and 2 */
#define NT 3
#define RING 8

mtype = { NONE, READY, RUN, FREE };
mtype = { IDLE, ACTIVE, COMMIT };

mtype word[NT] = NONE;
byte owner[NT];
byte ring[NS * RING];
byte head[NS], tail[NS];
byte stale_to[NS];    /* all below was seen stale, by some thief */
mtype phase[NS] = IDLE;
byte cur[NS], new_tail[NS];
bit awake[NS], dead[NS];
byte deaths;          /* still to come */
bit finished[NT];
#define ALL_FINISHED (finished[0] && finished[1] && finished[2])

#define DIE   :: deaths > 0 -> deaths--; goto died
/* How many will die is drawn first: who could still die is not in a deadlock. */
#define DRAW_DEATHS do :: deaths < DEATHS -> deaths++ :: break od
#define STEP(s) atomic { if :: s DIE fi }
#define HINT(v, p) ring[(v) * RING + (p) % RING]
#define WAKE_ALL d_step { awake[1] = 1; awake[2] = 1 }

/* task_claim(): word, intent, CAS. */
#define CLAIM(me, t, yes, no) \
    STEP( skip -> if :: word[t] == READY -> skip :: else -> goto no fi ); \
    STEP( d_step { cur[me] = t; phase[me] = ACTIVE } ); \
    STEP( skip -> if :: word[t] == READY -> word[t] = RUN; owner[t] = me; goto yes \
                     :: else -> skip fi ); \
    STEP( d_step { phase[me] = IDLE; cur[me] = 0 } ); \
    goto no

/* seen_stale(): only who began at the low end knows it. */
#ifdef PRN_BUG_STALE_ANYWHERE
#define KNOWN 1
#else
#define KNOWN whole
#endif
#define SEEN_STALE(to) \
    STEP( higher = KNOWN && stale_to[v] < (to) ); \
    if :: higher -> STEP( stale_to[v] = (to) ) :: else fi

proctype Worker(byte me)
{
    byte p, v, t, end;
    bit all, whole, higher;

again:
    p = 0; v = 0; t = 0; end = 0; all = 0; whole = 0; higher = 0;
    STEP( skip -> if :: ALL_FINISHED -> goto out :: else -> awake[me] = 0 fi );

    /* queue_take() */
#ifdef LIFO
own:
    STEP( p = tail[me] );
    STEP( skip -> if :: p > head[me] -> p = p - 1; t = HINT(me, p) :: else -> goto steal fi );
#ifdef PRN_BUG_HINT_FIRST
    STEP( tail[me] = p );
#endif
    CLAIM(me, t, own_yes, own_no);
own_no:
    STEP( tail[me] = p ); goto own;
own_yes:
    STEP( tail[me] = p ); goto body;
#else
own:
    STEP( p = head[me] );
    STEP( skip -> if :: p < tail[me] -> t = HINT(me, p) :: else -> goto steal fi );
#ifdef PRN_BUG_HINT_FIRST
    STEP( head[me] = p + 1 );
#endif
    CLAIM(me, t, own_yes, own_no);
own_no:
    STEP( head[me] = p + 1 ); goto own;
own_yes:
    STEP( head[me] = p + 1 ); goto body;
#endif

    /* steal(): tail, then head and stale_to, then what is between; before waiting all of it,
     * before that perhaps from some other place on */
    if :: all = 0 :: all = 1 fi;
steal:
    v = 0;
victim:
    if
    :: v == NS && all -> goto wait
    :: v == NS && !all -> all = 1; goto steal
    :: v == me -> v++; goto victim
    :: else
    fi;
    STEP( end = tail[v] );
    STEP( p = head[v] );
#if !defined(LIFO) || defined(PRN_BUG_LIFO_STALE)
    STEP( if :: stale_to[v] > p -> p = stale_to[v] :: else fi );
#endif
    whole = 1;
    if :: !all && p < end -> p = p + 1; whole = 0 :: else fi;
hint:
    if
    :: p >= end -> SEEN_STALE(end); v++; goto victim
    :: else
    fi;
    STEP( t = HINT(v, p) );
    CLAIM(me, t, stolen, next);
next:
    p++; goto hint;
stolen:
    SEEN_STALE(p + 1);
    goto body;

wait:
    STEP( awake[me] || ALL_FINISHED );
    goto again;

body: /* the task at hand, and its commit */
    p = 0; v = 0; end = 0; all = 0; whole = 0; higher = 0; t = cur[me];
    STEP( new_tail[me] = tail[me] );
    STEP( d_step { phase[me] = COMMIT; finished[t] = 1 } );
    if
    :: t == 0 ->
#ifdef PRN_BUG_CHILD_HINT_FIRST
        STEP( HINT(me, new_tail[me]) = 1 ); STEP( tail[me] = new_tail[me] + 1 );
        STEP( word[1] = (word[1] == NONE -> READY : word[1]) );
#else
        STEP( word[1] = (word[1] == NONE -> READY : word[1]) );
        STEP( HINT(me, new_tail[me]) = 1 ); STEP( tail[me] = new_tail[me] + 1 );
#endif
        STEP( word[2] = (word[2] == NONE -> READY : word[2]) );
        STEP( HINT(me, new_tail[me] + 1) = 2 ); STEP( tail[me] = new_tail[me] + 2 )
    :: else
    fi;
    STEP( word[t] = FREE );
    STEP( d_step { phase[me] = IDLE; cur[me] = 0; new_tail[me] = 0 } );
    STEP( WAKE_ALL );
    goto again;

died:
    skip;
    d_step { p = 0; v = 0; t = 0; end = 0; all = 0; whole = 0; higher = 0; dead[me] = 1 }; /* waitpid() */
out:
    skip
}

/* recover(), then a successor, or none while the other lives. */
#define RECOVER(k) \
    if \
    :: phase[k] == COMMIT -> \
        if :: cur[k] == 0 -> \
            word[1] = (word[1] == NONE -> READY : word[1]); \
            HINT(k, new_tail[k]) = 1; tail[k] = new_tail[k] + 1; \
            word[2] = (word[2] == NONE -> READY : word[2]); \
            HINT(k, new_tail[k] + 1) = 2; tail[k] = new_tail[k] + 2 \
        :: else fi; \
        d_step { if :: word[cur[k]] == RUN && owner[cur[k]] == k -> word[cur[k]] = FREE \
                    :: else fi } \
    :: phase[k] == ACTIVE -> \
        if :: word[cur[k]] == RUN && owner[cur[k]] == k -> BACK(k) :: else fi \
    :: else \
    fi; \
    d_step { phase[k] = IDLE; cur[k] = 0; new_tail[k] = 0; dead[k] = 0 }

#ifdef PRN_BUG_HINT_BEFORE_STATE
#define BACK(k) HINT(0, tail[0]) = cur[k]; tail[0] = tail[0] + 1; word[cur[k]] = READY
#else
#define BACK(k) word[cur[k]] = READY; HINT(0, tail[0]) = cur[k]; tail[0] = tail[0] + 1
#endif

#define BURY(k) \
    RECOVER(k); \
    WAKE_ALL; \
    if \
    :: run Worker(k); there = there + 1 \
    :: there > 1 /* no process can be started */ \
    fi; \
    there = there - 1

active proctype Supervisor()
{
    byte there = 2;

    atomic {
        DRAW_DEATHS;
        word[0] = READY; ring[RING] = 0; tail[1] = 1; /* HINT(1, 0) */
        run Worker(1); run Worker(2)
    };
end:
    do
    :: dead[1] -> BURY(1)
    :: dead[2] -> BURY(2)
    od
}

ltl ends { <> ALL_FINISHED }
