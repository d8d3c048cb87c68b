"""The servers that the tests of this folder talk to, and the pairs of SDKs and providers."""

import httpx2 as httpx
import pytest
import report
from kserve_runtime import doubler, predictor  # noqa: F401 (fixtures)
from providers import providers
from running import (  # noqa: F401 (what tests import from here)
    BACKENDS,
    KEY,
    KSERVE_PYTHON,
    OTHER_KEY,
    PROVIDER_KEY,
    ROOT,
    Weir,
    backend,
    now,
    server,
    wait_for,
)
from speakers import SPEAKERS

# What each dialect is spoken with.
SDKS = {"chat": "openai", "responses": "openai", "messages": "anthropic"}


def pytest_addoption(parser):
    report.add_option(parser)


def pytest_configure(config):
    report.configure(config)


def tell(request, speaks, backend, more=""):
    """Says which SDK this conversation is held with, in which dialect, and what answers."""
    sdk = report.python_package(SDKS[speaks])
    report.between(request, group="The SDKs, in Python", client=f"{sdk}, Python{more}", speaks=speaks, backend=backend)


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
    for name, (_, quick, thinking) in BACKENDS.items():
        backends[name] = backend(name, stand_ins[name])
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
    tell(request, speaker_name, way)
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
    # OpenAI's models show their thoughts to those who ask for it, and in chat completions nobody can; that they thought
    # goes back to them all the same.
    hidden = request.param == ("chat", "responses")
    talk.replayed, talk.told = 1, lambda thought: "" if hidden else thought
    yield talk
    talk.provider.check()
