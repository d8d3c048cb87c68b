"""What the stand-ins for OpenAI's dialects have in common: keys, models, bodies, headers."""

import json

import openai_rules
from http_wire import Connection, Request
from openai_errors import OpenaiError
from stand_in import StandIn, without_duplicates


class OpenaiStandIn(StandIn):
    refusal = OpenaiError

    def __init__(self, key: str, models: list[str]):
        super().__init__(key, [*openai_rules.MODELS, *models])

    async def generate(self, connection: Connection, request: Request, record: dict, headers: dict[str, str]) -> bool:
        """Answers a request to one of the dialect's own paths; false when it is none of them."""
        raise NotImplementedError

    async def route(self, connection: Connection, request: Request, record: dict, headers: dict[str, str]) -> None:
        self.authorize(request)
        if await self.generate(connection, request, record, headers):
            return
        match request.method, request.path:
            case "GET", "/v1/models":
                await connection.send_json(200, {"object": "list", "data": [self.model(name) for name in self.models]}, headers)
            case "GET", path if path.startswith("/v1/models/"):
                name = path.removeprefix("/v1/models/")
                self.check_model(name)
                await connection.send_json(200, self.model(name), headers)
            case _:
                raise OpenaiError(404, f"Invalid URL ({request.method} {request.path})")
        record["status"] = 200

    def authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            raise OpenaiError(401, "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
                              "auth (i.e. Authorization: Bearer YOUR_KEY).")
        if scheme.lower() != "bearer" or token != self.key:
            raise OpenaiError(401, f"Incorrect API key provided: {token[:6]}***{token[-2:]}.", None, "invalid_api_key")

    def check_model(self, name: str) -> None:
        if name not in self.models:
            raise OpenaiError(404, f"The model `{name}` does not exist or you do not have access to it.", None, "model_not_found")

    @staticmethod
    def json(request: Request) -> object:
        if "application/json" not in request.headers.get("content-type", ""):
            raise OpenaiError(400, f"Unsupported content type: '{request.headers.get('content-type')}'. This API method only accepts "
                              "'application/json' requests, but you specified the header.", None, "unsupported_content_type")
        try:
            return json.loads(request.body, object_pairs_hook=without_duplicates)
        except ValueError:
            raise OpenaiError(400, "We could not parse the JSON body of your request.") from None

    @staticmethod
    def model(name: str) -> dict:
        return {"id": name, "object": "model", "created": 1790000000, "owned_by": "openai"}

    def failure(self, status: int, message: str | None, headers: dict[str, str]) -> Exception:
        return OpenaiError(status, message, headers=headers)

    def usual_headers(self, request_id: str) -> dict[str, str]:
        return {"x-request-id": request_id, "openai-processing-ms": "12", "openai-version": "2020-10-01",
                "x-ratelimit-limit-requests": "10000", "x-ratelimit-remaining-requests": "9999"}
