#include "output/order.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "memory/arena.h"

/* A task of which something is known and that has not had its turn. */
struct node {
    uint64_t id, parent;
    bool ended;
    uint64_t *where; /* what it printed, in this order */
    size_t nwhere, shown;
    struct order_posts *posts; /* of its runs */
    size_t nposts;
    size_t where_before, posts_before; /* how many there were before it ended */
    struct order_posts last_before;    /* the last of them */
};

/* Tasks posted by one task, of which some have had their turn. */
struct family {
    uint64_t parent; /* 0: those that were there from the start, whoever posted them */
    struct order_posts *posts;
    size_t nposts, at; /* posts[at] is where it stands */
    uint64_t passed;   /* tasks of posts[at] that have had their turn */
};

struct order {
    void *nodes;          /* tree of struct node, by id; see tsearch(3) */
    struct family *stack; /* the last one is where the walk is */
    size_t nstack, cap;
};

static int
by_id(const void *a, const void *b)
{
    uint64_t x = ((const struct node *)a)->id, y = ((const struct node *)b)->id;
    return x < y ? -1 : x > y;
}

static struct node *
find(const struct order *o, uint64_t id)
{
    struct node key = {.id = id};
    struct node **at = tfind(&key, &o->nodes, by_id);
    return at ? *at : NULL;
}

static struct node *
find_or_make(struct order *o, uint64_t id)
{
    struct node *n = find(o, id);
    if (n)
        return n;
    n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->id = id;
    if (tsearch(n, &o->nodes, by_id))
        return n;
    free(n);
    return NULL;
}

static void
free_node(void *p)
{
    struct node *n = p;
    free(n->where);
    free(n->posts);
    free(n);
}

static void
forget(struct order *o, struct node *n)
{
    (void)tdelete(n, &o->nodes, by_id);
    free_node(n);
}

/* ---- the walk ---- */

/* Takes over f.posts. No memory: the family comes at the end, with those who have no
 * place. */
static void
enter_family(struct order *o, struct family f)
{
    if (!array_reserve(&o->stack, &o->cap, o->nstack + 1, sizeof *o->stack)) {
        free(f.posts);
        return;
    }
    o->stack[o->nstack++] = f;
}

/* Families of which everybody has had their turn. */
static void
leave_families(struct order *o)
{
    while (o->nstack) {
        struct family *f = &o->stack[o->nstack - 1];
        while (f->at < f->nposts && f->passed >= f->posts[f->at].count) {
            f->at++;
            f->passed = 0;
        }
        if (f->at < f->nposts)
            return;
        free(f->posts);
        o->nstack--;
    }
}

/* The task whose turn it is. */
static struct node *
at_turn(const struct order *o)
{
    const struct family *f = &o->stack[o->nstack - 1];
    struct node *n = find(o, f->posts[f->at].first + f->passed * ARENA_SLOTS);
    /* The id of a post that was undone has been given to another one's. */
    return n && f->parent && n->parent != f->parent ? NULL : n;
}

/* The task at its turn has been shown: its children are next. */
static void
pass(struct order *o, struct node *n)
{
    o->stack[o->nstack - 1].passed++;
    leave_families(o);
    if (!n)
        return;
    struct family children = {.parent = n->id, .posts = n->posts, .nposts = n->nposts};
    n->posts = NULL;
    forget(o, n);
    enter_family(o, children);
    leave_families(o);
}

static bool
step(struct order *o, bool skip, uint64_t *where)
{
    leave_families(o);
    while (o->nstack) {
        struct node *n = at_turn(o);
        if (n && n->shown < n->nwhere) {
            *where = n->where[n->shown++];
            return true;
        }
        if (!skip && (!n || !n->ended))
            return false;
        pass(o, n);
    }
    return false;
}

bool
order_next(struct order *o, uint64_t *where)
{
    return step(o, false, where);
}

/* ---- what has no place ---- */

struct stray {
    struct order *o;
    struct family all;
};

/* For twalk_r(): a task whose poster is not waiting, too. */
static void
take_stray(const void *at, VISIT visit, void *arg)
{
    struct stray *s = arg;
    const struct node *n = *(struct node *const *)at;
    if ((visit != postorder && visit != leaf) || find(s->o, n->parent))
        return;
    size_t bytes = (s->all.nposts + 1) * sizeof *s->all.posts;
    struct order_posts *grown = realloc(s->all.posts, bytes);
    if (!grown)
        return;
    grown[s->all.nposts++] = (struct order_posts){n->id, 1};
    s->all.posts = grown;
}

bool
order_rest(struct order *o, uint64_t *where)
{
    while (!step(o, true, where)) {
        struct stray s = {.o = o};
        twalk_r(o->nodes, take_stray, &s);
        if (!s.all.nposts)
            return false;
        enter_family(o, s.all);
    }
    return true;
}

/* ---- notes ---- */

static int
add_where(struct node *n, uint64_t where)
{
    uint64_t *grown = realloc(n->where, (n->nwhere + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    n->where = grown;
    n->where[n->nwhere++] = where;
    return 0;
}

/* A run tells of its posts more than once, then of more of them. */
static int
add_posts(struct node *n, struct order_posts posts)
{
    if (n->nposts && n->posts[n->nposts - 1].first == posts.first) {
        n->posts[n->nposts - 1] = posts;
        return 0;
    }
    struct order_posts *grown = realloc(n->posts, (n->nposts + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    n->posts = grown;
    n->posts[n->nposts++] = posts;
    return 0;
}

/* The end of a run that was not committed: what it told at its end is not true. */
static void
take_back_end(struct node *n)
{
    n->nwhere = n->shown > n->where_before ? n->shown : n->where_before;
    n->nposts = n->posts_before;
    if (n->nposts)
        n->posts[n->nposts - 1] = n->last_before;
    n->ended = false;
}

/* The task has had its turn already, and the walk waits for children that it did not
 * post. They are replaced; what it printed again is not shown again. */
static bool
corrects(struct order *o, const struct order_note *note)
{
    struct family *f = o->nstack ? &o->stack[o->nstack - 1] : NULL;
    if (!f || !f->parent || f->parent != note->id)
        return false;
    f->at = f->nposts = 0;
    f->passed = 0;
    if (note->posts.count) {
        f->posts[0] = note->posts;
        f->nposts = 1;
    }
    return true;
}

int
order_tell(struct order *o, const struct order_note *note)
{
    if (corrects(o, note))
        return 0;
    struct node *n = find_or_make(o, note->id);
    if (!n)
        return -ENOMEM;
    n->parent = note->parent;
    if (n->ended)
        take_back_end(n);
    if (note->ended) {
        n->where_before = n->nwhere;
        n->posts_before = n->nposts;
        if (n->nposts)
            n->last_before = n->posts[n->nposts - 1];
    }
    int err = note->shows ? add_where(n, note->where) : 0;
    if (!err && note->posts.count)
        err = add_posts(n, note->posts);
    n->ended = note->ended;
    return err;
}

struct order *
order_open(const struct order_posts *roots, size_t n)
{
    struct order *o = calloc(1, sizeof *o);
    struct family all = {.posts = malloc((n + 1) * sizeof *roots), .nposts = n};
    if (!o || !all.posts) {
        free(all.posts);
        free(o);
        return NULL;
    }
    memcpy(all.posts, roots, n * sizeof *roots);
    enter_family(o, all);
    if (o->nstack)
        return o;
    free(o);
    return NULL;
}

void
order_close(struct order *o)
{
    tdestroy(o->nodes, free_node);
    for (size_t i = 0; i < o->nstack; i++)
        free(o->stack[i].posts);
    free(o->stack);
    free(o);
}
