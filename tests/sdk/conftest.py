"""Runs a real Weir, the binary that was built, for the tests of this folder, and the servers behind it."""

import contextlib
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

import httpx2 as httpx
import pytest
import yaml
from providers import PROVIDER_KEY, providers
from speakers import SPEAKERS

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WEIR = TARGET / "release" / "weir"
COMPONENTS = ROOT / "target" / "components"
KSERVE_PYTHON = ROOT / "target" / "tools" / "kserve" / "bin" / "python"

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
        return "ready" in self.output()

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


@pytest.fixture(scope="session")
def weir(tmp_path_factory):
    """Both tiers, with the simulated model under two names; the second is the other tenant's."""
    models = [
        {"name": "sim", "targets": [{"backend": "cluster"}], "tenants": ["first"]},
        {"name": "other-sim", "targets": [{"backend": "cluster", "model": "sim"}], "tenants": ["other"]},
        {"name": "lonely", "targets": [{"backend": "cluster", "model": "nobody-serves-this"}]},
    ]
    limits = [{"name": "burst", "per": "key", "requests": 3, "every": "hour", "models": ["other-*"]}]
    with Weir(tmp_path_factory.mktemp("weir"), models=models, limits=limits) as running:
        yield running


# Of each kind of provider: its backend in weir.yaml, a model that answers at once, and one that thinks.
BACKENDS = {
    "chat": ({"type": "openai", "profile": "openai", "prefer": "chat"}, "gpt-4.1", "gpt-5.5"),
    "responses": ({"type": "openai", "profile": "openai", "prefer": "responses"}, "gpt-4.1", "gpt-5.5"),
    "messages": ({"type": "anthropic"}, "claude-haiku-4-5", "claude-haiku-4-5"),
    "thoughts": ({"type": "openai", "profile": "deepseek"}, "deepseek-chat", "deepseek-reasoner"),
}


class Talk:
    """A speaker, and the provider that it talks to: through Weir, or directly."""

    # What SDKs raise, besides their own errors, for a stream without its end.
    broken = (httpx.TransportError, RuntimeError)

    def __init__(self, speaker, provider, model, weir=None):
        self.speaker, self.provider, self.model, self.weir = speaker, provider, model, weir
        self.user, self.results, self.errors = speaker.user, speaker.results, speaker.errors

    def script(self, *turns):
        self.provider.play(*turns)

    def ask(self, history, **more):
        return self.speaker.ask(self.model, history, **more)

    def count(self, history, tools=()):
        return self.speaker.count(self.model, history, tools)


@pytest.fixture(scope="session")
def stand_ins():
    with providers() as running:
        yield running


@pytest.fixture(scope="session")
def crossroads(stand_ins, tmp_path_factory):
    """Weir with each kind of provider behind it. A model is named by its provider, with `-thinks` if it does."""
    backends, models = {}, []
    for name, (backend, quick, thinking) in BACKENDS.items():
        url = stand_ins[name].url + ("/v1" if backend["type"] == "openai" else "")
        backends[name] = {**backend, "url": url, "network": "private", "key": {"env": "PROVIDER_TEST_KEY"}}
        models.append({"name": name, "targets": [{"backend": name, "model": quick}]})
        models.append({"name": f"{name}-thinks", "targets": [{"backend": name, "model": thinking}]})
    with Weir(tmp_path_factory.mktemp("weir-crossroads"), models=models, backends=backends) as running:
        yield running


def _talk(request, thinks):
    speaker_name, way = request.param
    stand_ins = request.getfixturevalue("stand_ins")
    if way == "direct":
        _, quick, thinking = BACKENDS[speaker_name]
        provider = stand_ins[speaker_name]
        speaker = SPEAKERS[speaker_name if speaker_name != "thoughts" else "chat"](provider.url, PROVIDER_KEY)
        return Talk(speaker, provider, thinking if thinks else quick)
    weir = request.getfixturevalue("crossroads")
    speaker = SPEAKERS[speaker_name](weir.url, KEY)
    return Talk(speaker, stand_ins[way], f"{way}-thinks" if thinks else way, weir)


def _name(pair):
    return f"{pair[0]}-direct" if pair[1] == "direct" else f"{pair[0]}-to-{pair[1]}"


PAIRS = [(speaker, way) for speaker in SPEAKERS for way in ("direct", "chat", "responses", "messages")]


@pytest.fixture(params=PAIRS, ids=_name)
def talk(request):
    """Each pair; what the script expects of the requests is checked at the end."""
    talk = _talk(request, thinks=False)
    yield talk
    talk.provider.check()


THINKERS = [("thoughts", "direct"), ("responses", "direct"), ("messages", "direct"),
            *((speaker, way) for speaker in SPEAKERS for way in ("thoughts", "responses", "messages"))]


@pytest.fixture(params=THINKERS, ids=_name)
def thinker(request):
    """Each pair of which both sides tell what was thought."""
    talk = _talk(request, thinks=True)
    talk.replayed, talk.told = 1, lambda thought: thought
    yield talk
    talk.provider.check()
