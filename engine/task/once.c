#include "task/once.h"

#include "base/hash.h"
#include "codec/scalar.h"
#include "memory/self.h"
#include "store/dict_tx.h"
#include "store/names.h"
#include "task/task.h"

/* The job's dict of keys; made by the first that needs it. */
static int
keys_of_job(struct self *self, struct dict **out)
{
    uint32_t name;
    if (!self->keys) {
        int err = names_get(self, NAMED_KEYS, "", 0, &name);
        if (err)
            return err;
        self->keys = name_at(self->arena, name)->object;
    }
    *out = arena_at(self->arena, self->keys);
    return 0;
}

/* false: there is none. */
static bool
key_of(const void *args, size_t bytes, struct dict_key *key)
{
    size_t len, key_len;
    len = codec_get_key(args, bytes, &key_len);
    if (!len)
        return false;
    key->bytes = (const char *)args + (len - key_len);
    key->len = key_len;
    key->hash = hash_bytes(key->bytes, key_len);
    return true;
}

int
once_is_known(struct self *self, const void *args, size_t bytes, bool *known)
{
    struct dict *keys;
    struct dict_key key;
    struct dict_value owner = {0};
    *known = false;
    if (!key_of(args, bytes, &key))
        return 0;
    int err = keys_of_job(self, &keys);
    if (!err)
        err = dict_get(self, keys, &key, &owner);
    if (!err)
        *known = owner.present;
    return err;
}

int
once_enter(struct self *self, const struct task *t, bool *first)
{
    struct dict *keys;
    struct dict_op op = {.kind = DICT_ADD,
                         .value = {.present = true, .is_number = true, .number = (double)t->id}};
    struct dict_result added = {0};
    struct dict_value owner = {0};
    size_t bad;
    *first = true;
    if (!key_of(task_args(self->arena, t), t->bytes, &op.key))
        return 0;
    int err = keys_of_job(self, &keys);
    if (!err)
        err = dict_get(self, keys, &op.key, &owner);
    op.dict = keys;
    /* Not in the journal: by its id each run finds what an earlier one did. */
    if (!err && !owner.present)
        err = dict_tx_run(self, &op, 1, &added, &bad, NULL, NULL);
    if (!err && !owner.present && !added.changed) /* somebody was faster */
        err = dict_get(self, keys, &op.key, &owner);
    if (!err)
        *first = added.changed || owner.number == op.value.number;
    return err;
}
