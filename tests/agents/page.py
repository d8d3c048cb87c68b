"""The examples of docs/clients.md, for tests that do what the page says."""

import re

from running import ROOT

PAGE = ROOT / "docs" / "clients.md"
URL, KEY = "http://127.0.0.1:3000", "weir-…"


def examples(*languages):
    """The page's examples in these languages."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [text for language, text in blocks if language in languages]


def example(language):
    """The only one in this language."""
    (text,) = examples(language)
    return text


def at(way, text):
    """An example with the address and the key that the test has."""
    return text.replace(URL, way.url).replace(KEY, way.key)
