/* lock: one holder, waiting, giving up, circles, death. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture_dict.h"
#include "store/lock.h"
#include "task/recover.h"

static double
seconds(void)
{
    return (double)clock_ns() / 1e9;
}

static void
test_lock_has_one_holder(void **state)
{
    (void)state;
    assert_int_equal(lock_take(&stage.self[1], stage.lock[0], -1), 0);
    assert_true(lock_held(&stage.self[1], stage.lock[0]));
    assert_false(lock_held(&stage.self[2], stage.lock[0]));
    assert_int_equal(lock_take(&stage.self[2], stage.lock[0], 0), -ETIMEDOUT);
    assert_int_equal(lock_take(&stage.self[2], stage.lock[1], 0), 0);
    lock_release(&stage.self[1], stage.lock[0]);
    assert_int_equal(lock_take(&stage.self[2], stage.lock[0], 0), 0);
    lock_release(&stage.self[2], stage.lock[0]);
    lock_release(&stage.self[2], stage.lock[1]);
}

static void
test_lock_released_by_a_stranger_stays_held(void **state)
{
    (void)state;
    uint32_t *word = stage.lock[0];
    assert_false(lock_release(&stage.self[1], word)); /* nobody holds it */
    assert_int_equal(lock_take(&stage.self[1], word, -1), 0);
    for (uint32_t other = 0; other <= 2; other += 2) {
        assert_false(lock_release(&stage.self[other], word));
        assert_true(lock_held(&stage.self[1], word));
        assert_int_equal(lock_take(&stage.self[other], word, 0.001), -ETIMEDOUT); /* marks it */
        assert_false(lock_release(&stage.self[other], word));
        assert_true(lock_held(&stage.self[1], word));
    }
    assert_true(lock_release(&stage.self[1], word));
    assert_false(lock_release(&stage.self[1], word));
}

static void
test_lock_taken_twice_is_refused(void **state)
{
    (void)state;
    assert_int_equal(lock_take(&stage.self[0], stage.lock[0], -1), 0); /* slot 0 too */
    assert_int_equal(lock_take(&stage.self[0], stage.lock[0], -1), -EDEADLK);
    assert_int_equal(lock_take(&stage.self[0], stage.lock[0], 0), -EDEADLK);
    lock_release(&stage.self[0], stage.lock[0]);
}

static void
test_lock_waits_no_longer_than_told(void **state)
{
    (void)state;
    assert_int_equal(lock_take(&stage.self[1], stage.lock[0], -1), 0);
    double limits[] = {0.001, 0.03, 0.25}; /* also longer than a look for circles */
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        double t = seconds();
        assert_int_equal(lock_take(&stage.self[2], stage.lock[0], limits[i]), -ETIMEDOUT);
        assert_true(seconds() - t >= limits[i]);
        assert_int_equal(stage.self[2].slot->waits_for, 0);
    }
    lock_release(&stage.self[1], stage.lock[0]);
}

/* ---- threads ---- */

struct taker {
    pthread_t thread;
    uint32_t who;
    uint32_t *first, *second;
    double limit_s;
    int err;
};

static uint32_t ready;

/* Takes one lock, waits until all have theirs, takes the other. */
static void *
take_both(void *arg)
{
    struct taker *t = arg;
    struct self *self = &stage.self[t->who];
    t->err = lock_take(self, t->first, -1);
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    while (atom_load(&ready) < 100)
        cpu_relax();
    if (!t->err)
        t->err = lock_take(self, t->second, t->limit_s);
    if (!t->err)
        lock_release(self, t->second);
    lock_release(self, t->first);
    return NULL;
}

/* n threads, each with one lock, each wants the next one's. */
static void
in_a_circle(struct taker *takers, uint32_t n, double limit_s)
{
    ready = 0;
    for (uint32_t i = 0; i < n; i++) {
        takers[i] = (struct taker){.who = i + 1,
                                   .first = stage.lock[i],
                                   .second = stage.lock[(i + 1) % n]};
        takers[i].limit_s = limit_s;
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take_both, &takers[i]), 0);
    }
    while (atom_load(&ready) < n)
        cpu_relax();
    __atomic_store_n(&ready, 100, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
}

static void
test_lock_two_in_a_circle(void **state)
{
    (void)state;
    struct taker takers[2];
    in_a_circle(takers, 2, -1);
    assert_int_equal(takers[0].err, 0);
    assert_int_equal(takers[1].err, -ELOOP); /* the highest slot gives up */
}

static void
test_lock_three_in_a_circle(void **state)
{
    (void)state;
    struct taker takers[3];
    in_a_circle(takers, 3, -1);
    assert_int_equal(takers[0].err, 0);
    assert_int_equal(takers[1].err, 0);
    assert_int_equal(takers[2].err, -ELOOP);
}

static void
test_lock_a_circle_of_short_waits_ends_by_itself(void **state)
{
    (void)state;
    struct taker takers[2];
    in_a_circle(takers, 2, 0.02);
    assert_true(takers[0].err == -ETIMEDOUT || takers[1].err == -ETIMEDOUT);
    assert_true(takers[0].err != -ELOOP && takers[1].err != -ELOOP);
}

