/* stream: what goes out when: whole lines, held lines, captured ones; tags; the tail of
 * stderr. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "memory/layout.h"
#include "output/stderr_tail.h"
#include "output/stream.h"

enum { TEXT = 256 };

static const char *tag_now;
static FILE *real_file; /* where the stream goes in the end */

static const char *
tag(void)
{
    return tag_now;
}

static struct stream *
open_stream(struct fixture *f, bool hold)
{
    static struct stream s;
    tag_now = NULL;
    real_file = tmpfile();
    assert_non_null(real_file);
    s = (struct stream){
        .self = &f->selves[1],
        .lock = &f->arena.header->output_lock[0],
        .tag = tag,
        .real = {.fd = fileno(real_file)},
        .hold = hold,
    };
    assert_int_equal(stream_open(&s), 0);
    return &s;
}

static void
close_stream(struct stream *s)
{
    stream_close(s);
    fclose(real_file);
}

/* A new file that programs of the task may write to as well. */
static FILE *
open_capture(struct stream *s, bool whole)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    stream_capture(s, fileno(file), whole);
    return file;
}

static void
assert_holds(FILE *file, const char *text)
{
    char is[TEXT] = "";
    assert_true(pread(fileno(file), is, sizeof is - 1, 0) >= 0);
    assert_string_equal(is, text);
}

static void
test_stream_writes_lines_when_they_end(void **state)
{
    struct stream *s = open_stream(*state, false);
    fputs("one\ntw", s->file);
    assert_holds(real_file, "one\n");
    fputs("o\nthree", s->file);
    assert_holds(real_file, "one\ntwo\n");
    stream_flush(s);
    assert_holds(real_file, "one\ntwo\nthree");
    close_stream(s);
}

static void
test_stream_holds_lines_until_they_are_wanted(void **state)
{
    struct stream *s = open_stream(*state, true);
    fputs("one\ntwo", s->file);
    stream_pull(s);
    assert_holds(real_file, "");
    stream_write_lines(s);
    assert_holds(real_file, "one\n");
    close_stream(s);
}

static void
test_stream_writes_lines_that_are_held_when_there_are_many(void **state)
{
    struct stream *s = open_stream(*state, true);
    for (int i = 0; i < 20000; i++)
        fputs("a line\n", s->file);
    assert_true(lseek(fileno(real_file), 0, SEEK_CUR) > 0);
    assert_true(s->len < 20000 * 7);
    close_stream(s);
}

static void
test_stream_gives_each_line_the_tag_and_the_last_one_an_end(void **state)
{
    struct stream *s = open_stream(*state, false);
    tag_now = "f(1)\t";
    fputs("one\ntwo", s->file);
    stream_finish(s);
    tag_now = "f(2)\t";
    fputs("three\n", s->file);
    assert_holds(real_file, "f(1)\tone\nf(1)\ttwo\nf(2)\tthree\n");
    close_stream(s);
}

static void
test_stream_shows_what_is_small_from_memory(void **state)
{
    struct stream *s = open_stream(*state, true);
    FILE *file = open_capture(s, false);
    fputs("one\ntwo", s->file);
    stream_pull(s);
    stream_show(s);
    assert_holds(real_file, "one\ntwo");
    assert_holds(file, "");
    stream_release(s);
    fclose(file);
    close_stream(s);
}

static void
test_stream_shows_what_programs_wrote_to_the_file_before_it(void **state)
{
    struct stream *s = open_stream(*state, true);
    FILE *file = open_capture(s, false);
    assert_int_equal(write(fileno(file), "a program\n", 10), 10);
    fputs("the task\n", s->file);
    stream_pull(s);
    stream_show(s);
    assert_holds(real_file, "a program\nthe task\n");
    stream_show(s); /* nothing twice */
    assert_holds(real_file, "a program\nthe task\n");
    stream_release(s);
    fclose(file);
    close_stream(s);
}

static void
test_stream_puts_all_into_the_file_if_that_must_be_whole(void **state)
{
    struct stream *s = open_stream(*state, true);
    FILE *file = open_capture(s, true);
    fputs("one\n", s->file);
    stream_pull(s);
    struct order_log_piece p = stream_take_piece(s);
    assert_null(p.from);
    assert_int_equal(p.file, fileno(file));
    assert_int_equal(p.len, 4);
    assert_holds(file, "one\n");
    assert_holds(real_file, "");
    p = stream_take_piece(s);
    assert_int_equal(p.len, 0);
    assert_int_equal(p.at, 4);
    stream_release(s);
    fclose(file);
    close_stream(s);
}

static void
test_stream_keeps_the_first_error(void **state)
{
    struct stream *s = open_stream(*state, false);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    s->real.fd = ends[1];
    fputs("nobody reads\n", s->file); /* and SIGPIPE does not end this process */
    assert_int_equal(s->real.error, -EPIPE);
    s->real.fd = fileno(real_file);
    fputs("later\n", s->file);
    assert_holds(real_file, "");
    assert_int_equal(s->real.error, -EPIPE);
    close(ends[1]);
    close_stream(s);
}

static void
test_stderr_tail_has_the_last_whole_lines_of_one_task(void **state)
{
    struct fixture *f = *state;
    struct stream *s = open_stream(f, false);
    struct slot *slot = f->selves[1].slot;
    char text[SLOT_STDERR];
    s->tail_of = slot;
    fputs("short\n", s->file);
    assert_int_equal(stderr_tail_copy(slot, text), 6);
    assert_memory_equal(text, "short\n", 6);
    for (int i = 0; i < 1000; i++)
        fprintf(s->file, "line %d\n", i);
    size_t n = stderr_tail_copy(slot, text);
    assert_in_range(n, SLOT_STDERR - 9, SLOT_STDERR);
    assert_memory_equal(text, "line ", 5);
    assert_memory_equal(text + n - 9, "line 999\n", 9);
    slot->claims++; /* another task, which writes nothing */
    assert_int_equal(stderr_tail_copy(slot, text), 0);
    close_stream(s);
}

static void
test_output_error_is_the_same_after_packing(void **state)
{
    (void)state;
    for (int capture = 0; capture < 2; capture++) {
        struct output_error e = {.errnum = ENOSPC, .capture = capture};
        struct output_error back = output_error_unpack(output_error_pack(e));
        assert_int_equal(back.errnum, ENOSPC);
        assert_int_equal(back.capture, capture);
    }
    assert_int_equal(output_error_pack((struct output_error){0}), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_stream_writes_lines_when_they_end),
        FIXTURE_TEST(test_stream_holds_lines_until_they_are_wanted),
        FIXTURE_TEST(test_stream_writes_lines_that_are_held_when_there_are_many),
        FIXTURE_TEST(test_stream_gives_each_line_the_tag_and_the_last_one_an_end),
        FIXTURE_TEST(test_stream_shows_what_is_small_from_memory),
        FIXTURE_TEST(test_stream_shows_what_programs_wrote_to_the_file_before_it),
        FIXTURE_TEST(test_stream_puts_all_into_the_file_if_that_must_be_whole),
        FIXTURE_TEST(test_stream_keeps_the_first_error),
        FIXTURE_TEST(test_stderr_tail_has_the_last_whole_lines_of_one_task),
        cmocka_unit_test(test_output_error_is_the_same_after_packing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
