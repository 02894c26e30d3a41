/* codec: Lua values <-> bytes. Knows Lua, knows no shared memory.
 *
 * What travels: nil, booleans, numbers (exact; every NaN is the same NaN),
 * strings of any bytes, int64_t and uint64_t cdata, tables with any keys,
 * nested, cyclic, with shared references kept; objects whose metatable is a
 * known class; the light userdata NULL, which is cjson's null; known functions
 * and known classes themselves, by number, and so constants, values of any
 * type that are known as classes are: they arrive as the receiver's own,
 * without what the sender changed in them since the fork. Tables are read and
 * written raw: no metamethod ever runs. Nesting is counted along the way the
 * encoder takes: a long chain of shared tables may pass or not, depending on
 * the end at which it is met first.
 *
 * The bytes, little-endian, one value after the other until they end:
 *
 *   00..7f       the integers 0..127
 *   80..bf       a string of 0..63 bytes, which follow
 *   c0 c1 c2     nil, false, true
 *   c3 c4 c5     integers in 1 (unsigned), 2, 4 bytes (signed)
 *   c6           a double, 8 bytes
 *   c7 c8        int64_t, uint64_t, 8 bytes
 *   c9 ca cb     a string; its length in 1, 2, 4 bytes; its bytes
 *   cc cd        a known function, a known class: its number (varint)
 *   ce           shared tables follow: number the tables from 0 on, in the
 *                order of their first bytes; only before a value that is not
 *                inside a table
 *   cf           a table seen before: its number (varint)
 *   d0 + flags   a table: [4: the number of its class]
 *                [1: how many values have the keys 1..n] [2: how many pairs]
 *                (varints), the values, the pairs of key and value
 *   d8           the light userdata NULL
 *   d9           a key follows, a scalar, that is not an argument; in front of all
 *                else. Readers of arguments skip it: codec_get_key() in scalar.h
 *   e0..ff       the integers -32..-1
 *
 * Each number and each string has one form only, so equal scalars are equal
 * bytes (dict:cas compares them). Tables have no such form: the order of their
 * keys is not fixed.
 *
 * Everything here belongs to one process and one Lua state. Calls that take a
 * lua_State may raise "not enough memory" (a longjmp); buffers and codec stay
 * usable. They call Lua, so they may not be called through FFI; the calls
 * that take none may. Finalizers and debug hooks may run in the middle of them and
 * call them again: the caller's bytes and buffer must be the call's own. */
#ifndef PRUNNER_CODEC_H
#define PRUNNER_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <lua.h>

#include "codec/scalar.h"

enum { CODEC_DEPTH_MAX = 200 }; /* tables inside tables */
enum { CODEC_MANY = 400 };      /* functions that come with Lua, and some */

/* Flags within CODEC_TABLE. */
enum { CODEC_HAS_LIST = 1,
       CODEC_HAS_PAIRS = 2,
       CODEC_HAS_CLASS = 4 };

/* Process-private, malloc'ed, reused. All zero is an empty one. */
struct codec_buf {
    unsigned char *bytes;
    size_t len, cap;
};

static inline void
codec_buf_free(struct codec_buf *buf)
{
    free(buf->bytes);
    *buf = (struct codec_buf){0};
}

struct codec; /* one per Lua state; holds registry references */

/* L: the main state, with its libraries open (ffi is needed); it has to
 * outlive the codec. The other calls may be given any coroutine of it.
 * Returns 0, or -errno with *out untouched. */
int codec_open(struct codec **out, lua_State *L);
void codec_close(struct codec *c); /* before lua_close(); NULL is fine */

/* Functions and classes (metatables) that were known before the fork have
 * numbers from 1 on; somebody else hands them out and registers each here.
 * By identity; known ones are never collected. A function registered twice
 * is sent by its last number; all its numbers are understood. */
void codec_know_function(struct codec *c, lua_State *L, int index, uint32_t id);
void codec_know_class(struct codec *c, lua_State *L, int index, uint32_t id);
/* codec_know_class() takes a constant of any type, too, but not a light userdata
 * that is NULL; it arrives as what it is. */

/* Handles are cdata that are sent as tables, their forms, and made again of these. Once, two
 * functions: form_of(cdata) -> 3, form | nothing; handle_of(form) -> handle | nil, damage. And
 * each metatable that forms may have, which must never be collected. */
void codec_know_forms(struct codec *c, lua_State *L, int form_of, int handle_of);
void codec_know_handle(struct codec *c, lua_State *L, int index);

/* 0: unknown, or no function at all. */
uint32_t codec_function_id(struct codec *c, lua_State *L, int index);

/* Pushes function number id; false, with nothing pushed, if it is unknown. */
bool codec_push_function(struct codec *c, lua_State *L, uint32_t id);

/* Appends the stack values first..last (absolute indexes; last = first - 1 for
 * none) to buf. Table references are shared across the values of one call.
 * what: "argument", which is then numbered, or NULL for a single "value".
 * Returns 0, or with buf->len as it was and the reason in codec_error():
 *   -EINVAL  a value cannot travel     -ELOOP  nested too deep
 *   -EFBIG   beyond CODEC_BYTES_MAX    -E2BIG  the Lua stack is full
 *   -ENOMEM  the buffer cannot grow */
int codec_encode(struct codec *c, lua_State *L, int first, int last,
                 const char *what, struct codec_buf *buf);

/* Decodes all values in bytes[0..len) and pushes them. The output of several
 * codec_encode() calls may stand one after the other. Returns how many values,
 * or with nothing pushed and the reason in codec_error(): -EBADMSG (damaged),
 * -E2BIG (more than the Lua stack holds).
 * The bytes are checked like bytes from a network: nothing is executed, no
 * count is believed before as many bytes are there, nesting is limited. No
 * bytes (NULL, 0) mean no values. */
int codec_decode(struct codec *c, lua_State *L, const unsigned char *bytes,
                 size_t len);

/* Why the last call failed; good until the next one fails, which may be whenever Lua runs. */
const char *codec_error(const struct codec *c);
/* codec_push_error pushes it. */
void codec_push_error(const struct codec *c, lua_State *L);

/* Encoded values as a short text for reports: `12, "abc...", {…}`. At most
 * cap - 1 bytes of UTF-8 and a NUL; what does not fit ends in "...", what is
 * damaged in "?". No control characters: they are escaped. */
void codec_describe(const unsigned char *bytes, size_t len, char *text,
                    size_t cap);

/* codec_renumber copies encoded values to `out` (NULL: only looks at them) with each
 * number of a function or class replaced by what number() says; 0 refuses it. No Lua
 * state is needed; the bytes may be anything. Returns 0, or with out->len as it was
 * -ENOENT (refused), -EBADMSG (damaged), -ENOMEM. */
typedef uint32_t (*codec_number_fn)(void *arg, bool is_class, uint32_t number);
int codec_renumber(const unsigned char *bytes, size_t len, codec_number_fn number,
                   void *arg, struct codec_buf *out);

#endif