static void *
wait_for_first(void *arg)
{
    struct taker *t = arg;
    t->err = lock_take(&stage.self[t->who], t->first, t->limit_s);
    if (!t->err)
        lock_release(&stage.self[t->who], t->first);
    return NULL;
}

static void
start_waiter(struct taker *t, uint32_t who, uint32_t *lock)
{
    *t = (struct taker){.who = who, .first = lock, .limit_s = -1};
    assert_int_equal(pthread_create(&t->thread, NULL, wait_for_first, t), 0);
    while (!atom_load(&stage.self[who].slot->waits_for))
        cpu_relax();
}

/* Waiting behind each other for half a second is no circle. */
static void
test_lock_a_long_queue_is_no_circle(void **state)
{
    (void)state;
    struct taker takers[3];
    assert_int_equal(lock_take(&stage.self[1], stage.lock[0], -1), 0);
    for (uint32_t i = 0; i < 3; i++)
        start_waiter(&takers[i], i + 2, stage.lock[0]);
    double until = seconds() + 0.5;
    while (seconds() < until)
        cpu_relax();
    lock_release(&stage.self[1], stage.lock[0]);
    for (int i = 0; i < 3; i++) {
        pthread_join(takers[i].thread, NULL);
        assert_int_equal(takers[i].err, 0);
    }
}

/* Heavy traffic over locks that are always taken in one order. */
static uint64_t in_order[STAGE_LOCKS];
static uint32_t stop;

static void *
traffic(void *arg)
{
    struct taker *t = arg;
    struct self *self = &stage.self[t->who];
    for (uint32_t n = t->who; !atom_peek(&stop) && !t->err; n++) {
        uint32_t a = n % STAGE_LOCKS, b = a + 1 + n / 8 % 2;
        t->err = lock_take(self, stage.lock[a], -1);
        if (!t->err && b < STAGE_LOCKS && !(t->err = lock_take(self, stage.lock[b], -1))) {
            in_order[b]++;
            lock_release(self, stage.lock[b]);
        }
        in_order[a]++;
        lock_release(self, stage.lock[a]);
    }
    return NULL;
}

static void
test_lock_heavy_traffic_is_no_circle(void **state)
{
    (void)state;
    struct taker takers[4];
    stop = 0;
    for (uint32_t i = 0; i < 4; i++) {
        takers[i] = (struct taker){.who = i + 1};
        assert_int_equal(pthread_create(&takers[i].thread, NULL, traffic, &takers[i]), 0);
    }
    double until = seconds() + 1;
    while (seconds() < until)
        usleep(1000);
    atom_set(&stop, 1);
    for (int i = 0; i < 4; i++) {
        pthread_join(takers[i].thread, NULL);
        assert_int_equal(takers[i].err, 0);
    }
    assert_true(in_order[0] > 100 && in_order[1] > 100 && in_order[2] > 100);
}

/* ---- death ---- */

static void
test_lock_of_a_dead_holder_goes_to_a_waiter(void **state)
{
    (void)state;
    struct taker t;
    assert_int_equal(lock_take(&stage.self[1], stage.lock[0], -1), 0);
    assert_int_equal(lock_take(&stage.self[1], stage.lock[2], -1), 0);
    start_waiter(&t, 2, stage.lock[0]);
    stage_again(&stage, 1);
    recover_locks(&stage.self[1]);
    recover_locks(&stage.self[1]);
    pthread_join(t.thread, NULL);
    assert_int_equal(t.err, 0);
}

static void
test_lock_of_the_living_is_not_broken(void **state)
{
    (void)state;
    assert_int_equal(lock_take(&stage.self[2], stage.lock[0], -1), 0);
    recover_locks(&stage.self[1]);
    lock_break(&stage.self[1], stage.lock[0]);
    assert_true(lock_held(&stage.self[2], stage.lock[0]));
    lock_release(&stage.self[2], stage.lock[0]);
}

/* A waiter died that had been woken in another's place. */
static void
test_lock_a_wake_up_that_the_dead_took_along(void **state)
{
    (void)state;
    struct taker t;
    assert_int_equal(lock_take(&stage.self[1], stage.lock[0], -1), 0);
    start_waiter(&t, 2, stage.lock[0]);
    stage.self[3].slot->waits_for = arena_offset(&stage.arena, stage.lock[0]);
    __atomic_store_n(stage.lock[0], 0, __ATOMIC_RELEASE); /* and no futex wake */
    recover_locks(&stage.self[3]);
    pthread_join(t.thread, NULL);
    assert_int_equal(t.err, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_lock_has_one_holder),
        STAGE_TEST(test_lock_released_by_a_stranger_stays_held),
        STAGE_TEST(test_lock_taken_twice_is_refused),
        STAGE_TEST(test_lock_waits_no_longer_than_told),
        STAGE_TEST(test_lock_two_in_a_circle),
        STAGE_TEST(test_lock_three_in_a_circle),
        STAGE_TEST(test_lock_a_circle_of_short_waits_ends_by_itself),
        STAGE_TEST(test_lock_a_long_queue_is_no_circle),
        STAGE_TEST(test_lock_heavy_traffic_is_no_circle),
        STAGE_TEST(test_lock_of_a_dead_holder_goes_to_a_waiter),
        STAGE_TEST(test_lock_of_the_living_is_not_broken),
        STAGE_TEST(test_lock_a_wake_up_that_the_dead_took_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
