"""Lets a request pass when one of its rules does, and answers 403 otherwise. Stands between `auth` and `router`.

The settings are those of the authorizer in Rust beside this one; so are the answers.
"""

import json
import sys
import time

import rules
from componentize_py_async_support import spawn
from componentize_py_types import Ok
from wit_world import byte_stream, result_option_wasi_http_types_fields_wasi_http_types_error_code_future as trailers_future
from wit_world import exports
from wit_world.imports import handler as following
from wit_world.imports import settings
from wit_world.imports.wasi_http_types import Fields, Request, Response

parsed = None


class Handler(exports.Handler):
    async def handle(self, request: Request) -> Response:
        # Weir's `auth` wrote who calls; what a caller writes there never gets this far.
        with request.get_headers() as headers:
            principal = json.loads(b"".join(headers.get("x-weir-principal")) or b"{}")
        path = (request.get_path_with_query() or "").split("?")[0]
        hour = time.gmtime().tm_hour
        try:
            found = await read_settings()
            passes = any(rules.lets_pass(rule, principal, path, hour) for rule in found["allow"])
        except Exception as fault:
            print(f"authorizer: nobody passes, since its settings cannot be used: {fault!r}", file=sys.stderr)
            return answer(500, "api_error", "misconfigured", "The authorizer of this gateway is misconfigured.")
        if passes:
            # The request goes on, and the answer comes back, by handle: no byte of them passes through here.
            return await following.handle(request)
        who = principal.get("user") or principal.get("key") or "nobody"
        message = f"{who} may not use {path} at {hour}:00 UTC; ask {found['contact']}"
        return answer(403, "permission_error", "not_allowed", message)


async def read_settings():
    """The settings, parsed once an instance."""
    global parsed
    if parsed is None:
        parsed = rules.read(await settings.config())
    return parsed


def answer(status, kind, code, message):
    """An error as the SDKs of OpenAI and of Anthropic both read it."""
    error = {"type": kind, "code": code, "message": message, "param": None}
    body = json.dumps({"type": "error", "error": error}).encode()
    headers = {"content-type": b"application/json", "content-length": str(len(body)).encode()}
    writer, stream = byte_stream()
    # The writer of the trailers is dropped at once, which says that there are none.
    _, trailers = trailers_future(lambda: Ok(None))
    response, _ = Response.new(Fields.from_list(list(headers.items())), stream, trailers)
    response.set_status_code(status)
    spawn(write(writer, body))
    return response


async def write(writer, body):
    with writer:
        await writer.write_all(body)
