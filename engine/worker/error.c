#include "worker/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/utf8.h"

static char *last_traceback;
static bool last_on_purpose;
static lua_CFunction raise; /* Lua's error() */

void
error_open(lua_State *L)
{
    lua_getglobal(L, "error");
    if (lua_tocfunction(L, -1))
        raise = lua_tocfunction(L, -1);
    lua_pop(L, 1);
}

bool
error_on_purpose(void)
{
    return last_on_purpose;
}

const char *
error_take_traceback(void)
{
    static char *given;
    free(given);
    given = last_traceback;
    last_traceback = NULL;
    return given;
}

/* What lies below the script's own calls is of no use to its author. */
static void
cut_our_frames(char *traceback)
{
    char *loop = strstr(traceback, "\n\tprunner.task_loop: in function");
    if (loop)
        *loop = '\0';
    static const char ours[] = "\n\t[C]: in function 'xpcall'\n";
    for (char *at = traceback; (at = strstr(at, ours)); at++) {
        char *line = at + sizeof ours - 1, *end = strchr(line, '\n');
        char *module = strstr(line, "prunner/job.lua:");
        if (module && (!end || module < end)) {
            *at = '\0';
            return;
        }
    }
}

/* The error value that error_rethrow() raises again. */
static const void *rethrown;

static const void *
identity(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING ? (const void *)lua_tostring(L, index)
                                             : lua_topointer(L, index);
}

int
error_rethrow(lua_State *L)
{
    rethrown = identity(L, -1);
    return lua_error(L);
}

/* Was it error() that raised it? It is the innermost call, then. */
static bool
raised_on_purpose(lua_State *L, int innermost)
{
    lua_Debug at;
    if (!raise || !lua_getstack(L, innermost, &at) || !lua_getinfo(L, "f", &at))
        return false;
    bool same = lua_tocfunction(L, -1) == raise;
    lua_pop(L, 1);
    return same;
}

/* Where the innermost call of a dead coroutine was LuaJIT does not know any more. The message
 * does, if it was raised there: its "FILE:12:" is put into the first line of the traceback. */
static char *
with_line(char *traceback, const char *message)
{
    static const char in[] = ": in ";
    char *first = strstr(traceback, "\n\t"), *at = first ? strstr(first, in) : NULL;
    size_t file = at ? (size_t)(at - first) - 2 : 0;
    if (!file || !message || memchr(first + 2, '\n', file) ||
        strncmp(first + 2, message, file) || message[file] != ':')
        return traceback;
    size_t digits = strspn(message + file + 1, "0123456789");
    char *longer = digits && message[file + 1 + digits] == ':'
                       ? malloc(strlen(traceback) + digits + 2)
                       : NULL;
    if (!longer)
        return traceback;
    size_t head = (size_t)(at - traceback);
    memcpy(longer, traceback, head);
    memcpy(longer + head, message + file, digits + 1);
    strcpy(longer + head + digits + 1, at);
    free(traceback);
    return longer;
}

/* The value at the top of `of` was raised there; level `innermost` of its stack is the call that
 * did it. Text is made on L. */
static void
note(lua_State *L, lua_State *of, int innermost)
{
    bool again = rethrown && rethrown == identity(of, -1);
    rethrown = NULL;
    if (again)
        return; /* the traceback of where it was raised first is better */
    free(last_traceback);
    last_traceback = NULL;
    last_on_purpose = raised_on_purpose(of, innermost);
    luaL_traceback(L, of, NULL, innermost);
    last_traceback = strdup(lua_tostring(L, -1));
    if (last_traceback)
        cut_our_frames(last_traceback);
    lua_pop(L, 1);
}

int
error_handler(lua_State *L)
{
    lua_settop(L, 1);
    note(L, L, 1);
    return 1;
}

static int
note_dead(lua_State *L)
{
    lua_State *dead = lua_touserdata(L, 1);
    note(L, dead, 0);
    if (last_traceback && lua_type(dead, -1) == LUA_TSTRING)
        last_traceback = with_line(last_traceback, lua_tostring(dead, -1));
    return 0;
}

