/* state: a job in a file: made, opened again, refused. What is refused for its contents:
 * test_state_damage.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture_state.h"
#include "base/clock.h"
#include "job/state.h"
#include "task/recover.h"
#include "memory/sums.h"
#include "store/dict.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/queue.h"

static void
assert_refused(struct state_job *j, uint64_t hash, const char *words)
{
    const char *problem = NULL;
    struct arena a = {0};
    int err = state_open(&a, j->path, hash, &problem);
    if (err >= 0)
        fail_msg("it was opened, and should say \"%s\"", words);
    if (!strstr(problem, words))
        fail_msg("\"%s\" does not say \"%s\"", problem, words);
    assert_null(a.base);
}

/* ---- the file ---- */

static void
test_state_create_makes_a_private_file(void **state)
{
    struct state_job *j = *state;
    struct stat st;
    state_job_create(j);
    assert_int_equal(stat(j->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true((uint64_t)st.st_size == j->arena.header->bytes);
    assert_true(st.st_blocks * 512 < (64 << 20)); /* the rest are holes */
}

static void
test_state_create_refuses_what_is_there(void **state)
{
    struct state_job *j = *state;
    const char *problem = NULL;
    struct arena a;
    state_job_begin(j);
    state_job_leave(j);
    assert_int_equal(state_create(&a, j->path, STATE_HASH, &problem), -EEXIST);
    assert_non_null(strstr(problem, "exists already"));
    state_job_opens(j); /* untouched */
}

static void
test_state_create_follows_no_link(void **state)
{
    struct state_job *j = *state;
    const char *problem = NULL;
    struct arena a;
    char target[96];
    snprintf(target, sizeof target, "%s/target", j->dir);
    assert_int_equal(symlink(target, j->path), 0);
    assert_true(state_create(&a, j->path, STATE_HASH, &problem) < 0);
    assert_int_equal(access(target, F_OK), -1);
}

static void
test_state_open_follows_no_link(void **state)
{
    struct state_job *j = *state;
    char target[96];
    state_job_begin(j);
    state_job_leave(j);
    snprintf(target, sizeof target, "%s/target", j->dir);
    assert_int_equal(rename(j->path, target), 0);
    assert_int_equal(symlink(target, j->path), 0);
    assert_refused(j, STATE_HASH, "symbolic link");
    unlink(target);
}

static void
test_state_open_of_nothing_and_of_a_directory(void **state)
{
    struct state_job *j = *state;
    assert_refused(j, STATE_HASH, "No such file");
    assert_int_equal(mkdir(j->path, 0700), 0);
    assert_refused(j, STATE_HASH, "directory");
    rmdir(j->path);
}

static void
test_state_open_refuses_another_users_file(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    state_job_leave(j);
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    assert_int_equal(chown(j->path, 12345, 12345), 0);
    assert_refused(j, STATE_HASH, "another user");
}

static void
test_state_open_refuses_a_short_file(void **state)
{
    struct state_job *j = *state;
    FILE *f = fopen(j->path, "w");
    assert_non_null(f);
    fputs("not a state", f);
    fclose(f);
    assert_refused(j, STATE_HASH, "too short");
    assert_int_equal(truncate(j->path, (off_t)1 << 30), 0);
    assert_refused(j, STATE_HASH, "not the state of a prunner job");
}

static void
test_state_open_refuses_a_file_in_use(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    assert_refused(j, STATE_HASH, "is in use");
    /* An orphan keeps the lock that it has inherited. */
    pid_t orphan = fork();
    assert_true(orphan >= 0);
    if (!orphan) {
        for (;;)
            pause();
    }
    state_job_leave(j);
    assert_refused(j, STATE_HASH, "is in use");
    kill(orphan, SIGKILL);
    assert_int_equal(waitpid(orphan, NULL, 0), orphan);
    state_job_opens(j);
}

/* Killed while it made room for another worker: the slot is made, and not counted yet. */
static void
test_state_open_takes_a_slot_that_was_only_begun(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    uint32_t k = arena_workers(&j->arena) + 1;
    slot_at(&j->arena, k)->tx.list = arena_offset(&j->arena, slot_at(&j->arena, k)->tx.own);
    self_slot_init(&j->arena, k + 1);
    state_job_leave(j);
    state_job_opens(j);
}

static void
test_state_open_refuses_a_slot_that_nobody_has_used(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    uint32_t k = arena_workers(&j->arena) + 1;
    self_slot_init(&j->arena, k);
    slot_at(&j->arena, k)->ring++;
    state_job_leave(j);
    assert_refused(j, STATE_HASH, "a slot that nobody has used");
}

/* ---- the header ---- */

static void
test_state_open_refuses_a_foreign_header(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    struct arena_header *h = j->arena.header, was = *h;
    int fd = open(j->path, O_RDWR);
    state_job_leave(j);
    assert_refused(j, STATE_HASH + 1, "another script");
    struct arena_header other = was;
    other.magic++;
    assert_int_equal(pwrite(fd, &other, sizeof other, 0), sizeof other);
    assert_refused(j, STATE_HASH, "not the state of a prunner job");
    other = was;
    other.bytes += 4096;
    assert_int_equal(pwrite(fd, &other, sizeof other, 0), sizeof other);
    assert_refused(j, STATE_HASH, "not the state of a prunner job");
    other = was;
    other.layout++;
    assert_int_equal(pwrite(fd, &other, sizeof other, 0), sizeof other);
    assert_refused(j, STATE_HASH, "another version");
    other = was;
    other.boot_id[0] ^= 1;
    assert_int_equal(pwrite(fd, &other, sizeof other, 0), sizeof other);
    assert_refused(j, STATE_HASH, "last reboot");
    assert_int_equal(pwrite(fd, &was, sizeof was, 0), sizeof was);
    close(fd);
    state_job_opens(j);
}

/* As the next boot finds it. */
static void
state_job_reboot(struct state_job *j)
{
    j->arena.header->boot_id[0] ^= 1;
    state_job_leave(j);
}

static void
test_state_stop_lets_a_job_outlive_the_boot(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    assert_int_equal(state_stop(&j->arena), 0);
    /* Stopped 7 s after the job's time 1000 s, by a clock that had run for ever. */
    j->arena.header->stopped_ns = 1000000000000;
    j->arena.header->stopped_unix_ns = clock_unix_ns() - 7000000000;
    j->arena.header->stopped_check =
        sums_mix(j->arena.header->stopped_ns, j->arena.header->stopped_unix_ns);
    state_job_reboot(j);
    uint64_t before = clock_ns();
    state_job_opens(j);
    uint64_t passed = arena_clock(&j->arena, before) - 1000000000000;
    assert_in_range(passed, 6900000000, 60000000000);
    assert_int_equal(arena_monotonic(&j->arena, arena_clock(&j->arena, before)), before);
    assert_int_equal(arena_monotonic(&j->arena, j->arena.header->clock_shift - 1), 0);
    assert_int_equal(j->arena.header->stopped, 0);
    /* Whatever it does from here on is lost with this boot. */
    state_job_reboot(j);
    assert_refused(j, STATE_HASH, "last reboot");
}

static void
test_state_stop_does_not_touch_the_clock_of_the_same_boot(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    j->arena.header->clock_shift = j->arena.header->clock_again = 12345;
    assert_int_equal(state_stop(&j->arena), 0);
    state_job_leave(j);
    state_job_opens(j);
    assert_int_equal(j->arena.header->clock_shift, 12345);
}

static void
test_state_open_refuses_another_clock(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    j->arena.header->clock_shift++;
    state_job_leave(j);
    assert_refused(j, STATE_HASH, "is damaged (its clock)");
}

static void
test_state_open_refuses_another_time_of_the_stop(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    assert_int_equal(state_stop(&j->arena), 0);
    j->arena.header->stopped_ns++;
    state_job_reboot(j);
    assert_refused(j, STATE_HASH, "is damaged (its clock)");
}

/* ---- and it goes on ---- */

static void
none_waits(void *arg, uint32_t task)
{
    (void)arg;
    (void)task;
    fail();
}

static void
test_state_open_finds_the_job_as_it_was(void **state)
{
    struct state_job *j = *state;
    uint32_t n = 0;
    state_job_begin(j);
    state_job_leave(j);
    state_job_opens(j);
    state_job_act(j);
    assert_int_equal(resume(&j->selves[0], none_waits, NULL), 0);
    struct self *self = &j->selves[2];
    for (; queue_look(self); n++) {
        commit_begin(self);
        (void)commit_end(self, OUTCOME_DONE);
    }
    assert_int_equal(n, 9); /* one was done, none of the three counted */
    assert_true(idle_all_done(&j->arena));
    state_job_leave(j);
    state_job_opens(j);
}

static void
test_state_finish_keeps_a_file_that_says_so(void **state)
{
    struct state_job *j = *state;
    struct stat before, after;
    state_job_begin(j);
    state_give_back(&j->arena); /* not yet */
    assert_true(state_job_dict(j)->shards[0].index != 0);
    state_finish(&j->arena);
    assert_true(state_job_dict(j)->shards[0].index != 0);
    assert_int_equal(stat(j->path, &before), 0);
    state_give_back(&j->arena);
    assert_int_equal(stat(j->path, &after), 0);
    assert_true(after.st_blocks < before.st_blocks);
    state_job_leave(j);
    state_job_opens(j);
    assert_int_equal(j->arena.header->finished, ARENA_YES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STATE_TEST(test_state_create_makes_a_private_file),
        STATE_TEST(test_state_create_refuses_what_is_there),
        STATE_TEST(test_state_create_follows_no_link),
        STATE_TEST(test_state_open_follows_no_link),
        STATE_TEST(test_state_open_of_nothing_and_of_a_directory),
        STATE_TEST(test_state_open_refuses_another_users_file),
        STATE_TEST(test_state_open_refuses_a_short_file),
        STATE_TEST(test_state_open_refuses_a_file_in_use),
        STATE_TEST(test_state_open_takes_a_slot_that_was_only_begun),
        STATE_TEST(test_state_open_refuses_a_slot_that_nobody_has_used),
        STATE_TEST(test_state_open_refuses_a_foreign_header),
        STATE_TEST(test_state_stop_lets_a_job_outlive_the_boot),
        STATE_TEST(test_state_stop_does_not_touch_the_clock_of_the_same_boot),
        STATE_TEST(test_state_open_refuses_another_clock),
        STATE_TEST(test_state_open_refuses_another_time_of_the_stop),
        STATE_TEST(test_state_open_finds_the_job_as_it_was),
        STATE_TEST(test_state_finish_keeps_a_file_that_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
