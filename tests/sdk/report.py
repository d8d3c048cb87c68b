"""What came of every conversation that a client had with a backend through Weir, for docs/clients.md.

    pytest … --report FILE

A fixture says between whom the conversation is (`between`), the first line of the test's docstring what it is about.
"""

import importlib.metadata
import json
import pathlib

import pytest

PROPERTY = "conversation"


def between(request, *, group, client, speaks, backend):
    """Says of the test that asks for a fixture which client it tries, the dialect it speaks, and what answers it."""
    request.node.user_properties.append((PROPERTY, {"group": group, "client": client, "speaks": speaks, "backend": backend}))


def python_package(name, environment=None):
    """A package with the version that is installed, here or in the virtual environment at `environment`."""
    if environment is None:
        return f"`{name}` {importlib.metadata.version(name)}"
    folders = [str(folder) for folder in pathlib.Path(environment).glob("lib/python3*/site-packages")]
    (found,) = importlib.metadata.distributions(name=name, path=folders)
    return f"`{name}` {found.version}"


def node_package(name, modules):
    """A package with the version that is installed in the folder `modules`."""
    version = json.loads((pathlib.Path(modules) / name / "package.json").read_text())["version"]
    return f"`{name}` {version}"


class Report:
    """Collects what passed and what did not."""

    def __init__(self, path):
        self.path, self.passed, self.failed = path, [], []

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        if report.failed:
            self.failed.append(item.nodeid)
        # At the end of the teardown: some fixtures look only then at what the backend was sent.
        if report.when == "teardown" and report.passed and item.nodeid not in self.failed and not hasattr(item, "was_skipped"):
            what = (item.function.__doc__ or item.name).split("\n")[0].rstrip(".")
            self.passed += [{**told, "what": what} for name, told in item.user_properties if name == PROPERTY]
        if report.skipped:
            item.was_skipped = True

    def pytest_sessionfinish(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"passed": self.passed, "failed": self.failed}, indent=1))


def add_option(parser):
    parser.addoption("--report", type=pathlib.Path, help="where what came of it goes, as JSON")


def configure(config):
    if path := config.getoption("--report"):
        config.pluginmanager.register(Report(path), "report")
