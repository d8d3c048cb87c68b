#!/usr/bin/env python3
"""The layering check: who may depend on whom, and which file may know WASI.

A component crate is a pure library with one thin WASI face. Its library must build without I/O, a clock or a runtime;
`component.rs` is the only file that names `weir_face`. The host's crates form layers of their own.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What pure crates must not depend on: runtimes, sockets, clocks.
IMPURE = {"tokio", "hyper", "hyper-util", "wasmtime", "wasmtime-wasi", "wasmtime-wasi-http", "reqwest", "axum", "rustls", "rand", "getrandom"}

# Weir's own crates that each crate may depend on.
ALLOWED = {
    "weir-core": set(),
    # Under WASI 0.2 settings are environment variables.
    "weir-face": {"weir-core", "weir-settings-env"},
    "weir-auth": {"weir-core", "weir-face"},
    # auth, for the fuzz target that drives both: they must never disagree about a request.
    "weir-router": {"weir-core", "weir-face", "weir-auth"},
    "weir-limiter": {"weir-core", "weir-face"},
    "weir-translator": {"weir-core", "weir-face"},
    "weir-warden": {"weir-core"},
    "weir-warden-outer": {"weir-core", "weir-face", "weir-warden"},
    "weir-warden-inner": {"weir-core", "weir-face", "weir-warden"},
    "weir-vault": set(),
    "weir-gateway": {"weir-face", "weir-auth", "weir-router", "weir-limiter", "weir-translator"},
    "weir-settings-env": {"weir-core", "weir-face"},
    "weir-grant": set(),
    "weir-settings-spin": set(),
    "weir-serve": set(),
    "weir-sim": {"weir-serve"},
    "weir-compose": {"weir-settings-env"},
    "weir-spin": {"weir-core", "weir-settings-spin"},
    "weir-config": {"weir-core", "weir-settings-env"},
    "weir-control": {"weir-core", "weir-limiter", "weir-config", "weir-serve", "weir-cluster", "weir-fleet"},
    # What the fleet looks like: shared by who shows it and who asks for it.
    "weir-fleet": {"weir-core", "weir-cluster"},
    "weir-cluster": {"weir-core", "weir-config", "weir-serve"},
    "weir-kube": {"weir-core", "weir-cluster"},
    # A stand-in for others' servers knows nothing of Weir.
    "weir-apiserver": set(),
    "weir-edge": {"weir-core", "weir-config", "weir-serve", "weir-compose"},
}
# `weir` wires them all; `weir-tests` drives them.
FREE = {"weir", "weir-tests"}
PURE = {"weir-core", "weir-warden", "weir-warden-outer", "weir-warden-inner", "weir-vault", "weir-auth", "weir-router", "weir-limiter", "weir-translator", "weir-settings-env", "weir-settings-spin", "weir-grant"}


def faults():
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    for package in metadata["packages"]:
        name = package["name"]
        needs = {d["name"] for d in package["dependencies"] if d["kind"] is None}
        if name not in ALLOWED and name not in FREE:
            yield f"{name}: say in scripts/layering.py what it may depend on"
            continue
        if name in ALLOWED:
            for other in sorted(n for n in needs if n.startswith("weir-") and n not in ALLOWED[name]):
                yield f"{name} must not depend on {other}"
        if name in PURE:
            for other in sorted(needs & IMPURE):
                yield f"{name} is pure and must not depend on {other}"
            for dependency in package["dependencies"]:
                if dependency["name"] in {"weir-face", "wit-bindgen", "spin-sdk"} and not dependency["target"]:
                    yield f"{name} may depend on {dependency['name']} for WebAssembly only"
    for source in ROOT.glob("components/*/src/**/*.rs"):
        crate = source.relative_to(ROOT / "components").parts[0]
        inside = source.relative_to(ROOT / "components" / crate / "src").parts[0]
        if crate != "face" and inside not in {"component.rs", "component"} and "weir_face" in source.read_text():
            yield f"{source.relative_to(ROOT)}: only component.rs may know WASI"


if __name__ == "__main__":
    found = list(faults())
    for fault in found:
        print(f"layering: {fault}", file=sys.stderr)
    print("layering: ok" if not found else f"layering: {len(found)} faults")
    sys.exit(bool(found))
