"""What deploy/edge/Containerfile puts into the image, run as an orchestrator runs it: nobody, a root that cannot be
written, no privileges. No image and no container engine is needed: the file system is laid out by the script that the
Containerfile calls, and entered with `unshare` and `chroot`."""

import os
import pathlib
import shutil
import signal
import subprocess

import openai
import pytest
import yaml
from running import ADA_KEY, ROOT, configuration, free_port, process, wait_until_answering

NOBODY = 65534

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="entering a root of one's own needs root"),
    pytest.mark.skipif(not shutil.which("unshare"), reason="there is no `unshare`"),
]

# Mounts as an orchestrator's: the root read-only, the configuration read-only, one small folder to write to.
ENTER = """
set -e
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"
mount -t proc -o ro proc "$1/proc"
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev,noexec tmpfs "$1/var/cache/weir"
mount --bind "$2" "$1/etc/weir" && mount -o remount,bind,ro "$1/etc/weir"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid --inh-caps=-all \
  chroot --userspec=65534:65534 --groups= "$1" /usr/bin/weir edge
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The image's file system."""
    root = tmp_path_factory.mktemp("image") / "root"
    subprocess.run(["bash", ROOT / "scripts" / "container-rootfs.sh", root], check=True)
    return root


@pytest.fixture(scope="module")
def edge(root, sim, tmp_path_factory):
    """The running edge: its URL, its process, its log."""
    port, folder = free_port(), tmp_path_factory.mktemp("config")
    config = configuration(
        sim,
        {"listen": f"0.0.0.0:{port}", "components": "/usr/lib/weir/components", "cache": "/var/cache/weir/compiled"},
    )
    (folder / "weir.yaml").write_text(yaml.safe_dump(config))
    folder.chmod(0o755)
    log = tmp_path_factory.mktemp("log") / "edge.log"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "enter", root, folder]
    # The variable that the image sets, and no other.
    with process(command, log, environment={"WEIR_CONFIG_FILE": "/etc/weir/weir.yaml", "PATH": os.environ["PATH"]}) as running:
        url = f"http://127.0.0.1:{port}"
        wait_until_answering(f"{url}/healthz", running, log)
        yield url, running, log


def probe(root, url, path="/healthz"):
    """The exit code of the image's own health check."""
    return subprocess.run([root / "usr/bin/probe", url.removeprefix("http://"), path], capture_output=True).returncode


def test_it_answers_a_real_client(edge):
    client = openai.OpenAI(base_url=f"{edge[0]}/v1", api_key=ADA_KEY, max_retries=0, timeout=20)
    question = dict(model="sim", messages=[{"role": "user", "content": "Hello [[sim:tokens=12]]"}])
    assert client.chat.completions.create(**question).usage.completion_tokens == 12
    chunks = list(client.chat.completions.create(**question, stream=True))
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_health_check_tells_well_from_unwell(root, edge):
    assert probe(root, edge[0]) == 0
    assert probe(root, edge[0], "/readyz") == 0
    assert probe(root, edge[0], "/v1/chat/completions") == 1, "401 is not well"
    assert probe(root, f"http://127.0.0.1:{free_port()}") == 1, "nobody there is not well"


def test_it_runs_as_nobody_without_privileges(edge):
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{edge[1].pid}/status").read_text().splitlines())
    assert status["Uid"].split() == [str(NOBODY)] * 4 and status["Gid"].split() == [str(NOBODY)] * 4
    assert status["Groups"].strip() == ""
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def test_its_root_cannot_be_written_and_the_compiled_chain_is_kept(edge):
    mounts = pathlib.Path(f"/proc/{edge[1].pid}/mountinfo").read_text().splitlines()
    options = {line.split()[4]: line.split()[5].split(",") for line in mounts}
    inside = {path: options[path] for path in ("/", "/etc/weir", "/var/cache/weir")}
    assert "ro" in inside["/"] and "ro" in inside["/etc/weir"] and "rw" in inside["/var/cache/weir"]
    kept = list(pathlib.Path(f"/proc/{edge[1].pid}/root/var/cache/weir/compiled").iterdir())
    assert kept, "nothing was kept, so each start would compile anew"


def test_there_is_no_shell_and_little_else(root):
    files = [path for path in root.rglob("*") if path.is_file()]
    programs = {str(path.relative_to(root)) for path in files if os.access(path, os.X_OK) and ".so" not in path.name}
    assert programs == {"usr/bin/weir", "usr/bin/probe"}
    assert not [path for path in files if path.stat().st_mode & 0o6000], "no file may give rights that its caller lacks"
    assert sum(path.stat().st_size for path in files) < 96 << 20


def test_it_stops_when_asked(edge):
    _, running, log = edge
    running.send_signal(signal.SIGTERM)
    assert running.wait(15) == 0, log.read_text()
