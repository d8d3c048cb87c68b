// The Node SDKs, unchanged, each against each provider: nine pairs, and first each against the stand-in of its own provider
// directly. Each test is one script and one conversation.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { z } from "zod";

import { PROVIDER_KEY, startProviders } from "./providers.js";
import { conversation, writeReport } from "./report.js";
import { ChatSpeaker, MessagesSpeaker, ResponsesSpeaker } from "./speakers.js";
import { KEY, startWeir } from "./weir.js";

const SPEAKERS = { chat: ChatSpeaker, responses: ResponsesSpeaker, messages: MessagesSpeaker };
// Of each kind of provider: its backend in weir.yaml, a model that answers at once, and one that thinks.
const BACKENDS = {
  chat: [{ type: "openai", profile: "openai", quirks: { responses: false } }, "gpt-4.1", "gpt-5.5"],
  thoughts: [{ type: "openai", profile: "deepseek", quirks: { responses: false } }, "deepseek-chat", "deepseek-reasoner"],
  responses: [{ type: "openai", profile: "openai", quirks: { chat: false } }, "gpt-4.1", "gpt-5.5"],
  messages: [{ type: "anthropic" }, "claude-haiku-4-5", "claude-haiku-4-5"],
};
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const inCity = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const TOOLS = ["get_weather", "get_time"].map((name) => ({ name, description: `Tells: ${name}`, parameters: inCity }));

let providers;
let weir;

before(async () => {
  providers = await startProviders();
  if (process.env.WEIR_TEST_DIRECT) return;
  const models = [];
  const backends = {};
  for (const [name, [backend, quick, thinking]] of Object.entries(BACKENDS)) {
    const url = providers[name].url + (backend.type === "openai" ? "/v1" : "");
    backends[name] = { ...backend, url, network: "private", key: { env: "PROVIDER_TEST_KEY" } };
    models.push({ name, targets: [{ backend: name, model: quick }] });
    models.push({ name: `${name}-thinks`, targets: [{ backend: name, model: thinking }] });
  }
  weir = await startWeir({ models, backends, environment: { PROVIDER_TEST_KEY: PROVIDER_KEY } });
});

after(() => {
  writeReport();
  weir?.stop();
  for (const provider of Object.values(providers ?? {})) provider.child.kill();
});

// A speaker with the provider that it talks to, directly or through Weir.
function talk(name, way, thinks = false) {
  const direct = way === "direct";
  const provider = providers[direct ? name : way];
  const Speaker = SPEAKERS[name === "thoughts" ? "chat" : name];
  const speaker = direct ? new Speaker(provider.url, PROVIDER_KEY) : new Speaker(weir.url, KEY);
  const [, quick, thinking] = BACKENDS[direct ? name : way];
  const model = direct ? (thinks ? thinking : quick) : thinks ? `${way}-thinks` : way;
  return { speaker, provider, model, ask: (history, more) => speaker.ask(model, history, more) };
}

const ways = process.env.WEIR_TEST_DIRECT ? ["direct"] : ["direct", "chat", "responses", "messages"];

