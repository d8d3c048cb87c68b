"""What the documents of this folder's subjects name is there: files, commands, options."""

import re
import subprocess

import pytest
from running import ROOT, WEIR

DOCUMENTS = [ROOT / "docs" / "deploy-edge.md", ROOT / "docs" / "clients.md", *sorted(ROOT.glob("examples/*/README.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    targets = {(document.parent / link).resolve() for link in links if "://" not in link}
    assert not [target for target in targets if not target.exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_option_of_weir_is_one(document):
    for words in re.findall(r"^weir (.*)", document.read_text(), re.MULTILINE):
        command = words.split()[0]
        known = subprocess.run([WEIR, command, "--help"], capture_output=True, text=True, check=True).stdout
        options = re.findall(r"(?<=\s)--?[a-z][a-z-]*", words.partition("#")[0])
        assert not [option for option in options if not re.search(rf"{option}\b", known)], words


def test_what_is_said_of_scripts_and_tests_is_there():
    for document in DOCUMENTS:
        for name in re.findall(r"\b(?:scripts|tests|deploy)/[\w./-]*\w", document.read_text()):
            assert (ROOT / name).exists(), f"{document.name}: {name}"
