#include "fixture_cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/exit_status.h"

enum { WORDS_MAX = 32 };

struct cli cli;
struct config config;
char said[65536];
static char line_copy[1024]; /* the words of the last line */

void
cli_said_by(void (*fn)(void))
{
    int file = memfd_create("said", 0);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    fflush(NULL);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    fn();
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    ssize_t n = pread(file, said, sizeof said - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    close(file);
    close(out);
    close(err);
}

static struct {
    char *argv[WORDS_MAX + 1], *words[WORDS_MAX + 1]; /* config points into `words` */
    int argc, status;
} typed;

static void
parse_typed(void)
{
    typed.status = cli_parse(&cli, typed.argc, typed.argv, typed.words);
}

int
cli_words(const char *line)
{
    char *argv[WORDS_MAX + 1] = {(char *)"prunner"};
    int argc = 1;

    assert_true(strlen(line) < sizeof line_copy);
    strcpy(line_copy, line);
    for (char *w = strtok(line_copy, " "); w; w = strtok(NULL, " "))
        argv[argc++] = strcmp(w, "''") ? w : (char *)"";
    memcpy(typed.argv, argv, sizeof argv);
    memset(typed.words, 0, sizeof typed.words);
    typed.argc = argc;
    memset(&cli, 0xee, sizeof cli);
    cli_said_by(parse_typed);
    config = cli.config;
    assert_memory_equal(typed.argv, argv, sizeof argv); /* it is only read */
    return typed.status;
}

void
cli_refuses(const char *line, const char *message)
{
    char expected[1024];
    assert_int_equal(cli_words(line), EXIT_USAGE);
    snprintf(expected, sizeof expected, "prunner: %s\n", message);
    assert_string_equal(said, expected);
}

void
cli_accepts(const char *line)
{
    int ret = cli_words(line);
    assert_string_equal(said, "");
    assert_int_equal(ret, 0);
    assert_int_equal(cli.action, CLI_RUN);
}
