"""The Kubernetes manifests: against Kubernetes' own schemas, and against what the image and `weir` expect."""

import os
import re
import subprocess

import pytest
import yaml
from running import ROOT, WEIR

MANIFESTS = ROOT / "deploy" / "edge" / "kubernetes.yaml"
CONTAINERFILE = (ROOT / "deploy" / "edge" / "Containerfile").read_text()
VALIDATE = ROOT / "target" / "tools" / "examples" / "bin" / "kubernetes-validate"
# The releases that are maintained, and the newest that the tool knows.
RELEASES = ["1.34", "1.35", "1.36", "1.37"]


@pytest.fixture(scope="module")
def objects():
    return {each["kind"]: each for each in yaml.safe_load_all(MANIFESTS.read_text())}


@pytest.fixture(scope="module")
def container(objects):
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


def validate(release, file):
    return subprocess.run([VALIDATE, "--strict", "-k", release, file], capture_output=True, text=True)


@pytest.mark.parametrize("release", RELEASES)
def test_the_schemas_take_them(release):
    said = validate(release, MANIFESTS)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_schemas_would_not_take_a_slip(tmp_path):
    slip = tmp_path / "slip.yaml"
    slip.write_text(MANIFESTS.read_text().replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))
    assert validate(RELEASES[-1], slip).returncode != 0


def test_the_configuration_in_them_is_right(objects, tmp_path):
    subprocess.run([WEIR, "key", "edge", tmp_path / "edge.key"], check=True, capture_output=True)
    text = objects["ConfigMap"]["data"]["weir.yaml"].replace("/etc/weir-key/", f"{tmp_path}/")
    (tmp_path / "weir.yaml").write_text(text)
    secrets = {name: "x" * 40 for name in re.findall(r"env: (\w+)", text)}
    said = subprocess.run(
        [WEIR, "check", "--config", tmp_path / "weir.yaml"], capture_output=True, text=True, env={**os.environ, **secrets}
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_they_fit_the_image(objects, container):
    edge = yaml.safe_load(objects["ConfigMap"]["data"]["weir.yaml"])["edge"]
    (port,) = container["ports"]
    assert edge["listen"] == f"0.0.0.0:{port['containerPort']}"
    assert f"EXPOSE {port['containerPort']}\n" in CONTAINERFILE
    user = objects["Deployment"]["spec"]["template"]["spec"]["securityContext"]
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}\n" in CONTAINERFILE
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert f"WEIR_CONFIG_FILE={mounts['config']}/weir.yaml\n" in CONTAINERFILE
    assert edge["cache"].startswith(f"{mounts['cache']}/"), "the folder itself belongs to root, and is not used"
    assert edge["key"]["file"].startswith(f"{mounts['key']}/")


def test_nothing_may_be_written_and_nobody_is_root(objects, container):
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_streams_have_the_time_to_finish(objects, container):
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    grace = 60  # `edge.connections.grace`, by default
    assert pod["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"] + grace
