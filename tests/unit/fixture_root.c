#include "fixture_root.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char fixture_root[64];

int
fixture_root_setup(void **state)
{
    (void)state;
    strcpy(fixture_root, "/tmp/test_root.XXXXXX");
    return mkdtemp(fixture_root) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

int
fixture_root_teardown(void **state)
{
    (void)state;
    return nftw(fixture_root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
fixture_put(const char *path, const char *text)
{
    char name[512];
    snprintf(name, sizeof name, "%s%s", fixture_root, path);
    for (char *p = name + strlen(fixture_root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        assert_true(mkdir(name, 0755) == 0 || errno == EEXIST);
        *p = '/';
    }
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}
