#!/usr/bin/env bash
# The benchmarks: criterion's for the pure parts, then whole processes over real sockets.
# The report goes to target/report/.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-target}
for crate in weir-translator weir-limiter weir-cluster weir-control; do
  if ls "$(cargo pkgid -p "$crate" | sed 's|.*file://\([^#]*\).*|\1|')/benches" >/dev/null 2>&1; then
    ${CARGO:-cargo} bench --locked --package "$crate" -- --quick
  fi
done
${CARGO:-cargo} build --release --locked --package weir-tests --bin weir-bench
WEIR_BIN=$out/release/weir exec "$out/release/weir-bench" "$@"
