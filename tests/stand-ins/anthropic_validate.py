"""What Anthropic's Messages API takes and what it refuses, checked strictly.

A gateway that sends a field that is not there, a tool result that answers no call, or a role that does not exist must see
that here and not in production. Every refusal is a 400 that begins with the path of the field, as the API's own are.
"""

import base64
import binascii
import re

from anthropic_errors import ApiError, invalid

# What the `anthropic-version` header may say. The second one refuses what `_removed` lists, and is what the SDKs send that
# were released since (see the API's page "Versions").
VERSIONS = ("2023-06-01", "2026-10-21")
SAMPLING = ("temperature", "top_p", "top_k")

FIELDS = {"model", "messages", "max_tokens", "system", "stream", "temperature", "top_k", "top_p", "stop_sequences", "metadata",
          "tools", "tool_choice", "thinking", "service_tier", "cache_control", "container", "inference_geo", "output_config",
          "speed", "diagnostics", "user_profile_id", "workspace_id"}
# Taken only together with an `anthropic-beta` header.
BETA_FIELDS = {"context_management", "mcp_servers", "betas", "output_format", "fallbacks"}
COUNT_FIELDS = {"model", "messages", "system", "tools", "tool_choice", "thinking", "cache_control", "output_config", "speed",
                "user_profile_id", "workspace_id"}

# The fields of each kind of content block, and which of them must be there.
BLOCKS = {
    "text": ({"text"}, {"text", "cache_control", "citations"}),
    "image": ({"source"}, {"source", "cache_control", "transformations"}),
    "document": ({"source"}, {"source", "cache_control", "citations", "context", "title"}),
    "search_result": ({"source", "title", "content"}, {"source", "title", "content", "cache_control", "citations"}),
    "tool_use": ({"id", "name", "input"}, {"id", "name", "input", "cache_control", "caller", "toolset_name"}),
    "tool_result": ({"tool_use_id"}, {"tool_use_id", "content", "is_error", "cache_control", "toolset_name"}),
    "thinking": ({"thinking", "signature"}, {"thinking", "signature"}),
    "redacted_thinking": ({"data"}, {"data"}),
    "tool_reference": ({"tool_name"}, {"tool_name", "cache_control"}),
    "tool_addition": ({"tool"}, {"tool", "cache_control"}),
    "tool_removal": ({"tool"}, {"tool", "cache_control"}),
}
# Blocks of the API's own tools; what is in them is between the API and itself.
SERVER_BLOCK = re.compile(r"server_tool_use|mcp_tool_use|container_upload|compaction|fallback|\w+_tool_result")
IN_ROLE = {
    "user": {"text", "image", "document", "search_result", "tool_result"},
    "assistant": {"text", "document", "tool_use", "thinking", "redacted_thinking"},
    "system": {"text", "tool_addition", "tool_removal"},
}
IN_TOOL_RESULT = {"text", "image", "document", "search_result", "tool_reference"}
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
IMAGE_MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "image/gif": b"GIF8", "image/webp": b"RIFF"}
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
MAX_TOKENS = 128_000


def check_message(body: object, beta: bool, version: str = VERSIONS[0]) -> dict:
    """A body for `/v1/messages`."""
    request = _object("", body)
    _removed(request, version)
    _only(request, FIELDS | (BETA_FIELDS if beta else set()), "")
    _required(request, ("max_tokens", "messages", "model"))
    _number(request, "max_tokens", 1, MAX_TOKENS, whole=True)
    _number(request, "temperature", 0, 1)
    _number(request, "top_p", 0, 1)
    _number(request, "top_k", 0, 500, whole=True)
    if not isinstance(request.get("stream", False), bool):
        raise invalid("stream", "Input should be a valid boolean")
    for index, stop in enumerate(_list(request, "stop_sequences")):
        if not isinstance(stop, str) or not stop.strip():
            raise invalid(f"stop_sequences.{index}", "each stop sequence must contain non-whitespace")
    _thinking(request)
    _common(request, beta)
    return request


def check_count(body: object, beta: bool, version: str = VERSIONS[0]) -> dict:
    """A body for `/v1/messages/count_tokens`."""
    request = _object("", body)
    _removed(request, version)
    _only(request, COUNT_FIELDS | (BETA_FIELDS if beta else set()), "")
    _required(request, ("messages", "model"))
    _common(request, beta)
    return request


