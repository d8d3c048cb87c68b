"""docs/clients.md: its examples do what it says."""

import subprocess

import page
import pytest
from conftest import TOOLS, run
from running import WEIR

ANSWER = "As wide as it is."


def of(example):
    """The package that an example begins with."""
    words = example.splitlines()[0].split()
    return words[1] if words[0] == "from" else words[-1].strip('";')


@pytest.mark.parametrize("way", ["messages"], indirect=True)
@pytest.mark.parametrize("example", page.examples("python"), ids=of)
def test_an_example_in_python(way, example, tmp_path):
    environment = "llamaindex-python" if "llama_index" in example else "agents-python"
    way.script({"expect": {"user": "How wide"}, "say": [{"text": ANSWER}]})
    printed = run([TOOLS / environment / "bin/python", "-c", page.at(way, example)], tmp_path, tmp_path / "home")
    assert printed.strip() == ANSWER


@pytest.mark.parametrize("way", ["messages"], indirect=True)
@pytest.mark.parametrize("example", page.examples("js"), ids=of)
def test_an_example_in_javascript(way, example, tmp_path):
    way.script({"expect": {"user": "How wide"}, "say": [{"text": ANSWER}]})
    printed = run(["node", "--input-type=module", "--eval", page.at(way, example)], TOOLS / "agents", tmp_path / "home")
    assert printed.strip() == ANSWER


def test_the_configuration_is_one(tmp_path):
    (tmp_path / "weir.yaml").write_text(page.example("yaml"))
    subprocess.run([WEIR, "key", "client", tmp_path / "ada.key"], check=True, capture_output=True)
    keys = {"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2"}
    run([WEIR, "check", "--config", tmp_path / "weir.yaml"], tmp_path, tmp_path / "home", keys)
