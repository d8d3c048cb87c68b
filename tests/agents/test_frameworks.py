"""Frameworks that agents are made with: a task with several tool calls, streaming, and an answer with a shape."""

import json
import subprocess

import pytest
from conftest import MODULES, ROOT, TOOLS, environment
from report import node_package, python_package

DRIVERS = ROOT / "tests" / "agents" / "drivers"
# Where each has its modules, and the program that drives it.
PROGRAMS = {"langchain": ("agents-python", "langchain_agent.py"), "pydantic-ai": ("agents-python", "pydantic_agent.py"),
            "llamaindex": ("llamaindex-python", "llamaindex_agent.py"), "vercel": ("agents", "vercel.mjs")}
SPOKEN = {"langchain": ("chat", "responses", "messages"), "pydantic-ai": ("chat", "responses", "messages"),
          "llamaindex": ("chat", "responses", "messages"), "vercel": ("chat", "compatible", "responses", "messages")}
# Their libraries take only names that they know, of models that take what they send.
NAMES = {"chat": "gpt-4.1", "compatible": "gpt-4.1", "responses": "gpt-4.1", "messages": "claude-haiku-4-5"}
# What each is made of: what it is itself, and what speaks the dialect.
PACKAGES = {
    "langchain": ("langchain", {"chat": "langchain-openai", "responses": "langchain-openai", "messages": "langchain-anthropic"}),
    "pydantic-ai": ("pydantic-ai-slim", {"chat": "openai", "responses": "openai", "messages": "anthropic"}),
    "llamaindex": ("llama-index-core", {"chat": "llama-index-llms-openai-like", "responses": "llama-index-llms-openai",
                                        "messages": "llama-index-llms-anthropic"}),
    "vercel": ("ai", {"chat": "@ai-sdk/openai", "compatible": "@ai-sdk/openai-compatible", "responses": "@ai-sdk/openai",
                      "messages": "@ai-sdk/anthropic"}),
}


def spoken(params):
    """For docs/clients.md: who speaks what."""
    framework, dialect = params["framework"], params["dialect"]
    itself, speaker = PACKAGES[framework][0], PACKAGES[framework][1][dialect]
    where = TOOLS / PROGRAMS[framework][0]
    packages = [node_package(name, MODULES) if framework == "vercel" else python_package(name, where) for name in (itself, speaker)]
    return {"group": "Frameworks", "client": " with ".join(packages), "speaks": "chat" if dialect == "compatible" else dialect}


class Driver:
    """A framework in a process of its own, for one job after another."""

    def __init__(self, framework, home):
        where, program = PROGRAMS[framework]
        self.log = home / "stderr.log"
        if program.endswith(".mjs"):
            # A module looks for others where it is; one that is an argument, where it runs.
            command, folder = ["node", "--input-type=module", "--eval", (DRIVERS / program).read_text()], TOOLS / where
        else:
            command, folder = [TOOLS / where / "bin/python", DRIVERS / program], home
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log, text=True)

    def do(self, **job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        done = json.loads(line)
        assert "error" not in done, done["error"]
        return done


@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    running = {}

    def of(framework):
        if framework not in running:
            running[framework] = Driver(framework, tmp_path_factory.mktemp(framework))
        return running[framework]

    yield of
    for driver in running.values():
        driver.process.kill()
        driver.process.wait()


def script(way):
    """Two calls at once, one after another, an answer; then the question with a shape."""
    way.script(
        {"expect": {"user": "Replace alpha", "system": "You work on files", "tools": ["read_file", "write_file", "run_command"]},
         "say": [{"text": "I will look."}, {"call": "read_file", "arguments": {"path": "notes.txt"}},
                 {"call": "read_file", "arguments": {"path": "nothing.txt"}}], "usage": {"output": 11}},
        {"expect": {"results": ["alpha beta\ngamma", "there is no nothing.txt"], "calls": ["read_file"]},
         "say": [{"call": "write_file", "arguments": {"path": "notes.txt", "content": "omega beta\ngamma\n"}}], "usage": {"output": 22}},
        {"expect": {"results": ["wrote 17 characters"]}, "say": [{"call": "run_command", "arguments": {"command": "wc -l < notes.txt"}}],
         "usage": {"output": 33}},
        {"expect": {"results": ["2"]}, "say": [{"text": "Done: omega stands in notes.txt, which has 2 lines."}], "usage": {"output": 44}},
        {"expect": {"user": "Which word", "schema": True}, "say": [{"json": {"word": "omega", "times": 1}}]})


def check(told, folder):
    assert (folder / "notes.txt").read_text() == "omega beta\ngamma\n"
    assert told["answer"] == "Done: omega stands in notes.txt, which has 2 lines." and told["pieces"] > 2
    assert told["count"] == {"word": "omega", "times": 1}
    assert told["output_tokens"] in (None, 110)


def pairs():
    for framework, dialects in SPOKEN.items():
        for dialect in dialects:
            own = "chat" if dialect == "compatible" else dialect
            for way in (f"direct:{own}", "chat", "responses", "messages"):
                yield pytest.param(framework, dialect, way, id=f"{framework}-{dialect}-{way.replace('direct:', 'directly-')}")


@pytest.mark.parametrize(("framework", "dialect", "way"), list(pairs()), indirect=["way"])
def test_a_task_with_tools_and_an_answer_with_a_shape(framework, dialect, way, folder, drivers):
    """A task with several tools, streamed; then an answer with a shape."""
    script(way)
    job = {"dialect": dialect, "url": way.url, "key": way.key, "model": NAMES[dialect], "folder": str(folder)}
    check(drivers(framework).do(**job), folder)
