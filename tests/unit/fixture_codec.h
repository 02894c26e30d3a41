/* fixture_codec: a codec and its Lua state. Most tests are Lua chunks; what they are
 * offered:
 *
 *   encode(...)      bytes | nil, text, errno       as "argument"
 *   encode_one(v)    the same, as "value"
 *   decode(bytes)    count, values ... | nil, text, errno
 *   trip(v)          v, encoded and decoded
 *   same(a, b)       equal in every respect, shared references included
 *   hex(bytes), raw(hex), describe(bytes [, cap])
 *   know_function(f, id), know_class(mt, id)
 */
#ifndef FIXTURE_CODEC_H
#define FIXTURE_CODEC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lua.h>

#include "codec/codec.h"

struct codec_fixture {
    lua_State *L;
    struct codec *c;
    struct codec_buf buf;
};

/* For cmocka: a fresh codec in *state for each test. */
#define CODEC_TEST(name) cmocka_unit_test_setup_teardown(name, codec_setup, codec_teardown)
int codec_setup(void **state);
int codec_teardown(void **state);
/* codec_run runs a chunk; an error in it fails the test. */
void codec_run(struct codec_fixture *f, const char *chunk);
/* codec_push_rich pushes a table that has some of everything. */
void codec_push_rich(struct codec_fixture *f);

#endif
