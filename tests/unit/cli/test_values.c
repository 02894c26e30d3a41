/* values: each kind of row stores its value in the field that the row names, and nothing else. What
 * is accepted and what is said of the rest is in test_cli_options.c. rows: what getopt is told. */
#include "cli/values.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/rows.h"
#include "job/config.h"

/* A value that the kind takes; NULL: none. */
static const char *
value_for(enum option_kind kind, const struct option_row *row)
{
    static char word[32];
    switch (kind) {
    case OPTION_CHOICE:
        snprintf(word, sizeof word, "%s", strrchr(row->offer, ' ') + 1);
        return word;
    case OPTION_COUNT:
    case OPTION_COUNT64:
        snprintf(word, sizeof word, "%llu", (unsigned long long)(row->min + 1));
        return word;
    case OPTION_SECONDS: return "1.5";
    case OPTION_BYTES: return "3K";
    case OPTION_STRING:
    case OPTION_REPORT: return "x.html";
    case OPTION_DIRECTORY: return "/tmp";
    case OPTION_HALT: return "soon,done=7%";
    case OPTION_LOAD: return "5";
    default: return NULL;
    }
}

static size_t
bytes_of(enum option_kind kind)
{
    switch (kind) {
    case OPTION_FLAG: return sizeof(bool);
    case OPTION_CONSTANT:
    case OPTION_CHOICE:
    case OPTION_COUNT:
    case OPTION_PROGRESS: return 4;
    case OPTION_HALT: return sizeof(struct halt);
    default: return 8;
    }
}

static void
test_values_set_their_own_field_only(void **state)
{
    (void)state;
    char why[VALUES_MESSAGE];
    int n = 0;
    for (const struct option_row *row = prn_options; row->name; row++) {
        if (row->kind >= OPTION_SETTERS)
            continue;
        struct config before, c;
        size_t size = bytes_of(row->kind);
        memset(&before, 0x55, sizeof before);
        c = before;
        assert_int_equal(values_set(row, &c, value_for(row->kind, row), why), 0);
        assert_true(row->offset + size <= sizeof c);
        assert_memory_not_equal((char *)&c + row->offset, (char *)&before + row->offset, size);
        memcpy((char *)&c + row->offset, (char *)&before + row->offset, size);
        assert_memory_equal(&c, &before, sizeof c);
        n++;
    }
    assert_true(n > 30);
}

static void
test_values_that_are_wrong_change_nothing(void **state)
{
    (void)state;
    for (const struct option_row *row = prn_options; row->name; row++) {
        char why[VALUES_MESSAGE] = "", name[VALUES_NAME];
        struct config before, c;
        bool takes_all = row->kind == OPTION_FLAG || row->kind == OPTION_CONSTANT ||
                         row->kind == OPTION_STRING;
        if (row->kind >= OPTION_SETTERS || takes_all)
            continue;
        memset(&before, 0x55, sizeof before);
        c = before;
        assert_int_equal(values_set(row, &c, "/no such thing", why), -EINVAL);
        assert_memory_equal(&c, &before, sizeof c);
        values_name(row, name);
        assert_memory_equal(why, name, strlen(name));
        assert_non_null(strstr(why, ": \"/no such thing\""));
    }
}

static void
test_values_of_a_long_text_fit_the_message(void **state)
{
    (void)state;
    char why[VALUES_MESSAGE], text[2 * VALUES_MESSAGE];
    struct config c;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (const struct option_row *row = prn_options; row->name; row++) {
        if (row->kind == OPTION_HALT || row->kind == OPTION_COUNT || row->kind == OPTION_CHOICE) {
            assert_int_equal(values_set(row, &c, text, why), -EINVAL);
            assert_int_equal(strlen(why), VALUES_MESSAGE - 1);
        }
    }
}

static void
test_values_choices_are_listed(void **state)
{
    (void)state;
    static const struct option_row row = {
        "Group", 0, "size", OPTION_CHOICE, .offer = "small medium large", .what = "a size"};
    static const struct option_row one = {
        "Group", 'x', "only", OPTION_CHOICE, .offer = "this", .what = "it"};
    char why[VALUES_MESSAGE];
    assert_int_equal(values_choice(&row, "small", why), 0);
    assert_int_equal(values_choice(&row, "large", why), 2);
    assert_int_equal(values_choice(&row, "larg", why), -EINVAL);
    assert_string_equal(why, "--size: \"larg\" is not a size (small, medium or large)");
    assert_int_equal(values_choice(&row, "", why), -EINVAL);
    assert_int_equal(values_choice(&row, "small medium", why), -EINVAL);
    assert_int_equal(values_choice(&one, "this", why), 0);
    assert_int_equal(values_choice(&one, "that", why), -EINVAL);
    assert_string_equal(why, "-x: \"that\" is not it (this)");
}

static void
test_rows_tell_a_letter_from_a_name(void **state)
{
    (void)state;
    static const struct option_row rows[] = {
        {"Group", 0, "none", OPTION_FLAG, .help = ""},
        {"Group", 'v', "value", OPTION_STRING, .value = "X", .example = "-v x"},
        {"Group", 0, "maybe", OPTION_PROGRESS, .example = "--maybe=x"},
        {"Group", 'h', "help", OPTION_HELP, .help = ""},
        {0},
    };
    struct rows_getopt table;
    rows_prepare(&table, rows, "-:");
    assert_string_equal(table.letters, "-:v:h");
    assert_string_equal(table.names[1].name, "value");
    assert_int_equal(table.names[0].has_arg, no_argument);
    assert_int_equal(table.names[1].has_arg, required_argument);
    assert_int_equal(table.names[2].has_arg, optional_argument);
    assert_null(table.names[4].name);
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(rows_answer(rows, table.names[i].val), &rows[i]);
    assert_ptr_equal(rows_answer(rows, 'v'), &rows[1]);
    assert_ptr_equal(rows_answer(rows, 'h'), &rows[3]);
    assert_null(rows_answer(rows, 'x'));
    assert_null(rows_answer(rows, 0));
    assert_null(rows_answer(rows, 1)); /* a word that is not an option */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_set_their_own_field_only),
        cmocka_unit_test(test_values_that_are_wrong_change_nothing),
        cmocka_unit_test(test_values_of_a_long_text_fit_the_message),
        cmocka_unit_test(test_values_choices_are_listed),
        cmocka_unit_test(test_rows_tell_a_letter_from_a_name),
    };
    return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
