"""Codex, `codex exec` over responses: a task with several tool calls, with the tools that it gives models of each kind."""

import json

import page
import pytest
from conftest import MODULES, run
from report import node_package

CODEX = MODULES / ".bin" / "codex"
ANSWER = "Done: notes.txt says omega, and made.txt is there."
PATCH = "*** Begin Patch\n*** Update File: notes.txt\n@@\n-alpha beta\n+omega beta\n*** End Patch\n"
# Each request once, and what was thought in words.
OPTIONS = ["model_providers.weir.request_max_retries=0", "model_providers.weir.stream_max_retries=0", "model_reasoning_summary=auto"]
# What Codex takes the model for decides which tools it gets: functions and a free-form patch tool; namespaces with a tool
# that takes a program; functions alone, for a name that it does not know.
FUNCTIONS, NAMESPACES, UNKNOWN = "gpt-5.5", "gpt-5.6-sol", "our-own-model"


def spoken(_):
    """For docs/clients.md: who speaks what."""
    return {"group": "Codex", "client": node_package("@openai/codex", MODULES), "speaks": "responses"}


def ask(way, folder, home, model, fails=False):
    home.mkdir()
    (home / "config.toml").write_text(page.at(way, page.example("toml")))
    command = ["node", CODEX, "exec", "--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check", "--json",
               "--model", model, *(word for option in OPTIONS for word in ("-c", option)), "Replace alpha with omega in notes.txt."]
    output = run(command, folder, home, {"CODEX_HOME": str(home), "WEIR_KEY": way.key}, fails)
    return [json.loads(line) for line in output.splitlines()]


def check(events, folder):
    messages = [event["item"]["text"] for event in events if event.get("item", {}).get("type") == "agent_message"]
    assert messages[-1] == ANSWER, events
    assert (folder / "notes.txt").read_text() == "omega beta\ngamma\n" and (folder / "made.txt").read_text() == "made\n"
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "turn.completed" and usage["input_tokens"] == 3900 and usage["output_tokens"] == 120, usage
    assert usage["cached_input_tokens"] == 1000


FIGURES = [{"input": 1200, "cached": 1000, "output": 30}, {"input": 1300, "output": 40}, {"input": 1400, "output": 50}]
LOOK = {"cmd": "cat notes.txt && echo made > made.txt"}
WAYS = pytest.mark.parametrize("way", ["direct:responses", "responses", "chat", "thoughts", "messages"], indirect=True)


def thoughts(way):
    """How many thoughts come back to a backend that takes them back."""
    return 0 if way.provider.name == "chat" else 1


@WAYS
def test_functions_and_a_patch_as_free_text(way, folder, tmp_path):
    """A task with functions, a patch as free text and an image; thoughts; usage."""
    way.script(
        {"expect": {"user": "Replace alpha with omega", "tools": ["exec_command", "apply_patch", "view_image"], "system": "coding agent"},
         "say": [{"reasoning": "**Reading** first."}, {"text": "I will look."}, {"call": "exec_command", "arguments": LOOK},
                 {"call": "exec_command", "arguments": {"cmd": "cat nothing.txt"}}], "usage": FIGURES[0]},
        {"expect": {"results": ["alpha beta", "No such file"], "calls": ["exec_command"], "reasoning": thoughts(way)},
         "say": [{"call": "apply_patch", "input": PATCH}, {"call": "view_image", "arguments": {"path": "pixel.png"}}], "usage": FIGURES[1]},
        {"expect": {"results": ["Success", ""], "calls": ["apply_patch", "view_image"]},
         "say": [{"text": ANSWER}], "usage": FIGURES[2]})
    check(ask(way, folder, tmp_path / "home", FUNCTIONS), folder)


@WAYS
def test_namespaces_and_a_tool_that_takes_a_program(way, folder, tmp_path):
    """A task with tools in namespaces, and a tool that takes a program."""
    program = "const r = await tools.exec_command({cmd: 'cat notes.txt && echo made > made.txt'}); text(r.output);"
    patch = f"await tools.apply_patch({json.dumps(PATCH)}); text('patched');"
    way.script(
        {"expect": {"user": "Replace alpha with omega"},
         "say": [{"reasoning": "**Reading** first."}, {"call": "exec", "namespace": "functions", "input": program}], "usage": FIGURES[0]},
        {"expect": {"results": ["alpha beta"], "reasoning": thoughts(way)},
         "say": [{"call": "exec", "namespace": "functions", "input": patch},
                 {"call": "list_agents", "namespace": "collaboration", "arguments": {}}], "usage": FIGURES[1]},
        {"expect": {"results": ["patched", "/root"]}, "say": [{"text": ANSWER}], "usage": FIGURES[2]})
    check(ask(way, folder, tmp_path / "home", NAMESPACES), folder)


@WAYS
def test_a_model_that_codex_does_not_know(way, folder, tmp_path):
    """A task with a model that Codex does not know."""
    if way.weir is None:
        pytest.skip("the provider does not have it")
    way.script(
        {"expect": {"user": "Replace alpha with omega", "tools": ["exec_command"]},
         "say": [{"reasoning": "**Reading** first."}, {"call": "exec_command", "arguments": LOOK}], "usage": FIGURES[0]},
        {"expect": {"results": ["alpha beta"], "reasoning": thoughts(way)},
         "say": [{"call": "exec_command", "arguments": {"cmd": "sed -i s/alpha/omega/ notes.txt"}},
                 {"call": "view_image", "arguments": {"path": "pixel.png"}}], "usage": FIGURES[1]},
        {"expect": {"calls": ["exec_command", "view_image"]}, "say": [{"text": ANSWER}], "usage": FIGURES[2]})
    check(ask(way, folder, tmp_path / "home", UNKNOWN), folder)


@WAYS
def test_a_stream_that_breaks_off_is_no_answer(way, folder, tmp_path):
    """A stream that breaks off is no answer."""
    way.script({"say": [{"text": "A story that goes on and on and on."}], "cut": 5})
    events = ask(way, folder, tmp_path / "home", FUNCTIONS, fails=True)
    assert events[-1]["type"] == "turn.failed", events
    assert not [event for event in events if event.get("item", {}).get("type") == "agent_message"]


@WAYS
def test_a_limit_of_the_provider_is_told(way, folder, tmp_path):
    """A limit of the provider's is told."""
    way.script({"fail": {"status": 429, "retry_after": 1, "message": "Too many for today."}})
    events = ask(way, folder, tmp_path / "home", FUNCTIONS, fails=True)
    assert "429" in json.dumps(events[-1]) or "Too many for today" in json.dumps(events[-1]), events
