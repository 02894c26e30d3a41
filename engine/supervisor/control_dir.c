#include "supervisor/control_dir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool
control_dir_path(int place, char *path, size_t cap)
{
    const char *own = getenv("PRUNNER_RUNTIME_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
    int n;
    if (own && *own) {
        if (place != 0 || own[0] != '/')
            return false;
        n = snprintf(path, cap, "%s", own);
    } else if (place == 0) {
        if (!runtime || runtime[0] != '/')
            return false;
        n = snprintf(path, cap, "%s/prunner", runtime);
    } else {
        n = snprintf(path, cap, "/tmp/prunner-%u", (unsigned)geteuid());
    }
    return n > 0 && (size_t)n < cap;
}

/* Can nobody but us and root move away what stands in it? */
static bool
parent_is_safe(const char *path)
{
    char parent[PATH_MAX];
    struct stat st;
    const char *slash = strrchr(path, '/');
    if (snprintf(parent, sizeof parent, "%.*s/", (int)(slash - path), path) >= PATH_MAX ||
        stat(parent, &st))
        return false;
    bool ours = st.st_uid == 0 || st.st_uid == geteuid();
    bool closed = !(st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_mode & S_ISVTX;
    return ours && closed;
}

bool
control_dir_trusted(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           !(st.st_mode & (S_IRWXG | S_IRWXO)) && parent_is_safe(path);
}

bool
control_dir_open(char *path, size_t cap)
{
    for (int place = 0; place < CONTROL_DIRS; place++) {
        struct sockaddr_un longest;
        if (!control_dir_path(place, path, cap) || !control_dir_address(&longest, path, INT_MAX))
            continue;
        if (mkdir(path, S_IRWXU) && errno != EEXIST)
            continue;
        if (control_dir_trusted(path))
            return true;
    }
    return false;
}

bool
control_dir_address(struct sockaddr_un *out, const char *dir, pid_t pid)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(out->sun_path, sizeof out->sun_path, "%s/%d", dir, (int)pid);
    return n > 0 && (size_t)n < sizeof out->sun_path;
}

int
control_dir_connect(const char *dir, pid_t pid)
{
    struct sockaddr_un to;
    if (!control_dir_address(&to, dir, pid))
        return -ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int err = errno;
    close(fd);
    if (err == ECONNREFUSED)
        unlink(to.sun_path);
    return -err;
}

void
control_dir_each(const char *dir, void (*fn)(void *arg, pid_t pid), void *arg)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char *end;
        long pid = isdigit((unsigned char)e->d_name[0]) ? strtol(e->d_name, &end, 10) : 0;
        if (pid > 0 && pid <= INT_MAX && *end == '\0')
            fn(arg, (pid_t)pid);
    }
    if (d)
        closedir(d);
}
