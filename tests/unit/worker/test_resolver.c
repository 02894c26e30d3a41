/* resolver: questions are asked by threads, equal ones once, and nothing is left of those that
 * nobody waits for. The lookup is ours: it waits until the gate is open. */
#include "worker/resolver.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    int calls, inside, most, freed;
    bool unblocked; /* a signal was not blocked in a thread */
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

void
lookup(const struct lookup_question *q, struct lookup_answer *a)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_mutex_lock(&gate.mutex);
    gate.unblocked |= !sigismember(&blocked, SIGURG) || !sigismember(&blocked, SIGTERM);
    gate.calls++;
    gate.inside++;
    gate.most = gate.inside > gate.most ? gate.inside : gate.most;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.inside--;
    pthread_mutex_unlock(&gate.mutex);
    a->failed = false;
    a->text = strdup(q->host);
    a->bytes = strlen(q->host) + 1;
}

void
lookup_free(struct lookup_answer *a)
{
    pthread_mutex_lock(&gate.mutex);
    gate.freed += a->text != NULL;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
    free(a->text);
    a->text = NULL;
}

static void
close_gate(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.open = false;
    gate.calls = gate.most = gate.freed = 0;
    pthread_mutex_unlock(&gate.mutex);
}

static void
open_gate(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static void
wait_until(const int *count, int n)
{
    pthread_mutex_lock(&gate.mutex);
    while (*count < n)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

static int
count_of(const int *count)
{
    pthread_mutex_lock(&gate.mutex);
    int n = *count;
    pthread_mutex_unlock(&gate.mutex);
    return n;
}

static struct resolver_ticket *
ask(const char *host)
{
    struct lookup_question q = {LOOKUP_ADDRESSES, AF_UNSPEC, host, NULL};
    struct resolver_ticket *t = resolver_ask(&q);
    assert_non_null(t);
    return t;
}

static bool
readable(const struct resolver_ticket *t, int ms)
{
    struct pollfd p = {.fd = resolver_fd(t), .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

static void
expect_answer(struct resolver_ticket *t, const char *text)
{
    assert_true(readable(t, PATIENCE_MS));
    assert_non_null(resolver_answer(t));
    assert_string_equal(resolver_answer(t)->text, text);
    resolver_drop(t);
}

static void
test_equal_questions_are_asked_once(void **state)
{
    (void)state;
    struct resolver_ticket *same[5], *other;
    close_gate();
    for (int i = 0; i < 5; i++)
        same[i] = ask("one");
    other = ask("two");
    wait_until(&gate.calls, 2);
    assert_false(readable(same[0], 0));
    assert_null(resolver_answer(same[0]));
    open_gate();
    for (int i = 0; i < 5; i++)
        expect_answer(same[i], "one");
    expect_answer(other, "two");
    assert_int_equal(count_of(&gate.calls), 2);
    assert_int_equal(count_of(&gate.freed), 2);
    expect_answer(ask("one"), "one"); /* what was answered is asked again */
    assert_int_equal(count_of(&gate.calls), 3);
    assert_false(gate.unblocked);
}

static void
test_at_most_32_at_a_time(void **state)
{
    (void)state;
    struct resolver_ticket *t[100];
    char name[100][8];
    close_gate();
    for (int i = 0; i < 100; i++) {
        snprintf(name[i], sizeof name[i], "h%d", i);
        t[i] = ask(name[i]);
    }
    wait_until(&gate.calls, 32);
    open_gate();
    for (int i = 0; i < 100; i++)
        expect_answer(t[i], name[i]);
    assert_int_equal(count_of(&gate.calls), 100);
    assert_int_equal(count_of(&gate.most), 32);
    assert_int_equal(count_of(&gate.freed), 100);
}

static void
test_nothing_is_left_of_what_was_dropped(void **state)
{
    (void)state;
    struct resolver_ticket *t[33];
    char name[33][8];
    close_gate();
    for (int i = 0; i < 32; i++) {
        snprintf(name[i], sizeof name[i], "d%d", i);
        t[i] = ask(name[i]);
    }
    wait_until(&gate.calls, 32);
    t[32] = ask("never asked");
    resolver_drop(t[32]);
    resolver_drop(t[0]); /* a thread has it: it frees the answer */
    open_gate();
    for (int i = 1; i < 32; i++)
        expect_answer(t[i], name[i]);
    wait_until(&gate.freed, 32);
    assert_int_equal(count_of(&gate.calls), 32);
}

static void
test_a_child_has_no_threads(void **state)
{
    (void)state;
    struct resolver_ticket *t;
    struct lookup_question q = {LOOKUP_ADDRESSES, AF_UNSPEC, "child", NULL};
    int status;
    close_gate();
    t = ask("parent");
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = !resolver_ask(&q) && !resolver_answer(t);
        resolver_drop(t);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    open_gate();
    expect_answer(t, "parent");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_questions_are_asked_once),
        cmocka_unit_test(test_at_most_32_at_a_time),
        cmocka_unit_test(test_nothing_is_left_of_what_was_dropped),
        cmocka_unit_test(test_a_child_has_no_threads),
    };
    alarm(60);
    return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}
