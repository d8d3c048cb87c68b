"""KServe's own gRPC client, through both tiers, before KServe's own runtime."""

import json

import pytest
from conftest import KEY
from kserve_runtime import told

CLIENTS = "kserve_grpc_clients.py"


@pytest.fixture(scope="module")
def through(doubler):
    return told(CLIENTS, doubler.url.removeprefix("http://"), KEY, "my-doubler")


@pytest.fixture(scope="module")
def direct(predictor):
    return told(CLIENTS, predictor.grpc, "none", "doubler")


@pytest.mark.parametrize("asked", [
    "is_server_live", "is_server_ready", "is_model_ready", "infer", "infer_raw", "infer_text", "infer_large", "bad_input",
    "metadata",
])  # fmt: skip
def test_the_client_gets_through_weir_what_it_gets_from_the_server_itself(through, direct, asked):
    assert through[asked] == direct[asked]


def test_what_is_asked_has_the_answers_that_the_model_gives(through):
    assert through["infer"] == {"id": "7", "name": "x-doubled", "count": 2, "doubled": [3.0, -4.0]}
    assert through["infer_raw"]["doubled"] == [2, 4, 6, 8]
    assert through["infer_text"]["doubled"] == ["Grüße Grüße ", "weirweir"]
    assert (through["infer_large"]["count"], through["infer_large"]["doubled"][0]) == (500_000, 2.0)
    assert through["bad_input"]["code"] == "INVALID_ARGUMENT"


def test_each_refusal_has_its_status(through):
    codes = {name: answer.get("code") for name, answer in through.items() if isinstance(answer, dict)}
    assert codes["without_key"] == codes["wrong_key"] == "UNAUTHENTICATED"
    assert codes["unknown_model"] == "NOT_FOUND" and "nobody" in through["unknown_model"]["message"]
    assert codes["load"] == "PERMISSION_DENIED"
    assert codes["reflection"] == codes["stream"] == "UNIMPLEMENTED"


def test_what_concerns_the_gateway_is_answered_by_it(through):
    assert through["server_metadata"] == "weir"
    assert through["key_in_another_place"] is True
    # SERVING, of the gateway and of the model, by the name that its callers use.
    assert through["health"] == through["health_of_model"] == [8, 1]


def test_the_access_logs_tell_the_status(doubler, through):
    assert through["infer"]
    lines = [line for line in doubler.output().splitlines() if line.startswith("{") and "/ModelInfer" in line]
    host = [record for record in map(json.loads, lines) if record.get("listener") == "host"]
    assert {record["grpc_status"] for record in host} >= {0, 3}
    assert all(record["status"] == 200 and record["key_name"] == "test" for record in host)
