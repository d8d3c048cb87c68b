"""Claude Code, in print mode: a task with several tool calls, a failure and an image among their results."""

import json

import page
import pytest
from conftest import MODULES, run
from report import node_package

# The program is in the package for this platform.
CLAUDE = next((MODULES / "@anthropic-ai").glob("claude-code-*/claude"), MODULES / "claude")
ANSWER = "Done: notes.txt says omega, and made.txt is there."
# Of these it knows what they can do, and asks for all of it; of names that it does not know it assumes less.
KNOWN = "claude-opus-5-5"
UNKNOWN = "our-own-model"


def spoken(_):
    """For docs/clients.md: who speaks what."""
    return {"group": "Claude Code", "client": node_package("@anthropic-ai/claude-code", MODULES), "speaks": "messages"}


def ask(way, folder, home, *options, model=KNOWN):
    command = [CLAUDE, "-p", "Replace alpha with omega in notes.txt.", "--allowedTools", "Read,Edit,Write,Bash", "--model", model,
               "--output-format", "json", *options]
    return json.loads(run(command, folder, home, variables(way)))


def variables(way):
    """As docs/clients.md says; but Anthropic itself has keys for programs, which are not bearers'."""
    lines = [line.removeprefix("export ").split("=") for line in page.at(way, page.example("sh")).splitlines()]
    said = {line[0]: line[1] for line in lines if len(line) == 2}
    if way.weir is None:
        said["ANTHROPIC_API_KEY"] = said.pop("ANTHROPIC_AUTH_TOKEN")
    return {**said, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


def script(way, folder):
    """Thoughts, calls at once, a call that fails, an image; then the answer."""
    thoughts = 0 if way.provider.name == "chat" else 1
    notes = str(folder / "notes.txt")
    way.script(
        {"expect": {"user": "Replace alpha with omega", "tools": ["Read", "Edit", "Bash", "Write"], "system": "Primary working directory"},
         "say": [{"reasoning": "I must read first."}, {"text": "I will look."}, {"call": "Read", "arguments": {"file_path": notes}},
                 {"call": "Bash", "arguments": {"command": "echo made > made.txt && ls", "description": "Makes a file"}}],
         "usage": {"input": 1200, "cached": 1000, "output": 30}},
        {"expect": {"results": ["alpha beta", "made.txt"], "calls": ["Read", "Bash"], "reasoning": thoughts},
         "say": [{"call": "Edit", "arguments": {"file_path": notes, "old_string": "alpha", "new_string": "omega"}},
                 {"call": "Read", "arguments": {"file_path": str(folder / "nothing.txt")}},
                 {"call": "Read", "arguments": {"file_path": str(folder / "pixel.png")}}], "usage": {"input": 1300, "output": 40}},
        {"expect": {"results": ["has been updated", "does not exist", ""], "failed": [False, True, False], "reasoning": thoughts},
         "say": [{"text": ANSWER}], "usage": {"input": 1400, "output": 50}})


@pytest.mark.parametrize("model", [KNOWN, UNKNOWN])
@pytest.mark.parametrize("way", ["direct:messages", "messages", "chat", "thoughts", "responses"], indirect=True)
def test_a_task_with_several_tools(way, folder, tmp_path, model):
    """A task: calls at once, one that fails, an image among the results; thoughts; usage."""
    if way.weir is None and model == UNKNOWN:
        pytest.skip("the provider does not have it")
    script(way, folder)
    told = ask(way, folder, tmp_path / "home", model=model)
    assert told["result"] == ANSWER and told["is_error"] is False, told
    assert (folder / "notes.txt").read_text() == "omega beta\ngamma\n" and (folder / "made.txt").read_text() == "made\n"
    assert told["usage"]["output_tokens"] == 120 and told["usage"]["cache_read_input_tokens"] == 1000
    assert told["usage"]["input_tokens"] == 200 + 1300 + 1400


@pytest.mark.parametrize("way", ["direct:messages", "messages", "chat", "responses"], indirect=True)
def test_an_answer_with_a_shape(way, folder, tmp_path):
    """An answer with a shape (`--json-schema`)."""
    shape = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"], "additionalProperties": False}
    way.script({"expect": {"tools": ["StructuredOutput"]}, "say": [{"call": "StructuredOutput", "arguments": {"word": "omega"}}]})
    told = ask(way, folder, tmp_path / "home", "--json-schema", json.dumps(shape))
    assert told["structured_output"] == {"word": "omega"}, told


@pytest.mark.parametrize("way", ["direct:messages", "messages", "chat", "responses"], indirect=True)
def test_tools_that_are_found_later(way, folder, tmp_path):
    """Tools that are searched for, and loaded then."""
    way.script(
        {"expect": {"tools": ["ToolSearch"]}, "say": [{"call": "ToolSearch", "arguments": {"query": "select:WebFetch", "max_results": 3}}]},
        {"expect": {"tools": ["WebFetch"], "calls": ["ToolSearch"]}, "say": [{"text": "Found."}]})
    assert ask(way, folder, tmp_path / "home")["result"] == "Found."