def _removed(request: dict, version: str) -> None:
    """What the version of 2026-10-21 does not take any more, even at its default."""
    if version == VERSIONS[0]:
        return
    for name in SAMPLING:
        if name in request:
            raise invalid(name, f"is not supported in API version {version}")
    messages = request.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else []):
        content = message.get("content") if isinstance(message, dict) else None
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        for position, block in enumerate(blocks):
            at = f"messages.{index}.content.{position}"
            if message.get("role") == "assistant" and block.get("type") == "document":
                raise invalid(at, "document blocks are not permitted directly in assistant messages")
            inner = block.get("content") if block.get("type") == "search_result" else None
            texts = [block, *(part for part in inner if isinstance(part, dict))] if isinstance(inner, list) else [block]
            if message.get("role") == "user" and any(text.get("type") == "text" and text.get("citations") for text in texts):
                raise invalid(f"{at}.citations", "citations are not permitted on text blocks in user messages")


def _common(request: dict, beta: bool) -> None:
    if not isinstance(request["model"], str) or not request["model"]:
        raise invalid("model", "Input should be a valid string")
    _system(request.get("system"))
    _tools(request)
    messages = request["messages"]
    if not isinstance(messages, list):
        raise invalid("messages", "Input should be a valid list")
    if not messages:
        raise invalid("messages", "at least one message is required")
    for index, message in enumerate(messages):
        _message(message, f"messages.{index}", beta)
    if messages[0]["role"] == "system":
        raise invalid("messages.0", "a \"system\" message cannot be the first; use the top-level `system` field")
    _pairs(messages)
    if (request.get("thinking") or {}).get("type") == "enabled":
        _thoughts_first(messages)
    _ending(messages)


def _message(message: object, at: str, beta: bool) -> None:
    message = _object(at, message)
    for name in ("role", "content"):
        if name not in message:
            raise invalid(f"{at}.{name}", "Field required")
    role = message["role"]
    # Per-turn control: from here on, another effort.
    _only(message, {"role", "content"} | ({"output_config"} if beta and role == "system" else set()), at)
    if role not in IN_ROLE:
        raise invalid(at, f"Unexpected role {role!r}. Allowed roles are \"user\", \"assistant\" and, in the middle, \"system\".")
    content = message["content"]
    if isinstance(content, str):
        if not content and role != "assistant":
            raise invalid(at, "user messages must have non-empty content")
        return
    if not isinstance(content, list):
        raise invalid(f"{at}.content", "Input should be a valid string or a valid list")
    if not content and role != "assistant":
        raise invalid(at, "user messages must have non-empty content")
    for index, block in enumerate(content):
        _block(block, IN_ROLE[role], f"{at}.content.{index}")


def _block(block: object, allowed: set[str], at: str) -> None:
    block = _object(at, block)
    kind = block.get("type")
    if kind is None:
        raise invalid(f"{at}.type", "Field required")
    if kind not in BLOCKS and isinstance(kind, str) and SERVER_BLOCK.fullmatch(kind):
        return
    if kind not in allowed:
        expected = ", ".join(f"'{name}'" for name in sorted(allowed))
        raise invalid(at, f"Input tag {kind!r} found using 'type' does not match any of the expected tags: {expected}")
    at = f"{at}.{kind}"
    needed, known = BLOCKS[kind]
    for name in sorted(needed - block.keys()):
        raise invalid(f"{at}.{name}", "Field required")
    _only(block, known | {"type"}, at)
    _cache_control(block, at)
    if kind == "text":
        if not isinstance(block["text"], str):
            raise invalid(f"{at}.text", "Input should be a valid string")
        if not block["text"]:
            raise invalid("messages", "text content blocks must be non-empty")
    elif kind in ("image", "document"):
        _source(block["source"], kind, f"{at}.source")
    elif kind == "tool_use":
        _object(f"{at}.input", block["input"])
        if not re.fullmatch(r"[a-zA-Z0-9_-]+", str(block["id"])):
            raise invalid(f"{at}.id", "String should match pattern '^[a-zA-Z0-9_-]+$'")
    elif kind == "tool_result":
        _tool_result(block, at)


def _tool_result(block: dict, at: str) -> None:
    content = block.get("content", "")
    if not isinstance(block.get("is_error", False), bool):
        raise invalid(f"{at}.is_error", "Input should be a valid boolean")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise invalid(f"{at}.content", "Input should be a valid string or a valid list")
    for index, part in enumerate(content):
        _block(part, IN_TOOL_RESULT, f"{at}.content.{index}")


