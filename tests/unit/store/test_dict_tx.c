/* dict_tx: transactions, and what is left of them when their process dies at any
 * instruction. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture_dict.h"
#include "store/lock.h"
#include "task/recover.h"

/* ---- several operations at once ---- */

struct deed {
    enum dict_op_kind kind;
    const char *key, *text; /* no text: the number */
    double number;
};

enum { DEEDS = 12 };

static int
by_shard(const void *a, const void *b)
{
    const struct dict_op *p = a, *q = b;
    const struct shard *t = dict_shard(p->dict, p->key.hash);
    const struct shard *u = dict_shard(q->dict, q->key.hash);
    return t < u ? -1 : t > u;
}

static int
do_all(uint32_t who, const struct deed *deeds, size_t n, size_t *bad, dict_tx_note note,
       void *arg)
{
    static struct stage_key keys[DEEDS];
    struct dict_op ops[DEEDS] = {0};
    struct dict_result results[DEEDS];
    for (size_t i = 0; i < n; i++) {
        key_into(&keys[i], key_text(deeds[i].key));
        ops[i] = (struct dict_op){.kind = deeds[i].kind, .dict = stage.d, .key = keys[i].k};
        if (deeds[i].kind != DICT_DELETE)
            ops[i].value = deeds[i].text ? value_text(deeds[i].text)
                                         : value_number(deeds[i].number);
        ops[i].head = 1; /* short strings only */
    }
    qsort(ops, n, sizeof *ops, by_shard);
    return dict_tx_run(&stage.self[who], ops, n, results, bad, note, arg);
}

static size_t
count_of(const struct deed *deeds)
{
    size_t n = 0;
    while (n < DEEDS && deeds[n].kind)
        n++;
    return n;
}

/* Keys of the tests below; all of them, so that a dump says it all. */
static const char *const keys_of_dump[] = {
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "n",
    "m",
    "other",
    NULL,
};

static const char *
dump(char *to, size_t room)
{
    size_t at = 0;
    *to = '\0';
    for (int i = 0; keys_of_dump[i]; i++) {
        struct dict_value v = op_get(&stage, key_text(keys_of_dump[i]));
        if (v.present && v.is_number)
            at += (size_t)snprintf(to + at, room - at, "%s=%g ", keys_of_dump[i], v.number);
        else if (v.present)
            at += (size_t)snprintf(to + at, room - at, "%s=\"%.*s\" ", keys_of_dump[i],
                                   (int)v.len - 1, (const char *)v.bytes + 1);
        assert_true(at < room);
    }
    return to;
}

static void
test_dict_tx_many_keys_in_one_transaction(void **state)
{
    (void)state;
    char text[512];
    size_t bad;
    struct deed first[] = {{DICT_SET, "a", "one", 0}, {DICT_SET, "b", NULL, 2}, {DICT_INCR, "n", NULL, 3}, {DICT_SET, "c", "three", 0}, {DICT_SET, "d", "four", 0}, {DICT_SET, "e", "five", 0}, {DICT_SET, "f", "six", 0}};
    assert_int_equal(do_all(1, first, 7, &bad, NULL, NULL), 0);
    assert_string_equal(dump(text, sizeof text),
                        "a=\"one\" b=2 c=\"three\" d=\"four\" e=\"five\" f=\"six\" n=3 ");
    struct deed then[] = {{DICT_DELETE, "a", NULL, 0}, {DICT_INCR, "b", NULL, 1}, {DICT_APPEND, "c", "!", 0}, {DICT_DELETE, "x", NULL, 0}, {DICT_SET, "g", "new", 0}};
    assert_int_equal(do_all(2, then, 5, &bad, NULL, NULL), 0);
    assert_string_equal(dump(text, sizeof text),
                        "b=3 c=\"three!\" d=\"four\" e=\"five\" f=\"six\" g=\"new\" n=3 ");
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), 1 + 7);
}

