//! A real Weir, the binary that was built, with a configuration of the test's own.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use weir_core::Secret;
use weir_core::config::KeyHash;
use weir_core::signing::SigningKey;

/// The key of the tenant `first`.
pub const KEY: &str = "weir-test-key-of-the-first-tenant-000001";
/// The key of the tenant `other`, whose models begin with `other-`.
pub const OTHER_KEY: &str = "weir-test-key-of-the-other-tenant-000002";
/// The key of the console.
pub const ADMIN_KEY: &str = "weir-test-key-of-the-administrator-0003";

/// The key with which the edge signs, in hexadecimal.
const EDGE_KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// How long a start may take: it may have a chain to compile, beside others that have.
const READY: Duration = Duration::from_secs(180);

/// What a test wants of a Weir. The rest is filled in: ports, keys, folders.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The command: `up`, `edge` or `host`.
    pub command: &'static str,
    /// The member `models`.
    pub models: Value,
    /// Backends beside `cluster`, which is tier two.
    pub backends: Value,
    /// The member `host.models`.
    pub host_models: Value,
    /// The member `limits`.
    pub limits: Value,
    /// Members of `edge` beside those that every test needs.
    pub edge: Value,
    /// Members of `host` beside those that every test needs.
    pub host: Value,
    /// Whether there is a control plane.
    pub control: bool,
    /// Further arguments.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            command: "up",
            models: json!([{"name": "sim", "targets": [{"backend": "cluster"}]}]),
            backends: json!({}),
            host_models: json!([{"name": "sim"}]),
            limits: json!([]),
            edge: json!({}),
            host: json!({}),
            control: true,
            args: Vec::new(),
            env: Vec::new(),
        }
    }
}

impl Setup {
    /// Tier one straight in front of an OpenAI-compatible server, which has every model.
    #[must_use]
    pub fn in_front_of(origin: &str) -> Self {
        Self {
            models: json!([{"names": ["*"], "targets": [{"backend": "upstream"}]}]),
            backends: json!({"upstream": {"type": "openai", "url": format!("{origin}/v1"), "network": "private"}}),
            ..Self::default()
        }
    }

    /// Both tiers in front of an OpenAI-compatible server that has the model `sim`.
    #[must_use]
    pub fn both_tiers(origin: &str) -> Self {
        Self {
            host_models: json!([{"name": "sim", "endpoints": [{"url": format!("{origin}/v1")}]}]),
            ..Self::default()
        }
    }
}

/// Where the binary and the components are.
#[derive(Clone, Debug)]
pub struct Built {
    /// `weir`.
    pub weir: PathBuf,
    /// The folder of the components.
    pub components: PathBuf,
}

impl Built {
    /// From the path of the binary; the components are in the workspace's `target/components`.
    ///
    /// # Panics
    /// When the components were not built.
    #[must_use]
    pub fn at(weir: &str) -> Self {
        let components = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components");
        assert!(components.join("translator.wasm").exists(), "build the components first: make components");
        Self { weir: weir.into(), components }
    }
}

/// A running Weir. It is stopped when this is dropped.
pub struct Weir {
    /// Tier one.
    pub edge: SocketAddr,
    /// Tier two.
    pub host: SocketAddr,
    /// The control plane.
    pub control: SocketAddr,
    /// The folder with the configuration `weir.yaml`.
    pub folder: TempDir,
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Weir {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready in time; the message has all that it said.
    #[must_use]
    pub fn start(built: &Built, setup: &Setup) -> Self {
        compile_first(built);
        let folder = TempDir::new().expect("a folder for temporary files");
        Self::launch(built, setup, folder, free_ports())
    }

    /// Starts one in this folder, at these addresses: two processes with the same ones are the two tiers of one Weir.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_in(built: &Built, setup: &Setup, folder: TempDir, ports: [SocketAddr; 3]) -> Self {
        compile_first(built);
        Self::launch(built, setup, folder, ports)
    }

