#!/usr/bin/env bash
# Builds the edge's container image out of what was built here (`make components host`): the last stage of
# deploy/edge/Containerfile, which is made from nothing, so that no image has to be fetched. Needs buildah.
#
# usage: scripts/container.sh [NAME]        (default: localhost/weir-edge)
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-localhost/weir-edge}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bash scripts/container-rootfs.sh "$work/build/rootfs"
sed -n '/^FROM scratch/,$p' deploy/edge/Containerfile >"$work/Containerfile"
# In the place of the stage that compiles: what was compiled already.
buildah build --isolation chroot --format docker --timestamp 0 --file "$work/Containerfile" \
  --build-context "build=$work/build" --tag "$name" "$work"
