//! Chains of parts that are granted things: what is wired, what is refused, what the file says of itself. The components
//! are tiny ones, written as text.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use weir_compose::{
    Access, Around, Chain, ComposeError, Grants, HANDLER, InspectError, Part, SECTION, SETTINGS, inspect, sha256,
};

const CLIENT: &str = "wasi:http/client@0.3.0";
const ENVIRONMENT: &str = "wasi:cli/environment@0.3.0";
const ENVIRONMENT_2: &str = "wasi:cli/environment@0.2.6";
const GRANTED: &str = "weir:gateway/granted@0.1.0";

/// The type of `weir:gateway/granted`, as `wit/gateway.wit` has it.
const GRANTED_TYPE: &str = r#"(instance
    (export "config" (func (result (option string))))
    (export "secrets" (func (result (list (tuple string string)))))
    (export "environment" (func (result (list (tuple string string)))))
    (export "network" (func (result (list string)))))"#;

/// A component with an instance import for each of `imports` and an instance export for each of `exports`; each
/// interface has one function, but for that of the grants. `mark` gets into its bytes.
fn component(mark: &str, imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let ty =
        |name: &str| if name == GRANTED { GRANTED_TYPE } else { r#"(instance (export "do" (func (result u32))))"# };
    let imports: String = imports.iter().map(|i| format!("(import \"{i}\" {})\n", ty(i))).collect();
    let exports: String = exports.iter().map(|e| format!("(export \"{e}\" (instance $own))\n")).collect();
    let text = format!(
        r#"(component
            {imports}
            (core module $m (func (export "f") (result i32) i32.const 7) (@custom "mark" "{mark}"))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $own (export "do" (func $f)))
            {exports})"#
    );
    wat::parse_str(text).unwrap()
}

fn ours(name: &str) -> Part {
    let imports: &[&str] = if name == "translator" { &[SETTINGS, CLIENT] } else { &[HANDLER, SETTINGS] };
    Part::new(name, component(name, imports, &[HANDLER]))
}

fn with_settings(name: &str, config: &str) -> Part {
    let secrets = match name {
        "translator" => BTreeMap::from([("backend-claude-key".into(), "backend-claude-key".into())]),
        _ => BTreeMap::new(),
    };
    ours(name).with(Access::Settings(Grants { config: Some(config.into()), secrets, ..Grants::default() }))
}

