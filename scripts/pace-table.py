"""Prints what `scripts/pace.sh` measured: a row for each pair of dialects, native and WebAssembly side by side."""

import json
import sys
from pathlib import Path

lines = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
rows = {}
for line in lines:
    rows.setdefault((line["client"], line["backend"]), {})[line["wasm"]] = line

print("| client | backend | request of 100 KB: native, component | event: native, component | allocations an event |")
print("|---|---|---|---|---|")
for (client, backend), row in rows.items():
    native, wasm = row[False], row[True]
    request = "" if native["request_us"] is None else f"{native['request_us']:.0f}, {wasm['request_us']:.0f} µs"
    event = f"{native['event_us']:.2f}, {wasm['event_us']:.2f} µs"
    print(f"| {client} | {backend} | {request} | {event} | {native['allocations_an_event']:.1f} |")
