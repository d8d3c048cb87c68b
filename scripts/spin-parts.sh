#!/usr/bin/env bash
# Makes the named components ready for Spin, in target/components/spin: each with settings-spin in it, since Spin
# composes a component's dependencies into a trigger's primary component only, never into its middleware.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/components.sh settings-spin
parts=()
for part in "$@"; do parts+=("target/components/$part.wasm"); done
${CARGO:-cargo} run --quiet --locked --package weir-spin --example plug -- \
  target/components/settings-spin.wasm "${parts[@]}" target/components/spin