def _source(source: object, kind: str, at: str) -> None:
    source = _object(at, source)
    form = source.get("type")
    if form == "url":
        _only(source, {"type", "url"}, f"{at}.url")
        if not str(source.get("url", "")).startswith(("https://", "http://")):
            raise invalid(f"{at}.url.url", "Only HTTPS URLs are supported.")
    elif form == "base64":
        _base64(source, kind, f"{at}.base64")
    elif form not in ("file", "text", "content") or (kind == "image" and form != "file"):
        raise invalid(at, f"Input tag {form!r} found using 'type' does not match any of the expected tags: 'base64', 'url', 'file'")


def _base64(source: dict, kind: str, at: str) -> None:
    _only(source, {"type", "media_type", "data"}, at)
    for name in ("data", "media_type"):
        if not isinstance(source.get(name), str):
            raise invalid(f"{at}.{name}", "Field required" if name not in source else "Input should be a valid string")
    media = source["media_type"]
    expected = IMAGE_TYPES if kind == "image" else ("application/pdf",)
    if media not in expected:
        raise invalid(f"{at}.media_type", "Input should be " + " or ".join(f"'{name}'" for name in expected))
    try:
        data = base64.b64decode(source["data"], validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{at}.data", "invalid base64 data") from None
    if kind == "image" and not data.startswith(IMAGE_MAGIC[media]):
        raise invalid(f"{at}.data", f"The image was specified using the {media} media type, but does not appear to be one")


def _system(system: object) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise invalid("system", "Input should be a valid string or a valid list")
    for index, block in enumerate(system):
        _block(block, {"text"}, f"system.{index}")


def _tools(request: dict) -> None:
    names = set()
    for index, tool in enumerate(_list(request, "tools")):
        at = f"tools.{index}"
        tool = _object(at, tool)
        kind = tool.get("type") or "custom"
        if kind != "custom":
            names.add(tool.get("name"))
            continue
        _only(tool, {"type", "name", "description", "input_schema", "cache_control", "strict", "defer_loading", "input_examples",
                     "eager_input_streaming", "allowed_callers"}, f"{at}.custom")
        for name in ("name", "input_schema"):
            if name not in tool:
                raise invalid(f"{at}.custom.{name}", "Field required")
        if not isinstance(tool["name"], str) or not TOOL_NAME.fullmatch(tool["name"]):
            raise invalid(f"{at}.custom.name", "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")
        if tool["name"] in names:
            raise invalid("tools", "Tool names must be unique.")
        names.add(tool["name"])
        if _object(f"{at}.custom.input_schema", tool["input_schema"]).get("type") != "object":
            raise invalid(f"{at}.custom.input_schema.type", "Input should be 'object'")
        _cache_control(tool, at)
    _tool_choice(request.get("tool_choice"), names)


def _tool_choice(choice: object, names: set) -> None:
    if choice is None:
        return
    choice = _object("tool_choice", choice)
    kind = choice.get("type")
    if kind not in ("auto", "any", "tool", "none"):
        raise invalid("tool_choice", f"Input tag {kind!r} found using 'type' does not match any of: 'auto', 'any', 'tool', 'none'")
    known = {"auto": {"disable_parallel_tool_use"}, "any": {"disable_parallel_tool_use"},
             "tool": {"name", "disable_parallel_tool_use"}, "none": set()}[kind]
    _only(choice, known | {"type"}, f"tool_choice.{kind}")
    if kind == "tool":
        if "name" not in choice:
            raise invalid("tool_choice.tool.name", "Field required")
        if choice["name"] not in names:
            raise ApiError(400, f"Tool '{choice['name']}' not found in provided tools")
    if not names and kind in ("any", "tool"):
        raise invalid("tool_choice", "tool_choice may only be specified while providing tools.")


def _thinking(request: dict) -> None:
    thinking = request.get("thinking")
    if thinking is None:
        return
    thinking = _object("thinking", thinking)
    kind = thinking.get("type")
    if kind not in ("enabled", "disabled", "adaptive", "between_tools"):
        raise invalid("thinking", f"Input tag {kind!r} found using 'type' does not match any of: 'adaptive', 'between_tools', 'disabled', 'enabled'")
    if kind != "enabled":
        return
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int) or budget < 1024:
        raise invalid("thinking.enabled.budget_tokens", "Input should be greater than or equal to 1024")
    if budget >= request["max_tokens"]:
        raise invalid("max_tokens", "must be greater than thinking.budget_tokens")
    if request.get("temperature", 1) != 1:
        raise invalid("temperature", "may only be set to 1 when thinking is enabled")


