#!/usr/bin/env bash
# Builds the examples of a tenant's own middleware, and puts them into target/examples.
#
# The one in Python needs the tools of tests/requirements-examples.txt, which scripts/setup.sh installs; without them it
# is left out, and said so. Its bytes differ from build to build, so it is built anew only when something changed.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${EXAMPLES_TARGET_DIR:-$PWD/target/examples/build}
tools=target/tools/examples/bin
mkdir -p target/examples/build

# Builds the Rust component of examples/$1.
rust() {
  CARGO_TARGET_DIR=$out ${CARGO:-cargo} build --quiet --locked --release --target wasm32-wasip2 \
    --manifest-path "examples/$1/Cargo.toml"
  local built=$out/wasm32-wasip2/release/${1//-/_}.wasm
  cmp -s "$built" "target/examples/$1.wasm" || cp "$built" "target/examples/$1.wasm"
}

# Builds the Python component of examples/$1, and closes the sockets that Python's runtime asks for.
python() {
  local made=target/examples/$1.wasm unsealed=target/examples/build/$1.wasm
  local sources=("examples/$1" wit target/examples/no-sockets.wasm)
  if [ -f "$made" ] && [ -f "$unsealed" ] &&
    [ -z "$(find "${sources[@]}" -newer "$made" -name '*.[wp]*' -type f -print -quit)" ]; then
    return
  fi
  "$tools/componentize-py" --quiet --wit-path wit --wit-path "examples/$1/wit" --world acme:authorizer/authorizer \
    componentize --python-path "examples/$1" authorizer --output "$unsealed"
  "$tools/wasm-tools" compose --quiet "$unsealed" --definitions target/examples/no-sockets.wasm --output "$made"
}

rust authorizer
rust no-sockets
if [ -x "$tools/componentize-py" ] && [ -x "$tools/wasm-tools" ]; then
  python authorizer-python
else
  echo "examples: authorizer-python is left out: run scripts/setup.sh test first" >&2
fi
for made in target/examples/*.wasm; do
  sum=$(sha256sum "$made" | cut -d' ' -f1)
  printf '%-24s %6d KiB  sha256 %s\n' "$(basename "$made")" $(($(stat -c %s "$made") / 1024)) "$sum"
done
