/* The keys and values of the simulator's job, and what follows from a node's number. */
#include "sim_ops.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

static uint32_t crowd_salt[CROWD];

const struct dict_key *
ops_key(struct ops_key *out, const char *what, uint32_t n)
{
    char *text = out->bytes + 1;
    int len = snprintf(text, sizeof out->bytes - 1, "%s%u", what, n);
    (void)codec_put_string_head((unsigned char *)out->bytes, (size_t)len); /* one byte */
    out->k = (struct dict_key){out->bytes, 1 + (size_t)len,
                               hash_bytes(out->bytes, 1 + (size_t)len)};
    return &out->k;
}

const struct dict_key *
ops_crowd_key(struct ops_key *out, uint32_t i)
{
    return ops_key(out, "crowd", crowd_salt[i]);
}

void
ops_draw_crowd(void)
{
    struct ops_key k;
    uint32_t salt = 0;
    for (uint32_t i = 0; i < CROWD; i++) {
        do
            salt++;
        while (ops_key(&k, "crowd", salt)->hash >> 58 != CROWD_SHARD);
        crowd_salt[i] = salt;
    }
}

struct dict_value
ops_number(double v)
{
    return (struct dict_value){.present = true, .is_number = true, .number = v};
}

struct dict_value
ops_text_of(struct ops_text *t, uint32_t n)
{
    size_t len = 8 + n * 37 % (n % 7 ? 300 : 2000);
    size_t head = codec_put_string_head(t->bytes, len);
    memset(t->bytes + head, (int)(n & 0xff), len);
    memcpy(t->bytes + head, &n, sizeof n);
    return (struct dict_value){.present = true, .bytes = t->bytes, .len = head + len};
}

bool
ops_is_text_of(uint32_t n, const struct dict_value *v)
{
    struct ops_text text;
    struct dict_value same = ops_text_of(&text, n);
    return !v->is_number && same.len == v->len && memcmp(same.bytes, v->bytes, v->len) == 0;
}

bool
ops_is_text(const struct dict_value *v)
{
    uint32_t n;
    const unsigned char *s;
    size_t len;
    if (v->is_number || !codec_get_string(v->bytes, v->len, &s, &len) || len < 8)
        return false;
    memcpy(&n, s, sizeof n);
    return ops_is_text_of(n, v);
}

bool
ops_crowd_stays(uint32_t node)
{
    return node_bits(node, 5) % 2;
}

struct ops_transfer
ops_transfer_of(uint32_t node)
{
    uint64_t r = node_bits(node, 6);
    struct ops_transfer t = {.from = r % ACCOUNTS, .amount = (double)(1 + (r >> 16) % 9)};
    t.to = (t.from + 1 + (r >> 8) % (ACCOUNTS - 1)) % ACCOUNTS;
    return t;
}
