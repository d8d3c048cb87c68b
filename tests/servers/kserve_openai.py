"""A model behind the real KServe runtime, with its OpenAI routes: `/openai/v1/…`.

The runtime is KServe's own; only the model is made up: it answers with the words of the last user message, one token
a word, so that tests know what to expect.

usage: kserve_openai.py --port PORT --model NAME [--delay SECONDS]
"""

import argparse
import asyncio
import time
import uuid

from kserve import ModelServer
from kserve.protocol.rest.openai import ChatPrompt, CompletionRequest, OpenAIChatAdapterModel
from kserve.protocol.rest.openai.types import Completion, CompletionChoice, CompletionUsage


class Echo(OpenAIChatAdapterModel):
    """Says the prompt again, word by word."""

    def __init__(self, name: str, delay: float):
        super().__init__(name)
        self.delay = delay

    def apply_chat_template(self, messages):
        users = [m for m in messages if m.root.role == "user"] if hasattr(messages[0], "root") else [
            m for m in messages if m.role == "user"
        ]
        last = users[-1]
        content = (last.root if hasattr(last, "root") else last).content
        if not isinstance(content, str):
            content = " ".join(part.text for part in content if getattr(part, "type", None) == "text")
        return ChatPrompt(prompt=content)

    def completion(self, request: CompletionRequest, text: str, finish, usage=None) -> Completion:
        return Completion(
            id=request.request_id or f"cmpl-{uuid.uuid4()}",
            choices=[CompletionChoice(index=0, text=text, finish_reason=finish, logprobs=None)],
            created=int(time.time()),
            model=self.name,
            object="text_completion",
            usage=usage,
        )

    async def create_completion(self, request: CompletionRequest):
        prompt = request.params.prompt
        words = (prompt if isinstance(prompt, str) else " ".join(prompt)).split()
        limit = request.params.max_tokens or 64
        finish = "length" if len(words) > limit else "stop"
        words = words[:limit]
        if request.params.stream:
            return self.stream(request, words, finish)
        usage = CompletionUsage(prompt_tokens=len(words), completion_tokens=len(words), total_tokens=2 * len(words))
        return self.completion(request, " ".join(words), finish, usage)

    async def stream(self, request: CompletionRequest, words: list[str], finish: str):
        for index, word in enumerate(words):
            await asyncio.sleep(self.delay)
            last = index == len(words) - 1
            yield self.completion(request, word if index == 0 else " " + word, finish if last else None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--delay", type=float, default=0.01)
    args = parser.parse_args()
    server = ModelServer(http_port=args.port, workers=1, enable_grpc=False, enable_docs_url=False)
    server.start([Echo(args.model, args.delay)])
