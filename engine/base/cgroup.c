#include "base/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One mounted cgroup hierarchy that has the controller, from mountinfo. */
struct mount {
    bool v2;
    char root[PATH_MAX];  /* which cgroup is what `point` shows */
    char point[PATH_MAX]; /* where */
};

/* What cgroup_each() was asked for. */
struct walk {
    const char *root;
    const char *controller;
    bool (*fn)(void *arg, const char *dir, bool v2);
    void *arg;
};

/* Whether `list` ("cpu,cpuacct") has `word`. */
static bool
list_has(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (*list) {
        size_t n = strcspn(list, ",");
        if (n == len && strncmp(list, word, len) == 0)
            return true;
        list += n;
        list += *list == ',';
    }
    return false;
}

/* The kernel writes blanks in paths as \040 and the like; undone in place. */
static void
unescape(char *s)
{
    char *to = s;
    while (*s) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
            s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 4;
        } else {
            *to++ = *s++;
        }
    }
    *to = '\0';
}

/* Copies a path; false: too long. */
static bool
copy_path(char *to, const char *from)
{
    size_t len = strlen(from);
    if (len >= PATH_MAX)
        return false;
    memcpy(to, from, len + 1);
    return true;
}

/* A line of mountinfo, cut into *m:
 *   36 35 98:0 /root /point rw,relatime shared:1 - type source options
 * false: not a cgroup mount that has the controller. */
static bool
parse_mount(struct mount *m, const char *controller, char *line)
{
    char *field[5];
    char *save = NULL;
    char *tail = strstr(line, " - ");

    if (!tail)
        return false;
    *tail = '\0';
    tail += 3;
    for (int i = 0; i < 5; i++) {
        field[i] = strtok_r(i ? NULL : line, " ", &save);
        if (!field[i])
            return false;
    }
    char *type = strtok_r(tail, " ", &save);
    char *source = strtok_r(NULL, " ", &save);
    char *options = strtok_r(NULL, " \n", &save);
    if (!type || !source || !options)
        return false;

    m->v2 = strcmp(type, "cgroup2") == 0;
    if (!m->v2 && (strcmp(type, "cgroup") != 0 || !list_has(options, controller)))
        return false;
    unescape(field[3]);
    unescape(field[4]);
    return copy_path(m->root, field[3]) && copy_path(m->point, field[4]);
}

/* The path of our cgroup in the hierarchy of *m, from /proc/self/cgroup, whose
 * lines are "0::/path" (v2) or "4:cpu,cpuacct:/path". */
static bool
find_cgroup(char *path, const struct mount *m, const struct walk *w)
{
    char name[PATH_MAX];
    char *line = NULL;
    size_t size = 0;
    bool found = false;

    if (snprintf(name, sizeof name, "%s/proc/self/cgroup", w->root) >= PATH_MAX)
        return false;
    FILE *f = fopen(name, "re");
    if (!f)
        return false;
    while (!found && getline(&line, &size, f) > 0) {
        char *controllers = strchr(line, ':');
        char *where = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!where)
            continue;
        *controllers++ = '\0';
        *where++ = '\0';
        where[strcspn(where, "\n")] = '\0';
        if (m->v2 ? strcmp(line, "0") == 0 && !*controllers
                  : list_has(controllers, w->controller))
            found = copy_path(path, where);
    }
    free(line);
    fclose(f);
    return found;
}

/* Below the mount point, what part of the cgroup's path leads on. A cgroup that
 * is not below the mounted one (namespaces show "/../x"): the mount itself. */
static const char *
path_below(const char *path, const char *mounted)
{
    size_t len = strlen(mounted);
    if (strcmp(mounted, "/") == 0)
        len = 0;
    if (strncmp(path, mounted, len) != 0 || (path[len] && path[len] != '/'))
        return "";
    path += len;
    if (strncmp(path, "/..", 3) == 0 && (path[3] == '/' || !path[3]))
        return "";
    return path;
}

/* From our cgroup up to the mount point. false: fn wants no more. */
static bool
visit_mount(const struct mount *m, const struct walk *w)
{
    char path[PATH_MAX];
    char dir[PATH_MAX];

    if (!find_cgroup(path, m, w))
        return true;
    int top = snprintf(dir, sizeof dir, "%s%s", w->root, m->point);
    if (top >= PATH_MAX)
        return true;
    int len = top + snprintf(dir + top, sizeof dir - (size_t)top, "%s",
                             path_below(path, m->root));
    if (len >= PATH_MAX)
        return true;

    for (;;) {
        while (len > top && dir[len - 1] == '/')
            len--;
        dir[len] = '\0';
        if (!w->fn(w->arg, dir, m->v2))
            return false;
        if (len == top)
            return true;
        while (len > top && dir[len - 1] != '/')
            len--;
    }
}

static int
visit_mounts(FILE *mountinfo, const struct walk *w)
{
    char *line = NULL;
    size_t size = 0;
    bool more = true;
    int err = 0;

    struct mount *m = malloc(sizeof *m);
    if (!m)
        return -ENOMEM;
    while (more && getline(&line, &size, mountinfo) > 0) {
        if (parse_mount(m, w->controller, line))
            more = visit_mount(m, w);
    }
    if (more && !feof(mountinfo))
        err = -errno;
    free(line);
    free(m);
    return err;
}

int
cgroup_each(const char *root, const char *controller,
            bool (*fn)(void *arg, const char *dir, bool v2), void *arg)
{
    const struct walk w = {root, controller, fn, arg};
    char name[PATH_MAX];

    if (snprintf(name, sizeof name, "%s/proc/self/mountinfo", root) >= PATH_MAX)
        return -ENAMETOOLONG;
    FILE *f = fopen(name, "re");
    if (!f)
        return -errno;
    int err = visit_mounts(f, &w);
    fclose(f);
    return err;
}