def _pairs(messages: list) -> None:
    """Every call is answered in the turn that follows it, and every answer has its call."""
    waiting: list[str] = []
    for index, role, blocks in _turns(messages):
        if role == "user":
            answered = [block["tool_use_id"] for block in blocks if block.get("type") == "tool_result"]
            for position, answer in enumerate(answered):
                if answer not in waiting:
                    raise invalid(f"messages.{index}.content.{position}",
                                  f"unexpected `tool_use_id` found in `tool_result` blocks: {answer}. Each `tool_result` block "
                                  "must have a corresponding `tool_use` block in the previous message.")
            missing = [call for call in waiting if call not in answered]
            if missing:
                raise invalid(f"messages.{index - 1}",
                              f"`tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)}. "
                              "Each `tool_use` block must have a corresponding `tool_result` block in the next message.")
            waiting = []
        else:
            waiting = [block["id"] for block in blocks if block.get("type") == "tool_use"]
            if len(set(waiting)) != len(waiting):
                raise invalid(f"messages.{index}", "`tool_use` ids must be unique")


def _turns(messages: list) -> list[tuple[int, str, list]]:
    """The conversation with consecutive messages of one role taken together, as the API takes them."""
    turns: list[tuple[int, str, list]] = []
    for index, message in enumerate(messages):
        if message["role"] == "system":
            continue
        blocks = message["content"] if isinstance(message["content"], list) else []
        if turns and turns[-1][1] == message["role"]:
            turns[-1][2].extend(blocks)
        else:
            turns.append((index, message["role"], list(blocks)))
    return turns


def _thoughts_first(messages: list) -> None:
    """With a thinking budget, a turn that is still calling tools has to bring its thoughts back."""
    turns = _turns(messages)
    if len(turns) < 2 or turns[-1][1] != "user" or not any(block.get("type") == "tool_result" for block in turns[-1][2]):
        return
    index, _, blocks = turns[-2]
    kind = blocks[0].get("type") if blocks else "text"
    if kind not in ("thinking", "redacted_thinking"):
        raise invalid(f"messages.{index}.content.0.type", f"Expected `thinking` or `redacted_thinking`, but found `{kind}`. When `thinking` "
                      "is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of "
                      "`tool_use` and `tool_result` blocks).")


def _ending(messages: list) -> None:
    last = messages[-1]
    if last["role"] != "assistant":
        return
    content = last["content"]
    text = content if isinstance(content, str) else (content[-1].get("text", "") if content else "")
    if text != text.rstrip():
        raise invalid("messages", "final assistant content cannot end with trailing whitespace")
    if isinstance(content, list) and any(block.get("type") == "tool_use" for block in content):
        raise invalid(f"messages.{len(messages) - 1}", "`tool_use` ids were found without `tool_result` blocks immediately after")


def _cache_control(holder: dict, at: str) -> None:
    control = holder.get("cache_control")
    if control is None:
        return
    control = _object(f"{at}.cache_control", control)
    if control.get("type") != "ephemeral":
        raise invalid(f"{at}.cache_control.type", "Input should be 'ephemeral'")
    if control.get("ttl", "5m") not in ("5m", "1h"):
        raise invalid(f"{at}.cache_control.ephemeral.ttl", "Input should be '5m' or '1h'")


def _object(at: str, value: object) -> dict:
    if not isinstance(value, dict):
        raise invalid(at or "body", "Input should be a valid dictionary")
    return value


def _only(holder: dict, known: set[str], at: str) -> None:
    for name in holder:
        if name not in known:
            raise invalid(f"{at}.{name}" if at else name, "Extra inputs are not permitted")


def _required(request: dict, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in request:
            raise invalid(name, "Field required")


def _list(request: dict, name: str) -> list:
    value = request.get(name)
    if value is not None and not isinstance(value, list):
        raise invalid(name, "Input should be a valid list")
    return value or []


def _number(request: dict, name: str, least: float, most: float, whole: bool = False) -> None:
    value = request.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise invalid(name, "Input should be a valid integer" if whole else "Input should be a valid number")
    if value < least:
        raise invalid(name, f"Input should be greater than or equal to {least}")
    if value > most:
        raise invalid(name, f"Input should be less than or equal to {most}")
