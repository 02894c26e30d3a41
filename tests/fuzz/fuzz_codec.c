/* Any bytes into the codec's decoder, which hosts a Lua state.
 *
 *   clang -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -Iengine \
 *     $(pkg-config --cflags luajit) tests/fuzz/fuzz_codec.c engine/codec/codec*.c \
 *     $(pkg-config --libs luajit) -o fuzz_codec && ./fuzz_codec -max_len=4096
 *
 * What is decoded has to survive a second trip: encoded again, it decodes
 * again, to as many values. (Unless it nests too deep by then: a chain of
 * shared tables may be entered at its other end.) */
#include <errno.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "codec/codec.h"

#define INSIST(x)    \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

static struct codec *codec;
static struct codec_buf buf;

static lua_State *
open_state(void)
{
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    INSIST(codec_open(&codec, L) == 0);
    lua_getglobal(L, "print");
    codec_know_function(codec, L, -1, 1);
    lua_getglobal(L, "type");
    codec_know_function(codec, L, -1, 300);
    lua_newtable(L);
    codec_know_class(codec, L, -1, 1);
    lua_newtable(L);
    codec_know_class(codec, L, -1, 200);
    lua_settop(L, 0);
    return L;
}

static int
trip(lua_State *L)
{
    int n = lua_gettop(L);
    int err = codec_encode(codec, L, 1, n, "argument", &buf);

    if (err == -ELOOP)
        return 0;
    INSIST(err == 0);
    INSIST(lua_checkstack(L, n + 10));
    INSIST(codec_decode(codec, L, buf.bytes, buf.len) == n);
    for (int i = 1; i <= n; i++)
        INSIST(lua_type(L, i) == lua_type(L, n + i));
    return 0;
}

/* Arguments: the bytes, their number. Raises when there is no memory. */
static int
decode(lua_State *L)
{
    const unsigned char *bytes = lua_touserdata(L, 1);
    size_t len = (size_t)lua_tonumber(L, 2);

    lua_settop(L, 0);
    int n = codec_decode(codec, L, bytes, len);
    INSIST(lua_gettop(L) == (n < 0 ? 0 : n));
    INSIST(n >= 0 || codec_error(codec)[0]);
    return n >= 0 && n < 3000 ? trip(L) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static lua_State *L;
    char text[100];

    if (!L)
        L = open_state();
    buf.len = 0;
    lua_settop(L, 0);
    lua_pushcfunction(L, decode);
    lua_pushlightuserdata(L, (void *)bytes);
    lua_pushnumber(L, (lua_Number)len);
    INSIST(lua_pcall(L, 2, 0, 0) == 0);

    size_t cap = len ? bytes[0] % sizeof text + 1 : 1;
    codec_describe(bytes, len, text, cap > sizeof text ? sizeof text : cap);
    return 0;
}
