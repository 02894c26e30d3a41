/* codec: opening, closing, and what was known before the fork. Encoding is in
 * codec_write.c, decoding in codec_read.c, texts in codec_text.c. */
#include "codec/codec_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

/* --- The map from addresses to numbers. Lua's objects never move. */

enum { MAP_SLOTS_FIRST = 16,
       MAP_SLOTS_KEPT = 1 << 14 };

static size_t
slot_of(const struct codec_map *m, const void *key)
{
    uint64_t h = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(h >> 32) & (m->slots - 1);
}

/* The entry of key, or the free one where it belongs. There always is a free
 * one, since at most half of them are taken. */
static struct codec_map_entry *
find(const struct codec_map *m, const void *key)
{
    size_t i = slot_of(m, key);

    while (m->entries[i].round == m->round && m->entries[i].key != key)
        i = (i + 1) & (m->slots - 1);
    return &m->entries[i];
}

static int
grow(struct codec_map *m)
{
    struct codec_map bigger = {
        .slots = m->slots ? m->slots * 2 : MAP_SLOTS_FIRST,
        .count = m->count,
        .round = 1,
    };

    bigger.entries = calloc(bigger.slots, sizeof *bigger.entries);
    if (!bigger.entries)
        return -ENOMEM;
    for (size_t i = 0; i < m->slots; i++) {
        struct codec_map_entry e = m->entries[i];
        if (e.round != m->round)
            continue;
        e.round = 1;
        *find(&bigger, e.key) = e;
    }
    free(m->entries);
    *m = bigger;
    return 0;
}

void
codec_map_free(struct codec_map *m)
{
    free(m->entries);
    *m = (struct codec_map){0};
}

/* Empties the map; what one huge value made it grow to is given back. */
void
codec_map_reset(struct codec_map *m)
{
    if (m->slots > MAP_SLOTS_KEPT)
        codec_map_free(m);
    m->count = 0;
    if (++m->round == 0) {
        memset(m->entries, 0, m->slots * sizeof *m->entries);
        m->round = 1;
    }
}

uint32_t
codec_map_get(const struct codec_map *m, const void *key)
{
    if (m->count == 0)
        return 0;
    const struct codec_map_entry *e = find(m, key);
    return e->round == m->round ? e->value : 0;
}

int
codec_map_put(struct codec_map *m, const void *key, uint32_t value)
{
    if (m->count * 2 >= m->slots) {
        int err = grow(m);
        if (err)
            return err;
    }
    struct codec_map_entry *e = find(m, key);
    if (e->round != m->round)
        m->count++;
    *e = (struct codec_map_entry){key, m->round, value};
    return 0;
}

/* --- Opening and closing. */

/* 64-bit integers have no place in the C API. They pass as a new cdata, which belongs to
 * nobody else: C reads or writes its eight bytes (lua_topointer). write() tells the type as well:
 * 1 int64_t, 2 uint64_t, nil anything else; 3 a handle, with the form that is sent in its place
 * (codec.h). FFI looks through references, as it should,
 * and takes ffi.typeof("int64_t") for its small number, which it should not:
 * only its text tells it from that number. */
static const char cell_lua[] =
    "local ffi = require 'ffi'\n"
    "local istype, tostring, byte, new = ffi.istype, tostring, string.byte, ffi.new\n"
    "local i64, u64 = ffi.typeof 'int64_t', ffi.typeof 'uint64_t'\n"
    "local form_of = function() end\n"
    "local function write(v)\n"
    "  local signed = istype(i64, v)\n"
    "  if not signed and not istype(u64, v) then return form_of(v) end\n"
    "  if v >= 0 and v < 65536 and byte(tostring(v)) == 99 then return end\n"
    "  if signed then return 1, new(i64, v) end\n"
    "  return 2, new(u64, v)\n"
    "end\n"
    "local function read(unsigned)\n"
    "  return new(unsigned and u64 or i64)\n"
    "end\n"
    "return write, read, function(fn) form_of = fn end\n";

