/* fixture: an arena with a few slots and selves, for tests of the modules that live
 * in it; death at a chosen instruction; memory that runs out. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory/self.h"

enum { FIXTURE_WORKERS = 3 };

struct fixture {
    struct arena arena;
    struct self selves[FIXTURE_WORKERS + 1]; /* 0: the supervisor's */
};

/* For cmocka: a fresh fixture in *state for each test. */
#define FIXTURE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* fixture_reopen begins anew to act for a slot, as a new process does. */
struct self *fixture_reopen(struct fixture *f, uint32_t slot);
/* fixture_full: from now on no chunk can be had, until fixture_room. */
void fixture_full(struct fixture *f);
void fixture_room(struct fixture *f);
/* fixture_publish posts n tasks with function numbers from, from + 1, ... in slot's
 * name and makes them ready. */
void fixture_publish(struct fixture *f, uint32_t slot, uint32_t from, uint32_t n);
/* fixture_count: how many tasks of all slots are in this state. */
uint32_t fixture_count(struct fixture *f, uint32_t state);
/* fixture_blocks: how many blocks of all slots are in use. */
uint32_t fixture_blocks(struct fixture *f);
/* fixture_deaths runs fn(arg) once, instruction by instruction, and then calls
 * after(f, after_arg) for each state that the shared memory has had in between, the
 * first and the last included: as SIGKILL would have left it, with new selves for
 * all slots. Returns how many states there were; 0: not possible here, skip. */
uint32_t fixture_deaths(struct fixture *f, void (*fn)(void *arg), void *arg,
                        void (*after)(struct fixture *f, void *arg), void *after_arg);

#endif
