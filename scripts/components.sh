#!/usr/bin/env bash
# Builds the named components for wasm32-wasip2 and puts them into target/components.
#
# Each is linked on its own with fat LTO: a library of two crate types would be built without.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-target}
mkdir -p target/components
for part in "$@"; do
  # Libraries that the fused gateway takes, too, export their handler only where they are a component of their own.
  features=()
  if grep -q '^component = ' "components/$part/Cargo.toml"; then features=(--features component); fi
  ${CARGO:-cargo} rustc --quiet --locked --package "weir-$part" --lib --crate-type cdylib "${features[@]}" \
    --profile component --target wasm32-wasip2
  built=$out/wasm32-wasip2/component/weir_${part//-/_}.wasm
  cmp -s "$built" "target/components/$part.wasm" || cp "$built" "target/components/$part.wasm"
  printf '%-14s %5d KiB\n' "$part" $(($(stat -c %s "$built") / 1024))
done
