#!/bin/bash
# The bug zoo (src/sys/zoo.rs): lets out one bug after the other, each with three fixed seeds, and
# asserts who catches it, how soon, and how small it shrinks; then that the loop as it is passes very
# many of the same cases. One build. `tools/check-zoo.sh 20000` runs so many clean cases, not 500 000.
set -euo pipefail
cd "$(dirname "$0")/.."

cases=${1:-500000}
target=${CARGO_TARGET_DIR:-target}/zoo
# Link-time optimisation would take longer than all that is run here.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_TARGET_DIR=$target RUSTFLAGS='--cfg evloop_zoo'

zoo() { cargo test --quiet --release --all-features --test zoo -- "$@"; }

# Bugs and who caught them. Column 4 is the worst time of three seeds, in seconds.
table=$(zoo hunt) || { echo "$table"; exit 1; }
echo "$table"
awk -F '\t' '
    $1 ~ /^[0-9]+ / { found++; soon += $4 < 1; late += $4 >= 10 }
    $1 == "median operations" { operations = $2 }
    $1 == "median picks" { picks = $2 }
    END {
        if (found != 24) { print "found " found " of 24 bugs"; failed = 1 }
        if (late) { print late " bugs took 10 s or longer"; failed = 1 }
        if (soon < 22) { print "only " soon " bugs were found within a second"; failed = 1 }
        if (operations > 4) { print "the median case has " operations " operations"; failed = 1 }
        if (picks > 1) { print "the median schedule has " picks " picks"; failed = 1 }
        exit failed
    }' <<<"$table"

# The twenty-fifth needs two threads at once.
tools/check-loom.sh

zoo soak "$cases"
