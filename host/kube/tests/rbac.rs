//! The rights that `deploy/host` gives are those that watching takes: no kind is missing, and none is too much.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use weir_kube::KINDS;

#[derive(Deserialize)]
struct Role {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
}

fn rights(file: &str) -> BTreeSet<(String, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/host").join(file);
    let role: Role = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut rights = BTreeSet::new();
    for rule in role.rules {
        for group in &rule.api_groups {
            for resource in &rule.resources {
                rights.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
            }
        }
    }
    rights
}

#[test]
fn what_is_allowed_is_what_is_asked_for() {
    let asked: BTreeSet<_> = KINDS
        .iter()
        .flat_map(|kind| ["list", "watch"].map(|verb| (kind.group.into(), kind.plural.into(), verb.to_owned())))
        .collect();
    for file in ["cluster-role.yaml", "namespaced/role.yaml"] {
        let allowed = rights(file);
        let missing: Vec<_> = asked.difference(&allowed).collect();
        let spare: Vec<_> = allowed.difference(&asked).collect();
        assert!(missing.is_empty() && spare.is_empty(), "{file}: missing {missing:?}, too much {spare:?}");
    }
}

#[test]
fn nothing_secret_can_be_read_and_nothing_changed() {
    for (group, resource, verb) in rights("cluster-role.yaml") {
        assert!(resource != "secrets" && resource != "*" && group != "*", "{group}/{resource}");
        assert!(matches!(verb.as_str(), "list" | "watch"), "{verb} on {resource}");
    }
}
