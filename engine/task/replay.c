#include "task/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/self.h"
#include "base/array.h"
#include "base/hash.h"
#include "codec/scalar.h"
#include "task/record.h"

/* A read under a lock, as recorded: then its bytes, padded to 8. */
struct read {
    uint64_t hash;
    double number;
    uint32_t len;
    uint8_t present, is_number, pad[2];
};

/* ---- hashes: what an operation says ---- */

static uint64_t
hash_value(uint64_t h, const struct dict_value *v)
{
    uint64_t bits;
    h = hash_mix(h, (uint64_t)v->present << 1 | v->is_number);
    if (!v->present)
        return h;
    if (!v->is_number) {
        size_t len;
        bool text = codec_get_string_head(v->bytes, v->len, &len) != 0;
        return text ? hash_more(hash_mix(h, v->len), v->bytes, v->len)
                    : hash_unordered(h, v->bytes, v->len);
    }
    memcpy(&bits, &v->number, sizeof bits);
    return hash_mix(h, bits);
}

uint64_t
replay_hash_op(const struct self *self, const struct dict_op *op)
{
    uint64_t h = hash_mix(op->key.hash, arena_offset(self->arena, op->dict) << 8 | op->kind);
    if (op->update)
        return hash_mix(h, 1);
    return hash_value(hash_value(h, &op->value), &op->old);
}

static uint64_t
hash_read(const struct self *self, const struct dict *d, const struct dict_key *k)
{
    return hash_mix(k->hash, arena_offset(self->arena, d) << 8);
}

/* ---- reads ---- */

/* The entry of a section that the journal has at this point; NULL: none. */
static const struct journal_entry *
entry_of_section(struct self *self)
{
    const struct journal_entry *e = journal_peek(self);
    return e && e->kind == JOURNAL_SECTION ? e : NULL;
}

static size_t
bytes_of_read(const struct read *r)
{
    return sizeof *r + (r->len + 7) / 8 * 8;
}

/* The recorded result of this read. false: the first run did something else. */
static bool
repeat_read(struct replay *r, struct self *self, uint64_t hash, struct dict_value *out)
{
    const struct journal_entry *e = entry_of_section(self);
    const struct read *was = (const struct read *)(e->payload + r->at);
    if (r->at + sizeof *was > e->bytes || was->hash != hash ||
        r->at + bytes_of_read(was) > e->bytes)
        return false;
    r->at += bytes_of_read(was);
    r->stale = true;
    *out = (struct dict_value){was->present, was->is_number, was->number, was + 1, was->len};
    return true;
}

static int
note_read(struct replay *r, uint64_t hash, const struct dict_value *v)
{
    struct read read = {.hash = hash, .present = v->present};
    if (v->present) {
        read.is_number = v->is_number;
        read.number = v->number;
        read.len = v->is_number ? 0 : (uint32_t)v->len;
    }
    size_t end = r->reads_len + bytes_of_read(&read);
    if (!array_reserve(&r->reads, &r->reads_cap, end, 1))
        return -ENOMEM;
    char *at = r->reads + r->reads_len;
    memcpy(at, &read, sizeof read);
    if (read.len)
        memcpy(at + sizeof read, v->bytes, read.len);
    r->reads_len = end;
    return 0;
}

int
replay_read(struct replay *r, struct self *self, struct dict *d, const struct dict_key *k,
            struct dict_value *out)
{
    uint64_t hash = self->journaling ? hash_read(self, d, k) : 0;
    int err = 0;
    if (r->repeating && !repeat_read(r, self, hash, out)) {
        journal_drop(self);
        r->repeating = false;
    }
    if (!r->repeating)
        err = dict_get(self, d, k, out);
    if (err || !self->journaling)
        return err;
    replay_did(r, hash);
    return note_read(r, hash, out);
}

/* ---- the section as a whole ---- */

void
replay_begin(struct replay *r, struct self *self)
{
    r->repeating = entry_of_section(self) != NULL;
}

void
replay_did(struct replay *r, uint64_t what)
{
    r->did = hash_mix(r->did, what);
}

bool
replay_is_same(struct replay *r, struct self *self)
{
    if (!r->repeating)
        return false;
    const struct journal_entry *e = entry_of_section(self);
    if (e->hash == r->did && r->at == e->bytes) {
        journal_pass(self, e);
        return true;
    }
    journal_drop(self);
    r->repeating = false;
    return false;
}

void
replay_clear(struct replay *r)
{
    r->reads_len = 0;
    r->did = 0;
    r->at = 0;
    r->stale = false;
}

void
replay_free(struct replay *r)
{
    free(r->reads);
    memset(r, 0, sizeof *r);
}
