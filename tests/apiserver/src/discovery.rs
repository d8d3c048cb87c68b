//! Which kinds there are.

use serde_json::{Value, json};

use crate::kinds::{KINDS, Kind};
use crate::server::ApiServer;

/// The discovery document at a path.
pub(crate) fn document(server: &ApiServer, path: &str) -> Option<Value> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match *segments {
        ["version"] => Some(json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.2", "platform": "linux/amd64" })),
        ["api"] => Some(json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })),
        ["apis"] => {
            let mut groups: Vec<&str> = KINDS.iter().map(|kind| kind.group).filter(|group| !group.is_empty()).collect();
            groups.dedup();
            let groups: Vec<Value> = groups.into_iter().filter_map(|name| group(server, name)).collect();
            Some(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }))
        }
        ["apis", name] => group(server, name),
        ["api", version] => resources(server, "", version),
        ["apis", name, version] => resources(server, name, version),
        _ => None,
    }
}

fn group(server: &ApiServer, name: &str) -> Option<Value> {
    let mut versions: Vec<&str> = served(server, name).flat_map(|(_, versions)| versions).collect();
    // As the API server orders them: v1, then v1beta1, then v1alpha2, then v1alpha1.
    versions
        .sort_by_key(|version| std::cmp::Reverse((!version.contains("alpha"), !version.contains("beta"), *version)));
    versions.dedup();
    let versions: Vec<Value> = versions
        .into_iter()
        .map(|version| json!({ "groupVersion": format!("{name}/{version}"), "version": version }))
        .collect();
    let preferred = versions.first()?.clone();
    Some(json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions, "preferredVersion": preferred,
    }))
}

fn resources(server: &ApiServer, group: &str, version: &str) -> Option<Value> {
    let resources: Vec<Value> = served(server, group)
        .filter(|(_, versions)| versions.contains(&version))
        .map(|(kind, _)| {
            json!({
                "name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": true, "kind": kind.kind,
                "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
            })
        })
        .collect();
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let list = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
    });
    (!resources.is_empty()).then_some(list)
}

/// The kinds of a group, with the versions in which they are served just now.
fn served(server: &ApiServer, group: &str) -> impl Iterator<Item = (&'static Kind, Vec<&'static str>)> {
    KINDS.iter().filter(move |kind| kind.group == group).map(|kind| (kind, server.state().history(kind).served.clone()))
}
