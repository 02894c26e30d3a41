/* attach, snapshot: a job seen from outside, here from the process itself; figures that make
 * no sense. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/snapshot.h"
#include "cli/top_line.h"
#include "monitor/metrics.h"

static void
full(void)
{
}

static struct attach job;
static struct snapshot g;
static char why[ATTACH_MESSAGE_MAX];

static int
setup(void **state)
{
    (void)state;
    assert_int_equal(metrics_open(full), 0);
    metrics_start_job(3, "job.lua");
    metrics_name(1, "add", "job.lua:1");
    metrics_name(2, "f\xff\n\xc3\xa9", "job.lua:2");
    metrics.header->nfns = 3;
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    close(metrics.fd);
    metrics.fd = -1;
    return 0;
}

static int
attach(void **state)
{
    (void)state;
    assert_int_equal(attach_pid(&job, getpid(), why), 0);
    assert_int_equal(snapshot_open(&g, &job), 0);
    return 0;
}

static int
detach(void **state)
{
    (void)state;
    snapshot_close(&g);
    attach_close(&job);
    return 0;
}

static void
test_sums(void **state)
{
    (void)state;
    metrics_act(0);
    metrics_posted(1);
    metrics_posted(1);
    metrics_posted(2);
    metrics_act(2);
    metrics_end(1, METRICS_DONE);
    metrics_end(2, METRICS_FAILED);
    assert_int_equal(snapshot_look(&g), 0);
    assert_int_equal(g.stage, SNAPSHOT_RUN);
    assert_int_equal(g.posted, 3);
    assert_int_equal(g.by_begin, 3);
    assert_int_equal(g.finished, 2);
    assert_int_equal(g.failed, 1);
    assert_int_equal(g.nworkers, 3);
    assert_string_equal(g.names[1].name, "add");
    assert_int_equal(g.fns[1].sum.posted, 2);
    assert_int_equal(g.fns[1].sum.finished, 1);
    /* The same again: sums are not added to sums. */
    assert_int_equal(snapshot_look(&g), 0);
    assert_int_equal(g.posted, 3);
    /* A function gets its name with its first figure. */
    assert_string_equal(g.names[3].name, "");
    metrics_posted(3);
    assert_int_equal(snapshot_look(&g), 0);
    assert_string_equal(g.names[3].name, "?");
    /* What is no text is not shown as it is. */
    struct top_line l;
    top_line_start(&l, TOP_LINE_PLAIN);
    top_line_fn(&l, &g, 2, 8);
    assert_null(strpbrk(l.text, "\xff\n"));
}

/* The job has touched no more than it uses, and a look touches nothing. */
static void
test_a_look_costs_no_memory(void **state)
{
    (void)state;
    struct stat before, after;
    assert_int_equal(fstat(metrics.fd, &before), 0);
    assert_int_equal(snapshot_look(&g), 0);
    assert_int_equal(fstat(metrics.fd, &after), 0);
    assert_int_equal(before.st_blocks, after.st_blocks);
}

/* Whatever there is: no crash, no figure beyond its table. */
static void
test_damaged_figures(void **state)
{
    (void)state;
    struct top_order order = {FNS_BY_NAME, WORKERS_BY_FUNCTION, true};
    struct metrics_header *h = metrics.header;
    size_t front = offsetof(struct metrics_header, names);
    unsigned char kept[offsetof(struct metrics_header, names)];
    memcpy(kept, h, front);
    srandom(7);
    for (int round = 0; round < 200; round++) {
        char *slot = (char *)&h->slot[random() % 8];
        slot[(size_t)random() % offsetof(struct metrics_slot, slowest)] = (char)random();
        ((char *)h)[16 + (size_t)random() % (front - 16)] = (char)random();
        ((char *)h->names)[(size_t)random() % (8 * sizeof *h->names)] = (char)random();
        if (snapshot_look(&g))
            continue;
        uint32_t *numbers = calloc(g.nfns + g.nworkers + 1, sizeof *numbers);
        struct top_line l;
        assert_true(top_line_order_fns(&order, &g, numbers) <= g.nfns + 1);
        assert_int_equal(top_line_order_workers(&order, &g, numbers), g.nworkers);
        for (uint32_t i = 0; i < g.nworkers && i < 8; i++) {
            top_line_start(&l, TOP_LINE_PLAIN);
            top_line_worker(&l, &g, &g.workers[numbers[i]], top_line_names(&g, TOP_LINE_PLAIN));
        }
        free(numbers);
    }
    memcpy(h, kept, front);
}

static void
test_another_version_is_refused(void **state)
{
    (void)state;
    struct attach a;
    metrics.header->slot_bytes++;
    assert_int_equal(attach_pid(&a, getpid(), why), -EINVAL);
    metrics.header->slot_bytes--;
    metrics.header->version++;
    assert_int_equal(attach_pid(&a, getpid(), why), -EINVAL);
    assert_non_null(strstr(why, "figures of version 3 (here: 2)"));
    metrics.header->version--;
    metrics.header->slots--;
    assert_int_equal(attach_pid(&a, getpid(), why), -EINVAL);
    metrics.header->slots++;
    metrics.header->magic = 0;
    assert_int_equal(attach_pid(&a, getpid(), why), -EAGAIN);
    metrics.header->magic = METRICS_MAGIC;
    assert_int_equal(attach_pid(&a, getpid(), why), 0);
    attach_close(&a);
}

static void
test_a_file_that_was_cut_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(ftruncate(metrics.fd, 1000), 0);
    assert_int_equal(snapshot_look(&g), -EIO);
}

static void
test_lines_keep_to_their_width(void **state)
{
    (void)state;
    struct top_line l;
    top_line_start(&l, 5);
    top_line_put(&l, "abc\tdefg");
    assert_string_equal(l.text, "abc?d");
    assert_int_equal(l.columns, 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sums, attach, detach),
        cmocka_unit_test_setup_teardown(test_a_look_costs_no_memory, attach, detach),
        cmocka_unit_test_setup_teardown(test_damaged_figures, attach, detach),
        cmocka_unit_test(test_another_version_is_refused),
        cmocka_unit_test(test_lines_keep_to_their_width),
        cmocka_unit_test_setup_teardown(test_a_file_that_was_cut_is_an_error, attach, detach),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
