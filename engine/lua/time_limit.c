#include "lua/time_limit.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/job.h"

enum {
    LEAST_S = 5, /* whatever the deadline is: what end_() has to do takes as long in a short job */
    GRACE_S = 5, /* from the first error to the end; one a second: a pcall may have taken it */
};

static struct {
    lua_State *L;
    timer_t timer;
    bool armed;
    int signal; /* that the timer sends */
    int status;
    char last_words[96];
    size_t last_words_len;
} limit;

static volatile sig_atomic_t raised; /* times the timer has rung */

static void
at_instruction(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    luaL_where(L, 0);
    lua_pushliteral(L, "it has not ended (--deadline)");
    lua_concat(L, 2);
    lua_error(L);
}

/* Only what a handler may do, and lua_sethook(), which is made for it. */
static void
on_timer(int sig)
{
    (void)sig;
    if (!limit.armed)
        return;
    if (raised++ == GRACE_S) {
        log_text(limit.last_words, limit.last_words_len);
        _exit(limit.status);
    }
    lua_sethook(limit.L, at_instruction, LUA_MASKCOUNT, 1);
}

/* 0, or -1: no timer is available, and so no limit. */
static int
open_timer(void)
{
    limit.signal = SIGRTMAX;
    struct sigaction act = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = limit.signal};
    sigemptyset(&act.sa_mask);
    if (sigaction(limit.signal, &act, NULL))
        return -1;
    return timer_create(CLOCK_MONOTONIC, &event, &limit.timer);
}

void
time_limit_start(lua_State *L, const char *who, int status)
{
    int64_t ns = job.config.deadline_ns;
    if (ns <= 0 || job.config.serial || open_timer())
        return;
    if (ns < (int64_t)(LEAST_S * CLOCK_SECOND))
        ns = LEAST_S * CLOCK_SECOND;
    snprintf(limit.last_words, sizeof limit.last_words,
             "prunner: %s has not ended (--deadline): stopping at once\n", who);
    limit.last_words_len = strlen(limit.last_words);
    limit.L = L;
    limit.status = status;
    limit.armed = true;
    raised = 0;
    struct itimerspec when = {
        .it_value = {.tv_sec = ns / CLOCK_SECOND, .tv_nsec = ns % CLOCK_SECOND},
        .it_interval = {.tv_sec = 1},
    };
    (void)timer_settime(limit.timer, 0, &when, NULL);
}

void
time_limit_end(lua_State *L)
{
    if (!limit.armed)
        return;
    limit.armed = false;
    (void)timer_delete(limit.timer);
    (void)signal(limit.signal, SIG_IGN); /* one that is on its way */
    if (lua_gethook(L) == at_instruction)
        lua_sethook(L, NULL, 0, 0);
}
