/* Threads as workers on one dict: what readers see without a lock is whole and
 * theirs, what writers add is never lost. Prints TAP; STRESS=long runs longer.
 *
 * Longer than 500 lines: the stories share one dict and its threads, and are told apart. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memory/self.h"
#include "base/clock.h"
#include "codec/codec.h"
#include "shard_count.h"
#include "store/dict_tx.h"
#include "base/hash.h"
#include "store/lock.h"
#include "store/names.h"

enum { THREADS = 4 };

static struct arena arena;
static struct self boss;
static double seconds;  /* for one test */
static uint32_t stop;   /* all threads read it between two rounds */
static uint32_t broken; /* how often something was wrong */

#define CHECK(x)                  \
    ((x) ? (void)0                \
         : (atom_or(&broken, 1u), \
            (void)fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, #x)))

/* One thread: its slot, its random numbers, its dict. */
struct hand {
    pthread_t thread;
    struct self self;
    struct dict *d;
    uint32_t *lock;
    uint64_t random;
    uint32_t id; /* from 0 */
    uint64_t n;  /* what it counted */
};

static uint64_t
random_of(struct hand *h)
{
    h->random ^= h->random << 13;
    h->random ^= h->random >> 7;
    h->random ^= h->random << 17;
    return h->random;
}

/* ---- keys and values ---- */

struct key {
    unsigned char bytes[CODEC_SCALAR_MAX];
    struct dict_key k;
};

static const struct dict_key *
key(struct key *out, double n)
{
    out->k.bytes = out->bytes;
    out->k.len = codec_put_number(out->bytes, n);
    out->k.hash = hash_bytes(out->bytes, out->k.len);
    return &out->k;
}

/* A value that says whose it is and whether it is whole. */
struct sealed {
    uint64_t key, sum;
    char fill[];
};

static uint64_t
seal_of(const struct sealed *s, size_t len)
{
    return hash_more(s->key, s->fill, len - sizeof *s);
}

static bool
whole(const struct dict_value *v, uint64_t of_key)
{
    static _Thread_local struct {
        _Alignas(8) char bytes[80 << 10];
    } copy;
    if (v->is_number || v->len < sizeof(struct sealed) || v->len > sizeof copy.bytes)
        return false;
    memcpy(copy.bytes, v->bytes, v->len);
    const struct sealed *s = (const struct sealed *)copy.bytes;
    return s->key == of_key && s->sum == seal_of(s, v->len);
}

static int
run1(struct hand *h, struct dict_op *op, struct dict_result *r)
{
    size_t bad;
    op->dict = h->d;
    return dict_tx_run(&h->self, op, 1, r, &bad, NULL, NULL);
}

static void
set_sealed(struct hand *h, uint64_t of_key, size_t fill)
{
    static _Thread_local struct {
        _Alignas(8) char bytes[80 << 10];
    } made;
    struct sealed *s = (struct sealed *)made.bytes;
    struct key k;
    struct dict_result r;
    s->key = of_key;
    memset(s->fill, (int)random_of(h), fill);
    s->sum = seal_of(s, sizeof *s + fill);
    struct dict_op op = {.kind = DICT_SET, .key = *key(&k, (double)of_key)};
    op.value = (struct dict_value){.present = true, .bytes = s, .len = sizeof *s + fill};
    CHECK(run1(h, &op, &r) == 0);
}

static void
set_number(struct hand *h, double of_key, double number)
{
    struct key k;
    struct dict_result r;
    struct dict_op op = {.kind = DICT_SET, .key = *key(&k, of_key)};
    op.value = (struct dict_value){.present = true, .is_number = true, .number = number};
    CHECK(run1(h, &op, &r) == 0);
}

static double
incr(struct hand *h, double of_key, double by)
{
    struct key k;
    struct dict_result r = {0};
    struct dict_op op = {.kind = DICT_INCR, .key = *key(&k, of_key)};
    op.value = (struct dict_value){.present = true, .is_number = true, .number = by};
    CHECK(run1(h, &op, &r) == 0);
    return r.number;
}

static bool
remove_key(struct hand *h, double of_key)
{
    struct key k;
    struct dict_result r = {0};
    struct dict_op op = {.kind = DICT_DELETE, .key = *key(&k, of_key)};
    CHECK(run1(h, &op, &r) == 0);
    return r.changed;
}

static struct dict_value
get(struct hand *h, double of_key)
{
    struct key k;
    struct dict_value v;
    CHECK(dict_get(&h->self, h->d, key(&k, of_key), &v) == 0);
    return v;
}

/* ---- the crew ---- */

static struct hand crew[THREADS];

static uint32_t
name(enum name_kind kind, const char *text)
{
    uint32_t index = 0;
    CHECK(names_get(&boss, kind, text, strlen(text), &index) == 0);
    return index;
}

static double
now(void)
{
    return (double)clock_ns() / 1e9;
}

/* Lets fn run in all threads for a while; with a dict that is named after it. */
static void
work(const char *title, void *(*fn)(void *), double how_long)
{
    uint32_t d = name(NAMED_DICT, title), l = name(NAMED_LOCK, title);
    stop = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        struct hand *h = &crew[i];
        h->id = i;
        h->n = 0;
        h->d = arena_at(&arena, name_at(&arena, d)->object);
        h->lock = &name_at(&arena, l)->lock;
        CHECK(pthread_create(&h->thread, NULL, fn, h) == 0);
    }
    double until = now() + how_long;
    while (now() < until) {
        struct timespec t = {0, 5000000};
        nanosleep(&t, NULL);
    }
    atom_set(&stop, 1);
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(crew[i].thread, NULL);
}

static int tests;

static void
verdict(const char *title)
{
    printf("%sok %d - %s\n", broken ? "not " : "", ++tests, title);
    fflush(stdout);
    if (broken)
        exit(1);
}

/* Index words that are not 0, and keys, counted by looking. */
static void
check_counts(struct dict *d)
{
    for (int i = 0; i < DICT_SHARDS; i++) {
        struct shard *s = &d->shards[i];
        struct shard_count is = shard_count(&arena, s);
        CHECK(s->lock == 0);
        CHECK(s->live == is.live);
        CHECK(s->used == is.used);
    }
}

/* ---- the tests ---- */

static void *
smoke(void *arg)
{
    struct hand *h = arg;
    for (int i = 0; i < 100; i++) {
        set_number(h, h->id, i);
        CHECK(get(h, h->id).number == i);
        set_sealed(h, h->id, (size_t)i * 10);
        struct dict_value v = get(h, h->id);
        CHECK(whole(&v, h->id));
        CHECK(remove_key(h, h->id));
        CHECK(!get(h, h->id).present);
    }
    return NULL;
}

/* Everybody adds to the same few numbers; each sees its own adds at once. */
static void *
stampede_incr(void *arg)
{
    struct hand *h = arg;
    double last[8] = {0};
    while (!atom_peek(&stop)) {
        uint64_t k = random_of(h) % 8;
        double sum = incr(h, (double)k, 1);
        CHECK(sum > last[k]);
        CHECK(get(h, (double)k).number >= sum);
        last[k] = sum;
        h->n++;
    }
    return NULL;
}

static void
sums_exactly(void)
{
    double sum = 0, want = 0;
    work("incr", stampede_incr, seconds);
    for (int k = 0; k < 8; k++)
        sum += get(&crew[0], k).number;
    for (int i = 0; i < THREADS; i++)
        want += (double)crew[i].n;
    CHECK(sum == want && sum > 0);
    check_counts(crew[0].d);
}

/* Set, delete and read the same keys with values of all sizes. */
static void *
stampede_set(void *arg)
{
    struct hand *h = arg;
    while (!atom_peek(&stop)) {
        uint64_t r = random_of(h), k = r % 24;
        size_t fill = (r >> 8) % 64 == 0 ? (r >> 16) % 70000 : (r >> 16) % 600;
        if (h->id < THREADS / 2 && (r >> 40) % 4 == 0)
            (void)remove_key(h, (double)k);
        else if (h->id < THREADS / 2)
            set_sealed(h, k, fill);
        struct dict_value v = get(h, (double)(random_of(h) % 24));
        h->n += v.present;
        k = (random_of(h)) % 24;
        v = get(h, (double)k);
        CHECK(!v.present || whole(&v, k));
    }
    return NULL;
}

/* Each adds keys of its own for good and looks for everybody's. */
static uint64_t added[THREADS];

static double
nth_key(uint32_t id, uint64_t n)
{
    return (double)(n * THREADS + id);
}

static void *
nothing_lost(void *arg)
{
    struct hand *h = arg;
    while (!atom_peek(&stop)) {
        double k = nth_key(h->id, h->n);
        if (h->n % 3)
            set_number(h, k, k);
        else
            set_sealed(h, (uint64_t)k, h->n % 50);
        atom_store(&added[h->id], ++h->n); /* release: pairs with the load below */
        for (int i = 0; i < 2; i++) {
            uint32_t of = (uint32_t)(random_of(h) % THREADS);
            uint64_t n = atom_load(&added[of]);
            if (!n)
                continue;
            n = random_of(h) % n;
            struct dict_value v = get(h, nth_key(of, n));
            CHECK(v.present);
            CHECK(n % 3 ? v.number == nth_key(of, n) : whole(&v, (uint64_t)nth_key(of, n)));
        }
    }
    return NULL;
}

static void
all_there(void)
{
    uint64_t n = 0;
    work("growth", nothing_lost, seconds);
    for (uint32_t i = 0; i < THREADS; i++) {
        n += crew[i].n;
        for (uint64_t k = 0; k < crew[i].n; k++)
            CHECK(get(&crew[0], nth_key(i, k)).present);
    }
    CHECK(dict_len(crew[0].d) == n);
    check_counts(crew[0].d);
}

/* Keys that come and go turn the index over; those that stay are always found. */
static void *
one_that_stays(void *arg)
{
    struct hand *h = arg;
    double mine = 1e6 + h->id;
    set_number(h, mine, 0);
    for (uint64_t i = 1; !atom_peek(&stop); i++) {
        double k = (double)(random_of(h) % 300);
        if (random_of(h) % 2)
            set_number(h, k, k);
        else
            (void)remove_key(h, k);
        set_number(h, mine, (double)i);
        struct dict_value v = get(h, mine);
        CHECK(v.present && v.number == (double)i);
        k = (double)(random_of(h) % 300);
        v = get(h, k);
        CHECK(!v.present || v.number == k);
    }
    return NULL;
}

/* Two keys in one transaction: what leaves one arrives at the other. */
static void *
transfers(void *arg)
{
    struct hand *h = arg;
    while (!atom_peek(&stop)) {
        struct key from, to;
        struct dict_op op[2] = {{.kind = DICT_INCR, .dict = h->d}, {.kind = DICT_INCR, .dict = h->d}};
        struct dict_result r[2];
        size_t bad;
        uint64_t a = random_of(h) % 64, b = random_of(h) % 64;
        if (a == b)
            continue;
        op[0].key = *key(&from, (double)a);
        op[1].key = *key(&to, (double)b);
        if (dict_shard(h->d, op[0].key.hash) > dict_shard(h->d, op[1].key.hash)) {
            struct dict_key k = op[0].key;
            op[0].key = op[1].key;
            op[1].key = k;
        }
        op[0].value = (struct dict_value){true, true, 5, NULL, 0};
        op[1].value = (struct dict_value){true, true, -5, NULL, 0};
        CHECK(dict_tx_run(&h->self, op, 2, r, &bad, NULL, NULL) == 0);
        h->n++;
    }
    return NULL;
}

static void
constant_total(void)
{
    double sum = 0;
    work("transfers", transfers, seconds);
    for (int k = 0; k < 64; k++)
        sum += get(&crew[0], k).number;
    CHECK(sum == 0);
    check_counts(crew[0].d);
}

/* Locks: a plain number under one, a second lock inside it. */
static uint64_t guarded;

static void *
stampede_lock(void *arg)
{
    struct hand *h = arg;
    uint32_t *inner = &name_at(&arena, name(NAMED_LOCK, "inner"))->lock;
    while (!atom_peek(&stop)) {
        /* Two that are always taken in this order are no circle: no -ELOOP. */
        CHECK(lock_take(&h->self, h->lock, -1) == 0);
        CHECK(lock_take(&h->self, inner, -1) == 0);
        guarded++;
        h->n++;
        lock_release(&h->self, inner);
        lock_release(&h->self, h->lock);
        if (lock_take(&h->self, inner, (double)(random_of(h) % 3) / 1e5) == 0)
            lock_release(&h->self, inner);
    }
    return NULL;
}

static void
one_at_a_time(void)
{
    uint64_t want = 0;
    (void)name(NAMED_LOCK, "inner"); /* here, where one thread only is the boss */
    work("stampede", stampede_lock, seconds);
    for (int i = 0; i < THREADS; i++)
        want += crew[i].n;
    CHECK(guarded == want && want > 0);
    CHECK(*crew[0].lock == 0);
}

/* Names: many threads create the same ones, and get the same ones. */
static void *
same_names(void *arg)
{
    struct hand *h = arg;
    for (int i = 0; i < 200; i++) {
        char text[16];
        uint32_t index;
        int len = snprintf(text, sizeof text, "name %d", i);
        CHECK(names_get(&h->self, NAMED_LOCK, text, (size_t)len, &index) == 0);
        h->n = hash_mix(h->n, index);
    }
    return NULL;
}

enum { PIECE = 8, /* bytes of an append: who, and how often before */
       TEXT_MAX = 1 << 20 };

/* Is the text made of whole pieces, those of each thread in their order? Counts them. */
static bool
text_is_whole(const struct dict_value *v, uint32_t *n)
{
    uint32_t piece[2], of[THREADS] = {0};
    const unsigned char *s;
    size_t len;
    *n = 0;
    if (!v->present)
        return true;
    if (!codec_get_string(v->bytes, v->len, &s, &len) || len % PIECE)
        return false;
    for (size_t at = 0; at < len; at += PIECE) {
        memcpy(piece, s + at, PIECE);
        if (piece[0] >= THREADS || piece[1] != of[piece[0]]++)
            return false;
        ++*n;
    }
    return true;
}

/* All append to one text and read it. */
static void *
stampede_append(void *arg)
{
    struct hand *h = arg;
    unsigned char value[1 + PIECE];
    struct key k;
    struct dict_result r;
    uint32_t n, before = 0, piece[2] = {h->id, 0};
    size_t head = codec_put_string_head(value, PIECE);
    while (!atom_peek(&stop) && piece[1] < TEXT_MAX / PIECE / THREADS) {
        struct dict_op op = {.kind = DICT_APPEND, .key = *key(&k, 1), .head = head};
        memcpy(value + head, piece, PIECE);
        op.value = (struct dict_value){.present = true, .bytes = value, .len = head + PIECE};
        CHECK(run1(h, &op, &r) == 0);
        piece[1]++;
        if (piece[1] % 64)
            continue;
        struct dict_value v = get(h, 1);
        CHECK(text_is_whole(&v, &n) && n >= before + 64 && n >= piece[1]);
        before = n;
        set_number(h, 2 + h->id, random_of(h)); /* blocks change their use nearby */
        CHECK(remove_key(h, 2 + h->id));
    }
    h->n = piece[1];
    return NULL;
}

static void
nothing_lost_of_a_text(void)
{
    uint32_t n;
    uint64_t sum = 0;
    work("text", stampede_append, seconds);
    struct dict_value v = get(&crew[0], 1);
    for (uint32_t i = 0; i < THREADS; i++)
        sum += crew[i].n;
    CHECK(text_is_whole(&v, &n) && n == sum);
    check_counts(crew[0].d);
}

int
main(void)
{
    const char *mode = getenv("STRESS");
    seconds = mode && strcmp(mode, "long") == 0 ? 5 : 0.6;
    uint64_t seed = (uint64_t)time(NULL);
    printf("1..9\n# seed %llu\n", (unsigned long long)seed);
    CHECK(arena_open(&arena, (size_t)8 << 30) == 0);
    arena.header->nworkers = THREADS;
    for (uint32_t k = 0; k <= THREADS; k++)
        self_slot_init(&arena, k);
    CHECK(self_open(&boss, &arena, 0, THREADS + 1) == 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK(self_open(&crew[i].self, &arena, i + 1, THREADS + 1) == 0);
        crew[i].random = hash_mix(seed, i + 1);
    }

    work("smoke", smoke, 0);
    verdict("smoke");
    sums_exactly();
    verdict("stampede: incr sums exactly");
    work("set", stampede_set, seconds);
    check_counts(crew[0].d);
    verdict("stampede: no value is torn or another key's");
    all_there();
    verdict("nothing_lost: an index grows while it is read");
    nothing_lost_of_a_text();
    verdict("stampede: a text that grows is whole, and nothing of it is lost");
    work("stays", one_that_stays, seconds);
    check_counts(crew[0].d);
    verdict("nothing_lost: keys that come and go");
    constant_total();
    verdict("two keys in one transaction");
    one_at_a_time();
    verdict("stampede: a lock has one holder");
    work("names", same_names, 0);
    CHECK(crew[0].n == crew[1].n && crew[1].n == crew[2].n && crew[2].n == crew[3].n);
    verdict("same names, same entries");

    for (uint32_t i = 0; i < THREADS; i++)
        self_close(&crew[i].self);
    self_close(&boss);
    arena_close(&arena);
    return 0;
}
