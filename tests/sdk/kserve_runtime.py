"""KServe's own runtime as a model server, Weir before it, and what KServe's own clients get from either."""

import contextlib
import json
import subprocess
from collections import namedtuple

import pytest
from running import KSERVE21_PYTHON, ROOT, Weir, answers, free_ports, server, wait_for

# Where a runtime speaks HTTP, and where gRPC.
Runtime = namedtuple("Runtime", "http grpc")


@contextlib.contextmanager
def runtime(python, script, *arguments):
    """One that runs a script of tests/servers, up for as long as the block lasts: its base URL."""
    assert python.exists(), "KServe's runtime is not set up: make setup"
    (port,) = free_ports(1)
    base = f"http://127.0.0.1:{port}"
    command = [python, ROOT / "tests/servers" / script, "--port", str(port), *arguments]
    with server(command, lambda _: wait_for(lambda: answers(f"{base}/v2/health/ready"), "kserve", 90) and base) as url:
        yield url


@pytest.fixture(scope="session")
def predictor():
    """A runtime with a model that doubles what it is given."""
    (grpc,) = free_ports(1)
    with runtime(KSERVE21_PYTHON, "kserve_predictor.py", "--grpc-port", str(grpc), "--model", "doubler") as url:
        yield Runtime(url, f"127.0.0.1:{grpc}")


@pytest.fixture(scope="session")
def doubler(predictor, tmp_path_factory):
    """Weir before it: the model under its own name, and under another that callers use."""
    models = [
        {"name": "doubler", "targets": [{"backend": "cluster"}]},
        {"name": "my-doubler", "targets": [{"backend": "cluster", "model": "doubler"}]},
    ]
    endpoint = {"url": f"{predictor.http}/openai/v1", "grpc": f"http://{predictor.grpc}"}
    host_models = [{"name": "doubler", "endpoints": [endpoint]}]
    folder = tmp_path_factory.mktemp("weir-doubler")
    with Weir(folder, models=models, host_models=host_models, health={"path": "/v2/health/ready"}) as running:
        yield running


def told(clients, server, key, model, *more):
    """What KServe's clients get from a server: `clients` is the script of this folder that asks it."""
    command = [KSERVE21_PYTHON, ROOT / "tests/sdk" / clients, server, key, model, *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=180, check=True)
    return json.loads(done.stdout.splitlines()[-1])
