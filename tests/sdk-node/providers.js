// The stand-ins for providers (tests/stand-ins): starting them, and their scripts.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export const PROVIDER_KEY = "sk-test-of-the-provider-canary";

const SERVERS = {
  chat: ["chat_server.py"],
  thoughts: ["chat_server.py", "--thoughts", "reasoning_content", "--model", "deepseek-chat", "--model", "deepseek-reasoner"],
  responses: ["responses_server.py"],
  messages: ["anthropic_server.py"],
};

class Provider {
  constructor(url, child) {
    this.url = url;
    this.child = child;
  }

  // Sets a script.
  async play(...turns) {
    const answer = await this.call("PUT", "/script", turns);
    assert.equal(answer.turns, turns.length, JSON.stringify(answer));
  }

  // Fails when a request was not as the script expects, or a turn is left.
  async check() {
    const state = await this.call("GET", "/script");
    assert.deepEqual(state.failures, []);
    assert.equal(state.taken, state.turns);
  }

  async call(method, path, body) {
    const answer = await fetch(this.url + path, {
      method,
      body: body && JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    return answer.json();
  }
}

// All stand-ins, by name.
export async function startProviders() {
  const started = Object.entries(SERVERS).map(async ([name, [server, ...options]]) => {
    const command = [join(root, "tests/stand-ins", server), "--port", "0", "--key", PROVIDER_KEY, ...options];
    const child = spawn(join(root, "target/tools/sdk/bin/python"), command, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      return [name, new Provider(`http://${line.split(" ").at(-1)}`, child)];
    }
    throw new Error(`${server} does not start`);
  });
  return Object.fromEntries(await Promise.all(started));
}
