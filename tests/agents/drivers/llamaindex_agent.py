"""LlamaIndex: a `FunctionAgent`, its stream of events, and `as_structured_llm`."""

import asyncio

from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai import OpenAIResponses
from llama_index.llms.openai_like import OpenAILike
from task import QUESTION, SYSTEM, TASK, Count, Folder, report, serve


def model(chosen):
    if chosen.dialect == "messages":
        return Anthropic(model=chosen.model, base_url=chosen.url, api_key=chosen.key, max_tokens=4096, max_retries=0)
    if chosen.dialect == "responses":
        return OpenAIResponses(model=chosen.model, api_base=f"{chosen.url}/v1", api_key=chosen.key, context_window=100_000, max_retries=0)
    return OpenAILike(model=chosen.model, api_base=f"{chosen.url}/v1", api_key=chosen.key, context_window=100_000, max_retries=0,
                      is_chat_model=True, is_function_calling_model=True, should_use_structured_outputs=True)


async def do(chosen) -> dict:
    llm = model(chosen)
    agent = FunctionAgent(llm=llm, tools=Folder(chosen.folder).tools(), system_prompt=SYSTEM, streaming=True)
    run = agent.run(TASK)
    told = [event.delta async for event in run.stream_events() if isinstance(event, AgentStream)]
    answer = str(await run)
    pieces, rest = 0, answer
    while rest and told:
        piece = told.pop()
        if piece and rest.endswith(piece):
            rest, pieces = rest.removesuffix(piece), pieces + 1
    count = llm.as_structured_llm(Count).chat([ChatMessage(role="user", content=QUESTION)]).raw
    return report(answer, pieces, count)


serve(lambda chosen: asyncio.run(do(chosen)))
