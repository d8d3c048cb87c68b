"""Writes the table of docs/runtimes.md from the results of a run, or checks that the table there says the same.

    python tests/runtimes/table.py REPORT            rewrites the part between the two marks
    python tests/runtimes/table.py REPORT --check    fails where a case is not in the table, or holds no more

Versions and dates may differ: what a runtime does is in the table, not when it was last looked at.
"""

import argparse
import difflib
import json
import pathlib
import re
import sys

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "runtimes.md"
BEGIN = "<!-- begin: made by `make runtimes` -->\n"
END = "<!-- end -->\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    report = json.loads(options.report.read_text())
    before, there, after = parts(DOCUMENT.read_text())
    if failed := failures(report):
        sys.exit("not in the table, for it does not hold:\n" + "\n".join(failed))
    made = table(report)
    if not options.check:
        DOCUMENT.write_text(before + made + after)
    elif lasting(there) != lasting(made):
        difference = difflib.unified_diff(lasting(there), lasting(made), "docs/runtimes.md", "this run", lineterm="")
        sys.exit("\n".join(difference) + "\ndocs/runtimes.md is not current: `make runtimes` rewrites it")


def parts(text):
    """What is before the table, the table, what is after it."""
    before, begin, rest = text.partition(BEGIN)
    there, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{DOCUMENT} has no place for the table: {BEGIN.strip()} … {END.strip()}")
    return before + begin, there, end + after


def lasting(text):
    """The lines without what may differ from run to run."""
    return [re.sub(r"\d+\.\d+\.\d+[\w.-]*|\d{4}-\d\d-\d\d", "…", line) for line in text.splitlines()]


def failures(report):
    """The cases that failed, and were not known to."""
    return [
        f"{name}: {report['cases'][case]} ({result['outcome']})"
        for name, cell in report["cells"].items()
        for case, result in cell["results"].items()
        if result["outcome"] not in ("passed", "known")
    ]


def table(report):
    """The table, its footnotes, and the commands, as Markdown."""
    cells = report["cells"].values()
    notes = list(dict.fromkeys(r["why"] for cell in cells for r in cell["results"].values() if r["outcome"] == "known"))
    names = [f"{re.sub(r' [0-9]+$', '', cell['runtime'])} {cell['version']}" for cell in cells]
    heads = [f"{name}, {cell['build']}" for name, cell in zip(names, cells, strict=True)]
    lines = [f"| what holds | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for case, title in report["cases"].items():
        lines.append(f"| {title} | {' | '.join(verdict(cell['results'].get(case), notes) for cell in cells)} |")
    lines.append("")
    lines += [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    lines += ["", f"From runs of {report['date']}, on Linux. The commands, once for each build:", ""]
    lines += dict.fromkeys(f"- {name}: `{cell['command']}`" for name, cell in zip(names, cells, strict=True))
    return "\n" + "\n".join(lines) + "\n\n"


def verdict(result, notes):
    if result is None:
        return "not tried"
    return "yes" if result["outcome"] == "passed" else f"**no** ({notes.index(result['why']) + 1})"


if __name__ == "__main__":
    main()