static void
test_dict_tx_one_bad_operation_calls_all_off(void **state)
{
    (void)state;
    char text[512];
    size_t bad = 99;
    op_set(&stage, key_text("e"), value_text("text"));
    struct deed deeds[] = {{DICT_SET, "a", "one", 0}, {DICT_SET, "b", "two", 0}, {DICT_INCR, "e", NULL, 1}, {DICT_SET, "c", "three", 0}, {DICT_SET, "d", "four", 0}};
    assert_int_equal(do_all(1, deeds, 5, &bad, NULL, NULL), -EINVAL);
    assert_true(bad < 5);
    assert_string_equal(dump(text, sizeof text), "e=\"text\" ");
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), 2);
}

static int64_t
refuse(void *arg, const struct dict_result *results, size_t n)
{
    *(double *)arg = results[n - 1].number;
    return -ENOSPC;
}

static void
test_dict_tx_the_note_can_call_it_off(void **state)
{
    (void)state;
    char text[512];
    size_t bad;
    double seen = 0;
    op_set(&stage, key_text("n"), value_number(1));
    struct deed deed = {DICT_INCR, "n", NULL, 41};
    assert_int_equal(do_all(1, &deed, 1, &bad, refuse, &seen), -ENOSPC);
    assert_true(seen == 42);
    assert_string_equal(dump(text, sizeof text), "n=1 ");
}

static void
test_dict_tx_thousands_of_keys(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct dict_op *ops = calloc(N, sizeof *ops);
    struct dict_result *results = calloc(N, sizeof *results);
    struct stage_key *keys = calloc(N, sizeof *keys);
    size_t bad;
    assert_true(ops && results && keys);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            key_into(&keys[i], key_number(i));
            ops[i] = (struct dict_op){.kind = DICT_INCR, .dict = stage.d, .key = keys[i].k};
            ops[i].value = value_number(i);
        }
        qsort(ops, N, sizeof *ops, by_shard);
        assert_int_equal(dict_tx_run(&stage.self[1], ops, N, results, &bad, NULL, NULL), 0);
    }
    for (int i = 0; i < N; i++)
        assert_true(op_get(&stage, key_number(i)).number == 3 * i);
    assert_int_equal(dict_len(stage.d), N);
    free(ops);
    free(results);
    free(keys);
}

/* ---- death at any instruction ---- */

/* What is done before, what is killed, and how the dict may look then. */
struct scene {
    const char *title;
    struct deed setup[DEEDS], deeds[DEEDS];
    bool deep; /* recovery is killed as well */
    char before[512], after[512], before_other[512], after_other[512];
    int seen_before, seen_after, seen_other;
};

static void
deeds_in_child(void *arg)
{
    struct scene *scene = arg;
    size_t bad;
    if (do_all(1, scene->deeds, count_of(scene->deeds), &bad, NULL, NULL))
        _exit(1);
}

static void
recover_slot_1(void *arg)
{
    struct self self;
    struct recovered what;
    (void)arg;
    assert_int_equal(self_open(&self, &stage.arena, 1, STAGE_ACTORS), 0);
    assert_int_equal(recover(&self, &stage.self[0], 3, false, &what), 0);
    self_close(&self);
}

/* Another worker changes a number that the dead one may have been changing. */
static void
intrude(void)
{
    struct dict_result r;
    stage_again(&stage, 2);
    assert_int_equal(op_run(&stage, 2, DICT_INCR, key_text("n"), value_number(100), &r), 0);
}

static bool
locked(const char *key)
{
    return dict_shard(stage.d, key_text(key)->hash)->lock != 0;
}

/* A further writer of new keys finds all as it should be. */
static void
use_afterwards(void)
{
    char text[20];
    struct dict_result r;
    stage_again(&stage, 1);
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "later %d", i);
        assert_int_equal(op_run(&stage, 1, DICT_SET, key_text(text), value_text(text), &r), 0);
    }
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "later %d", i);
        struct dict_value v = op_get(&stage, key_text(text));
        assert_true(value_is_text(&v, text));
    }
    stage_check(&stage);
}

