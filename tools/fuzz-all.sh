#!/bin/bash
# Fuzzes every target for so many seconds each:  tools/fuzz-all.sh SECONDS
#
# RUSTC_BOOTSTRAP lets stable Rust take the sanitizer flags that cargo-fuzz passes.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: tools/fuzz-all.sh SECONDS}
export RUSTC_BOOTSTRAP=1
for target in $(cargo fuzz list); do
  echo "fuzz $target"
  dictionary=()
  case $target in h1_* | chunked | cookies | files) dictionary=("-dict=fuzz/http.dict") ;; esac
  # What a run finds is kept in the first directory; the second is where it begins.
  corpora=("fuzz/corpus/$target")
  mkdir -p "${corpora[0]}"
  if [ -d "fuzz/seeds/$target" ]; then corpora+=("fuzz/seeds/$target"); fi
  cargo fuzz run "$target" "${corpora[@]}" -- -max_total_time="$seconds" -verbosity=0 -print_final_stats=0 "${dictionary[@]}"
done
