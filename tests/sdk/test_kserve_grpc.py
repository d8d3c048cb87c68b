"""KServe's own gRPC client, through both tiers, before KServe's own runtime."""

import json

import pytest
from conftest import KEY, ROOT, Weir, server
from kserve_runtime import told
from running import KSERVE21_PYTHON, free_ports

CLIENTS = "kserve_grpc_clients.py"


@pytest.fixture(scope="module")
def through(doubler):
    return told(CLIENTS, doubler.url.removeprefix("http://"), KEY, "my-doubler")


@pytest.fixture(scope="module")
def direct(predictor):
    return told(CLIENTS, predictor.grpc, "none", "doubler")


@pytest.fixture(scope="module")
def streams():
    """Where a server of streams listens: KServe's runtime is none."""
    (port,) = free_ports(1)
    command = [KSERVE21_PYTHON, ROOT / "tests/servers/kserve_streams.py", "--grpc-port", str(port), "--model", "echo"]
    with server(command, lambda process: process.stdout.readline()) as said:
        assert said == "serving\n"
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def streamed(streams, tmp_path_factory):
    """Through Weir: callers know the model by another name than its server."""
    models = [{"name": "my-echo", "targets": [{"backend": "cluster", "model": "echo"}]}]
    host_models = [{"name": "echo", "endpoints": [{"url": f"http://{streams}"}]}]
    with Weir(tmp_path_factory.mktemp("weir-streams"), models=models, host_models=host_models, health="off") as weir:
        return told(CLIENTS, weir.url.removeprefix("http://"), KEY, "my-echo", "streams")


@pytest.fixture(scope="module")
def streamed_directly(streams):
    return told(CLIENTS, streams, "none", "echo", "streams")


@pytest.mark.parametrize("asked", [
    "is_server_live", "is_server_ready", "is_model_ready", "infer", "infer_raw", "infer_text", "infer_large", "bad_input",
    "metadata", "stream",
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


@pytest.mark.parametrize("asked", ["each_in_turn", "fails_in_mid_stream", "ten_at_once"])
def test_a_stream_goes_through_weir_as_it_goes_to_the_server_itself(streamed, streamed_directly, asked):
    assert streamed[asked] == streamed_directly[asked]


def test_each_message_of_a_stream_is_answered_before_the_next_is_sent(streamed):
    texts, length, rest, code = streamed["each_in_turn"]
    assert texts == [[[text, text]] * 2 for text in ("one", "two", "three")]
    assert (length, rest, code) == (1_000_000, [], "OK")
    assert streamed["fails_in_mid_stream"] == {"code": "RESOURCE_EXHAUSTED", "message": "no room for it"}
    assert streamed["ten_at_once"] == [True, [[]] * 10]


def test_a_stream_is_held_to_the_model_of_its_first_message(streamed):
    assert streamed["another_model"]["code"] == "INVALID_ARGUMENT"
    assert "began with the model `my-echo`" in streamed["another_model"]["message"]
    assert streamed["without_key"]["code"] == "UNAUTHENTICATED"
    assert streamed["unknown_model"]["code"] == "NOT_FOUND"


def test_the_server_of_a_stream_is_told_when_its_client_cancels(streamed):
    # 250 ms, and what it takes to ask.
    assert streamed["cancelled"] < 0.35


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
