//! `spin.toml`, as Spin would run it: composed in Spin's order and served by `wasmtime serve`, with both tiers behind it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use weir_core::config::KeyHash;
use weir_tests::chat::{exchange, post, request, whole_answer};
use weir_tests::raw::RawClient;
use weir_tests::spin::{Inherits, SpinManifest, SpinServer, Trigger, compose, imports};
use weir_tests::upstream::Upstream;
use weir_tests::weir::{Built, KEY, OTHER_KEY, Setup, Weir};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn guest(name: &str) -> Vec<u8> {
    let path = root().join("target/guests").join(name).with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: make guests", path.display()))
}

/// Both tiers with the simulator; tier two is what Spin's tier one calls. One call too many is refused by the limiter.
fn both_tiers() -> Weir {
    let limits = json!([{"name": "calls", "per": "key", "requests": 3, "every": "hour"}]);
    Weir::start(&Built::at(env!("CARGO_BIN_EXE_weir")), &Setup { limits, ..Setup::default() })
}

/// What a deployment sets: the configuration of this Weir, and the key with which it signs.
fn given(weir: &Weir) -> [(&'static str, String); 2] {
    let config = weir.folder.path().join("weir.yaml");
    let mut check = Command::new(env!("CARGO_BIN_EXE_weir"));
    let compiled = check.args(["check", "--compile", "--config"]).arg(&config).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let key = std::fs::read_to_string(weir.folder.path().join("edge.key")).unwrap();
    [("weir_config", String::from_utf8(compiled.stdout).unwrap()), ("weir_secret_edge_key", key + "\n")]
}

fn serve(manifest: &SpinManifest, trigger: &Trigger, given: &[(&str, String)]) -> SpinServer {
    let composed = compose(manifest, trigger, &guest("spin_deny_adapter"));
    let given: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let variables = manifest.variables(&manifest.component(&trigger.component), &given);
    SpinServer::start(&composed, &guest("spin_variables"), &variables)
}

fn only_trigger(manifest: &SpinManifest) -> Trigger {
    let [trigger] = <[Trigger; 1]>::try_from(manifest.triggers()).unwrap();
    trigger
}

#[tokio::test]
async fn the_manifest_serves_plain_and_streamed_calls_through_both_tiers() {
    let weir = both_tiers();
    let manifest = SpinManifest::read(&root().join("spin.toml"));
    let spin = serve(&manifest, &only_trigger(&manifest), &given(&weir));

    let (head, answer) = exchange(spin.addr, &request(spin.addr, KEY, false)).await.unwrap();
    assert_eq!(head.status, 200, "{answer}\n{}", spin.said());
    assert!(answer["choices"][0]["message"]["content"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    assert!(answer["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{answer}");

    let mut client = RawClient::connect(spin.addr).await.unwrap();
    client.send(request(spin.addr, KEY, true)).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().status, 200);
    let body = client.read_chunks().await.unwrap();
    let text = String::from_utf8(body.bytes()).unwrap();
    assert!(body.cut.is_none() && text.trim_end().ends_with("data: [DONE]"), "{text}");
    assert!(text.matches("\"delta\"").count() > 2, "{text}");

    // The limiter asks the control plane, with the signing key out of a Spin variable.
    exchange(spin.addr, &request(spin.addr, KEY, false)).await.unwrap();
    let (head, answer) = exchange(spin.addr, &request(spin.addr, KEY, false)).await.unwrap();
    assert_eq!((head.status, &answer["error"]["code"]), (429, &json!("rate_limit_exceeded")), "{answer}");
    let (head, _) = exchange(spin.addr, &request(spin.addr, "weir-nobody-has-this-key", false)).await.unwrap();
    assert_eq!(head.status, 401);
}

#[tokio::test]
async fn a_part_that_inherits_nothing_reaches_nothing() {
    let weir = both_tiers();
    let authority = weir.host.to_string();
    let everything = "[environment std-environment weir_config weir_secret_edge_key network]";
    for (inherits, reached) in
        [("false", "[]"), (r#"["variables"]"#, "[weir_config weir_secret_edge_key]"), ("true", everything)]
    {
        let folder = tempfile::TempDir::new().unwrap();
        let manifest = with_a_foreign_part(folder.path(), inherits);
        let spin = serve(&manifest, &only_trigger(&manifest), &given(&weir));
        let body = json!({"model": "sim", "messages": [{"role": "user", "content": "x"}]}).to_string();
        let call = String::from_utf8(post(spin.addr, KEY, "/v1/chat/completions", &body)).unwrap();
        let call = call.replacen("\r\n", &format!("\r\nx-call: {authority}\r\n"), 1);
        let (head, answer) = exchange(spin.addr, call.as_bytes()).await.unwrap();
        assert_eq!(head.status, 200, "{answer}\n{}", spin.said());
        assert_eq!(head.header("x-reached"), Some(reached), "inherit_configuration = {inherits}");
    }
}

/// `spin.toml` in another folder, with a part between auth and router that tries to reach what it can.
fn with_a_foreign_part(folder: &Path, inherits: &str) -> SpinManifest {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let part = root().join("target/guests/tries_what_spin_has.wasm");
    let entry = format!("    {{ path = {:?}, inherit_configuration = {inherits} }},\n", part.display().to_string());
    let router = text.find("    { component = \"router\"").unwrap();
    let components = root().join("target/components").display().to_string();
    let text = format!("{}{entry}{}", &text[..router], &text[router..])
        .replace("\"target/components", &format!("\"{components}"));
    std::fs::write(folder.join("spin.toml"), text).unwrap();
    SpinManifest::read(&folder.join("spin.toml"))
}

/// Two tenants, a path each. The chain of `first` begins with a part that looks around, to which some things are
/// granted; in that of `other`, behind auth, one tries to be somebody else.
fn two_tenants(folder: &Path, upstream: &str) -> String {
    let part = |name: &str, grants: Value| {
        let file = root().join("target/guests").join(name).with_extension("wasm");
        let mut part = json!({"name": name.replace('_', "-"), "file": file, "sha256": weir_compose::sha256(&std::fs::read(&file).unwrap())});
        part.as_object_mut().unwrap().extend(grants.as_object().unwrap().clone());
        part
    };
    let granted = json!({
        "settings": {"rules": 7},
        "secrets": {"token": {"env": "SPIN_TEST_TOKEN"}},
        "network": [upstream],
        "environment": {"LOG": "debug"},
    });
    let first = json!([part("tells_what_it_can_reach", granted), "auth", "router", "limiter", "translator"]);
    let other = json!(["auth", part("forges_internal_headers", json!({})), "router", "limiter", "translator"]);
    let key = |key: &str| json!([{"name": "test", "sha256": String::from(KeyHash::of(key))}]);
    let config = json!({
        "tenants": [
            {"name": "first", "keys": key(KEY), "at": {"path": "/first"}, "chain": first},
            {"name": "other", "keys": key(OTHER_KEY), "at": {"path": "/deep/other"}, "chain": other},
        ],
        "models": [{"names": ["*"], "targets": [{"backend": "upstream"}]}],
        "backends": {"upstream": {"type": "openai", "url": format!("{upstream}/v1"), "network": "private", "key": {"env": "SPIN_TEST_KEY"}}},
        "edge": {"name": "two", "components": root().join("target/components")},
    });
    std::fs::write(folder.join("weir.yaml"), config.to_string()).unwrap();
    let mut compose = Command::new(env!("CARGO_BIN_EXE_weir"));
    compose
        .args(["compose", "--spin", "--config"])
        .arg(folder.join("weir.yaml"))
        .arg("-o")
        .arg(folder.join("spin.toml"));
    let done = compose.env("SPIN_TEST_TOKEN", TOKEN).env("SPIN_TEST_KEY", TOKEN).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The value of every secret.
const TOKEN: &str = "a-value-that-is-nowhere-but-in-a-variable";
const SECRETS: [&str; 2] =
    ["weir_secret_backend_upstream_key", "weir_secret_tenant_first_part_tells_what_it_can_reach_token"];

#[tokio::test]
async fn tenants_have_a_path_each_and_parts_of_others_what_was_granted() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let folder = tempfile::TempDir::new().unwrap();
    let told = two_tenants(folder.path(), &upstream.origin());
    let manifest = SpinManifest::read(&folder.path().join("spin.toml"));
    let given = SECRETS.map(|name| (name, TOKEN.to_owned()));
    assert!(SECRETS.iter().all(|name| told.contains(name)), "{told}");
    let [first, other] = <[Trigger; 2]>::try_from(manifest.triggers()).unwrap();
    assert_eq!((first.route.as_str(), other.route.as_str()), ("/first/...", "/deep/other/..."));

    let spin = serve(&manifest, &first, &given);
    let seen = looks_around(&spin, &upstream.origin()).await;
    for line in [
        "config Ok(\"{\\\"rules\\\":7}\")",
        "variable LOG=debug",
        &format!("secret token Ok(Some(\"{TOKEN}\"))"),
        "secret backend-upstream-key Ok(None)",
        "call Ok(200)",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line} is missing:\n{seen}");
    }
    assert_eq!(seen.lines().filter(|line| line.starts_with("variable ")).count(), 1, "{seen}");
    let elsewhere = looks_around(&spin, "http://127.0.0.1:9").await;
    assert!(elsewhere.contains("call Err(ErrorCode::HttpRequestDenied)"), "{elsewhere}");

    let spin = serve(&manifest, &other, &given);
    let chat = |key| {
        post(
            spin.addr,
            key,
            "/deep/other/v1/chat/completions",
            r#"{"model":"sim","messages":[{"role":"user","content":"x"}]}"#,
        )
    };
    let (head, answer) = exchange(spin.addr, &chat(OTHER_KEY)).await.unwrap();
    assert_eq!(head.status, 200, "{answer}\n{}", spin.said());
    assert_eq!(upstream.calls().last().unwrap().line(), ("POST", "/v1/chat/completions"));
    let (head, _) = exchange(spin.addr, &chat(KEY)).await.unwrap();
    assert_eq!(head.status, 401, "another tenant's key");
    let (head, _) = exchange(spin.addr, &request(spin.addr, OTHER_KEY, false)).await.unwrap();
    assert_eq!(head.status, 404, "a path without the tenant's own before it");
}

async fn looks_around(spin: &SpinServer, origin: &str) -> String {
    let ask = format!(
        "GET /first/x HTTP/1.1\r\nhost: {}\r\nx-ask: token,backend-upstream-key\r\nx-call: {origin}\r\n\r\n",
        spin.addr
    );
    let mut client = RawClient::connect(spin.addr).await.unwrap();
    client.send(ask).await.unwrap();
    let head = client.read_head().await.unwrap();
    String::from_utf8(client.read_body(&head).await.unwrap()).unwrap()
}

#[tokio::test]
async fn no_value_of_a_secret_is_in_what_is_written() {
    let folder = tempfile::TempDir::new().unwrap();
    let told = two_tenants(folder.path(), "http://127.0.0.1:9");
    assert!(!told.contains(TOKEN));
    let parts = std::fs::read_dir(folder.path().join("spin-parts")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = parts.chain([folder.path().join("spin.toml")]).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()), "{}", file.display());
    }
}

/// Made anew where no key was ever made, so that it is the same on every machine.
#[test]
fn the_manifest_at_the_top_is_the_one_for_the_quickstart() {
    let folder = tempfile::TempDir::new().unwrap();
    let quickstart = folder.path().join("examples/quickstart");
    std::fs::create_dir_all(&quickstart).unwrap();
    std::fs::copy(root().join("examples/quickstart/weir.yaml"), quickstart.join("weir.yaml")).unwrap();
    let mut compose = Command::new(env!("CARGO_BIN_EXE_weir"));
    compose.args(["compose", "--spin", "--config"]).arg(quickstart.join("weir.yaml"));
    compose.arg("--values").arg(folder.path().join("values.toml")).arg("-o").arg(folder.path().join("spin.toml"));
    let done = compose.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let [made, there] =
        [folder.path(), &root()].map(|folder| std::fs::read_to_string(folder.join("spin.toml")).unwrap());
    assert_eq!(made, there, "make it anew with `make spin.toml`");
}

#[test]
fn a_host_is_refused_with_the_way_round() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = json!({
        "tenants": [{"name": "research", "keys": [{"name": "test", "sha256": String::from(KeyHash::of(KEY))}], "at": {"host": "research.example.com"}}],
        "models": [{"names": ["*"], "targets": [{"backend": "upstream"}]}],
        "backends": {"upstream": {"type": "openai", "url": "http://127.0.0.1:9/v1"}},
        "edge": {"components": root().join("target/components")},
    });
    std::fs::write(folder.path().join("weir.yaml"), config.to_string()).unwrap();
    let compose = |more: &[&str]| {
        let mut compose = Command::new(env!("CARGO_BIN_EXE_weir"));
        compose.args(["compose", "--spin", "--config"]).arg(folder.path().join("weir.yaml"));
        compose.arg("-o").arg(folder.path().join("spin.toml")).args(more).output().unwrap()
    };
    let refused = compose(&[]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(78), "{told}");
    assert!(told.contains("research.example.com") && told.contains("--tenant research"), "{told}");
    assert!(compose(&["--tenant", "research"]).status.success());
    let manifest = SpinManifest::read(&folder.path().join("spin.toml"));
    assert_eq!(only_trigger(&manifest).route, "/...");
}

#[test]
fn each_part_inherits_what_it_needs_and_nothing_more() {
    let manifest = SpinManifest::read(&root().join("spin.toml"));
    let trigger = only_trigger(&manifest);
    assert_eq!(trigger.route, "/...");
    let some = |names: &[&str]| Inherits::Some(names.iter().map(|name| (*name).to_owned()).collect());
    let inherited: Vec<_> = trigger
        .middleware
        .iter()
        .map(|part| (part.source.file_stem().unwrap().to_str().unwrap(), part.inherits.clone()))
        .collect();
    let needs = [
        ("auth", some(&["variables"])),
        ("router", some(&["variables"])),
        ("limiter", some(&["allowed_outbound_hosts", "variables"])),
    ];
    assert_eq!(inherited, needs);
    let primary = manifest.component(&trigger.component);
    assert_eq!(primary.allowed_outbound_hosts, ["http://127.0.0.1:3100", "http://127.0.0.1:3200"]);
    assert_eq!(primary.variables.keys().collect::<Vec<_>>(), ["weir_config", "weir_secret_edge_key"]);
}

#[test]
fn parts_import_what_spin_has() {
    let manifest = SpinManifest::read(&root().join("spin.toml"));
    let trigger = only_trigger(&manifest);
    let sources = trigger.middleware.into_iter().map(|part| part.source);
    for source in sources.chain([manifest.component(&trigger.component).source]) {
        let bytes = std::fs::read(&source).unwrap();
        for import in imports(&bytes) {
            let (name, version) = import.split_once('@').unwrap();
            let wasi = name.starts_with("wasi:") && (version == "0.3.0" || version.starts_with("0.2."));
            assert!(wasi || import == "spin:variables/variables@3.0.0", "{}: {import}", source.display());
        }
    }
}
