"""The rules of the two authorizers alone, without a component around them."""

import os
import subprocess
import sys

import pytest
from running import ROOT

sys.path.insert(0, str(ROOT / "examples" / "authorizer-python"))
sys.dont_write_bytecode = True

import rules  # noqa: E402


def test_in_rust_by_its_own_tests():
    target = os.environ.get("EXAMPLES_TARGET_DIR", ROOT / "target" / "examples" / "build")
    command = ["cargo", "test", "--quiet", "--locked", "--manifest-path", ROOT / "examples" / "authorizer" / "Cargo.toml"]
    said = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "CARGO_TARGET_DIR": str(target)})
    assert said.returncode == 0 and "4 passed" in said.stdout, said.stdout + said.stderr


def test_all_that_a_rule_names_must_fit():
    rule = {"who": {"tenant": "research", "key": "ci"}, "paths": ["/v1/embeddings"]}
    ci = {"tenant": "research", "key": "ci"}
    assert rules.lets_pass(rule, ci, "/v1/embeddings", 0)
    assert not rules.lets_pass(rule, ci, "/v1/embeddings/more", 0)
    assert not rules.lets_pass(rule, {"tenant": "other", "key": "ci"}, "/v1/embeddings", 0)
    assert not rules.lets_pass(rule, {}, "/v1/embeddings", 0)


def test_a_claim_cannot_pose_as_the_key_or_the_user():
    somebody = {"key": "other", "claims": {"key": "ci", "team": "search"}}
    assert not rules.lets_pass({"who": {"key": "ci"}}, somebody, "/", 0)
    assert not rules.lets_pass({"claims": {"team": "ads"}}, somebody, "/", 0)
    assert rules.lets_pass({"claims": {"team": "search"}}, somebody, "/", 0)


def test_the_last_hour_is_not_included():
    rule = {"hours": {"start": 6, "end": 20}}
    assert [hour for hour in range(24) if rules.lets_pass(rule, {}, "/", hour)] == list(range(6, 20))


def test_a_word_that_is_not_known_is_refused():
    assert rules.read('{"contact": "c", "allow": [{"paths": ["/"]}]}')
    for text in ['{"contact": "c", "allow": [{"path": ["/"]}]}', '{"allow": []}', '{"contact": "c", "allow": [], "deny": []}']:
        with pytest.raises(ValueError):
            rules.read(text)
