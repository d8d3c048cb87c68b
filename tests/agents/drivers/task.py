"""What the frameworks' agents are given to do: tools over a folder, a task, and a question with a shape for its answer.

A driver reads jobs from its standard input, a line of JSON each: `dialect` (chat, responses or messages), `url`, `key`,
`model`, `folder`. It does the task, streaming, asks the question, and prints what came of it as a line of JSON.
"""

import json
import pathlib
import subprocess
import sys
import traceback
from types import SimpleNamespace

from pydantic import BaseModel

SYSTEM = "You work on files with the tools that you are given."
TASK = "Replace alpha with omega in notes.txt, and tell how many lines it has."
QUESTION = "Which word is in notes.txt, and how often?"


class Count(BaseModel):
    """How often a word is there."""

    word: str
    times: int


def serve(do) -> None:
    """Does every job that comes."""
    for line in sys.stdin:
        try:
            done = do(SimpleNamespace(**json.loads(line)))
        except Exception:
            done = {"error": traceback.format_exc()}
        print(json.dumps(done), flush=True)


class Folder:
    """The tools: plain functions, whose docstrings say what they are for."""

    def __init__(self, path: str):
        self.path = pathlib.Path(path)

    def tools(self) -> list:
        def read_file(path: str) -> str:
            """Reads a file."""
            file = self.path / path
            return file.read_text() if file.exists() else f"error: there is no {path}"

        def write_file(path: str, content: str) -> str:
            """Writes a file."""
            (self.path / path).write_text(content)
            return f"wrote {len(content)} characters"

        def run_command(command: str) -> str:
            """Runs a command in the shell."""
            done = subprocess.run(command, shell=True, cwd=self.path, capture_output=True, text=True, timeout=20)
            return done.stdout + done.stderr

        return [read_file, write_file, run_command]


def report(answer: str, pieces: int, count: Count, output_tokens: int | None = None) -> dict:
    return {"answer": answer, "pieces": pieces, "count": count.model_dump(), "output_tokens": output_tokens}
