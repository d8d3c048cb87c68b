// The Node SDKs under one way of asking, so that one test is a test of each of them (as tests/sdk/speakers.py is for Python).
//
// `ask` gives { text, stop, calls, reasoning, parsed, input, output, cached, replay }. Streams go through the SDK's own
// accumulating helpers.

import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";

const LIMIT = 4096;
const toolChoice = (choice, named) => (["auto", "none", "required"].includes(choice) ? choice : named);

export class ChatSpeaker {
  dialect = "chat";
  errors = OpenAI;

  constructor(url, key) {
    this.client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 });
  }

  user(text, image) {
    const parts = [{ type: "text", text }, { type: "image_url", image_url: { url: image } }];
    return [{ role: "user", content: image ? parts : text }];
  }

  results(answers) {
    return answers.map(([call, content]) => ({ role: "tool", tool_call_id: call.id, content }));
  }

  async ask(model, history, { streamed, system, tools, choice, shape, effort, limit = LIMIT } = {}) {
    const asked = {
      model,
      messages: [...(system ? [{ role: "system", content: system }] : []), ...history],
      max_completion_tokens: limit,
      tools: tools?.map((tool) => ({ type: "function", function: { ...tool, strict: true } })),
      tool_choice: choice && toolChoice(choice, { type: "function", function: { name: choice } }),
      response_format: shape && zodResponseFormat(shape, "shape"),
      reasoning_effort: effort,
    };
    if (!streamed) return this.read(await this.client.chat.completions.parse(asked));
    const stream = this.client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } });
    // Of members that it does not know the SDK keeps the last piece.
    let thoughts = "";
    stream.on("chunk", (chunk) => (thoughts += chunk.choices[0]?.delta.reasoning_content ?? ""));
    const completion = await stream.finalChatCompletion();
    if (thoughts) completion.choices[0].message.reasoning_content = thoughts;
    return this.read(completion);
  }

  read({ choices: [{ message, finish_reason }], usage }) {
    const calls = message.tool_calls ?? [];
    const kept = { role: "assistant", content: message.content, tool_calls: calls.length ? calls.map(plainCall) : undefined };
    if (message.reasoning_content) kept.reasoning_content = message.reasoning_content;
    return {
      text: message.content ?? "",
      stop: { stop: "stop", tool_calls: "calls", length: "length", content_filter: "refused" }[finish_reason],
      calls: calls.map((call) => ({ id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments) })),
      reasoning: message.reasoning_content ?? "",
      parsed: message.parsed,
      input: usage.prompt_tokens,
      output: usage.completion_tokens,
      cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
      replay: [kept],
    };
  }
}

// Without what the SDK adds.
const plainCall = ({ id, type, function: { name, arguments: text } }) => ({ id, type, function: { name, arguments: text } });

export class ResponsesSpeaker {
  dialect = "responses";
  errors = OpenAI;

  constructor(url, key) {
    this.client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 });
  }

  user(text, image) {
    const parts = [{ type: "input_text", text }, { type: "input_image", image_url: image, detail: "auto" }];
    return [{ role: "user", content: image ? parts : text }];
  }

  results(answers) {
    return answers.map(([call, output]) => ({ type: "function_call_output", call_id: call.id, output }));
  }

  async ask(model, history, { streamed, system, tools, choice, shape, effort, limit = LIMIT } = {}) {
    const asked = {
      model,
      input: history,
      instructions: system,
      max_output_tokens: limit,
      store: false,
      tools: tools?.map((tool) => ({ type: "function", ...tool, strict: true })),
      tool_choice: choice && toolChoice(choice, { type: "function", name: choice }),
      text: shape && { format: zodTextFormat(shape, "shape") },
      reasoning: effort && { effort, summary: "auto" },
      include: effort && ["reasoning.encrypted_content"],
    };
    if (!streamed) return this.read(await this.client.responses.parse(asked));
    return this.read(await this.client.responses.stream(asked).finalResponse());
  }

  read({ output, output_parsed, incomplete_details, usage }) {
    const calls = output.filter((item) => item.type === "function_call");
    const parts = output.filter((item) => item.type === "message").flatMap((item) => item.content);
    const thoughts = output.filter((item) => item.type === "reasoning").flatMap((item) => item.summary);
    const reason = { max_output_tokens: "length", content_filter: "refused" }[incomplete_details?.reason];
    return {
      text: parts.filter((part) => part.type === "output_text").map((part) => part.text).join(""),
      stop: reason ?? (calls.length ? "calls" : "stop"),
      calls: calls.map((call) => ({ id: call.call_id, name: call.name, arguments: JSON.parse(call.arguments) })),
      reasoning: thoughts.map((part) => part.text).join(""),
      parsed: output_parsed,
      input: usage.input_tokens,
      output: usage.output_tokens,
      cached: usage.input_tokens_details.cached_tokens,
      replay: output.map(({ parsed_arguments, ...item }) => ({ ...item, content: item.content?.map(({ parsed, ...part }) => part) })),
    };
  }

  async count(model, history) {
    return (await this.client.responses.inputTokens.count({ model, input: history })).input_tokens;
  }
}

export class MessagesSpeaker {
  dialect = "messages";
  errors = Anthropic;

  constructor(url, key) {
    this.client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 20_000 });
  }

  user(text, image) {
    const [, media_type, data] = image?.match(/^data:(.*);base64,(.*)$/) ?? [];
    const source = data ? { type: "base64", media_type, data } : { type: "url", url: image };
    return [{ role: "user", content: image ? [{ type: "text", text }, { type: "image", source }] : text }];
  }

  results(answers) {
    return [{ role: "user", content: answers.map(([call, content]) => ({ type: "tool_result", tool_use_id: call.id, content })) }];
  }

  async ask(model, history, { streamed, system, tools, choice, shape, effort, limit = LIMIT } = {}) {
    const asked = {
      model,
      messages: history,
      system,
      max_tokens: limit,
      tools: tools?.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters })),
      tool_choice: choice && ({ auto: { type: "auto" }, none: { type: "none" }, required: { type: "any" } }[choice] ?? { type: "tool", name: choice }),
      output_config: shape && { format: zodOutputFormat(shape) },
      thinking: effort && { type: "enabled", budget_tokens: 1024 },
    };
    if (!streamed) return this.read(await this.client.messages.parse(asked));
    return this.read(await this.client.messages.stream(asked).finalMessage());
  }

  read({ content, stop_reason, usage, parsed_output }) {
    const of = (type) => content.filter((block) => block.type === type);
    const cached = usage.cache_read_input_tokens ?? 0;
    return {
      text: of("text").map((block) => block.text).join(""),
      stop: { end_turn: "stop", tool_use: "calls", max_tokens: "length", refusal: "refused" }[stop_reason],
      calls: of("tool_use").map((block) => ({ id: block.id, name: block.name, arguments: block.input })),
      reasoning: of("thinking").map((block) => block.thinking).join(""),
      parsed: parsed_output,
      input: usage.input_tokens + cached + (usage.cache_creation_input_tokens ?? 0),
      output: usage.output_tokens,
      cached,
      replay: [{ role: "assistant", content: content.map(({ parsed_output: _, ...block }) => block) }],
    };
  }

  async count(model, history) {
    return (await this.client.messages.countTokens({ model, messages: history })).input_tokens;
  }
}
