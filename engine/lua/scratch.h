/* scratch: what one call from Lua needs while it lasts: buffers, and the result that it has for
 * Lua to read through FFI.
 *
 * Lua code can run in the middle of any call: a finalizer in the steps of the collector, a hook
 * of the debug library, a handler of the compiler's events. It may call us again, and so on. So
 * nothing that a call keeps while Lua may run is static: it is in a scratch of the call's own.
 * Calls nest, so these are a stack:
 *
 *   scratch_enter() -> i --the call, and those within it, which take what is above i--
 *   -> scratch_leave(i): i and all above it are free
 *
 * A call that ends by an error that is not its own (no memory; a hook that raises) does not
 * leave. Its scratch is free again when the call around it leaves; with none around it the stack
 * begins one higher from then on. The numbers go round, so none is ever missing.
 *
 * Only what calls Lua needs this. Static buffers that are filled and used within one C function
 * are right. Private to a process. */
#ifndef PRN_SCRATCH_H
#define PRN_SCRATCH_H

#include <stdint.h>

#include "base/export.h"
#include "codec/codec.h"

enum { SCRATCH_MAX = 256 }; /* calls within each other: LuaJIT allows 200 */

/* What Lua reads through FFI: lua/prunner/native.lua has the same. */
struct prn_scratch {
    uint32_t depth;                 /* the next to be taken */
    uint32_t length[SCRATCH_MAX];   /* of `bytes` */
    double number[SCRATCH_MAX];     /* a result that is a number ... */
    const char *bytes[SCRATCH_MAX]; /* ... or a string, in buffer `a` */
};

struct scratch {
    struct codec_buf a, b; /* empty at scratch_enter(), but for the memory that they have */
};

extern struct prn_scratch scratch;

/* scratch_enter takes one. Never fails. */
uint32_t scratch_enter(void);
/* scratch_of returns the buffers of a scratch that was taken. */
struct scratch *scratch_of(uint32_t i);
/* scratch_leave frees it, and all that were taken after it. */
static inline void
scratch_leave(uint32_t i)
{
    scratch.depth = i;
}
/* scratch_copy puts bytes into buffer a, for Lua to read. 0 or -ENOMEM. */
int scratch_copy(uint32_t i, const void *bytes, size_t len);
PRN_EXPORT struct prn_scratch *prn_scratch(void);

#endif
