"""Everything around the components: the configuration, the control plane, the providers."""

import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import yaml
from provider import ROOT, Provider

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WEIR = TARGET / "release" / "weir"
COMPONENTS = ROOT / "target" / "components"
TOOLS = ROOT / "target" / "tools" / "runtimes"

KEY = "weir-test-key-of-the-first-tenant-000001"
OTHER_KEY = "weir-test-key-of-the-other-tenant-000002"
ADMIN_KEY = "weir-test-key-of-the-administrator-0003"
SECRETS = {"OPENAI_TEST_KEY": "sk-test-of-the-provider-canary", "ANTHROPIC_TEST_KEY": "sk-ant-test-of-the-provider-canary"}


class Scene:
    """The providers and the control plane, up for as long as the `with` block lasts."""

    def __init__(self, folder):
        self.folder = folder
        # The same as last time where they are free: a runtime then finds the same bytes in its cache of compiled code.
        self.openai, self.claude, self.host, self.control = remembered_ports(4)
        subprocess.run([WEIR, "key", "edge", folder / "edge.key"], check=True, capture_output=True)
        self.config = self.write("weir.yaml", {})
        self.started = {}

    def __enter__(self):
        self.provider = Provider(self.openai, SECRETS["OPENAI_TEST_KEY"]).__enter__()
        try:
            self._start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_all(self):
        stand_in = ROOT / "tests" / "stand-ins" / "anthropic_server.py"
        self.start("claude", [sys.executable, stand_in, "--port", str(self.claude), "--key", SECRETS["ANTHROPIC_TEST_KEY"]], {})
        self.start("control", [WEIR, "host", "--config", self.config], SECRETS)
        for name, port in [("claude", self.claude), ("control", self.control)]:
            self.wait_for_listener(name, port)

    def wait_for_listener(self, name, port, seconds=20.0):
        """Waits until the process of this name, the last that was started, listens there."""
        process = self.started[name]

        def up():
            assert process.poll() is None, f"{name} has ended:\n{self.log(name)}"
            return listens(port)

        wait_for(up, f"{name} to listen", seconds)

    def log(self, name):
        """What the process of this name has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def __exit__(self, *_):
        for process in reversed(self.started.values()):
            stop(process)
        self.provider.__exit__()

    def start(self, name, command, environment, cwd=None):
        """A process of its own, with these variables and those that any process needs; its output goes to a file."""
        base = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        log = open(self.folder / f"{name}.log", "w")
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=cwd or self.folder,
            env={**base, **environment}, start_new_session=True,
        )
        self.started[name] = process
        return process

    def write(self, name, edge):
        """A configuration, with more about the edge than is the same everywhere."""
        config = {
            "tenants": [
                {"name": "first", "models": ["*"], "keys": [{"name": "test", "sha256": sha256(KEY), "user": "ada"}]},
                {"name": "other", "models": ["other-*"], "keys": [{"name": "test", "sha256": sha256(OTHER_KEY)}]},
            ],
            "models": [
                {"name": "other-gpt", "targets": [{"backend": "openai", "model": "gpt-4o"}], "tenants": ["other"]},
                {"names": ["gpt-*", "few-*"], "targets": [{"backend": "openai"}], "tenants": ["first"]},
                {"name": "claude-*", "targets": [{"backend": "claude"}], "tenants": ["first"]},
            ],
            "backends": {
                "openai": {"type": "openai", "url": f"http://127.0.0.1:{self.openai}/v1", "network": "private", "key": {"env": "OPENAI_TEST_KEY"}},
                "claude": {"type": "anthropic", "url": f"http://127.0.0.1:{self.claude}", "network": "private", "key": {"env": "ANTHROPIC_TEST_KEY"}},
            },
            "limits": [{"name": "few", "per": "model", "requests": 3, "every": "hour", "models": ["few-*"]}],
            "edge": {
                "name": "test-edge",
                "components": str(COMPONENTS),
                "cache": str(TOOLS / "edge-cache"),
                "key": {"file": str(self.folder / "edge.key")},
                "listen": "127.0.0.1:3000",
                **edge,
            },
            "control": {"urls": [f"http://127.0.0.1:{self.control}"], "audience": "test-host"},
            "host": {
                "name": "test-host",
                "listen": f"127.0.0.1:{self.host}",
                "control": f"127.0.0.1:{self.control}",
                "admin_key": {"sha256": sha256(ADMIN_KEY)},
                "edges": [{"name": "test-edge", "public_key": {"file": str(self.folder / "edge.pub")}}],
                # Nothing asks for it: of tier two only the control plane is wanted here.
                "models": [{"name": "unused", "endpoints": []}],
            },
        }
        path = self.folder / name
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path

    def run(self, command):
        """Runs one of our commands to its end, and gives what it printed."""
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **SECRETS}, timeout=120)
        assert done.returncode == 0, f"{command}:\n{done.stderr}"
        return done.stdout

    def component_secrets(self):
        """The variables in which the components look for the secrets that they ask for."""
        return {
            "WEIR_SECRET_BACKEND_OPENAI_KEY": SECRETS["OPENAI_TEST_KEY"],
            "WEIR_SECRET_BACKEND_CLAUDE_KEY": SECRETS["ANTHROPIC_TEST_KEY"],
            "WEIR_SECRET_EDGE_KEY": (self.folder / "edge.key").read_text().strip(),
        }

    def records(self, request):
        """What was settled of one request."""
        url = f"http://127.0.0.1:{self.control}/control/v1/usage?limit=1000"
        asked = urllib.request.Request(url, headers={"authorization": f"Bearer {ADMIN_KEY}"})
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return [record for record in json.load(answer)["records"] if record["request"] == request]

    def settled(self, request, seconds):
        """The one settlement of a request, once it is there."""
        found = wait_for(lambda: self.records(request), f"the settlement of {request}", seconds)
        assert len(found) == 1, found
        return found[0]


def wait_for(condition, what, seconds=20.0):
    """Waits until `condition` gives something that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


def listens(port):
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def stop(process):
    """Ends it as an operator would, then for certain, and with it what it started: jco serves in a child."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def free_ports(count):
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def remembered_ports(count):
    """Free ports, those of last time if they still are."""
    memory = TOOLS / "ports.json"
    if memory.exists():
        ports = json.loads(memory.read_text())
        if len(ports) == count and not any(map(listens, ports)):
            return ports
    ports = free_ports(count)
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps(ports))
    return ports


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()
