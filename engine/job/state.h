/* state: a job whose arena is a file, so that it survives the death of everything.
 *
 * The file is the arena itself, private (0600), made exclusively, with a header
 * that says which prunner, script and boot it belongs to. An flock on it, inherited
 * by every worker, keeps two jobs from sharing it and tells of an orphan worker.
 * What the memory of one boot wrote in no order is worthless after the next one:
 * a file of an earlier boot is refused, unless the job was stopped: then all of it is
 * on the disk, and a mark in the header, written last, says so. Whoever takes the job up
 * removes the mark, on the disk too, before anything else changes. */
#ifndef PRN_STATE_H
#define PRN_STATE_H

#include "memory/arena.h"

/* state_file_hash returns what a file of Lua says, to know it again. 0: it cannot be read. */
uint64_t state_file_hash(const char *path);
/* state_create makes `path` and maps it. 0; -errno with *problem saying what and what
 * to do, in words that follow the path. */
int state_create(struct arena *out, const char *path, uint64_t script_hash,
                 const char **problem);
/* state_open maps the file of an earlier run, checked. As state_create(). */
int state_open(struct arena *out, const char *path, uint64_t script_hash,
               const char **problem);
/* state_stop writes all to the disk and marks it: the job may continue after a reboot. When
 * its workers are gone. 0, or -errno: it may not. */
int state_stop(struct arena *a);
/* state_finish notes that the job is done. */
void state_finish(struct arena *a);
/* state_abandon removes the file of a job that never began: there is nothing to continue,
 * and the next --state finds its name free. Otherwise does nothing. */
void state_abandon(const struct arena *a, const char *path);
/* state_give_back gives the disk back if it is. Nobody may look at tasks or dicts
 * afterwards. */
void state_give_back(struct arena *a);

#endif
