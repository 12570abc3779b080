#!/bin/bash
# Type-check and lint evloop for macOS and the BSDs from a Debian machine, without their SDKs.
#
#   tools/check-bsd.sh [TARGET...]        all six targets if none is named
#
# rustup has no standard library for some of these targets, and none of ours needs to be run: so
# this takes Debian's newest rustc with the library's source (unpacked into a cache, not
# installed), lets it *check* the library for each target, and then checks the crate against that.
# Nothing is linked, so nothing here proves that a program runs; it proves that it compiles.
#
#   EVLOOP_BSD_CACHE   where it is all kept (1.7 GB); ${XDG_CACHE_HOME:-~/.cache}/evloop-bsd
#
# Wants: Debian 12 or later with its security archive, apt-get, dpkg, cargo.
set -euo pipefail

crate=$(cd "$(dirname "$0")/.." && pwd)
cache=${EVLOOP_BSD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evloop-bsd}
targets=("$@")
if [ $# -eq 0 ]; then
  targets=(x86_64-unknown-{freebsd,netbsd,openbsd,dragonfly} {x86_64,aarch64}-apple-darwin)
fi

main() {
  mkdir -p "$cache/bin" "$cache/done"
  usr=$cache/usr
  once unpacked fetch_compiler
  wrap_compiler
  export RUSTC=$cache/bin/rustc
  for target in "${targets[@]}"; do once "std-$target" check_std "$target"; done
  check_crate
}

# Does a step that is dear and never changes, unless it was done before.
once() {
  local mark=$cache/done/$1
  shift
  [ -e "$mark" ] && return
  echo "check-bsd: $*" >&2
  "$@"
  touch "$mark"
}

# The only Debian package that the first one depends on and whose name matches the second.
dependency() {
  apt-cache depends "$1" | sed -n "s/ *Depends: \($2\)\$/\1/p" | head -n 1
}

fetch_compiler() {
  if ! apt-cache show rustc-web >/dev/null 2>&1; then
    echo "check-bsd: apt knows no package rustc-web; run 'apt-get update' on Debian 12 or later" >&2
    exit 1
  fi
  local runtime llvm debs
  runtime=$(dependency libstd-rust-web-dev 'libstd-rust-web-[0-9.]*')
  llvm=$(dependency "$runtime" 'libllvm[0-9]*')
  debs=$(mktemp -d "$cache/debs.XXXXXX")
  chmod 755 "$debs" # for the user that apt downloads as
  # In a subshell so that the caller's directory stays; apt downloads into the current one.
  (
    cd "$debs"
    apt-get download -qq rustc-web rust-web-src rust-web-clippy libstd-rust-web-dev "$runtime" "$llvm"
    for deb in ./*.deb; do dpkg -x "$deb" "$cache"; done
  )
  rm -r "$debs"
  # rustc looks for the library's source here; the package's own link is an absolute one.
  mkdir -p "$usr/lib/rustlib/src"
  ln -sfn "$(dirname "$(library)")" "$usr/lib/rustlib/src/rust"
}

library() { echo "$usr"/src/rustc-*/library; }

# The unpacked programs want the unpacked LLVM.
wrap_compiler() {
  local program libraries
  libraries=$(echo "$usr"/lib/*-linux-gnu*)
  for program in rustc clippy-driver; do
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$usr/bin/$program" \
      >"$cache/bin/$program"
    chmod +x "$cache/bin/$program"
  done
}

# The standard library as metadata only, put where rustc looks for it.
check_std() {
  local target=$1 home=$usr/lib/rustlib/$1/lib
  (
    cd "$(library)"
    # The library may use unstable features, the crate below may not.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zforce-unstable-if-unmarked -Awarnings" \
      CARGO_TARGET_DIR=$cache/std \
      cargo check --quiet --release --locked --manifest-path sysroot/Cargo.toml --target "$target"
  )
  mkdir -p "$home"
  cp "$cache/std/$target"/release/deps/*.rmeta "$home"
}

# The crate with its tests and examples, every warning of rustc's and clippy's an error.
check_crate() {
  cd "$crate"
  RUSTC_WORKSPACE_WRAPPER=$cache/bin/clippy-driver CLIPPY_ARGS= RUSTFLAGS=-Dwarnings \
    CARGO_TARGET_DIR=$cache/target \
    cargo check --all-targets "${targets[@]/#/--target=}"
}

main
