"""A stand-in for Azure OpenAI's chat completions, in both of its URL styles, for tests of what talks to them.

    python azure_server.py --port 0 --key test
    listening 127.0.0.1:43211

    POST /openai/deployments/DEPLOYMENT/chat/completions?api-version=…    the classic style: the model is in the path
    POST /openai/v1/chat/completions                                      the style of v1: the model is in the body

It differs from OpenAI's own as the real one does: its key comes as `api-key` (or as a bearer token), its errors are named
otherwise, and a stream begins with a chunk that has no choices but tells what the content filter made of the prompt.
"""

import json
import re

import chat_rules
from chat_server import ChatStandIn
from http_wire import Connection, Request
from openai_errors import OpenaiError
from script import Turn, Usage
from stand_in import arguments as options
from stand_in import run

DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/chat/completions")
VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?")
SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}


class AzureStandIn(ChatStandIn):
    async def route(self, connection: Connection, request: Request, record: dict, headers: dict[str, str]) -> None:
        self.authorize(request)
        if request.method == "POST" and (found := DEPLOYMENT.fullmatch(request.path)):
            version = request.query.get("api-version", [""])[0]
            if not VERSION.fullmatch(version):
                raise OpenaiError(404, "Resource not found", None, "404")
            body = {**self.json(request), "model": found[1]}
        elif (request.method, request.path) == ("POST", "/openai/v1/chat/completions"):
            body = self.json(request)
        else:
            raise OpenaiError(404, "Resource not found", None, "404")
        body = chat_rules.check_chat(body, None)
        self.check_model(body["model"])
        await self.play(connection, body, record, headers)

    def authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.key not in (request.headers.get("api-key"), token if scheme.lower() == "bearer" else None):
            raise OpenaiError(401, "Access denied due to invalid subscription key or wrong API endpoint.", None, "401")

    def check_model(self, name: str) -> None:
        if name not in self.models:
            raise OpenaiError(404, "The API deployment for this resource does not exist.", None, "DeploymentNotFound")

    def whole(self, turn: Turn, body: dict, usage: Usage) -> dict:
        whole = super().whole(turn, body, usage)
        choices = [{**choice, "content_filter_results": SAFE} for choice in whole["choices"]]
        return {**whole, "choices": choices, "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}]}

    def frames(self, turn: Turn, body: dict, usage: Usage) -> list[bytes]:
        first = {"id": "", "object": "", "created": 0, "model": "", "choices": [],
                 "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}]}
        return [b"data: " + json.dumps(first).encode() + b"\n\n", *super().frames(turn, body, usage)]


if __name__ == "__main__":
    chosen = options(__doc__).parse_args()
    run(AzureStandIn(chosen.key, chosen.model, None), chosen.port)
