//! `weir compose`: the file, the lock beside it, and what is said of them. Nothing of a secret is in any of them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use weir_core::config::KeyHash;
use weir_tests::weir::Built;

const ENV_KEY: &str = "canary-in-the-environment-5d1f";
const FILE_KEY: &str = "canary-in-a-file-77c0";
const PART_ENV: &str = "canary-of-a-part-in-the-environment-90aa";
const PART_FILE: &str = "canary-of-a-part-in-a-file-31be";
const CLIENT: &str = "canary-of-a-client-that-is-long-enough-0c4e";
const SIGNING: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

fn built() -> Built {
    Built::at(env!("CARGO_BIN_EXE_weir"))
}

/// A folder with a configuration, and what it refers to. Weir's own limiter plays a part of somebody else's.
struct Folder {
    folder: TempDir,
    config: Value,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let components = built().components;
        let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
        let part = std::fs::read(components.join("limiter.wasm")).unwrap();
        write("counter.wasm", &part);
        write("claude.key", FILE_KEY.as_bytes());
        write("part.key", PART_FILE.as_bytes());
        write("client.key", CLIENT.as_bytes());
        write("edge.key", SIGNING.as_bytes());
        let counter = json!({
            "name": "counter",
            "file": "counter.wasm",
            "sha256": weir_compose::sha256(&part),
            "settings": { "mode": "strict" },
            "secrets": { "token": { "env": "PART_TOKEN" }, "pin": { "file": "part.key" } },
            "network": ["https://counter.example.com"],
            "environment": { "LOG": "debug" },
        });
        let config = json!({
            "tenants": [
                { "name": "research", "keys": [{ "name": "ada", "key": { "file": "client.key" } }],
                  "chain": ["auth", "router", "limiter", "translator"] },
                { "name": "sales", "keys": [{ "name": "ci", "sha256": String::from(KeyHash::of("of-sales")) }] },
            ],
            "models": [
                { "name": "gpt", "targets": [{ "backend": "openai" }] },
                { "name": "claude", "tenants": ["sales"], "targets": [{ "backend": "claude" }] },
            ],
            "backends": {
                "openai": { "type": "openai", "url": "https://api.openai.com", "key": { "env": "OPENAI_API_KEY" } },
                "claude": { "type": "anthropic", "url": "https://api.anthropic.com", "key": { "file": "claude.key" } },
            },
            "edge": { "components": components, "key": { "file": "edge.key" }, "chain": ["auth", counter, "router", "limiter", "translator"] },
            "control": { "urls": ["https://weir.example.com"], "audience": "two" },
        });
        Self { folder, config }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The part that is not Weir's own.
    fn part(&mut self) -> &mut Value {
        &mut self.config["edge"]["chain"][1]
    }

    fn pin(&mut self, component: &Path) {
        let bytes = std::fs::read(component).unwrap();
        self.part()["file"] = json!(component);
        self.part()["sha256"] = json!(weir_compose::sha256(&bytes));
    }

    fn compose(&self, args: &[&str]) -> Output {
        // JSON is YAML.
        std::fs::write(self.path("weir.yaml"), self.config.to_string()).unwrap();
        let mut command = Command::new(built().weir);
        command.arg("compose").args(args).current_dir(self.folder.path());
        command.envs([("OPENAI_API_KEY", ENV_KEY), ("PART_TOKEN", PART_ENV)]);
        command.envs([("WEIR_SECRET_BACKEND_OPENAI_KEY", ENV_KEY), ("WEIR_SECRET_PART_COUNTER_TOKEN", PART_ENV)]);
        command.output().unwrap()
    }

