/* atomics: the only way this program touches a word that another process may
 * write. One name an access, its memory order in the name; the caller's comment
 * names the partner. With -DPRN_SIM each access is also a switch point of the
 * simulator (tests/crash), which is why nobody uses __atomic_* directly. */
#ifndef PRN_ATOMICS_H
#define PRN_ATOMICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature) && !defined(__SANITIZE_THREAD__)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1 /* clang's name for it is another one */
#endif
#endif

#ifdef PRN_SIM
void sim_point(void);                     /* somebody else may run here */
void sim_store(void *word, size_t bytes); /* the same; others may see what follows late */
void sim_fence(void);                     /* the same; and see all stores so far from here on */
#define ATOM_POINT() sim_point()
#define ATOM_STORES(p) sim_store((p), sizeof *(p))
#define ATOM_FENCES() sim_fence()
#else
#define ATOM_POINT() ((void)0)
#define ATOM_STORES(p) ((void)0)
#define ATOM_FENCES() ((void)0)
#endif

/* A value read from a word whose only writer is the reader itself, or where an
 * old value does no harm. */
#define atom_peek(p) \
    ({ ATOM_POINT(); __atomic_load_n((p), __ATOMIC_RELAXED); })
/* acquire: sees all that was written before the matching atom_store/atom_cas. */
#define atom_load(p) \
    ({ ATOM_POINT(); __atomic_load_n((p), __ATOMIC_ACQUIRE); })
/* relaxed: nothing is published by this word. */
#define atom_set(p, v) \
    ({ ATOM_STORES(p); __atomic_store_n((p), (v), __ATOMIC_RELAXED); })
/* release: publishes all that was written before. */
#define atom_store(p, v) \
    ({ ATOM_STORES(p); __atomic_store_n((p), (v), __ATOMIC_RELEASE); })
/* acquire and release in one step; *expected is updated on failure. */
#define atom_cas(p, expected, desired)                                   \
    ({                                                                   \
        ATOM_FENCES();                                                   \
        __atomic_compare_exchange_n((p), (expected), (desired), false,   \
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE); \
    })
#define atom_or(p, v) \
    ({ ATOM_FENCES(); __atomic_fetch_or((p), (v), __ATOMIC_ACQ_REL); })
#define atom_and(p, v) \
    ({ ATOM_FENCES(); __atomic_fetch_and((p), (v), __ATOMIC_ACQ_REL); })
#define atom_swap(p, v) \
    ({ ATOM_FENCES(); __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL); })
#ifdef PRN_BENCH_SHARED_COUNTER
/* The engine has no counter that several processes increment: who died may have counted
 * or not. Only for the comparison with one. */
#define atom_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_ACQ_REL)
#endif
/* The full fence of "store mine, then look at yours". ThreadSanitizer does not
 * understand stand-alone fences; no data is published through one here. */
#if defined(__SANITIZE_THREAD__)
#define atom_fence() \
    ({ static uint32_t tsan_fence; \
       (void)__atomic_fetch_add(&tsan_fence, 1, __ATOMIC_SEQ_CST); })
#else
#define atom_fence() \
    ({ ATOM_FENCES(); __atomic_thread_fence(__ATOMIC_SEQ_CST); })
#endif
/* The two fences around bytes that are copied while somebody may overwrite them:
 * the writer's word, release, its bytes; the reader's copy, acquire, the word. */
#if defined(__SANITIZE_THREAD__)
#define atom_fence_release() ((void)0)
#define atom_fence_acquire() ((void)0)
#else
#define atom_fence_release() \
    ({ ATOM_FENCES(); __atomic_thread_fence(__ATOMIC_RELEASE); })
#define atom_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#endif

static inline void
cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
    ATOM_POINT();
}

#define CACHE_LINE 64
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* For the body of a hot call and its variant: compiled into each, without what it does not use. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

#endif
