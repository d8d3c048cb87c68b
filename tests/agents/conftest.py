"""Agents and frameworks, unchanged, each against a scripted model: through Weir, and first directly at the stand-in of
the dialect that it speaks. Each does its work in a folder of its own.
"""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sdk"))

import report  # noqa: E402
from providers import PROVIDER_KEY, providers  # noqa: E402
from running import KEY, ROOT, Weir, backend  # noqa: E402

TOOLS = ROOT / "target" / "tools"
MODULES = TOOLS / "agents" / "node_modules"
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d494844520000000100000001080600000"
                      "01f15c4890000000d49444154789c6364f8cf500f0003860180"
                      "5a347d6b0000000049454e44ae426082")
# The model that answers behind each kind of backend, whatever the client calls it; and the one behind the names that
# frameworks know (some of them send what models that think refuse).
THINKING = {"chat": "gpt-5.5", "thoughts": "deepseek-reasoner", "responses": "gpt-5.5", "messages": "claude-opus-5-5"}
QUICK = {"chat": "gpt-4.1", "responses": "gpt-4.1", "messages": "claude-haiku-4-5"}


def pytest_addoption(parser):
    report.add_option(parser)


def pytest_configure(config):
    report.configure(config)


class Way:
    """From an agent to a provider."""

    def __init__(self, provider, url, key, weir=None):
        self.provider, self.url, self.key, self.weir = provider, url, key, weir

    def script(self, *turns):
        self.provider.play(*turns)


@pytest.fixture(scope="session")
def stand_ins():
    with providers() as running:
        yield running


@pytest.fixture(scope="session")
def gateways(stand_ins, tmp_path_factory):
    """A Weir for each provider: agents go by the names of models that they know, so all names lead to the one behind."""
    running = {}

    def of(name):
        if name not in running:
            known = {"gpt-4.1": QUICK[name], "claude-haiku-4-5": QUICK[name]} if name in QUICK else {}
            models = [{"name": asked, "targets": [{"backend": name, "model": model}], "on_unsupported": "drop"}
                      for asked, model in (known | {"*": THINKING[name]}).items()]
            weir = Weir(tmp_path_factory.mktemp(f"weir-{name}"), models=models, backends={name: backend(name, stand_ins[name])})
            running[name] = weir.__enter__()
        return running[name]

    yield of
    for weir in running.values():
        weir.__exit__()


@pytest.fixture
def way(request, stand_ins, gateways):
    """To the provider that the test is about (its parameter): `direct:NAME`, or `NAME` for through Weir."""
    name = request.param.removeprefix("direct:")
    if request.param.startswith("direct:"):
        yield Way(stand_ins[name], stand_ins[name].url, PROVIDER_KEY)
    else:
        weir = gateways(name)
        if spoken := getattr(request.module, "spoken", None):
            report.between(request, backend=name, **spoken(request.node.callspec.params))
        yield Way(stand_ins[name], weir.url, KEY, weir)
    stand_ins[name].check()


@pytest.fixture
def folder(tmp_path):
    """The folder that the agent works in."""
    made = tmp_path / "work"
    made.mkdir()
    (made / "notes.txt").write_text("alpha beta\ngamma\n")
    (made / "pixel.png").write_bytes(PIXEL)
    return made


def environment(home, more=None):
    """Hardly anything of the environment of the tests."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "NO_COLOR": "1", "LANG": "C.UTF-8", **(more or {})}


def run(command, folder, home, more=None, fails=False, seconds=60):
    """Runs a program to its end, which is a success or, if it is to fail, is not; what it says."""
    home.mkdir(exist_ok=True)
    done = subprocess.run(command, cwd=folder, env=environment(home, more), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds)
    assert (done.returncode != 0) == fails, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
