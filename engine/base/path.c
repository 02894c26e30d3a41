#define _GNU_SOURCE
#include "base/path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
path_whole(const char *path)
{
    char *whole, *dir;
    if (!path || path[0] == '/' || !(dir = getcwd(NULL, 0)))
        return path;
    if (asprintf(&whole, "%s/%s", dir, path) < 0)
        whole = NULL;
    free(dir);
    return whole ? whole : path;
}

static struct file_id
id_of(const struct stat *st)
{
    return (struct file_id){st->st_dev, st->st_ino};
}

struct file_id
path_id(int fd)
{
    struct stat st;
    return fstat(fd, &st) ? (struct file_id){0, 0} : id_of(&st);
}

struct file_id
path_id_at(const char *path)
{
    struct stat st;
    return lstat(path, &st) ? (struct file_id){0, 0} : id_of(&st);
}

bool
path_remove(const char *path, struct file_id id)
{
    struct file_id now = path_id_at(path);
    return now.ino && now.ino == id.ino && now.dev == id.dev && unlink(path) == 0;
}
