/* sim_ops: what the nodes do with dicts and locks (sim_ops.c), and what must come out of
 * it (sim_want.c): the keys, values and numbers of both (sim_keys.c). */
#ifndef SIM_OPS_H
#define SIM_OPS_H

#include "sim_job.h"

#include "codec/codec.h"
#include "memory/self.h"
#include "store/dict.h"

enum {
    COUNTERS = 3,
    TEXTS = 3,
    ACCOUNTS = 5,
    MONEY = 1000, /* on each account */
    MANY = 7,     /* keys that one section writes */
    CROWD = 64,   /* keys that are in one shard */
    CROWD_SHARD = 5,
    LATER = 2, /* dicts, locks, sums that are named while the job runs */
};

struct ops_key {
    char bytes[40];
    struct dict_key k;
};

struct ops_text {
    unsigned char bytes[CODEC_SCALAR_MAX + 2048];
};

const struct dict_key *ops_key(struct ops_key *out, const char *what, uint32_t n);
/* ops_crowd_key: keys of one shard, so that its index grows. */
const struct dict_key *ops_crowd_key(struct ops_key *out, uint32_t i);
void ops_draw_crowd(void);
struct dict_value ops_number(double v);
/* ops_text_of: text that tells by itself whether it is whole. */
struct dict_value ops_text_of(struct ops_text *t, uint32_t n);
bool ops_is_text_of(uint32_t n, const struct dict_value *v);
bool ops_is_text(const struct dict_value *v);

/* ops_crowd_stays: a key of the node's own among many in its shard is added, and mostly
 * deleted. */
bool ops_crowd_stays(uint32_t node);
/* What a node moves from one account to another. */
struct ops_transfer {
    uint32_t from, to;
    double amount;
};

struct ops_transfer ops_transfer_of(uint32_t node);

/* In the job's dict, as tasks do it. */
void ops_set(struct self *self, const char *what, uint32_t n, double v);
struct dict_value ops_get(struct self *self, const struct dict_key *k);
double ops_get_number(struct self *self, const char *what, uint32_t n);
struct dict *ops_dict_named(const struct arena *a, uint32_t name);
/* ops_forget: nobody is in any section. */
void ops_forget(void);

#endif
