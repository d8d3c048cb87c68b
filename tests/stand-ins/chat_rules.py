"""What OpenAI's chat completions take and what they refuse: the SDK's types, and the rules that types cannot say."""

from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming

import openai_rules as rules
from openai_errors import OpenaiError, invalid
from openai_types import check

MAX_STOP = 4


def check_chat(body: object, thoughts: str | None) -> dict:
    """A body for `/chat/completions`; `thoughts` is the field in which a compatible server takes back its thoughts."""
    if not isinstance(body, dict):
        raise invalid(None, "We could not parse the JSON body of your request.", None)
    check(_without(body, thoughts), CompletionCreateParamsStreaming if body.get("stream") else CompletionCreateParamsNonStreaming)
    if not body["messages"]:
        raise invalid("messages", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array "
                      "instead.", "empty_array")
    _limits(body)
    rules.sampling(body)
    rules.metadata(body)
    rules.texts(body)
    _combinations(body, thoughts)
    _tools(body)
    _format(body)
    for index, message in enumerate(body["messages"]):
        _message(message, f"messages[{index}]", bool(message.get(thoughts or "")))
    _pairs(body["messages"])
    return body


def text_of(content: object) -> str:
    """The words of a message's content."""
    if isinstance(content, list):
        return "\n".join(part.get("text", part.get("refusal", "")) for part in content)
    return content or ""


def _without(body: dict, thoughts: str | None) -> dict:
    """The body as OpenAI itself would take it."""
    messages = body.get("messages")
    if thoughts is None or not isinstance(messages, list):
        return body
    bare = [{name: value for name, value in message.items() if name != thoughts} if isinstance(message, dict) else message
            for message in messages]
    return {**body, "messages": bare}


def _limits(body: dict) -> None:
    if body.get("max_tokens") is not None:
        if body.get("max_completion_tokens") is not None:
            raise invalid("max_tokens", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
                          "invalid_parameter_combination")
        if rules.is_reasoning(body["model"]):
            raise invalid("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                          "'max_completion_tokens' instead.", "unsupported_parameter")
    rules.number(body, "max_tokens", 1, 128_000)
    rules.number(body, "max_completion_tokens", 1, 128_000)
    rules.number(body, "n", 1, 128)
    stop = body.get("stop")
    if isinstance(stop, list) and not 1 <= len(stop) <= MAX_STOP:
        raise invalid("stop", f"Invalid 'stop': array too long. Expected an array with maximum length {MAX_STOP}, but got an array "
                      f"with length {len(stop)} instead.", "array_above_max_length")


def _combinations(body: dict, thoughts: str | None) -> None:
    if body.get("stream_options") is not None and not body.get("stream"):
        raise invalid("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.", None)
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise invalid("top_logprobs", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", None)
    if body.get("metadata") and not body.get("store"):
        raise invalid("metadata", "The 'metadata' parameter is only allowed when 'store' is enabled.", None)
    if body.get("reasoning_effort") is not None and not thoughts and not rules.is_reasoning(body["model"]):
        raise invalid("reasoning_effort", "Unsupported parameter: 'reasoning_effort' is not supported with this model.",
                      "unsupported_parameter")


def _tools(body: dict) -> None:
    tools = body.get("tools")
    if tools is not None and not 1 <= len(tools) <= rules.MAX_TOOLS:
        raise invalid("tools", f"Invalid 'tools': array too {'long' if tools else 'short'}. Expected an array with minimum length 1 and "
                      f"maximum length {rules.MAX_TOOLS}, but got one with length {len(tools)} instead.", "array_length")
    names = []
    for index, tool in enumerate(tools or []):
        at = f"tools[{index}].{tool['type']}"
        if tool["type"] == "function":
            rules.function(tool["function"], at)
        else:
            rules.name(tool["custom"]["name"], f"{at}.name")
        names.append(tool[tool["type"]]["name"])
    if not tools:
        for name in ("tool_choice", "parallel_tool_calls"):
            if body.get(name) is not None:
                raise invalid(name, f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.", None)
        return
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice["type"] in ("function", "custom") and choice[choice["type"]]["name"] not in names:
        raise invalid("tool_choice", f"Invalid value for 'tool_choice': the tool '{choice[choice['type']]['name']}' is not in 'tools'.", None)


def _format(body: dict) -> None:
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        rules.format_schema(form["json_schema"], "response_format.json_schema")
    elif form.get("type") == "json_object":
        rules.says_json([text_of(message.get("content")) for message in body["messages"]], "response_format", "messages")


def _message(message: dict, at: str, thought: bool) -> None:
    content = message.get("content")
    if content is None and message["role"] != "assistant":
        raise invalid(f"{at}.content", f"Invalid value for '{at}.content': expected a string, got null.", None)
    empty = not content and not message.get("tool_calls") and not message.get("refusal") and not message.get("function_call")
    if message["role"] == "assistant" and content is None and empty and not thought and not message.get("audio"):
        raise invalid(f"{at}.content", f"Invalid value for '{at}.content': expected a string, got null.", None)
    for index, part in enumerate(content if isinstance(content, list) else []):
        if part["type"] == "image_url":
            rules.image(part["image_url"]["url"], f"{at}.content[{index}].image_url.url")
    for index, call in enumerate(message.get("tool_calls") or []):
        rules.name(call[call["type"]]["name"], f"{at}.tool_calls[{index}].{call['type']}.name")
    if message.get("tool_calls") == []:
        raise invalid(f"{at}.tool_calls", f"Invalid '{at}.tool_calls': empty array. Expected an array with minimum length 1.", "empty_array")


def _pairs(messages: list) -> None:
    """Every call is answered right after it, and every answer has its call."""
    waiting: list[str] = []
    asked = 0
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise invalid(f"messages[{index}].role", "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
                              "message with 'tool_calls'.", None)
            waiting.remove(message["tool_call_id"])
            continue
        _all_answered(waiting, asked)
        waiting, asked = [call["id"] for call in message.get("tool_calls") or []], index
        if len(set(waiting)) != len(waiting):
            raise OpenaiError(400, f"Duplicate value for 'tool_call_id' in messages[{index}].", f"messages[{index}].tool_calls")
    _all_answered(waiting, asked)


def _all_answered(waiting: list[str], asked: int) -> None:
    if waiting:
        raise invalid(f"messages[{asked}].role", "An assistant message with 'tool_calls' must be followed by tool messages responding to "
                      f"each 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}", None)
