//! The cluster in which tier two finds models.

use std::collections::BTreeMap;

use super::Compiler;
use super::terms::Seen;
use crate::file;
use crate::read::At;
use crate::report::Mistake;
use crate::selector;
use crate::settings::{KubernetesSettings, WorkloadTrust};

/// The longest name of a namespace, and of a part of other objects' names (RFC 1123, a label).
const LABEL: usize = 63;

impl Compiler<'_> {
    pub(super) fn kubernetes(&mut self, section: &At<file::Kubernetes>) -> KubernetesSettings {
        let file = &section.value;
        if let Some(at) = file.selector.as_ref()
            && let Err(fault) = selector::check(&at.value)
        {
            self.tell(
                Mistake::new("selector", at.span.clone(), format!("not a label selector: {fault}"))
                    .label("not a selector")
                    .help("write it as `kubectl get -l` takes it: `team=research,tier in (gold, silver),!internal`"),
            );
        }
        if let (Some(at), None) = (file.context.as_ref(), file.kubeconfig.as_ref())
            && at.is_empty()
        {
            let message = "an empty name is that of no context";
            self.tell(Mistake::new("name", at.span.clone(), message).help("delete it to take the current one"));
        }
        KubernetesSettings {
            namespaces: self.namespaces(file),
            selector: file.selector.as_ref().map(|at| at.trim().to_owned()).filter(|text| !text.is_empty()),
            kubeconfig: file.kubeconfig.as_ref().map(|at| self.path(&at.value)),
            context: file.context.as_ref().map(|at| at.value.clone()),
            max_in_flight: self.number(file.max_in_flight.as_ref(), 256, 1..=100_000),
            domain: file.domain.as_ref().map_or_else(
                || "cluster.local".to_owned(),
                |at| {
                    self.object_name(at, at.trim_end_matches('.'), "domain", 253);
                    at.trim_end_matches('.').to_owned()
                },
            ),
            trust: file.tls.as_ref().map(|tls| self.workload_trust(tls)).unwrap_or_default(),
        }
    }

    fn namespaces(&mut self, file: &file::Kubernetes) -> Vec<String> {
        let Some(list) = file.namespaces.as_ref() else {
            return Vec::new();
        };
        if list.is_empty() {
            let message = "an empty list names no namespace at all";
            self.tell(
                Mistake::new("empty-list", list.span.clone(), message)
                    .label("empty")
                    .help("leave the key out to look into all namespaces"),
            );
        }
        let mut seen = Seen::default();
        for at in list.iter() {
            self.unique(&mut seen, at, "namespaces");
            if at.contains('*') {
                let message = "namespaces are named one by one: `*` cannot stand here";
                self.tell(
                    Mistake::new("pattern", at.span.clone(), message)
                        .help("leave `namespaces` out to look into all, and narrow it down by `selector`"),
                );
            } else {
                self.object_name(at, &at.value, "namespace", LABEL);
            }
        }
        list.iter().map(|at| at.value.clone()).collect()
    }

    fn workload_trust(&mut self, section: &At<file::WorkloadTls>) -> WorkloadTrust {
        if section.ca.is_none() && section.objects.is_empty() {
            self.tell(
                Mistake::new("tls", section.span.clone(), "nothing says whom to trust")
                    .help("write `{ ca: PATH }`; leave `tls` out to trust what this machine trusts"),
            );
        }
        let all = section.ca.as_ref().and_then(|ca| self.authorities(ca));
        let mut objects = BTreeMap::new();
        for (key, ca) in section.objects.iter() {
            let Some((namespace, name)) = key.split_once('/') else {
                let message = format!("`{}` names no object", key.value);
                self.tell(
                    Mistake::new("name", key.span.clone(), message)
                        .label("not a namespace and a name")
                        .help(format!("write `NAMESPACE/{}`", key.value)),
                );
                continue;
            };
            self.object_name(key, namespace, "namespace", LABEL);
            self.object_name(key, name, "object", 253);
            if let Some(pem) = self.authorities(ca) {
                objects.insert((namespace.to_owned(), name.to_owned()), pem);
            }
        }
        WorkloadTrust { all, objects }
    }

    /// A name as Kubernetes has them (RFC 1123): of a namespace a label, of other objects a subdomain.
    fn object_name(&mut self, at: &At<String>, name: &str, what: &str, longest: usize) {
        let dots = longest > LABEL;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (dots && c == '.');
        let edge = |c: char| c.is_ascii_alphanumeric();
        let fault = if name.is_empty() {
            "it is empty".to_owned()
        } else if name.len() > longest {
            format!("it has {} characters; {longest} are allowed", name.len())
        } else if let Some(c) = name.chars().find(|c| !good(*c)) {
            format!("{c:?} cannot stand in it")
        } else if !name.starts_with(edge) || !name.ends_with(edge) {
            "it begins and ends with a letter or a digit".to_owned()
        } else {
            return;
        };
        self.tell(
            Mistake::new("name", at.span.clone(), format!("not the name of a {what}: {fault}"))
                .label("not a name")
                .help("lower-case letters, digits and `-` make such a name"),
        );
    }
}
