#!/usr/bin/env bash
# Builds the named components for wasm32-wasip2 and puts them into target/components.
#
# Each is linked on its own with fat LTO: a library of two crate types would be built without. `gateway-p2` is the fused
# component for hosts that have WASI 0.2 alone.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-target}
mkdir -p target/components "$out"
# No folder of this machine gets into a file (places of panics would), so that any two checkouts make the same bytes.
registry=${CARGO_HOME:-$HOME/.cargo}
remap=$(printf '\x1f--remap-path-prefix=%s' "$registry=/cargo" "$PWD=/weir" "$(realpath "$out")=/target")
export CARGO_ENCODED_RUSTFLAGS=${remap:1}
for part in "$@"; do
  crate=${part%-p2}
  features=()
  # Libraries that the fused gateway takes, too, export their handler only where they are a component of their own.
  if grep -q '^component = ' "components/$crate/Cargo.toml"; then features+=(--features component); fi
  if [ "$crate" != "$part" ]; then features+=(--features p2); fi
  ${CARGO:-cargo} rustc --quiet --locked --package "weir-$crate" --lib --crate-type cdylib "${features[@]}" \
    --profile component --target wasm32-wasip2
  built=$out/wasm32-wasip2/component/weir_${crate//-/_}.wasm
  if grep -qaF -e "$registry/" -e "$PWD/" "$built"; then
    echo "$part: a path of this machine is in it" >&2
    exit 1
  fi
  cmp -s "$built" "target/components/$part.wasm" || cp "$built" "target/components/$part.wasm"
  printf '%-14s %5d KiB\n' "$part" $(($(stat -c %s "$built") / 1024))
done
