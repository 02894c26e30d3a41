#include "task/write_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "codec/scalar.h"

/* What a write was before an inner section changed it. */
struct undo {
    uint32_t number;  /* of the write, from 1 */
    struct write was; /* kind 0: there was none */
};

static bool
is_of_key(const struct write_set *set, const struct write *w, const struct dict *d,
          const struct dict_key *k)
{
    return w->hash == k->hash && w->dict == d && w->key_len == k->len &&
           memcmp(set->text + w->key, k->bytes, k->len) == 0;
}

const struct write *
write_set_find(const struct write_set *set, const struct dict *d, const struct dict_key *k)
{
    if (!set->n)
        return NULL;
    size_t mask = set->table_size - 1;
    for (size_t i = k->hash & mask; set->table[i]; i = (i + 1) & mask) {
        const struct write *w = &set->writes[set->table[i] - 1];
        if (is_of_key(set, w, d, k))
            return w;
    }
    return NULL;
}

void
write_set_value(const struct write_set *set, const struct write *w, struct dict_value *out)
{
    out->present = w->kind == DICT_SET;
    out->is_number = w->is_number;
    out->number = w->number;
    out->bytes = set->text + w->value;
    out->len = w->value_len;
}

static void
enter(struct write_set *set, uint32_t number)
{
    size_t mask = set->table_size - 1, i = set->writes[number - 1].hash & mask;
    while (set->table[i])
        i = (i + 1) & mask;
    set->table[i] = number;
}

/* Room for one write more; the table has twice as many places. */
static int
reserve_write(struct write_set *set)
{
    if (!array_reserve(&set->writes, &set->writes_cap, set->n + 1, sizeof *set->writes))
        return -ENOMEM;
    if (set->table_size >= set->writes_cap * 2)
        return 0;
    uint32_t *table = calloc(set->writes_cap * 2, sizeof *table);
    if (!table)
        return -ENOMEM;
    free(set->table);
    set->table = table;
    set->table_size = set->writes_cap * 2;
    for (uint32_t number = 1; number <= set->n; number++)
        enter(set, number);
    return 0;
}

static int
note_undo(struct write_set *set, uint32_t number, const struct write *was)
{
    if (!array_reserve(&set->undo, &set->undo_cap, set->nundo + 1, sizeof *set->undo))
        return -ENOMEM;
    set->undo[set->nundo++] =
        (struct undo){number, was ? *was : (struct write){.kind = 0}};
    return 0;
}

/* Returns where the bytes are now. There is room. */
static size_t
add_text(struct write_set *set, const void *bytes, size_t n)
{
    size_t at = set->text_len;
    if (n)
        memcpy(set->text + at, bytes, n);
    set->text_len += n;
    return at;
}

/* Makes room for a write of this key and `bytes` of text, and remembers what it was. */
static int
prepare(struct write_set *set, const struct dict_key *k, const struct write *was, size_t bytes,
        bool undoable)
{
    if (!array_reserve(&set->text, &set->text_cap, set->text_len + bytes + k->len, 1))
        return -ENOMEM;
    if (!was && reserve_write(set))
        return -ENOMEM;
    uint32_t number = (uint32_t)(was ? (size_t)(was - set->writes) : set->n) + 1;
    return undoable ? note_undo(set, number, was) : 0;
}

/* The write of this key; there is room for a new one. */
static struct write *
write_of_key(struct write_set *set, struct dict *d, const struct dict_key *k,
             const struct write *was)
{
    if (was)
        return &set->writes[was - set->writes];
    struct write *w = &set->writes[set->n++];
    *w = (struct write){.dict = d, .hash = k->hash, .key_len = k->len};
    w->key = add_text(set, k->bytes, k->len);
    enter(set, (uint32_t)set->n);
    return w;
}

int
write_set_put(struct write_set *set, enum dict_op_kind kind, struct dict *d,
              const struct dict_key *k, const struct dict_value *v, bool undoable)
{
    const struct write *was = write_set_find(set, d, k);
    size_t bytes = v && !v->is_number ? v->len : 0;
    int err = prepare(set, k, was, bytes, undoable);
    if (err)
        return err;
    struct write *w = write_of_key(set, d, k, was);
    w->kind = kind;
    w->is_number = v && v->is_number;
    w->number = v ? v->number : 0;
    w->value = add_text(set, v ? v->bytes : NULL, bytes);
    w->value_len = bytes;
    w->room = 0;
    return 0;
}

/* The string at w->data has `len` bytes: its head goes before them. */
static void
place_head(struct write_set *set, struct write *w, size_t len)
{
    unsigned char head[CODEC_SCALAR_MAX];
    size_t n = codec_put_string_head(head, len);
    w->value = w->data - n;
    w->value_len = n + len;
    memcpy(set->text + w->value, head, n);
}

int
write_set_append(struct write_set *set, struct dict *d, const struct dict_key *k,
                 const void *old, size_t old_len, const void *more, size_t more_len,
                 bool undoable)
{
    const struct write *was = write_set_find(set, d, k);
    size_t len = old_len + more_len;
    bool fits = was && len <= was->room;
    bool own = was && !was->is_number; /* old is in text, which may move */
    size_t old_at = own ? (size_t)((const char *)old - set->text) : 0;
    int err = prepare(set, k, was, fits ? 0 : CODEC_SCALAR_MAX + len * 2, undoable);
    if (err)
        return err;
    struct write *w = write_of_key(set, d, k, was);
    if (!fits) {
        w->kind = DICT_SET;
        w->is_number = false;
        w->data = set->text_len + CODEC_SCALAR_MAX;
        w->room = len * 2;
        set->text_len += CODEC_SCALAR_MAX + w->room;
        memcpy(set->text + w->data, own ? set->text + old_at : old, old_len);
    }
    memcpy(set->text + w->data + old_len, more, more_len);
    place_head(set, w, len);
    return 0;
}

size_t
write_set_mark(const struct write_set *set)
{
    return set->nundo;
}

/* The newest write was not made: nothing that came later depends on its place. */
static void
forget_newest(struct write_set *set)
{
    size_t mask = set->table_size - 1;
    size_t i = set->writes[set->n - 1].hash & mask;
    while (set->table[i] != set->n)
        i = (i + 1) & mask;
    set->table[i] = 0;
    set->n--;
}

void
write_set_undo_to(struct write_set *set, size_t mark)
{
    while (set->nundo > mark) {
        struct undo *u = &set->undo[--set->nundo];
        struct write *w = &set->writes[u->number - 1];
        if (!u->was.kind) {
            forget_newest(set);
            continue;
        }
        *w = u->was;
        if (w->room) /* its bytes are there still, its head may be that of a longer one */
            place_head(set, w, w->value + w->value_len - w->data);
    }
}

struct dict_op
write_set_op(const struct write_set *set, size_t i)
{
    const struct write *w = &set->writes[i];
    return (struct dict_op){
        .kind = w->kind,
        .dict = w->dict,
        .key = {set->text + w->key, w->key_len, w->hash},
        .value = {w->kind != DICT_DELETE, w->is_number, w->number, set->text + w->value,
                  w->value_len},
    };
}

void
write_set_clear(struct write_set *set)
{
    if (set->n)
        memset(set->table, 0, set->table_size * sizeof *set->table);
    set->n = 0;
    set->nundo = 0;
    set->text_len = 0;
}

void
write_set_free(struct write_set *set)
{
    free(set->writes);
    free(set->table);
    free(set->undo);
    free(set->text);
    memset(set, 0, sizeof *set);
}
