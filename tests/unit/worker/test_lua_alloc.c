/* lua_alloc: a limit that Lua raises an error at, that can be caught, and that garbage does
 * not count against. */
#include "worker/lua_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

enum { LIMIT = 8 << 20 };

static int
setup(void **state)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_alloc_open(L, LIMIT);
    *state = L;
    return 0;
}

static int
teardown(void **state)
{
    lua_alloc_close(*state);
    lua_close(*state);
    return 0;
}

/* As a worker runs a task. */
static int
run(lua_State *L, const char *text)
{
    assert_int_equal(luaL_loadstring(L, text), 0);
    lua_alloc_enforce(true);
    int status = lua_pcall(L, 0, 0, 0);
    lua_alloc_enforce(false);
    return status;
}

static void
test_luamem_refuses_and_lua_says_so(void **state)
{
    lua_State *L = *state;
    static const char *const hungry[] = {
        "local t = {} for i = 1, 1e8 do t[i] = { i } end",
        "local s = ('x'):rep(1000) while true do s = s .. s end",
        "local t = {} for i = 1, 1e8 do t[i] = i .. 'abcdefgh' end",
        "local t = {} for i = 1, 1e8 do t[i] = function() return i end end",
        "local s = ('x'):rep(1e9)",
    };
    for (size_t i = 0; i < sizeof hungry / sizeof *hungry; i++) {
        assert_int_equal(run(L, hungry[i]), LUA_ERRMEM);
        assert_string_equal(lua_tostring(L, -1), "not enough memory");
        assert_true(lua_alloc_refused());
        lua_settop(L, 0);
        for (int round = 0; round < 5; round++) /* each halves LuaJIT's own buffer */
            lua_gc(L, LUA_GCCOLLECT, 0);
        assert_true(lua_alloc_used(L) < LIMIT / 4);
    }
}

static void
test_luamem_the_error_can_be_caught_and_dealt_with(void **state)
{
    assert_int_equal(run(*state,
                         "local t = {}\n"
                         "local ok, e = pcall(function() for i = 1, 1e8 do t[i] = { i } end end)\n"
                         "assert(not ok and e == 'not enough memory')\n"
                         "local text = tostring(#t) .. ' entries' t = nil collectgarbage()\n"
                         "t = {} for i = 1, 10000 do t[i] = { i } end\n"),
                     0);
}

static void
test_luamem_garbage_is_collected_in_time(void **state)
{
    /* 3 MiB live, and many times the limit of garbage. */
    assert_int_equal(run(*state,
                         "local keep = {} for i = 1, 3 do keep[i] = ('x'):rep(2^20 + i) end\n"
                         "for i = 1, 1e6 do local t = { i, tostring(i) } end\n"
                         "for i = 1, 200 do local s = ('y'):rep(2^18 + i) end\n"),
                     0);
    assert_false(lua_alloc_refused());
}

static void
test_luamem_refuses_nothing_outside_of_tasks(void **state)
{
    assert_int_equal(luaL_dostring((lua_State *)*state, "x = ('x'):rep(2^24)"), 0);
    assert_false(lua_alloc_refused());
}

static void
test_luamem_close_lifts_the_limit(void **state)
{
    lua_State *L = *state;
    lua_alloc_close(L);
    lua_alloc_close(L);
    assert_int_equal(run(L, "local s = ('x'):rep(2^24)"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_luamem_refuses_and_lua_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_luamem_the_error_can_be_caught_and_dealt_with, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_luamem_garbage_is_collected_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_luamem_refuses_nothing_outside_of_tasks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_luamem_close_lifts_the_limit, setup, teardown),
    };
    return cmocka_run_group_tests_name("lua_alloc", tests, NULL, NULL);
}
