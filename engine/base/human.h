/* human: numbers as people read them, in few columns. */
#ifndef PRN_HUMAN_H
#define PRN_HUMAN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/locale_point.h"

enum { HUMAN_TEXT = 32 }; /* bytes that are enough for each */

/* human_time writes how long something took: 850ns 12us 3.4ms 1.20s 2:05 1:02:03 3d04h. */
static inline char *
human_time(char text[HUMAN_TEXT], uint64_t ns)
{
    unsigned long long s = ns / 1000000000;
    if (ns < 1000)
        snprintf(text, HUMAN_TEXT, "%lluns", (unsigned long long)ns);
    else if (ns < 1000000)
        snprintf(text, HUMAN_TEXT, ns < 10000 ? "%.1fus" : "%.0fus", (double)ns / 1e3);
    else if (ns < 1000000000)
        snprintf(text, HUMAN_TEXT, ns < 10000000 ? "%.1fms" : "%.0fms", (double)ns / 1e6);
    else if (s < 60)
        snprintf(text, HUMAN_TEXT, s < 10 ? "%.2fs" : "%.1fs", (double)ns / 1e9);
    else if (s < 3600)
        snprintf(text, HUMAN_TEXT, "%llu:%02llu", s / 60, s % 60);
    else if (s < 100 * 3600)
        snprintf(text, HUMAN_TEXT, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, HUMAN_TEXT, "%llud%02lluh", s / 86400, s / 3600 % 24);
    return locale_point(text);
}

/* human_clock writes what a clock on the wall would: 0:07 2:05 1:02:03 3d04h. */
static inline char *
human_clock(char text[HUMAN_TEXT], uint64_t ns)
{
    unsigned long long s = ns / 1000000000;
    if (s >= 60)
        return human_time(text, ns);
    snprintf(text, HUMAN_TEXT, "0:%02llu", s);
    return text;
}

/* human_bytes writes a size: 512 34K 1.2M 123M 4.0G. */
static inline char *
human_bytes(char text[HUMAN_TEXT], uint64_t bytes)
{
    static const char units[] = " KMGTPE";
    double v = (double)bytes;
    int unit = 0;
    for (; v >= 1000 && units[unit + 1]; unit++)
        v /= 1024;
    if (unit == 0)
        snprintf(text, HUMAN_TEXT, "%llu", (unsigned long long)bytes);
    else
        snprintf(text, HUMAN_TEXT, v < 10 ? "%.1f%c" : "%.0f%c", v, units[unit]);
    return locale_point(text);
}

/* human_option_size writes a size exactly, as options take it: 64M, 1000 bytes. */
static inline char *
human_option_size(char text[HUMAN_TEXT], uint64_t bytes)
{
    static const char units[] = " KMGT";
    int unit = 0;
    for (; bytes && bytes % 1024 == 0 && units[unit + 1]; unit++)
        bytes /= 1024;
    snprintf(text, HUMAN_TEXT, unit ? "%llu%c" : "%llu bytes", (unsigned long long)bytes,
             units[unit]);
    return text;
}

/* human_rate writes how many a second: 0.25 7.5 340 45.1k 2.30M. */
static inline char *
human_rate(char text[HUMAN_TEXT], double per_second)
{
    if (per_second < 10)
        snprintf(text, HUMAN_TEXT, "%.2f", per_second);
    else if (per_second < 100)
        snprintf(text, HUMAN_TEXT, "%.1f", per_second);
    else if (per_second < 10000)
        snprintf(text, HUMAN_TEXT, "%.0f", per_second);
    else if (per_second < 1e6)
        snprintf(text, HUMAN_TEXT, "%.1fk", per_second / 1e3);
    else
        snprintf(text, HUMAN_TEXT, "%.2fM", per_second / 1e6);
    return locale_point(text);
}

#endif
