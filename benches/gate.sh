#!/usr/bin/env bash
# Instructions per vitals event of the engine against the committed baseline; fails beyond 3 % (10 % with another compiler). `gate.sh --bless` writes a new baseline,
# `gate.sh --json` prints the figures alone, one JSON object each.
# Making the events is counted too: it does not change. Counted by valgrind, so a busy machine changes nothing; two runs of different length are subtracted, so start-up does not count.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

baseline=benches/instructions.txt
limit_percent=3
# Another compiler makes another program: then only a large step says something about this repository.
other_compiler_limit_percent=10
short=20 long=60 patients=1000

engine=$(cargo bench --locked --no-run --bench engine --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*\/engine-[^"]*\)".*/\1/p' | tail -n 1)
[ -x "$engine" ] || { echo 'gate: the engine benchmark was not built: run `cargo bench --no-run --bench engine`' >&2; exit 1; }

instructions() { # SOURCE SECONDS
    local log
    log=$(mktemp)
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null --log-file="$log" \
        "$engine" --count "$2" --source "$1" --patients "$patients" >/dev/null ||
        { tail -5 "$log" >&2; echo "gate: valgrind failed on $1" >&2; exit 1; }
    sed -n 's/.*I *refs: *//p' "$log" | tr -d ','
    rm -f "$log"
}

events=$(((long - short) * patients))
measured=$(mktemp)
trap 'rm -f "$measured"' EXIT
for source in json arrow; do
    few=$(instructions "$source" "$short")
    many=$(instructions "$source" "$long")
    echo "$source $(((many - few) / events))"
done >"$measured"

if [ "${1:-}" = --bless ]; then
    { echo "# instructions per vitals event of the engine, by benches/gate.sh --bless, $(rustc --version)"; cat "$measured"; } >"$baseline"
    cat "$baseline"
    exit 0
fi

if [ "${1:-}" = --json ]; then
    while read -r source now; do
        printf '{"part":"instructions","case":"%s","instructions_per_event":%s}\n' "$source" "$now"
    done <"$measured"
    exit 0
fi

if ! grep -qF "$(rustc --version)" "$baseline"; then
    limit_percent=$other_compiler_limit_percent
    echo "gate: $(rustc --version) is not the baseline's compiler: the limit is $limit_percent %, not 3; gate.sh --bless writes a new baseline"
fi

failed=0
compared=0
while read -r source now; do
    was=$(sed -n "s/^$source //p" "$baseline")
    [ -n "$was" ] || { echo "gate: $baseline holds nothing for $source: run benches/gate.sh --bless" >&2; exit 1; }
    compared=$((compared + 1))
    echo "gate: $source $now instructions an event, baseline $was ($(awk "BEGIN { printf \"%+.1f\", 100 * ($now / $was - 1) }") %)"
    if [ $((now * 100)) -gt $((was * (100 + limit_percent))) ]; then
        failed=1
    fi
done <"$measured"
[ "$compared" -eq 2 ] || { echo 'gate: nothing was compared' >&2; exit 1; }
if [ "$failed" -ne 0 ]; then
    echo "gate: MORE THAN $limit_percent % ABOVE THE BASELINE: make it cheaper, or say why and run benches/gate.sh --bless" >&2
    sed -n '1p' "$baseline" >&2
    echo "gate: this compiler is $(rustc --version)" >&2
    exit 1
fi
