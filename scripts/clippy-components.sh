#!/usr/bin/env bash
# Clippy over the parts that only exist for WebAssembly.
set -euo pipefail
cd "$(dirname "$0")/.."
lint() { ${CARGO:-cargo} clippy --locked --profile component --target wasm32-wasip2 "$@" -- -D warnings; }
packages=(-p weir-face)
for part in "$@"; do
  case $part in
    *-p2) lint -p weir-face -p "weir-${part%-p2}" --features "weir-${part%-p2}/p2" ;;
    *)
      packages+=(-p "weir-$part")
      if grep -q '^component = ' "components/$part/Cargo.toml"; then packages+=(--features "weir-$part/component"); fi
      ;;
  esac
done
lint "${packages[@]}"