fn foreign(imports: &[&str], network: Option<&[&str]>) -> Part {
    let grants = Grants {
        config: Some(r#"{"policy":"strict"}"#.into()),
        secrets: [("token".to_owned(), "part.opa.token".to_owned())].into(),
        network: network.map(|network| network.iter().map(|&origin| origin.to_owned()).collect()),
        environment: [("LOG".to_owned(), "debug".to_owned())].into(),
    };
    let imports: Vec<_> = [HANDLER].iter().chain(imports).copied().collect();
    Part::new("opa", component("opa", &imports, &[HANDLER])).with(Access::Granted(grants))
}

fn around() -> Around {
    Around {
        grant: Some(component("grant", &[GRANTED, SETTINGS, CLIENT], &[SETTINGS, CLIENT, ENVIRONMENT, ENVIRONMENT_2])),
        warden_outer: Some(component("warden-outer", &[HANDLER, "weir:gateway/vault-outside@0.1.0"], &[HANDLER])),
        warden_inner: Some(component("warden-inner", &[HANDLER, "weir:gateway/vault-inside@0.1.0"], &[HANDLER])),
        vault: Some(component("vault", &[], &["weir:gateway/vault-outside@0.1.0", "weir:gateway/vault-inside@0.1.0"])),
        settings: Some(component("settings-env", &[ENVIRONMENT], &[SETTINGS])),
    }
}

fn chain(parts: Vec<Part>) -> Chain {
    Chain { tenant: Some("research".into()), parts, around: around() }
}

/// A whole chain with somebody else's part in it.
fn whole(config: &str) -> Chain {
    let [auth, router, limiter, translator] =
        ["auth", "router", "limiter", "translator"].map(|name| with_settings(name, config));
    let opa =
        foreign(&[SETTINGS, CLIENT, ENVIRONMENT, "wasi:cli/environment@0.2.0"], Some(&["https://opa.example.com"]));
    chain(vec![auth, opa, router, limiter, translator])
}

/// The names of what a component imports.
fn imports(bytes: &[u8]) -> Vec<String> {
    let (mut imports, mut depth) = (vec![], 0);
    for payload in wasmparser::Parser::new(0).parse_all(bytes) {
        use wasmparser::Payload::*;
        match payload.unwrap() {
            ModuleSection { .. } | ComponentSection { .. } => depth += 1,
            End(_) => depth -= 1,
            ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|i| i.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    imports
}

/// How often this stands in the bytes.
fn count(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

#[test]
fn settings_are_baked_and_only_the_variables_stay_open() {
    let composed = whole(r#"{"version":1}"#).compose().unwrap();
    let mut open = imports(&composed.bytes);
    open.sort();
    // The environment is for the settings below, the client for the grants and for Weir's own.
    assert_eq!(open, [ENVIRONMENT, CLIENT]);
    assert!(
        wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all()).validate_all(&composed.bytes).is_ok()
    );
}

#[test]
fn without_settings_of_their_own_the_hosts_are_below() {
    let mut chain = whole("{}");
    chain.around.settings = None;
    let mut open = imports(&chain.compose().unwrap().bytes);
    open.sort();
    assert_eq!(open, [CLIENT, SETTINGS]);
}

#[test]
fn the_same_chain_gives_the_same_bytes_and_another_does_not() {
    let first = whole("{}").compose().unwrap();
    assert!((0..20).all(|_| whole("{}").compose().unwrap() == first));
    assert_ne!(whole("{ }").compose().unwrap().bytes, first.bytes, "another configuration");
    let mut other = whole("{}");
    other.tenant = None;
    assert_ne!(other.compose().unwrap().bytes, first.bytes, "another tenant");
    let mut other = whole("{}");
    let Access::Granted(grants) = &mut other.parts[1].access else { panic!() };
    grants.network = Some(vec![]);
    assert_ne!(other.compose().unwrap().bytes, first.bytes, "another grant");
}

#[test]
fn every_import_that_is_not_granted_is_named_with_what_to_do() {
    for (import, told) in [
        ("wasi:sockets/tcp@0.2.6", "network:"),
        ("wasi:config/store@0.2.0", "settings:"),
        ("wasi:keyvalue/store@0.2.0", "network:"),
        ("wasi:filesystem/preopens@0.3.0", "settings:"),
        ("wasi:http/outgoing-handler@0.2.6", "wasi:http/client@0.3.0"),
        ("weir:gateway/granted@0.1.1", "weir:gateway/settings@0.1.0"),
        ("weir:gateway/vault-inside@0.1.0", "weir:gateway/settings@0.1.0"),
        ("acme:anything/at-all", "no key of the configuration grants it"),
    ] {
        let refused = chain(vec![foreign(&[import], Some(&[])), ours("translator")]).compose().unwrap_err();
        let ComposeError::NotGranted { part, import: named, .. } = &refused else { panic!("{import}: {refused}") };
        assert_eq!((part.as_str(), named.as_str()), ("opa", import));
        assert!(refused.to_string().contains(told), "{refused}");
    }
}

#[test]
fn what_standard_libraries_import_is_no_reason_to_refuse() {
    let std = [
        "wasi:io/poll@0.2.6",
        "wasi:clocks/wall-clock@0.2.6",
        "wasi:clocks/system-clock@0.3.0",
        "wasi:random/random@0.3.0",
        "wasi:random/insecure-seed@0.2.6",
        "wasi:cli/exit@0.2.6",
        "wasi:cli/stderr@0.2.6",
        "wasi:cli/terminal-stdout@0.2.6",
        "wasi:http/types@0.3.0",
    ];
    let composed = chain(vec![foreign(&std, None), ours("translator")]).compose().unwrap();
    let open = imports(&composed.bytes);
    assert!(std.iter().all(|import| open.iter().any(|name| name == import)), "{open:?}");
}

#[test]
fn a_part_that_can_call_must_say_where_to() {
    let silent = chain(vec![foreign(&[CLIENT], None), ours("translator")]).compose().unwrap_err();
    assert!(matches!(&silent, ComposeError::NoNetwork { part } if part == "opa"));
    let told = silent.to_string();
    assert!(told.contains("network: [\"https://…\"]") && told.contains("network: []"), "{told}");
    chain(vec![foreign(&[CLIENT], Some(&[])), ours("translator")]).compose().unwrap();
    chain(vec![foreign(&[], None), ours("translator")]).compose().unwrap();
}

#[test]
fn a_part_that_looks_for_folders_finds_none() {
    let text = format!(
        r#"(component
            (import "{HANDLER}" (instance (export "do" (func (result u32)))))
            (import "wasi:filesystem/types@0.2.3" (instance $types (export "descriptor" (type (sub resource)))))
            (alias export $types "descriptor" (type $descriptor))
            (import "wasi:filesystem/preopens@0.2.3" (instance
                (export "descriptor" (type (eq $descriptor)))
                (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
            (core module $m (func (export "f") (result i32) i32.const 7))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $own (export "do" (func $f)))
            (export "{HANDLER}" (instance $own)))"#
    );
    let curious = Part::new("curious", wat::parse_str(text).unwrap()).with(Access::Granted(Grants::default()));
    let open = imports(&chain(vec![curious, ours("translator")]).compose().unwrap().bytes);
    assert!(open.contains(&"wasi:filesystem/types@0.2.3".to_owned()), "{open:?}");
    assert!(!open.iter().any(|name| name.contains("preopens")), "{open:?}");
}

#[test]
fn a_grant_is_wanted_only_where_something_is_to_be_granted() {
    let without = |parts| Chain { around: Around::default(), ..chain(parts) }.compose();
    without(vec![foreign(&[], None), ours("translator")]).unwrap();
    let missing = without(vec![foreign(&[SETTINGS], None), ours("translator")]).unwrap_err();
    assert_eq!(missing.to_string(), "`opa` is run over `grant.wasm`, which is not in the folder of components");
}

#[test]
fn an_import_of_a_form_of_its_own_is_named() {
    let text = format!(
        r#"(component
            (import "{HANDLER}" (instance (export "do" (func (result u32)))))
            (import "{SETTINGS}" (instance (export "all-the-secrets" (func (result string)))))
            (core module $m (func (export "f") (result i32) i32.const 7))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $own (export "do" (func $f)))
            (export "{HANDLER}" (instance $own)))"#
    );
    let greedy = Part::new("greedy", wat::parse_str(text).unwrap()).with(Access::Granted(Grants::default()));
    let refused = chain(vec![greedy, ours("translator")]).compose().unwrap_err();
    let ComposeError::Mismatch { part, import, .. } = &refused else { panic!("{refused}") };
    assert_eq!((part.as_str(), import.as_str()), ("greedy", SETTINGS));
}

#[test]
fn parts_of_weirs_own_have_an_order_and_others_have_none() {
    for order in [["router", "auth", "translator"], ["auth", "auth", "translator"], ["limiter", "router", "translator"]]
    {
        let refused = chain(order.map(ours).to_vec()).compose();
        assert!(matches!(refused, Err(ComposeError::Order { .. })), "{order:?}: {refused:?}");
    }
    let named_alike = Part { name: "auth".into(), ..foreign(&[], None) };
    chain(vec![ours("router"), named_alike, ours("translator")]).compose().unwrap();
}

#[test]
fn a_chain_without_limiter_or_router_composes() {
    for parts in [&["auth", "router", "translator"][..], &["auth", "limiter", "translator"], &["auth", "translator"]] {
        chain(parts.iter().map(|name| ours(name)).collect()).compose().unwrap();
    }
}

#[test]
fn a_large_configuration_is_in_the_file_once_for_each_kind_of_grant() {
    // Beyond what fits into an environment variable, with all that a text may hold.
    let config = format!("{{\"text\":\"{}\\\\ \u{0} ß \u{1f30a}\"}}", "weir ".repeat(60_000));
    let composed = whole(&config).compose().unwrap();
    assert!(config.len() > 256 * 1024);
    // Auth, router and limiter have the same; the translator may ask for a secret as well.
    assert_eq!(count(&composed.bytes, &config), 2);
    let distinct: usize = composed.description.parts.iter().map(|part| part.bytes).sum::<usize>()
        + composed.description.around.iter().map(|around| around.bytes).sum::<usize>();
    assert!(composed.bytes.len() * 100 <= distinct * 103, "{} of {distinct}", composed.bytes.len());
}

#[test]
fn a_file_says_what_it_is_made_of_and_no_value() {
    let composed = whole(r#"{"version":1,"canary":"not-in-the-description"}"#).compose().unwrap();
    let found = inspect(&composed.bytes).unwrap();
    assert_eq!(found, composed.description);
    assert_eq!(found.tenant.as_deref(), Some("research"));
    assert_eq!(found.variables, ["WEIR_SECRET_BACKEND_CLAUDE_KEY", "WEIR_SECRET_PART_OPA_TOKEN"]);
    let names: Vec<_> = found.parts.iter().map(|part| (part.name.as_str(), part.ours, part.bracketed)).collect();
    let ours = |name| (name, true, false);
    assert_eq!(names, [ours("auth"), ("opa", false, true), ours("router"), ours("limiter"), ours("translator")]);
    let opa = found.parts[1].grants.as_ref().unwrap();
    assert_eq!(opa.configuration.as_deref(), Some(sha256(br#"{"policy":"strict"}"#).as_str()));
    assert_eq!(opa.network.as_deref(), Some(&["https://opa.example.com".to_owned()][..]));
    assert_eq!(opa.environment, ["LOG"]);
    assert_eq!(opa.secrets["token"], "WEIR_SECRET_PART_OPA_TOKEN");
    let said = serde_json::to_string(&found).unwrap() + &found.to_string();
    for value in ["not-in-the-description", "strict", "debug"] {
        assert!(!said.contains(value), "{value}: {said}");
    }
}

#[test]
fn a_picture_shows_who_may_what() {
    let composed = whole("{}").compose().unwrap();
    let digest = |place: usize| &composed.description.parts[place].sha256[..12];
    let expected = format!(
        "client
  ▼
auth         Weir's own       1 KiB   sha256 {}…
               configuration  sha256 44136fa355b3…
  ▼
opa          foreign          1 KiB   sha256 {}…
               configuration  sha256 b8c6b4f4c6e2…
               secrets        token ($WEIR_SECRET_PART_OPA_TOKEN)
               network        https://opa.example.com
               environment    LOG
               wardens         what Weir's parts tell each other passes by it
",
        digest(0),
        digest(1)
    )
    .replace("b8c6b4f4c6e2", &sha256(br#"{"policy":"strict"}"#)[..12]);
    let picture = composed.description.to_string();
    assert!(picture.starts_with(&expected), "{picture}\n--- expected ---\n{expected}");
    assert!(picture.ends_with("  ▼\nbackends\n"), "{picture}");
}

#[test]
fn a_file_that_says_nothing_or_not_the_truth_is_refused() {
    assert!(matches!(inspect(b"no component"), Err(InspectError::NotAComponent(_))));
    assert!(matches!(inspect(&ours("auth").bytes), Err(InspectError::NoSection)));
    let composed = whole("{}").compose().unwrap();
    let place = composed.bytes.windows(SECTION.len()).rposition(|window| window == SECTION.as_bytes()).unwrap();
    let change = |from: &str, to: &str| {
        let text = String::from_utf8(composed.bytes[place..].to_vec()).unwrap();
        assert!(text.contains(from) && from.len() == to.len());
        [&composed.bytes[..place], text.replacen(from, to, 1).as_bytes()].concat()
    };
    let router = &composed.description.parts[2].sha256;
    let untrue = inspect(&change(router, &"0".repeat(64))).unwrap_err();
    assert!(matches!(&untrue, InspectError::Untrue { part, .. } if part == "router"), "{untrue}");
    let malformed = inspect(&change("\"version\"", "\"versiom\"")).unwrap_err();
    assert!(matches!(malformed, InspectError::Malformed(_)), "{malformed}");
    for cut in [place - 20, place + 3, composed.bytes.len() - 1] {
        assert!(inspect(&composed.bytes[..cut]).is_err(), "{cut}");
    }
}

/// The parts as they are built: `make components` comes first.
#[test]
fn the_built_parts_compose_within_three_percent_of_their_size() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components");
    let read = |name: &str| {
        let path = folder.join(format!("{name}.wasm"));
        std::fs::read(path).expect("build the components first: make components")
    };
    let parts = ["auth", "router", "limiter", "translator"].map(|name| {
        let grants = Grants { config: Some("{}".into()), ..Grants::default() };
        Part::new(name, read(name)).with(Access::Settings(grants))
    });
    let around = Around { settings: Some(read("settings-env")), ..Around::from_folder(&folder).unwrap() };
    let chain = Chain { tenant: None, parts: parts.to_vec(), around };
    let composed = chain.compose().unwrap();
    let distinct: usize = chain.parts.iter().map(|part| part.bytes.len()).sum::<usize>()
        + composed.description.around.iter().map(|around| around.bytes).sum::<usize>();
    assert!(composed.bytes.len() * 100 <= distinct * 103, "{} of {distinct}", composed.bytes.len());
    assert_eq!(chain.compose().unwrap(), composed);
    assert_eq!(inspect(&composed.bytes).unwrap(), composed.description);
}
