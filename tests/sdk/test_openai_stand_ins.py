"""The stand-ins for OpenAI, driven by OpenAI's own SDK: what they refuse, in the API's words, and what a script does."""

import httpx2 as httpx
import openai
import pytest
from providers import PROVIDER_KEY

MODEL = "gpt-4.1"
CALL = {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "x"}
USER = {"role": "user", "content": "Hi"}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}}
STRICT = {"type": "function", "function": {**FUNCTION["function"], "strict": True}}
SCHEMA = {"name": "s", "strict": True, "schema": {"type": "object", "properties": {}}}
BAD_IMAGE = "data:image/jpeg;base64,iVBORw0KGgo="
FLAT = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
FLAT_CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}


HTTP = httpx.Client(headers={"authorization": f"Bearer {PROVIDER_KEY}"}, timeout=10)


def post(provider, path, body):
    answer = HTTP.post(f"{provider.url}/v1{path}", json=body)
    return answer.status_code, answer.json().get("error")


@pytest.fixture
def chat(stand_ins):
    stand_ins["chat"].play({"say": [{"text": "Yes."}]})
    return stand_ins["chat"]


@pytest.fixture
def responses(stand_ins):
    stand_ins["responses"].play({"say": [{"text": "Yes."}]})
    return stand_ins["responses"]


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"messages": None}, "messages", None),
        ({"messages": []}, "messages", "empty_array"),
        ({"foo": 1}, "foo", "unknown_parameter"),
        ({"input": "Hi"}, "input", "unknown_parameter"),
        ({"temperature": 3.0}, "temperature", "decimal_above_max_value"),
        ({"temperature": "warm"}, "temperature", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens", "invalid_parameter_combination"),
        ({"max_tokens": 5, "model": "gpt-5.5"}, "max_tokens", "unsupported_parameter"),
        ({"temperature": 0.5, "model": "gpt-5.5"}, "temperature", "unsupported_parameter"),
        ({"stop": ["a"], "model": "gpt-5.5"}, "stop", "unsupported_parameter"),
        ({"reasoning_effort": "low"}, "reasoning_effort", "unsupported_parameter"),
        ({"stop": list("abcde")}, "stop", "array_above_max_length"),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        ({"metadata": {"a": "b"}}, "metadata", None),
        ({"top_logprobs": 2}, "top_logprobs", None),
        ({"tool_choice": "auto"}, "tool_choice", None),
        ({"parallel_tool_calls": True}, "parallel_tool_calls", None),
        ({"tools": []}, "tools", "array_length"),
        ({"tools": [{"name": "f"}]}, "tools[0].type", None),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "invalid_value"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name", "invalid_value"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, "tools[0].function.parameters",
         "invalid_function_parameters"),
        ({"tools": [STRICT]}, "tools[0].function.parameters", "invalid_function_parameters"),
        ({"tools": [FUNCTION], "tool_choice": "any"}, "tool_choice", None),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice", None),
        ({"response_format": {"type": "json_schema", "json_schema": SCHEMA}}, "response_format.json_schema", None),
        ({"response_format": {"type": "json_object"}}, "response_format", "invalid_value"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "invalid_type"),
        ({"messages": [{**USER, "cache_control": {}}]}, "messages[0].cache_control", "unknown_parameter"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "citations": []}]}]}, "messages[0].content[0].citations",
         "unknown_parameter"),
        ({"messages": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}, "messages[0].content[0].type", "invalid_value"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": BAD_IMAGE}}]}]},
         "messages[0].content[0].image_url.url", "image_parse_error"),
        ({"messages": [USER, RESULT]}, "messages[1].role", None),
        ({"messages": [USER, CALL]}, "messages[1].role", None),
        ({"messages": [USER, CALL, USER, RESULT]}, "messages[1].role", None),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "messages[1].content", None),
        ({"messages": [USER, {"role": "assistant", "content": "x", "reasoning_content": "y"}]}, "messages[1].reasoning_content",
         "unknown_parameter"),
    ],
)
def test_what_chat_completions_refuse(chat, change, param, code):
    body = {"model": MODEL, "messages": [USER], **change}
    status, error = post(chat, "/chat/completions", {name: value for name, value in body.items() if value is not None})
    assert status == 400 and error["type"] == "invalid_request_error" and error["param"] == param, error
    assert code is None or error["code"] == code


