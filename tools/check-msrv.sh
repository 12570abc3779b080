#!/bin/bash
# Type-check evloop with the oldest Rust it promises to compile with (Cargo.toml's rust-version).
#
# Debian 12 has that very version as rustc-web; it is unpacked into a cache, not installed, and
# stands beside whatever Rust is there. Tests and examples are held to it as well.
#
#   EVLOOP_MSRV_CACHE   where it is kept (0.5 GB); ${XDG_CACHE_HOME:-~/.cache}/evloop-msrv
set -euo pipefail

crate=$(cd "$(dirname "$0")/.." && pwd)
cache=${EVLOOP_MSRV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evloop-msrv}
msrv=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$crate/Cargo.toml")

# Unpacks one of Debian's packages, the version that begins with $2 where that is given.
unpack() {
  local version
  version=$(apt-cache madison "$1" | awk -v want="${2:-}" 'index($3, want) == 1 {print $3; exit}')
  if [ -z "$version" ]; then
    echo "check-msrv: apt has no $1 ${2:-}; run 'apt-get update' on Debian 12" >&2
    exit 1
  fi
  apt-get download -qq "$1=$version"
  dpkg -x "$1"_*.deb "$cache"
  rm -f "$1"_*.deb
}

if [ ! -e "$cache/unpacked" ]; then
  mkdir -p "$cache/bin"
  work=$(mktemp -d "$cache/debs.XXXXXX")
  chmod 755 "$work" # for the user that apt downloads as
  cd "$work"
  unpack rustc-web "$msrv"
  unpack "libstd-rust-web-$msrv" "$msrv"
  unpack libstd-rust-web-dev "$msrv"
  llvm=$(apt-cache depends "libstd-rust-web-$msrv" | sed -n 's/ *Depends: \(libllvm[0-9]*\)$/\1/p')
  for library in $llvm; do unpack "$library"; done
  rmdir "$work"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s/usr/lib/x86_64-linux-gnu exec %s/usr/bin/rustc "$@"\n' \
    "$cache" "$cache" >"$cache/bin/rustc"
  chmod +x "$cache/bin/rustc"
  touch "$cache/unpacked"
fi

cd "$crate"
export RUSTC=$cache/bin/rustc
"$RUSTC" --version
cargo check --quiet --all-targets --all-features --target-dir "$cache/target"
cargo check --quiet --lib --no-default-features --target-dir "$cache/target"
