// The AI SDK of Vercel: `streamText` with tools over several steps, and an output with a shape. Its jobs are those of the
// other drivers (see task.py); the dialect `compatible` is chat completions through @ai-sdk/openai-compatible.

import { execSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";

const SYSTEM = "You work on files with the tools that you are given.";
const TASK = "Replace alpha with omega in notes.txt, and tell how many lines it has.";
const QUESTION = "Which word is in notes.txt, and how often?";

const models = {
  chat: (job) => createOpenAI({ baseURL: `${job.url}/v1`, apiKey: job.key }).chat(job.model),
  responses: (job) => createOpenAI({ baseURL: `${job.url}/v1`, apiKey: job.key }).responses(job.model),
  messages: (job) => createAnthropic({ baseURL: `${job.url}/v1`, apiKey: job.key })(job.model),
  compatible: (job) =>
    createOpenAICompatible({
      name: "weir",
      baseURL: `${job.url}/v1`,
      apiKey: job.key,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(job.model),
};
// Without this it refers to earlier items by their ids, which only a server that stores can look up.
const providerOptions = { openai: { store: false } };

function toolsOf(folder) {
  return {
    read_file: tool({
      description: "Reads a file.",
      inputSchema: z.object({ path: z.string() }),
      execute: ({ path }) =>
        existsSync(join(folder, path)) ? readFileSync(join(folder, path), "utf8") : `error: there is no ${path}`,
    }),
    write_file: tool({
      description: "Writes a file.",
      inputSchema: z.object({ path: z.string(), content: z.string() }),
      execute: ({ path, content }) => {
        writeFileSync(join(folder, path), content);
        return `wrote ${content.length} characters`;
      },
    }),
    run_command: tool({
      description: "Runs a command in the shell.",
      inputSchema: z.object({ command: z.string() }),
      execute: ({ command }) => execSync(command, { cwd: folder, encoding: "utf8", timeout: 20000 }),
    }),
  };
}

async function work(job) {
  const model = models[job.dialect](job);
  const stream = streamText({
    model,
    system: SYSTEM,
    prompt: TASK,
    tools: toolsOf(job.folder),
    stopWhen: isStepCount(8),
    maxRetries: 0,
    providerOptions,
    onError: () => {},
  });
  let pieces = 0;
  for await (const part of stream.fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "start-step") pieces = 0;
    if (part.type === "text-delta") pieces += 1;
  }
  const shape = z.object({ word: z.string(), times: z.number().int() });
  const output = Output.object({ schema: shape });
  const counted = await generateText({ model, prompt: QUESTION, output, maxRetries: 0, providerOptions });
  const usage = await stream.totalUsage;
  return { answer: await stream.text, pieces, count: counted.output, output_tokens: usage.outputTokens };
}

for await (const line of createInterface({ input: process.stdin })) {
  const done = await work(JSON.parse(line)).catch((error) => ({ error: `${error.stack} ${error.responseBody ?? ""}` }));
  console.log(JSON.stringify(done));
}
