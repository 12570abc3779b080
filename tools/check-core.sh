#!/bin/bash
# The promise of the low-dependency core: without features evloop needs libc and nix, at most five
# crates in all, and no async crate is anywhere near it, tests and lock file included.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --no-default-features
crates=$(cargo tree --no-default-features -e normal,build --prefix none |
  sed 's/ (\*)$//; s/ (proc-macro)$//' | sort -u | tail -n +1 | grep -cv '^evloop ')
direct=$(cargo tree --no-default-features -e normal --depth 1 --prefix none | tail -n +2 | cut -d' ' -f1 | sort | xargs)
echo "core: $crates crates, directly: $direct"
[ "$crates" -le 5 ] || { echo "check-core: more than 5 crates" >&2; exit 1; }
[ "$direct" = "libc nix" ] || { echo "check-core: the core may need libc and nix only" >&2; exit 1; }

async='tokio|mio|smol|async-.*|futures.*|polling|calloop|monoio|compio|glommio|hyper|embassy.*'
if grep -E "^name = \"($async)\"\$" Cargo.lock; then
  echo "check-core: an async crate is in Cargo.lock" >&2
  exit 1
fi
