#!/usr/bin/env bash
# The benchmarks: criterion's for the pure parts, then whole processes over real sockets, as ratios against a direct
# call, beside those peers of tier two that `scripts/peers.sh` has installed, and against what tier two promises. The
# reports go to target/report/.
#
# usage: scripts/bench.sh [--quick] [--peers: tier two and its peers alone | --promises: what tier two promises alone]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-target}
if [[ " $* " = *" --peers "* || " $* " = *" --promises "* ]]; then
  ${CARGO:-cargo} build --release --locked --workspace --bin weir-bench
  WEIR_BIN=$out/release/weir exec "$out/release/weir-bench" "$@"
fi
# The whole workspace is selected so that features, and so what is built, are those of `make test`.
${CARGO:-cargo} bench --locked --workspace --bench translate --bench quota --bench balance --bench plane \
  --bench catalog --bench compose --bench start -- --quick
mkdir -p target/report
bash scripts/pace.sh | tee target/report/pace.md
${CARGO:-cargo} build --release --locked --workspace --bin weir-bench
WEIR_BIN=$out/release/weir exec "$out/release/weir-bench" "$@"