/* Under lua_cpcall, since all of it may raise. */
static int
open_protected(lua_State *L)
{
    struct codec *c = lua_touserdata(L, 1);

    luaL_checkstack(L, 8, "codec_open");
    lua_createtable(L, CODEC_MANY, CODEC_MANY);
    c->functions = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    c->classes = luaL_ref(L, LUA_REGISTRYINDEX);
    if (luaL_loadbuffer(L, cell_lua, sizeof cell_lua - 1, "=codec"))
        return lua_error(L);
    lua_call(L, 0, 3);
    c->cell_forms = luaL_ref(L, LUA_REGISTRYINDEX);
    c->cell_read = luaL_ref(L, LUA_REGISTRYINDEX);
    c->cell_write = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

int
codec_open(struct codec **out, lua_State *L)
{
    struct codec *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;

    c->L = L;
    c->functions = c->classes = LUA_NOREF;
    c->cell_write = c->cell_read = LUA_NOREF;
    c->cell_forms = c->handle_of = LUA_NOREF;
    int status = lua_cpcall(L, open_protected, c);
    if (status) {
        lua_pop(L, 1);
        codec_close(c);
        return status == LUA_ERRMEM ? -ENOMEM : -ENOTSUP;
    }
    *out = c;
    return 0;
}

void
codec_close(struct codec *c)
{
    if (!c)
        return;
    luaL_unref(c->L, LUA_REGISTRYINDEX, c->functions);
    luaL_unref(c->L, LUA_REGISTRYINDEX, c->classes);
    luaL_unref(c->L, LUA_REGISTRYINDEX, c->cell_write);
    luaL_unref(c->L, LUA_REGISTRYINDEX, c->cell_read);
    luaL_unref(c->L, LUA_REGISTRYINDEX, c->cell_forms);
    luaL_unref(c->L, LUA_REGISTRYINDEX, c->handle_of);
    codec_map_free(&c->handles);
    codec_map_free(&c->function_ids);
    codec_map_free(&c->class_ids);
    codec_map_free(&c->light_ids);
    codec_map_free(&c->seen);
    free(c);
}

const char *
codec_error(const struct codec *c)
{
    return c->error;
}

void
codec_push_error(const struct codec *c, lua_State *L)
{
    char text[sizeof c->error]; /* pushing may run a finalizer, whose call fails as well */

    memcpy(text, c->error, sizeof text);
    lua_pushstring(L, text);
}

/* --- What was known before the fork. */

/* Both directions stand in one Lua table: its keys keep alive whatever an
 * address in the map stands for. */
static void
know(lua_State *L, int table, struct codec_map *ids, int index, uint32_t id)
{
    luaL_checkstack(L, 4, "codec: too many values on the stack");
    lua_pushvalue(L, index);
    lua_rawgeti(L, LUA_REGISTRYINDEX, table);
    lua_pushvalue(L, -2);
    lua_pushnumber(L, id);
    lua_rawset(L, -3);
    lua_pushnumber(L, id);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    if (codec_map_put(ids, lua_topointer(L, -2), id))
        luaL_error(L, "not enough memory");
    lua_pop(L, 2);
}

void
codec_know_function(struct codec *c, lua_State *L, int index, uint32_t id)
{
    know(L, c->functions, &c->function_ids, index, id);
}

void
codec_know_class(struct codec *c, lua_State *L, int index, uint32_t id)
{
    bool light = lua_islightuserdata(L, index);
    know(L, c->classes, light ? &c->light_ids : &c->class_ids, index, id);
}

void
codec_know_handle(struct codec *c, lua_State *L, int index)
{
    if (codec_map_put(&c->handles, lua_topointer(L, index), 1))
        luaL_error(L, "not enough memory");
}

void
codec_know_forms(struct codec *c, lua_State *L, int form_of, int handle_of)
{
    luaL_checkstack(L, 2, "codec: too many values on the stack");
    lua_pushvalue(L, handle_of);
    c->handle_of = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->cell_forms);
    lua_pushvalue(L, form_of);
    lua_call(L, 1, 0);
}

uint32_t
codec_function_id(struct codec *c, lua_State *L, int index)
{
    if (!lua_isfunction(L, index))
        return 0;
    return codec_map_get(&c->function_ids, lua_topointer(L, index));
}

bool
codec_push_function(struct codec *c, lua_State *L, uint32_t id)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->functions);
    lua_pushnumber(L, id);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}