    fn launch(built: &Built, setup: &Setup, folder: TempDir, ports: [SocketAddr; 3]) -> Self {
        let [edge, host, control] = ports;
        std::fs::write(folder.path().join("edge.key"), EDGE_KEY).expect("the key is written");
        let config = configuration(built, setup, folder.path(), ports);
        std::fs::write(folder.path().join("weir.yaml"), config.to_string()).expect("the configuration is written");
        let mut child = Command::new(&built.weir)
            .args([setup.command, "--config"])
            .arg(folder.path().join("weir.yaml"))
            .args(&setup.args)
            .envs(setup.env.iter().map(|(k, v)| (k, v)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("weir starts");
        let output = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().expect("piped"), &output);
        listen(child.stderr.take().expect("piped"), &output);
        let mut weir = Self { edge, host, control, folder, child, output };
        weir.wait_until_ready();
        weir
    }

    fn wait_until_ready(&mut self) {
        let end = Instant::now() + READY;
        while Instant::now() < end {
            if self.output().contains("ready") {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("the process can be asked") {
                std::thread::sleep(Duration::from_millis(100));
                panic!("weir ended with {status}:\n{}", self.output());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("weir is not ready within {READY:?}:\n{}", self.output());
    }

    /// All that it printed so far.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lock().expect("nobody panics with it").clone()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as an operator does, and goes on at once.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal, by its name without `SIG`.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|s| s.success()), "SIG{name} cannot be sent");
    }

    /// Waits for its end and gives its exit code.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self, within: Duration) -> Option<i32> {
        let end = Instant::now() + within;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("the process can be asked") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("weir does not end within {within:?}:\n{}", self.output());
    }
}

impl Drop for Weir {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first start compiles the chain: no test is to be measured meanwhile.
fn compile_first(built: &Built) {
    static COMPILED: OnceLock<()> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let folder = TempDir::new().expect("a folder for temporary files");
        drop(Weir::launch(built, &Setup::default(), folder, free_ports()));
    });
}

/// Addresses on loopback where nobody listens, and that no other test of this process was given.
///
/// # Panics
/// When there are none.
#[must_use]
pub fn free_ports() -> [SocketAddr; 3] {
    static GIVEN: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().expect("nobody panics with it");
    let mut next = || {
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            if given.insert(address) {
                return address;
            }
        }
    };
    [(); 3].map(|()| next())
}

fn configuration(built: &Built, setup: &Setup, folder: &Path, [edge, host, control]: [SocketAddr; 3]) -> Value {
    let key = |key: &str| String::from(KeyHash::of(key));
    let mut config = json!({
        "tenants": [
            {"name": "first", "models": ["*"], "keys": [{"name": "test", "sha256": key(KEY)}]},
            {"name": "other", "models": ["other-*"], "keys": [{"name": "test", "sha256": key(OTHER_KEY)}]},
        ],
        "models": setup.models,
        "backends": {"cluster": {"type": "weir", "url": format!("http://{host}"), "network": "private", "audience": "test-host"}},
        "limits": setup.limits,
        "edge": {
            "name": "test-edge",
            "listen": edge,
            "components": built.components,
            "cache": built.components.join("../edge-cache"),
            "key": {"file": folder.join("edge.key")},
        },
    });
    merge(&mut config["backends"], &setup.backends);
    if let Some(chain) = chain_of_this_run() {
        config["edge"]["chain"] = chain;
    }
    merge(&mut config["edge"], &setup.edge);
    if setup.control {
        config["control"] = json!({"urls": [format!("http://{control}")], "audience": "test-host"});
    }
    if setup.command != "edge" {
        config["host"] = json!({
            "name": "test-host",
            "listen": host,
            "control": control,
            "admin_key": {"sha256": key(ADMIN_KEY)},
            "edges": [{"name": "test-edge", "public_key": {"hex": public_key()}}],
            "models": setup.host_models,
        });
        merge(&mut config["host"], &setup.host);
    }
    config
}

/// The chain that the tests of this run are for, as `WEIR_TEST_CHAIN` says it: `gateway` runs them with the fused
/// component. Without it, the chain of four.
fn chain_of_this_run() -> Option<Value> {
    let chain = std::env::var("WEIR_TEST_CHAIN").ok()?;
    Some(chain.split(',').map(str::trim).collect())
}

fn public_key() -> String {
    edge_key().public_hex()
}

/// The key with which the edge signs.
///
/// # Panics
/// Never.
#[must_use]
pub fn edge_key() -> SigningKey {
    SigningKey::from_hex(&Secret::new(EDGE_KEY.to_owned())).expect("64 hexadecimal digits")
}

fn merge(into: &mut Value, more: &Value) {
    for (key, value) in more.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

/// Collects what a process says, in a thread of its own.
fn listen(from: impl std::io::Read + Send + 'static, output: &Arc<Mutex<String>>) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = String::new();
        while lines.by_ref().read_line(&mut line).is_ok_and(|n| n > 0) {
            output.lock().expect("nobody panics with it").push_str(&line);
            line.clear();
        }
    });
}