void
error_note(lua_State *L, lua_State *dead)
{
    if (lua_cpcall(L, note_dead, dead))
        lua_pop(L, 1); /* no memory: no traceback */
}

/* Pushes text for a key or value inside an error table. */
static void
push_scalar_text(lua_State *L, int index, bool key)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        lua_pushfstring(L, key ? "%s" : "\"%s\"", lua_tostring(L, index));
        break;
    case LUA_TNUMBER:
        lua_pushvalue(L, index); /* not the original: lua_next needs the key as it is */
        (void)lua_tostring(L, -1);
        if (key) {
            lua_pushfstring(L, "[%s]", lua_tostring(L, -1));
            lua_remove(L, -2);
        }
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        lua_pushfstring(L, "a %s", luaL_typename(L, index));
    }
}

/* Pushes `(error value: {code = 5, text = "no"})` for the table at the top. */
static void
push_table_text(lua_State *L)
{
    enum { FIELDS_MAX = 8 };
    int table = lua_gettop(L), n = 0;
    luaL_Buffer b;
    lua_newtable(L); /* parts: a luaL_Buffer must not be interleaved with lua_next */
    int parts = table + 1;
    for (lua_pushnil(L); n < FIELDS_MAX && lua_next(L, table); n++) {
        int key = lua_gettop(L) - 1;
        push_scalar_text(L, key, true);
        push_scalar_text(L, key + 1, false);
        lua_pushfstring(L, "%s%s = %s", n ? ", " : "", lua_tostring(L, -2),
                        lua_tostring(L, -1));
        lua_rawseti(L, parts, n + 1);
        lua_settop(L, key);
    }
    bool more = n == FIELDS_MAX;
    lua_settop(L, parts);
    luaL_buffinit(L, &b);
    luaL_addstring(&b, "(error value: {");
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, parts, i);
        luaL_addvalue(&b);
    }
    luaL_addstring(&b, more ? ", ...})" : "})");
    luaL_pushresult(&b);
    lua_remove(L, parts);
}

static const char *
nil_or_boolean(lua_State *L)
{
    if (lua_isnil(L, -1))
        return "nil";
    return lua_toboolean(L, -1) ? "true" : "false";
}

const char *
error_to_text(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        return lua_tostring(L, -1);
    bool described = false;
    if (luaL_getmetafield(L, -1, "__tostring")) {
        lua_pushvalue(L, -2);
        described = lua_pcall(L, 1, 1, 0) == 0 && lua_type(L, -1) == LUA_TSTRING;
        if (!described)
            lua_pop(L, 1);
    }
    if (!described && lua_istable(L, -1)) {
        push_table_text(L);
        described = true;
    }
    if (!described) {
        if (lua_type(L, -1) == LUA_TNUMBER)
            lua_pushfstring(L, "%s", lua_tostring(L, -1));
        else if (lua_isnil(L, -1) || lua_isboolean(L, -1))
            lua_pushfstring(L, "(error value: %s)", nil_or_boolean(L));
        else
            lua_pushfstring(L, "(error value: a %s)", luaL_typename(L, -1));
    }
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

/* How many bytes from here on can be shown as they are. */
static size_t
shown_bytes(const unsigned char *s, size_t len)
{
    size_t i = 0, n;
    for (; i < len; i += n) {
        n = s[i] == '\n' || s[i] == '\t' ? 1 : utf8_shown(s + i, len - i);
        if (!n)
            break;
    }
    return i;
}

const char *
error_show(lua_State *L)
{
    size_t len, n;
    char escape[8];
    luaL_Buffer b;
    const char *s = lua_tolstring(L, -1, &len);
    if (shown_bytes((const unsigned char *)s, len) == len)
        return s;
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < len; i += n + 1) {
        n = shown_bytes((const unsigned char *)s + i, len - i);
        luaL_addlstring(&b, s + i, n);
        if (i + n == len)
            break;
        snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)s[i + n]);
        luaL_addstring(&b, escape);
    }
    luaL_pushresult(&b);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}
