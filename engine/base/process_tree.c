#include "base/process_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/procstat.h"

enum { ENVIRON_MAX = 1 << 20 };

void
process_list_read(struct process_list *l)
{
    struct dirent *e;
    DIR *d = opendir("/proc");
    while (d && (e = readdir(d))) {
        struct procstat stat;
        pid_t pid = (pid_t)atoi(e->d_name);
        if (!isdigit((unsigned char)e->d_name[0]) || !procstat_read(&stat, (int)pid))
            continue;
        if (!array_reserve(&l->at, &l->cap, l->n + 1, sizeof *l->at))
            break;
        l->at[l->n++] = (struct process){pid, stat.ppid, stat.state, false, stat.started};
    }
    if (d)
        closedir(d);
}

static const struct process *
find(const struct process_list *l, pid_t pid)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->at[i].pid == pid)
            return &l->at[i];
    }
    return NULL;
}

static bool
has_chosen_parent(const struct process_list *l, const struct process *p)
{
    const struct process *parent = find(l, p->parent);
    return parent && parent->chosen;
}

void
process_list_descend(struct process_list *l)
{
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < l->n; i++) {
            struct process *p = &l->at[i];
            if (!p->chosen && p->state != 'Z' && has_chosen_parent(l, p))
                more = p->chosen = true;
        }
    }
}

size_t
process_list_line(const struct process_list *l, pid_t *line, size_t room)
{
    size_t n = 0;
    const struct process *p = find(l, getpid());
    for (; p && n < room; p = find(l, p->parent))
        line[n++] = p->pid;
    return n;
}

static bool
is_there(const struct process *p)
{
    struct procstat now;
    return procstat_read(&now, (int)p->pid) && now.started == p->started && now.state != 'Z';
}

unsigned
process_list_signal(const struct process_list *l, int sig)
{
    unsigned n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct process *p = &l->at[i];
        if (!p->chosen || !is_there(p))
            continue;
        n++;
        (void)kill(p->pid, sig);
    }
    return n;
}

void
process_list_prune(struct process_list *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->at[i].chosen && is_there(&l->at[i]))
            l->at[n++] = l->at[i];
    }
    l->n = n;
}

bool
process_has_mark(pid_t pid, const char *name, const char *mark)
{
    char path[64], *text = malloc(ENVIRON_MAX);
    size_t len = strlen(name);
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *f = text ? fopen(path, "re") : NULL;
    if (f) {
        size_t n = fread(text, 1, ENVIRON_MAX - 1, f);
        text[n] = '\0';
        for (char *at = text; at < text + n && !found; at += strlen(at) + 1)
            found = strncmp(at, name, len) == 0 && at[len] == '=' && strstr(at + len, mark);
        fclose(f);
    }
    free(text);
    return found;
}
