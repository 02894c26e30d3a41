/* waiting: the fibers whose task waits, in no order. Private to the worker. */
#ifndef PRN_WAITING_H
#define PRN_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "worker/fiber.h"

/* waiting_add: false: no memory. */
bool waiting_add(struct fiber *f);
void waiting_remove(struct fiber *f);
/* waiting_count: how many there are; waiting_at: one of them, 0 .. count - 1. */
uint32_t waiting_count(void);
struct fiber *waiting_at(uint32_t i);
/* waiting_each calls fn with the coroutine of each, its task and what it waits for. */
void waiting_each(void (*fn)(void *arg, lua_State *L, uint32_t task, const char *what), void *arg);
/* waiting_close frees the list: there are none. */
void waiting_close(void);

#endif
