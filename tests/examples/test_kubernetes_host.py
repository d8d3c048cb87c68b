"""Tier two's Kubernetes manifests, as `kubectl kustomize` renders them: against Kubernetes' own schemas, and against what
the image and `weir` expect. That its rights are those that it needs is a test of host/kube."""

import os
import re
import shutil
import subprocess

import pytest
import yaml
from running import ROOT, WEIR

HOST = ROOT / "deploy" / "host"
CONTAINERFILE = (HOST / "Containerfile").read_text()
VALIDATE = ROOT / "target" / "tools" / "examples" / "bin" / "kubernetes-validate"
# The releases that are maintained, and the newest that the tool knows; KServe's recordings are of 1.36.
RELEASES = ["1.34", "1.35", "1.36", "1.37"]
OVERLAYS = {"whole": HOST, "namespaced": HOST / "namespaced"}

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="there is no `kubectl` to render them with")


@pytest.fixture(scope="module", params=OVERLAYS)
def rendered(request, tmp_path_factory):
    """One of the two overlays, rendered into a file."""
    said = subprocess.run(["kubectl", "kustomize", OVERLAYS[request.param]], check=True, capture_output=True, text=True)
    file = tmp_path_factory.mktemp(request.param) / "rendered.yaml"
    file.write_text(said.stdout)
    return file


@pytest.fixture
def objects(rendered):
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(rendered.read_text())}


@pytest.fixture
def pod(objects):
    return objects["Deployment", "weir-host"]["spec"]["template"]["spec"]


@pytest.fixture
def container(pod):
    (container,) = pod["containers"]
    return container


@pytest.fixture
def configuration(objects):
    return objects["ConfigMap", "weir-host"]["data"]["weir.yaml"]


def validate(release, file):
    return subprocess.run([VALIDATE, "--strict", "-k", release, file], capture_output=True, text=True)


@pytest.mark.parametrize("release", RELEASES)
def test_the_schemas_take_them(rendered, release):
    said = validate(release, rendered)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_schemas_would_not_take_a_slip(rendered, tmp_path):
    slip = tmp_path / "slip.yaml"
    slip.write_text(rendered.read_text().replace("sessionAffinity", "sessionAfinity"))
    assert validate(RELEASES[-1], slip).returncode != 0


def test_the_configuration_in_them_is_right(configuration, tmp_path):
    subprocess.run([WEIR, "key", "client", tmp_path / "admin.key"], check=True, capture_output=True)
    (tmp_path / "weir.yaml").write_text(configuration.replace("/etc/weir-admin/", f"{tmp_path}/"))
    said = subprocess.run([WEIR, "check", "--config", tmp_path / "weir.yaml"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "warning" not in said.stderr, said.stderr


def test_the_configurations_differ_in_where_is_looked_alone():
    texts = [yaml.safe_load(file.read_text().split("weir.yaml: |")[1].split("\n---")[0].replace("\n    ", "\n"))
             for file in (HOST / "workload" / "kubernetes.yaml", HOST / "namespaced" / "config.yaml")]
    whole, narrow = texts
    assert whole["host"].pop("kubernetes") == {}
    assert narrow["host"].pop("kubernetes") == {"namespaces": ["models"]}
    assert whole == narrow


def test_each_namespace_that_is_looked_into_has_its_role(objects, configuration):
    namespaces = yaml.safe_load(configuration)["host"]["kubernetes"].get("namespaces")
    roles = {kind: each["metadata"].get("namespace") for (kind, _), each in objects.items() if "Role" in kind}
    if namespaces is None:
        assert roles == {"ClusterRole": None, "ClusterRoleBinding": None}
    else:
        assert set(roles) == {"Role", "RoleBinding"} and set(roles.values()) == set(namespaces)
    for (kind, _), each in objects.items():
        if kind.endswith("Binding"):
            (subject,) = each["subjects"]
            assert (subject["name"], subject["namespace"]) == ("weir-host", "weir")
            assert each["roleRef"]["kind"] == kind.removesuffix("Binding")


def test_they_fit_the_image(pod, container, configuration):
    host = yaml.safe_load(configuration)["host"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert (host["listen"], host["control"]) == (f"0.0.0.0:{ports['calls']}", f"0.0.0.0:{ports['control']}")
    assert f"EXPOSE {ports['calls']} {ports['control']}\n" in CONTAINERFILE
    user = pod["securityContext"]
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}\n" in CONTAINERFILE
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert f"WEIR_CONFIG_FILE={mounts['config']}/weir.yaml\n" in CONTAINERFILE
    assert host["tls"]["cert"].startswith(f"{mounts['tls']}/")
    assert host["admin_key"]["file"].startswith(f"{mounts['admin']}/")


def test_nothing_may_be_written_and_nobody_is_root(pod, container):
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_account_is_its_own_and_no_other_pod_gets_its_token(objects, pod):
    assert pod["serviceAccountName"] == "weir-host" and pod["automountServiceAccountToken"]
    assert objects["ServiceAccount", "weir-host"]["automountServiceAccountToken"] is False


def test_streams_have_the_time_to_finish(pod, container, configuration):
    grace = yaml.safe_load(configuration)["host"]["connections"]["grace"]
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pause + int(re.fullmatch(r"(\d+)s", grace)[1])


def test_what_one_replica_reserved_that_one_settles(objects):
    service = objects["Service", "weir-control"]["spec"]
    assert service["sessionAffinity"] == "ClientIP"
    assert objects["Deployment", "weir-host"]["spec"]["replicas"] == 2
