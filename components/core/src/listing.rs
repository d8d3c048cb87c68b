//! `GET /v1/models`: which models a caller sees.
//!
//! Those are the models that a route names in full, that is there for the caller's tenant, and that both tenant and
//! key may use. A route for `gpt-*` serves many names and lists none: nobody here knows which of them exist. But where
//! such a route leads to a tier two, that knows, and its list is put behind.

use crate::config::{BackendKind, Route};
use crate::{Config, Dialect, ErrorKind, GatewayError, Pattern, Principal};
use indexmap::IndexSet;
use serde_json::{Value, json};

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

    /// The list for this caller, in the shape of its dialect: OpenAI's
    /// (<https://platform.openai.com/docs/api-reference/models/list>) or Anthropic's
    /// (<https://docs.anthropic.com/en/api/models-list>), whose pages `query` turns. OpenAI's has KServe V1's beside it,
    /// the names under `models`.
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
        if dialect != Dialect::AnthropicMessages {
            let data: Vec<Value> = names.iter().copied().map(openai).collect();
            return Ok(json!({"object": "list", "data": data, "models": names}));
        }
        let page = Page::read(query)?;
        let (page, has_more) = page.of(if page.may_be_active() { &names } else { &[] });
        let data: Vec<Value> = page.iter().copied().map(anthropic).collect();
        Ok(json!({"data": data, "has_more": has_more, "first_id": page.first(), "last_id": page.last()}))
    }

    /// One model, in the shape of the caller's dialect.
    ///
    /// # Errors
    /// `ModelNotFound` for one that the caller does not see, whether or not it exists.
    pub fn one(&self, principal: &Principal, dialect: Dialect, name: &str) -> Result<Value, GatewayError> {
        let found = self.visible_to(principal).find(|visible| *visible == name);
        match (found, dialect) {
            (Some(name), Dialect::AnthropicMessages) => Ok(anthropic(name)),
            (Some(name), _) => Ok(openai(name)),
            (None, _) => Err(GatewayError::new(
                ErrorKind::ModelNotFound,
                "no such model is listed for this key; `GET /v1/models` lists those that are",
            )),
        }
    }
}

fn is_for(tenants: &[String], principal: &Principal) -> bool {
    tenants.is_empty() || tenants.contains(&principal.tenant)
}

/// When a model was made is not known here: the epoch stands for that, as Anthropic's documents have it.
fn openai(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": "weir"})
}

/// Whatever else Anthropic tells of a model is `null` where it is not known.
fn anthropic(name: &str) -> Value {
    json!({
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": ACTIVE,
        "deprecated_at": null,
        "retires_at": null,
        "line": null,
        "capabilities": null,
        "max_input_tokens": null,
        "max_tokens": null,
    })
}

/// The stage of life that every model is in here.
const ACTIVE: &str = "active";

/// A page of Anthropic's list.
#[derive(Default)]
struct Page<'a> {
    limit: Option<usize>,
    after: Option<&'a str>,
    before: Option<&'a str>,
    lifecycles: Vec<&'a str>,
}

impl<'a> Page<'a> {
    fn read(query: &'a str) -> Result<Self, GatewayError> {
        let mut page = Self::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "after_id" => page.after = Some(value),
                "before_id" => page.before = Some(value),
                "limit" => page.limit = Some(limit(value)?),
                // The SDKs write lists so.
                "lifecycle" | "lifecycle[]" | "lifecycle%5B%5D" => page.lifecycles.push(value),
                _ => {}
            }
        }
        Ok(page)
    }

    /// Whether the list is to have models that are in use.
    fn may_be_active(&self) -> bool {
        self.lifecycles.is_empty() || self.lifecycles.contains(&ACTIVE)
    }

    /// The names on the page, and whether more follow in the direction of travel. A cursor that names no model of
    /// the list stands before its start or after its end.
    fn of<'n, 's>(&self, names: &'s [&'n str]) -> (&'s [&'n str], bool) {
        let position = |cursor: &str| names.iter().position(|name| same(name, cursor));
        let from = self.after.and_then(position).map_or(0, |at| at + 1);
        let to = self.before.and_then(position).unwrap_or(names.len()).max(from);
        let range = &names[from..to];
        let limit = self.limit.unwrap_or(range.len()).min(range.len());
        let backwards = self.before.is_some() && self.after.is_none();
        let page = if backwards { &range[range.len() - limit..] } else { &range[..limit] };
        (page, limit < range.len())
    }
}

fn limit(value: &str) -> Result<usize, GatewayError> {
    value.parse().ok().filter(|limit| (1..=1000).contains(limit)).ok_or_else(|| {
        GatewayError::new(ErrorKind::InvalidRequest, "`limit` must be a whole number from 1 to 1000")
            .with_param("limit")
    })
}

/// Whether a cursor, which came in a query, names this model.
fn same(name: &str, cursor: &str) -> bool {
    percent_encoding::percent_decode_str(cursor).eq(name.bytes())
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

    #[test]
    fn pages_turn_in_both_directions() {
        let names = ["a", "b/c", "d", "e"];
        let cases: [(&str, &[&str], bool); 8] = [
            ("", &["a", "b/c", "d", "e"], false),
            ("limit=2", &["a", "b/c"], true),
            ("limit=2&after_id=b%2Fc", &["d", "e"], false),
            ("limit=1&after_id=a", &["b/c"], true),
            ("limit=2&before_id=e", &["b/c", "d"], true),
            ("limit=2&before_id=d", &["a", "b/c"], false),
            ("after_id=e", &[], false),
            ("after_id=d&before_id=a", &[], false),
        ];
        for (query, expected, more) in cases {
            assert_eq!(Page::read(query).unwrap().of(&names), (expected, more), "{query}");
        }
        for query in ["limit=0", "limit=1001", "limit=x", "limit=-1"] {
            assert_eq!(Page::read(query).err().unwrap().param(), Some("limit"), "{query}");
        }
    }
}
