/* codec_problem: why and where a value could not be encoded, for people.
 *
 * The place is put together on the way back from the failure: each level of
 * tables adds the key it was at in front. */
#include "codec/codec_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { KEY_SHOWN = 32 };

int
codec_problem_is(struct codec_problem *p, int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(p->reason, sizeof p->reason, format, args);
    va_end(args);
    return err;
}

static bool
is_name(const char *s, size_t len)
{
    if (len == 0 || len > KEY_SHOWN || (s[0] >= '0' && s[0] <= '9'))
        return false;
    for (size_t i = 0; i < len; i++) {
        char ch = s[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
              (ch >= '0' && ch <= '9') || ch == '_'))
            return false;
    }
    return true;
}

/* The key at index as a step of a path: .name ["odd key"] [3] [true] [table] */
static void
put_step(struct codec_text *t, lua_State *L, int index)
{
    int type = lua_type(L, index);
    size_t len = 0;
    const char *s = type == LUA_TSTRING ? lua_tolstring(L, index, &len) : "";

    if (is_name(s, len)) {
        codec_text_put(t, ".", 1);
        codec_text_put(t, s, len);
        return;
    }
    codec_text_put(t, "[", 1);
    switch (type) {
    case LUA_TSTRING:
        codec_text_string(t, s, len, KEY_SHOWN);
        break;
    case LUA_TNUMBER:
        codec_text_number(t, lua_tonumber(L, index));
        break;
    case LUA_TBOOLEAN:
        s = lua_toboolean(L, index) ? "true" : "false";
        codec_text_put(t, s, strlen(s));
        break;
    default:
        s = lua_typename(L, type);
        codec_text_put(t, s, strlen(s));
    }
    codec_text_put(t, "]", 1);
}

/* Puts one more step in front of the path; when it is full, "..." stands for
 * all that comes before. */
static void
prepend(struct codec_problem *p, const char *step)
{
    size_t len = strlen(step), old = strlen(p->path);

    p->located = true;
    if (old >= 3 && memcmp(p->path, "...", 3) == 0)
        return;
    if (old + len + 3 >= sizeof p->path) {
        step = "...";
        len = 3;
    }
    memmove(p->path + len, p->path, old + 1);
    memcpy(p->path, step, len);
}

int
codec_problem_at_value(struct codec_problem *p, lua_State *L, int key, int err)
{
    char step[4 * KEY_SHOWN + 16];
    struct codec_text t;

    codec_text_open(&t, step, sizeof step);
    put_step(&t, L, key);
    prepend(p, step);
    return err;
}

/* Either the key itself cannot travel, or something inside of it. */
int
codec_problem_at_key(struct codec_problem *p, int err)
{
    if (p->located)
        prepend(p, "[a key]");
    else
        p->located = p->of_key = true;
    return err;
}

/* "argument 2, at .conn: a userdata cannot be sent to another process" */
void
codec_problem_explain(const struct codec_problem *p, struct codec *c, int err,
                      const char *what, int number)
{
    const char *where = p->path, *link = "";
    char name[64];

    if (what)
        snprintf(name, sizeof name, "%.48s %d", what, number);
    else
        snprintf(name, sizeof name, "value");
    if (err == -EFBIG || err == -ENOMEM)
        where = ""; /* it is not the fault of this one */
    else if (p->of_key)
        link = p->path[0] ? ", a key of " : ", a key of the table";
    else if (p->path[0])
        link = ", at ";
    snprintf(c->error, sizeof c->error, "%s%s%s: %s", name, link, where,
             p->reason);
}
