#!/usr/bin/env bash
# Builds the guest programs that weir-edge and the manifest for Spin are tested with, and puts them into target/guests.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${GUESTS_TARGET_DIR:-$PWD/target/guests/build}
for guests in host/edge/guests host/spin/guests; do
  CARGO_TARGET_DIR=$out ${CARGO:-cargo} build --quiet --locked --release --examples \
    --target wasm32-wasip2 --manifest-path "$guests/Cargo.toml"
done
mkdir -p target/guests
for built in "$out"/wasm32-wasip2/release/examples/*.wasm; do
  name=$(basename "$built")
  # Cargo leaves each program under a name with a hash, too.
  [[ $name =~ -[0-9a-f]{16}\.wasm$ ]] && continue
  cmp -s "$built" "target/guests/$name" || cp "$built" "target/guests/$name"
done
