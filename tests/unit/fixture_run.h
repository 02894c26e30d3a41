/* fixture_run: one run of a task by worker 1 of the stage, in a child process: what dies
 * with it is gone. What the run does with the dict and the locks; what others see. */
#ifndef FIXTURE_RUN_H
#define FIXTURE_RUN_H

#include <stdio.h>
#include <unistd.h>

#include "fixture_dict.h"

/* In a child cmocka's asserts would come back to the parent's list of tests. */
#define MUST(x)                                                     \
    do {                                                            \
        if (!(x)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
            _exit(1);                                               \
        }                                                           \
    } while (0)

/* run_and_die: the worker dies after fn(). run_to_end: the run ends, and so does its
 * task; no other one is left. */
void run_and_die(void (*fn)(void));
void run_to_end(void (*fn)(void));

/* In a run: an operation and its error; ... */
int run_op(enum dict_op_kind kind, const char *key, struct dict_value v, struct dict_result *r);
/* ... operations that must succeed: run_remove and run_cas say whether they changed
 * anything, ... */
double run_incr(const char *key, double by);
void run_set(const char *key, double v);
bool run_remove(const char *key);
bool run_cas(const char *key, struct dict_value old, double v, bool update);
struct dict_value run_value(const char *key);
/* ... the number of a key; -1: absent. */
double run_get(const char *key);
/* A lock of the stage is taken, and given back with what the section wrote, or without. */
void run_take(int lock);
int run_give(int lock, bool keep);

/* What others see, and what others do meanwhile. */
double others_see(const char *key);
void others_add(const char *key, double by);

#endif