for (const name of Object.keys(SPEAKERS)) {
  for (const way of ways) {
    describe(`${name} ${way === "direct" ? "directly" : `to ${way}`}`, () => {
      const pair = { speaks: name, backend: way };
      for (const streamed of [false, true]) {
        const how = streamed ? "streamed" : "whole";

        conversation({ what: "Text, with the system's word, a bound on the answer and cached tokens", ...pair, how }, async () => {
          const { speaker, provider, ask } = talk(name, way);
          const usage = { input: 200, cached: 80, output: 12 };
          const expect = { system: "Be brief.", user: "Say hello", limit: 100 };
          await provider.play({ expect, say: [{ text: "Hello — there, über all." }], usage });
          const answer = await ask(speaker.user("Say hello"), { system: "Be brief.", limit: 100, streamed });
          assert.equal(answer.text, "Hello — there, über all.");
          assert.deepEqual([answer.stop, answer.input, answer.output, answer.cached], ["stop", 200, 12, 80]);
          await provider.check();
        });

        conversation({ what: "Tools: several calls at once, and their results", ...pair, how }, async () => {
          const { speaker, provider, ask } = talk(name, way);
          await provider.play(
            {
              expect: { tools: ["get_weather", "get_time"] },
              say: [{ text: "Let me see." }, ...TOOLS.map((tool) => ({ call: tool.name, arguments: { city: "Zürich" } }))],
            },
            { expect: { results: ["sunny", "noon"], calls: ["get_weather", "get_time"] }, say: [{ text: "Sunny, at noon." }] },
          );
          const history = speaker.user("Weather and time in Zürich?");
          const first = await ask(history, { tools: TOOLS, streamed });
          assert.equal(first.stop, "calls");
          assert.deepEqual(first.calls.map((call) => [call.name, call.arguments]), [
            ["get_weather", { city: "Zürich" }],
            ["get_time", { city: "Zürich" }],
          ]);
          history.push(...first.replay, ...speaker.results([[first.calls[0], "sunny"], [first.calls[1], "noon"]]));
          assert.equal((await ask(history, { tools: TOOLS, streamed })).text, "Sunny, at noon.");
          await provider.check();
        });

        conversation({ what: "An answer with a shape, read by the SDK", ...pair, how }, async () => {
          const { speaker, provider, ask } = talk(name, way);
          await provider.play({ expect: { schema: true }, say: [{ json: { city: "Paris", degrees: 21 } }] });
          const shape = z.object({ city: z.string(), degrees: z.number().int() });
          const answer = await ask(speaker.user("The weather in Paris?"), { shape, streamed });
          assert.deepEqual(answer.parsed, { city: "Paris", degrees: 21 });
          await provider.check();
        });
      }

      conversation({ what: "A tool that must be called, and an image", ...pair }, async () => {
        const { speaker, provider, ask } = talk(name, way);
        const say = [{ call: "get_time", arguments: { city: "Rome" } }];
        await provider.play({ expect: { choice: "get_time", images: 1 }, say });
        const answer = await ask(speaker.user("What is this?", PIXEL), { tools: TOOLS, choice: "get_time" });
        assert.deepEqual(answer.calls.map((call) => call.name), ["get_time"]);
        await provider.check();
      });

      conversation({ what: "The provider's errors are the SDK's own, with `retry-after`; a stream that breaks off is one", ...pair }, async () => {
        const { speaker, provider, ask } = talk(name, way);
        await provider.play(
          { fail: { status: 429, retry_after: 7 } },
          { fail: { status: 400, message: "told to fail" } },
          { say: [{ text: "A story that goes on and on and on." }], cut: 6 },
        );
        await assert.rejects(ask(speaker.user("hi")), (error) => {
          assert.ok(error instanceof speaker.errors.RateLimitError);
          return error.headers.get("retry-after") === "7";
        });
        await assert.rejects(ask(speaker.user("hi")), speaker.errors.BadRequestError);
        await assert.rejects(ask(speaker.user("hi"), { streamed: true }));
        await provider.check();
      });

      if (name !== "chat") {
        conversation({ what: "What a request weighs, in tokens, before it is sent", ...pair }, async () => {
          const { speaker, provider, model } = talk(name, way);
          await provider.play();
          const short = await speaker.count(model, speaker.user("Hello"));
          assert.ok(short > 0 && short < (await speaker.count(model, speaker.user("Hello ".repeat(400)))));
        });
      }
    });
  }
}

const thinkers = [
  ...["thoughts", "responses", "messages"].map((name) => [name, "direct"]),
  ...(process.env.WEIR_TEST_DIRECT
    ? []
    : Object.keys(SPEAKERS).flatMap((name) => ["thoughts", "responses", "messages"].map((way) => [name, way]))),
];

for (const [name, way] of thinkers) {
  const pair = { speaks: name, backend: way };
  for (const streamed of [false, true]) {
    const how = streamed ? "streamed" : "whole";
    conversation({ what: "Thoughts, and their replay on the next turn", ...pair, how }, async () => {
      const { speaker, provider, ask } = talk(name, way, true);
      await provider.play(
        { say: [{ reasoning: "The user asks for the weather." }, { call: "get_weather", arguments: { city: "Oslo" } }] },
        { expect: { reasoning: 1, results: ["snow"] }, say: [{ text: "It snows." }] },
      );
      const history = speaker.user("Weather in Oslo?");
      const first = await ask(history, { tools: TOOLS, effort: "low", streamed });
      // OpenAI's models show their thoughts to those who ask for it, and in chat completions nobody can; that they thought
      // goes back to them all the same.
      assert.equal(first.reasoning, name === "chat" && way === "responses" ? "" : "The user asks for the weather.");
      history.push(...first.replay, ...speaker.results([[first.calls[0], "snow"]]));
      assert.equal((await ask(history, { tools: TOOLS, effort: "low", streamed })).text, "It snows.");
      await provider.check();
    });
  }
}
