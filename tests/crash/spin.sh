#!/usr/bin/env bash
# Checks the models in this directory with Spin. Usage: tests/crash/spin.sh [check|short|full]
#
#   check   each model with one death: assertions and deadlocks (for `make check`)
#   short   also with two deaths, liveness (its ltl formula, weak fairness) with one,
#           and each PRN_BUG_NAME that a model knows: with that it must fail
#   full    also liveness with two deaths, and all that the two models of tasks that wait have
#
# A line a run: states, errors, verdict. The last line says how many were not as they
# should be; status 1 if any. `-DNOCLAIM`: an ltl formula turns the search for
# deadlocks off. BUILD (default build): where to work.
set -u
cd "$(dirname "$0")/../.." || exit 1
length=${1:-short}
models=$PWD/tests/crash
mkdir -p "${BUILD:=build}/spin"
work=$(cd "$BUILD/spin" && pwd) || exit 1
runs=0 wrong=0

# verify MODEL "SPIN FLAGS" "COMPILER FLAGS" [PAN FLAGS]: sets states, errors.
verify()
{
    local dir out
    dir=$(mktemp -d "$work/XXXXXX") || exit 1
    # shellcheck disable=SC2086
    (cd "$dir" && spin $2 -a "$models/$1.pml" &&
        gcc -O1 -w -DCOLLAPSE $3 -o pan pan.c) >"$dir/log" 2>&1 || {
        cat "$dir/log"
        echo "spin: $1 $2 does not compile"
        exit 1
    }
    out=$(cd "$dir" && timeout 1200 ./pan -m2000000 "${@:4}" 2>&1)
    states=$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' <<<"$out")
    errors=$(sed -nE 's/.*errors: ([0-9]+).*/\1/p' <<<"$out")
    # A search that was cut short has proved nothing.
    if grep -qE 'max search depth too small|out of memory|Search not completed' <<<"$out" &&
        [ "$errors" = 0 ]; then
        errors=
    fi
    rm -rf "$dir"
}

# say WHAT GOOD: one line; GOOD is 0 if errors are what there must be none of.
say()
{
    local verdict=ok
    runs=$((runs + 1))
    if { [ "$2" = 0 ] && [ "$errors" != 0 ]; } || [ -z "$errors" ]; then
        verdict=FAILED
        wrong=$((wrong + 1))
    fi
    printf '%-44s %10s states, errors: %-2s %s\n' "$1" "${states:-?}" "${errors:-?}" "$verdict"
}

# All that one model has; the words after its name are its variants. most=1: with one death only;
# calm=VARIANT: no liveness of this one.
model()
{
    local name=$1 deaths variant bug caught
    shift
    for variant in "$@"; do
        for deaths in 1 2; do
            [ $deaths = 1 ] || [ "$length" != check ] || continue
            [ $deaths -le "${most:-2}" ] || continue
            verify "$name" "-DDEATHS=$deaths $variant" "-DSAFETY -DNOCLAIM"
            say "$name${variant:+ $variant}, $deaths death(s): safety" 0
        done
        for deaths in 1 2; do
            [ "$length" != check ] || continue
            [ $deaths = 1 ] || [ "$length" = full ] || continue
            [ $deaths -le "${most:-2}" ] || continue
            [ "$variant" != "${calm:-none}" ] || continue
            # NFAIR: each death starts one more process, and weak fairness counts them.
            verify "$name" "-DDEATHS=$deaths $variant" "-DNFAIR=3" -a -f
            say "$name${variant:+ $variant}, $deaths death(s): liveness" 0
        done
    done
    [ "$length" != check ] || return
    for bug in $(grep -oE 'PRN_BUG_[A-Z_]+' "$models/$name.pml" | grep -v PRN_BUG_NAME | sort -u); do
        caught=0
        for variant in "$@"; do
            verify "$name" "-D$bug $variant" "-DSAFETY -DNOCLAIM"
            [ "${errors:-0}" = 0 ] || caught=1
            [ $caught = 0 ] || break
        done
        if [ $caught = 1 ]; then
            say "$name with ${bug#PRN_BUG_}: caught" 1
        else
            say "$name with ${bug#PRN_BUG_}: NOT CAUGHT" 1
            wrong=$((wrong + 1))
        fi
    done
}

command -v spin >/dev/null || {
    echo "spin: it is not installed (Debian: spin)"
    exit 1
}
model idle ""
model hints "" -DLIFO
model lock ""
case $length in
check)
    model waking -DFEW
    model waiting ""
    ;;
short)
    most=1 model waking ""
    most=1 calm=-DAGAIN model waiting -DAGAIN ""
    ;;
*)
    most=1 model waking "" -DMORE
    most=1 model waiting -DAGAIN ""
    ;;
esac
echo "spin: $runs runs, $wrong wrong"
[ $wrong = 0 ]
