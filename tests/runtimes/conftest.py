"""One server for each (runtime, build), every case against each of them.

    pytest tests/runtimes                     what is here; what is not is skipped, by name
    pytest tests/runtimes --complete          what is not here is a failure
    pytest tests/runtimes --report FILE       the results, from which `table.py` makes docs/runtimes.md
    pytest tests/runtimes --cells 'wash*'     these alone
"""

import datetime
import fnmatch
import json
import pathlib
import signal

import anthropic
import openai
import pytest
from known import KNOWN
from runtimes import CELLS, Missing, Serving
from scene import KEY, Scene
from wire import BrokenOff

# How a case fails.
FAILURES = (AssertionError, OSError, openai.OpenAIError, BrokenOff)


def pytest_addoption(parser):
    parser.addoption("--complete", action="store_true", help="a runtime or a build that is not here is a failure")
    parser.addoption("--cells", default="*", help="which (runtime, build) to try, as a pattern: 'wash*/chain'")
    parser.addoption("--report", type=pathlib.Path, help="where the results go, as JSON")


def pytest_generate_tests(metafunc):
    if "serving" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--cells")
        cells = [cell for cell in CELLS if fnmatch.fnmatch(cell.name, wanted)]
        metafunc.parametrize("serving", cells, ids=lambda cell: cell.name, indirect=True, scope="session")


def pytest_collection_modifyitems(items):
    for item in items:
        if cell := cell_of(item):
            for known in KNOWN:
                if known.covers(cell, item.originalname):
                    # Strict: what holds after all has to be said so. A server that does not begin is no such failure.
                    item.add_marker(pytest.mark.xfail(strict=True, raises=FAILURES, reason=known.why))


def cell_of(item):
    """The cell that a test is for; None where it is for none."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("serving") if callspec else None


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    with Scene(tmp_path_factory.mktemp("runtimes")) as scene:
        yield scene


@pytest.fixture(scope="session")
def serving(request, scene):
    cell = request.param
    serving = Serving(scene, cell)
    try:
        serving.begin()
    except Missing as missing:
        (pytest.fail if request.config.getoption("--complete") else pytest.skip)(f"{cell.name}: {missing}")
    except AssertionError as failed:
        raise RuntimeError(f"{cell.name} does not serve") from failed
    if report := request.config.pluginmanager.get_plugin("report"):
        report.began(serving)
    yield serving
    serving.end()


@pytest.fixture
def provider(scene):
    return scene.provider


@pytest.fixture
def patience(request):
    """How many seconds something is waited for that is to come: many, unless it is known not to."""
    return 1.5 if request.node.get_closest_marker("xfail") else 10.0


@pytest.fixture
def client(serving, patience):
    """OpenAI's SDK, as the client."""
    with openai.OpenAI(base_url=f"{serving.url}/v1", api_key=KEY, max_retries=0, timeout=patience) as client:
        yield client


@pytest.fixture
def claude(serving):
    """Anthropic's SDK, as the client."""
    with anthropic.Anthropic(base_url=serving.url, api_key=KEY, max_retries=0, timeout=10) as client:
        yield client


class Report:
    """Collects what came out of each case of each cell."""

    def __init__(self, path):
        self.path = path
        self.cells = {}
        self.cases = {}

    def began(self, serving):
        """A cell serves."""
        runtime, build = serving.cell.runtime, serving.cell.build
        self.cells[serving.cell.name] = {
            "runtime": runtime.name,
            "version": runtime.version(),
            "build": build.name,
            "command": runtime.command(serving.scene, build, serving.port),
            "results": {},
        }

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        cell = cell_of(item)
        # Of a cell that could not begin there is nothing to tell but that; pytest does.
        if not cell or cell.name not in self.cells or not (report.when == "call" or report.failed):
            return
        self.cases[item.originalname] = item.function.__doc__.split("\n")[0].rstrip(".")
        known = report.skipped and hasattr(report, "wasxfail")
        outcome = {"outcome": "known", "why": report.wasxfail} if known else {"outcome": report.outcome}
        self.cells[cell.name]["results"][item.originalname] = outcome

    def pytest_sessionfinish(self):
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"date": date, "cases": self.cases, "cells": self.cells}, indent=1))


def pytest_configure(config):
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if path := config.getoption("--report"):
        config.pluginmanager.register(Report(path), "report")
