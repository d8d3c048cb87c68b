"""What OpenAI's responses take and what they refuse: the SDK's types, and the rules that types cannot say."""

from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming

import openai_rules as rules
from openai_errors import OpenaiError, invalid
from openai_types import check
from stand_in import proof

# How the ids of items begin that the API made.
PREFIXES = {"function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs", "additional_tools": "at"}
MAX_ID = 64
CALLS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output", "tool_search_call": "tool_search_output"}
ENCRYPTED = "gAAAAAB"


def check_response(body: object) -> dict:
    """A body for `/responses`."""
    if not isinstance(body, dict):
        raise invalid(None, "We could not parse the JSON body of your request.", None)
    check(body, ResponseCreateParamsStreaming if body.get("stream") else ResponseCreateParamsNonStreaming)
    for name in ("model", "input"):
        if name not in body:
            raise invalid(name, f"Missing required parameter: '{name}'.", "missing_required_parameter")
    rules.number(body, "max_output_tokens", 16, 128_000)
    rules.sampling(body)
    rules.metadata(body)
    rules.texts(body)
    _stored(body)
    _reasoning(body)
    _common(body)
    return body


def check_count(body: object) -> dict:
    """A body for `/responses/input_tokens`."""
    if not isinstance(body, dict):
        raise invalid(None, "We could not parse the JSON body of your request.", None)
    check(body, InputTokenCountParams)
    if not body.get("model"):
        raise invalid("model", "Missing required parameter: 'model'.", "missing_required_parameter")
    _common(body)
    return body


def items_of(body: dict) -> list[dict]:
    """The input as items, whatever its form."""
    given = body.get("input") or []
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def tools_of(body: dict) -> dict[tuple[str | None, str], str]:
    """Namespace and name of each tool, wherever it was declared, and its kind."""
    found = {}
    more = [item["tools"] for item in items_of(body) if item.get("type") in ("additional_tools", "tool_search_output")]
    for tools in (body.get("tools") or [], *more):
        for tool in tools:
            if tool["type"] == "namespace":
                found.update({(tool["name"], inner["name"]): inner["type"] for inner in tool["tools"]})
            else:
                found[None, tool.get("name", tool["type"])] = tool["type"]
    return found


def text_of(content: object) -> str:
    """The words of a content or of a tool's output."""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", part.get("refusal", "")) for part in content or [])


def _stored(body: dict) -> None:
    """What only a server that stores can do; this one has nothing stored."""
    if body.get("previous_response_id"):
        raise OpenaiError(400, f"Previous response with id '{body['previous_response_id']}' not found.", "previous_response_id",
                          "previous_response_not_found")
    for item in items_of(body):
        if item.get("type") == "item_reference":
            raise OpenaiError(404, f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false.", "input")


def _reasoning(body: dict) -> None:
    if rules.is_reasoning(body["model"]):
        return
    for name, value in (body.get("reasoning") or {}).items():
        if value is not None:
            raise invalid(f"reasoning.{name}", f"Unsupported parameter: 'reasoning.{name}' is not supported with this model.",
                          "unsupported_parameter")
    if "reasoning.encrypted_content" in (body.get("include") or []):
        raise OpenaiError(400, "Encrypted content is not supported with this model.", "include")
    if (body.get("text") or {}).get("verbosity") not in (None, "medium"):
        raise invalid("text.verbosity", f"Unsupported value: '{body['text']['verbosity']}' is not supported with this model. Supported "
                      "values are: 'medium'.", "unsupported_value")


def _common(body: dict) -> None:
    items = items_of(body)
    if isinstance(body.get("input"), list) and not items:
        raise invalid("input", "Invalid 'input': empty array. Expected an array with minimum length 1.", "empty_array")
    _tools(body)
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        rules.format_schema(form, "text.format")
    elif form.get("type") == "json_object":
        rules.says_json([text_of(item.get("content")) for item in items if item.get("role")], "text.format", "input")
    for index, item in enumerate(items):
        _item(item, f"input[{index}]")
    _pairs(items)
    _thoughts(items)


def _tools(body: dict) -> None:
    for index, tool in enumerate(body.get("tools") or []):
        at = f"tools[{index}]"
        for holder in tool["tools"] if tool["type"] == "namespace" else [tool]:
            if holder["type"] == "function":
                rules.function(holder, at)
            elif holder["type"] == "custom":
                rules.name(holder["name"], f"{at}.name")
    choice = body.get("tool_choice")
    names = [name for _, name in tools_of(body)]
    if isinstance(choice, dict) and choice.get("type") in ("function", "custom") and choice["name"] not in names:
        raise invalid("tool_choice", f"Tool choice '{choice['name']}' not found in 'tools' parameter.")
    if choice == "required" and not names:
        raise invalid("tool_choice", "Tool choice 'required' must be specified with 'tools' parameter.")


def _item(item: dict, at: str) -> None:
    identity = item.get("id")
    prefix = PREFIXES.get(item.get("type"), "msg" if item.get("role") else None)
    if identity is not None and prefix and not identity.startswith(prefix):
        raise invalid(f"{at}.id", f"Invalid '{at}.id': '{identity}'. Expected an ID that begins with '{prefix}'.")
    for name in ("id", "call_id"):
        if len(item.get(name) or "") > MAX_ID:
            raise invalid(f"{at}.{name}", f"Invalid '{at}.{name}': string too long. Expected a string with maximum length {MAX_ID}, but got "
                          f"a string with length {len(item[name])} instead.", "string_above_max_length")
    if item.get("type") in ("function_call", "custom_tool_call"):
        rules.name(item["name"], f"{at}.name")
    held = item.get("output") if item.get("type") in CALLS.values() else item.get("content")
    wrong = {"assistant": ("input_text", "input_image", "input_file")}.get(item.get("role"), ("output_text", "refusal"))
    for index, part in enumerate(held if isinstance(held, list) and item.get("type") != "reasoning" else []):
        if part["type"] in wrong:
            raise invalid(f"{at}.content[{index}]", f"Invalid value: '{part['type']}'. It does not belong to what is said by "
                          f"'{item.get('role', 'tool')}'.")
        if part["type"] == "input_image" and part.get("image_url"):
            rules.image(part["image_url"], f"{at}.content[{index}].image_url")


def _pairs(items: list[dict]) -> None:
    """Every call has its output behind it, and every output its call before it."""
    asked: dict[str, str] = {}
    answered = set()
    for item in items:
        kind, identity = item.get("type"), item.get("call_id")
        if kind in CALLS:
            asked[identity] = kind
        elif kind in CALLS.values():
            if identity not in asked or CALLS[asked[identity]] != kind:
                raise OpenaiError(400, f"No tool call found for {kind.replace('_', ' ')} with call_id {identity}.", "input")
            answered.add(identity)
    for identity, kind in asked.items():
        if identity not in answered:
            raise OpenaiError(400, f"No tool output found for {kind.replace('_', ' ')} {identity}.", "input")


def _thoughts(items: list[dict]) -> None:
    """Thoughts come back as they were told, before what followed them."""
    for index, item in enumerate(items):
        if item.get("type") != "reasoning":
            continue
        after = items[index + 1] if index + 1 < len(items) else {}
        if after.get("type") not in (*CALLS, "reasoning") and after.get("role") != "assistant":
            raise OpenaiError(400, f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item.", "input")
        told = text_of(item.get("summary"))
        if item.get("encrypted_content") and item["encrypted_content"] != ENCRYPTED + proof(told):
            raise OpenaiError(400, f"The encrypted content for item {item.get('id')} could not be verified.", None,
                              "invalid_encrypted_content")
