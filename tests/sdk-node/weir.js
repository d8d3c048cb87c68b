// Runs a real Weir, the binary that was built, with the simulated model.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");

export const KEY = "weir-test-key-of-the-first-tenant-000001";
const ADMIN_KEY = "weir-test-key-of-the-administrator-0003";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

// With what `more` has beside the simulated model: `models` and `backends`.
export async function startWeir(more = {}) {
  const folder = mkdtempSync(join(tmpdir(), "weir-node-"));
  const [edge, host, control] = [await freePort(), await freePort(), await freePort()];
  // JSON is YAML.
  const config = {
    tenants: [{ name: "first", keys: [{ name: "test", sha256: sha256(KEY) }] }],
    models: [{ name: "sim", targets: [{ backend: "cluster" }] }, ...(more.models ?? [])],
    backends: { cluster: { type: "weir", url: `http://127.0.0.1:${host}`, network: "private" }, ...more.backends },
    edge: {
      name: "test-edge",
      listen: `127.0.0.1:${edge}`,
      components: join(root, "target/components"),
      cache: join(target, "edge-cache"),
      key: { file: join(folder, "edge.key"), create: true },
    },
    control: { urls: [`http://127.0.0.1:${control}`] },
    host: {
      name: "test-host",
      listen: `127.0.0.1:${host}`,
      control: `127.0.0.1:${control}`,
      admin_key: { sha256: sha256(ADMIN_KEY) },
      edges: [{ name: "test-edge", public_key: { file: join(folder, "edge.pub") } }],
      models: [{ name: "sim" }],
    },
  };
  writeFileSync(join(folder, "weir.yaml"), JSON.stringify(config, null, 2));
  const command = ["up", "--config", join(folder, "weir.yaml"), "--sim-ttft", "20ms", "--sim-tpot", "2ms"];
  const env = { ...process.env, ...more.environment };
  const child = spawn(join(target, "release/weir"), command, { stdio: ["ignore", "pipe", "pipe"], env });
  let output = "";
  await new Promise((ready, failed) => {
    const hear = (data) => {
      output += data;
      if (output.includes("ready")) ready();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => failed(new Error(`weir up ended with ${code}:\n${output}`)));
  });
  return {
    url: `http://127.0.0.1:${edge}`,
    stop: () => child.kill("SIGTERM"),
    // The first settled attempt that fits, within ten seconds.
    async record(fits) {
      for (let tries = 0; tries < 100; tries += 1) {
        const answer = await fetch(`http://127.0.0.1:${control}/control/v1/usage`, {
          headers: { authorization: `Bearer ${ADMIN_KEY}` },
        });
        const found = (await answer.json()).records.find(fits);
        if (found) return found;
        await new Promise((wait) => setTimeout(wait, 100));
      }
      throw new Error("no such settlement within 10 s");
    },
  };
}
