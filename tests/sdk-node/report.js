// What passed of the conversations that the SDKs had through Weir, for docs/clients.md: written to the file that
// WEIR_TEST_REPORT names, in the shape of tests/sdk/report.py.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";

const SDKS = { chat: "openai", responses: "openai", messages: "@anthropic-ai/sdk" };
const passed = [];
const failed = [];

function installed(name) {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8"));
  return `\`${name}\` ${version}, Node`;
}

// A test of one conversation: `what` it is about, of a client that `speaks` a dialect, with a `backend`; `how` tells it
// from its like.
export function conversation({ what, speaks, backend, how = "" }, body) {
  test(`${what}: ${speaks} to ${backend}${how && `, ${how}`}`, async () => {
    try {
      await body();
    } catch (error) {
      failed.push(`${what}: ${speaks} to ${backend}`);
      throw error;
    }
    if (backend === "direct") return;
    passed.push({ group: "The SDKs, in Node", client: installed(SDKS[speaks]), speaks, backend, what });
  });
}

export function writeReport() {
  const path = process.env.WEIR_TEST_REPORT;
  if (!path) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify({ passed, failed }, null, 1));
}
