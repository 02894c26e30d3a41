/* codec_renumber: the numbers of functions and classes inside encoded values, for those
 * who keep the bytes longer than the run in which these numbers mean something. Needs no
 * Lua state; the bytes may be anything. */
#include "codec/codec_priv.h"

#include <errno.h>

#include "base/array.h"

struct renumber {
    const unsigned char *p, *end;
    codec_number_fn number;
    void *arg;
    struct codec_buf *out; /* NULL: only look */
};

static int
put(struct renumber *r, const unsigned char *bytes, size_t len)
{
    struct codec_buf *out = r->out;
    if (!out)
        return 0;
    if (!array_reserve(&out->bytes, &out->cap, out->len + len, 1))
        return -ENOMEM;
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
    return 0;
}

/* Copies the varint at p as it is. */
static int
take_count(struct renumber *r, uint32_t *out)
{
    const unsigned char *from = r->p;
    size_t n = codec_get_varint(r->p, r->end, out);
    r->p += n;
    return n ? put(r, from, n) : -EBADMSG;
}

static int
change_number(struct renumber *r, bool is_class)
{
    unsigned char bytes[5];
    uint32_t old = 0;
    size_t n = codec_get_varint(r->p, r->end, &old);
    if (!n)
        return -EBADMSG;
    r->p += n;
    uint32_t number = r->number(r->arg, is_class, old);
    return number ? put(r, bytes, codec_put_varint(bytes, number)) : -ENOENT;
}

static int value(struct renumber *r, int depth);

static int
table(struct renumber *r, unsigned flags, int depth)
{
    uint32_t listed = 0, paired = 0;
    int err = depth >= CODEC_DEPTH_MAX ? -EBADMSG : 0;
    if (!err && (flags & CODEC_HAS_CLASS))
        err = change_number(r, true);
    if (!err && (flags & CODEC_HAS_LIST))
        err = take_count(r, &listed);
    if (!err && (flags & CODEC_HAS_PAIRS))
        err = take_count(r, &paired);
    /* A count that lies ends with the bytes, since each value takes at least one. */
    for (uint64_t i = listed + 2 * (uint64_t)paired; i > 0 && !err; i--)
        err = value(r, depth + 1);
    return err;
}

static int
value(struct renumber *r, int depth)
{
    if (r->p == r->end)
        return -EBADMSG;
    const unsigned char *from = r->p;
    unsigned tag = *from;
    if (tag == CODEC_FUNCTION || tag == CODEC_CLASS ||
        (tag >= CODEC_TABLE && tag <= CODEC_TABLE + 7)) {
        r->p++;
        int err = put(r, from, 1);
        if (err)
            return err;
        return tag >= CODEC_TABLE ? table(r, tag - CODEC_TABLE, depth)
                                  : change_number(r, tag == CODEC_CLASS);
    }
    size_t n = tag == CODEC_MARK && depth == 0 ? 1 : codec_scalar_length(from, r->end);
    r->p += n;
    return n ? put(r, from, n) : -EBADMSG;
}

int
codec_renumber(const unsigned char *bytes, size_t len, codec_number_fn number, void *arg,
               struct codec_buf *out)
{
    struct renumber r = {bytes, len ? bytes + len : bytes, number, arg, out};
    size_t before = out ? out->len : 0, key_len;
    size_t key = codec_get_key(r.p, len, &key_len);
    int err = key ? put(&r, r.p, key) : 0;
    r.p += key;
    while (r.p < r.end && !err)
        err = value(&r, 0);
    if (err && out)
        out->len = before;
    return err;
}
