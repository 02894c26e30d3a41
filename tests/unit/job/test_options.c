/* options: the table is well formed. That each row's field has the type of its kind, the compiler
 * sees to; what values do is in tests/unit/cli. */
#include "job/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
test_options_have_names_of_their_own(void **state)
{
    (void)state;
    for (const struct option_row *row = prn_options; row->name; row++) {
        for (const struct option_row *other = prn_options; other < row; other++) {
            assert_string_not_equal(row->name, other->name);
            assert_true(!row->letter || row->letter != other->letter);
        }
    }
}

static void
test_options_of_a_group_stand_together(void **state)
{
    (void)state;
    for (const struct option_row *row = prn_options + 1; row->name; row++) {
        for (const struct option_row *other = prn_options; other < row; other++)
            assert_true(strcmp(row->group, row[-1].group) == 0 ||
                        strcmp(row->group, other->group) != 0);
    }
}

static void
test_options_of_a_kind_have_what_it_needs(void **state)
{
    (void)state;
    for (const struct option_row *row = prn_options; row->name; row++) {
        bool bare = row->kind == OPTION_FLAG || row->kind == OPTION_CONSTANT ||
                    row->kind == OPTION_VERSION || row->kind == OPTION_HELP;
        bool choice = row->kind == OPTION_CHOICE || row->kind == OPTION_COMPLETION;
        bool count = row->kind == OPTION_COUNT || row->kind == OPTION_COUNT64;
        assert_int_equal(row->example == NULL, bare);
        assert_int_equal(row->value == NULL, bare || row->kind == OPTION_PROGRESS);
        assert_int_equal(row->what != NULL, choice || count);
        assert_true(!choice || row->offer);
        assert_true(!count || row->min < row->max);
        assert_true(row->kind != OPTION_COUNT || row->max <= INT32_MAX);
        assert_true(row->kind < OPTION_OTHER);
    }
}

/* "--memory 512M" belongs to --memory, "-n 10" to the one with the letter. */
static void
test_options_are_called_by_their_examples(void **state)
{
    (void)state;
    for (const struct option_row *row = prn_options; row->name; row++) {
        char name[64];
        if (!row->example)
            continue;
        if (row->letter)
            snprintf(name, sizeof name, "-%c ", row->letter);
        else
            snprintf(name, sizeof name, "--%s%s", row->name, row->value ? " " : "=");
        assert_memory_equal(row->example, name, strlen(name));
    }
}

static void
test_options_have_help_that_fits(void **state)
{
    (void)state;
    for (const struct option_row *row = prn_options; row->name; row++) {
        assert_non_null(row->help);
        for (const char *p = row->help; *p; p += *p == '\n') {
            size_t width = strcspn(p, "\n");
            assert_in_range(width, 1, 57);
            p += width;
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_have_names_of_their_own),
        cmocka_unit_test(test_options_of_a_group_stand_together),
        cmocka_unit_test(test_options_of_a_kind_have_what_it_needs),
        cmocka_unit_test(test_options_are_called_by_their_examples),
        cmocka_unit_test(test_options_have_help_that_fits),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
