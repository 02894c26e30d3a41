/* fixture_state: a job in a file, in the middle of its work. */
#ifndef FIXTURE_STATE_H
#define FIXTURE_STATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory/self.h"
#include "task/task.h"

enum { STATE_WORKERS = 2,
       STATE_HASH = 77 }; /* of its script */

struct state_job {
    char dir[64], path[80];
    struct arena arena;
    struct self selves[STATE_WORKERS + 1];
    uint32_t dict, lock;
    bool open;
};

/* For cmocka: a directory in *state for each test, without a file yet. */
#define STATE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, state_job_setup, state_job_teardown)
int state_job_setup(void **state);
int state_job_teardown(void **state);
/* state_job_create makes the file; state_job_act opens a self for each slot. */
void state_job_create(struct state_job *j);
void state_job_act(struct state_job *j);
/* state_job_begin: ten tasks posted, one done, one running with a record, two names. */
void state_job_begin(struct state_job *j);
/* state_job_leave: all that used the file are gone. */
void state_job_leave(struct state_job *j);
/* state_job_opens: it opens again, or the test fails. */
void state_job_opens(struct state_job *j);
struct dict *state_job_dict(struct state_job *j);
struct slot *state_job_slot(struct state_job *j, uint32_t k);
/* state_job_find returns the first task in this state that has at least so many bytes. */
struct task *state_job_find(struct state_job *j, enum task_state state, uint32_t bytes);
/* state_job_shard returns a shard that holds a key, and the key's word. */
struct shard *state_job_shard(struct state_job *j, uint64_t **word);

/* A damage, and what the message says is damaged. */
struct state_damage {
    void (*fn)(struct state_job *j);
    const char *words;
};
/* state_job_refuses: each of them alone is refused, or the test fails. */
void state_job_refuses(struct state_job *j, const struct state_damage *damages, size_t n);

#endif
