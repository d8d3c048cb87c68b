//! The peers of tier two: routers in front of the same two model servers, as `scripts/peers.sh` installs them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use weir_tests::weir::free_ports;

/// A router that others made. Each runs with the policy that costs it least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// vLLM's router.
    VllmRouter,
    /// The Shepherd Model Gateway.
    Smg,
    /// SGLang's router.
    SglangRouter,
    /// Envoy with one worker, as a plain reverse proxy: what gateways on Envoy cost at least.
    Envoy,
}

impl Peer {
    pub(crate) const ALL: [Self; 4] = [Self::VllmRouter, Self::Smg, Self::SglangRouter, Self::Envoy];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::VllmRouter => "vllm-router",
            Self::Smg => "smg",
            Self::SglangRouter => "sglang-router",
            Self::Envoy => "envoy",
        }
    }

    fn program(self) -> PathBuf {
        let program = match self {
            Self::SglangRouter => "smg",
            other => other.name(),
        };
        // A router's launcher finds its own interpreter by the path that it is called by.
        let folder = std::path::absolute("target/tools/peers").unwrap_or_default();
        folder.join(self.name()).join("bin").join(program)
    }

    /// Which of them are installed; the others are named.
    pub(crate) fn installed() -> Vec<Self> {
        let (found, missing): (Vec<_>, Vec<_>) = Self::ALL.into_iter().partition(|peer| peer.program().exists());
        for peer in missing {
            eprintln!("not measured, since it is not installed: {} (scripts/peers.sh installs it)", peer.name());
        }
        found
    }

    /// Starts it in front of `servers`.
    pub(crate) fn start(self, servers: &[SocketAddr]) -> Router {
        let [address, metrics, ..] = free_ports();
        let folder = tempfile::tempdir().expect("a folder for its configuration can be made");
        let mut command = Command::new(self.program());
        match self {
            Self::Envoy => {
                let file = folder.path().join("envoy.yaml");
                std::fs::write(&file, envoy(address, servers)).expect("its configuration can be written");
                command.arg("-c").arg(file).args(["--concurrency", "1", "--use-dynamic-base-id", "-l", "error"]);
            }
            Self::VllmRouter => routed(&mut command, address, metrics, servers),
            Self::Smg => routed(command.arg("launch").args(["--backend", "vllm"]), address, metrics, servers),
            Self::SglangRouter => routed(command.arg("launch"), address, metrics, servers),
        }
        let process = command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Router { address, process: process.expect("the router starts"), _folder: folder }
    }
}

/// The command line that the three of one family have in common.
fn routed(command: &mut Command, address: SocketAddr, metrics: SocketAddr, servers: &[SocketAddr]) {
    command
        .args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()])
        .args(["--prometheus-port", &metrics.port().to_string(), "--log-level", "error", "--policy", "round_robin"])
        .args(["--max-concurrent-requests", "8192"])
        .arg("--worker-urls")
        .args(servers.iter().map(|server| format!("http://{server}")));
}

fn envoy(address: SocketAddr, servers: &[SocketAddr]) -> String {
    let socket =
        |at: &SocketAddr| format!("{{ socket_address: {{ address: {}, port_value: {} }} }}", at.ip(), at.port());
    let mut endpoints = String::new();
    for server in servers {
        let _ = write!(endpoints, "\n              - endpoint: {{ address: {} }}", socket(server));
    }
    format!(
        r#"static_resources:
  listeners:
    - address: {listen}
      filter_chains:
        - filters:
            - name: http
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: in
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes: [{{ match: {{ prefix: / }}, route: {{ cluster: models, timeout: 0s }} }}]
                http_filters:
                  - name: router
                    typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
    - name: models
      lb_policy: LEAST_REQUEST
      connect_timeout: 3s
      circuit_breakers: {{ thresholds: [{{ max_connections: 100000, max_pending_requests: 100000, max_requests: 100000 }}] }}
      load_assignment:
        cluster_name: models
        endpoints:
          - lb_endpoints:{endpoints}
"#,
        listen = socket(&address),
    )
}

/// A running peer.
pub(crate) struct Router {
    /// Where it takes requests.
    pub(crate) address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Router {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
