#include "fixture_run.h"

#include <stdio.h>
#include <sys/wait.h>

#include "task/section.h"

/* ---- what a run does; slot 1 is its worker ---- */

int
run_op(enum dict_op_kind kind, const char *key, struct dict_value v, struct dict_result *r)
{
    struct dict_op op = {.kind = kind, .dict = stage.d, .key = *key_text(key), .head = 1};
    op.value = v;
    return section_change(&stage.self[1], &op, r);
}

double
run_incr(const char *key, double by)
{
    struct dict_result r;
    MUST(run_op(DICT_INCR, key, value_number(by), &r) == 0);
    return r.number;
}

void
run_set(const char *key, double v)
{
    struct dict_result r;
    MUST(run_op(DICT_SET, key, value_number(v), &r) == 0);
}

bool
run_remove(const char *key)
{
    struct dict_result r;
    MUST(run_op(DICT_DELETE, key, value_none(), &r) == 0);
    return r.changed;
}

bool
run_cas(const char *key, struct dict_value old, double v, bool update)
{
    struct dict_result r;
    struct dict_op op = {.kind = DICT_CAS, .dict = stage.d, .key = *key_text(key), .old = old};
    op.value = value_number(v);
    op.update = update;
    MUST(section_change(&stage.self[1], &op, &r) == 0);
    return r.changed;
}

struct dict_value
run_value(const char *key)
{
    struct dict_value v;
    MUST(section_get(&stage.self[1], stage.d, key_text(key), &v) == 0);
    return v;
}

/* The number of a key; -1: absent. */
double
run_get(const char *key)
{
    struct dict_value v = run_value(key);
    MUST(!v.present || v.is_number);
    return v.present ? v.number : -1;
}

void
run_take(int lock)
{
    MUST(section_lock(&stage.self[1], stage.lock[lock], 5) == 0);
    MUST((*stage.lock[lock] & 0xffff) == 2); /* slot 1: for real */
    MUST(section_held(&stage.self[1], stage.lock[lock]));
}

int
run_give(int lock, bool keep)
{
    int err = section_unlock(&stage.self[1], stage.lock[lock], keep);
    MUST(*stage.lock[lock] == 0);
    MUST(!section_held(&stage.self[1], stage.lock[lock]));
    return err;
}

/* ---- runs ---- */

/* What others see, and what others do meanwhile. */
double
others_see(const char *key)
{
    struct dict_value v = op_get(&stage, key_text(key));
    return v.present ? v.number : -1;
}

void
others_add(const char *key, double by)
{
    struct dict_result r;
    assert_int_equal(op_run(&stage, 2, DICT_INCR, key_text(key), value_number(by), &r), 0);
}

static void
run(void (*fn)(void), bool to_the_end)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        MUST(stage_claim(&stage, 1));
        fn();
        if (to_the_end) {
            MUST(!section_any_held(&stage.self[1]));
            stage_done(&stage, 1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    stage_died(&stage, 1);
}

void
run_and_die(void (*fn)(void))
{
    run(fn, false);
}

void
run_to_end(void (*fn)(void))
{
    run(fn, true);
    assert_false(stage_claim(&stage, 1)); /* no task is left */
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), dict_len(stage.d) + 1);
}
