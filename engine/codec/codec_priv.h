/* codec_priv: what the files codec*.c share. Nobody else includes this. */
#ifndef PRUNNER_CODEC_PRIV_H
#define PRUNNER_CODEC_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "codec/codec.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)

enum { LUA_TYPE_CDATA = 10 }; /* LuaJIT's, in no public header */

/* Addresses of Lua objects -> numbers from 1 on. An entry counts only if its
 * round is the map's, so that a reset is one addition. */
struct codec_map {
    struct codec_map_entry {
        const void *key;
        uint32_t round;
        uint32_t value;
    } * entries;
    size_t slots; /* a power of two, or 0 */
    size_t count;
    uint32_t round;
};

void codec_map_reset(struct codec_map *m);
uint32_t codec_map_get(const struct codec_map *m, const void *key); /* or 0 */
int codec_map_put(struct codec_map *m, const void *key, uint32_t value);
void codec_map_free(struct codec_map *m);

struct codec {
    lua_State *L;   /* the main state, for codec_close() */
    int functions;  /* registry: {[id] = function, [function] = id} */
    int classes;    /* registry: the same for metatables and constants */
    int cell_write; /* registry: Lua helper, cdata -> type, copy; see codec.c */
    int cell_read;  /* registry: Lua helper -> a new cdata, to be filled */
    int cell_forms; /* registry: Lua helper, form_of -> nothing: what write() asks */
    int handle_of;  /* registry: Lua helper, form -> handle; LUA_NOREF: none */
    struct codec_map function_ids;
    struct codec_map class_ids; /* objects */
    struct codec_map light_ids; /* light userdata among them: any address */
    struct codec_map handles;   /* the metatables of forms of handles */
    struct codec_map seen;      /* the tables of the codec_encode() under way; see call_write() */
    char error[600];
};

/* Text that is cut at whole characters and then ends in "...". */
struct codec_text {
    char *text;
    size_t cap;
    size_t len;
    size_t safe; /* up to here there is still room for "..." */
    bool full;
};

void codec_text_open(struct codec_text *t, char *text, size_t cap);
void codec_text_put(struct codec_text *t, const char *piece, size_t len);
void codec_text_number(struct codec_text *t, double v);
/* The string in quotes, escaped, not more than `most` of its bytes. */
void codec_text_string(struct codec_text *t, const char *s, size_t len,
                       size_t most);

/* Why and where codec_encode() failed. All but clear are off the fast path. */
struct codec_problem {
    char reason[240];
    char path[200]; /* from the value down: .x[3].name */
    bool located;   /* path or of_key say something */
    bool of_key;    /* it is a key of path, not a value */
};

static inline void
codec_problem_clear(struct codec_problem *p)
{
    p->path[0] = '\0';
    p->located = p->of_key = false;
}

/* What the problem is. This one and the next two return err. */
__attribute__((format(printf, 3, 4), cold)) int
codec_problem_is(struct codec_problem *p, int err, const char *format, ...);

/* It was in the value of the key at this stack index; or in the key. */
__attribute__((cold)) int
codec_problem_at_value(struct codec_problem *p, lua_State *L, int key, int err);
__attribute__((cold)) int
codec_problem_at_key(struct codec_problem *p, int err);

/* All of it into codec_error(). */
__attribute__((cold)) void
codec_problem_explain(const struct codec_problem *p, struct codec *c, int err,
                      const char *what, int number);

/* The bytes of the scalar at p (a number of a function, class or table among them); 0:
 * damaged, or no scalar. */
size_t codec_scalar_length(const unsigned char *p, const unsigned char *end);

/* A number in 7 bits a byte, lowest first. 1..5 bytes. */
static inline size_t
codec_put_varint(unsigned char *dst, uint32_t v)
{
    size_t n = 0;

    while (v > 0x7f) {
        dst[n++] = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    dst[n++] = (unsigned char)v;
    return n;
}

/* How many bytes it took; 0: they end too early, or it is no 32 bit number. */
static inline size_t
codec_get_varint(const unsigned char *p, const unsigned char *end,
                 uint32_t *out)
{
    uint64_t v = 0;

    for (size_t n = 0; n < 5 && p + n < end; n++) {
        v |= (uint64_t)(p[n] & 0x7f) << (7 * n);
        if (!(p[n] & 0x80)) {
            if (v > UINT32_MAX)
                return 0;
            *out = (uint32_t)v;
            return n + 1;
        }
    }
    return 0;
}

#endif
