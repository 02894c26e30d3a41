/* hints: each says what it should, when the figures show it and only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/advice.h"
#include "base/text.h"

static const uint64_t SECOND = 1000000000;

/* Ten seconds of four workers who computed all the time. */
static struct advice
fine(void)
{
    return (struct advice){
        .wall_ns = 10 * SECOND,
        .workers = 4,
        .cpus = 4,
        .idle_ns = 1 * SECOND,
        .lock_ns = 1 * SECOND,
        .cpu_ns = 38 * SECOND,
        .finished = 1000,
        .tasks_ns = 38 * SECOND,
        .last = "work(9)",
        .last_ns = SECOND / 10,
    };
}

static const char *
said(struct advice h)
{
    static struct text t;
    text_clear(&t);
    advice_put(&t, &h);
    text_bytes(&t, "", 1);
    return t.at;
}

static void
assert_says(struct advice h, const char *what)
{
    assert_non_null(strstr(said(h), what));
}

static void
test_concurrency(void **state)
{
    (void)state;
    struct advice h = fine();
    h.concurrency = 10;
    h.cpu_ns = SECOND;
    h.tasks_ns = SECOND;
    h.wait_ns = 300 * SECOND;
    assert_string_equal(said(h), ""); /* and not: more workers */
    h.wait_ns = 395 * SECOND;
    assert_says(h, "waited most of the time (CPU: 2%): more at a time, -c 40, may be faster");
    h.cpu_ns = 20 * SECOND;
    assert_string_equal(said(h), "");
    h.blocks = 3;
    h.block_ns = SECOND / 2;
    h.block_name = "parse";
    assert_says(h, "tasks ran for up to 500ms (parse) while suspended ones");
    assert_says(h, ", 3 times: prunner.sleep(0)");
}

static void
test_unshared(void **state)
{
    (void)state;
    struct advice h = fine();
    h.heap_bytes = (uint64_t)200 << 20;
    h.unshared_bytes = (uint64_t)99 << 20;
    assert_string_equal(said(h), "");
    h.unshared_bytes = (uint64_t)150 << 20;
    assert_says(h, "200M of Lua objects were loaded before the fork, and a worker had 150M of its own");
    h.workers = 1;
    assert_string_equal(said(h), "");
}

static void
test_nothing(void **state)
{
    (void)state;
    struct advice h = fine();
    assert_string_equal(said(h), "");
    h.wall_ns /= 100; /* too short for figures */
    h.lock_ns = h.wall_ns * 4;
    assert_string_equal(said(h), "");
}

static void
test_each(void **state)
{
    (void)state;
    struct advice h = fine();
    h.lock_ns = 10 * SECOND;
    assert_says(h, "slept 25% of their time for locks");
    h = fine();
    h.last_ns = 5 * SECOND;
    h.idle_ns = 14 * SECOND;
    assert_says(h, "waited for the last task, work(9), which took 5.00s");
    h.idle_ns = 2 * SECOND; /* long, but nobody waited */
    assert_string_equal(said(h), "");
    h = fine();
    h.finished = 20000000;
    assert_says(h, "a task took 1.9us");
    h = fine();
    h.idle_ns = 30 * SECOND;
    assert_says(h, "on average 1.0 of 4 workers had something to do: -n 2");
    h = fine();
    h.cpu_ns = 2 * SECOND;
    assert_says(h, "(CPU: 5%): more workers, -n 40");
    h.most = 5; /* and 4 were enough */
    assert_null(strstr(said(h), "more workers"));
    h = fine();
    h.cpus = 2;
    h.cpu_ns = 19 * SECOND;
    assert_says(h, "4 workers shared 2 CPUs");
}

/* Idle for one reason: the others are not named. */
static void
test_one_reason(void **state)
{
    (void)state;
    struct advice h = fine();
    h.last_ns = 9 * SECOND;
    h.idle_ns = 27 * SECOND;
    assert_says(h, "waited for the last task");
    assert_null(strstr(said(h), "had something to do"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_concurrency),
        cmocka_unit_test(test_unshared),
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_one_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
