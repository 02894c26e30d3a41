/* What the tests of shared state have in common: an arena with some selves, one
 * dict, three locks, and short ways to say keys, values and operations. */
#ifndef FIXTURE_DICT_H
#define FIXTURE_DICT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory/self.h"
#include "store/dict_tx.h"

enum { STAGE_ACTORS = 5,
       STAGE_LOCKS = 3 };

struct stage {
    struct arena arena;
    struct self self[STAGE_ACTORS]; /* slot 0 .. */
    struct dict *d;
    uint32_t *lock[STAGE_LOCKS]; /* "a", "b", "c" */
};

/* An encoded key that owns its bytes. */
struct stage_key {
    unsigned char bytes[80];
    struct dict_key k;
};

/* For cmocka: a fresh `stage` for each test, and a look at it afterwards. */
#define STAGE_TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
extern struct stage stage;
int stage_setup(void **state);
/* stage_setup_bytes: what stage_setup does, in an arena of another size. */
int stage_setup_bytes(size_t bytes);
/* stage_teardown fails if stage_check() would, or if a lock is held. */
int stage_teardown(void **state);

/* stage_open makes it all, ends the test program if that fails. */
void stage_open(struct stage *s, size_t bytes);
void stage_close(struct stage *s);
/* stage_again gives a slot a fresh self, as for a new process. */
void stage_again(struct stage *s, uint32_t who);

/* A task, for what is journaled. stage_post posts one; stage_claim begins its run as
 * `who`, false: there is none to run; stage_done ends it; stage_died is what the
 * parent does when `who` died. */
void stage_post(struct stage *s);
bool stage_claim(struct stage *s, uint32_t who);
void stage_done(struct stage *s, uint32_t who);
void stage_died(struct stage *s, uint32_t who);

/* Keys. The pointer lives until 8 further calls. */
const struct dict_key *key_text(const char *text);
const struct dict_key *key_number(double n);
const struct dict_key *key_boolean(bool b);
void key_into(struct stage_key *out, const struct dict_key *k);

/* Values. Text is an encoded string; the bytes live until 8 further calls. */
struct dict_value value_number(double n);
struct dict_value value_text(const char *text);
struct dict_value value_none(void);
bool value_is_text(const struct dict_value *v, const char *text);

/* One operation by a self, outside locks and without a journal. */
int op_run(struct stage *s, uint32_t who, enum dict_op_kind kind, const struct dict_key *k,
           struct dict_value v, struct dict_result *r);
int op_cas(struct stage *s, uint32_t who, const struct dict_key *k, struct dict_value old,
           struct dict_value v, struct dict_result *r);
/* The same with the result thrown away and success asserted. */
void op_set(struct stage *s, const struct dict_key *k, struct dict_value v);
double op_incr(struct stage *s, const struct dict_key *k, double by);
bool op_delete(struct stage *s, const struct dict_key *k);
struct dict_value op_get(struct stage *s, const struct dict_key *k);

/* stage_check asserts that no lock is held, no transaction open, and that the
 * counters of all shards are what is there. */
void stage_check(struct stage *s);
/* stage_blocks counts used blocks that serve `owner_tag`, of all slots. */
uint64_t stage_blocks(struct stage *s, uint64_t owner_tag);

/* stage_save copies away what of the arena matters, stage_put_back restores it,
 * stage_forget gives up the newest copy. Private parts of selves do not follow. */
char *stage_save(struct stage *s);
void stage_put_back(struct stage *s, char *copy);
void stage_forget(void);
/* stage_step runs fn in a child, one instruction at a time, and calls at_change in
 * between whenever shared memory has changed. How often; -1: no ptrace here. */
int stage_step(struct stage *s, void (*fn)(void *), void *arg, void (*at_change)(void *),
               void *change_arg);

#endif
