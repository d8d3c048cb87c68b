//! What one tenant, and one part, needs of a configuration: nothing of anybody else.
#![allow(clippy::unwrap_used)]

use weir_config::{Loaded, Machine, for_tenant, load_bytes, secrets_of};
use weir_core::Config;

const FILE: &str = r#"
tenants:
  - name: research
    keys: [{ name: one, sha256: "1111111111111111111111111111111111111111111111111111111111111111" }]
    chain: [auth, router, translator]
    at: { host: Research.example.com }
  - name: sales
    keys: [{ name: one, sha256: "2222222222222222222222222222222222222222222222222222222222222222" }]
    at: { path: /sales/ }
  - name: guests
    keys: [{ name: one, sha256: "3333333333333333333333333333333333333333333333333333333333333333" }]
models:
  - name: everybody
    targets: [{ backend: open }]
  - name: crm
    tenants: [sales]
    targets: [{ backend: crm }, { backend: open }]
  - name: both
    tenants: [research, sales]
    targets: [{ backend: cluster }]
backends:
  crm: { type: openai, url: "https://crm.example.com", key: { env: CRM_KEY } }
  open: { type: openai, url: "https://api.example.com", key: { env: OPEN_KEY } }
  cluster: { type: weir, url: "https://tier-two.example.com", audience: two }
limits:
  - { name: all, per: key, requests: 1, every: minute }
  - { name: research-only, per: tenant, requests: 2, every: minute, tenants: [research] }
  - { name: sales-only, per: tenant, requests: 3, every: minute, tenants: [sales] }
  - { name: two-of-three, per: tenant, requests: 4, every: minute, tenants: [research, "s*"] }
  - { name: crm, per: backend, requests: 5, every: minute, backends: [crm] }
control: { urls: ["https://tier-two.example.com"], audience: two }
edge:
  key: { env: SIGNING }
"#;

fn loaded() -> Loaded {
    match load_bytes("weir.yaml", FILE.as_bytes(), "/etc/weir".as_ref(), &Machine) {
        Ok(loaded) => loaded,
        Err(report) => panic!("{}", report.render(false)),
    }
}

fn narrowed(tenant: &str) -> Config {
    for_tenant(&loaded().config, tenant).unwrap()
}

fn routes(config: &Config) -> Vec<&str> {
    config.routes.iter().filter_map(|route| route.models[0].literal()).collect()
}

fn limits(config: &Config) -> Vec<&str> {
    config.limits.iter().map(|limit| limit.name.as_str()).collect()
}

fn backends(config: &Config) -> Vec<&str> {
    config.backends.keys().map(String::as_str).collect()
}

#[test]
fn a_tenants_configuration_has_what_it_needs() {
    let research = narrowed("research");
    assert_eq!(research.tenants.iter().map(|tenant| tenant.name.as_str()).collect::<Vec<_>>(), ["research"]);
    assert_eq!(routes(&research), ["everybody", "both"]);
    assert_eq!(backends(&research), ["open", "cluster"]);
    assert_eq!(limits(&research), ["all", "research-only", "two-of-three"]);
    let guests = narrowed("guests");
    assert_eq!((routes(&guests), backends(&guests), limits(&guests)), (vec!["everybody"], vec!["open"], vec!["all"]));
    assert_eq!(limits(&narrowed("sales")), ["all", "sales-only", "two-of-three", "crm"]);
}

#[test]
fn of_other_tenants_not_even_their_names_are_left() {
    let text = serde_json::to_string(&narrowed("research")).unwrap();
    for other in ["sales", "guests", "crm", "2222", "3333", "\"s*\""] {
        assert!(!text.contains(other), "{other}: {text}");
    }
    assert_eq!(narrowed("research"), for_tenant(&narrowed("research"), "research").unwrap());
}

#[test]
fn there_is_nothing_for_a_tenant_that_is_not_there() {
    assert!(for_tenant(&loaded().config, "marketing").is_none());
    assert!(for_tenant(&loaded().config, "*").is_none());
}

#[test]
fn each_part_asks_for_its_own_secrets_only() {
    let all = loaded().config;
    let keys = ["backend-crm-key", "backend-open-key", "edge-key"];
    assert_eq!(secrets_of("translator", &all), keys);
    assert_eq!(secrets_of("limiter", &all), ["edge-key"]);
    assert!(secrets_of("auth", &all).is_empty() && secrets_of("router", &all).is_empty());
    assert_eq!(secrets_of("translator", &narrowed("guests")), ["backend-open-key"], "it calls no tier two");
}

#[test]
fn a_tenant_has_its_own_chain_or_the_edges() {
    let edge = loaded().edge.unwrap();
    let names = |tenant| edge.chain_for(tenant).iter().map(|part| part.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(Some("research")), ["auth", "router", "translator"]);
    for other in [Some("sales"), Some("nobody"), None] {
        assert_eq!(names(other), ["auth", "router", "limiter", "translator"]);
    }
}

#[test]
fn places_are_written_in_one_way() {
    use weir_config::settings::TenantPlace::{Host, Path};
    let edge = loaded().edge.unwrap();
    let places: Vec<_> = edge.tenants.iter().map(|own| (own.tenant.as_str(), own.at.clone().unwrap())).collect();
    assert_eq!(places, [("research", Host("research.example.com".into())), ("sales", Path("/sales".into()))]);
}
