//! Manifests, whole, and what is refused.
#![allow(clippy::unwrap_used)]

use weir_spin::{Application, Capability, Chain, Configuration, MAX_CONFIG_BYTES, Part, Route, SpinError};

const BOTH: &[Capability] = &[Capability::Variables, Capability::AllowedOutboundHosts];

fn own_parts() -> Vec<Part> {
    let part = |name: &str| Part::new(name, format!("parts/{name}.wasm"));
    vec![
        part("auth").inherits(&[Capability::Variables]),
        part("router").inherits(&[Capability::Variables]),
        part("limiter").inherits(BOTH),
        part("translator"),
    ]
}

fn everybody() -> Chain {
    Chain {
        tenant: None,
        route: Route::everything(),
        configuration: Configuration::Default(r#"{"policy":"p1","it's":"{{ odd }}"}"#.to_owned()),
        secrets: vec!["edge-key".to_owned(), "backend-claude-key".to_owned()],
        origins: ["https://api.anthropic.com", "http://127.0.0.1:3200", "https://api.anthropic.com"]
            .map(|origin| origin.parse().unwrap())
            .into(),
        parts: own_parts(),
    }
}

fn research() -> Chain {
    let mut parts = own_parts();
    parts.insert(1, Part::new("geo.v2", "filters/geo.wasm"));
    Chain {
        tenant: Some("research".to_owned()),
        route: Route::under("/research").unwrap(),
        configuration: Configuration::Required,
        secrets: vec!["edge-key".to_owned()],
        origins: vec!["https://models.example.com:8443".parse().unwrap()],
        parts,
    }
}

fn application(chains: Vec<Chain>) -> Application {
    Application { name: "edge".to_owned(), version: "1.2.3".to_owned(), chains }
}

fn refused(chains: Vec<Chain>) -> SpinError {
    application(chains).manifest().unwrap_err()
}

#[test]
fn two_chains_have_a_route_a_configuration_and_capabilities_each() {
    let text = application(vec![everybody(), research()]).manifest().unwrap().to_string();
    assert_eq!(text, include_str!("two-chains.toml"), "\n{text}");
    let parsed: toml_edit::DocumentMut = text.parse().unwrap();
    let configuration = parsed["variables"]["weir_config"]["default"].as_str().unwrap();
    assert_eq!(configuration, r#"{"policy":"p1","it's":"{{ odd }}"}"#);
}

#[test]
fn the_same_application_gives_the_same_text() {
    let text = || application(vec![everybody(), research()]).manifest().unwrap().to_string();
    assert_eq!(text(), text());
}

#[test]
fn configurations_can_stand_in_a_file_of_their_own() {
    let (manifest, values) = application(vec![everybody(), research()]).manifest_and_values().unwrap();
    assert!(manifest.to_string().contains("\nweir_config = { required = true }\n"), "{manifest}");
    let values: toml_edit::DocumentMut = values.parse().unwrap();
    assert_eq!(values["weir_config"].as_str(), Some(r#"{"policy":"p1","it's":"{{ odd }}"}"#));
    assert_eq!(values.len(), 1);
}

#[test]
fn a_configuration_that_is_too_long_is_refused_with_its_size_and_a_way_round() {
    let chain = |bytes| Chain { configuration: Configuration::Default("x".repeat(bytes)), ..everybody() };
    assert!(application(vec![chain(MAX_CONFIG_BYTES)]).manifest().is_ok());
    let error = refused(vec![chain(MAX_CONFIG_BYTES + 1)]);
    assert_eq!(error, SpinError::ConfigTooLong { tenant: None, bytes: 131_073 });
    let told = error.to_string();
    assert!(told.contains("131073") && told.contains("131072") && told.contains("weir compose"), "{told}");
}

#[test]
fn names_that_would_fall_together_are_refused() {
    let secrets = |names: [&str; 2]| Chain { secrets: names.map(str::to_owned).into(), ..everybody() };
    assert!(
        matches!(refused(vec![secrets(["a-b", "a.b"])]), SpinError::SameVariable { variable, .. } if variable == "weir_secret_a_b")
    );
    let twice = || Chain { route: Route::under("/other").unwrap(), ..everybody() };
    assert!(matches!(refused(vec![everybody(), twice()]), SpinError::SameId { id, .. } if id == "weir_config"));
    let mut other = research();
    other.parts[0].source = "elsewhere/auth.wasm".to_owned();
    assert!(matches!(refused(vec![everybody(), other]), SpinError::SameId { id, .. } if id == "auth"));
    let mut hidden = everybody();
    hidden.parts.insert(1, Part::new("translator", "mine.wasm"));
    assert!(matches!(refused(vec![hidden]), SpinError::SameId { id, .. } if id == "translator"));
    let mut nameless = everybody();
    nameless.parts.insert(1, Part::new("火", "fire.wasm"));
    assert!(matches!(refused(vec![nameless]), SpinError::Name { name } if name == "火"));
}

#[test]
fn what_spin_could_not_run_is_refused() {
    assert_eq!(refused(Vec::new()), SpinError::NoChain);
    let empty = Chain { parts: Vec::new(), ..everybody() };
    assert_eq!(refused(vec![empty]), SpinError::EmptyChain { tenant: None });
    let same = Chain { route: Route::everything(), ..research() };
    assert!(matches!(refused(vec![everybody(), same]), SpinError::SameRoute { route, .. } if route == "/..."));
    let host = SpinError::Host { tenant: "research".to_owned(), host: "r.example.com".to_owned() }.to_string();
    assert!(host.contains("at: { path: /research }") && host.contains("--tenant research"), "{host}");
}
