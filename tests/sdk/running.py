"""Runs a real Weir, the binary that was built, and the servers behind it: for the tests of this folder and of tests/agents."""

import contextlib
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

import yaml
from providers import PROVIDER_KEY

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WEIR = TARGET / "release" / "weir"
COMPONENTS = ROOT / "target" / "components"
KSERVE_PYTHON = ROOT / "target" / "tools" / "kserve" / "bin" / "python"
KSERVE21_PYTHON = ROOT / "target" / "tools" / "kserve21" / "bin" / "python"

KEY = "weir-test-key-of-the-first-tenant-000001"
OTHER_KEY = "weir-test-key-of-the-other-tenant-000002"
ADMIN_KEY = "weir-test-key-of-the-administrator-0003"


def free_ports(count):
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(condition, what, seconds=30.0):
    """Waits until `condition` gives something that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Weir:
    """Both tiers, in one process, with a configuration of the test's own."""

    def __init__(self, folder, *, models, backends=None, host_models=None, limits=None, health=None):
        self.folder = folder
        self.edge, self.host, self.control = free_ports(3)
        config = {
            "tenants": [
                {"name": "first", "models": ["*"], "keys": [{"name": "test", "sha256": sha256(KEY), "user": "ada"}]},
                {"name": "other", "models": ["other-*"], "keys": [{"name": "test", "sha256": sha256(OTHER_KEY)}]},
            ],
            "models": models,
            "backends": {
                "cluster": {"type": "weir", "url": f"http://127.0.0.1:{self.host}", "network": "private"},
                **(backends or {}),
            },
            "limits": limits or [],
            "edge": {
                "name": "test-edge",
                "listen": f"127.0.0.1:{self.edge}",
                "components": str(COMPONENTS),
                "cache": str(TARGET / "edge-cache"),
                "key": {"file": str(folder / "edge.key"), "create": True},
            },
            "control": {"urls": [f"http://127.0.0.1:{self.control}"]},
            "host": {
                "name": "test-host",
                "listen": f"127.0.0.1:{self.host}",
                "control": f"127.0.0.1:{self.control}",
                "admin_key": {"sha256": sha256(ADMIN_KEY)},
                "edges": [{"name": "test-edge", "public_key": {"file": str(folder / "edge.pub")}}],
                "models": host_models if host_models is not None else [{"name": "sim"}],
                **({"health": health} if health else {}),
            },
        }
        (folder / "weir.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        self.log = open(folder / "weir.log", "w+")

    def __enter__(self):
        command = [WEIR, "up", "--config", self.folder / "weir.yaml", "--sim-ttft", "20ms", "--sim-tpot", "2ms"]
        environment = {**os.environ, "PROVIDER_TEST_KEY": PROVIDER_KEY, "WEIR_LOG": "debug"}
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, env=environment)
        wait_for(self.is_ready, "weir up", 60)
        return self

    def is_ready(self):
        assert self.process.poll() is None, self.output()
        # At its log level others say `already`.
        return "weir is ready" in self.output()

    def output(self):
        self.log.flush()
        return (self.folder / "weir.log").read_text()

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        finally:
            self.process.kill()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.edge}"

    def records(self, since=0):
        """What was settled of the requests that came at `since` (ms since 1970) or later, the oldest request first.

        Settlements may overtake each other, and one of an earlier test may still be on its way; the ids of requests
        (UUIDv7) begin with the time of their arrival.
        """
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control}/control/v1/usage?limit=1000", headers={"authorization": f"Bearer {ADMIN_KEY}"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            records = json.load(answer)["records"]
        arrived = [record for record in records if int(record["request"].replace("-", "")[:12], 16) >= since]
        return sorted(arrived, key=lambda record: (record["request"], record["attempt"]))


def now():
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@contextlib.contextmanager
def server(command, ready):
    """A server of its own process, up for as long as the block lasts."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield ready(process)
    finally:
        process.kill()
        process.wait()


def answers(url):
    """Whether a GET of `url` is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


# Of each kind of provider: its backend in weir.yaml, a model that answers at once, and one that thinks.
BACKENDS = {
    "chat": ({"type": "openai", "profile": "openai", "quirks": {"responses": False}}, "gpt-4.1", "gpt-5.5"),
    "responses": ({"type": "openai", "profile": "openai", "quirks": {"chat": False}}, "gpt-4.1", "gpt-5.5"),
    "messages": ({"type": "anthropic"}, "claude-haiku-4-5", "claude-haiku-4-5"),
    "thoughts": ({"type": "openai", "profile": "deepseek", "quirks": {"responses": False}}, "deepseek-chat", "deepseek-reasoner"),
}


def backend(name, stand_in):
    """The entry of a stand-in in weir.yaml."""
    entry, _, _ = BACKENDS[name]
    url = stand_in.url + ("/v1" if entry["type"] == "openai" else "")
    return {**entry, "url": url, "network": "private", "key": {"env": "PROVIDER_TEST_KEY"}}
