//! Which models a caller sees.

use indexmap::IndexSet;
use serde_json::Value;

use super::shape;
use crate::config::{BackendKind, Route};
use crate::{Config, Dialect, ErrorKind, GatewayError, Pattern, Principal};

/// The models that may be listed, for all tenants, and those that a tier two knows more of.
#[derive(Clone, Debug)]
pub struct Models {
    listed: Vec<Listed>,
    routed: Vec<Routed>,
}

/// For which models and tenants a route is, and whether a tier two is among its targets.
#[derive(Clone, Debug)]
struct Routed {
    models: Vec<Pattern>,
    tenants: Vec<String>,
    in_cluster: bool,
}

#[derive(Clone, Debug)]
struct Listed {
    name: String,
    tenants: Vec<String>,
}

impl Models {
    /// The models that the routes of `config` name in full, in their order.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let listed = config.routes.iter().flat_map(|route| {
            let names = route.models.iter().filter_map(|pattern| pattern.literal());
            names.map(|name| Listed { name: name.to_owned(), tenants: route.tenants.clone() })
        });
        let is_tier_two = |backend: &str| {
            config.backends.get(backend).is_some_and(|backend| matches!(backend.kind, BackendKind::Weir { .. }))
        };
        let routed = |route: &Route| Routed {
            models: route.models.clone(),
            tenants: route.tenants.clone(),
            in_cluster: route.targets.iter().any(|target| is_tier_two(&target.backend)),
        };
        Self { listed: listed.collect(), routed: config.routes.iter().map(routed).collect() }
    }

    /// Whether a model goes to a tier two, which then says itself what there is to say of it: it knows whether the model
    /// is ready. Never for a model that the caller may not use.
    #[must_use]
    pub fn is_in_cluster(&self, principal: &Principal, name: &str) -> bool {
        let mut for_caller = self.routed.iter().filter(|route| is_for(&route.tenants, principal));
        let route = for_caller.find(|route| route.models.iter().any(|pattern| pattern.matches(name)));
        principal.allows(name) && route.is_some_and(|route| route.in_cluster)
    }

    /// Whether a tier two may know models for this caller that no route names in full: it has to be asked for the list.
    #[must_use]
    pub fn is_open_ended(&self, principal: &Principal) -> bool {
        let unnamed = |route: &Routed| route.models.iter().any(|pattern| pattern.literal().is_none());
        self.routed.iter().any(|route| route.in_cluster && is_for(&route.tenants, principal) && unnamed(route))
    }

    /// The models that this caller sees without asking anybody, each once.
    pub fn visible_to(&self, principal: &Principal) -> impl Iterator<Item = &str> {
        let seen: IndexSet<&str> = self
            .listed
            .iter()
            .filter(|model| is_for(&model.tenants, principal))
            .map(|model| model.name.as_str())
            .filter(|name| principal.allows(name))
            .collect();
        seen.into_iter()
    }

    /// The list for this caller, in the shape of its dialect: see [`list`](crate::listing::list).
    ///
    /// `in_cluster` are the models that a tier two says it has; those that go there by these routes are listed, too.
    ///
    /// # Errors
    /// `InvalidRequest` for a page that cannot be.
    pub fn list(
        &self,
        principal: &Principal,
        dialect: Dialect,
        query: &str,
        in_cluster: &[String],
    ) -> Result<Value, GatewayError> {
        let found = in_cluster.iter().map(String::as_str).filter(|name| self.is_in_cluster(principal, name));
        let names: IndexSet<&str> = self.visible_to(principal).chain(found).collect();
        let names: Vec<&str> = names.into_iter().collect();
        shape::list(&names, dialect, query)
    }

    /// One model, in the shape of the caller's dialect.
    ///
    /// # Errors
    /// `ModelNotFound` for one that the caller does not see, whether or not it exists.
    pub fn one(&self, principal: &Principal, dialect: Dialect, name: &str) -> Result<Value, GatewayError> {
        let found = self.visible_to(principal).find(|visible| *visible == name);
        found.map(|name| shape::model(name, dialect)).ok_or_else(|| {
            GatewayError::new(
                ErrorKind::ModelNotFound,
                "no such model is listed for this key; `GET /v1/models` lists those that are",
            )
        })
    }
}

fn is_for(tenants: &[String], principal: &Principal) -> bool {
    tenants.is_empty() || tenants.contains(&principal.tenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(patterns: &[&str]) -> Principal {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(*text)).collect();
        let (tenant, key, policy) = ("demo".into(), "k".into(), "p".into());
        Principal { tenant, key, user: None, claims: Default::default(), models: [patterns.clone(), patterns], policy }
    }

    /// Routes in their order: for which names, for which tenant, and whether to a tier two.
    fn models(routes: &[(&str, &str, bool)]) -> Models {
        let tenants = |tenant: &str| if tenant.is_empty() { Vec::new() } else { vec![tenant.to_owned()] };
        let routed = |&(name, tenant, in_cluster): &(&str, &str, bool)| Routed {
            models: vec![Pattern::new(name)],
            tenants: tenants(tenant),
            in_cluster,
        };
        let literal = |&&(name, ..): &&(&str, &str, bool)| Pattern::new(name).literal().is_some();
        let listed = routes.iter().filter(literal);
        let listed = listed.map(|&(name, tenant, _)| Listed { name: name.to_owned(), tenants: tenants(tenant) });
        Models { listed: listed.collect(), routed: routes.iter().map(routed).collect() }
    }

    #[test]
    fn what_a_tier_two_has_is_listed_as_far_as_it_is_reached_and_allowed() {
        let models = models(&[("gpt-5", "", false), ("gpt-*", "", false), ("team-*", "other", true), ("*", "", true)]);
        let has = ["gpt-4", "gpt-5", "qwen", "secret", "qwen"].map(str::to_owned);
        let list = |patterns: &[&str]| {
            let list = models.list(&principal(patterns), Dialect::OpenaiChat, "", &has).unwrap();
            list["models"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(list(&["*"]), ["gpt-5", "qwen", "secret"]);
        assert_eq!(list(&["gpt-*", "q*"]), ["gpt-5", "qwen"]);
        assert!(list(&["none"]).is_empty());
    }

    #[test]
    fn a_tier_two_is_asked_only_where_it_may_know_more() {
        let asked = |routes: &[(&str, &str, bool)]| models(routes).is_open_ended(&principal(&["*"]));
        assert!(asked(&[("a", "", false), ("q*", "", true)]));
        assert!(asked(&[("q*", "demo", true)]));
        assert!(!asked(&[("q*", "other", true), ("a", "", true), ("gpt-*", "", false)]));
    }
}
