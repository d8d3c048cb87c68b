"""Writes the tables of docs/clients.md from the results of a run, or checks that the page says the same.

    python tests/agents/table.py REPORT…            rewrites the part between the two marks
    python tests/agents/table.py REPORT… --check    fails where the page does not say what this run gave

Nothing but the order of the lines may differ: the numbers and the versions are those of the run.
"""

import argparse
import collections
import difflib
import json
import pathlib
import sys

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "clients.md"
BEGIN = "<!-- begin: made by `make clients` -->\n"
END = "<!-- end -->\n"
# Of each kind of backend, as the tests call it: what it is.
BACKENDS = {
    "chat": "OpenAI, chat completions",
    "thoughts": "DeepSeek, chat completions with thoughts",
    "azure": "Azure OpenAI, chat completions",
    "responses": "OpenAI, responses alone",
    "messages": "Anthropic, messages",
}
DIALECTS = ("chat", "responses", "messages")
NOT_TRIED = "–"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=pathlib.Path, nargs="+")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    reports = [json.loads(path.read_text()) for path in options.reports]
    if failed := [each for report in reports for each in report["failed"]]:
        sys.exit("not in the table, for it does not hold:\n" + "\n".join(failed))
    before, there, after = parts(DOCUMENT.read_text())
    made = tables([each for report in reports for each in report["passed"]])
    if not options.check:
        DOCUMENT.write_text(before + made + after)
    elif sorted(there.splitlines()) != sorted(made.splitlines()):
        difference = difflib.unified_diff(there.splitlines(), made.splitlines(), "docs/clients.md", "this run", lineterm="")
        sys.exit("\n".join(difference) + "\ndocs/clients.md is not current: `make clients` rewrites it")


def parts(text):
    """What is before the tables, the tables, what is after them."""
    before, begin, rest = text.partition(BEGIN)
    there, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{DOCUMENT} has no place for the tables: {BEGIN.strip()} … {END.strip()}")
    return before + begin, there, end + after


def tables(passed):
    """All tables, as Markdown."""
    made = ["", *who(passed)]
    for group in dict.fromkeys(each["group"] for each in passed):
        made += ["", f"### {group}", "", *what([each for each in passed if each["group"] == group])]
    return "\n".join(made) + "\n\n"


def who(passed):
    """How many conversations each client had with each backend."""
    counts = collections.Counter((each["client"], each["speaks"], each["backend"]) for each in passed)
    lines = head("client", "speaks")
    for client, speaks in sorted(dict.fromkeys((each["client"], each["speaks"]) for each in passed), key=place(passed)):
        numbers = [str(counts[client, speaks, backend] or NOT_TRIED) for backend in BACKENDS]
        lines.append(row(client, speaks, *numbers))
    return lines


def place(passed):
    """Where a client's line is: with its group, those of one framework together, then by dialect."""
    groups = {each["client"]: each["group"] for each in passed}
    order = list(dict.fromkeys(groups.values()))

    def key(line):
        client, speaks = line
        framework, within, _ = client.partition(" with ")
        return order.index(groups[client]), framework if within else "", DIALECTS.index(speaks), client

    return key


def what(passed):
    """What the conversations of a group were about, and which of its dialects' clients had them."""
    spoken = collections.defaultdict(set)
    for each in passed:
        spoken[each["what"], each["backend"]].add(each["speaks"])
    every = {each["speaks"] for each in passed}
    lines = head("what")
    for about in dict.fromkeys(each["what"] for each in passed):
        lines.append(row(about, *(cell(spoken.get((about, backend), set()), every) for backend in BACKENDS)))
    return lines


def cell(speakers, every):
    if speakers == every:
        return "yes" if len(every) == 1 else "all"
    return ", ".join(speaks for speaks in DIALECTS if speaks in speakers) or NOT_TRIED


def head(*names):
    return [row(*names, *BACKENDS.values()), "|" + "---|" * (len(names) + len(BACKENDS))]


def row(*cells):
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
