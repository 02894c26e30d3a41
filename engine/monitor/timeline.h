/* timeline: what --report shows of a job: how it went, what its workers did, what failed.
 * An observer: kept in the supervisor's memory, and read when the workers are gone.
 *
 * Samples are taken every few milliseconds at first; whenever there are TIMELINE_SAMPLES of
 * them, each two become one and the time between two doubles. */
#ifndef PRN_TIMELINE_H
#define PRN_TIMELINE_H

#include "monitor/metrics_layout.h"

enum {
    TIMELINE_SAMPLES = 400, /* even */
    TIMELINE_ROWS = 100,    /* of the picture of the workers: a row is one of them, or some */
    TIMELINE_KINDS = 200,   /* of failures */
    TIMELINE_DEATHS = 200,
};

/* What the workers of a row did between the sample before and this one. */
struct timeline_cell {
    uint16_t fn;  /* a function that one of them ran */
    uint8_t busy; /* of their time, in 255ths */
};

/* The job, when a sample was taken. */
struct timeline_sample {
    uint64_t at_ns; /* since the start */
    uint64_t waiting, busy;
    uint64_t *finished;          /* by function: 0 .. timeline.nfns */
    struct timeline_cell *cells; /* by row */
};

/* Failures of one kind, with the first of them. */
struct timeline_kind {
    uint64_t key, count, again; /* again: of them, runs that were not the last */
    uint64_t first_ns, last_ns; /* since the start */
    struct metrics_event first;
};

struct timeline_death {
    uint64_t at_ns;
    uint32_t worker;
    int status; /* of wait */
};

struct timeline {
    uint32_t nfns, nworkers, nrows, row_workers;
    uint32_t nsamples, nkinds, ndeaths;
    uint64_t more_kinds, more_deaths; /* which had no room */
    uint64_t end_ns;                  /* since the start */
    struct timeline_sample samples[TIMELINE_SAMPLES];
    struct timeline_kind kinds[TIMELINE_KINDS];
    struct timeline_death deaths[TIMELINE_DEATHS];
};

extern struct timeline timeline;

/* timeline_open asks to be told. Before the script runs. */
void timeline_open(void);

#endif
