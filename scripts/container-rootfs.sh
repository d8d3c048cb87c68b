#!/usr/bin/env bash
# Lays out the file system of a container: the binary with the libraries it needs, the components, the probe,
# and nothing else. The certificates of public authorities are in the binary. deploy/edge/Containerfile runs it; so can
# you.
#
# usage: scripts/container-rootfs.sh FOLDER           the edge's, after `make components host`
#        scripts/container-rootfs.sh --host FOLDER    tier two's, which has no components, after `make host`
# FOLDER must not exist.
set -euo pipefail
cd "$(dirname "$0")/.."
components=yes
if [ "${1:-}" = --host ]; then
  components=
  shift
fi
root=${1:?usage: scripts/container-rootfs.sh [--host] FOLDER}
weir=${CARGO_TARGET_DIR:-target}/release/weir
[ ! -e "$root" ] || { echo "$root is there already" >&2; exit 64; }

install -D -m 0555 "$weir" "$root/usr/bin/weir"
# The names of functions stay, for the backtrace of a panic; what debuggers want goes.
strip --strip-debug "$root/usr/bin/weir"
mkdir -p target/tools
rustc --edition 2024 -C opt-level=s -C panic=abort -C strip=symbols -o target/tools/probe deploy/edge/probe.rs
install -m 0555 target/tools/probe "$root/usr/bin/probe"

# Each library under the name that the loader will look for.
ldd "$root/usr/bin/weir" "$root/usr/bin/probe" | grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r library; do
  install -D -m 0555 "$(readlink -f "$library")" "$root$library"
done

if [ "$components" ]; then
  for part in target/components/*.wasm; do
    install -D -m 0444 "$part" "$root/usr/lib/weir/components/$(basename "$part")"
  done
fi
# What is mounted: the configuration, a place for compiled components, and what a container runtime mounts.
mkdir -p "$root/etc/weir" "$root/var/cache/weir" "$root/proc" "$root/dev" "$root/tmp"
chmod 1777 "$root/tmp"
echo 'nobody:x:65534:65534:nobody:/:/nonexistent' >"$root/etc/passwd"
echo 'nogroup:x:65534:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
