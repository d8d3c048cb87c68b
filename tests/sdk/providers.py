"""The stand-ins for providers, for tests of this folder and of tests/agents: starting them, scripts, and what came."""

import contextlib
import json
import pathlib
import subprocess
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ROOT / "target" / "tools" / "sdk" / "bin" / "python"
PROVIDER_KEY = "sk-test-of-the-provider-canary"
SERVERS = {"chat": ("chat_server.py",), "thoughts": ("chat_server.py", "--thoughts", "reasoning_content", "--model", "deepseek-chat",
                        "--model", "deepseek-reasoner"),
           "responses": ("responses_server.py",), "messages": ("anthropic_server.py",)}


class Provider:
    """A stand-in that runs."""

    def __init__(self, name: str, url: str):
        self.name, self.url = name, url

    def play(self, *turns: dict) -> None:
        """Sets a script, and forgets what came before."""
        self._call("DELETE", "/requests")
        self._call("PUT", "/script", list(turns))

    def check(self) -> None:
        """Fails when a request was not as the script expects, or a turn is left."""
        state = self._call("GET", "/script")
        assert not state["failures"], state["failures"]
        assert state["taken"] == state["turns"], f"only {state['taken']} of {state['turns']} turns were taken"

    def requests(self) -> list[dict]:
        """What came, the oldest first."""
        return self._call("GET", "/requests")

    def bodies(self) -> list[dict]:
        """The bodies of the requests that were answered from the script."""
        return [request["body"] for request in self.requests() if request["usage"]]

    def _call(self, method: str, path: str, body: object = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@contextlib.contextmanager
def providers():
    """All stand-ins, by name, up for as long as the block lasts."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(provider(name, *command)) for name, command in SERVERS.items()}


@contextlib.contextmanager
def provider(name: str, server: str, *options: str):
    command = [PYTHON, ROOT / "tests/stand-ins" / server, "--port", "0", "--key", PROVIDER_KEY, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line, f"{server} does not start"
        yield Provider(name, f"http://{line.split()[-1]}")
    finally:
        process.kill()
        process.wait()
