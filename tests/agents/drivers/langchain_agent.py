"""LangChain: an agent made by `create_agent`, its stream, and `with_structured_output`."""

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from task import QUESTION, SYSTEM, TASK, Count, Folder, report, serve


def model(chosen):
    if chosen.dialect == "messages":
        return ChatAnthropic(model=chosen.model, base_url=chosen.url, api_key=chosen.key, max_tokens=4096, max_retries=0)
    return ChatOpenAI(model=chosen.model, base_url=f"{chosen.url}/v1", api_key=chosen.key, max_retries=0, stream_usage=True,
                      use_responses_api=chosen.dialect == "responses")


def do(chosen) -> dict:
    llm = model(chosen)
    agent = create_agent(llm, Folder(chosen.folder).tools(), system_prompt=SYSTEM)
    # The last message is told in pieces; the pieces of one message share its id.
    told: dict[str, list[str]] = {}
    output = 0
    for chunk, _ in agent.stream({"messages": [{"role": "user", "content": TASK}]}, stream_mode="messages"):
        if chunk.type == "AIMessageChunk":
            told.setdefault(chunk.id, []).append(chunk.text)
            output += (chunk.usage_metadata or {}).get("output_tokens", 0)
    last = [piece for piece in list(told.values())[-1] if piece]
    count = llm.with_structured_output(Count, method="json_schema").invoke(QUESTION)
    return report("".join(last), len(last), count, output)


serve(do)
