/* What the scenarios of step_ops_*.c are made of. Those in a task's body say what
 * a script would say; where one fails, ops_complain() hears of it. */
#ifndef STEP_OPS_H
#define STEP_OPS_H

#include "step.h"

#include "store/dict_tx.h"
#include "store/names.h"

/* Accumulators are numbered by their kind; collect() comes behind. */
enum { COLLECT = 4 };
/* Functions: what they mean is the scenario's, but for this one: adds its number. */
enum { LEAF = 1,
       ROOT = 2,
       OTHER = 3,
       KEYED = 4 };                         /* as LEAF, but with a key */
enum { KEYED_BYTES = 2 + sizeof(int32_t) }; /* in front of its arguments */

extern const struct scenario_set scenarios_task, scenarios_dict, scenarios_idle, scenarios_suspend;
/* scenarios_dict_open finds the keys of one shard, before anybody is stepped. */
void scenarios_dict_open(void);

/* ops_ok complains of an error in `what`. */
void ops_ok(int err, const char *what);

/* Arguments: a number, then bytes that count up from it. */
const void *ops_args(uint32_t number, size_t bytes);
/* ops_number_of reads them again and complains if they are damaged. */
uint32_t ops_number_of(struct self *self, const struct task *t);

void ops_post(struct self *self, uint32_t fn, uint32_t number);
void ops_post_bytes(struct self *self, uint32_t fn, uint32_t number, size_t bytes);
/* ops_post_once posts a KEYED one, unless its key is known. */
void ops_post_once(struct self *self, int32_t key, uint32_t number);
/* ops_open_posts, ops_end_posts: as begin() does, in any slot's name; what is posted
 * in between is public then. */
void ops_open_posts(struct self *self);
void ops_end_posts(struct self *self);
/* ops_publish posts n tasks like that, numbered from `from`. */
void ops_publish(struct self *self, uint32_t fn, uint32_t from, uint32_t n, size_t bytes);
/* ops_part publishes what the run has posted so far. */
void ops_part(struct self *self);

uint32_t ops_name(struct self *self, enum name_kind kind, const char *text);
uint32_t *ops_lock_word(struct self *self, const char *text);

/* Keys and strings live until 16 further calls. */
struct dict_key ops_key(const char *text);
struct dict_value ops_number(double v);
struct dict_value ops_string(const char *text);

/* Dict operations, in the dict "d" unless another one is named. */
struct dict_result ops_change_in(struct self *self, struct dict *d, enum dict_op_kind kind,
                                 const char *key, struct dict_value v, struct dict_value old);
struct dict_result ops_change(struct self *self, enum dict_op_kind kind, const char *key,
                              struct dict_value v);
void ops_set(struct self *self, const char *key, struct dict_value v);
double ops_incr(struct self *self, const char *key, double by);
/* ops_get: 0 if there is no number. */
double ops_get(struct self *self, const char *key);

/* ops_add adds to the sum of the job. */
void ops_add(struct self *self, double v);

void ops_wake(struct self *self, uint32_t n);
/* ops_put_to_sleep: worker 2 sleeps, and its slot says so. */
void ops_put_to_sleep(struct self *self);

/* Acts: worker 1 takes, or steals, one task or two and runs them. */
void ops_run_one(struct self *self);
void ops_run_two(struct self *self);

/* A plan and two bodies that scenarios of several subjects use. */
void ops_root_and_leaf(struct self *self);
enum outcome ops_post_three(struct self *self, const struct task *t);
enum outcome ops_post_nothing(struct self *self, const struct task *t);

#endif
