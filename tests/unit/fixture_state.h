/* fixture_state: a job in a file, in the middle of its work. */
#ifndef FIXTURE_STATE_H
#define FIXTURE_STATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory/self.h"

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

#endif