    fn composed(&self, args: &[&str]) -> String {
        let output = self.compose(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, args: &[&str]) -> String {
        let output = self.compose(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{said}");
        said
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_secret_is_in_the_file_or_in_anything_that_is_said_of_it() {
    let folder = Folder::new();
    let output = folder.compose(&["-o", "chain.wasm"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let inspected = folder.composed(&["--inspect", "chain.wasm"]);
    let chain = folder.read("chain.wasm");
    for (what, bytes) in [
        ("the file", &chain),
        ("the lock", &folder.read("weir.lock")),
        ("stdout", &output.stdout),
        ("stderr", &output.stderr),
        ("what --inspect prints", &inspected.into_bytes()),
    ] {
        for secret in [ENV_KEY, FILE_KEY, PART_ENV, PART_FILE, CLIENT, SIGNING, "canary"] {
            assert!(!holds(bytes, secret), "{what} holds {secret}");
            assert!(!holds(bytes, &hex::encode(secret)), "{what} holds {secret} in hexadecimal");
        }
    }
    assert!(holds(&chain, &String::from(KeyHash::of(CLIENT))), "a client's key is known by its hash");
    assert!(holds(&chain, r#"{"mode":"strict"}"#), "the part's settings are baked");
}

#[test]
fn the_variables_that_must_be_set_are_named_with_where_each_value_is() {
    let folder = Folder::new();
    let said = folder.composed(&["-o", "chain.wasm"]);
    for line in [
        r#"WEIR_SECRET_BACKEND_OPENAI_KEY="$OPENAI_API_KEY""#,
        r#"WEIR_SECRET_PART_COUNTER_TOKEN="$PART_TOKEN""#,
        "WEIR_SECRET_PART_COUNTER_PIN=\"$(cat ",
        "WEIR_SECRET_BACKEND_CLAUDE_KEY=\"$(cat ",
        "WEIR_SECRET_EDGE_KEY=\"$(cat ",
        "wasmtime serve -S cli -S inherit-env=y chain.wasm",
        "https://counter.example.com",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(said.matches("=\"$").count(), 5, "{said}");
}

#[test]
fn composing_twice_gives_the_same_file_and_the_same_lock() {
    let folder = Folder::new();
    folder.composed(&["-o", "chain.wasm"]);
    let (chain, lock) = (folder.read("chain.wasm"), folder.read("weir.lock"));
    folder.composed(&["--locked", "-o", "chain.wasm"]);
    std::fs::remove_file(folder.path("weir.lock")).unwrap();
    folder.composed(&["-o", "chain.wasm"]);
    assert_eq!((folder.read("chain.wasm"), folder.read("weir.lock")), (chain.clone(), lock));
    let lock: Value = serde_json::from_slice(&folder.read("weir.lock")).unwrap();
    assert_eq!(lock["outputs"]["chain.wasm"]["sha256"], weir_compose::sha256(&chain));
    // Another output is another entry, and the first stays.
    folder.composed(&["--tenant", "research", "-o", "research.wasm"]);
    let both: Value = serde_json::from_slice(&folder.read("weir.lock")).unwrap();
    assert_eq!(both["outputs"]["chain.wasm"], lock["outputs"]["chain.wasm"]);
    assert_eq!(both["outputs"]["research.wasm"]["chain"]["tenant"], "research");
}

#[test]
fn locked_refuses_a_difference_and_names_it() {
    let mut folder = Folder::new();
    assert!(folder.refused(&["--locked", "-o", "chain.wasm"]).contains("compose it once without `--locked`"));
    folder.composed(&["-o", "chain.wasm"]);
    let before = (folder.read("chain.wasm"), folder.read("weir.lock"));
    folder.part()["network"] = json!(["https://counter.example.com", "https://evil.example.com"]);
    folder.part()["secrets"]["more"] = json!({ "env": "MORE" });
    let said = folder.refused(&["--locked", "-o", "chain.wasm"]);
    for difference in [
        "chain.parts.counter.grants.network: ",
        "https://evil.example.com",
        "chain.parts.counter.grants.secrets.more: nothing is locked, WEIR_SECRET_PART_COUNTER_MORE was found",
    ] {
        assert!(said.contains(difference), "{difference}: {said}");
    }
    assert!(!said.contains("parts.router.sha256"), "what is the same is not named: {said}");
    assert_eq!((folder.read("chain.wasm"), folder.read("weir.lock")), before, "nothing was written");
}

#[test]
fn a_tenants_file_holds_nothing_of_the_others() {
    let folder = Folder::new();
    folder.composed(&["--tenant", "research", "-o", "research.wasm"]);
    let file = folder.read("research.wasm");
    for other in ["sales", "api.anthropic.com", "backend-claude-key", &String::from(KeyHash::of("of-sales"))] {
        assert!(!holds(&file, other), "{other}");
    }
    assert!(holds(&file, r#""tenants":[{"name":"research""#) && holds(&file, "api.openai.com"));
    let said = folder.composed(&["--inspect", "research.wasm"]);
    assert!(said.starts_with("for the tenant `research`, and no other\n"), "{said}");
    assert!(!said.contains("counter"), "it has a chain of its own: {said}");
    let said = folder.refused(&["--tenant", "marketing", "-o", "marketing.wasm"]);
    assert!(said.contains("no tenant `marketing`") && said.contains("`research`, `sales`"), "{said}");
}

#[test]
fn a_part_that_does_not_fit_is_refused_by_name() {
    let components = built().components;
    let mut folder = Folder::new();
    folder.part()["network"].take();
    folder.part().as_object_mut().unwrap().remove("network");
    let said = folder.refused(&["-o", "chain.wasm"]);
    assert!(said.contains("`counter` imports `wasi:http/client@0.3.0`") && said.contains("network: []"), "{said}");
    for (component, told) in [
        ("settings-env.wasm", "`counter` exports no HTTP handler"),
        ("gateway-p2.wasm", "`counter` speaks `wasi:http/incoming-handler@0.2"),
        ("translator.wasm", "`counter` calls no further handler"),
    ] {
        folder.part()["network"] = json!([]);
        folder.pin(&components.join(component));
        let said = folder.refused(&["-o", "chain.wasm"]);
        assert!(said.contains(told), "{component}: {said}");
    }
    folder.part()["sha256"] = json!("00".repeat(32));
    let said = folder.refused(&["-o", "chain.wasm"]);
    assert!(said.contains("is not what is pinned"), "{said}");
    assert!(!folder.path("chain.wasm").exists() && !folder.path("weir.lock").exists());
}

#[test]
fn what_compose_did_not_make_cannot_be_inspected() {
    let folder = Folder::new();
    for (file, told) in
        [("counter.wasm", "there is no section `weir:chain`"), ("weir.yaml", "not a WebAssembly component")]
    {
        let output = folder.compose(&["--inspect", file]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(told), "{said}");
    }
    assert_eq!(folder.compose(&[]).status.code(), Some(64));
    assert_eq!(folder.compose(&["-o", "a.wasm", "--inspect", "b.wasm"]).status.code(), Some(64));
}
