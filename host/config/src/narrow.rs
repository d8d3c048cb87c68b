//! What one tenant, and one part, needs of a configuration.

use std::collections::BTreeSet;

use weir_core::Config;
use weir_core::config::{BackendKind, Limit};

use crate::settings::{EdgeSettings, Part};

/// The configuration for one tenant alone: the tenant, the routes that are open to it, the backends that those lead to,
/// and the limits that may concern it. Of other tenants not even their names are left. `None` where there is no tenant
/// of this name.
///
/// A chain with such a configuration refuses every other tenant's calls, whoever lets them in: see
/// `weir_limiter::check_tenant`.
#[must_use]
pub fn for_tenant(config: &Config, tenant: &str) -> Option<Config> {
    let known = config.tenants.iter().find(|known| known.name == tenant)?;
    let is_open = |tenants: &[String]| tenants.is_empty() || tenants.iter().any(|open| open == tenant);
    let mut narrowed = Config { tenants: vec![known.clone()], ..config.clone() };
    narrowed.routes.retain(|route| is_open(&route.tenants));
    for route in &mut narrowed.routes {
        route.tenants.retain(|open| open == tenant);
    }
    let used: BTreeSet<&str> =
        narrowed.routes.iter().flat_map(|route| &route.targets).map(|target| target.backend.as_str()).collect();
    narrowed.backends.retain(|name, _| used.contains(name.as_str()));
    narrowed.limits.retain(|limit| concerns(limit, tenant, &used));
    for limit in &mut narrowed.limits {
        limit.filter.tenants.retain(|pattern| pattern.matches(tenant));
    }
    Some(narrowed)
}

fn concerns(limit: &Limit, tenant: &str, backends: &BTreeSet<&str>) -> bool {
    let filter = &limit.filter;
    let any_tenant = filter.tenants.is_empty() || filter.tenants.iter().any(|pattern| pattern.matches(tenant));
    let any_backend = filter.backends.is_empty()
        || filter.backends.iter().any(|pattern| backends.iter().any(|backend| pattern.matches(backend)));
    any_tenant && any_backend
}

/// The secrets that a part of Weir's own asks for, in their order: the limiter signs its calls to the control plane, the
/// translator those to a tier two, and sends the keys of backends. The others need none.
#[must_use]
pub fn secrets_of(part: &str, config: &Config) -> Vec<String> {
    let signing = config.control.as_ref().map(|control| control.secret.clone());
    let mut secrets: Vec<String> = match part {
        "limiter" => signing.into_iter().collect(),
        "gateway" => ["limiter", "translator"].iter().flat_map(|part| secrets_of(part, config)).collect(),
        "translator" => {
            let calls_tier_two = config.backends.values().any(|b| matches!(b.kind, BackendKind::Weir { .. }));
            let keys = config.backends.values().filter_map(|backend| backend.key.as_ref());
            keys.map(|key| key.secret.clone()).chain(signing.filter(|_| calls_tier_two)).collect()
        }
        _ => Vec::new(),
    };
    secrets.sort();
    secrets.dedup();
    secrets
}

impl EdgeSettings {
    /// The chain for a tenant: its own, or the edge's. The edge's where no tenant is named.
    #[must_use]
    pub fn chain_for(&self, tenant: Option<&str>) -> &[Part] {
        let own = tenant.and_then(|tenant| self.tenants.iter().find(|own| own.tenant == tenant));
        own.and_then(|own| own.chain.as_deref()).unwrap_or(&self.chain)
    }
}
