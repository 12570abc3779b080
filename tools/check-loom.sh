#!/bin/bash
# The flags between a loop and other threads, in every interleaving; and that the two bugs of the zoo
# that live there are found. Seconds.
set -euo pipefail
cd "$(dirname "$0")/../loom"
unset CARGO_TARGET_DIR
RUSTFLAGS='--cfg loom --cfg evloop_zoo' cargo test --quiet --release
