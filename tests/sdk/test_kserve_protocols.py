"""KServe's own clients, through both tiers, before KServe's own runtime: V1, and V2 with and without binary tensors."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest
from conftest import KEY, KSERVE21_PYTHON, ROOT, Weir, answers, free_ports, now, server, wait_for


@pytest.fixture(scope="module")
def predictor():
    assert KSERVE21_PYTHON.exists(), "KServe's runtime is not set up: make setup"
    port, grpc = free_ports(2)
    script = ROOT / "tests/servers/kserve_predictor.py"
    command = [KSERVE21_PYTHON, script, "--port", str(port), "--grpc-port", str(grpc), "--model", "doubler"]
    base = f"http://127.0.0.1:{port}"
    with server(command, lambda _: wait_for(lambda: answers(f"{base}/v2/health/ready"), "kserve", 90) and base) as url:
        yield url


@pytest.fixture(scope="module")
def weir(predictor, tmp_path_factory):
    """The model under its own name, and under another that callers use."""
    models = [
        {"name": "doubler", "targets": [{"backend": "cluster"}]},
        {"name": "my-doubler", "targets": [{"backend": "cluster", "model": "doubler"}]},
    ]
    host_models = [{"name": "doubler", "endpoints": [{"url": f"{predictor}/openai/v1"}]}]
    folder = tmp_path_factory.mktemp("weir-kserve-protocols")
    with Weir(folder, models=models, host_models=host_models, health={"path": "/v2/health/ready"}) as running:
        yield running


def told(url, key, model):
    """What KServe's clients get from `url`."""
    command = [KSERVE21_PYTHON, ROOT / "tests/sdk/kserve_clients.py", url, key, model]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=180, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def through(weir):
    return told(weir.url, KEY, "my-doubler")


@pytest.fixture(scope="module")
def direct(predictor):
    return told(predictor, "none", "doubler")


# What the clients ask for that is not about an error: through Weir, and from the runtime itself.
ASKED = [
    "v1_is_server_live",
    "v1_is_model_ready",
    "v1_infer",
    "v1_explain",
    "v2_is_server_live",
    "v2_is_server_ready",
    "v2_is_model_ready",
    "v2_unknown_model_is_ready",
    "v2_infer",
    "v2_infer_text",
    "v2_infer_binary",
    "v2_infer_binary_input",
    "v2_infer_binary_output",
    "v2_infer_large",
]


@pytest.mark.parametrize("asked", ASKED)
def test_the_client_gets_through_weir_what_it_gets_from_the_server_itself(through, direct, asked):
    answer = through[asked]
    assert not (isinstance(answer, dict) and "raised" in answer), answer
    expected = direct[asked]
    if isinstance(answer, dict) and answer.get("json_length"):
        # KServe's runtime gives no type to what has tensors behind its JSON.
        assert expected["type"] is None
        expected = {**expected, "type": "application/octet-stream"}
    assert answer == expected


def test_what_is_asked_has_the_answers_that_the_model_gives(direct):
    assert direct["v1_infer"] == {"predictions": [2, 5.0, "weirweir"]}
    assert direct["v2_infer"]["doubled"] == [3.0, -4.0]
    assert direct["v2_infer_text"]["doubled"] == ["a weira weir", "holdsholds"]
    assert direct["v2_infer_binary"]["doubled"] == [0, 2, 4, 6]
    assert direct["v2_infer_large"]["doubled"] == [500_000, 1_000_000.0]
    assert direct["v2_unknown_model_is_ready"] is False


def test_errors_are_those_that_the_client_knows(through, direct):
    assert through["v1_bad_input"]["status"] == direct["v1_bad_input"]["status"] == 400
    assert through["v1_bad_input"]["body"] == direct["v1_bad_input"]["body"]
    unknown = through["v1_unknown_model"]
    assert unknown["status"] == 404 and "nobody" in json.loads(unknown["body"])["error"]
    without = through["v1_without_key"]
    assert without["status"] == 401 and "key" in json.loads(without["body"])["error"]


def ask(weir, path, body=None, headers=()):
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json", **dict(headers)}
    request = urllib.request.Request(weir.url + path, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_model_is_described_to_openais_clients_and_to_kserves_alike(weir):
    status, model = ask(weir, "/v1/models/my-doubler")
    assert (status, model["id"], model["name"], model["object"], model["ready"]) == (200, *["my-doubler"] * 2, "model", True)
    assert ask(weir, "/v2/models/my-doubler")[1]["name"] == "doubler", "what only the server knows is its own to say"
    assert ask(weir, "/v2")[1]["name"] == "weir"
    assert ask(weir, "/v2/models")[1]["models"] == ["doubler"]


def test_nobody_unloads_a_model(weir):
    status, told = ask(weir, "/v2/repository/models/doubler/unload", b"")
    assert status == 403 and "cluster" in told["error"]


def test_tensors_that_do_not_begin_where_the_caller_says_are_refused(weir, predictor):
    body = json.dumps({"inputs": []}).encode()
    for length in ("99", "-1", "two"):
        status, told = ask(weir, "/v2/models/doubler/infer", body, {"inference-header-content-length": length})
        assert status == 400 and "inference-header-content-length" in told["error"], length


def test_a_call_is_settled_and_its_text_is_estimated(weir):
    before = now()
    assert ask(weir, "/v1/models/my-doubler:predict", json.dumps({"instances": ["x" * 400]}).encode())[0] == 200
    record = wait_for(lambda: weir.records(before), "a settlement", 10)[0]
    assert (record["ending"], record["model"], record["usage"]["estimated"]) == ("complete", "my-doubler", True)
    assert record["usage"]["input"] == 100 and record["usage"]["output"] == 200

    before = now()
    assert ask(weir, "/v1/models/my-doubler:predict", json.dumps({"instances": [[1.5] * 1000]}).encode())[0] == 200
    record = wait_for(lambda: weir.records(before), "a settlement", 10)[0]
    assert (record["usage"]["input"], record["usage"]["output"]) == (0, 0), "numbers are no tokens"
