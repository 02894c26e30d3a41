/* path: names of files that outlast the moment in which they were typed.
 *
 * The script may go to another directory, and others may put another file where ours was:
 * what is opened or removed later goes by its whole name, and by the file's own number. */
#ifndef PRN_PATH_H
#define PRN_PATH_H

#include <stdbool.h>
#include <sys/types.h>

/* Which file it is, whatever it is called. All 0: none. */
struct file_id {
    dev_t dev;
    ino_t ino;
};

/* path_whole returns the name from the root on of a path that is meant from the directory
 * at hand: malloc'ed, or `path` itself if it is whole, or cannot be made so. NULL: NULL. */
const char *path_whole(const char *path);
/* path_id says which file the descriptor is of; path_id_at, which one has that name. */
struct file_id path_id(int fd);
struct file_id path_id_at(const char *path);
/* path_remove removes the name if it still is that file's. Did it? */
bool path_remove(const char *path, struct file_id id);

#endif
