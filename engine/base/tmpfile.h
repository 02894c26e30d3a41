/* tmpfile: files without a name, which are gone when the last process that has them
 * open ends, however it ends. */
#ifndef PRN_TMPFILE_H
#define PRN_TMPFILE_H

/* tmpfile_open makes one in `dir`, to be read and written. The descriptor, which
 * started programs do not inherit, or -errno. */
int tmpfile_open(const char *dir);

#endif
