#!/usr/bin/env bash
# Clippy over the parts that only exist for WebAssembly.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(-p weir-face)
for part in "$@"; do packages+=(-p "weir-$part"); done
${CARGO:-cargo} clippy --locked --profile component --target wasm32-wasip2 "${packages[@]}" -- -D warnings
