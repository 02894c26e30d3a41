#include "worker/lua_alloc.h"

#include <limits.h>
#include <stddef.h>

#include "base/atomics.h"

enum {
    PARTS = 16,      /* of the limit: the collector is adjusted when used enters another one */
    START_PART = 10, /* it begins at this part, or at the usual time, if that is earlier */
    PAUSE = 200,     /* LuaJIT's defaults */
    STEPMUL = 200,
    PAUSE_MIN = 100,
    STEPMUL_HURRY = 1000, /* beyond START_PART: done before much is added */
    RESERVE_PARTS = 2,    /* once something was refused: to deal with it, and to collect */
    BIG = 1 << 20,        /* bytes of a block that counts as many small ones */
    BIG_WORK = 4,         /* bytes that the collector looks at for each byte of a big block ... */
    BIG_STEPS = 16,       /* ... at each of this number of allocations */
    STEP_PART = 100,      /* a step of LuaJIT's: stepmul times 1024 bytes / this */
};

static struct {
    lua_State *L;
    lua_Alloc alloc; /* the state's own */
    void *ud;
    uint64_t limit, used;
    uint64_t part;      /* which one `used` is in */
    uint64_t reserve;   /* 0, until something was refused */
    unsigned big_steps; /* allocations for which the collector is driven by a big block */
    bool enforcing, refused;
} mem;

uint64_t
lua_alloc_used(lua_State *L)
{
    return ((uint64_t)lua_gc(L, LUA_GCCOUNT, 0) << 10) + (uint64_t)lua_gc(L, LUA_GCCOUNTB, 0);
}

void
lua_alloc_push_ballast(lua_State *L, size_t bytes)
{
    (void)lua_newuserdata(L, bytes);
}

/* Both calls set a number, no more; the pause counts at the end of a cycle, when `used`
 * is what lives. */
static void
adjust_collector(uint64_t part)
{
    uint64_t pause = part ? (uint64_t)PAUSE_MIN * START_PART / part : PAUSE;
    mem.part = part;
    if (part < PARTS - RESERVE_PARTS)
        mem.reserve = 0; /* there is room again */
    pause = pause > PAUSE ? PAUSE : pause < PAUSE_MIN ? PAUSE_MIN
                                                      : pause;
    (void)lua_gc(mem.L, LUA_GCSETPAUSE, (int)pause);
    if (!mem.big_steps)
        (void)lua_gc(mem.L, LUA_GCSETSTEPMUL, part >= START_PART ? STEPMUL_HURRY : STEPMUL);
}

/* LuaJIT's collector does a step of fixed size at each check, however much was allocated since: a
 * few strings or FFI arrays of many megabytes are beyond any limit before a cycle is over. So a
 * big block makes the next steps as large. */
static void
follow_big(size_t bytes)
{
    size_t stepmul = bytes / 1024 * STEP_PART * BIG_WORK;
    if (bytes >= BIG) {
        mem.big_steps = BIG_STEPS;
        (void)lua_gc(mem.L, LUA_GCSETSTEPMUL, stepmul < INT_MAX ? (int)stepmul : INT_MAX);
    } else if (mem.big_steps && --mem.big_steps == 0) {
        adjust_collector(mem.part);
    }
}

/* lua_Alloc */
static void *
limited(void *ud, void *p, size_t old, size_t want)
{
    (void)ud;
    if (!p)
        old = 0;
    if (want > old && mem.enforcing && mem.used + (want - old) > mem.limit + mem.reserve) {
        mem.reserve = mem.limit * RESERVE_PARTS / PARTS;
        mem.refused = true;
        return NULL;
    }
    void *q = mem.alloc(mem.ud, p, old, want);
    if (q || !want) {
        mem.used += want - old;
        if (unlikely(want >= BIG || mem.big_steps) && want > old)
            follow_big(want);
        if (mem.used * PARTS / mem.limit != mem.part)
            adjust_collector(mem.used * PARTS / mem.limit);
    }
    return q;
}

void
lua_alloc_open(lua_State *L, uint64_t limit_bytes)
{
    mem.L = L;
    mem.limit = limit_bytes;
    mem.big_steps = 0;
    mem.used = lua_alloc_used(L);
    mem.alloc = lua_getallocf(L, &mem.ud);
    lua_setallocf(L, limited, NULL);
    adjust_collector(mem.used * PARTS / mem.limit);
}

void
lua_alloc_close(lua_State *L)
{
    if (!mem.limit)
        return;
    lua_setallocf(L, mem.alloc, mem.ud);
    adjust_collector(0);
    mem.limit = 0;
    mem.enforcing = false;
}

void
lua_alloc_enforce(bool on)
{
    mem.enforcing = on;
    if (on)
        mem.refused = false;
}

bool
lua_alloc_refused(void)
{
    return mem.refused;
}
