// The real `openai` and `@anthropic-ai/sdk` packages for Node, unchanged, against both tiers and a simulated model.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import OpenAI from "openai";

import { KEY, startWeir } from "./weir.js";

let weir;
let client;

before(async () => {
  weir = await startWeir();
  client = new OpenAI({ baseURL: `${weir.url}/v1`, apiKey: KEY, maxRetries: 0 });
});

after(() => weir?.stop());

const ask = (content) => [{ role: "user", content }];

const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

test("a whole answer", async () => {
  const answer = await client.chat.completions.create({ model: "sim", messages: ask("Hello [[sim:tokens=9]]") });
  assert.ok(answer.choices[0].message.content);
  assert.equal(answer.usage.completion_tokens, 9);
});

test("a stream with usage at its end", async () => {
  const stream = await client.chat.completions.create({
    model: "sim",
    messages: ask("Count [[sim:tokens=15]]"),
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.ok(text.length > 0);
  assert.equal(usage.completion_tokens, 15);
});

test("tools through the SDK's own stream runner", async () => {
  const asked = [];
  const runner = client.chat.completions.runTools({
    model: "sim",
    stream: true,
    messages: ask("What is the weather in Paris? Use the tool get_weather."),
    tools: [
      {
        type: "function",
        function: {
          ...weather.function,
          parse: JSON.parse,
          function: (input) => {
            asked.push(input);
            return "sunny";
          },
        },
      },
    ],
  });
  assert.ok(await runner.finalContent());
  assert.equal(asked.length, 1);
  assert.ok("city" in asked[0]);
});

test("a wrong key, an unknown model and a broken stream are the SDK's own errors", async () => {
  const stranger = new OpenAI({ baseURL: `${weir.url}/v1`, apiKey: "weir-nobody", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.chat.completions.create({ model: "sin", messages: ask("hi") }), OpenAI.NotFoundError);
  await assert.rejects(async () => {
    const stream = await client.chat.completions.create({ model: "sim", messages: ask("[[sim:cut=3]]"), stream: true });
    for await (const _ of stream);
  });
});

test("a client that leaves ends the call", async () => {
  const stream = await client.chat.completions.create({
    model: "sim",
    messages: ask("[[sim:tokens=1000]]"),
    stream: true,
  });
  for await (const _ of stream) break;
  const record = await weir.record((r) => r.ending === "client-gone");
  assert.ok(record.usage.output < 1000);
});
