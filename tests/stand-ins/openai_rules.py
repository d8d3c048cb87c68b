"""What OpenAI's API refuses beyond what its types say, where chat completions and responses have it in common."""

import base64
import binascii
import re

from openai_errors import OpenaiError, invalid

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5.4", "gpt-5.5", "gpt-5.6-sol", "gpt-6-sol", "o3", "o4-mini")
REASONING = re.compile(r"(o\d|gpt-[5-9])")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
IMAGE_MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "image/gif": b"GIF8", "image/webp": b"RIFF"}
MAX_TOOLS = 128


def is_reasoning(model: str) -> bool:
    return REASONING.match(model) is not None


def number(request: dict, name: str, least: float, most: float) -> None:
    value = request.get(name)
    kind = "integer" if isinstance(value, int) else "decimal"
    if value is None:
        return
    if value < least:
        raise invalid(name, f"Invalid '{name}': {kind} below minimum value. Expected a value >= {least}, but got {value} instead.",
                      f"{kind}_below_min_value")
    if value > most:
        raise invalid(name, f"Invalid '{name}': {kind} above maximum value. Expected a value <= {most}, but got {value} instead.",
                      f"{kind}_above_max_value")


def sampling(request: dict) -> None:
    """Ranges, and what models that reason do not take."""
    number(request, "temperature", 0, 2)
    number(request, "top_p", 0, 1)
    number(request, "top_logprobs", 0, 20)
    number(request, "frequency_penalty", -2, 2)
    number(request, "presence_penalty", -2, 2)
    if not is_reasoning(request["model"]):
        return
    for name in ("temperature", "top_p"):
        if request.get(name) not in (None, 1):
            raise invalid(name, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter")
    for name in ("stop", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "logit_bias"):
        if request.get(name):
            raise invalid(name, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter")


def metadata(request: dict) -> None:
    held = request.get("metadata") or {}
    if len(held) > 16:
        raise invalid("metadata", "Invalid 'metadata': too many properties. Expected an object with at most 16 properties.",
                      "object_above_max_properties")
    for name, value in held.items():
        if len(name) > 64 or len(value) > 512:
            raise invalid(f"metadata.{name}", f"Invalid 'metadata.{name}': string too long.", "string_above_max_length")


def texts(request: dict) -> None:
    """Lengths of identifiers."""
    for name in ("safety_identifier", "prompt_cache_key"):
        if len(request.get(name) or "") > 64:
            raise invalid(name, f"Invalid '{name}': string too long. Expected a string with maximum length 64.", "string_above_max_length")


def function(holder: dict, at: str) -> None:
    """A function tool's name and parameters."""
    name(holder["name"], f"{at}.name")
    parameters = holder.get("parameters")
    if parameters is not None and parameters.get("type") != "object":
        raise invalid(f"{at}.parameters", f"Invalid schema for function '{holder['name']}': schema must be a JSON Schema of "
                      f"'type: \"object\"', got 'type: \"{parameters.get('type')}\"'.", "invalid_function_parameters")
    if holder.get("strict") and parameters is not None:
        _strict(parameters, f"function '{holder['name']}'", f"{at}.parameters", "invalid_function_parameters")


def name(value: str, at: str) -> None:
    if not NAME.fullmatch(value):
        raise invalid(at, f"Invalid '{at}': string does not match pattern. Expected a string that matches the pattern "
                      "'^[a-zA-Z0-9_-]+$'.")


def format_schema(schema: dict, at: str) -> None:
    """A JSON schema for the answer: its name, and what `strict` wants of it."""
    name(schema["name"], f"{at}.name")
    if schema.get("strict"):
        _strict(schema.get("schema") or {}, f"response_format '{schema['name']}'", at, None)


def says_json(texts_: list[str], param: str, where: str) -> None:
    if not any("json" in text.lower() for text in texts_):
        raise invalid(param, f"'{where}' must contain the word 'json' in some form, to use '{param}' of type 'json_object'.")


def image(url: str, at: str) -> None:
    if url.startswith(("https://", "http://")):
        return
    found = re.fullmatch(r"data:([\w/+.-]+);base64,(.*)", url, re.DOTALL)
    if not found or found[1] not in IMAGE_MAGIC:
        raise invalid(at, f"Invalid '{at}'. Expected a base64-encoded data URL with an image MIME type, but got {url[:40]!r}.",
                      "invalid_image_url" if not found else "invalid_image_format")
    try:
        data = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        raise invalid(at, f"Invalid base64 image_url in '{at}'.", "invalid_base64") from None
    if not data.startswith(IMAGE_MAGIC[found[1]]):
        raise invalid(at, "You uploaded an unsupported image. Please make sure your image is valid.", "image_parse_error")


def _strict(schema: dict, what: str, at: str, code: str | None, context: tuple = ()) -> None:
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            raise OpenaiError(400, f"Invalid schema for {what}: In context={context}, 'additionalProperties' is required to be "
                              "supplied and to be false.", at, code)
        missing = [each for each in properties if each not in schema.get("required", [])]
        if missing:
            raise OpenaiError(400, f"Invalid schema for {what}: In context={context}, 'required' is required to be supplied and to be an "
                              f"array including every key in properties. Missing '{missing[0]}'.", at, code)
        for each, inner in properties.items():
            _strict(inner, what, at, code, (*context, "properties", each))
    if isinstance(schema.get("items"), dict):
        _strict(schema["items"], what, at, code, (*context, "items"))
    for key in ("$defs", "definitions"):
        for each, inner in schema.get(key, {}).items():
            _strict(inner, what, at, code, (*context, key, each))
