"""Reads a trace as strictly as the description of Chrome's trace format has it, and says what is in it.

    python3 trace_check.py FILE   one line: a JSON object of counts; or what is wrong, status 1

Checked: the fields that each kind of event must have and their types; the slices of a track lie inside or beside each
other; each arrow has one start and one end, within slices and forwards in time; each track has a name; counters go
forwards in time.
"""

import collections
import json
import sys

NEEDED = {
    "X": {"name": str, "cat": str, "ts": float, "dur": float, "pid": int, "tid": int},
    "M": {"name": str, "pid": int, "tid": int, "args": dict},
    "i": {"name": str, "ts": float, "pid": int, "tid": int, "s": str},
    "C": {"name": str, "ts": float, "pid": int, "args": dict},
    "s": {"name": str, "cat": str, "ts": float, "pid": int, "tid": int, "id": int},
    "f": {"name": str, "cat": str, "ts": float, "pid": int, "tid": int, "id": int},
    "b": {"name": str, "cat": str, "ts": float, "pid": int, "tid": int, "id": int},
    "e": {"name": str, "cat": str, "ts": float, "pid": int, "tid": int, "id": int},
}
OUTCOMES = {"done", "failed", "retry", "died", "quarantined"}


class Wrong(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(w) for w in what))


def nanoseconds(microseconds):
    return round(microseconds * 1000)


def check_fields(event):
    check(isinstance(event, dict), "no object:", event)
    needed = NEEDED.get(event.get("ph"))
    check(needed, "unknown kind of event:", event)
    for name, kind in needed.items():
        value = event.get(name)
        fine = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        check(fine, name, "is missing or of the wrong type:", event)
    for name in ("ts", "dur"):
        check(event.get(name, 0) >= 0, name, "is negative:", event)


def check_nesting(slices):
    """Those that begin at the same time: the longer one is around the others."""
    open_until = []
    for start, end, name in sorted(slices, key=lambda s: (s[0], -s[1])):
        while open_until and open_until[-1] <= start:
            open_until.pop()
        check(not open_until or end <= open_until[-1], "a slice ends outside of the one around it:", name, start, end)
        open_until.append(end)


def check_async(events):
    """Slices with a track of their own: each end is that of the last one begun, and not before what is inside."""
    tracks = collections.defaultdict(list)
    for event in events:
        if event["ph"] in "be":
            tracks[event["cat"], event["id"]].append(event)
    for track, begun_and_ended in tracks.items():
        open_ones, last = [], 0
        for event in begun_and_ended:
            check(event["ts"] >= last, "slice", track, "goes back in time:", event)
            last = event["ts"]
            if event["ph"] == "b":
                open_ones.append(event["name"])
            else:
                check(open_ones and open_ones.pop() == event["name"], "slice", track, "ends and has not begun:", event)
        check(not open_ones, "slice", track, "has no end")


def check_arrows(events, slices):
    ends = collections.defaultdict(list)
    for event in events:
        if event["ph"] in "sf":
            ends[event["id"]].append(event)
    for number, pair in ends.items():
        check(sorted(e["ph"] for e in pair) == ["f", "s"], "arrow", number, "has not one start and one end")
        start, end = sorted(pair, key=lambda e: e["ph"], reverse=True)
        check(end.get("bp") == "e", "arrow", number, "does not end at the slice around it")
        check(nanoseconds(start["ts"]) <= nanoseconds(end["ts"]), "arrow", number, "goes back in time")
        for event in pair:
            at = nanoseconds(event["ts"])
            around = any(s <= at <= e for s, e, _ in slices[event["tid"]].get(at, ()))
            check(around, "arrow", number, "has no slice around its end", event)
    return len(ends)


def by_moment(slices, moments):
    """For each moment the slices around it: both sorted, one pass."""
    found, current, i = {}, [], 0
    slices = sorted(slices)
    for at in sorted(moments):
        while i < len(slices) and slices[i][0] <= at:
            current.append(slices[i])
            i += 1
        current = [s for s in current if s[1] >= at]
        found[at] = list(current)
    return found


def check_trace(events):
    check(isinstance(events, list), "no array")
    slices, moments = collections.defaultdict(list), collections.defaultdict(set)
    named, used, counters = set(), set(), {}
    for event in events:
        check_fields(event)
        if event["ph"] == "X":
            start = nanoseconds(event["ts"])
            slices[event["tid"]].append((start, start + nanoseconds(event["dur"]), event["name"]))
            check(event["cat"] != "task" or event["args"]["outcome"] in OUTCOMES, "unknown outcome:", event)
        elif event["ph"] in "sf":
            moments[event["tid"]].add(nanoseconds(event["ts"]))
        elif event["ph"] == "M" and event["name"] == "thread_name":
            named.add(event["tid"])
        elif event["ph"] == "i":
            check(event["s"] in "gpt", "unknown scope:", event)
        elif event["ph"] == "C":
            check(event["ts"] >= counters.get(event["name"], 0), "a counter goes back in time:", event)
            counters[event["name"]] = event["ts"]
        used.add(event["tid"])
    check(used <= named, "tracks without a name:", used - named)
    check(len({e["pid"] for e in events}) == 1, "more than one process")
    for track in slices.values():
        check_nesting(track)
    check_async(events)
    arrows = check_arrows(events, {tid: by_moment(slices[tid], at) for tid, at in moments.items()})
    kinds = collections.Counter(e["ph"] for e in events)
    names = collections.Counter(e["name"] for e in events)
    return {"kinds": kinds, "names": names, "arrows": arrows}


def main():
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            print(json.dumps(check_trace(json.load(file))))
    except (Wrong, ValueError) as wrong:
        sys.exit("%s: %s" % (sys.argv[1], wrong))


main()
