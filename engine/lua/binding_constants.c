/* The constants that lua/prunner/ shares with C, made of the enums themselves, so that neither
 * side repeats a number of the other's. Lua reads them once, when a module is loaded. */
#include "lua/binding.h"

#include <errno.h>

#include "lua/host.h"
#include "store/accumulator.h"
#include "store/dict_tx.h"
#include "store/names.h"
#include "worker/lookup.h"
#include "worker/poller.h"
#include "worker/program.h"

struct constant {
    const char *name;
    int value;
};

/* NAMED_LOCK is LOCK in core.NAMED; an errno keeps its name. */
#define ENTRY(prefix, name) #name, prefix##_##name
#define ERRNO(name) #name, name

static const struct constant named[] = {
    {ENTRY(NAMED, LOCK)},
    {ENTRY(NAMED, DICT)},
    {ENTRY(NAMED, SUM)},
    {ENTRY(NAMED, MAX)},
    {ENTRY(NAMED, MIN)},
    {ENTRY(NAMED, COLLECT)},
    {ENTRY(NAMED, FUNCTION)},
    {ENTRY(NAMED, CLASS)},
    {NULL, 0},
};

static const struct constant dict_op[] = {
    {ENTRY(DICT, SET)},
    {ENTRY(DICT, ADD)},
    {ENTRY(DICT, INCR)},
    {ENTRY(DICT, APPEND)},
    {ENTRY(DICT, CAS)},
    {NULL, 0},
};

static const struct constant result[] = {
    {ENTRY(RESULT, NIL)},
    {ENTRY(RESULT, NUMBER)},
    {ENTRY(RESULT, STRING)},
    {ENTRY(RESULT, OTHER)},
    {NULL, 0},
};

static const struct constant waits[] = {
    {ENTRY(WAIT, CLOCK)},
    {ENTRY(WAIT, DESCRIPTOR)},
    {ENTRY(WAIT, SOCKET)},
    {ENTRY(WAIT, NAME)},
    {ENTRY(WAIT, PROGRAM)},
    {ENTRY(WAIT, QUEUE)},
    {ENTRY(WAIT, POOL)},
    {NULL, 0},
};

static const struct constant poller[] = {
    {ENTRY(POLLER, READ)},
    {ENTRY(POLLER, WRITE)},
    {NULL, 0},
};

static const struct constant lookups[] = {
    {ENTRY(LOOKUP, ADDRESSES)},
    {ENTRY(LOOKUP, HOST)},
    {ENTRY(LOOKUP, NAMES)},
    {NULL, 0},
};

static const struct constant program[] = {
    {ENTRY(PROGRAM, IN)},
    {ENTRY(PROGRAM, OUT)},
    {ENTRY(PROGRAM, ERR)},
    {NULL, 0},
};

static const struct constant queue[] = {
    {ENTRY(QUEUE, EMPTY)},
    {ENTRY(QUEUE, REPEAT)},
    {NULL, 0},
};

static const struct constant key[] = {
    {ENTRY(KEY, NUMBER)},
    {ENTRY(KEY, BOOLEAN)},
    {NULL, 0},
};

static const struct constant accumulator[] = {
    {ENTRY(ACCUMULATOR, SUM)},
    {ENTRY(ACCUMULATOR, MAX)},
    {ENTRY(ACCUMULATOR, MIN)},
    {NULL, 0},
};

static const struct constant post[] = {
    {ENTRY(POST, OTHER)},
    {NULL, 0},
};

static const struct constant exit_status[] = {
    {ENTRY(EXIT, DONE)},
    {ENTRY(EXIT, FAILED)},
    {ENTRY(EXIT, USAGE)},
    {ENTRY(EXIT, FATAL)},
    {ENTRY(EXIT, NO_OPTIONS)},
    {NULL, 0},
};

static const struct constant max[] = {
    {"WORKERS", CONFIG_WORKERS_MAX},
    {"RETRIES", CONFIG_RETRIES_MAX},
    {"CRASHES", CONFIG_CRASHES_MAX},
    {"NAME_BYTES", NAME_BYTES},
    {"KEY_BYTES", DICT_KEY_MAX},
    {"SCRATCH", SCRATCH_MAX},
    {NULL, 0},
};

static const struct constant errnos[] = {
    {ERRNO(EBUSY)},
    {ERRNO(EINVAL)},
    {ERRNO(ENAMETOOLONG)},
    {ERRNO(EPERM)},
    {ERRNO(ETIMEDOUT)},
    {NULL, 0},
};

static const struct {
    const char *name;
    const struct constant *entries;
} tables[] = {
    {"NAMED", named},
    {"DICT_OP", dict_op},
    {"RESULT", result},
    {"KEY", key},
    {"ACCUMULATOR", accumulator},
    {"POST", post},
    {"WAIT", waits},
    {"POLLER", poller},
    {"LOOKUP", lookups},
    {"PROGRAM", program},
    {"QUEUE", queue},
    {"EXIT", exit_status},
    {"MAX", max},
    {"errno", errnos},
};

void
binding_push_constants(lua_State *L)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        lua_newtable(L);
        for (const struct constant *c = tables[i].entries; c->name; c++) {
            lua_pushinteger(L, c->value);
            lua_setfield(L, -2, c->name);
        }
        lua_setfield(L, -2, tables[i].name);
    }
}