@pytest.mark.parametrize(
    ("change", "param", "begins"),
    [
        ({"input": None}, "input", "Missing required parameter"),
        ({"input": []}, "input", "Invalid 'input': empty array"),
        ({"messages": [USER]}, "messages", "Unknown parameter"),
        ({"max_tokens": 100}, "max_tokens", "Unknown parameter"),
        ({"max_output_tokens": 5}, "max_output_tokens", "Invalid 'max_output_tokens': integer below"),
        ({"stop": ["a"]}, "stop", "Unknown parameter"),
        ({"reasoning": {"effort": "low"}}, "reasoning.effort", "Unsupported parameter"),
        ({"include": ["reasoning.encrypted_content"]}, "include", "Encrypted content is not supported"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "Previous response"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input", "Item with id 'msg_1' not found"),
        ({"tools": [FUNCTION]}, "tools[0].function", "Unknown parameter"),
        ({"tools": [FLAT], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice", "Tool choice 'g' not found"),
        ({"tool_choice": "required"}, "tool_choice", "Tool choice 'required'"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "Invalid value: 'tool'"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, "input[0].content[0].type", "Invalid value: 'text'"),
        ({"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "a"}]}]}, "input[0].content[0]", "Invalid value: 'input_text'"),
        ({"input": [USER, FLAT_CALL]}, "input", "No tool output found for function call call_1"),
        ({"input": [USER, OUTPUT]}, "input", "No tool call found for function call output with call_id call_1"),
        ({"input": [USER, {**FLAT_CALL, "id": "call_1"}, OUTPUT]}, "input[1].id", "Invalid 'input[1].id': 'call_1'"),
        ({"input": [USER, {**FLAT_CALL, "name": "a.b"}, OUTPUT]}, "input[1].name", "Invalid 'input[1].name'"),
        ({"input": [USER, THOUGHT, USER]}, "input", "Item 'rs_1' of type 'reasoning' was provided without"),
        ({"input": [USER, {**THOUGHT, "encrypted_content": "made up"}, FLAT_CALL, OUTPUT]}, None, "The encrypted content for item rs_1"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name", "Missing required parameter"),
    ],
)
def test_what_responses_refuse(responses, change, param, begins):
    body = {"model": MODEL, "input": "Hi", **change}
    status, error = post(responses, "/responses", {name: value for name, value in body.items() if value is not None})
    assert status in (400, 404) and error["param"] == param and error["message"].startswith(begins), error


@pytest.mark.parametrize("path", ["/chat/completions", "/responses"])
def test_keys_models_and_paths(stand_ins, path):
    provider = stand_ins["chat" if path.startswith("/chat") else "responses"]
    client = openai.OpenAI(base_url=f"{provider.url}/v1", api_key="sk-of-nobody-at-all", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        client.models.list()
    assert caught.value.code == "invalid_api_key" and "nobody" not in caught.value.message
    client = client.with_options(api_key=PROVIDER_KEY)
    assert MODEL in {model.id for model in client.models.list()} and client.models.retrieve(MODEL).object == "model"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=MODEL, input="x")
    status, error = post(provider, path, {"model": "gpt-0", "messages" if path.startswith("/chat") else "input": [USER]})
    assert status == 404 and error["code"] == "model_not_found"


def test_custom_tools_and_namespaces(responses):
    patch = {"type": "custom", "name": "patch", "format": {"type": "text"}}
    space = {"type": "namespace", "name": "files", "description": "", "tools": [FLAT]}
    responses.play({"expect": {"tools": ["patch", "f"]},
                    "say": [{"call": "patch", "input": "*** Begin"}, {"call": "f", "namespace": "files", "arguments": {}}]})
    client = openai.OpenAI(base_url=f"{responses.url}/v1", api_key=PROVIDER_KEY, max_retries=0)
    with client.responses.stream(model="gpt-5.5", input="Go", tools=[patch, space]) as stream:
        output = stream.get_final_response().output
    assert (output[0].type, output[0].name, output[0].input) == ("custom_tool_call", "patch", "*** Begin")
    assert (output[1].type, output[1].name, output[1].namespace) == ("function_call", "f", "files")


def test_a_script_tells_what_a_request_lacked(chat):
    chat.play({"expect": {"user": "rivers", "tools": ["f"]}, "say": [{"text": "Yes."}]})
    status, error = post(chat, "/chat/completions", {"model": MODEL, "messages": [USER]})
    assert status == 400 and "user should hold 'rivers', but is 'Hi'" in error["message"]
    with pytest.raises(AssertionError, match="rivers"):
        chat.check()
    status, error = post(chat, "/chat/completions", {"model": MODEL, "messages": [USER]})
    assert status == 400 and "has 1 turns only" in error["message"]
    chat.play({"say": [{"text": "Yes."}]})
    with pytest.raises(AssertionError, match="only 0 of 1 turns"):
        chat.check()
    for wrong in ({"say": [{"words": "x"}]}, {"expect": {"color": "red"}}, {"says": []}):
        with pytest.raises(OSError):
            chat.play(wrong)
