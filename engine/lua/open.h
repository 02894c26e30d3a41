/* open: makes the job of this process: the arena, new or from a state file, the file its queue
 * continues in, the codec, the metrics. Once, in the process that loads the script, before
 * anything is forked; a message is printed where one is due. Nothing is undone on failure: the
 * process ends. */
#ifndef PRN_OPEN_H
#define PRN_OPEN_H

#include <lua.h>

/* open_memory makes the arena and its spill. Called again it does nothing; 0 or -errno. */
int open_memory(void);
/* open_job does that if need be, and begins to act for slot 0. Called again it does nothing;
 * 0 or -errno. */
int open_job(lua_State *L);

#endif
