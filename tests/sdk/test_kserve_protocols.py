"""KServe's own clients, through both tiers, before KServe's own runtime: V1, and V2 with and without binary tensors."""

import json
import urllib.error
import urllib.request

import pytest
from conftest import KEY, now, wait_for
from kserve_runtime import told

CLIENTS = "kserve_clients.py"


@pytest.fixture(scope="module")
def through(doubler):
    return told(CLIENTS, doubler.url, KEY, "my-doubler")


@pytest.fixture(scope="module")
def direct(predictor):
    return told(CLIENTS, predictor.http, "none", "doubler")


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


def ask(doubler, path, body=None, headers=()):
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json", **dict(headers)}
    request = urllib.request.Request(doubler.url + path, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_model_is_described_to_openais_clients_and_to_kserves_alike(doubler):
    status, model = ask(doubler, "/v1/models/my-doubler")
    assert (status, model["id"], model["name"], model["object"], model["ready"]) == (200, *["my-doubler"] * 2, "model", True)
    assert ask(doubler, "/v2/models/my-doubler")[1]["name"] == "doubler", "what only the server knows is its own to say"
    assert ask(doubler, "/v2")[1]["name"] == "weir"
    assert ask(doubler, "/v2/models")[1]["models"] == ["doubler"]


def test_nobody_unloads_a_model(doubler):
    status, told = ask(doubler, "/v2/repository/models/doubler/unload", b"")
    assert status == 403 and "cluster" in told["error"]


def test_tensors_that_do_not_begin_where_the_caller_says_are_refused(doubler):
    body = json.dumps({"inputs": []}).encode()
    for length in ("99", "-1", "two"):
        status, told = ask(doubler, "/v2/models/doubler/infer", body, {"inference-header-content-length": length})
        assert status == 400 and "inference-header-content-length" in told["error"], length


def test_a_call_is_settled_and_its_text_is_estimated(doubler):
    before = now()
    assert ask(doubler, "/v1/models/my-doubler:predict", json.dumps({"instances": ["x" * 400]}).encode())[0] == 200
    record = wait_for(lambda: doubler.records(before), "a settlement", 10)[0]
    assert (record["ending"], record["model"], record["usage"]["estimated"]) == ("complete", "my-doubler", True)
    assert record["usage"]["input"] == 100 and record["usage"]["output"] == 200

    before = now()
    assert ask(doubler, "/v1/models/my-doubler:predict", json.dumps({"instances": [[1.5] * 1000]}).encode())[0] == 200
    record = wait_for(lambda: doubler.records(before), "a settlement", 10)[0]
    assert (record["usage"]["input"], record["usage"]["output"]) == (0, 0), "numbers are no tokens"