static void
check_scene(struct scene *scene, bool other)
{
    char text[512];
    stage_check(&stage);
    dump(text, sizeof text);
    const char *before = other ? scene->before_other : scene->before;
    const char *after = other ? scene->after_other : scene->after;
    if (strcmp(text, before) != 0)
        assert_string_equal(text, after);
    *(strcmp(text, before) ? &scene->seen_after : &scene->seen_before) += 1;
    uint64_t records = stage_blocks(&stage, OWNER_TAG_DICT);
    assert_int_equal(records, dict_len(stage.d) + 1);
}

/* Of recover(), what changes dicts. */
static void
recover_dict(void *arg)
{
    (void)arg;
    dict_tx_recover(&stage.self[1]);
}

static void
recovered_again(void *arg)
{
    recover_slot_1(NULL);
    check_scene(arg, false);
}

static void
dies_here(void *arg)
{
    struct scene *scene = arg;
    char *here = stage_save(&stage);
    recover_slot_1(NULL);
    check_scene(scene, false);
    use_afterwards();

    stage_put_back(&stage, here);
    if (!locked("n")) {
        intrude();
        recover_slot_1(NULL);
        check_scene(scene, true);
        scene->seen_other++;
    }
    stage_put_back(&stage, here);
    if (scene->deep) {
        stage_again(&stage, 1);
        assert_true(stage_step(&stage, recover_dict, NULL, recovered_again, scene) >= 0);
    }
    stage_put_back(&stage, here);
    stage_forget();
}

/* Plays it to its end in both orders, to know what may be seen. */
static void
foresee(struct scene *scene)
{
    char *begin = stage_save(&stage);
    size_t bad, n = count_of(scene->deeds);
    dump(scene->before, sizeof scene->before);
    assert_int_equal(do_all(1, scene->deeds, n, &bad, NULL, NULL), 0);
    dump(scene->after, sizeof scene->after);
    intrude();
    dump(scene->after_other, sizeof scene->after_other);
    stage_put_back(&stage, begin);
    stage_again(&stage, 1);
    intrude();
    dump(scene->before_other, sizeof scene->before_other);
    stage_put_back(&stage, begin);
    stage_again(&stage, 1);
    stage_again(&stage, 2);
    stage_forget();
}

static void
play(struct scene *scene)
{
    size_t bad;
    struct stage before = stage; /* each scene on a stage of its own */
    stage_open(&stage, ARENA_BYTES_MIN);
    for (struct deed *d = scene->setup; d->kind; d++)
        assert_int_equal(do_all(1, d, 1, &bad, NULL, NULL), 0);
    intrude(); /* slot 2 has its memory */
    foresee(scene);
    int n = stage_step(&stage, deeds_in_child, scene, dies_here, scene);
    if (n >= 0) {
        assert_true(n > 5);
        assert_true(scene->seen_before && scene->seen_after && scene->seen_other);
        char text[512];
        assert_string_equal(dump(text, sizeof text), scene->after);
    }
    stage_close(&stage);
    stage = before;
    if (n < 0)
        skip();
}

/* Text that is long enough for another size class. */
#define LONG "0123456789012345678901234567890123456789"

