"""Pydantic AI: an agent with tools, its stream, and an output type that the provider itself holds to."""

import asyncio

from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from task import QUESTION, SYSTEM, TASK, Count, Folder, report, serve


def model(chosen):
    if chosen.dialect == "messages":
        return AnthropicModel(chosen.model, provider=AnthropicProvider(base_url=chosen.url, api_key=chosen.key))
    kind = OpenAIResponsesModel if chosen.dialect == "responses" else OpenAIChatModel
    return kind(chosen.model, provider=OpenAIProvider(base_url=f"{chosen.url}/v1", api_key=chosen.key))


async def do(chosen) -> dict:
    llm = model(chosen)
    agent = Agent(llm, system_prompt=SYSTEM, tools=Folder(chosen.folder).tools(), retries=0)
    # `run_stream` would end at the first text, even where calls follow it; `iter` goes on to the end.
    pieces: list[str] = []
    async with agent.iter(TASK) as run:
        async for node in run:
            if Agent.is_model_request_node(node):
                async with node.stream(run.ctx) as stream:
                    pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
    count = await Agent(llm, output_type=NativeOutput(Count), retries=0).run(QUESTION)
    return report(run.result.output, len(pieces), count.output, run.usage.output_tokens)


serve(lambda chosen: asyncio.run(do(chosen)))
