/* codec_renumber: numbers of functions and classes inside encoded values, found and
 * replaced; bytes of any kind. */
#include "codec/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

static lua_State *L;
static struct codec *codec;
static char seen[256]; /* "f3 c1 ": what the last walk met */

static int
setup(void **state)
{
    (void)state;
    L = luaL_newstate();
    luaL_openlibs(L);
    return codec_open(&codec, L);
}

static int
teardown(void **state)
{
    (void)state;
    codec_close(codec);
    lua_close(L);
    return 0;
}

/* Runs `text`, which knows functions and classes by its arguments, and encodes what it
 * returns. Functions print, type, next are 1, 200, 70000; string's metatable 7. */
static struct codec_buf
encode(const char *text)
{
    struct codec_buf b = {0};
    lua_settop(L, 0);
    const char *const names[] = {"print", "type", "next"};
    const uint32_t numbers[] = {1, 200, 70000};
    for (int i = 0; i < 3; i++) {
        lua_getglobal(L, names[i]);
        codec_know_function(codec, L, 1, numbers[i]);
        lua_settop(L, 0);
    }
    lua_getglobal(L, "string");
    codec_know_class(codec, L, 1, 7);
    lua_settop(L, 0);
    assert_int_equal(luaL_loadstring(L, text), 0);
    lua_call(L, 0, LUA_MULTRET);
    assert_int_equal(codec_encode(codec, L, 1, lua_gettop(L), "argument", &b), 0);
    return b;
}

/* Each number plus 1000, but class 7 becomes `arg`'s number. */
static uint32_t
note(void *arg, bool is_class, uint32_t number)
{
    size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%c%u ", is_class ? 'c' : 'f', number);
    return is_class ? *(uint32_t *)arg : number + 1000;
}

static int
renumber(const struct codec_buf *b, uint32_t class_number, struct codec_buf *out)
{
    seen[0] = '\0';
    return codec_renumber(b->bytes, b->len, note, &class_number, out);
}

static void
test_renumber_finds_every_number_wherever_it_is(void **state)
{
    (void)state;
    struct codec_buf b = encode(
        "local o = setmetatable({ type, x = { next } }, string)\n"
        "return 5, 'text', print, { { o }, o, [print] = 1.5 }, nil, true, string");
    assert_int_equal(renumber(&b, 1, NULL), 0);
    assert_string_equal(seen, "f1 c7 f200 f70000 f1 c7 ");
    codec_buf_free(&b);
}

static void
test_renumber_replaces_and_keeps_all_else(void **state)
{
    (void)state;
    struct codec_buf b = encode(
        "local o = setmetatable({ type, x = 'y' }, string)\n"
        "return o, { o, -1, 300, 1e300, ('x'):rep(300) }, next");
    struct codec_buf out = {0}, back = {0};
    assert_int_equal(renumber(&b, 70001, &out), 0);
    assert_true(out.len > b.len); /* longer numbers */
    lua_settop(L, 0);
    lua_getglobal(L, "pcall");
    codec_know_function(codec, L, 1, 1200);
    codec_know_function(codec, L, 1, 71000);
    lua_settop(L, 0);
    lua_getglobal(L, "table");
    codec_know_class(codec, L, 1, 70001);
    lua_settop(L, 0);
    assert_int_equal(codec_decode(codec, L, out.bytes, out.len), 3);
    lua_setglobal(L, "f");
    lua_setglobal(L, "t");
    lua_setglobal(L, "o");
    assert_int_equal(luaL_dostring(L, "assert(f == pcall and o[1] == pcall and o.x == 'y')\n"
                                      "assert(getmetatable(o) == table and t[1] == o)\n"
                                      "assert(t[2] == -1 and t[3] == 300 and t[4] == 1e300)\n"
                                      "assert(t[5] == ('x'):rep(300))"),
                     0);
    codec_buf_free(&b);
    codec_buf_free(&out);
    codec_buf_free(&back);
}

static uint32_t
refuse(void *arg, bool is_class, uint32_t number)
{
    (void)arg;
    (void)is_class;
    return number == 200 ? 0 : number;
}

static void
test_renumber_refused_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct codec_buf b = encode("return print, { type }"), out = {0};
    assert_int_equal(codec_renumber(b.bytes, 2, refuse, NULL, &out), 0);
    assert_int_equal(out.len, 2);
    assert_int_equal(codec_renumber(b.bytes, b.len, refuse, NULL, &out), -ENOENT);
    assert_int_equal(out.len, 2);
    assert_int_equal(codec_renumber(NULL, 0, refuse, NULL, &out), 0);
    codec_buf_free(&b);
    codec_buf_free(&out);
}

/* Cut anywhere, and with each byte changed: no crash, and never more than the decoder
 * would read. */
static void
test_renumber_of_damaged_bytes(void **state)
{
    (void)state;
    struct codec_buf b = encode(
        "local o = setmetatable({ type, x = { next, 'abc', 1e9 } }, string)\n"
        "return { o, o }, print");
    for (size_t len = 0; len < b.len; len++) {
        unsigned char *cut = malloc(len ? len : 1); /* for the sanitizer */
        memcpy(cut, b.bytes, len);
        (void)codec_renumber(cut, len, refuse, NULL, NULL);
        free(cut);
    }
    for (size_t i = 0; i < b.len; i++) {
        for (int byte = 0; byte < 256; byte++) {
            unsigned char was = b.bytes[i];
            struct codec_buf out = {0};
            uint32_t class_number = 7;
            b.bytes[i] = (unsigned char)byte;
            seen[0] = '\0';
            (void)codec_renumber(b.bytes, b.len, note, &class_number, &out);
            codec_buf_free(&out);
            b.bytes[i] = was;
        }
    }
    unsigned char deep[1000];
    memset(deep, CODEC_TABLE + CODEC_HAS_LIST, sizeof deep);
    for (size_t i = 1; i < sizeof deep; i += 2)
        deep[i] = 1;
    assert_int_equal(codec_renumber(deep, sizeof deep, refuse, NULL, NULL), -EBADMSG);
    codec_buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_renumber_finds_every_number_wherever_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_renumber_replaces_and_keeps_all_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renumber_refused_leaves_the_buffer_as_it_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_renumber_of_damaged_bytes, setup, teardown),
    };
    return cmocka_run_group_tests_name("renumber", tests, NULL, NULL);
}
