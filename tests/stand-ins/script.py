"""A script: what a scripted model says turn by turn, and what each request must have held by then.

One script drives a stand-in of any dialect. It is JSON: a list of turns, or an object with `turns`.

    [{"expect": {"user": "weather", "tools": ["get_weather"]},
      "say": [{"reasoning": "Look it up."}, {"call": "get_weather", "arguments": {"city": "Paris"}}]},
     {"expect": {"results": ["sunny"], "reasoning": 1}, "say": [{"text": "It is sunny."}]}]

Each request that generates takes the next turn. What a request lacks is told to its client as a 400 and kept, for the
test to read; so is a request after the last turn.
"""

import json
import re
from dataclasses import dataclass, field

PARTS = ("text", "json", "reasoning", "refusal", "call")
STOPS = (None, "length", "filter")
FAULTS = ("cut", "error_event", "hang")


class Mismatch(Exception):
    """The request is not what the script expects."""


@dataclass
class Result:
    """What a tool answered; `failed` is None in a dialect that cannot tell."""

    text: str
    failed: bool | None = None
    images: int = 0


@dataclass
class Seen:
    """What a request holds, in words that all dialects share."""

    model: str
    system: str = ""
    user: list[str] = field(default_factory=list)
    assistant: list[str] = field(default_factory=list)
    tools: dict[tuple[str | None, str], str] = field(default_factory=dict)
    """Namespace and name of each tool, and its kind: `function`, `custom` or the name of a built-in one."""
    calls: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    """The answers to the last turn's calls."""
    images: int = 0
    """Everywhere but in tools' answers."""
    documents: int = 0
    reasoning: int = 0
    """Thoughts sent back whose signature is the stand-in's own."""
    choice: str = "auto"
    parallel: bool = True
    schema: dict | None = None
    effort: str | None = None
    limit: int | None = None
    temperature: float | None = None
    stop: list[str] = field(default_factory=list)


@dataclass
class Turn:
    number: int
    expect: dict
    say: list[dict]
    stop: str | None
    usage: dict
    fail: dict | None
    faults: dict[str, int]


@dataclass
class Usage:
    """Tokens; `input` counts those from and to the cache, `output` those of thoughts."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


class Script:
    def __init__(self, turns: object):
        if isinstance(turns, dict):
            turns = turns.get("turns")
        if not isinstance(turns, list):
            raise ValueError("a script is a list of turns")
        self.turns = [_turn(number, turn) for number, turn in enumerate(turns)]
        self.next_turn = 0
        self.failures: list[str] = []

    def take(self, seen: Seen) -> Turn:
        """The turn that answers a request."""
        number = self.next_turn
        if number == len(self.turns):
            return self._fail(f"request {number + 1}: the script has {number} turns only; it holds {_brief(seen)}")
        self.next_turn += 1
        for name, wanted in self.turns[number].expect.items():
            found = EXPECTATIONS[name](seen)
            if not _fits(name, wanted, found):
                return self._fail(f"turn {number}: {name} should hold {wanted!r}, but is {_cut(found)}")
        return self.turns[number]

    def state(self) -> dict:
        return {"turns": len(self.turns), "taken": self.next_turn, "failures": self.failures}

    def _fail(self, message: str):
        self.failures.append(message)
        raise Mismatch(message)


EXPECTATIONS = {
    "model": lambda seen: seen.model,
    "system": lambda seen: seen.system,
    "user": lambda seen: "\n".join(seen.user),
    "assistant": lambda seen: "\n".join(seen.assistant),
    "tools": lambda seen: [name for _, name in seen.tools],
    "calls": lambda seen: seen.calls,
    "results": lambda seen: [result.text for result in seen.results],
    "failed": lambda seen: [result.failed for result in seen.results],
    "result_images": lambda seen: sum(result.images for result in seen.results),
    "images": lambda seen: seen.images,
    "documents": lambda seen: seen.documents,
    "reasoning": lambda seen: seen.reasoning,
    "choice": lambda seen: seen.choice,
    "parallel": lambda seen: seen.parallel,
    "schema": lambda seen: seen.schema is not None,
    "effort": lambda seen: seen.effort,
    "limit": lambda seen: seen.limit,
    "temperature": lambda seen: seen.temperature,
    "stop": lambda seen: seen.stop,
}


def find_tool(tools: dict, name: str, namespace: str | None) -> tuple[str | None, str, str]:
    """The namespace, name and kind of the tool that a script calls.

    A gateway to a dialect without namespaces has to make one name of two, which then holds both.
    """
    if (namespace, name) in tools:
        return namespace, name, tools[namespace, name]
    if (None, name) in tools:
        return None, name, tools[None, name]
    wanted = rf"{re.escape(namespace or '')}\W*_*{re.escape(name)}"
    found = [key for key in tools if namespace and key[0] is None and re.fullmatch(wanted, key[1])]
    if len(found) != 1:
        raise Mismatch(f"the script calls {name!r} of {namespace!r}, but the request has the tools {sorted(map(str, tools))}")
    return *found[0], tools[found[0]]


def arguments(part: dict, kind: str) -> str:
    """What a call is made with: JSON for a function, text as it stands for a custom tool."""
    if kind == "custom":
        return part["input"]
    return json.dumps(part["arguments"] if "arguments" in part else {"input": part["input"]})


def _turn(number: int, turn: object) -> Turn:
    known = {"expect", "say", "stop", "usage", "fail", *FAULTS}
    if not isinstance(turn, dict) or turn.keys() - known:
        raise ValueError(f"turn {number}: a turn has {sorted(known)}, not {turn!r}")
    for name in turn.get("expect", {}):
        if name not in EXPECTATIONS:
            raise ValueError(f"turn {number}: nothing is known of {name!r}; there are {sorted(EXPECTATIONS)}")
    for part in turn.get("say", []):
        if len([name for name in PARTS if name in part]) != 1:
            raise ValueError(f"turn {number}: a part is one of {PARTS}, not {part!r}")
    if turn.get("stop") not in STOPS:
        raise ValueError(f"turn {number}: stop is one of {STOPS}")
    faults = {name: int(turn[name]) for name in FAULTS if name in turn}
    return Turn(number, turn.get("expect", {}), turn.get("say", []), turn.get("stop"), turn.get("usage", {}), turn.get("fail"), faults)


def _fits(name: str, wanted: object, found: object) -> bool:
    if name == "results":
        return len(wanted) == len(found) and all(any(text in each for each in found) for text in wanted)
    if name == "failed":
        return None in found or sorted(found) == sorted(wanted)
    if isinstance(wanted, list):
        return all(each in found for each in wanted)
    return wanted in found if isinstance(found, str) and isinstance(wanted, str) else wanted == found


def _brief(seen: Seen) -> str:
    return _cut({"user": seen.user[-1:], "tools": len(seen.tools), "calls": seen.calls, "results": len(seen.results)})


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) < 600 else f"{text[:600]}… ({len(text)} characters)"
