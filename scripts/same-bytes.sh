#!/usr/bin/env bash
# Builds the named components twice, from nothing, in two checkouts at different places, with different target folders
# and different homes of cargo, and compares the files. Takes minutes a part.
#
# usage: scripts/same-bytes.sh PART…
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A checkout at $1 with what it needs beside it: the files of this one, the registry that is here.
place() {
  mkdir -p "$1/weir" "$1/cargo"
  git ls-files --cached --others --exclude-standard -z | xargs -0 -I{} sh -c '[ ! -e "$1" ] || printf "%s\0" "$1"' - {} |
    tar cf - --null --files-from - | tar xf - -C "$1/weir"
  ln -s "$(realpath "${CARGO_HOME:-$HOME/.cargo}")/registry" "$1/cargo/registry"
  cp "${CARGO_HOME:-$HOME/.cargo}"/config* "$1/cargo/" 2>/dev/null || true
}

for at in here a/longer/way/there; do
  place "$work/$at"
  (cd "$work/$at/weir" && CARGO_HOME="$work/$at/cargo" CARGO_TARGET_DIR="$work/$at/out" bash scripts/components.sh "$@")
done
for part in "$@"; do
  cmp "$work/here/weir/target/components/$part.wasm" "$work/a/longer/way/there/weir/target/components/$part.wasm"
done
echo "the same bytes: $*"
