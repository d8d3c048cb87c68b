"""Starting what the tests talk to: the simulated model, Weir's edge, a WebAssembly runtime."""

import contextlib
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WEIR = TARGET / "release" / "weir"
COMPONENTS = ROOT / "target" / "components"
EXAMPLES = ROOT / "target" / "examples"

# Keys, by their names in the configuration.
KEYS = {name: f"weir-test-key-of-{name}-000000000000000000" for name in ("ada-laptop", "ci", "always", "never")}
ADA_KEY = KEYS["ada-laptop"]


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def sha256(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def configuration(sim, edge):
    """A tenant with a few keys, one of them ada's, one model, and the simulator as its backend."""
    keys = [{"name": name, "sha256": sha256(key)} for name, key in KEYS.items()]
    keys[0]["user"] = "ada"
    return {
        "tenants": [{"name": "research", "keys": keys}],
        "models": [{"name": "sim", "targets": [{"backend": "sim"}]}],
        "backends": {"sim": {"type": "openai", "url": f"http://127.0.0.1:{sim}/v1", "network": "private"}},
        "edge": edge,
    }


@contextlib.contextmanager
def process(command, log, *, environment=None):
    """A process of its own, stopped gently at the end."""
    with open(log, "w") as out:
        running = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(15)
            finally:
                running.kill()


def wait_until_answering(url, running, log, seconds=90.0):
    """Waits until a GET of `url` has any answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert running.poll() is None, pathlib.Path(log).read_text()
        with contextlib.suppress(OSError):
            try:
                urllib.request.urlopen(url, timeout=2).close()
            except urllib.error.HTTPError:
                pass
            return
        time.sleep(0.05)
    raise AssertionError(f"{url}: no answer within {seconds} s\n{pathlib.Path(log).read_text()}")


@contextlib.contextmanager
def simulator(folder):
    """The simulated model, on a free port."""
    port, log = free_port(), folder / "sim.log"
    command = [WEIR, "sim", "--listen", f"127.0.0.1:{port}", "--model", "sim", "--ttft", "5ms", "--tpot", "1ms"]
    with process(command, log) as running:
        wait_until_answering(f"http://127.0.0.1:{port}/v1/models", running, log)
        yield port