static struct scene scenes[] = {
    {.title = "a new number", .deeds = {{DICT_SET, "a", NULL, 1}}, .deep = true},
    {.title = "new text", .deeds = {{DICT_SET, "a", LONG, 0}}},
    {.title = "a number in place", .deeds = {{DICT_SET, "n", NULL, 7}}},
    {.title = "incr", .deeds = {{DICT_INCR, "n", NULL, 7}}, .deep = true},
    {.title = "incr of nothing", .deeds = {{DICT_INCR, "m", NULL, 7}}},
    {.title = "text for text",
     .setup = {{DICT_SET, "a", "old", 0}},
     .deeds = {{DICT_SET, "a", "new", 0}}},
    {.title = "append",
     .setup = {{DICT_SET, "a", "old", 0}},
     .deeds = {{DICT_APPEND, "a", LONG, 0}}},
    {.title = "append to a text",
     .setup = {{DICT_SET, "a", "old", 0}, {DICT_APPEND, "a", "er", 0}},
     .deeds = {{DICT_APPEND, "a", "and", 0}},
     .deep = true},
    {.title = "a text that needs more room",
     .setup = {{DICT_SET, "a", "old", 0}, {DICT_APPEND, "a", "er", 0}},
     .deeds = {{DICT_APPEND, "a", LONG LONG LONG, 0}}},
    {.title = "delete", .setup = {{DICT_SET, "a", "old", 0}}, .deeds = {{DICT_DELETE, "a", NULL, 0}}},
    {.title = "a key that comes again",
     .setup = {{DICT_SET, "a", "old", 0}, {DICT_DELETE, "a", NULL, 0}},
     .deeds = {{DICT_ADD, "a", "new", 0}}},
    {.title = "several keys",
     .setup = {{DICT_SET, "a", "old", 0}, {DICT_SET, "b", NULL, 1}, {DICT_SET, "c", "gone", 0}},
     .deeds = {{DICT_SET, "a", "new", 0},
               {DICT_INCR, "n", NULL, 5},
               {DICT_INCR, "b", NULL, -5},
               {DICT_DELETE, "c", NULL, 0},
               {DICT_SET, "d", "more", 0},
               {DICT_SET, "e", LONG, 0}}},
};

static void
test_dict_tx_killed_at_every_instruction(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        play(&scenes[i]);
}

/* Keys that share a shard with "n", for growth and for entries that meet. */
static int
nth_of_shard(int n, char *text, size_t room)
{
    for (int i = 0;; i++) {
        snprintf(text, room, "%d", i);
        if (dict_shard(stage.d, key_text(text)->hash) == dict_shard(stage.d, key_text("n")->hash) &&
            n-- == 0)
            return i;
    }
}

static char neighbour[DICT_FIRST][12];

/* An index that is just full: the operation under test has to renew it. */
static void
test_dict_tx_killed_while_the_index_grows(void **state)
{
    (void)state;
    static struct scene scene = {.title = "growth"};
    for (int i = 0; i < DICT_FIRST; i++)
        nth_of_shard(i, neighbour[i], sizeof neighbour[i]);
    int full = DICT_FIRST * 3 / 4 - 1; /* and "n" */
    for (int i = 0; i < full && i < DEEDS - 1; i++)
        scene.setup[i] = (struct deed){DICT_SET, neighbour[i], "x", 0};
    scene.deeds[0] = (struct deed){DICT_SET, "n", "text", 0};
    scene.deeds[0].text = NULL;
    scene.deeds[0].number = 5;
    play(&scene);
}

/* One entry deletes, the next takes the place of the deleted. */
static void
test_dict_tx_killed_with_entries_of_one_shard(void **state)
{
    (void)state;
    static struct scene scene = {.title = "one shard"};
    for (int i = 0; i < DICT_FIRST; i++)
        nth_of_shard(i, neighbour[i], sizeof neighbour[i]);
    scene.setup[0] = (struct deed){DICT_SET, neighbour[0], "old", 0};
    scene.setup[1] = (struct deed){DICT_SET, neighbour[1], "old", 0};
    scene.deeds[0] = (struct deed){DICT_DELETE, neighbour[0], NULL, 0};
    scene.deeds[1] = (struct deed){DICT_SET, neighbour[2], "new", 0};
    scene.deeds[2] = (struct deed){DICT_INCR, "n", NULL, 1};
    scene.deeds[3] = (struct deed){DICT_SET, neighbour[1], "newer", 0};
    scene.deeds[4] = (struct deed){DICT_SET, neighbour[3], "new", 0};
    play(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_dict_tx_many_keys_in_one_transaction),
        STAGE_TEST(test_dict_tx_one_bad_operation_calls_all_off),
        STAGE_TEST(test_dict_tx_the_note_can_call_it_off),
        STAGE_TEST(test_dict_tx_thousands_of_keys),
        STAGE_TEST(test_dict_tx_killed_at_every_instruction),
        STAGE_TEST(test_dict_tx_killed_while_the_index_grows),
        STAGE_TEST(test_dict_tx_killed_with_entries_of_one_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
